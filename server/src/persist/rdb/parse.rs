//! One item of a snapshot out of a slice of its bytes.
//!
//! Owns: the grammar.   Uses: format, fault.   Never: keeps state, allocates, copies bytes.
//!
//! The slice may end anywhere. Then the answer is how many bytes, counted from the item's first, are
//! needed at least; whoever feeds comes back with those. Since the number never asks for too much, an
//! item that is tried again with exactly so many bytes is either complete or asks for more.

use std::ops::Range;

use super::fault::{LoadError, LoadFault, foreign_part, show};
use super::flaw::Flaw;
use super::format::{self, Access, Version, opcode};
use super::shape::Shape;

/// Why there is no item.
#[derive(Debug)]
pub(super) enum Stop {
    /// It needs so many bytes from its first on, at least.
    Need(usize),
    /// It is wrong.
    Fault(LoadError),
    /// A value is wrong inside.
    Flaw(Flaw),
}

impl From<LoadError> for Stop {
    fn from(error: LoadError) -> Stop {
        Stop::Fault(error)
    }
}

impl From<Flaw> for Stop {
    fn from(flaw: Flaw) -> Stop {
        Stop::Flaw(flaw)
    }
}

/// A string as the file holds it; ranges are of the slice.
#[derive(Debug)]
pub(super) enum Encoded {
    /// As it is.
    Plain(Range<usize>),
    /// As an integer.
    Int(i64),
    /// Compressed; the plain length is what the file claims.
    Packed { packed: Range<usize>, len: u64, offset: u64 },
}

/// One item.
#[derive(Debug)]
pub(super) enum Item {
    Aux {
        name: Encoded,
        fact: Encoded,
    },
    Select(u64),
    Resize {
        keys: u64,
        volatile: u64,
    },
    SlotInfo,
    Deadline(i64),
    Access(Access),
    Text {
        key: Encoded,
        value: Encoded,
    },
    /// A key whose long plain value begins right after this item.
    LongText {
        key: Encoded,
        len: u64,
    },
    /// A key whose value has elements, which begin right after this item.
    Collection {
        key: Encoded,
        shape: Shape,
    },
    End,
}

/// Reads one item from a slice.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    /// The next byte.
    at: usize,
    /// Where the item begins.
    start: usize,
    /// Which byte of the file the slice begins with.
    base: u64,
    /// Bytes of the file from the slice's first on, behind the slice included.
    left: u64,
}

/// A plain value from this length on is gathered in a buffer of its own, when it is not all there.
pub(super) const LONG: u64 = 64 << 10;

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8], base: u64, left: u64) -> Cursor<'a> {
        Cursor { bytes, at: 0, start: 0, base, left }
    }

    /// Bytes read so far, whole items only.
    pub(super) fn consumed(&self) -> usize {
        self.start
    }

    pub(super) fn bytes(&self, range: &Range<usize>) -> &'a [u8] {
        &self.bytes[range.clone()]
    }

    /// Where the item that comes next, or was refused, begins in the file.
    pub(super) fn offset(&self) -> u64 {
        self.base + self.start as u64
    }

    /// The next item. On [`Stop`] the cursor stays before it.
    pub(super) fn item(&mut self, version: Version) -> Result<Item, Stop> {
        self.at = self.start;
        let item = self.parse(version)?;
        self.start = self.at;
        Ok(item)
    }

    /// What was read since the last item belongs to it: it is not read again.
    pub(super) fn keep(&mut self) {
        self.start = self.at;
    }

    /// Goes back to the first byte that is not kept.
    pub(super) fn again(&mut self) {
        self.at = self.start;
    }

    fn parse(&mut self, version: Version) -> Result<Item, Stop> {
        let [mark] = self.array("the place of a key or of the end mark")?;
        Ok(match mark {
            format::TYPE_STRING => return self.text(),
            opcode::AUX => Item::Aux { name: self.string()?, fact: self.string()? },
            opcode::SELECTDB => Item::Select(self.len()?),
            opcode::RESIZEDB => Item::Resize { keys: self.len()?, volatile: self.len()? },
            opcode::SLOT_INFO => {
                for _ in ["slot", "keys", "volatile"] {
                    self.len()?;
                }
                Item::SlotInfo
            }
            opcode::EXPIRETIME_MS => Item::Deadline(i64::from_le_bytes(self.array("a deadline")?)),
            opcode::EXPIRETIME => {
                let seconds = i32::from_le_bytes(self.array("a deadline")?);
                Item::Deadline(i64::from(seconds) * 1000)
            }
            opcode::IDLE => Item::Access(Access::Idle(self.len()?)),
            opcode::FREQ => {
                let [count] = self.array("a frequency")?;
                Item::Access(Access::Frequency(count))
            }
            opcode::EOF => Item::End,
            other => match Shape::of(version.family, other) {
                Some(shape) => Item::Collection { key: self.string()?, shape },
                None => return Err(self.foreign(version, other)),
            },
        })
    }

    fn text(&mut self) -> Result<Item, Stop> {
        let key = self.string()?;
        let before = self.at;
        let [first] = self.array("a value")?;
        self.at = before;
        if first & format::SPECIAL != format::SPECIAL {
            let len = self.len()?;
            if len >= LONG && len > (self.bytes.len() - self.at) as u64 {
                self.check_left(len, "a value")?;
                return Ok(Item::LongText { key, len });
            }
            self.at = before;
        }
        Ok(Item::Text { key, value: self.string()? })
    }

    /// What to say about a first byte that this server cannot go on with.
    fn foreign(&mut self, version: Version, mark: u8) -> Stop {
        let offset = self.offset();
        if let Some(name) = foreign_part(version.family, mark) {
            return Stop::Fault(LoadFault::UnsupportedPart(name).at(offset));
        }
        let Some(name) = format::type_name(version.family, mark) else {
            return Stop::Fault(LoadFault::UnknownMark(mark).at(offset));
        };
        let key = match self.string() {
            Ok(Encoded::Plain(range)) => show(self.bytes(&range)),
            Ok(Encoded::Int(number)) => number.to_string(),
            Ok(Encoded::Packed { packed, len, .. }) => {
                let mut key = Vec::new();
                // The error is the type's; a key that cannot be shown does not change it.
                let _ = super::lzf::decompress(
                    self.bytes(&packed),
                    usize::try_from(len).unwrap_or(usize::MAX),
                    &mut key,
                );
                show(&key)
            }
            Err(stop) => return stop,
        };
        Stop::Fault(LoadFault::UnsupportedType { name, number: mark, key }.at(offset))
    }

    /// A string alone.
    pub(super) fn string(&mut self) -> Result<Encoded, Stop> {
        let offset = self.base + self.at as u64;
        let before = self.at;
        let [first] = self.array("a string")?;
        Ok(match first {
            format::INT8 => Encoded::Int(i8::from_le_bytes(self.array("an integer")?).into()),
            format::INT16 => Encoded::Int(i16::from_le_bytes(self.array("an integer")?).into()),
            format::INT32 => Encoded::Int(i32::from_le_bytes(self.array("an integer")?).into()),
            format::LZF => {
                let packed = self.len()?;
                let len = self.len()?;
                Encoded::Packed { packed: self.take(packed, "a compressed string")?, len, offset }
            }
            _ => {
                self.at = before;
                let len = self.len()?;
                Encoded::Plain(self.take(len, "a string")?)
            }
        })
    }

    /// A length.
    pub(super) fn len(&mut self) -> Result<u64, Stop> {
        const INSIDE: &str = "a length";
        let offset = self.base + self.at as u64;
        let [first] = self.array(INSIDE)?;
        match first {
            0..=0x3f => Ok(first.into()),
            0x40..=0x7f => {
                let [low] = self.array(INSIDE)?;
                Ok(u64::from(first & 0x3f) << 8 | u64::from(low))
            }
            format::LEN32 => Ok(u32::from_be_bytes(self.array(INSIDE)?).into()),
            format::LEN64 => Ok(u64::from_be_bytes(self.array(INSIDE)?)),
            _ => Err(Stop::Fault(LoadFault::BadLength(first).at(offset))),
        }
    }

    /// So many bytes.
    pub(super) fn array<const N: usize>(&mut self, inside: &'static str) -> Result<[u8; N], Stop> {
        if let Some(array) = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<N>()) {
            self.at += N;
            return Ok(*array);
        }
        Err(self.short_of(N as u64, inside))
    }

    /// So many bytes, where they lie.
    pub(super) fn plain(&mut self, len: u64, inside: &'static str) -> Result<&'a [u8], Stop> {
        let range = self.take(len, inside)?;
        Ok(&self.bytes[range])
    }

    fn take(&mut self, len: u64, inside: &'static str) -> Result<Range<usize>, Stop> {
        let have = (self.bytes.len() - self.at) as u64;
        if len > have {
            return Err(self.short_of(len, inside));
        }
        let range = self.at..self.at + len as usize;
        self.at = range.end;
        Ok(range)
    }

    #[cold]
    fn short_of(&self, len: u64, inside: &'static str) -> Stop {
        match self.check_left(len, inside) {
            // Fits a usize: it is not more than what is left of a file whose length is known, and
            // where it is not known no machine feeds so many bytes.
            Ok(()) => Stop::Need(
                usize::try_from((self.at - self.start) as u64 + len).unwrap_or(usize::MAX),
            ),
            Err(stop) => stop,
        }
    }

    /// Refuses a length that the rest of the file cannot hold.
    fn check_left(&self, len: u64, inside: &'static str) -> Result<(), Stop> {
        let left = self.left - self.at as u64;
        match len.checked_sub(left) {
            None | Some(0) => Ok(()),
            Some(missing) => {
                let offset = self.base + self.at as u64;
                Err(Stop::Fault(LoadFault::Truncated { inside, missing }.at(offset)))
            }
        }
    }
}

//! HyperLogLog: about how many different elements were seen, in at most 12 KiB whatever their number.
//!
//! Owns: the string that keeps it.   Uses: dense, sparse, estimate, `base::murmur`.   Never: keys, entries, replies.
//!
//! The hash of an element chooses one of 16,384 registers, and how many zeros its other bits end with gives a value;
//! each register keeps the highest value it saw. The estimate is off by 0.81 % (standard error).
//!
//! ```text
//!   0       4      5         8                  16
//!   | HYLL | form | nothing | count of before | registers: dense or sparse
//! ```
//!
//! The string is Redis's, byte for byte, so it can be read with GET, kept, and SET again here or there; so it may also
//! come from anybody and say anything. The count of before, eight bytes from the lowest, spares the next reader the
//! work; a negative one says that elements came since.
//!
//! Invariants
//!  1. A [`HyperLogLogRef`] or [`HyperLogLog`] has the header, and a dense one the length of all registers.
//!  2. What the runs of a sparse one say is not known before they are read.

mod dense;
mod estimate;
mod sparse;
#[cfg(test)]
mod tests;

use crate::base::murmur::murmur64a;
use bytes::BytesMut;
use estimate::Histogram;
use sparse::{Cursor, Raised};
use std::fmt::Write;

/// How many registers there are: of the 64 bits of a hash, 14 choose one.
pub const REGISTERS: usize = 1 << REGISTER_BITS;
const REGISTER_BITS: usize = 14;
/// The bits of a hash that make a value.
const HASH_BITS: usize = 64 - REGISTER_BITS;
const SEED: u64 = 0xadc8_3b19;

const MAGIC: &[u8; 4] = b"HYLL";
const HEADER: usize = 16;
const FORM: usize = 4;
const COUNT: usize = 8;
/// The count of before, as long as nobody has counted.
const STALE: i64 = i64::MIN;
/// Bytes of a dense one.
const DENSE: usize = HEADER + dense::LEN;

/// The runs of a sparse HyperLogLog do not cover its registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt;

/// How registers are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Each by itself.
    Dense = 0,
    /// As runs.
    Sparse = 1,
}

impl Form {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Form::Dense => "dense",
            Form::Sparse => "sparse",
        }
    }

    /// The form of a string, if it is a HyperLogLog.
    fn of(bytes: &[u8]) -> Option<Form> {
        if bytes.len() < HEADER || !bytes.starts_with(MAGIC) {
            return None;
        }
        match bytes[FORM] {
            0 if bytes.len() == DENSE => Some(Form::Dense),
            1 => Some(Form::Sparse),
            _ => None,
        }
    }
}

/// Where an element goes: its register, and the value for it.
fn place(element: &[u8]) -> (usize, u8) {
    let hash = murmur64a(element, SEED);
    // The bit that ends every row of zeros.
    let zeros = (hash >> REGISTER_BITS | 1 << HASH_BITS).trailing_zeros();
    (hash as usize % REGISTERS, zeros as u8 + 1)
}

/// The plain registers of one or several HyperLogLogs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registers(Box<[u8; REGISTERS]>);

impl Default for Registers {
    fn default() -> Registers {
        let zeros = vec![0; REGISTERS].into_boxed_slice();
        Registers(zeros.try_into().expect("it was made with this length"))
    }
}

impl Registers {
    /// The value of each.
    pub fn values(&self) -> &[u8; REGISTERS] {
        &self.0
    }

    /// About how many different elements they saw. O(registers).
    pub fn count(&self) -> i64 {
        let mut counts = [[0u32; 64]; 4];
        for four in self.0.as_chunks::<4>().0 {
            for (counts, value) in counts.iter_mut().zip(four) {
                counts[usize::from(value & 63)] += 1;
            }
        }
        let sum = |value| counts.iter().map(|counts: &[u32; 64]| counts[value]).sum();
        Histogram(std::array::from_fn(sum)).estimate()
    }
}

/// A string that is a HyperLogLog, for reading.
#[derive(Clone, Copy, Debug)]
pub struct HyperLogLogRef<'a> {
    bytes: &'a [u8],
    form: Form,
}

impl<'a> HyperLogLogRef<'a> {
    /// A string as a HyperLogLog; none if its header or length say that it is none. O(1).
    pub fn of(bytes: &'a [u8]) -> Option<HyperLogLogRef<'a>> {
        Some(HyperLogLogRef { bytes, form: Form::of(bytes)? })
    }

    /// How its registers are kept.
    pub fn form(self) -> Form {
        self.form
    }

    /// What was counted before, if no element came since. O(1).
    pub fn count_of_before(self) -> Option<i64> {
        let count = i64::from_le_bytes(*self.bytes[COUNT..].first_chunk()?);
        (count >= 0).then_some(count)
    }

    /// About how many different elements it saw; negative if its registers are made up. O(registers).
    ///
    /// # Errors
    /// It is corrupt.
    pub fn count(self) -> Result<i64, Corrupt> {
        let histogram = match self.form {
            Form::Dense => dense::histogram(self.dense()),
            Form::Sparse => sparse::histogram(self.bytes)?,
        };
        Ok(histogram.estimate())
    }

    /// Makes each of `registers` at least as high as its fellow here. O(registers).
    ///
    /// # Errors
    /// It is corrupt; some registers may have been raised.
    pub fn raise_into(self, registers: &mut Registers) -> Result<(), Corrupt> {
        match self.form {
            Form::Dense => dense::raise_into(self.dense(), &mut registers.0),
            Form::Sparse => sparse::check(self.bytes, |range, value| {
                if value > 0 {
                    registers.0[range].iter_mut().for_each(|high| *high = value.max(*high));
                }
            })?,
        }
        Ok(())
    }

    /// Whether it is dense and an element would change nothing. O(1).
    pub fn is_past(self, element: &[u8]) -> bool {
        let (at, value) = place(element);
        self.form == Form::Dense && dense::get(self.dense(), at) >= value
    }

    /// The runs of a sparse one as text, be they corrupt or not: `z:` and `Z:` zeros, `v:` a value and how many have it.
    pub fn runs(self) -> Option<String> {
        let mut text = String::new();
        if self.form == Form::Dense {
            return None;
        }
        for run in sparse::runs(self.bytes) {
            let gap = if text.is_empty() { "" } else { " " };
            let written = match (run.value, run.wide) {
                (0, false) => write!(text, "{gap}z:{}", run.len),
                (0, true) => write!(text, "{gap}Z:{}", run.len),
                (value, _) => write!(text, "{gap}v:{value},{}", run.len),
            };
            written.expect("writing to a String cannot fail");
        }
        Some(text)
    }

    fn dense(self) -> &'a [u8; dense::LEN] {
        self.bytes[HEADER..].first_chunk().expect("the form says that all registers are there")
    }
}

/// Notes in a HyperLogLog what was counted: until an element comes, [`HyperLogLogRef::count_of_before`].
pub fn note_count(bytes: &mut [u8], count: i64) {
    if Form::of(bytes).is_some() {
        bytes[COUNT..HEADER].copy_from_slice(&count.to_le_bytes());
    }
}

/// A HyperLogLog that somebody owns, for changes.
#[derive(Debug)]
pub struct HyperLogLog {
    bytes: BytesMut,
    form: Form,
}

impl Default for HyperLogLog {
    /// One that saw no element.
    fn default() -> HyperLogLog {
        let mut bytes = BytesMut::with_capacity(HEADER + 16);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&[Form::Sparse as u8, 0, 0, 0]);
        bytes.extend_from_slice(&STALE.to_le_bytes());
        bytes.extend_from_slice(&sparse::empty());
        HyperLogLog { bytes, form: Form::Sparse }
    }
}

impl HyperLogLog {
    /// The HyperLogLog that is kept in a string.
    ///
    /// # Errors
    /// The string, if it is none.
    pub fn of(bytes: BytesMut) -> Result<HyperLogLog, BytesMut> {
        match Form::of(&bytes) {
            Some(form) => Ok(HyperLogLog { bytes, form }),
            None => Err(bytes),
        }
    }

    /// The same, for reading.
    pub fn as_ref(&self) -> HyperLogLogRef<'_> {
        HyperLogLogRef { bytes: &self.bytes, form: self.form }
    }

    /// The string that keeps it.
    pub fn into_bytes(self) -> BytesMut {
        self.bytes
    }

    /// Adds an element, and tells whether that changed anything. A sparse one becomes dense rather than longer than
    /// `most` bytes. O(1) if it is dense, O(runs) if it is sparse.
    ///
    /// # Errors
    /// It is corrupt, and as it was.
    pub fn add(&mut self, element: &[u8], most: usize) -> Result<bool, Corrupt> {
        let (at, value) = place(element);
        let mut cursor = Cursor::START;
        let higher = self.raise(&mut cursor, at, value, most)?;
        if higher {
            self.forget_count();
        }
        Ok(higher)
    }

    fn raise(
        &mut self,
        cursor: &mut Cursor,
        at: usize,
        value: u8,
        most: usize,
    ) -> Result<bool, Corrupt> {
        if self.form == Form::Sparse {
            match sparse::raise(&mut self.bytes, cursor, at, value, most)? {
                Raised::Same => return Ok(false),
                Raised::Higher => return Ok(true),
                Raised::TooLong => self.make_dense()?,
            };
        }
        Ok(dense::raise(self.dense_mut(), at, value))
    }

    /// Makes each register at least as high as its fellow in `registers`, and forgets the count of before. It stays
    /// sparse if it can and no longer than `most` bytes. O(registers), and O(runs) for each that a sparse one must raise.
    ///
    /// # Errors
    /// It is corrupt; some registers may have been raised.
    pub fn raise_all(&mut self, registers: &Registers, most: usize) -> Result<(), Corrupt> {
        self.forget_count();
        let mut cursor = Cursor::START;
        let values = registers.values().iter().copied();
        for (at, value) in values.enumerate().filter(|&(_, value)| value > 0) {
            if self.form == Form::Dense {
                break;
            }
            self.raise(&mut cursor, at, value, most)?;
        }
        if self.form == Form::Dense {
            dense::raise_all(self.dense_mut(), &registers.0);
        }
        Ok(())
    }

    /// Makes a sparse one dense, and tells whether it was sparse. O(registers).
    ///
    /// # Errors
    /// It is corrupt, and as it was.
    pub fn make_dense(&mut self) -> Result<bool, Corrupt> {
        if self.form == Form::Dense {
            return Ok(false);
        }
        let mut registers = Registers::default();
        self.as_ref().raise_into(&mut registers)?;
        let mut bytes = BytesMut::zeroed(DENSE);
        bytes[..HEADER].copy_from_slice(&self.bytes[..HEADER]);
        bytes[FORM] = Form::Dense as u8;
        (self.bytes, self.form) = (bytes, Form::Dense);
        dense::raise_all(self.dense_mut(), &registers.0);
        Ok(true)
    }

    fn forget_count(&mut self) {
        self.bytes[HEADER - 1] |= 0x80;
    }

    fn dense_mut(&mut self) -> &mut [u8; dense::LEN] {
        let registers = self.bytes[HEADER..].first_chunk_mut();
        registers.expect("the form says that all registers are there")
    }
}

//! Reads a snapshot, pushed in slices of any size.
//!
//! Owns: the place in the file, one unfinished item.   Uses: base, value, format, lzf, parse.
//! Never: a file, the clock, the keyspace (that is the [`Target`]).
//!
//! The work of one [`Loader::feed`] is bounded by the slice: feed less to return sooner. Items are read
//! where they lie; only what a slice's end cuts is carried over, and a long value is gathered in the
//! buffer it will live in.
//!
//! Invariants
//!  1. Memory grows with bytes that came (times `lzf::RATIO_MAX` for a compressed string), never with a claim.
//!  2. What the target got before a fault was whole; that nothing has changed is known only after [`Loader::end`].

use std::io::{ErrorKind, Read};

use super::fault::{LoadError, LoadFault, show};
use super::flaw::Flaw;
use super::format::{Access, MAGIC_LEN, Version};
use super::parse::{Cursor, Encoded, Item, LONG, Stop};
use super::parts::{Parts, Reading};
use super::unpack::Unpack;
use crate::base::blob::Blob;
use crate::base::bytes::parse_i64;
use crate::base::crc::crc64;
use crate::value::limits::Limits;
use crate::value::{Put, PutText};

pub use super::outcome::{Checksum, Progress, Totals};
pub use super::target::{Insert, Record, Target};

/// Room for unpacked bytes that is kept from key to key.
const UNPACKED_KEPT: usize = 256 << 10;
/// The least an entry takes in a file: type, an empty key, an empty value.
const ENTRY_MIN: u64 = 3;
/// The size of the blocks that [`read_all`] reads.
const BLOCK: usize = 256 << 10;

/// What to expect.
#[derive(Clone, Debug)]
pub struct Options {
    /// The file's length, if known: lengths are then checked against what is left of it.
    pub total: Option<u64>,
    /// Longer strings are refused, bytes.
    pub longest_text: u64,
    /// The checksum must be right, if there is one.
    pub checked: bool,
    /// What collections grow by.
    pub limits: Limits,
}

impl Options {
    /// A file of `total` bytes, strings up to 512 MiB.
    pub fn file(total: u64) -> Options {
        let limits = Limits::default();
        Options { total: Some(total), longest_text: 512 << 20, checked: true, limits }
    }

    /// A stream whose end is not known beforehand.
    pub fn stream() -> Options {
        Options { total: None, ..Options::file(0) }
    }
}

/// Reads one snapshot.
#[derive(Debug)]
pub struct Loader {
    options: Options,
    state: State,
    version: Version,
    /// Bytes of the file behind us; the carried ones are not.
    offset: u64,
    crc: u64,
    carry: Vec<u8>,
    /// Bytes that the item in `carry` needs at least.
    need: usize,
    db: u64,
    next: Attributes,
    /// The key and value at hand, as far as they do not lie plain in the slice.
    unpacked: Vec<u8>,
    kept: u64,
    expired: u64,
    fault: Option<LoadError>,
}

#[derive(Debug)]
enum State {
    Magic,
    Items,
    Gather(Gather),
    Build(Box<Build>),
    Checksum,
    Done(Checksum),
}

/// What stands before a key and belongs to it.
#[derive(Clone, Copy, Debug, Default)]
struct Attributes {
    deadline: Option<i64>,
    access: Access,
}

impl Attributes {
    fn is_none(self) -> bool {
        self.deadline.is_none() && self.access == Access::Unknown
    }
}

/// A long value on its way in.
#[derive(Debug)]
struct Gather {
    offset: u64,
    key: Vec<u8>,
    value: Vec<u8>,
    len: usize,
    attributes: Attributes,
}

/// A value with elements on its way in.
#[derive(Debug)]
struct Build {
    offset: u64,
    key: Vec<u8>,
    parts: Parts,
    attributes: Attributes,
}

impl Loader {
    /// At the start of a snapshot.
    pub fn new(options: Options) -> Loader {
        Loader {
            options,
            state: State::Magic,
            version: Version::DEFAULT,
            offset: 0,
            crc: 0,
            carry: Vec::new(),
            need: MAGIC_LEN,
            db: 0,
            next: Attributes::default(),
            unpacked: Vec::new(),
            kept: 0,
            expired: 0,
            fault: None,
        }
    }

    /// The next bytes of the file, any number of them. After a fault every call gives it again.
    pub fn feed<T: Target + ?Sized>(
        &mut self,
        bytes: &[u8],
        target: &mut T,
    ) -> Result<Progress, LoadError> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let fed = self.feed_all(bytes, target);
        self.fault = fed.as_ref().err().cloned();
        fed
    }

    /// There are no more bytes. An error if there should be.
    pub fn end(&self) -> Result<Totals, LoadError> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let inside = match &self.state {
            State::Done(checksum) => {
                let (version, bytes) = (self.version, self.offset);
                return Ok(Totals {
                    version,
                    bytes,
                    kept: self.kept,
                    expired: self.expired,
                    checksum: *checksum,
                });
            }
            State::Magic if self.carry.is_empty() => return Err(LoadFault::Empty.at(0)),
            State::Magic => "the magic",
            State::Items if self.carry.is_empty() => "the place of a key or of the end mark",
            State::Items => "a key, its value or a mark",
            State::Gather(_) | State::Build(_) => "a value",
            State::Checksum => "the checksum",
        };
        let missing = match &self.state {
            State::Gather(gather) => gather.len - gather.value.len(),
            State::Magic | State::Items | State::Build(_) | State::Checksum | State::Done(_) => {
                self.need.saturating_sub(self.carry.len())
            }
        };
        Err(LoadFault::Truncated { inside, missing: missing.max(1) as u64 }.at(self.offset))
    }

    /// Bytes of the file that are behind us.
    pub fn position(&self) -> u64 {
        self.offset
    }

    /// The version, once the magic has been read.
    pub fn version(&self) -> Option<Version> {
        (!matches!(self.state, State::Magic)).then_some(self.version)
    }

    /// Keys so far: kept, and left out as expired.
    pub fn keys(&self) -> (u64, u64) {
        (self.kept, self.expired)
    }

    fn feed_all<T: Target + ?Sized>(
        &mut self,
        mut bytes: &[u8],
        target: &mut T,
    ) -> Result<Progress, LoadError> {
        // First the item that the last slice cut: exactly as many bytes as it is known to need.
        while !self.carry.is_empty() {
            let missing = self.need.saturating_sub(self.carry.len()).min(bytes.len());
            let (now, later) = bytes.split_at(missing);
            self.carry.extend_from_slice(now);
            bytes = later;
            if self.carry.len() < self.need {
                return Ok(Progress::More);
            }
            let mut carry = std::mem::take(&mut self.carry);
            let used = self.run(&carry, target)?;
            carry.drain(..used);
            carry.shrink_to(BLOCK);
            self.carry = carry;
        }
        let used = self.run(bytes, target)?;
        self.carry.extend_from_slice(&bytes[used..]);
        Ok(if matches!(self.state, State::Done(_)) { Progress::Done } else { Progress::More })
    }

    /// Reads what it can from a slice; what is left is less than `need`.
    fn run<T: Target + ?Sized>(
        &mut self,
        slice: &[u8],
        target: &mut T,
    ) -> Result<usize, LoadError> {
        let mut used = 0;
        while used < slice.len() {
            let rest = &slice[used..];
            let step = match self.state {
                State::Magic => self.magic(rest)?,
                State::Items => self.items(rest, target)?,
                State::Gather(_) => self.gather(rest, target)?,
                State::Build(_) => self.build(rest, target)?,
                State::Checksum => self.checksum(rest)?,
                State::Done(_) => return Err(LoadFault::TrailingBytes.at(self.offset)),
            };
            if step == 0 {
                break;
            }
            used += step;
        }
        Ok(used)
    }

    /// These bytes are read.
    fn pass(&mut self, bytes: &[u8]) -> usize {
        self.crc = crc64(self.crc, bytes);
        self.offset += bytes.len() as u64;
        bytes.len()
    }

    fn left(&self) -> u64 {
        // A file that grew after its length was taken has more bytes than `total`: then nothing is left.
        self.options.total.unwrap_or(u64::MAX).saturating_sub(self.offset)
    }

    fn magic(&mut self, slice: &[u8]) -> Result<usize, LoadError> {
        let Some(magic) = slice.first_chunk::<MAGIC_LEN>() else {
            self.need = MAGIC_LEN;
            return Ok(0);
        };
        self.version = Version::from_magic(magic).ok_or(LoadFault::NotASnapshot.at(0))?;
        if !self.version.is_readable() {
            return Err(LoadFault::UnsupportedVersion(self.version).at(0));
        }
        self.state = State::Items;
        Ok(self.pass(magic))
    }

    fn checksum(&mut self, slice: &[u8]) -> Result<usize, LoadError> {
        let Some(stored) = slice.first_chunk::<8>() else {
            self.need = 8;
            return Ok(0);
        };
        let (stored, computed) = (u64::from_le_bytes(*stored), self.crc);
        if self.options.checked && stored != 0 && stored != computed {
            return Err(LoadFault::ChecksumMismatch { stored, computed }.at(self.offset));
        }
        self.state =
            State::Done(if stored == 0 { Checksum::Disabled } else { Checksum::Good(stored) });
        self.offset += 8;
        Ok(8)
    }

    fn items<T: Target + ?Sized>(
        &mut self,
        slice: &[u8],
        target: &mut T,
    ) -> Result<usize, LoadError> {
        let left = self.left().max(slice.len() as u64);
        let mut cursor = Cursor::new(slice, self.offset, left);
        let stop = loop {
            let offset = cursor.offset();
            let accepted = match cursor.item(self.version) {
                Ok(item) => self.accept(item, offset, &cursor, target),
                Err(stop) => break Some(stop),
            };
            match accepted {
                Ok(()) if matches!(self.state, State::Items) => {}
                Ok(()) => break None,
                Err(error) => break Some(Stop::Fault(error)),
            }
        };
        match stop {
            None => {}
            Some(Stop::Need(need)) => self.need = need,
            Some(Stop::Fault(error)) => return Err(error),
            // Items are no values with elements.
            Some(Stop::Flaw(Flaw(why))) => return Err(LoadFault::Disorder(why).at(cursor.offset())),
        }
        Ok(self.pass(&slice[..cursor.consumed()]))
    }

    fn accept<T: Target + ?Sized>(
        &mut self,
        item: Item,
        offset: u64,
        cursor: &Cursor<'_>,
        target: &mut T,
    ) -> Result<(), LoadError> {
        match item {
            Item::Text { key, value } => return self.text(key, value, offset, cursor, target),
            Item::LongText { key, len } => {
                return self.begin_gather(&key, len, offset, cursor);
            }
            Item::Collection { key, shape } => {
                let key = self.unpack().alone(&key, cursor)?;
                let attributes = std::mem::take(&mut self.next);
                let build = Build { offset, key, parts: Parts::new(shape), attributes };
                self.state = State::Build(Box::new(build));
                return Ok(());
            }
            Item::Deadline(at) => {
                if self.next.deadline.replace(at).is_some() {
                    return Err(LoadFault::Disorder("a key has two deadlines").at(offset));
                }
                return Ok(());
            }
            Item::Access(access) => {
                if std::mem::replace(&mut self.next.access, access) != Access::Unknown {
                    return Err(LoadFault::Disorder("a key has two records of its use").at(offset));
                }
                return Ok(());
            }
            Item::Aux { .. }
            | Item::Select(_)
            | Item::Resize { .. }
            | Item::SlotInfo
            | Item::End => {}
        }
        if !self.next.is_none() {
            return Err(LoadFault::Disorder(
                "a deadline or a record of use is not followed by a key",
            )
            .at(offset));
        }
        self.mark(item, offset, cursor, target)
    }

    /// An item between keys.
    fn mark<T: Target + ?Sized>(
        &mut self,
        item: Item,
        offset: u64,
        cursor: &Cursor<'_>,
        target: &mut T,
    ) -> Result<(), LoadError> {
        match item {
            Item::Aux { name, fact } => {
                let unpack = self.unpack();
                target.aux(&unpack.alone(&name, cursor)?, &unpack.alone(&fact, cursor)?);
            }
            Item::Select(number) => {
                target.select_db(number).map_err(|reason| LoadFault::Refused(reason).at(offset))?;
                self.db = number;
            }
            Item::Resize { keys, volatile } => {
                let most = self
                    .options
                    .total
                    .map_or(1 << 20, |total| total.saturating_sub(offset) / ENTRY_MIN);
                let keys = keys.min(most);
                target.resize(keys, volatile.min(keys));
            }
            Item::End if self.version.has_checksum() => {
                (self.state, self.need) = (State::Checksum, 8);
            }
            Item::End => self.state = State::Done(Checksum::Absent),
            Item::SlotInfo => {}
            Item::Deadline(_)
            | Item::Access(_)
            | Item::Text { .. }
            | Item::LongText { .. }
            | Item::Collection { .. } => {}
        }
        Ok(())
    }

    fn text<T: Target + ?Sized>(
        &mut self,
        key: Encoded,
        value: Encoded,
        offset: u64,
        cursor: &Cursor<'_>,
        target: &mut T,
    ) -> Result<(), LoadError> {
        let mut unpacked = std::mem::take(&mut self.unpacked);
        unpacked.clear();
        let taken = self.text_in(&mut unpacked, &key, &value, offset, cursor, target);
        unpacked.shrink_to(UNPACKED_KEPT);
        self.unpacked = unpacked;
        taken
    }

    fn text_in<T: Target + ?Sized>(
        &mut self,
        unpacked: &mut Vec<u8>,
        key: &Encoded,
        value: &Encoded,
        offset: u64,
        cursor: &Cursor<'_>,
        target: &mut T,
    ) -> Result<(), LoadError> {
        let unpack = self.unpack();
        let key = unpack.place(key, cursor, unpacked)?;
        let long = match value {
            Encoded::Packed { len, .. } => *len >= LONG,
            Encoded::Plain(_) | Encoded::Int(_) => false,
        };
        let put = match value {
            Encoded::Int(number) => PutText::Int(*number),
            Encoded::Packed { .. } if long => {
                PutText::Blob(Blob::from(unpack.alone(value, cursor)?))
            }
            Encoded::Plain(_) | Encoded::Packed { .. } => {
                let place = unpack.place(value, cursor, unpacked)?;
                let bytes = place.bytes(cursor, unpacked);
                parse_i64(bytes).map_or(PutText::Bytes(bytes), PutText::Int)
            }
        };
        let attributes = std::mem::take(&mut self.next);
        self.insert(key.bytes(cursor, unpacked), Put::Text(put), attributes, offset, target)
    }

    fn insert<T: Target + ?Sized>(
        &mut self,
        key: &[u8],
        value: Put<'_>,
        attributes: Attributes,
        offset: u64,
        target: &mut T,
    ) -> Result<(), LoadError> {
        let Attributes { deadline, access } = attributes;
        match target.entry(Record { db: self.db, offset, key, value, deadline, access }) {
            Ok(Insert::Kept) => self.kept += 1,
            Ok(Insert::Expired) => self.expired += 1,
            Ok(Insert::Duplicate) => return Err(LoadFault::DuplicateKey(show(key)).at(offset)),
            Err(reason) => return Err(LoadFault::Refused(reason).at(offset)),
        }
        Ok(())
    }

    fn begin_gather(
        &mut self,
        key: &Encoded,
        len: u64,
        offset: u64,
        cursor: &Cursor<'_>,
    ) -> Result<(), LoadError> {
        self.unpack().check(len, offset)?;
        let key = self.unpack().alone(key, cursor)?;
        let too_long = LoadFault::TooLong { len, limit: usize::MAX as u64 };
        let len = usize::try_from(len).map_err(|_| too_long.at(offset))?;
        let attributes = std::mem::take(&mut self.next);
        self.state = State::Gather(Gather { offset, key, value: Vec::new(), len, attributes });
        Ok(())
    }

    fn gather<T: Target + ?Sized>(
        &mut self,
        slice: &[u8],
        target: &mut T,
    ) -> Result<usize, LoadError> {
        let State::Gather(gather) = &mut self.state else { return Ok(0) };
        let now = slice.len().min(gather.len - gather.value.len());
        if gather.value.capacity() - gather.value.len() < now {
            // Doubles, but never beyond the length: the buffer becomes the value as it is.
            let more = gather.value.len().max(BLOCK).max(now).min(gather.len - gather.value.len());
            gather.value.reserve_exact(more);
        }
        gather.value.extend_from_slice(&slice[..now]);
        if gather.value.len() == gather.len
            && let State::Gather(done) = std::mem::replace(&mut self.state, State::Items)
        {
            self.need = 1;
            let value = Put::Text(PutText::Blob(Blob::from(done.value)));
            self.insert(&done.key, value, done.attributes, done.offset, target)?;
        }
        Ok(self.pass(&slice[..now]))
    }

    /// Reads parts of a value with elements.
    fn build<T: Target + ?Sized>(
        &mut self,
        slice: &[u8],
        target: &mut T,
    ) -> Result<usize, LoadError> {
        let State::Build(mut build) = std::mem::replace(&mut self.state, State::Items) else {
            return Ok(0);
        };
        let left = self.left().max(slice.len() as u64);
        let mut cursor = Cursor::new(slice, self.offset, left);
        let mut unpacked = std::mem::take(&mut self.unpacked);
        let (unpack, limits) = (self.unpack(), &self.options.limits);
        let read = loop {
            let cursor = &mut cursor;
            let mut reading = Reading { cursor, unpack, limits, unpacked: &mut unpacked };
            match build.parts.part(&mut reading) {
                Ok(None) => {}
                other => break other,
            }
        };
        unpacked.shrink_to(UNPACKED_KEPT);
        self.unpacked = unpacked;
        match read {
            Ok(value) => {
                self.need = 1;
                let Build { offset, key, attributes, .. } = *build;
                if let Some(value) = value {
                    value.put(|put| self.insert(&key, put, attributes, offset, target))?;
                }
            }
            Err(Stop::Need(need)) => {
                self.need = need;
                self.state = State::Build(build);
            }
            Err(Stop::Fault(error)) => return Err(error),
            Err(Stop::Flaw(flaw)) => {
                let fault = LoadFault::BadValue { key: show(&build.key), flaw };
                return Err(fault.at(cursor.offset()));
            }
        }
        Ok(self.pass(&slice[..cursor.consumed()]))
    }

    fn unpack(&self) -> Unpack {
        Unpack { longest: self.options.longest_text }
    }
}

/// Feeds a loader from a reader until the reader's end, in blocks of 256 KiB.
pub fn read_all<T: Target + ?Sized>(
    reader: &mut impl Read,
    loader: &mut Loader,
    target: &mut T,
) -> Result<(), LoadError> {
    let mut block = vec![0; BLOCK];
    loop {
        match reader.read(&mut block) {
            Ok(0) => return Ok(()),
            Ok(len) => loader.feed(&block[..len], target).map(drop)?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                return Err(LoadFault::Unreadable(error.to_string()).at(loader.position()));
            }
        }
    }
}

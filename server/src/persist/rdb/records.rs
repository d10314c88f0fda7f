//! Decoded keys on their way from a snapshot to the keyspace: what the decoder hands to the core.
//!
//! Owns: copies of keys and values, in one buffer.   Uses: base, value, target.   Never: the keyspace.
//!
//! ```text
//!   bytes  | key value | key value | ...        steps  | Select 0 | Resize n | Key{hash, where} | Key ...
//! ```

use super::format::Access;
use super::target::{Insert, Record, Target};
use crate::base::blob::Blob;
use crate::base::random::KeyHasher;
use crate::value::{Form, Large, Put, PutText, ValueRef};

/// Keys of a snapshot, decoded and hashed, in the order of the file. Reusable.
#[derive(Debug, Default)]
pub struct Records {
    bytes: Vec<u8>,
    steps: Vec<Step>,
    next: usize,
    /// Bytes of long values, which stand in memory of their own.
    long: usize,
    /// How much of the file is decoded with them, in bytes from its start.
    pub position: u64,
}

/// One thing to do.
#[derive(Debug)]
pub(in crate::persist) enum Step {
    /// What follows belongs to this database.
    Select(usize),
    /// That database will have about so many keys.
    Resize(u64),
    /// A key.
    Key(Found),
}

/// A key, and where its bytes are.
#[derive(Debug)]
pub(in crate::persist) struct Found {
    pub hash: u64,
    /// Which byte of the file it begins with.
    pub offset: u64,
    pub deadline: Option<i64>,
    pub access: Access,
    start: usize,
    key_len: usize,
    value: Held,
}

#[derive(Debug)]
enum Held {
    Int(i64),
    /// So many bytes behind the key.
    Bytes(usize),
    Blob(Box<Blob>),
    /// So many bytes of a small collection behind the key, and whether they are marked.
    Packed(Form, usize, bool),
    Large(Large),
}

impl Records {
    /// Takes everything out; keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.steps.clear();
        (self.next, self.long) = (0, 0);
    }

    /// Whether everything was taken.
    pub fn is_empty(&self) -> bool {
        self.next == self.steps.len()
    }

    /// Bytes that they take, about.
    pub fn size(&self) -> usize {
        self.long + self.bytes.len() + self.steps.len() * size_of::<Step>()
    }

    /// The hashes of the next keys among the next `most` steps.
    pub(in crate::persist) fn hashes(&self, most: usize) -> impl Iterator<Item = u64> {
        self.steps[self.next..].iter().take(most).filter_map(|step| match step {
            Step::Key(found) => Some(found.hash),
            Step::Select(_) | Step::Resize(_) => None,
        })
    }

    /// The next step, with the key and the value if it is one.
    pub(in crate::persist) fn step(&mut self) -> Option<(&Step, &[u8], Put<'_>)> {
        let step = self.steps.get_mut(self.next)?;
        self.next += 1;
        let Step::Key(found) = step else { return Some((step, &[], Put::Text(PutText::Int(0)))) };
        let (key, rest) = self.bytes[found.start..].split_at(found.key_len);
        let put = match std::mem::replace(&mut found.value, Held::Int(0)) {
            Held::Int(number) => Put::Text(PutText::Int(number)),
            Held::Bytes(len) => Put::Text(PutText::Bytes(&rest[..len])),
            Held::Blob(blob) => Put::Text(PutText::Blob(*blob)),
            Held::Packed(form, len, marked) => Put::Packed(form, &rest[..len], marked),
            Held::Large(large) => Put::Large(large),
        };
        Some((step, key, put))
    }
}

/// Fills [`Records`]: hashes and copies, and knows no other keys, so duplicates are for who takes them.
pub(super) struct Collector<'a> {
    pub records: &'a mut Records,
    pub hasher: &'a KeyHasher,
    pub databases: usize,
}

impl Target for Collector<'_> {
    fn select_db(&mut self, number: u64) -> Result<(), String> {
        let known = usize::try_from(number).ok().filter(|&number| number < self.databases);
        let known = known.ok_or_else(|| {
            format!("database {number} does not exist here: raise the setting `databases` above {number}")
        })?;
        self.records.steps.push(Step::Select(known));
        Ok(())
    }

    fn resize(&mut self, keys: u64, _volatile: u64) {
        self.records.steps.push(Step::Resize(keys));
    }

    fn entry(&mut self, record: Record<'_>) -> Result<Insert, String> {
        let Record { offset, key, value, deadline, access, .. } = record;
        let Records { bytes, steps, long, .. } = &mut *self.records;
        let start = bytes.len();
        bytes.extend_from_slice(key);
        let value = match value {
            Put::Text(PutText::Int(number)) => Held::Int(number),
            Put::Text(PutText::Bytes(value)) => {
                bytes.extend_from_slice(value);
                Held::Bytes(value.len())
            }
            Put::Text(PutText::Blob(blob)) => {
                *long += blob.len();
                Held::Blob(Box::new(blob))
            }
            Put::Packed(form, value, marked) => {
                bytes.extend_from_slice(value);
                Held::Packed(form, value.len(), marked)
            }
            Put::Large(large) => {
                *long += ValueRef::of_large(&large).heap();
                Held::Large(large)
            }
        };
        let hash = self.hasher.hash(key);
        let key_len = key.len();
        steps.push(Step::Key(Found { hash, offset, deadline, access, start, key_len, value }));
        Ok(Insert::Kept)
    }
}

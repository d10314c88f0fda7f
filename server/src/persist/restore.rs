//! Puts what a snapshot holds into the keyspace.
//!
//! Owns: which keys are kept.   Uses: keyspace, rdb::records.   Never: reads a file.

use super::rdb::fault::{LoadError, LoadFault, show};
use super::rdb::format::Access;
use super::rdb::records::{Found, Records, Step};
use crate::keyspace::access::{Known, Touch};
use crate::keyspace::{Key, Keyspace};
use crate::value::Put;

/// Keys that are taken in one go: their buckets are fetched together.
const WINDOW: usize = 64;

/// How far a data set has come in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Restore {
    db: usize,
    /// Keys that are in.
    pub kept: u64,
    /// Keys that were left out, because their time was over.
    pub expired: u64,
    /// A key of the file replaces one that is there.
    pub replace: bool,
}

impl Restore {
    /// Takes the next keys of `records`, up to 64, as it was at `now_ms`, in milliseconds since 1970. `touch` is
    /// what a use does now.
    ///
    /// # Errors
    /// A key that is already there and must not be replaced: a fault of the file.
    pub fn take(
        &mut self,
        keyspace: &mut Keyspace,
        records: &mut Records,
        now_ms: i64,
        touch: Touch,
    ) -> Result<(), LoadError> {
        let db = keyspace.db(self.db);
        for hash in records.hashes(WINDOW) {
            db.prefetch_bucket(hash);
        }
        for _ in 0..WINDOW {
            let Some((step, key, value)) = records.step() else { break };
            match step {
                Step::Select(number) => self.db = *number,
                Step::Resize(keys) => {
                    keyspace.db_mut(self.db).reserve(usize::try_from(*keys).unwrap_or(0));
                }
                Step::Key(found) => {
                    if found.deadline.is_some_and(|deadline| deadline < now_ms) {
                        self.expired += 1;
                    } else {
                        self.insert(keyspace, found, key, value, touch)?;
                    }
                }
            }
        }
        Ok(())
    }

    #[inline]
    fn insert(
        &mut self,
        keyspace: &mut Keyspace,
        found: &Found,
        bytes: &[u8],
        value: Put<'_>,
        touch: Touch,
    ) -> Result<(), LoadError> {
        let mut slot = keyspace.db_mut(self.db).slot(Key { bytes, hash: found.hash });
        if slot.exists() && !self.replace {
            return Err(LoadFault::DuplicateKey(show(bytes)).at(found.offset));
        }
        slot.put_until(value, found.deadline);
        slot.set_access(touch.restored(match found.access {
            Access::Unknown => Known::Nothing,
            Access::Idle(seconds) => Known::Idle(seconds),
            Access::Frequency(counter) => Known::Frequency(counter),
        }));
        self.kept += 1;
        Ok(())
    }
}

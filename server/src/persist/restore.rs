//! Puts what a snapshot holds into the keyspace.
//!
//! Owns: which keys are kept.   Uses: keyspace, rdb::load.   Never: reads a file.

use super::rdb::format::Access;
use super::rdb::load::{Insert, Record, Target};
use crate::keyspace::Keyspace;
use crate::keyspace::access::{Known, Touch};

/// A keyspace that is being filled.
pub struct Restore<'a> {
    keyspace: &'a mut Keyspace,
    db: usize,
    now_ms: i64,
    touch: Touch,
}

impl<'a> Restore<'a> {
    /// Fills `keyspace`, going on in database `db`, as it was at `now_ms`, in milliseconds since 1970. `touch` is
    /// what a use does now.
    pub fn new(keyspace: &'a mut Keyspace, db: usize, now_ms: i64, touch: Touch) -> Restore<'a> {
        Restore { keyspace, db, now_ms, touch }
    }

    /// The database that was selected last.
    pub fn db(&self) -> usize {
        self.db
    }
}

impl Target for Restore<'_> {
    fn select_db(&mut self, number: u64) -> Result<(), String> {
        self.db = usize::try_from(number)
            .ok()
            .filter(|&number| number < self.keyspace.databases())
            .ok_or_else(|| {
                format!(
                    "database {number} does not exist here: raise the setting `databases` above {number}"
                )
            })?;
        Ok(())
    }

    fn resize(&mut self, keys: u64, _volatile: u64) {
        self.keyspace.db_mut(self.db).reserve(usize::try_from(keys).unwrap_or(0));
    }

    fn announce(&mut self, key: &[u8]) {
        let key = self.keyspace.key(key);
        self.keyspace.db(self.db).prefetch_bucket(key.hash);
    }

    fn entry(&mut self, record: Record<'_>) -> Result<Insert, String> {
        if record.deadline.is_some_and(|deadline| deadline < self.now_ms) {
            return Ok(Insert::Expired);
        }
        let key = self.keyspace.key(record.key);
        let mut slot = self.keyspace.db_mut(self.db).slot(key);
        if slot.exists() {
            return Ok(Insert::Duplicate);
        }
        slot.put_until(record.value, record.deadline);
        let known = match record.access {
            Access::Unknown => Known::Nothing,
            Access::Idle(seconds) => Known::Idle(seconds),
            Access::Frequency(counter) => Known::Frequency(counter),
        };
        slot.set_access(self.touch.restored(known));
        Ok(Insert::Kept)
    }
}

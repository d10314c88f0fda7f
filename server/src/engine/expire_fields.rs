//! Removes fields of hashes whose time has passed, in slices between turns.
//!
//! Owns: how much time that may take.   Uses: keyspace, changes, followers.   Never: looks for what is due (the databases know).
//!
//! Each database knows the key whose field is due first, and each hash its first field; so the work is in proportion to
//! what is due. As for keys, a slice is paid by a rest.

use super::Engine;
use super::cron::Again;
use super::expire::{Effort, IDLE_DATABASES, SLICE_NS};
use super::port::Host;
use crate::command::context::Parts;
use crate::keyspace::change::Event;
use crate::keyspace::{Opened, Outcome, Sweep};
use crate::session::{Arrival, Session};
use crate::value::Hash;

/// Fields of one key that go at once: some 20 us, and one entry in the log.
const BATCH: usize = 64;

impl Engine {
    /// One slice. A duty: says when it wants the next one.
    pub(super) fn expire_fields_slice(&mut self, host: &mut dyn Host) -> Again {
        let begun = host.ticks();
        let (removed, more) = self.expire_fields_until(host, begun + SLICE_NS);
        let spent = host.ticks().saturating_sub(begun);
        self.parts.stats.expire_nanos += spent;
        if !more {
            return Again::AtRate;
        }
        let effort = Effort::of(self.parts.config.active_expire_effort);
        Again::In(effort.pay(spent / 1000, Sweep { work: 0, passed: removed, removed }))
    }

    /// Removes due fields of all databases in turn, a batch of each, until a time of the host's clock. Says how many, and
    /// whether the time was too short.
    fn expire_fields_until(&mut self, host: &mut dyn Host, end: u64) -> (usize, bool) {
        let now_ms = self.now.unix_ms();
        let mut nobody = Session::new(Arrival::default(), self.now, true);
        let databases = self.parts.keyspace.written();
        let (mut removed, mut idle) = (0, 0);
        while idle < databases.min(IDLE_DATABASES) {
            let db = if self.fields_db < databases { self.fields_db } else { 0 };
            self.fields_db = db + 1;
            let Some(key) = self.parts.keyspace.db(db).first_timed(now_ms).map(<[u8]>::to_vec)
            else {
                idle += 1;
                continue;
            };
            idle = 0;
            removed += self.expire_fields_of(&mut nobody, db, &key);
            if host.ticks() >= end {
                return (removed, true);
            }
        }
        (removed, false)
    }

    /// Removes some due fields of a key, which has any, and tells everybody.
    fn expire_fields_of(&mut self, me: &mut Session, db: usize, key: &[u8]) -> usize {
        let now_ms = self.now.unix_ms();
        let Parts { keyspace, changes, stats, .. } = &mut self.parts;
        changes.begin();
        let (slot, limits) = keyspace.slot_and_limits(db, keyspace.key(key));
        let opened = Opened::<Hash>::of(slot, limits);
        let mut hash = opened.expect("only hashes have elements with times");
        let value = hash.get_mut().expect("the database knows that the key is there");
        let due = std::iter::from_fn(|| value.pop_due(now_ms));
        let names: Vec<Box<[u8]>> = due.take(BATCH).collect();
        assert!(!names.is_empty(), "the database knows that a field is due");
        let outcome = hash.close();
        let mut words: Vec<&[u8]> = vec![b"HDEL", key];
        words.extend(names.iter().map(|name| &**name));
        changes.tell(db, &words);
        let _ = changes.also(db, key, Event::HEXPIRED);
        if outcome == Outcome::Removed {
            let _ = changes.also(db, key, Event::DEL);
        }
        stats.expired_fields += names.len() as u64;
        self.collect_waste(db);
        self.follow(me);
        names.len()
    }
}

//! Gives memory back after many keys have gone: active defragmentation.
//!
//! Owns: when it is worth it and how much time it may take.   Uses: keyspace.   Never: moves anything itself.
//!
//! ```text
//!  waste = held for entries and buckets - in use
//!  runs while  waste > active-defrag-ignore-bytes  and  waste > active-defrag-threshold-lower percent of what is in use
//!  share of time: active-defrag-cycle-min at the lower threshold ... active-defrag-cycle-max at the upper one
//! ```
//!
//! What a round could not win it does not try again before more has become loose.
//!
//! It works in slices between turns, and rests while a snapshot child lives: every move would copy pages.

use super::Engine;
use super::cron::Again;
use super::port::Host;

/// A slice ends after this many nanoseconds, or one step later.
const SLICE_NS: u64 = 250_000;

/// How far it has come.
#[derive(Default)]
pub(super) struct Defrag {
    /// The database that is next, while a round is under way.
    db: Option<usize>,
    /// The waste that the last round left.
    left: u64,
}

impl Engine {
    /// Whether defragmentation is on and may work.
    pub(super) fn may_defrag(&self) -> bool {
        self.parts.config.active_defrag && self.parts.persist.child.is_none()
    }

    /// One slice. A duty: says when it wants the next one.
    pub(super) fn defrag_slice(&mut self, host: &mut dyn Host) -> Again {
        let again = self.defrag_some(host);
        let stats = &mut self.parts.stats.defrag;
        stats.spell.set(stats.share > 0, self.now);
        again
    }

    fn defrag_some(&mut self, host: &mut dyn Host) -> Again {
        let share = self.defrag_share();
        self.parts.stats.defrag.share = share;
        if share == 0 {
            self.defrag.db = None;
            return Again::AtRate;
        }
        if self.defrag.db.is_none() && self.waste().0 < self.defrag.left / 8 * 9 {
            self.parts.stats.defrag.share = 0;
            return Again::AtRate;
        }
        let begun = host.ticks();
        self.defrag_until(host, begun + SLICE_NS);
        let spent = host.ticks().saturating_sub(begun);
        self.parts.stats.defrag.nanos += spent;
        if self.defrag.db.is_none() {
            self.defrag.left = self.waste().0;
            return Again::AtRate;
        }
        let micros = spent / 1000;
        Again::In(micros * 100 / share - micros)
    }

    /// The percentage of time that is to be spent; 0: it is not worth it.
    fn defrag_share(&self) -> u64 {
        let (waste, used) = self.waste();
        let config = &self.parts.config;
        let percent = waste.saturating_mul(100) / used.max(1);
        let (lower, upper) = (config.defrag_lower.into(), u64::from(config.defrag_upper));
        if waste <= config.defrag_ignore.0 || percent < lower {
            return 0;
        }
        let (least, most) = (u64::from(config.defrag_least), u64::from(config.defrag_most));
        let over = percent.min(upper).saturating_sub(lower);
        least + most.saturating_sub(least) * over / upper.saturating_sub(lower).max(1)
    }

    /// Bytes held and not in use, and bytes in use.
    fn waste(&self) -> (u64, u64) {
        let (mut held, mut used) = (0, 0);
        for db in 0..self.parts.keyspace.written() {
            let (in_chunks, in_use) = self.parts.keyspace.db(db).spread();
            held += in_chunks as u64;
            used += in_use as u64;
        }
        (held.saturating_sub(used), used)
    }

    /// Works on the databases in turn until a time of the host's clock, or until the round is over.
    fn defrag_until(&mut self, host: &mut dyn Host, end: u64) {
        while host.ticks() < end {
            let db = self.defrag.db.unwrap_or(0);
            if db >= self.parts.keyspace.written() {
                self.defrag.db = None;
                return;
            }
            let progress = self.parts.keyspace.db_mut(db).compact();
            let stats = &mut self.parts.stats.defrag;
            stats.moved += progress.moved as u64;
            stats.looked += progress.looked as u64;
            self.defrag.db = Some(if progress.done { db + 1 } else { db });
        }
    }
}

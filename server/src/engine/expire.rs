//! Removes keys whose time has passed and that nobody reads, in slices between turns.
//!
//! Owns: how much time that may take.   Uses: keyspace, changes, followers.   Never: decides which keys are due.
//!
//! ```text
//!  a slice          | batch db 0 | batch db 1 | batch db 0 | ...   until nothing is due, or SLICE_NS is over
//!  paid by a rest   slice / share: 25 % of the time while many keys are past their time, a tenth of that while few are
//! ```
//!
//! "Few" is what `active-expire-effort` accepts: at 1, one key in ten. To find the last ones early costs most, for
//! they are spread over all segments: with few due, a whole segment is read for each. As the lap goes on in any case,
//! they only wait for it.

use super::Engine;
use super::cron::Again;
use super::port::Host;
use crate::command::context::Parts;
use crate::keyspace::change::Event;
use crate::keyspace::{Removed, Sweep};
use crate::session::{Arrival, Session};

/// A slice ends after this many nanoseconds: with its last batch below the 500 us that a client may wait.
pub(super) const SLICE_NS: u64 = 250_000;
/// Buckets of a batch: about 100 keys, some 20 us.
const BATCH: usize = 16;
/// The same while a snapshot child lives: each key may have the kernel copy two pages, at 3.5 us.
const BATCH_WITH_CHILD: usize = 4;
/// Databases in a row in which nothing is due that a slice looks at: a cache miss each.
pub(super) const IDLE_DATABASES: usize = 2_000;
/// A slice that comes late, because a timer or a long turn held it up, is followed sooner by the next; but no more
/// than this many microseconds are made up for.
const LAG_US: u64 = 2_000;

/// Where the search goes on, and when.
#[derive(Default)]
pub(super) struct Expiry {
    /// The database that is next.
    db: usize,
    /// Until when the slices so far are paid for, in microseconds of the monotonic clock.
    paid_until: u64,
}

/// What `active-expire-effort` (1 to 10) asks for, in percent.
pub(super) struct Effort {
    /// The share of all time that slices may take while much is due.
    share: u64,
    /// The share of keys past their time that is no reason to hurry.
    stale: usize,
}

impl Effort {
    pub(super) fn of(effort: u16) -> Effort {
        let more = effort.clamp(1, 10) - 1;
        Effort { share: 25 + 2 * u64::from(more), stale: 10 - usize::from(more) }
    }

    /// How long `spent` microseconds of work pay for, given what they achieved.
    pub(super) fn pay(&self, spent: u64, sweep: Sweep) -> u64 {
        let hurry = sweep.removed * 100 > sweep.passed * self.stale;
        let share = if hurry { self.share * 10 } else { self.share };
        spent.saturating_mul(1000) / share
    }
}

impl Engine {
    /// One slice. A duty: says when it wants the next one.
    pub(super) fn expire_slice(&mut self, host: &mut dyn Host) -> Again {
        let begun = host.ticks();
        let (sweep, more) = self.expire_until(host, begun + SLICE_NS);
        let spent = host.ticks().saturating_sub(begun);
        let stats = &mut self.parts.stats;
        stats.expire_nanos += spent;
        stats.stale.sample(sweep.removed, sweep.passed, more);
        if !more {
            return Again::AtRate;
        }
        stats.expire_time_cap += 1;
        let pay = Effort::of(self.parts.config.active_expire_effort).pay(spent / 1000, sweep);
        let now = self.now.mono_us;
        let expiry = &mut self.expiry;
        expiry.paid_until = expiry.paid_until.max(now.saturating_sub(LAG_US)) + pay;
        Again::In(expiry.paid_until.saturating_sub(now))
    }

    /// Removes due keys of all databases in turn, a batch of each, until a time of the host's clock. Says whether
    /// the time was too short.
    fn expire_until(&mut self, host: &mut dyn Host, end: u64) -> (Sweep, bool) {
        let now_ms = self.now.unix_ms();
        let mut nobody = Session::new(Arrival::default(), self.now, true);
        let databases = self.parts.keyspace.written();
        let (mut whole, mut idle) = (Sweep::default(), 0);
        while idle < databases.min(IDLE_DATABASES) {
            let db = if self.expiry.db < databases { self.expiry.db } else { 0 };
            self.expiry.db = db + 1;
            if !self.parts.keyspace.db(db).may_be_due(now_ms) {
                idle += 1;
                continue;
            }
            idle = 0;
            whole = whole.and(self.expire_batch(&mut nobody, db, now_ms));
            if host.ticks() >= end {
                return (whole, true);
            }
        }
        (whole, false)
    }

    /// Removes some due keys of one database and tells everybody.
    fn expire_batch(&mut self, me: &mut Session, db: usize, now_ms: i64) -> Sweep {
        let Parts { keyspace, changes, persist, stats, .. } = &mut self.parts;
        changes.begin();
        let budget = if persist.child.is_some() { BATCH_WITH_CHILD } else { BATCH };
        let sweep = keyspace.db_mut(db).expire_due(now_ms, budget, &mut |removed: Removed<'_>| {
            let entry = removed.entry();
            changes.tell(db, &[b"DEL", entry.key()]);
            let _ = changes.also(db, entry.key(), Event::EXPIRED);
        });
        stats.expired += sweep.removed as u64;
        self.collect_waste(db);
        self.follow(me);
        sweep
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effort_is_paid_by_rest() {
        let (few, many) = (
            Sweep { work: 1, passed: 100, removed: 10 },
            Sweep { work: 1, passed: 100, removed: 11 },
        );
        assert_eq!(Effort::of(1).pay(250, many), 1_000, "a quarter of the time");
        assert_eq!(Effort::of(1).pay(250, few), 10_000, "a fortieth");
        assert_eq!(
            Effort::of(10).pay(430, few),
            1_000,
            "43 percent, since one in a hundred is accepted"
        );
        assert_eq!(Effort::of(10).pay(430, Sweep { removed: 1, ..few }), 10_000);
    }
}

//! What is known of snapshots: the last one, the one that runs, and when the next is due.
//!
//! Owns: counters and times.   Uses: base.   Never: forks, opens files (the engine's host does).

use super::headroom::Headroom;
use crate::base::time::Now;

/// Changes since the last snapshot, and everything INFO persistence shows.
#[derive(Debug, Default)]
pub struct Persist {
    /// Changes since the last snapshot that was completed.
    pub dirty: u64,
    /// `dirty` when the running child was forked.
    pub dirty_at_fork: u64,
    /// When the last snapshot was completed, or the data set loaded, in seconds since 1970.
    pub last_save: i64,
    /// The same in microseconds of the monotonic clock: save points must not depend on jumps of the other.
    pub last_save_mono_us: u64,
    /// What went wrong the last time; none: it went well.
    pub last_error: Option<String>,
    /// The child that is writing, if one is.
    pub child: Option<Child>,
    /// When the last child was started, by the monotonic clock.
    pub last_try: Option<Now>,
    /// BGSAVE SCHEDULE waits for the child to end.
    pub scheduled: bool,
    /// How long the last snapshot took, in microseconds.
    pub last_us: Option<u64>,
    /// How long the last fork stopped the core, in microseconds.
    pub fork_us: u64,
    /// Forks so far.
    pub forks: u64,
    /// Bytes that were copied for the last child, at the worst time.
    pub last_cow: u64,
    /// Snapshots completed.
    pub saves: u64,
    /// Failures in a row: the next try waits longer.
    pub failures: u32,
    /// Snapshots in a row that did not begin, for want of memory: the next try waits longer as well.
    pub delays: u32,
    /// Whether there is memory for one.
    pub headroom: Headroom,
    /// Keys that the last load brought, and keys it left out because their time had passed.
    pub loaded: (u64, u64),
    /// The load that runs, if one does.
    pub loading: Option<Loading>,
}

/// A child that writes a snapshot.
#[derive(Clone, Copy, Debug)]
pub struct Child {
    /// The process.
    pub pid: i32,
    /// When it was forked.
    pub since: Now,
    /// Keys when it was forked.
    pub keys_total: u64,
    /// Keys written so far.
    pub keys_done: u64,
    /// Bytes written so far.
    pub bytes_done: u64,
    /// Bytes of memory that were copied for it, when it last told.
    pub cow: u64,
    /// The most it ever told.
    pub cow_peak: u64,
    /// When it last told, in microseconds of the monotonic clock.
    pub cow_us: u64,
    /// When it was last looked at.
    pub looked: Now,
    /// For how long it has made no progress, in microseconds.
    pub silent_us: u64,
}

impl Child {
    /// A child that was just forked.
    pub fn new(pid: i32, keys_total: u64, now: Now) -> Child {
        Child {
            pid,
            since: now,
            keys_total,
            keys_done: 0,
            bytes_done: 0,
            cow: 0,
            cow_peak: 0,
            cow_us: now.mono_us,
            looked: now,
            silent_us: 0,
        }
    }

    /// Seconds until it is done, if it goes on as it did; none: it has written nothing yet.
    pub fn eta(&self, now: Now) -> Option<f64> {
        let passed = now.mono_us.saturating_sub(self.since.mono_us) as f64 / 1e6;
        let left = self.keys_total.saturating_sub(self.keys_done) as f64;
        (self.keys_done > 0).then(|| passed * left / self.keys_done as f64)
    }

    /// When it is to be looked at again, in microseconds of the monotonic clock.
    pub fn next_look_us(&self) -> u64 {
        self.looked.mono_us + LOOK_US
    }

    /// Takes its news. Says true if it has been silent for so long that it must be taken for hung.
    ///
    /// Time in which nobody looked counts only in part: a machine that was stopped stops the child too.
    pub fn hear(&mut self, keys: u64, bytes: u64, cow: u64, now: Now) -> bool {
        let passed = now.mono_us.saturating_sub(self.looked.mono_us).min(LOOK_MAX_US);
        let moved = (keys, bytes, cow) != (self.keys_done, self.bytes_done, self.cow);
        self.silent_us = if moved { 0 } else { self.silent_us + passed };
        if cow != self.cow {
            self.cow_us = now.mono_us;
        }
        self.cow_peak = self.cow_peak.max(cow);
        (self.keys_done, self.bytes_done, self.cow) = (keys, bytes, cow);
        self.looked = now;
        self.silent_us > HUNG_AFTER_US
    }
}

/// A load that runs.
#[derive(Clone, Copy, Debug)]
pub struct Loading {
    /// When it began.
    pub since: Now,
    /// When it began, in seconds since 1970.
    pub since_unix: i64,
    /// Bytes of the file.
    pub total: u64,
    /// Bytes read.
    pub done: u64,
}

/// After a failure the next automatic try waits this long, doubled for each further failure.
const RETRY_US: u64 = 5_000_000;
/// And never longer than this.
const RETRY_MAX_US: u64 = 300_000_000;
/// A child that has not written anything for this long is taken for hung. Generous, for the sync at the end
/// of a large file on a slow disk is silent too.
pub const HUNG_AFTER_US: u64 = 600_000_000;
/// How often a child is looked at.
const LOOK_US: u64 = 10_000;
/// The most that one look adds to its silence.
const LOOK_MAX_US: u64 = 1_000_000;

impl Persist {
    /// Whether one of the save points (seconds, changes) asks for a snapshot now.
    pub fn due(&self, points: impl Iterator<Item = (u64, u64)>, now: Now) -> bool {
        if self.child.is_some() || self.dirty == 0 || self.waits(now) {
            return false;
        }
        let passed = now.mono_us.saturating_sub(self.last_save_mono_us) / 1_000_000;
        let mut points = points;
        points.any(|(seconds, changes)| self.dirty >= changes && passed > seconds)
    }

    /// Whether the time after a failure has not passed yet.
    pub fn waits(&self, now: Now) -> bool {
        let Some(tried) = self.last_try else { return false };
        let Some(more) = self.failures.saturating_add(self.delays).checked_sub(1) else {
            return false;
        };
        let wait = RETRY_US.saturating_mul(1 << more.min(10)).min(RETRY_MAX_US);
        now.mono_us.saturating_sub(tried.mono_us) < wait
    }

    /// A snapshot of the data as it was when `dirty` was `dirty_then` is complete.
    pub fn completed(&mut self, dirty_then: u64, took_us: u64, now: Now) {
        self.dirty = self.dirty.saturating_sub(dirty_then);
        self.rests_at(now);
        self.last_us = Some(took_us);
        self.last_error = None;
        (self.failures, self.delays) = (0, 0);
        self.saves += 1;
    }

    /// What is in memory is on the disk at this time: the save points count from here.
    pub fn rests_at(&mut self, now: Now) {
        self.last_save = now.unix_s();
        self.last_save_mono_us = now.mono_us;
    }

    /// CONFIG RESETSTAT: what only counts begins anew.
    pub fn reset_counters(&mut self) {
        (self.forks, self.fork_us, self.saves) = (0, 0, 0);
    }

    /// A snapshot failed.
    pub fn failed(&mut self, why: String) {
        self.last_error = Some(why);
        self.failures = self.failures.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Now {
        // The wall clock stands still: nothing here may follow it.
        Now { unix_us: 0, mono_us: seconds * 1_000_000 }
    }

    fn due(persist: &Persist, seconds: u64) -> bool {
        persist.due([(900, 1), (60, 100)].into_iter(), at(seconds))
    }

    #[test]
    fn any_save_point_suffices() {
        let mut persist = Persist { dirty: 99, ..Persist::default() };
        assert!(!due(&persist, 100) && due(&persist, 901));
        persist.dirty = 100;
        assert!(!due(&persist, 60) && due(&persist, 61));
        persist.completed(100, 1, at(61));
        assert!(!due(&persist, 10_000), "nothing has changed since");
        persist.dirty = 100;
        assert!(!due(&persist, 120) && due(&persist, 122));
    }

    #[test]
    fn failures_are_tried_again_ever_more_rarely() {
        let mut persist = Persist { dirty: 100, ..Persist::default() };
        let mut now = 100;
        for wait in [5, 10, 20, 40, 80, 160, 300, 300, 300, 300, 300, 300, 300] {
            assert!(due(&persist, now));
            persist.last_try = Some(at(now));
            persist.failed("no".into());
            assert!(!due(&persist, now + wait - 1), "after {now}");
            now += wait;
        }
        persist.completed(0, 1, at(now));
        assert_eq!((persist.failures, persist.last_error.as_deref()), (0, None));
        assert!(due(&persist, now + 61));
    }

    #[test]
    fn changes_during_a_snapshot_stay_dirty() {
        let mut persist = Persist { dirty: 10, ..Persist::default() };
        persist.completed(7, 1, at(1));
        assert_eq!(persist.dirty, 3);
        // FLUSHALL may have set it to less than it was at the fork.
        persist.completed(7, 1, at(2));
        assert_eq!(persist.dirty, 0);
    }

    #[test]
    fn a_silent_child_is_hung_but_not_while_the_machine_was_stopped() {
        let mut child = Child::new(1, 10, at(0));
        let hung = |child: &mut Child, bytes, seconds| child.hear(0, bytes, 0, at(seconds));
        assert!(!hung(&mut child, 1, 5_000), "nobody looked for an hour");
        assert!(!hung(&mut child, 1, 10_000), "and again");
        for second in 10_001..10_600 {
            assert!(!hung(&mut child, 1, second), "{second}");
        }
        assert!(!hung(&mut child, 2, 10_601), "it moves");
        assert_eq!(child.silent_us, 0);
        let patience = HUNG_AFTER_US / 1_000_000;
        assert!((1..=patience + 1).any(|more| hung(&mut child, 2, 10_601 + more)));
    }
}

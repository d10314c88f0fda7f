//! What is known of snapshots: the last one, the one that runs, and when the next is due.
//!
//! Owns: counters and times.   Uses: base.   Never: forks, opens files (the engine's host does).

use crate::base::time::Now;

/// Changes since the last snapshot, and everything INFO persistence shows.
#[derive(Debug, Default)]
pub struct Persist {
    /// Changes since the last snapshot that was completed.
    pub dirty: u64,
    /// `dirty` when the running child was forked.
    pub dirty_at_fork: u64,
    /// When the last snapshot was completed, in seconds since 1970.
    pub last_save: i64,
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
    /// Bytes that were copied for the last child.
    pub last_cow: u64,
    /// Snapshots completed.
    pub saves: u64,
    /// Failures in a row: the next try waits longer.
    pub failures: u32,
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
    /// Bytes copied so far.
    pub cow: u64,
    /// When its progress was last seen to grow.
    pub heard: Now,
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
/// A child that has not written a key for this long is taken for hung.
pub const HUNG_AFTER_US: u64 = 600_000_000;

impl Persist {
    /// Whether one of the save points (seconds, changes) asks for a snapshot now.
    pub fn due(&self, points: impl Iterator<Item = (u64, u64)>, now: Now) -> bool {
        if self.child.is_some() || self.dirty == 0 || self.waits(now) {
            return false;
        }
        let passed = u64::try_from(now.unix_s().saturating_sub(self.last_save)).unwrap_or(0);
        let mut points = points;
        points.any(|(seconds, changes)| self.dirty >= changes && passed > seconds)
    }

    /// Whether the time after a failure has not passed yet.
    pub fn waits(&self, now: Now) -> bool {
        let Some(tried) = self.last_try else { return false };
        if self.failures == 0 {
            return false;
        }
        let wait = RETRY_US.saturating_mul(1 << (self.failures - 1).min(10)).min(RETRY_MAX_US);
        now.mono_us.saturating_sub(tried.mono_us) < wait
    }

    /// A snapshot of the data as it was when `dirty` was `dirty_then` is complete.
    pub fn completed(&mut self, dirty_then: u64, took_us: u64, now: Now) {
        self.dirty = self.dirty.saturating_sub(dirty_then);
        self.last_save = now.unix_s();
        self.last_us = Some(took_us);
        self.last_error = None;
        self.failures = 0;
        self.saves += 1;
    }

    /// A snapshot failed.
    pub fn failed(&mut self, why: String) {
        self.last_error = Some(why);
        self.failures = self.failures.saturating_add(1);
    }
}

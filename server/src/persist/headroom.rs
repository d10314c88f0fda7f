//! How much memory a snapshot could need while its child lives.
//!
//! Owns: the rate of changes, what a change costs, the last answer.   Uses: nothing.
//! Never: asks how much memory there is, refuses anything (the engine does both).
//!
//! Every page that is written while a child lives is copied once. So the need is
//!
//! ```text
//!   changes a second  x  seconds a snapshot takes  x  bytes copied for a change, at most all data
//! ```
//!
//! and the copy of the page tables, and the child's own buffers.

/// A change writes an entry and perhaps its bucket: two pages. Less where changes meet the same pages.
const PER_CHANGE_MAX: u64 = 2 * 4096;
/// What a change costs at least, however often the same pages were met the last time.
const PER_CHANGE_MIN: u64 = 256;
/// Snapshots with fewer changes than this beside them teach nothing.
const CHANGES_MIN: u64 = 10_000;
/// A child's buffers and stack.
const OWN: u64 = 4 << 20;
/// A page of page table maps so many times its size.
const TABLE_SHARE: u64 = 512;
/// Bytes a second that the first snapshot is taken to write.
const FIRST_SPEED: u64 = 100_000_000;

/// What is known of the need.
#[derive(Debug)]
pub struct Headroom {
    dirty: u64,
    rate: u64,
    per_change: u64,
    /// Bytes that the last snapshot asked about could have needed.
    pub needed: u64,
    /// Bytes that were available then.
    pub available: u64,
    /// Snapshots that were refused or delayed.
    pub refused: u64,
    /// When the memory was last looked at for a living child, in microseconds of the monotonic clock.
    looked_us: u64,
}

impl Default for Headroom {
    fn default() -> Headroom {
        Headroom {
            dirty: 0,
            rate: 0,
            per_change: PER_CHANGE_MAX,
            needed: 0,
            available: 0,
            refused: 0,
            looked_us: 0,
        }
    }
}

impl Headroom {
    /// Told every second: changes since the last snapshot. The rate that is kept is the highest of the last
    /// seconds, and fades by an eighth with each: a pause of a second says little about the next ones.
    pub fn sample(&mut self, dirty: u64) {
        // Less than before: a snapshot was completed in between.
        let changes = dirty.checked_sub(self.dirty).unwrap_or(dirty);
        self.rate = changes.max(self.rate - self.rate.div_ceil(8));
        self.dirty = dirty;
    }

    /// Changes per second.
    pub fn rate(&self) -> u64 {
        self.rate
    }

    /// Learns from a snapshot: so many bytes were copied, so many changes made beside it.
    pub fn learn(&mut self, copied: u64, changes: u64) {
        if changes >= CHANGES_MIN {
            self.per_change = (copied / changes).clamp(PER_CHANGE_MIN, PER_CHANGE_MAX);
        }
    }

    /// Bytes that a snapshot of `data` bytes could need; the last one took `last_us` microseconds.
    pub fn estimate(&self, data: u64, last_us: Option<u64>) -> u64 {
        let took_us = last_us.unwrap_or(data / (FIRST_SPEED / 1_000_000)).max(1_000_000);
        let changes = u128::from(self.rate) * u128::from(took_us) / 1_000_000;
        let copied = changes * u128::from(self.per_change);
        // Not more than all of it, so it fits again.
        let copied = copied.min(u128::from(data)) as u64;
        copied + data / TABLE_SHARE + OWN
    }

    /// Whether the memory is to be looked at again while a child lives: ten times a second.
    pub fn look_is_due(&mut self, now_us: u64) -> bool {
        let due = now_us.saturating_sub(self.looked_us) >= 100_000;
        if due {
            self.looked_us = now_us;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GB: u64 = 1 << 30;

    #[test]
    fn an_idle_server_needs_next_to_nothing_and_a_busy_one_at_most_its_data() {
        let mut headroom = Headroom::default();
        assert!(headroom.estimate(10 * GB, None) < GB / 32);
        headroom.sample(1_000_000);
        let all = headroom.estimate(10 * GB, Some(60_000_000));
        assert!((10 * GB..10 * GB + GB / 32).contains(&all));
        for _ in 0..60 {
            headroom.sample(1_000_000);
        }
        assert!(headroom.rate() < 1_000, "it fades: {}", headroom.rate());
        assert!(headroom.estimate(10 * GB, Some(60_000_000)) < GB);
    }

    #[test]
    fn the_rate_is_what_is_changed_in_a_second_over_the_end_of_a_snapshot_too() {
        let mut headroom = Headroom::default();
        headroom.sample(500);
        headroom.sample(1_500);
        assert_eq!(headroom.rate(), 1_000);
        headroom.sample(2_000);
        assert_eq!(headroom.rate(), 875);
        headroom.sample(900);
        assert_eq!(headroom.rate(), 900, "the count began anew");
    }

    #[test]
    fn it_learns_what_a_change_costs_from_snapshots_with_enough_of_them() {
        let mut headroom = Headroom::default();
        headroom.sample(1_000);
        let first = headroom.estimate(10 * GB, None);
        headroom.learn(0, 9_999);
        assert_eq!(headroom.estimate(10 * GB, None), first);
        headroom.learn(100_000 * 500, 100_000);
        assert!(headroom.estimate(10 * GB, None) < first / 8);
        headroom.learn(u64::MAX, 10_000);
        assert_eq!(headroom.estimate(10 * GB, None), first);
    }

    #[test]
    fn numbers_do_not_run_over() {
        let mut headroom = Headroom::default();
        headroom.sample(u64::MAX);
        assert!(headroom.estimate(u64::MAX / 2, Some(u64::MAX)) > u64::MAX / 2);
    }
}

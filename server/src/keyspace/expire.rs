//! Finding keys whose time has come, without an index over deadlines.
//!
//! Owns: a tally per segment and the lap over them.   Uses: table.   Never: removes a key, asks the time.
//!
//! ```text
//!  tallies  [ 3, 5200 | 0, never | 1, 9000 | 2, 4100 | ... ]     volatile keys; no deadline before
//!                          ^ the lap is here
//!  lap      none due before 4100; so far in this lap: 5200
//! ```
//!
//! A lap goes over the dense tallies and opens only segments that can hold a due key; there it reads only the
//! entries that are marked volatile in their pointer. Segments are walked whole (at most 64 buckets, a flood or an
//! extra layer aside), so a walk that was completed gives the exact earliest deadline.
//!
//! Invariants
//!  1. No entry of a segment has a deadline before its tally's `earliest`.
//!  2. No entry at all has one before the lap's `bound`; none behind the lap before its `behind`.

use super::table::Table;

/// Tallies that cost as much to look at as a bucket does: four fit in a cache line, and they are read in a row.
const TALLIES_PER_BUCKET: usize = 16;

/// What is known of a segment's deadlines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tally {
    /// Entries with a deadline.
    pub volatile: u32,
    /// A lower bound of their deadlines.
    pub earliest: i64,
}

impl Default for Tally {
    fn default() -> Tally {
        Tally { volatile: 0, earliest: i64::MAX }
    }
}

impl Tally {
    /// A tally of so many entries, none of which has a deadline before `earliest`.
    pub fn new(volatile: usize, earliest: i64) -> Tally {
        match u32::try_from(volatile).expect("a segment of 2^32 entries has other troubles") {
            0 => Tally::default(),
            volatile => Tally { volatile, earliest },
        }
    }

    /// The tally of two segments together.
    pub fn with(self, other: Tally) -> Tally {
        Tally {
            volatile: self.volatile + other.volatile,
            earliest: self.earliest.min(other.earliest),
        }
    }
}

/// One round over the tallies, and what the last one learnt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lap {
    at: usize,
    behind: i64,
    bound: i64,
}

impl Default for Lap {
    fn default() -> Lap {
        Lap { at: 0, behind: i64::MAX, bound: i64::MAX }
    }
}

impl Lap {
    /// Hears of a deadline that may be behind the lap.
    #[inline]
    pub fn note(&mut self, deadline: i64) {
        self.behind = self.behind.min(deadline);
        self.bound = self.bound.min(deadline);
    }

    fn finish(&mut self) {
        *self = Lap { at: 0, behind: i64::MAX, bound: self.behind };
    }
}

impl Table {
    /// Reports keys whose deadline is before `now_ms`; see [`super::Db::due`].
    pub fn due(&mut self, now_ms: i64, budget: usize, found: &mut dyn FnMut(&[u8])) -> usize {
        if self.volatile == 0 || self.lap.bound >= now_ms {
            return 0;
        }
        let mut tallies = 0;
        let mut buckets = 0;
        while buckets + tallies / TALLIES_PER_BUCKET < budget {
            let Some(tally) = self.tallies.get(self.lap.at) else {
                self.lap.finish();
                // The last call may have stopped exactly at the end of its lap.
                if tallies == 0 && self.lap.bound < now_ms {
                    continue;
                }
                break;
            };
            tallies += 1;
            if tally.earliest < now_ms {
                buckets += self.segments[self.lap.at].buckets();
                self.walk_due(now_ms, found);
            }
            self.lap.behind = self.lap.behind.min(self.tallies[self.lap.at].earliest);
            self.lap.at += 1;
        }
        buckets + tallies.div_ceil(TALLIES_PER_BUCKET)
    }

    /// Reports the due keys of the segment under the lap and corrects its tally.
    fn walk_due(&mut self, now_ms: i64, found: &mut dyn FnMut(&[u8])) {
        let mut tally = Tally::default();
        for entry in self.segments[self.lap.at].entries().filter(|entry| entry.is_volatile()) {
            let entry = entry.get();
            let deadline = entry.deadline().expect("an entry marked volatile has a deadline");
            tally = tally.with(Tally { volatile: 1, earliest: deadline });
            if deadline < now_ms {
                found(entry.key());
            }
        }
        debug_assert_eq!(tally.volatile, self.tallies[self.lap.at].volatile, "table, invariant 2");
        self.tallies[self.lap.at] = tally;
    }

    /// Counts an entry that has got a deadline.
    pub fn count_volatile(&mut self, segment: u32, deadline: i64) {
        self.volatile += 1;
        self.tallies[segment as usize].volatile += 1;
        self.note_deadline(segment, deadline);
    }

    /// Counts an entry that has lost its deadline, or is gone.
    pub fn discount_volatile(&mut self, segment: u32) {
        self.volatile -= 1;
        let tally = &mut self.tallies[segment as usize];
        *tally = Tally::new(tally.volatile as usize - 1, tally.earliest);
    }

    /// Hears of a volatile entry's new deadline.
    pub fn note_deadline(&mut self, segment: u32, deadline: i64) {
        let tally = &mut self.tallies[segment as usize];
        tally.earliest = tally.earliest.min(deadline);
        self.lap.note(deadline);
    }
}

//! Finding and removing keys whose time has come, without an index over deadlines.
//!
//! Owns: a tally per segment and the lap over them.   Uses: table, segment.   Never: asks the time, tells anybody.
//!
//! ```text
//!  tallies  [ 3, 5200 | 0, never | 1, 9000 | 2, 4100 | ... ]     volatile keys; no deadline before
//!                          ^ the lap is here, in the midst of this segment's buckets
//!  lap      none due before 4100; so far in this lap: 5200
//! ```
//!
//! A lap goes over the dense tallies and opens only segments that can hold a due key; there it reads only the
//! entries that are marked volatile in their pointer. These lie anywhere in memory, so they are asked for some buckets
//! ahead, and the wait for one overlaps the work on others. It may stop after any bucket; a segment whose every
//! bucket was read leaves its exact earliest deadline behind.
//!
//! Invariants
//!  1. No entry of a segment has a deadline before its tally's `earliest`.
//!  2. No entry at all has one before the lap's `bound`; none behind the lap before its `behind`; none in the
//!     buckets behind it of the segment that is open before its `seen`.

use crate::base::index::bucket::SLOTS;
use super::entry::{Entry, EntryRef};
use crate::base::index::segment::Segment;
use super::table::Table;
use super::waste::Waste;
use crate::base::index::Item;
use crate::base::slab::Slab;
use crate::value::Value;
use std::cmp::Ordering;

/// Tallies that cost as much to look at as a bucket does: four fit in a cache line, and they are read in a row.
const TALLIES_PER_BUCKET: usize = 16;
/// Entries are asked for this many buckets before they are read: about 24 of them are then under way, which is
/// what hides a miss behind the removal of the ones before.
const AHEAD: usize = 4;

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
    /// The segment that is open, or the next one.
    at: usize,
    /// The next bucket of it; 0: it is not open.
    bucket: usize,
    seen: i64,
    /// The hash of a key that was removed from the open segment: by it the table finds the segment's cells.
    removed: Option<u64>,
    behind: i64,
    bound: i64,
}

impl Default for Lap {
    fn default() -> Lap {
        Lap::new(i64::MAX)
    }
}

impl Lap {
    fn new(bound: i64) -> Lap {
        Lap { at: 0, bucket: 0, seen: i64::MAX, removed: None, behind: i64::MAX, bound }
    }

    /// Hears of a deadline in a segment, which its tally knows already. Ahead of the lap that is enough.
    #[inline]
    pub fn note(&mut self, segment: u32, deadline: i64) {
        self.bound = self.bound.min(deadline);
        match (segment as usize).cmp(&self.at) {
            Ordering::Less => self.behind = self.behind.min(deadline),
            Ordering::Equal => self.seen = self.seen.min(deadline),
            Ordering::Greater => {}
        }
    }

    /// Hears that the entries of a segment stand elsewhere now: if it is open, it begins anew.
    pub fn moved(&mut self, segment: u32) {
        if segment as usize == self.at {
            self.close(segment as usize);
        }
    }

    /// Puts the lap before a segment that is not open.
    fn close(&mut self, at: usize) {
        (self.at, self.bucket, self.seen, self.removed) = (at, 0, i64::MAX, None);
    }
}

/// What a call of [`super::Db::expire_due`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    /// Buckets read; 16 segments passed over count as one.
    pub work: usize,
    /// Keys with a deadline that it got past, those of segments it need not open included.
    pub passed: usize,
    /// Keys it removed.
    pub removed: usize,
}

impl Sweep {
    /// Both together.
    pub fn and(self, other: Sweep) -> Sweep {
        Sweep {
            work: self.work + other.work,
            passed: self.passed + other.passed,
            removed: self.removed + other.removed,
        }
    }
}

/// An entry that was taken out of its database. Dropping it frees key and value, but for a value that is slow to free:
/// that one waits for [`super::Db::take_waste`].
pub struct Removed<'a> {
    /// None only while it is dropped.
    entry: Option<Entry>,
    slab: &'a mut Slab,
    waste: &'a mut Waste,
}

impl Removed<'_> {
    /// What it was.
    pub fn entry(&self) -> EntryRef<'_> {
        self.entry.as_ref().expect("only a drop takes it").get()
    }

    /// The value, without the key. A short one is copied.
    pub fn into_value(mut self) -> Value {
        self.entry.take().expect("only a drop takes it").into_value(self.slab)
    }
}

impl Drop for Removed<'_> {
    fn drop(&mut self) {
        if let Some(entry) = self.entry.take() {
            self.waste.bin(entry, self.slab);
        }
    }
}

impl Table {
    /// Whether a key may be due. O(1).
    #[inline]
    pub fn may_be_due(&self, now_ms: i64) -> bool {
        self.volatile > 0 && self.lap.bound < now_ms
    }

    /// Removes due keys; see [`super::Db::expire_due`].
    pub fn expire_due(
        &mut self,
        now_ms: i64,
        budget: usize,
        each: &mut dyn FnMut(Removed<'_>),
    ) -> Sweep {
        let mut sweep = Sweep::default();
        let mut tallies = 0;
        while self.may_be_due(now_ms) && sweep.work + tallies / TALLIES_PER_BUCKET < budget {
            let Some(tally) = self.tallies.get(self.lap.at) else {
                self.lap = Lap::new(self.lap.behind);
                continue;
            };
            if self.lap.bucket > 0 || tally.earliest < now_ms {
                self.walk(now_ms, budget - tallies / TALLIES_PER_BUCKET, &mut sweep, each);
            } else {
                tallies += 1;
                sweep.passed += tally.volatile as usize;
                self.lap.behind = self.lap.behind.min(tally.earliest);
                self.lap.close(self.lap.at + 1);
            }
        }
        sweep.work += tallies.div_ceil(TALLIES_PER_BUCKET);
        sweep
    }

    /// Goes on in the segment under the lap: to its end, or as far as the budget goes.
    fn walk(
        &mut self,
        now_ms: i64,
        budget: usize,
        sweep: &mut Sweep,
        each: &mut dyn FnMut(Removed<'_>),
    ) {
        let segment = &self.segments[self.lap.at];
        let end = segment.buckets();
        if self.lap.bucket == 0 {
            self.lap.seen = i64::MAX;
        }
        (self.lap.bucket..self.lap.bucket + AHEAD).for_each(|bucket| prefetch(segment, bucket));
        while self.lap.bucket < end && sweep.work < budget {
            prefetch(&self.segments[self.lap.at], self.lap.bucket + AHEAD);
            self.expire_bucket(now_ms, sweep, each);
            self.lap.bucket += 1;
            sweep.work += 1;
        }
        if self.lap.bucket == end {
            self.leave();
        }
    }

    /// Removes the due keys of the bucket under the lap.
    fn expire_bucket(&mut self, now_ms: i64, sweep: &mut Sweep, each: &mut dyn FnMut(Removed<'_>)) {
        let number = u32::try_from(self.lap.at).expect("prefixes of 32 bits number segments");
        let segment = &self.segments[self.lap.at];
        let mut due = [None; SLOTS];
        for (slot, due) in due.iter_mut().enumerate() {
            let bucket = segment.bucket(self.lap.bucket);
            let entry = bucket.and_then(|bucket| bucket.entry(slot));
            let Some(entry) = entry.filter(|entry| entry.is_volatile()) else { continue };
            let entry = entry.get();
            let deadline = entry.deadline().expect("an entry marked volatile has a deadline");
            sweep.passed += 1;
            if deadline >= now_ms {
                self.lap.seen = self.lap.seen.min(deadline);
                continue;
            }
            *due = Some(segment.spot(self.lap.bucket, slot));
            if self.lap.removed.is_none() {
                self.lap.removed = Some(self.hasher.hash(entry.key()));
            }
        }
        for spot in due.into_iter().flatten() {
            let entry = Some(self.take_out(number, spot));
            sweep.removed += 1;
            each(Removed { entry, slab: &mut self.blocks, waste: &mut self.waste });
        }
    }

    /// Leaves the segment under the lap, whose every bucket was read. It shrinks only now, because shrinking would
    /// have moved what was not read yet.
    fn leave(&mut self) {
        let Lap { at, seen, removed, .. } = self.lap;
        let number = u32::try_from(at).expect("prefixes of 32 bits number segments");
        debug_assert_eq!(
            self.segments[at].entries().filter(|entry| entry.is_volatile()).count(),
            self.tallies[at].volatile as usize,
            "table, invariant 2"
        );
        debug_assert!(
            self.segments[at]
                .entries()
                .filter_map(|entry| entry.get().deadline())
                .all(|d| d >= seen),
            "invariant 2"
        );
        self.tallies[at].earliest = seen;
        self.lap.behind = self.lap.behind.min(seen);
        self.lap.close(at + 1);
        if let Some(hash) = removed {
            self.shrink(hash, number);
        }
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
        self.lap.note(segment, deadline);
    }
}

/// Asks the processor for the volatile entries of a bucket, if the segment has it.
fn prefetch(segment: &Segment<Entry>, bucket: usize) {
    let entries = segment.bucket(bucket).into_iter().flat_map(|bucket| bucket.entries());
    entries.filter(|entry| entry.is_volatile()).for_each(Entry::prefetch);
}

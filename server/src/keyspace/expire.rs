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

use super::entry::{Entry, EntryRef};
use super::table::Table;
use super::waste::Waste;
use crate::base::index::{Item, Notes, Paged, SLOTS, Segment};
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

/// What a table knows of the deadlines in its segments.
#[derive(Default)]
pub(super) struct Due {
    /// By segment.
    pub tallies: Paged<Tally>,
    lap: Lap,
    /// Entries with a deadline.
    pub volatile: usize,
}

impl Due {
    /// Counts an entry that has got a deadline.
    pub fn count(&mut self, segment: u32, deadline: i64) {
        self.volatile += 1;
        self.tallies[segment as usize].volatile += 1;
        self.note_deadline(segment, deadline);
    }

    /// Counts an entry that has lost its deadline, or is gone.
    pub fn discount(&mut self, segment: u32) {
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

    /// Bytes of its memory.
    pub fn memory(&self) -> usize {
        self.tallies.memory()
    }

    /// Whether a key may be due. O(1).
    #[inline]
    pub fn any(&self, now_ms: i64) -> bool {
        self.volatile > 0 && self.lap.bound < now_ms
    }

    /// What is known of a segment from now on.
    fn set(&mut self, segment: u32, tally: Tally) {
        self.lap.note(segment, tally.earliest);
        if segment as usize == self.tallies.len() {
            self.tallies.push(tally);
        } else {
            self.tallies[segment as usize] = tally;
        }
    }
}

impl Notes<Entry> for Due {
    fn begun(&mut self, number: u32) {
        self.set(number, Tally::default());
    }

    fn moved(&mut self, number: u32) {
        self.lap.moved(number);
    }

    fn parted(&mut self, number: u32, new: u32, halves: [&Segment<Entry>; 2]) {
        let earliest = self.tallies[number as usize].earliest;
        for (number, half) in [number, new].into_iter().zip(halves) {
            let volatile = half.entries().filter(|entry| entry.is_volatile()).count();
            self.set(number, Tally::new(volatile, earliest));
        }
    }

    fn joined(&mut self, number: u32, gone: u32) {
        let both = self.tallies[number as usize].with(self.tallies[gone as usize]);
        self.tallies[gone as usize] = Tally::default();
        self.set(number, both);
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
    /// Removes due keys; see [`super::Db::expire_due`].
    pub fn expire_due(
        &mut self,
        now_ms: i64,
        budget: usize,
        each: &mut dyn FnMut(Removed<'_>),
    ) -> Sweep {
        let mut sweep = Sweep::default();
        let mut looked = 0;
        loop {
            let work = sweep.work + looked / TALLIES_PER_BUCKET;
            if work >= budget || !self.index.notes.any(now_ms) {
                break;
            }
            let Due { tallies, lap, .. } = &mut self.index.notes;
            let Some(tally) = tallies.get(lap.at) else {
                *lap = Lap::new(lap.behind);
                continue;
            };
            if lap.bucket > 0 || tally.earliest < now_ms {
                self.walk(now_ms, budget - looked / TALLIES_PER_BUCKET, &mut sweep, each);
            } else {
                looked += 1;
                sweep.passed += tally.volatile as usize;
                lap.behind = lap.behind.min(tally.earliest);
                lap.close(lap.at + 1);
            }
        }
        sweep.work += looked.div_ceil(TALLIES_PER_BUCKET);
        sweep
    }

    /// The segment under the lap, and the lap.
    fn under_lap(&mut self) -> (&Segment<Entry>, &mut Lap) {
        let at = self.index.notes.lap.at;
        let (segments, notes) = self.index.segments_and_notes();
        (&segments[at], &mut notes.lap)
    }

    /// Goes on in the segment under the lap: to its end, or as far as the budget goes.
    fn walk(
        &mut self,
        now_ms: i64,
        budget: usize,
        sweep: &mut Sweep,
        each: &mut dyn FnMut(Removed<'_>),
    ) {
        let (segment, lap) = self.under_lap();
        let (end, mut bucket) = (segment.buckets(), lap.bucket);
        if bucket == 0 {
            lap.seen = i64::MAX;
        }
        (bucket..bucket + AHEAD).for_each(|bucket| prefetch(segment, bucket));
        while bucket < end && sweep.work < budget {
            prefetch(self.under_lap().0, bucket + AHEAD);
            self.expire_bucket(now_ms, sweep, each);
            bucket += 1;
            self.index.notes.lap.bucket = bucket;
            sweep.work += 1;
        }
        if bucket == end {
            self.leave();
        }
    }

    /// Removes the due keys of the bucket under the lap.
    fn expire_bucket(&mut self, now_ms: i64, sweep: &mut Sweep, each: &mut dyn FnMut(Removed<'_>)) {
        let mut due = [None; SLOTS];
        let (segment, lap) = self.under_lap();
        let number = u32::try_from(lap.at).expect("prefixes of 32 bits number segments");
        for (slot, due) in due.iter_mut().enumerate() {
            let bucket = segment.bucket(lap.bucket);
            let entry = bucket.and_then(|bucket| bucket.entry(slot));
            let Some(entry) = entry.filter(|entry| entry.is_volatile()) else { continue };
            let deadline = entry.get().deadline().expect("an entry marked volatile has a deadline");
            sweep.passed += 1;
            if deadline >= now_ms {
                lap.seen = lap.seen.min(deadline);
                continue;
            }
            *due = Some(segment.spot(lap.bucket, slot));
        }
        if let (None, Some(slot)) = (lap.removed, due.iter().position(Option::is_some)) {
            let bucket = lap.bucket;
            self.index.notes.lap.removed = self.hash_at(number, bucket, slot);
        }
        for spot in due.into_iter().flatten() {
            let entry = Some(self.take_out(number, spot));
            sweep.removed += 1;
            each(Removed { entry, slab: &mut self.blocks, waste: &mut self.waste });
        }
    }

    /// The hash of the key in a slot.
    fn hash_at(&self, number: u32, bucket: usize, slot: usize) -> Option<u64> {
        let entry = self.index.segment(number as usize)?.bucket(bucket)?.entry(slot)?;
        Some(self.index.hasher().hash(entry.get().key()))
    }

    /// Leaves the segment under the lap, whose every bucket was read. It shrinks only now, because shrinking would
    /// have moved what was not read yet.
    fn leave(&mut self) {
        let (segment, lap) = self.under_lap();
        let Lap { at, seen, removed, .. } = *lap;
        let volatile = || segment.entries().filter(|entry| entry.is_volatile());
        debug_assert!(volatile().all(|entry| entry.get().deadline() >= Some(seen)), "invariant 2");
        let count = if cfg!(debug_assertions) { Some(volatile().count()) } else { None };
        let Due { tallies, lap, .. } = &mut self.index.notes;
        let known = count.is_none_or(|count| count == tallies[at].volatile as usize);
        debug_assert!(known, "table, invariant 1");
        tallies[at].earliest = seen;
        lap.behind = lap.behind.min(seen);
        lap.close(at + 1);
        if let Some(hash) = removed {
            let number = u32::try_from(at).expect("prefixes of 32 bits number segments");
            self.index.shrink(hash, number);
        }
    }
}

/// Asks the processor for the volatile entries of a bucket, if the segment has it.
fn prefetch(segment: &Segment<Entry>, bucket: usize) {
    let entries = segment.bucket(bucket).into_iter().flat_map(|bucket| bucket.entries());
    entries.filter(|entry| entry.is_volatile()).for_each(Entry::prefetch);
}

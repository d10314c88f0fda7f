//! The hash table under a database: segments under a directory, in the order of the hash.
//!
//! Owns: every entry of one database, and the slab and the runs that they and their buckets stand in.
//! Uses: directory, segment, expire's tallies, sums, `base::{random, slab}`.   Never: clients, time, the disk.
//!
//! ```text
//!  directory (top bits of the hash)      segments              tallies (dense, for expire)
//!  | 000 | 001 | 010 | 011 | 100 ...     [0] depth 1  01...    [0] volatile 3, none due before t
//!     |     |     |     |                [1] depth 3  000      [1] volatile 0
//!     1     2     0     0                [2] depth 3  001      [2] ...
//! ```
//!
//! A segment of depth d is named by the directory cells of its prefix. It grows in steps, then splits;
//! so no command waits for more than one segment. A look-up goes from the cell to the bucket; the segment itself is
//! read only when something comes or goes.
//!
//! While a snapshot child lives nothing moves that need not: a full segment gets an extra layer, and splits
//! only above twice its size; nothing shrinks.
//!
//! Invariants
//!  1. The directory is told of every segment that changes (`refresh`), before anything is looked up again.
//!  2. `len`, `volatile`, `sums` and the tallies' counts are exact sums over the entries.
//!  3. The directory doubles only while it has a cell for many keys (`CELL_SHARE`), so keys whose hashes differ in few
//!     bits (a flood) make a segment longer and never the directory.
//!  4. The blocks of `blocks` are the entries and nothing else.
#![allow(unsafe_code)]

use std::ptr::NonNull;

use crate::base::index::bucket::{Bucket, SLOTS};
use super::compact::Compaction;
use crate::base::index::directory::Directory;
use super::entry::{Entry, EntryRef};
use super::expire::{Lap, Tally};
use crate::base::index::paged::Paged;
use crate::base::index::segment::{BUCKETS_MAX, Segment, Spot, fitting, limit};
use super::sums::{Sums, Weight};
use super::waste::Waste;
use crate::base::random::KeyHasher;
use crate::base::slab::{Runs, Slab, land};
use crate::value::{Put, Value};

/// The directory doubles only if it then has a cell for no fewer than so many keys. Even hashes split at
/// more than 150 keys a cell; a lower number would give a flood more memory.
const CELL_SHARE: usize = 64;
/// No prefix is longer, whatever the number of keys: a scan cursor needs prefix and route within 53 bits.
const DEPTH_MAX: u8 = 32;
/// A segment with less than one entry in so many slots shrinks or merges.
const SPARSE: usize = 8;
/// Slots of a segment too small to shrink.
const SMALL: usize = 32;

/// Where an entry stands in the table. Good until a segment changes: by an insertion, a removal, or compaction. A
/// [`super::Slot`], which has the table for itself, may keep one meanwhile; nobody else does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    hash: u64,
    bucket: NonNull<Bucket<Entry>>,
    spot: Spot,
}

// SAFETY: a place is followed only with the table at hand, which is Send.
unsafe impl Send for Place {}
// SAFETY: as for Send.
unsafe impl Sync for Place {}

/// The table.
pub(super) struct Table {
    pub directory: Directory<Entry>,
    pub segments: Paged<Segment<Entry>>,
    pub tallies: Paged<Tally>,
    pub lap: Lap,
    pub compaction: Compaction,
    /// Numbers of segments that were merged away.
    free: Vec<u32>,
    pub len: usize,
    pub volatile: usize,
    /// What the entries take.
    pub sums: Sums,
    /// What was removed and is slow to free.
    pub waste: Waste,
    pub hasher: KeyHasher,
    pub child_alive: bool,
    /// Where entries stand.
    pub blocks: Slab,
    /// Where buckets stand.
    pub rows: Runs,
}

impl Table {
    /// An empty table, which has allocated nothing.
    pub fn new(hasher: KeyHasher) -> Table {
        Table {
            directory: Directory::new(),
            segments: Paged::new(),
            tallies: Paged::new(),
            lap: Lap::default(),
            compaction: Compaction::default(),
            free: Vec::new(),
            len: 0,
            volatile: 0,
            sums: Sums::default(),
            waste: Waste::default(),
            hasher,
            child_alive: false,
            blocks: Slab::new(land()),
            rows: Runs::new(land()),
        }
    }

    /// The segment that a hash belongs to.
    #[inline]
    pub fn segment_of(&self, hash: u64) -> Option<&Segment<Entry>> {
        Some(&self.segments[self.directory.number(hash)? as usize])
    }

    /// The entry of a key, and its place.
    #[inline]
    pub fn find(&self, hash: u64, key: &[u8]) -> Option<(Place, EntryRef<'_>)> {
        let (row, has_more) = self.directory.row(hash)?;
        if let Some((bucket, slot, entry)) = row.find(hash, key) {
            let spot = Spot::main(bucket, slot);
            return Some((Place { hash, bucket: row.pointer(bucket), spot }, entry.get()));
        }
        if has_more { self.find_anywhere(hash, key) } else { None }
    }

    #[cold]
    fn find_anywhere(&self, hash: u64, key: &[u8]) -> Option<(Place, EntryRef<'_>)> {
        let segment = self.segment_of(hash)?;
        let (spot, entry) = segment.find(hash, key)?;
        Some((Place { hash, bucket: segment.pointer(spot)?, spot }, entry.get()))
    }

    /// The entry at a place.
    #[inline]
    pub fn entry(&self, at: Place) -> &Entry {
        // SAFETY: the bucket is one of this table's, which has not changed since the place was made.
        let bucket = unsafe { at.bucket.as_ref() };
        bucket.entry(at.spot.slot()).expect("a place is good until the table changes")
    }

    /// The entry at a place, for changes that neither the sums nor the tallies see; others go through
    /// [`Table::edit`].
    #[inline]
    pub fn entry_mut(&mut self, at: Place) -> &mut Entry {
        entry_mut(at)
    }

    /// Replaces an entry's value; deadline and access clock stay.
    #[inline]
    pub fn put(&mut self, at: Place, put: Put<'_>) {
        let entry = entry_mut(at);
        let before = Weight::of(entry.get());
        if Waste::wants(before.heap) {
            self.waste.throw(entry.value_mut().take());
        }
        entry.put(&mut self.blocks, put);
        let after = Weight::of(entry.get());
        self.sums.change(before, after);
    }

    /// Changes an entry, and the sums with it. Deadlines go through [`Table::set_deadline`].
    #[inline]
    pub fn edit<R>(&mut self, at: Place, change: impl FnOnce(&mut Entry, &mut Slab) -> R) -> R {
        let entry = entry_mut(at);
        let before = Weight::of(entry.get());
        let result = change(entry, &mut self.blocks);
        let after = Weight::of(entry.get());
        self.sums.change(before, after);
        result
    }

    /// Adds a key that the table does not have. O(1), now and then one segment's growth.
    pub fn insert(&mut self, hash: u64, key: &[u8], put: Put<'_>, deadline: Option<i64>) -> Place {
        let entry = Entry::new(&mut self.blocks, key, put, deadline);
        let segment = self.make_room(hash);
        self.len += 1;
        self.sums.add(Weight::of(entry.get()));
        if let Some(deadline) = entry.get().deadline() {
            self.count_volatile(segment, deadline);
        }
        let segment = &mut self.segments[segment as usize];
        let spot = segment.place(hash, entry);
        let bucket = segment.pointer(spot).expect("an entry stands in a bucket");
        Place { hash, bucket, spot }
    }

    /// Removes an entry and frees it. O(1), now and then one segment's shrinking.
    pub fn remove(&mut self, at: Place) {
        let entry = self.detach(at);
        self.waste.bin(entry, &mut self.blocks);
    }

    /// Removes an entry and gives its value.
    pub fn take(&mut self, at: Place) -> Value {
        self.detach(at).into_value(&mut self.blocks)
    }

    fn detach(&mut self, at: Place) -> Entry {
        let number = self.number_at(at);
        let entry = self.take_out(number, at.spot);
        self.shrink(at.hash, number);
        entry
    }

    /// Takes an entry out and moves no other; [`Table::shrink`] is to follow when the spots of the others are no
    /// longer needed.
    pub fn take_out(&mut self, number: u32, at: Spot) -> Entry {
        let entry = self.segments[number as usize]
            .remove(at)
            .expect("a place is good until the table changes");
        self.len -= 1;
        self.sums.remove(Weight::of(entry.get()));
        if entry.is_volatile() {
            self.discount_volatile(number);
        }
        entry
    }

    fn number_at(&self, at: Place) -> u32 {
        self.directory.number(at.hash).expect("a place is in a segment")
    }

    /// Gives or takes an entry's deadline.
    #[inline]
    pub fn set_deadline(&mut self, at: Place, deadline: Option<i64>) {
        let was_volatile = self.entry(at).is_volatile();
        if was_volatile || deadline.is_some() {
            self.change_deadline(at, was_volatile, deadline);
        }
    }

    fn change_deadline(&mut self, at: Place, was_volatile: bool, deadline: Option<i64>) {
        let number = self.number_at(at);
        match (was_volatile, deadline) {
            (false, None) => return,
            (true, None) => self.discount_volatile(number),
            (false, Some(deadline)) => self.count_volatile(number, deadline),
            (true, Some(deadline)) => self.note_deadline(number, deadline),
        }
        self.edit(at, |entry, slab| entry.set_deadline(slab, deadline));
    }

    /// Makes the table as large as `keys` keys will need, if it is empty. Allocates all of it at once, so the
    /// number must not be one that somebody merely claimed.
    pub fn reserve(&mut self, keys: usize) {
        if !self.directory.is_empty() || keys <= limit(BUCKETS_MAX) {
            return;
        }
        let mut depth = 0;
        while depth < DEPTH_MAX && keys >> depth > limit(BUCKETS_MAX) * 7 / 8 {
            depth += 1;
        }
        let buckets = fitting(keys >> depth);
        for _ in 0..1u64 << depth {
            self.segments.push(Segment::new(&mut self.rows, depth, buckets));
            self.tallies.push(Tally::default());
        }
        self.directory = Directory::of(depth, self.segments.iter().map(Segment::packed));
    }

    /// Bytes of the table itself, without the entries. O(segments / 1024).
    pub fn memory(&self) -> usize {
        self.rows.used()
            + self.directory.memory()
            + self.free.capacity() * size_of::<u32>()
            + self.segments.memory()
            + self.tallies.memory()
    }

    /// The number of the segment of `hash`, which now has room for one more entry.
    fn make_room(&mut self, hash: u64) -> u32 {
        if self.directory.is_empty() {
            let segment = Segment::new(&mut self.rows, 0, fitting(0));
            let row = segment.packed();
            let first = self.add_segment(segment, Tally::default());
            self.directory.begin(first, row);
        }
        loop {
            let number =
                self.directory.number(hash).expect("a directory with a cell has one for each hash");
            if self.segments[number as usize].has_room() {
                return number;
            }
            self.grow(hash, number);
        }
    }

    fn grow(&mut self, hash: u64, number: u32) {
        let may_double = self.may_double(hash);
        let depth = self.directory.depth(hash);
        let segment = &mut self.segments[number as usize];
        if self.child_alive && !segment.has_extra() {
            segment.add_extra(&mut self.rows);
            self.refresh(hash, number);
        } else if segment.len() < limit(BUCKETS_MAX) || (segment.depth() == depth && !may_double) {
            self.rebuild(hash, number);
        } else {
            self.split(hash, number);
        }
    }

    /// Gives a segment the size that fits it.
    pub fn rebuild(&mut self, hash: u64, number: u32) {
        let segment = &mut self.segments[number as usize];
        segment.rebuild(&mut self.rows, fitting(segment.len()));
        self.lap.moved(number);
        self.refresh(hash, number);
    }

    /// Tells the directory what a segment is now.
    fn refresh(&mut self, hash: u64, number: u32) {
        self.directory.set(hash, number, self.segments[number as usize].packed());
    }

    fn may_double(&self, hash: u64) -> bool {
        let depth = self.directory.depth(hash);
        depth < DEPTH_MAX && (2usize << depth) <= self.len / CELL_SHARE
    }

    fn split(&mut self, hash: u64, number: u32) {
        let segment = self.take_segment(number);
        let hasher = &self.hasher;
        let (low, high) = segment.split(&mut self.rows, |key| hasher.hash(key));
        let earliest = self.tallies[number as usize].earliest;
        let tally = |half: &Segment<Entry>| {
            Tally::new(half.entries().filter(|e| e.is_volatile()).count(), earliest)
        };
        let (low_tally, high_tally) = (tally(&low), tally(&high));
        let (low_row, high_row) = (low.packed(), high.packed());
        self.tallies[number as usize] = low_tally;
        self.segments[number as usize] = low;
        let new = self.add_segment(high, high_tally);
        self.directory.split(hash, (number, low_row), (new, high_row));
    }

    /// After a removal: a segment that has become sparse merges with its sibling, and so on while the two are sparse
    /// together, or becomes smaller.
    pub fn shrink(&mut self, hash: u64, mut number: u32) {
        while !self.child_alive {
            let segment = &self.segments[number as usize];
            let slots = segment.buckets() * SLOTS;
            if segment.len() * SPARSE >= slots {
                return;
            }
            let Some((sibling, low)) = self.sibling(hash, number) else {
                if slots > SMALL {
                    self.rebuild(hash, number);
                }
                return;
            };
            let (low, high) = if low { (number, sibling) } else { (sibling, number) };
            self.merge(hash, (low, high));
            number = low;
        }
    }

    /// The other half of the segment's parent, if the two are worth merging; and whether `number` is the lower.
    fn sibling(&self, hash: u64, number: u32) -> Option<(u32, bool)> {
        let segment = &self.segments[number as usize];
        let depth = segment.depth();
        if depth == 0 {
            return None;
        }
        let bit = 1 << (u64::BITS - u32::from(depth));
        let sibling = self.directory.number(hash ^ bit)?;
        let other = &self.segments[sibling as usize];
        let small = segment.len() + other.len() <= limit(BUCKETS_MAX) / 2;
        (other.depth() == depth && small).then_some((sibling, hash & bit == 0))
    }

    fn merge(&mut self, hash: u64, (low, high): (u32, u32)) {
        let lower = self.take_segment(low);
        let higher = self.take_segment(high);
        self.free.push(high);
        let (a, b) = (self.tallies[low as usize], self.tallies[high as usize]);
        self.tallies[high as usize] = Tally::default();
        self.tallies[low as usize] = a.with(b);
        self.lap.note(low, a.with(b).earliest);
        let merged = lower.merge(&mut self.rows, higher);
        let row = merged.packed();
        self.segments[low as usize] = merged;
        self.directory.merge(hash, low, row);
    }

    fn add_segment(&mut self, segment: Segment<Entry>, tally: Tally) -> u32 {
        if let Some(number) = self.free.pop() {
            self.lap.note(number, tally.earliest);
            self.tallies[number as usize] = tally;
            self.segments[number as usize] = segment;
            return number;
        }
        let number =
            u32::try_from(self.segments.len()).expect("prefixes of 32 bits number segments");
        self.lap.note(number, tally.earliest);
        self.segments.push(segment);
        self.tallies.push(tally);
        number
    }

    /// Leaves an empty segment without buckets, which no cell may name for long.
    fn take_segment(&mut self, number: u32) -> Segment<Entry> {
        self.lap.moved(number);
        let empty = Segment::new(&mut self.rows, 0, 0);
        std::mem::replace(&mut self.segments[number as usize], empty)
    }
}

impl Drop for Table {
    /// The slabs give back all memory at once; only what stands outside them is looked for.
    fn drop(&mut self) {
        if self.sums.total().heap > 0 {
            for segment in self.segments.iter() {
                segment.entries().for_each(Entry::drop_heap);
            }
        }
    }
}

/// The entry at a place, for whoever has its table mutably.
#[inline]
fn entry_mut<'a>(mut at: Place) -> &'a mut Entry {
    // SAFETY: the bucket is one of the table's, which has not changed since the place was made; callers have the table
    // for themselves and use no other part of its buckets meanwhile.
    let bucket = unsafe { at.bucket.as_mut() };
    bucket.entry_mut(at.spot.slot()).expect("a place is good until the table changes")
}

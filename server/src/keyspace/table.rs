//! The hash table under a database: segments under a directory, in the order of the hash.
//!
//! Owns: every entry of one database.   Uses: segment, expire's tallies, sums, `base::random`.
//! Never: clients, time, the disk.
//!
//! ```text
//!  directory (top bits of the hash)      segments              tallies (dense, for expire)
//!  | 000 | 001 | 010 | 011 | 100 ...     [0] depth 1  01...    [0] volatile 3, none due before t
//!     |     |     |     |                [1] depth 3  000      [1] volatile 0
//!     1     2     0     0                [2] depth 3  001      [2] ...
//! ```
//!
//! A segment of depth d is named by the 2^(D-d) directory cells of its prefix. It grows in steps, then splits;
//! so no command waits for more than one segment. Doubling the directory copies its 4-byte cells: with
//! about 300 keys a segment that is 1 ms for 300 M keys (a second level would spread that; not done).
//!
//! While a snapshot child lives nothing moves that need not: a full segment gets an extra layer, and splits
//! only above twice its size; nothing shrinks.
//!
//! Invariants
//!  1. Every directory cell names the segment of its prefix; a segment is in no other cell.
//!  2. `len`, `volatile`, `sums` and the tallies' counts are exact sums over the entries.
//!  3. The directory has at most `len / CELL_SHARE` cells when it doubles, so keys whose hashes differ in few bits
//!     (a flood) make a segment longer and never the directory.

use super::entry::{Entry, EntryRef};
use super::expire::{Lap, Tally};
use super::segment::{BUCKETS_MAX, Segment, Spot, fitting, limit};
use super::sums::{Sums, Weight};
use super::waste::Waste;
use crate::base::random::KeyHasher;
use crate::value::Put;

/// The directory doubles only if it then has a cell for no fewer than so many keys. Even hashes split at
/// more than 150 keys a cell; a lower number would give a flood more memory.
const CELL_SHARE: usize = 64;
/// No prefix is longer, whatever the number of keys: a scan cursor needs prefix and route within 53 bits.
const DEPTH_MAX: u8 = 32;
/// A segment with less than one entry in so many slots shrinks or merges.
const SPARSE: usize = 8;
/// Slots of a segment too small to shrink.
const SMALL: usize = 32;

/// Where an entry stands in the table. Good until the table changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    segment: u32,
    spot: Spot,
}

/// The table.
pub(super) struct Table {
    pub directory: Vec<u32>,
    /// The directory has 2^depth cells, or none.
    pub depth: u8,
    pub segments: Vec<Segment>,
    pub tallies: Vec<Tally>,
    pub lap: Lap,
    /// Segments of each depth: the directory can halve when the last of them is 0.
    at_depth: [u32; DEPTH_MAX as usize + 1],
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
}

impl Table {
    /// An empty table, which has allocated nothing.
    pub fn new(hasher: KeyHasher) -> Table {
        Table {
            directory: Vec::new(),
            depth: 0,
            segments: Vec::new(),
            tallies: Vec::new(),
            lap: Lap::default(),
            at_depth: [0; DEPTH_MAX as usize + 1],
            free: Vec::new(),
            len: 0,
            volatile: 0,
            sums: Sums::default(),
            waste: Waste::default(),
            hasher,
            child_alive: false,
        }
    }

    /// The segment that a hash belongs to, by number.
    #[inline]
    pub fn number_of(&self, hash: u64) -> Option<u32> {
        self.directory.get(cell(hash, self.depth)).copied()
    }

    /// The segment that a hash belongs to.
    #[inline]
    pub fn segment_of(&self, hash: u64) -> Option<&Segment> {
        Some(&self.segments[self.number_of(hash)? as usize])
    }

    /// The entry of a key, and its place.
    #[inline]
    pub fn find(&self, hash: u64, key: &[u8]) -> Option<(Place, EntryRef<'_>)> {
        let segment = self.number_of(hash)?;
        let (spot, entry) = self.segments[segment as usize].find(hash, key)?;
        Some((Place { segment, spot }, entry))
    }

    /// The entry at a place.
    #[inline]
    pub fn entry(&self, at: Place) -> &Entry {
        self.segments[at.segment as usize]
            .entry(at.spot)
            .expect("a place is good until the table changes")
    }

    /// The entry at a place, for changes that neither the sums nor the tallies see; others go through
    /// [`Table::edit`].
    #[inline]
    pub fn entry_mut(&mut self, at: Place) -> &mut Entry {
        self.segments[at.segment as usize]
            .entry_mut(at.spot)
            .expect("a place is good until the table changes")
    }

    /// Replaces an entry's value; deadline and access clock stay.
    #[inline]
    pub fn put(&mut self, at: Place, put: Put<'_>) {
        let entry = self.segments[at.segment as usize]
            .entry_mut(at.spot)
            .expect("a place is good until the table changes");
        let before = Weight::of(entry.get());
        if Waste::wants(before.heap) {
            self.waste.throw(entry.value_mut().take());
        }
        entry.put(put);
        let after = Weight::of(entry.get());
        self.sums.change(before, after);
    }

    /// Changes an entry, and the sums with it. Deadlines go through [`Table::set_deadline`].
    #[inline]
    pub fn edit<R>(&mut self, at: Place, change: impl FnOnce(&mut Entry) -> R) -> R {
        let entry = self.entry_mut(at);
        let before = Weight::of(entry.get());
        let result = change(entry);
        let after = Weight::of(entry.get());
        self.sums.change(before, after);
        result
    }

    /// Adds an entry whose key the table does not have. O(1), now and then one segment's growth.
    pub fn insert(&mut self, hash: u64, entry: Entry) -> Place {
        let segment = self.make_room(hash);
        self.len += 1;
        self.sums.add(Weight::of(entry.get()));
        if let Some(deadline) = entry.get().deadline() {
            self.count_volatile(segment, deadline);
        }
        let spot = self.segments[segment as usize].place(hash, entry);
        Place { segment, spot }
    }

    /// Takes an entry out. O(1), now and then one segment's shrinking.
    pub fn remove(&mut self, hash: u64, at: Place) -> Entry {
        let entry = self.segments[at.segment as usize]
            .remove(at.spot)
            .expect("a place is good until the table changes");
        self.len -= 1;
        self.sums.remove(Weight::of(entry.get()));
        if entry.is_volatile() {
            self.discount_volatile(at.segment);
        }
        self.shrink(hash, at.segment);
        entry
    }

    /// Drops an entry that was taken out; a value that is slow to free becomes waste.
    #[inline]
    pub fn discard(&mut self, entry: Entry) {
        if Waste::wants(entry.get().value().heap()) {
            self.waste.throw(entry.into_value());
        }
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
        match (was_volatile, deadline) {
            (false, None) => return,
            (true, None) => self.discount_volatile(at.segment),
            (false, Some(deadline)) => self.count_volatile(at.segment, deadline),
            (true, Some(deadline)) => self.note_deadline(at.segment, deadline),
        }
        self.edit(at, |entry| entry.set_deadline(deadline));
    }

    /// Makes the table as large as `keys` keys will need, if it is empty. Allocates all of it at once, so the
    /// number must not be one that somebody merely claimed.
    pub fn reserve(&mut self, keys: usize) {
        if !self.segments.is_empty() || keys <= limit(BUCKETS_MAX) {
            return;
        }
        let mut depth = 0;
        while depth < DEPTH_MAX && keys >> depth > limit(BUCKETS_MAX) * 7 / 8 {
            depth += 1;
        }
        let count = 1u32.checked_shl(depth.into()).unwrap_or(u32::MAX);
        let buckets = fitting(keys >> depth);
        self.depth = depth;
        self.directory = (0..count).collect();
        self.segments = (0..count).map(|_| Segment::new(depth, buckets)).collect();
        self.tallies = vec![Tally::default(); count as usize];
        self.at_depth[usize::from(depth)] = count;
    }

    /// Bytes of the table itself, without the entries. O(segments).
    pub fn memory(&self) -> usize {
        let buckets: usize = self.segments.iter().map(Segment::buckets).sum();
        buckets * size_of::<super::bucket::Bucket>()
            + self.directory.capacity() * size_of::<u32>()
            + self.free.capacity() * size_of::<u32>()
            + self.segments.capacity() * size_of::<Segment>()
            + self.tallies.capacity() * size_of::<Tally>()
    }

    /// The first hash of a segment to which `hash` belongs, and how many directory cells it has.
    pub fn span(&self, hash: u64, depth: u8) -> (usize, usize) {
        (cell(hash, depth) << (self.depth - depth), 1 << (self.depth - depth))
    }

    /// The number of the segment of `hash`, which now has room for one more entry.
    fn make_room(&mut self, hash: u64) -> u32 {
        if self.directory.is_empty() {
            let first = self.add_segment(Segment::new(0, 1), Tally::default());
            self.directory.push(first);
        }
        loop {
            let number =
                self.number_of(hash).expect("a directory with a cell has one for each hash");
            if self.segments[number as usize].has_room() {
                return number;
            }
            self.grow(hash, number);
        }
    }

    fn grow(&mut self, hash: u64, number: u32) {
        let may_double = self.may_double();
        let segment = &mut self.segments[number as usize];
        let len = segment.len();
        if self.child_alive && !segment.has_extra() {
            segment.add_extra();
        } else if len < limit(BUCKETS_MAX) {
            segment.rebuild(fitting(len));
        } else if segment.depth() < self.depth || may_double {
            self.split(hash, number);
        } else {
            segment.rebuild(fitting(len));
        }
    }

    fn may_double(&self) -> bool {
        self.depth < DEPTH_MAX && (2usize << self.depth) <= self.len / CELL_SHARE
    }

    fn split(&mut self, hash: u64, number: u32) {
        let segment = self.take_segment(number);
        let depth = segment.depth();
        if depth == self.depth {
            self.directory = self.directory.iter().flat_map(|&cell| [cell, cell]).collect();
            self.depth += 1;
        }
        let (low, high) = segment.split(|key| self.hasher.hash(key));
        let earliest = self.tallies[number as usize].earliest;
        let tally = |half: &Segment| {
            Tally::new(half.entries().filter(|e| e.is_volatile()).count(), earliest)
        };
        self.tallies[number as usize] = tally(&low);
        let high_tally = tally(&high);
        self.put_segment(number, low);
        let new = self.add_segment(high, high_tally);
        let (start, cells) = self.span(hash, depth);
        self.directory[start + cells / 2..start + cells].fill(new);
    }

    /// After a removal: a segment that has become sparse merges with its sibling, or becomes smaller.
    fn shrink(&mut self, hash: u64, number: u32) {
        let segment = &self.segments[number as usize];
        let slots = segment.buckets() * super::bucket::SLOTS;
        if self.child_alive || segment.len() * SPARSE >= slots {
            return;
        }
        if let Some((sibling, low)) = self.sibling(hash, number) {
            self.merge(hash, if low { (number, sibling) } else { (sibling, number) });
        } else if slots > SMALL {
            let len = segment.len();
            self.segments[number as usize].rebuild(fitting(len));
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
        let sibling = self.number_of(hash ^ bit)?;
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
        self.lap.note(a.with(b).earliest);
        let depth = lower.depth() - 1;
        self.put_segment(low, lower.merge(higher));
        let (start, cells) = self.span(hash, depth);
        self.directory[start..start + cells].fill(low);
        while self.depth > 0 && self.at_depth[usize::from(self.depth)] == 0 {
            self.directory = self.directory.iter().step_by(2).copied().collect();
            self.depth -= 1;
        }
    }

    fn add_segment(&mut self, segment: Segment, tally: Tally) -> u32 {
        self.lap.note(tally.earliest);
        if let Some(number) = self.free.pop() {
            self.tallies[number as usize] = tally;
            self.put_segment(number, segment);
            return number;
        }
        let number =
            u32::try_from(self.segments.len()).expect("prefixes of 32 bits number segments");
        self.at_depth[usize::from(segment.depth())] += 1;
        self.segments.push(segment);
        self.tallies.push(tally);
        number
    }

    /// Leaves an empty segment without buckets, which no cell may name for long.
    fn take_segment(&mut self, number: u32) -> Segment {
        let segment = std::mem::replace(&mut self.segments[number as usize], Segment::new(0, 0));
        self.at_depth[usize::from(segment.depth())] -= 1;
        segment
    }

    fn put_segment(&mut self, number: u32, segment: Segment) {
        self.at_depth[usize::from(segment.depth())] += 1;
        self.segments[number as usize] = segment;
    }
}

/// The first `depth` bits of a hash.
#[inline]
fn cell(hash: u64, depth: u8) -> usize {
    // In two steps, because a shift by 64 is none; `wrapping_shr` takes 6 bits, of which !depth is 63 - depth.
    (hash >> 1).wrapping_shr(!u32::from(depth)) as usize
}

//! How an index grows and shrinks: a segment at a time.
//!
//! Owns: when a segment grows, splits, merges.   Uses: segment, directory, the owner's notes.   Never: looks items up.

use super::directory::Directory;
use super::segment::{BUCKETS_MAX, Segment, fitting, limit};
use super::{Ground, Index, Item, Notes, Paged, SLOTS};

/// The directory doubles only if it then has a cell for no fewer than so many items. Even hashes split at
/// more than 150 items a cell; a lower number would give a flood more memory.
const CELL_SHARE: usize = 64;
/// No prefix is longer, whatever the number of items: a scan cursor needs prefix and route within 53 bits.
const DEPTH_MAX: u8 = 32;
/// A segment with less than one item in so many slots shrinks or merges.
const SPARSE: usize = 8;
/// Slots of a segment too small to shrink.
const SMALL: usize = 32;

impl<E: Item, N: Notes<E>, G: Ground> Index<E, N, G> {
    /// Makes the index as large as `items` items will need, if it is empty. Allocates all of it at once, so the
    /// number must not be one that somebody merely claimed.
    pub fn reserve(&mut self, items: usize) {
        if !self.directory.is_empty() || items <= limit(BUCKETS_MAX) {
            return;
        }
        let mut depth = 0;
        while depth < DEPTH_MAX && items >> depth > limit(BUCKETS_MAX) * 7 / 8 {
            depth += 1;
        }
        let buckets = fitting(items >> depth);
        for _ in 0..1u64 << depth {
            let segment = Segment::new(&mut self.ground, depth, buckets);
            self.notes.begun(self.next_number());
            self.segments.push(segment);
        }
        self.directory = Directory::of(depth, self.segments.iter().map(Segment::packed));
    }

    /// The number of the segment of `hash`, which now has room for one more item.
    pub(super) fn make_room(&mut self, hash: u64) -> u32 {
        if self.directory.is_empty() {
            let segment = Segment::new(&mut self.ground, 0, fitting(0));
            let (number, row) = (self.next_number(), segment.packed());
            self.notes.begun(number);
            self.segments.push(segment);
            self.directory.begin(number, row);
        }
        loop {
            let number = self.number(hash);
            if self.segments[number as usize].has_room() {
                return number;
            }
            self.grow(hash, number);
        }
    }

    fn next_number(&self) -> u32 {
        u32::try_from(self.segments.len()).expect("prefixes of 32 bits number segments")
    }

    fn grow(&mut self, hash: u64, number: u32) {
        let may_double = self.may_double(hash);
        let depth = self.directory.depth(hash);
        let segment = &mut self.segments[number as usize];
        if self.still && !segment.has_extra() {
            segment.add_extra(&mut self.ground);
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
        segment.rebuild(&mut self.ground, fitting(segment.len()));
        self.notes.moved(number);
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
        let (low, high) = segment.split(&mut self.ground, |key| hasher.hash(key));
        let reused = self.free.pop();
        let new = reused.unwrap_or_else(|| self.next_number());
        self.notes.parted(number, new, [&low, &high]);
        let (low_row, high_row) = (low.packed(), high.packed());
        self.segments[number as usize] = low;
        if reused.is_some() {
            self.segments[new as usize] = high;
        } else {
            self.segments.push(high);
        }
        self.directory.split(hash, (number, low_row), (new, high_row));
    }

    /// After a removal: a segment that has become sparse merges with its sibling, and so on while the two are sparse
    /// together, or becomes smaller.
    pub fn shrink(&mut self, hash: u64, mut number: u32) {
        while !self.still {
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
        self.notes.joined(low, high);
        let merged = lower.merge(&mut self.ground, higher);
        let row = merged.packed();
        self.segments[low as usize] = merged;
        self.directory.merge(hash, low, row);
    }

    /// Drops every item and frees all memory. O(items).
    pub fn clear(&mut self) {
        for number in 0..self.next_number() {
            self.take_segment(number).drain(&mut self.ground, |_, item| drop(item));
        }
        self.segments = Paged::new();
        self.directory = Directory::new();
        self.free.clear();
        self.len = 0;
    }

    /// Leaves an empty segment without buckets, which no cell may name for long.
    fn take_segment(&mut self, number: u32) -> Segment<E> {
        self.notes.moved(number);
        let empty = Segment::new(&mut self.ground, 0, 0);
        std::mem::replace(&mut self.segments[number as usize], empty)
    }
}

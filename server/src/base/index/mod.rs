//! An index of items by the hash of their keys, in the order of the hash: what a database, and a large hash or set, is
//! found by.
//!
//! Owns: buckets, segments, the directory over them, and the items in them.   Uses: alloc, random, `base::slab` through [`Ground`].
//! Never: the items' memory, what stands in them beside the key, what its owner keeps of a segment ([`Notes`]).
//!
//! ```text
//!  directory (top bits of the hash)      segments               notes (the owner's, by number)
//!  | 000 | 001 | 010 | 011 | 100 ...     [0] depth 1  01...     [0]
//!     |     |     |     |                [1] depth 3  000       [1]
//!     1     2     0     0                [2] depth 3  001       [2]
//!
//!  hash -> directory (top bits) -> row of a segment (next bits) -> bucket (a cache line) -> item
//! ```
//!
//! A segment of depth d is named by the directory cells of its prefix. It grows in steps, then splits;
//! so nobody waits for more than one segment. A look-up goes from the cell to the bucket; the segment itself is
//! read only when something comes or goes.
//!
//! While an index is *still* nothing moves that need not: a full segment gets an extra layer, and splits
//! only above twice its size; nothing shrinks.
//!
//! Invariants
//!  1. The directory is told of every segment that changes (`refresh`), before anything is looked up again.
//!  2. `len` is the exact number of items.
//!  3. The directory doubles only while it has a cell for many items (`CELL_SHARE`), so keys whose hashes differ in few
//!     bits (a flood) make a segment longer and never the directory.
#![allow(unsafe_code)]

mod bucket;
mod directory;
mod ground;
mod growth;
mod paged;
mod row;
mod segment;
mod walk;

use super::random::KeyHasher;
use directory::Directory;
use std::ptr::NonNull;

pub use bucket::{Bucket, SLOTS};
pub use ground::{Ground, HeapThenRuns, in_runs};
pub use paged::Paged;
pub use row::Row;
pub use segment::{Segment, Spot, fitting};
pub use walk::Items;

/// What stands in a slot: eight bytes that own something with a key, with 15 bits to spare for the index.
pub trait Item: Sized {
    /// Its key.
    fn key(&self) -> &[u8];
    /// The 15 bits that the index keeps with it.
    fn route(&self) -> u16;
    /// Sets these bits.
    fn set_route(&mut self, route: u16);
    /// Asks the processor for what a look-up will read of it.
    fn prefetch(&self);
}

/// What the owner of an index keeps of each segment, by its number. Numbers count up from 0 and are used again.
pub trait Notes<E> {
    /// A segment without items begins.
    fn begun(&mut self, number: u32);
    /// The items of a segment stand elsewhere in it now.
    fn moved(&mut self, number: u32);
    /// A segment was parted: it is the first half now, and the second one has a number that was free or is the next.
    fn parted(&mut self, number: u32, new: u32, halves: [&Segment<E>; 2]);
    /// The second segment was merged into the first, and its number is free.
    fn joined(&mut self, number: u32, gone: u32);
}

/// Nothing is kept.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoNotes;

impl<E> Notes<E> for NoNotes {
    fn begun(&mut self, _number: u32) {}
    fn moved(&mut self, _number: u32) {}
    fn parted(&mut self, _number: u32, _new: u32, _halves: [&Segment<E>; 2]) {}
    fn joined(&mut self, _number: u32, _gone: u32) {}
}

/// Where an item stands. Good until a segment changes: by an insertion, a removal, or shrinking. Who has the
/// index for itself may keep one meanwhile; nobody else does.
#[derive(Debug, PartialEq, Eq)]
pub struct Place<E> {
    hash: u64,
    bucket: NonNull<Bucket<E>>,
    spot: Spot,
}

impl<E> Clone for Place<E> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Place<E> {}

impl<E> Place<E> {
    /// The hash of the item's key.
    #[inline]
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// Where it stands in its segment.
    #[inline]
    pub fn spot(&self) -> Spot {
        self.spot
    }
}

// SAFETY: a place is followed only with the index at hand.
unsafe impl<E: Send> Send for Place<E> {}
// SAFETY: as for Send.
unsafe impl<E: Sync> Sync for Place<E> {}

/// The index.
pub struct Index<E, N, G> {
    /// What the owner keeps of each segment.
    pub notes: N,
    /// Where the buckets stand.
    pub ground: G,
    directory: Directory<E>,
    segments: Paged<Segment<E>>,
    /// Numbers of segments that were merged away.
    free: Vec<u32>,
    len: usize,
    hasher: KeyHasher,
    still: bool,
}

impl<E: Item, N: Notes<E>, G: Ground> Index<E, N, G> {
    /// An empty index, which has allocated nothing.
    pub const fn new(hasher: KeyHasher, notes: N, ground: G) -> Index<E, N, G> {
        Index {
            notes,
            ground,
            directory: Directory::new(),
            segments: Paged::new(),
            free: Vec::new(),
            len: 0,
            hasher,
            still: false,
        }
    }

    /// Items in it.
    #[expect(clippy::len_without_is_empty, reason = "its owners ask for the number only")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// What hashes its keys.
    pub fn hasher(&self) -> &KeyHasher {
        &self.hasher
    }

    /// Whether nothing moves that need not.
    #[inline]
    pub fn is_still(&self) -> bool {
        self.still
    }

    /// From now on nothing moves that need not, or things move again.
    pub fn set_still(&mut self, still: bool) {
        self.still = still;
    }

    /// Asks the processor for the directory's cell of a hash.
    #[inline]
    pub fn prefetch_cell(&self, hash: u64) {
        self.directory.prefetch(hash);
    }

    /// The row of a hash, to ask the processor for what stands in it.
    #[inline]
    pub fn row(&self, hash: u64) -> Option<Row<'_, E>> {
        Some(self.directory.row(hash)?.0)
    }

    /// The item of a key, and its place.
    #[inline]
    pub fn find(&self, hash: u64, key: &[u8]) -> Option<(Place<E>, &E)> {
        let (row, has_more) = self.directory.row(hash)?;
        if let Some((bucket, slot, item)) = row.find(hash, key) {
            let spot = Spot::main(bucket, slot);
            return Some((Place { hash, bucket: row.pointer(bucket), spot }, item));
        }
        if has_more { self.find_anywhere(hash, key) } else { None }
    }

    #[cold]
    fn find_anywhere(&self, hash: u64, key: &[u8]) -> Option<(Place<E>, &E)> {
        let segment = self.segment_of(hash)?;
        let (spot, item) = segment.find(hash, key)?;
        Some((Place { hash, bucket: segment.pointer(spot)?, spot }, item))
    }

    /// The item at a place.
    #[inline]
    pub fn item(&self, at: Place<E>) -> &E {
        // SAFETY: the bucket is one of this index's, which has not changed since the place was made.
        let bucket = unsafe { at.bucket.as_ref() };
        bucket.entry(at.spot.slot()).expect("a place is good until the index changes")
    }

    /// The item at a place, for changes that keep its key.
    #[inline]
    pub fn item_mut(&mut self, mut at: Place<E>) -> &mut E {
        // SAFETY: the bucket is one of this index's, which has not changed since the place was made; the answer
        // borrows the index, so no other part of its buckets is used meanwhile.
        let bucket = unsafe { at.bucket.as_mut() };
        bucket.entry_mut(at.spot.slot()).expect("a place is good until the index changes")
    }

    /// Adds an item whose key the index does not have. O(1), now and then one segment's growth.
    pub fn insert(&mut self, hash: u64, item: E) -> Place<E> {
        let number = self.make_room(hash);
        self.len += 1;
        let segment = &mut self.segments[number as usize];
        let spot = segment.place(hash, item);
        let bucket = segment.pointer(spot).expect("an item stands in a bucket");
        Place { hash, bucket, spot }
    }

    /// Takes an item out. O(1), now and then one segment's shrinking.
    pub fn remove(&mut self, at: Place<E>) -> E {
        let number = self.number(at.hash);
        let item = self.take_out(number, at.spot);
        self.shrink(at.hash, number);
        item
    }

    /// Takes an item out and moves no other; [`Index::shrink`] is to follow when the spots of the others are no
    /// longer needed.
    pub fn take_out(&mut self, number: u32, at: Spot) -> E {
        let item = self.segments[number as usize].remove(at);
        self.len -= 1;
        item.expect("a place is good until the index changes")
    }

    /// The number of the segment of a hash that is in the index.
    #[inline]
    pub fn number(&self, hash: u64) -> u32 {
        self.directory.number(hash).expect("what is in the index is in a segment")
    }

    /// The segment of a number; one that is free is empty.
    #[inline]
    pub fn segment(&self, number: usize) -> Option<&Segment<E>> {
        self.segments.get(number)
    }

    /// All segments by number, and the notes, to change these with a segment at hand.
    #[inline]
    pub fn segments_and_notes(&mut self) -> (&Paged<Segment<E>>, &mut N) {
        (&self.segments, &mut self.notes)
    }

    /// All segments, free ones included.
    pub fn segments(&self) -> impl Iterator<Item = &Segment<E>> {
        self.segments.iter()
    }

    /// Bytes of directory and segments, without the buckets. O(1).
    pub fn memory(&self) -> usize {
        self.directory.memory() + self.free.capacity() * size_of::<u32>() + self.segments.memory()
    }

    /// The segment that a hash belongs to.
    #[inline]
    fn segment_of(&self, hash: u64) -> Option<&Segment<E>> {
        Some(&self.segments[self.directory.number(hash)? as usize])
    }
}

/// Asks the processor for the cache line at `at`, which need not be valid.
#[inline]
pub fn prefetch<T>(at: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing that the program could see, and a wrong address does not fault.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

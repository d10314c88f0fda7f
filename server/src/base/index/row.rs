//! A row: the buckets of one segment as a search sees them.
//!
//! Owns: the memory of buckets, the search in them, and the packed form the directory keeps.   Uses: bucket.
//! Never: grows, splits.
//!
//! ```text
//!  hash   | prefix (depth bits) | route (15 bits) | ............ | tag (8) |
//!                                      |
//!  home bucket = (route & mask) * n >> 15, so a greater hash never has a lesser home
//!
//!  [ bucket 0 | bucket 1 | ... | bucket n-1 ]           full at home? the next bucket, round the end
//!
//!  packed (8 bytes: a look-up goes from the directory to the bucket, past the segment)
//!  63..60   59      58..55       54..48   47..6                        5..0
//!  0      | extra | good bits  | n      | address, a multiple of 64  | depth
//! ```
//!
//! An entry keeps its route in its owning pointer, so growing a segment reads no entry. A split shifts the
//! routes left, and what comes in on the right is unknown until keys are hashed again: the `mask` tells the bits that
//! are good.
//!
//! Overflow goes to the next bucket (and not to chained ones) because at the load we want every third bucket
//! is full, and a chained line for each would cost a quarter more memory. The route tells the home of
//! an entry wherever it stands, so a scan returns it with its home.
#![allow(unsafe_code)]

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use super::bucket::{Bucket, tag_of};
use super::{Ground, Item, prefetch};

/// Bits of a route.
pub const ROUTE_BITS: u32 = 15;
/// All bits of a route are good.
pub const ROUTE_ALL: u16 = (1 << ROUTE_BITS) - 1;

/// Buckets in one run. They must be freed there: only then is the run; items are not touched.
pub struct Buckets<E> {
    at: NonNull<Bucket<E>>,
    len: u32,
}

// SAFETY: `Buckets` is the only owner of its run, and buckets are Send.
unsafe impl<E: Send> Send for Buckets<E> {}
// SAFETY: through `&Buckets` the run is only read.
unsafe impl<E: Sync> Sync for Buckets<E> {}

impl<E> Buckets<E> {
    /// So many empty buckets, and those that cost nothing more.
    pub fn new(ground: &mut impl Ground, len: usize) -> Buckets<E> {
        if len == 0 {
            return Buckets { at: NonNull::dangling(), len: 0 };
        }
        let len = ground.given(len * size_of::<Bucket<E>>()) / size_of::<Bucket<E>>();
        let at = ground.allocate(len * size_of::<Bucket<E>>()).cast::<Bucket<E>>();
        for number in 0..len {
            // SAFETY: the run has room for `len` buckets and is aligned to more than 64 bytes.
            unsafe { at.add(number).write(Bucket::default()) };
        }
        Buckets { at, len: u32::try_from(len).expect("2^32 buckets are 256 GiB") }
    }

    /// Frees the run. Entries that are still in it are forgotten.
    pub fn free(self, ground: &mut impl Ground) {
        if self.len != 0 {
            let size = self.len as usize * size_of::<Bucket<E>>();
            // SAFETY: the run came from there with this size, and we were its only owner.
            unsafe { ground.free(self.at.cast(), size) };
        }
    }
}

impl<E> Deref for Buckets<E> {
    type Target = [Bucket<E>];
    #[inline]
    fn deref(&self) -> &[Bucket<E>] {
        // SAFETY: `new` initialised `len` buckets, and `&self` keeps them from changing.
        unsafe { NonNull::slice_from_raw_parts(self.at, self.len as usize).as_ref() }
    }
}

impl<E> DerefMut for Buckets<E> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [Bucket<E>] {
        // SAFETY: `new` initialised `len` buckets, and `&mut self` makes us their only user.
        unsafe { NonNull::slice_from_raw_parts(self.at, self.len as usize).as_mut() }
    }
}

/// Buckets and the rule by which a hash chooses one. Copies are as cheap as a reference.
pub struct Row<'a, E> {
    at: NonNull<Bucket<E>>,
    len: usize,
    mask: u16,
    depth: u8,
    buckets: PhantomData<&'a Bucket<E>>,
}

impl<E> Clone for Row<'_, E> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Row<'_, E> {}

impl<'a, E: Item> Row<'a, E> {
    /// The buckets of a segment with a prefix of `depth` bits, whose routes are good where `mask` is set.
    #[inline]
    pub fn new(buckets: &'a Buckets<E>, mask: u16, depth: u8) -> Row<'a, E> {
        let Buckets { at, len } = *buckets;
        Row { at, len: len as usize, mask, depth, buckets: PhantomData }
    }

    /// The bits of a hash that follow the prefix.
    #[inline]
    pub fn route(self, hash: u64) -> u16 {
        // No shift is as long as 64, which need not be checked on each look-up.
        (hash.wrapping_shl(self.depth.into()) >> (u64::BITS - ROUTE_BITS)) as u16
    }

    /// The bucket where an entry of this route belongs.
    #[inline]
    pub fn home(self, route: u16) -> usize {
        // 2^15 times the number of a segment's buckets is far from 2^64.
        usize::from(route & self.mask).wrapping_mul(self.len) >> ROUTE_BITS
    }

    /// The bucket behind one.
    #[inline]
    pub fn next(self, bucket: usize) -> usize {
        if bucket + 1 == self.len { 0 } else { bucket + 1 }
    }

    /// Its buckets; none if they did not fit into a packed row.
    #[inline]
    pub fn buckets(self) -> &'a [Bucket<E>] {
        // SAFETY: so many initialised buckets stand there and do not change during 'a.
        unsafe { NonNull::slice_from_raw_parts(self.at, self.len).as_ref() }
    }

    /// Where a bucket stands. It may be changed through this by whoever may change the table.
    #[inline]
    pub fn pointer(self, bucket: usize) -> NonNull<Bucket<E>> {
        debug_assert!(bucket < self.len);
        // SAFETY: there are `len` buckets in a row.
        unsafe { self.at.add(bucket) }
    }

    /// Bucket, slot and entry of a key. It is for the way that every look-up takes: as a call it would answer through
    /// memory.
    #[inline(always)]
    pub fn find(self, hash: u64, key: &[u8]) -> Option<(usize, usize, &'a E)> {
        let (tag, route) = (tag_of(hash), self.route(hash));
        let buckets = self.buckets();
        let mut at = self.home(route);
        for _ in 0..buckets.len() {
            let bucket = &buckets[at];
            for slot in bucket.matches(tag) {
                if let Some(entry) = bucket.entry(slot)
                    && self.is_route(entry, route)
                    && same(entry.key(), key)
                {
                    return Some((at, slot, entry));
                }
            }
            if !bucket.was_passed() {
                return None;
            }
            at = self.next(at);
        }
        None
    }

    /// [`Row::find`] for the few.
    #[cold]
    pub fn find_slowly(self, hash: u64, key: &[u8]) -> Option<(usize, usize, &'a E)> {
        self.find(hash, key)
    }

    /// Asks the processor for the home bucket of a hash.
    #[inline]
    pub fn prefetch_bucket(self, hash: u64) {
        prefetch(self.at.as_ptr().wrapping_add(self.home(self.route(hash))));
    }

    /// Asks the processor for what `find` will read, if that is in the first two buckets.
    #[inline]
    pub fn prefetch_entry(self, hash: u64) {
        let (tag, route) = (tag_of(hash), self.route(hash));
        let Some(buckets) = Some(self.buckets()).filter(|buckets| !buckets.is_empty()) else {
            return;
        };
        let mut at = self.home(route);
        for _ in 0..2 {
            let bucket = &buckets[at];
            let mut found = false;
            for slot in bucket.matches(tag) {
                if let Some(entry) = bucket.entry(slot)
                    && self.is_route(entry, route)
                {
                    entry.prefetch();
                    found = true;
                }
            }
            if found || !bucket.was_passed() {
                return;
            }
            at = self.next(at);
        }
    }

    /// Whether an entry's route is that of a sought hash, as far as it is known.
    #[inline]
    fn is_route(self, entry: &E, route: u16) -> bool {
        (entry.route() ^ route) & self.mask == 0
    }
}

/// Whether two keys are the same. Those of 8 to 32 bytes, which most are, are compared without a call: by their
/// first and their last bytes, which may overlap.
#[inline]
fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    match a.len() {
        8..=16 => {
            a.first_chunk::<8>() == b.first_chunk::<8>()
                && a.last_chunk::<8>() == b.last_chunk::<8>()
        }
        17..=32 => {
            a.first_chunk::<16>() == b.first_chunk::<16>()
                && a.last_chunk::<16>() == b.last_chunk::<16>()
        }
        _ => a == b,
    }
}

const DEPTH: u64 = (1 << 6) - 1;
const ADDRESS: u64 = ((1 << 48) - 1) & !DEPTH;
const LEN_SHIFT: u32 = 48;
const LEN_MAX: usize = (1 << 7) - 1;
const GOOD_SHIFT: u32 = 55;
const EXTRA: u64 = 1 << 59;

/// A row in eight bytes: a number, and who may follow it is decided where it is made into a row.
pub struct Packed<E>(u64, PhantomData<fn() -> E>);

impl<E> Clone for Packed<E> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Packed<E> {}

impl<E: Item> Packed<E> {
    /// Packs a row. More than 127 buckets do not fit and leave only the depth: the segment itself must be asked.
    pub fn new(row: Row<'_, E>, has_extra: bool) -> Packed<E> {
        let depth = u64::from(row.depth) & DEPTH;
        if row.len > LEN_MAX || row.len == 0 {
            return Packed(depth | EXTRA, PhantomData);
        }
        let address = row.at.as_ptr().expose_provenance() as u64;
        assert!(address & !ADDRESS == 0, "buckets are aligned, and addresses have 48 bits");
        let packed = depth
            | address
            | (row.len as u64) << LEN_SHIFT
            | u64::from(row.mask.count_ones()) << GOOD_SHIFT
            | if has_extra { EXTRA } else { 0 };
        Packed(packed, PhantomData)
    }

    /// Bits of the segment's prefix.
    pub fn depth(self) -> u8 {
        (self.0 & DEPTH) as u8
    }

    /// Whether what the row lacks may be elsewhere in the segment.
    #[inline]
    pub fn has_more(self) -> bool {
        self.0 & EXTRA != 0
    }

    /// The row again; without buckets if they did not fit.
    ///
    /// # Safety
    /// The segment whose row was packed has the same buckets still, and keeps them unchanged during 'a.
    #[inline]
    pub unsafe fn row<'a>(self) -> Row<'a, E> {
        let len = (self.0 >> LEN_SHIFT) as usize & LEN_MAX;
        let good = (self.0 >> GOOD_SHIFT) as u32 & 15;
        let mask = !(ROUTE_ALL.wrapping_shr(good)) & ROUTE_ALL;
        Row { at: self.address(), len, mask, depth: self.depth(), buckets: PhantomData }
    }

    #[inline]
    fn address(self) -> NonNull<Bucket<E>> {
        let at = std::ptr::with_exposed_provenance_mut((self.0 & ADDRESS) as usize);
        NonNull::new(at).unwrap_or(NonNull::dangling())
    }
}

//! A segment: the buckets of all hashes that begin with one prefix, in the order of the hash.
//!
//! Owns: buckets, and through them entries.   Uses: bucket, entry.   Never: the other segments, deadlines.
//!
//! ```text
//!  hash   | prefix (depth bits) | route (15 bits) | ............ | tag (8) |
//!                                      |
//!  home bucket = (route & mask) * n >> 15, so a greater hash never has a lesser home
//!
//!  main    [ bucket 0 | bucket 1 | ... | bucket n-1 ]   full at home? the next bucket, round the end
//!  extra   [ bucket 0 | bucket 1 | ... | bucket n-1 ]   only while a snapshot child lives, or shortly after
//! ```
//!
//! An entry keeps its route in its owning pointer, so growing a segment reads no entry. A split shifts the
//! routes left, and what comes in on the right is unknown until keys are hashed again: `mask` tells
//! the bits that are good. With less than [`ROUTE_MIN`] of them the next split hashes.
//!
//! Overflow goes to the next bucket (and not to chained ones) because at the load we want every third bucket
//! is full, and a chained line for each would cost a quarter more memory. The route tells the home of
//! an entry wherever it stands, so a scan returns it with its home.
//!
//! Invariants
//!  1. An entry is found from its home by going on while the bucket `was_passed`.
//!  2. Each layer has a free slot, so a search ends.
//!  3. Both layers have the same number of buckets, so one bucket number is a home in both.

use super::bucket::{Bucket, SLOTS, tag_of};
use super::entry::{Entry, EntryRef, prefetch};

/// Bits of a route.
pub(super) const ROUTE_BITS: u32 = 15;
/// Good bits that a route must have before a split may spend one.
const ROUTE_MIN: u32 = 12;
const ROUTE_ALL: u16 = (1 << ROUTE_BITS) - 1;
/// A segment of this many buckets splits when it is full.
pub(super) const BUCKETS_MAX: usize = 64;
/// Sizes in buckets on the way there. The steps of eight are size classes of the allocator.
const STEPS: [usize; 10] = [1, 2, 4, 8, 16, 32, 40, 48, 56, BUCKETS_MAX];

/// Entries that `buckets` take before they count as full: seven eighths. Beyond it searches grow long.
pub(super) fn limit(buckets: usize) -> usize {
    buckets * SLOTS * 7 / 8
}

/// The least size in buckets that takes `entries` and leaves some room; the largest ordinary one needs to leave
/// room for just one more.
pub(super) fn fitting(entries: usize) -> usize {
    let wanted = entries + entries / 16 + 1;
    if let Some(step) = STEPS.into_iter().find(|&step| limit(step) >= wanted) {
        return step;
    }
    // Beyond it come only hashes that hardly differ (splitting does not part them), and a lasting child.
    let mut buckets = BUCKETS_MAX;
    while limit(buckets) <= entries {
        buckets *= 2;
    }
    buckets
}

/// Where an entry stands in a segment. Good until the segment changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    extra: bool,
    bucket: u32,
    slot: u8,
}

/// Buckets that are probed together. It knows all that a search needs, in half a cache line with the rest of
/// its segment.
struct Layer {
    buckets: Box<[Bucket]>,
    used: u32,
    mask: u16,
    depth: u8,
}

const _: () = assert!(size_of::<Segment>() == 32);

impl Layer {
    fn new(depth: u8, mask: u16, buckets: usize) -> Layer {
        let buckets = (0..buckets).map(|_| Bucket::default()).collect();
        Layer { buckets, used: 0, mask, depth }
    }

    /// The bits of a hash that follow the prefix.
    #[inline]
    fn route(&self, hash: u64) -> u16 {
        // No shift is as long as 64, which need not be checked on each look-up.
        (hash.wrapping_shl(self.depth.into()) >> (u64::BITS - ROUTE_BITS)) as u16
    }

    #[inline]
    fn home(&self, route: u16) -> usize {
        // 2^15 times the number of a segment's buckets is far from 2^64.
        usize::from(route & self.mask).wrapping_mul(self.buckets.len()) >> ROUTE_BITS
    }

    /// Whether an entry's route is that of a sought hash, as far as it is known.
    #[inline]
    fn is_route(&self, entry: &Entry, route: u16) -> bool {
        (entry.route() ^ route) & self.mask == 0
    }

    #[inline]
    fn next(&self, bucket: usize) -> usize {
        if bucket + 1 == self.buckets.len() { 0 } else { bucket + 1 }
    }

    fn has_room(&self) -> bool {
        (self.used as usize) < limit(self.buckets.len())
    }

    #[inline]
    fn find(&self, hash: u64, key: &[u8]) -> Option<(usize, usize, EntryRef<'_>)> {
        let (tag, route) = (tag_of(hash), self.route(hash));
        let mut at = self.home(route);
        for _ in 0..self.buckets.len() {
            let bucket = &self.buckets[at];
            for slot in bucket.matches(tag) {
                if let Some(entry) = bucket.entry(slot)
                    && self.is_route(entry, route)
                    && entry.get().key() == key
                {
                    return Some((at, slot, entry.get()));
                }
            }
            if !bucket.was_passed() {
                return None;
            }
            at = self.next(at);
        }
        None
    }

    /// Asks the processor for what `find` will read, if that is in the first two buckets.
    #[inline]
    fn prefetch_entry(&self, hash: u64) {
        let (tag, route) = (tag_of(hash), self.route(hash));
        let mut at = self.home(route);
        for _ in 0..2 {
            let bucket = &self.buckets[at];
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

    fn place(&mut self, tag: u8, entry: Entry) -> (usize, usize) {
        assert!((self.used as usize) < self.buckets.len() * SLOTS, "a layer must keep a free slot");
        let mut at = self.home(entry.route());
        loop {
            let bucket = &mut self.buckets[at];
            if let Some(slot) = bucket.matches(0).next() {
                bucket.fill(slot, tag, entry);
                self.used += 1;
                return (at, slot);
            }
            bucket.pass();
            at = self.next(at);
        }
    }

    fn remove(&mut self, bucket: usize, slot: usize) -> Option<Entry> {
        let entry = self.buckets[bucket].take(slot)?;
        self.used -= 1;
        let mut at = self.home(entry.route());
        while at != bucket {
            self.buckets[at].unpass();
            at = self.next(at);
        }
        Some(entry)
    }

    fn each_of_home(&self, home: usize, each: &mut dyn FnMut(EntryRef<'_>)) {
        let mut at = home;
        for _ in 0..self.buckets.len() {
            let bucket = &self.buckets[at];
            for entry in bucket.entries() {
                if self.home(entry.route()) == home {
                    each(entry.get());
                }
            }
            if !bucket.was_passed() {
                return;
            }
            at = self.next(at);
        }
    }
}

/// The entries whose hashes begin with one prefix.
pub(super) struct Segment {
    main: Layer,
    extra: Option<Box<Layer>>,
}

impl Segment {
    /// An empty segment for a prefix of `depth` bits.
    pub fn new(depth: u8, buckets: usize) -> Segment {
        Segment::of(depth, ROUTE_ALL, buckets)
    }

    /// Bits of the prefix.
    #[inline]
    pub fn depth(&self) -> u8 {
        self.main.depth
    }

    /// Entries in it.
    pub fn len(&self) -> usize {
        self.layers().map(|layer| layer.used as usize).sum()
    }

    /// Home positions: buckets of its main layer.
    pub fn homes(&self) -> usize {
        self.main.buckets.len()
    }

    /// Buckets of both layers.
    pub fn buckets(&self) -> usize {
        self.layers().map(|layer| layer.buckets.len()).sum()
    }

    /// Whether it has an extra layer.
    pub fn has_extra(&self) -> bool {
        self.extra.is_some()
    }

    /// Whether an entry can be placed without any growth.
    pub fn has_room(&self) -> bool {
        self.main.has_room() || self.extra.as_ref().is_some_and(|extra| extra.has_room())
    }

    /// The entry of a key, and where it stands. O(1) but for keys of equal hash.
    #[inline]
    pub fn find(&self, hash: u64, key: &[u8]) -> Option<(Spot, EntryRef<'_>)> {
        if let Some((bucket, slot, entry)) = self.main.find(hash, key) {
            return Some((spot(false, bucket, slot), entry));
        }
        let (bucket, slot, entry) = self.extra.as_ref()?.find(hash, key)?;
        Some((spot(true, bucket, slot), entry))
    }

    /// The entry at a spot.
    #[inline]
    pub fn entry(&self, spot: Spot) -> Option<&Entry> {
        let layer = if spot.extra { self.extra.as_ref()? } else { &self.main };
        layer.buckets[spot.bucket as usize].entry(spot.slot.into())
    }

    /// The entry at a spot, for changes.
    #[inline]
    pub fn entry_mut(&mut self, spot: Spot) -> Option<&mut Entry> {
        let layer = if spot.extra { self.extra.as_mut()? } else { &mut self.main };
        layer.buckets[spot.bucket as usize].entry_mut(spot.slot.into())
    }

    /// Places an entry whose key is not here yet. There must be room.
    pub fn place(&mut self, hash: u64, mut entry: Entry) -> Spot {
        entry.set_route(self.main.route(hash));
        self.put(tag_of(hash), entry)
    }

    /// Takes the entry at a spot out.
    pub fn remove(&mut self, at: Spot) -> Option<Entry> {
        let layer = if at.extra { self.extra.as_mut()? } else { &mut self.main };
        layer.remove(at.bucket as usize, at.slot.into())
    }

    /// The home of a hash that belongs to this segment.
    #[inline]
    pub fn home(&self, hash: u64) -> usize {
        self.main.home(self.main.route(hash))
    }

    /// How far into the segment the home after `home` begins, in units of 2^(49 - depth) hashes; 2^15 at the end.
    pub fn end_of_home(&self, home: usize) -> u64 {
        let exact = ((home as u64 + 1) << ROUTE_BITS).div_ceil(self.homes() as u64);
        // Bits that the mask ignores cannot be the beginning of a home.
        exact.next_multiple_of(1 << self.main.mask.trailing_zeros())
    }

    /// Hands out every entry whose home this is, wherever it stands.
    pub fn each_of_home(&self, home: usize, each: &mut dyn FnMut(EntryRef<'_>)) {
        for layer in self.layers() {
            layer.each_of_home(home, each);
        }
    }

    /// A bucket by number, over both layers.
    pub fn bucket(&self, number: usize) -> Option<&Bucket> {
        let homes = self.homes();
        match self.main.buckets.get(number) {
            Some(bucket) => Some(bucket),
            None => self.extra.as_ref()?.buckets.get(number - homes),
        }
    }

    /// The spot of a slot in a bucket, numbered as for [`Segment::bucket`].
    pub fn spot(&self, bucket: usize, slot: usize) -> Spot {
        match bucket.checked_sub(self.homes()) {
            None => spot(false, bucket, slot),
            Some(bucket) => spot(true, bucket, slot),
        }
    }

    /// All entries, by bucket.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.layers().flat_map(|layer| layer.buckets.iter().flat_map(Bucket::entries))
    }

    /// Asks the processor for the home bucket of a hash.
    #[inline]
    pub fn prefetch_bucket(&self, hash: u64) {
        prefetch(&raw const self.main.buckets[self.home(hash)]);
    }

    /// Asks the processor for the entries that may be the one of this hash.
    #[inline]
    pub fn prefetch_entry(&self, hash: u64) {
        self.main.prefetch_entry(hash);
    }

    /// Adds a second layer of the same size.
    pub fn add_extra(&mut self) {
        assert!(self.extra.is_none(), "a segment has at most one extra layer");
        self.extra = Some(Box::new(Layer::new(self.main.depth, self.main.mask, self.homes())));
    }

    /// Moves everything into one layer of `buckets`, reading no entry. The order stays.
    pub fn rebuild(&mut self, buckets: usize) {
        assert!(self.len() <= limit(buckets), "a segment rebuilt too small");
        let mut new = Segment::of(self.main.depth, self.main.mask, buckets);
        for (tag, entry) in self.drain() {
            new.put(tag, entry);
        }
        *self = new;
    }

    /// Parts it in two by the next bit of the hash. Hashes keys again only if the routes ran out of bits.
    pub fn split(mut self, hash_of: impl Fn(&[u8]) -> u64) -> (Segment, Segment) {
        let depth = self.main.depth + 1;
        let high = self.entries().filter(|entry| top_bit(entry)).count();
        let spent = self.main.mask.count_ones() < ROUTE_MIN;
        if spent {
            self.entries().for_each(Entry::prefetch);
        }
        let mask = if spent { ROUTE_ALL } else { (self.main.mask << 1) & ROUTE_ALL };
        let mut halves =
            [self.len() - high, high].map(|entries| Segment::of(depth, mask, fitting(entries)));
        for (tag, mut entry) in self.drain() {
            let half = &mut halves[usize::from(top_bit(&entry))];
            let route = if spent {
                half.main.route(hash_of(entry.get().key()))
            } else {
                (entry.route() << 1) & ROUTE_ALL
            };
            entry.set_route(route);
            half.put(tag, entry);
        }
        halves.into()
    }

    /// The opposite of [`Segment::split`]: `self` is the lower half.
    pub fn merge(mut self, mut high: Segment) -> Segment {
        assert!(
            self.depth() == high.depth() && self.depth() > 0,
            "only halves of one segment merge"
        );
        let top = 1 << (ROUTE_BITS - 1);
        let mask = top | ((self.main.mask & high.main.mask) >> 1);
        let mut merged = Segment::of(self.depth() - 1, mask, fitting(self.len() + high.len()));
        let low = self.drain().map(|(tag, entry)| (0, tag, entry));
        let high = high.drain().map(|(tag, entry)| (top, tag, entry));
        for (bit, tag, mut entry) in low.chain(high) {
            entry.set_route(bit | (entry.route() >> 1));
            merged.put(tag, entry);
        }
        merged
    }

    fn put(&mut self, tag: u8, entry: Entry) -> Spot {
        let (extra, layer) = match &mut self.extra {
            Some(extra) if !self.main.has_room() => (true, &mut **extra),
            Some(_) | None => (false, &mut self.main),
        };
        let (bucket, slot) = layer.place(tag, entry);
        spot(extra, bucket, slot)
    }

    fn of(depth: u8, mask: u16, buckets: usize) -> Segment {
        Segment { main: Layer::new(depth, mask, buckets), extra: None }
    }

    fn layers(&self) -> impl Iterator<Item = &Layer> {
        std::iter::once(&self.main).chain(self.extra.as_deref())
    }

    /// Takes all entries out, with their tags.
    fn drain(&mut self) -> impl Iterator<Item = (u8, Entry)> + use<> {
        let main = std::mem::take(&mut self.main.buckets);
        let extra = self.extra.take().map(|extra| extra.buckets);
        main.into_iter().chain(extra.into_iter().flatten()).flat_map(Bucket::into_entries)
    }
}

fn top_bit(entry: &Entry) -> bool {
    entry.route() >> (ROUTE_BITS - 1) != 0
}

fn spot(extra: bool, bucket: usize, slot: usize) -> Spot {
    Spot { extra, bucket: bucket as u32, slot: slot as u8 }
}

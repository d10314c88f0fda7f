//! A segment: the buckets of all hashes that begin with one prefix, in the order of the hash.
//!
//! Owns: the buckets of its layers.   Uses: row, bucket.   Never: the other segments, deadlines.
//! What takes or frees buckets is told the ground they stand on.
//!
//! ```text
//!  main    [ bucket 0 | bucket 1 | ... | bucket n-1 ]   a row; what is in it and how it is searched: row.rs
//!  extra   [ bucket 0 | bucket 1 | ... | bucket n-1 ]   only while a snapshot child lives, or shortly after
//! ```
//!
//! With less than [`ROUTE_MIN`] good bits of the routes the next split hashes the keys again.
//!
//! Invariants
//!  1. An entry is found from its home by going on while the bucket `was_passed`.
//!  2. Each layer has a free slot, so a search ends.
//!  3. Both layers have the same number of buckets, so one bucket number is a home in both.

use std::ptr::NonNull;

use super::bucket::{Bucket, SLOTS, tag_of};
use super::row::{Buckets, Packed, ROUTE_ALL, ROUTE_BITS, Row};
use super::{Ground, Item};

/// Good bits that a route must have before a split may spend one.
const ROUTE_MIN: u32 = 12;
/// A segment of this many buckets splits when it is full.
pub const BUCKETS_MAX: usize = 64;
/// Sizes in buckets grow by this much on the way there: a unit of their memory.
const STEP: usize = 4;

/// Entries that `buckets` take before they count as full: seven eighths. Beyond it searches grow long.
pub fn limit(buckets: usize) -> usize {
    buckets * SLOTS * 7 / 8
}

/// The least size in buckets that takes `entries` and leaves some room; the largest ordinary one needs to leave
/// room for just one more.
pub fn fitting(entries: usize) -> usize {
    let wanted = entries + entries / 16 + 1;
    let step = (wanted * 8).div_ceil(SLOTS * 7).next_multiple_of(STEP);
    if step <= BUCKETS_MAX {
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
///
/// One word, bucket, layer and slot: of parts that are stored one by one the processor would have to wait before it
/// could copy them at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot(u64);

const EXTRA: u64 = 1 << 3;
const SLOT: u64 = EXTRA - 1;
const BUCKET_SHIFT: u32 = 4;

impl Spot {
    /// A spot in the main layer.
    #[inline]
    pub fn main(bucket: usize, slot: usize) -> Spot {
        Spot((bucket as u64) << BUCKET_SHIFT | slot as u64)
    }

    /// A spot in the extra layer.
    fn extra(bucket: usize, slot: usize) -> Spot {
        Spot(Spot::main(bucket, slot).0 | EXTRA)
    }

    /// Its slot in the bucket.
    #[inline]
    pub fn slot(self) -> usize {
        (self.0 & SLOT) as usize
    }

    fn bucket(self) -> usize {
        (self.0 >> BUCKET_SHIFT) as usize
    }

    fn is_extra(self) -> bool {
        self.0 & EXTRA != 0
    }
}

/// Buckets that are probed together.
struct Layer<E> {
    buckets: Buckets<E>,
    used: u32,
    mask: u16,
    depth: u8,
}

impl<E: Item> Layer<E> {
    fn new(ground: &mut impl Ground, depth: u8, mask: u16, buckets: usize) -> Layer<E> {
        Layer { buckets: Buckets::new(ground, buckets), used: 0, mask, depth }
    }

    #[inline]
    fn row(&self) -> Row<'_, E> {
        Row::new(&self.buckets, self.mask, self.depth)
    }

    fn has_room(&self) -> bool {
        (self.used as usize) < limit(self.buckets.len())
    }

    fn place(&mut self, tag: u8, entry: E) -> (usize, usize) {
        assert!((self.used as usize) < self.buckets.len() * SLOTS, "a layer must keep a free slot");
        let mut at = self.row().home(entry.route());
        loop {
            let bucket = &mut self.buckets[at];
            if let Some(slot) = bucket.matches(0).next() {
                bucket.fill(slot, tag, entry);
                self.used += 1;
                return (at, slot);
            }
            bucket.pass();
            at = self.row().next(at);
        }
    }

    fn remove(&mut self, bucket: usize, slot: usize) -> Option<E> {
        let entry = self.buckets[bucket].take(slot)?;
        self.used -= 1;
        let mut at = self.row().home(entry.route());
        while at != bucket {
            self.buckets[at].unpass();
            at = self.row().next(at);
        }
        Some(entry)
    }

    fn each_of_home(&self, home: usize, each: &mut dyn FnMut(&E)) {
        let mut at = home;
        for _ in 0..self.buckets.len() {
            let bucket = &self.buckets[at];
            for entry in bucket.entries() {
                if self.row().home(entry.route()) == home {
                    each(entry);
                }
            }
            if !bucket.was_passed() {
                return;
            }
            at = self.row().next(at);
        }
    }
}

/// The entries whose hashes begin with one prefix.
pub struct Segment<E> {
    main: Layer<E>,
    extra: Option<Box<Layer<E>>>,
}

impl<E: Item> Segment<E> {
    /// An empty segment for a prefix of `depth` bits.
    pub fn new(ground: &mut impl Ground, depth: u8, buckets: usize) -> Segment<E> {
        Segment::of(ground, depth, ROUTE_ALL, buckets)
    }

    /// Its row for the directory, which must be told whenever this changes.
    pub fn packed(&self) -> Packed<E> {
        Packed::new(self.main.row(), self.extra.is_some())
    }

    /// Bits of the prefix.
    #[inline]
    pub fn depth(&self) -> u8 {
        self.main.depth
    }

    /// Entries in it.
    #[expect(clippy::len_without_is_empty, reason = "its users ask for the number only")]
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
    pub fn find(&self, hash: u64, key: &[u8]) -> Option<(Spot, &E)> {
        if let Some((bucket, slot, entry)) = self.main.row().find_slowly(hash, key) {
            return Some((Spot::main(bucket, slot), entry));
        }
        let (bucket, slot, entry) = self.extra.as_ref()?.row().find_slowly(hash, key)?;
        Some((Spot::extra(bucket, slot), entry))
    }

    /// Where the bucket of a spot stands.
    #[inline]
    pub fn pointer(&self, spot: Spot) -> Option<NonNull<Bucket<E>>> {
        let layer = if spot.is_extra() { self.extra.as_ref()? } else { &self.main };
        Some(layer.row().pointer(spot.bucket()))
    }

    /// Places an entry whose key is not here yet. There must be room.
    pub fn place(&mut self, hash: u64, mut entry: E) -> Spot {
        entry.set_route(self.main.row().route(hash));
        self.put(tag_of(hash), entry)
    }

    /// Takes the entry at a spot out.
    pub fn remove(&mut self, at: Spot) -> Option<E> {
        let layer = if at.is_extra() { self.extra.as_mut()? } else { &mut self.main };
        layer.remove(at.bucket(), at.slot())
    }

    /// The home of a hash that belongs to this segment.
    #[inline]
    pub fn home(&self, hash: u64) -> usize {
        let row = self.main.row();
        row.home(row.route(hash))
    }

    /// How far into the segment the home after `home` begins, in units of 2^(49 - depth) hashes; 2^15 at the end.
    pub fn end_of_home(&self, home: usize) -> u64 {
        let exact = ((home as u64 + 1) << ROUTE_BITS).div_ceil(self.homes() as u64);
        // Bits that the mask ignores cannot be the beginning of a home.
        exact.next_multiple_of(1 << self.main.mask.trailing_zeros())
    }

    /// Hands out every entry whose home this is, wherever it stands.
    pub fn each_of_home(&self, home: usize, each: &mut dyn FnMut(&E)) {
        for layer in self.layers() {
            layer.each_of_home(home, each);
        }
    }

    /// A bucket by number, over both layers.
    pub fn bucket(&self, number: usize) -> Option<&Bucket<E>> {
        let homes = self.homes();
        match self.main.buckets.get(number) {
            Some(bucket) => Some(bucket),
            None => self.extra.as_ref()?.buckets.get(number - homes),
        }
    }

    /// The spot of a slot in a bucket, numbered as for [`Segment::bucket`].
    pub fn spot(&self, bucket: usize, slot: usize) -> Spot {
        match bucket.checked_sub(self.homes()) {
            None => Spot::main(bucket, slot),
            Some(bucket) => Spot::extra(bucket, slot),
        }
    }

    /// All entries, by bucket.
    pub fn entries(&self) -> impl Iterator<Item = &E> {
        self.layers().flat_map(|layer| layer.buckets.iter().flat_map(Bucket::entries))
    }

    /// Adds a second layer of the same size.
    pub fn add_extra(&mut self, ground: &mut impl Ground) {
        assert!(self.extra.is_none(), "a segment has at most one extra layer");
        let layer = Layer::new(ground, self.main.depth, self.main.mask, self.homes());
        self.extra = Some(Box::new(layer));
    }

    /// Moves everything into one layer of `buckets`, reading no entry. The order stays.
    pub fn rebuild(&mut self, ground: &mut impl Ground, buckets: usize) {
        assert!(self.len() <= limit(buckets), "a segment rebuilt too small");
        let new = Segment::of(ground, self.main.depth, self.main.mask, buckets);
        std::mem::replace(self, new).drain(ground, |tag, entry| {
            self.put(tag, entry);
        });
    }

    /// Parts it in two by the next bit of the hash. Hashes keys again only if the routes ran out of bits.
    pub fn split(
        self,
        ground: &mut impl Ground,
        hash_of: impl Fn(&[u8]) -> u64,
    ) -> (Segment<E>, Segment<E>) {
        let depth = self.main.depth + 1;
        let high = self.entries().filter(|entry| top_bit(*entry)).count();
        let spent = self.main.mask.count_ones() < ROUTE_MIN;
        if spent {
            self.entries().for_each(E::prefetch);
        }
        let mask = if spent { ROUTE_ALL } else { (self.main.mask << 1) & ROUTE_ALL };
        let mut halves = [self.len() - high, high]
            .map(|entries| Segment::of(ground, depth, mask, fitting(entries)));
        self.drain(ground, |tag, mut entry| {
            let half = &mut halves[usize::from(top_bit(&entry))];
            let route = if spent {
                half.main.row().route(hash_of(entry.key()))
            } else {
                (entry.route() << 1) & ROUTE_ALL
            };
            entry.set_route(route);
            half.put(tag, entry);
        });
        halves.into()
    }

    /// The opposite of [`Segment::split`]: `self` is the lower half.
    pub fn merge(self, ground: &mut impl Ground, high: Segment<E>) -> Segment<E> {
        assert!(
            self.depth() == high.depth() && self.depth() > 0,
            "only halves of one segment merge"
        );
        let top = 1 << (ROUTE_BITS - 1);
        let mask = top | ((self.main.mask & high.main.mask) >> 1);
        let buckets = fitting(self.len() + high.len());
        let mut merged = Segment::of(ground, self.depth() - 1, mask, buckets);
        for (bit, half) in [(0, self), (top, high)] {
            half.drain(ground, |tag, mut entry| {
                entry.set_route(bit | (entry.route() >> 1));
                merged.put(tag, entry);
            });
        }
        merged
    }

    fn put(&mut self, tag: u8, entry: E) -> Spot {
        let (extra, layer) = match &mut self.extra {
            Some(extra) if !self.main.has_room() => (true, &mut **extra),
            Some(_) | None => (false, &mut self.main),
        };
        let (bucket, slot) = layer.place(tag, entry);
        if extra { Spot::extra(bucket, slot) } else { Spot::main(bucket, slot) }
    }

    fn of(ground: &mut impl Ground, depth: u8, mask: u16, buckets: usize) -> Segment<E> {
        Segment { main: Layer::new(ground, depth, mask, buckets), extra: None }
    }

    fn layers(&self) -> impl Iterator<Item = &Layer<E>> {
        std::iter::once(&self.main).chain(self.extra.as_deref())
    }

    /// Hands out all entries with their tags and frees the buckets.
    pub fn drain(self, ground: &mut impl Ground, mut each: impl FnMut(u8, E)) {
        let extra = self.extra.map(|extra| extra.buckets);
        for mut buckets in std::iter::once(self.main.buckets).chain(extra) {
            for bucket in buckets.iter_mut() {
                for (tag, entry) in std::mem::take(bucket).into_entries() {
                    each(tag, entry);
                }
            }
            buckets.free(ground);
        }
    }
}

fn top_bit<E: Item>(entry: &E) -> bool {
    entry.route() >> (ROUTE_BITS - 1) != 0
}

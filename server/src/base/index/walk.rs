//! Meeting items without knowing their keys: scans, items by chance, and everything in order.
//!
//! Owns: the meaning of a cursor.   Uses: segment, random.   Never: changes anything.
//!
//! ```text
//!  cursor = the first 53 bits of the hash where the next home begins; 0 is start and end
//!
//!  0 ........ c ................................ 2^53
//!  | returned | every hash from here on is to come |
//! ```
//!
//! Why a scan misses nothing: the index is in the order of the hash at any size, and a home is always
//! returned whole. So after a call with the answer c every item with a hash before c has been
//! returned, and that stays true over growing, splitting, merging and shrinking in between. Homes
//! that became larger return a few items again.

use super::row::ROUTE_BITS;
use super::{Bucket, Ground, Index, Item, Notes, SLOTS, Segment};
use crate::base::random::Rng;

/// Bits of a cursor: it must fit in the whole numbers of a double, which clients keep it in.
const CURSOR_BITS: u32 = 53;
const CURSOR_SHIFT: u32 = u64::BITS - CURSOR_BITS;

/// Random slots to look at before going through a segment. At the least ordinary load of one item in
/// eight slots it takes more in 4 of 10^8 cases.
const TRIES: usize = 128;

impl<E: Item, N: Notes<E>, G: Ground> Index<E, N, G> {
    /// Hands out the items of the home at a cursor (about six; none is possible) and gives the next cursor. Begin with 0;
    /// the answer 0 is the end.
    pub fn scan(&self, cursor: u64, each: &mut dyn FnMut(&E)) -> u64 {
        if cursor >> CURSOR_BITS != 0 {
            return 0;
        }
        let hash = cursor << CURSOR_SHIFT;
        let Some(segment) = self.segment_of(hash) else { return 0 };
        let home = segment.home(hash);
        segment.each_of_home(home, each);
        let depth = u32::from(segment.depth());
        let start = hash & !(u64::MAX >> depth);
        // 2^64 is the end and becomes 0.
        let next = u128::from(start)
            + (u128::from(segment.end_of_home(home)) << (u64::BITS - ROUTE_BITS - depth));
        next as u64 >> CURSOR_SHIFT
    }

    /// An item by chance; the chances of two items differ by less than a factor of 2.
    pub fn random(&self, rng: &mut Rng) -> Option<&E> {
        if self.len == 0 {
            return None;
        }
        for _ in 0..TRIES {
            let segment = self.segment_of(rng.next_u64())?;
            let pick = rng.below((segment.buckets() * SLOTS) as u64) as usize;
            let bucket = segment.bucket(pick / SLOTS)?;
            if let Some(item) = bucket.entry(pick % SLOTS) {
                return Some(item);
            }
        }
        self.random_of_sparse(rng)
    }

    /// Goes from a random segment to the next one that has items: each of these gets an even chance.
    pub fn random_of_sparse(&self, rng: &mut Rng) -> Option<&E> {
        let mut hash = rng.next_u64();
        for _ in 0..=self.segments.len() {
            let segment = self.segment_of(hash)?;
            if segment.len() > 0 {
                let pick = rng.below(segment.len() as u64) as usize;
                return segment.entries().nth(pick);
            }
            hash = end_of(segment, hash);
        }
        None
    }

    /// A bucket by chance; none if there is no segment.
    pub fn random_bucket(&self, rng: &mut Rng) -> Option<&Bucket<E>> {
        let segment = self.segment_of(rng.next_u64())?;
        segment.bucket(rng.below(segment.buckets() as u64) as usize)
    }

    /// The number of the segment of a random hash.
    pub fn random_number(&self, rng: &mut Rng) -> Option<u32> {
        self.directory.number(rng.next_u64())
    }

    /// Everything, in the order of the hash but for overflow. Allocates nothing and writes nothing.
    pub fn items(&self) -> Items<'_, E, N, G> {
        Items { index: self, next: Some(0), segment: None, bucket: 0, slot: 0 }
    }
}

/// All items of an index.
pub struct Items<'a, E, N, G> {
    index: &'a Index<E, N, G>,
    /// The hash with which the next segment begins; none at the end.
    next: Option<u64>,
    segment: Option<&'a Segment<E>>,
    bucket: usize,
    slot: usize,
}

impl<'a, E: Item, N: Notes<E>, G: Ground> Iterator for Items<'a, E, N, G> {
    type Item = &'a E;

    fn next(&mut self) -> Option<&'a E> {
        loop {
            let Some(bucket) = self.segment.and_then(|segment| segment.bucket(self.bucket)) else {
                self.next_segment()?;
                continue;
            };
            while self.slot < SLOTS {
                let item = bucket.entry(self.slot);
                self.slot += 1;
                if item.is_some() {
                    return item;
                }
            }
            self.bucket += 1;
            self.slot = 0;
        }
    }
}

impl<E: Item, N: Notes<E>, G: Ground> Items<'_, E, N, G> {
    fn next_segment(&mut self) -> Option<()> {
        let hash = self.next?;
        let segment = self.index.segment_of(hash)?;
        self.next = Some(end_of(segment, hash)).filter(|&next| next != 0);
        (self.segment, self.bucket, self.slot) = (Some(segment), 0, 0);
        Some(())
    }
}

/// The first hash behind the segment of `hash`; 0 at the end.
fn end_of<E: Item>(segment: &Segment<E>, hash: u64) -> u64 {
    let rest = u64::MAX.checked_shr(segment.depth().into()).unwrap_or(0);
    (hash | rest).wrapping_add(1)
}

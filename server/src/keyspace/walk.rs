//! Meeting entries without knowing their keys: SCAN, RANDOMKEY, and everything in order.
//!
//! Owns: the meaning of a cursor.   Uses: table, segment, `base::random`.   Never: changes anything.
//!
//! ```text
//!  cursor = the first 53 bits of the hash where the next home begins; 0 is start and end
//!
//!  0 ........ c ................................ 2^53
//!  | returned | every hash from here on is to come |
//! ```
//!
//! Why a scan misses nothing: the table is in the order of the hash at any size, and a home is always
//! returned whole. So after a call with the answer c every entry with a hash before c has been
//! returned, and that stays true over growing, splitting, merging and shrinking in between. Homes
//! that became larger return a few entries again.
#![allow(unsafe_code)]

use super::entry::{Entry, EntryRef};
use super::table::Table;
use crate::base::index::bucket::SLOTS;
use crate::base::index::row::ROUTE_BITS;
use crate::base::index::segment::Segment;
use crate::base::random::Rng;
use crate::base::slab::{Blocks, Region, Regions};
use crate::base::sys::Pages;

/// Bits of a cursor: it must fit in the whole numbers of a double, which clients keep it in.
const CURSOR_BITS: u32 = 53;
const CURSOR_SHIFT: u32 = u64::BITS - CURSOR_BITS;

/// Random slots to look at before going through a segment. At the least ordinary load of one entry in
/// eight slots it takes more in 4 of 10^8 cases.
const TRIES: usize = 128;

impl Table {
    /// Hands out the entries of one home; see [`super::Db::scan`].
    pub fn scan(&self, cursor: u64, each: &mut dyn FnMut(EntryRef<'_>)) -> u64 {
        if cursor >> CURSOR_BITS != 0 {
            return 0;
        }
        let hash = cursor << CURSOR_SHIFT;
        let Some(segment) = self.segment_of(hash) else { return 0 };
        let home = segment.home(hash);
        segment.each_of_home(home, &mut |entry| each(entry.get()));
        let depth = u32::from(segment.depth());
        let start = hash & !(u64::MAX >> depth);
        // 2^64 is the end and becomes 0.
        let next = u128::from(start)
            + (u128::from(segment.end_of_home(home)) << (u64::BITS - ROUTE_BITS - depth));
        next as u64 >> CURSOR_SHIFT
    }

    /// An entry by chance; see [`super::Db::random`].
    pub fn random(&self, rng: &mut Rng) -> Option<EntryRef<'_>> {
        if self.len == 0 {
            return None;
        }
        for _ in 0..TRIES {
            let segment = self.segment_of(rng.next_u64())?;
            let slots = segment.buckets() * SLOTS;
            let pick = rng.below(slots as u64) as usize;
            let bucket = segment.bucket(pick / SLOTS)?;
            if let Some(entry) = bucket.entry(pick % SLOTS) {
                return Some(entry.get());
            }
        }
        self.random_of_sparse(rng)
    }

    /// Goes from a random segment to the next one that has entries: each of these gets an even chance.
    pub(super) fn random_of_sparse(&self, rng: &mut Rng) -> Option<EntryRef<'_>> {
        let mut hash = rng.next_u64();
        for _ in 0..=self.segments.len() {
            let segment = self.segment_of(hash)?;
            if segment.len() > 0 {
                let pick = rng.below(segment.len() as u64) as usize;
                return segment.entries().nth(pick).map(|entry| entry.get());
            }
            hash = end_of(segment, hash);
        }
        None
    }

    /// Everything, in the order of the hash but for overflow.
    pub fn entries(&self) -> Entries<'_> {
        Entries { table: self, next: Some(0), segment: None, bucket: 0, slot: 0 }
    }
}

/// All entries of a database. Allocates nothing and writes nothing: a snapshot child may use it.
pub struct Entries<'a> {
    table: &'a Table,
    /// The hash with which the next segment begins; none at the end.
    next: Option<u64>,
    segment: Option<&'a Segment<Entry>>,
    bucket: usize,
    slot: usize,
}

impl<'a> Iterator for Entries<'a> {
    type Item = EntryRef<'a>;

    fn next(&mut self) -> Option<EntryRef<'a>> {
        loop {
            let Some(bucket) = self.segment.and_then(|segment| segment.bucket(self.bucket)) else {
                self.next_segment()?;
                continue;
            };
            while self.slot < SLOTS {
                let entry = bucket.entry(self.slot);
                self.slot += 1;
                if let Some(entry) = entry {
                    return Some(entry.get());
                }
            }
            self.bucket += 1;
            self.slot = 0;
        }
    }
}

impl Entries<'_> {
    fn next_segment(&mut self) -> Option<()> {
        let hash = self.next?;
        let segment = self.table.segment_of(hash)?;
        self.next = Some(end_of(segment, hash)).filter(|&next| next != 0);
        (self.segment, self.bucket, self.slot) = (Some(segment), 0, 0);
        Some(())
    }
}

/// The first hash behind the segment of `hash`; 0 at the end.
fn end_of(segment: &Segment<Entry>, hash: u64) -> u64 {
    let rest = u64::MAX.checked_shr(segment.depth().into()).unwrap_or(0);
    (hash | rest).wrapping_add(1)
}

/// All entries of a database in the order of memory, region by region. Allocates nothing and writes nothing.
pub struct MemoryOrder<'a>(pub(super) Regions<'a>);

/// A stretch of memory with entries.
#[derive(Clone, Copy)]
pub struct Stretch<'a>(Region<'a>);

/// The entries of a stretch.
pub struct StretchEntries<'a>(Blocks<'a>);

impl<'a> Iterator for MemoryOrder<'a> {
    type Item = Stretch<'a>;

    fn next(&mut self) -> Option<Stretch<'a>> {
        self.0.next().map(Stretch)
    }
}

impl<'a> Stretch<'a> {
    /// Its entries.
    pub fn entries(self) -> StretchEntries<'a> {
        StretchEntries(self.0.blocks())
    }

    /// Its memory, if it is whole pages with nothing but entries. In a child that has come to the end of them, and
    /// goes through them no more, they may be given back.
    pub fn pages(self) -> Option<Pages> {
        // SAFETY: only entries stand there, and who asks is told when a child may be handed them.
        self.0.pages().map(|(at, len)| unsafe { Pages::new(at.as_ptr(), len) })
    }
}

impl<'a> Iterator for StretchEntries<'a> {
    type Item = EntryRef<'a>;

    #[inline]
    fn next(&mut self) -> Option<EntryRef<'a>> {
        // SAFETY: the blocks of a table's slab are its entries (table, invariant 4), and the table is borrowed for 'a.
        self.0.next().map(|at| unsafe { EntryRef::of(at) })
    }
}

//! Meeting entries without knowing their keys: SCAN, RANDOMKEY, samples, and everything in order.
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

use super::entry::{Entry, EntryRef};
use super::segment::{ROUTE_BITS, Segment};
use super::table::Table;
use crate::base::random::Rng;

/// Bits of a cursor: it must fit in the whole numbers of a double, which clients keep it in.
const CURSOR_BITS: u32 = 53;
const CURSOR_SHIFT: u32 = u64::BITS - CURSOR_BITS;

/// Random slots to look at before going through a segment. At the least ordinary load of one entry in
/// eight slots it takes more in 4 of 10^8 cases.
const TRIES: usize = 128;

/// Tallies that one search for volatile entries looks at: 128 KiB of memory read in a row, some 10 us.
const TALLY_LOOKS: usize = 8192;

impl Table {
    /// Hands out the entries of one home; see [`super::Db::scan`].
    pub fn scan(&self, cursor: u64, each: &mut dyn FnMut(EntryRef<'_>)) -> u64 {
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

    /// An entry by chance; see [`super::Db::random`].
    pub fn random(&self, rng: &mut Rng) -> Option<EntryRef<'_>> {
        if self.len == 0 {
            return None;
        }
        for _ in 0..TRIES {
            let segment = self.segment_of(rng.next_u64())?;
            let slots = segment.buckets() * super::bucket::SLOTS;
            let pick = rng.below(slots as u64) as usize;
            let bucket = segment.bucket(pick / super::bucket::SLOTS)?;
            if let Some(entry) = bucket.entry(pick % super::bucket::SLOTS) {
                return Some(entry.get());
            }
        }
        self.random_of_sparse(rng)
    }

    /// Goes from a random segment to the next one that has entries: each of these gets an even chance.
    fn random_of_sparse(&self, rng: &mut Rng) -> Option<EntryRef<'_>> {
        let start = rng.below(self.directory.len() as u64) as usize;
        let (before, after) = self.directory.split_at(start);
        let cells = after.iter().chain(before);
        let mut segments = cells.map(|&number| &self.segments[number as usize]);
        let segment = segments.find(|segment| segment.len() > 0)?;
        let pick = rng.below(segment.len() as u64) as usize;
        segment.entries().nth(pick).map(|entry| entry.get())
    }

    /// Hands out entries by chance, a bucket at a time; see [`super::Db::sample`]. Where an entry stands says nothing of
    /// its use, so the entries of one bucket are as good as entries from all over, and cost one cache miss less each.
    pub fn sample(&self, rng: &mut Rng, wanted: usize, each: &mut dyn FnMut(EntryRef<'_>)) {
        let mut found = 0;
        for _ in 0..TRIES {
            if found >= wanted || self.len == 0 {
                return;
            }
            let Some(segment) = self.segment_of(rng.next_u64()) else { return };
            let pick = rng.below(segment.buckets() as u64) as usize;
            let Some(bucket) = segment.bucket(pick) else { return };
            bucket.entries().for_each(Entry::prefetch);
            for entry in bucket.entries() {
                found += 1;
                each(entry.get());
            }
        }
        if found == 0
            && let Some(entry) = self.random_of_sparse(rng)
        {
            each(entry);
        }
    }

    /// Hands out entries with a deadline by chance; see [`super::Db::sample_volatile`]. The dense tallies are asked which
    /// segment has any, and in it the pointers which entries are: no other entry is read.
    pub fn sample_volatile(
        &self,
        rng: &mut Rng,
        wanted: usize,
        each: &mut dyn FnMut(EntryRef<'_>),
    ) {
        let (mut found, mut looks) = (0, 0);
        while found < wanted && looks < TALLY_LOOKS && self.volatile > 0 {
            let start = self.number_of(rng.next_u64()).map_or(0, |number| number as usize);
            let (before, after) = self.tallies.split_at(start);
            let rest = TALLY_LOOKS - looks;
            let mut tallies = after.iter().chain(before).take(rest);
            let Some(passed) = tallies.position(|tally| tally.volatile > 0) else { return };
            looks += passed + 1;
            let segment = &self.segments[(start + passed) % self.tallies.len()];
            found += sample_of_segment(segment, rng, wanted - found, each);
        }
    }

    /// Everything, in the order of the hash but for overflow.
    pub fn entries(&self) -> Entries<'_> {
        Entries { table: self, cell: 0, segment: None, bucket: 0, slot: 0 }
    }
}

/// Hands out up to `wanted` volatile entries of a segment, from a random bucket on.
fn sample_of_segment(
    segment: &Segment,
    rng: &mut Rng,
    wanted: usize,
    each: &mut dyn FnMut(EntryRef<'_>),
) -> usize {
    let buckets = segment.buckets();
    let start = rng.below(buckets as u64) as usize;
    let numbers = (start..buckets).chain(0..start);
    let entries = numbers.filter_map(|number| segment.bucket(number)).flat_map(|b| b.entries());
    let mut found = 0;
    for entry in entries.filter(|entry| entry.is_volatile()).take(wanted) {
        found += 1;
        each(entry.get());
    }
    found
}

/// All entries of a database. Allocates nothing and writes nothing: a snapshot child may use it.
pub struct Entries<'a> {
    table: &'a Table,
    /// The directory cell where the next segment begins.
    cell: usize,
    segment: Option<&'a Segment>,
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
            while self.slot < super::bucket::SLOTS {
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
        let number = *self.table.directory.get(self.cell)?;
        let segment = &self.table.segments[number as usize];
        self.cell += 1 << (self.table.depth - segment.depth());
        (self.segment, self.bucket, self.slot) = (Some(segment), 0, 0);
        Some(())
    }
}

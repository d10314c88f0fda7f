//! Entries by chance, for whoever chooses one to remove.
//!
//! Owns: where to look.   Uses: table, segment, expire's tallies, `base::random`.   Never: judges an entry.
//!
//! Where an entry stands follows from the hash of its key and says nothing of its use, so the neighbours in a bucket
//! are as good a sample as entries from all over, and the table's part of the search is one cache miss for all.

use super::entry::{Entry, EntryRef};
use super::table::Table;
use crate::base::index::{Item, Segment};
use crate::base::random::Rng;

/// Random buckets to look at before going to the next segment that has anything.
const TRIES: usize = 128;

/// Tallies that one search for volatile entries looks at: 128 KiB of memory read in a row, some 10 us.
const TALLY_LOOKS: usize = 8192;

impl Table {
    /// Hands out entries by chance, a bucket at a time; see [`super::Db::sample`].
    pub fn sample(&self, rng: &mut Rng, wanted: usize, each: &mut dyn FnMut(EntryRef<'_>)) {
        let mut found = 0;
        for _ in 0..TRIES {
            if found >= wanted || self.index.len() == 0 {
                return;
            }
            let Some(bucket) = self.index.random_bucket(rng) else { return };
            bucket.entries().for_each(Entry::prefetch);
            for entry in bucket.entries() {
                found += 1;
                each(entry.get());
            }
        }
        if found == 0
            && let Some(entry) = self.index.random_of_sparse(rng)
        {
            each(entry.get());
        }
    }

    /// Hands out entries with a deadline by chance; see [`super::Db::sample_volatile`]. The dense tallies are asked
    /// which segment has any, and in it the pointers which entries are: no other entry is read.
    pub fn sample_volatile(
        &self,
        rng: &mut Rng,
        wanted: usize,
        each: &mut dyn FnMut(EntryRef<'_>),
    ) {
        let (mut found, mut looks) = (0, 0);
        let notes = &self.index.notes;
        while found < wanted && looks < TALLY_LOOKS && notes.volatile > 0 {
            let Some(start) = self.index.random_number(rng) else { return };
            let numbers = (start as usize..notes.tallies.len()).chain(0..start as usize);
            let mut rest = numbers.take(TALLY_LOOKS - looks);
            let number = rest.find(|&number| {
                looks += 1;
                notes.tallies[number].volatile > 0
            });
            let Some(number) = number else { return };
            let Some(segment) = self.index.segment(number) else { return };
            found += sample_of_segment(segment, rng, wanted - found, each);
        }
    }
}

/// Hands out up to `wanted` volatile entries of a segment, from a random bucket on, and says how many.
fn sample_of_segment(
    segment: &Segment<Entry>,
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

//! Memory for things of very different sizes that come and go together: the buckets of segments.
//!
//! Owns: the runs of one owner.   Uses: land.   Never: what stands in a run.
//!
//! ```text
//!  chunk, 2 MiB   | unit | unit | unit | ...                a unit is 256 bytes, a run is units in a row
//!  bits           | 1 1 1 1 0 0 0 1 1 1 1 1 0 0 ... |       1 bit a unit: used
//! ```
//!
//! A table's segments are all about equally full, so they outgrow one size at about the same time. In spans of one size
//! each (as for entries) the sizes they leave would be half empty most of the time: measured 15.5 bytes a key
//! for 11.4 in use. Here what neighbours leave joins, and the first gap that is long enough is taken: 12.7.
//!
//! Runs longer than a chunk come from the ordinary allocator.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::collections::BTreeMap;
use std::ptr::NonNull;

use super::land::{CHUNK, Land};

/// Bytes of a unit: runs are rounded up to it, and aligned to it.
pub const UNIT: usize = 256;
/// Units of a chunk.
const UNITS: usize = CHUNK / UNIT;
const WORDS: usize = UNITS / 64;

/// A chunk with runs.
struct Plot {
    /// One bit for each unit in use.
    bits: Box<[u64; WORDS]>,
    used: usize,
    /// No gap is longer, in units.
    longest: usize,
}

/// Runs of memory with one owner.
pub struct Runs {
    land: &'static Land,
    /// By number of the chunk.
    plots: BTreeMap<u32, Plot>,
    used: usize,
}

impl Runs {
    /// Nothing is taken yet.
    pub const fn new(land: &'static Land) -> Runs {
        Runs { land, plots: BTreeMap::new(), used: 0 }
    }

    /// Bytes of all runs in use, rounded up as they are. O(1).
    pub fn used(&self) -> usize {
        self.used
    }

    /// Bytes held: whole chunks, and what is longer than one. O(1).
    pub fn held(&self) -> usize {
        self.plots.len() * CHUNK
    }

    /// Memory for `size` bytes, aligned to [`UNIT`]; its content is arbitrary. O(chunks), and a microsecond for the gap.
    /// Aborts when there is no memory.
    pub fn allocate(&mut self, size: usize) -> NonNull<u8> {
        let units = size.div_ceil(UNIT).max(1);
        self.used += units * UNIT;
        if units > UNITS {
            let layout = large_layout(size);
            // SAFETY: the size is not 0.
            let at = NonNull::new(unsafe { alloc(layout) });
            return at.unwrap_or_else(|| handle_alloc_error(layout));
        }
        for (&chunk, plot) in &mut self.plots {
            if let Some(first) = plot.take(units) {
                return at(self.land, chunk, first);
            }
        }
        let chunk = self.new_plot();
        let first = self.plots.get_mut(&chunk).and_then(|plot| plot.take(units));
        at(self.land, chunk, first.expect("an empty chunk has room for a run"))
    }

    /// Takes memory back.
    ///
    /// # Safety
    /// `at` came from `allocate` of these runs with this `size`, was not freed since, and nobody uses it any more.
    pub unsafe fn free(&mut self, at: NonNull<u8>, size: usize) {
        let units = size.div_ceil(UNIT).max(1);
        self.used -= units * UNIT;
        if units > UNITS {
            // SAFETY: so large a run came from `alloc` with this layout.
            return unsafe { dealloc(at.as_ptr(), large_layout(size)) };
        }
        let chunk = self.chunk_of(at);
        let plot = self.plots.get_mut(&chunk).expect("a run's chunk is its owner's");
        // Chunks begin at multiples of their size.
        plot.give(at.addr().get() % CHUNK / UNIT, units);
        if plot.used == 0 {
            self.plots.remove(&chunk);
            self.land.give([chunk]);
        }
    }

    /// The bytes that a run of `size` bytes takes.
    pub const fn given(size: usize) -> usize {
        size.next_multiple_of(UNIT)
    }

    /// Whether memory is a run of these that is no longer than a chunk. O(log chunks).
    pub fn has(&self, at: NonNull<u8>) -> bool {
        at >= self.land.base() && self.plots.contains_key(&self.chunk_of(at))
    }

    /// The chunk in which a run stands; any number for memory that is no run.
    fn chunk_of(&self, at: NonNull<u8>) -> u32 {
        let offset = at.addr().get().wrapping_sub(self.land.base().addr().get());
        u32::try_from(offset / CHUNK).unwrap_or(u32::MAX)
    }

    fn new_plot(&mut self) -> u32 {
        let chunk = self.land.next(&self.plots);
        let plot = Plot { bits: Box::new([0; WORDS]), used: 0, longest: UNITS };
        self.plots.insert(chunk, plot);
        chunk
    }
}

impl Drop for Runs {
    /// Gives all chunks back. Runs longer than a chunk must have been freed before.
    fn drop(&mut self) {
        self.land.give(std::mem::take(&mut self.plots).into_keys());
    }
}

impl Plot {
    /// Takes the first gap of so many units.
    fn take(&mut self, units: usize) -> Option<usize> {
        if self.longest < units {
            return None;
        }
        let mut longest = 0;
        let mut at = 0;
        while let Some(start) = self.next(at, false) {
            let end = self.next(start, true).unwrap_or(UNITS);
            if end - start >= units {
                self.mark(start, units, true);
                self.used += units;
                return Some(start);
            }
            longest = longest.max(end - start);
            at = end;
        }
        self.longest = longest;
        None
    }

    fn give(&mut self, first: usize, units: usize) {
        self.mark(first, units, false);
        self.used -= units;
        let start = self.last_used_before(first).map_or(0, |at| at + 1);
        let end = self.next(first + units, true).unwrap_or(UNITS);
        self.longest = self.longest.max(end - start);
    }

    /// The first unit from `at` on that is used, or not.
    fn next(&self, at: usize, used: bool) -> Option<usize> {
        let flip = if used { 0 } else { u64::MAX };
        let mut word = at / 64;
        let mut bits = (*self.bits.get(word)? ^ flip) & (u64::MAX << (at % 64));
        while bits == 0 {
            word += 1;
            bits = *self.bits.get(word)? ^ flip;
        }
        Some(word * 64 + bits.trailing_zeros() as usize)
    }

    fn last_used_before(&self, at: usize) -> Option<usize> {
        let mut word = at / 64;
        let mut bits = self.bits.get(word).copied().unwrap_or(0) & !(u64::MAX << (at % 64));
        while bits == 0 {
            word = word.checked_sub(1)?;
            bits = self.bits[word];
        }
        Some(word * 64 + 63 - bits.leading_zeros() as usize)
    }

    fn mark(&mut self, first: usize, units: usize, used: bool) {
        for unit in first..first + units {
            let (word, bit) = (&mut self.bits[unit / 64], 1 << (unit % 64));
            assert!((*word & bit != 0) != used, "a run was taken or freed twice");
            *word ^= bit;
        }
    }
}

fn at(land: &Land, chunk: u32, unit: usize) -> NonNull<u8> {
    // SAFETY: a unit of a chunk is inside it.
    unsafe { land.at(chunk).add(unit * UNIT) }
}

fn large_layout(size: usize) -> Layout {
    Layout::from_size_align(size.next_multiple_of(UNIT), UNIT)
        .expect("buckets fit into half of the address space")
}

#[cfg(test)]
mod tests {
    use super::super::land::land;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// Runs never overlap, and what is freed can be taken again.
        #[test]
        fn gives_and_takes_runs(
            steps in prop::collection::vec((any::<u16>(), 1usize..6000, any::<bool>()), 0..2000),
        ) {
            let mut runs = Runs::new(land());
            let mut known: BTreeMap<usize, (NonNull<u8>, usize)> = BTreeMap::new();
            for (pick, size, take) in steps {
                if take || known.is_empty() {
                    let at = runs.allocate(size);
                    let start = at.addr().get();
                    prop_assert_eq!(start % UNIT, 0);
                    if let Some((_, (before, len))) = known.range(..start).next_back() {
                        prop_assert!(before.addr().get() + len <= start);
                    }
                    if let Some((&next, _)) = known.range(start..).next() {
                        prop_assert!(start + size <= next);
                    }
                    known.insert(start, (at, size));
                } else {
                    let start = *known.keys().nth(usize::from(pick) % known.len()).unwrap();
                    let (at, size) = known.remove(&start).unwrap();
                    // SAFETY: it came from these runs and is forgotten here.
                    unsafe { runs.free(at, size) };
                }
                let exact: usize = known.values().map(|(_, size)| size.next_multiple_of(UNIT)).sum();
                prop_assert_eq!(runs.used(), exact);
            }
            for (at, size) in known.into_values() {
                // SAFETY: as above.
                unsafe { runs.free(at, size) };
            }
            prop_assert_eq!((runs.used(), runs.held()), (0, 0));
        }
    }

    #[test]
    fn neighbours_that_leave_make_room_for_a_longer_one() {
        let mut runs = Runs::new(land());
        let all: Vec<_> = (0..UNITS / 8).map(|_| runs.allocate(8 * UNIT)).collect();
        for &at in &all[10..12] {
            // SAFETY: it came from these runs and is not used any more.
            unsafe { runs.free(at, 8 * UNIT) };
        }
        assert_eq!(runs.allocate(12 * UNIT), all[10]);
        assert_eq!(runs.held(), CHUNK);
        let large = runs.allocate(CHUNK + 1);
        // SAFETY: as above.
        unsafe { runs.free(large, CHUNK + 1) };
    }
}

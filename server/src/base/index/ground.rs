//! Where the buckets of an index stand.
//!
//! Owns: the ground of collections, and how much all of them have of the slabs' land.   Uses: alloc, `base::slab`.
//! Never: what stands in a bucket.
//!
//! A database has runs of its own. A collection begins with the ordinary allocator, for most of them are small; there
//! the segments of a large one would leave gaps that nothing fits into: measured 8 bytes a member, in a set of a
//! million. So from a size on its buckets stand in runs as well.
#![allow(unsafe_code)]

use crate::base::alloc;
use crate::base::slab::{Runs, land};
use std::alloc::{Layout, handle_alloc_error};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where buckets stand.
///
/// # Safety
/// What `allocate` gives is nobody else's until it is freed, has `size` bytes and is aligned to 64.
pub unsafe trait Ground {
    /// Memory with any content. Aborts when there is none.
    fn allocate(&mut self, size: usize) -> NonNull<u8>;
    /// Bytes that may be asked for at the cost of `size`. The same for all sizes that give the same.
    fn given(&self, size: usize) -> usize {
        size
    }
    /// Takes memory back.
    ///
    /// # Safety
    /// It came from here with this size and is not used any more.
    unsafe fn free(&mut self, at: NonNull<u8>, size: usize);
}

// SAFETY: runs are aligned to 256 and owned by whoever took them.
unsafe impl Ground for Runs {
    fn allocate(&mut self, size: usize) -> NonNull<u8> {
        Runs::allocate(self, size)
    }

    /// # Safety
    /// As the trait says.
    unsafe fn free(&mut self, at: NonNull<u8>, size: usize) {
        // SAFETY: the caller promises what `Runs` asks for.
        unsafe { Runs::free(self, at, size) }
    }
}

/// A collection with so many bytes of buckets takes runs for what comes next: a chunk is 2 MiB of addresses, and some
/// pages of it are touched.
const HEAP_MOST: usize = 512 << 10;
/// What is longer does not belong into a run.
const RUN_MOST: usize = 64 << 10;

/// Bytes of the runs of all collections, of which the allocator does not know.
static IN_RUNS: AtomicU64 = AtomicU64::new(0);

/// Bytes of buckets of all collections that the allocator did not give. O(1).
#[inline]
pub fn in_runs() -> u64 {
    IN_RUNS.load(Ordering::Relaxed)
}

/// The ground of a collection, which counts what it has given.
#[derive(Default)]
pub struct HeapThenRuns {
    bytes: usize,
    runs: Option<Box<Runs>>,
}

impl HeapThenRuns {
    /// One that has given nothing yet.
    pub const fn new() -> HeapThenRuns {
        HeapThenRuns { bytes: 0, runs: None }
    }

    /// Bytes given and not taken back, as they are rounded up. O(1).
    #[inline]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 64).expect("buckets are smaller than the address space")
    }

    fn takes_run(&self, size: usize) -> bool {
        self.bytes >= HEAP_MOST && size <= RUN_MOST
    }

    /// Counts a run as taken or given back.
    fn count(&mut self, change: impl FnOnce(&mut Runs)) {
        let runs = self.runs.get_or_insert_with(|| Box::new(Runs::new(land())));
        let before = runs.used();
        change(runs);
        let grown = runs.used().wrapping_sub(before);
        self.bytes = self.bytes.wrapping_add(grown);
        IN_RUNS.fetch_add(grown as u64, Ordering::Relaxed);
    }
}

// SAFETY: allocator and runs give each piece to one owner, as large and as aligned as the layout says.
unsafe impl Ground for HeapThenRuns {
    fn allocate(&mut self, size: usize) -> NonNull<u8> {
        assert!(size > 0, "a bucket at least");
        if self.takes_run(size) {
            let mut given = NonNull::dangling();
            self.count(|runs| given = runs.allocate(size));
            return given;
        }
        let layout = HeapThenRuns::layout(size);
        // SAFETY: the size is not 0.
        let at = NonNull::new(unsafe { std::alloc::alloc(layout) });
        self.bytes += alloc::given(size);
        at.unwrap_or_else(|| handle_alloc_error(layout))
    }

    fn given(&self, size: usize) -> usize {
        if self.takes_run(size) { Runs::given(size) } else { alloc::given(size) }
    }

    /// # Safety
    /// As the trait says.
    unsafe fn free(&mut self, at: NonNull<u8>, size: usize) {
        if self.runs.as_ref().is_some_and(|runs| runs.has(at)) {
            // SAFETY: the caller promises that it came from here, and it did not come from the allocator.
            return self.count(|runs| unsafe { runs.free(at, size) });
        }
        self.bytes -= alloc::given(size);
        // SAFETY: the caller promises that `allocate` gave it with this size.
        unsafe { std::alloc::dealloc(at.as_ptr(), HeapThenRuns::layout(size)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_one_stands_in_runs_and_all_is_given_back() {
        let mut heap = HeapThenRuns::new();
        let mut all = Vec::new();
        for number in 0..2000 {
            let size = heap.given(2048 + number % 8 * 256);
            let before = heap.bytes();
            all.push((heap.allocate(size), size));
            assert_eq!(heap.bytes(), before + size, "{number}");
        }
        let runs = heap.runs.as_ref().expect("it has grown").used();
        assert!(runs > 4 << 20 && heap.bytes() - runs <= HEAP_MOST + 4096, "{runs}");
        assert!(in_runs() >= runs as u64);
        for (at, size) in all {
            // SAFETY: it came from there with this size and is used no more.
            unsafe { heap.free(at, size) };
        }
        assert_eq!(
            (heap.bytes(), heap.runs.map(|runs| (runs.used(), runs.held()))),
            (0, Some((0, 0)))
        );
    }
}

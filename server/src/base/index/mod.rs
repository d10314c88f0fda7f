//! An index of items by the hash of their keys, in the order of the hash: what a database is found by.
//!
//! Owns: buckets, rows, segments and the directory over them.   Uses: `base::slab` through [`Ground`].
//! Never: the items' memory, what stands in them beside the key.
//!
//! ```text
//!  hash -> directory (top bits) -> row of a segment (next bits) -> bucket (a cache line) -> item
//! ```
//!
//! Who owns an index decides when a segment grows, splits or merges, so that it can keep its own sums by segment.
#![allow(unsafe_code)]

pub mod bucket;
pub mod directory;
pub mod paged;
pub mod row;
pub mod segment;

use super::slab::Runs;
use std::ptr::NonNull;

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

/// Where buckets stand.
///
/// # Safety
/// What `allocate` gives is nobody else's until it is freed, has `size` bytes and is aligned to 64.
pub unsafe trait Ground {
    /// Memory with any content. Aborts when there is none.
    fn allocate(&mut self, size: usize) -> NonNull<u8>;
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

    unsafe fn free(&mut self, at: NonNull<u8>, size: usize) {
        // SAFETY: the caller promises what `Runs` asks for.
        unsafe { Runs::free(self, at, size) }
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

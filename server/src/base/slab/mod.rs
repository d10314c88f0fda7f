//! Memory for the small things of one owner, mainly keys with their values.
//!
//! Owns: the blocks of one slab and what is known of them.   Uses: land.   Never: what stands in a block.
//!
//! ```text
//!  chunk, 2 MiB   | span 0 | span 1 | ... | span 31 |        one owner
//!  span, 64 KiB   | block | block | block | ... | rest |     one size of block, a multiple of 8
//!
//!  note of a span, kept beside the chunk (land::NOTES)
//!  | bits -> 1 bit a block: used | size | 2^32/size | blocks | used | first word with a free bit | places |
//! ```
//!
//! A block costs no byte beyond its size rounded up to 8 and a bit. Taking one sets a bit, giving one back clears
//! it: neither writes to the block, so a page shared with a snapshot child is not copied for it. The bits also tell
//! what is alive in the order of memory, which a snapshot and defragmentation walk.
//!
//! There are no locks and no atomics here: a slab has one owner (who may be another thread later). Only a chunk
//! comes from a shared place. A span without used blocks can become one of any size; a chunk without used
//! spans goes back. Dropping a slab gives all its chunks back at once, whatever stands in them.
//!
//! Blocks larger than [`BLOCK_MAX`] come from the ordinary allocator, and are found by their address in a set.
//!
//! Invariants
//!  1. A chunk in `chunks` is this slab's alone, and so are its notes.
//!  2. A span has `bits` exactly while it has a size. The bits beyond its last block are set, so no search finds them.
//!  3. A span with a size is full, or its class's current one, or in its class's `partial`.
#![allow(unsafe_code)]

mod land;
mod runs;
#[cfg(test)]
mod tests;
mod thin;
mod walk;

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::collections::{BTreeMap, BTreeSet};
use std::ptr::NonNull;

pub use land::{CHUNK, HugePages, Land, land};
pub use runs::Runs;
pub use walk::{Blocks, Region, Regions};

use land::NOTES;

/// The largest block that stands in a span. A ninth of a span would be lost with larger ones.
pub const BLOCK_MAX: usize = 8 << 10;
/// Bytes of a span.
const SPAN: usize = 64 << 10;
/// Spans of a chunk.
const SPANS: usize = CHUNK / SPAN;
/// All spans of a chunk are free.
const ALL_FREE: u32 = u32::MAX;
/// No span.
const NONE: u32 = u32::MAX;

/// What is known of a span. All zeros: it is free.
#[repr(C)]
struct Span {
    bits: Option<NonNull<u64>>,
    /// 2^32 / size, rounded up: a division by multiplication.
    reciprocal: u32,
    /// Bytes of a block.
    size: u16,
    blocks: u16,
    used: u16,
    /// All words before it are full.
    hint: u16,
    /// It is in its class's `partial`.
    partial: bool,
    /// Not to be filled: its chunk is being emptied.
    shut: bool,
    rest: [u8; 10],
}

const _: () = assert!(size_of::<Span>() * SPANS == NOTES && SPANS == 32);

/// Spans of one size.
#[derive(Clone, Debug)]
struct Class {
    /// The span that is being filled, or [`NONE`].
    current: u32,
    /// Others with room. The lowest is filled first, which leaves the highest chunks to become empty.
    partial: BTreeSet<u32>,
}

/// Blocks of memory with one owner.
pub struct Slab {
    land: &'static Land,
    /// By size / 8.
    classes: Vec<Class>,
    /// By number: the bits of its free spans.
    chunks: BTreeMap<u32, u32>,
    /// Chunks that have free spans and may be used.
    open: BTreeSet<u32>,
    /// Chunks that are being emptied.
    shut: BTreeSet<u32>,
    /// Blocks of the ordinary allocator, by address, with their size.
    large: BTreeMap<NonNull<u8>, usize>,
    used: usize,
    blocks: usize,
}

// SAFETY: the slab is the only user of its chunks and notes (invariant 1), whichever thread it is on.
unsafe impl Send for Slab {}
// SAFETY: through `&Slab` nothing is written.
unsafe impl Sync for Slab {}

impl Slab {
    /// A slab that has taken nothing yet.
    pub const fn new(land: &'static Land) -> Slab {
        Slab {
            land,
            classes: Vec::new(),
            chunks: BTreeMap::new(),
            open: BTreeSet::new(),
            shut: BTreeSet::new(),
            large: BTreeMap::new(),
            used: 0,
            blocks: 0,
        }
    }

    /// Bytes of all blocks in use, rounded up as they are. O(1).
    pub fn used(&self) -> usize {
        self.used
    }

    /// Blocks in use. O(1).
    pub fn blocks(&self) -> usize {
        self.blocks
    }

    /// A block of at least `size` bytes, 8-aligned; 64-aligned if the size is a multiple of 64 and at most
    /// [`BLOCK_MAX`]. Its content is arbitrary. O(1). Aborts when there is no memory.
    #[inline]
    pub fn allocate(&mut self, size: usize) -> NonNull<u8> {
        let class = size.div_ceil(8);
        if let Some(Class { current, .. }) = self.classes.get(class)
            && *current != NONE
        {
            let number = *current;
            if let Some(block) = self.take_block(number) {
                return block;
            }
        }
        self.allocate_slowly(size)
    }

    /// Takes a block back.
    ///
    /// # Safety
    /// `at` came from `allocate` of this slab with this `size` (or one that rounds up to the same multiple of 8), was
    /// not freed since, and nobody uses it any more.
    #[inline]
    pub unsafe fn free(&mut self, at: NonNull<u8>, size: usize) {
        if size > BLOCK_MAX {
            return self.free_large(at);
        }
        let offset = at.addr().get().wrapping_sub(self.land.base().addr().get());
        let number = (offset / SPAN) as u32;
        let span = self.span_mut(number);
        let block = ((offset % SPAN) as u64 * u64::from(span.reciprocal)) >> 32;
        let (word, bit) = ((block / 64) as u16, 1u64 << (block % 64));
        assert!(usize::from(span.size) == size.next_multiple_of(8), "a block of another size");
        // SAFETY: a block's bit is inside the span's bits (invariant 2).
        let bits =
            unsafe { span.bits.expect("a span with blocks has bits").add(word.into()).as_mut() };
        assert!(*bits & bit != 0, "a block was freed twice");
        *bits &= !bit;
        span.used -= 1;
        span.hint = span.hint.min(word);
        let (size, empty, partial) = (usize::from(span.size), span.used == 0, span.partial);
        self.used -= size;
        self.blocks -= 1;
        if empty || !partial {
            self.note_free(number, size / 8);
        }
    }

    /// The next free block of a span, if it is not full.
    #[inline]
    fn take_block(&mut self, number: u32) -> Option<NonNull<u8>> {
        let at = self.span_at(number);
        let span = self.span_mut(number);
        let words = span.blocks.div_ceil(64);
        while span.hint < words {
            // SAFETY: `hint` is below the number of words that the bits have (invariant 2).
            let word = unsafe { span.bits?.add(span.hint.into()).as_mut() };
            if *word != u64::MAX {
                let bit = (!*word).trailing_zeros();
                *word |= 1 << bit;
                span.used += 1;
                let offset = (usize::from(span.hint) * 64 + bit as usize) * usize::from(span.size);
                self.used += usize::from(span.size);
                self.blocks += 1;
                // SAFETY: `blocks` blocks of `size` fit in the span, and only their bits can be clear (invariant 2).
                return Some(unsafe { at.add(offset) });
            }
            span.hint += 1;
        }
        None
    }

    #[cold]
    fn allocate_slowly(&mut self, size: usize) -> NonNull<u8> {
        if size > BLOCK_MAX {
            return self.allocate_large(size);
        }
        let class = size.div_ceil(8);
        if class >= self.classes.len() {
            self.classes.resize(class + 1, Class { current: NONE, partial: BTreeSet::new() });
        }
        loop {
            let number = match self.classes[class].partial.pop_first() {
                Some(number) => {
                    self.span_mut(number).partial = false;
                    number
                }
                None => self.new_span(class),
            };
            self.classes[class].current = number;
            if let Some(block) = self.take_block(number) {
                return block;
            }
        }
    }

    fn allocate_large(&mut self, size: usize) -> NonNull<u8> {
        let layout = large_layout(size);
        // SAFETY: the size is not 0.
        let Some(at) = NonNull::new(unsafe { alloc(layout) }) else { handle_alloc_error(layout) };
        self.large.insert(at, layout.size());
        self.used += layout.size();
        self.blocks += 1;
        at
    }

    fn free_large(&mut self, at: NonNull<u8>) {
        let size = self.large.remove(&at).expect("a large block of this slab");
        let layout = large_layout(size);
        self.used -= layout.size();
        self.blocks -= 1;
        // SAFETY: it was in the set, so it came from `alloc` with this layout and was not freed.
        unsafe { dealloc(at.as_ptr(), layout) };
    }

    /// A span that was full has room again, or one has become empty.
    #[cold]
    fn note_free(&mut self, number: u32, class: usize) {
        if self.classes[class].current == number {
            return;
        }
        let span = self.span_mut(number);
        if span.used == 0 {
            self.release(number, class);
        } else if !span.shut {
            self.list(number, class);
        }
    }

    fn list(&mut self, number: u32, class: usize) {
        self.classes[class].partial.insert(number);
        self.span_mut(number).partial = true;
    }

    fn unlist(&mut self, number: u32, class: usize) {
        if std::mem::take(&mut self.span_mut(number).partial) {
            self.classes[class].partial.remove(&number);
        }
    }

    /// Makes an empty span free for any size, and its chunk free for anybody if it was the last.
    fn release(&mut self, number: u32, class: usize) {
        self.unlist(number, class);
        self.drop_span(number);
        let (chunk, bit) = split(number);
        let free = self.chunks.get_mut(&chunk).expect("a span's chunk is the slab's");
        *free |= bit;
        if *free == ALL_FREE {
            self.chunks.remove(&chunk);
            self.open.remove(&chunk);
            self.shut.remove(&chunk);
            self.land.give([chunk]);
        } else if !self.shut.contains(&chunk) {
            self.open.insert(chunk);
        }
    }

    fn drop_span(&mut self, number: u32) {
        let span = self.span_mut(number);
        let words = usize::from(span.blocks).div_ceil(64);
        if let Some(bits) = span.bits.take() {
            let bits = NonNull::slice_from_raw_parts(bits, words);
            // SAFETY: `new_span` made the bits from a box of this length, and they are taken out of the note.
            drop(unsafe { Box::from_raw(bits.as_ptr()) });
        }
        (span.size, span.blocks, span.used, span.shut) = (0, 0, 0, false);
    }

    /// A free span, made ready for blocks of a class.
    fn new_span(&mut self, class: usize) -> u32 {
        let chunk = match self.open.first() {
            Some(&chunk) => chunk,
            None => self.new_chunk(),
        };
        let free = self.chunks.get_mut(&chunk).expect("an open chunk is the slab's");
        let at = free.trailing_zeros();
        *free &= !(1 << at);
        if *free == 0 {
            self.open.remove(&chunk);
        }
        let size = class.max(1) * 8;
        let blocks = SPAN / size;
        let mut bits = vec![0; blocks.div_ceil(64)].into_boxed_slice();
        if let Some(last) = bits.last_mut()
            && !blocks.is_multiple_of(64)
        {
            *last = u64::MAX << (blocks % 64);
        }
        let number = chunk * SPANS as u32 + at;
        *self.span_mut(number) = Span {
            bits: NonNull::new(Box::into_raw(bits).cast()),
            reciprocal: ((1u64 << 32).div_ceil(size as u64)) as u32,
            size: size as u16,
            blocks: blocks as u16,
            used: 0,
            hint: 0,
            partial: false,
            shut: false,
            rest: [0; 10],
        };
        number
    }

    fn new_chunk(&mut self) -> u32 {
        let chunk = self.land.next(&self.chunks);
        self.chunks.insert(chunk, ALL_FREE);
        self.open.insert(chunk);
        chunk
    }

    fn span_at(&self, number: u32) -> NonNull<u8> {
        // SAFETY: span numbers come from chunks of the land.
        unsafe { self.land.base().add(number as usize * SPAN) }
    }

    #[inline]
    fn span(&self, number: u32) -> &Span {
        // SAFETY: each chunk has notes for its spans, all zeros or written by its owner, which this slab is (invariant 1).
        unsafe { self.land.notes().cast::<Span>().add(number as usize).as_ref() }
    }

    #[inline]
    fn span_mut<'a>(&mut self, number: u32) -> &'a mut Span {
        // SAFETY: as in `span`; no caller holds two of them at once.
        unsafe { self.land.notes().cast::<Span>().add(number as usize).as_mut() }
    }
}

impl Drop for Slab {
    fn drop(&mut self) {
        while let Some((&at, _)) = self.large.first_key_value() {
            self.free_large(at);
        }
        let chunks = std::mem::take(&mut self.chunks);
        for &chunk in chunks.keys() {
            for span in 0..SPANS as u32 {
                self.drop_span(chunk * SPANS as u32 + span);
            }
        }
        self.land.give(chunks.into_keys());
    }
}

/// A span's chunk, and its bit there.
fn split(number: u32) -> (u32, u32) {
    (number / SPANS as u32, 1 << (number % SPANS as u32))
}

fn large_layout(size: usize) -> Layout {
    Layout::from_size_align(size.next_multiple_of(64), 64)
        .expect("a key fits into half of the address space")
}

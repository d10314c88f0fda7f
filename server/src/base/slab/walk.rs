//! All blocks of a slab, in the order of memory.
//!
//! Owns: the place of a walk.   Uses: the slab's notes.   Never: allocates, locks or writes: a snapshot child walks.

use std::collections::btree_map;
use std::ptr::NonNull;

use super::{CHUNK, SPAN, SPANS, Slab};

/// The chunks of a slab, then its large blocks, each a region.
pub struct Regions<'a> {
    slab: &'a Slab,
    chunks: btree_map::Keys<'a, u32, u32>,
    large: btree_map::Iter<'a, NonNull<u8>, usize>,
}

/// A stretch of memory with blocks of one slab and nothing else.
#[derive(Clone, Copy)]
pub struct Region<'a> {
    slab: &'a Slab,
    at: NonNull<u8>,
    len: usize,
    /// Its first span, or none: it is one large block.
    spans: Option<u32>,
}

/// The blocks in use of a region.
pub struct Blocks<'a> {
    slab: &'a Slab,
    large: Option<NonNull<u8>>,
    /// Spans yet to come.
    next: u32,
    end: u32,
    at: NonNull<u8>,
    size: usize,
    words: &'a [u64],
    blocks: usize,
    /// Where the word that comes next begins, in blocks.
    first: usize,
    /// What is left of the word before it.
    word: u64,
}

impl Slab {
    /// All regions in which blocks of this slab stand, in the order of memory; large blocks at the end.
    pub fn regions(&self) -> Regions<'_> {
        Regions { slab: self, chunks: self.chunks.keys(), large: self.large.iter() }
    }

    /// One of this slab's chunks.
    pub(super) fn region_of(&self, chunk: u32) -> Region<'_> {
        let spans = Some(chunk * SPANS as u32);
        Region { slab: self, at: self.land.at(chunk), len: CHUNK, spans }
    }
}

impl<'a> Iterator for Regions<'a> {
    type Item = Region<'a>;

    fn next(&mut self) -> Option<Region<'a>> {
        let slab = self.slab;
        if let Some(&chunk) = self.chunks.next() {
            return Some(slab.region_of(chunk));
        }
        let (&at, &len) = self.large.next()?;
        Some(Region { slab, at, len, spans: None })
    }
}

impl<'a> Region<'a> {
    /// Its memory, if it is whole pages and nothing else stands in them.
    pub fn pages(self) -> Option<(NonNull<u8>, usize)> {
        self.spans.map(|_| (self.at, self.len))
    }

    /// Its blocks in use, in the order of memory.
    pub fn blocks(self) -> Blocks<'a> {
        let (next, end) = self.spans.map_or((0, 0), |first| (first, first + SPANS as u32));
        Blocks {
            slab: self.slab,
            large: self.spans.is_none().then_some(self.at),
            next,
            end,
            at: self.at,
            size: 0,
            words: &[],
            blocks: 0,
            first: 0,
            word: 0,
        }
    }
}

impl Iterator for Blocks<'_> {
    type Item = NonNull<u8>;

    #[inline]
    fn next(&mut self) -> Option<NonNull<u8>> {
        while self.word == 0 {
            self.next_word()?;
        }
        if let Some(large) = self.large.take() {
            self.word = 0;
            return Some(large);
        }
        let bit = self.word.trailing_zeros() as usize;
        self.word &= self.word - 1;
        let block = self.first - 64 + bit;
        // SAFETY: the bit is of a block of this span: `next_word` leaves out those beyond the last one.
        Some(unsafe { self.at.add(block * self.size) })
    }
}

impl Blocks<'_> {
    fn next_word(&mut self) -> Option<()> {
        if self.large.is_some() {
            // Any bit: the block is given for it.
            self.word = 1;
            return Some(());
        }
        while self.words.is_empty() {
            if self.next == self.end {
                return None;
            }
            self.open_span(self.next);
            self.next += 1;
        }
        let (&word, rest) = self.words.split_first()?;
        self.words = rest;
        self.first += 64;
        let beyond = self.first.saturating_sub(self.blocks);
        self.word = word & (u64::MAX >> beyond);
        Some(())
    }

    fn open_span(&mut self, number: u32) {
        let span = self.slab.span(number);
        (self.first, self.blocks, self.size) = (0, span.blocks.into(), span.size.into());
        self.at = self.slab.span_at(number);
        debug_assert!(self.blocks * self.size <= SPAN);
        self.words = match span.bits {
            // SAFETY: a span has bits for all its blocks (invariant 2), and nobody changes them while the slab is
            // borrowed.
            Some(bits) => unsafe {
                std::slice::from_raw_parts(bits.as_ptr(), self.blocks.div_ceil(64))
            },
            None => &[],
        };
    }
}

//! Emptying chunks that are nearly empty, so that their memory can go back.
//!
//! Owns: the choice of chunks.   Uses: the slab's notes.   Never: moves a block; whoever knows what stands in it does.
//!
//! ```text
//!  chunks    [ 90 % ] [ 20 % ] [ 85 % ] [ 30 % ]
//!                                           ^ the highest that is thin is shut: nothing new comes in
//!  its blocks move to the lowest spans with room; with the last of them the chunk goes back
//! ```
//! New blocks go to the lowest spans anyway, so the highest chunks are the ones to give up.

use std::ptr::NonNull;

use super::{CHUNK, NONE, SPANS, Slab};

/// A chunk that is fuller is left alone: moving its blocks would win too little.
const FULL: usize = CHUNK / 100 * 85;

impl Slab {
    /// Bytes in whole chunks, and in blocks there: how much there is to win. O(1) but for large blocks.
    pub fn spread(&self) -> (usize, usize) {
        let large: usize = self.large.values().sum();
        (self.chunks.len() * CHUNK, self.used.saturating_sub(large))
    }

    /// Shuts the highest thin chunk below `below` and gives its number. Looks at up to `tries` chunks: `Err` says where to
    /// go on, or that there is none.
    pub fn shut_one(&mut self, below: u32, tries: usize) -> Result<u32, Option<u32>> {
        let mut looked = None;
        let chunks = self.chunks.range(..below).rev().take(tries).map(|(&chunk, _)| chunk);
        let mut thin = None;
        for chunk in chunks {
            looked = Some(chunk);
            if self.used_of(chunk) < FULL {
                thin = looked;
                break;
            }
        }
        let chunk = thin.ok_or(looked)?;
        self.shut_chunk(chunk);
        Ok(chunk)
    }

    /// Some blocks of a chunk that is being emptied, as many as `into` takes; none: it is empty.
    pub fn some_blocks(&self, chunk: u32, into: &mut [NonNull<u8>]) -> usize {
        if !self.shut.contains(&chunk) {
            return 0;
        }
        let blocks = self.region_of(chunk).blocks();
        into.iter_mut().zip(blocks).map(|(place, block)| *place = block).count()
    }

    fn shut_chunk(&mut self, chunk: u32) {
        self.open.remove(&chunk);
        self.shut.insert(chunk);
        self.choose_again();
        for number in spans_of(chunk) {
            let size = self.span(number).size;
            if size == 0 {
                continue;
            }
            let class = usize::from(size) / 8;
            self.unlist(number, class);
            self.span_mut(number).shut = true;
            if self.span(number).used == 0 {
                self.release(number, class);
            }
        }
    }

    /// Has every class go on with its lowest span that has room, which may not be its current one.
    fn choose_again(&mut self) {
        for class in 0..self.classes.len() {
            let current = std::mem::replace(&mut self.classes[class].current, NONE);
            if current != NONE && self.span(current).used < self.span(current).blocks {
                self.list(current, class);
            }
        }
    }

    fn used_of(&self, chunk: u32) -> usize {
        let spans = spans_of(chunk).map(|number| self.span(number));
        spans.map(|span| usize::from(span.used) * usize::from(span.size)).sum()
    }
}

fn spans_of(chunk: u32) -> std::ops::Range<u32> {
    chunk * SPANS as u32..(chunk + 1) * SPANS as u32
}

//! Giving memory back after many keys have gone: entries move together, segments become smaller.
//!
//! Owns: how far it has come.   Uses: table, `base::slab`.   Never: asks the time, works while a snapshot child lives.
//!
//! ```text
//!  1. segments, in order of their numbers: those less than half full get fewer buckets, or merge
//!  2. chunks of entries, highest first: a thin one is emptied, its entries move to lower ones
//! ```
//! An entry is found from its block: the key is in it, and the table finds the one pointer to it. So nothing is
//! kept for this, and nothing is lost when it is not done.
#![allow(unsafe_code)]

use std::ptr::NonNull;

use super::entry::EntryRef;
use super::table::Table;
use crate::base::index::{SLOTS, fitting};
use crate::base::slab::CHUNK;

/// Entries that move together: their memory is asked for before the first is read.
const BATCH: usize = 16;
/// Chunks that are looked at before it counts as a step.
const TRIES: usize = 8;

/// How far compacting has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Compaction {
    stage: Stage,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Nothing is under way.
    #[default]
    Rest,
    /// This segment is next.
    Segments(usize),
    /// A chunk below this one is next.
    Chunks(u32),
    /// This chunk is being emptied.
    Emptying(u32),
}

/// What one step of compacting did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Entries moved.
    pub moved: usize,
    /// Segments and chunks looked at, roughly; with `moved` the work done.
    pub looked: usize,
    /// Nothing is left to do for now.
    pub done: bool,
}

impl Table {
    /// Bytes held for entries, and bytes of them: the measure of whether compacting is worth it. O(large keys).
    pub fn spread(&self) -> (usize, usize) {
        let (held, used) = self.blocks.spread();
        let rows = &self.index.ground;
        (held + rows.held(), used + rows.used())
    }

    /// One small step; see [`super::Db::compact`].
    pub fn compact(&mut self) -> Progress {
        if self.index.is_still() {
            return Progress { done: true, ..Progress::default() };
        }
        match self.compaction.stage {
            Stage::Rest => {
                self.compaction.stage = Stage::Segments(0);
                Progress { looked: 1, ..Progress::default() }
            }
            Stage::Segments(number) => self.compact_segment(number),
            Stage::Chunks(below) => self.choose_chunk(below),
            Stage::Emptying(chunk) => self.empty_chunk(chunk),
        }
    }

    fn compact_segment(&mut self, number: usize) -> Progress {
        let Some(segment) = self.index.segment(number) else {
            self.compaction.stage = Stage::Chunks(u32::MAX);
            return Progress { looked: 1, ..Progress::default() };
        };
        self.compaction.stage = Stage::Segments(number + 1);
        let (len, homes) = (segment.len(), segment.homes());
        // An empty one is merged by the removal of the last key; a number that is free has no buckets.
        let hash =
            segment.entries().next().map(|entry| self.index.hasher().hash(entry.get().key()));
        if let Some(hash) = hash
            && len * 2 < homes * SLOTS
        {
            if fitting(len) < homes {
                self.index.rebuild(hash, number as u32);
            }
            return Progress { looked: 16, ..Progress::default() };
        }
        Progress { looked: 1, ..Progress::default() }
    }

    fn choose_chunk(&mut self, below: u32) -> Progress {
        let (held, used) = self.blocks.spread();
        let mut progress = Progress { looked: TRIES, ..Progress::default() };
        // With so little to win every chunk would be a thin one for ever.
        let is_worth_it = held > used + used / 16 + 2 * CHUNK;
        match if is_worth_it { self.blocks.shut_one(below, TRIES) } else { Err(None) } {
            Ok(chunk) => self.compaction.stage = Stage::Emptying(chunk),
            Err(Some(last)) => self.compaction.stage = Stage::Chunks(last),
            Err(None) => {
                self.compaction.stage = Stage::Rest;
                progress.done = true;
            }
        }
        progress
    }

    fn empty_chunk(&mut self, chunk: u32) -> Progress {
        let mut blocks = [NonNull::dangling(); BATCH];
        let count = self.blocks.some_blocks(chunk, &mut blocks);
        if count == 0 {
            self.compaction.stage = Stage::Chunks(chunk);
            return Progress { looked: 1, ..Progress::default() };
        }
        let mut hashes = [0; BATCH];
        for (hash, &block) in hashes.iter_mut().zip(&blocks[..count]) {
            // SAFETY: the blocks of a table's slab are its entries (table, invariant 2), and none has moved since.
            *hash = self.index.hasher().hash(unsafe { EntryRef::of(block) }.key());
            if let Some(row) = self.index.row(*hash) {
                row.prefetch_bucket(*hash);
            }
        }
        for (&hash, &block) in hashes.iter().zip(&blocks[..count]) {
            // SAFETY: as above; only the blocks before this one have moved.
            let key = unsafe { EntryRef::of(block) }.key();
            let (place, _) = self.find(hash, key).expect("every block is an entry of the table");
            self.edit(place, |entry, slab| entry.relocate(slab));
        }
        Progress { moved: count, looked: count, done: false }
    }
}

//! The entries of a stream: blocks under an index by ID, and the last block outside of it.
//!
//! Owns: the blocks.   Uses: block, id, limits.   Never: groups, what an ID means.
//!
//! ```text
//!   full    1-0 | 4-7 | 9-2 | ...      a tree: base -> block; these only ever shrink
//!             |     |     |
//!           block block block ...  tail: the block that entries are added to
//! ```
//!
//! The tail stands outside of the tree, so that an append looks for nothing. Every entry of a block is before the base
//! of the next one.

use super::block::{Block, Entry};
use super::id::Id;
use crate::value::limits::Limits;
use std::collections::{BTreeMap, btree_map};

/// The most bytes of a block of several entries, whatever the settings say: changes in one block move its bytes.
const BLOCK_MAX: usize = 1 << 20;
/// What an entry of the tree takes: a node has room for eleven and is at least half full.
pub(super) const NODE_SHARE: usize = 2 * (size_of::<Block>() + size_of::<Id>());

/// All entries of a stream.
#[derive(Clone, Debug, Default)]
pub struct Log {
    full: BTreeMap<Id, Block>,
    tail: Option<Block>,
    len: usize,
    heap: usize,
}

impl Log {
    /// Entries in it. O(1).
    pub fn len(&self) -> usize {
        self.len
    }

    /// Blocks in it. O(1).
    pub fn blocks(&self) -> usize {
        self.full.len() + usize::from(self.tail.is_some())
    }

    /// Bytes that it holds, as the allocator gives them. O(1).
    pub fn heap(&self) -> usize {
        self.heap + self.full.len() * NODE_SHARE
    }

    /// Adds an entry, whose ID is beyond all others'; `words` are its fields and values in turn.
    pub fn append<'w>(
        &mut self,
        id: Id,
        words: impl Iterator<Item = &'w [u8]> + Clone,
        limits: &Limits,
    ) {
        let most = bound(limits.stream_node_bytes);
        let entries = limits.stream_node_entries;
        self.len += 1;
        if let Some(tail) = &mut self.tail {
            let more: usize = words.clone().map(<[u8]>::len).sum();
            if tail.size() + more < most && (entries == 0 || tail.added() < entries) {
                let before = tail.heap();
                tail.push(id, words, most);
                self.heap = self.heap + tail.heap() - before;
                return;
            }
        }
        self.seal();
        let block = Block::new(id, words);
        self.heap += block.heap();
        self.tail = Some(block);
    }

    /// Moves the tail under the index.
    fn seal(&mut self) {
        let Some(mut tail) = self.tail.take() else { return };
        self.heap -= tail.heap();
        tail.shrink();
        self.heap += tail.heap();
        self.full.insert(tail.base(), tail);
    }

    /// Takes an entry out and tells whether it was there. O(log blocks + bytes of a block).
    pub fn remove(&mut self, id: Id) -> bool {
        let Some(block) = self.block_of(id) else { return false };
        let Some(at) = block.find(id) else { return false };
        self.take_out(id, at);
        true
    }

    /// Takes the entry at a place of its block out.
    fn take_out(&mut self, id: Id, at: usize) {
        let Log { full, tail, len, heap } = self;
        let in_tail = tail.as_ref().is_some_and(|tail| tail.base() <= id);
        let block = if in_tail {
            tail.as_mut()
        } else {
            full.range_mut(..=id).next_back().map(|(_, block)| block)
        };
        let block = block.expect("whoever names a place has seen its block");
        *len -= 1;
        *heap -= block.heap();
        if block.count() > 1 {
            block.remove(at);
            *heap += block.heap();
        } else if in_tail {
            *tail = None;
        } else {
            let base = block.base();
            full.remove(&base);
        }
    }

    /// The block in which an ID stands, if it is there at all. O(log blocks).
    fn block_of(&self, id: Id) -> Option<&Block> {
        match &self.tail {
            Some(tail) if tail.base() <= id => Some(tail),
            _ => self.full.range(..=id).next_back().map(|(_, block)| block),
        }
    }

    /// The first block.
    pub fn first_block(&self) -> Option<&Block> {
        self.full.first_key_value().map(|(_, block)| block).or(self.tail.as_ref())
    }

    /// All blocks in order.
    pub fn all_blocks(&self) -> impl Iterator<Item = &Block> {
        self.full.values().chain(&self.tail)
    }

    /// Drops the first block with all its entries.
    pub fn drop_first_block(&mut self) {
        let gone = self.full.pop_first().map(|(_, block)| block).or_else(|| self.tail.take());
        if let Some(block) = gone {
            self.len -= block.count();
            self.heap -= block.heap();
        }
    }

    /// Whether an entry is there. O(log blocks + entries of a block).
    pub fn has(&self, id: Id) -> bool {
        self.block_of(id).is_some_and(|block| block.find(id).is_some())
    }

    /// The entry of an ID. O(log blocks + entries of a block).
    pub fn get(&self, id: Id) -> Option<Entry<'_>> {
        let block = self.block_of(id)?;
        block.find(id).map(|at| block.at(at))
    }

    /// The first entry. O(log blocks).
    pub fn first(&self) -> Option<Entry<'_>> {
        self.first_block()?.iter().next().map(|(_, entry)| entry)
    }

    /// The last entry. O(log blocks + entries of a block).
    pub fn last(&self) -> Option<Entry<'_>> {
        self.back(Id::MIN, Id::MAX).next()
    }

    /// Entries from one ID to another, both included.
    pub fn range(&self, from: Id, to: Id) -> Range<'_> {
        let begin = self.full.range(..=from).next_back().map_or(from, |(base, _)| *base);
        let tail = self.tail.as_ref();
        Range { blocks: self.full.range(begin..), tail, inside: None, from, to }
    }

    /// Entries from one ID to another, both included, the last one first.
    pub fn back(&self, from: Id, to: Id) -> Back<'_> {
        let tail = self.tail.as_ref().filter(|tail| tail.base() <= to);
        Back { blocks: self.full.range(..=to), tail, inside: None, places: Vec::new(), from, to }
    }
}

/// The size of a block that a setting means.
fn bound(setting: usize) -> usize {
    if setting == 0 { BLOCK_MAX } else { setting.min(BLOCK_MAX) }
}

/// Entries in order.
pub struct Range<'a> {
    blocks: btree_map::Range<'a, Id, Block>,
    tail: Option<&'a Block>,
    inside: Option<super::block::Entries<'a>>,
    from: Id,
    to: Id,
}

impl<'a> Iterator for Range<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            let Some(inside) = &mut self.inside else {
                let block = self.blocks.next().map(|(_, block)| block).or_else(|| self.tail.take());
                self.inside = Some(block?.iter());
                continue;
            };
            match inside.next() {
                None => self.inside = None,
                Some((_, entry)) if entry.id < self.from => {}
                Some((_, entry)) => return (entry.id <= self.to).then_some(entry),
            }
        }
    }
}

/// Entries in the opposite order.
pub struct Back<'a> {
    blocks: btree_map::Range<'a, Id, Block>,
    tail: Option<&'a Block>,
    inside: Option<&'a Block>,
    /// Where entries of the block at hand stand, which is only known from its beginning.
    places: Vec<usize>,
    from: Id,
    to: Id,
}

impl<'a> Iterator for Back<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            if let Some((block, at)) = self.inside.zip(self.places.pop()) {
                let entry = block.at(at);
                return (entry.id >= self.from).then_some(entry);
            }
            let full = &mut self.blocks;
            let block = self.tail.take().or_else(|| full.next_back().map(|(_, block)| block))?;
            let wanted = block.iter().take_while(|(_, entry)| entry.id <= self.to);
            self.places.extend(wanted.map(|(at, _)| at));
            self.inside = Some(block);
        }
    }
}

//! The directory of a table: from the first bits of a hash to its segment.
//!
//! Owns: the cells.   Uses: row.   Never: segments themselves; whoever changes one says so here.
//!
//! ```text
//!  up to 2^16 cells: one leaf                 beyond: 256 leaves, by the first 8 bits
//!  | 000 | 001 | 010 | 011 | 100 ...          | 0 | 1 | ... | 255 |
//!     |     |     |     |                       |
//!     1     2     0     0                      its own cells, of its own depth
//!  a cell: the packed row, and in a second array the segment's number
//! ```
//!
//! A leaf doubles by copying its cells: at most 2^16 in one leaf (0.2 ms), then a 256th of all.
//!
//! Invariants
//!  1. Every cell names the segment of its prefix; a segment is in no other cell.
//!  2. A cell's packed row is that of its segment as it is now.
//!  3. `deepest` counts a leaf's segments that have one cell, and `cells` the cells of all leaves.
#![allow(unsafe_code)]

use super::row::{Packed, Row};
use super::{Item, prefetch};

/// Leaves after the directory has been parted, as a power of two.
const ROOT_BITS: u8 = 8;
/// A single leaf of this depth is parted before it doubles.
const PART_DEPTH: u8 = 16;

struct Leaf<E> {
    cells: Vec<Packed<E>>,
    numbers: Vec<u32>,
    /// It has 2^depth cells.
    depth: u8,
    deepest: u32,
}

/// The directory.
pub struct Directory<E> {
    /// None, one, or 2^`ROOT_BITS`.
    leaves: Vec<Leaf<E>>,
    root: u8,
    /// Cells of all leaves.
    cells: usize,
}

impl<E: Item> Directory<E> {
    /// A directory without any cell.
    pub const fn new() -> Directory<E> {
        Directory { leaves: Vec::new(), root: 0, cells: 0 }
    }

    /// A directory of 2^depth cells for as many segments, numbered in their order.
    pub fn of(depth: u8, rows: impl Iterator<Item = Packed<E>>) -> Directory<E> {
        let cells: Vec<Packed<E>> = rows.collect();
        let count = u32::try_from(cells.len()).expect("prefixes of 32 bits number segments");
        assert!(cells.len() == 1 << depth, "a cell for each prefix");
        let leaf = Leaf { cells, numbers: (0..count).collect(), depth, deepest: count };
        let mut directory = Directory { leaves: vec![leaf], root: 0, cells: 1 << depth };
        if depth > PART_DEPTH {
            directory.part();
        }
        directory
    }

    /// Whether there is no cell.
    pub fn is_empty(&self) -> bool {
        self.leaves.is_empty()
    }

    /// The number of the segment that a hash belongs to.
    #[inline]
    pub fn number(&self, hash: u64) -> Option<u32> {
        let leaf = self.leaf(hash)?;
        leaf.numbers.get(self.cell(leaf, hash)).copied()
    }

    /// The row of a hash, and whether what it lacks may be elsewhere in the segment.
    #[inline]
    pub fn row(&self, hash: u64) -> Option<(Row<'_, E>, bool)> {
        let packed = self.packed(hash)?;
        // SAFETY: the cell describes its segment's buckets as they are (invariant 2); the table that owns both
        // changes no bucket while it lends the directory.
        Some((unsafe { packed.row() }, packed.has_more()))
    }

    /// Asks the processor for the cell of a hash.
    #[inline]
    pub fn prefetch(&self, hash: u64) {
        if let Some(leaf) = self.leaf(hash) {
            prefetch(leaf.cells.as_ptr().wrapping_add(self.cell(leaf, hash)));
        }
    }

    /// Bits of the longest prefix that has a cell of its own beside this hash.
    pub fn depth(&self, hash: u64) -> u8 {
        self.leaf(hash).map_or(0, |leaf| self.root + leaf.depth)
    }

    /// The first segment, of no prefix.
    pub fn begin(&mut self, number: u32, row: Packed<E>) {
        assert!(self.leaves.is_empty(), "a directory begins once");
        let leaf = Leaf { cells: vec![row], numbers: vec![number], depth: 0, deepest: 1 };
        self.leaves.push(leaf);
        self.cells = 1;
    }

    /// A segment has changed: this is its row now. `hash` is any of it.
    pub fn set(&mut self, hash: u64, number: u32, row: Packed<E>) {
        self.fill(hash, row.depth(), number, row);
    }

    /// A segment was split in two, each with a prefix of `depth` bits.
    pub fn split(&mut self, hash: u64, low: (u32, Packed<E>), high: (u32, Packed<E>)) {
        let depth = low.1.depth();
        if self.depth(hash) < depth {
            self.double(hash);
        }
        let bit = 1 << (u64::BITS - u32::from(depth));
        self.fill(hash & !bit, depth, low.0, low.1);
        self.fill(hash | bit, depth, high.0, high.1);
        if depth <= self.root {
            self.recount(hash & !bit);
            self.recount(hash | bit);
        } else if let Some(leaf) = self.leaf_of_depth(hash, depth) {
            leaf.deepest += 2;
        }
    }

    /// Two segments became one, whose prefix is a bit shorter.
    pub fn merge(&mut self, hash: u64, number: u32, row: Packed<E>) {
        self.fill(hash, row.depth(), number, row);
        let depth = row.depth() + 1;
        if depth <= self.root {
            self.recount(hash);
            self.recount(hash ^ (1 << (u64::BITS - u32::from(depth))));
            return;
        }
        let root = self.root;
        let Some(leaf) = self.leaf_of_depth(hash, depth) else { return };
        leaf.deepest -= 2;
        let before = leaf.cells.len();
        while leaf.deepest == 0 && leaf.depth > 0 {
            leaf.halve(root);
        }
        let gone = before - leaf.cells.len();
        self.cells -= gone;
    }

    /// Bytes of its memory. O(1).
    pub fn memory(&self) -> usize {
        self.cells * (size_of::<Packed<E>>() + size_of::<u32>())
            + self.leaves.capacity() * size_of::<Leaf<E>>()
    }

    #[inline]
    fn packed(&self, hash: u64) -> Option<Packed<E>> {
        let leaf = self.leaf(hash)?;
        leaf.cells.get(self.cell(leaf, hash)).copied()
    }

    #[inline]
    fn leaf(&self, hash: u64) -> Option<&Leaf<E>> {
        self.leaves.get(first_bits(hash, self.root))
    }

    /// The leaf of a hash, if a segment with a prefix of `depth` bits has one cell of it.
    fn leaf_of_depth(&mut self, hash: u64, depth: u8) -> Option<&mut Leaf<E>> {
        let root = self.root;
        let leaf = self.leaves.get_mut(first_bits(hash, root))?;
        (root + leaf.depth == depth).then_some(leaf)
    }

    fn recount(&mut self, hash: u64) {
        let root = self.root;
        if let Some(leaf) = self.leaves.get_mut(first_bits(hash, root)) {
            leaf.deepest = count(&leaf.cells, root + leaf.depth);
        }
    }

    #[inline]
    fn cell(&self, leaf: &Leaf<E>, hash: u64) -> usize {
        first_bits(hash.wrapping_shl(self.root.into()), leaf.depth)
    }

    /// Writes every cell of a prefix.
    fn fill(&mut self, hash: u64, depth: u8, number: u32, row: Packed<E>) {
        let root = self.root;
        if depth < root {
            let start = first_bits(hash, depth) << (root - depth);
            for leaf in &mut self.leaves[start..start + (1 << (root - depth))] {
                leaf.cells.fill(row);
                leaf.numbers.fill(number);
            }
            return;
        }
        let leaf = &mut self.leaves[first_bits(hash, root)];
        let local = depth - root;
        let start = first_bits(hash << root, local) << (leaf.depth - local);
        let end = start + (1 << (leaf.depth - local));
        leaf.cells[start..end].fill(row);
        leaf.numbers[start..end].fill(number);
    }

    fn double(&mut self, hash: u64) {
        if self.root == 0 && self.leaves.first().is_some_and(|leaf| leaf.depth >= PART_DEPTH) {
            self.part();
        }
        let leaf = &mut self.leaves[first_bits(hash, self.root)];
        self.cells += leaf.cells.len();
        leaf.double();
    }

    /// Makes many leaves of one.
    fn part(&mut self) {
        let whole = self.leaves.pop().expect("one leaf is parted");
        let depth = whole.depth - ROOT_BITS;
        let cells = whole.cells.chunks(1 << depth);
        let parts = cells.zip(whole.numbers.chunks(1 << depth));
        self.leaves = parts
            .map(|(cells, numbers)| {
                let deepest = count(cells, whole.depth);
                Leaf { cells: cells.to_vec(), numbers: numbers.to_vec(), depth, deepest }
            })
            .collect();
        self.root = ROOT_BITS;
    }
}

impl<E: Item> Leaf<E> {
    fn double(&mut self) {
        self.cells = self.cells.iter().flat_map(|&cell| [cell, cell]).collect();
        self.numbers = self.numbers.iter().flat_map(|&number| [number, number]).collect();
        self.depth += 1;
        self.deepest = 0;
    }

    fn halve(&mut self, root: u8) {
        self.cells = self.cells.iter().step_by(2).copied().collect();
        self.numbers = self.numbers.iter().step_by(2).copied().collect();
        self.depth -= 1;
        self.deepest = count(&self.cells, root + self.depth);
    }
}

fn count<E: Item>(cells: &[Packed<E>], depth: u8) -> u32 {
    cells.iter().filter(|cell| cell.depth() == depth).count() as u32
}

/// The first `bits` bits of a hash, as a number.
#[inline]
fn first_bits(hash: u64, bits: u8) -> usize {
    // In two steps, because a shift by 64 is none; `wrapping_shr` takes 6 bits, of which !bits is 63 - bits.
    (hash >> 1).wrapping_shr(!u32::from(bits)) as usize
}

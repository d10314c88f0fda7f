//! A chapter of a large list: up to [`CHAPTER`] blocks, and what they sum up to.
//!
//! Owns: its blocks.   Uses: block.   Never: other chapters.
//!
//! Invariants
//!  1. No block is empty, and a chapter has a block.
//!  2. `sums` is the sum over the blocks, and the room of their row.

use super::Side;
use super::block::{ALONE, BLOCK, Block, Sums, equal, roomy};
use crate::base::alloc;
use crate::value::packed::Element;
use std::collections::VecDeque;

/// The most blocks of a chapter.
pub const CHAPTER: usize = 256;

/// Blocks in a row.
#[derive(Debug)]
pub struct Chapter {
    blocks: VecDeque<Block>,
    sums: Sums,
}

/// How much of a value is to be removed, and from which end on.
#[derive(Clone, Copy, Debug)]
pub struct Removal<'a> {
    /// The form of the value.
    pub form: &'a [u8],
    /// The most elements to remove.
    pub most: usize,
    /// Where to begin.
    pub side: Side,
}

impl Clone for Chapter {
    fn clone(&self) -> Chapter {
        Chapter::of(self.blocks.clone())
    }
}

impl Chapter {
    /// A chapter of one block.
    pub fn new(block: Block) -> Chapter {
        // Room for one: most lists that have just become large stay that short.
        let mut blocks = VecDeque::with_capacity(1);
        blocks.push_back(block);
        Chapter::of(blocks)
    }

    fn of(blocks: VecDeque<Block>) -> Chapter {
        let mut chapter = Chapter { blocks, sums: Sums::default() };
        chapter.sum_up();
        chapter
    }

    /// What is counted of it.
    #[inline]
    pub fn sums(&self) -> Sums {
        self.sums
    }

    /// Its blocks.
    #[inline]
    pub fn blocks(&self) -> &VecDeque<Block> {
        &self.blocks
    }

    /// Which of its blocks holds the `nth` element, and its number there.
    pub fn find(&self, nth: usize) -> (usize, usize) {
        part(self.blocks.iter().map(Block::len), nth, self.sums.len)
    }

    /// Adds an element of so many bytes at an end, if the block there has room.
    #[inline]
    pub fn push(&mut self, side: Side, element: Element<'_>, span: usize) -> bool {
        let block = match side {
            Side::Left => self.blocks.front_mut(),
            Side::Right => self.blocks.back_mut(),
        };
        let pushed = block.is_some_and(|block| block.push(side, element, span));
        if pushed {
            self.sums.len += 1;
            self.sums.bytes += span;
        }
        pushed
    }

    /// Adds a block at an end, if the chapter is not full.
    pub fn push_block(&mut self, side: Side, block: Block) -> Result<(), Block> {
        if self.blocks.len() >= CHAPTER {
            return Err(block);
        }
        // The block that was last there lies inside from now on. An only one may still be pushed to from the other end.
        if self.blocks.len() > 1 {
            self.end_mut(side).seal();
        }
        match side {
            Side::Left => self.blocks.push_front(block),
            Side::Right => self.blocks.push_back(block),
        }
        self.sum_up();
        Ok(())
    }

    /// Makes room in its only block for so many bytes more, if that block can grow or has most of its room at the wrong end.
    pub fn make_room(&mut self, side: Side, span: usize) -> bool {
        let [block] = self.blocks.make_contiguous() else { return false };
        let needed = block.size() + span;
        if needed <= block.capacity() / 2 {
            block.shift(side);
        } else if needed <= BLOCK && block.capacity() < BLOCK {
            block.resize(side, roomy(needed).max(block.capacity()));
        } else {
            return false;
        }
        self.sum_up();
        true
    }

    /// Removes so many elements from an end; fewer than it has.
    pub fn cut(&mut self, side: Side, mut count: usize) {
        while count > 0 {
            let block = self.end_mut(side);
            let (before, whole) = (block.sums(), block.len() <= count);
            if whole {
                count -= before.len;
                self.sums.room -= before.room;
                self.sums.len -= before.len;
                self.sums.bytes -= before.bytes;
                match side {
                    Side::Left => drop(self.blocks.pop_front()),
                    Side::Right => drop(self.blocks.pop_back()),
                }
            } else {
                block.cut(side, count);
                let bytes = block.size();
                self.sums.len -= count;
                self.sums.bytes -= before.bytes - bytes;
                count = 0;
            }
        }
        debug_assert!(!self.blocks.is_empty(), "less is cut than there is");
    }

    /// Puts an element before the `nth`, which it has.
    pub fn insert(&mut self, nth: usize, element: Element<'_>) {
        let (number, nth) = self.find(nth);
        self.insert_at(number, nth, element);
        self.sum_up();
    }

    /// Puts an element before the `nth` of a block, or behind its last.
    fn insert_at(&mut self, number: usize, nth: usize, element: Element<'_>) {
        let span = element.span();
        let block = &mut self.blocks[number];
        if span <= ALONE && block.has_room(span) {
            return block.insert(nth, element);
        }
        if nth == block.len() {
            return self.blocks.insert(number + 1, Block::with(Side::Right, element));
        }
        if nth == 0 {
            let fits = span <= ALONE && number > 0;
            if !fits || !self.blocks[number - 1].push(Side::Right, element, span) {
                self.blocks.insert(number, Block::with(Side::Right, element));
            }
            return;
        }
        let middle = if span > ALONE { nth } else { block.middle() };
        let behind = block.split(middle);
        self.blocks.insert(number + 1, behind);
        if nth <= middle {
            self.insert_at(number, nth, element);
        } else {
            self.insert_at(number + 1, nth - middle, element);
        }
    }

    /// Puts another element in the place of the `nth`, which it has.
    pub fn set(&mut self, nth: usize, element: Element<'_>) {
        let (number, nth) = self.find(nth);
        let block = &mut self.blocks[number];
        if block.replace(nth, element) {
            return;
        }
        if block.len() == 1 {
            *block = Block::with(Side::Right, element);
        } else {
            block.remove(nth);
            self.insert_at(number, nth, element);
        }
        self.sum_up();
    }

    /// Removes elements, and tells how many.
    pub fn remove_equal(&mut self, removal: Removal<'_>, kept: &mut Vec<u8>) -> usize {
        let (mut removed, mut sparse) = (0, false);
        for step in 0..self.blocks.len() {
            if removed == removal.most {
                break;
            }
            let number = match removal.side {
                Side::Left => step,
                Side::Right => self.blocks.len() - 1 - step,
            };
            let block = &mut self.blocks[number];
            let found = equal(block.packed(), removal.form);
            if found == 0 {
                continue;
            }
            let now = found.min(removal.most - removed);
            let which = match removal.side {
                Side::Left => 0..now,
                Side::Right => found - now..found,
            };
            block.remove_equal(removal.form, which, kept);
            removed += now;
            sparse |= block.size() <= BLOCK / 4;
        }
        if sparse {
            self.close_up();
        }
        if removed > 0 {
            self.sum_up();
        }
        removed
    }

    /// Drops empty blocks and joins neighbours that have little.
    fn close_up(&mut self) {
        let mut dense: VecDeque<Block> = VecDeque::with_capacity(self.blocks.len());
        for block in self.blocks.drain(..) {
            match dense.back_mut() {
                _ if block.len() == 0 => {}
                Some(last) if last.size() + block.size() <= BLOCK / 2 => last.absorb(&block),
                Some(_) | None => dense.push_back(block),
            }
        }
        self.blocks = dense;
    }

    /// Moves half of its blocks into a chapter behind this one if it has too many.
    pub fn split_if_long(&mut self) -> Option<Chapter> {
        if self.blocks.len() <= CHAPTER {
            return None;
        }
        let behind = self.blocks.split_off(self.blocks.len() / 2);
        self.sum_up();
        Some(Chapter::of(behind))
    }

    fn end_mut(&mut self, side: Side) -> &mut Block {
        let block = match side {
            Side::Left => self.blocks.front_mut(),
            Side::Right => self.blocks.back_mut(),
        };
        block.expect("a chapter has a block")
    }

    /// O(blocks), a microsecond: whoever changes more than the ends of a block leaves the sums to this.
    fn sum_up(&mut self) {
        let room = alloc::given(self.blocks.capacity() * size_of::<Block>());
        self.sums = Sums { len: 0, bytes: 0, room };
        for block in &self.blocks {
            self.sums = self.sums.plus(block.sums());
        }
    }
}

/// Which of several parts holds the element of an index, and its index there. Looks from the nearer end.
pub fn part(
    lens: impl DoubleEndedIterator<Item = usize> + ExactSizeIterator,
    index: usize,
    total: usize,
) -> (usize, usize) {
    if index < total / 2 {
        let mut rest = index;
        for (number, len) in lens.enumerate() {
            if rest < len {
                return (number, rest);
            }
            rest -= len;
        }
    } else {
        let mut begin = total;
        for (number, len) in lens.enumerate().rev() {
            begin -= len;
            if begin <= index {
                return (number, index - begin);
            }
        }
    }
    unreachable!("the index is below the total")
}

//! Walks over a list, from any element to either end.
//!
//! Owns: how far they are.   Uses: the forms of a list.   Never: allocates: a snapshot child walks.

use super::ListRef;
use super::block::{Block, offset_of};
use super::chapter::Chapter;
use crate::value::packed::{Backwards, Element, Elements, TwoWay};
use std::collections::vec_deque::Iter;

/// The elements from one on to the right end.
#[derive(Clone, Debug, Default)]
pub struct Rightwards<'a> {
    elements: Elements<'a, true>,
    blocks: Iter<'a, Block>,
    chapters: Iter<'a, Chapter>,
}

/// The elements from one on to the left end.
#[derive(Clone, Debug, Default)]
pub struct Leftwards<'a> {
    elements: Backwards<'a>,
    blocks: Iter<'a, Block>,
    chapters: Iter<'a, Chapter>,
}

/// The elements from one end on to the other.
#[derive(Clone, Debug)]
pub enum Walk<'a> {
    /// From the left.
    Rightwards(Rightwards<'a>),
    /// From the right.
    Leftwards(Leftwards<'a>),
}

impl<'a> Iterator for Walk<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        match self {
            Walk::Rightwards(walk) => walk.next(),
            Walk::Leftwards(walk) => walk.next(),
        }
    }
}

impl<'a> Rightwards<'a> {
    /// Begins with the element of an index, which must be there.
    pub(super) fn new(list: ListRef<'a>, index: usize) -> Rightwards<'a> {
        match list {
            ListRef::Small(small) => {
                let packed: TwoWay<'_> = small.packed();
                let elements = packed.from(offset_of(packed, small.len(), index));
                Rightwards { elements, blocks: Iter::default(), chapters: Iter::default() }
            }
            ListRef::Large(chain) => {
                let (chapter, nth) = chain.find(index);
                let chapters = chain.chapters().range(chapter + 1..);
                let chapter = &chain.chapters()[chapter];
                let (block, nth) = chapter.find(nth);
                let blocks = chapter.blocks().range(block + 1..);
                let block = &chapter.blocks()[block];
                let elements = block.packed().from(block.offset(nth));
                Rightwards { elements, blocks, chapters }
            }
        }
    }

    #[cold]
    fn next_block(&mut self) -> Option<Element<'a>> {
        loop {
            if let Some(block) = self.blocks.next() {
                self.elements = block.packed().iter();
                return self.elements.next().map(|(_, element)| element);
            }
            self.blocks = self.chapters.next()?.blocks().iter();
        }
    }
}

impl<'a> Iterator for Rightwards<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        match self.elements.next() {
            Some((_, element)) => Some(element),
            None => self.next_block(),
        }
    }
}

impl<'a> Leftwards<'a> {
    /// Begins with the element of an index, which must be there.
    pub(super) fn new(list: ListRef<'a>, index: usize) -> Leftwards<'a> {
        let before = |packed: TwoWay<'a>, count: usize, nth: usize| {
            let end = offset_of(packed, count, nth + 1);
            TwoWay::of(&packed.bytes()[..end]).backwards()
        };
        match list {
            ListRef::Small(small) => {
                let elements = before(small.packed(), small.len(), index);
                Leftwards { elements, blocks: Iter::default(), chapters: Iter::default() }
            }
            ListRef::Large(chain) => {
                let (chapter, nth) = chain.find(index);
                let chapters = chain.chapters().range(..chapter);
                let chapter = &chain.chapters()[chapter];
                let (block, nth) = chapter.find(nth);
                let blocks = chapter.blocks().range(..block);
                let block = &chapter.blocks()[block];
                let elements = before(block.packed(), block.len(), nth);
                Leftwards { elements, blocks, chapters }
            }
        }
    }

    #[cold]
    fn next_block(&mut self) -> Option<Element<'a>> {
        loop {
            if let Some(block) = self.blocks.next_back() {
                self.elements = block.packed().backwards();
                return self.elements.next().map(|(_, element)| element);
            }
            self.blocks = self.chapters.next_back()?.blocks().iter();
        }
    }
}

impl<'a> Iterator for Leftwards<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        match self.elements.next() {
            Some((_, element)) => Some(element),
            None => self.next_block(),
        }
    }
}

//! A large list: blocks of packed elements in chapters.
//!
//! Owns: the chapters.   Uses: chapter, block.   Never: what is small, what OBJECT ENCODING says.
//!
//! ```text
//!  Chain     len, bytes, room
//!   chapters  [ 100210 elements | 107776 elements | ... ]           a ring of chapters
//!                      |
//!             blocks [ 421 | 418 | 421 | ... up to 256 ]          a ring of blocks
//!                        |
//!              | free | element | element | ... | free |          7168 bytes
//! ```
//!
//! Two levels of rings, because both ends of a ring are O(1), and because nothing is ever moved in proportion to the list:
//! a chapter's ring has 8 KiB at most, and that of a thousand million elements' chapters half a megabyte. An index is found
//! by adding up chapters from the nearer end (47 of them in 5 M elements), then blocks, then elements: a microsecond,
//! where a chain of blocks would be a walk over half of 12,000.
//!
//! Invariants
//!  1. No chapter is empty, except that the only one of an empty list is missing.
//!  2. `sums` is the sum over the chapters.

use super::Side;
use super::block::{ALONE, BLOCK, Block, Sums, roomy};
use super::chapter::{Chapter, Removal, part};
use crate::base::alloc;
use crate::value::packed::{Element, TwoWay};
use std::collections::VecDeque;

/// A list of any length.
#[derive(Debug)]
pub struct Chain {
    chapters: VecDeque<Chapter>,
    sums: Sums,
    outgrown: bool,
}

impl Clone for Chain {
    fn clone(&self) -> Chain {
        Chain { outgrown: self.outgrown, ..Chain::of_chapters(self.chapters.clone()) }
    }
}

impl Chain {
    /// A list of elements that are packed already; `side` is where more will be pushed.
    pub fn of(packed: TwoWay<'_>, count: usize, side: Side, outgrown: bool) -> Chain {
        let mut chain =
            Chain { chapters: VecDeque::with_capacity(1), sums: Sums::default(), outgrown };
        if count > 0 {
            let room = roomy(packed.bytes().len());
            chain.push_chapter(side, Chapter::new(Block::of(packed, count, side, room)));
        }
        chain
    }

    /// What is counted of it.
    #[inline]
    pub fn sums(&self) -> Sums {
        self.sums
    }

    /// Bytes that it holds, itself included, as the allocator gives them. O(1).
    pub fn heap(&self) -> usize {
        let chapters = self.chapters.capacity() * size_of::<Chapter>();
        alloc::given(size_of::<Chain>()) + alloc::given(chapters) + self.sums.room
    }

    /// Whether it is shown as large.
    #[inline]
    pub fn is_outgrown(&self) -> bool {
        self.outgrown
    }

    /// Shows it as large, or as small.
    pub fn set_outgrown(&mut self, outgrown: bool) {
        self.outgrown = outgrown;
    }

    /// Its chapters.
    #[inline]
    pub fn chapters(&self) -> &VecDeque<Chapter> {
        &self.chapters
    }

    /// The block at an end; none if the list is empty.
    #[inline]
    pub fn end(&self, side: Side) -> Option<&Block> {
        match side {
            Side::Left => self.chapters.front()?.blocks().front(),
            Side::Right => self.chapters.back()?.blocks().back(),
        }
    }

    /// Which of its chapters holds the element of an index, and its number there.
    pub fn find(&self, index: usize) -> (usize, usize) {
        part(self.chapters.iter().map(|chapter| chapter.sums().len), index, self.sums.len)
    }

    /// Adds an element at an end. O(1).
    #[inline]
    pub fn push(&mut self, side: Side, element: Element<'_>) {
        let span = element.span();
        let chapter = match side {
            Side::Left => self.chapters.front_mut(),
            Side::Right => self.chapters.back_mut(),
        };
        if chapter.is_some_and(|chapter| span <= ALONE && chapter.push(side, element, span)) {
            self.sums.len += 1;
            self.sums.bytes += span;
        } else {
            self.push_to_new_room(side, element, span);
        }
    }

    #[cold]
    fn push_to_new_room(&mut self, side: Side, element: Element<'_>, span: usize) {
        if self.chapters.is_empty() {
            return self.push_chapter(side, Chapter::new(Block::with(side, element)));
        }
        let only = self.chapters.len() == 1;
        let rest = self.at_end(side, |chapter| {
            if only && chapter.make_room(side, span) {
                assert!(chapter.push(side, element, span), "room was made");
                return Ok(());
            }
            chapter.push_block(side, Block::with(side, element))
        });
        if let Err(block) = rest {
            self.push_chapter(side, Chapter::new(block));
        }
    }

    /// Removes so many elements from an end; at most as many as it has. What goes in whole chapters is handed back, to be
    /// freed where nobody waits for it. O(chapters), and O(elements of a block).
    pub fn cut(&mut self, side: Side, mut count: usize) -> Option<Chain> {
        let mut gone = VecDeque::new();
        while count > 0 {
            let chapter = match side {
                Side::Left => self.chapters.front(),
                Side::Right => self.chapters.back(),
            };
            let len = chapter.expect("no more is cut than there is").sums().len;
            if len > count {
                self.at_end(side, |chapter| chapter.cut(side, count));
                break;
            }
            count -= len;
            let chapter = match side {
                Side::Left => self.chapters.pop_front(),
                Side::Right => self.chapters.pop_back(),
            };
            let chapter = chapter.expect("it was looked at");
            self.sums = self.sums.minus(chapter.sums());
            gone.push_back(chapter);
        }
        (!gone.is_empty()).then(|| Chain::of_chapters(gone))
    }

    /// Puts an element before that of an index, which must be there.
    pub fn insert(&mut self, index: usize, element: Element<'_>) {
        let (number, nth) = self.find(index);
        self.at(number, |chapter| chapter.insert(nth, element));
        self.split_if_long(number);
    }

    /// Puts another element in the place of that of an index, which must be there.
    pub fn set(&mut self, index: usize, element: Element<'_>) {
        let (number, nth) = self.find(index);
        self.at(number, |chapter| chapter.set(nth, element));
        self.split_if_long(number);
    }

    /// Removes elements, and tells how many. O(n).
    pub fn remove_equal(&mut self, removal: Removal<'_>) -> usize {
        let (mut removed, mut kept) = (0, Vec::with_capacity(BLOCK));
        for step in 0..self.chapters.len() {
            if removed == removal.most {
                break;
            }
            let number = match removal.side {
                Side::Left => step,
                Side::Right => self.chapters.len() - 1 - step,
            };
            let rest = Removal { most: removal.most - removed, ..removal };
            removed += self.at(number, |chapter| chapter.remove_equal(rest, &mut kept));
        }
        if removed > 0 {
            self.chapters.retain(|chapter| chapter.sums().len > 0);
            self.sum_up();
        }
        removed
    }

    fn of_chapters(chapters: VecDeque<Chapter>) -> Chain {
        let mut chain = Chain { chapters, sums: Sums::default(), outgrown: true };
        chain.sum_up();
        chain
    }

    fn push_chapter(&mut self, side: Side, chapter: Chapter) {
        self.sums = self.sums.plus(chapter.sums());
        match side {
            Side::Left => self.chapters.push_front(chapter),
            Side::Right => self.chapters.push_back(chapter),
        }
    }

    fn split_if_long(&mut self, number: usize) {
        if let Some(behind) = self.at(number, Chapter::split_if_long) {
            self.sums = self.sums.plus(behind.sums());
            self.chapters.insert(number + 1, behind);
        }
    }

    /// Changes the chapter at an end, which must be there, and keeps the sums right.
    fn at_end<T>(&mut self, side: Side, change: impl FnOnce(&mut Chapter) -> T) -> T {
        let number = match side {
            Side::Left => 0,
            Side::Right => self.chapters.len() - 1,
        };
        self.at(number, change)
    }

    /// Changes a chapter and keeps the sums right.
    fn at<T>(&mut self, number: usize, change: impl FnOnce(&mut Chapter) -> T) -> T {
        let chapter = &mut self.chapters[number];
        self.sums = self.sums.minus(chapter.sums());
        let result = change(chapter);
        self.sums = self.sums.plus(chapter.sums());
        result
    }

    fn sum_up(&mut self) {
        let sums = self.chapters.iter().map(Chapter::sums);
        self.sums = sums.fold(Sums::default(), Sums::plus);
    }
}

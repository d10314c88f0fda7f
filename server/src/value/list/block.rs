//! A block of a large list: packed elements in one allocation, with free room at either end.
//!
//! Owns: the block's bytes.   Uses: packed, `base::alloc`.   Never: other blocks.
//!
//! ```text
//!  | free | element | element | ... | element | free |
//!         begin                              end     capacity
//! ```
//!
//! A block that is pushed to from the left begins with all its room in front. Taking elements from an end moves that end
//! and nothing else.
//!
//! A block has [`BLOCK`] bytes, which is a size of the allocator of which four stand in seven pages: a block of 8192
//! bytes would cost 128 more for the allocator's own record of its pages. So 421 elements of 15 bytes fit, at 17.1 bytes each
//! with everything around them. An element that is longer than [`ALONE`] has a block of its own size for itself.

use super::Side;
use crate::base::alloc;
use crate::value::packed::{Element, TwoWay, append};
use std::ops::Range;

/// Bytes of an ordinary block.
pub const BLOCK: usize = 7168;
/// An element whose form is longer has a block for itself.
pub const ALONE: usize = BLOCK / 2;

/// Elements in one piece of memory.
#[derive(Debug)]
pub struct Block {
    /// Free room up to `begin`, then the elements.
    bytes: Vec<u8>,
    begin: u32,
    count: u32,
}

/// What is counted of one block or of many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Elements.
    pub len: usize,
    /// Bytes of the elements.
    pub bytes: usize,
    /// Bytes of memory, as the allocator gives them.
    pub room: usize,
}

impl Sums {
    /// Both together.
    pub fn plus(self, other: Sums) -> Sums {
        Sums {
            len: self.len + other.len,
            bytes: self.bytes + other.bytes,
            room: self.room + other.room,
        }
    }

    /// Without a part.
    pub fn minus(self, part: Sums) -> Sums {
        Sums {
            len: self.len - part.len,
            bytes: self.bytes - part.bytes,
            room: self.room - part.room,
        }
    }
}

impl Clone for Block {
    /// Without the free room.
    fn clone(&self) -> Block {
        Block { bytes: self.packed().bytes().to_vec(), begin: 0, count: self.count }
    }
}

impl Block {
    /// An empty block whose room is where `side` pushes to.
    pub fn new(side: Side, room: usize) -> Block {
        match side {
            Side::Right => Block { bytes: Vec::with_capacity(room), begin: 0, count: 0 },
            Side::Left => Block { bytes: vec![0; room], begin: offset(room), count: 0 },
        }
    }

    /// A block of one element, with room for more on the side that pushes unless it must be alone.
    pub fn with(side: Side, element: Element<'_>) -> Block {
        let span = element.span();
        let (side, room) = if span > ALONE { (Side::Right, span) } else { (side, BLOCK) };
        let mut block = Block::new(side, room);
        assert!(block.push(side, element, span), "a new block has room for its element");
        block
    }

    /// A block of elements that are packed already, with room for more on one side.
    pub fn of(packed: TwoWay<'_>, count: usize, side: Side, room: usize) -> Block {
        let bytes = packed.bytes();
        let mut block = Block::new(side, room.max(bytes.len()));
        match side {
            Side::Right => block.bytes.extend_from_slice(bytes),
            Side::Left => {
                let begin = block.bytes.len() - bytes.len();
                block.bytes[begin..].copy_from_slice(bytes);
                block.begin = offset(begin);
            }
        }
        block.count = counted(count);
        block
    }

    /// Its elements.
    #[inline]
    pub fn packed(&self) -> TwoWay<'_> {
        TwoWay::of(&self.bytes[self.begin as usize..])
    }

    /// How many elements it has.
    #[inline]
    #[expect(clippy::len_without_is_empty, reason = "a block without elements is none")]
    pub fn len(&self) -> usize {
        self.count as usize
    }

    /// Bytes of its elements.
    #[inline]
    pub fn size(&self) -> usize {
        self.bytes.len() - self.begin as usize
    }

    /// Bytes of its allocation.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// What is counted of it.
    pub fn sums(&self) -> Sums {
        Sums { len: self.len(), bytes: self.size(), room: alloc::given(self.capacity()) }
    }

    /// Adds an element of so many bytes at an end, if there is room.
    #[inline]
    pub fn push(&mut self, side: Side, element: Element<'_>, span: usize) -> bool {
        match side {
            Side::Right => {
                if self.capacity() - self.bytes.len() < span {
                    return false;
                }
                append::<true>(element, &mut self.bytes);
            }
            Side::Left => {
                let begin = self.begin as usize;
                if begin < span {
                    return false;
                }
                append::<true>(element, &mut &mut self.bytes[begin - span..begin]);
                self.begin -= offset(span);
            }
        }
        self.count += 1;
        true
    }

    /// Removes so many elements from an end; fewer than it has.
    pub fn cut(&mut self, side: Side, count: usize) {
        match side {
            Side::Left => self.begin += offset(self.offset(count)),
            Side::Right => {
                let end = self.begin as usize + self.offset(self.len() - count);
                self.bytes.truncate(end);
            }
        }
        self.count -= counted(count);
    }

    /// The offset of the `nth` element among the packed ones; their end, if it has so many.
    pub fn offset(&self, nth: usize) -> usize {
        offset_of(self.packed(), self.len(), nth)
    }

    /// Whether an element of so many bytes fits, wherever it is put.
    pub fn has_room(&self, span: usize) -> bool {
        self.begin as usize >= span || self.capacity() - self.bytes.len() >= span
    }

    /// Puts an element before the `nth`. The block must have room for it.
    pub fn insert(&mut self, nth: usize, element: Element<'_>) {
        let span = element.span();
        let (begin, end) = (self.begin as usize, self.bytes.len());
        let at = begin + self.offset(nth);
        let room_behind = self.capacity() - end >= span;
        let at = if begin >= span && (at - begin < end - at || !room_behind) {
            self.bytes.copy_within(begin..at, begin - span);
            self.begin -= offset(span);
            at - span
        } else {
            assert!(room_behind, "whoever inserts looked for room");
            self.bytes.resize(end + span, 0);
            self.bytes.copy_within(at..end, at + span);
            at
        };
        append::<true>(element, &mut &mut self.bytes[at..at + span]);
        self.count += 1;
    }

    /// Puts another element in the place of the `nth`, if it has the same size.
    pub fn replace(&mut self, nth: usize, element: Element<'_>) -> bool {
        let at = self.offset(nth);
        let span = self.packed().span(at);
        if span != element.span() {
            return false;
        }
        let at = self.begin as usize + at;
        append::<true>(element, &mut &mut self.bytes[at..at + span]);
        true
    }

    /// Removes the `nth` element.
    pub fn remove(&mut self, nth: usize) {
        let at = self.offset(nth);
        let span = self.packed().span(at);
        let at = self.begin as usize + at;
        self.bytes.drain(at..at + span);
        self.count -= 1;
    }

    /// Removes those elements of the form `form` whose number among them is in `which`.
    pub fn remove_equal(&mut self, form: &[u8], which: Range<usize>, kept: &mut Vec<u8>) {
        kept.clear();
        let removed = without(self.packed(), form, which, kept);
        self.bytes.truncate(self.begin as usize);
        self.bytes.extend_from_slice(kept);
        self.count -= counted(removed);
    }

    /// Moves the elements from the `nth` on into a block behind this one.
    pub fn split(&mut self, nth: usize) -> Block {
        let at = self.offset(nth);
        let moved = TwoWay::of(&self.packed().bytes()[at..]);
        let room = if moved.bytes().len() > ALONE { moved.bytes().len() } else { BLOCK };
        let behind = Block::of(moved, self.len() - nth, Side::Right, room);
        self.bytes.truncate(self.begin as usize + at);
        self.count = counted(nth);
        behind
    }

    /// The number of the element at which to split into two of about the same size, both with elements.
    pub fn middle(&self) -> usize {
        let half = self.size() / 2;
        let first = self.packed().iter().take_while(|(at, _)| *at < half).count();
        first.clamp(1, self.len() - 1)
    }

    /// Takes the elements of the block behind it.
    pub fn absorb(&mut self, behind: &Block) {
        if self.capacity() - self.bytes.len() < behind.size() {
            self.resize(Side::Right, self.size() + behind.size());
        }
        self.bytes.extend_from_slice(behind.packed().bytes());
        self.count += behind.count;
    }

    /// Has `room` bytes in all from now on, the free ones where `side` pushes to.
    pub fn resize(&mut self, side: Side, room: usize) {
        *self = Block::of(self.packed(), self.len(), side, room);
    }

    /// Moves its elements away from the end where `side` pushes to.
    pub fn shift(&mut self, side: Side) {
        let (begin, size, room) = (self.begin as usize, self.size(), self.capacity());
        let to = match side {
            Side::Right => 0,
            Side::Left => {
                self.bytes.resize(room, 0);
                room - size
            }
        };
        self.bytes.copy_within(begin..begin + size, to);
        self.bytes.truncate(to + size);
        self.begin = offset(to);
    }

    /// Gives free room back if it is worth it: for a block that no end of the list is at any more.
    pub fn seal(&mut self) {
        if self.capacity() - self.size() > BLOCK / 16 {
            *self = self.clone();
        }
    }
}

/// The offset of the `nth` of so many elements; their end, if it is one behind the last. Walks from the nearer end.
#[inline]
pub fn offset_of(packed: TwoWay<'_>, count: usize, nth: usize) -> usize {
    if nth <= count / 2 {
        return packed.iter().nth(nth).map_or(packed.bytes().len(), |(at, _)| at);
    }
    match (count - nth).checked_sub(1) {
        None => packed.bytes().len(),
        Some(skip) => packed.backwards().nth(skip).expect("one of so many elements").0,
    }
}

/// Copies elements without those of the form `form` whose number among them is in `which`, and tells how many it left out.
pub fn without(packed: TwoWay<'_>, form: &[u8], which: Range<usize>, out: &mut Vec<u8>) -> usize {
    let (mut from, mut number) = (0, 0);
    while number < which.end {
        let Some(at) = packed.find(form, from, 1) else { break };
        let kept_to = if which.contains(&number) { at } else { at + form.len() };
        out.extend_from_slice(&packed.bytes()[from..kept_to]);
        from = at + form.len();
        number += 1;
    }
    out.extend_from_slice(&packed.bytes()[from..]);
    number.saturating_sub(which.start)
}

/// How many elements have the form `form`. O(bytes).
pub fn equal(packed: TwoWay<'_>, form: &[u8]) -> usize {
    let (mut from, mut number) = (0, 0);
    while let Some(at) = packed.find(form, from, 1) {
        from = at + form.len();
        number += 1;
    }
    number
}

/// Room for a block of so many bytes that will probably grow; little, because most lists of this length stay there.
pub fn roomy(size: usize) -> usize {
    alloc::given(size + size / 8).min(BLOCK)
}

fn offset(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("only blocks of usual size have room in front")
}

fn counted(elements: usize) -> u32 {
    u32::try_from(elements).expect("a block with many elements is short")
}

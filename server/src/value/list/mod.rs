//! Lists: elements in the order in which they were pushed.
//!
//! Owns: the two forms of a list, and when one becomes the other.   Uses: small, packed.   Never: entries, replies.
//!
//! ```text
//!  Small   packed elements                     in the entry, up to 1024 bytes
//!  Large   blocks of 7168 bytes in chapters    outside
//! ```
//!
//! A small list is copied by each change, so it is kept shorter than other small collections; and it becomes small again
//! only well below that, so that a queue which goes up and down does not change its form each time.
//!
//! What OBJECT ENCODING says follows Redis: "listpack" until the list would pass `list-max-listpack-size` with what is
//! to be added, then "quicklist" until it has come down to half of it. The size is that of a listpack, and ours has the same
//! bytes for each element. (Redis comes back only when what is left stands in one of its nodes; here it always does.)

pub mod block;
pub mod chain;
pub mod chapter;
#[cfg(test)]
mod tests;
pub mod walk;

use super::limits::Limits;
use super::packed::{Element, TwoWay, append};
use super::small::{Small, SmallRef};
use block::{equal, offset_of, without};
use chain::Chain;
use chapter::Removal;
use walk::{Leftwards, Rightwards, Walk};

/// A small list with more bytes than this becomes large.
const SMALL_LIST: usize = 1024;
/// A large list with at most so many bytes of elements becomes small.
const SMALL_AGAIN: usize = 384;
/// What a listpack has beside its elements.
const LISTPACK: usize = 7;
/// The most bytes of a listpack whose limit is a number of elements.
const LISTPACK_MOST: usize = 8192;

/// An end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Where index 0 is.
    Left,
    /// Where index -1 is.
    Right,
}

/// A list that somebody owns.
#[derive(Clone, Debug)]
pub enum List {
    /// A short one.
    Small(Small),
    /// One of any length.
    Large(Box<Chain>),
}

/// A list, to be read.
#[derive(Clone, Copy, Debug)]
pub enum ListRef<'a> {
    /// A short one.
    Small(SmallRef<'a>),
    /// One of any length.
    Large(&'a Chain),
}

impl PartialEq for List {
    /// The same elements in the same order, however they are kept.
    fn eq(&self, other: &List) -> bool {
        self.as_ref().len() == other.as_ref().len()
            && self.as_ref().iter().eq(other.as_ref().iter())
    }
}

impl Default for List {
    fn default() -> List {
        List::new()
    }
}

impl List {
    /// An empty list.
    pub fn new() -> List {
        List::Small(Small::new())
    }

    /// The same, borrowed.
    #[inline]
    pub fn as_ref(&self) -> ListRef<'_> {
        match self {
            List::Small(small) => ListRef::Small(small.as_ref()),
            List::Large(chain) => ListRef::Large(chain),
        }
    }

    /// Tells that so many elements with so many bytes are to be added, or one of them to be put in the place of another. If
    /// the list and they would not be a listpack, it is shown as large from now on.
    #[inline]
    pub fn expect_more(&mut self, count: usize, bytes: usize, limits: &Limits) {
        let list = self.as_ref();
        if exceeds(limits.list_size, list.listpack() + bytes, list.len() + count) {
            self.set_outgrown(true);
        }
    }

    /// Shows the list as small if it has become short enough for that: to be called when elements were removed or replaced.
    #[inline]
    pub fn expect_less(&mut self, limits: &Limits) {
        let list = self.as_ref();
        if list.is_outgrown() && is_half(limits.list_size, list.listpack(), list.len()) {
            self.set_outgrown(false);
        }
    }

    /// Adds an element at an end. O(1), O(n) while it is small.
    #[inline]
    pub fn push(&mut self, side: Side, element: &[u8]) {
        let element = Element::of(element);
        match self {
            List::Large(chain) => chain.push(side, element),
            List::Small(small) => {
                let end = small.as_ref().packed::<true>().bytes().len();
                let at = if side == Side::Left { 0 } else { end };
                if small.as_ref().bytes().len() + element.span() <= SMALL_LIST {
                    put(small, at, 0, element);
                } else {
                    self.grow(side).push(side, element);
                }
            }
        }
    }

    /// Removes so many elements from an end; at most as many as it has. O(1) for each block, O(n) while it is small. What
    /// is large among them is handed back, to be freed where nobody waits for it.
    pub fn cut(&mut self, side: Side, count: usize) -> Option<List> {
        match self {
            List::Small(small) => {
                let list = small.as_ref();
                let packed: TwoWay<'_> = list.packed();
                let range = match side {
                    Side::Left => 0..offset_of(packed, list.len(), count),
                    Side::Right => {
                        offset_of(packed, list.len(), list.len() - count)..packed.bytes().len()
                    }
                };
                small.splice(range, &[], less(count));
                None
            }
            List::Large(chain) => {
                let gone = chain.cut(side, count);
                self.shrink();
                gone.map(|chain| List::Large(Box::new(chain)))
            }
        }
    }

    /// Puts an element before that of an index, or at the end if the index is the length. O(log n), O(n) while it is small.
    pub fn insert(&mut self, index: usize, element: &[u8]) {
        if index == self.as_ref().len() {
            return self.push(Side::Right, element);
        }
        if index == 0 {
            return self.push(Side::Left, element);
        }
        let element = Element::of(element);
        match self {
            List::Large(chain) => chain.insert(index, element),
            List::Small(small) => {
                let list = small.as_ref();
                if list.bytes().len() + element.span() <= SMALL_LIST {
                    let at = offset_of(list.packed(), list.len(), index);
                    put(small, at, 0, element);
                } else {
                    self.grow(Side::Right).insert(index, element);
                }
            }
        }
    }

    /// Puts another element in the place of that of an index, which must be there. O(log n), O(n) while it is small.
    pub fn set(&mut self, index: usize, element: &[u8]) {
        let element = Element::of(element);
        match self {
            List::Large(chain) => {
                chain.set(index, element);
                self.shrink();
            }
            List::Small(small) => {
                let list = small.as_ref();
                let packed: TwoWay<'_> = list.packed();
                let at = offset_of(packed, list.len(), index);
                let old = packed.span(at);
                if list.bytes().len() - old + element.span() <= SMALL_LIST {
                    put(small, at, old, element);
                } else {
                    self.grow(Side::Right).set(index, element);
                }
            }
        }
    }

    /// Removes elements that are equal to one, `most` of them at most, from an end on; tells how many. O(n).
    pub fn remove_equal(&mut self, element: &[u8], most: usize, side: Side) -> usize {
        let mut form = Vec::with_capacity(element.len() + 16);
        append::<true>(Element::of(element), &mut form);
        match self {
            List::Large(chain) => {
                let removed = chain.remove_equal(Removal { form: &form, most, side });
                self.shrink();
                removed
            }
            List::Small(small) => {
                let packed: TwoWay<'_> = small.as_ref().packed();
                let found = equal(packed, &form);
                let now = found.min(most);
                let which = if side == Side::Left { 0..now } else { found - now..found };
                let mut kept = Vec::with_capacity(packed.bytes().len());
                let removed = without(packed, &form, which, &mut kept);
                small.splice(0..packed.bytes().len(), &kept, less(removed));
                removed
            }
        }
    }

    fn set_outgrown(&mut self, outgrown: bool) {
        match self {
            List::Small(small) if outgrown => small.outgrow(),
            List::Small(small) => small.shrink(),
            List::Large(chain) => chain.set_outgrown(outgrown),
        }
    }

    /// Makes it large; more will be pushed from `side`.
    fn grow(&mut self, side: Side) -> &mut Chain {
        if let List::Small(small) = self {
            let list = small.as_ref();
            let chain = Chain::of(list.packed(), list.len(), side, list.is_outgrown());
            *self = List::Large(Box::new(chain));
        }
        match self {
            List::Large(chain) => chain,
            List::Small(_) => unreachable!("it was made large"),
        }
    }

    /// Makes it small if it has become short.
    fn shrink(&mut self) {
        let List::Large(chain) = self else { return };
        if chain.sums().bytes > SMALL_AGAIN {
            return;
        }
        let mut small = Small::new();
        for block in chain.chapters().iter().flat_map(|chapter| chapter.blocks()) {
            let end = small.as_ref().packed::<true>().bytes().len();
            let more = isize::try_from(block.len()).expect("a short list");
            small.splice(end..end, block.packed().bytes(), more);
        }
        if chain.is_outgrown() {
            small.outgrow();
        }
        *self = List::Small(small);
    }
}

/// Puts an element into a small list, in the place of `old` bytes: of another element, or none.
fn put(small: &mut Small, at: usize, old: usize, element: Element<'_>) {
    let mut form = Vec::with_capacity(element.span());
    append::<true>(element, &mut form);
    small.splice(at..at + old, &form, isize::from(old == 0));
}

/// A count of elements that go.
fn less(count: usize) -> isize {
    -isize::try_from(count).expect("a small list has few elements")
}

/// Whether so many bytes of listpack or so many elements pass `list-max-listpack-size`.
fn exceeds(limit: i64, bytes: usize, count: usize) -> bool {
    match most_bytes(limit) {
        Some(most) => bytes > most,
        None => bytes > LISTPACK_MOST || count > most_elements(limit),
    }
}

/// Whether both are at most half of it.
fn is_half(limit: i64, bytes: usize, count: usize) -> bool {
    match most_bytes(limit) {
        Some(most) => bytes <= most / 2,
        None => bytes <= LISTPACK_MOST && count <= most_elements(limit) / 2,
    }
}

/// Bytes that a negative limit stands for.
fn most_bytes(limit: i64) -> Option<usize> {
    match limit {
        0.. => None,
        -1 => Some(4 << 10),
        -2 => Some(8 << 10),
        -3 => Some(16 << 10),
        -4 => Some(32 << 10),
        i64::MIN..=-5 => Some(64 << 10),
    }
}

/// Elements that a limit stands for which is not negative.
fn most_elements(limit: i64) -> usize {
    usize::try_from(limit).map_or(1, |most| most.max(1))
}

impl<'a> ListRef<'a> {
    /// How many elements it has. O(1).
    #[inline]
    #[expect(clippy::len_without_is_empty, reason = "an empty collection is no value")]
    pub fn len(self) -> usize {
        match self {
            ListRef::Small(small) => small.len(),
            ListRef::Large(chain) => chain.sums().len,
        }
    }

    /// The element of an index; none beyond the end. O(log n), O(n) while it is small.
    #[inline]
    pub fn get(self, index: usize) -> Option<Element<'a>> {
        self.rightwards(index).next()
    }

    /// The element at an end; none if the list is empty. O(1).
    #[inline]
    pub fn end(self, side: Side) -> Option<Element<'a>> {
        let packed: TwoWay<'_> = match self {
            ListRef::Small(small) => small.packed(),
            ListRef::Large(chain) => chain.end(side)?.packed(),
        };
        match side {
            Side::Left => packed.iter().next().map(|(_, element)| element),
            Side::Right => packed.backwards().next().map(|(_, element)| element),
        }
    }

    /// All elements from the left. Allocates nothing: a snapshot child walks it.
    pub fn iter(self) -> Rightwards<'a> {
        self.rightwards(0)
    }

    /// The elements from an index on; none beyond the end.
    #[inline]
    pub fn rightwards(self, index: usize) -> Rightwards<'a> {
        if index < self.len() { Rightwards::new(self, index) } else { Rightwards::default() }
    }

    /// The elements from an index down to 0; none if the index is beyond the end.
    #[inline]
    pub fn leftwards(self, index: usize) -> Leftwards<'a> {
        if index < self.len() { Leftwards::new(self, index) } else { Leftwards::default() }
    }

    /// All elements from an end on.
    #[inline]
    pub fn from_end(self, side: Side) -> Walk<'a> {
        match side {
            Side::Left => Walk::Rightwards(self.rightwards(0)),
            Side::Right => Walk::Leftwards(self.leftwards(self.len().wrapping_sub(1))),
        }
    }

    /// Bytes that it holds outside its entry, as the allocator gives them. O(1).
    #[inline]
    pub fn heap(self) -> usize {
        match self {
            ListRef::Small(_) => 0,
            ListRef::Large(chain) => chain.heap(),
        }
    }

    /// The name OBJECT ENCODING answers.
    pub fn encoding(self) -> &'static str {
        if self.is_outgrown() { "quicklist" } else { "listpack" }
    }

    /// A copy that stands on its own. O(n).
    pub fn to_owned(self) -> List {
        match self {
            ListRef::Small(small) => List::Small(small.to_owned()),
            ListRef::Large(chain) => List::Large(Box::new(chain.clone())),
        }
    }

    fn is_outgrown(self) -> bool {
        match self {
            ListRef::Small(small) => small.is_outgrown(),
            ListRef::Large(chain) => chain.is_outgrown(),
        }
    }

    /// Bytes that it would have as a listpack.
    #[inline]
    fn listpack(self) -> usize {
        LISTPACK
            + match self {
                ListRef::Small(small) => small.packed::<true>().bytes().len(),
                ListRef::Large(chain) => chain.sums().bytes,
            }
    }
}

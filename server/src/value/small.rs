//! A small collection: its elements packed in one piece, which stands inside the entry of its key.
//!
//! Owns: the piece while it is changed, and the count in front of it.   Uses: packed.   Never: what the elements mean.
//!
//! ```text
//!  | count | element | element | ...          the count, 2 bytes little-endian, of what the type counts: fields, members...
//! ```
//!
//! How a collection is kept and what OBJECT ENCODING says of it are two things. A collection is small as long as that
//! is fast and saves memory ([`SMALL_MAX`]). What a client sees follows Redis's thresholds; and like there, a collection
//! that has once passed one is shown as large from then on (`outgrown`), however small it becomes.
//!
//! A small collection is changed outside of its entry: its bytes are copied out, changed and copied back.

use super::packed::Packed;
use super::{Form, Put};
use std::ops::Range;

/// The most bytes of a small collection, the count included; a longer one takes another form.
pub const SMALL_MAX: usize = 2048;
/// Bytes in front of the elements.
const COUNT: usize = 2;

/// A small collection that somebody owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Small {
    bytes: Vec<u8>,
    outgrown: bool,
}

/// A small collection as it stands in an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SmallRef<'a> {
    bytes: &'a [u8],
    outgrown: bool,
}

impl Default for Small {
    fn default() -> Small {
        Small::new()
    }
}

impl Small {
    /// An empty one.
    pub fn new() -> Small {
        let mut bytes = Vec::with_capacity(256);
        bytes.extend([0; COUNT]);
        Small { bytes, outgrown: false }
    }

    /// The same, borrowed.
    #[inline]
    pub fn as_ref(&self) -> SmallRef<'_> {
        SmallRef { bytes: &self.bytes, outgrown: self.outgrown }
    }

    /// Shows it as large from now on.
    pub fn outgrow(&mut self) {
        self.outgrown = true;
    }

    /// Shows it as small again: lists do, when they have become short.
    pub fn shrink(&mut self) {
        self.outgrown = false;
    }

    /// Replaces a part of the packed elements; `range` is of bytes behind the count, as offsets in
    /// [`SmallRef::packed`] are. `more` is what the count changes by. O(bytes).
    #[inline]
    pub fn splice(&mut self, range: Range<usize>, with: &[u8], more: isize) {
        let count = self.as_ref().len().checked_add_signed(more);
        let count = count.and_then(|count| u16::try_from(count).ok());
        let count = count.expect("a small collection has fewer elements than bytes");
        self.bytes[..COUNT].copy_from_slice(&count.to_le_bytes());
        if range.start + COUNT == self.bytes.len() {
            self.bytes.extend_from_slice(with);
        } else if range.len() == with.len() {
            self.bytes[range.start + COUNT..range.end + COUNT].copy_from_slice(with);
        } else {
            let range = range.start + COUNT..range.end + COUNT;
            self.bytes.splice(range, with.iter().copied());
        }
    }

    /// As a new value of an entry.
    #[inline]
    pub fn put(&self, form: Form) -> Put<'_> {
        Put::Packed(form, &self.bytes, self.outgrown)
    }

    /// Whether so many more bytes of elements fit.
    #[inline]
    pub fn has_room(&self, more: usize) -> bool {
        self.bytes.len() + more <= SMALL_MAX
    }
}

impl<'a> SmallRef<'a> {
    /// The one in bytes that [`SmallRef::bytes`] gave.
    #[inline]
    pub fn of(bytes: &'a [u8], outgrown: bool) -> SmallRef<'a> {
        SmallRef { bytes, outgrown }
    }

    /// Elements, as its type counts them. O(1).
    #[inline]
    #[expect(clippy::len_without_is_empty, reason = "an empty collection is no value")]
    pub fn len(self) -> usize {
        u16::from_le_bytes([self.bytes[0], self.bytes[1]]).into()
    }

    /// Its elements.
    #[inline]
    pub fn packed<const BACK: bool>(self) -> Packed<'a, BACK> {
        Packed::of(&self.bytes[COUNT..])
    }

    /// Whether it is shown as large.
    #[inline]
    pub fn is_outgrown(self) -> bool {
        self.outgrown
    }

    /// All bytes of it, for keeping.
    #[inline]
    pub fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// A copy that stands on its own, with room to grow.
    #[inline]
    pub fn to_owned(self) -> Small {
        let mut bytes = Vec::with_capacity(self.bytes.len() + 128);
        bytes.extend_from_slice(self.bytes);
        Small { bytes, outgrown: self.outgrown }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::packed::{Element, Forward, append};

    fn forms(texts: &[&str]) -> Vec<u8> {
        let mut out = Vec::new();
        for text in texts {
            append::<false>(Element::of(text.as_bytes()), &mut out);
        }
        out
    }

    #[test]
    fn parts_are_replaced_and_counted() {
        let mut small = Small::new();
        small.splice(0..0, &forms(&["a", "c"]), 2);
        small.splice(2..2, &forms(&["b"]), 1);
        small.splice(0..2, &forms(&["long", "er"]), 1);
        let packed: Forward<'_> = small.as_ref().packed();
        assert_eq!(packed.bytes(), forms(&["long", "er", "b", "c"]));
        assert_eq!(small.as_ref().len(), 4);
        small.splice(0..packed_len(&small), &[], -4);
        assert_eq!((small.as_ref().len(), packed_len(&small)), (0, 0));
    }

    fn packed_len(small: &Small) -> usize {
        let packed: Forward<'_> = small.as_ref().packed();
        packed.bytes().len()
    }
}

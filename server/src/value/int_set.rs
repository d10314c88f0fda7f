//! A set of numbers: sorted, all of one width, in one piece that stands inside the entry of its key.
//!
//! Owns: the piece while it is changed.   Uses: nothing.   Never: texts, the thresholds of encodings.
//!
//! ```text
//!  | width | number | number | ...      width: 1 byte, 2, 4 or 8; numbers: little-endian, ascending
//! ```
//!
//! A number that needs more bytes than the others makes all of them wider, and they stay so.

use std::cmp::Ordering;

/// The most bytes of one; a longer set takes another form.
pub const INTS_MAX: usize = 4095;

/// A set of numbers that somebody owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntSet(Vec<u8>);

/// A set of numbers as it stands in an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntSetRef<'a>(&'a [u8]);

impl Default for IntSet {
    fn default() -> IntSet {
        IntSet::new()
    }
}

/// Bytes that a number needs.
fn width_of(number: i64) -> usize {
    if i16::try_from(number).is_ok() {
        2
    } else if i32::try_from(number).is_ok() {
        4
    } else {
        8
    }
}

fn read(bytes: &[u8]) -> i64 {
    match *bytes {
        [a, b] => i16::from_le_bytes([a, b]).into(),
        [a, b, c, d] => i32::from_le_bytes([a, b, c, d]).into(),
        [a, b, c, d, e, f, g, h] => i64::from_le_bytes([a, b, c, d, e, f, g, h]),
        _ => unreachable!("numbers of 2, 4 or 8 bytes"),
    }
}

impl IntSet {
    /// An empty one.
    pub fn new() -> IntSet {
        let mut bytes = Vec::with_capacity(64);
        bytes.push(2);
        IntSet(bytes)
    }

    /// The same, borrowed.
    #[inline]
    pub fn as_ref(&self) -> IntSetRef<'_> {
        IntSetRef(&self.0)
    }

    /// Whether the set with this number would be short enough to stand in an entry.
    pub fn has_room(&self, number: i64) -> bool {
        let width = self.as_ref().width().max(width_of(number));
        (self.as_ref().len() + 1) * width < INTS_MAX
    }

    /// Adds a number; tells whether it is new. O(n).
    pub fn add(&mut self, number: i64) -> bool {
        if width_of(number) > self.as_ref().width() {
            self.widen(width_of(number));
        }
        let Err(place) = self.as_ref().search(number) else { return false };
        let width = self.as_ref().width();
        let at = 1 + place * width;
        let bytes = &number.to_le_bytes()[..width];
        if at == self.0.len() {
            self.0.extend_from_slice(bytes);
        } else {
            self.0.splice(at..at, bytes.iter().copied());
        }
        true
    }

    /// Removes a number; tells whether it was there. O(n).
    pub fn remove(&mut self, number: i64) -> bool {
        let Ok(place) = self.as_ref().search(number) else { return false };
        let width = self.as_ref().width();
        self.0.drain(1 + place * width..1 + (place + 1) * width);
        true
    }

    fn widen(&mut self, width: usize) {
        let mut wide = Vec::with_capacity(1 + (self.as_ref().len() + 1) * width);
        wide.push(width as u8);
        for number in self.as_ref().iter() {
            wide.extend_from_slice(&number.to_le_bytes()[..width]);
        }
        self.0 = wide;
    }
}

impl<'a> IntSetRef<'a> {
    /// The one in bytes that [`IntSetRef::bytes`] gave.
    #[inline]
    pub fn of(bytes: &'a [u8]) -> IntSetRef<'a> {
        IntSetRef(bytes)
    }

    /// All bytes of it, for keeping.
    #[inline]
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// How many numbers it has.
    #[inline]
    #[expect(clippy::len_without_is_empty, reason = "an empty collection is no value")]
    pub fn len(self) -> usize {
        (self.0.len() - 1) / self.width()
    }

    /// Whether a number is in it. O(log n).
    #[inline]
    pub fn contains(self, number: i64) -> bool {
        self.search(number).is_ok()
    }

    /// The number of a place in their order.
    ///
    /// # Panics
    /// There are not so many.
    #[inline]
    pub fn at(self, place: usize) -> i64 {
        let width = self.width();
        read(&self.0[1 + place * width..][..width])
    }

    /// All numbers, ascending.
    #[inline]
    pub fn iter(self) -> impl ExactSizeIterator<Item = i64> + Clone + 'a {
        self.0[1..].chunks_exact(self.width()).map(read)
    }

    /// A copy that stands on its own, with room to grow.
    pub fn to_owned(self) -> IntSet {
        let mut bytes = Vec::with_capacity(self.0.len() + 64);
        bytes.extend_from_slice(self.0);
        IntSet(bytes)
    }

    #[inline]
    fn width(self) -> usize {
        self.0[0].into()
    }

    /// The place of a number, or where it would stand.
    fn search(self, number: i64) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        // Most sets are filled in ascending order.
        if high > 0 && self.at(high - 1) < number {
            return Err(high);
        }
        while low < high {
            let middle = (low + high) / 2;
            match self.at(middle).cmp(&number) {
                Ordering::Less => low = middle + 1,
                Ordering::Equal => return Ok(middle),
                Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn number() -> impl Strategy<Value = i64> {
        prop_oneof![
            -40i64..40,
            Just(i64::MIN),
            Just(i64::MAX),
            -33_000i64..33_000,
            any::<i64>(),
            any::<i32>().prop_map(i64::from)
        ]
    }

    #[test]
    fn small_numbers_take_two_bytes() {
        let mut set = IntSet::new();
        for number in [32_767, -32_768, 0] {
            assert!(set.add(number) && !set.add(number));
        }
        assert_eq!(set.as_ref().bytes().len(), 1 + 3 * 2);
        assert!(set.add(32_768));
        assert_eq!(set.as_ref().bytes().len(), 1 + 4 * 4);
    }

    proptest! {
        #[test]
        fn agrees_with_an_ordinary_set(steps in proptest::collection::vec((any::<bool>(), number()), 0..200)) {
            let (mut set, mut model) = (IntSet::new(), BTreeSet::new());
            for (adds, number) in steps {
                if adds {
                    prop_assert_eq!(set.add(number), model.insert(number));
                } else {
                    prop_assert_eq!(set.remove(number), model.remove(&number));
                }
                prop_assert_eq!(set.as_ref().contains(number), adds);
                prop_assert!(set.as_ref().iter().eq(model.iter().copied()));
                prop_assert_eq!(set.as_ref().len(), model.len());
            }
        }
    }
}

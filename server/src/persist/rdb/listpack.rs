//! Listpacks: elements one behind the other, as every Redis since 7.0 saves small collections.
//!
//! Owns: the frame around the elements.   Uses: value::packed (whose forms are the same), flaw.   Never: what they mean.
//!
//! ```text
//!   bytes (4)  count (2)  | element  back | element  back | ...  0xff          little-endian; count 65535: not told
//! ```

use super::flaw::Flaw;
use crate::value::packed::{self, Element};

/// Bytes in front of the elements.
pub const HEAD: usize = 6;
/// What stands behind the last element.
pub const END: u8 = 0xff;
/// The count of a listpack with so many elements or more.
pub const UNCOUNTED: u16 = u16::MAX;

/// The elements of a listpack of unknown origin. Gives the first flaw and then nothing.
#[derive(Clone, Debug)]
pub struct Listpack<'a> {
    /// The elements that are still to come, without the end.
    rest: &'a [u8],
    /// How many they must be.
    left: Option<u16>,
}

impl<'a> Listpack<'a> {
    /// The elements in `bytes`. O(1).
    ///
    /// # Errors
    /// A frame that does not fit.
    pub fn open(bytes: &'a [u8]) -> Result<Listpack<'a>, Flaw> {
        let short = Flaw("a listpack is too short");
        let (total, rest) = bytes.split_first_chunk::<4>().ok_or(short)?;
        let (count, rest) = rest.split_first_chunk::<2>().ok_or(short)?;
        if u32::from_le_bytes(*total) as usize != bytes.len() {
            return Err(Flaw("a listpack has not the length that it states"));
        }
        let (&end, rest) = rest.split_last().ok_or(short)?;
        if end != END {
            return Err(Flaw("a listpack has no end"));
        }
        let count = u16::from_le_bytes(*count);
        Ok(Listpack { rest, left: (count != UNCOUNTED).then_some(count) })
    }

    /// The next element, which must be there.
    ///
    /// # Errors
    /// It is not, or it is flawed.
    pub fn demand(&mut self) -> Result<Element<'a>, Flaw> {
        self.next().unwrap_or(Err(Flaw("a listpack has too few elements")))
    }

    /// The next element, which must be a number.
    ///
    /// # Errors
    /// It is none.
    pub fn number(&mut self) -> Result<i64, Flaw> {
        match self.demand()? {
            Element::Int(number) => Ok(number),
            Element::Text(_) => Err(Flaw("a listpack has text in the place of a number")),
        }
    }

    fn read(&mut self) -> Result<Element<'a>, Flaw> {
        if self.left == Some(0) {
            return Err(Flaw("a listpack has more elements than it states"));
        }
        let broken = Flaw("a listpack's element is broken");
        let (element, size) = packed::read(self.rest).map_err(|_| broken)?;
        let mut back = self.rest.get(size..size + packed::back_size(size)).ok_or(broken)?;
        self.rest = &self.rest[size + back.len()..];
        let mut leads = 0;
        while let Some((&byte, more)) = back.split_first() {
            leads = leads << 7 | usize::from(byte & 0x7f);
            back = more;
        }
        if leads != size {
            return Err(Flaw("a listpack's element leads back to another place"));
        }
        self.left = self.left.map(|left| left - 1);
        Ok(match element {
            Element::Int(_) => element,
            Element::Text(text) => Element::of(text),
        })
    }
}

impl<'a> Iterator for Listpack<'a> {
    type Item = Result<Element<'a>, Flaw>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            let missing = self.left.take().is_some_and(|left| left > 0);
            return missing.then_some(Err(Flaw("a listpack has fewer elements than it states")));
        }
        let read = self.read();
        if read.is_err() {
            (self.rest, self.left) = (&[], None);
        }
        Some(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::packed::append;
    use crate::value::text::Scratch;
    use proptest::prelude::*;

    /// What a listpack holds, as texts.
    pub fn texts(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Flaw> {
        let text = |element: Element<'_>| element.text(&mut Scratch::default()).to_vec();
        Listpack::open(bytes)?.map(|element| element.map(text)).collect()
    }

    fn framed(elements: &[u8], count: u16) -> Vec<u8> {
        let total = (HEAD + elements.len() + 1) as u32;
        [&total.to_le_bytes(), count.to_le_bytes().as_slice(), elements, &[END]].concat()
    }

    fn listpack(texts: &[Vec<u8>]) -> Vec<u8> {
        let mut elements = Vec::new();
        texts.iter().for_each(|text| append::<true>(Element::of(text), &mut elements));
        framed(&elements, u16::try_from(texts.len()).unwrap_or(UNCOUNTED))
    }

    #[test]
    fn what_redis_wrote_is_read() {
        let list = b"\x70\0\0\0\x08\0\x81a\x02\x01\x01\xdf\xfb\x02\xf190\x03\
            \xe0FxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxH\
            \xf4\xff\xff\xff\xff\xff\xff\xff\x7f\x09\xf2p\x11\x01\x04\xf2\0\xee\x85\x04\xff";
        let long = "x".repeat(70);
        let expected = ["a", "1", "-5", "12345", &long, "9223372036854775807", "70000", "-8000000"];
        assert_eq!(texts(list), Ok(expected.map(|text| text.as_bytes().to_vec()).to_vec()));
        assert_eq!(listpack(&expected.map(|text| text.as_bytes().to_vec())), list);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let flaw = |bytes: &[u8]| texts(bytes).map_err(|flaw| flaw.0).err();
        let one = [0x81, b'a', 2];
        assert_eq!(flaw(&framed(&one, 1)), None);
        assert_eq!(flaw(&framed(&one, UNCOUNTED)), None);
        assert_eq!(flaw(&framed(&one, 2)), Some("a listpack has fewer elements than it states"));
        assert_eq!(flaw(&framed(&one, 0)), Some("a listpack has more elements than it states"));
        assert_eq!(flaw(b"\x07\0\0\0\0\0"), Some("a listpack has not the length that it states"));
        assert_eq!(flaw(b"\x07\0\0\0\0\0\xfe"), Some("a listpack has no end"));
        assert_eq!(flaw(b"\x06\0\0\0\0\0"), Some("a listpack is too short"));
        let broken = Some("a listpack's element is broken");
        for elements in [&[0x82, b'a'] as &[u8], &[0xf0, 255, 255, 255, 255], &[0xf5, 1], &[5]] {
            assert_eq!(flaw(&framed(elements, 1)), broken, "{elements:?}");
        }
        let back = Some("a listpack's element leads back to another place");
        assert_eq!(flaw(&framed(&[0x81, b'a', 3], 1)), back);
        assert_eq!(flaw(&framed(&[0x81, b'a', 0x82], 1)), None, "the first high bit says nothing");
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            list in proptest::collection::vec(prop_oneof![
                any::<i64>().prop_map(|number| number.to_string().into_bytes()),
                proptest::collection::vec(any::<u8>(), 0..70),
                proptest::collection::vec(any::<u8>(), 16_375..16_385),
            ], 0..6)
        ) {
            prop_assert_eq!(texts(&listpack(&list)), Ok(list));
        }

        #[test]
        fn garbage_is_refused_or_read(elements in proptest::collection::vec(any::<u8>(), 0..60), count in 0u16..6) {
            for count in [count, UNCOUNTED] {
                if let Ok(list) = texts(&framed(&elements, count)) {
                    prop_assert!(count == UNCOUNTED || list.len() == usize::from(count));
                }
            }
            let _ = texts(&elements);
        }
    }
}

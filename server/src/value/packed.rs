//! A packed sequence: elements one behind the other in one piece of memory, for small collections and parts of large ones.
//!
//! Owns: the form of an element.   Uses: `base::bytes`.   Never: what the elements mean, where the bytes stand.
//!
//! ```text
//!  | head | rest of the number, or length and bytes | back? | head | ...
//!
//!  head        what follows                                  element
//!  0nnnnnnn                                                  number 0..=127
//!  10llllll    l bytes                                       text of up to 63 bytes
//!  110nnnnn    1 byte                                        number -4096..=4095 (13 bits, the highest first)
//!  1110llll    1 byte, then l bytes                          text of up to 4095 bytes (12 bits of length)
//!  11110000    4 bytes, then so many bytes                   longer text
//!  11110001    2 bytes   11110010  3   11110011  4   11110100  8      number, little-endian
//!
//!  back: only in sequences that are walked from both ends. The size of head and what follows, 7 bits a byte, the highest
//!  first, to be read backwards: a high bit says that one more byte stands in front.
//! ```
//!
//! Every element has exactly one form: what is the text of a number is kept as the number, in the shortest form. So two
//! elements are equal exactly when their bytes are, and a search compares bytes.
//!
//! These are the forms of Redis's listpack: a sequence that is walked from both ends stands in a snapshot as it is.

use super::text::Scratch;
use crate::base::bytes::parse_i64;

/// An element as it stands in a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Element<'a> {
    /// The text of a number, kept as the number.
    Int(i64),
    /// Any other text.
    Text(&'a [u8]),
}

/// A sequence as bytes. `BACK`: it can be walked from its end as well.
#[derive(Clone, Copy, Debug)]
pub struct Packed<'a, const BACK: bool>(&'a [u8]);

/// A sequence that is only walked forwards.
pub type Forward<'a> = Packed<'a, false>;
/// A sequence that is walked from both ends.
pub type TwoWay<'a> = Packed<'a, true>;

/// Why bytes are no sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Bytes of the longest element. No request is as long; a string can be, where the settings allow it.
pub const LONGEST: usize = u32::MAX as usize;

const TEXT_6: u8 = 0b1000_0000;
const INT_13: u8 = 0b1100_0000;
const TEXT_12: u8 = 0b1110_0000;
const TEXT_32: u8 = 0b1111_0000;
const INT_16: u8 = 0b1111_0001;
const INT_24: u8 = 0b1111_0010;
const INT_32: u8 = 0b1111_0011;
const INT_64: u8 = 0b1111_0100;

impl<'a> Element<'a> {
    /// The element that a text becomes.
    #[inline]
    pub fn of(text: &'a [u8]) -> Element<'a> {
        match parse_i64(text) {
            Some(number) => Element::Int(number),
            None => Element::Text(text),
        }
    }

    /// Its text; a number's is written into `scratch`.
    #[inline]
    pub fn text<'b>(self, scratch: &'b mut Scratch) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            Element::Text(text) => text,
            Element::Int(number) => scratch.write(number),
        }
    }

    /// Bytes of its form, without what leads back.
    #[inline]
    pub fn size(self) -> usize {
        match self {
            Element::Int(0..=127) => 1,
            Element::Int(-4096..=4095) => 2,
            Element::Int(number) => 1 + int_bytes(number),
            Element::Text(text) => match text.len() {
                len @ 0..=63 => 1 + len,
                len @ 64..=4095 => 2 + len,
                len => 5 + len,
            },
        }
    }

    /// Bytes of its form, with what leads back.
    #[inline]
    pub fn span(self) -> usize {
        let size = self.size();
        size + back_size(size)
    }

    /// Adds its form to `out`, without what leads back.
    ///
    /// # Panics
    /// A text of 4 GiB and more has no form.
    #[inline]
    pub fn write(self, out: &mut impl Sink) {
        match self {
            Element::Int(number) => write_int(number, out),
            Element::Text(text) => {
                match text.len() {
                    len @ 0..=63 => out.put(&[TEXT_6 | len as u8]),
                    len @ 64..=4095 => out.put(&[TEXT_12 | (len >> 8) as u8, len as u8]),
                    len => {
                        let len = u32::try_from(len).expect("no element is longer than LONGEST");
                        out.put(&[TEXT_32]);
                        out.put(&len.to_le_bytes());
                    }
                }
                out.put(text);
            }
        }
    }
}

/// What forms are written to.
pub trait Sink {
    /// Adds bytes behind those that were written already.
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Room of exactly the size of what will be written.
impl Sink for &mut [u8] {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        let (now, later) = std::mem::take(self).split_at_mut(bytes.len());
        now.copy_from_slice(bytes);
        *self = later;
    }
}

/// Bytes that a number of more than 13 bits takes behind its head.
fn int_bytes(number: i64) -> usize {
    const I24: std::ops::RangeInclusive<i64> = -(1 << 23)..=(1 << 23) - 1;
    if i16::try_from(number).is_ok() {
        2
    } else if I24.contains(&number) {
        3
    } else if i32::try_from(number).is_ok() {
        4
    } else {
        8
    }
}

fn write_int(number: i64, out: &mut impl Sink) {
    match number {
        0..=127 => out.put(&[number as u8]),
        -4096..=4095 => out.put(&[INT_13 | (number >> 8) as u8 & 0x1f, number as u8]),
        _ => {
            let bytes = int_bytes(number);
            out.put(&[match bytes {
                2 => INT_16,
                3 => INT_24,
                4 => INT_32,
                _ => INT_64,
            }]);
            out.put(&number.to_le_bytes()[..bytes]);
        }
    }
}

/// A number of `bytes.len()` bytes, little-endian, with its sign.
fn read_int(bytes: &[u8]) -> i64 {
    let mut all = [0; 8];
    all[..bytes.len()].copy_from_slice(bytes);
    let unused = 64 - 8 * bytes.len() as u32;
    i64::from_le_bytes(all) << unused >> unused
}

/// The element at the beginning of bytes, in whatever form, and its size without what leads back.
///
/// # Errors
/// The bytes end before the element does, or begin with no head.
#[inline]
pub fn read(bytes: &[u8]) -> Result<(Element<'_>, usize), Malformed> {
    let (&head, rest) = bytes.split_first().ok_or(Malformed)?;
    let int = |size: usize| {
        let number = read_int(rest.get(..size).ok_or(Malformed)?);
        Ok((Element::Int(number), 1 + size))
    };
    let text = |skip: usize, len: usize| {
        let text = rest.get(skip..).and_then(|rest| rest.get(..len)).ok_or(Malformed)?;
        Ok((Element::Text(text), 1 + skip + len))
    };
    match head {
        0..TEXT_6 => Ok((Element::Int(head.into()), 1)),
        TEXT_6..INT_13 => text(0, usize::from(head & 0x3f)),
        INT_13..TEXT_12 => {
            let low = *rest.first().ok_or(Malformed)?;
            let number = i16::from_be_bytes([head & 0x1f, low]);
            Ok((Element::Int(i64::from(number << 3 >> 3)), 2))
        }
        TEXT_12..TEXT_32 => {
            let low = *rest.first().ok_or(Malformed)?;
            text(1, usize::from(head & 0x0f) << 8 | usize::from(low))
        }
        TEXT_32 => {
            let len = rest.first_chunk::<4>().ok_or(Malformed)?;
            text(4, u32::from_le_bytes(*len) as usize)
        }
        INT_16 => int(2),
        INT_24 => int(3),
        INT_32 => int(4),
        INT_64 => int(8),
        _ => Err(Malformed),
    }
}

/// Bytes that lead back over an element of this size. One less than 7 bits a byte could say: so does Redis, and what
/// leads back must have the length that it expects.
pub fn back_size(size: usize) -> usize {
    match size {
        0..=0x7f => 1,
        0x80..0x3fff => 2,
        0x3fff..0x1f_ffff => 3,
        0x1f_ffff..0xfff_ffff => 4,
        _ => 5,
    }
}

fn write_back(size: usize, out: &mut impl Sink) {
    let places = back_size(size);
    for place in (0..places).rev() {
        let more = if place + 1 < places { 0x80 } else { 0 };
        out.put(&[(size >> (7 * place)) as u8 & 0x7f | more]);
    }
}

/// The size that the last bytes lead back over, and how many bytes say so.
fn read_back(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut size = 0usize;
    for (place, byte) in bytes.iter().rev().take(5).enumerate() {
        size |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some((size, place + 1));
        }
    }
    None
}

impl<'a, const BACK: bool> Packed<'a, BACK> {
    /// The sequence in bytes that one was written to.
    #[inline]
    pub fn of(bytes: &'a [u8]) -> Packed<'a, BACK> {
        Packed(bytes)
    }

    /// The sequence in bytes of unknown origin, and how many elements it has. O(bytes).
    ///
    /// # Errors
    /// They are no sequence, or an element is not in its only form.
    pub fn check(bytes: &'a [u8]) -> Result<(Packed<'a, BACK>, usize), Malformed> {
        let (mut at, mut count) = (0, 0);
        let mut form = Vec::new();
        while at < bytes.len() {
            let (element, size) = read(&bytes[at..])?;
            form.clear();
            let mut scratch = Scratch::default();
            append::<BACK>(Element::of(element.text(&mut scratch)), &mut form);
            if bytes.get(at..at + form.len()) != Some(&form) {
                return Err(Malformed);
            }
            debug_assert!(form.len() >= size, "a form has its element");
            at += form.len();
            count += 1;
        }
        Ok((Packed(bytes), count))
    }

    /// All elements from the beginning, each with its offset.
    #[inline]
    pub fn iter(self) -> Elements<'a, BACK> {
        self.from(0)
    }

    /// The elements from an offset on.
    #[inline]
    pub fn from(self, at: usize) -> Elements<'a, BACK> {
        Elements { bytes: self.0, at }
    }

    /// The offset of the first element behind `from` that is every `step`-th and whose form is `form`; with `step` 2 only
    /// names among names and values are met. O(bytes).
    #[inline]
    pub fn find(self, form: &[u8], from: usize, step: usize) -> Option<usize> {
        let mut at = from;
        while at < self.0.len() {
            if self.0[at..].starts_with(form) {
                return Some(at);
            }
            for _ in 0..step {
                at += span::<BACK>(&self.0[at..]);
            }
        }
        None
    }

    /// The bytes that the element at an offset takes.
    #[inline]
    pub fn span(self, at: usize) -> usize {
        span::<BACK>(&self.0[at..])
    }

    /// The element at an offset.
    ///
    /// # Panics
    /// No element begins there.
    #[inline]
    pub fn at(self, at: usize) -> Element<'a> {
        known(&self.0[at..]).0
    }

    /// Its bytes.
    #[inline]
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }
}

impl<'a> TwoWay<'a> {
    /// All elements from the end, each with its offset.
    pub fn backwards(self) -> Backwards<'a> {
        Backwards { bytes: self.0 }
    }
}

/// Adds an element to a sequence.
#[inline]
pub fn append<const BACK: bool>(element: Element<'_>, out: &mut impl Sink) {
    element.write(out);
    if BACK {
        write_back(element.size(), out);
    }
}

/// The first element of a sequence that one was written to.
#[inline]
fn known(bytes: &[u8]) -> (Element<'_>, usize) {
    read(bytes).expect("a sequence holds what was written to it")
}

/// The bytes that the first element takes.
#[inline]
fn span<const BACK: bool>(bytes: &[u8]) -> usize {
    let size = known(bytes).1;
    if BACK { size + back_size(size) } else { size }
}

/// The elements of a sequence with their offsets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Elements<'a, const BACK: bool> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a, const BACK: bool> Iterator for Elements<'a, BACK> {
    type Item = (usize, Element<'a>);

    #[inline]
    fn next(&mut self) -> Option<(usize, Element<'a>)> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let at = self.at;
        let (element, size) = known(&self.bytes[at..]);
        self.at += if BACK { size + back_size(size) } else { size };
        Some((at, element))
    }
}

/// The elements of a sequence from its end, with their offsets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Backwards<'a> {
    bytes: &'a [u8],
}

impl<'a> Iterator for Backwards<'a> {
    type Item = (usize, Element<'a>);

    #[inline]
    fn next(&mut self) -> Option<(usize, Element<'a>)> {
        if self.bytes.is_empty() {
            return None;
        }
        let (size, back) = read_back(self.bytes).expect("a sequence holds what was written to it");
        let at = self.bytes.len() - back - size;
        let element = known(&self.bytes[at..]).0;
        self.bytes = &self.bytes[..at];
        Some((at, element))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            any::<i64>().prop_map(|number| number.to_string().into_bytes()),
            (-70_000i64..70_000).prop_map(|number| number.to_string().into_bytes()),
            "-?[0-9]{1,21}".prop_map(String::into_bytes),
            proptest::collection::vec(any::<u8>(), 0..80),
            proptest::collection::vec(any::<u8>(), 4000..4200),
        ]
    }

    fn written<const BACK: bool>(texts: &[Vec<u8>]) -> Vec<u8> {
        let mut out = Vec::new();
        for text in texts {
            let begin = out.len();
            let element = Element::of(text);
            append::<BACK>(element, &mut out);
            let back = if BACK { back_size(element.size()) } else { 0 };
            assert_eq!(out.len() - begin, element.size() + back);
        }
        out
    }

    fn read_all<'a>(elements: impl Iterator<Item = (usize, Element<'a>)>) -> Vec<Vec<u8>> {
        elements.map(|(_, element)| element.text(&mut Scratch::default()).to_vec()).collect()
    }

    #[test]
    fn numbers_take_the_least_room() {
        let sizes = [0, 127, 128, -1, 4095, -4096, 4096, 32767, 32768, -8_388_608, 8_388_608];
        let sizes = sizes.map(|number| Element::Int(number).size());
        assert_eq!(sizes, [1, 1, 2, 2, 2, 2, 3, 3, 4, 4, 5]);
        assert_eq!(Element::Int(i64::MIN).size(), 9);
        assert_eq!(Element::of(b"007"), Element::Text(b"007"));
    }

    #[test]
    fn long_texts_have_a_form() {
        let long = vec![b'x'; 70_000];
        let bytes = written::<true>(&[long.clone(), b"y".to_vec()]);
        assert_eq!(read_all(TwoWay::of(&bytes).iter()), [long.clone(), b"y".to_vec()]);
        assert_eq!(read_all(TwoWay::of(&bytes).backwards()), [b"y".to_vec(), long]);
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(texts in proptest::collection::vec(text(), 0..12)) {
            let forward = written::<false>(&texts);
            let both = written::<true>(&texts);
            prop_assert_eq!(&read_all(Forward::of(&forward).iter()), &texts);
            prop_assert_eq!(&read_all(TwoWay::of(&both).iter()), &texts);
            prop_assert_eq!(Forward::check(&forward).map(|(_, count)| count), Ok(texts.len()));
            prop_assert_eq!(TwoWay::check(&both).map(|(_, count)| count), Ok(texts.len()));
            let mut back = read_all(TwoWay::of(&both).backwards());
            back.reverse();
            prop_assert_eq!(&back, &texts);
            for (number, text) in texts.iter().enumerate() {
                let mut form = Vec::new();
                append::<false>(Element::of(text), &mut form);
                let at = Forward::of(&forward).find(&form, 0, 1).unwrap();
                let first = texts.iter().position(|other| other == text).unwrap();
                prop_assert!(first <= number);
                prop_assert_eq!(Forward::of(&forward).iter().nth(first).unwrap().0, at);
            }
        }

        #[test]
        fn garbage_is_refused_or_a_sequence(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Ok((packed, count)) = TwoWay::check(&bytes) {
                prop_assert_eq!(packed.iter().count(), count);
                prop_assert_eq!(packed.backwards().count(), count);
            }
            if let Ok((packed, count)) = Forward::check(&bytes) {
                prop_assert_eq!(packed.iter().count(), count);
            }
        }
    }
}

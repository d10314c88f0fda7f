//! Ziplists: elements one behind the other, as Redis before 7.0 saved small collections.
//!
//! Owns: their form.   Uses: value::packed::Element, flaw.   Never: writes one.
//!
//! ```text
//!   bytes (4)  last element's place (4)  count (2)  | element | element | ...  0xff       count 65535: not told
//!
//!   element:  size of the one before it (1, or 0xfe and 4), then
//!     00nnnnnn                text of n bytes            11000000  a number of 2 bytes    11111110  of 1 byte
//!     01nnnnnn nnnnnnnn       text                       11010000  4                      1111nnnn  n - 1
//!     10000000 + 4 bytes      text                       11100000  8
//!                                                        11110000  3
//! ```
//! Lengths of texts are big-endian, all else is little-endian.

use super::flaw::Flaw;
use crate::value::packed::Element;

const HEAD: usize = 10;
const END: u8 = 0xff;
const UNCOUNTED: u16 = u16::MAX;
/// A size from here on takes four bytes more.
const LONG: u8 = 0xfe;

/// The elements of a ziplist of unknown origin. Gives the first flaw and then nothing.
#[derive(Clone, Debug)]
pub struct Ziplist<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where the element before begins; the end of the head if there is none.
    last: usize,
    /// How many must still come.
    left: Option<u16>,
    over: bool,
}

impl<'a> Ziplist<'a> {
    /// The elements in `bytes`. O(1).
    ///
    /// # Errors
    /// A frame that does not fit.
    pub fn open(bytes: &'a [u8]) -> Result<Ziplist<'a>, Flaw> {
        let short = Flaw("a ziplist is too short");
        let head = bytes.first_chunk::<HEAD>().ok_or(short)?;
        let [a, b, c, d, _, _, _, _, low, high] = *head;
        if u32::from_le_bytes([a, b, c, d]) as usize != bytes.len() {
            return Err(Flaw("a ziplist has not the length that it states"));
        }
        if bytes.len() == HEAD {
            return Err(short);
        }
        if bytes.last() != Some(&END) {
            return Err(Flaw("a ziplist has no end"));
        }
        let count = u16::from_le_bytes([low, high]);
        let left = (count != UNCOUNTED).then_some(count);
        Ok(Ziplist { bytes: &bytes[..bytes.len() - 1], at: HEAD, last: HEAD, left, over: false })
    }

    fn read(&mut self) -> Result<Element<'a>, Flaw> {
        let broken = Flaw("a ziplist's element is broken");
        if self.left == Some(0) {
            return Err(Flaw("a ziplist has more elements than it states"));
        }
        let rest = &self.bytes[self.at..];
        let (before, body) = match rest {
            [LONG, a, b, c, d, body @ ..] => (u32::from_le_bytes([*a, *b, *c, *d]) as usize, body),
            [LONG | END, ..] | [] => return Err(broken),
            [size, body @ ..] => (usize::from(*size), body),
        };
        if before != self.at - self.last {
            return Err(Flaw("a ziplist's element leads back to another place"));
        }
        let (element, after) = element(body).ok_or(broken)?;
        self.last = self.at;
        self.at = self.bytes.len() - after.len();
        self.left = self.left.map(|left| left - 1);
        Ok(element)
    }

    /// What must hold when all elements are read.
    fn close(&self) -> Result<(), Flaw> {
        if self.left.is_some_and(|left| left > 0) {
            return Err(Flaw("a ziplist has fewer elements than it states"));
        }
        let place = self.bytes[4..].first_chunk().map(|place| u32::from_le_bytes(*place) as usize);
        if place != Some(self.last) {
            return Err(Flaw("a ziplist's last element is not where it states"));
        }
        Ok(())
    }
}

/// The element in `body`, and what follows it.
fn element(body: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (&head, rest) = body.split_first()?;
    let (len, rest) = match head {
        0x00..=0x3f => (usize::from(head), rest),
        0x40..=0x7f => {
            let (&low, rest) = rest.split_first()?;
            (usize::from(head & 0x3f) << 8 | usize::from(low), rest)
        }
        0x80 => {
            let (len, rest) = rest.split_first_chunk::<4>()?;
            (u32::from_be_bytes(*len) as usize, rest)
        }
        _ => return number(head, rest),
    };
    let (text, rest) = rest.split_at_checked(len)?;
    Some((Element::of(text), rest))
}

fn number(head: u8, rest: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let size = match head {
        0xfe => 1,
        0xc0 => 2,
        0xf0 => 3,
        0xd0 => 4,
        0xe0 => 8,
        0xf1..=0xfd => return Some((Element::Int(i64::from(head & 0x0f) - 1), rest)),
        _ => return None,
    };
    let (bytes, rest) = rest.split_at_checked(size)?;
    let mut word = [0; 8];
    word[8 - size..].copy_from_slice(bytes);
    // The sign comes along from the top.
    Some((Element::Int(i64::from_le_bytes(word) >> (64 - 8 * size)), rest))
}

impl<'a> Iterator for Ziplist<'a> {
    type Item = Result<Element<'a>, Flaw>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        if self.at == self.bytes.len() {
            self.over = true;
            return self.close().err().map(Err);
        }
        let read = self.read();
        self.over = read.is_err();
        Some(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::text::Scratch;
    use proptest::prelude::*;

    fn texts(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Flaw> {
        let text = |element: Element<'_>| element.text(&mut Scratch::default()).to_vec();
        Ziplist::open(bytes)?.map(|element| element.map(text)).collect()
    }

    /// A ziplist of elements, each without the size of the one before it.
    fn ziplist(elements: &[Vec<u8>], count: u16) -> Vec<u8> {
        let (mut body, mut last, mut before) = (Vec::new(), HEAD, 0usize);
        for element in elements {
            last = HEAD + body.len();
            match u8::try_from(before) {
                Ok(short) if short < LONG => body.push(short),
                _ => {
                    body.push(LONG);
                    body.extend((before as u32).to_le_bytes());
                }
            }
            body.extend(element);
            before = HEAD + body.len() - last;
        }
        let total = (HEAD + body.len() + 1) as u32;
        let (total, last) = (total.to_le_bytes(), (last as u32).to_le_bytes());
        [&total as &[u8], &last, &count.to_le_bytes(), &body, &[END]].concat()
    }

    fn element(text: &[u8]) -> Vec<u8> {
        let len = text.len();
        match len {
            0..64 => [&[len as u8], text].concat(),
            64..16384 => [&[0x40 | (len >> 8) as u8, len as u8], text].concat(),
            _ => [&[0x80], (len as u32).to_be_bytes().as_slice(), text].concat(),
        }
    }

    #[test]
    fn every_form_is_read() {
        let forms: [(&[u8], &str); 10] = [
            (b"\xf1", "0"),
            (b"\xfd", "12"),
            (b"\xfe\x80", "-128"),
            (b"\xc0\x00\x80", "-32768"),
            (b"\xf0\xff\xff\x7f", "8388607"),
            (b"\xd0\x00\x00\x00\x80", "-2147483648"),
            (b"\xe0\xff\xff\xff\xff\xff\xff\xff\x7f", "9223372036854775807"),
            (b"\x02ab", "ab"),
            (b"\x40\x03abc", "abc"),
            (b"\x80\x00\x00\x00\x04abcd", "abcd"),
        ];
        let elements: Vec<Vec<u8>> = forms.iter().map(|(form, _)| form.to_vec()).collect();
        let expected = forms.iter().map(|(_, text)| text.as_bytes().to_vec()).collect();
        assert_eq!(texts(&ziplist(&elements, 10)), Ok(expected));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let sound = ziplist(&[b"\x01a".to_vec(), b"\xf2".to_vec()], 2);
        assert!(texts(&sound).is_ok());
        let flaw = |at: usize, byte: u8| {
            let mut bytes = sound.clone();
            bytes[at] = byte;
            texts(&bytes).err().map(|flaw| flaw.0)
        };
        let end = sound.len() - 1;
        assert_eq!(flaw(0, 9), Some("a ziplist has not the length that it states"));
        assert_eq!(flaw(4, 10), Some("a ziplist's last element is not where it states"));
        assert_eq!(flaw(8, 1), Some("a ziplist has more elements than it states"));
        assert_eq!(flaw(8, 3), Some("a ziplist has fewer elements than it states"));
        assert_eq!(flaw(10, 1), Some("a ziplist's element leads back to another place"));
        assert_eq!(flaw(11, 30), Some("a ziplist's element is broken"));
        assert_eq!(flaw(14, 0xff), Some("a ziplist's element is broken"));
        assert_eq!(flaw(end, 0), Some("a ziplist has no end"));
        assert_eq!(texts(&[10, 0, 0, 0, 10, 0, 0, 0, 0, 0]), Err(Flaw("a ziplist is too short")));
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            list in proptest::collection::vec(prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..70),
                proptest::collection::vec(any::<u8>(), 240..260),
                proptest::collection::vec(any::<u8>(), 16_380..16_390),
            ], 0..6)
        ) {
            let elements: Vec<Vec<u8>> = list.iter().map(|text| element(text)).collect();
            prop_assert_eq!(texts(&ziplist(&elements, list.len() as u16)), Ok(list));
        }

        #[test]
        fn garbage_is_refused_or_read(body in proptest::collection::vec(any::<u8>(), 0..60), count: u16) {
            let _ = texts(&body);
            let _ = texts(&ziplist(&[body], count));
        }
    }
}

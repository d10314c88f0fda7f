//! Zipmaps: small hashes as Redis before 2.6 saved them.
//!
//! Owns: their form.   Uses: flaw.   Never: writes one.
//!
//! ```text
//!   count (1)  | length  name  length  unused (1)  value  unused bytes | ...  0xff       count 254: not told
//!   length: 1 byte, or 254 and 4 bytes, little-endian
//! ```

use super::flaw::Flaw;

const END: u8 = 0xff;
const LONG: u8 = 254;

/// The fields of a zipmap of unknown origin: name, value. Gives the first flaw and then nothing.
#[derive(Clone, Debug)]
pub struct Zipmap<'a> {
    /// The fields that are still to come, without the end.
    rest: &'a [u8],
    left: Option<u8>,
}

impl<'a> Zipmap<'a> {
    /// The fields in `bytes`. O(1).
    ///
    /// # Errors
    /// A frame that does not fit.
    pub fn open(bytes: &'a [u8]) -> Result<Zipmap<'a>, Flaw> {
        match bytes {
            [count, rest @ .., END] => Ok(Zipmap { rest, left: (*count < LONG).then_some(*count) }),
            [_, .., _] => Err(Flaw("a zipmap has no end")),
            [] | [_] => Err(Flaw("a zipmap is too short")),
        }
    }

    fn read(&mut self) -> Result<(&'a [u8], &'a [u8]), Flaw> {
        if self.left == Some(0) {
            return Err(Flaw("a zipmap has more fields than it states"));
        }
        let field = self.field().ok_or(Flaw("a zipmap's field is broken"))?;
        self.left = self.left.map(|left| left - 1);
        Ok(field)
    }

    fn field(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        let len = self.length()?;
        let (name, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        let len = self.length()?;
        let (&unused, rest) = self.rest.split_first()?;
        let (value, rest) = rest.split_at_checked(len)?;
        self.rest = rest.get(usize::from(unused)..)?;
        Some((name, value))
    }

    fn length(&mut self) -> Option<usize> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        if first < LONG {
            return Some(first.into());
        }
        let (len, rest) = rest.split_first_chunk::<4>()?;
        self.rest = rest;
        (first == LONG).then_some(u32::from_le_bytes(*len) as usize)
    }
}

impl<'a> Iterator for Zipmap<'a> {
    type Item = Result<(&'a [u8], &'a [u8]), Flaw>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            let missing = self.left.take().is_some_and(|left| left > 0);
            return missing.then_some(Err(Flaw("a zipmap has fewer fields than it states")));
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
    use proptest::prelude::*;

    type Field = (Vec<u8>, Vec<u8>);

    fn fields(bytes: &[u8]) -> Result<Vec<Field>, Flaw> {
        let own = |(name, value): (&[u8], &[u8])| (name.to_vec(), value.to_vec());
        Zipmap::open(bytes)?.map(|field| field.map(own)).collect()
    }

    #[test]
    fn fields_are_read() {
        // The example of the format's description, with two unused bytes behind a value.
        let bytes = b"\x02\x03foo\x03\x00bar\x05hello\x05\x02world??\xff";
        let expected = [("foo", "bar"), ("hello", "world")];
        let expected = expected.map(|(name, value)| (name.into(), value.into())).to_vec();
        assert_eq!(fields(bytes), Ok(expected));
        let long = [b"\x01\xfe\x2c\x01\0\0".as_slice(), &[b'n'; 300], b"\x01\0v\xff"].concat();
        assert_eq!(fields(&long), Ok(vec![(vec![b'n'; 300], b"v".to_vec())]));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let flaw = |bytes: &[u8]| fields(bytes).err().map(|flaw| flaw.0);
        assert_eq!(flaw(b"\x00\xff"), None);
        assert_eq!(flaw(b"\xfe\x01a\x01\0b\xff"), None, "not told how many");
        assert_eq!(flaw(b"\x02\x01a\x01\0b\xff"), Some("a zipmap has fewer fields than it states"));
        assert_eq!(flaw(b"\x00\x01a\x01\0b\xff"), Some("a zipmap has more fields than it states"));
        assert_eq!(flaw(b"\x01\x01a\x01\0b\xfe"), Some("a zipmap has no end"));
        assert_eq!(flaw(b"\x01"), Some("a zipmap is too short"));
        for bytes in
            [b"\x01\x01a\xff" as &[u8], b"\x01\x05a\x01\0b\xff", b"\x01\xfe\xff\xff\xff\xff\xff"]
        {
            assert_eq!(flaw(bytes), Some("a zipmap's field is broken"), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn garbage_is_refused_or_read(mut bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = fields(&bytes);
            bytes.push(END);
            let _ = fields(&bytes);
        }
    }
}

//! When a conditional SET or delete acts.
//!
//! Owns: the conditions and what they compare, digests too.   Uses: value, base.   Never: keys, replies.

use crate::resp::{Error, Result};
use crate::value::TextRef;
use crate::value::text::Scratch;
use twox_hash::XxHash3_64;

/// The length of a digest in hexadecimal.
const DIGEST_LEN: usize = 16;

/// Which keys are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition<'a> {
    /// Any.
    Always,
    /// Missing ones.
    IfMissing,
    /// Existing ones.
    IfPresent,
    /// Those whose string compares like this.
    If(Comparison<'a>),
}

/// A string compared with an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison<'a> {
    /// It is this one.
    Equal(&'a [u8]),
    /// It is another one.
    NotEqual(&'a [u8]),
    /// It has this digest.
    Digest(&'a [u8]),
    /// It has another digest.
    NotDigest(&'a [u8]),
}

impl<'a> Comparison<'a> {
    /// The comparison that a word announces, if it announces one.
    pub fn named(word: &[u8], operand: &'a [u8]) -> Option<Comparison<'a>> {
        let make: fn(&'a [u8]) -> Comparison<'a> = match word.to_ascii_lowercase().as_slice() {
            b"ifeq" => Comparison::Equal,
            b"ifne" => Comparison::NotEqual,
            b"ifdeq" => Comparison::Digest,
            b"ifdne" => Comparison::NotDigest,
            _ => return None,
        };
        Some(make(operand))
    }

    /// Whether it holds of a string. O(its length).
    ///
    /// # Errors
    /// If what should be a digest has not the length of one. As on a real server nobody is told while there is
    /// nothing to compare with.
    pub fn holds(self, text: TextRef<'_>) -> Result<bool> {
        match self {
            Comparison::Equal(operand) => Ok(text.bytes(&mut Scratch::default()) == operand),
            Comparison::NotEqual(operand) => Ok(text.bytes(&mut Scratch::default()) != operand),
            Comparison::Digest(operand) => has_digest(text, operand),
            Comparison::NotDigest(operand) => Ok(!has_digest(text, operand)?),
        }
    }

    /// Whether it holds of a key that is missing: it is equal to nothing.
    pub fn holds_of_nothing(self) -> bool {
        match self {
            Comparison::Equal(_) | Comparison::Digest(_) => false,
            Comparison::NotEqual(_) | Comparison::NotDigest(_) => true,
        }
    }
}

fn has_digest(text: TextRef<'_>, operand: &[u8]) -> Result<bool> {
    if operand.len() != DIGEST_LEN {
        return Err(Error::text("ERR must be exactly 16 hexadecimal characters"));
    }
    Ok(operand.eq_ignore_ascii_case(digest(text).as_bytes()))
}

/// The digest of a string: its 64-bit XXH3 without a seed, in 16 hexadecimal digits. O(its length), some 100 us for 1 MiB.
pub fn digest(text: TextRef<'_>) -> String {
    format!("{:016x}", XxHash3_64::oneshot(text.bytes(&mut Scratch::default())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> TextRef<'_> {
        TextRef::Bytes(text.as_bytes())
    }

    #[test]
    fn digests_are_those_that_the_documentation_shows() {
        assert_eq!(digest(of("Hello world")), "b6acb9d84a38ff74");
        assert_eq!(digest(of("Hello, Dragonfly!")), "063b4909128e92b7");
        assert_eq!(digest(of("")), "2d06800538d394c2");
        assert_eq!(digest(TextRef::Int(-12)), digest(of("-12")));
        // The first one in a report of leading zeros that were left out.
        let long = "v8lf0c11xh8ymlqztfd3eeq16kfn4sspw7fqmnuuq3k3t75em5wdizgcdw7uc26nnf961u2jkfzkjytls2kwlj7626sd";
        assert_eq!(digest(of(long)), "00006c38adf31777");
    }

    #[test]
    fn strings_are_compared_by_value_and_by_digest() {
        let holds = |word: &str, operand: &str| {
            Comparison::named(word.as_bytes(), operand.as_bytes()).unwrap().holds(of("Hello world"))
        };
        assert_eq!((holds("IFEQ", "Hello world"), holds("ifeq", "hello")), (Ok(true), Ok(false)));
        assert_eq!((holds("ifne", "Hello world"), holds("ifne", "")), (Ok(false), Ok(true)));
        let (same, other) = ("B6ACB9D84A38FF74", "b6acb9d84a38ff75");
        assert_eq!((holds("ifdeq", same), holds("ifdeq", other)), (Ok(true), Ok(false)));
        assert_eq!((holds("ifdne", same), holds("ifdne", other)), (Ok(false), Ok(true)));
        assert!(holds("ifdeq", &same[1..]).is_err() && holds("ifdne", "").is_err());
        assert_eq!(Comparison::named(b"ifgt", b""), None);
    }
}

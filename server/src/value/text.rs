//! Strings: numbers kept as numbers, short bytes inside the entry, long bytes in a blob.
//!
//! Owns: the views of a string.   Uses: `base::{alloc, blob}`.   Never: keys, replies.

use crate::base::alloc;
use crate::base::blob::Blob;

/// A string that somebody owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// A number, kept as such.
    Int(i64),
    /// Bytes.
    Bytes(Blob),
}

/// A string as it stands in an entry.
#[derive(Clone, Copy, Debug)]
pub enum TextRef<'a> {
    /// A number; its text is the decimal form.
    Int(i64),
    /// Short bytes, inside the entry.
    Bytes(&'a [u8]),
    /// Long bytes, in an allocation of their own that a reply may share.
    Blob(&'a Blob),
}

/// A string as it stands in an entry, for changes that keep the entry's size.
#[derive(Debug)]
pub enum TextMut<'a> {
    /// A number.
    Int(&'a mut i64),
    /// Short bytes; their length is fixed.
    Bytes(&'a mut [u8]),
    /// Long bytes; take them out, change them, put them back.
    Blob(&'a mut Blob),
}

/// The box in which an entry keeps a blob.
const HANDLE: usize = alloc::given(size_of::<Blob>());

/// Strings up to this length are "embstr" where a real server shows its encoding.
pub const EMBSTR_MAX: usize = 44;

impl<'a> TextRef<'a> {
    /// The name OBJECT ENCODING answers.
    pub fn encoding(self) -> &'static str {
        match self {
            TextRef::Int(_) => "int",
            TextRef::Bytes(bytes) if bytes.len() <= EMBSTR_MAX => "embstr",
            TextRef::Bytes(_) | TextRef::Blob(_) => "raw",
        }
    }

    /// Its length in bytes, as STRLEN counts.
    #[expect(clippy::len_without_is_empty, reason = "an empty string is a string like any other")]
    pub fn len(self) -> usize {
        match self {
            TextRef::Int(number) => decimal_len(number),
            TextRef::Bytes(bytes) => bytes.len(),
            TextRef::Blob(blob) => blob.len(),
        }
    }

    /// Bytes that it holds outside its entry: a blob's handle, which is boxed, and what the handle holds.
    #[inline]
    pub fn heap(self) -> usize {
        match self {
            TextRef::Int(_) | TextRef::Bytes(_) => 0,
            TextRef::Blob(blob) => HANDLE + blob.footprint(),
        }
    }

    /// A string of the same contents that stands on its own.
    pub fn to_owned(self) -> Text {
        match self {
            TextRef::Int(number) => Text::Int(number),
            TextRef::Bytes(bytes) => Text::Bytes(Blob::from(bytes)),
            TextRef::Blob(blob) => Text::Bytes(blob.clone()),
        }
    }

    /// Its bytes: borrowed, or written into `scratch` when it is a number.
    pub fn bytes<'b>(self, scratch: &'b mut Scratch) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            TextRef::Int(number) => scratch.write(number),
            TextRef::Bytes(bytes) => bytes,
            TextRef::Blob(blob) => blob,
        }
    }
}

/// Room for the decimal form of any `i64`.
#[derive(Debug, Default)]
pub struct Scratch([u8; 20]);

impl Scratch {
    /// Writes a number and gives its text.
    pub fn write(&mut self, number: i64) -> &[u8] {
        let mut rest = number.unsigned_abs();
        let mut at = self.0.len();
        loop {
            at -= 1;
            self.0[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if number < 0 {
            at -= 1;
            self.0[at] = b'-';
        }
        &self.0[at..]
    }
}

fn decimal_len(number: i64) -> usize {
    Scratch::default().write(number).len()
}

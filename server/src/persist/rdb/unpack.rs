//! The bytes of a string, wherever they lie.
//!
//! Owns: the limit for strings.   Uses: parse, lzf, fault.   Never: where the string belongs.

use std::ops::Range;

use super::fault::{LoadError, LoadFault};
use super::lzf;
use super::parse::{Cursor, Encoded};
use crate::value::text::Scratch;

/// Makes bytes of strings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unpack {
    /// Longer strings are refused, bytes.
    pub longest: u64,
}

impl Unpack {
    /// Refuses a length beyond the limit.
    pub fn check(self, len: u64, offset: u64) -> Result<(), LoadError> {
        let limit = self.longest;
        if len > limit { Err(LoadFault::TooLong { len, limit }.at(offset)) } else { Ok(()) }
    }

    /// Appends a string to `out`, unless it lies plain in the slice; checks its length either way.
    #[inline]
    pub fn unless_plain(
        self,
        string: &Encoded,
        cursor: &Cursor<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), LoadError> {
        match string {
            Encoded::Plain(range) => self.check(range.len() as u64, cursor.offset()),
            Encoded::Int(_) | Encoded::Packed { .. } => self.append(string, cursor, out),
        }
    }

    /// Appends a string to `out`.
    pub fn append(
        self,
        string: &Encoded,
        cursor: &Cursor<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), LoadError> {
        match string {
            Encoded::Plain(range) => {
                self.check(range.len() as u64, cursor.offset())?;
                out.extend_from_slice(cursor.bytes(range));
            }
            Encoded::Int(number) => out.extend_from_slice(Scratch::default().write(*number)),
            Encoded::Packed { packed, len, offset } => {
                self.check(*len, *offset)?;
                let len = usize::try_from(*len).unwrap_or(usize::MAX);
                lzf::decompress(cursor.bytes(packed), len, out)
                    .map_err(|fault| LoadFault::BadCompression(fault).at(*offset))?;
            }
        }
        Ok(())
    }

    /// A string in a buffer of its own.
    pub fn alone(self, string: &Encoded, cursor: &Cursor<'_>) -> Result<Vec<u8>, LoadError> {
        let mut bytes = Vec::new();
        self.append(string, cursor, &mut bytes)?;
        Ok(bytes)
    }

    /// A string where it lies, or appended to `out`.
    #[inline]
    pub fn place(
        self,
        string: &Encoded,
        cursor: &Cursor<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Place, LoadError> {
        let start = out.len();
        self.unless_plain(string, cursor, out)?;
        Ok(match string {
            Encoded::Plain(range) => Place::Plain(range.clone()),
            Encoded::Int(_) | Encoded::Packed { .. } => Place::Unpacked(start..out.len()),
        })
    }
}

/// Where a string's bytes are.
pub(super) enum Place {
    /// In the slice.
    Plain(Range<usize>),
    /// In the buffer.
    Unpacked(Range<usize>),
}

impl Place {
    /// Its bytes.
    #[inline]
    pub fn bytes<'a>(&self, cursor: &Cursor<'a>, unpacked: &'a [u8]) -> &'a [u8] {
        match self {
            Place::Plain(range) => cursor.bytes(range),
            Place::Unpacked(range) => &unpacked[range.clone()],
        }
    }
}

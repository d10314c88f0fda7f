//! Keys on their way from the loader to the target.
//!
//! Owns: their places in memory.   Uses: base, value's blob.   Never: copies what lies in the slice.

use std::ops::Range;

use super::format::Access;
use crate::base::blob::Blob;

/// What stands before a key and belongs to it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Attributes {
    pub(super) deadline: Option<i64>,
    pub(super) access: Access,
}

impl Attributes {
    pub(super) fn is_none(self) -> bool {
        self.deadline.is_none() && self.access == Access::Unknown
    }
}

/// Keys that are announced, not yet handed over. Their bytes lie in the slice or in `unpacked`.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) waiting: Vec<Waiting>,
    pub(super) unpacked: Vec<u8>,
}

#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) offset: u64,
    pub(super) key: Piece,
    pub(super) value: Held,
    pub(super) attributes: Attributes,
}

#[derive(Clone, Debug)]
pub(super) enum Piece {
    Slice(Range<usize>),
    Unpacked(Range<usize>),
}

#[derive(Debug)]
pub(super) enum Held {
    Int(i64),
    Bytes(Piece),
    Blob(Blob),
}

impl Piece {
    pub(super) fn of<'a>(&self, slice: &'a [u8], unpacked: &'a [u8]) -> &'a [u8] {
        match self {
            Piece::Slice(range) => &slice[range.clone()],
            Piece::Unpacked(range) => &unpacked[range.clone()],
        }
    }
}

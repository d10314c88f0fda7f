//! The first eight bytes of an entry: what kind of value it has, and what stands where.
//!
//! Owns: the bits of a header.   Uses: `base::blob`, value.   Never: the block itself.

use crate::base::blob::Blob;
use crate::value::{Form, Large};

/// A key longer than this has its length in a word of its own.
pub(super) const KEY_SHORT: usize = (1 << 12) - 1;
/// The most bytes that a header can say of a value in the entry.
pub(super) const VALUE_MAX: usize = (1 << 12) - 1;
pub(super) const WIDE: u8 = 1;
pub(super) const TIMED: u8 = 2;
// 4 is kept for a version word (WATCH without a table of its own).
/// A string was changed in part (APPEND, SETRANGE), or packed bytes are marked: Redis shows both as another encoding.
pub(super) const EDITED: u8 = 8;
const KIND_SHIFT: u8 = 4;

/// Where the key begins, by the flags: a table, because counting costs more.
const KEY_START: [u8; 256] = {
    let mut starts = [0; 256];
    let mut flags = 0;
    while flags < 256 {
        let words = (flags & 1) + ((flags >> 1) & 1) + ((flags >> 2) & 1);
        let store = match flags >> KIND_SHIFT {
            0 => size_of::<i64>(),
            2 => size_of::<Blob>(),
            3 => size_of::<Option<Large>>(),
            _ => 0,
        };
        starts[flags] = (8 + 8 * words + store) as u8;
        flags += 1;
    }
    starts
};

/// How the value stands in the block.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Int,
    Inline,
    Blob,
    Large,
    Packed(Form),
}

/// The number of the first form of packed bytes among the kinds.
const PACKED: u8 = 4;
const _: () = assert!(PACKED as usize + Form::ALL.len() <= 16 && align_of::<Option<Large>>() == 8);

impl Kind {
    /// The flags that say so.
    #[inline]
    pub fn flags(self) -> u8 {
        let number = match self {
            Kind::Int => 0,
            Kind::Inline => 1,
            Kind::Blob => 2,
            Kind::Large => 3,
            Kind::Packed(form) => PACKED + form as u8,
        };
        number << KIND_SHIFT
    }
}

#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Header {
    /// Flags, length of the key (0 if WIDE), length of the inline value: 8, 12 and 12 bits from the lowest.
    pub shape: u32,
    pub access: u32,
}

const _: () = assert!(size_of::<Header>() == 8);

impl Header {
    #[inline]
    pub fn new(flags: u8, key_len: usize, value_len: usize) -> Header {
        debug_assert!(key_len <= KEY_SHORT);
        assert!(value_len <= VALUE_MAX, "a value of {value_len} bytes in an entry");
        let shape = u32::from(flags) | (key_len as u32) << 8 | (value_len as u32) << 20;
        Header { shape, access: 0 }
    }

    #[inline]
    pub fn flags(self) -> u8 {
        self.shape as u8
    }

    #[inline]
    pub fn short_key_len(self) -> usize {
        (self.shape >> 8) as usize & KEY_SHORT
    }

    #[inline]
    pub fn value_len(self) -> usize {
        (self.shape >> 20) as usize
    }

    #[inline]
    pub fn has(self, flag: u8) -> bool {
        self.flags() & flag != 0
    }

    #[inline]
    pub fn kind(self) -> Kind {
        match self.flags() >> KIND_SHIFT {
            0 => Kind::Int,
            1 => Kind::Inline,
            2 => Kind::Blob,
            3 => Kind::Large,
            form => Kind::Packed(Form::ALL[usize::from(form - PACKED)]),
        }
    }

    #[inline]
    pub fn key_start(self) -> usize {
        KEY_START[usize::from(self.flags())].into()
    }

    #[inline]
    pub fn deadline_start(self) -> usize {
        8 + 8 * usize::from(self.flags() & WIDE)
    }

    /// Where the store begins, behind WIDE and TIMED.
    #[inline]
    pub fn store_start(self) -> usize {
        self.deadline_start() + 4 * usize::from(self.flags() & TIMED)
    }
}

//! The alphabet of a snapshot: versions, opcodes, type numbers, lengths.
//!
//! Owns: every number that stands in a file.   Uses: nothing.   Never: input or output.
//!
//! A length is 1, 2, 5 or 9 bytes, told apart by the top two bits of the first:
//!
//! ```text
//!   00nnnnnn                      0 ..= 63
//!   01nnnnnn nnnnnnnn             64 ..= 16383
//!   10000000 + 4 bytes            big-endian
//!   10000001 + 8 bytes            big-endian
//!   11000000 / 01 / 10 + 1 2 4    instead of a string: an integer, little-endian
//!   11000011 packed plain bytes   instead of a string: LZF
//! ```

use crate::config::kinds::RdbVersion;
use std::fmt;

/// Who counts the version: the two families share numbers up to 11 and go their own ways above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Magic `REDISnnnn`.
    Redis,
    /// Magic `VALKEYnnn`.
    Valkey,
}

/// The version of a file, as its magic states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// Whose numbering.
    pub family: Family,
    /// The number.
    pub number: u16,
}

/// Bytes of magic and version at the start of a file.
pub const MAGIC_LEN: usize = 9;

impl Version {
    /// What is written when nobody asks otherwise: every Redis >= 7.2 and every Valkey reads it.
    pub const DEFAULT: Version = Version { family: Family::Redis, number: 11 };

    /// The version behind the number of the setting `rdb-version`, if this server can write it.
    pub fn for_saving(number: u16) -> Option<Version> {
        match number {
            9..=12 => Some(Version { family: Family::Redis, number }),
            80 => Some(Version { family: Family::Valkey, number }),
            _ => None,
        }
    }

    /// The version that the setting `rdb-version` asks for.
    pub fn of(setting: RdbVersion) -> Version {
        let (family, number) = match setting {
            RdbVersion::V10 => (Family::Redis, 10),
            RdbVersion::V11 => (Family::Redis, 11),
            RdbVersion::V12 => (Family::Redis, 12),
            RdbVersion::V80 => (Family::Valkey, 80),
        };
        Version { family, number }
    }

    /// Reads the magic. `None` if this is no snapshot at all; the number is not judged.
    pub fn from_magic(magic: &[u8; MAGIC_LEN]) -> Option<Version> {
        let (family, digits) = if let Some(digits) = magic.strip_prefix(b"REDIS") {
            (Family::Redis, digits)
        } else {
            (Family::Valkey, magic.strip_prefix(b"VALKEY")?)
        };
        let mut number = 0;
        for digit in digits {
            if !digit.is_ascii_digit() {
                return None;
            }
            number = number * 10 + u16::from(digit - b'0');
        }
        Some(Version { family, number })
    }

    /// The magic that states this version.
    pub fn magic(self) -> [u8; MAGIC_LEN] {
        let (mut magic, digits) = match self.family {
            Family::Redis => (*b"REDIS0000", 4),
            Family::Valkey => (*b"VALKEY000", 3),
        };
        let mut rest = self.number;
        for place in magic.iter_mut().rev().take(digits) {
            *place = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        magic
    }

    /// Whether this server knows what such a file may hold.
    pub fn is_readable(self) -> bool {
        match self.family {
            Family::Redis => (1..=15).contains(&self.number),
            Family::Valkey => self.number == 11 || self.number == 80,
        }
    }

    /// Whether a checksum follows the end mark.
    pub fn has_checksum(self) -> bool {
        self.number >= 5
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.family {
            Family::Redis => write!(f, "Redis version {}", self.number),
            Family::Valkey => write!(f, "Valkey version {}", self.number),
        }
    }
}

/// First bytes that are not a type: marks and parts of a file.
pub mod opcode {
    /// Redis >= 8.6: data of modules beside a key. Valkey >= 9: a slot import in progress.
    pub const KEY_META_OR_SLOT_IMPORT: u8 = 243;
    /// Sizes of one cluster slot: three lengths, only a hint.
    pub const SLOT_INFO: u8 = 244;
    /// A library of functions.
    pub const FUNCTION2: u8 = 245;
    /// A function as release candidates of 7.0 wrote it.
    pub const FUNCTION_PRE_GA: u8 = 246;
    /// Data of a module outside keys.
    pub const MODULE_AUX: u8 = 247;
    /// Seconds since the next key was used.
    pub const IDLE: u8 = 248;
    /// How often the next key is used, one byte.
    pub const FREQ: u8 = 249;
    /// A named fact about the writer.
    pub const AUX: u8 = 250;
    /// Number of keys and of keys with a time to live, a hint.
    pub const RESIZEDB: u8 = 251;
    /// The next key's deadline, unix milliseconds, 8 bytes little-endian.
    pub const EXPIRETIME_MS: u8 = 252;
    /// The next key's deadline, unix seconds, 4 bytes little-endian.
    pub const EXPIRETIME: u8 = 253;
    /// The number of the database that follows.
    pub const SELECTDB: u8 = 254;
    /// The end; a checksum follows since version 5.
    pub const EOF: u8 = 255;
}

/// The type number of a string.
pub const TYPE_STRING: u8 = 0;

/// What a type number stands for, in words for an error; `None` if nobody uses the number.
pub fn type_name(family: Family, number: u8) -> Option<&'static str> {
    Some(match (number, family) {
        (TYPE_STRING, _) => "a string",
        (1, _) => "a list",
        (2, _) => "a set",
        (3, _) => "a sorted set with scores as text",
        (4, _) => "a hash",
        (5, _) => "a sorted set",
        (6, _) => "a module value of a release candidate",
        (7, _) => "a module value",
        (9, _) => "a zipmap hash",
        (10, _) => "a ziplist list",
        (11, _) => "an intset set",
        (12, _) => "a ziplist sorted set",
        (13, _) => "a ziplist hash",
        (14, _) => "a quicklist list",
        (15, _) => "a stream",
        (16, _) => "a listpack hash",
        (17, _) => "a listpack sorted set",
        (18, _) => "a quicklist2 list",
        (19, _) => "a stream (second form)",
        (20, _) => "a listpack set",
        (21, _) => "a stream (third form)",
        (22, Family::Valkey) => "a hash with field expiry",
        (22 | 23, Family::Redis) => "a hash with field expiry of a release candidate",
        (24, Family::Redis) => "a hash with field expiry",
        (25, Family::Redis) => "a listpack hash with field expiry",
        (26, Family::Redis) => "a stream (fourth form)",
        (27, Family::Redis) => "a stream (fifth form)",
        (28, Family::Redis) => "an array",
        (29..=32, Family::Redis) => "a hash with a template",
        (33, Family::Redis) => "a rate limiter (GCRA)",
        _ => return None,
    })
}

/// What is known of a key's use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    #[default]
    Unknown,
    /// Seconds since it was used (policies by recency).
    Idle(u64),
    /// Its logarithmic counter of uses (policies by frequency).
    Frequency(u8),
}

/// The two top bits of a first byte that announces a special string.
pub const SPECIAL: u8 = 0xc0;
/// Special string: one byte of integer.
pub const INT8: u8 = 0xc0;
/// Special string: two bytes of integer, little-endian.
pub const INT16: u8 = 0xc1;
/// Special string: four bytes of integer, little-endian.
pub const INT32: u8 = 0xc2;
/// Special string: packed length, plain length, LZF data.
pub const LZF: u8 = 0xc3;
/// First byte of a length of 4 further bytes.
pub const LEN32: u8 = 0x80;
/// First byte of a length of 8 further bytes.
pub const LEN64: u8 = 0x81;

/// A few bytes on the stack: an encoded length or integer.
#[derive(Clone, Copy, Debug)]
pub struct Short {
    bytes: [u8; 9],
    len: u8,
}

impl Short {
    fn new(first: u8, rest: &[u8]) -> Short {
        let mut bytes = [0; 9];
        bytes[0] = first;
        bytes[1..=rest.len()].copy_from_slice(rest);
        Short { bytes, len: rest.len() as u8 + 1 }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// The shortest form of a length.
pub fn encode_len(len: u64) -> Short {
    match len {
        0..=63 => Short::new(len as u8, &[]),
        64..=16_383 => Short::new(0x40 | (len >> 8) as u8, &[len as u8]),
        16_384..=0xffff_ffff => Short::new(LEN32, &(len as u32).to_be_bytes()),
        _ => Short::new(LEN64, &len.to_be_bytes()),
    }
}

/// The special form of an integer; `None` beyond 32 bits, which are written as text.
pub fn encode_int(number: i64) -> Option<Short> {
    if let Ok(small) = i8::try_from(number) {
        Some(Short::new(INT8, &small.to_le_bytes()))
    } else if let Ok(medium) = i16::try_from(number) {
        Some(Short::new(INT16, &medium.to_le_bytes()))
    } else {
        let large = i32::try_from(number).ok()?;
        Some(Short::new(INT32, &large.to_le_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::bytes::parse_i64;

    #[test]
    fn a_magic_says_what_it_was_made_from() {
        for number in [9, 10, 11, 12, 80] {
            let version = Version::for_saving(number).unwrap();
            assert_eq!(Version::from_magic(&version.magic()), Some(version));
        }
        assert_eq!(&Version::DEFAULT.magic(), b"REDIS0011");
        assert_eq!(&Version::for_saving(80).unwrap().magic(), b"VALKEY080");
        assert_eq!(Version::from_magic(b"REDIS00x1"), None);
        assert_eq!(Version::from_magic(b"RODIS0001"), None);
        assert_eq!(Version::for_saving(13), None);
    }

    #[test]
    fn lengths_take_their_shortest_form() {
        assert_eq!(encode_len(63).as_bytes(), [63]);
        assert_eq!(encode_len(64).as_bytes(), [0x40, 64]);
        assert_eq!(encode_len(16_383).as_bytes(), [0x7f, 0xff]);
        assert_eq!(encode_len(16_384).as_bytes(), [0x80, 0, 0, 0x40, 0]);
        assert_eq!(encode_len(1 << 32).as_bytes(), [0x81, 0, 0, 0, 1, 0, 0, 0, 0]);
    }

    #[test]
    fn integers_take_their_shortest_form() {
        assert_eq!(encode_int(-128).unwrap().as_bytes(), [0xc0, 0x80]);
        assert_eq!(encode_int(128).unwrap().as_bytes(), [0xc1, 0x80, 0]);
        assert_eq!(encode_int(i64::from(i32::MIN)).unwrap().as_bytes(), [0xc2, 0, 0, 0, 0x80]);
        assert!(encode_int(i64::from(i32::MAX) + 1).is_none());
    }

    #[test]
    fn only_the_one_decimal_form_is_an_integer() {
        for number in [0, 1, -1, 10, i64::MAX, i64::MIN, -9_000_000_000] {
            assert_eq!(parse_i64(number.to_string().as_bytes()), Some(number));
        }
        for text in [
            "",
            "-",
            "-0",
            "00",
            "01",
            "+1",
            " 1",
            "1 ",
            "1.0",
            "9223372036854775808",
            "-9223372036854775809",
        ] {
            assert_eq!(parse_i64(text.as_bytes()), None, "{text}");
        }
    }
}

//! What can be wrong with a snapshot, and where.
//!
//! Owns: the words.   Uses: format, lzf.   Never: decides what to do about it.

use std::fmt;

use super::flaw::Flaw;
use super::format::{Family, Version};
use super::lzf::LzfFault;

/// A fault and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    /// The byte of the file at which the faulty thing begins.
    pub offset: u64,
    /// What is wrong there.
    pub fault: LoadFault,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadFault {
    /// The file is empty.
    Empty,
    /// The file ends inside something: what, and how many bytes more it needs at least.
    Truncated {
        /// "a string", "the checksum"...
        inside: &'static str,
        /// At least so many bytes are missing.
        missing: u64,
    },
    /// The first bytes are not those of a snapshot.
    NotASnapshot,
    /// A version from the future or from another world.
    UnsupportedVersion(Version),
    /// A value of a type that this server does not have.
    UnsupportedType {
        /// The type in words.
        name: &'static str,
        /// Its number in the file.
        number: u8,
        /// The key, as far as it can be shown.
        key: String,
    },
    /// A part of the file beside keys that this server does not have.
    UnsupportedPart(&'static str),
    /// A byte where a type or a mark should stand, and is neither.
    UnknownMark(u8),
    /// A first byte that begins no length and no string.
    BadLength(u8),
    /// A string longer than the limit for strings.
    TooLong {
        /// Its claimed length in bytes.
        len: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// A compressed string that cannot be unpacked.
    BadCompression(LzfFault),
    /// A value with elements that is not what a server writes.
    BadValue {
        /// The key, as far as it can be shown.
        key: String,
        /// What is wrong with its value.
        flaw: Flaw,
    },
    /// Things that each make sense, in an order that does not.
    Disorder(&'static str),
    /// A key that the database already has.
    DuplicateKey(String),
    /// Whoever takes the data in did not want it; the reason is theirs.
    Refused(String),
    /// The checksum in the file is not that of its bytes.
    ChecksumMismatch {
        /// What the file says.
        stored: u64,
        /// What its bytes give.
        computed: u64,
    },
    /// Bytes after the end.
    TrailingBytes,
    /// The file could not be read.
    Unreadable(String),
}

impl LoadFault {
    /// The fault, at a place.
    pub fn at(self, offset: u64) -> LoadError {
        LoadError { offset, fault: self }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at offset {}: {}", self.offset, self.fault)
    }
}

impl std::error::Error for LoadError {}

impl fmt::Display for LoadFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadFault::Empty => f.write_str("the file is empty"),
            LoadFault::Truncated { inside, missing } => {
                write!(
                    f,
                    "the file ends inside {inside} (needs {missing} more {})",
                    bytes(*missing)
                )
            }
            LoadFault::NotASnapshot => {
                f.write_str("this is not a snapshot: it begins neither with REDIS nor with VALKEY")
            }
            LoadFault::UnsupportedVersion(version) => {
                write!(f, "{version} of the format cannot be read")
            }
            LoadFault::UnsupportedType { name, number, key } => {
                write!(
                    f,
                    "the key \"{key}\" holds {name} (type {number}), which this server cannot keep"
                )
            }
            LoadFault::UnsupportedPart(name) => {
                write!(f, "the file holds {name}, which this server cannot keep")
            }
            LoadFault::UnknownMark(byte) => {
                write!(f, "the byte {byte} is neither a type nor a mark")
            }
            LoadFault::BadLength(byte) => write!(f, "the byte {byte:#04x} begins no length"),
            LoadFault::TooLong { len, limit } => {
                write!(f, "a string of {len} bytes is longer than the limit of {limit}")
            }
            LoadFault::BadCompression(fault) => {
                write!(f, "a compressed string cannot be unpacked: {fault}")
            }
            LoadFault::BadValue { key, flaw } => {
                write!(f, "the value of the key \"{key}\" is malformed: {}", flaw.0)
            }
            LoadFault::Disorder(what) => f.write_str(what),
            LoadFault::DuplicateKey(key) => {
                write!(f, "the key \"{key}\" appears for the second time")
            }
            LoadFault::Refused(reason) | LoadFault::Unreadable(reason) => f.write_str(reason),
            LoadFault::ChecksumMismatch { stored, computed } => {
                write!(
                    f,
                    "the checksum is {stored:016x}, the bytes give {computed:016x}: some byte before has changed"
                )
            }
            LoadFault::TrailingBytes => f.write_str("bytes follow the end of the snapshot"),
        }
    }
}

fn bytes(count: u64) -> &'static str {
    if count == 1 { "byte" } else { "bytes" }
}

/// A key as text for a message: escaped, and cut at 128 bytes.
pub fn show(key: &[u8]) -> String {
    let (shown, rest) = key.split_at(key.len().min(128));
    let dots = if rest.is_empty() { "" } else { "..." };
    format!("{}{dots}", shown.escape_ascii())
}

/// A part of a file that this server does not have, in words; `None` if the opcode is another.
pub(super) fn foreign_part(family: Family, opcode: u8) -> Option<&'static str> {
    use super::format::opcode as op;
    match (opcode, family) {
        (op::FUNCTION2, _) => Some("a library of functions (FUNCTION2)"),
        (op::FUNCTION_PRE_GA, _) => Some("a function of a release candidate (FUNCTION_PRE_GA)"),
        (op::MODULE_AUX, _) => Some("data of a module (MODULE_AUX)"),
        (op::KEY_META_OR_SLOT_IMPORT, Family::Redis) => {
            Some("data of a module beside a key (KEY_META)")
        }
        (op::KEY_META_OR_SLOT_IMPORT, Family::Valkey) => {
            Some("a slot import in progress (SLOT_IMPORT)")
        }
        _ => None,
    }
}

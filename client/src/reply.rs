//! What a server can answer.
//!
//! Owns: the reply type.   Uses: bytes, error.   Never: sockets, the wire format (codec.rs), conversions (convert.rs).

use bytes::Bytes;

use crate::error::{Error, Result};

/// One reply of either protocol.
///
/// Byte strings are views into the buffer the reply was received in: taking them is free, but keeping a small one for long keeps
/// its buffer (64 KiB or more) alive. Convert to `Vec<u8>` or `String` what is kept.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// Nothing: a missing key, an aborted transaction.
    Null,
    /// A number.
    Int(i64),
    /// A floating point number (version 3).
    Double(f64),
    /// True or false (version 3).
    Bool(bool),
    /// An integer of any size, in decimal digits (version 3).
    BigNumber(String),
    /// A byte string.
    Bulk(Bytes),
    /// A status such as `OK`.
    Simple(Bytes),
    /// An error, with its code.
    Error(String),
    /// Text with its format, `txt` or `mkd` (version 3).
    Verbatim([u8; 3], Bytes),
    /// Replies in order.
    Array(Vec<Reply>),
    /// Keys and values, in the order the server sent them (version 3).
    Map(Vec<(Reply, Reply)>),
    /// Members, in the order the server sent them (version 3).
    Set(Vec<Reply>),
    /// Something that was not asked for: a message, an invalidation. The first element names it.
    Push(Vec<Reply>),
}

impl Reply {
    /// Turns an error reply into an error; everything else stays.
    pub fn checked(self) -> Result<Reply> {
        match self {
            Reply::Error(text) => Err(Error::server(text)),
            reply => Ok(reply),
        }
    }

    /// Whether this is `OK`.
    pub fn is_ok(&self) -> bool {
        matches!(self, Reply::Simple(text) if text.as_ref() == b"OK")
    }

    /// The bytes of a byte string, status or verbatim text.
    pub fn as_bytes(&self) -> Option<&Bytes> {
        match self {
            Reply::Bulk(bytes) | Reply::Simple(bytes) | Reply::Verbatim(_, bytes) => Some(bytes),
            Reply::Null
            | Reply::Int(_)
            | Reply::Double(_)
            | Reply::Bool(_)
            | Reply::BigNumber(_)
            | Reply::Error(_)
            | Reply::Array(_)
            | Reply::Map(_)
            | Reply::Set(_)
            | Reply::Push(_) => None,
        }
    }

    /// What kind of reply this is, for messages to people.
    pub fn kind(&self) -> &'static str {
        match self {
            Reply::Null => "null",
            Reply::Int(_) => "an integer",
            Reply::Double(_) => "a double",
            Reply::Bool(_) => "a boolean",
            Reply::BigNumber(_) => "a big number",
            Reply::Bulk(_) => "a byte string",
            Reply::Simple(_) => "a status",
            Reply::Error(_) => "an error",
            Reply::Verbatim(..) => "verbatim text",
            Reply::Array(_) => "an array",
            Reply::Map(_) => "a map",
            Reply::Set(_) => "a set",
            Reply::Push(_) => "a push",
        }
    }
}

//! What makes a connection end: input that is no request, or more than the client may send.
//!
//! Owns: the texts.   Uses: error.   Never: decides when an error applies.

use std::fmt;

use super::Error;

/// Why a connection is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    /// The number of arguments is no number, or too large.
    MultibulkLength,
    /// The length of an argument is no number, negative, or too large.
    BulkLength,
    /// An argument that does not begin with `$`.
    ExpectedBulk(u8),
    /// 64 KiB without the end of the number of arguments.
    LongMultibulkCount,
    /// 64 KiB without the end of the length of an argument.
    LongBulkCount,
    /// 64 KiB without the end of an inline request.
    LongInline,
    /// An inline request whose quotes do not match.
    UnbalancedQuotes,
    /// Too many arguments for a client that has not authenticated.
    UnauthenticatedMultibulk,
    /// Too long an argument for a client that has not authenticated.
    UnauthenticatedBulk,
    /// `POST` or `Host:`: somebody makes a browser talk to us.
    SecurityAttack,
    /// One request of 4 GiB.
    LongRequest,
}

impl ProtocolError {
    /// What the client is told before the connection closes; nothing in the worst cases.
    pub fn reply(&self) -> Option<Error> {
        match self {
            ProtocolError::SecurityAttack | ProtocolError::LongRequest => None,
            ProtocolError::MultibulkLength
            | ProtocolError::BulkLength
            | ProtocolError::ExpectedBulk(_)
            | ProtocolError::LongMultibulkCount
            | ProtocolError::LongBulkCount
            | ProtocolError::LongInline
            | ProtocolError::UnbalancedQuotes
            | ProtocolError::UnauthenticatedMultibulk
            | ProtocolError::UnauthenticatedBulk => Some(Error::text(format!("ERR {self}"))),
        }
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Protocol error: ")?;
        match self {
            ProtocolError::MultibulkLength => f.write_str("invalid multibulk length"),
            ProtocolError::BulkLength => f.write_str("invalid bulk length"),
            ProtocolError::ExpectedBulk(byte) => {
                let shown = if byte.is_ascii_graphic() { char::from(*byte) } else { ' ' };
                write!(f, "expected '$', got '{shown}'")
            }
            ProtocolError::LongMultibulkCount => f.write_str("too big mbulk count string"),
            ProtocolError::LongBulkCount => f.write_str("too big bulk count string"),
            ProtocolError::LongInline => f.write_str("too big inline request"),
            ProtocolError::UnbalancedQuotes => f.write_str("unbalanced quotes in request"),
            ProtocolError::UnauthenticatedMultibulk => {
                f.write_str("unauthenticated multibulk length")
            }
            ProtocolError::UnauthenticatedBulk => f.write_str("unauthenticated bulk length"),
            ProtocolError::SecurityAttack => f.write_str("possible cross protocol scripting"),
            ProtocolError::LongRequest => f.write_str("request too long"),
        }
    }
}

impl std::error::Error for ProtocolError {}

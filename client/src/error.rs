//! Everything that can go wrong between a caller and a server, as one enum.
//!
//! Owns: the error type and its words.   Uses: std.   Never: retries, logs.

use std::fmt;
use std::io;
use std::sync::Arc;

/// The result of everything in this library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong. Cheap to clone: when a connection breaks, every waiting caller is told the same.
///
/// After `Io`, `Protocol` or `Closed` it is unknown whether the server carried the command out.
#[derive(Debug, Clone)]
pub enum Error {
    /// The socket failed, or connecting took longer than allowed.
    Io(Arc<io::Error>),
    /// The server sent something that is not RESP, or a reply nobody asked for. The connection is closed.
    Protocol(String),
    /// The server refused the command. The connection stays usable.
    Server {
        /// The first word if it is written in capitals, as in `WRONGTYPE`; otherwise empty.
        code: String,
        /// The whole text, the code included.
        text: String,
    },
    /// The address cannot be understood. The text never repeats a password.
    Url(String),
    /// The connection has ended, so nothing more can be asked on it.
    Closed,
    /// The reply is not what the caller wanted it to be.
    Conversion {
        /// The type asked for.
        wanted: &'static str,
        /// What was there instead: the kind of reply, never its contents.
        found: String,
    },
}

impl Error {
    /// The error that a server's error line stands for.
    pub fn server(text: impl Into<String>) -> Error {
        let text = text.into();
        let first = text.split(' ').next().unwrap_or_default();
        let is_code = first.bytes().any(|b| b.is_ascii_uppercase())
            && first.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        let code = if is_code { first.to_owned() } else { String::new() };
        Error::Server { code, text }
    }

    /// The code of a server's error, as in `WRONGTYPE`; None for other errors and for errors without a code.
    pub fn code(&self) -> Option<&str> {
        match self {
            Error::Server { code, .. } if !code.is_empty() => Some(code),
            Error::Server { .. }
            | Error::Io(_)
            | Error::Protocol(_)
            | Error::Url(_)
            | Error::Closed
            | Error::Conversion { .. } => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io(error) => write!(f, "{error}"),
            Error::Protocol(text) => write!(f, "the server broke the protocol: {text}"),
            Error::Server { text, .. } => f.write_str(text),
            Error::Url(text) => write!(f, "invalid address: {text}"),
            Error::Closed => f.write_str("the connection is closed"),
            Error::Conversion { wanted, found } => {
                write!(f, "the reply is {found}, which is no {wanted}")
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Io(error) => Some(error.as_ref()),
            Error::Protocol(_)
            | Error::Server { .. }
            | Error::Url(_)
            | Error::Closed
            | Error::Conversion { .. } => None,
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        Error::Io(Arc::new(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_a_first_word_in_capitals() {
        assert_eq!(Error::server("WRONGTYPE Operation").code(), Some("WRONGTYPE"));
        assert_eq!(Error::server("ERR").code(), Some("ERR"));
        assert_eq!(Error::server("Something else").code(), None);
        assert_eq!(Error::server("").code(), None);
        assert_eq!(Error::Closed.code(), None);
    }
}

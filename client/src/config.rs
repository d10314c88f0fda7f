//! What a connection needs to know before it is made.
//!
//! Owns: the settings of one connection and their defaults.   Uses: std.   Never: sockets, the text of an URL (url.rs).

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Where the server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A TCP port.
    Tcp {
        /// A host name or an address; IPv6 without brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// A Unix domain socket.
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Address::Tcp { host, port } => write!(f, "{host}:{port}"),
            Address::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// A version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Version 2: strings, numbers and arrays. A subscribed connection can only subscribe.
    Resp2,
    /// Version 3: adds maps, sets, doubles, booleans and pushes.
    Resp3,
}

/// The settings of one connection. Take `Config::default()` and change fields, or parse an URL:
///
/// ```
/// use lodestore::{Address, Config};
///
/// let config = Config { database: 2, ..Config::default() };
/// assert_eq!(config, "redis://127.0.0.1/2".parse()?);
/// # Ok::<(), lodestore::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Config {
    /// Where the server listens. 127.0.0.1:6379 by default.
    pub address: Address,
    /// The user to log in as; None means the server's default user.
    pub user: Option<String>,
    /// The password; None means that no login is sent.
    pub password: Option<String>,
    /// The number of the database to select.
    pub database: u32,
    /// The protocol to speak. None asks for version 3 and falls back to 2 when the server does not know it;
    /// `Some(Resp3)` fails instead of falling back.
    pub protocol: Option<Protocol>,
    /// The name that `CLIENT LIST` shows for this connection.
    pub name: Option<String>,
    /// The longest that connecting and logging in together may take. 5 seconds by default.
    pub connect_timeout: Duration,
    /// How many requests may wait to be written (a pipeline is one request); further callers wait. At least 1.
    pub queue: usize,
    /// How many replies may be outstanding before no further request is written. At least 1. One pipeline
    /// may exceed it alone, since its caller has paid for its memory already.
    pub in_flight: usize,
    /// How many pushes are kept for a slow [`PushStream`](crate::PushStream); what comes then is dropped and
    /// counted. At least 1.
    pub pushes: usize,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            address: Address::Tcp { host: "127.0.0.1".to_owned(), port: Config::PORT },
            user: None,
            password: None,
            database: 0,
            protocol: None,
            name: None,
            connect_timeout: Duration::from_secs(5),
            queue: 256,
            in_flight: 16 * 1024,
            pushes: 4096,
        }
    }
}

impl Config {
    /// The port that servers listen on unless told otherwise.
    pub const PORT: u16 = 6379;
}

/// Hides the password: a configuration ends up in logs.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("address", &self.address)
            .field("user", &self.user)
            .field("password", &self.password.as_ref().map(|_| "***"))
            .field("database", &self.database)
            .field("protocol", &self.protocol)
            .field("name", &self.name)
            .field("connect_timeout", &self.connect_timeout)
            .field("queue", &self.queue)
            .field("in_flight", &self.in_flight)
            .field("pushes", &self.pushes)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_printed() {
        let config = Config { password: Some("hunter2".to_owned()), ..Config::default() };
        assert!(!format!("{config:?}").contains("hunter2"));
    }

    #[test]
    fn an_ipv6_address_is_printed_in_brackets() {
        let address = Address::Tcp { host: "::1".to_owned(), port: 7000 };
        assert_eq!(address.to_string(), "[::1]:7000");
    }
}

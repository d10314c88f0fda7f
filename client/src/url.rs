//! Reads an URL into a `Config`.
//!
//! Owns: the grammar of addresses.   Uses: config, error.   Never: sockets, name look-ups.
//!
//! ```text
//! redis://[[user]:password@]host[:port][/database][?option=value&...]      also lodestore://
//! unix://[[user]:password@]/path/to.sock[?db=N&option=value&...]
//! ```
//! The options are `db`, `protocol` (2 or 3), `name` and `connect_timeout` (seconds). A login without a colon is a password, as
//! redis-cli reads it. Everything but the port is percent-decoded. An unknown option is an error: a misspelt one would be ignored
//! otherwise. `rediss://` (TLS) is refused.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::config::{Address, Config, Protocol};
use crate::error::{Error, Result};

impl FromStr for Config {
    type Err = Error;

    fn from_str(url: &str) -> Result<Config> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong("there is no ://"))?;
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, Some(query)),
            None => (rest, None),
        };
        let mut config = Config::default();
        match scheme.to_ascii_lowercase().as_str() {
            "redis" | "lodestore" => read_tcp(&mut config, rest)?,
            "unix" => read_unix(&mut config, rest)?,
            "rediss" => return Err(wrong("TLS is not supported")),
            _ => return Err(wrong("the scheme is none of redis, lodestore, unix")),
        }
        for option in query.unwrap_or_default().split('&').filter(|option| !option.is_empty()) {
            read_option(&mut config, option)?;
        }
        Ok(config)
    }
}

fn wrong(text: impl Into<String>) -> Error {
    Error::Url(text.into())
}

fn read_tcp(config: &mut Config, rest: &str) -> Result<()> {
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let server = read_login(config, authority)?;
    let (host, port) = split_host(server)?;
    let port = match port {
        None | Some("") => Config::PORT,
        Some(port) => port.parse().map_err(|_| wrong("the port is no number from 0 to 65535"))?,
    };
    let host = if host.is_empty() { "127.0.0.1".to_owned() } else { decode(host)? };
    config.address = Address::Tcp { host, port };
    let database = path.trim_end_matches('/');
    if !database.is_empty() {
        config.database = read_database(database)?;
    }
    Ok(())
}

fn read_unix(config: &mut Config, rest: &str) -> Result<()> {
    // Only an @ before the path belongs to a login; one inside the path is a letter of it.
    let start = rest.find('/').ok_or_else(|| wrong("a socket needs an absolute path"))?;
    let (authority, path) = rest.split_at(start);
    if !read_login(config, authority)?.is_empty() {
        return Err(wrong("a socket has no host; write unix:///path"));
    }
    config.address = Address::Unix(PathBuf::from(decode(path)?));
    Ok(())
}

/// Takes `[user:]password@` off the front and returns what follows it.
fn read_login<'a>(config: &mut Config, authority: &'a str) -> Result<&'a str> {
    // The last @: careless people write passwords with an @ in them, and host names have none.
    let Some((login, server)) = authority.rsplit_once('@') else { return Ok(authority) };
    let (user, password) = match login.split_once(':') {
        Some((user, password)) => (user, password),
        None => ("", login),
    };
    config.user = Some(decode(user)?).filter(|user| !user.is_empty());
    config.password = Some(decode(password)?).filter(|password| !password.is_empty());
    if config.user.is_some() && config.password.is_none() {
        return Err(wrong("there is a user but no password"));
    }
    Ok(server)
}

fn split_host(server: &str) -> Result<(&str, Option<&str>)> {
    if let Some(rest) = server.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or_else(|| wrong("a [ is not closed"))?;
        return match after.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if after.is_empty() => Ok((host, None)),
            None => Err(wrong("something other than a port follows the ]")),
        };
    }
    match server.split_once(':') {
        Some((_, port)) if port.contains(':') => {
            Err(wrong("an IPv6 address needs [brackets] around it"))
        }
        Some((host, port)) => Ok((host, Some(port))),
        None => Ok((server, None)),
    }
}

fn read_option(config: &mut Config, option: &str) -> Result<()> {
    let (name, value) = option.split_once('=').unwrap_or((option, ""));
    match name {
        "db" => config.database = read_database(value)?,
        "protocol" => {
            config.protocol = Some(match value {
                "2" | "resp2" => Protocol::Resp2,
                "3" | "resp3" => Protocol::Resp3,
                _ => return Err(wrong("the protocol is neither 2 nor 3")),
            });
        }
        "name" => config.name = Some(decode(value)?),
        "connect_timeout" => {
            let seconds = value.parse().map_err(|_| wrong("connect_timeout is no number"))?;
            config.connect_timeout = Duration::try_from_secs_f64(seconds)
                .map_err(|_| wrong("connect_timeout is out of range"))?;
        }
        _ => return Err(wrong(format!("unknown option {name:?}"))),
    }
    Ok(())
}

fn read_database(text: &str) -> Result<u32> {
    text.parse().map_err(|_| wrong("the database is no number"))
}

fn decode(text: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Err(wrong("a % is not followed by two hexadecimal digits"));
        };
        bytes.push((high * 16 + low) as u8);
    }
    String::from_utf8(bytes).map_err(|_| wrong("percent-decoding gives no UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Config {
        url.parse().unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    fn tcp(host: &str, port: u16) -> Address {
        Address::Tcp { host: host.to_owned(), port }
    }

    #[test]
    fn every_part_may_be_missing() {
        assert_eq!(parse("redis://"), Config::default());
        assert_eq!(parse("lodestore://example.org").address, tcp("example.org", 6379));
        assert_eq!(parse("redis://:7000").address, tcp("127.0.0.1", 7000));
        assert_eq!(parse("REDIS://h/").database, 0);
    }

    #[test]
    fn every_part_is_read() {
        let config =
            parse("redis://al%40ice:p%3Aw%2F@h:1/3?protocol=3&name=a%20b&connect_timeout=0.5");
        assert_eq!(config.user.as_deref(), Some("al@ice"));
        assert_eq!(config.password.as_deref(), Some("p:w/"));
        assert_eq!(config.address, tcp("h", 1));
        assert_eq!(config.database, 3);
        assert_eq!(config.protocol, Some(Protocol::Resp3));
        assert_eq!(config.name.as_deref(), Some("a b"));
        assert_eq!(config.connect_timeout, Duration::from_millis(500));
    }

    #[test]
    fn a_login_without_a_user_is_a_password() {
        for url in ["redis://:pw@h", "redis://pw@h"] {
            let config = parse(url);
            assert_eq!((config.user, config.password.as_deref()), (None, Some("pw")), "{url}");
        }
        assert_eq!(parse("redis://u:a@b@h").password.as_deref(), Some("a@b"));
    }

    #[test]
    fn ipv6_stands_in_brackets() {
        assert_eq!(parse("redis://[::1]").address, tcp("::1", 6379));
        assert_eq!(parse("redis://u:p@[fe80::1%25eth0]:7/1").address, tcp("fe80::1%eth0", 7));
        for url in ["redis://::1", "redis://[::1", "redis://[::1]7"] {
            assert!(url.parse::<Config>().is_err(), "{url}");
        }
    }

    #[test]
    fn a_socket_is_a_path() {
        let config = parse("unix:///tmp/a@b%20c.sock?db=4&protocol=2");
        assert_eq!(config.address, Address::Unix(PathBuf::from("/tmp/a@b c.sock")));
        assert_eq!((config.database, config.protocol), (4, Some(Protocol::Resp2)));
        assert_eq!(parse("unix://:pw@/s").password.as_deref(), Some("pw"));
        assert!("unix://host/s".parse::<Config>().is_err());
    }

    #[test]
    fn nonsense_is_refused_without_repeating_the_password() {
        for url in [
            "",
            "localhost:6379",
            "rediss://h",
            "http://h",
            "redis://u:secret@h:99999",
            "redis://u:secret@h/x",
            "redis://u:secret%zz@h",
            "redis://u:secret@h?protocol=4",
            "redis://u:secret@h?nonsense=1",
            "redis://h?connect_timeout=-1",
            "redis://u:@h",
            "redis://u:secret%ff@h",
        ] {
            let error = url.parse::<Config>().expect_err(url).to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}

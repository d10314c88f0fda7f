//! The arguments of the program.
//!
//! Owns: the options and their help text.   Uses: the library's Config.   Never: sockets, output.
//!
//! Options stand before the command; everything from the first word that is no option belongs to the command, dashes or not.

use std::path::PathBuf;
use std::time::Duration;

use lodestore::{Address, Config, Protocol};

use super::output::Format;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
lodestore-cli: talk to Lodestore, or to any server that speaks its protocol

usage: lodestore-cli [OPTIONS] [COMMAND [ARGUMENT...]]

Without a command, commands are read from standard input, one a line.

  -h HOST          where the server is (127.0.0.1)
  -p PORT          its port (6379)
  -s PATH          its Unix socket, instead of a host and port
  -u URL           all at once: redis://user:password@host:port/database, unix:///path?db=1
  -a, --pass PASSWORD
                   log in; the environment variable REDISCLI_AUTH is safer
  --user NAME      log in as this user
  -n NUMBER        select this database
  -2, -3           speak this version of the protocol (2)
  -x               read the last argument from standard input
  -r TIMES         run the command so many times; -1 for ever
  -i SECONDS       wait so long in between
  --raw, --no-raw  print bare values, or values with their types (the default on a terminal)
  --json           print JSON; asks for version 3. Bytes that are not UTF-8 become \\u0080 to \\u00ff
  --no-auth-warning
                   accepted for the sake of scripts; there is no warning
  --help           print this
  --version        print the version

The exit code is 1 if a command was answered with an error, or if the connection failed.
";

/// What the program is to do.
pub(crate) enum Parsed {
    Run(Box<Options>),
    Help,
    Version,
}

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) config: Config,
    pub(crate) command: Vec<Vec<u8>>,
    pub(crate) last_from_stdin: bool,
    /// None: for ever.
    pub(crate) times: Option<u64>,
    pub(crate) interval: Duration,
    /// None: as the output is a terminal or not.
    pub(crate) format: Option<Format>,
}

/// Reads the arguments. An error is a sentence for the user.
pub(crate) fn parse(arguments: Vec<Vec<u8>>, password: Option<String>) -> Result<Parsed, String> {
    let mut options = Options {
        config: Config::default(),
        command: Vec::new(),
        last_from_stdin: false,
        times: Some(1),
        interval: Duration::ZERO,
        format: None,
    };
    let mut rest = arguments.into_iter().peekable();
    while let Some(word) = rest.next_if(|word| word.first() == Some(&b'-')) {
        let name = String::from_utf8_lossy(&word).into_owned();
        match name.as_str() {
            "--help" => return Ok(Parsed::Help),
            "--version" => return Ok(Parsed::Version),
            name if read_switch(name, &mut options) => {}
            name => {
                let value = || rest.next().and_then(|value| String::from_utf8(value).ok());
                read_setting(name, value, &mut options)?;
            }
        }
    }
    options.command = rest.collect();
    finish(&mut options, password)?;
    Ok(Parsed::Run(Box::new(options)))
}

/// Reads an option without a value. Whether it is one.
fn read_switch(name: &str, options: &mut Options) -> bool {
    match name {
        "-2" => options.config.protocol = Some(Protocol::Resp2),
        "-3" => options.config.protocol = Some(Protocol::Resp3),
        "-x" => options.last_from_stdin = true,
        "--raw" => options.format = Some(Format::Raw),
        "--no-raw" => options.format = Some(Format::Typed),
        "--json" => options.format = Some(Format::Json),
        "--no-auth-warning" => {}
        _ => return false,
    }
    true
}

/// Reads an option with a value.
fn read_setting(
    name: &str,
    value: impl FnOnce() -> Option<String>,
    options: &mut Options,
) -> Result<(), String> {
    const SETTINGS: [&str; 10] =
        ["-h", "-p", "-s", "-u", "-a", "--pass", "--user", "-n", "-r", "-i"];
    if !SETTINGS.contains(&name) {
        return Err(format!("unknown option {name}; --help lists them"));
    }
    let value = value().ok_or_else(|| format!("{name} needs a value"))?;
    let wrong = || format!("{name} {value} makes no sense");
    let config = &mut options.config;
    match name {
        "-h" => config.address = tcp(&config.address, Some(value), None),
        "-p" => {
            let port = value.parse().map_err(|_| wrong())?;
            config.address = tcp(&config.address, None, Some(port));
        }
        "-s" => config.address = Address::Unix(PathBuf::from(value)),
        "-u" => *config = value.parse().map_err(|error: lodestore::Error| error.to_string())?,
        "-a" | "--pass" => config.password = Some(value),
        "--user" => config.user = Some(value),
        "-n" => config.database = value.parse().map_err(|_| wrong())?,
        "-r" if value == "-1" => options.times = None,
        "-r" => options.times = Some(value.parse().map_err(|_| wrong())?),
        _ => {
            let seconds = value.parse().map_err(|_| wrong())?;
            options.interval = Duration::try_from_secs_f64(seconds).map_err(|_| wrong())?;
        }
    }
    Ok(())
}

/// The address with one half of it changed.
fn tcp(old: &Address, host: Option<String>, port: Option<u16>) -> Address {
    let (old_host, old_port) = match old {
        Address::Tcp { host, port } => (host.clone(), *port),
        Address::Unix(_) => ("127.0.0.1".to_owned(), Config::PORT),
    };
    Address::Tcp { host: host.unwrap_or(old_host), port: port.unwrap_or(old_port) }
}

/// Fills in what depends on several options.
fn finish(options: &mut Options, password: Option<String>) -> Result<(), String> {
    let config = &mut options.config;
    config.password = config.password.take().or(password).filter(|password| !password.is_empty());
    if config.user.is_some() && config.password.is_none() {
        return Err("there is a user but no password; use -a or REDISCLI_AUTH".to_owned());
    }
    // Version 2 is what scripts that read raw output were written for. JSON wants maps, if the server has them.
    if config.protocol.is_none() && options.format != Some(Format::Json) {
        config.protocol = Some(Protocol::Resp2);
    }
    if options.last_from_stdin && options.command.is_empty() {
        return Err("-x needs a command".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<Vec<u8>> {
        line.split_whitespace().map(|word| word.as_bytes().to_vec()).collect()
    }

    fn options(line: &str) -> Options {
        match parse(words(line), None) {
            Ok(Parsed::Run(options)) => *options,
            Ok(Parsed::Help | Parsed::Version) => panic!("{line} runs nothing"),
            Err(error) => panic!("{line}: {error}"),
        }
    }

    #[test]
    fn options_end_where_the_command_begins() {
        let options = options("-p 7000 -h ::1 -n 3 -r -1 -i 0.5 -x SET -p 1");
        assert_eq!(options.config.address.to_string(), "[::1]:7000");
        assert_eq!(options.config.database, 3);
        assert_eq!((options.times, options.interval), (None, Duration::from_millis(500)));
        assert_eq!(options.command, words("SET -p 1"));
    }

    #[test]
    fn later_options_change_an_url() {
        let options = options("-u redis://u:p@h:1/2?protocol=3 -n 4 -p 9 GET k");
        assert_eq!(options.config.address.to_string(), "h:9");
        assert_eq!(options.config.database, 4);
        assert_eq!(options.config.protocol, Some(Protocol::Resp3));
    }

    #[test]
    fn the_protocol_is_2_unless_asked_for() {
        assert_eq!(options("PING").config.protocol, Some(Protocol::Resp2));
        assert_eq!(options("-3 PING").config.protocol, Some(Protocol::Resp3));
        assert_eq!(options("--json PING").config.protocol, None);
    }

    #[test]
    fn the_environment_gives_a_password_but_an_option_wins() {
        let given = |line| match parse(words(line), Some("env".to_owned())) {
            Ok(Parsed::Run(options)) => options.config.password,
            Ok(Parsed::Help | Parsed::Version) | Err(_) => panic!("{line}"),
        };
        assert_eq!(given("PING").as_deref(), Some("env"));
        assert_eq!(given("-a opt PING").as_deref(), Some("opt"));
    }

    #[test]
    fn nonsense_is_refused() {
        for line in [
            "-p x",
            "-p",
            "--nonsense",
            "-r -2 PING",
            "-i -1 PING",
            "-u http://h",
            "-x",
            "--user u PING",
        ] {
            assert!(parse(words(line), None).is_err(), "{line}");
        }
    }

    #[test]
    fn the_help_lists_every_option() {
        for name in
            ["-h ", "-p ", "-s ", "-u ", "-a,", "--user", "-n ", "-r ", "-i ", "-x ", "--json"]
        {
            assert!(HELP.contains(name), "{name}");
        }
    }
}

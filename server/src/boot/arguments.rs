//! The command line: what the process is asked to do.
//!
//! Owns: the options and their manual.   Uses: config's quoting.   Never: opens a file.
//!
//! Settings on the command line become lines of a redis.conf, so that they are read by the same
//! grammar and fail with the same words.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::VERSION;
use crate::config::parse::quote;

/// What the process is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invocation {
    /// Run the server.
    Serve(Sources),
    /// Read a snapshot file and say whether it is sound.
    Check(PathBuf),
    /// Copy what is sound of a damaged snapshot file into a new one: from, to.
    Salvage(PathBuf, PathBuf),
    /// Read the settings and say whether they are right.
    CheckConfig(Sources),
    /// Say what about this machine will hurt one day.
    CheckSystem(Sources),
    /// Print [`HELP`].
    Help,
    /// Print the version.
    Version,
    /// The command line makes no sense; the words say why.
    Wrong(String),
}

/// Where the settings come from. A later source prevails over an earlier one: the file, then the
/// standard input, then the command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// The file named by the first argument.
    pub file: Option<PathBuf>,
    /// Whether a last argument `-` asks to read settings from the standard input.
    pub stdin: bool,
    /// The `--name value` options, as lines of a redis.conf.
    pub overrides: String,
}

/// The answer to `--help`.
pub const HELP: &str = "\
Usage: lodestore-server [/path/to/redis.conf] [--name value...]... [-]
       lodestore-server -                        read settings from the standard input
       lodestore-server --check FILE             tell whether a snapshot file is sound
       lodestore-server --salvage FILE COPY      copy what is sound of a damaged one into a new file
       lodestore-server --check-config [...]     tell whether these settings are right
       lodestore-server --check-system [...]     tell what about this machine should be mended
       lodestore-server -v | --version
       lodestore-server -h | --help

Every setting of redis.conf.example can be given as an option:
       lodestore-server --port 7777 --save ''
       lodestore-server /etc/redis/redis.conf --loglevel verbose --save 900 1 --save 60 10
       echo 'maxclients 100' | lodestore-server --port 7777 -

By the name redis-server it is the same program; by the name redis-check-rdb it is --check.
";

/// The answer to `--version`. Tools look for `v=` and read the version of Redis behind it, to know what they can ask
/// for; so that is the version this server speaks as, and its own name and version frame it.
pub fn version() -> String {
    let redis = crate::resp::REDIS_VERSION;
    format!(
        "Redis server v={redis} sha=00000000:0 malloc=jemalloc bits=64 build=lodestore-{VERSION} (Lodestore {VERSION}, compatible with Redis {redis})"
    )
}

/// Understands a command line: the name that the program was started by, which may be one of Redis's programs, and
/// what follows it.
pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Invocation {
    let mut arguments = arguments.into_iter();
    let name = program(&arguments.next().unwrap_or_default());
    let mut words = Vec::new();
    if name.ends_with("-check-rdb") {
        words.push("--check".to_owned());
    }
    if name.ends_with("-check-aof") {
        return Invocation::Wrong(
            "append-only files are not implemented yet, so none is checked".into(),
        );
    }
    if name.ends_with("-sentinel") {
        return Invocation::Wrong(NO_SENTINEL.into());
    }
    for argument in arguments {
        match argument.into_string() {
            Ok(word) => words.push(word),
            Err(argument) => {
                return Invocation::Wrong(format!("{} is not UTF-8 text", argument.display()));
            }
        }
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["-h" | "--help", ..] => Invocation::Help,
        ["-v" | "--version", ..] => Invocation::Version,
        ["--check", file] => Invocation::Check(file.into()),
        ["--check", ..] => Invocation::Wrong("--check takes the name of one file".into()),
        ["--salvage", file, copy] => Invocation::Salvage(file.into(), copy.into()),
        ["--salvage", ..] => Invocation::Wrong("--salvage takes the names of two files".into()),
        ["--check-config", ref rest @ ..] => {
            sources(rest).map_or_else(Invocation::Wrong, Invocation::CheckConfig)
        }
        ["--check-system", ref rest @ ..] => {
            sources(rest).map_or_else(Invocation::Wrong, Invocation::CheckSystem)
        }
        ref all if all.iter().any(|word| word.eq_ignore_ascii_case("--sentinel")) => {
            Invocation::Wrong(NO_SENTINEL.into())
        }
        ref all => sources(all).map_or_else(Invocation::Wrong, Invocation::Serve),
    }
}

const NO_SENTINEL: &str =
    "sentinel mode is not implemented: a Sentinel of Redis or Valkey is needed for that";

/// The last part of the path that a program was started by.
pub fn program(path: &OsStr) -> String {
    Path::new(path).file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn sources(words: &[&str]) -> Result<Sources, String> {
    let mut sources = Sources::default();
    let mut rest = words;
    if let [first, after @ ..] = rest
        && !first.starts_with('-')
    {
        sources.file = Some(first.into());
        rest = after;
    }
    // Only a last `-` is the standard input: elsewhere it may be the value of an option.
    if let [before @ .., "-"] = rest {
        sources.stdin = true;
        rest = before;
    }
    while let [option, after @ ..] = rest {
        let name = option
            .strip_prefix("--")
            .filter(|name| !name.is_empty())
            .ok_or_else(|| format!("{option}: expected an option such as --port"))?;
        let (values, others) = after.split_at(values_of(name, after));
        sources.overrides.push_str(&line(name, values));
        rest = others;
    }
    Ok(sources)
}

/// How many of the words that follow an option belong to it. As in Redis, the first one does even if it looks like an
/// option, for a password may look like anything; but `--save` can stand alone.
fn values_of(name: &str, words: &[&str]) -> usize {
    let takes_one = !name.contains('=') && !name.contains(char::is_whitespace);
    let first = usize::from(takes_one && !name.eq_ignore_ascii_case("save") && !words.is_empty());
    first + words[first..].iter().take_while(|word| !word.starts_with("--")).count()
}

/// One option as a line. `--name=value` and the single argument `"--name value"` are understood too,
/// and `--save` without a value means none, as in Redis.
fn line(name: &str, values: &[&str]) -> String {
    let (name, first) = match name.split_once(|c: char| c == '=' || c.is_whitespace()) {
        Some((name, value)) => (name, Some(value)),
        None => (name, None),
    };
    let mut line = quote(name);
    for value in first.iter().chain(values) {
        line.push(' ');
        line.push_str(&quote(value));
    }
    if name.eq_ignore_ascii_case("save") && first.is_none() && values.is_empty() {
        line.push_str(" \"\"");
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn understood(line: &str) -> Invocation {
        called("/usr/bin/lodestore-server", line)
    }

    fn called(name: &str, line: &str) -> Invocation {
        let words = crate::config::parse::words(line).unwrap();
        let name = std::iter::once(name.to_owned());
        read(name.chain(words).map(OsString::from))
    }

    fn overrides(line: &str) -> String {
        match understood(line) {
            Invocation::Serve(sources) => sources.overrides,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn options_become_lines() {
        assert_eq!(overrides("--port 7777 --save ''"), "port 7777\nsave \"\"\n");
        assert_eq!(overrides("--save 900 1 --save 60 10"), "save 900 1\nsave 60 10\n");
        assert_eq!(overrides("--save --port=1"), "save \"\"\nport 1\n");
        assert_eq!(overrides("--port 1 --save"), "port 1\nsave \"\"\n");
        assert_eq!(overrides("--requirepass --x --hz 5"), "requirepass --x\nhz 5\n");
        assert_eq!(overrides("'--hz 5' --port 1"), "hz 5\nport 1\n");
        assert_eq!(overrides("--requirepass 'a b\"'"), "requirepass \"a b\\\"\"\n");
        assert_eq!(overrides("'--save 900 1'"), "save \"900 1\"\n");
        assert_eq!(overrides("--list -1 - x"), "list -1 - x\n");
        assert_eq!(overrides(r#"--a "x\ny""#), "a \"x\\ny\"\n", "no value can begin a line");
    }

    #[test]
    fn a_file_comes_first_and_the_standard_input_last() {
        let serve = |file: Option<&str>, stdin, overrides: &str| {
            let file = file.map(PathBuf::from);
            Invocation::Serve(Sources { file, stdin, overrides: overrides.into() })
        };
        assert_eq!(understood(""), serve(None, false, ""));
        assert_eq!(understood("-"), serve(None, true, ""));
        assert_eq!(understood("/etc/x.conf"), serve(Some("/etc/x.conf"), false, ""));
        assert_eq!(understood("x.conf --hz 5 -"), serve(Some("x.conf"), true, "hz 5\n"));
    }

    #[test]
    fn other_things_can_be_asked() {
        assert_eq!(understood("--version"), Invocation::Version);
        assert_eq!(understood("-h"), Invocation::Help);
        assert_eq!(understood("--check dump.rdb"), Invocation::Check("dump.rdb".into()));
        let salvage = Invocation::Salvage("dump.rdb".into(), "copy.rdb".into());
        assert_eq!(understood("--salvage dump.rdb copy.rdb"), salvage);
        let checked = Sources { file: Some("a.conf".into()), ..Sources::default() };
        assert_eq!(understood("--check-config a.conf"), Invocation::CheckConfig(checked));
        let checked = Sources::default();
        assert_eq!(understood("--check-system"), Invocation::CheckSystem(checked));
        for wrong in [
            "--check",
            "--check a b",
            "--salvage a",
            "--salvage a b c",
            "a.conf b.conf",
            "a.conf --sentinel",
            "-x",
            "--",
        ] {
            assert!(matches!(understood(wrong), Invocation::Wrong(_)), "{wrong}");
        }
    }

    #[test]
    fn the_names_of_redis_are_understood() {
        let served = Invocation::Serve(Sources::default());
        for name in ["/usr/bin/redis-server", "valkey-server", "./lodestore-server", ""] {
            assert_eq!(called(name, ""), served, "{name}");
        }
        let checked = Invocation::Check("dump.rdb".into());
        assert_eq!(called("/usr/bin/redis-check-rdb", "dump.rdb"), checked);
        for name in ["redis-sentinel", "redis-check-aof"] {
            assert!(matches!(called(name, "x"), Invocation::Wrong(_)), "{name}");
        }
    }
}

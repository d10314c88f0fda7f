//! The settings of this process: its files, its standard input and its command line, read together.
//!
//! Owns: their order.   Uses: arguments, config, `io::conf`.   Never: the grammar.

use std::io::Read;

use super::arguments::Sources;
use crate::config::Config;
use crate::config::parse::parse;
use crate::io::conf::{included, open, source};

/// Reads all sources. Answers the settings and the lines to warn with, or why the server must not
/// start, in words for the terminal. `stdin` is read only when it was asked for.
pub fn read(sources: &Sources, stdin: &mut dyn Read) -> Result<(Config, Vec<String>), String> {
    let mut texts = Vec::new();
    if let Some(path) = &sources.file {
        texts.push(open(path)?);
    }
    if sources.stdin {
        let mut bytes = Vec::new();
        stdin.read_to_end(&mut bytes).map_err(|e| format!("the standard input: {e}"))?;
        texts.push(source("the standard input", &bytes));
    }
    texts.push(source("the command line", sources.overrides.as_bytes()));
    let (config, ignored) = parse(&texts, &mut included).map_err(|e| e.to_string())?;
    Ok((config, warnings(&ignored)))
}

fn warnings(ignored: &[String]) -> Vec<String> {
    if ignored.is_empty() {
        return Vec::new();
    }
    vec![format!("These settings of Redis have no effect in this server: {}", ignored.join(", "))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn overrides(text: &str) -> Sources {
        Sources { overrides: text.into(), ..Sources::default() }
    }

    #[test]
    fn later_sources_prevail() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("b.conf"), "hz 20\nport 2\n").unwrap();
        fs::write(path("a.conf"), "hz 30\ntimeout 4\n").unwrap();
        fs::write(path("c.txt"), "nonsense\n").unwrap();
        let main = format!("# caf\u{e9}\nhz 15\ninclude {}\n", path("*.conf").display());
        let main: Vec<u8> = main.chars().map(|c| c as u8).collect();
        fs::write(path("main"), main).unwrap();
        let sources = Sources {
            file: Some(path("main")),
            stdin: true,
            ..overrides("port 3\nactiverehashing no\n")
        };
        let (config, warnings) = read(&sources, &mut &b"port 1\ntcp-backlog 9\n"[..]).unwrap();
        assert_eq!((config.hz.0, config.port, config.timeout, config.tcp_backlog), (20, 3, 4, 9));
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].ends_with(": activerehashing"));
    }

    #[test]
    fn what_is_missing_is_named() {
        let missing = Sources { file: Some("/nonexistent/x".into()), ..Sources::default() };
        let error = read(&missing, &mut std::io::empty()).unwrap_err();
        assert!(error.starts_with("can't open /nonexistent/x: "), "{error}");
        let includes = overrides("hz 5\ninclude /nonexistent/y");
        let error = read(&includes, &mut std::io::empty()).unwrap_err();
        assert!(
            error.starts_with("the command line, line 2: can't open /nonexistent/y"),
            "{error}"
        );
        let none = overrides("include /nonexistent/*.conf");
        assert!(read(&none, &mut std::io::empty()).is_ok());
    }
}

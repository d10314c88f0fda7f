//! The settings of this process: its files, its standard input and its command line, read together.
//!
//! Owns: opening the files.   Uses: arguments, config.   Never: the grammar.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::arguments::Sources;
use crate::config::Config;
use crate::config::parse::{Source, parse};

/// Tells whether a text matches a pattern: pattern, text, whether case is ignored.
pub type Glob = fn(&[u8], &[u8], bool) -> bool;

/// Reads all sources. Answers the settings and the lines to warn with, or why the server must not
/// start, in words for the terminal. `stdin` is read only when it was asked for.
pub fn read(
    sources: &Sources,
    stdin: &mut dyn Read,
    glob: Glob,
) -> Result<(Config, Vec<String>), String> {
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
    let (config, ignored) =
        parse(&texts, &mut |pattern| included(pattern, glob)).map_err(|e| e.to_string())?;
    Ok((config, warnings(&ignored)))
}

fn warnings(ignored: &[String]) -> Vec<String> {
    if ignored.is_empty() {
        return Vec::new();
    }
    vec![format!("These settings of Redis have no effect in this server: {}", ignored.join(", "))]
}

/// What is not UTF-8 becomes U+FFFD, which the parser lets pass in comments only.
fn source(name: &str, bytes: &[u8]) -> Source {
    Source { name: name.to_owned(), text: String::from_utf8_lossy(bytes).into_owned() }
}

fn open(path: &Path) -> Result<Source, String> {
    let bytes = fs::read(path).map_err(|e| format!("can't open {}: {e}", path.display()))?;
    Ok(source(&path.display().to_string(), &bytes))
}

/// The files that an `include` line names. As in Redis, a relative path begins at the working directory,
/// and a pattern that matches nothing includes nothing. Only the last part of the path may be a pattern.
fn included(pattern: &str, glob: Glob) -> Result<Vec<Source>, String> {
    if !pattern.contains(['*', '?', '[']) {
        return open(Path::new(pattern)).map(|file| vec![file]);
    }
    let path = Path::new(pattern);
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(entries) = fs::read_dir(parent) else { return Ok(Vec::new()) };
    let hidden = |file: &[u8]| file.starts_with(b".") && !name.starts_with(b".");
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| {
            let file = path.file_name().unwrap_or_default().as_encoded_bytes();
            !hidden(file) && glob(name, file, false)
        })
        .collect();
    files.sort();
    files.iter().map(|path| open(path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends_alike(pattern: &[u8], text: &[u8], _nocase: bool) -> bool {
        text.ends_with(pattern.strip_prefix(b"*").expect("tests use suffixes only"))
    }

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
            ..overrides("port 3\ndaemonize no\n")
        };
        let (config, warnings) =
            read(&sources, &mut &b"port 1\ntcp-backlog 9\n"[..], ends_alike).unwrap();
        assert_eq!((config.hz.0, config.port, config.timeout, config.tcp_backlog), (20, 3, 4, 9));
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].ends_with(": daemonize"));
    }

    #[test]
    fn what_is_missing_is_named() {
        let missing = Sources { file: Some("/nonexistent/x".into()), ..Sources::default() };
        let error = read(&missing, &mut std::io::empty(), ends_alike).unwrap_err();
        assert!(error.starts_with("can't open /nonexistent/x: "), "{error}");
        let includes = overrides("hz 5\ninclude /nonexistent/y");
        let error = read(&includes, &mut std::io::empty(), ends_alike).unwrap_err();
        assert!(
            error.starts_with("the command line, line 2: can't open /nonexistent/y"),
            "{error}"
        );
        let none = overrides("include /nonexistent/*.conf");
        assert!(read(&none, &mut std::io::empty(), ends_alike).is_ok());
    }
}

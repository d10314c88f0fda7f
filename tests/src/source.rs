//! This repository's own source, for tests that look at it.
//!
//! Owns: finding and reading source files.   Uses: std.   Never: judges.

use std::fs;
use std::path::{Path, PathBuf};

/// The root of the workspace.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the workspace")
}

/// The transcripts' folder.
pub fn transcripts() -> PathBuf {
    root().join("tests/transcripts")
}

/// One source file.
pub struct Source {
    /// Its path from the root of the workspace, with `/`.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// Every file below `folder` (from the root) whose name ends in `.rs`, in the order of their paths.
pub fn rust_files(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    collect(&root().join(folder), &mut found);
    found.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a source file is readable");
        let short = path.strip_prefix(root()).expect("the file lies below the root");
        Source { path: short.to_string_lossy().replace('\\', "/"), text }
    };
    found.into_iter().map(read).collect()
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

impl Source {
    /// The text with comments and the content of strings blanked, line by line as it was: what is
    /// left is code.
    pub fn code(&self) -> String {
        blank(&self.text)
    }

    /// The code without its tests: what stands below `#[cfg(test)]` is blanked, and a file of tests
    /// is all blank.
    pub fn code_without_tests(&self) -> String {
        if self.path.ends_with("/tests.rs") || self.path.contains("/tests/") {
            return self.text.lines().map(|_| "\n").collect();
        }
        let mut code = self.code();
        while let Some(start) = code.find("#[cfg(test)]") {
            let end = end_of_item(&code, start);
            let blanked: String =
                code[start..end].chars().map(|c| if c == '\n' { c } else { ' ' }).collect();
            code.replace_range(start..end, &blanked);
        }
        code
    }

    /// The functions outside of tests: name, first line (counted from 1), number of lines.
    pub fn functions(&self) -> Vec<(String, usize, usize)> {
        let code = self.code_without_tests();
        let mut found = Vec::new();
        for (at, _) in code.match_indices("fn ") {
            let is_word = code[..at].chars().next_back().is_none_or(|c| !is_name(c));
            let name: String = code[at + 3..].chars().take_while(|&c| is_name(c)).collect();
            if is_word && !name.is_empty() {
                let first = code[..at].matches('\n').count() + 1;
                let length = code[at..end_of_item(&code, at)].matches('\n').count() + 1;
                found.push((name, first, length));
            }
        }
        found
    }
}

/// Whether a character may stand in a name.
pub fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Where the item that begins at `start` ends: behind its closing brace, or its semicolon.
fn end_of_item(code: &str, start: usize) -> usize {
    let (mut depth, mut nested) = (0, 0);
    for (at, c) in code[start..].char_indices() {
        match c {
            '(' | '[' => nested += 1,
            ')' | ']' => nested -= 1,
            '{' => depth += 1,
            '}' if depth <= 1 => return start + at + 1,
            '}' => depth -= 1,
            ';' if depth == 0 && nested == 0 => return start + at + 1,
            _ => {}
        }
    }
    code.len()
}

/// Replaces comments and the content of strings and characters by spaces.
fn blank(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let length = match token(rest) {
            Some(length) => {
                out.extend(rest[..length].chars().map(|c| if c == '\n' { c } else { ' ' }));
                length
            }
            None => {
                let first = rest.chars().next().map_or(1, char::len_utf8);
                out.push_str(&rest[..first]);
                first
            }
        };
        rest = &rest[length..];
    }
    out
}

/// The length of the comment, string or character that `text` begins with.
fn token(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return Some(text.find("*/").map_or(text.len(), |end| end + 2));
    }
    if let Some(raw) = text.strip_prefix('r')
        && raw.trim_start_matches('#').starts_with('"')
    {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let close = format!("\"{}", "#".repeat(hashes));
        let body = 1 + hashes + 1;
        return Some(text[body..].find(&close).map_or(text.len(), |end| body + end + close.len()));
    }
    match bytes[0] {
        b'"' => Some(end_of_quote(bytes, b'"')),
        // A character, and not a lifetime: it ends after one character or an escape.
        b'\'' if bytes.get(1) == Some(&b'\\') => Some(end_of_quote(bytes, b'\'')),
        b'\'' => {
            let c = text[1..].chars().next()?;
            text[1 + c.len_utf8()..].starts_with('\'').then_some(2 + c.len_utf8())
        }
        _ => None,
    }
}

fn end_of_quote(bytes: &[u8], quote: u8) -> usize {
    let mut i = 1;
    while i < bytes.len() && bytes[i] != quote {
        i += if bytes[i] == b'\\' { 2 } else { 1 };
    }
    (i + 1).min(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source { path: "server/src/x.rs".into(), text: text.into() }
    }

    #[test]
    fn only_code_is_code() {
        let text = "a // Arc\n\"Arc\\\" {\" b '{' c '\\'' d: &'static r#\"Arc\"# /* Arc */ e";
        let code = source(text).code();
        assert!(!code.contains("Arc") && !code.contains('{'), "{code}");
        for word in ["a", "b", "c", "d: &'static", "e"] {
            assert!(code.contains(word), "{word} is lost in {code}");
        }
        assert_eq!(code.len(), text.len());
    }

    #[test]
    fn tests_are_left_out() {
        let text =
            "fn a() {\n}\n#[cfg(test)]\nmod tests {\n fn b() { Arc }\n}\nfn c(x: [u8; 2]) {\n\n}";
        let source = source(text);
        assert!(!source.code_without_tests().contains("Arc"));
        assert!(source.code_without_tests().contains("fn c"));
        let named: Vec<_> = source.functions();
        assert_eq!(named[0], ("a".into(), 1, 2));
        assert_eq!(named[1], ("c".into(), 7, 3));
    }
}

//! The grammar of redis.conf: texts in, settings out.
//!
//! Owns: lines, quoting, `include`, what an unknown name is told.   Uses: rows, known.
//! Never: opens a file; the caller reads what `include` names.
//!
//! A line is a name and its words. A word may be "quoted" with the escapes of C, or 'quoted' with
//! none but \'. What stands after `#` at the beginning of a line is a comment. A later line
//! of the same setting replaces the earlier one; lists (save) grow.

use std::fmt;

use super::known;
use super::rows::{Config, ROWS, Row, row};

/// A text of settings and the name that errors call it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// A path, or words such as `the command line`.
    pub name: String,
    /// The lines.
    pub text: String,
}

/// Reads what an `include` line names, which may be a pattern: the texts in order, or why not.
pub type Reader<'r> = &'r mut dyn FnMut(&str) -> Result<Vec<Source>, String>;

/// How deep files may include files.
const MOST_DEPTH: usize = 16;

/// How many files may be included in all: two lines per file would else double at every depth.
const MOST_FILES: usize = 1000;

/// Why a text is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The name of the source.
    pub source: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The line itself; the words of a secret are left out.
    pub text: String,
    /// What is wrong.
    pub words: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}: {}\n>>> '{}'", self.source, self.line, self.words, self.text)
    }
}

impl std::error::Error for Problem {}

/// Reads the sources in order over the defaults. The names answered are of settings that Redis knows and
/// this server does without: each once, for a warning.
pub fn parse(sources: &[Source], read: Reader<'_>) -> Result<(Config, Vec<String>), Problem> {
    let mut pass =
        Pass { config: Config::default(), seen: Vec::new(), ignored: Vec::new(), files: 0 };
    for source in sources {
        pass.source(source, 0, read)?;
    }
    Ok((pass.config, pass.ignored))
}

/// One reading of all sources.
struct Pass {
    config: Config,
    /// Rows that had a line already: the next one is a further line.
    seen: Vec<&'static str>,
    ignored: Vec<String>,
    /// Included so far.
    files: usize,
}

impl Pass {
    fn source(&mut self, source: &Source, depth: usize, read: Reader<'_>) -> Result<(), Problem> {
        for (index, line) in source.text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let problem = |words: String| Problem {
                source: source.name.clone(),
                line: index + 1,
                text: presentable(line),
                words,
            };
            let words = words(line)
                .ok_or_else(|| problem("unbalanced quotes, or bytes that are not UTF-8".into()))?;
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let Some((name, values)) = words.split_first() else { continue };
            if name.eq_ignore_ascii_case("include") {
                for file in self.included(values, depth, read).map_err(problem)? {
                    self.source(&file, depth + 1, read)?;
                }
            } else {
                self.line(name, values).map_err(problem)?;
            }
        }
        Ok(())
    }

    fn included(
        &mut self,
        values: &[&str],
        depth: usize,
        read: Reader<'_>,
    ) -> Result<Vec<Source>, String> {
        let &[pattern] = values else { return Err("wrong number of arguments".into()) };
        if depth >= MOST_DEPTH {
            return Err(format!("files include each other more than {MOST_DEPTH} deep"));
        }
        let files = read(pattern)?;
        self.files += files.len();
        if self.files > MOST_FILES {
            return Err(format!("more than {MOST_FILES} files are included"));
        }
        Ok(files)
    }

    fn line(&mut self, name: &str, values: &[&str]) -> Result<(), String> {
        if let Some(row) = row(name.as_bytes()) {
            return self.set(row, values);
        }
        if let Some(missing) = known::objection(name, values) {
            return Err(format!("{missing}, and to ignore this line would be dangerous"));
        }
        if !known::is_known(name) {
            return Err(unknown(name));
        }
        let name = name.to_ascii_lowercase();
        if !self.ignored.contains(&name) {
            self.ignored.push(name);
        }
        Ok(())
    }

    fn set(&mut self, row: &'static Row, values: &[&str]) -> Result<(), String> {
        let more = self.seen.contains(&row.name);
        (row.set)(&mut self.config, values, more)?;
        if !more {
            self.seen.push(row.name);
        }
        Ok(())
    }
}

/// The line as an error may show it: not too long, and without a password.
fn presentable(line: &str) -> String {
    let name = line.split_whitespace().next().unwrap_or_default();
    let bare = name.trim_matches(['"', '\'']);
    let weighty = ["user", "masterauth", "primaryauth", "tls-key-file-pass"];
    let secret = row(bare.as_bytes()).is_some_and(|row| row.secret)
        || weighty.iter().any(|w| bare.eq_ignore_ascii_case(w));
    if secret { format!("{bare} ...") } else { line.chars().take(200).collect() }
}

fn unknown(name: &str) -> String {
    match nearest(name) {
        Some(near) => format!("unknown setting '{name}': did you mean '{near}'?"),
        None => format!("unknown setting '{name}'"),
    }
}

/// The known name that takes the fewest changes to become, when they are few enough to be a slip.
fn nearest(name: &str) -> Option<&'static str> {
    if name.len() > 64 {
        return None;
    }
    let name = name.to_ascii_lowercase();
    let known = ROWS.iter().flat_map(Row::names).chain(known::IGNORED.iter().copied());
    let (distance, near) = known.map(|known| (distance(&name, known), known)).min()?;
    (distance <= (near.len() / 3).clamp(1, 4)).then_some(near)
}

/// How many letters must be put in, taken out or changed to make one text of the other.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let changed = corner + usize::from(x != y);
            corner = row[j + 1];
            row[j + 1] = changed.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// Cuts a line into words. `None`: a quote that does not end, or that ends amid a word, or escapes
/// that make something other than UTF-8.
pub fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut rest = line.as_bytes();
    loop {
        rest = rest.trim_ascii_start();
        if rest.is_empty() {
            return Some(words);
        }
        let (word, after) = word(rest)?;
        words.push(String::from_utf8(word).ok()?);
        rest = after;
    }
}

/// The first word of a text that does not begin with a space, and what follows it.
fn word(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut word = Vec::new();
    let mut rest = text;
    loop {
        let (&byte, after) = match rest.split_first() {
            Some(split) => split,
            None => return Some((word, rest)),
        };
        rest = match byte {
            b'"' | b'\'' => {
                let after = quoted(after, byte, &mut word)?;
                let ends = after.first().is_none_or(u8::is_ascii_whitespace);
                return ends.then_some((word, after));
            }
            _ if byte.is_ascii_whitespace() => return Some((word, rest)),
            _ => {
                word.push(byte);
                after
            }
        };
    }
}

/// Reads up to the closing quote; answers what follows it.
fn quoted<'t>(text: &'t [u8], quote: u8, word: &mut Vec<u8>) -> Option<&'t [u8]> {
    let mut rest = text;
    loop {
        rest = match rest {
            [] => return None,
            [end, after @ ..] if *end == quote => return Some(after),
            [b'\\', b'\'', after @ ..] if quote == b'\'' => {
                word.push(b'\'');
                after
            }
            [b'\\', b'x', high, low, after @ ..] if quote == b'"' && hex(*high, *low).is_some() => {
                word.extend(hex(*high, *low));
                after
            }
            [b'\\', letter, after @ ..] if quote == b'"' => {
                word.push(escaped(*letter));
                after
            }
            [byte, after @ ..] => {
                word.push(*byte);
                after
            }
        };
    }
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

fn escaped(letter: u8) -> u8 {
    match letter {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'a' => 7,
        other => other,
    }
}

/// Writes a word so that [`words`] reads it back: quoted only where it must be.
pub fn quote(word: &str) -> String {
    let plain =
        |c: char| !c.is_control() && !c.is_whitespace() && !matches!(c, '"' | '\'' | '\\' | '#');
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    let mut text = String::from("\"");
    for c in word.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            c if c.is_ascii_control() => text.push_str(&format!("\\x{:02x}", c as u32)),
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

//! The grammar of redis.conf: texts in, settings out.
//!
//! Owns: lines, quoting, `include`, what an unknown name is told.   Uses: rows, known.
//! Never: opens a file; the caller reads what `include` names.
//!
//! A line is a name and its words. A word may be "quoted" with the escapes of C, or 'quoted' with
//! none but \'. What stands after `#` at the beginning of a line is a comment. A later line
//! of the same setting replaces the earlier one; lists (save) grow.

use std::fmt;

use super::known::{self, Judgement};
use super::row::Row;
use super::rows::{Config, ROWS, row};
use crate::base::bytes::{hex_byte, unescaped};

/// A text of settings and the name that errors call it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// A path, or words such as `the command line`.
    pub name: String,
    /// The lines. U+FFFD stands for what was not UTF-8 and is accepted in comments only.
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
            if line.contains(char::REPLACEMENT_CHARACTER) {
                return Err(problem("the line is not UTF-8 text".into()));
            }
            let words = words(line).ok_or_else(|| {
                problem("unbalanced quotes, or an escape that is not UTF-8".into())
            })?;
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
        match known::judge(name, values) {
            Judgement::True => return Ok(()),
            Judgement::Ignored => {}
            Judgement::Refused(missing) => {
                return Err(format!("{missing}, and to ignore this line would be dangerous"));
            }
            Judgement::Unknown => return Err(unknown(name)),
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
    let known = ROWS.iter().flat_map(Row::names).chain(known::names());
    let (distance, near) = known.map(|known| (distance(&name, known), known)).min()?;
    (distance <= (near.len() / 2).clamp(1, 4)).then_some(near)
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
            [b'\\', b'x', high, low, after @ ..]
                if quote == b'"' && hex_byte(*high, *low).is_some() =>
            {
                word.extend(hex_byte(*high, *low));
                after
            }
            [b'\\', letter, after @ ..] if quote == b'"' => {
                word.push(unescaped(*letter));
                after
            }
            [byte, after @ ..] => {
                word.push(*byte);
                after
            }
        };
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

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::config::example::lines;

    fn load(text: &str) -> Result<(Config, Vec<String>), Problem> {
        load_with(text, &HashMap::new())
    }

    fn load_with(
        text: &str,
        files: &HashMap<&str, String>,
    ) -> Result<(Config, Vec<String>), Problem> {
        let source = |name: &str, text: &str| Source { name: name.into(), text: text.into() };
        let read = &mut |name: &str| match files.get(name) {
            Some(text) => Ok(vec![source(name, text)]),
            None => Err(format!("can't open {name}")),
        };
        parse(&[source("redis.conf", text)], read)
    }

    fn complaint(text: &str) -> String {
        load(text).expect_err(text).to_string()
    }

    #[test]
    fn words_are_quoted_as_in_redis() {
        let cut = |line: &str| words(line).map(|words| words.join("|"));
        for (line, expected) in [
            ("  a  b\tc ", "a|b|c"),
            (r#"a "b \"c\" \x41\n" d"#, "a|b \"c\" A\n|d"),
            (r"a 'b \'c\' \n' d", "a|b 'c' \\n|d"),
            (r#"a """#, "a|"),
            (r#"a \xzz"#, "a|\\xzz"),
            (r#"a "\xzz""#, "a|xzz"),
            (r#"x"a b""#, "xa b"),
        ] {
            assert_eq!(cut(line).as_deref(), Some(expected), "{line}");
        }
        for line in ["a \"b", "a 'b", "a \"b\"c", "'", r#"a "b\""#, r#""\xff""#] {
            assert_eq!(cut(line), None, "{line}");
        }
    }

    #[test]
    fn lines_are_read_in_order() {
        let text = "# comment\r\n\n  hz 20\nHZ 30\nsave 900 1\nsave \"300 10\"\nbind * -::*\n\
                    client-output-buffer-limit normal 0 0 0\nproto-max-bulk-len 1gb\nport 0\n";
        let (config, ignored) = load(text).unwrap();
        assert_eq!((config.hz.0, config.port, config.max_bulk.0), (30, 0, 1 << 30));
        assert_eq!((config.save.0.len(), config.bind.0.len()), (2, 2));
        assert_eq!((config.output_limits.normal.hard, ignored), (0, vec![]));
        assert!(load("save 5 5\nsave \"\"").unwrap().0.save.0.is_empty());
        assert_eq!(load("save \"\"\nsave 5 5").unwrap().0.save.0.len(), 1);
    }

    #[test]
    fn errors_name_the_file_the_line_and_what_was_meant() {
        assert_eq!(
            complaint("\nprot 1"),
            "redis.conf, line 2: unknown setting 'prot': did you mean 'port'?\n>>> 'prot 1'"
        );
        assert!(complaint("max-clients 5").contains("did you mean 'maxclients'?"));
        assert!(complaint("appendsync always").contains("did you mean 'appendfsync'?"));
        assert!(complaint("qqqqqqqq 1").contains("unknown setting 'qqqqqqqq'\n"));
        assert!(complaint("hz abc").contains("argument couldn't be parsed into an integer"));
        for line in ["port", "port 1 2"] {
            assert!(complaint(line).contains("wrong number of arguments"));
        }
        assert!(complaint("logfile \"a").contains("unbalanced quotes"));
        assert!(complaint("logfile \u{FFFD}").contains("not UTF-8"));
        assert!(load("# \u{FFFD}").is_ok());
        assert!(complaint("appendonly yes").contains("not implemented yet"));
        assert!(complaint("rename-command CONFIG x").contains("dangerous"));
    }

    #[test]
    fn passwords_do_not_reach_the_terminal() {
        assert!(!complaint("requirepass hunter2 x").contains("hunter2"));
        assert!(!complaint("\"requirepass\" \"hunter2").contains("hunter2"));
        assert!(!complaint("user bob on >hunter2").contains("hunter2"));
    }

    #[test]
    fn what_redis_knows_is_ignored_and_told_once() {
        let (config, ignored) = load(
            "activerehashing no\nactive-defrag-max-scan-fields 7\nACTIVErehashing yes\ntls-port 0",
        )
        .unwrap();
        assert_eq!(config, Config::default());
        assert_eq!(ignored, ["activerehashing", "active-defrag-max-scan-fields"]);
    }

    #[test]
    fn included_files_stand_in_their_place_and_are_bounded() {
        let file = |text: &str| text.to_owned();
        let files = HashMap::from([
            ("a", file("hz 20\ninclude b\nsave 1 1")),
            ("b", file("hz 30\nnonsense 1")),
            ("c", file("hz 40\nsave 2 2")),
            ("loop", file("include loop")),
            ("wide", file(&"include c\n".repeat(MOST_FILES + 1))),
        ]);
        let load = |text| load_with(text, &files);
        let config = load("hz 5\nsave 3 3\ninclude c").unwrap().0;
        assert_eq!((config.hz.0, config.save.0.len()), (40, 2));
        let problem = load("include a").unwrap_err();
        assert_eq!((problem.source.as_str(), problem.line), ("b", 2));
        assert!(load("include loop").unwrap_err().words.contains("more than 16 deep"));
        assert!(load("include wide").unwrap_err().words.contains("more than 1000 files"));
        assert!(load("include").unwrap_err().words.contains("wrong number"));
        assert!(load("include nowhere").unwrap_err().words.contains("can't open nowhere"));
    }

    /// Words that some row or other accepts, and any others.
    fn value() -> impl Strategy<Value = String> {
        prop_oneof![
            "yes|no|auto|local|10|11|0|777|debug|json|noeviction|900 1|900 1 60 0",
            "normal [0-9]{1,5}(kb|g)? 5mb 9|[0-9]{1,11}(|b|kb|gb)|-?[0-9]{1,20}",
            "[Ag$lshzxeKEtmdn]{0,16}",
            "[a-z0-9.:*-]{0,9}( [a-z0-9.:*-]{0,9}){0,4}",
            any::<String>(),
        ]
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), name in 0..ROWS.len(), value in value()) {
            let _ = load(&text);
            let _ = load(&format!("{} {value}", ROWS[name].name));
            let _ = load(&format!("include {value}\n{text} {value}"));
        }

        #[test]
        fn a_quoted_word_reads_back(word in any::<String>(), more in any::<String>()) {
            let line = format!("{} {}", quote(&word), quote(&more));
            prop_assert_eq!(line.lines().count(), 1);
            prop_assert_eq!(words(&line), Some(vec![word, more]));
        }

        #[test]
        fn what_a_row_shows_reads_back(values in proptest::collection::vec(value(), 1..20)) {
            let mut config = Config::default();
            for value in &values {
                for row in ROWS {
                    let before = config.clone();
                    if (row.set)(&mut config, &[value], false).is_err() {
                        prop_assert_eq!(&before, &config);
                    }
                }
            }
            let text: Vec<String> = ROWS.iter().map(|row| lines(row, &config)).collect();
            // The reader replaces what is not UTF-8, so this one mark cannot be told from damage.
            prop_assume!(!text.iter().any(|lines| lines.contains(char::REPLACEMENT_CHARACTER)));
            prop_assert_eq!(load(&text.concat()).map(|(config, _)| config), Ok(config.clone()));
            for row in ROWS {
                let mut other = Config::default();
                prop_assert_eq!((row.set)(&mut other, &[&(row.get)(&config)], false), Ok(()));
                prop_assert_eq!((row.get)(&other), (row.get)(&config));
            }
        }
    }
}

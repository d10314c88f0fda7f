//! Command lines of the form `--name value` and `--switch`.
//!
//! Owns: the words after the program's name.   Uses: nothing.   Never: what an option means.

use crate::Outcome;
use std::str::FromStr;

/// The options a benchmark was started with.
#[derive(Debug)]
pub struct Flags {
    given: Vec<(String, String)>,
}

impl Flags {
    /// Reads the process's arguments. `usage` names every option as `--name`; one followed by an
    /// upper-case word takes a value. `--help` prints it and ends the process.
    pub fn from_process(usage: &str) -> Outcome<Flags> {
        let words: Vec<String> = std::env::args().skip(1).collect();
        if words.iter().any(|word| word == "--help" || word == "-h") {
            println!("{usage}");
            std::process::exit(0);
        }
        Flags::parse(usage, words)
    }

    fn parse(usage: &str, words: Vec<String>) -> Outcome<Flags> {
        let mut given = Vec::new();
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let value = match takes_value(usage, &word) {
                None => return Err(format!("{word}: no such option\n{usage}").into()),
                Some(false) => String::new(),
                Some(true) => words.next().ok_or_else(|| format!("{word} needs a value"))?,
            };
            given.push((word, value));
        }
        Ok(Flags { given })
    }

    /// Whether the option was given.
    pub fn has(&self, name: &str) -> bool {
        self.text(name).is_some()
    }

    /// The last value given for an option.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.given.iter().rev().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// Every value given for an option, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.given.iter().filter(move |(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// A number, or `default` when the option was not given.
    pub fn number<T: FromStr>(&self, name: &str, default: T) -> Outcome<T> {
        match self.text(name) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| format!("{name} {text}: not a number").into()),
        }
    }
}

/// Whether the usage text knows the option, and whether a value follows it.
fn takes_value(usage: &str, name: &str) -> Option<bool> {
    let mut words = usage.split([' ', '\n', '[', ']']).filter(|word| !word.is_empty());
    words.by_ref().find(|word| *word == name && word.starts_with("--"))?;
    Some(words.next().is_some_and(|next| next.starts_with(|c: char| c.is_ascii_uppercase())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Outcome<Flags> {
        let usage = "usage: x [--peer NAME=COMMAND]... [--rounds N] [--markdown] [--peers]";
        Flags::parse(usage, line.split_whitespace().map(str::to_owned).collect())
    }

    #[test]
    fn values_switches_and_repeats() {
        let flags = parse("--peer a=1 --markdown --peer b=2 --rounds 5").unwrap();
        assert_eq!(flags.all("--peer").collect::<Vec<_>>(), ["a=1", "b=2"]);
        assert!(flags.has("--markdown") && !flags.has("--peers"));
        assert_eq!(flags.number("--rounds", 3).unwrap(), 5);
    }

    #[test]
    fn mistakes_are_told() {
        assert!(parse("--nothing").is_err());
        assert!(parse("--rounds").is_err());
        assert!(parse("--rounds x").unwrap().number("--rounds", 3).is_err());
    }
}

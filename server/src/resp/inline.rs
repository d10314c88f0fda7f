//! Requests typed by hand: words on a line, with the quoting of redis-cli.
//!
//! Owns: the quoting.   Uses: args, `base::bytes`.   Never: reads beyond the line.
//!
//! A word without its quotes and escapes is never longer than with them, so it is written over itself:
//! the arguments are ranges of the line, as those of any other request, and nothing is allocated.

use super::args::ArgRange;
use crate::base::bytes::{hex_byte, unescaped};

/// A quote that is not closed, or closed in the middle of a word.
#[derive(Debug, PartialEq, Eq)]
pub struct Unbalanced;

/// Splits the line `buf[start..end]` into words and appends their ranges to `args`.
pub fn split(
    buf: &mut [u8],
    start: usize,
    end: usize,
    args: &mut Vec<ArgRange>,
) -> Result<(), Unbalanced> {
    let mut words = Words { line: &mut buf[..end], from: start, to: start };
    loop {
        while words.peek(0).is_some_and(is_space) {
            words.from += 1;
        }
        if words.peek(0).is_none() {
            return Ok(());
        }
        words.to = words.from;
        let begin = words.from;
        words.word()?;
        args.push(ArgRange::new(begin, words.to));
    }
}

/// The line while it is read at `from` and rewritten at `to`, which never overtakes `from`.
struct Words<'a> {
    line: &'a mut [u8],
    from: usize,
    to: usize,
}

impl Words<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.line.get(self.from + ahead).copied()
    }

    /// Writes one byte in place of the next `taken` ones.
    fn put(&mut self, byte: u8, taken: usize) {
        self.line[self.to] = byte;
        self.to += 1;
        self.from += taken;
    }

    /// One word: plain bytes, then perhaps a quoted part, which ends it.
    fn word(&mut self) -> Result<(), Unbalanced> {
        while let Some(byte) = self.peek(0) {
            match byte {
                b' ' | b'\n' | b'\r' | b'\t' | 0 => break,
                b'"' => return self.double_quoted(),
                b'\'' => return self.single_quoted(),
                plain => self.put(plain, 1),
            }
        }
        Ok(())
    }

    fn double_quoted(&mut self) -> Result<(), Unbalanced> {
        self.from += 1;
        loop {
            match (self.peek(0).ok_or(Unbalanced)?, self.peek(1)) {
                (b'"', after) => return self.close(after),
                (b'\\', Some(b'x')) if self.hex().is_some() => {
                    let byte = self.hex().expect("the guard has seen it");
                    self.put(byte, 4);
                }
                (b'\\', Some(escaped)) => self.put(unescaped(escaped), 2),
                (plain, _) => self.put(plain, 1),
            }
        }
    }

    fn single_quoted(&mut self) -> Result<(), Unbalanced> {
        self.from += 1;
        loop {
            match (self.peek(0).ok_or(Unbalanced)?, self.peek(1)) {
                (b'\'', after) => return self.close(after),
                (b'\\', Some(b'\'')) => self.put(b'\'', 2),
                (plain, _) => self.put(plain, 1),
            }
        }
    }

    /// Leaves the closing quote behind, after which only a space or the end of the line may come.
    fn close(&mut self, after: Option<u8>) -> Result<(), Unbalanced> {
        self.from += 1;
        if after.is_none_or(is_space) { Ok(()) } else { Err(Unbalanced) }
    }

    /// The value of the two hexadecimal digits behind `\x`.
    fn hex(&self) -> Option<u8> {
        hex_byte(self.peek(2)?, self.peek(3)?)
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 11 | 12 | b'\r' | 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::args::Args;

    fn words(line: &str) -> Option<Vec<String>> {
        let mut buf = line.as_bytes().to_vec();
        let mut ranges = Vec::new();
        let end = buf.len();
        split(&mut buf, 0, end, &mut ranges).ok()?;
        let args = Args::new(&buf, &ranges, &[]);
        Some(args.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect())
    }

    #[test]
    fn words_are_split_and_unquoted() {
        let cases: [(&str, &[&str]); 9] = [
            ("", &[]),
            (" \t ", &[]),
            ("set  a\tb ", &["set", "a", "b"]),
            (r#"set a "b c" d"#, &["set", "a", "b c", "d"]),
            (r#""\x41\x7a\n\q\x4""#, &["Az\nqx4"]),
            (r"'it\'s \n'", &[r"it's \n"]),
            (r#"a"b c" d"#, &["ab c", "d"]),
            (r#""" ''"#, &["", ""]),
            ("a\u{b}b", &["a\u{b}b"]),
        ];
        for (line, expected) in cases {
            assert_eq!(words(line).unwrap(), expected, "{line}");
        }
    }

    #[test]
    fn quotes_must_balance() {
        for line in [r#""a"#, "'a", r#""a"b"#, "'a'b", r#""a\"#, r#"""""#, r#"a "b\""#] {
            assert_eq!(words(line), None, "{line}");
        }
    }
}

//! Target: a line typed by hand is split into the words that a plain reading of the rules gives.

use super::wire::{OPEN, Owned, parse_at_once, parse_bytewise};
use lodestore_server::resp::{Halt, ProtocolError};

pub fn run(data: &[u8]) {
    let line: Vec<u8> = data.iter().copied().filter(|&byte| byte != b'\n').take(60_000).collect();
    if line.first() == Some(&b'*') {
        return;
    }
    let stream = [&line[..], b"\r\n"].concat();
    let (seen, halt) = parse_at_once(&stream, OPEN);
    assert_eq!(parse_bytewise(&stream, OPEN, true), (seen.clone(), halt.clone()), "byte by byte");
    match words(&line) {
        None => assert_eq!(halt, Halt::Error(ProtocolError::UnbalancedQuotes)),
        Some(words) if words.is_empty() => assert_eq!((seen, halt), (Vec::new(), Halt::NeedMore)),
        Some(words) if is_browser(&words) => {
            assert_eq!((seen, halt), (Vec::new(), Halt::Error(ProtocolError::SecurityAttack)));
        }
        Some(words) => assert_eq!((seen, halt), (vec![words], Halt::NeedMore)),
    }
}

fn is_browser(words: &Owned) -> bool {
    words[0].eq_ignore_ascii_case(b"post") || words[0].eq_ignore_ascii_case(b"host:")
}

/// The words of a line by the rules of redis-cli; `None` for quotes that do not fit. A NUL parts words.
fn words(line: &[u8]) -> Option<Owned> {
    let is_space = |byte: u8| matches!(byte, b' ' | b'\t' | b'\r' | 0x0b | 0x0c | 0);
    let (mut words, mut at) = (Owned::new(), 0);
    loop {
        while line.get(at).is_some_and(|&byte| is_space(byte)) {
            at += 1;
        }
        if at == line.len() {
            return Some(words);
        }
        let mut word = Vec::new();
        while let Some(&byte) = line.get(at) {
            match byte {
                b'"' | b'\'' => {
                    at = quoted(line, at + 1, byte, &mut word)?;
                    if line.get(at).is_some_and(|&byte| !is_space(byte)) {
                        return None;
                    }
                    break;
                }
                b' ' | b'\t' | b'\r' | 0 => break,
                plain => word.push(plain),
            }
            at += 1;
        }
        words.push(word);
    }
}

/// Reads up to the closing quote; answers where the next byte stands.
fn quoted(line: &[u8], mut at: usize, quote: u8, word: &mut Vec<u8>) -> Option<usize> {
    loop {
        let rest = &line[at..];
        let hex = |at: usize| char::from(*rest.get(at)?).to_digit(16);
        match rest {
            [] => return None,
            [end, ..] if *end == quote => return Some(at + 1),
            [b'\\', b'\'', ..] if quote == b'\'' => {
                word.push(b'\'');
                at += 2;
            }
            [b'\\', b'x', _, _, ..] if quote == b'"' && hex(2).is_some() && hex(3).is_some() => {
                word.push((hex(2)? * 16 + hex(3)?) as u8);
                at += 4;
            }
            [b'\\', letter, ..] if quote == b'"' => {
                word.push(match letter {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => *other,
                });
                at += 2;
            }
            [byte, ..] => {
                word.push(*byte);
                at += 1;
            }
        }
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    [
        &b"SET key value"[..],
        b"  GET  key \t",
        b"SET k \"a b\\x41\\n\\\"\"",
        b"SET k 'a \\'b\\n'",
        b"SET \"a\"b",
        b"SET a\"b c\" d",
        b"ECHO \"",
        b"\x00 PING \x0b",
        b"POST / HTTP/1.1",
    ]
    .into_iter()
    .map(<[u8]>::to_vec)
    .collect()
}

//! A request as it is shown to people: in MONITOR and in the slow log. What is secret is left out.
//!
//! Owns: the form.   Uses: rows, args.   Never: who is shown it.

use super::row::{Command, SECRET};
use crate::resp::args::Args;
use crate::session::Session;

/// Stands for a word that is secret.
const REDACTED: &[u8] = b"(redacted)";

/// The words of a request, secret ones replaced.
pub fn words<'a>(row: &Command, args: Args<'a>) -> impl ExactSizeIterator<Item = &'a [u8]> {
    (0..args.len()).map(move |at| if is_secret(row, args, at) { REDACTED } else { args.get(at) })
}

fn is_secret(row: &Command, args: Args<'_>, at: usize) -> bool {
    let names = if row.is_subcommand() { 2 } else { 1 };
    at >= names && (row.flags.has(SECRET) || row.secret.is_some_and(|secret| secret(args, at)))
}

/// Bytes of a request, as clients send it. O(words).
pub fn request_bytes(args: Args<'_>) -> u64 {
    let word = |len: usize| 1 + digits(len) + 2 + len + 2;
    let head = 1 + digits(args.len()) + 2;
    (head + args.iter().map(|arg| word(arg.len())).sum::<usize>()) as u64
}

fn digits(n: usize) -> usize {
    n.checked_ilog10().map_or(1, |log| log as usize + 1)
}

/// A line of MONITOR: `+1700000000.123456 [0 127.0.0.1:5] "SET" "k" "v"`, with its end. `socket` is the path of
/// the unix socket.
pub fn monitor_line(
    row: &Command,
    args: Args<'_>,
    me: &Session,
    socket: Option<&str>,
    at_us: i64,
) -> Vec<u8> {
    let (seconds, micros) = (at_us.div_euclid(1_000_000), at_us.rem_euclid(1_000_000));
    let peer = match (me.arrival.unix, socket) {
        (true, Some(path)) => format!("unix:{path}").into(),
        (true, None) | (false, _) => me.arrival.peer.clone(),
    };
    let mut line = format!("+{seconds}.{micros:06} [{} {peer}]", me.db).into_bytes();
    for word in words(row, args) {
        line.push(b' ');
        quote(&mut line, word);
    }
    line.extend_from_slice(b"\r\n");
    line
}

/// Appends a word in quotes, everything escaped that could not be read or would end the line.
fn quote(out: &mut Vec<u8>, word: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.reserve(word.len() + 2);
    out.push(b'"');
    for &byte in word {
        match byte {
            b'\\' | b'"' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x07 => out.extend_from_slice(b"\\a"),
            0x08 => out.extend_from_slice(b"\\b"),
            b' '..=b'~' => out.push(byte),
            _ => {
                let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]);
                out.extend_from_slice(&[b'\\', b'x', high, low]);
            }
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Now;
    use crate::command::index::Index;
    use crate::resp::args::OwnedRequest;
    use crate::session::Arrival;

    fn shown(words: &[&str]) -> String {
        let bytes: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        let request = OwnedRequest::from_parts(&bytes);
        let index = Index::new();
        let id = index.resolve(bytes[0], bytes.get(1).copied());
        let row = index.entry(id).expect("it is a command").row;
        let arrival = Arrival { peer: "1.2.3.4:5".into(), ..Arrival::default() };
        let me = Session::new(arrival, Now::default(), true);
        let line = monitor_line(row, request.args(), &me, None, 1_700_000_000_000_042);
        String::from_utf8(line).expect("what is shown is ASCII")
    }

    #[test]
    fn a_line_can_be_read_and_does_not_end_early() {
        let head = "+1700000000.000042 [0 1.2.3.4:5]";
        assert_eq!(shown(&["get", "k"]), format!("{head} \"get\" \"k\"\r\n"));
        assert_eq!(
            shown(&["SET", "a b\r\n\t\x07\x08\0", "\"\\é"]),
            format!("{head} \"SET\" \"a b\\r\\n\\t\\a\\b\\x00\" \"\\\"\\\\\\xc3\\xa9\"\r\n")
        );
    }

    #[test]
    fn secrets_are_left_out() {
        for (words, seen) in [
            (&["AUTH", "p"][..], r#""AUTH" "(redacted)""#),
            (&["AUTH", "u", "p"], r#""AUTH" "(redacted)" "(redacted)""#),
            (&["hello", "3"], r#""hello" "3""#),
            (
                &["HELLO", "2", "SETNAME", "auth", "auth", "u", "p"],
                r#""HELLO" "2" "SETNAME" "auth" "auth" "(redacted)" "(redacted)""#,
            ),
            (
                &["CONFIG", "SET", "hz", "5", "RequirePass", "x", "masterauth", "y"],
                r#""CONFIG" "SET" "hz" "5" "RequirePass" "(redacted)" "masterauth" "(redacted)""#,
            ),
        ] {
            assert!(shown(words).ends_with(&format!("] {seen}\r\n")), "{}", shown(words));
        }
    }

    #[test]
    fn a_request_is_as_long_as_it_was_sent() {
        for (words, sent) in [
            (&["PING"][..], "*1\r\n$4\r\nPING\r\n"),
            (&["SET", "k", "0123456789"], "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$10\r\n0123456789\r\n"),
            (&["ECHO", ""], "*2\r\n$4\r\nECHO\r\n$0\r\n\r\n"),
        ] {
            let bytes: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
            let request = OwnedRequest::from_parts(&bytes);
            assert_eq!(request_bytes(request.args()), sent.len() as u64);
        }
    }
}

//! What a reply must look like.
//!
//! Owns: the written form of expectations, and when a reply meets one.
//! Uses: reply, text.   Never: sockets.
//!
//! ```text
//! +OK   -ERR text   :1          at the top, to the end of the line
//! "bulk\r\n"   1   +OK   -"ERR" the same inside an array
//! (nil)   (nil-array)           $-1 and *-1 in RESP2; both are _ in RESP3
//! ["a", 1, ["b"]]               an array; a push in RESP3 when it begins with a word like "message"
//! {"k": "v"}                    a map in RESP3, the flat array in RESP2; any order
//! set["a", "b"]                 a set in RESP3, an array in RESP2; any order
//! any["a", "b"]                 an array in any order
//! ,1.5   #t   txt:"..."  big 12 RESP3's double, boolean, verbatim string, big number;
//!                               in RESP2 a bulk string, :1, a bulk string, a bulk string
//! [1, ...]   {"k": 1, ...}      more may follow; a map has at least these
//! <int>  <1..9>  <str>  <any>   any number, one in a range, any string, anything;
//!                               with a name, as in <int id>, it can be used as ${id}
//! match "id=* addr=*"           a string or error of this form
//! nothing   closed              no reply at all
//! ?                             not written yet (UPDATE=1 writes it)
//! ```

use crate::client::Proto;
use crate::reply::Reply;
use crate::text::{like, quoted};
use std::collections::HashMap;

/// What `<int id>` and its like have caught.
pub type Caught = HashMap<String, Vec<u8>>;

/// What a reply must look like.
#[derive(Clone, Debug, PartialEq)]
pub enum Pattern {
    /// Exactly this value, whose form depends on the protocol.
    Exactly(Reply),
    /// `[..]`, and whether more may follow.
    Array(Vec<Pattern>, bool),
    /// `any[..]`
    AnyOrder(Vec<Pattern>),
    /// `set[..]`
    Set(Vec<Pattern>),
    /// `{..}`, and whether there may be more.
    Map(Vec<(Pattern, Pattern)>, bool),
    /// `<1..9>` or `<int>`, with the name that catches it.
    Int(i64, i64, Option<String>),
    /// `<str>`
    Str(Option<String>),
    /// `<any>`
    Any,
    /// `match "..."`
    Like(Vec<u8>),
    /// `txt:` before a pattern of a string.
    Verbatim(String, Box<Pattern>),
    /// `nothing`
    Nothing,
    /// `closed`
    Closed,
    /// `?`
    Unwritten,
}

/// The words that begin a push.
const PUSHES: &[&[u8]] = &[
    b"message",
    b"pmessage",
    b"smessage",
    b"subscribe",
    b"unsubscribe",
    b"psubscribe",
    b"punsubscribe",
    b"ssubscribe",
    b"sunsubscribe",
    b"invalidate",
    b"tracking-redir-broken",
];

impl Pattern {
    /// Reads a pattern that takes the whole line.
    pub fn parse(line: &str) -> Result<Pattern, String> {
        let plain = |text: &str| !text.starts_with(['"', '<']);
        match line.split_at_checked(1) {
            Some(("-", text)) if plain(text) => return exactly(Reply::Error(text.into())),
            Some(("+", text)) if plain(text) => return exactly(Reply::Status(text.into())),
            Some((":", text)) => return whole(text),
            _ => {}
        }
        match line {
            "nothing" => Ok(Pattern::Nothing),
            "closed" => Ok(Pattern::Closed),
            "?" => Ok(Pattern::Unwritten),
            _ => whole(line),
        }
    }

    /// Whether `reply` is what is expected, in `proto`; remembers what has a name.
    pub fn meets(&self, reply: &Reply, proto: Proto, caught: &mut Caught) -> bool {
        if proto == Proto::Resp3
            && let Pattern::Array(items, _) = self
            && begins_a_push(items)
        {
            let Reply::Push(got) = reply else { return false };
            return self.meets_within(&Reply::Array(got.clone()), proto, caught);
        }
        // Only inside of EXEC's array a push may stand where an array is expected.
        (*self == Pattern::Any || !matches!(reply, Reply::Push(_)))
            && self.meets_within(reply, proto, caught)
    }

    fn meets_within(&self, reply: &Reply, proto: Proto, caught: &mut Caught) -> bool {
        let old = proto == Proto::Resp2;
        match (self, reply) {
            (Pattern::Any, _) => true,
            (Pattern::Exactly(want), got) => same(want, got, old),
            (Pattern::Int(low, high, name), Reply::Int(got)) => {
                catch(caught, name, got.to_string().as_bytes());
                (low..=high).contains(&got)
            }
            (Pattern::Str(name), got) => {
                catch(caught, name, got.bytes().unwrap_or_default());
                got.bytes().is_some()
            }
            (Pattern::Like(want), Reply::Error(text)) => like(want, format!("-{text}").as_bytes()),
            (Pattern::Like(want), got) => got.bytes().is_some_and(|bytes| like(want, bytes)),
            (Pattern::Verbatim(_, inner), Reply::Bulk(_)) if old => {
                inner.meets_within(reply, proto, caught)
            }
            (Pattern::Verbatim(format, inner), Reply::Verbatim(got, bytes)) => {
                format == got && inner.meets_within(&Reply::Bulk(bytes.clone()), proto, caught)
            }
            (Pattern::Array(want, open), Reply::Array(got) | Reply::Push(got)) => {
                let enough = if *open { got.len() >= want.len() } else { got.len() == want.len() };
                enough && want.iter().zip(got).all(|(w, g)| w.meets_within(g, proto, caught))
            }
            (Pattern::AnyOrder(want), Reply::Array(got)) => any_order(want, got, proto, caught),
            (Pattern::Set(want), Reply::Array(got)) if old => any_order(want, got, proto, caught),
            (Pattern::Set(want), Reply::Set(got)) => any_order(want, got, proto, caught),
            (Pattern::Map(want, open), Reply::Array(got)) if old && got.len() % 2 == 0 => {
                let pairs = got.chunks(2).map(|pair| (&pair[0], &pair[1])).collect();
                map(want, *open, pairs, proto, caught)
            }
            (Pattern::Map(want, open), Reply::Map(got)) => {
                map(want, *open, got.iter().map(|(k, v)| (k, v)).collect(), proto, caught)
            }
            _ => false,
        }
    }
}

fn exactly(reply: Reply) -> Result<Pattern, String> {
    Ok(Pattern::Exactly(reply))
}

/// A push has a word and something more; a word alone is a reply that happens to name it.
fn begins_a_push(items: &[Pattern]) -> bool {
    items.len() > 1
        && matches!(items.first(), Some(Pattern::Exactly(Reply::Bulk(word))) if PUSHES.contains(&&word[..]))
}

/// Whether `got` is `want`, or in RESP2 what stands for it there.
fn same(want: &Reply, got: &Reply, old: bool) -> bool {
    match (want, got) {
        (Reply::Nil | Reply::NilArray, Reply::Null) => !old,
        (Reply::Double(want) | Reply::Big(want), Reply::Bulk(got)) if old => want.as_bytes() == got,
        (Reply::Bool(want), Reply::Int(got)) if old => i64::from(*want) == *got,
        (Reply::Verbatim(_, want), Reply::Bulk(got)) if old => want == got,
        _ => want == got,
    }
}

fn catch(caught: &mut Caught, name: &Option<String>, value: &[u8]) {
    if let Some(name) = name {
        caught.insert(name.clone(), value.to_vec());
    }
}

/// Pairs each pattern with a reply of its own: the first that fits, which is enough for tests.
fn any_order(want: &[Pattern], got: &[Reply], proto: Proto, caught: &mut Caught) -> bool {
    let mut left: Vec<&Reply> = got.iter().collect();
    let all = want.iter().all(|pattern| {
        let at = left.iter().position(|reply| pattern.meets_within(reply, proto, caught));
        at.map(|at| left.swap_remove(at)).is_some()
    });
    all && left.is_empty()
}

type Pairs<'a> = Vec<(&'a Reply, &'a Reply)>;

fn map(
    want: &[(Pattern, Pattern)],
    open: bool,
    mut got: Pairs<'_>,
    proto: Proto,
    caught: &mut Caught,
) -> bool {
    let all = want.iter().all(|(key, value)| {
        let at = got.iter().position(|(k, v)| {
            key.meets_within(k, proto, caught) && value.meets_within(v, proto, caught)
        });
        at.map(|at| got.swap_remove(at)).is_some()
    });
    all && (open || got.is_empty())
}

fn whole(text: &str) -> Result<Pattern, String> {
    let (pattern, rest) = value(text.trim())?;
    if rest.is_empty() { Ok(pattern) } else { Err(format!("not understood: {rest}")) }
}

type Parsed<'a> = Result<(Pattern, &'a str), String>;

/// The words that stand for a value, or begin one.
const WORDS: &[(&str, Pattern)] = &[
    ("(nil-array)", Pattern::Exactly(Reply::NilArray)),
    ("(nil)", Pattern::Exactly(Reply::Nil)),
    ("#t", Pattern::Exactly(Reply::Bool(true))),
    ("#f", Pattern::Exactly(Reply::Bool(false))),
    ("<any>", Pattern::Any),
];

fn value(text: &str) -> Parsed<'_> {
    for (word, pattern) in WORDS {
        if let Some(rest) = text.strip_prefix(word) {
            return Ok((pattern.clone(), rest));
        }
    }
    if let Some(rest) = text.strip_prefix("set[") {
        let (items, _, rest) = items(rest, ']')?;
        return Ok((Pattern::Set(items), rest));
    }
    if let Some(rest) = text.strip_prefix("any[") {
        let (items, _, rest) = items(rest, ']')?;
        return Ok((Pattern::AnyOrder(items), rest));
    }
    if let Some(rest) = text.strip_prefix("match ") {
        let (bytes, rest) = quoted(rest)?;
        return Ok((Pattern::Like(bytes), rest));
    }
    if let Some(format @ ("txt" | "mkd")) = text.split(':').next() {
        let (inner, rest) = value(&text[4..])?;
        return Ok((Pattern::Verbatim(format.into(), Box::new(inner)), rest));
    }
    match text.chars().next() {
        Some('[') => {
            let (items, open, rest) = items(&text[1..], ']')?;
            Ok((Pattern::Array(items, open), rest))
        }
        Some('{') => map_pattern(&text[1..]),
        Some('<') => wildcard(text),
        _ => scalar(text),
    }
}

fn scalar(text: &str) -> Parsed<'_> {
    let (reply, rest) = match text.chars().next() {
        Some('"') => {
            let (bytes, rest) = quoted(text)?;
            (Reply::Bulk(bytes), rest)
        }
        Some(',') => {
            let (word, rest) = token(&text[1..]);
            (Reply::Double(word.into()), rest)
        }
        Some(mark @ ('+' | '-')) if text[1..].starts_with('"') => {
            let (bytes, rest) = quoted(&text[1..])?;
            let words = String::from_utf8_lossy(&bytes).into_owned();
            (if mark == '+' { Reply::Status(words) } else { Reply::Error(words) }, rest)
        }
        Some('+') => {
            let (word, rest) = token(&text[1..]);
            (Reply::Status(word.into()), rest)
        }
        _ if text.starts_with("big ") => {
            let (word, rest) = token(&text[4..]);
            (Reply::Big(word.into()), rest)
        }
        _ => {
            let (word, rest) = token(text);
            let number = word.parse().map_err(|_| format!("not understood: {text}"))?;
            (Reply::Int(number), rest)
        }
    };
    Ok((Pattern::Exactly(reply), rest))
}

fn token(text: &str) -> (&str, &str) {
    text.split_at(text.find([',', ']', '}', ':', ' ']).unwrap_or(text.len()))
}

/// Reads up to `close`; answers the items, whether `...` ended them, and what follows.
fn items(text: &str, close: char) -> Result<(Vec<Pattern>, bool, &str), String> {
    let mut rest = text.trim_start();
    let mut items = Vec::new();
    loop {
        if let Some(tail) = rest.strip_prefix(close) {
            return Ok((items, false, tail));
        }
        if let Some(tail) = rest.strip_prefix("...") {
            let tail = tail.strip_prefix(close).ok_or("... must be the last item")?;
            return Ok((items, true, tail));
        }
        let (item, tail) = value(rest)?;
        items.push(item);
        rest = separator(tail, close)?;
    }
}

fn map_pattern(text: &str) -> Parsed<'_> {
    let mut rest = text.trim_start();
    let mut pairs = Vec::new();
    loop {
        if let Some(tail) = rest.strip_prefix('}') {
            return Ok((Pattern::Map(pairs, false), tail));
        }
        if let Some(tail) = rest.strip_prefix("...}") {
            return Ok((Pattern::Map(pairs, true), tail));
        }
        let (key, tail) = value(rest)?;
        let tail = tail.strip_prefix(':').ok_or_else(|| format!("a colon is expected: {tail}"))?;
        let (item, tail) = value(tail.trim_start())?;
        pairs.push((key, item));
        rest = separator(tail, '}')?;
    }
}

fn separator(text: &str, close: char) -> Result<&str, String> {
    match text.strip_prefix(',') {
        Some(rest) => Ok(rest.trim_start()),
        None if text.starts_with(close) => Ok(text),
        None => Err(format!("a comma or {close} is expected: {text}")),
    }
}

/// Reads `<int>`, `<1..9>` or `<str>`, each with an optional name.
fn wildcard(text: &str) -> Parsed<'_> {
    let (inside, rest) = text[1..].split_once('>').ok_or("< is not closed")?;
    let (kind, name) = match inside.split_once(' ') {
        Some((kind, name)) => (kind, Some(name.to_string())),
        None => (inside, None),
    };
    let pattern = match kind {
        "int" => Pattern::Int(i64::MIN, i64::MAX, name),
        "str" => Pattern::Str(name),
        range => {
            let ends = range.split_once("..").ok_or_else(|| format!("<{inside}> is unknown"))?;
            let number = |text: &str| text.parse().map_err(|_| format!("<{inside}> is unknown"));
            Pattern::Int(number(ends.0)?, number(ends.1)?, name)
        }
    };
    Ok((pattern, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meets(pattern: &str, wire: &str, proto: Proto) -> bool {
        let (reply, _) = Reply::decode(wire.as_bytes()).unwrap().unwrap();
        Pattern::parse(pattern).unwrap().meets(&reply, proto, &mut Caught::new())
    }

    #[test]
    fn one_line_stands_for_both_protocols() {
        for (pattern, resp2, resp3) in [
            ("+OK", "+OK\r\n", "+OK\r\n"),
            ("-ERR a, b", "-ERR a, b\r\n", "-ERR a, b\r\n"),
            ("-\"ERR a \"", "-ERR a \r\n", "-ERR a \r\n"),
            ("(nil)", "$-1\r\n", "_\r\n"),
            ("(nil-array)", "*-1\r\n", "_\r\n"),
            ("{\"a\": 1}", "*2\r\n$1\r\na\r\n:1\r\n", "%1\r\n$1\r\na\r\n:1\r\n"),
            ("set[1, 2]", "*2\r\n:2\r\n:1\r\n", "~2\r\n:2\r\n:1\r\n"),
            (
                "[\"message\", <any>]",
                "*2\r\n$7\r\nmessage\r\n:1\r\n",
                ">2\r\n$7\r\nmessage\r\n:1\r\n",
            ),
            (",1.5", "$3\r\n1.5\r\n", ",1.5\r\n"),
            ("txt:match \"a*\"", "$2\r\nab\r\n", "=6\r\ntxt:ab\r\n"),
            ("[1, ...]", "*2\r\n:1\r\n:2\r\n", "*2\r\n:1\r\n:2\r\n"),
            (":<1..5>", ":3\r\n", ":3\r\n"),
        ] {
            assert!(meets(pattern, resp2, Proto::Resp2), "{pattern} in RESP2");
            assert!(meets(pattern, resp3, Proto::Resp3), "{pattern} in RESP3");
        }
    }

    #[test]
    fn another_type_is_another_reply() {
        assert!(!meets("(nil)", "*-1\r\n", Proto::Resp2));
        assert!(!meets("{\"a\": 1}", "*2\r\n$1\r\na\r\n:1\r\n", Proto::Resp3));
        assert!(!meets("\"OK\"", "+OK\r\n", Proto::Resp2));
        assert!(!meets("[\"message\", 1]", "*2\r\n$7\r\nmessage\r\n:1\r\n", Proto::Resp3));
        assert!(!meets(":<1..5>", ":6\r\n", Proto::Resp2));
        assert!(!meets("any[1, 1]", "*2\r\n:1\r\n:2\r\n", Proto::Resp2));
    }
}

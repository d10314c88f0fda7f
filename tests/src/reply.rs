//! What a server answers, as a tree.
//!
//! Owns: decoding of RESP2 and RESP3, and how replies are written in transcripts.
//! Uses: text.   Never: sockets, expectations.

use crate::text::quote;
use std::fmt;

/// One reply of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// `+OK`
    Status(String),
    /// `-ERR ...`, without the dash.
    Error(String),
    /// `:1`
    Int(i64),
    /// `$3 foo`
    Bulk(Vec<u8>),
    /// `$-1` of RESP2.
    Nil,
    /// `*-1` of RESP2.
    NilArray,
    /// `_` of RESP3.
    Null,
    /// `*2 ...`
    Array(Vec<Reply>),
    /// `%2 ...` of RESP3, in the order of arrival.
    Map(Vec<(Reply, Reply)>),
    /// `~2 ...` of RESP3.
    Set(Vec<Reply>),
    /// `>2 ...` of RESP3.
    Push(Vec<Reply>),
    /// `,1.5` of RESP3, as the server wrote it.
    Double(String),
    /// `#t` of RESP3.
    Bool(bool),
    /// `(123...` of RESP3.
    Big(String),
    /// `=7 txt:foo` of RESP3: the format and the bytes.
    Verbatim(String, Vec<u8>),
}

/// Bytes that are no reply.
#[derive(Debug)]
pub struct Malformed(pub String);

impl Reply {
    /// Reads one reply at the beginning of `bytes`: the reply and its length, or `None` while it is
    /// incomplete.
    pub fn decode(bytes: &[u8]) -> Result<Option<(Reply, usize)>, Malformed> {
        let mut reader = Reader { bytes, at: 0 };
        Ok(reader.reply()?.map(|reply| (reply, reader.at)))
    }

    /// The bytes of a string of any kind.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Reply::Bulk(bytes) | Reply::Verbatim(_, bytes) => Some(bytes),
            Reply::Status(text) => Some(text.as_bytes()),
            _ => None,
        }
    }

    /// The text of a string of any kind; empty when it is none.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.bytes().unwrap_or_default()).into_owned()
    }

    /// The items of an array, set or push; a map's keys and values in turn.
    pub fn items(&self) -> Vec<Reply> {
        match self {
            Reply::Array(items) | Reply::Set(items) | Reply::Push(items) => items.clone(),
            Reply::Map(pairs) => pairs.iter().flat_map(|(k, v)| [k.clone(), v.clone()]).collect(),
            _ => Vec::new(),
        }
    }

    /// The reply as a line of a transcript.
    pub fn line(&self) -> String {
        match self {
            Reply::Int(number) => format!(":{number}"),
            Reply::Status(text) if is_plain(text) => format!("+{text}"),
            Reply::Error(text) if is_plain(text) => format!("-{text}"),
            nested => nested.to_string(),
        }
    }
}

/// Whether a text survives at the end of a line of a file: no quotes needed.
fn is_plain(text: &str) -> bool {
    let printable = text.bytes().all(|b| (b' '..=b'~').contains(&b));
    printable && !text.is_empty() && !text.ends_with(' ') && !text.starts_with(['"', '<'])
}

/// A reply inside another one: numbers stand bare, errors in quotes.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reply::Status(text) if text.bytes().all(|b| b.is_ascii_alphanumeric()) => {
                write!(f, "+{text}")
            }
            Reply::Status(text) => write!(f, "+{}", quote(text.as_bytes())),
            Reply::Error(text) => write!(f, "-{}", quote(text.as_bytes())),
            Reply::Int(number) => write!(f, "{number}"),
            Reply::Bulk(bytes) => f.write_str(&quote(bytes)),
            Reply::Nil | Reply::Null => f.write_str("(nil)"),
            Reply::NilArray => f.write_str("(nil-array)"),
            Reply::Array(items) | Reply::Push(items) => list(f, "[", items, "]"),
            Reply::Set(items) => list(f, "set[", items, "]"),
            Reply::Map(pairs) => {
                f.write_str("{")?;
                for (i, (key, value)) in pairs.iter().enumerate() {
                    let comma = if i > 0 { ", " } else { "" };
                    write!(f, "{comma}{key}: {value}")?;
                }
                f.write_str("}")
            }
            Reply::Double(text) => write!(f, ",{text}"),
            Reply::Bool(value) => f.write_str(if *value { "#t" } else { "#f" }),
            Reply::Big(text) => write!(f, "big {text}"),
            Reply::Verbatim(format, bytes) => write!(f, "{format}:{}", quote(bytes)),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, open: &str, items: &[Reply], close: &str) -> fmt::Result {
    f.write_str(open)?;
    for (i, item) in items.iter().enumerate() {
        let comma = if i > 0 { ", " } else { "" };
        write!(f, "{comma}{item}")?;
    }
    f.write_str(close)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

type Part<T> = Result<Option<T>, Malformed>;

impl Reader<'_> {
    fn reply(&mut self) -> Part<Reply> {
        let Some(line) = self.line()? else { return Ok(None) };
        let (kind, rest) = line.split_at_checked(1).ok_or_else(|| Malformed(line.clone()))?;
        let reply = match kind {
            "+" => Reply::Status(rest.into()),
            "-" => Reply::Error(rest.into()),
            ":" => Reply::Int(number(rest)?),
            "," => Reply::Double(rest.into()),
            "(" => Reply::Big(rest.into()),
            "#" => Reply::Bool(rest == "t"),
            "_" => Reply::Null,
            "$" if rest == "-1" => Reply::Nil,
            "*" if rest == "-1" => Reply::NilArray,
            "$" | "=" | "!" => return self.string(kind, number(rest)?),
            "*" | "~" | ">" | "%" => return self.aggregate(kind, number(rest)?),
            _ => return Err(Malformed(line)),
        };
        Ok(Some(reply))
    }

    fn line(&mut self) -> Part<String> {
        let rest = &self.bytes[self.at..];
        let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") else { return Ok(None) };
        self.at += end + 2;
        Ok(Some(String::from_utf8_lossy(&rest[..end]).into_owned()))
    }

    fn string(&mut self, kind: &str, length: i64) -> Part<Reply> {
        let length = usize::try_from(length).map_err(|_| Malformed(format!("length {length}")))?;
        let Some(body) = self.bytes[self.at..].get(..length + 2) else { return Ok(None) };
        let Some(body) = body.strip_suffix(b"\r\n") else {
            return Err(Malformed(format!("a string of {length} bytes does not end in CR LF")));
        };
        self.at += length + 2;
        Ok(Some(match kind {
            "=" => Reply::Verbatim(
                String::from_utf8_lossy(&body[..body.len().min(3)]).into_owned(),
                body.get(4..).unwrap_or_default().to_vec(),
            ),
            "!" => Reply::Error(String::from_utf8_lossy(body).into_owned()),
            _ => Reply::Bulk(body.to_vec()),
        }))
    }

    fn aggregate(&mut self, kind: &str, count: i64) -> Part<Reply> {
        let count = usize::try_from(count).map_err(|_| Malformed(format!("count {count}")))?;
        let count = if kind == "%" { count * 2 } else { count };
        let mut items = Vec::new();
        for _ in 0..count {
            let Some(item) = self.reply()? else { return Ok(None) };
            items.push(item);
        }
        Ok(Some(match kind {
            "*" => Reply::Array(items),
            "~" => Reply::Set(items),
            ">" => Reply::Push(items),
            _ => {
                Reply::Map(items.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect())
            }
        }))
    }
}

fn number(text: &str) -> Result<i64, Malformed> {
    text.parse().map_err(|_| Malformed(format!("not a number: {text}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_and_written() {
        let wire = b"%1\r\n+k\r\n*5\r\n$3\r\na\0b\r\n:-1\r\n_\r\n=5\r\ntxt:x\r\n#f\r\n";
        let (reply, length) = Reply::decode(wire).unwrap().unwrap();
        assert_eq!(length, wire.len());
        assert_eq!(reply.line(), r#"{+k: ["a\x00b", -1, (nil), txt:"x", #f]}"#);
        for cut in 0..wire.len() {
            assert!(Reply::decode(&wire[..cut]).unwrap().is_none());
        }
    }
}

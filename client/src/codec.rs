//! Bytes into replies.
//!
//! Owns: a reply that has arrived in part.   Uses: redis-protocol (every scalar), bytes, reply.   Never: sockets, which version is
//! spoken: the first byte of a reply tells all.
//!
//! redis-protocol decodes the scalars; arrays, maps, sets, pushes and attributes are put together here, one element at a time, because
//! its own aggregates start again from the first byte at every read (quadratic for a large reply in many pieces), recurse as deep as
//! the server likes, and keep maps without order. Attributes are read and dropped.

use bytes::{Buf, Bytes, BytesMut};
use redis_protocol::error::RedisProtocolError;
use redis_protocol::{resp2, resp3};

use crate::error::{Error, Result};
use crate::reply::Reply;

/// Deeper replies are refused: whoever walks one recursively needs a stack for it.
const MAX_DEPTH: usize = 128;

/// The longest length line that can mean anything: a mark, a sign, 19 digits, an end.
const MAX_HEAD: usize = 24;

/// No room is reserved for more elements than this before they arrive.
const MAX_RESERVED: usize = 1024;

/// Decodes a stream of replies. Every byte is looked at a constant number of times.
#[derive(Default)]
pub(crate) struct Decoder {
    /// The aggregates around the next element, outermost first.
    open: Vec<Open>,
    /// How much of an unfinished line has been searched for its end.
    searched: usize,
}

/// An aggregate that still lacks elements.
struct Open {
    shape: Shape,
    missing: usize,
    items: Vec<Reply>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Array,
    Map,
    Set,
    Push,
    Attribute,
}

impl Decoder {
    /// Takes the next whole reply off the buffer; None when it has not arrived yet. After an error the stream has no meaning
    /// any more.
    pub(crate) fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Reply>> {
        loop {
            let Some(mark) = input.first() else { return Ok(None) };
            let step = match Shape::of(*mark) {
                Some(shape) => {
                    take_head(input)?.map(|count| self.begin(shape, count)).transpose()?
                }
                None => self.take_scalar(input)?.map(Some),
            };
            // None: bytes are missing. Some(None): an aggregate was opened, its elements follow.
            let Some(element) = step else { return Ok(None) };
            let Some(element) = element else { continue };
            if let Some(reply) = self.add(element) {
                return Ok(Some(reply));
            }
        }
    }

    /// Opens an aggregate, or returns it at once if there is nothing to wait for.
    fn begin(&mut self, shape: Shape, count: i64) -> Result<Option<Reply>> {
        if count == -1 {
            return Ok(Some(Reply::Null));
        }
        let broken = || Error::Protocol(format!("an aggregate of {count} elements"));
        let missing =
            usize::try_from(count).ok().and_then(|count| count.checked_mul(shape.width()));
        let missing = missing.ok_or_else(broken)?;
        if missing == 0 {
            return Ok(shape.finish(Vec::new()));
        }
        if self.open.len() == MAX_DEPTH {
            return Err(Error::Protocol(format!("a reply more than {MAX_DEPTH} levels deep")));
        }
        let items = Vec::with_capacity(missing.min(MAX_RESERVED));
        self.open.push(Open { shape, missing, items });
        Ok(None)
    }

    /// Adds an element to the innermost aggregate and closes what it completes. Returns a whole reply.
    fn add(&mut self, mut element: Reply) -> Option<Reply> {
        while let Some(inner) = self.open.last_mut() {
            inner.items.push(element);
            inner.missing -= 1;
            if inner.missing > 0 {
                return None;
            }
            let done = self.open.pop().expect("the innermost aggregate was just looked at");
            // An attribute is no element of what surrounds it.
            element = done.shape.finish(done.items)?;
        }
        Some(element)
    }

    fn take_scalar(&mut self, input: &mut BytesMut) -> Result<Option<Reply>> {
        if matches!(input[0], b'$' | b'!' | b'=') {
            head_end(input)?;
        } else if !self.line_is_whole(input) {
            return Ok(None);
        }
        let decoded = match input[0] {
            b'$' | b'+' | b'-' | b':' => scalar_of_resp2(input)?,
            b'_' | b',' | b'#' | b'!' | b'=' | b'(' => scalar_of_resp3(input)?,
            other => return Err(Error::Protocol(format!("a reply begins with byte {other}"))),
        };
        let Some((scalar, length)) = decoded else { return Ok(None) };
        if !input[..length].ends_with(b"\r\n") {
            return Err(Error::Protocol("a string is longer than it says".to_owned()));
        }
        let bytes = input.split_to(length).freeze();
        scalar.into_reply(&bytes).map(Some)
    }

    /// Whether the buffer holds the end of its first line. Bytes already searched are not searched again.
    fn line_is_whole(&mut self, input: &[u8]) -> bool {
        let found = input[self.searched..].iter().position(|byte| *byte == b'\n');
        self.searched = if found.is_some() { 0 } else { input.len() };
        found.is_some()
    }
}

impl Shape {
    fn of(mark: u8) -> Option<Shape> {
        Some(match mark {
            b'*' => Shape::Array,
            b'%' => Shape::Map,
            b'~' => Shape::Set,
            b'>' => Shape::Push,
            b'|' => Shape::Attribute,
            _ => return None,
        })
    }

    /// How many elements each unit of the announced length stands for.
    fn width(self) -> usize {
        match self {
            Shape::Map | Shape::Attribute => 2,
            Shape::Array | Shape::Set | Shape::Push => 1,
        }
    }

    fn finish(self, items: Vec<Reply>) -> Option<Reply> {
        match self {
            Shape::Array => Some(Reply::Array(items)),
            Shape::Set => Some(Reply::Set(items)),
            Shape::Push => Some(Reply::Push(items)),
            Shape::Map => Some(Reply::Map(pairs(items))),
            Shape::Attribute => None,
        }
    }
}

fn pairs(items: Vec<Reply>) -> Vec<(Reply, Reply)> {
    let mut pairs = Vec::with_capacity(items.len() / 2);
    let mut items = items.into_iter();
    while let (Some(key), Some(value)) = (items.next(), items.next()) {
        pairs.push((key, value));
    }
    pairs
}

/// Where the first line ends, if it is there. An error when it is too long for a length.
fn head_end(input: &[u8]) -> Result<Option<usize>> {
    match input.iter().take(MAX_HEAD).position(|byte| *byte == b'\n') {
        Some(end) => Ok(Some(end)),
        None if input.len() >= MAX_HEAD => Err(Error::Protocol("a length has no end".to_owned())),
        None => Ok(None),
    }
}

/// Takes the line that announces an aggregate and returns its number.
fn take_head(input: &mut BytesMut) -> Result<Option<i64>> {
    let Some(end) = head_end(input)? else { return Ok(None) };
    let digits = input[1..=end].strip_suffix(b"\r\n");
    let number = digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    input.advance(end + 1);
    number.map(Some).ok_or_else(|| Error::Protocol("a length is no number".to_owned()))
}

/// A decoded scalar whose text is still a place in the buffer.
enum Scalar {
    Null,
    Int(i64),
    Double(f64),
    Bool(bool),
    Bulk(usize, usize),
    Simple(usize, usize),
    Error(usize, usize),
    BigNumber(usize, usize),
    Verbatim(usize, usize),
}

impl Scalar {
    fn into_reply(self, bytes: &Bytes) -> Result<Reply> {
        // Errors and digits are for people: what is no UTF-8 in them is not worth a broken connection.
        let text = |start, end| String::from_utf8_lossy(&bytes[start..end]).into_owned();
        Ok(match self {
            Scalar::Null => Reply::Null,
            Scalar::Int(number) => Reply::Int(number),
            Scalar::Double(number) => Reply::Double(number),
            Scalar::Bool(truth) => Reply::Bool(truth),
            Scalar::Bulk(start, end) => Reply::Bulk(bytes.slice(start..end)),
            Scalar::Simple(start, end) => Reply::Simple(bytes.slice(start..end)),
            Scalar::Error(start, end) => Reply::Error(text(start, end)),
            Scalar::BigNumber(start, end) => Reply::BigNumber(text(start, end)),
            Scalar::Verbatim(start, end) => {
                let format = bytes[..start].strip_suffix(b":").and_then(|head| head.last_chunk());
                let format =
                    format.ok_or_else(|| Error::Protocol("text without a format".to_owned()))?;
                Reply::Verbatim(*format, bytes.slice(start..end))
            }
        })
    }
}

type Decoded = Result<Option<(Scalar, usize)>>;

fn broken(error: RedisProtocolError) -> Error {
    Error::Protocol(error.to_string().chars().take(200).collect())
}

fn scalar_of_resp2(input: &[u8]) -> Decoded {
    use resp2::types::RangeFrame as Frame;

    let Some((frame, length)) = resp2::decode::decode_range(input).map_err(broken)? else {
        return Ok(None);
    };
    let scalar = match frame {
        Frame::SimpleString((start, end)) => Scalar::Simple(start, end),
        Frame::Error((start, end)) => Scalar::Error(start, end),
        Frame::Integer(number) => Scalar::Int(number),
        Frame::BulkString((start, end)) => Scalar::Bulk(start, end),
        Frame::Null => Scalar::Null,
        Frame::Array(_) => unreachable!("arrays never come here"),
    };
    Ok(Some((scalar, length)))
}

fn scalar_of_resp3(input: &[u8]) -> Decoded {
    use resp3::types::RangeFrame as Frame;

    let Some((frame, length)) = resp3::decode::complete::decode_range(input).map_err(broken)?
    else {
        return Ok(None);
    };
    let scalar = match frame {
        Frame::Null => Scalar::Null,
        Frame::Boolean { data, .. } => Scalar::Bool(data),
        Frame::Number { data, .. } => Scalar::Int(data),
        Frame::Double { data, .. } => Scalar::Double(data),
        Frame::BlobString { data: (start, end), .. } => Scalar::Bulk(start, end),
        Frame::SimpleString { data: (start, end), .. } => Scalar::Simple(start, end),
        Frame::BlobError { data: (start, end), .. }
        | Frame::SimpleError { data: (start, end), .. } => Scalar::Error(start, end),
        Frame::BigNumber { data: (start, end), .. } => Scalar::BigNumber(start, end),
        Frame::VerbatimString { data: (start, end), .. } => Scalar::Verbatim(start, end),
        Frame::Array { .. }
        | Frame::Map { .. }
        | Frame::Set { .. }
        | Frame::Push { .. }
        | Frame::Hello { .. }
        | Frame::ChunkedString(_) => unreachable!("their first bytes never come here"),
    };
    Ok(Some((scalar, length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &'static str) -> Reply {
        Reply::Bulk(Bytes::from_static(text.as_bytes()))
    }

    /// Decodes everything, with the bytes arriving in pieces of a length.
    fn decode(bytes: &[u8], piece: usize) -> Result<Vec<Reply>> {
        let (mut decoder, mut input, mut replies) = (Decoder::default(), BytesMut::new(), vec![]);
        for part in bytes.chunks(piece) {
            input.extend_from_slice(part);
            while let Some(reply) = decoder.decode(&mut input)? {
                replies.push(reply);
            }
        }
        assert!(input.is_empty() || replies.is_empty(), "bytes are left: {input:?}");
        Ok(replies)
    }

    #[test]
    fn every_kind_arrives_whole_or_in_pieces() {
        let bytes = b"+OK\r\n-ERR no \xff\r\n:-5\r\n$3\r\na\r\n\r\n$0\r\n\r\n$-1\r\n*-1\r\n*0\r\n_\r\n,1.5\r\n,-inf\r\n#t\r\n\
            (12345678901234567890123\r\n!5\r\nERR x\r\n=7\r\ntxt:a b\r\n%1\r\n+k\r\n*2\r\n:1\r\n~1\r\n:2\r\n>2\r\n+message\r\n$1\r\nc\r\n";
        let expected = vec![
            Reply::Simple(Bytes::from_static(b"OK")),
            Reply::Error("ERR no \u{fffd}".to_owned()),
            Reply::Int(-5),
            bulk("a\r\n"),
            bulk(""),
            Reply::Null,
            Reply::Null,
            Reply::Array(vec![]),
            Reply::Null,
            Reply::Double(1.5),
            Reply::Double(f64::NEG_INFINITY),
            Reply::Bool(true),
            Reply::BigNumber("12345678901234567890123".to_owned()),
            Reply::Error("ERR x".to_owned()),
            Reply::Verbatim(*b"txt", Bytes::from_static(b"a b")),
            Reply::Map(vec![(
                Reply::Simple(Bytes::from_static(b"k")),
                Reply::Array(vec![Reply::Int(1), Reply::Set(vec![Reply::Int(2)])]),
            )]),
            Reply::Push(vec![Reply::Simple(Bytes::from_static(b"message")), bulk("c")]),
        ];
        for piece in [1, 2, 3, 7, bytes.len()] {
            assert_eq!(decode(bytes, piece).unwrap(), expected, "pieces of {piece}");
        }
    }

    #[test]
    fn maps_keep_their_order_and_their_repeated_keys() {
        let replies = decode(b"%3\r\n+b\r\n:1\r\n+a\r\n:2\r\n+b\r\n:3\r\n", 100).unwrap();
        let Reply::Map(pairs) = &replies[0] else { panic!("no map: {replies:?}") };
        let values: Vec<_> = pairs.iter().map(|(_, value)| value.clone()).collect();
        assert_eq!(values, [Reply::Int(1), Reply::Int(2), Reply::Int(3)]);
    }

    #[test]
    fn attributes_are_dropped_wherever_they_stand() {
        let bytes = b"|1\r\n+ttl\r\n:3\r\n*2\r\n|1\r\n+x\r\n*1\r\n:9\r\n:1\r\n|0\r\n:2\r\n";
        let expected = Reply::Array(vec![Reply::Int(1), Reply::Int(2)]);
        assert_eq!(decode(bytes, 1).unwrap(), [expected]);
    }

    #[test]
    fn nonsense_is_an_error() {
        for bytes in [
            &b"hello\r\n"[..],
            b"*x\r\n",
            b"*-2\r\n",
            b"%-2\r\n",
            b":1x\r\n",
            b"$-5\r\n",
            b"$1\r\nabc\r\n",
            b"*111111111111111111111111",
            b"$111111111111111111111111",
            b"#x\r\n",
            b"\r\n",
        ] {
            assert!(matches!(decode(bytes, 100), Err(Error::Protocol(_))), "{bytes:?}");
        }
        assert!(decode(&b"*1\r\n".repeat(MAX_DEPTH + 1), 100).is_err());
    }

    #[test]
    fn a_claimed_length_reserves_nothing() {
        assert_eq!(decode(b"*4611686018427387904\r\n:1\r\n", 100).unwrap(), []);
        assert_eq!(decode(b"$4611686018427387904\r\na", 100).unwrap(), []);
    }
}

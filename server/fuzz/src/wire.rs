//! A reactor in miniature, and the parser of another project to compare with.
//!
//! Owns: how requests are read in pieces.   Uses: the request parser, redis-protocol as the oracle.
//! Never: sockets.

use bytes::BufMut;
use lodestore_server::resp::{Args, Halt, Limits, Parser, Requests};
use redis_protocol::resp2::decode::decode;
use redis_protocol::resp2::types::OwnedFrame;

/// A request: its words.
pub type Owned = Vec<Vec<u8>>;

/// What a client may send that has authenticated itself.
pub const OPEN: Limits = Limits { max_bulk: 512 << 20, authenticated: true };
/// What everybody may send.
pub const CLOSED: Limits = Limits { max_bulk: 512 << 20, authenticated: false };

/// The words of a request.
pub fn owned(args: Args<'_>) -> Owned {
    args.iter().map(<[u8]>::to_vec).collect()
}

/// Requests in their wire form.
pub fn encode(requests: &[Owned]) -> Vec<u8> {
    let mut out = Vec::new();
    for request in requests {
        out.extend(format!("*{}\r\n", request.len()).bytes());
        for arg in request {
            out.extend(format!("${}\r\n", arg.len()).bytes());
            out.extend(arg);
            out.extend(b"\r\n");
        }
    }
    out
}

/// Reads as the reactor does, and collects what comes out.
pub struct Connection {
    pub parser: Parser,
    pub batch: Requests,
    pub limits: Limits,
    pub seen: Vec<Owned>,
    pub halt: Halt,
}

impl Connection {
    pub fn new(limits: Limits) -> Connection {
        let (parser, batch) = (Parser::new(), Requests::default());
        Connection { parser, batch, limits, seen: Vec::new(), halt: Halt::NeedMore }
    }

    /// Delivers bytes; `hand_over` ends the turn, if there is anything to execute.
    pub fn read(&mut self, mut chunk: &[u8], hand_over: bool) {
        while !chunk.is_empty() && matches!(self.halt, Halt::NeedMore) {
            if let Some(mut target) = self.parser.big() {
                let now = chunk.len().min(target.remaining_mut());
                assert!(now > 0, "there is room for the bytes of a big argument");
                target.put_slice(&chunk[..now]);
                chunk = &chunk[now..];
            } else {
                self.batch.buf.extend_from_slice(chunk);
                chunk = &[];
            }
            self.parse();
        }
        if hand_over && !self.batch.is_empty() {
            self.hand_over();
        }
    }

    pub fn parse(&mut self) {
        loop {
            self.halt = self.parser.parse(&mut self.batch, &self.limits);
            if self.halt != Halt::Full {
                return;
            }
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        let mut next = Requests::default();
        self.parser.carry(&mut self.batch, &mut next);
        self.seen.extend((0..self.batch.len()).map(|i| owned(self.batch.args(i))));
        self.batch.clear();
        self.batch = next;
    }

    /// All requests that were read, and where reading stopped.
    pub fn end(mut self) -> (Vec<Owned>, Halt) {
        self.seen.extend((0..self.batch.len()).map(|i| owned(self.batch.args(i))));
        (self.seen, self.halt)
    }
}

/// Reads a stream as one piece.
pub fn parse_at_once(stream: &[u8], limits: Limits) -> (Vec<Owned>, Halt) {
    let mut connection = Connection::new(limits);
    connection.read(stream, false);
    connection.end()
}

/// Reads a stream byte by byte.
pub fn parse_bytewise(stream: &[u8], limits: Limits, hand_over: bool) -> (Vec<Owned>, Halt) {
    let mut connection = Connection::new(limits);
    for byte in stream {
        connection.read(std::slice::from_ref(byte), hand_over);
    }
    connection.end()
}

/// The requests at the beginning of a stream, read by redis-protocol, and how many bytes they are. It ends at
/// what is no request in the form that every client writes: signs, leading zeros, other types.
pub fn oracle(stream: &[u8]) -> (Vec<Owned>, usize) {
    let (mut requests, mut at) = (Vec::new(), 0);
    while let Ok(Some((OwnedFrame::Array(parts), taken))) = decode(&stream[at..]) {
        let Some(request) = parts.into_iter().map(text).collect::<Option<Owned>>() else { break };
        let is_usual = encode(std::slice::from_ref(&request)) == stream[at..at + taken];
        if request.is_empty() || !is_usual {
            break;
        }
        requests.push(request);
        at += taken;
    }
    (requests, at)
}

fn text(frame: OwnedFrame) -> Option<Vec<u8>> {
    match frame {
        OwnedFrame::BulkString(text) => Some(text),
        _ => None,
    }
}

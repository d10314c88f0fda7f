//! The bytes that a generator sends, built before the clock starts.
//!
//! Owns: the requests and the form of keys and values.   Uses: lodestore_server::base::random.   Never: a socket.
//!
//! Every request of one kind has the same length and so has its reply. A pipeline is then one slice of the
//! ring, and its replies are complete when enough bytes have come: nothing is parsed.

use crate::Outcome;
use lodestore_server::base::random::Rng;
use std::fmt;
use std::str::FromStr;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// GET of one key.
    Get,
    /// SET of one key.
    Set,
    /// MGET of so many keys.
    Mget(usize),
    /// PING: what a server costs that does nothing.
    Ping,
}

impl FromStr for Op {
    type Err = crate::Failure;

    fn from_str(text: &str) -> Outcome<Op> {
        match text {
            "get" => Ok(Op::Get),
            "set" => Ok(Op::Set),
            "ping" => Ok(Op::Ping),
            _ => match text.strip_prefix("mget").map(str::parse) {
                Some(Ok(keys)) if (1..=10_000).contains(&keys) => Ok(Op::Mget(keys)),
                Some(_) | None => Err(format!("{text}: not get, set, ping or mgetN").into()),
            },
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Op::Get => f.pad("get"),
            Op::Set => f.pad("set"),
            Op::Ping => f.pad("ping"),
            Op::Mget(keys) => f.pad(&format!("mget{keys}")),
        }
    }
}

/// Which keys there are and how the ring over them is built.
#[derive(Clone, Copy, Debug)]
pub struct Space {
    /// The keys `0..keys` exist.
    pub keys: u64,
    /// Bytes of every value.
    pub size: usize,
    /// How many requests the ring holds. More touch more of the server's memory and cost the generator more cache.
    pub distinct: usize,
}

/// A ring of requests of equal length with random keys.
#[derive(Clone, Debug)]
pub struct Requests {
    ring: Vec<u8>,
    request_len: usize,
    reply_len: usize,
    reply_start: u8,
    pipeline: usize,
    next: usize,
    distinct: usize,
}

/// A ring takes at most this much memory, whatever `distinct` asks for.
const RING_LIMIT: usize = 64 << 20;

impl Requests {
    /// Builds a ring for pipelines of `pipeline` requests. The same seed gives the same keys.
    pub fn new(op: Op, space: Space, pipeline: usize, seed: u64) -> Requests {
        let mut rng = Rng::new(seed);
        let value = value(space.size);
        let mut ring = Vec::new();
        push_request(&mut ring, op, &value, || rng.below(space.keys));
        let request_len = ring.len();
        let distinct = space.distinct.clamp(1, (RING_LIMIT / request_len).max(1));
        // A pipeline that starts near the end runs on into these extra requests.
        for _ in 1..distinct + pipeline - 1 {
            push_request(&mut ring, op, &value, || rng.below(space.keys));
        }
        let (reply_start, reply_len) = reply_shape(op, space.size);
        Requests { ring, request_len, reply_len, reply_start, pipeline, next: 0, distinct }
    }

    /// Where the next pipeline lies in `bytes`. Walking the ring in order lets the processor fetch ahead.
    pub fn next_pipeline(&mut self) -> std::ops::Range<usize> {
        let start = self.next * self.request_len;
        self.next = (self.next + self.pipeline) % self.distinct;
        start..start + self.pipeline * self.request_len
    }

    /// The ring itself.
    pub fn bytes(&self) -> &[u8] {
        &self.ring
    }

    /// Requests in one pipeline.
    pub fn pipeline(&self) -> usize {
        self.pipeline
    }

    /// Bytes of the replies to one pipeline.
    pub fn replies_len(&self) -> usize {
        self.reply_len * self.pipeline
    }

    /// The first byte of every right reply.
    pub fn reply_start(&self) -> u8 {
        self.reply_start
    }
}

/// The key of that number: 16 bytes.
pub fn key(number: u64) -> [u8; 16] {
    let mut key = *b"key:000000000000";
    let mut rest = number;
    for digit in key[4..].iter_mut().rev() {
        *digit += (rest % 10) as u8;
        rest /= 10;
    }
    key
}

/// A value of `size` bytes.
pub fn value(size: usize) -> Vec<u8> {
    (b'a'..=b'z').cycle().take(size).collect()
}

/// Appends one command.
pub fn push_command<'a>(
    out: &mut Vec<u8>,
    words: impl IntoIterator<Item = &'a [u8], IntoIter: ExactSizeIterator>,
) {
    let words = words.into_iter();
    out.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

fn push_request(out: &mut Vec<u8>, op: Op, value: &[u8], mut number: impl FnMut() -> u64) {
    match op {
        Op::Get => push_command(out, [b"GET", &key(number())[..]]),
        Op::Set => push_command(out, [b"SET", &key(number())[..], value]),
        Op::Ping => push_command(out, [&b"PING"[..]]),
        Op::Mget(keys) => {
            let keys: Vec<[u8; 16]> = (0..keys).map(|_| key(number())).collect();
            let words: Vec<&[u8]> =
                [&b"MGET"[..]].into_iter().chain(keys.iter().map(|key| &key[..])).collect();
            push_command(out, words);
        }
    }
}

/// The first byte and the length of a right reply.
fn reply_shape(op: Op, size: usize) -> (u8, usize) {
    let bulk = format!("${size}\r\n").len() + size + 2;
    match op {
        Op::Get => (b'$', bulk),
        Op::Set => (b'+', "+OK\r\n".len()),
        Op::Ping => (b'+', "+PONG\r\n".len()),
        Op::Mget(keys) => (b'*', format!("*{keys}\r\n").len() + keys * bulk),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPACE: Space = Space { keys: 1000, size: 3, distinct: 10 };

    #[test]
    fn a_ring_holds_whole_requests_of_one_length() {
        for op in [Op::Get, Op::Set, Op::Mget(3), Op::Ping] {
            let mut requests = Requests::new(op, SPACE, 4, 1);
            assert_eq!(requests.bytes().len(), 13 * requests.next_pipeline().len() / 4);
            for _ in 0..20 {
                let pipeline = requests.next_pipeline();
                let bytes = &requests.bytes()[pipeline];
                assert!(bytes.starts_with(b"*") && bytes.ends_with(b"\r\n"));
                assert_eq!(bytes.iter().filter(|byte| **byte == b'*').count(), 4);
            }
        }
    }

    #[test]
    fn the_shapes_of_replies() {
        assert_eq!(reply_shape(Op::Get, 64), (b'$', 5 + 64 + 2));
        assert_eq!(reply_shape(Op::Mget(2), 3), (b'*', "*2\r\n$3\r\nabc\r\n$3\r\nabc\r\n".len()));
    }

    #[test]
    fn keys_and_names() {
        assert_eq!(&key(1_234_567), b"key:000001234567");
        assert_eq!("mget100".parse::<Op>().unwrap(), Op::Mget(100));
        assert_eq!(Op::Mget(100).to_string(), "mget100");
        assert!("mget0".parse::<Op>().is_err() && "del".parse::<Op>().is_err());
    }
}

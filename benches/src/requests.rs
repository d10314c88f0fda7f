//! The bytes that a generator sends, built before the clock starts.
//!
//! Owns: the requests and the form of keys and values.   Uses: lodestore_server::base::random.   Never: a socket.
//!
//! All replies of one kind have the same number of lines, since no data of ours holds a line's end. The replies to a
//! pipeline are complete when enough lines have come: nothing is parsed, however deep a reply is nested.

use crate::Outcome;
use crate::workload::Workload;
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
    /// A command on data of its own.
    Typed(&'static Workload),
}

impl Op {
    /// Whether it works on the keys that [`Space`] describes, which must be there before.
    pub fn wants_space(self) -> bool {
        match self {
            Op::Get | Op::Set | Op::Mget(_) => true,
            Op::Ping | Op::Typed(_) => false,
        }
    }
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
                Some(_) => Err(format!("{text}: N of mgetN is 1 to 10000").into()),
                None => Ok(Op::Typed(Workload::named(text)?)),
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
            Op::Typed(workload) => f.pad(workload.name),
        }
    }
}

/// How every right reply looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Its first byte.
    pub start: u8,
    /// Its lines, in RESP2.
    pub lines: usize,
}

impl Shape {
    /// A status, a number: one line.
    pub const fn line(start: u8) -> Shape {
        Shape { start, lines: 1 }
    }

    /// A bulk string.
    pub const BULK: Shape = Shape { start: b'$', lines: 2 };

    /// An array of so many bulk strings.
    pub const fn array(bulks: usize) -> Shape {
        Shape { start: b'*', lines: 1 + 2 * bulks }
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

/// A ring of requests with random keys.
#[derive(Clone, Debug)]
pub struct Requests {
    ring: Vec<u8>,
    /// Where each request begins, and the end.
    starts: Vec<u32>,
    shape: Shape,
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
        let mut requests = Requests {
            ring: Vec::new(),
            starts: vec![0],
            shape: shape(op),
            pipeline,
            next: 0,
            distinct: 1,
        };
        requests.push(op, &value, space.keys, &mut rng);
        let fitting = RING_LIMIT / requests.ring.len();
        requests.distinct = space.distinct.clamp(1, fitting.max(1));
        // A pipeline that starts near the end runs on into these extra requests.
        for _ in 1..requests.distinct + pipeline - 1 {
            requests.push(op, &value, space.keys, &mut rng);
        }
        requests
    }

    fn push(&mut self, op: Op, value: &[u8], keys: u64, rng: &mut Rng) {
        push_request(&mut self.ring, op, value, keys, rng);
        self.starts.push(u32::try_from(self.ring.len()).expect("a ring is smaller than 4 GiB"));
    }

    /// Where the next pipeline lies in `bytes`. Walking the ring in order lets the processor fetch ahead.
    pub fn next_pipeline(&mut self) -> std::ops::Range<usize> {
        let first = self.next;
        self.next = (first + self.pipeline) % self.distinct;
        self.starts[first] as usize..self.starts[first + self.pipeline] as usize
    }

    /// The ring itself.
    pub fn bytes(&self) -> &[u8] {
        &self.ring
    }

    /// Requests in one pipeline.
    pub fn pipeline(&self) -> usize {
        self.pipeline
    }

    /// Lines of the replies to one pipeline.
    pub fn reply_lines(&self) -> usize {
        self.shape.lines * self.pipeline
    }

    /// The first byte of every right reply.
    pub fn reply_start(&self) -> u8 {
        self.shape.start
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

/// Appends one command of text.
pub fn push_words(out: &mut Vec<u8>, words: &[&str]) {
    push_command(out, words.iter().map(|word| word.as_bytes()));
}

fn push_request(out: &mut Vec<u8>, op: Op, value: &[u8], keys: u64, rng: &mut Rng) {
    let mut next = || key(rng.below(keys));
    match op {
        Op::Get => push_command(out, [b"GET", &next()[..]]),
        Op::Set => push_command(out, [b"SET", &next()[..], value]),
        Op::Ping => push_command(out, [&b"PING"[..]]),
        Op::Mget(keys) => {
            let keys: Vec<[u8; 16]> = (0..keys).map(|_| next()).collect();
            let words: Vec<&[u8]> =
                [&b"MGET"[..]].into_iter().chain(keys.iter().map(|key| &key[..])).collect();
            push_command(out, words);
        }
        Op::Typed(workload) => workload.push(out, rng),
    }
}

fn shape(op: Op) -> Shape {
    match op {
        Op::Get => Shape::BULK,
        Op::Set | Op::Ping => Shape::line(b'+'),
        Op::Mget(keys) => Shape::array(keys),
        Op::Typed(workload) => workload.reply,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPACE: Space = Space { keys: 1000, size: 3, distinct: 10 };

    #[test]
    fn a_pipeline_is_whole_requests() {
        let typed = Op::Typed(Workload::named("zadd").unwrap());
        for op in [Op::Get, Op::Set, Op::Mget(3), Op::Ping, typed] {
            let mut requests = Requests::new(op, SPACE, 4, 1);
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
        let lines = |text: &str| text.matches('\n').count();
        assert_eq!(shape(Op::Get).lines, lines("$3\r\nabc\r\n"));
        assert_eq!(shape(Op::Mget(2)).lines, lines("*2\r\n$3\r\nabc\r\n$3\r\nabc\r\n"));
    }

    #[test]
    fn keys_and_names() {
        assert_eq!(&key(1_234_567), b"key:000001234567");
        assert_eq!("mget100".parse::<Op>().unwrap(), Op::Mget(100));
        assert_eq!(Op::Mget(100).to_string(), "mget100");
        assert_eq!("lrange300".parse::<Op>().unwrap().to_string(), "lrange300");
        assert!("mget0".parse::<Op>().is_err() && "del".parse::<Op>().is_err());
    }
}

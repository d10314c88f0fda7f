//! Bytes of a connection into requests.
//!
//! Owns: the read buffer, the ranges of the arguments in it, the state of a half-read request.
//! Uses: args, inline, base.   Never: reads a socket, knows a command.
//!
//! ```text
//!   buf   *3..$3..SET..$1..k..$2..vv..  *2..$3..GET..$1..k..  *3..$3..SE
//!   args   [SET) [k) [vv)                [GET) [k)             (none yet)      ranges of buf
//!   requests  (first 0, count 3)         (3, 2)                                ranges of args
//!                                                           parsed ^
//! ```
//!
//! A request's arguments stay where they were read. A half-read request never starts over: its finished
//! arguments stand at the end of `args`, `parsed` is behind them, and [`Parser`] knows how many are to come.
//! Only a bulk string of 32 KiB or more that has not fully arrived leaves the buffer: the rest is received
//! into an allocation of its own, which a value can keep without a copy.
//!
//! Invariants
//!  1. `args` behind those of the last request are the finished ones of the half-read request.
//!  2. No memory is taken for a number that was only claimed: `args` grows as arguments arrive, a big
//!     bulk string by a multiple of what has arrived, or 1 MiB.
//!  3. Every byte is looked at a constant number of times, however the stream is cut.
//!
//! As in Redis, the two bytes that end a line or a bulk string are skipped; only the `\r` that ends a
//! length is looked for.

use ::bytes::buf::{BufMut, Limit};
use memchr::memchr;

use super::args::{ArgRange, Args};
use super::inline;
use super::protocol::ProtocolError;
use crate::base::blob::Blob;
use crate::base::bytes::parse_i64;

/// How many requests one batch holds at most.
pub const BATCH_MAX: usize = 8192;
/// A bulk string of this length or more is received into a buffer of its own, unless it is already there.
pub const BIG_BULK: usize = 32 * 1024;
/// The longest line: a length, or a whole inline request.
pub const LINE_MAX: usize = 64 * 1024;

/// The read buffer ends before ranges of 32 bits do.
const BUF_MAX: usize = u32::MAX as usize - 1;
/// The longest bulk string that [`Parser::quick`] takes: four digits.
const QUICK_BULK_MAX: usize = 9999;
/// How far the buffer of a big bulk string may reserve beyond what has arrived, at least.
const BIG_AHEAD: usize = 1 << 20;
/// And how many times what has arrived: every step of growing copies all that came before, into pages that
/// the kernel must clear first, while reserved memory that is not written to costs addresses only.
const BIG_GROWTH: usize = 16;
/// The most arguments a client that has not authenticated may announce, and the longest.
const UNAUTHENTICATED_ARGS: i64 = 10;
const UNAUTHENTICATED_BULK: usize = 16 * 1024;

/// One complete request: a range of `Requests::args`.
#[derive(Clone, Copy, Debug)]
struct Request {
    first: u32,
    count: u32,
}

/// A read buffer and the requests found in it. Reused: clearing keeps the memory.
#[derive(Debug, Default)]
pub struct Requests {
    /// What was read; the reactor appends, the parser moves on.
    pub buf: Vec<u8>,
    parsed: usize,
    args: Vec<ArgRange>,
    requests: Vec<Request>,
    big: Vec<Blob>,
}

impl Requests {
    /// An empty batch whose buffer has room for `bytes`.
    pub fn with_capacity(bytes: usize) -> Requests {
        Requests { buf: Vec::with_capacity(bytes), ..Requests::default() }
    }

    /// How many requests are complete.
    #[inline]
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// Whether no request is complete.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// Request number `i`. Panics if there is none.
    #[inline]
    pub fn args(&self, i: usize) -> Args<'_> {
        let Request { first, count } = self.requests[i];
        let first = first as usize;
        Args::new(&self.buf, &self.args[first..first + count as usize], &self.big)
    }

    /// Whether any argument arrived as a blob of its own.
    #[inline]
    pub fn has_big(&self) -> bool {
        !self.big.is_empty()
    }

    /// Appends a copy of a request (big arguments are shared): for queues such as that of MULTI.
    ///
    /// Not for a batch that a parser is filling.
    pub fn push(&mut self, args: Args<'_>) {
        let first = self.open();
        args.copy_to(&mut self.buf, &mut self.args, &mut self.big);
        self.parsed = self.buf.len();
        self.finish(first);
    }

    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        self.buf.clear();
        self.parsed = 0;
        self.args.clear();
        self.requests.clear();
        self.big.clear();
    }

    /// Gives memory back so that at most about `keep` bytes of buffer stay. For an empty batch.
    pub fn shrink(&mut self, keep: usize) {
        let requests = keep / size_of::<Request>() / 8;
        self.buf.shrink_to(keep);
        self.args.shrink_to(requests * 2);
        self.requests.shrink_to(requests);
        self.big.shrink_to(0);
    }

    /// Bytes of memory in use, capacities included.
    #[inline]
    pub fn footprint(&self) -> usize {
        let big: usize = self.big.iter().map(|blob| blob.len()).sum();
        room(&self.buf) + room(&self.args) + room(&self.requests) + room(&self.big) + big
    }

    /// Where the arguments of the half-read request begin.
    fn open(&self) -> usize {
        self.requests.last().map_or(0, |last| (last.first + last.count) as usize)
    }

    /// Makes a request of the arguments from `first` on.
    #[inline]
    fn finish(&mut self, first: usize) {
        let count = self.args.len() - first;
        self.requests.push(Request { first: first as u32, count: count as u32 });
    }

    fn rest(&self) -> &[u8] {
        &self.buf[self.parsed..]
    }
}

/// Bytes of a list's memory.
#[inline]
fn room<T>(list: &Vec<T>) -> usize {
    // No allocation is larger than an address space.
    list.capacity().wrapping_mul(size_of::<T>())
}

/// What a connection may send.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest bulk string, in bytes (`proto-max-bulk-len`).
    pub max_bulk: usize,
    /// Whether the client may send large requests already.
    pub authenticated: bool,
}

/// Why parsing stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Halt {
    /// Everything that has arrived is parsed. Read on; first into [`Parser::big`], if there is one.
    NeedMore,
    /// A request too large for a client that has not authenticated. Parse again when it has, or else
    /// answer [`Parser::auth_error`].
    NeedAuth,
    /// The stream makes no sense. The requests before it count; then the connection closes.
    Error(ProtocolError),
    /// The batch holds [`BATCH_MAX`] requests and there is more.
    Full,
}

/// Where to receive the rest of a big bulk string: takes what is missing, or less.
pub type BigTarget<'a> = Limit<&'a mut Vec<u8>>;

/// A big bulk string on its way.
#[derive(Debug)]
struct Big {
    bytes: Vec<u8>,
    want: usize,
}

impl Big {
    fn missing(&self) -> usize {
        self.want - self.bytes.len()
    }
}

/// How far the next argument of the half-read request is.
#[derive(Debug)]
enum Bulk {
    /// Its length comes next.
    Header,
    /// So many bytes come next, into the read buffer.
    Small(usize),
    /// The bytes come into a buffer of their own.
    Big(Big),
}

/// The state of one connection's stream between two reads.
#[derive(Debug)]
pub struct Parser {
    /// Arguments to come of the half-read request; 0 between requests.
    left: usize,
    bulk: Bulk,
    /// So many bytes behind `parsed` hold no end of line.
    scanned: usize,
    refused: Option<ProtocolError>,
}

impl Default for Parser {
    fn default() -> Parser {
        Parser { left: 0, bulk: Bulk::Header, scanned: 0, refused: None }
    }
}

impl Parser {
    /// A parser at the beginning of a stream.
    pub fn new() -> Parser {
        Parser::default()
    }

    /// Finds the requests in what was read since the last call. After [`Halt::Error`] the stream is lost.
    ///
    /// Always the same pair of parser and batch, until [`Parser::carry`] moves on to another batch.
    pub fn parse(&mut self, into: &mut Requests, limits: &Limits) -> Halt {
        self.refused = None;
        if into.buf.len() > BUF_MAX {
            return Halt::Error(ProtocolError::LongRequest);
        }
        let quick = limits.max_bulk >= QUICK_BULK_MAX;
        let halt = loop {
            if quick && matches!(self.bulk, Bulk::Header) {
                self.quick(into);
                if into.rest().is_empty() {
                    break Halt::NeedMore;
                }
            }
            if let Err(halt) = self.step(into, limits) {
                break halt;
            }
        };
        self.drop_nothings(into);
        halt
    }

    /// Why [`Halt::NeedAuth`] was returned.
    pub fn auth_error(&self) -> Option<ProtocolError> {
        self.refused.clone()
    }

    /// Where to read next instead of `Requests::buf`: a big bulk string of which bytes are missing.
    pub fn big(&mut self) -> Option<BigTarget<'_>> {
        let Bulk::Big(big) = &mut self.bulk else { return None };
        let missing = big.missing();
        if missing == 0 {
            return None;
        }
        if big.bytes.capacity() == big.bytes.len() {
            let ahead = big.bytes.len().saturating_mul(BIG_GROWTH).max(BIG_AHEAD);
            big.bytes.reserve_exact(missing.min(ahead));
        }
        let room = missing.min(big.bytes.capacity() - big.bytes.len());
        Some((&mut big.bytes).limit(room))
    }

    /// Whether a request is half read, or bytes wait to be parsed: the stream may not end here.
    pub fn is_midway(&self, batch: &Requests) -> bool {
        self.left > 0 || !batch.rest().is_empty()
    }

    /// Moves the half-read request and the unparsed bytes behind the complete requests of `from` to the
    /// empty batch `to`, so that `from` can go. Copies no byte of a big argument.
    ///
    /// Every byte is moved at most once if `from` goes only when it holds a complete request.
    pub fn carry(&mut self, from: &mut Requests, to: &mut Requests) {
        assert!(to.is_empty() && to.buf.is_empty(), "requests are carried to an empty batch");
        if from.is_empty() {
            return std::mem::swap(from, to);
        }
        let open = from.open();
        let tail = &from.args[open..];
        let start = tail.iter().find_map(|range| range.start()).unwrap_or(from.parsed);
        let bigs = from.big.len() - tail.iter().filter(|range| range.start().is_none()).count();

        to.buf.extend_from_slice(&from.buf[start..]);
        to.args.extend(tail.iter().map(|range| range.rebased(start, bigs)));
        to.big.extend(from.big.drain(bigs..));
        to.parsed = from.parsed - start;

        from.buf.truncate(start);
        from.args.truncate(open);
        from.parsed = start;
    }

    /// Bytes of memory that a big bulk string on its way occupies.
    pub fn footprint(&self) -> usize {
        match &self.bulk {
            Bulk::Header | Bulk::Small(_) => 0,
            Bulk::Big(big) => big.bytes.capacity(),
        }
    }

    /// The fast road: as many arguments as are complete, in requests of up to 9 arguments of up to four
    /// digits. Stops, with everything in order, at whatever is longer, incomplete or unusual.
    fn quick(&mut self, into: &mut Requests) {
        let mut first = into.open();
        let Requests { buf, parsed, args, requests, .. } = into;
        let bytes = buf.as_slice();
        let mut at = *parsed;
        let mut left = self.left;
        loop {
            while left > 0 {
                let Some((start, end)) = quick_bulk(bytes, at) else { break };
                args.push(ArgRange::new(start, end));
                at = end + 2;
                left -= 1;
                if left == 0 {
                    let count = (args.len() - first) as u32;
                    requests.push(Request { first: first as u32, count });
                }
            }
            if left > 0 || requests.len() == BATCH_MAX {
                break;
            }
            let Some([b'*', digit @ b'1'..=b'9', b'\r', _]) = bytes.get(at..at + 4) else { break };
            left = usize::from(digit - b'0');
            first = args.len();
            at += 4;
        }
        if at != *parsed {
            *parsed = at;
            self.left = left;
            self.scanned = 0;
        }
    }

    /// The general road: one element of whatever kind.
    fn step(&mut self, into: &mut Requests, limits: &Limits) -> Result<(), Halt> {
        if self.left > 0 {
            return match self.bulk {
                Bulk::Header => self.bulk_length(into, limits),
                Bulk::Small(len) => self.small_bulk(into, len),
                Bulk::Big(_) => self.big_bulk(into),
            };
        }
        match into.rest().first() {
            None => Err(Halt::NeedMore),
            Some(_) if into.len() >= BATCH_MAX => Err(Halt::Full),
            Some(b'*') => self.count(into, limits),
            Some(_) => self.inline(into),
        }
    }

    /// `*3\r\n`
    fn count(&mut self, into: &mut Requests, limits: &Limits) -> Result<(), Halt> {
        let end = self.header(into, ProtocolError::LongMultibulkCount)?;
        let count = parse_i64(&into.buf[into.parsed + 1..end])
            .filter(|&count| count <= i64::from(i32::MAX))
            .ok_or(Halt::Error(ProtocolError::MultibulkLength))?;
        if count > UNAUTHENTICATED_ARGS && !limits.authenticated {
            return self.refuse(ProtocolError::UnauthenticatedMultibulk);
        }
        self.left = usize::try_from(count).unwrap_or(0); // nothing is asked by none or fewer
        self.advance(into, end + 2);
        Ok(())
    }

    /// `$5\r\n`
    fn bulk_length(&mut self, into: &mut Requests, limits: &Limits) -> Result<(), Halt> {
        let end = self.header(into, ProtocolError::LongBulkCount)?;
        if into.buf[into.parsed] != b'$' {
            return Err(Halt::Error(ProtocolError::ExpectedBulk(into.buf[into.parsed])));
        }
        let len = parse_i64(&into.buf[into.parsed + 1..end])
            .and_then(|len| usize::try_from(len).ok())
            .filter(|&len| len <= limits.max_bulk)
            .ok_or(Halt::Error(ProtocolError::BulkLength))?;
        if len > UNAUTHENTICATED_BULK && !limits.authenticated {
            return self.refuse(ProtocolError::UnauthenticatedBulk);
        }
        self.advance(into, end + 2);
        let arrived = into.rest().len();
        self.bulk = if len < BIG_BULK || arrived >= len.saturating_add(2) {
            Bulk::Small(len)
        } else {
            Bulk::Big(take_big(into, len))
        };
        Ok(())
    }

    fn small_bulk(&mut self, into: &mut Requests, len: usize) -> Result<(), Halt> {
        if into.rest().len() < len + 2 {
            return Err(Halt::NeedMore);
        }
        let start = into.parsed;
        self.argument(into, ArgRange::new(start, start + len), len + 2);
        Ok(())
    }

    fn big_bulk(&mut self, into: &mut Requests) -> Result<(), Halt> {
        let Bulk::Big(big) = &mut self.bulk else { return Ok(()) };
        if big.missing() > 0 || into.rest().len() < 2 {
            return Err(Halt::NeedMore);
        }
        let blob = Blob::from(std::mem::take(&mut big.bytes));
        into.big.push(blob);
        self.argument(into, ArgRange::big(into.big.len() - 1), 2);
        Ok(())
    }

    /// Takes a finished argument, which ends `taken` bytes further on.
    fn argument(&mut self, into: &mut Requests, range: ArgRange, taken: usize) {
        into.args.push(range);
        self.bulk = Bulk::Header;
        self.left -= 1;
        if self.left == 0 {
            into.finish(into.open());
        }
        self.advance(into, into.parsed + taken);
    }

    /// `SET key "a value"\n`
    fn inline(&mut self, into: &mut Requests) -> Result<(), Halt> {
        let newline = self.find(into, b'\n', ProtocolError::LongInline)?;
        let first = into.args.len();
        let split = inline::split(&mut into.buf, into.parsed, newline, &mut into.args);
        let name = Args::new(&into.buf, &into.args[first..], &[]).find(0);
        let error = match (split, name) {
            (Err(inline::Unbalanced), _) => Some(ProtocolError::UnbalancedQuotes),
            (Ok(()), Some(name)) => is_attack(name).then_some(ProtocolError::SecurityAttack),
            (Ok(()), None) => None,
        };
        if let Some(error) = error {
            into.args.truncate(first);
            return Err(Halt::Error(error));
        }
        if into.args.len() > first {
            into.finish(first);
        }
        self.advance(into, newline + 1);
        Ok(())
    }

    /// The position of the `\r` that ends the length at `parsed`, once the byte behind it is there too.
    fn header(&mut self, into: &Requests, too_long: ProtocolError) -> Result<usize, Halt> {
        let end = self.find(into, b'\r', too_long)?;
        if end + 1 < into.buf.len() { Ok(end) } else { Err(Halt::NeedMore) }
    }

    /// The position of the next `byte`, looking only where no call has looked before.
    fn find(&mut self, into: &Requests, byte: u8, long: ProtocolError) -> Result<usize, Halt> {
        let rest = into.rest();
        let line = &rest[..rest.len().min(LINE_MAX + 1)];
        match memchr(byte, &line[self.scanned..]) {
            Some(found) => {
                self.scanned += found;
                Ok(into.parsed + self.scanned)
            }
            None if line.len() > LINE_MAX => Err(Halt::Error(long)),
            None => {
                self.scanned = line.len();
                Err(Halt::NeedMore)
            }
        }
    }

    fn refuse(&mut self, error: ProtocolError) -> Result<(), Halt> {
        self.refused = Some(error);
        Err(Halt::NeedAuth)
    }

    fn advance(&mut self, into: &mut Requests, to: usize) {
        into.parsed = to;
        self.scanned = 0;
    }

    /// Frees the room that empty lines and `*0` took: a stream of nothing else must not fill the buffer.
    fn drop_nothings(&self, into: &mut Requests) {
        if into.is_empty() && self.left == 0 && into.parsed > 0 {
            into.args.clear();
            into.buf.drain(..into.parsed);
            into.parsed = 0;
        }
    }
}

/// Whether a line is HTTP: somebody makes a browser talk to us.
fn is_attack(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:")
}

/// The range of the bulk string whose header is at `at`, if its length has up to four digits and it is
/// complete.
#[inline]
fn quick_bulk(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    // Six bytes are there even of the shortest bulk string: $0\r\n\r\n
    let &[dollar, a, b, c, d, e] = bytes.get(at..)?.first_chunk()?;
    if dollar != b'$' {
        return None;
    }
    let digit = |byte: u8| -> Option<usize> {
        let value = byte.wrapping_sub(b'0');
        (value < 10).then_some(usize::from(value))
    };
    let (len, start) = if b == b'\r' {
        (digit(a)?, at + 4)
    } else if a == b'0' {
        return None; // the general road refuses leading zeros
    } else if c == b'\r' {
        (digit(a)? * 10 + digit(b)?, at + 5)
    } else if d == b'\r' {
        (digit(a)? * 100 + digit(b)? * 10 + digit(c)?, at + 6)
    } else if e == b'\r' {
        (digit(a)? * 1000 + digit(b)? * 100 + digit(c)? * 10 + digit(d)?, at + 7)
    } else {
        return None;
    };
    let end = start + len;
    (end + 2 <= bytes.len()).then_some((start, end))
}

/// Moves what has arrived of a bulk string of `len` bytes out of the read buffer.
fn take_big(into: &mut Requests, len: usize) -> Big {
    let start = into.parsed;
    let arrived = into.rest().len().min(len);
    let ahead = (len - arrived).min(arrived.max(BIG_AHEAD));
    let mut bytes = Vec::with_capacity(arrived + ahead);
    bytes.extend(into.buf.drain(start..start + arrived));
    Big { bytes, want: len }
}

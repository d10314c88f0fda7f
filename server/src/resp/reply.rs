//! Replies, in the protocol that the client speaks.
//!
//! Owns: the output of one batch.   Uses: error, base.   Never: commands, values, sockets.
//!
//! What RESP2 has no type for is sent as Redis sends it: a map as a flat array, a double as a string.
//! Long blobs are not copied but kept by reference, at their place in the buffer:
//!
//! ```text
//!   buf    $3\r\nabc\r\n$20000\r\n|\r\n:1\r\n
//!   blobs                         (17, 20000 bytes)
//! ```
//!
//! Invariants
//!  1. `blobs` is in the order of its positions, none beyond the end of `buf`.
//!  2. A line never contains CR or LF, whatever text it was made of.

use std::fmt::{self, Write};
use std::io::IoSlice;

use super::Error;
use crate::base::blob::Blob;
use crate::base::bytes::{INTEGER_MAX, digits, push_f64};

/// Blobs of this length or more are sent by reference.
pub const BY_REFERENCE: usize = 16 * 1024;

/// The protocol of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Proto {
    /// What every client speaks until it says HELLO 3.
    #[default]
    Resp2,
    /// Maps, sets, doubles, booleans, pushes.
    Resp3,
}

/// A point in a reply, to return to or to put a header at.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    buf: usize,
    blobs: usize,
    blob_bytes: usize,
}

/// Replies that were not written yet. Reused: clearing keeps the memory.
#[derive(Debug, Default)]
pub struct Reply {
    buf: Vec<u8>,
    blobs: Vec<(usize, Blob)>,
    blob_bytes: usize,
    proto: Proto,
}

impl Reply {
    /// An empty reply.
    pub fn new(proto: Proto) -> Reply {
        Reply { proto, ..Reply::default() }
    }

    /// The protocol of whatever is added next.
    pub fn proto(&self) -> Proto {
        self.proto
    }

    /// Changes the protocol of whatever is added next.
    pub fn set_proto(&mut self, proto: Proto) {
        self.proto = proto;
    }

    /// `+OK`
    #[inline]
    pub fn ok(&mut self) {
        self.buf.extend_from_slice(b"+OK\r\n");
    }

    /// A status; CR and LF in it become spaces.
    pub fn simple(&mut self, text: &str) {
        self.line(b'+', format_args!("{text}"));
    }

    /// An error; CR and LF in it become spaces.
    pub fn error(&mut self, error: &Error) {
        self.line(b'-', format_args!("{error}"));
    }

    /// A number.
    #[inline]
    pub fn int(&mut self, n: i64) {
        if n < 0 {
            self.buf.push(b':');
            self.header(b'-', n.unsigned_abs());
        } else {
            self.header(b':', n.unsigned_abs());
        }
    }

    /// A string.
    #[inline]
    pub fn bulk(&mut self, text: &[u8]) {
        self.buf.reserve(text.len() + INTEGER_MAX + 5);
        self.header(b'$', text.len() as u64);
        self.buf.extend_from_slice(text);
        self.buf.extend_from_slice(b"\r\n");
    }

    /// A number as a string.
    pub fn bulk_int(&mut self, n: i64) {
        let mut text = [0; INTEGER_MAX];
        let at = digits(&mut text, n.unsigned_abs());
        if n < 0 {
            self.header(b'$', (INTEGER_MAX - at + 1) as u64);
            self.buf.push(b'-');
        } else {
            self.header(b'$', (INTEGER_MAX - at) as u64);
        }
        self.buf.extend_from_slice(&text[at..]);
        self.buf.extend_from_slice(b"\r\n");
    }

    /// A string that is formatted in place.
    pub fn bulk_fmt(&mut self, text: fmt::Arguments<'_>) {
        let mark = self.mark();
        Raw(&mut self.buf).write_fmt(text).expect("writing to memory cannot fail");
        let len = self.buf.len() - mark.buf;
        self.insert_header(mark, b'$', len);
        self.buf.extend_from_slice(b"\r\n");
    }

    /// A string that is kept by reference if it is long.
    pub fn blob(&mut self, blob: Blob) {
        if blob.len() < BY_REFERENCE {
            return self.bulk(&blob);
        }
        self.header(b'$', blob.len() as u64);
        self.blob_bytes += blob.len();
        self.blobs.push((self.buf.len(), blob));
        self.buf.extend_from_slice(b"\r\n");
    }

    /// Nothing, where a value could be.
    #[inline]
    pub fn null(&mut self) {
        self.either(b"$-1\r\n", b"_\r\n");
    }

    /// Nothing, where an array could be.
    pub fn null_array(&mut self) {
        self.either(b"*-1\r\n", b"_\r\n");
    }

    /// Begins an array of `n` elements.
    #[inline]
    pub fn array(&mut self, n: usize) {
        self.header(b'*', n as u64);
    }

    /// Begins a map of `n` pairs; in RESP2 an array of twice as many elements.
    pub fn map(&mut self, n: usize) {
        let (kind, n) = self.map_header(n);
        self.header(kind, n as u64);
    }

    /// Begins a set of `n` elements; in RESP2 an array.
    pub fn set(&mut self, n: usize) {
        self.header(self.kind(b'~'), n as u64);
    }

    /// Begins a message that answers no request, of `n` elements; in RESP2 an array.
    pub fn push(&mut self, n: usize) {
        self.header(self.kind(b'>'), n as u64);
    }

    /// A floating point number; in RESP2 a string.
    pub fn double(&mut self, n: f64) {
        let mark = self.mark();
        match self.proto {
            Proto::Resp3 => self.buf.push(b','),
            Proto::Resp2 => {}
        }
        push_f64(&mut self.buf, n);
        if self.proto == Proto::Resp2 {
            let len = self.buf.len() - mark.buf;
            self.insert_header(mark, b'$', len);
        }
        self.buf.extend_from_slice(b"\r\n");
    }

    /// A floating point number that is written already, with more digits than a double has; in RESP2 a string.
    pub fn decimal(&mut self, text: &[u8]) {
        match self.proto {
            Proto::Resp2 => self.bulk(text),
            Proto::Resp3 => {
                self.buf.push(b',');
                self.buf.extend_from_slice(text);
                self.buf.extend_from_slice(b"\r\n");
            }
        }
    }

    /// A truth value; in RESP2 the number 1 or 0.
    pub fn bool(&mut self, truth: bool) {
        if truth { self.either(b":1\r\n", b"#t\r\n") } else { self.either(b":0\r\n", b"#f\r\n") }
    }

    /// Text for people, in a format of three letters such as `txt`; in RESP2 a string.
    pub fn verbatim(&mut self, format: &str, text: &[u8]) {
        debug_assert_eq!(format.len(), 3, "the format has three letters");
        match self.proto {
            Proto::Resp2 => self.bulk(text),
            Proto::Resp3 => {
                self.header(b'=', (text.len() + format.len() + 1) as u64);
                self.buf.extend_from_slice(format.as_bytes());
                self.buf.push(b':');
                self.buf.extend_from_slice(text);
                self.buf.extend_from_slice(b"\r\n");
            }
        }
    }

    /// An integer of any length, in decimal; in RESP2 a string.
    pub fn big_number(&mut self, number: &str) {
        match self.proto {
            Proto::Resp2 => self.bulk(number.as_bytes()),
            Proto::Resp3 => self.line(b'(', format_args!("{number}")),
        }
    }

    /// Bytes that are a reply already.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.buf.extend_from_slice(bytes);
    }

    /// Where the reply ends now.
    #[inline]
    pub fn mark(&self) -> Mark {
        Mark { buf: self.buf.len(), blobs: self.blobs.len(), blob_bytes: self.blob_bytes }
    }

    /// Forgets whatever was added since the mark.
    pub fn roll_back(&mut self, mark: Mark) {
        self.buf.truncate(mark.buf);
        self.blobs.truncate(mark.blobs);
        self.blob_bytes = mark.blob_bytes;
    }

    /// Makes what was added since the mark an array of `n` elements. Moves what was added.
    pub fn array_from(&mut self, mark: Mark, n: usize) {
        self.insert_header(mark, b'*', n);
    }

    /// Makes what was added since the mark a map of `n` pairs. Moves what was added.
    pub fn map_from(&mut self, mark: Mark, n: usize) {
        let (kind, n) = self.map_header(n);
        self.insert_header(mark, kind, n);
    }

    /// Makes what was added since the mark a set of `n` elements. Moves what was added.
    pub fn set_from(&mut self, mark: Mark, n: usize) {
        self.insert_header(mark, self.kind(b'~'), n);
    }

    /// Moves everything in `other` to the end of this reply.
    pub fn append(&mut self, other: &mut Reply) {
        let end = self.buf.len();
        self.buf.append(&mut other.buf);
        self.blobs.extend(other.blobs.drain(..).map(|(at, blob)| (at + end, blob)));
        self.blob_bytes += std::mem::take(&mut other.blob_bytes);
    }

    /// Whether there is nothing to write.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.buf.is_empty()
    }

    /// Bytes to write, blobs included.
    #[inline]
    pub fn len(&self) -> usize {
        self.buf.len() + self.blob_bytes
    }

    /// What to write, if it is one piece: no blob was kept by reference.
    #[inline]
    pub fn one_piece(&self) -> Option<&[u8]> {
        self.blobs.is_empty().then_some(self.buf.as_slice())
    }

    /// What to write, in order; no piece is empty.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let ends = self.blobs.iter().map(|(at, blob)| (*at, &blob[..]));
        let mut from = 0;
        let pieces = ends
            .chain(std::iter::once((self.buf.len(), &[][..])))
            .flat_map(move |(at, blob)| [&self.buf[std::mem::replace(&mut from, at)..at], blob]);
        pieces.filter(|piece| !piece.is_empty())
    }

    /// Fills `out` with what to write after the first `written` bytes, `most` bytes at most, and returns how
    /// many slices it used.
    pub fn slices<'a>(
        &'a self,
        mut written: usize,
        mut most: usize,
        out: &mut [IoSlice<'a>],
    ) -> usize {
        let rest = self.pieces().filter_map(|piece| {
            let skip = written.min(piece.len());
            written -= skip;
            let take = most.min(piece.len() - skip);
            most -= take;
            (take > 0).then(|| &piece[skip..skip + take])
        });
        out.iter_mut().zip(rest).map(|(slot, piece)| *slot = IoSlice::new(piece)).count()
    }

    /// Takes everything out: the buffer, and the blobs with their positions in it.
    pub fn take_buf(&mut self) -> (Vec<u8>, Vec<(usize, Blob)>) {
        self.blob_bytes = 0;
        (std::mem::take(&mut self.buf), std::mem::take(&mut self.blobs))
    }

    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        self.buf.clear();
        self.blobs.clear();
        self.blob_bytes = 0;
    }

    /// Gives memory back so that at most about `keep` bytes of buffer stay.
    pub fn shrink(&mut self, keep: usize) {
        self.buf.shrink_to(keep);
        self.blobs.shrink_to(keep / BY_REFERENCE);
    }

    /// Bytes of memory in use, capacities and shared blobs included.
    pub fn footprint(&self) -> usize {
        self.buf.capacity() + self.blobs.capacity() * size_of::<(usize, Blob)>() + self.blob_bytes
    }

    /// `*12\r\n`, `$12\r\n`, `:12\r\n`: one copy of at most 23 bytes.
    #[inline]
    fn header(&mut self, kind: u8, n: u64) {
        match n {
            0..10 => self.buf.extend_from_slice(&[kind, b'0' + n as u8, b'\r', b'\n']),
            10..100 => {
                let (tens, ones) = (b'0' + (n / 10) as u8, b'0' + (n % 10) as u8);
                self.buf.extend_from_slice(&[kind, tens, ones, b'\r', b'\n']);
            }
            100.. => self.long_header(kind, n),
        }
    }

    fn long_header(&mut self, kind: u8, n: u64) {
        // The kind, at most 20 digits, CR, LF: filled from the end.
        let mut line = [b'\n'; INTEGER_MAX + 3];
        line[INTEGER_MAX + 1] = b'\r';
        let text = line[1..].first_chunk_mut().expect("the line is longer than the digits");
        let at = digits(text, n);
        line[at] = kind;
        self.buf.extend_from_slice(&line[at..]);
    }

    /// Puts a header at the mark, moving what follows.
    fn insert_header(&mut self, mark: Mark, kind: u8, n: usize) {
        let end = self.buf.len();
        self.header(kind, n as u64);
        let len = self.buf.len() - end;
        self.buf[mark.buf..].rotate_right(len);
        for (at, _) in &mut self.blobs[mark.blobs..] {
            *at += len;
        }
    }

    fn map_header(&self, n: usize) -> (u8, usize) {
        match self.proto {
            Proto::Resp2 => (b'*', n * 2),
            Proto::Resp3 => (b'%', n),
        }
    }

    /// The type in RESP3; an array in RESP2.
    fn kind(&self, resp3: u8) -> u8 {
        match self.proto {
            Proto::Resp2 => b'*',
            Proto::Resp3 => resp3,
        }
    }

    #[inline]
    fn either(&mut self, resp2: &[u8], resp3: &[u8]) {
        self.buf.extend_from_slice(match self.proto {
            Proto::Resp2 => resp2,
            Proto::Resp3 => resp3,
        });
    }

    fn line(&mut self, kind: u8, text: fmt::Arguments<'_>) {
        self.buf.push(kind);
        let start = self.buf.len();
        Raw(&mut self.buf).write_fmt(text).expect("writing to memory cannot fail");
        for byte in &mut self.buf[start..] {
            if matches!(byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
        self.buf.extend_from_slice(b"\r\n");
    }
}

/// Text written into a buffer of bytes.
struct Raw<'a>(&'a mut Vec<u8>);

impl Write for Raw<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

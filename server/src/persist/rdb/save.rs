//! Writes a snapshot.
//!
//! Owns: the order of what is written.   Uses: base::crc, value, format, lzf.   Never: allocates, locks,
//! asks the time, opens a file.
//!
//! It runs in a forked child, where an allocation or a lock could hang for ever: everything it needs
//! stands in [`Scratch`], reserved before the fork, together with a call of `base::crc::warm`. Bytes
//! collect in one block; whole blocks are checksummed and handed to the [`Sink`].

mod contents;
mod listpack;
mod stream;

pub use contents::bare;

use crate::keyspace::access::Telling;
use std::io;

use super::format::{self, Access, Version, opcode};
use super::lzf;
use crate::base::bytes::parse_i64;
use crate::base::crc::crc64;
use crate::value::{TextRef, ValueRef};

/// Where the bytes of a snapshot go. In a child: a plain `write(2)`, again without allocation.
pub trait Sink {
    /// Takes all of `bytes`, or says why not; after an error nothing more is written.
    fn write(&mut self, bytes: &[u8]) -> Result<(), SinkError>;
}

/// Why a sink did not take the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SinkError {
    /// The system's error number; 0 if it gave none.
    pub errno: i32,
}

impl<S: Sink + ?Sized> Sink for &mut S {
    fn write(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        (**self).write(bytes)
    }
}

/// A sink for tests and for DUMP: memory. It allocates, so it is not for a child.
impl Sink for Vec<u8> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        self.extend_from_slice(bytes);
        Ok(())
    }
}

/// Any writer as a sink. Over a `File` it neither allocates nor locks, so a child may use it.
#[derive(Debug)]
pub struct WriterSink<W>(pub W);

impl<W: io::Write> Sink for WriterSink<W> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        self.0
            .write_all(bytes)
            .map_err(|error| SinkError { errno: error.raw_os_error().unwrap_or(0) })
    }
}

/// Bytes collected before the sink is called: so few that they are still in the second-level cache when they
/// are summed and copied out, so many that the calls cost nothing.
pub const BLOCK: usize = 256 << 10;
/// Strings up to this length are compressed by default; longer ones are written plain, since packed
/// bytes need a buffer that is reserved before the fork. The system gives its pages only when they
/// are first written to, so what no long string uses costs nothing.
pub const LONGEST_COMPRESSED: usize = 8 << 20;
/// Listpacks up to this length are compressed.
const LONGEST_GATHERED: usize = 64 << 10;
/// Strings up to this length are never compressed.
pub(super) const SHORTEST_COMPRESSED: usize = 21;
/// A compressed string must be shorter by at least this much.
pub(super) const LEAST_SAVING: usize = 4;
/// After so many short strings in a row that would not become shorter...
const HOPELESS: u32 = 64;
/// ...only every so many-th is tried, until one does. Trying costs some 2 ns a byte, more than all else.
const SAMPLE: u32 = 4;
/// Strings up to this length are short in that sense; a longer one is always worth the try.
const SAMPLED_MAX: usize = 256;
/// The longest text that can be an integer of 32 bits.
const INT_TEXT_MAX: usize = 11;

/// All memory that writing needs. Reusable.
#[derive(Debug)]
pub struct Scratch {
    block: Box<[u8]>,
    packed: Box<[u8]>,
    /// Where pieces of a string meet that is to be compressed.
    gathered: Box<[u8]>,
    table: lzf::Table,
}

impl Scratch {
    /// 8.3 MiB of addresses; about 0.3 MiB of memory until a long string comes.
    pub fn new() -> Scratch {
        Scratch::with_sizes(BLOCK, LONGEST_COMPRESSED)
    }

    /// Blocks of `block` bytes (at least 64); strings up to `longest_compressed` bytes are compressed.
    pub fn with_sizes(block: usize, longest_compressed: usize) -> Scratch {
        Scratch {
            block: vec![0; block.max(64)].into_boxed_slice(),
            packed: vec![0; longest_compressed].into_boxed_slice(),
            gathered: vec![0; longest_compressed.min(LONGEST_GATHERED)].into_boxed_slice(),
            table: lzf::Table::new(),
        }
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Scratch::new()
    }
}

/// How to write, and what the header says.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The version in the magic.
    pub version: Version,
    /// Compress strings (`rdbcompression`).
    pub compress: bool,
    /// Compute the checksum (`rdbchecksum`); otherwise it is written as 0.
    pub checksum: bool,
    /// The time of the snapshot, unix milliseconds.
    pub now_ms: i64,
    /// Memory in use, bytes.
    pub used_memory: u64,
    /// What to tell of the use of keys.
    pub uses: Telling,
    /// Whether this is the base file of an append-only log.
    pub aof_base: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            version: Version::DEFAULT,
            compress: true,
            checksum: true,
            now_ms: 0,
            used_memory: 0,
            uses: Telling::Nothing,
            aof_base: false,
        }
    }
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Length of the file.
    pub bytes: u64,
    /// Keys in it.
    pub keys: u64,
}

/// The server version that the header claims, as INFO does.
pub const CLAIMED_VERSION: &[u8] = crate::resp::REDIS_VERSION.as_bytes();

/// One snapshot in the making: `header`, then `select_db` and its `entry`s, then `finish`.
///
/// After an error it must be dropped: what the sink has is not a whole file.
#[derive(Debug)]
pub struct Writer<'s, S: Sink> {
    out: Blocks<'s, S>,
    packer: Packer<'s>,
    gathered: &'s mut [u8],
    options: Options,
    keys: u64,
}

impl<'s, S: Sink> Writer<'s, S> {
    /// Nothing is written yet.
    pub fn new(sink: S, scratch: &'s mut Scratch, options: Options) -> Writer<'s, S> {
        let Scratch { block, packed, gathered, table } = scratch;
        let out = Blocks { sink, block, filled: 0, crc: 0, flushed: 0, checksum: options.checksum };
        let longest = if options.compress { packed.len() } else { 0 };
        let packer = Packer { packed, table, longest, misses: 0 };
        let gathered = if options.compress { &mut gathered[..] } else { &mut [] };
        Writer { out, packer, gathered, options, keys: 0 }
    }

    /// Magic and facts about the writer. Once, first.
    pub fn header(&mut self) -> Result<(), SinkError> {
        let options = self.options;
        self.out.put(&options.version.magic())?;
        self.aux(b"redis-ver", TextRef::Bytes(CLAIMED_VERSION))?;
        self.aux(b"redis-bits", TextRef::Int(64))?;
        self.aux(b"ctime", TextRef::Int(options.now_ms.div_euclid(1000)))?;
        self.aux(
            b"used-mem",
            TextRef::Int(i64::try_from(options.used_memory).unwrap_or(i64::MAX)),
        )?;
        self.aux(b"aof-base", TextRef::Int(i64::from(options.aof_base)))
    }

    /// A named fact; readers that do not know the name skip it. After the header, before the first database.
    pub fn aux(&mut self, name: &[u8], fact: TextRef<'_>) -> Result<(), SinkError> {
        self.out.put(&[opcode::AUX])?;
        self.string(name)?;
        self.text(fact)
    }

    /// The entries that follow belong to database `number`, which has so many keys and so many with a deadline.
    pub fn select_db(&mut self, number: u64, keys: u64, volatile: u64) -> Result<(), SinkError> {
        self.out.put(&[opcode::SELECTDB])?;
        self.len(number)?;
        self.out.put(&[opcode::RESIZEDB])?;
        self.len(keys)?;
        self.len(volatile)
    }

    /// One key. `deadline` is in unix milliseconds. O(value); memory: none.
    #[inline]
    pub fn entry(
        &mut self,
        key: &[u8],
        value: ValueRef<'_>,
        deadline: Option<i64>,
        access: Access,
    ) -> Result<(), SinkError> {
        if let Some(deadline) = deadline {
            let mut mark = [opcode::EXPIRETIME_MS; 9];
            mark[1..].copy_from_slice(&deadline.to_le_bytes());
            self.out.put(&mark)?;
        }
        match access {
            Access::Unknown => {}
            Access::Idle(seconds) => {
                self.out.put(&[opcode::IDLE])?;
                self.len(seconds)?;
            }
            Access::Frequency(count) => self.out.put(&[opcode::FREQ, count])?,
        }
        self.keys += 1;
        self.out.put(&[self.shape(value)])?;
        self.string(key)?;
        self.contents(value)
    }

    /// The end mark and the checksum; hands the last bytes to the sink. The file is whole then, but not yet
    /// on the disk: syncing is up to whoever owns the sink.
    pub fn finish(mut self) -> Result<Totals, SinkError> {
        self.out.put(&[opcode::EOF])?;
        self.out.flush()?;
        let checksum = if self.options.checksum { self.out.crc } else { 0 };
        if self.options.version.has_checksum() {
            self.out.put(&checksum.to_le_bytes())?;
            self.out.flush()?;
        }
        Ok(Totals { bytes: self.out.flushed, keys: self.keys })
    }

    /// Bytes written so far, those that wait in the block included.
    pub fn written(&self) -> u64 {
        self.out.flushed + self.out.filled as u64
    }

    /// Keys written so far.
    pub fn keys(&self) -> u64 {
        self.keys
    }

    fn text(&mut self, text: TextRef<'_>) -> Result<(), SinkError> {
        match text {
            TextRef::Int(number) => match format::encode_int(number) {
                Some(short) => self.out.put(short.as_bytes()),
                None => self.plain(text.bytes(&mut crate::value::text::Scratch::default())),
            },
            TextRef::Bytes(bytes) => self.string(bytes),
            TextRef::Blob(blob) => self.string(blob),
        }
    }

    /// A string in its shortest form: as an integer, compressed, or plain.
    #[inline]
    fn string(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        if bytes.len() <= INT_TEXT_MAX
            && let Some(short) = parse_i64(bytes).and_then(format::encode_int)
        {
            return self.out.put(short.as_bytes());
        }
        if let Some(packed) = self.packer.pack(bytes) {
            self.out.put(&[format::LZF])?;
            self.out.put(format::encode_len(packed.len() as u64).as_bytes())?;
            self.out.put(format::encode_len(bytes.len() as u64).as_bytes())?;
            return self.out.put(packed);
        }
        self.plain(bytes)
    }

    fn plain(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        self.len(bytes.len() as u64)?;
        self.out.put(bytes)
    }

    fn len(&mut self, len: u64) -> Result<(), SinkError> {
        self.out.put(format::encode_len(len).as_bytes())
    }
}

/// Compresses strings, and gives up for a while on those that do not become shorter.
#[derive(Debug)]
struct Packer<'s> {
    packed: &'s mut [u8],
    table: &'s mut lzf::Table,
    /// No longer string is compressed; 0: none is.
    longest: usize,
    /// Short strings in a row that did not become shorter, those that were not tried included.
    misses: u32,
}

impl Packer<'_> {
    /// The compressed string, if that is worth it.
    #[inline]
    fn pack(&mut self, bytes: &[u8]) -> Option<&[u8]> {
        if !(SHORTEST_COMPRESSED..=self.longest).contains(&bytes.len()) {
            return None;
        }
        let short = bytes.len() <= SAMPLED_MAX;
        if short && self.misses >= HOPELESS && !self.misses.is_multiple_of(SAMPLE) {
            self.misses = self.misses.wrapping_add(1);
            return None;
        }
        let room = &mut self.packed[..bytes.len() - LEAST_SAVING];
        match lzf::compress(bytes, room, self.table) {
            Some(len) => {
                self.misses = 0;
                Some(&self.packed[..len])
            }
            None => {
                // Wrapping only means that the next few are tried.
                self.misses = self.misses.wrapping_add(u32::from(short));
                None
            }
        }
    }
}

/// Collects bytes into blocks on their way to the sink.
#[derive(Debug)]
struct Blocks<'s, S> {
    sink: S,
    block: &'s mut [u8],
    filled: usize,
    crc: u64,
    flushed: u64,
    checksum: bool,
}

impl<S: Sink> Blocks<'_, S> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        let end = self.filled + bytes.len();
        if let Some(room) = self.block.get_mut(self.filled..end) {
            room.copy_from_slice(bytes);
            self.filled = end;
            return Ok(());
        }
        self.put_over(bytes)
    }

    #[cold]
    fn put_over(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        self.flush()?;
        if let Some(room) = self.block.get_mut(..bytes.len()) {
            room.copy_from_slice(bytes);
            self.filled = bytes.len();
            return Ok(());
        }
        // Longer than a block: straight from where it lies, in pieces that stay in the cache between
        // the checksum and the write.
        for piece in bytes.chunks(self.block.len()) {
            if self.checksum {
                self.crc = crc64(self.crc, piece);
            }
            self.sink.write(piece)?;
            self.flushed += piece.len() as u64;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        let bytes = &self.block[..self.filled];
        if bytes.is_empty() {
            return Ok(());
        }
        if self.checksum {
            self.crc = crc64(self.crc, bytes);
        }
        self.sink.write(bytes)?;
        self.flushed += bytes.len() as u64;
        self.filled = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(options: Options, entries: &[(&[u8], TextRef<'_>)]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut scratch = Scratch::with_sizes(64, 1 << 12);
        let mut writer = Writer::new(&mut out, &mut scratch, options);
        writer.header().unwrap();
        writer.select_db(0, entries.len() as u64, 0).unwrap();
        for (key, text) in entries {
            writer.entry(key, ValueRef::Text(*text), None, Access::Unknown).unwrap();
        }
        let written = writer.finish().unwrap();
        assert_eq!(written, Totals { bytes: out.len() as u64, keys: entries.len() as u64 });
        out
    }

    fn holds(file: &[u8], part: &[u8]) -> bool {
        file.windows(part.len()).any(|window| window == part)
    }

    #[test]
    fn strings_take_their_shortest_form() {
        let long = [b'x'; 200];
        let entries: [(&[u8], TextRef<'_>); 5] = [
            (b"number", TextRef::Int(1000)),
            (b"text", TextRef::Bytes(b"-129")),
            (b"large", TextRef::Int(i64::MIN)),
            (b"77", TextRef::Bytes(b"077")),
            (b"long", TextRef::Bytes(&long)),
        ];
        let file = file(Options::default(), &entries);
        assert!(file.starts_with(b"REDIS0011\xfa\x09redis-ver\x057.2.4\xfa\x0aredis-bits\xc0\x40"));
        assert!(holds(&file, b"\x00\x06number\xc1\xe8\x03"));
        assert!(holds(&file, b"\x00\x04text\xc1\x7f\xff"));
        assert!(holds(&file, b"\x00\x05large\x14-9223372036854775808"));
        assert!(holds(&file, b"\x00\xc0\x4d\x03077"));
        assert!(holds(&file, b"\x00\x04long\xc3"));
        assert!(file.len() < 200);
        let (body, crc) = file.split_last_chunk::<8>().map(|(body, crc)| (body, *crc)).unwrap();
        assert_eq!(u64::from_le_bytes(crc), crc64(0, body));
    }

    #[test]
    fn without_checksum_and_compression_bytes_stand_as_they_are() {
        let long = [b'x'; 200];
        let options = Options { checksum: false, compress: false, ..Options::default() };
        let file = file(options, &[(b"k", TextRef::Bytes(&long))]);
        assert!(holds(&file, &long));
        assert!(file.ends_with(&[opcode::EOF, 0, 0, 0, 0, 0, 0, 0, 0]));
    }

    #[test]
    fn what_does_not_become_shorter_is_tried_more_rarely_until_something_does() {
        let mut rng = crate::base::random::Rng::new(7);
        let mut noise = || (0..8).flat_map(|_| rng.next_u64().to_le_bytes()).collect::<Vec<u8>>();
        let mut scratch = Scratch::new();
        let Scratch { packed, table, .. } = &mut scratch;
        let mut packer = Packer { longest: packed.len(), packed, table, misses: 0 };
        for _ in 0..=HOPELESS {
            assert_eq!(packer.pack(&noise()), None);
        }
        let text = [b'x'; 64];
        let until = (1..).find(|_| packer.pack(&text).is_some());
        assert!(until.is_some_and(|tries| (2..=SAMPLE).contains(&tries)), "{until:?}");
        assert!((0..1000).all(|_| packer.pack(&text).is_some()), "one that does ends it");
        packer.misses = HOPELESS + 1;
        assert!(packer.pack(&[b'x'; SAMPLED_MAX + 1]).is_some(), "a long string is always tried");
    }

    #[test]
    fn the_first_error_of_the_sink_comes_through() {
        struct Full;
        impl Sink for Full {
            fn write(&mut self, _: &[u8]) -> Result<(), SinkError> {
                Err(SinkError { errno: 28 })
            }
        }
        let mut scratch = Scratch::new();
        let mut writer = Writer::new(Full, &mut scratch, Options::default());
        writer.header().unwrap();
        assert_eq!(writer.finish(), Err(SinkError { errno: 28 }));
    }
}

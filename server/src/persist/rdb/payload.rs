//! One value on its own, as DUMP answers it and RESTORE takes it.
//!
//! Owns: its frame.   Uses: base::crc, value, format, lzf, parse.   Never: a key, the keyspace.
//!
//! ```text
//!   type (1)  value as in a snapshot ...  version (2)  crc64 (8)     over everything before it; little-endian
//! ```
//!
//! Invariant: memory grows with bytes that came (times `lzf::RATIO_MAX` for a compressed string), never with a claim.

use super::fault::{LoadError, LoadFault};
use super::format::{self, Family, Version};
use super::lzf;
use super::parse::{Cursor, Encoded, Stop};
use super::parts::{Parts, Reading};
use super::save::{self, LEAST_SAVING, SHORTEST_COMPRESSED};
use super::shape::{self, Shape};
use super::unpack::Unpack;
use crate::base::blob::Blob;
use crate::base::bytes::parse_i64;
use crate::base::crc::crc64;
use crate::value::limits::Limits;
use crate::value::{Put, PutText, TextRef, Value, ValueRef};

/// Bytes of version and checksum.
const FRAME: usize = 10;
/// Longer strings are not compressed: half a millisecond is as long as one command shall take for it.
const LONGEST_COMPRESSED: usize = 256 << 10;
/// Unpacked strings from this length on keep the buffer into which they were unpacked.
const LONG: usize = 1024;

/// Why a payload is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PayloadFault {
    /// Too short for a frame, a version that nobody here reads, or a wrong checksum.
    Frame,
    /// A value of a type that this server does not have: the type in words.
    Foreign(&'static str),
    /// No value.
    Content(LoadError),
}

/// A value in its frame, for readers of `version`. O(value); `compress` only strings up to 256 KiB.
pub fn write(value: ValueRef<'_>, version: Version, compress: bool) -> Vec<u8> {
    let mut out = bare(value, version, compress);
    let stated = shape::oldest_version(out[0], version);
    out.extend_from_slice(&stated.to_le_bytes());
    let checksum = crc64(0, &out);
    out.extend_from_slice(&checksum.to_le_bytes());
    out
}

/// Bytes of a value in a payload, without type and frame. O(value).
pub fn value_length(value: ValueRef<'_>, version: Version, compress: bool) -> usize {
    bare(value, version, compress).len() - 1
}

/// Type and value.
fn bare(value: ValueRef<'_>, version: Version, compress: bool) -> Vec<u8> {
    let ValueRef::Text(text) = value else {
        return save::bare(value, version, if compress { LONGEST_COMPRESSED } else { 0 });
    };
    let mut out = Vec::with_capacity(text.len().saturating_add(FRAME + 10));
    out.push(format::TYPE_STRING);
    let mut scratch = crate::value::text::Scratch::default();
    match text {
        TextRef::Int(number) => match format::encode_int(number) {
            Some(short) => out.extend_from_slice(short.as_bytes()),
            None => write_plain(&mut out, text.bytes(&mut scratch)),
        },
        TextRef::Bytes(_) | TextRef::Blob(_) => {
            write_string(&mut out, text.bytes(&mut scratch), compress);
        }
    }
    out
}

fn write_plain(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(format::encode_len(bytes.len() as u64).as_bytes());
    out.extend_from_slice(bytes);
}

/// A string in its shortest form.
fn write_string(out: &mut Vec<u8>, bytes: &[u8], compress: bool) {
    if let Some(short) = parse_i64(bytes).and_then(format::encode_int) {
        return out.extend_from_slice(short.as_bytes());
    }
    if compress && (SHORTEST_COMPRESSED..=LONGEST_COMPRESSED).contains(&bytes.len()) {
        let mut packed = vec![0; bytes.len() - LEAST_SAVING];
        if let Some(len) = lzf::compress(bytes, &mut packed, &mut lzf::Table::new()) {
            out.push(format::LZF);
            out.extend_from_slice(format::encode_len(len as u64).as_bytes());
            out.extend_from_slice(format::encode_len(bytes.len() as u64).as_bytes());
            return out.extend_from_slice(&packed[..len]);
        }
    }
    write_plain(out, bytes);
}

/// What a payload holds.
#[derive(Debug)]
pub enum Held<'a> {
    /// A string.
    Text(PutText<'a>),
    /// A value with elements.
    Value(Value),
}

impl Held<'_> {
    /// Hands it over for an entry.
    pub fn put<R>(self, then: impl FnOnce(Put<'_>) -> R) -> R {
        match self {
            Held::Text(text) => then(Put::Text(text)),
            Held::Value(value) => value.put(then),
        }
    }
}

/// How a payload is read.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// The checksum must be right.
    pub checked: bool,
    /// Longer strings are refused, bytes.
    pub longest: u64,
    /// What collections grow by.
    pub limits: &'a Limits,
}

/// The value in a payload. Bytes behind the value are ignored, as real servers do. O(payload).
///
/// # Errors
/// See [`PayloadFault`].
pub fn read<'a>(payload: &'a [u8], terms: Terms<'_>) -> Result<Held<'a>, PayloadFault> {
    let version = check_frame(payload, terms.checked)?;
    let body = &payload[..payload.len() - FRAME];
    let fault = |fault: LoadFault| PayloadFault::Content(fault.at(0));
    let Some((&kind, body)) = body.split_first() else {
        return Err(fault(LoadFault::Empty));
    };
    let mut cursor = Cursor::new(body, 0, body.len() as u64);
    if kind == format::TYPE_STRING {
        let string = cursor.string()?;
        return text(&string, &cursor, terms.longest).map(Held::Text);
    }
    let Some(shape) = Shape::of(version.family, kind) else {
        return Err(match format::type_name(version.family, kind) {
            Some(name) => PayloadFault::Foreign(name),
            None => fault(LoadFault::UnknownMark(kind)),
        });
    };
    let (mut parts, mut unpacked) = (Parts::new(shape), Vec::new());
    let unpack = Unpack { longest: terms.longest };
    loop {
        let (cursor, unpacked) = (&mut cursor, &mut unpacked);
        let mut reading = Reading { cursor, unpack, limits: terms.limits, unpacked };
        if let Some(value) = parts.part(&mut reading)? {
            return Ok(Held::Value(value));
        }
    }
}

impl From<Stop> for PayloadFault {
    fn from(stop: Stop) -> PayloadFault {
        PayloadFault::Content(match stop {
            Stop::Fault(error) => error,
            Stop::Flaw(flaw) => LoadFault::BadValue { key: String::new(), flaw }.at(0),
            // Never said where it is known that no more bytes come; to refuse is right either way.
            Stop::Need(_) => LoadFault::Empty.at(0),
        })
    }
}

/// The version of a payload whose frame is sound.
fn check_frame(payload: &[u8], checked: bool) -> Result<Version, PayloadFault> {
    let (framed, stored) = payload.split_last_chunk::<8>().ok_or(PayloadFault::Frame)?;
    let (_, number) = framed.split_last_chunk::<2>().ok_or(PayloadFault::Frame)?;
    let number = u16::from_le_bytes(*number);
    // The two families share numbers up to 11, and no type of theirs differs there.
    let family = if number == 80 { Family::Valkey } else { Family::Redis };
    let version = Version { family, number };
    // 0 is older than all: real servers take what is not newer than they are.
    if number != 0 && !version.is_readable() {
        return Err(PayloadFault::Frame);
    }
    if checked && u64::from_le_bytes(*stored) != crc64(0, framed) {
        return Err(PayloadFault::Frame);
    }
    Ok(version)
}

fn text<'a>(
    string: &Encoded,
    cursor: &Cursor<'a>,
    longest: u64,
) -> Result<PutText<'a>, PayloadFault> {
    let within = |len: u64| {
        let fault = LoadFault::TooLong { len, limit: longest };
        if len > longest { Err(PayloadFault::Content(fault.at(0))) } else { Ok(()) }
    };
    match string {
        Encoded::Int(number) => Ok(PutText::Int(*number)),
        Encoded::Plain(range) => {
            within(range.len() as u64)?;
            let bytes = cursor.bytes(range);
            Ok(parse_i64(bytes).map_or(PutText::Bytes(bytes), PutText::Int))
        }
        Encoded::Packed { packed, len, .. } => {
            within(*len)?;
            let mut bytes = Vec::new();
            let len = usize::try_from(*len).unwrap_or(usize::MAX);
            lzf::decompress(cursor.bytes(packed), len, &mut bytes)
                .map_err(|fault| PayloadFault::Content(LoadFault::BadCompression(fault).at(0)))?;
            if bytes.len() < LONG {
                bytes.shrink_to_fit();
            }
            Ok(parse_i64(&bytes).map_or_else(|| PutText::Blob(Blob::from(bytes)), PutText::Int))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::alloc;
    use crate::value::{Text, Value};
    use proptest::prelude::*;

    const LONGEST: u64 = 512 << 20;

    fn read_as(payload: &[u8], checked: bool, longest: u64) -> Result<Held<'_>, PayloadFault> {
        read(payload, Terms { checked, longest, limits: &Limits::default() })
    }

    fn framed(body: &[u8], version: u16) -> Vec<u8> {
        let mut out = [body, &version.to_le_bytes()].concat();
        let checksum = crc64(0, &out);
        out.extend_from_slice(&checksum.to_le_bytes());
        out
    }

    /// The text that a payload holds.
    fn shown(payload: &[u8]) -> Option<Vec<u8>> {
        match read_as(payload, true, LONGEST).ok()? {
            Held::Text(PutText::Int(number)) => Some(number.to_string().into_bytes()),
            Held::Text(PutText::Bytes(bytes)) => Some(bytes.to_vec()),
            Held::Text(PutText::Blob(blob)) => Some(blob.to_vec()),
            Held::Value(_) => None,
        }
    }

    fn value(bytes: &[u8]) -> Value {
        Value::Text(match parse_i64(bytes) {
            Some(number) => Text::Int(number),
            None => Text::Bytes(Blob::from(bytes)),
        })
    }

    #[test]
    fn payloads_of_real_servers_are_read() {
        let payloads: [(&[u8], &[u8]); 6] = [
            (b"\x00\x05hello\x0a\x00cr\xdfve4 \x0a", b"hello"),
            (b"\x00\x05hello\x0c\x00\xa8\x04\xeb\xb6\x9f\x1e\xbeC", b"hello"),
            (b"\x00\x05helloP\x00\xacX\x16\xe7\xfbfG\xfe", b"hello"),
            (b"\x00\xc1\xe8\x03\x0a\x00\x89\xd1G\x8e\xba\xc4\xb7d", b"1000"),
            (b"\x00\xc3\t@d\x01xx\xe0W\x00\x01xx\n\x00]\xb7\xf6c\xbb\x08b_", &[b'x'; 100]),
            (b"\x00\x00\n\x00]\x9b\\@\x0f\x7f\xa2\xda", b""),
        ];
        for (payload, text) in payloads {
            assert_eq!(shown(payload).as_deref(), Some(text), "{}", payload.escape_ascii());
        }
    }

    #[test]
    fn the_frame_is_checked() {
        let sound = framed(b"\x00\x01a", 9);
        assert_eq!(shown(&sound).as_deref(), Some(b"a".as_slice()));
        for version in [0, 1, 6, 11, 15, 80] {
            assert!(shown(&framed(b"\x00\x01a", version)).is_some(), "{version}");
        }
        for version in [16, 79, 81, u16::MAX] {
            assert_eq!(
                read_as(&framed(b"\x00\x01a", version), true, LONGEST).err(),
                Some(PayloadFault::Frame)
            );
        }
        for len in 0..sound.len() {
            assert_eq!(read_as(&sound[..len], true, LONGEST).err(), Some(PayloadFault::Frame));
        }
        let mut wrong = sound.clone();
        wrong[2] = b'b';
        assert_eq!(read_as(&wrong, true, LONGEST).err(), Some(PayloadFault::Frame));
        assert!(read_as(&wrong, false, LONGEST).is_ok(), "the checksum is not looked at");
    }

    #[test]
    fn what_is_no_string_is_refused() {
        let refused = |body: &[u8]| read_as(&framed(body, 9), true, 1 << 20).err();
        assert_eq!(refused(b"\x07\x01\x01a"), Some(PayloadFault::Foreign("a module value")));
        let bodies: [&[u8]; 9] = [
            b"",
            b"\x00",
            b"\x00\x05a",
            b"\xc8\x01a",
            b"\x00\x81\x7f\xff\xff\xff\xff\xff\xff\xffabc",
            b"\x00\x80\xff\xff\xff\xffabc",
            b"\x00\xc3\x03\x80\x1f\xff\xff\xffabc",
            b"\x00\xc3\x03\x05abc",
            b"\x00\xc4\x05",
        ];
        for body in bodies {
            let fault = refused(body);
            assert!(matches!(fault, Some(PayloadFault::Content(_))), "{body:?}: {fault:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            piece in proptest::collection::vec(any::<u8>(), 0..40),
            times in 1..60usize,
            compress: bool,
        ) {
            let text = piece.repeat(times);
            let payload = write(value(&text).as_ref(), Version::DEFAULT, compress);
            prop_assert_eq!(shown(&payload), Some(text));
        }

        #[test]
        fn numbers_are_read_as_numbers(number: i64) {
            let payload = write(ValueRef::Text(TextRef::Int(number)), Version::DEFAULT, true);
            let read = read_as(&payload, true, LONGEST);
            prop_assert!(matches!(read, Ok(Held::Text(PutText::Int(same))) if same == number));
        }

        /// Whatever comes, with a sound frame or a broken one: no panic, and no more memory than the bytes can mean.
        #[test]
        fn garbage_is_refused_or_small(
            body in proptest::collection::vec(any::<u8>(), 0..200),
            head in 0..6usize,
            version in 0..100u16,
        ) {
            let heads: [&[u8]; 6] = [b"", b"\x00", b"\x00\xc3", b"\x00\xc3\x40", b"\x00\x80", b"\x00\x81"];
            let payload = framed(&[heads[head], &body].concat(), version);
            let before = alloc::used();
            let read = read_as(&payload, true, LONGEST);
            let taken = alloc::used().saturating_sub(before);
            prop_assert!(taken < (1 << 16) + (lzf::RATIO_MAX * payload.len()) as u64, "{}", taken);
            drop(read);
            let _ = read_as(&body, false, LONGEST);
        }
    }
}

//! Strings on their way into a reply and into an entry.
//!
//! Owns: the choice between copying and sharing.   Uses: value, entries, resp.   Never: keys.

use crate::keyspace::EntryRef;
use crate::resp::args::Args;
use crate::resp::reply::Reply;
use crate::resp::{Error, Result};
use crate::value::packed::Element;
use crate::value::{Put, PutText, TextRef, ValueRef};

/// The string that stands in an entry, if there is an entry.
///
/// # Errors
/// `WrongType` if another type stands there.
#[inline]
pub fn text_of(entry: Option<EntryRef<'_>>) -> Result<Option<TextRef<'_>>> {
    match entry.map(EntryRef::value) {
        None => Ok(None),
        Some(ValueRef::Text(text)) => Ok(Some(text)),
        Some(_) => Err(Error::WrongType),
    }
}

/// Writes a string as a bulk string; a long one is shared, not copied.
#[inline]
pub fn write_text(reply: &mut Reply, text: TextRef<'_>) {
    match text {
        TextRef::Int(number) => reply.bulk_int(number),
        TextRef::Bytes(bytes) => reply.bulk(bytes),
        TextRef::Blob(blob) => reply.blob(blob.clone()),
    }
}

/// Writes an element as a bulk string.
#[inline]
pub fn write_element(reply: &mut Reply, element: Element<'_>) {
    match element {
        Element::Int(number) => reply.bulk_int(number),
        Element::Text(text) => reply.bulk(text),
    }
}

/// An argument as a new value: a number if it is the text of one, else bytes; a big argument that has an
/// allocation of its own is taken without a copy.
#[inline]
pub fn put_arg(args: Args<'_>, at: usize) -> Put<'_> {
    if let Some(blob) = args.blob(at) {
        return Put::Text(PutText::Blob(blob.clone()));
    }
    put_bytes(args.get(at))
}

/// Bytes as a new value: a number if they are the text of one.
#[inline]
pub fn put_bytes(bytes: &[u8]) -> Put<'_> {
    if bytes.len() <= 20
        && let Some(number) = crate::base::bytes::parse_i64(bytes)
    {
        return Put::Text(PutText::Int(number));
    }
    Put::Text(PutText::Bytes(bytes))
}

/// Bytes as a new value that stays text, be it that of a number: what a command made of parts.
#[inline]
pub fn put_raw(bytes: &[u8]) -> Put<'_> {
    Put::Text(PutText::Bytes(bytes))
}

/// A length as a reply.
#[inline]
pub fn length(len: usize) -> i64 {
    i64::try_from(len).expect("no string is longer than an address space")
}

//! Entries and IDs in replies, and what the family's commands say of what is not there.
//!
//! Owns: their form.   Uses: resp, `value::stream`.   Never: which entries are asked for.

use crate::command::text::{length, write_element};
use crate::resp::error::echo;
use crate::resp::reply::Reply;
use crate::resp::{Error, Result};
use crate::value::stream::{Entry, Id, IdText};

/// An ID as a bulk string.
pub fn write_id(reply: &mut Reply, id: Id) {
    reply.bulk(IdText::default().write(id));
}

/// An ID and the pairs of its entry.
pub fn write_entry(reply: &mut Reply, entry: Entry<'_>) {
    reply.array(2);
    write_fields(reply, entry);
}

/// The same without the head of the array, for more to follow.
pub fn write_fields(reply: &mut Reply, entry: Entry<'_>) {
    write_id(reply, entry.id);
    reply.array(2 * entry.len());
    for (name, value) in entry.pairs() {
        write_element(reply, name);
        write_element(reply, value);
    }
}

/// An array of entries; tells how many.
pub fn write_entries<'e>(reply: &mut Reply, entries: impl Iterator<Item = Entry<'e>>) -> usize {
    let mark = reply.mark();
    let mut count = 0;
    for entry in entries {
        write_entry(reply, entry);
        count += 1;
    }
    reply.array_from(mark, count);
    count
}

/// A name and a number of a map.
pub fn write_figure(reply: &mut Reply, name: &str, number: u64) {
    reply.bulk(name.as_bytes());
    reply.int(i64::try_from(number).unwrap_or(i64::MAX));
}

/// A name and a count of a map.
pub fn write_count(reply: &mut Reply, name: &str, count: usize) {
    reply.bulk(name.as_bytes());
    reply.int(length(count));
}

/// A name and an ID of a map.
pub fn write_named_id(reply: &mut Reply, name: &str, id: Id) {
    reply.bulk(name.as_bytes());
    write_id(reply, id);
}

/// Neither the key nor the group is there.
pub fn no_group(key: &[u8], group: &[u8]) -> Error {
    let (key, group) = (echo(key), echo(group));
    Error::text(format!("NOGROUP No such key '{key}' or consumer group '{group}'"))
}

/// The stream has no such group.
pub fn no_group_in(key: &[u8], group: &[u8]) -> Error {
    let (key, group) = (echo(key), echo(group));
    Error::text(format!("NOGROUP No such consumer group '{group}' for key name '{key}'"))
}

/// How many of something a client wants; below 0 counts as 0.
///
/// # Errors
/// It is no number.
pub fn count_of(word: &[u8]) -> Result<u64> {
    let count = crate::base::bytes::parse_i64(word).ok_or(Error::NotInteger)?;
    Ok(u64::try_from(count).unwrap_or(0))
}

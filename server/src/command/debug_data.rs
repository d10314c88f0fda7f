//! The part of DEBUG that looks at data, or makes some.
//!
//! Owns: OBJECT, DIGEST, DIGEST-VALUE, HTSTATS, HTSTATS-KEY, POPULATE.   Uses: keyspace.   Never: tells the log.

use super::context::ServerCx;
use super::next::Next;
use super::number;
use crate::base::bytes::{parse_i64, push_f64_17};
use crate::base::sha1::{Digest, sha1};
use crate::keyspace::access::{Clock, idle_seconds};
use crate::keyspace::{Db, EntryRef};
use crate::persist::rdb::format::Version;
use crate::persist::rdb::payload;
use crate::resp::{Error, Result};
use crate::value::hash::Pair;
use crate::value::stream::{Id, Stream};
use crate::value::text::Scratch;
use crate::value::{ListRef, Put, PutText, TextRef, ValueRef};

/// Shows how a value is kept. Where it lies is nobody's business, so the address is always 0.
pub fn object(cx: &mut ServerCx<'_>) -> Result<Next> {
    let keyspace = &cx.parts.keyspace;
    let entry = keyspace.db(cx.me.db).find(keyspace.key(cx.arg(2))).ok_or(Error::NoSuchKey)?;
    let (encoding, value) = (entry.encoding(), entry.value());
    let config = &cx.parts.config;
    let version = Version::of(config.rdb_version);
    let length = payload::value_length(value, version, config.rdb_compression);
    let lru = entry.access();
    let idle = idle_seconds(lru, Clock::new(cx.now.mono_us));
    let nodes = nodes(value, config.list_size);
    cx.reply.simple(&format!(
        "Value at:0x0 refcount:1 encoding:{encoding} serializedlength:{length} lru:{lru} \
         lru_seconds_idle:{idle}{nodes}"
    ));
    Ok(Next::Done)
}

/// What a real server says of the nodes of a list that is shown as a quicklist: here they are its blocks.
fn nodes(value: ValueRef<'_>, limit: i64) -> String {
    const FRAME: usize = 7;
    let ValueRef::List(list) = value else { return String::new() };
    if list.encoding() != "quicklist" {
        return String::new();
    }
    let (nodes, bytes) = match list {
        ListRef::Small(small) => (1, small.packed::<true>().bytes().len()),
        ListRef::Large(chain) => {
            let blocks = chain.chapters().iter().map(|chapter| chapter.blocks().len());
            (blocks.sum::<usize>(), chain.sums().bytes)
        }
    };
    let each = list.len() as f64 / nodes as f64;
    let bytes = bytes + nodes * FRAME;
    format!(
        " ql_nodes:{nodes} ql_avg_node:{each:.2} ql_listpack_max:{limit} ql_compressed:0 \
         ql_uncompressed_size:{bytes}"
    )
}

/// A fingerprint of all data, the same as a real server's of the same data. O(bytes).
pub fn digest(cx: &mut ServerCx<'_>) -> Result<Next> {
    let keyspace = &cx.parts.keyspace;
    let mut all = Digest::default();
    for number in (0..keyspace.written()).filter(|&number| keyspace.db(number).len() > 0) {
        mix(&mut all, &u32::try_from(number).expect("databases are few").to_be_bytes());
        for entry in keyspace.db(number).entries() {
            let mut one = Digest::default();
            mix(&mut one, entry.key());
            add_value(&mut one, entry);
            // Order does not matter among keys.
            add(&mut all, &one);
        }
    }
    cx.reply.simple(&hex(&all));
    Ok(Next::Done)
}

/// A fingerprint of each value, without its key; zeros where there is none.
pub fn digest_value(cx: &mut ServerCx<'_>) -> Result<Next> {
    cx.reply.array(cx.args.len() - 2);
    for key in cx.args.iter().skip(2) {
        let keyspace = &cx.parts.keyspace;
        let mut one = Digest::default();
        if let Some(entry) = keyspace.db(cx.me.db).find(keyspace.key(key)) {
            add_value(&mut one, entry);
        }
        cx.reply.simple(&hex(&one));
    }
    Ok(Next::Done)
}

/// The number of the type, in a fingerprint.
fn type_number(value: ValueRef<'_>) -> u32 {
    match value {
        ValueRef::Text(_) => 0,
        ValueRef::List(_) => 1,
        ValueRef::Set(_) => 2,
        ValueRef::Hash(_) => 4,
        ValueRef::SortedSet(_) => 3,
        ValueRef::Stream(_) => 6,
    }
}

fn add_value(digest: &mut Digest, entry: EntryRef<'_>) {
    mix(digest, &type_number(entry.value()).to_be_bytes());
    match entry.value() {
        ValueRef::Text(TextRef::Int(number)) => mix(digest, number.to_string().as_bytes()),
        ValueRef::Text(TextRef::Bytes(text)) => mix(digest, text),
        ValueRef::Text(TextRef::Blob(blob)) => mix(digest, blob),
        ValueRef::List(list) => {
            list.iter().for_each(|element| mix(digest, element.text(&mut Scratch::default())));
        }
        ValueRef::Set(set) => {
            set.iter().for_each(|member| add(digest, member.text(&mut Scratch::default())))
        }
        ValueRef::Hash(hash) => hash.iter().for_each(|pair| add_pair(digest, pair)),
        ValueRef::SortedSet(set) => {
            let mut text = Vec::new();
            for (member, score) in set.iter() {
                let mut one = Digest::default();
                mix(&mut one, member.text(&mut Scratch::default()));
                text.clear();
                push_f64_17(&mut text, score);
                mix(&mut one, &text);
                add(digest, &one);
            }
        }
        ValueRef::Stream(stream) => add_stream(digest, stream),
    }
    if entry.deadline().is_some() {
        // That it has one, not which: a test that waits must not change the fingerprint.
        add(digest, b"!!expire!!");
    }
}

/// Adds the entries; like in Redis, groups are no part of the fingerprint.
fn add_stream(digest: &mut Digest, stream: &Stream) {
    let mut scratch = Scratch::default();
    for entry in stream.range(Id::MIN, Id::MAX) {
        // With a dot, where it has a dash for clients.
        mix(digest, format!("{}.{}", entry.id.ms, entry.id.seq).as_bytes());
        for (name, value) in entry.pairs() {
            mix(digest, name.text(&mut scratch));
            mix(digest, value.text(&mut scratch));
        }
    }
}

/// Adds what comes in any order.
fn add(digest: &mut Digest, bytes: &[u8]) {
    for (byte, other) in digest.iter_mut().zip(sha1(bytes)) {
        *byte ^= other;
    }
}

/// Adds a field of a hash. That it has a time, not which: as for keys.
fn add_pair(digest: &mut Digest, pair: Pair<'_>) {
    let (mut one, mut scratch) = (Digest::default(), Scratch::default());
    mix(&mut one, pair.name.text(&mut scratch));
    mix(&mut one, pair.value.text(&mut scratch));
    if pair.deadline.is_some() {
        add(&mut one, b"!!hexpire!!");
    }
    add(digest, &one);
}

/// Adds what has an order.
fn mix(digest: &mut Digest, bytes: &[u8]) {
    add(digest, bytes);
    *digest = sha1(digest.as_slice());
}

fn hex(digest: &Digest) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Figures of a database's table.
pub fn ht_stats(cx: &mut ServerCx<'_>) -> Result<Next> {
    let number = parse_i64(cx.arg(2)).ok_or(Error::NotInteger)?;
    let number = usize::try_from(number).ok().filter(|&n| n < cx.parts.keyspace.databases());
    let number = number.ok_or(Error::text("ERR Out of range database"))?;
    let text = table_figures(cx.parts.keyspace.db(number));
    cx.reply.verbatim("txt", text.as_bytes());
    Ok(Next::Done)
}

fn table_figures(db: &Db) -> String {
    let keys = db.len();
    let each = if keys == 0 { 0.0 } else { db.table_bytes() as f64 / keys as f64 };
    format!(
        "[Dictionary HT]\n number of elements: {keys}\n with a time to live: {}\n bytes of the table: \
         {} ({each:.2} for each element)\n bytes of the entries: {}\n",
        db.volatile_len(),
        db.table_bytes(),
        db.entry_bytes()
    )
}

/// Figures of the table inside a value.
///
/// # Errors
/// No value of this server has one.
pub fn ht_stats_key(cx: &mut ServerCx<'_>) -> Result<Next> {
    let keyspace = &cx.parts.keyspace;
    keyspace.db(cx.me.db).find(keyspace.key(cx.arg(2))).ok_or(Error::NoSuchKey)?;
    Err(Error::text(
        "ERR The value stored at the specified key is not represented using an hash table",
    ))
}

/// A value that POPULATE makes is at most this long.
const POPULATE_MAX: usize = 512 << 20;

/// Creates keys `prefix:0`, `prefix:1`... that are not there yet, each with its number in its value. Like
/// on a real server nobody is told but the count of changes.
pub fn populate(cx: &mut ServerCx<'_>) -> Result<Next> {
    let count: u64 = number::count(cx.arg(2))?;
    let prefix = cx.args.find(3).unwrap_or(b"key");
    let size = if cx.args.len() > 4 { Some(number::count::<usize>(cx.arg(4))?) } else { None };
    // 0 is what is said where nothing is.
    let size = size.filter(|&size| size > 0).map(|size| size.min(POPULATE_MAX));
    let parts = &mut *cx.parts;
    let (mut key, mut value) = (Vec::new(), Vec::new());
    for number in 0..count {
        key.clear();
        key.extend_from_slice(prefix);
        key.extend_from_slice(format!(":{number}").as_bytes());
        value.clear();
        value.extend_from_slice(format!("value:{number}").as_bytes());
        value.resize(size.unwrap_or(value.len()), 0);
        let key = parts.keyspace.key(&key);
        let mut slot = parts.keyspace.db_mut(cx.me.db).slot(key);
        if !slot.exists() {
            slot.put(Put::Text(PutText::Bytes(&value)));
            parts.persist.dirty += 1;
        }
    }
    cx.reply.ok();
    Ok(Next::Done)
}

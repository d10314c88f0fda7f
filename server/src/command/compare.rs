//! Commands that delete a key by what it holds, and the digest to compare with.
//!
//! Owns: DELEX, DELIFEQ, DIGEST.   Uses: ReadCx, WriteCx, conditions.   Never: who else is connected.
//!
//! DELEX and DIGEST are of Redis 8.4, DELIFEQ of Valkey 9.0. The log is told the DEL that took effect.

use super::condition::{Comparison, digest};
use super::context::{ReadCx, WriteCx};
use super::row::*;
use super::text::text_of;
use crate::keyspace::Key;
use crate::keyspace::change::{Change, Event};
use crate::resp::{Error, Result};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&DELEX, &DELIFEQ, &DIGEST];
const _: () = check(TABLE);

/// The conditions on a string's value, as COMMAND DOCS shows them.
pub const COMPARISONS: [Arg; 4] = [
    string("ifeq-value").after("IFEQ"),
    string("ifne-value").after("IFNE"),
    string("ifdeq-digest").after("IFDEQ"),
    string("ifdne-digest").after("IFDNE"),
];

static DELEX: Command = Command {
    name: "delex",
    since: "8.4.0",
    group: Group::String,
    summary: "Deletes a key if its string, or the digest of it, compares as asked.",
    complexity: "O(1) for IFEQ and IFNE, O(N) for IFDEQ and IFDNE where N is the length of the string.",
    args: &[key("key"), one_of("condition", &COMPARISONS).optional()],
    keys: &[one_key(&["RW", "delete", "variable_flags"])],
    access_without: Some((&["IFEQ", "IFNE", "IFDEQ", "IFDNE"], &["RM", "delete"])),
    flags: FAST,
    events: &[Event::DEL],
    run: Run::Write(delex),
    ..Command::BASE
};

fn delex(cx: &mut WriteCx<'_>) -> Result<Change> {
    let key = cx.key(1);
    let args = cx.args;
    let slot = cx.slot(key);
    // A missing key is answered before anything else is looked at, as on a real server.
    if slot.exists() && args.len() != 2 {
        if args.len() != 4 {
            return Err(Error::Arity("delex"));
        }
        let text = text_of(slot.entry()).map_err(|_| {
            Error::text("ERR Key should be of string type if conditions are specified")
        })?;
        let comparison = Comparison::named(args.get(2), args.get(3))
            .ok_or(Error::text("ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE"))?;
        if !text.map_or(Ok(false), |text| comparison.holds(text))? {
            cx.reply.int(0);
            return Ok(Change::NONE);
        }
    }
    Ok(delete(cx, key))
}

/// Deletes a key and answers how many that were.
fn delete(cx: &mut WriteCx<'_>, key: Key<'_>) -> Change {
    let existed = cx.remove(key);
    cx.reply.int(i64::from(existed));
    if !existed {
        return Change::NONE;
    }
    cx.log_as(&[b"DEL", key.bytes]);
    cx.changed(key, Event::DEL)
}

static DELIFEQ: Command = Command {
    name: "delifeq",
    since: "9.0.0",
    group: Group::String,
    summary: "Deletes a key if its string is the given one.",
    args: &[key("key"), string("value")],
    keys: &[one_key(&["RM", "delete"])],
    flags: FAST,
    events: &[Event::DEL],
    run: Run::Write(delifeq),
    ..Command::BASE
};

fn delifeq(cx: &mut WriteCx<'_>) -> Result<Change> {
    let key = cx.key(1);
    let comparison = Comparison::Equal(cx.arg(2));
    let slot = cx.slot(key);
    if !text_of(slot.entry())?.map_or(Ok(false), |text| comparison.holds(text))? {
        cx.reply.int(0);
        return Ok(Change::NONE);
    }
    Ok(delete(cx, key))
}

static DIGEST: Command = Command {
    name: "digest",
    since: "8.4.0",
    group: Group::String,
    summary: "Returns the XXH3 hash of a string.",
    complexity: "O(N) where N is the length of the string.",
    args: &[key("key")],
    keys: READ_ONE,
    flags: FAST,
    run: Run::Read(digest_of),
    ..Command::BASE
};

fn digest_of(cx: &mut ReadCx<'_>) -> Result<()> {
    let key = cx.key(1);
    match cx.data.text(key)? {
        Some(text) => cx.reply.bulk(digest(text).as_bytes()),
        None => cx.reply.null(),
    }
    Ok(())
}

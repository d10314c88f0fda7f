//! Commands on keys of any type.
//!
//! Owns: DEL, EXISTS, TOUCH, TYPE, UNLINK.   Uses: ReadCx, WriteCx.   Never: what a value is made of.

use super::context::{ReadCx, WriteCx};
use super::row::*;
use crate::keyspace::change::{Change, Event};
use crate::resp::Result;

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&DEL, &EXISTS, &TOUCH, &TYPE, &UNLINK];
const _: () = check(TABLE);

static DEL: Command = Command {
    name: "del",
    since: "1.0.0",
    group: Group::Generic,
    summary: "Deletes keys and returns how many there were.",
    complexity: "O(N) where N is the number of keys; large values are freed in the background.",
    args: &[key("key").multiple()],
    keys: &[all_keys(&["RM", "delete"])],
    flags: KEYSPACE,
    events: &[Event::DEL],
    run: Run::Write(del),
    ..Command::BASE
};

fn del(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (mut removed, mut change) = (0, Change::NONE);
    let mut at = 1;
    while at < cx.args.len() {
        let window = cx.window(at, 1);
        for (_, key) in window.keys() {
            if cx.remove(key) {
                removed += 1;
                change = cx.changed(key, Event::DEL);
            }
        }
        at = window.next();
    }
    cx.reply.int(removed);
    Ok(change)
}

static EXISTS: Command = Command {
    name: "exists",
    since: "1.0.0",
    group: Group::Generic,
    summary: "Returns how many of the keys exist; a key named twice counts twice.",
    complexity: "O(N) where N is the number of keys.",
    args: &[key("key").multiple()],
    keys: &[all_keys(&["RO"])],
    flags: FAST.and(KEYSPACE),
    run: Run::Read(exists),
    ..Command::BASE
};

fn exists(cx: &mut ReadCx<'_>) -> Result<()> {
    let mut found = 0;
    let mut at = 1;
    while at < cx.args.len() {
        let window = cx.window(at);
        for (_, key) in window.keys() {
            found += i64::from(cx.data.look(key).is_some());
        }
        at = window.next();
    }
    cx.reply.int(found);
    Ok(())
}

static TOUCH: Command = Command {
    name: "touch",
    since: "3.2.1",
    group: Group::Generic,
    summary: "Marks keys as just used and returns how many of them exist.",
    complexity: "O(N) where N is the number of keys.",
    args: &[key("key").multiple()],
    keys: &[all_keys(&["RO"])],
    flags: FAST.and(KEYSPACE),
    run: Run::Read(touch),
    ..Command::BASE
};

fn touch(cx: &mut ReadCx<'_>) -> Result<()> {
    let mut found = 0;
    let mut at = 1;
    while at < cx.args.len() {
        let window = cx.window(at);
        for (_, key) in window.keys() {
            found += i64::from(cx.data.entry(key).is_some());
        }
        at = window.next();
    }
    cx.reply.int(found);
    Ok(())
}

static TYPE: Command = Command {
    name: "type",
    since: "1.0.0",
    group: Group::Generic,
    summary: "Returns the type of the value at a key.",
    args: &[key("key")],
    keys: &[one_key(&["RO"])],
    flags: FAST.and(KEYSPACE),
    run: Run::Read(type_of),
    ..Command::BASE
};

fn type_of(cx: &mut ReadCx<'_>) -> Result<()> {
    let key = cx.key(1);
    let name = cx.data.look(key).map_or("none", |entry| entry.value().kind().name());
    cx.reply.simple(name);
    Ok(())
}

static UNLINK: Command = Command {
    name: "unlink",
    since: "4.0.0",
    group: Group::Generic,
    summary: "Deletes keys and returns how many there were; values are freed in the background.",
    complexity: "O(1) for each key, whatever its size.",
    args: &[key("key").multiple()],
    keys: &[all_keys(&["RM", "delete"])],
    flags: FAST.and(KEYSPACE),
    events: &[Event::DEL],
    // Large values are freed off the core in any case, so there is nothing left to do differently.
    run: Run::Write(del),
    ..Command::BASE
};

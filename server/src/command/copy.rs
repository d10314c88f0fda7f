//! Commands that bring a value into another database, or to a second key.
//!
//! Owns: COPY, MOVE, and how a database is named.   Uses: WriteCx.   Never: copies a long value.
//!
//! A copy of a long string shares its bytes with the first one until either changes.

use super::context::WriteCx;
use super::row::*;
use crate::base::bytes::parse_i64;
use crate::keyspace::change::{Change, Event};
use crate::keyspace::{Content, Key};
use crate::resp::{Error, Result};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&COPY, &MOVE];
const _: () = check(TABLE);

/// The number of a database that a client names.
fn database(cx: &WriteCx<'_>, text: &[u8]) -> Result<usize> {
    let number = parse_i64(text).ok_or(Error::NotInteger)?;
    let number = i32::try_from(number).map_err(|_| {
        Error::text("ERR value is out of range, value must between -2147483648 and 2147483647")
    })?;
    let known = usize::try_from(number).ok().filter(|&number| number < cx.keyspace.databases());
    known.ok_or(Error::DbIndex)
}

/// The error of a key that is to become itself.
fn same_place() -> Error {
    Error::text("ERR source and destination objects are the same")
}

static COPY: Command = Command {
    name: "copy",
    since: "6.2.0",
    group: Group::Generic,
    summary: "Copies the value of a key, and its time to live, to another key.",
    complexity: "O(1) for strings, however long; O(N) for a value of N elements.",
    args: &[
        key("source"),
        key("destination"),
        integer("destination-db").after("DB").optional(),
        token("replace", "REPLACE").optional(),
    ],
    keys: &[key_at(1, &["RO", "access"]), key_at(2, &["OW", "update"])],
    flags: DENY_OOM.and(KEYSPACE),
    events: &[Event::COPY_TO, Event::NEW],
    run: Run::Write(copy),
    ..Command::BASE
};

fn copy(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (mut db, mut replace) = (cx.db, false);
    let mut words = cx.args.from(3).iter();
    while let Some(word) = words.next() {
        if word.eq_ignore_ascii_case(b"replace") {
            replace = true;
        } else if word.eq_ignore_ascii_case(b"db") {
            db = database(cx, words.next().ok_or(Error::Syntax)?)?;
        } else {
            return Err(Error::Syntax);
        }
    }
    let (from, to) = (cx.key(1), cx.key(2));
    if db == cx.db && from.bytes == to.bytes {
        return Err(same_place());
    }
    let copied = copy_to(cx, from, db, to, replace);
    cx.reply.int(i64::from(copied.is_some()));
    Ok(copied.unwrap_or(Change::NONE))
}

/// Copies a key if it is there, and if the other one is not or may be replaced.
fn copy_to(
    cx: &mut WriteCx<'_>,
    from: Key<'_>,
    db: usize,
    to: Key<'_>,
    replace: bool,
) -> Option<Change> {
    let touch = cx.touch;
    let (mut slot, _) = cx.read_slot(from);
    slot.touch(touch);
    let content = slot.entry().map(Content::copy_of)?;
    let mut slot = cx.slot_in(db, to);
    if slot.exists() && !replace {
        return None;
    }
    slot.put_content(content);
    slot.touch(touch);
    cx.collect(db);
    let _ = cx.changes.also(db, to.bytes, Event::NEW);
    Some(cx.changes.changed(db, to.bytes, Event::COPY_TO))
}

static MOVE: Command = Command {
    name: "move",
    since: "1.0.0",
    group: Group::Generic,
    summary: "Moves a key to another database, unless it is there already.",
    args: &[key("key"), integer("db")],
    keys: UPDATE_ONE,
    flags: FAST.and(KEYSPACE),
    events: &[Event::MOVE_FROM, Event::MOVE_TO, Event::NEW],
    run: Run::Write(move_key),
    ..Command::BASE
};

fn move_key(cx: &mut WriteCx<'_>) -> Result<Change> {
    let db = database(cx, cx.arg(2))?;
    if db == cx.db {
        return Err(same_place());
    }
    let moved = move_to(cx, cx.key(1), db);
    cx.reply.int(i64::from(moved.is_some()));
    Ok(moved.unwrap_or(Change::NONE))
}

fn move_to(cx: &mut WriteCx<'_>, key: Key<'_>, db: usize) -> Option<Change> {
    let touch = cx.touch;
    let mut slot = cx.slot(key);
    if !slot.exists() {
        return None;
    }
    slot.touch(touch);
    if cx.slot_in(db, key).exists() {
        return None;
    }
    let content = cx.slot(key).take_content()?;
    cx.slot_in(db, key).put_content(content);
    cx.collect(db);
    let _ = cx.changes.also(db, key.bytes, Event::NEW);
    let _ = cx.changes.also(cx.db, key.bytes, Event::MOVE_FROM);
    Some(cx.changes.changed(db, key.bytes, Event::MOVE_TO))
}

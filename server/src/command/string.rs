//! Commands that read a string, and those that read it and change what stands there.
//!
//! Owns: APPEND, GET, GETDEL, GETEX, MGET, STRLEN.   Uses: ReadCx, WriteCx.   Never: who else is connected.

use super::context::{ReadCx, WriteCx};
use super::range::overwrite;
use super::row::*;
use super::set_options::{EXPIRATION_OR_PERSIST, GETEX_WORDS, Options, Time};
use super::text::{length, put_arg, text_of, write_text};
use crate::keyspace::change::{Change, Event};
use crate::resp::{Error, Result};
use crate::value::TextRef;
use crate::value::text::Scratch;

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&APPEND, &GET, &GETDEL, &GETEX, &MGET, &STRLEN];
const _: () = check(TABLE);

static APPEND: Command = Command {
    name: "append",
    since: "2.0.0",
    group: Group::String,
    summary: "Adds bytes to the end of a string; a missing key begins empty.",
    complexity: "O(1) amortized, if what is appended is small.",
    args: &[key("key"), string("value")],
    keys: &[one_key(&["RW", "insert"])],
    flags: DENY_OOM.and(FAST).and(ALONE),
    events: &[Event::APPEND, Event::NEW],
    run: Run::Write(append),
    ..Command::BASE
};

fn append(cx: &mut WriteCx<'_>) -> Result<Change> {
    let key = cx.key(1);
    let (put, tail) = (put_arg(cx.args, 2), cx.arg(2));
    let (touch, limit) = (cx.touch, cx.config.max_bulk.0);
    let mut slot = cx.slot(key);
    let Some(old) = text_of(slot.entry())? else {
        slot.put(put);
        slot.touch(touch);
        cx.reply.int(length(tail.len()));
        cx.created(key);
        return Ok(cx.changed(key, Event::APPEND));
    };
    let end = old.len();
    let len = end.checked_add(tail.len()).ok_or(Error::TooLong)?;
    if len as u64 > limit {
        return Err(Error::TooLong);
    }
    overwrite(&mut slot, end, tail);
    slot.touch(touch);
    cx.reply.int(length(len));
    Ok(cx.changed(key, Event::APPEND))
}

static GET: Command = Command {
    name: "get",
    since: "1.0.0",
    group: Group::String,
    summary: "Returns the string value of a key.",
    args: &[key("key")],
    keys: READ_ONE,
    flags: FAST,
    run: Run::Read(get),
    ..Command::BASE
};

fn get(cx: &mut ReadCx<'_>) -> Result<()> {
    let key = cx.key(1);
    match cx.data.text(key)? {
        Some(text) => write_text(cx.reply, text),
        None => cx.reply.null(),
    }
    Ok(())
}

static GETDEL: Command = Command {
    name: "getdel",
    since: "6.2.0",
    group: Group::String,
    summary: "Returns the string value of a key and deletes the key.",
    args: &[key("key")],
    keys: &[one_key(&["RW", "access", "delete"])],
    flags: FAST,
    events: &[Event::DEL],
    run: Run::Write(getdel),
    ..Command::BASE
};

fn getdel(cx: &mut WriteCx<'_>) -> Result<Change> {
    let key = cx.key(1);
    let (slot, reply) = cx.read_slot(key);
    let Some(text) = text_of(slot.entry())? else {
        reply.null();
        return Ok(Change::NONE);
    };
    write_text(reply, text);
    cx.remove(key);
    cx.log_as(&[b"DEL", key.bytes]);
    Ok(cx.changed(key, Event::DEL))
}

static GETEX: Command = Command {
    name: "getex",
    since: "6.2.0",
    group: Group::String,
    summary: "Returns the string value of a key and sets or clears its time to live.",
    args: &[key("key"), one_of("expiration", EXPIRATION_OR_PERSIST).optional()],
    keys: UPDATE_ONE,
    flags: FAST,
    events: &[Event::DEL, Event::EXPIRE, Event::PERSIST],
    run: Run::Write(getex),
    ..Command::BASE
};

fn getex(cx: &mut WriteCx<'_>) -> Result<Change> {
    let options = Options::parse(cx.args.from(2), GETEX_WORDS)?;
    let key = cx.key(1);
    let (touch, now_ms) = (cx.touch, cx.now.unix_ms());
    let (mut slot, reply) = cx.read_slot(key);
    let Some(text) = text_of(slot.entry())? else {
        reply.null();
        return Ok(Change::NONE);
    };
    let time = options.time("getex", now_ms)?;
    write_text(reply, text);
    slot.touch(touch);
    match time {
        Time::Unsaid | Time::Keep => Ok(Change::NONE),
        Time::Persist => {
            if slot.deadline().is_none() {
                return Ok(Change::NONE);
            }
            slot.set_deadline(None);
            cx.log_as(&[b"PERSIST", key.bytes]);
            Ok(cx.changed(key, Event::PERSIST))
        }
        Time::Until(deadline) if deadline <= now_ms => {
            cx.remove(key);
            cx.log_as(&[b"DEL", key.bytes]);
            Ok(cx.changed(key, Event::DEL))
        }
        Time::Until(deadline) => {
            slot.set_deadline(Some(deadline));
            let mut scratch = Scratch::default();
            cx.log_as(&[b"PEXPIREAT", key.bytes, scratch.write(deadline)]);
            Ok(cx.changed(key, Event::EXPIRE))
        }
    }
}

static MGET: Command = Command {
    name: "mget",
    since: "1.0.0",
    group: Group::String,
    summary: "Returns the string values of several keys.",
    complexity: "O(N) where N is the number of keys.",
    args: &[key("key").multiple()],
    keys: READ_ALL,
    flags: FAST,
    run: Run::Read(mget),
    ..Command::BASE
};

fn mget(cx: &mut ReadCx<'_>) -> Result<()> {
    cx.reply.array(cx.args.len() - 1);
    let mut at = 1;
    while at < cx.args.len() {
        let window = cx.window(at);
        for (_, key) in window.keys() {
            // A key of another type is answered like a missing one.
            match cx.data.text(key) {
                Ok(Some(text)) => write_text(cx.reply, text),
                Ok(None) | Err(_) => cx.reply.null(),
            }
        }
        at = window.next();
    }
    Ok(())
}

static STRLEN: Command = Command {
    name: "strlen",
    since: "2.2.0",
    group: Group::String,
    summary: "Returns the length of a string in bytes.",
    args: &[key("key")],
    keys: &[one_key(&["RO"])],
    flags: FAST,
    run: Run::Read(strlen),
    ..Command::BASE
};

fn strlen(cx: &mut ReadCx<'_>) -> Result<()> {
    let key = cx.key(1);
    let len = cx.data.text(key)?.map_or(0, TextRef::len);
    cx.reply.int(length(len));
    Ok(())
}

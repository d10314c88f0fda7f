//! Commands on named fields.
//!
//! Owns: HDEL, HEXISTS, HGET, HLEN, HMGET, HMSET, HSET, HSETNX, HSTRLEN.   Uses: contexts, `value::Hash`.   Never: times.

use super::{bury, closed};
use crate::command::context::{ReadCx, WriteCx};
use crate::command::row::*;
use crate::command::text::{length, write_element};
use crate::keyspace::change::{Change, Event};
use crate::resp::{Error, Result};
use crate::value::hash::{Pair, Until};
use crate::value::text::Scratch;
use crate::value::{Hash, HashRef};

/// The family, sorted by name.
pub static TABLE: &[&Command] =
    &[&HDEL, &HEXISTS, &HGET, &HLEN, &HMGET, &HMSET, &HSET, &HSETNX, &HSTRLEN];
const _: () = check(TABLE);

/// Names and values.
const PAIRS: Arg = block("data", &[string("field"), string("value")]).multiple();

/// A live field of the first key's hash.
fn live<'s>(cx: &'s mut ReadCx<'_>, name: &[u8]) -> Result<Option<Pair<'s>>> {
    let (key, now_ms) = (cx.key(1), cx.now.unix_ms());
    let hash = cx.data.view::<HashRef<'_>>(key)?;
    Ok(hash.and_then(|hash| hash.get(name, now_ms)))
}

static HSET: Command = Command {
    name: "hset",
    since: "2.0.0",
    group: Group::Hash,
    summary: "Sets fields of a hash, which is created if it is not there.",
    complexity: "O(1) for each field.",
    args: &[key("key"), PAIRS],
    keys: &[one_key(&["RW", "update"])],
    flags: DENY_OOM.and(FAST),
    events: &[Event::HSET, Event::NEW],
    run: Run::Write(hset),
    ..Command::BASE
};

fn hset(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (added, change) = set_all(cx, "hset")?;
    cx.reply.int(length(added));
    Ok(change)
}

static HMSET: Command = Command {
    name: "hmset",
    since: "2.0.0",
    group: Group::Hash,
    summary: "Sets fields of a hash, which is created if it is not there.",
    complexity: "O(N) where N is the number of fields.",
    deprecated: Some(("4.0.0", "`HSET` with multiple field-value pairs")),
    args: &[key("key"), PAIRS],
    keys: &[one_key(&["RW", "update"])],
    flags: DENY_OOM.and(FAST),
    events: &[Event::HSET, Event::NEW],
    run: Run::Write(hmset),
    ..Command::BASE
};

fn hmset(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (_, change) = set_all(cx, "hmset")?;
    cx.reply.ok();
    Ok(change)
}

/// Sets all fields that the words name, and tells how many are new.
fn set_all(cx: &mut WriteCx<'_>, command: &'static str) -> Result<(usize, Change)> {
    let (key, pairs) = (cx.key(1), cx.args.from(2));
    if pairs.len() % 2 != 0 {
        return Err(Error::Arity(command));
    }
    let mut hash = cx.open::<Hash>(key)?;
    let limits = hash.limits();
    let value = hash.get_or_make(|_| Hash::new());
    value.expect_more(pairs.len() / 2, limits);
    let (mut words, mut added) = (pairs.iter(), 0);
    while let (Some(name), Some(text)) = (words.next(), words.next()) {
        added += usize::from(value.set(name, text, Until::Ever, limits));
    }
    let outcome = hash.close();
    let _ = cx.changes.count(pairs.len() as u64 / 2 - 1);
    Ok((added, cx.closed(key, outcome, Event::HSET)))
}

static HSETNX: Command = Command {
    name: "hsetnx",
    since: "2.0.0",
    group: Group::Hash,
    summary: "Sets a field of a hash unless the hash has it.",
    args: &[key("key"), string("field"), string("value")],
    keys: &[one_key(&["RW", "insert"])],
    flags: DENY_OOM.and(FAST),
    events: &[Event::HSET, Event::HEXPIRED, Event::NEW],
    run: Run::Write(hsetnx),
    ..Command::BASE
};

fn hsetnx(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (key, name, text, now_ms) = (cx.key(1), cx.arg(2), cx.arg(3), cx.now.unix_ms());
    let mut hash = cx.open::<Hash>(key)?;
    let limits = hash.limits();
    let buried = bury(&mut hash, std::iter::once(name), now_ms);
    if hash.get().is_some_and(|value| value.as_ref().find(name).is_some()) {
        drop(hash);
        cx.reply.int(0);
        return Ok(Change::NONE);
    }
    hash.get_or_make(|_| Hash::new()).set(name, text, Until::Ever, limits);
    let outcome = hash.close();
    cx.reply.int(1);
    Ok(closed(cx, key, outcome, &buried, &[Event::HSET]))
}

static HDEL: Command = Command {
    name: "hdel",
    since: "2.0.0",
    group: Group::Hash,
    summary: "Removes fields from a hash, and the hash when none is left.",
    complexity: "O(N) where N is the number of fields to be removed.",
    args: &[key("key"), string("field").multiple()],
    keys: &[one_key(&["RW", "delete"])],
    flags: FAST,
    events: &[Event::HDEL, Event::DEL],
    run: Run::Write(hdel),
    ..Command::BASE
};

fn hdel(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (key, names) = (cx.key(1), cx.args.from(2));
    let mut hash = cx.open::<Hash>(key)?;
    let removed = match hash.get_mut() {
        Some(value) => names.iter().filter(|name| value.remove(name)).count(),
        None => 0,
    };
    let outcome = hash.close();
    cx.reply.int(length(removed));
    if removed == 0 {
        return Ok(Change::NONE);
    }
    let _ = cx.changes.count(removed as u64 - 1);
    Ok(cx.closed(key, outcome, Event::HDEL))
}

static HGET: Command = Command {
    name: "hget",
    since: "2.0.0",
    group: Group::Hash,
    summary: "Returns the value of a field of a hash.",
    args: &[key("key"), string("field")],
    keys: READ_ONE,
    flags: FAST,
    run: Run::Read(hget),
    ..Command::BASE
};

fn hget(cx: &mut ReadCx<'_>) -> Result<()> {
    let (key, name, now_ms) = (cx.key(1), cx.arg(2), cx.now.unix_ms());
    let hash = cx.data.view::<HashRef<'_>>(key)?;
    match hash.and_then(|hash| hash.get(name, now_ms)) {
        Some(pair) => write_element(cx.reply, pair.value),
        None => cx.reply.null(),
    }
    Ok(())
}

static HMGET: Command = Command {
    name: "hmget",
    since: "2.0.0",
    group: Group::Hash,
    summary: "Returns the values of fields of a hash.",
    complexity: "O(N) where N is the number of fields asked for.",
    args: &[key("key"), string("field").multiple()],
    keys: READ_ONE,
    flags: FAST,
    run: Run::Read(hmget),
    ..Command::BASE
};

fn hmget(cx: &mut ReadCx<'_>) -> Result<()> {
    let (key, names, now_ms) = (cx.key(1), cx.args.from(2), cx.now.unix_ms());
    let hash = cx.data.view::<HashRef<'_>>(key)?;
    cx.reply.array(names.len());
    for name in names.iter() {
        match hash.and_then(|hash| hash.get(name, now_ms)) {
            Some(pair) => write_element(cx.reply, pair.value),
            None => cx.reply.null(),
        }
    }
    Ok(())
}

static HLEN: Command = Command {
    name: "hlen",
    since: "2.0.0",
    group: Group::Hash,
    summary: "Returns the number of fields of a hash.",
    args: &[key("key")],
    keys: &[one_key(&["RO"])],
    flags: FAST,
    run: Run::Read(hlen),
    ..Command::BASE
};

fn hlen(cx: &mut ReadCx<'_>) -> Result<()> {
    let key = cx.key(1);
    let fields = cx.data.view::<HashRef<'_>>(key)?.map_or(0, HashRef::len);
    cx.reply.int(length(fields));
    Ok(())
}

static HEXISTS: Command = Command {
    name: "hexists",
    since: "2.0.0",
    group: Group::Hash,
    summary: "Tells whether a hash has a field.",
    args: &[key("key"), string("field")],
    keys: &[one_key(&["RO"])],
    flags: FAST,
    run: Run::Read(hexists),
    ..Command::BASE
};

fn hexists(cx: &mut ReadCx<'_>) -> Result<()> {
    let is_there = live(cx, cx.args.get(2))?.is_some();
    cx.reply.int(is_there.into());
    Ok(())
}

static HSTRLEN: Command = Command {
    name: "hstrlen",
    since: "3.2.0",
    group: Group::Hash,
    summary: "Returns the length of a field's value.",
    args: &[key("key"), string("field")],
    keys: &[one_key(&["RO"])],
    flags: FAST,
    run: Run::Read(hstrlen),
    ..Command::BASE
};

fn hstrlen(cx: &mut ReadCx<'_>) -> Result<()> {
    let found = live(cx, cx.args.get(2))?;
    let bytes = found.map_or(0, |pair| pair.value.text(&mut Scratch::default()).len());
    cx.reply.int(length(bytes));
    Ok(())
}

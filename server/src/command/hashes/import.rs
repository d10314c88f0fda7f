//! Many hashes with the same fields, whose names are sent once.
//!
//! Owns: HIMPORT and its subcommands.   Uses: contexts, `session::Fieldsets`, `value::Hash`.   Never: who else is connected.
//!
//! A fieldset belongs to the connection that prepared it: it ends with the connection, with RESET, or when it is discarded.
//! The log and replicas know no fieldsets, so they are told whole hashes.

use crate::command::context::{SessionCx, WriteCx};
use crate::command::next::Next;
use crate::command::row::*;
use crate::command::text::length;
use crate::keyspace::change::{Change, Event};
use crate::keyspace::{Key, Keyspace};
use crate::resp::args::Args;
use crate::resp::{Error, Result};
use crate::value::hash::Until;
use crate::value::{Hash, Type, Value};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&HIMPORT];
const _: () = check(TABLE);

static HIMPORT: Command = Command {
    name: "himport",
    since: "8.10.0",
    group: Group::Hash,
    summary: "Creates hashes with fields that were named before.",
    complexity: "Depends on subcommand.",
    subcommands: &[&DISCARD, &DISCARDALL, &PREPARE, &SET],
    run: Run::Container,
    ..Command::BASE
};

static PREPARE: Command = Command {
    name: "himport|prepare",
    since: "8.10.0",
    group: Group::Hash,
    summary: "Keeps names of fields for the hashes that the connection will create.",
    complexity: "O(N*log(N)) where N is the number of fields.",
    args: &[string("fieldset-name"), string("field").multiple()],
    flags: DENY_OOM,
    run: Run::Session(prepare),
    ..Command::BASE
};

fn prepare(cx: &mut SessionCx<'_>) -> Result<Next> {
    let (name, fields) = (cx.arg(2), cx.args.from(3));
    if has_twins(fields, cx.keyspace) {
        return Err(Error::text("ERR duplicate field name in fieldset"));
    }
    cx.me.fieldsets.get_or_insert_default().put(name, fields);
    cx.reply.ok();
    Ok(Next::Done)
}

/// Whether a field is named twice. O(n log n), and of long names that begin alike no more than one look at each: they are
/// told apart by hashes, with a key that nobody knows.
fn has_twins(fields: Args<'_>, keyspace: &Keyspace) -> bool {
    let mut hashed: Vec<(u64, &[u8])> =
        fields.iter().map(|field| (keyspace.key(field).hash, field)).collect();
    hashed.sort_unstable();
    hashed.windows(2).any(|pair| pair[0] == pair[1])
}

static DISCARD: Command = Command {
    name: "himport|discard",
    since: "8.10.0",
    group: Group::Hash,
    summary: "Forgets names of fields that the connection prepared.",
    args: &[string("fieldset-name")],
    run: Run::Session(discard),
    ..Command::BASE
};

fn discard(cx: &mut SessionCx<'_>) -> Result<Next> {
    let removed = cx.me.fieldsets.as_mut().is_some_and(|sets| sets.remove(cx.args.get(2)));
    cx.me.fieldsets.take_if(|sets| sets.is_empty());
    cx.reply.int(removed.into());
    Ok(Next::Done)
}

static DISCARDALL: Command = Command {
    name: "himport|discardall",
    since: "8.10.0",
    group: Group::Hash,
    summary: "Forgets all names of fields that the connection prepared.",
    complexity: "O(N) where N is the number of fieldsets.",
    run: Run::Session(discard_all),
    ..Command::BASE
};

fn discard_all(cx: &mut SessionCx<'_>) -> Result<Next> {
    let sets = cx.me.fieldsets.take();
    cx.reply.int(length(sets.as_ref().map_or(0, |sets| sets.len())));
    cx.garbage.drop_fieldsets(sets);
    Ok(Next::Done)
}

static SET: Command = Command {
    name: "himport|set",
    since: "8.10.0",
    group: Group::Hash,
    summary: "Creates or replaces a hash, whose fields were prepared and whose values are sent.",
    complexity: "O(N) where N is the number of fields.",
    args: &[key("key"), string("fieldset-name"), string("value").multiple()],
    keys: &[key_at(2, &["OW", "update"])],
    flags: DENY_OOM,
    events: &[Event::HSET, Event::NEW],
    run: Run::Write(set),
    ..Command::BASE
};

/// Replaces a hash and its time to live, but no other type, though the documentation only says that a key is overwritten:
/// so Redis's own tests want it. The type is looked at first.
fn set(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (key, values) = (cx.key(2), cx.args.from(4));
    let existed = is_hash(cx, key)?;
    let fields = cx.fieldsets.and_then(|sets| sets.find(cx.arg(3)));
    let fields = fields.ok_or(Error::text("ERR no such fieldset"))?;
    if fields.len() != values.len() {
        return Err(Error::text("ERR value count does not match fieldset field count"));
    }
    let limits = &cx.keyspace.limits;
    let mut hash = Hash::new();
    hash.expect_more(fields.len(), limits);
    for (field, value) in fields.iter().zip(values.iter()) {
        hash.set(field, value, Until::Ever, limits);
    }
    tell(cx, key, existed, fields);
    cx.reply.ok();
    Ok(cx.replace(key, Some(Value::Hash(hash)), Event::HSET))
}

/// Whether a key holds a hash; false: nothing.
fn is_hash(cx: &mut WriteCx<'_>, key: Key<'_>) -> Result<bool> {
    match cx.slot(key).entry().map(|entry| entry.value().kind()) {
        None => Ok(false),
        Some(Type::Hash) => Ok(true),
        Some(_) => Err(Error::WrongType),
    }
}

/// Tells the log all fields with their values, and that what stood there goes: both or neither.
fn tell(cx: &mut WriteCx<'_>, key: Key<'_>, existed: bool, fields: Args<'_>) {
    if !cx.changes.keeps_log() {
        return;
    }
    let mut words: Vec<&[u8]> = vec![b"HSET", key.bytes];
    words.extend(fields.iter().zip(cx.args.from(4).iter()).flat_map(<[&[u8]; 2]>::from));
    if existed {
        cx.log_as(&[b"DEL", key.bytes]);
        cx.changes.bind();
    }
    cx.log_as(&words);
}

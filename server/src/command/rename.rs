//! Commands that give a value another key.
//!
//! Owns: RENAME, RENAMENX.   Uses: WriteCx.   Never: copies a long value.

use super::context::WriteCx;
use super::row::*;
use crate::keyspace::change::{Change, Event};
use crate::resp::{Error, Result};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&RENAME, &RENAMENX];
const _: () = check(TABLE);

const EVENTS: &[Event] = &[Event::RENAME_FROM, Event::RENAME_TO, Event::NEW];

static RENAME: Command = Command {
    name: "rename",
    since: "1.0.0",
    group: Group::Generic,
    summary: "Gives a key another name, in place of the key that has it.",
    args: &[key("key"), key("newkey")],
    keys: &[key_at(1, &["RW", "access", "delete"]), key_at(2, &["OW", "update"])],
    flags: KEYSPACE,
    events: EVENTS,
    run: Run::Write(rename),
    ..Command::BASE
};

fn rename(cx: &mut WriteCx<'_>) -> Result<Change> {
    let renamed = give_name(cx, false)?;
    cx.reply.ok();
    Ok(renamed.unwrap_or(Change::NONE))
}

static RENAMENX: Command = Command {
    name: "renamenx",
    since: "1.0.0",
    group: Group::Generic,
    summary: "Gives a key another name, if no key has it.",
    args: &[key("key"), key("newkey")],
    keys: &[key_at(1, &["RW", "access", "delete"]), key_at(2, &["OW", "insert"])],
    flags: FAST.and(KEYSPACE),
    events: EVENTS,
    run: Run::Write(renamenx),
    ..Command::BASE
};

fn renamenx(cx: &mut WriteCx<'_>) -> Result<Change> {
    let renamed = give_name(cx, true)?;
    cx.reply.int(i64::from(renamed.is_some()));
    Ok(renamed.unwrap_or(Change::NONE))
}

/// Moves what stands at the first key to the second; nothing where they are the same, or where the second is there and
/// must not be.
fn give_name(cx: &mut WriteCx<'_>, only_new: bool) -> Result<Option<Change>> {
    let (from, to) = (cx.key(1), cx.key(2));
    let touch = cx.touch;
    let mut slot = cx.slot(from);
    if !slot.exists() {
        return Err(Error::NoSuchKey);
    }
    slot.touch(touch);
    if from.bytes == to.bytes || (only_new && cx.slot(to).exists()) {
        return Ok(None);
    }
    let content = cx.slot(from).take_content().expect("it was there, and is another key");
    cx.slot(to).put_content(content);
    // To Redis an overwritten key is removed and made anew, so this is said of it as well.
    cx.created(to);
    let _ = cx.changes.also(cx.db, from.bytes, Event::RENAME_FROM);
    Ok(Some(cx.changed(to, Event::RENAME_TO)))
}

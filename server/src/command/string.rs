//! Commands on strings.
//!
//! Owns: GET, SET.   Uses: ReadCx, WriteCx.   Never: who else is connected.

use super::context::{ReadCx, WriteCx};
use super::row::*;
use super::text::{put_arg, write_text};
use crate::keyspace::change::{Change, Event};
use crate::resp::Result;

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&GET, &SET];
const _: () = check(TABLE);

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

static SET: Command = Command {
    name: "set",
    since: "1.0.0",
    group: Group::String,
    summary: "Sets the string value of a key.",
    args: &[key("key"), string("value")],
    keys: UPDATE_ONE,
    flags: DENY_OOM,
    events: &[Event::SET],
    run: Run::Write(set),
    ..Command::BASE
};

fn set(cx: &mut WriteCx<'_>) -> Result<Change> {
    let key = cx.key(1);
    let clock = cx.clock;
    let put = put_arg(cx.args, 2);
    let mut slot = cx.slot(key);
    slot.put_until(put, None);
    slot.set_access(clock);
    cx.reply.ok();
    Ok(cx.changed(key, Event::SET))
}

//! Commands that look at entries by their IDs.
//!
//! Owns: XLEN, XRANGE, XREVRANGE.   Uses: ReadCx, `value::Stream`.   Never: groups.

use super::ids::{from, is, to};
use super::write::{count_of, write_entries};
use crate::command::context::ReadCx;
use crate::command::row::*;
use crate::command::text::length;
use crate::resp::{Error, Result};
use crate::value::Stream;

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&XLEN, &XRANGE, &XREVRANGE];
const _: () = check(TABLE);

static XLEN: Command = Command {
    name: "xlen",
    since: "5.0.0",
    group: Group::Stream,
    summary: "Returns the number of entries of a stream.",
    args: &[key("key")],
    keys: &[one_key(&["RO"])],
    flags: FAST,
    run: Run::Read(xlen),
    ..Command::BASE
};

fn xlen(cx: &mut ReadCx<'_>) -> Result<()> {
    let key = cx.key(1);
    let entries = cx.data.view::<&Stream>(key)?.map_or(0, Stream::len);
    cx.reply.int(length(entries));
    Ok(())
}

static XRANGE: Command = Command {
    name: "xrange",
    since: "5.0.0",
    group: Group::Stream,
    summary: "Returns the entries of a stream from one ID to another.",
    complexity: "O(N) for N entries that are returned.",
    args: &[key("key"), string("start"), string("end"), integer("count").after("COUNT").optional()],
    keys: READ_ONE,
    run: Run::Read(xrange),
    ..Command::BASE
};

fn xrange(cx: &mut ReadCx<'_>) -> Result<()> {
    walk(cx, false)
}

static XREVRANGE: Command = Command {
    name: "xrevrange",
    since: "5.0.0",
    group: Group::Stream,
    summary: "Returns the entries of a stream from one ID back to another.",
    complexity: "O(N) for N entries that are returned.",
    args: &[key("key"), string("end"), string("start"), integer("count").after("COUNT").optional()],
    keys: READ_ONE,
    run: Run::Read(xrevrange),
    ..Command::BASE
};

fn xrevrange(cx: &mut ReadCx<'_>) -> Result<()> {
    walk(cx, true)
}

fn walk(cx: &mut ReadCx<'_>, is_back: bool) -> Result<()> {
    let (key, args) = (cx.key(1), cx.args);
    let (first, last) = if is_back { (3, 2) } else { (2, 3) };
    let (first, last) = (from(args.get(first))?, to(args.get(last))?);
    let mut most = None;
    let mut at = 4;
    while at < args.len() {
        match args.find(at + 1) {
            Some(count) if is(args.get(at), "COUNT") => most = Some(count_of(count)?),
            Some(_) | None => return Err(Error::Syntax),
        }
        at += 2;
    }
    let Some(stream) = cx.data.view::<&Stream>(key)? else {
        cx.reply.array(0);
        return Ok(());
    };
    if most == Some(0) {
        cx.reply.null_array();
        return Ok(());
    }
    let most = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
    if is_back {
        write_entries(cx.reply, stream.back(first, last).take(most));
    } else {
        write_entries(cx.reply, stream.range(first, last).take(most));
    }
    Ok(())
}

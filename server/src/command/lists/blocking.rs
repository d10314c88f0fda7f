//! Commands that take elements from lists, or wait until there are any.
//!
//! Owns: BLMOVE, BLMOVEM, BLMPOP, BLPOP, BRPOP, BRPOPLPUSH.   Uses: contexts, waiting, what serves in this family.
//! Never: keeps anybody waiting (the engine does).
//!
//! The log is told what was done as a command that does not wait.

use super::many::{pop_at, pop_first};
use super::moves::{EVENTS, FROM_AND_TO, HOW_MANY, Load, Route, SIDES};
use super::moves::{load, move_elements, write_moved};
use super::side;
use crate::command::context::WriteCx;
use crate::command::number::FromFirst;
use crate::command::row::{self, *};
use crate::command::text::write_element;
use crate::keyspace::change::{Change, Event};
use crate::resp::Result;
use crate::session::wait::{Empty, timeout_of_seconds};
use crate::session::wanted::Awaited;
use crate::value::Side;

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&BLMOVE, &BLMOVEM, &BLMPOP, &BLPOP, &BRPOP, &BRPOPLPUSH];
const _: () = check(TABLE);

const KEYS_AND_TIMEOUT: &[Arg] = &[key("key").multiple(), double("timeout")];
const ALL_BUT_TIMEOUT: &[KeySpec] = &[key_range(1, -2, 1, &["RW", "access", "delete"])];

static BLPOP: Command = Command {
    name: "blpop",
    since: "2.0.0",
    group: Group::List,
    summary: "Removes the left element of the first list that has any and returns it; waits for one.",
    complexity: "O(N) where N is the number of keys.",
    args: KEYS_AND_TIMEOUT,
    keys: ALL_BUT_TIMEOUT,
    flags: BLOCKING,
    events: &[Event::LPOP, Event::DEL],
    run: Run::Write(blpop),
    ..Command::BASE
};

fn blpop(cx: &mut WriteCx<'_>) -> Result<Change> {
    pop(cx, Side::Left)
}

static BRPOP: Command = Command {
    name: "brpop",
    since: "2.0.0",
    group: Group::List,
    summary: "Removes the right element of the first list that has any and returns it; waits for one.",
    complexity: "O(N) where N is the number of keys.",
    args: KEYS_AND_TIMEOUT,
    keys: ALL_BUT_TIMEOUT,
    flags: BLOCKING,
    events: &[Event::RPOP, Event::DEL],
    run: Run::Write(brpop),
    ..Command::BASE
};

fn brpop(cx: &mut WriteCx<'_>) -> Result<Change> {
    pop(cx, Side::Right)
}

fn pop(cx: &mut WriteCx<'_>, side: Side) -> Result<Change> {
    let last = cx.args.len() - 1;
    let timeout = timeout_of_seconds(cx.arg(last), cx.now)?;
    for at in 1..last {
        if let Some(change) = pop_at(cx, at, side, None)? {
            return Ok(change);
        }
    }
    cx.wait_for(Awaited::List, 1..last, timeout, Empty::NullArray);
    Ok(Change::NONE)
}

static BLMPOP: Command = Command {
    name: "blmpop",
    since: "7.0.0",
    group: Group::List,
    summary: "Removes elements from an end of the first list that has any and returns them; waits for some.",
    complexity: "O(N+M) where N is the number of keys and M the number of elements returned.",
    args: &[
        double("timeout"),
        row::integer("numkeys"),
        key("key").multiple(),
        one_of("where", SIDES),
        row::integer("count").after("COUNT").optional(),
    ],
    keys: &[numbered_keys(2, 1, &["RW", "access", "delete"])],
    flags: BLOCKING.and(MOVABLE_KEYS),
    events: &[Event::LPOP, Event::RPOP, Event::DEL],
    run: Run::Write(blmpop),
    ..Command::BASE
};

fn blmpop(cx: &mut WriteCx<'_>) -> Result<Change> {
    let wanted = FromFirst::parse(cx.args, 2, side)?;
    let timeout = timeout_of_seconds(cx.arg(1), cx.now)?;
    if let Some(change) = pop_first(cx, &wanted)? {
        return Ok(change);
    }
    cx.wait_for(Awaited::List, wanted.keys, timeout, Empty::NullArray);
    Ok(Change::NONE)
}

static BLMOVE: Command = Command {
    name: "blmove",
    since: "6.2.0",
    group: Group::List,
    summary: "Moves an element from an end of one list to an end of another and returns it; waits for one.",
    args: &[
        key("source"),
        key("destination"),
        one_of("wherefrom", SIDES),
        one_of("whereto", SIDES),
        double("timeout"),
    ],
    keys: FROM_AND_TO,
    flags: DENY_OOM.and(BLOCKING),
    events: EVENTS,
    run: Run::Write(blmove),
    ..Command::BASE
};

fn blmove(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (out, into) = (side(cx.arg(3))?, side(cx.arg(4))?);
    let timeout = timeout_of_seconds(cx.arg(5), cx.now)?;
    let route = Route { from: cx.key(1), to: cx.key(2), out, into };
    let told = [b"LMOVE", cx.arg(1), cx.arg(2), cx.arg(3), cx.arg(4)];
    move_one(cx, route, timeout, &told)
}

static BRPOPLPUSH: Command = Command {
    name: "brpoplpush",
    since: "2.2.0",
    group: Group::List,
    summary: "Moves an element from the right end of one list to the left end of another and returns it; waits for one.",
    deprecated: Some(("6.2.0", "`BLMOVE` with the `RIGHT` and `LEFT` arguments")),
    args: &[key("source"), key("destination"), double("timeout")],
    keys: FROM_AND_TO,
    flags: DENY_OOM.and(BLOCKING),
    events: &[Event::LPUSH, Event::RPOP, Event::DEL, Event::NEW],
    run: Run::Write(brpoplpush),
    ..Command::BASE
};

fn brpoplpush(cx: &mut WriteCx<'_>) -> Result<Change> {
    let timeout = timeout_of_seconds(cx.arg(3), cx.now)?;
    let route = Route { from: cx.key(1), to: cx.key(2), out: Side::Right, into: Side::Left };
    let told = [b"RPOPLPUSH", cx.arg(1), cx.arg(2)];
    move_one(cx, route, timeout, &told)
}

/// Moves an element and answers it, or waits for one. `told` is what the log is told of a move.
fn move_one(
    cx: &mut WriteCx<'_>,
    route: Route<'_>,
    timeout_ms: u64,
    told: &[&[u8]],
) -> Result<Change> {
    let Some(moved) = move_elements(cx, route, Load::ONE)? else {
        cx.wait_for(Awaited::List, 1..2, timeout_ms, Empty::Null);
        return Ok(Change::NONE);
    };
    cx.log_as(told);
    moved.elements.as_ref().iter().for_each(|element| write_element(cx.reply, element));
    Ok(moved.change)
}

static BLMOVEM: Command = Command {
    name: "blmovem",
    since: "8.10.0",
    group: Group::List,
    summary: "Moves up to or exactly a number of elements from an end of one list to an end of another and returns them; waits for them.",
    complexity: "O(N) where N is the number of elements moved.",
    args: &[
        key("source"),
        key("destination"),
        one_of("wherefrom", SIDES),
        one_of("whereto", SIDES),
        double("timeout"),
        HOW_MANY,
    ],
    keys: FROM_AND_TO,
    flags: DENY_OOM.and(BLOCKING),
    events: EVENTS,
    run: Run::Write(blmovem),
    ..Command::BASE
};

/// With EXACTLY it waits until there are as many, and others may take them meanwhile.
fn blmovem(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (out, into) = (side(cx.arg(3))?, side(cx.arg(4))?);
    let timeout = timeout_of_seconds(cx.arg(5), cx.now)?;
    let load = load(cx.args.from(6))?;
    let route = Route { from: cx.key(1), to: cx.key(2), out, into };
    let Some(moved) = move_elements(cx, route, load)? else {
        cx.wait_for(Awaited::List, 1..2, timeout, Empty::NullArray);
        return Ok(Change::NONE);
    };
    write_moved(cx, &moved);
    let count = moved.elements.as_ref().len().to_string();
    let order: &[u8] = if load.bulk { b"BULK" } else { b"OBO" };
    let route = [cx.arg(1), cx.arg(2), cx.arg(3), cx.arg(4)];
    let [from, to, out, into] = route;
    cx.log_as(&[b"LMOVEM", from, to, out, into, b"EXACTLY", count.as_bytes(), order]);
    Ok(moved.change)
}

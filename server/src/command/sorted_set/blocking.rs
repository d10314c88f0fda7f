//! Commands that take members from sorted sets, or wait until there are any.
//!
//! Owns: BZMPOP, BZPOPMAX, BZPOPMIN.   Uses: contexts, waiting, pop.   Never: keeps anybody waiting (the engine does).
//!
//! The log is told what was done as a command that does not wait.

use super::pop::{POP_EVENTS, Shape, pop_first, pop_key, side};
use crate::command::context::WriteCx;
use crate::command::number::FromFirst;
use crate::command::row::*;
use crate::keyspace::change::{Change, Event};
use crate::resp::Result;
use crate::session::wait::{Empty, timeout_of_seconds};
use crate::session::wanted::Awaited;
use crate::value::sorted_set::Side;

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&BZMPOP, &BZPOPMAX, &BZPOPMIN];
const _: () = check(TABLE);

const KEYS_AND_TIMEOUT: &[Arg] = &[key("key").multiple(), double("timeout")];
const ALL_BUT_TIMEOUT: &[KeySpec] = &[key_range(1, -2, 1, &["RW", "access", "delete"])];

static BZPOPMIN: Command = Command {
    name: "bzpopmin",
    since: "5.0.0",
    group: Group::SortedSet,
    summary: "Removes the member with the lowest score of the first sorted set that has any and returns it; waits for one.",
    complexity: "O(log(N)) with N being the number of elements in the sorted set.",
    args: KEYS_AND_TIMEOUT,
    keys: ALL_BUT_TIMEOUT,
    flags: FAST.and(BLOCKING),
    events: &[Event::ZPOPMIN, Event::DEL],
    run: Run::Write(bzpopmin),
    ..Command::BASE
};

fn bzpopmin(cx: &mut WriteCx<'_>) -> Result<Change> {
    pop(cx, Side::Min)
}

static BZPOPMAX: Command = Command {
    name: "bzpopmax",
    since: "5.0.0",
    group: Group::SortedSet,
    summary: "Removes the member with the highest score of the first sorted set that has any and returns it; waits for one.",
    complexity: "O(log(N)) with N being the number of elements in the sorted set.",
    args: KEYS_AND_TIMEOUT,
    keys: ALL_BUT_TIMEOUT,
    flags: FAST.and(BLOCKING),
    events: &[Event::ZPOPMAX, Event::DEL],
    run: Run::Write(bzpopmax),
    ..Command::BASE
};

fn bzpopmax(cx: &mut WriteCx<'_>) -> Result<Change> {
    pop(cx, Side::Max)
}

fn pop(cx: &mut WriteCx<'_>, side: Side) -> Result<Change> {
    let last = cx.args.len() - 1;
    let timeout = timeout_of_seconds(cx.arg(last), cx.now)?;
    for at in 1..last {
        let key = cx.key(at);
        if let Some(change) = pop_key(cx, key, side, 1, Shape::KeyedFlat)? {
            return Ok(change);
        }
    }
    cx.wait_for(Awaited::SortedSet, 1..last, timeout, Empty::NullArray);
    Ok(Change::NONE)
}

static BZMPOP: Command = Command {
    name: "bzmpop",
    since: "7.0.0",
    group: Group::SortedSet,
    summary: "Removes members from the first sorted set that has any and returns them; waits for some.",
    complexity: "O(K) + O(M*log(N)) where K is the number of keys and M the number of members removed.",
    args: &[
        double("timeout"),
        integer("numkeys"),
        key("key").multiple(),
        one_of("where", &[token("min", "MIN"), token("max", "MAX")]),
        integer("count").after("COUNT").optional(),
    ],
    keys: &[numbered_keys(2, 1, &["RW", "access", "delete"])],
    flags: BLOCKING.and(MOVABLE_KEYS),
    events: POP_EVENTS,
    run: Run::Write(bzmpop),
    ..Command::BASE
};

fn bzmpop(cx: &mut WriteCx<'_>) -> Result<Change> {
    let wanted = FromFirst::parse(cx.args, 2, side)?;
    let timeout = timeout_of_seconds(cx.arg(1), cx.now)?;
    if let Some(change) = pop_first(cx, &wanted)? {
        return Ok(change);
    }
    cx.wait_for(Awaited::SortedSet, wanted.keys, timeout, Empty::NullArray);
    Ok(Change::NONE)
}

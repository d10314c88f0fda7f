//! LMPOP: elements from the first of several lists that has any.
//!
//! Owns: LMPOP.   Uses: contexts, number, `value::List`.   Never: waits.

use super::ends::pop_from;
use super::{discard, popped, side};
use crate::command::context::WriteCx;
use crate::command::number::FromFirst;
use crate::command::row::{self, *};
use crate::keyspace::change::{Change, Event};
use crate::resp::Result;
use crate::value::{List, Side};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&LMPOP];
const _: () = check(TABLE);

static LMPOP: Command = Command {
    name: "lmpop",
    since: "7.0.0",
    group: Group::List,
    summary: "Removes elements from an end of the first list that is there and returns them.",
    complexity: "O(N+M) where N is the number of keys and M the number of elements returned.",
    args: &[
        row::integer("numkeys"),
        key("key").multiple(),
        one_of("where", &[token("left", "LEFT"), token("right", "RIGHT")]),
        row::integer("count").after("COUNT").optional(),
    ],
    keys: &[numbered_keys(1, 1, &["RW", "access", "delete"])],
    flags: MOVABLE_KEYS,
    events: &[Event::LPOP, Event::RPOP, Event::DEL],
    run: Run::Write(lmpop),
    ..Command::BASE
};

fn lmpop(cx: &mut WriteCx<'_>) -> Result<Change> {
    let wanted = FromFirst::parse(cx.args, 1, side)?;
    if let Some(change) = pop_first(cx, &wanted)? {
        return Ok(change);
    }
    cx.reply.null_array();
    Ok(Change::NONE)
}

/// Pops from the first of the lists that is there as [`pop_at`] does; nothing, and no answer, if none is.
///
/// # Errors
/// `WrongType` if another type comes before the first list.
pub fn pop_first(cx: &mut WriteCx<'_>, wanted: &FromFirst<Side>) -> Result<Option<Change>> {
    for at in wanted.keys.clone() {
        let change = pop_at(cx, at, wanted.side, Some(wanted.count))?;
        if change.is_some() {
            return Ok(change);
        }
    }
    Ok(None)
}

/// Pops from the list at an argument, if there is one, and answers its key and one element, or a list of at most so many.
/// The log is told a plain pop.
///
/// # Errors
/// `WrongType` if the key holds another type.
pub fn pop_at(
    cx: &mut WriteCx<'_>,
    at: usize,
    side: Side,
    most: Option<usize>,
) -> Result<Option<Change>> {
    let key = cx.key(at);
    let (mut list, aside) = cx.open_beside::<List>(key)?;
    let limits = list.limits();
    let Some(value) = list.get_mut() else { return Ok(None) };
    aside.reply.array(2);
    aside.reply.bulk(key.bytes);
    let count = most.unwrap_or(1).min(value.as_ref().len());
    if most.is_some() {
        aside.reply.array(count);
    }
    let gone = pop_from(value, side, count, aside.reply, limits);
    let outcome = list.close();
    discard(cx, gone);
    let word: &[u8] = if side == Side::Left { b"LPOP" } else { b"RPOP" };
    match most {
        Some(_) => cx.log_as(&[word, key.bytes, count.to_string().as_bytes()]),
        None => cx.log_as(&[word, key.bytes]),
    }
    let _ = cx.changes.count(count as u64 - 1);
    Ok(Some(cx.closed(key, outcome, popped(side))))
}

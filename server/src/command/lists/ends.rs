//! Commands that push to the ends of lists and pop from them.
//!
//! Owns: LLEN, LPOP, LPUSH, LPUSHX, RPOP, RPUSH, RPUSHX.   Uses: contexts, `value::List`.   Never: waits.

use super::{discard, popped, pushed};
use crate::command::context::{ReadCx, WriteCx};
use crate::command::number::count;
use crate::command::row::*;
use crate::command::text::{length, write_element};
use crate::keyspace::change::{Change, Event};
use crate::resp::reply::Reply;
use crate::resp::{Error, Result};
use crate::value::limits::Limits;
use crate::value::{List, ListRef, Side};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&LLEN, &LPOP, &LPUSH, &LPUSHX, &RPOP, &RPUSH, &RPUSHX];
const _: () = check(TABLE);

const ELEMENTS: &[Arg] = &[key("key"), string("element").multiple()];
const COUNTED: &[Arg] = &[key("key"), integer("count").optional()];
const INSERT: &[KeySpec] = &[one_key(&["RW", "insert"])];
const DELETE: &[KeySpec] = &[one_key(&["RW", "access", "delete"])];

static LPUSH: Command = Command {
    name: "lpush",
    since: "1.0.0",
    group: Group::List,
    summary: "Adds elements at the left end of a list, which is created if it is not there.",
    complexity: "O(1) for each element.",
    args: ELEMENTS,
    keys: INSERT,
    flags: DENY_OOM.and(FAST),
    events: &[Event::LPUSH, Event::NEW],
    run: Run::Write(lpush),
    ..Command::BASE
};

fn lpush(cx: &mut WriteCx<'_>) -> Result<Change> {
    push(cx, Side::Left, Missing::Make)
}

static RPUSH: Command = Command {
    name: "rpush",
    since: "1.0.0",
    group: Group::List,
    summary: "Adds elements at the right end of a list, which is created if it is not there.",
    complexity: "O(1) for each element.",
    args: ELEMENTS,
    keys: INSERT,
    flags: DENY_OOM.and(FAST),
    events: &[Event::RPUSH, Event::NEW],
    run: Run::Write(rpush),
    ..Command::BASE
};

fn rpush(cx: &mut WriteCx<'_>) -> Result<Change> {
    push(cx, Side::Right, Missing::Make)
}

static LPUSHX: Command = Command {
    name: "lpushx",
    since: "2.2.0",
    group: Group::List,
    summary: "Adds elements at the left end of a list that is there.",
    complexity: "O(1) for each element.",
    args: ELEMENTS,
    keys: INSERT,
    flags: DENY_OOM.and(FAST),
    events: &[Event::LPUSH],
    run: Run::Write(lpushx),
    ..Command::BASE
};

fn lpushx(cx: &mut WriteCx<'_>) -> Result<Change> {
    push(cx, Side::Left, Missing::Leave)
}

static RPUSHX: Command = Command {
    name: "rpushx",
    since: "2.2.0",
    group: Group::List,
    summary: "Adds elements at the right end of a list that is there.",
    complexity: "O(1) for each element.",
    args: ELEMENTS,
    keys: INSERT,
    flags: DENY_OOM.and(FAST),
    events: &[Event::RPUSH],
    run: Run::Write(rpushx),
    ..Command::BASE
};

fn rpushx(cx: &mut WriteCx<'_>) -> Result<Change> {
    push(cx, Side::Right, Missing::Leave)
}

/// What to do about a list that is not there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    Make,
    Leave,
}

fn push(cx: &mut WriteCx<'_>, side: Side, missing: Missing) -> Result<Change> {
    let (key, elements) = (cx.key(1), cx.args.from(2));
    let mut list = cx.open::<List>(key)?;
    if missing == Missing::Leave && list.get().is_none() {
        drop(list);
        cx.reply.int(0);
        return Ok(Change::NONE);
    }
    let limits = list.limits();
    let value = list.get_or_make(|_| List::new());
    value.expect_more(elements.len(), elements.bytes_len(), limits);
    elements.iter().for_each(|element| value.push(side, element));
    let len = value.as_ref().len();
    let outcome = list.close();
    cx.reply.int(length(len));
    let _ = cx.changes.count(elements.len() as u64 - 1);
    Ok(cx.closed(key, outcome, pushed(side)))
}

static LPOP: Command = Command {
    name: "lpop",
    since: "1.0.0",
    group: Group::List,
    summary: "Removes elements from the left end of a list and returns them; the list goes when none is left.",
    complexity: "O(N) where N is the number of elements returned.",
    args: COUNTED,
    keys: DELETE,
    flags: FAST,
    events: &[Event::LPOP, Event::DEL],
    run: Run::Write(lpop),
    ..Command::BASE
};

fn lpop(cx: &mut WriteCx<'_>) -> Result<Change> {
    pop(cx, Side::Left)
}

static RPOP: Command = Command {
    name: "rpop",
    since: "1.0.0",
    group: Group::List,
    summary: "Removes elements from the right end of a list and returns them; the list goes when none is left.",
    complexity: "O(N) where N is the number of elements returned.",
    args: COUNTED,
    keys: DELETE,
    flags: FAST,
    events: &[Event::RPOP, Event::DEL],
    run: Run::Write(rpop),
    ..Command::BASE
};

fn rpop(cx: &mut WriteCx<'_>) -> Result<Change> {
    pop(cx, Side::Right)
}

fn pop(cx: &mut WriteCx<'_>, side: Side) -> Result<Change> {
    let key = cx.key(1);
    let count = match cx.args.len() {
        2 => None,
        3 => Some(count::<usize>(cx.arg(2))?),
        _ => return Err(Error::Arity(if side == Side::Left { "lpop" } else { "rpop" })),
    };
    let (mut list, aside) = cx.open_beside::<List>(key)?;
    let limits = list.limits();
    let Some(value) = list.get_mut() else {
        if count.is_some() {
            aside.reply.null_array()
        } else {
            aside.reply.null()
        }
        return Ok(Change::NONE);
    };
    let count = count.map_or(1, |count| {
        let count = count.min(value.as_ref().len());
        aside.reply.array(count);
        count
    });
    let gone = pop_from(value, side, count, aside.reply, limits);
    let outcome = list.close();
    discard(cx, gone);
    if count == 0 {
        return Ok(Change::NONE);
    }
    let _ = cx.changes.count(count as u64 - 1);
    Ok(cx.closed(key, outcome, popped(side)))
}

/// Takes elements from an end of a list, at most as many as it has, and writes them. What is large among them is handed back,
/// for [`discard`]. O(elements).
pub fn pop_from(
    list: &mut List,
    side: Side,
    count: usize,
    reply: &mut Reply,
    limits: &Limits,
) -> Option<List> {
    if count == 1 {
        list.as_ref().end(side).into_iter().for_each(|element| write_element(reply, element));
    } else {
        list.as_ref().from_end(side).take(count).for_each(|element| write_element(reply, element));
    }
    let gone = list.cut(side, count);
    list.expect_less(limits);
    gone
}

static LLEN: Command = Command {
    name: "llen",
    since: "1.0.0",
    group: Group::List,
    summary: "Returns the number of elements of a list.",
    args: &[key("key")],
    keys: &[one_key(&["RO"])],
    flags: FAST,
    run: Run::Read(llen),
    ..Command::BASE
};

fn llen(cx: &mut ReadCx<'_>) -> Result<()> {
    let key = cx.key(1);
    let elements = cx.data.view::<ListRef<'_>>(key)?.map_or(0, ListRef::len);
    cx.reply.int(length(elements));
    Ok(())
}

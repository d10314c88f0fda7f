//! Commands that read, replace, add and remove elements anywhere in a list.
//!
//! Owns: LINDEX, LINSERT, LRANGE, LREM, LSET, LTRIM.   Uses: contexts, `value::List`.   Never: waits.

use super::{discard, index, integer, magnitude, range, signed};
use crate::command::context::{ReadCx, WriteCx};
use crate::command::row::{self, *};
use crate::command::text::{length, write_element};
use crate::keyspace::change::{Change, Event};
use crate::resp::{Error, Result};
use crate::value::packed::Element;
use crate::value::{List, ListRef, Side};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&LINDEX, &LINSERT, &LRANGE, &LREM, &LSET, &LTRIM];
const _: () = check(TABLE);

static LINDEX: Command = Command {
    name: "lindex",
    since: "1.0.0",
    group: Group::List,
    summary: "Returns the element of an index; a negative index counts from the right end.",
    complexity: "O(log N) where N is the number of elements of the list.",
    args: &[key("key"), row::integer("index")],
    keys: READ_ONE,
    run: Run::Read(lindex),
    ..Command::BASE
};

fn lindex(cx: &mut ReadCx<'_>) -> Result<()> {
    let key = cx.key(1);
    let Some(list) = cx.data.view::<ListRef<'_>>(key)? else {
        cx.reply.null();
        return Ok(());
    };
    match index(integer(cx.args.get(2))?, list.len()).and_then(|index| list.get(index)) {
        Some(element) => write_element(cx.reply, element),
        None => cx.reply.null(),
    }
    Ok(())
}

static LRANGE: Command = Command {
    name: "lrange",
    since: "1.0.0",
    group: Group::List,
    summary: "Returns the elements from one index to another, both included.",
    complexity: "O(log N + M) where N is the number of elements of the list and M the number of those returned.",
    args: &[key("key"), row::integer("start"), row::integer("stop")],
    keys: READ_ONE,
    run: Run::Read(lrange),
    ..Command::BASE
};

fn lrange(cx: &mut ReadCx<'_>) -> Result<()> {
    let (key, start, stop) = (cx.key(1), integer(cx.arg(2))?, integer(cx.arg(3))?);
    let Some(list) = cx.data.view::<ListRef<'_>>(key)? else {
        cx.reply.array(0);
        return Ok(());
    };
    let range = range(start, stop, list.len());
    cx.reply.array(range.len());
    let elements = list.rightwards(range.start).take(range.len());
    elements.for_each(|element| write_element(cx.reply, element));
    Ok(())
}

static LSET: Command = Command {
    name: "lset",
    since: "1.0.0",
    group: Group::List,
    summary: "Puts another element in the place of that of an index.",
    complexity: "O(log N) where N is the number of elements of the list.",
    args: &[key("key"), row::integer("index"), string("element")],
    keys: &[one_key(&["RW", "update"])],
    flags: DENY_OOM,
    events: &[Event::LSET],
    run: Run::Write(lset),
    ..Command::BASE
};

fn lset(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (key, number, element) = (cx.key(1), cx.arg(2), cx.arg(3));
    let mut list = cx.open::<List>(key)?;
    let limits = list.limits();
    let Some(value) = list.get_mut() else { return Err(Error::NoSuchKey) };
    let number = integer(number)?;
    value.expect_more(1, element.len(), limits);
    let Some(index) = index(number, value.as_ref().len()) else {
        return Err(Error::text("ERR index out of range"));
    };
    value.set(index, element);
    value.expect_less(limits);
    let outcome = list.close();
    cx.reply.ok();
    Ok(cx.closed(key, outcome, Event::LSET))
}

static LINSERT: Command = Command {
    name: "linsert",
    since: "2.2.0",
    group: Group::List,
    summary: "Adds an element before or behind the first one that is equal to another.",
    complexity: "O(N) where N is the number of elements to look at before that one is met.",
    args: &[
        key("key"),
        one_of("where", &[token("before", "BEFORE"), token("after", "AFTER")]),
        string("pivot"),
        string("element"),
    ],
    keys: &[one_key(&["RW", "insert"])],
    flags: DENY_OOM,
    events: &[Event::LINSERT],
    run: Run::Write(linsert),
    ..Command::BASE
};

fn linsert(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (key, pivot, element) = (cx.key(1), Element::of(cx.arg(3)), cx.arg(4));
    let behind = match cx.arg(2) {
        word if word.eq_ignore_ascii_case(b"before") => 0,
        word if word.eq_ignore_ascii_case(b"after") => 1,
        _ => return Err(Error::Syntax),
    };
    let mut list = cx.open::<List>(key)?;
    let limits = list.limits();
    let Some(value) = list.get_mut() else {
        drop(list);
        cx.reply.int(0);
        return Ok(Change::NONE);
    };
    value.expect_more(1, element.len(), limits);
    let Some(found) = value.as_ref().iter().position(|other| other == pivot) else {
        drop(list);
        cx.reply.int(-1);
        return Ok(Change::NONE);
    };
    value.insert(found + behind, element);
    let len = value.as_ref().len();
    let outcome = list.close();
    cx.reply.int(length(len));
    Ok(cx.closed(key, outcome, Event::LINSERT))
}

static LREM: Command = Command {
    name: "lrem",
    since: "1.0.0",
    group: Group::List,
    summary: "Removes elements that are equal to one: a number of them from the left, from the right if it is negative, all if it is 0.",
    complexity: "O(N) where N is the number of elements of the list.",
    args: &[key("key"), row::integer("count"), string("element")],
    keys: &[one_key(&["RW", "delete"])],
    events: &[Event::LREM, Event::DEL],
    run: Run::Write(lrem),
    ..Command::BASE
};

fn lrem(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (key, count, element) = (cx.key(1), signed(cx.arg(2))?, cx.arg(3));
    let side = if count < 0 { Side::Right } else { Side::Left };
    let most = if count == 0 { usize::MAX } else { magnitude(count) };
    let mut list = cx.open::<List>(key)?;
    let limits = list.limits();
    let mut removed = 0;
    if let Some(value) = list.get_mut() {
        removed = value.remove_equal(element, most, side);
        if removed > 0 {
            value.expect_less(limits);
        }
    }
    let outcome = list.close();
    cx.reply.int(length(removed));
    if removed == 0 {
        return Ok(Change::NONE);
    }
    let _ = cx.changes.count(removed as u64 - 1);
    Ok(cx.closed(key, outcome, Event::LREM))
}

static LTRIM: Command = Command {
    name: "ltrim",
    since: "1.0.0",
    group: Group::List,
    summary: "Removes all elements but those from one index to another, both included; the list goes when none is left.",
    complexity: "O(N) where N is the number of elements removed, whole blocks at a time.",
    args: &[key("key"), row::integer("start"), row::integer("stop")],
    keys: &[one_key(&["RW", "delete"])],
    events: &[Event::LTRIM, Event::DEL],
    run: Run::Write(ltrim),
    ..Command::BASE
};

fn ltrim(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (key, start, stop) = (cx.key(1), integer(cx.arg(2))?, integer(cx.arg(3))?);
    let mut list = cx.open::<List>(key)?;
    let limits = list.limits();
    let Some(value) = list.get_mut() else {
        drop(list);
        cx.reply.ok();
        return Ok(Change::NONE);
    };
    let len = value.as_ref().len();
    let kept = range(start, stop, len);
    let gone = [value.cut(Side::Right, len - kept.end), value.cut(Side::Left, kept.start)];
    value.expect_less(limits);
    let outcome = list.close();
    gone.into_iter().for_each(|gone| discard(cx, gone));
    cx.reply.ok();
    let change = cx.closed(key, outcome, Event::LTRIM);
    // The event is always sent; the number of changes is that of the elements.
    let _ = cx.changes.recount(1, (len - kept.len()) as u64);
    Ok(change)
}

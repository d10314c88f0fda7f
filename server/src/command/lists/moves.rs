//! Commands that move elements from one list to another.
//!
//! Owns: LMOVE, LMOVEM, RPOPLPUSH.   Uses: contexts, `value::List`.   Never: waits.

use super::{popped, pushed, side};
use crate::command::context::WriteCx;
use crate::command::number::positive;
use crate::command::row::{self, *};
use crate::command::text::write_element;
use crate::keyspace::change::{Change, Event};
use crate::keyspace::{Key, Outcome};
use crate::resp::args::Args;
use crate::resp::{Error, Result};
use crate::value::text::Scratch;
use crate::value::{List, Side, Type};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&LMOVE, &LMOVEM, &RPOPLPUSH];
const _: () = check(TABLE);

/// The two ends.
pub const SIDES: &[Arg] = &[token("left", "LEFT"), token("right", "RIGHT")];
/// Two lists, one of which gives.
pub const FROM_AND_TO: &[KeySpec] =
    &[key_at(1, &["RW", "access", "delete"]), key_at(2, &["RW", "insert"])];
/// Either end may be either.
pub const EVENTS: &[Event] =
    &[Event::LPUSH, Event::RPUSH, Event::LPOP, Event::RPOP, Event::DEL, Event::NEW];

/// How many elements, and in which order; see [`load`].
pub const HOW_MANY: Arg = block(
    "how-many",
    &[
        one_of(
            "selector",
            &[row::integer("count").after("COUNT"), row::integer("exactly").after("EXACTLY")],
        ),
        one_of("ordering", &[token("obo", "OBO"), token("bulk", "BULK")]),
    ],
)
.optional();

/// From where to where.
#[derive(Clone, Copy, Debug)]
pub struct Route<'k> {
    /// The list that gives.
    pub from: Key<'k>,
    /// The list that takes; may be the same.
    pub to: Key<'k>,
    /// The end that gives.
    pub out: Side,
    /// The end that takes.
    pub into: Side,
}

/// How many elements, and how they stand in the end.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// The most elements.
    pub count: usize,
    /// So many or none.
    pub exactly: bool,
    /// They keep their order; else each is pushed as it is popped.
    pub bulk: bool,
}

impl Load {
    /// One element.
    pub const ONE: Load = Load { count: 1, exactly: false, bulk: false };

    /// How many of a list's elements that is; none if they are too few.
    fn of(self, list: &List) -> Option<usize> {
        let len = list.as_ref().len();
        if self.exactly && len < self.count { None } else { Some(self.count.min(len)) }
    }
}

/// What has moved: the elements as they stand in their new list, and what is to be said of it.
pub struct Moved {
    /// The elements.
    pub elements: List,
    /// Proof that it was said.
    pub change: Change,
}

static LMOVE: Command = Command {
    name: "lmove",
    since: "6.2.0",
    group: Group::List,
    summary: "Moves an element from an end of one list to an end of another and returns it.",
    args: &[
        key("source"),
        key("destination"),
        one_of("wherefrom", SIDES),
        one_of("whereto", SIDES),
    ],
    keys: FROM_AND_TO,
    flags: DENY_OOM,
    events: EVENTS,
    run: Run::Write(lmove),
    ..Command::BASE
};

fn lmove(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (out, into) = (side(cx.arg(3))?, side(cx.arg(4))?);
    move_one(cx, Route { from: cx.key(1), to: cx.key(2), out, into })
}

static RPOPLPUSH: Command = Command {
    name: "rpoplpush",
    since: "1.2.0",
    group: Group::List,
    summary: "Moves an element from the right end of one list to the left end of another and returns it.",
    deprecated: Some(("6.2.0", "`LMOVE` with the `RIGHT` and `LEFT` arguments")),
    args: &[key("source"), key("destination")],
    keys: FROM_AND_TO,
    flags: DENY_OOM,
    events: &[Event::LPUSH, Event::RPOP, Event::DEL, Event::NEW],
    run: Run::Write(rpoplpush),
    ..Command::BASE
};

fn rpoplpush(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (from, to) = (cx.key(1), cx.key(2));
    move_one(cx, Route { from, to, out: Side::Right, into: Side::Left })
}

fn move_one(cx: &mut WriteCx<'_>, route: Route<'_>) -> Result<Change> {
    let Some(moved) = move_elements(cx, route, Load::ONE)? else {
        cx.reply.null();
        return Ok(Change::NONE);
    };
    moved.elements.as_ref().iter().for_each(|element| write_element(cx.reply, element));
    Ok(moved.change)
}

static LMOVEM: Command = Command {
    name: "lmovem",
    since: "8.10.0",
    group: Group::List,
    summary: "Moves up to or exactly a number of elements from an end of one list to an end of another and returns them.",
    complexity: "O(N) where N is the number of elements moved.",
    args: &[
        key("source"),
        key("destination"),
        one_of("wherefrom", SIDES),
        one_of("whereto", SIDES),
        HOW_MANY,
    ],
    keys: FROM_AND_TO,
    flags: DENY_OOM,
    events: EVENTS,
    run: Run::Write(lmovem),
    ..Command::BASE
};

fn lmovem(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (out, into) = (side(cx.arg(3))?, side(cx.arg(4))?);
    let load = load(cx.args.from(5))?;
    let route = Route { from: cx.key(1), to: cx.key(2), out, into };
    let Some(moved) = move_elements(cx, route, load)? else {
        cx.reply.null_array();
        return Ok(Change::NONE);
    };
    write_moved(cx, &moved);
    Ok(moved.change)
}

/// Answers the elements as an array.
pub fn write_moved(cx: &mut WriteCx<'_>, moved: &Moved) {
    let elements = moved.elements.as_ref();
    cx.reply.array(elements.len());
    elements.iter().for_each(|element| write_element(cx.reply, element));
}

/// How many elements the last words of LMOVEM ask for: `[COUNT n | EXACTLY n, OBO | BULK]`.
///
/// # Errors
/// `Syntax`, or a number that is not positive.
pub fn load(words: Args<'_>) -> Result<Load> {
    if words.is_empty() {
        return Ok(Load::ONE);
    }
    if words.len() != 3 {
        return Err(Error::Syntax);
    }
    let (selector, number, order) = (words.get(0), words.get(1), words.get(2));
    let exactly = selector.eq_ignore_ascii_case(b"exactly");
    let bulk = order.eq_ignore_ascii_case(b"bulk");
    if !(exactly || selector.eq_ignore_ascii_case(b"count"))
        || !(bulk || order.eq_ignore_ascii_case(b"obo"))
    {
        return Err(Error::Syntax);
    }
    Ok(Load { count: positive(number, "count")?, exactly, bulk })
}

/// Moves elements from an end of one list to an end of another; nothing if there are none, or not enough. O(elements).
///
/// # Errors
/// `WrongType`: of the list that gives, then, if that is there, of the one that takes. Then nothing has moved.
pub fn move_elements(cx: &mut WriteCx<'_>, route: Route<'_>, load: Load) -> Result<Option<Moved>> {
    if route.from.bytes == route.to.bytes {
        return rotate(cx, route, load);
    }
    let taker = is_list(cx, route.to);
    let mut source = cx.open::<List>(route.from)?;
    let limits = source.limits();
    let Some(value) = source.get_mut() else { return Ok(None) };
    taker?;
    let Some(count) = load.of(value) else { return Ok(None) };
    let (elements, gone) = take(value, route, load, count);
    value.expect_less(limits);
    let left = source.close();
    super::discard(cx, gone);

    let mut destination = cx.open::<List>(route.to)?;
    let limits = destination.limits();
    let value = destination.get_or_make(|_| List::new());
    value.expect_more(count, text_len(&elements), limits);
    put(value, route.into, &elements);
    if destination.close() == Outcome::Created {
        cx.created(route.to);
    }
    let _ = cx.changes.also(cx.db, route.to.bytes, pushed(route.into));
    let _ = cx.changes.count(count as u64 - 1);
    let change = cx.closed(route.from, left, popped(route.out));
    Ok(Some(Moved { elements, change }))
}

/// Moves elements within a list.
fn rotate(cx: &mut WriteCx<'_>, route: Route<'_>, load: Load) -> Result<Option<Moved>> {
    let mut list = cx.open::<List>(route.from)?;
    let limits = list.limits();
    let Some(value) = list.get_mut() else { return Ok(None) };
    let Some(count) = load.of(value) else { return Ok(None) };
    let (elements, gone) = take(value, route, load, count);
    value.expect_more(count, text_len(&elements), limits);
    put(value, route.into, &elements);
    value.expect_less(limits);
    let outcome = list.close();
    super::discard(cx, gone);
    let _ = cx.changes.also(cx.db, route.to.bytes, pushed(route.into));
    let _ = cx.changes.count(count as u64 - 1);
    Ok(Some(Moved { elements, change: cx.closed(route.from, outcome, popped(route.out)) }))
}

/// Whether a key holds a list, or nothing.
fn is_list(cx: &mut WriteCx<'_>, key: Key<'_>) -> Result<()> {
    match cx.slot(key).entry().map(|entry| entry.value().kind()) {
        None | Some(Type::List) => Ok(()),
        Some(_) => Err(Error::WrongType),
    }
}

/// Takes elements out, in the order in which they will stand; and what of the old list is large.
fn take(list: &mut List, route: Route<'_>, load: Load, count: usize) -> (List, Option<List>) {
    let turned = if load.bulk { route.out == Side::Right } else { route.into == Side::Left };
    let side = if turned { Side::Left } else { Side::Right };
    let (mut elements, mut scratch) = (List::new(), Scratch::default());
    for element in list.as_ref().from_end(route.out).take(count) {
        elements.push(side, element.text(&mut scratch));
    }
    let gone = list.cut(route.out, count);
    (elements, gone)
}

/// Adds elements at an end, in the order in which they stand.
fn put(list: &mut List, into: Side, elements: &List) {
    let mut scratch = Scratch::default();
    let from = if into == Side::Left { Side::Right } else { Side::Left };
    for element in elements.as_ref().from_end(from) {
        list.push(into, element.text(&mut scratch));
    }
}

/// Bytes of the elements as texts.
fn text_len(elements: &List) -> usize {
    let mut scratch = Scratch::default();
    elements.as_ref().iter().map(|element| element.text(&mut scratch).len()).sum()
}

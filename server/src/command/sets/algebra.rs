//! Intersections, unions and differences of sets.
//!
//! Owns: SDIFF, SDIFFCARD, SDIFFSTORE, SINTER, SINTERCARD, SINTERSTORE, SUNION, SUNIONCARD, SUNIONSTORE.
//! Uses: contexts, `value::Set`.   Never: changes a set in place.
//!
//! ```text
//!   keys -> views of the sets -> combine: each member of the result once -> a reply, a count, or a new set
//! ```
//! SUNIONCARD and SDIFFCARD are of Redis 8.10, by its documentation.

use crate::base::random::KeyHasher;
use crate::command::context::{ReadCx, WriteCx};
use crate::command::number;
use crate::command::row::*;
use crate::command::text::{length, write_element};
use crate::keyspace::Key;
use crate::keyspace::change::{Change, Event};
use crate::resp::args::Args;
use crate::resp::{Error, Result};
use crate::value::int_set::IntSet;
use crate::value::packed::Element;
use crate::value::text::Scratch;
use crate::value::{Set, SetRef};
use arrayvec::ArrayVec;
use std::collections::HashSet;
use std::ops::ControlFlow;

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[
    &SDIFF,
    &SDIFFCARD,
    &SDIFFSTORE,
    &SINTER,
    &SINTERCARD,
    &SINTERSTORE,
    &SUNION,
    &SUNIONCARD,
    &SUNIONSTORE,
];
const _: () = check(TABLE);

/// How sets are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algebra {
    Inter,
    Union,
    Diff,
}

/// Members that are looked up together: what one look-up reads is fetched while others run.
const WINDOW: usize = 16;

/// Hands out each member of the combination once, until `each` says that it is enough.
fn combine<'a>(
    how: Algebra,
    sets: &[Option<SetRef<'a>>],
    hasher: &KeyHasher,
    each: &mut dyn FnMut(Element<'a>) -> bool,
) {
    match how {
        Algebra::Inter => intersect(sets, each),
        Algebra::Union => unite(sets, hasher, each),
        Algebra::Diff => subtract(sets, each),
    }
}

/// The sets in the order of their size, or nothing if one of them is empty.
fn smallest_first<'a>(sets: &[Option<SetRef<'a>>]) -> Option<Vec<SetRef<'a>>> {
    let mut sets: Vec<SetRef<'a>> = sets.iter().copied().collect::<Option<_>>()?;
    sets.sort_by_key(|set| set.len());
    Some(sets)
}

fn intersect<'a>(sets: &[Option<SetRef<'a>>], each: &mut dyn FnMut(Element<'a>) -> bool) {
    let Some(sets) = smallest_first(sets) else { return };
    let Some((first, others)) = sets.split_first() else { return };
    sift(*first, others, true, each);
}

fn subtract<'a>(sets: &[Option<SetRef<'a>>], each: &mut dyn FnMut(Element<'a>) -> bool) {
    let Some((Some(first), others)) = sets.split_first() else { return };
    let others: Vec<SetRef<'a>> = others.iter().flatten().copied().collect();
    sift(*first, &others, false, each);
}

/// Members of a set, each with where the look-up in another set begins.
type Window<'a> = ArrayVec<(Element<'a>, u64), WINDOW>;

/// Hands out the members of a set that all the others have, or that none of them has.
fn sift<'a>(
    first: SetRef<'a>,
    others: &[SetRef<'a>],
    wanted: bool,
    each: &mut dyn FnMut(Element<'a>) -> bool,
) {
    let (second, others) = match others.split_first() {
        Some((second, others)) => (Some(*second), others),
        None => (None, others),
    };
    let mut look_at = |window: &mut Window<'a>| {
        for (member, hash) in window.drain(..) {
            let is_wanted = second.is_none_or(|set| set.end_search(member, hash) == wanted)
                && others.iter().all(|set| set.contains_element(member) == wanted);
            if is_wanted && !each(member) {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    };
    let mut window = Window::new();
    // From inside, for an iterator over several forms is slow to ask for one member after the other.
    let end = first.iter().try_for_each(|member| {
        window.push((member, second.map_or(0, |set| set.begin_search(member))));
        if window.is_full() { look_at(&mut window) } else { ControlFlow::Continue(()) }
    });
    if end.is_continue() {
        let _ = look_at(&mut window);
    }
}

fn unite<'a>(
    sets: &[Option<SetRef<'a>>],
    hasher: &KeyHasher,
    each: &mut dyn FnMut(Element<'a>) -> bool,
) {
    let all: Vec<SetRef<'a>> = sets.iter().flatten().copied().collect();
    if let [only] = all[..] {
        // Its members are different from each other.
        let _ = only.iter().all(each);
        return;
    }
    let largest = all.iter().map(|set| set.len()).max().unwrap_or(0);
    let mut met = HashSet::with_capacity_and_hasher(largest, hasher.clone());
    for member in all.into_iter().flat_map(SetRef::iter) {
        // A table keeps the text even of a number.
        let member = match member {
            Element::Text(text) => Element::of(text),
            Element::Int(number) => Element::Int(number),
        };
        if met.insert(member) && !each(member) {
            return;
        }
    }
}

/// The sets of keys, counted as hits and misses.
fn views<'s>(cx: &'s mut ReadCx<'_>, keys: Args<'_>) -> Result<Vec<Option<SetRef<'s>>>> {
    for bytes in keys.iter() {
        let key = cx.data.key(bytes);
        cx.data.view::<SetRef<'_>>(key)?;
    }
    keys.iter().map(|bytes| cx.data.view_again(cx.data.key(bytes))).collect()
}

/// Answers a combination.
fn answer(cx: &mut ReadCx<'_>, how: Algebra) -> Result<()> {
    let keys = cx.args.from(1);
    let mut reply = std::mem::replace(cx.reply, crate::resp::reply::Reply::new(cx.reply.proto()));
    let mark = reply.mark();
    let mut count = 0;
    let hasher = cx.data.limits().hasher.clone();
    let sets = views(cx, keys);
    if let Ok(sets) = &sets {
        combine(how, sets, &hasher, &mut |member| {
            write_element(&mut reply, member);
            count += 1;
            true
        });
        reply.set_from(mark, count);
    }
    let result = sets.map(|_| ());
    *cx.reply = reply;
    result
}

/// Answers how many members a combination has.
fn answer_count(cx: &mut ReadCx<'_>, how: Algebra) -> Result<()> {
    let (keys, limit) = numbered(cx.args, how)?;
    let hasher = cx.data.limits().hasher.clone();
    let mut count = 0;
    combine(how, &views(cx, keys)?, &hasher, &mut |_| {
        count += 1;
        count < limit
    });
    cx.reply.int(length(count));
    Ok(())
}

/// The keys behind their number, and the limit behind them.
fn numbered(args: Args<'_>, how: Algebra) -> Result<(Args<'_>, usize)> {
    let count: usize = number::positive(args.get(1), "numkeys")?;
    if count > args.len() - 2 {
        return Err(Error::text("ERR Number of keys can't be greater than number of args"));
    }
    let mut limit = usize::MAX;
    let mut words = args.from(2 + count).iter();
    while let Some(word) = words.next() {
        // An exact count is as good as an estimate.
        if how == Algebra::Union && word.eq_ignore_ascii_case(b"approx") {
            continue;
        }
        if !word.eq_ignore_ascii_case(b"limit") {
            return Err(Error::Syntax);
        }
        limit = number::limit(words.next().ok_or(Error::Syntax)?, "LIMIT")?;
    }
    Ok((args.until(2 + count).from(2), limit))
}

/// Keeps a combination.
fn store(cx: &mut WriteCx<'_>, how: Algebra, event: Event) -> Result<Change> {
    let (to, keys) = (cx.key(1), cx.args.from(2));
    let keys: Vec<Key<'_>> = keys.iter().map(|bytes| cx.keyspace.key(bytes)).collect();
    for key in &keys {
        // What is past its time goes first.
        cx.read_slot(*key);
    }
    let sets = keys.iter().map(|key| cx.view(*key)).collect::<Result<Vec<_>>>()?;
    let limits = &cx.keyspace.limits;
    let mut result = Set::Ints(IntSet::new());
    let mut scratch = Scratch::default();
    combine(how, &sets, &limits.hasher, &mut |member| {
        result.add(member.text(&mut scratch), limits);
        true
    });
    let count = result.as_ref().len();
    cx.reply.int(length(count));
    let value = (count > 0).then_some(crate::value::Value::Set(result));
    Ok(cx.replace(to, value, event))
}

const KEYS: &[Arg] = &[key("key").multiple()];
const COUNT_ARGS: &[Arg] =
    &[integer("numkeys"), key("key").multiple(), integer("limit").after("LIMIT").optional()];
const UNION_COUNT_ARGS: &[Arg] = &[
    integer("numkeys"),
    key("key").multiple(),
    token("approx", "APPROX").optional(),
    integer("limit").after("LIMIT").optional(),
];
const STORE_ARGS: &[Arg] = &[key("destination"), key("key").multiple()];
const STORE_KEYS: &[KeySpec] =
    &[key_at(1, &["OW", "update"]), key_range(2, -1, 1, &["RO", "access"])];
const NUMBERED: &[KeySpec] = &[numbered_keys(1, 1, &["RO", "access"])];

static SINTER: Command = Command {
    name: "sinter",
    since: "1.0.0",
    group: Group::Set,
    summary: "Returns the members that several sets have in common.",
    complexity: "O(N*M) where N is the size of the smallest set and M the number of sets.",
    args: KEYS,
    keys: READ_ALL,
    run: Run::Read(|cx| answer(cx, Algebra::Inter)),
    ..Command::BASE
};

static SINTERCARD: Command = Command {
    name: "sintercard",
    since: "7.0.0",
    group: Group::Set,
    summary: "Returns how many members several sets have in common.",
    complexity: "O(N*M) where N is the size of the smallest set and M the number of sets.",
    args: COUNT_ARGS,
    keys: NUMBERED,
    flags: MOVABLE_KEYS,
    run: Run::Read(|cx| answer_count(cx, Algebra::Inter)),
    ..Command::BASE
};

static SINTERSTORE: Command = Command {
    name: "sinterstore",
    since: "1.0.0",
    group: Group::Set,
    summary: "Keeps the members that several sets have in common in another set.",
    complexity: "O(N*M) where N is the size of the smallest set and M the number of sets.",
    args: STORE_ARGS,
    keys: STORE_KEYS,
    flags: DENY_OOM,
    events: &[Event::SINTERSTORE, Event::DEL, Event::NEW],
    run: Run::Write(|cx| store(cx, Algebra::Inter, Event::SINTERSTORE)),
    ..Command::BASE
};

static SUNION: Command = Command {
    name: "sunion",
    since: "1.0.0",
    group: Group::Set,
    summary: "Returns the members that any of several sets has.",
    complexity: "O(N) where N is the number of members of all sets.",
    args: KEYS,
    keys: READ_ALL,
    run: Run::Read(|cx| answer(cx, Algebra::Union)),
    ..Command::BASE
};

static SUNIONCARD: Command = Command {
    name: "sunioncard",
    since: "8.10.0",
    group: Group::Set,
    summary: "Returns how many members any of several sets has.",
    complexity: "O(N) where N is the number of members of all sets.",
    args: UNION_COUNT_ARGS,
    keys: NUMBERED,
    flags: MOVABLE_KEYS,
    run: Run::Read(|cx| answer_count(cx, Algebra::Union)),
    ..Command::BASE
};

static SUNIONSTORE: Command = Command {
    name: "sunionstore",
    since: "1.0.0",
    group: Group::Set,
    summary: "Keeps the members that any of several sets has in another set.",
    complexity: "O(N) where N is the number of members of all sets.",
    args: STORE_ARGS,
    keys: STORE_KEYS,
    flags: DENY_OOM,
    events: &[Event::SUNIONSTORE, Event::DEL, Event::NEW],
    run: Run::Write(|cx| store(cx, Algebra::Union, Event::SUNIONSTORE)),
    ..Command::BASE
};

static SDIFF: Command = Command {
    name: "sdiff",
    since: "1.0.0",
    group: Group::Set,
    summary: "Returns the members of the first set that no other set has.",
    complexity: "O(N*M) where N is the size of the first set and M the number of sets.",
    args: KEYS,
    keys: READ_ALL,
    run: Run::Read(|cx| answer(cx, Algebra::Diff)),
    ..Command::BASE
};

static SDIFFCARD: Command = Command {
    name: "sdiffcard",
    since: "8.10.0",
    group: Group::Set,
    summary: "Returns how many members of the first set no other set has.",
    complexity: "O(N*M) where N is the size of the first set and M the number of sets.",
    args: COUNT_ARGS,
    keys: NUMBERED,
    flags: MOVABLE_KEYS,
    run: Run::Read(|cx| answer_count(cx, Algebra::Diff)),
    ..Command::BASE
};

static SDIFFSTORE: Command = Command {
    name: "sdiffstore",
    since: "1.0.0",
    group: Group::Set,
    summary: "Keeps the members of the first set that no other set has in another set.",
    complexity: "O(N*M) where N is the size of the first set and M the number of sets.",
    args: STORE_ARGS,
    keys: STORE_KEYS,
    flags: DENY_OOM,
    events: &[Event::SDIFFSTORE, Event::DEL, Event::NEW],
    run: Run::Write(|cx| store(cx, Algebra::Diff, Event::SDIFFSTORE)),
    ..Command::BASE
};

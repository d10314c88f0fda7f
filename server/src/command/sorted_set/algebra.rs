//! Commands that combine sorted sets, and sets, whose members count with the score 1.
//!
//! Owns: ZDIFF, ZINTER, ZUNION, their STORE forms, and ZINTERCARD.   Uses: contexts, `algebra_words`, scored.
//! Never: sorts by itself.

use super::algebra_words::{Aggregate, Options, Purpose, keys, number};
use super::scored::write_all;
use crate::command::context::{ReadCx, WriteCx};
use crate::command::row::*;
use crate::command::text::length;
use crate::keyspace::Key;
use crate::keyspace::change::{Change, Event};
use crate::resp::Result;
use crate::value::limits::Limits;
use crate::value::packed::Element;
use crate::value::sorted_set::{Gather, Scored};
use crate::value::text::Scratch;
use crate::value::{SetRef, SortedSetRef, Value, ValueRef, View};
use arrayvec::ArrayVec;

/// The family, sorted by name.
pub static TABLE: &[&Command] =
    &[&ZDIFF, &ZDIFFSTORE, &ZINTER, &ZINTERCARD, &ZINTERSTORE, &ZUNION, &ZUNIONSTORE];
const _: () = check(TABLE);

/// How several sets become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algebra {
    /// What all of them have.
    Inter,
    /// What any of them has.
    Union,
    /// What the first one has and no other.
    Diff,
}

/// Something with members and scores.
#[derive(Clone, Copy)]
enum Source<'a> {
    Sorted(SortedSetRef<'a>),
    Set(SetRef<'a>),
}

impl<'a> View<'a> for Source<'a> {
    fn of(value: ValueRef<'a>) -> Option<Source<'a>> {
        let set = SetRef::of(value).map(Source::Set);
        set.or_else(|| SortedSetRef::of(value).map(Source::Sorted))
    }
}

impl<'a> Source<'a> {
    fn len(self) -> usize {
        match self {
            Source::Sorted(set) => set.len(),
            Source::Set(set) => set.len(),
        }
    }

    fn score(self, member: &[u8]) -> Option<f64> {
        match self {
            Source::Sorted(set) => set.score(member),
            Source::Set(set) => set.contains(member).then_some(1.0),
        }
    }

    fn prefetch(self, member: Element<'_>) {
        match (self, member) {
            (Source::Sorted(set), Element::Text(text)) => set.prefetch(text),
            (Source::Sorted(_), Element::Int(_)) => {}
            (Source::Set(set), member) => set.prefetch(member),
        }
    }

    fn iter(self) -> impl Iterator<Item = Scored<'a>> {
        let (sorted, set) = match self {
            Source::Sorted(sorted) => (Some(sorted), None),
            Source::Set(set) => (None, Some(set)),
        };
        let members = set.into_iter().flat_map(SetRef::iter).map(|member| (member, 1.0));
        sorted.into_iter().flat_map(SortedSetRef::iter).chain(members)
    }
}

/// So many members are asked for together, so that their places in memory are fetched side by side.
const WINDOW: usize = 16;

/// Hands out members in windows; `before` sees each window first. Ends when `each` says so.
fn in_windows<'a>(
    source: Source<'a>,
    mut before: impl FnMut(Element<'a>),
    mut each: impl FnMut(Scored<'a>) -> bool,
) {
    let mut members = source.iter();
    loop {
        let window: ArrayVec<Scored<'a>, WINDOW> = members.by_ref().take(WINDOW).collect();
        window.iter().for_each(|(member, _)| before(*member));
        let is_last = window.len() < WINDOW;
        if !window.into_iter().all(&mut each) || is_last {
            return;
        }
    }
}

/// The sets with their weights, those that are not there left out; nothing if that decides the result already.
fn present<'a>(
    how: Algebra,
    sets: &[Option<Source<'a>>],
    weights: &[f64],
) -> Option<Vec<(Source<'a>, f64)>> {
    let is_empty = match how {
        Algebra::Inter => sets.iter().any(Option::is_none),
        Algebra::Union => false,
        Algebra::Diff => sets.first().is_none_or(Option::is_none),
    };
    let all = sets.iter().zip(weights);
    let mut found: Vec<(Source<'a>, f64)> =
        all.filter_map(|(set, weight)| Some(((*set)?, *weight))).collect();
    if how != Algebra::Diff {
        // As the real server does, for sums of doubles depend on the order.
        found.sort_by_key(|(set, _)| set.len());
    }
    (!is_empty && !found.is_empty()).then_some(found)
}

/// The combination of some sets.
fn combine(
    how: Algebra,
    sets: &[Option<Source<'_>>],
    options: &Options,
    limits: &Limits,
) -> Gather {
    let mut gather = Gather::new(limits);
    let Some(sets) = present(how, sets, &options.weights) else { return gather };
    let mut scratch = Scratch::default();
    match how {
        Algebra::Union => unite(&sets, options.aggregate, &mut gather),
        Algebra::Inter => meet(&sets, options.aggregate, &mut |member, score| {
            gather.add(member.text(&mut scratch), score);
            true
        }),
        Algebra::Diff => subtract(&sets, &mut |member, score| {
            gather.add(member.text(&mut scratch), score);
        }),
    }
    gather
}

fn unite(sets: &[(Source<'_>, f64)], aggregate: Aggregate, gather: &mut Gather) {
    let mut scratch = Scratch::default();
    gather.expect(sets.iter().map(|(set, _)| set.len()).max().unwrap_or(0));
    for (place, (set, weight)) in sets.iter().enumerate() {
        if place == 0 {
            for (member, score) in set.iter() {
                let score = number(aggregate.weighted(score, *weight));
                gather.add(member.text(&mut scratch), score);
            }
            continue;
        }
        let mut members = set.iter();
        loop {
            let window: ArrayVec<Scored<'_>, WINDOW> = members.by_ref().take(WINDOW).collect();
            window.iter().for_each(|(member, _)| gather.prefetch(*member));
            for (member, score) in &window {
                let score = number(aggregate.weighted(*score, *weight));
                let both = |old, new| aggregate.both(old, new);
                gather.merge(member.text(&mut scratch), score, both);
            }
            if window.len() < WINDOW {
                break;
            }
        }
    }
}

/// Hands out what all sets have, until `each` says that it is enough.
fn meet<'a>(
    sets: &[(Source<'a>, f64)],
    aggregate: Aggregate,
    each: &mut dyn FnMut(Element<'a>, f64) -> bool,
) {
    let Some(((first, weight), others)) = sets.split_first() else { return };
    let mut scratch = Scratch::default();
    let fetch = |member| others.iter().take(1).for_each(|(set, _)| set.prefetch(member));
    in_windows(*first, fetch, |(member, score)| {
        let text = member.text(&mut scratch);
        let mut sum = number(aggregate.weighted(score, *weight));
        for (set, weight) in others {
            let Some(score) = set.score(text) else { return true };
            sum = aggregate.both(sum, aggregate.weighted(score, *weight));
        }
        each(member, sum)
    });
}

/// Hands out what the first set has and no other one.
fn subtract<'a>(sets: &[(Source<'a>, f64)], each: &mut dyn FnMut(Element<'a>, f64)) {
    let Some(((first, _), others)) = sets.split_first() else { return };
    let mut scratch = Scratch::default();
    let fetch = |member| others.iter().take(1).for_each(|(set, _)| set.prefetch(member));
    in_windows(*first, fetch, |(member, score)| {
        let text = member.text(&mut scratch);
        if others.iter().all(|(set, _)| set.score(text).is_none()) {
            each(member, score);
        }
        true
    });
}

/// The sets of a reading command and its options. Types are looked at before options, as in the real server.
fn read<'s>(
    cx: &'s mut ReadCx<'_>,
    how: Algebra,
    purpose: Purpose,
    name: &'static str,
) -> Result<(Vec<Option<Source<'s>>>, Options)> {
    let (keys, words) = keys(cx.args.from(1), name)?;
    for bytes in keys.iter() {
        let key = cx.data.key(bytes);
        cx.data.view::<Source<'_>>(key)?;
    }
    let options = Options::parse(words, keys.len(), how, purpose)?;
    let sets = keys.iter().map(|bytes| cx.data.view_again(cx.data.key(bytes)));
    Ok((sets.collect::<Result<_>>()?, options))
}

fn answer(cx: &mut ReadCx<'_>, how: Algebra, name: &'static str) -> Result<()> {
    let limits = cx.data.limits().clone();
    let (sets, options) = read(cx, how, Purpose::Answer, name)?;
    let with_scores = options.with_scores;
    let result = combine(how, &sets, &options, &limits).sorted();
    let set = result.as_ref();
    write_all(cx.reply, set.len(), set.iter(), with_scores);
    Ok(())
}

fn answer_count(cx: &mut ReadCx<'_>, name: &'static str) -> Result<()> {
    let (sets, options) = read(cx, Algebra::Inter, Purpose::Count, name)?;
    let mut count = 0;
    if let Some(sets) = present(Algebra::Inter, &sets, &options.weights) {
        meet(&sets, options.aggregate, &mut |_, _| {
            count += 1;
            count < options.limit
        });
    }
    cx.reply.int(length(count));
    Ok(())
}

fn store(cx: &mut WriteCx<'_>, how: Algebra, name: &'static str, event: Event) -> Result<Change> {
    let to = cx.key(1);
    let (keys, words) = keys(cx.args.from(2), name)?;
    let keys: Vec<Key<'_>> = keys.iter().map(|bytes| cx.keyspace.key(bytes)).collect();
    for key in &keys {
        // What is past its time goes first.
        cx.read_slot(*key);
        cx.view::<Source<'_>>(*key)?;
    }
    let options = Options::parse(words, keys.len(), how, Purpose::Store)?;
    let sets = keys.iter().map(|key| cx.view::<Source<'_>>(*key)).collect::<Result<Vec<_>>>()?;
    let limits = &cx.keyspace.limits;
    let gather = combine(how, &sets, &options, limits);
    cx.reply.int(length(gather.len()));
    let value = gather.finish(limits).map(Value::SortedSet);
    Ok(cx.replace(to, value, event))
}

const WEIGHTS: Arg = double("weight").after("WEIGHTS").optional().multiple();
const AGGREGATE: Arg = one_of(
    "aggregate",
    &[token("sum", "SUM"), token("min", "MIN"), token("max", "MAX"), token("count", "COUNT")],
)
.after("AGGREGATE")
.optional();
const WITH_SCORES: Arg = token("withscores", "WITHSCORES").optional();
const NUMBER: Arg = integer("numkeys");
const KEYS: Arg = key("key").multiple();
const TO: Arg = key("destination");
const NUMBERED: &[KeySpec] = &[numbered_keys(1, 1, &["RO", "access"])];
const STORE_KEYS: &[KeySpec] =
    &[key_at(1, &["OW", "update"]), numbered_keys(2, 1, &["RO", "access"])];
const UNION_COST: &str =
    "O(N)+O(M*log(M)) where N is the number of members of all sets and M that of the result.";
const INTER_COST: &str = "O(N*K)+O(M*log(M)) where N is the size of the smallest set, K the number of sets and M the \
     size of the result.";
const DIFF_COST: &str = "O(N*K)+O(M*log(M)) where N is the size of the first set, K the number of sets and M the \
     size of the result.";

static ZUNION: Command = Command {
    name: "zunion",
    since: "6.2.0",
    group: Group::SortedSet,
    summary: "Returns the members that any of several sorted sets has.",
    complexity: UNION_COST,
    args: &[NUMBER, KEYS, WEIGHTS, AGGREGATE, WITH_SCORES],
    keys: NUMBERED,
    flags: MOVABLE_KEYS,
    run: Run::Read(|cx| answer(cx, Algebra::Union, "zunion")),
    ..Command::BASE
};

static ZUNIONSTORE: Command = Command {
    name: "zunionstore",
    since: "2.0.0",
    group: Group::SortedSet,
    summary: "Keeps the members that any of several sorted sets has in another sorted set.",
    complexity: UNION_COST,
    args: &[TO, NUMBER, KEYS, WEIGHTS, AGGREGATE],
    keys: STORE_KEYS,
    flags: DENY_OOM.and(MOVABLE_KEYS),
    events: &[Event::ZUNIONSTORE, Event::DEL, Event::NEW],
    run: Run::Write(|cx| store(cx, Algebra::Union, "zunionstore", Event::ZUNIONSTORE)),
    ..Command::BASE
};

static ZINTER: Command = Command {
    name: "zinter",
    since: "6.2.0",
    group: Group::SortedSet,
    summary: "Returns the members that several sorted sets have in common.",
    complexity: INTER_COST,
    args: &[NUMBER, KEYS, WEIGHTS, AGGREGATE, WITH_SCORES],
    keys: NUMBERED,
    flags: MOVABLE_KEYS,
    run: Run::Read(|cx| answer(cx, Algebra::Inter, "zinter")),
    ..Command::BASE
};

static ZINTERSTORE: Command = Command {
    name: "zinterstore",
    since: "2.0.0",
    group: Group::SortedSet,
    summary: "Keeps the members that several sorted sets have in common in another sorted set.",
    complexity: INTER_COST,
    args: &[TO, NUMBER, KEYS, WEIGHTS, AGGREGATE],
    keys: STORE_KEYS,
    flags: DENY_OOM.and(MOVABLE_KEYS),
    events: &[Event::ZINTERSTORE, Event::DEL, Event::NEW],
    run: Run::Write(|cx| store(cx, Algebra::Inter, "zinterstore", Event::ZINTERSTORE)),
    ..Command::BASE
};

static ZINTERCARD: Command = Command {
    name: "zintercard",
    since: "7.0.0",
    group: Group::SortedSet,
    summary: "Returns how many members several sorted sets have in common.",
    complexity: "O(N*K) where N is the size of the smallest set and K the number of sets.",
    args: &[NUMBER, KEYS, integer("limit").after("LIMIT").optional()],
    keys: NUMBERED,
    flags: MOVABLE_KEYS,
    run: Run::Read(|cx| answer_count(cx, "zintercard")),
    ..Command::BASE
};

static ZDIFF: Command = Command {
    name: "zdiff",
    since: "6.2.0",
    group: Group::SortedSet,
    summary: "Returns the members of the first sorted set that no other one has.",
    complexity: DIFF_COST,
    args: &[NUMBER, KEYS, WITH_SCORES],
    keys: NUMBERED,
    flags: MOVABLE_KEYS,
    run: Run::Read(|cx| answer(cx, Algebra::Diff, "zdiff")),
    ..Command::BASE
};

static ZDIFFSTORE: Command = Command {
    name: "zdiffstore",
    since: "6.2.0",
    group: Group::SortedSet,
    summary: "Keeps the members of the first sorted set that no other one has in another sorted set.",
    complexity: DIFF_COST,
    args: &[TO, NUMBER, KEYS],
    keys: STORE_KEYS,
    flags: DENY_OOM.and(MOVABLE_KEYS),
    events: &[Event::ZDIFFSTORE, Event::DEL, Event::NEW],
    run: Run::Write(|cx| store(cx, Algebra::Diff, "zdiffstore", Event::ZDIFFSTORE)),
    ..Command::BASE
};

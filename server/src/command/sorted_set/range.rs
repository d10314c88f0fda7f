//! Commands that read ranges of sorted sets, or count them.
//!
//! Owns: ZCOUNT, ZLEXCOUNT, ZRANGE, ZRANGEBYLEX, ZRANGEBYSCORE, ZRANGESTORE, ZREVRANGE, ZREVRANGEBYLEX,
//! ZREVRANGEBYSCORE.   Uses: contexts, `range_words`, scored.   Never: removes members.

use super::bounds::Between;
pub use super::range_words::{By, Ranks};
use super::range_words::{Order, Query, Said};
use super::scored::write_all;
use crate::command::context::{ReadCx, WriteCx};
use crate::command::row::*;
use crate::command::text::length;
use crate::keyspace::change::{Change, Event};
use crate::resp::Result;
use crate::value::sorted_set::Gather;
use crate::value::text::Scratch;
use crate::value::{SortedSetRef, Value};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[
    &ZCOUNT,
    &ZLEXCOUNT,
    &ZRANGE,
    &ZRANGEBYLEX,
    &ZRANGEBYSCORE,
    &ZRANGESTORE,
    &ZREVRANGE,
    &ZREVRANGEBYLEX,
    &ZREVRANGEBYSCORE,
];
const _: () = check(TABLE);

const LIMIT: Arg = block("limit", &[integer("offset"), integer("count")]).after("LIMIT").optional();
const WITH_SCORES: Arg = token("withscores", "WITHSCORES").optional();
const SORT_BY: Arg =
    one_of("sortby", &[token("byscore", "BYSCORE"), token("bylex", "BYLEX")]).optional();
const REVERSE: Arg = token("rev", "REV").optional();
const COMPLEXITY: &str = "O(log(N)+M) where M is the number of members in the reply.";

static ZRANGE: Command = Command {
    name: "zrange",
    since: "1.2.0",
    group: Group::SortedSet,
    summary: "Returns the members of a sorted set within a range of ranks, scores or members.",
    complexity: COMPLEXITY,
    args: &[key("key"), string("start"), string("stop"), SORT_BY, REVERSE, LIMIT, WITH_SCORES],
    keys: READ_ONE,
    run: Run::Read(|cx| answer(cx, Said::default())),
    ..Command::BASE
};

static ZREVRANGE: Command = Command {
    name: "zrevrange",
    since: "1.2.0",
    group: Group::SortedSet,
    summary: "Returns the members of a sorted set within a range of ranks, the last first.",
    complexity: COMPLEXITY,
    deprecated: Some(("6.2.0", "`ZRANGE` with the `REV` argument")),
    args: &[key("key"), integer("start"), integer("stop"), WITH_SCORES],
    keys: READ_ONE,
    run: Run::Read(|cx| answer(cx, said(Order::Rank, true))),
    ..Command::BASE
};

static ZRANGEBYSCORE: Command = Command {
    name: "zrangebyscore",
    since: "1.0.5",
    group: Group::SortedSet,
    summary: "Returns the members of a sorted set within a range of scores.",
    complexity: COMPLEXITY,
    deprecated: Some(("6.2.0", "`ZRANGE` with the `BYSCORE` argument")),
    args: &[key("key"), double("min"), double("max"), WITH_SCORES, LIMIT],
    keys: READ_ONE,
    run: Run::Read(|cx| answer(cx, said(Order::Score, false))),
    ..Command::BASE
};

static ZREVRANGEBYSCORE: Command = Command {
    name: "zrevrangebyscore",
    since: "2.2.0",
    group: Group::SortedSet,
    summary: "Returns the members of a sorted set within a range of scores, the last first.",
    complexity: COMPLEXITY,
    deprecated: Some(("6.2.0", "`ZRANGE` with the `REV` and `BYSCORE` arguments")),
    args: &[key("key"), double("max"), double("min"), WITH_SCORES, LIMIT],
    keys: READ_ONE,
    run: Run::Read(|cx| answer(cx, said(Order::Score, true))),
    ..Command::BASE
};

static ZRANGEBYLEX: Command = Command {
    name: "zrangebylex",
    since: "2.8.9",
    group: Group::SortedSet,
    summary: "Returns the members of a sorted set of one score within a range of members.",
    complexity: COMPLEXITY,
    deprecated: Some(("6.2.0", "`ZRANGE` with the `BYLEX` argument")),
    args: &[key("key"), string("min"), string("max"), LIMIT],
    keys: READ_ONE,
    run: Run::Read(|cx| answer(cx, said(Order::Member, false))),
    ..Command::BASE
};

static ZREVRANGEBYLEX: Command = Command {
    name: "zrevrangebylex",
    since: "2.8.9",
    group: Group::SortedSet,
    summary: "Returns the members of a sorted set of one score within a range of members, the last first.",
    complexity: COMPLEXITY,
    deprecated: Some(("6.2.0", "`ZRANGE` with the `REV` and `BYLEX` arguments")),
    args: &[key("key"), string("max"), string("min"), LIMIT],
    keys: READ_ONE,
    run: Run::Read(|cx| answer(cx, said(Order::Member, true))),
    ..Command::BASE
};

fn said(order: Order, reverse: bool) -> Said {
    Said { order: Some(order), reverse: Some(reverse), stores: false }
}

fn answer(cx: &mut ReadCx<'_>, said: Said) -> Result<()> {
    let query = Query::parse(cx.args.from(2), said)?;
    let key = cx.key(1);
    let Some(set) = cx.data.view::<SortedSetRef<'_>>(key)? else {
        cx.reply.array(0);
        return Ok(());
    };
    let ranks = query.ranks(set);
    if query.reverse {
        write_all(cx.reply, ranks.len(), set.range_back(ranks), query.with_scores);
    } else {
        write_all(cx.reply, ranks.len(), set.range(ranks), query.with_scores);
    }
    Ok(())
}

static ZRANGESTORE: Command = Command {
    name: "zrangestore",
    since: "6.2.0",
    group: Group::SortedSet,
    summary: "Keeps the members of a sorted set within a range in another sorted set.",
    complexity: "O(log(N)+M) where M is the number of members that are kept.",
    args: &[key("dst"), key("src"), string("min"), string("max"), SORT_BY, REVERSE, LIMIT],
    keys: &[key_at(1, &["OW", "update"]), key_at(2, &["RO", "access"])],
    flags: DENY_OOM,
    events: &[Event::ZRANGESTORE, Event::DEL, Event::NEW],
    run: Run::Write(zrangestore),
    ..Command::BASE
};

fn zrangestore(cx: &mut WriteCx<'_>) -> Result<Change> {
    let query = Query::parse(cx.args.from(3), Said { stores: true, ..Said::default() })?;
    let (to, from) = (cx.key(1), cx.key(2));
    // What is past its time goes first.
    cx.read_slot(from);
    let limits = &cx.keyspace.limits;
    let mut gather = Gather::new(limits);
    if let Some(set) = cx.view::<SortedSetRef<'_>>(from)? {
        let mut scratch = Scratch::default();
        for (member, score) in set.range(query.ranks(set)) {
            gather.add(member.text(&mut scratch), score);
        }
    }
    cx.reply.int(length(gather.len()));
    let value = gather.finish(limits).map(Value::SortedSet);
    Ok(cx.replace(to, value, Event::ZRANGESTORE))
}

static ZCOUNT: Command = Command {
    name: "zcount",
    since: "2.0.0",
    group: Group::SortedSet,
    summary: "Returns how many members of a sorted set have scores within a range.",
    complexity: "O(log(N))",
    args: &[key("key"), double("min"), double("max")],
    keys: READ_ONE,
    flags: FAST,
    run: Run::Read(|cx| {
        let between = Between::scores(cx.arg(2), cx.arg(3))?;
        count(cx, between)
    }),
    ..Command::BASE
};

static ZLEXCOUNT: Command = Command {
    name: "zlexcount",
    since: "2.8.9",
    group: Group::SortedSet,
    summary: "Returns how many members of a sorted set of one score are within a range of members.",
    complexity: "O(log(N))",
    args: &[key("key"), string("min"), string("max")],
    keys: READ_ONE,
    flags: FAST,
    run: Run::Read(|cx| {
        let between = Between::members(cx.arg(2), cx.arg(3))?;
        count(cx, between)
    }),
    ..Command::BASE
};

fn count(cx: &mut ReadCx<'_>, between: Between<'_>) -> Result<()> {
    let key = cx.key(1);
    let set = cx.data.view::<SortedSetRef<'_>>(key)?;
    let members = set.map_or(0, |set| set.between(between.from, between.to).len());
    cx.reply.int(length(members));
    Ok(())
}

//! Commands that remove ranges of sorted sets.
//!
//! Owns: ZREMRANGEBYLEX, ZREMRANGEBYRANK, ZREMRANGEBYSCORE.   Uses: contexts, bounds.   Never: replies with members.

use super::bounds::Between;
use super::range::{By, Ranks};
use crate::command::context::WriteCx;
use crate::command::row::*;
use crate::command::text::length;
use crate::keyspace::Outcome;
use crate::keyspace::change::{Change, Event};
use crate::resp::Result;
use crate::value::SortedSet;

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&ZREMRANGEBYLEX, &ZREMRANGEBYRANK, &ZREMRANGEBYSCORE];
const _: () = check(TABLE);

const KEYS: &[KeySpec] = &[one_key(&["RW", "delete"])];

static ZREMRANGEBYRANK: Command = Command {
    name: "zremrangebyrank",
    since: "2.0.0",
    group: Group::SortedSet,
    summary: "Removes the members of a sorted set within a range of ranks.",
    complexity: "O(log(N)) for each member that is removed.",
    args: &[key("key"), integer("start"), integer("stop")],
    keys: KEYS,
    events: &[Event::ZREM_RANGE_BY_RANK, Event::DEL],
    run: Run::Write(|cx| {
        let by = By::Rank(Ranks::parse(cx.arg(2), cx.arg(3))?);
        remove(cx, by, Event::ZREM_RANGE_BY_RANK)
    }),
    ..Command::BASE
};

static ZREMRANGEBYSCORE: Command = Command {
    name: "zremrangebyscore",
    since: "1.2.0",
    group: Group::SortedSet,
    summary: "Removes the members of a sorted set within a range of scores.",
    complexity: "O(log(N)) for each member that is removed.",
    args: &[key("key"), double("min"), double("max")],
    keys: KEYS,
    events: &[Event::ZREM_RANGE_BY_SCORE, Event::DEL],
    run: Run::Write(|cx| {
        let by = By::Place(Between::scores(cx.arg(2), cx.arg(3))?);
        remove(cx, by, Event::ZREM_RANGE_BY_SCORE)
    }),
    ..Command::BASE
};

static ZREMRANGEBYLEX: Command = Command {
    name: "zremrangebylex",
    since: "2.8.9",
    group: Group::SortedSet,
    summary: "Removes the members of a sorted set of one score within a range of members.",
    complexity: "O(log(N)) for each member that is removed.",
    args: &[key("key"), string("min"), string("max")],
    keys: KEYS,
    events: &[Event::ZREM_RANGE_BY_LEX, Event::DEL],
    run: Run::Write(|cx| {
        let by = By::Place(Between::members(cx.arg(2), cx.arg(3))?);
        remove(cx, by, Event::ZREM_RANGE_BY_LEX)
    }),
    ..Command::BASE
};

fn remove(cx: &mut WriteCx<'_>, by: By<'_>, event: Event) -> Result<Change> {
    let key = cx.key(1);
    let mut set = cx.open::<SortedSet>(key)?;
    let all = set.get().map_or(0, |value| value.as_ref().len());
    let ranks = set.get().map_or(0..0, |value| by.ranks(value.as_ref(), false));
    let removed = ranks.len();
    let outcome = if removed == all {
        // What is large is freed elsewhere when its key goes.
        drop(set);
        if cx.remove(key) { Outcome::Removed } else { Outcome::Same }
    } else {
        if removed > 0
            && let Some(value) = set.get_mut()
        {
            value.remove_range(ranks);
        }
        set.close()
    };
    cx.reply.int(length(removed));
    if removed == 0 {
        return Ok(Change::NONE);
    }
    let _ = cx.changes.count(removed as u64 - 1);
    Ok(cx.closed(key, outcome, event))
}

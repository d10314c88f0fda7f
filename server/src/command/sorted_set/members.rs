//! Commands that look up and remove members of sorted sets by name.
//!
//! Owns: ZCARD, ZMSCORE, ZRANK, ZREM, ZREVRANK, ZSCORE.   Uses: contexts, `value::SortedSet`.   Never: ranges.

use crate::command::context::{ReadCx, WriteCx};
use crate::command::row::*;
use crate::command::text::length;
use crate::keyspace::change::{Change, Event};
use crate::resp::reply::Reply;
use crate::resp::{Error, Result};
use crate::value::{SortedSet, SortedSetRef};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&ZCARD, &ZMSCORE, &ZRANK, &ZREM, &ZREVRANK, &ZSCORE];
const _: () = check(TABLE);

static ZCARD: Command = Command {
    name: "zcard",
    since: "1.2.0",
    group: Group::SortedSet,
    summary: "Returns the number of members of a sorted set.",
    args: &[key("key")],
    keys: &[one_key(&["RO"])],
    flags: FAST,
    run: Run::Read(zcard),
    ..Command::BASE
};

fn zcard(cx: &mut ReadCx<'_>) -> Result<()> {
    let key = cx.key(1);
    let members = cx.data.view::<SortedSetRef<'_>>(key)?.map_or(0, SortedSetRef::len);
    cx.reply.int(length(members));
    Ok(())
}

static ZSCORE: Command = Command {
    name: "zscore",
    since: "1.2.0",
    group: Group::SortedSet,
    summary: "Returns the score of a member of a sorted set.",
    args: &[key("key"), string("member")],
    keys: READ_ONE,
    flags: FAST,
    run: Run::Read(zscore),
    ..Command::BASE
};

fn zscore(cx: &mut ReadCx<'_>) -> Result<()> {
    let (key, member) = (cx.key(1), cx.arg(2));
    let set = cx.data.view::<SortedSetRef<'_>>(key)?;
    match set.and_then(|set| set.score(member)) {
        Some(score) => cx.reply.double(score),
        None => cx.reply.null(),
    }
    Ok(())
}

static ZMSCORE: Command = Command {
    name: "zmscore",
    since: "6.2.0",
    group: Group::SortedSet,
    summary: "Returns the scores of members of a sorted set.",
    complexity: "O(N) where N is the number of members asked for.",
    args: &[key("key"), string("member").multiple()],
    keys: READ_ONE,
    flags: FAST,
    run: Run::Read(zmscore),
    ..Command::BASE
};

fn zmscore(cx: &mut ReadCx<'_>) -> Result<()> {
    answer_each(cx, |reply, score| match score {
        Some(score) => reply.double(score),
        None => reply.null(),
    })
}

/// Answers for each member behind the key what `write` makes of its score; none if it is missing.
///
/// # Errors
/// `WrongType` if the key holds another type.
pub fn answer_each(cx: &mut ReadCx<'_>, write: impl Fn(&mut Reply, Option<f64>)) -> Result<()> {
    let (key, members) = (cx.key(1), cx.args.from(2));
    let set = cx.data.view::<SortedSetRef<'_>>(key)?;
    cx.reply.array(members.len());
    for member in members.iter() {
        write(cx.reply, set.and_then(|set| set.score(member)));
    }
    Ok(())
}

const RANK_ARGS: &[Arg] =
    &[key("key"), string("member"), token("withscore", "WITHSCORE").optional()];

static ZRANK: Command = Command {
    name: "zrank",
    since: "2.0.0",
    group: Group::SortedSet,
    summary: "Returns how many members of a sorted set stand before a member.",
    complexity: "O(log(N))",
    args: RANK_ARGS,
    keys: READ_ONE,
    flags: FAST,
    run: Run::Read(|cx| answer_rank(cx, "zrank", |rank, _| rank)),
    ..Command::BASE
};

static ZREVRANK: Command = Command {
    name: "zrevrank",
    since: "2.0.0",
    group: Group::SortedSet,
    summary: "Returns how many members of a sorted set stand behind a member.",
    complexity: "O(log(N))",
    args: RANK_ARGS,
    keys: READ_ONE,
    flags: FAST,
    run: Run::Read(|cx| answer_rank(cx, "zrevrank", |rank, len| len - 1 - rank)),
    ..Command::BASE
};

/// Answers what `of` makes of a member's rank and the number of members.
fn answer_rank(
    cx: &mut ReadCx<'_>,
    name: &'static str,
    of: impl FnOnce(usize, usize) -> usize,
) -> Result<()> {
    let with_score = match cx.args.find(3) {
        None => false,
        Some(_) if cx.args.len() > 4 => return Err(Error::Arity(name)),
        Some(word) if word.eq_ignore_ascii_case(b"withscore") => true,
        Some(_) => return Err(Error::Syntax),
    };
    let (key, member) = (cx.key(1), cx.arg(2));
    let set = cx.data.view::<SortedSetRef<'_>>(key)?;
    let found =
        set.and_then(|set| set.rank(member).map(|(rank, score)| (of(rank, set.len()), score)));
    match found {
        None if with_score => cx.reply.null_array(),
        None => cx.reply.null(),
        Some((rank, score)) => {
            if with_score {
                cx.reply.array(2);
            }
            cx.reply.int(length(rank));
            if with_score {
                cx.reply.double(score);
            }
        }
    }
    Ok(())
}

static ZREM: Command = Command {
    name: "zrem",
    since: "1.2.0",
    group: Group::SortedSet,
    summary: "Removes members from a sorted set, and the set when none is left.",
    complexity: "O(M*log(N)) where M is the number of members to be removed.",
    args: &[key("key"), string("member").multiple()],
    keys: &[one_key(&["RW", "delete"])],
    flags: FAST,
    events: &[Event::ZREM, Event::DEL],
    run: Run::Write(zrem),
    ..Command::BASE
};

fn zrem(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (key, members) = (cx.key(1), cx.args.from(2));
    let mut set = cx.open::<SortedSet>(key)?;
    let removed = match set.get_mut() {
        Some(value) => members.iter().filter(|member| value.remove(member).is_some()).count(),
        None => 0,
    };
    let outcome = set.close();
    cx.reply.int(length(removed));
    if removed == 0 {
        return Ok(Change::NONE);
    }
    let _ = cx.changes.count(removed as u64 - 1);
    Ok(cx.closed(key, outcome, Event::ZREM))
}

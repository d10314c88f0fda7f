//! Commands that take members out of sorted sets at one end.
//!
//! Owns: ZMPOP, ZPOPMAX, ZPOPMIN, and the serving of those that wait for members.   Uses: contexts, number, scored.
//! Never: waits.

use super::scored::write_one;
use crate::command::context::WriteCx;
use crate::command::number::{self, FromFirst};
use crate::command::pairs::write_head;
use crate::command::row::*;
use crate::keyspace::Key;
use crate::keyspace::change::{Change, Event};
use crate::resp::reply::Reply;
use crate::resp::{Error, Proto, Result};
use crate::value::sorted_set::Side;
use crate::value::text::Scratch;
use crate::value::{SortedSet, SortedSetRef};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&ZMPOP, &ZPOPMAX, &ZPOPMIN];
const _: () = check(TABLE);

const POP_ARGS: &[Arg] = &[key("key"), integer("count").optional()];
const POP_KEYS: &[KeySpec] = &[one_key(&["RW", "access", "delete"])];
/// Either end.
pub const POP_EVENTS: &[Event] = &[Event::ZPOPMIN, Event::ZPOPMAX, Event::DEL];

static ZPOPMIN: Command = Command {
    name: "zpopmin",
    since: "5.0.0",
    group: Group::SortedSet,
    summary: "Removes the members with the lowest scores from a sorted set and returns them.",
    complexity: "O(log(N)*M) where M is the number of members to be removed.",
    args: POP_ARGS,
    keys: POP_KEYS,
    flags: FAST,
    events: &[Event::ZPOPMIN, Event::DEL],
    run: Run::Write(|cx| pop(cx, Side::Min)),
    ..Command::BASE
};

static ZPOPMAX: Command = Command {
    name: "zpopmax",
    since: "5.0.0",
    group: Group::SortedSet,
    summary: "Removes the members with the highest scores from a sorted set and returns them.",
    complexity: "O(log(N)*M) where M is the number of members to be removed.",
    args: POP_ARGS,
    keys: POP_KEYS,
    flags: FAST,
    events: &[Event::ZPOPMAX, Event::DEL],
    run: Run::Write(|cx| pop(cx, Side::Max)),
    ..Command::BASE
};

fn pop(cx: &mut WriteCx<'_>, side: Side) -> Result<Change> {
    let (count, shape) = match cx.args.len() {
        2 => (1, Shape::Flat),
        3 => (number::count(cx.arg(2))?, Shape::Scored),
        _ => return Err(Error::Syntax),
    };
    let key = cx.key(1);
    match pop_key(cx, key, side, count, shape)? {
        Some(change) => Ok(change),
        None => {
            cx.reply.array(0);
            Ok(Change::NONE)
        }
    }
}

/// What members look like in the reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One member and its score (ZPOPMIN without a count).
    Flat,
    /// The key, one member and its score (BZPOPMIN).
    KeyedFlat,
    /// As other commands show members with scores: pairs in RESP3 (ZPOPMIN with a count).
    Scored,
    /// The key, and pairs (ZMPOP).
    KeyedPairs,
}

impl Shape {
    fn write_head(self, reply: &mut Reply, key: &[u8], count: usize) {
        match self {
            Shape::Flat => reply.array(2),
            Shape::KeyedFlat => {
                reply.array(3);
                reply.bulk(key);
            }
            Shape::Scored => write_head(reply, count, true),
            Shape::KeyedPairs => {
                reply.array(2);
                reply.bulk(key);
                reply.array(count);
            }
        }
    }

    /// Whether each member stands with its score in a list of its own, other than by the protocol.
    fn is_nested(self, proto: Proto) -> bool {
        match self {
            Shape::Flat | Shape::KeyedFlat => false,
            Shape::Scored => proto == Proto::Resp3,
            Shape::KeyedPairs => true,
        }
    }
}

/// Takes up to `count` members out of one key and answers them; nothing if there is no such key, and then nothing is
/// answered either. The log is told of the key that it was, for whoever waited for several.
///
/// # Errors
/// `WrongType` if the key holds another type.
pub fn pop_key(
    cx: &mut WriteCx<'_>,
    key: Key<'_>,
    side: Side,
    count: usize,
    shape: Shape,
) -> Result<Option<Change>> {
    let (mut set, aside) = cx.open_beside::<SortedSet>(key)?;
    let Some(len) = set.get().map(|value| value.as_ref().len()) else { return Ok(None) };
    let count = count.min(len);
    if count == 0 {
        aside.reply.array(0);
        return Ok(Some(Change::NONE));
    }
    shape.write_head(aside.reply, key.bytes, count);
    let nested = shape.is_nested(aside.reply.proto());
    if let Some(value) = set.get_mut() {
        value.pop(side, count, &mut |scored| {
            if nested {
                aside.reply.array(2);
            }
            write_one(aside.reply, scored, false);
            aside.reply.double(scored.1);
        });
    }
    let outcome = set.close();
    let (name, event): (&[u8], _) = match side {
        Side::Min => (b"ZPOPMIN", Event::ZPOPMIN),
        Side::Max => (b"ZPOPMAX", Event::ZPOPMAX),
    };
    let told = i64::try_from(count).expect("a length is no more than half a word");
    cx.log_as(&[name, key.bytes, Scratch::default().write(told)]);
    let _ = cx.changes.count(count as u64 - 1);
    Ok(Some(cx.closed(key, outcome, event)))
}

static ZMPOP: Command = Command {
    name: "zmpop",
    since: "7.0.0",
    group: Group::SortedSet,
    summary: "Removes members from the first of several sorted sets that has any, and returns them.",
    complexity: "O(K) + O(M*log(N)) where K is the number of keys and M the number of members removed.",
    args: &[
        integer("numkeys"),
        key("key").multiple(),
        one_of("where", &[token("min", "MIN"), token("max", "MAX")]),
        integer("count").after("COUNT").optional(),
    ],
    keys: &[numbered_keys(1, 1, &["RW", "access", "delete"])],
    flags: MOVABLE_KEYS,
    events: POP_EVENTS,
    run: Run::Write(zmpop),
    ..Command::BASE
};

fn zmpop(cx: &mut WriteCx<'_>) -> Result<Change> {
    let wanted = FromFirst::parse(cx.args, 1, side)?;
    match pop_first(cx, &wanted)? {
        Some(change) => Ok(change),
        None => {
            cx.reply.null_array();
            Ok(Change::NONE)
        }
    }
}

/// The end that a word names.
///
/// # Errors
/// `Syntax` for any word but MIN and MAX.
pub fn side(word: &[u8]) -> Result<Side> {
    match word.to_ascii_lowercase().as_slice() {
        b"min" => Ok(Side::Min),
        b"max" => Ok(Side::Max),
        _ => Err(Error::Syntax),
    }
}

/// Takes members out of the first key that has any and answers the key and them; nothing, and no answer, if there is none.
///
/// # Errors
/// `WrongType` if a key before that holds another type.
pub fn pop_first(cx: &mut WriteCx<'_>, wanted: &FromFirst<Side>) -> Result<Option<Change>> {
    for at in wanted.keys.clone() {
        let key = cx.key(at);
        cx.slot(key);
        if cx.view::<SortedSetRef<'_>>(key)?.is_some() {
            return pop_key(cx, key, wanted.side, wanted.count, Shape::KeyedPairs);
        }
    }
    Ok(None)
}

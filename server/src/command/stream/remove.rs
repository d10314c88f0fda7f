//! Commands that take entries out.
//!
//! Owns: XACKDEL, XDEL, XDELEX, XTRIM.   Uses: WriteCx, `value::Stream`.   Never: adds any.

use super::ids::{is, strict};
use super::trim_words::{TrimWords, refs_of, refs_word};
use crate::base::bytes::parse_i64;
use crate::command::context::WriteCx;
use crate::command::row::*;
use crate::command::text::length;
use crate::keyspace::change::{Change, Event};
use crate::resp::args::Args;
use crate::resp::{Error, Result};
use crate::value::Stream;
use crate::value::stream::{Id, Refs};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&XACKDEL, &XDEL, &XDELEX, &XTRIM];
const _: () = check(TABLE);

const REFS: &[Arg] =
    &[token("keepref", "KEEPREF"), token("delref", "DELREF"), token("acked", "ACKED")];
const IDS: &[Arg] = &[integer("numids"), string("id").multiple()];

static XDEL: Command = Command {
    name: "xdel",
    since: "5.0.0",
    group: Group::Stream,
    summary: "Deletes entries of a stream.",
    complexity: "O(1) for each entry, whatever the size of the stream.",
    args: &[key("key"), string("id").multiple()],
    keys: &[one_key(&["RW", "delete"])],
    flags: FAST,
    events: &[Event::XDEL],
    run: Run::Write(xdel),
    ..Command::BASE
};

fn xdel(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (key, words) = (cx.key(1), cx.args.from(2));
    let (mut opened, aside) = cx.open_beside::<Box<Stream>>(key)?;
    let Some(stream) = opened.get_mut() else {
        aside.reply.int(0);
        return Ok(Change::NONE);
    };
    let ids = ids(words)?;
    let deleted = ids.iter().filter(|id| stream.delete(**id)).count();
    let outcome = opened.close();
    aside.reply.int(length(deleted));
    if deleted == 0 {
        return Ok(Change::NONE);
    }
    let _ = cx.changes.count(deleted as u64 - 1);
    Ok(cx.closed(key, outcome, Event::XDEL))
}

/// All IDs at once, before any of them has an effect.
pub fn ids(words: Args<'_>) -> Result<Vec<Id>> {
    words.iter().map(|word| strict(word, 0)).collect()
}

static XTRIM: Command = Command {
    name: "xtrim",
    since: "5.0.0",
    group: Group::Stream,
    summary: "Takes entries from the front of a stream.",
    complexity: "O(N) for N entries that are taken.",
    args: &[key("key"), one_of("condition", REFS).optional(), block("trim", TRIM)],
    keys: &[one_key(&["RW", "delete"])],
    events: &[Event::XTRIM],
    run: Run::Write(xtrim),
    ..Command::BASE
};

const TRIM: &[Arg] = &[
    one_of("strategy", &[token("maxlen", "MAXLEN"), token("minid", "MINID")]),
    one_of("operator", &[token("equal", "="), token("approximately", "~")]).optional(),
    string("threshold"),
    integer("count").after("LIMIT").optional(),
];

fn xtrim(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (key, args) = (cx.key(1), cx.args);
    let mut words = TrimWords::default();
    let mut at = 2;
    while at < args.len() {
        at = words.take(args, at)?.ok_or(Error::Syntax)?;
    }
    let trim = words
        .finish(&cx.keyspace.limits)?
        .ok_or(Error::text("ERR syntax error, XTRIM must be called with a trimming strategy"))?;
    let (mut opened, aside) = cx.open_beside::<Box<Stream>>(key)?;
    let Some(stream) = opened.get_mut() else {
        aside.reply.int(0);
        return Ok(Change::NONE);
    };
    let trimmed = stream.trim(trim);
    let len = stream.len().to_string();
    let outcome = opened.close();
    aside.reply.int(i64::try_from(trimmed).unwrap_or(i64::MAX));
    if trimmed == 0 {
        return Ok(Change::NONE);
    }
    let _ = cx.changes.count(trimmed - 1);
    if trim.approximate.is_some() {
        let refs = refs_word(trim.refs);
        cx.log_as(&[b"XTRIM", key.bytes, refs, b"MAXLEN", b"=", len.as_bytes()]);
    }
    Ok(cx.closed(key, outcome, Event::XTRIM))
}

/// `[KEEPREF | DELREF | ACKED] IDS n id ...`, in any order. The IDs are not looked at yet.
///
/// # Errors
/// A word that is none of them, or a number that is not that of the IDs.
fn refs_and_ids(words: Args<'_>) -> Result<(Refs, Args<'_>)> {
    let (mut refs, mut all) = (None, None);
    let mut at = 0;
    while at < words.len() {
        if let Some(said) = refs_of(words.get(at)).filter(|_| refs.is_none()) {
            refs = Some(said);
            at += 1;
        } else if is(words.get(at), "IDS") && at + 1 < words.len() && all.is_none() {
            let count = id_count(words, at + 1)?;
            at += 2 + count;
            all = Some(words.from(at - count).until(count));
        } else {
            return Err(Error::Syntax);
        }
    }
    let all = all.ok_or(Error::Syntax)?;
    Ok((refs.unwrap_or_default(), all))
}

/// How many IDs follow the number at a position.
///
/// # Errors
/// It is no number, not positive, or more than follow.
fn id_count(words: Args<'_>, at: usize) -> Result<usize> {
    let positive = || Error::text("ERR Number of IDs must be a positive integer");
    let count = parse_i64(words.get(at)).filter(|count| *count > 0).ok_or_else(positive)?;
    let count = usize::try_from(count).ok().filter(|count| at + count < words.len());
    count.ok_or(Error::text("ERR The `numids` parameter must match the number of arguments"))
}

static XDELEX: Command = Command {
    name: "xdelex",
    since: "8.2.0",
    group: Group::Stream,
    summary: "Deletes entries of a stream, with a thought for groups that wait for them.",
    complexity: "O(1) for each entry, whatever the size of the stream.",
    args: &[key("key"), one_of("condition", REFS).optional(), block("ids", IDS).after("IDS")],
    keys: &[one_key(&["RW", "delete"])],
    flags: FAST,
    events: &[Event::XDEL],
    run: Run::Write(xdelex),
    ..Command::BASE
};

/// What became of an ID.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    NotThere = -1,
    Deleted = 1,
    Kept = 2,
}

/// Deletes an entry as far as groups allow it.
fn delete(stream: &mut Stream, id: Id, refs: Refs) -> Fate {
    match refs {
        Refs::Respect if !stream.is_done_with(id) => return Fate::Kept,
        Refs::Drop => stream.forget(id),
        Refs::Keep | Refs::Respect => {}
    }
    if stream.delete(id) { Fate::Deleted } else { Fate::NotThere }
}

fn xdelex(cx: &mut WriteCx<'_>) -> Result<Change> {
    let key = cx.key(1);
    let args = cx.args.from(2);
    cx.view::<&Stream>(key)?;
    let (refs, words) = refs_and_ids(args)?;
    let (mut opened, aside) = cx.open_beside::<Box<Stream>>(key)?;
    aside.reply.array(words.len());
    let Some(stream) = opened.get_mut() else {
        words.iter().for_each(|_| aside.reply.int(Fate::NotThere as i64));
        return Ok(Change::NONE);
    };
    let mut deleted = 0;
    for id in ids(words)? {
        let fate = delete(stream, id, refs);
        deleted += u64::from(fate == Fate::Deleted);
        aside.reply.int(fate as i64);
    }
    let outcome = opened.close();
    if deleted == 0 {
        // Groups may wait no longer for an entry that was deleted before.
        let forgot = refs == Refs::Drop;
        return Ok(if forgot { cx.changes.count(1) } else { Change::NONE });
    }
    let _ = cx.changes.count(deleted - 1);
    Ok(cx.closed(key, outcome, Event::XDEL))
}

static XACKDEL: Command = Command {
    name: "xackdel",
    since: "8.2.0",
    group: Group::Stream,
    summary: "Acknowledges entries for a group and deletes them as far as other groups allow.",
    complexity: "O(1) for each entry.",
    args: &[
        key("key"),
        string("group"),
        one_of("condition", REFS).optional(),
        block("ids", IDS).after("IDS"),
    ],
    keys: &[one_key(&["RW", "update", "delete"])],
    flags: FAST,
    events: &[Event::XDEL],
    run: Run::Write(xackdel),
    ..Command::BASE
};

fn xackdel(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (key, name) = (cx.key(1), cx.arg(2));
    let args = cx.args.from(3);
    cx.view::<&Stream>(key)?;
    let (refs, words) = refs_and_ids(args)?;
    let (mut opened, aside) = cx.open_beside::<Box<Stream>>(key)?;
    aside.reply.array(words.len());
    let stream = opened.get_mut().filter(|stream| stream.group(name).is_some());
    let Some(stream) = stream else {
        words.iter().for_each(|_| aside.reply.int(Fate::NotThere as i64));
        return Ok(Change::NONE);
    };
    let (mut acknowledged, mut deleted) = (0, 0);
    for id in ids(words)? {
        let was_waiting = stream.edit_group(name, |group, _| group.acknowledge(id));
        let fate = if was_waiting == Some(true) {
            acknowledged += 1;
            acknowledged_fate(stream, id, refs, &mut deleted)
        } else {
            Fate::NotThere
        };
        aside.reply.int(fate as i64);
    }
    let outcome = opened.close();
    if deleted == 0 {
        return Ok(cx.changes.count(acknowledged));
    }
    let _ = cx.changes.count(acknowledged);
    Ok(cx.closed(key, outcome, Event::XDEL))
}

/// Deletes an entry that was just acknowledged, if groups allow it. One that was gone before counts as deleted.
fn acknowledged_fate(stream: &mut Stream, id: Id, refs: Refs, deleted: &mut u64) -> Fate {
    match delete(stream, id, refs) {
        Fate::Kept => Fate::Kept,
        Fate::NotThere => Fate::Deleted,
        Fate::Deleted => {
            *deleted += 1;
            Fate::Deleted
        }
    }
}

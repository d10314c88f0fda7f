//! XINFO: what a stream, its groups and their consumers are like.
//!
//! Owns: XINFO and its subcommands.   Uses: ReadCx, `value::Stream`.   Never: changes anything.

use super::ids::is;
use super::write::*;
use crate::base::bytes::parse_i64;
use crate::command::context::{ReadCx, SessionCx};
use crate::command::help::help;
use crate::command::next::Next;
use crate::command::row::*;
use crate::resp::args::Args;
use crate::resp::reply::Reply;
use crate::resp::{Error, Result};
use crate::value::Stream;
use crate::value::stream::{Consumer, Group as ConsumerGroup, Id, Owner, Producers};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&XINFO];
const _: () = check(TABLE);

static XINFO: Command = Command {
    name: "xinfo",
    since: "5.0.0",
    group: Group::Stream,
    summary: "Tells of a stream, its groups and their consumers.",
    complexity: "Depends on subcommand.",
    subcommands: &[&CONSUMERS, &GROUPS, &HELP, &STREAM],
    run: Run::Container,
    ..Command::BASE
};

const KEY: &[KeySpec] = &[key_at(2, &["RO", "access"])];

static STREAM: Command = Command {
    name: "xinfo|stream",
    since: "5.0.0",
    group: Group::Stream,
    summary: "Tells of a stream.",
    args: &[
        key("key"),
        block("full-block", &[token("full", "FULL"), integer("count").after("COUNT").optional()])
            .optional(),
    ],
    keys: KEY,
    run: Run::Read(stream_info),
    ..Command::BASE
};

/// How many entries and deliveries FULL tells of unless it is said.
const FULL_COUNT: usize = 10;

/// With FULL: how many entries and deliveries.
fn full_count(args: Args<'_>) -> Result<Option<usize>> {
    let wrong = || Error::subcommand_words(args.get(1), "xinfo");
    match args.len() {
        3 => return Ok(None),
        4 | 6 if is(args.get(3), "FULL") => {}
        _ => return Err(wrong()),
    }
    let Some(word) = args.find(4) else { return Ok(Some(FULL_COUNT)) };
    if !is(word, "COUNT") {
        return Err(wrong());
    }
    let count = parse_i64(args.get(5)).ok_or(Error::NotInteger)?;
    Ok(Some(match count {
        0 => usize::MAX,
        count => usize::try_from(count).unwrap_or(FULL_COUNT),
    }))
}

fn stream_info(cx: &mut ReadCx<'_>) -> Result<()> {
    let key = cx.key(2);
    let full = full_count(cx.args);
    let stream = cx.data.view::<&Stream>(key)?.ok_or(Error::NoSuchKey)?;
    match full? {
        None => write_stream(cx.reply, stream),
        Some(count) => write_full(cx.reply, stream, count),
    }
    Ok(())
}

/// Figures that every form has: how many [`write_figures`] writes.
const FIGURES: usize = 7;

/// The figures of messages that are added once, if there are any.
fn producer_figures(stream: &Stream) -> usize {
    if stream.producers().is_some() { 6 } else { 0 }
}

fn write_figures(reply: &mut Reply, stream: &Stream) {
    write_count(reply, "length", stream.len());
    // What would be the keys and nodes of Redis's tree of blocks, while it is small.
    write_count(reply, "radix-tree-keys", stream.blocks());
    write_count(reply, "radix-tree-nodes", stream.blocks() + 1);
    write_named_id(reply, "last-generated-id", stream.last_id());
    write_named_id(reply, "max-deleted-entry-id", stream.deleted_id());
    write_figure(reply, "entries-added", stream.added());
    write_named_id(reply, "recorded-first-entry-id", stream.first_id());
    if let Some(producers) = stream.producers() {
        write_producers(reply, producers);
    }
}

fn write_producers(reply: &mut Reply, producers: &Producers) {
    let (added, duplicates) = producers.counts();
    write_figure(reply, "idmp-duration", producers.memory().seconds.into());
    write_figure(reply, "idmp-maxsize", producers.memory().messages.into());
    write_count(reply, "pids-tracked", producers.len());
    write_count(reply, "iids-tracked", producers.tracked());
    write_figure(reply, "iids-added", added);
    write_figure(reply, "iids-duplicates", duplicates);
}

fn write_stream(reply: &mut Reply, stream: &Stream) {
    reply.map(FIGURES + producer_figures(stream) + 3);
    write_figures(reply, stream);
    write_count(reply, "groups", stream.group_count());
    for (name, entry) in [("first-entry", stream.first()), ("last-entry", stream.last())] {
        reply.bulk(name.as_bytes());
        match entry {
            Some(entry) => write_entry(reply, entry),
            None => reply.null(),
        }
    }
}

fn write_full(reply: &mut Reply, stream: &Stream, count: usize) {
    reply.map(FIGURES + producer_figures(stream) + 2);
    write_figures(reply, stream);
    reply.bulk(b"entries");
    write_entries(reply, stream.range(Id::MIN, Id::MAX).take(count));
    reply.bulk(b"groups");
    reply.array(stream.group_count());
    for (name, group) in stream.groups() {
        reply.map(7);
        reply.bulk(b"name");
        reply.bulk(name);
        write_progress(reply, stream, group);
        write_count(reply, "pel-count", group.waiting());
        write_pending(reply, group, count);
        reply.bulk(b"consumers");
        reply.array(group.consumer_count());
        for (owner, consumer) in group.consumers() {
            write_full_consumer(reply, group, (owner, consumer), count);
        }
    }
}

fn write_pending(reply: &mut Reply, group: &ConsumerGroup, count: usize) {
    reply.bulk(b"pending");
    reply.array(group.waiting().min(count));
    for (id, pending) in group.range(Id::MIN, Id::MAX).take(count) {
        reply.array(4);
        write_id(reply, id);
        reply.bulk(pending.owner.map_or(&[], |owner| &group.at(owner).name));
        reply.int(pending.time());
        reply.int(i64::try_from(pending.count).unwrap_or(i64::MAX));
    }
}

fn write_full_consumer(
    reply: &mut Reply,
    group: &ConsumerGroup,
    (owner, consumer): (Owner, &Consumer),
    count: usize,
) {
    reply.map(5);
    reply.bulk(b"name");
    reply.bulk(&consumer.name);
    reply.bulk(b"seen-time");
    reply.int(consumer.seen);
    reply.bulk(b"active-time");
    reply.int(consumer.active);
    write_count(reply, "pel-count", consumer.waiting());
    reply.bulk(b"pending");
    reply.array(consumer.waiting().min(count));
    for (id, pending) in group.range_of(owner, Id::MIN, Id::MAX).take(count) {
        reply.array(3);
        write_id(reply, id);
        reply.int(pending.time());
        reply.int(i64::try_from(pending.count).unwrap_or(i64::MAX));
    }
}

/// How far a group is and how far it has to go.
fn write_progress(reply: &mut Reply, stream: &Stream, group: &ConsumerGroup) {
    write_named_id(reply, "last-delivered-id", group.last);
    let read = group.read.map(u64::cast_signed);
    for (name, number) in [("entries-read", read), ("lag", stream.lag(group))] {
        match number {
            Some(number) => {
                reply.bulk(name.as_bytes());
                reply.int(number);
            }
            None => {
                reply.bulk(name.as_bytes());
                reply.null();
            }
        }
    }
}

static GROUPS: Command = Command {
    name: "xinfo|groups",
    since: "5.0.0",
    group: Group::Stream,
    summary: "Tells of the groups of a stream.",
    args: &[key("key")],
    keys: KEY,
    run: Run::Read(groups),
    ..Command::BASE
};

fn groups(cx: &mut ReadCx<'_>) -> Result<()> {
    let key = cx.key(2);
    let stream = cx.data.view::<&Stream>(key)?.ok_or(Error::NoSuchKey)?;
    cx.reply.array(stream.group_count());
    for (name, group) in stream.groups() {
        cx.reply.map(6);
        cx.reply.bulk(b"name");
        cx.reply.bulk(name);
        write_count(cx.reply, "consumers", group.consumer_count());
        write_count(cx.reply, "pending", group.waiting());
        write_progress(cx.reply, stream, group);
    }
    Ok(())
}

static CONSUMERS: Command = Command {
    name: "xinfo|consumers",
    since: "5.0.0",
    group: Group::Stream,
    summary: "Tells of the consumers of a group.",
    args: &[key("key"), string("group")],
    keys: KEY,
    run: Run::Read(consumers),
    ..Command::BASE
};

fn consumers(cx: &mut ReadCx<'_>) -> Result<()> {
    let (key, name, now) = (cx.key(2), cx.arg(3), cx.now.unix_ms());
    let stream = cx.data.view::<&Stream>(key)?.ok_or(Error::NoSuchKey)?;
    let group = stream.group(name).ok_or_else(|| no_group_in(key.bytes, name))?;
    cx.reply.array(group.consumer_count());
    for (_, consumer) in group.consumers() {
        cx.reply.map(4);
        cx.reply.bulk(b"name");
        cx.reply.bulk(&consumer.name);
        write_count(cx.reply, "pending", consumer.waiting());
        cx.reply.bulk(b"idle");
        cx.reply.int(since(consumer.seen, now));
        cx.reply.bulk(b"inactive");
        cx.reply.int(if consumer.active < 0 { -1 } else { since(consumer.active, now) });
    }
    Ok(())
}

/// Milliseconds from one moment to another, at least 0.
fn since(then: i64, now: i64) -> i64 {
    now.saturating_sub(then).max(0)
}

static HELP: Command = Command {
    name: "xinfo|help",
    since: "5.0.0",
    group: Group::Stream,
    summary: "Returns this text.",
    flags: LOADING.and(STALE),
    run: Run::Session(|cx: &mut SessionCx<'_>| {
        help(cx.reply, &XINFO);
        Ok(Next::Done)
    }),
    ..Command::BASE
};

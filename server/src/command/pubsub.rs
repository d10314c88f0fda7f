//! Channels: messages to whoever listens, kept for nobody.
//!
//! Owns: PSUBSCRIBE, PUBLISH, PUBSUB, PUNSUBSCRIBE, SUBSCRIBE, UNSUBSCRIBE.   Uses: SessionCx, deliver.
//! Never: data.

use super::context::SessionCx;
use super::deliver;
use super::help::help;
use super::next::Next;
use super::row::*;
use crate::base::bytes::glob;
use crate::base::relation::Relation;
use crate::pubsub::PubSub;
use crate::resp::reply::Reply;
use crate::resp::{Error, Result};
use crate::session::{Answers, Session};

/// The family, sorted by name.
pub static TABLE: &[&Command] =
    &[&PSUBSCRIBE, &PUBLISH, &PUBSUB_COMMAND, &PUNSUBSCRIBE, &SUBSCRIBE, &UNSUBSCRIBE];
const _: () = check(TABLE);

const LISTENING: Flags = PUBSUB.and(NOSCRIPT).and(LOADING).and(STALE).and(WHILE_SUBSCRIBED);

/// What one can subscribe to: the word in its messages, its table, and the count in the session.
struct Kind {
    joined: &'static [u8],
    left: &'static [u8],
    table: fn(&mut PubSub) -> &mut Relation<()>,
    count: fn(&mut Session) -> &mut u32,
}

const CHANNEL: Kind = Kind {
    joined: b"subscribe",
    left: b"unsubscribe",
    table: |pubsub| &mut pubsub.channels,
    count: |session| &mut session.channels,
};

const PATTERN: Kind = Kind {
    joined: b"psubscribe",
    left: b"punsubscribe",
    table: |pubsub| &mut pubsub.patterns,
    count: |session| &mut session.patterns,
};

static SUBSCRIBE: Command = Command {
    name: "subscribe",
    since: "2.0.0",
    group: Group::Pubsub,
    summary: "Listens to channels.",
    complexity: "O(N) where N is the number of channels to subscribe to.",
    args: &[string("channel").multiple()],
    flags: LISTENING.and(DENY_OOM),
    run: Run::Session(subscribe),
    ..Command::BASE
};

fn subscribe(cx: &mut SessionCx<'_>) -> Result<Next> {
    join(cx, &CHANNEL)
}

static PSUBSCRIBE: Command = Command {
    name: "psubscribe",
    since: "2.0.0",
    group: Group::Pubsub,
    summary: "Listens to all channels whose names match patterns.",
    complexity: "O(N) where N is the number of patterns to subscribe to.",
    args: &[pattern("pattern").multiple()],
    flags: LISTENING.and(DENY_OOM),
    run: Run::Session(subscribe_pattern),
    ..Command::BASE
};

fn subscribe_pattern(cx: &mut SessionCx<'_>) -> Result<Next> {
    join(cx, &PATTERN)
}

fn join(cx: &mut SessionCx<'_>, kind: &Kind) -> Result<Next> {
    for name in cx.args.from(1).iter() {
        let new = (kind.table)(cx.pubsub).insert(name, cx.me.id().0, ());
        *(kind.count)(cx.me) += u32::from(new);
        confirm(cx, kind.joined, Some(name));
    }
    Ok(Next::Done)
}

static UNSUBSCRIBE: Command = Command {
    name: "unsubscribe",
    since: "2.0.0",
    group: Group::Pubsub,
    summary: "Listens to these channels, or to any channel, no longer.",
    complexity: "O(N) where N is the number of channels to unsubscribe.",
    args: &[string("channel").optional().multiple()],
    flags: LISTENING,
    run: Run::Session(unsubscribe),
    ..Command::BASE
};

fn unsubscribe(cx: &mut SessionCx<'_>) -> Result<Next> {
    leave(cx, &CHANNEL)
}

static PUNSUBSCRIBE: Command = Command {
    name: "punsubscribe",
    since: "2.0.0",
    group: Group::Pubsub,
    summary: "Listens to these patterns, or to any pattern, no longer.",
    complexity: "O(N) where N is the number of patterns to unsubscribe.",
    args: &[pattern("pattern").optional().multiple()],
    flags: LISTENING,
    run: Run::Session(unsubscribe_pattern),
    ..Command::BASE
};

fn unsubscribe_pattern(cx: &mut SessionCx<'_>) -> Result<Next> {
    leave(cx, &PATTERN)
}

fn leave(cx: &mut SessionCx<'_>, kind: &Kind) -> Result<Next> {
    if cx.args.len() > 1 {
        for name in cx.args.from(1).iter() {
            leave_one(cx, kind, name);
        }
        return Ok(Next::Done);
    }
    let table = (kind.table)(cx.pubsub);
    let all: Vec<Box<[u8]>> = table.names_of(cx.me.id().0).map(|(name, ())| name.into()).collect();
    for name in &all {
        leave_one(cx, kind, name);
    }
    if all.is_empty() {
        confirm(cx, kind.left, None);
    }
    Ok(Next::Done)
}

fn leave_one(cx: &mut SessionCx<'_>, kind: &Kind, name: &[u8]) {
    let ended = (kind.table)(cx.pubsub).remove(name, cx.me.id().0);
    *(kind.count)(cx.me) -= u32::from(ended);
    confirm(cx, kind.left, Some(name));
}

/// Tells of a subscription that began or ended, and how many there are now. That is a push rather than
/// a reply: CLIENT REPLY OFF does not silence it.
fn confirm(cx: &mut SessionCx<'_>, what: &[u8], name: Option<&[u8]>) {
    let count = cx.me.subscriptions() as i64;
    let out: &mut Reply = match cx.me.answers {
        Answers::On => cx.reply,
        Answers::Off | Answers::SkipNext | Answers::SkipThis => cx.me.outbox(),
    };
    out.push(3);
    out.bulk(what);
    match name {
        Some(name) => out.bulk(name),
        None => out.null(),
    }
    out.int(count);
}

static PUBLISH: Command = Command {
    name: "publish",
    since: "2.0.0",
    group: Group::Pubsub,
    summary: "Sends a message to a channel's listeners.",
    complexity: "O(N+M) where N is the number of clients subscribed to the receiving channel and M \
                 is the total number of subscribed patterns (by any client).",
    args: &[string("channel"), string("message")],
    flags: PUBSUB.and(LOADING).and(STALE).and(FAST).and(MAY_REPLICATE),
    run: Run::Session(publish),
    ..Command::BASE
};

/// A message is no part of the data set: the log is not told.
fn publish(cx: &mut SessionCx<'_>) -> Result<Next> {
    let (channel, message) = (cx.arg(1), cx.arg(2));
    let receivers = deliver::publish(cx.pubsub, cx.sessions, cx.me, channel, message);
    cx.reply.int(receivers as i64);
    Ok(Next::Done)
}

static PUBSUB_COMMAND: Command = Command {
    name: "pubsub",
    since: "2.8.0",
    group: Group::Pubsub,
    summary: "Tells who listens to what.",
    complexity: "Depends on subcommand.",
    subcommands: &[&CHANNELS, &HELP, &NUMPAT, &NUMSUB],
    run: Run::Container,
    ..Command::BASE
};

const TELLING: Flags = PUBSUB.and(LOADING).and(STALE);

static CHANNELS: Command = Command {
    name: "pubsub|channels",
    since: "2.8.0",
    group: Group::Pubsub,
    summary: "Returns the channels that somebody listens to.",
    complexity: "O(N) where N is the number of active channels, and assuming constant time pattern \
                 matching (relatively short channels and patterns)",
    args: &[pattern("pattern").optional()],
    flags: TELLING,
    run: Run::Session(channels),
    ..Command::BASE
};

fn channels(cx: &mut SessionCx<'_>) -> Result<Next> {
    if cx.args.len() > 3 {
        return Err(Error::subcommand_words(cx.arg(1), "pubsub"));
    }
    let pattern = cx.args.find(2);
    let mark = cx.reply.mark();
    let mut count = 0;
    for (name, _) in cx.pubsub.channels.names() {
        if pattern.is_none_or(|pattern| glob(pattern, name, false)) {
            cx.reply.bulk(name);
            count += 1;
        }
    }
    cx.reply.array_from(mark, count);
    Ok(Next::Done)
}

static HELP: Command = Command {
    name: "pubsub|help",
    since: "6.2.0",
    group: Group::Pubsub,
    summary: "Returns what the subcommands do.",
    flags: LOADING.and(STALE),
    run: Run::Session(help_on_pubsub),
    ..Command::BASE
};

fn help_on_pubsub(cx: &mut SessionCx<'_>) -> Result<Next> {
    help(cx.reply, &PUBSUB_COMMAND);
    Ok(Next::Done)
}

static NUMPAT: Command = Command {
    name: "pubsub|numpat",
    since: "2.8.0",
    group: Group::Pubsub,
    summary: "Returns how many different patterns somebody listens to.",
    flags: TELLING,
    run: Run::Session(numpat),
    ..Command::BASE
};

fn numpat(cx: &mut SessionCx<'_>) -> Result<Next> {
    cx.reply.int(cx.pubsub.pattern_count() as i64);
    Ok(Next::Done)
}

static NUMSUB: Command = Command {
    name: "pubsub|numsub",
    since: "2.8.0",
    group: Group::Pubsub,
    summary: "Returns how many clients listen to each of the channels, patterns left out.",
    complexity: "O(N) for the NUMSUB subcommand, where N is the number of requested channels",
    args: &[string("channel").optional().multiple()],
    flags: TELLING,
    run: Run::Session(numsub),
    ..Command::BASE
};

fn numsub(cx: &mut SessionCx<'_>) -> Result<Next> {
    let names = cx.args.from(2);
    // A flat array in RESP3 too, as a real server sends it.
    cx.reply.array(names.len() * 2);
    for name in names {
        cx.reply.bulk(name);
        cx.reply.int(cx.pubsub.channels.count(name) as i64);
    }
    Ok(Next::Done)
}

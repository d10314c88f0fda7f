//! Commands that tell which commands stood out.
//!
//! Owns: COMMANDLOG, SLOWLOG.   Uses: stats' slow log.   Never: decides what is kept (the engine's observe).
//!
//! SLOWLOG is Redis's and tells of slow commands; COMMANDLOG is Valkey's and tells of large requests and large
//! replies as well.

use super::context::ServerCx;
use super::help::help;
use super::next::Next;
use super::row::*;
use crate::base::bytes::parse_i64;
use crate::resp::reply::Reply;
use crate::resp::{Error, Result};
use crate::stats::slow_log::{Reason, SlowLog};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&COMMANDLOG, &SLOWLOG];
const _: () = check(TABLE);

const FLAGS: Flags = ADMIN.and(LOADING).and(STALE);
/// What SLOWLOG GET shows when it is not told how many.
const USUAL_COUNT: i64 = 10;

static SLOWLOG: Command = Command {
    name: "slowlog",
    since: "2.2.12",
    group: Group::Server,
    summary: "Commands about the slow log.",
    complexity: "Depends on subcommand.",
    subcommands: &[&SLOWLOG_GET, &SLOWLOG_HELP, &SLOWLOG_LEN, &SLOWLOG_RESET],
    run: Run::Container,
    ..Command::BASE
};

static SLOWLOG_GET: Command = Command {
    name: "slowlog|get",
    since: "2.2.12",
    group: Group::Server,
    summary: "Returns the latest slow commands: number, time, microseconds, words, address, name.",
    complexity: "O(N) where N is the number of entries returned",
    args: &[integer("count").optional()],
    flags: FLAGS,
    run: Run::Server(slow_get),
    ..Command::BASE
};

fn slow_get(cx: &mut ServerCx<'_>) -> Result<Next> {
    if cx.args.len() > 3 {
        return Err(Error::subcommand_words(cx.arg(1), "slowlog"));
    }
    let count = cx.args.find(2).map_or(Ok(USUAL_COUNT), count)?;
    write_entries(cx.reply, &cx.parts.stats.slow_log, Reason::Slow, count);
    Ok(Next::Done)
}

static SLOWLOG_HELP: Command = Command {
    name: "slowlog|help",
    since: "6.2.0",
    group: Group::Server,
    summary: "Prints this help.",
    flags: LOADING.and(STALE),
    run: Run::Server(slow_help),
    ..Command::BASE
};

fn slow_help(cx: &mut ServerCx<'_>) -> Result<Next> {
    help(cx.reply, &SLOWLOG);
    Ok(Next::Done)
}

static SLOWLOG_LEN: Command = Command {
    name: "slowlog|len",
    since: "2.2.12",
    group: Group::Server,
    summary: "Returns how many slow commands are kept.",
    flags: FLAGS,
    run: Run::Server(slow_len),
    ..Command::BASE
};

fn slow_len(cx: &mut ServerCx<'_>) -> Result<Next> {
    cx.reply.int(cx.parts.stats.slow_log.len(Reason::Slow) as i64);
    Ok(Next::Done)
}

static SLOWLOG_RESET: Command = Command {
    name: "slowlog|reset",
    since: "2.2.12",
    group: Group::Server,
    summary: "Forgets the slow commands.",
    complexity: "O(N) where N is the number of entries in the slowlog",
    flags: FLAGS,
    run: Run::Server(slow_reset),
    ..Command::BASE
};

fn slow_reset(cx: &mut ServerCx<'_>) -> Result<Next> {
    cx.parts.stats.slow_log.clear(Reason::Slow);
    cx.reply.ok();
    Ok(Next::Done)
}

static COMMANDLOG: Command = Command {
    name: "commandlog",
    since: "8.1.0",
    group: Group::Server,
    summary: "Commands about slow commands, large requests and large replies.",
    complexity: "Depends on subcommand.",
    subcommands: &[&COMMANDLOG_GET, &COMMANDLOG_HELP, &COMMANDLOG_LEN, &COMMANDLOG_RESET],
    run: Run::Container,
    ..Command::BASE
};

const TYPE: Arg = one_of(
    "type",
    &[
        token("slow", "SLOW"),
        token("large-request", "LARGE-REQUEST"),
        token("large-reply", "LARGE-REPLY"),
    ],
);

static COMMANDLOG_GET: Command = Command {
    name: "commandlog|get",
    since: "8.1.0",
    group: Group::Server,
    summary: "Returns the latest commands that stood out: number, time, microseconds or bytes, words, address, name.",
    complexity: "O(N) where N is the number of entries returned",
    args: &[integer("count"), TYPE],
    flags: FLAGS,
    run: Run::Server(log_get),
    ..Command::BASE
};

fn log_get(cx: &mut ServerCx<'_>) -> Result<Next> {
    let reason = reason(cx.arg(3))?;
    let count = count(cx.arg(2))?;
    write_entries(cx.reply, &cx.parts.stats.slow_log, reason, count);
    Ok(Next::Done)
}

static COMMANDLOG_HELP: Command = Command {
    name: "commandlog|help",
    since: "8.1.0",
    group: Group::Server,
    summary: "Prints this help.",
    flags: LOADING.and(STALE),
    run: Run::Server(log_help),
    ..Command::BASE
};

fn log_help(cx: &mut ServerCx<'_>) -> Result<Next> {
    help(cx.reply, &COMMANDLOG);
    Ok(Next::Done)
}

static COMMANDLOG_LEN: Command = Command {
    name: "commandlog|len",
    since: "8.1.0",
    group: Group::Server,
    summary: "Returns how many commands of a kind are kept.",
    args: &[TYPE],
    flags: FLAGS,
    run: Run::Server(log_len),
    ..Command::BASE
};

fn log_len(cx: &mut ServerCx<'_>) -> Result<Next> {
    let reason = reason(cx.arg(2))?;
    cx.reply.int(cx.parts.stats.slow_log.len(reason) as i64);
    Ok(Next::Done)
}

static COMMANDLOG_RESET: Command = Command {
    name: "commandlog|reset",
    since: "8.1.0",
    group: Group::Server,
    summary: "Forgets the commands of a kind.",
    complexity: "O(N) where N is the number of entries in the commandlog",
    args: &[TYPE],
    flags: FLAGS,
    run: Run::Server(log_reset),
    ..Command::BASE
};

fn log_reset(cx: &mut ServerCx<'_>) -> Result<Next> {
    let reason = reason(cx.arg(2))?;
    cx.parts.stats.slow_log.clear(reason);
    cx.reply.ok();
    Ok(Next::Done)
}

fn reason(word: &[u8]) -> Result<Reason> {
    match word.to_ascii_lowercase().as_slice() {
        b"slow" => Ok(Reason::Slow),
        b"large-request" => Ok(Reason::LargeRequest),
        b"large-reply" => Ok(Reason::LargeReply),
        _ => Err(Error::text(
            "ERR type should be one of the following: slow, large-request, large-reply",
        )),
    }
}

/// How many entries are asked for; -1: all.
fn count(word: &[u8]) -> Result<i64> {
    parse_i64(word)
        .filter(|count| *count >= -1)
        .ok_or(Error::text("ERR count should be greater than or equal to -1"))
}

fn write_entries(reply: &mut Reply, log: &SlowLog, reason: Reason, count: i64) {
    let all = log.len(reason);
    let shown = usize::try_from(count).map_or(all, |count| count.min(all));
    reply.array(shown);
    for entry in log.entries(reason).take(shown) {
        reply.array(6);
        reply.int(i64::try_from(entry.id).unwrap_or(i64::MAX));
        reply.int(entry.at);
        reply.int(i64::try_from(entry.value).unwrap_or(i64::MAX));
        reply.array(entry.words.len());
        for word in &entry.words {
            reply.bulk(word);
        }
        reply.bulk(entry.peer.as_bytes());
        reply.bulk(&entry.name);
    }
}

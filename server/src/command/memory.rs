//! MEMORY: what takes how much, and what to do about it.
//!
//! Owns: MEMORY and its subcommands.   Uses: footprint, memory_doctor, memory_stats.   Never: changes data.

use super::context::{ReadCx, ServerCx, SessionCx};
use super::footprint::Footprint;
use super::help::help;
use super::memory_doctor::{Case, diagnose};
use super::memory_stats::write_stats;
use super::next::Next;
use super::row::*;
use crate::base::alloc;
use crate::base::bytes::parse_i64;
use crate::keyspace::Weight;
use crate::resp::{Error, Result};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&MEMORY];
const _: () = check(TABLE);

static MEMORY: Command = Command {
    name: "memory",
    since: "4.0.0",
    group: Group::Server,
    summary: "Tells where memory goes.",
    complexity: "Depends on subcommand.",
    subcommands: &[&DOCTOR, &HELP, &MALLOC_STATS, &PURGE, &STATS, &USAGE],
    run: Run::Container,
    ..Command::BASE
};

static DOCTOR: Command = Command {
    name: "memory|doctor",
    since: "4.0.0",
    group: Group::Server,
    summary: "Looks for what is wrong with memory and says what helps.",
    complexity: "O(1)",
    run: Run::Server(doctor),
    ..Command::BASE
};

fn doctor(cx: &mut ServerCx<'_>) -> Result<Next> {
    let figures = Footprint::of(cx.parts, cx.me);
    let text = diagnose(&Case::of(figures, cx.parts));
    cx.reply.verbatim("txt", text.as_bytes());
    Ok(Next::Done)
}

static HELP: Command = Command {
    name: "memory|help",
    since: "4.0.0",
    group: Group::Server,
    summary: "Returns what the subcommands do.",
    flags: LOADING.and(STALE),
    run: Run::Session(help_on_memory),
    ..Command::BASE
};

fn help_on_memory(cx: &mut SessionCx<'_>) -> Result<Next> {
    help(cx.reply, &MEMORY);
    Ok(Next::Done)
}

static MALLOC_STATS: Command = Command {
    name: "memory|malloc-stats",
    since: "4.0.0",
    group: Group::Server,
    summary: "Returns the allocator's own report.",
    complexity: "O(1), but slow: milliseconds",
    run: Run::Server(malloc_stats),
    ..Command::BASE
};

fn malloc_stats(cx: &mut ServerCx<'_>) -> Result<Next> {
    cx.reply.verbatim("txt", alloc::report().as_bytes());
    Ok(Next::Done)
}

static PURGE: Command = Command {
    name: "memory|purge",
    since: "4.0.0",
    group: Group::Server,
    summary: "Gives memory that is free back to the operating system.",
    complexity: "O(N) where N is the memory that is free; milliseconds for a gigabyte",
    run: Run::Server(purge),
    ..Command::BASE
};

fn purge(cx: &mut ServerCx<'_>) -> Result<Next> {
    cx.parts.keyspace.purge();
    alloc::purge();
    cx.reply.ok();
    Ok(Next::Done)
}

static STATS: Command = Command {
    name: "memory|stats",
    since: "4.0.0",
    group: Group::Server,
    summary: "Returns figures of the memory in use, by what it is for.",
    complexity: "O(1)",
    run: Run::Server(stats),
    ..Command::BASE
};

fn stats(cx: &mut ServerCx<'_>) -> Result<Next> {
    let figures = Footprint::of(cx.parts, cx.me);
    write_stats(cx.reply, &figures, &cx.parts.keyspace);
    Ok(Next::Done)
}

static USAGE: Command = Command {
    name: "memory|usage",
    since: "4.0.0",
    group: Group::Server,
    summary: "Returns the bytes of memory that a key and its value take.",
    complexity: "O(1): values know their size, so SAMPLES changes nothing.",
    args: &[key("key"), integer("count").after("SAMPLES").optional()],
    keys: &[key_at(2, &["RO"])],
    run: Run::Read(usage),
    ..Command::BASE
};

/// Answers what would be free without the key: its block, what its value holds, and its share of the table.
fn usage(cx: &mut ReadCx<'_>) -> Result<()> {
    let mut words = cx.args.from(3).iter();
    while let Some(word) = words.next() {
        let count = words.next().filter(|_| word.eq_ignore_ascii_case(b"samples"));
        let count = parse_i64(count.ok_or(Error::Syntax)?).ok_or(Error::NotInteger)?;
        if count < 0 {
            return Err(Error::Syntax);
        }
    }
    let Some(entry) = cx.data.peek(cx.key(2)) else {
        cx.reply.null();
        return Ok(());
    };
    let Weight { entry, heap, .. } = Weight::of(entry);
    let db = cx.data.db();
    let share = db.table_bytes() / db.len().max(1);
    cx.reply.int(i64::try_from(entry + heap + share).unwrap_or(i64::MAX));
    Ok(())
}

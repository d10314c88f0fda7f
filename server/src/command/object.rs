//! OBJECT: how a value is kept, and when or how often it was used.
//!
//! Owns: OBJECT and its subcommands.   Uses: ReadCx, access words.   Never: changes anything; asking is no use.

use super::context::{ReadCx, SessionCx};
use super::help::help;
use super::next::Next;
use super::row::*;
use crate::config::kinds::Order;
use crate::keyspace::EntryRef;
use crate::keyspace::access::{Clock, Counting, frequency_whole, idle_seconds};
use crate::resp::{Error, Result};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&OBJECT];
const _: () = check(TABLE);

static OBJECT: Command = Command {
    name: "object",
    since: "2.2.3",
    group: Group::Generic,
    summary: "Tells how values are kept.",
    complexity: "Depends on subcommand.",
    subcommands: &[&ENCODING, &FREQ, &HELP, &IDLETIME, &REFCOUNT],
    run: Run::Container,
    ..Command::BASE
};

const KEY: &[KeySpec] = &[key_at(2, &["RO"])];

static ENCODING: Command = Command {
    name: "object|encoding",
    since: "2.2.3",
    group: Group::Generic,
    summary: "Returns the name of the form in which a value is kept.",
    args: &[key("key")],
    keys: KEY,
    flags: KEYSPACE,
    run: Run::Read(encoding),
    ..Command::BASE
};

fn encoding(cx: &mut ReadCx<'_>) -> Result<()> {
    let key = cx.key(2);
    match cx.data.inspect(key).map(EntryRef::encoding) {
        Some(name) => cx.reply.bulk(name.as_bytes()),
        None => cx.reply.null(),
    }
    Ok(())
}

static FREQ: Command = Command {
    name: "object|freq",
    since: "4.0.0",
    group: Group::Generic,
    summary: "Returns how often a key is used, on a logarithmic scale; needs an LFU policy.",
    args: &[key("key")],
    keys: KEY,
    flags: KEYSPACE,
    run: Run::Read(freq),
    ..Command::BASE
};

fn freq(cx: &mut ReadCx<'_>) -> Result<()> {
    let key = cx.key(2);
    let Some(word) = cx.data.inspect(key).map(EntryRef::access) else {
        cx.reply.null();
        return Ok(());
    };
    if !counts_uses(cx) {
        return Err(Error::text(
            "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when \
             switching between policies at runtime LRU and LFU data will take some time to adjust.",
        ));
    }
    let counting =
        Counting { log_factor: cx.config.lfu_log_factor, decay_minutes: cx.config.lfu_decay_time };
    let counter = frequency_whole(word, Clock::new(cx.now.mono_us), counting);
    cx.reply.int(counter.into());
    Ok(())
}

/// Whether the policy counts how often keys are used, and not when.
fn counts_uses(cx: &ReadCx<'_>) -> bool {
    cx.config.memory_policy.order() == Order::Frequency
}

static HELP: Command = Command {
    name: "object|help",
    since: "6.2.0",
    group: Group::Generic,
    summary: "Returns the list of subcommands.",
    flags: KEYSPACE.and(LOADING).and(STALE),
    run: Run::Session(help_on_object),
    ..Command::BASE
};

fn help_on_object(cx: &mut SessionCx<'_>) -> Result<Next> {
    help(cx.reply, &OBJECT);
    Ok(Next::Done)
}

static IDLETIME: Command = Command {
    name: "object|idletime",
    since: "2.2.3",
    group: Group::Generic,
    summary: "Returns the seconds since a key was used; not under an LFU policy.",
    args: &[key("key")],
    keys: KEY,
    flags: KEYSPACE,
    run: Run::Read(idletime),
    ..Command::BASE
};

fn idletime(cx: &mut ReadCx<'_>) -> Result<()> {
    let key = cx.key(2);
    let Some(word) = cx.data.inspect(key).map(EntryRef::access) else {
        cx.reply.null();
        return Ok(());
    };
    if counts_uses(cx) {
        return Err(Error::text(
            "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching \
             between policies at runtime LRU and LFU data will take some time to adjust.",
        ));
    }
    let seconds = idle_seconds(word, Clock::new(cx.now.mono_us));
    cx.reply.int(i64::try_from(seconds).expect("an idle time has 31 bits of ticks"));
    Ok(())
}

static REFCOUNT: Command = Command {
    name: "object|refcount",
    since: "2.2.3",
    group: Group::Generic,
    summary: "Returns how many keys share a value, which is one.",
    args: &[key("key")],
    keys: KEY,
    flags: KEYSPACE,
    run: Run::Read(refcount),
    ..Command::BASE
};

fn refcount(cx: &mut ReadCx<'_>) -> Result<()> {
    let key = cx.key(2);
    if cx.data.inspect(key).is_some() {
        cx.reply.int(1)
    } else {
        cx.reply.null()
    }
    Ok(())
}

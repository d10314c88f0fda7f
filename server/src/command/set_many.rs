//! Commands that set several strings at once, all of them or none.
//!
//! Owns: MSET, MSETEX, MSETNX.   Uses: WriteCx, set.   Never: who else is connected.
//!
//! MSETEX is of Redis 8.4 and Valkey 9.1, which agree. The log is told plain sets, so that any server can read it.

use super::condition::Condition;
use super::context::WriteCx;
use super::row::*;
use super::set::{store, store_for};
use super::set_options::{EXPIRATION_OR_KEEP, MSETEX_WORDS, Options, Time};
use crate::base::bytes::parse_i64;
use crate::keyspace::change::{Change, Event};
use crate::resp::{Error, Result};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&MSET, &MSETEX, &MSETNX];
const _: () = check(TABLE);

const PAIR: &[Arg] = &[key("key"), string("value")];

static MSET: Command = Command {
    name: "mset",
    since: "1.0.1",
    group: Group::String,
    summary: "Sets the string values of several keys at once.",
    complexity: "O(N) where N is the number of keys.",
    args: &[block("key_value", PAIR).multiple()],
    keys: &[key_range(1, -1, 2, &["OW", "update"])],
    flags: DENY_OOM,
    events: &[Event::SET, Event::NEW],
    run: Run::Write(mset),
    ..Command::BASE
};

fn mset(cx: &mut WriteCx<'_>) -> Result<Change> {
    if cx.args.len().is_multiple_of(2) {
        return Err(Error::Arity("mset"));
    }
    cx.reply.ok();
    Ok(store_all(cx, 1, cx.args.len()))
}

/// Makes the keys between two positions of the request hold the values behind them.
fn store_all(cx: &mut WriteCx<'_>, first: usize, end: usize) -> Change {
    let mut change = Change::NONE;
    let mut at = first;
    while at < end {
        let window = cx.window_until(at, end, 2);
        for (place, key) in window.keys() {
            change = store(cx, key, place + 1, None);
        }
        at = window.next();
    }
    change
}

/// How many of the keys between two positions exist.
fn count_existing(cx: &mut WriteCx<'_>, first: usize, end: usize) -> usize {
    let mut count = 0;
    let mut at = first;
    while at < end {
        let window = cx.window_until(at, end, 2);
        count += window.keys().filter(|&(_, key)| cx.slot(key).exists()).count();
        at = window.next();
    }
    count
}

/// Tells the log the MSET that took effect: the words between two positions.
fn log_plain(cx: &mut WriteCx<'_>, first: usize, end: usize) {
    let mut words: Vec<&[u8]> = vec![b"MSET"];
    words.extend((first..end).map(|at| cx.arg(at)));
    cx.log_as(&words);
}

static MSETEX: Command = Command {
    name: "msetex",
    since: "8.4.0",
    group: Group::String,
    summary: "Sets the string values of several keys at once, and one time to live for all of them.",
    complexity: "O(N) where N is the number of keys.",
    args: &[
        integer("numkeys"),
        block("data", PAIR).multiple(),
        one_of("condition", &[token("nx", "NX"), token("xx", "XX")]).optional(),
        one_of("expiration", EXPIRATION_OR_KEEP).optional(),
    ],
    keys: &[numbered_keys(1, 2, &["OW", "update"])],
    flags: DENY_OOM.and(MOVABLE_KEYS),
    events: &[Event::SET, Event::EXPIRE, Event::NEW],
    run: Run::Write(msetex),
    ..Command::BASE
};

fn msetex(cx: &mut WriteCx<'_>) -> Result<Change> {
    let count = parse_i64(cx.arg(1)).filter(|count| (1..=i64::from(i32::MAX)).contains(count));
    let count = count.ok_or(Error::text("ERR invalid numkeys value or out of range"))?;
    // At most 2^31, so its double fits.
    let (first, count) = (2, count as usize);
    let end = first + 2 * count;
    if end > cx.args.len() {
        return Err(Error::Syntax);
    }
    let options = Options::parse(cx.args.from(end), MSETEX_WORDS)?;
    let time = options.time("msetex", cx.now.unix_ms())?;
    let fits = match options.condition {
        Condition::Always => true,
        Condition::IfMissing => count_existing(cx, first, end) == 0,
        Condition::IfPresent => count_existing(cx, first, end) == count,
        // No word of MSETEX says so.
        Condition::If(_) => return Err(Error::Syntax),
    };
    cx.reply.int(i64::from(fits));
    if !fits {
        return Ok(Change::NONE);
    }
    if time == Time::Unsaid {
        let change = store_all(cx, first, end);
        log_plain(cx, first, end);
        return Ok(change);
    }
    let mut change = Change::NONE;
    for at in (first..end).step_by(2) {
        change = store_for(cx, cx.key(at), at + 1, time);
    }
    Ok(change)
}

static MSETNX: Command = Command {
    name: "msetnx",
    since: "1.0.1",
    group: Group::String,
    summary: "Sets the string values of several keys if none of them exists.",
    complexity: "O(N) where N is the number of keys.",
    args: &[block("key_value", PAIR).multiple()],
    keys: &[key_range(1, -1, 2, &["OW", "insert"])],
    flags: DENY_OOM,
    events: &[Event::SET, Event::NEW],
    run: Run::Write(msetnx),
    ..Command::BASE
};

fn msetnx(cx: &mut WriteCx<'_>) -> Result<Change> {
    if cx.args.len().is_multiple_of(2) {
        return Err(Error::Arity("msetnx"));
    }
    let end = cx.args.len();
    let free = count_existing(cx, 1, end) == 0;
    cx.reply.int(i64::from(free));
    if !free {
        return Ok(Change::NONE);
    }
    let change = store_all(cx, 1, end);
    log_plain(cx, 1, end);
    Ok(change)
}

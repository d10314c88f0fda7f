//! Commands that make a key hold a string, whatever it held before.
//!
//! Owns: GETSET, PSETEX, SET, SETEX, SETNX.   Uses: WriteCx.   Never: who else is connected.
//!
//! The log is told the plain SET that took effect, with an absolute time.

use super::compare::COMPARISONS;
use super::condition::Condition;
use super::context::WriteCx;
use super::row::*;
use super::set_options::{EXPIRATION_OR_KEEP, Options, SET_WORDS, Time, Word, deadline};
use super::text::{put_arg, text_of, write_text};
use crate::keyspace::change::{Change, Event};
use crate::keyspace::{Key, Slot};
use crate::resp::Result;
use crate::value::text::Scratch;

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&GETSET, &PSETEX, &SET, &SETEX, &SETNX];
const _: () = check(TABLE);

const OVERWRITE: KeySpec = one_key(&["OW", "update"]);

/// Makes a key hold an argument, until a deadline or for good.
#[inline]
pub fn store(cx: &mut WriteCx<'_>, key: Key<'_>, value: usize, deadline: Option<i64>) -> Change {
    let touch = cx.touch;
    let put = put_arg(cx.args, value);
    let mut slot = cx.slot(key);
    let new = !slot.exists();
    slot.put_until(put, deadline);
    slot.touch(touch);
    if new {
        cx.created(key);
    }
    cx.changed(key, Event::SET)
}

/// Like [`store`] for a key with a deadline, and tells everybody of it.
fn store_until(cx: &mut WriteCx<'_>, key: Key<'_>, value: usize, deadline: i64) -> Change {
    let change = store(cx, key, value, Some(deadline));
    let _ = cx.changes.also(cx.db, key.bytes, Event::EXPIRE);
    let mut scratch = Scratch::default();
    cx.log_as(&[b"SET", key.bytes, cx.arg(value), b"PXAT", scratch.write(deadline)]);
    change
}

/// Like [`store`] for what was said of the time to live, and tells the log the plain SET.
pub fn store_for(cx: &mut WriteCx<'_>, key: Key<'_>, value: usize, time: Time) -> Change {
    match time {
        Time::Until(deadline) => store_until(cx, key, value, deadline),
        Time::Keep => {
            let kept = cx.slot(key).deadline();
            let change = store(cx, key, value, kept);
            cx.log_as(&[b"SET", key.bytes, cx.arg(value), b"KEEPTTL"]);
            change
        }
        Time::Unsaid | Time::Persist => {
            let change = store(cx, key, value, None);
            cx.log_as(&[b"SET", key.bytes, cx.arg(value)]);
            change
        }
    }
}

static GETSET: Command = Command {
    name: "getset",
    since: "1.0.0",
    group: Group::String,
    summary: "Sets the string value of a key and returns the one before.",
    deprecated: Some(("6.2.0", "`SET` with the `!GET` argument")),
    args: &[key("key"), string("value")],
    keys: UPDATE_ONE,
    flags: DENY_OOM.and(FAST),
    events: &[Event::SET, Event::NEW],
    run: Run::Write(getset),
    ..Command::BASE
};

fn getset(cx: &mut WriteCx<'_>) -> Result<Change> {
    let key = cx.key(1);
    answer_old(cx, key)?;
    Ok(store_for(cx, key, 2, Time::Unsaid))
}

/// Answers the string of a key, or nil.
fn answer_old(cx: &mut WriteCx<'_>, key: Key<'_>) -> Result<()> {
    let (slot, reply) = cx.read_slot(key);
    match text_of(slot.entry())? {
        Some(text) => write_text(reply, text),
        None => reply.null(),
    }
    Ok(())
}

static PSETEX: Command = Command {
    name: "psetex",
    since: "2.6.0",
    group: Group::String,
    summary: "Sets the string value of a key and its time to live in milliseconds.",
    deprecated: Some(("2.6.12", "`SET` with the `PX` argument")),
    args: &[key("key"), integer("milliseconds"), string("value")],
    keys: &[OVERWRITE],
    flags: DENY_OOM.and(BRIEF),
    events: &[Event::SET, Event::EXPIRE, Event::NEW],
    run: Run::Write(psetex),
    ..Command::BASE
};

fn psetex(cx: &mut WriteCx<'_>) -> Result<Change> {
    let deadline = deadline(Word::Px, cx.arg(2), "psetex", cx.now.unix_ms())?;
    cx.reply.ok();
    Ok(store_until(cx, cx.key(1), 3, deadline))
}

static SET: Command = Command {
    name: "set",
    since: "1.0.0",
    group: Group::String,
    summary: "Sets the string value of a key, whatever type it held before.",
    args: &[
        key("key"),
        string("value"),
        one_of(
            "condition",
            &[
                token("nx", "NX"),
                token("xx", "XX"),
                COMPARISONS[0],
                COMPARISONS[1],
                COMPARISONS[2],
                COMPARISONS[3],
            ],
        )
        .optional(),
        token("get", "GET").optional(),
        one_of("expiration", EXPIRATION_OR_KEEP).optional(),
    ],
    keys: &[one_key(&["RW", "access", "update", "variable_flags"])],
    access_without: Some((&["GET", "IFEQ", "IFNE", "IFDEQ", "IFDNE"], &["OW", "update"])),
    flags: DENY_OOM.and(BRIEF),
    events: &[Event::SET, Event::EXPIRE, Event::NEW],
    run: Run::Write(set),
    ..Command::BASE
};

fn set(cx: &mut WriteCx<'_>) -> Result<Change> {
    if cx.args.len() > 3 {
        return set_with_options(cx);
    }
    let change = store(cx, cx.key(1), 2, None);
    cx.reply.ok();
    Ok(change)
}

fn set_with_options(cx: &mut WriteCx<'_>) -> Result<Change> {
    let options = Options::parse(cx.args.from(3), SET_WORDS)?;
    let time = options.time("set", cx.now.unix_ms())?;
    let key = cx.key(1);
    if options.get {
        answer_old(cx, key)?;
    }
    let refused = !allows(options.condition, &cx.slot(key))?;
    if !options.get {
        if refused { cx.reply.null() } else { cx.reply.ok() }
    }
    if refused {
        return Ok(Change::NONE);
    }
    Ok(store_for(cx, key, 2, time))
}

/// Whether a key may be set.
///
/// # Errors
/// `WrongType` if a string must be compared and another type stands there; a digest of the wrong length.
fn allows(condition: Condition<'_>, slot: &Slot<'_, '_>) -> Result<bool> {
    match condition {
        Condition::Always => Ok(true),
        Condition::IfMissing => Ok(!slot.exists()),
        Condition::IfPresent => Ok(slot.exists()),
        Condition::If(comparison) => match text_of(slot.entry())? {
            Some(text) => comparison.holds(text),
            None => Ok(comparison.holds_of_nothing()),
        },
    }
}

static SETEX: Command = Command {
    name: "setex",
    since: "2.0.0",
    group: Group::String,
    summary: "Sets the string value of a key and its time to live in seconds.",
    deprecated: Some(("2.6.12", "`SET` with the `EX` argument")),
    args: &[key("key"), integer("seconds"), string("value")],
    keys: &[OVERWRITE],
    flags: DENY_OOM.and(BRIEF),
    events: &[Event::SET, Event::EXPIRE, Event::NEW],
    run: Run::Write(setex),
    ..Command::BASE
};

fn setex(cx: &mut WriteCx<'_>) -> Result<Change> {
    let deadline = deadline(Word::Ex, cx.arg(2), "setex", cx.now.unix_ms())?;
    cx.reply.ok();
    Ok(store_until(cx, cx.key(1), 3, deadline))
}

static SETNX: Command = Command {
    name: "setnx",
    since: "1.0.0",
    group: Group::String,
    summary: "Sets the string value of a key that does not exist.",
    deprecated: Some(("2.6.12", "`SET` with the `NX` argument")),
    args: &[key("key"), string("value")],
    keys: &[one_key(&["OW", "insert"])],
    flags: DENY_OOM.and(FAST),
    events: &[Event::SET, Event::NEW],
    run: Run::Write(setnx),
    ..Command::BASE
};

fn setnx(cx: &mut WriteCx<'_>) -> Result<Change> {
    let key = cx.key(1);
    if cx.slot(key).exists() {
        cx.reply.int(0);
        return Ok(Change::NONE);
    }
    cx.reply.int(1);
    Ok(store_for(cx, key, 2, Time::Unsaid))
}

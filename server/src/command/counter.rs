//! Strings that count.
//!
//! Owns: DECR, DECRBY, INCR, INCRBY.   Uses: WriteCx.   Never: floating point.

use super::context::WriteCx;
use super::row::*;
use super::text::text_of;
use crate::base::bytes::parse_i64;
use crate::keyspace::change::{Change, Event};
use crate::resp::{Error, Result};
use crate::value::{Put, PutText, TextRef};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&DECR, &DECRBY, &INCR, &INCRBY];
const _: () = check(TABLE);

/// Adds to the number at the first key; a missing key counts from 0. Its time to live stays.
fn add(cx: &mut WriteCx<'_>, amount: i64) -> Result<Change> {
    let key = cx.key(1);
    let touch = cx.touch;
    let mut slot = cx.slot(key);
    let text = text_of(slot.entry())?;
    let new = text.is_none();
    let sum = number_in(text)?.checked_add(amount).ok_or(Error::Overflow)?;
    slot.put(Put::Text(PutText::Int(sum)));
    slot.touch(touch);
    cx.reply.int(sum);
    if new {
        cx.created(key);
    }
    Ok(cx.changed(key, Event::INCR_BY))
}

/// The number that a string is; nothing counts as 0.
///
/// # Errors
/// `NotInteger` if it is none.
pub fn number_in(text: Option<TextRef<'_>>) -> Result<i64> {
    match text {
        None => Ok(0),
        Some(TextRef::Int(number)) => Ok(number),
        Some(TextRef::Bytes(bytes)) => parse_i64(bytes).ok_or(Error::NotInteger),
        // Longer than any number.
        Some(TextRef::Blob(_)) => Err(Error::NotInteger),
    }
}

static DECR: Command = Command {
    name: "decr",
    since: "1.0.0",
    group: Group::String,
    summary: "Takes one from the number at a key.",
    args: &[key("key")],
    keys: UPDATE_ONE,
    flags: DENY_OOM.and(FAST),
    events: &[Event::INCR_BY, Event::NEW],
    run: Run::Write(decr),
    ..Command::BASE
};

fn decr(cx: &mut WriteCx<'_>) -> Result<Change> {
    add(cx, -1)
}

static DECRBY: Command = Command {
    name: "decrby",
    since: "1.0.0",
    group: Group::String,
    summary: "Subtracts from the number at a key.",
    args: &[key("key"), integer("decrement")],
    keys: UPDATE_ONE,
    flags: DENY_OOM.and(FAST),
    events: &[Event::INCR_BY, Event::NEW],
    run: Run::Write(decrby),
    ..Command::BASE
};

fn decrby(cx: &mut WriteCx<'_>) -> Result<Change> {
    let amount = parse_i64(cx.arg(2)).ok_or(Error::NotInteger)?;
    add(cx, amount.checked_neg().ok_or(Error::DecrementOverflow)?)
}

static INCR: Command = Command {
    name: "incr",
    since: "1.0.0",
    group: Group::String,
    summary: "Adds one to the number at a key.",
    args: &[key("key")],
    keys: UPDATE_ONE,
    flags: DENY_OOM.and(FAST),
    events: &[Event::INCR_BY, Event::NEW],
    run: Run::Write(incr),
    ..Command::BASE
};

fn incr(cx: &mut WriteCx<'_>) -> Result<Change> {
    add(cx, 1)
}

static INCRBY: Command = Command {
    name: "incrby",
    since: "1.0.0",
    group: Group::String,
    summary: "Adds to the number at a key.",
    args: &[key("key"), integer("increment")],
    keys: UPDATE_ONE,
    flags: DENY_OOM.and(FAST),
    events: &[Event::INCR_BY, Event::NEW],
    run: Run::Write(incrby),
    ..Command::BASE
};

fn incrby(cx: &mut WriteCx<'_>) -> Result<Change> {
    let amount = parse_i64(cx.arg(2)).ok_or(Error::NotInteger)?;
    add(cx, amount)
}

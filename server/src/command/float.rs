//! Strings that count in floating point.
//!
//! Owns: INCRBYFLOAT, and how a string is read as such a number.   Uses: WriteCx, base::extended.   Never: f64.
//!
//! The log is told the SET that took effect, so that no other machine has to compute the same sum.

use super::context::WriteCx;
use super::row::*;
use super::text::{put_raw, text_of};
use crate::base::extended::Extended;
use crate::keyspace::change::{Change, Event};
use crate::resp::{Error, Result};
use crate::value::TextRef;

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&INCRBYFLOAT];
const _: () = check(TABLE);

static INCRBYFLOAT: Command = Command {
    name: "incrbyfloat",
    since: "2.6.0",
    group: Group::String,
    summary: "Adds to the floating point number at a key.",
    args: &[key("key"), double("increment")],
    keys: UPDATE_ONE,
    flags: DENY_OOM.and(FAST),
    events: &[Event::INCR_BY_FLOAT, Event::NEW],
    run: Run::Write(incrbyfloat),
    ..Command::BASE
};

fn incrbyfloat(cx: &mut WriteCx<'_>) -> Result<Change> {
    let key = cx.key(1);
    let (touch, increment) = (cx.touch, cx.arg(2));
    let mut slot = cx.slot(key);
    let text = text_of(slot.entry())?;
    let new = text.is_none();
    let old = number_in(text)?;
    let increment = Extended::parse(increment).ok_or(Error::NotFloat)?;
    let sum = old.checked_add(increment).filter(|sum| sum.is_finite());
    let sum = sum.ok_or(Error::text("ERR increment would produce NaN or Infinity"))?;
    let mut text = Vec::new();
    sum.write(&mut text);
    slot.put(put_raw(&text));
    slot.touch(touch);
    cx.reply.bulk(&text);
    if new {
        cx.created(key);
    }
    cx.log_as(&[b"SET", key.bytes, &text, b"KEEPTTL"]);
    Ok(cx.changed(key, Event::INCR_BY_FLOAT))
}

/// The number that a string is; nothing counts as 0.
///
/// # Errors
/// `NotFloat` if it is none.
pub fn number_in(text: Option<TextRef<'_>>) -> Result<Extended> {
    match text {
        None => Ok(Extended::ZERO),
        Some(TextRef::Int(number)) => Ok(number.into()),
        Some(TextRef::Bytes(bytes)) => Extended::parse(bytes).ok_or(Error::NotFloat),
        // The largest numbers have 4933 digits.
        Some(TextRef::Blob(blob)) => Extended::parse(blob).ok_or(Error::NotFloat),
    }
}

//! Fields that count.
//!
//! Owns: HINCRBY, HINCRBYFLOAT.   Uses: contexts, `value::Hash`, base::extended.   Never: f64.
//!
//! A field keeps its time. The log is told the sum of floating point numbers, so that no other machine has to compute it.

use super::{bury, closed};
use crate::base::bytes::parse_i64;
use crate::base::extended::Extended;
use crate::command::context::WriteCx;
use crate::command::row::*;
use crate::keyspace::change::{Change, Event};
use crate::resp::{Error, Result};
use crate::value::Hash;
use crate::value::hash::Until;
use crate::value::packed::Element;
use crate::value::text::Scratch;

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&HINCRBY, &HINCRBYFLOAT];
const _: () = check(TABLE);

static HINCRBY: Command = Command {
    name: "hincrby",
    since: "2.0.0",
    group: Group::Hash,
    summary: "Adds to the number in a field of a hash.",
    args: &[key("key"), string("field"), integer("increment")],
    keys: UPDATE_ONE,
    flags: DENY_OOM.and(FAST),
    events: &[Event::HINCRBY, Event::HEXPIRED, Event::NEW],
    run: Run::Write(hincrby),
    ..Command::BASE
};

fn hincrby(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (key, name, now_ms) = (cx.key(1), cx.arg(2), cx.now.unix_ms());
    let amount = parse_i64(cx.arg(3)).ok_or(Error::NotInteger)?;
    let mut hash = cx.open::<Hash>(key)?;
    let limits = hash.limits();
    let buried = bury(&mut hash, std::iter::once(name), now_ms);
    let number = match hash.get().and_then(|value| value.as_ref().find(name)) {
        None => Some(0),
        Some(pair) => match pair.value {
            Element::Int(number) => Some(number),
            Element::Text(text) => parse_i64(text),
        },
    };
    let number = number.ok_or(Error::text("ERR hash value is not an integer"))?;
    let sum = number.checked_add(amount).ok_or(Error::Overflow)?;
    let mut scratch = Scratch::default();
    let text = scratch.write(sum);
    hash.get_or_make(|_| Hash::new()).set(name, text, Until::AsBefore, limits);
    let outcome = hash.close();
    cx.reply.int(sum);
    Ok(closed(cx, key, outcome, &buried, &[Event::HINCRBY]))
}

static HINCRBYFLOAT: Command = Command {
    name: "hincrbyfloat",
    since: "2.6.0",
    group: Group::Hash,
    summary: "Adds to the floating point number in a field of a hash.",
    args: &[key("key"), string("field"), double("increment")],
    keys: UPDATE_ONE,
    flags: DENY_OOM.and(FAST),
    events: &[Event::HINCRBYFLOAT, Event::HEXPIRED, Event::NEW],
    run: Run::Write(hincrbyfloat),
    ..Command::BASE
};

fn hincrbyfloat(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (key, name, now_ms) = (cx.key(1), cx.arg(2), cx.now.unix_ms());
    let amount = Extended::parse(cx.arg(3)).ok_or(Error::NotFloat)?;
    if !amount.is_finite() {
        return Err(Error::text("ERR value is NaN or Infinity"));
    }
    let mut hash = cx.open::<Hash>(key)?;
    let limits = hash.limits();
    let buried = bury(&mut hash, std::iter::once(name), now_ms);
    let pair = hash.get().and_then(|value| value.as_ref().find(name));
    let is_timed = pair.is_some_and(|pair| pair.deadline.is_some());
    let number = match pair.map(|pair| pair.value) {
        None => Some(Extended::ZERO),
        Some(Element::Int(number)) => Some(number.into()),
        Some(Element::Text(text)) => Extended::parse(text),
    };
    let number = number.ok_or(Error::text("ERR hash value is not a float"))?;
    let sum = number.checked_add(amount).filter(|sum| sum.is_finite());
    let sum = sum.ok_or(Error::text("ERR increment would produce NaN or Infinity"))?;
    let mut text = Vec::new();
    sum.write(&mut text);
    hash.get_or_make(|_| Hash::new()).set(name, &text, Until::AsBefore, limits);
    let outcome = hash.close();
    cx.reply.bulk(&text);
    let change = closed(cx, key, outcome, &buried, &[Event::HINCRBYFLOAT]);
    if is_timed {
        cx.log_as(&[b"HSETEX", key.bytes, b"KEEPTTL", b"FIELDS", b"1", name, &text]);
    } else {
        cx.log_as(&[b"HSET", key.bytes, name, &text]);
    }
    Ok(change)
}

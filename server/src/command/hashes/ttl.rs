//! How long fields are there.
//!
//! Owns: HEXPIRETIME, HPEXPIRETIME, HPTTL, HTTL.   Uses: contexts, `value::Hash`.   Never: changes anything.

use super::words::{FIELDS, NUMBER, fields};
use crate::command::context::ReadCx;
use crate::command::row::*;
use crate::resp::Result;
use crate::value::HashRef;

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&HEXPIRETIME, &HPEXPIRETIME, &HPTTL, &HTTL];
const _: () = check(TABLE);

/// Answers for each field -2 if it is missing, -1 if it stays, else what `shown` makes of its time and the time.
fn answer(cx: &mut ReadCx<'_>, command: &'static str, shown: fn(i64, i64) -> i64) -> Result<()> {
    let (key, now_ms) = (cx.key(1), cx.now.unix_ms());
    let hash = cx.data.view::<HashRef<'_>>(key)?;
    let names = fields(cx.args, 2, command, NUMBER)?;
    cx.reply.array(names.len());
    for name in names.iter() {
        cx.reply.int(match hash.and_then(|hash| hash.get(name, now_ms)) {
            None => -2,
            Some(pair) => pair.deadline.map_or(-1, |deadline| shown(deadline, now_ms)),
        });
    }
    Ok(())
}

/// Milliseconds as seconds, upwards. Times of fields are far from the largest number.
fn seconds(millis: i64) -> i64 {
    (millis + 999) / 1000
}

static HTTL: Command = Command {
    name: "httl",
    since: "7.4.0",
    group: Group::Hash,
    summary: "Returns how long fields of a hash are still there, in seconds.",
    complexity: "O(N) where N is the number of fields asked for.",
    args: &[key("key"), FIELDS],
    keys: READ_ONE,
    flags: FAST,
    run: Run::Read(httl),
    ..Command::BASE
};

fn httl(cx: &mut ReadCx<'_>) -> Result<()> {
    answer(cx, "httl", |deadline, now_ms| seconds(deadline - now_ms))
}

static HPTTL: Command = Command {
    name: "hpttl",
    since: "7.4.0",
    group: Group::Hash,
    summary: "Returns how long fields of a hash are still there, in milliseconds.",
    complexity: "O(N) where N is the number of fields asked for.",
    args: &[key("key"), FIELDS],
    keys: READ_ONE,
    flags: FAST,
    run: Run::Read(hpttl),
    ..Command::BASE
};

fn hpttl(cx: &mut ReadCx<'_>) -> Result<()> {
    answer(cx, "hpttl", |deadline, now_ms| deadline - now_ms)
}

static HEXPIRETIME: Command = Command {
    name: "hexpiretime",
    since: "7.4.0",
    group: Group::Hash,
    summary: "Returns until when fields of a hash are there, in seconds since 1970.",
    complexity: "O(N) where N is the number of fields asked for.",
    args: &[key("key"), FIELDS],
    keys: READ_ONE,
    flags: FAST,
    run: Run::Read(hexpiretime),
    ..Command::BASE
};

fn hexpiretime(cx: &mut ReadCx<'_>) -> Result<()> {
    answer(cx, "hexpiretime", |deadline, _| seconds(deadline))
}

static HPEXPIRETIME: Command = Command {
    name: "hpexpiretime",
    since: "7.4.0",
    group: Group::Hash,
    summary: "Returns until when fields of a hash are there, in milliseconds since 1970.",
    complexity: "O(N) where N is the number of fields asked for.",
    args: &[key("key"), FIELDS],
    keys: READ_ONE,
    flags: FAST,
    run: Run::Read(hpexpiretime),
    ..Command::BASE
};

fn hpexpiretime(cx: &mut ReadCx<'_>) -> Result<()> {
    answer(cx, "hpexpiretime", |deadline, _| deadline)
}

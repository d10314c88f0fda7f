//! How long keys live.
//!
//! Owns: EXPIRE, EXPIREAT, EXPIRETIME, PERSIST, PEXPIRE, PEXPIREAT, PEXPIRETIME, PTTL, TTL.
//! Uses: ReadCx, WriteCx.   Never: removes what is due (the engine does).
//!
//! Commands take times in two units, counted from now or from 1970; inside there is one: Unix milliseconds.

use super::context::{ReadCx, WriteCx};
use super::row::*;
use crate::base::bytes::parse_i64;
use crate::keyspace::change::{Change, Event};
use crate::resp::args::Args;
use crate::resp::error::echo;
use crate::resp::{Error, Result};
use crate::value::text::Scratch;

/// The family, sorted by name.
pub static TABLE: &[&Command] =
    &[&EXPIRE, &EXPIREAT, &EXPIRETIME, &PERSIST, &PEXPIRE, &PEXPIREAT, &PEXPIRETIME, &PTTL, &TTL];
const _: () = check(TABLE);

const SECOND: i64 = 1000;
const MILLISECOND: i64 = 1;

/// Which keys get the new deadline.
#[derive(Clone, Copy, Default)]
struct Conditions {
    /// Those without a deadline.
    nx: bool,
    /// Those with one.
    xx: bool,
    /// Those whose deadline is earlier; none is later than all.
    gt: bool,
    /// Those whose deadline is later.
    lt: bool,
}

impl Conditions {
    fn parse(args: Args<'_>) -> Result<Conditions> {
        let mut conditions = Conditions::default();
        for word in args.iter() {
            let flag = match word.to_ascii_lowercase().as_slice() {
                b"nx" => &mut conditions.nx,
                b"xx" => &mut conditions.xx,
                b"gt" => &mut conditions.gt,
                b"lt" => &mut conditions.lt,
                _ => return Err(Error::text(format!("ERR Unsupported option {}", echo(word)))),
            };
            *flag = true;
        }
        let Conditions { nx, xx, gt, lt } = conditions;
        if nx && (xx || gt || lt) {
            return Err(Error::text(
                "ERR NX and XX, GT or LT options at the same time are not compatible",
            ));
        }
        if gt && lt {
            return Err(Error::text("ERR GT and LT options at the same time are not compatible"));
        }
        Ok(conditions)
    }

    fn allow(self, old: Option<i64>, new: i64) -> bool {
        !(self.nx && old.is_some()
            || self.xx && old.is_none()
            || self.gt && old.is_none_or(|old| new <= old)
            || self.lt && old.is_some_and(|old| new >= old))
    }
}

/// Gives a key a deadline: the second argument, times `unit`, counted from `from` in Unix milliseconds.
/// A deadline that is over removes the key at once.
fn expire_by(cx: &mut WriteCx<'_>, command: &'static str, unit: i64, from: i64) -> Result<Change> {
    let conditions = Conditions::parse(cx.args.from(3))?;
    let number = parse_i64(cx.arg(2)).ok_or(Error::NotInteger)?;
    let deadline = number
        .checked_mul(unit)
        .and_then(|millis| millis.checked_add(from))
        .ok_or(Error::InvalidExpire(command))?;
    let (key, now_ms) = (cx.key(1), cx.now.unix_ms());
    let mut slot = cx.slot(key);
    if !slot.exists() || !conditions.allow(slot.deadline(), deadline) {
        cx.reply.int(0);
        return Ok(Change::NONE);
    }
    if deadline <= now_ms {
        cx.remove(key);
        cx.reply.int(1);
        cx.log_as(&[b"DEL", key.bytes]);
        return Ok(cx.changed(key, Event::DEL));
    }
    slot.set_deadline(Some(deadline));
    cx.reply.int(1);
    let mut scratch = Scratch::default();
    cx.log_as(&[b"PEXPIREAT", key.bytes, scratch.write(deadline)]);
    Ok(cx.changed(key, Event::EXPIRE))
}

/// The arguments NX, XX, GT, LT as COMMAND DOCS shows them.
const CONDITION: Arg = one_of(
    "condition",
    &[token("nx", "NX"), token("xx", "XX"), token("gt", "GT"), token("lt", "LT")],
)
.optional();

const UPDATE: KeySpec = one_key(&["RW", "update"]);

static EXPIRE: Command = Command {
    name: "expire",
    since: "1.0.0",
    group: Group::Generic,
    summary: "Gives a key a time to live in seconds.",
    args: &[key("key"), integer("seconds"), CONDITION],
    keys: &[UPDATE],
    flags: FAST.and(KEYSPACE),
    events: &[Event::EXPIRE, Event::DEL],
    run: Run::Write(expire),
    ..Command::BASE
};

fn expire(cx: &mut WriteCx<'_>) -> Result<Change> {
    expire_by(cx, "expire", SECOND, cx.now.unix_ms())
}

static EXPIREAT: Command = Command {
    name: "expireat",
    since: "1.2.0",
    group: Group::Generic,
    summary: "Lets a key live until a time in seconds since 1970.",
    args: &[key("key"), unix_time("unix-time-seconds"), CONDITION],
    keys: &[UPDATE],
    flags: FAST.and(KEYSPACE),
    events: &[Event::EXPIRE, Event::DEL],
    run: Run::Write(expireat),
    ..Command::BASE
};

fn expireat(cx: &mut WriteCx<'_>) -> Result<Change> {
    expire_by(cx, "expireat", SECOND, 0)
}

static EXPIRETIME: Command = Command {
    name: "expiretime",
    since: "7.0.0",
    group: Group::Generic,
    summary: "Returns when a key expires, in seconds since 1970.",
    args: &[key("key")],
    keys: READ_ONE,
    flags: FAST.and(KEYSPACE),
    run: Run::Read(expiretime),
    ..Command::BASE
};

fn expiretime(cx: &mut ReadCx<'_>) -> Result<()> {
    answer_time(cx, |deadline, _| rounded_seconds(deadline))
}

static PERSIST: Command = Command {
    name: "persist",
    since: "2.2.0",
    group: Group::Generic,
    summary: "Takes a key's time to live away.",
    args: &[key("key")],
    keys: &[UPDATE],
    flags: FAST.and(KEYSPACE),
    events: &[Event::PERSIST],
    run: Run::Write(persist),
    ..Command::BASE
};

fn persist(cx: &mut WriteCx<'_>) -> Result<Change> {
    let key = cx.key(1);
    let mut slot = cx.slot(key);
    if slot.deadline().is_none() {
        cx.reply.int(0);
        return Ok(Change::NONE);
    }
    slot.set_deadline(None);
    cx.reply.int(1);
    Ok(cx.changed(key, Event::PERSIST))
}

static PEXPIRE: Command = Command {
    name: "pexpire",
    since: "2.6.0",
    group: Group::Generic,
    summary: "Gives a key a time to live in milliseconds.",
    args: &[key("key"), integer("milliseconds"), CONDITION],
    keys: &[UPDATE],
    flags: FAST.and(KEYSPACE),
    events: &[Event::EXPIRE, Event::DEL],
    run: Run::Write(pexpire),
    ..Command::BASE
};

fn pexpire(cx: &mut WriteCx<'_>) -> Result<Change> {
    expire_by(cx, "pexpire", MILLISECOND, cx.now.unix_ms())
}

static PEXPIREAT: Command = Command {
    name: "pexpireat",
    since: "2.6.0",
    group: Group::Generic,
    summary: "Lets a key live until a time in milliseconds since 1970.",
    args: &[key("key"), unix_time("unix-time-milliseconds"), CONDITION],
    keys: &[UPDATE],
    flags: FAST.and(KEYSPACE),
    events: &[Event::EXPIRE, Event::DEL],
    run: Run::Write(pexpireat),
    ..Command::BASE
};

fn pexpireat(cx: &mut WriteCx<'_>) -> Result<Change> {
    expire_by(cx, "pexpireat", MILLISECOND, 0)
}

static PEXPIRETIME: Command = Command {
    name: "pexpiretime",
    since: "7.0.0",
    group: Group::Generic,
    summary: "Returns when a key expires, in milliseconds since 1970.",
    args: &[key("key")],
    keys: READ_ONE,
    flags: FAST.and(KEYSPACE),
    run: Run::Read(pexpiretime),
    ..Command::BASE
};

fn pexpiretime(cx: &mut ReadCx<'_>) -> Result<()> {
    answer_time(cx, |deadline, _| deadline)
}

static PTTL: Command = Command {
    name: "pttl",
    since: "2.6.0",
    group: Group::Generic,
    summary: "Returns how long a key still lives, in milliseconds.",
    args: &[key("key")],
    keys: READ_ONE,
    flags: FAST.and(KEYSPACE),
    run: Run::Read(pttl),
    ..Command::BASE
};

fn pttl(cx: &mut ReadCx<'_>) -> Result<()> {
    answer_time(cx, |deadline, now_ms| deadline.saturating_sub(now_ms).max(0))
}

static TTL: Command = Command {
    name: "ttl",
    since: "1.0.0",
    group: Group::Generic,
    summary: "Returns how long a key still lives, in seconds.",
    args: &[key("key")],
    keys: READ_ONE,
    flags: FAST.and(KEYSPACE),
    run: Run::Read(ttl),
    ..Command::BASE
};

fn ttl(cx: &mut ReadCx<'_>) -> Result<()> {
    answer_time(cx, |deadline, now_ms| rounded_seconds(deadline.saturating_sub(now_ms).max(0)))
}

/// Answers -2 for a missing key, -1 for one without a deadline, else what `shown` makes of the deadline
/// and the time.
fn answer_time(cx: &mut ReadCx<'_>, shown: fn(i64, i64) -> i64) -> Result<()> {
    let now_ms = cx.now.unix_ms();
    let answer = match cx.data.look(cx.key(1)) {
        None => -2,
        Some(entry) => entry.deadline().map_or(-1, |deadline| shown(deadline, now_ms)),
    };
    cx.reply.int(answer);
    Ok(())
}

/// Milliseconds as seconds, to the nearest.
fn rounded_seconds(millis: i64) -> i64 {
    // Rounds the remainder alone, since the whole may be the largest number there is.
    millis / SECOND + (millis % SECOND + SECOND / 2) / SECOND
}

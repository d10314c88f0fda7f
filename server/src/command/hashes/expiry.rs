//! Giving fields times, and taking them away.
//!
//! Owns: HEXPIRE, HEXPIREAT, HPERSIST, HPEXPIRE, HPEXPIREAT.   Uses: contexts, `value::Hash`.
//! Never: removes what becomes due later (the engine does).
//!
//! The log is told the moment in milliseconds and only the fields that got it; a moment that is over removes the fields.

use super::words::{FIELDS, NUMBER, NUMBER_BY_NAME, Unit, fields, told};
use super::{bury, closed};
use crate::command::context::WriteCx;
use crate::command::row::*;
use crate::command::text::length;
use crate::keyspace::Key;
use crate::keyspace::change::{Change, Event};
use crate::resp::Result;
use crate::value::Hash;
use crate::value::limits::Limits;
use crate::value::text::Scratch;

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&HEXPIRE, &HEXPIREAT, &HPERSIST, &HPEXPIRE, &HPEXPIREAT];
const _: () = check(TABLE);

/// Which fields get the time.
#[derive(Clone, Copy)]
enum Condition {
    Any,
    /// Those without one.
    New,
    /// Those with one.
    Old,
    /// Those whose time is earlier; none is later than all.
    Later,
    /// Those whose time is later.
    Earlier,
}

impl Condition {
    fn named(word: &[u8]) -> Option<Condition> {
        Some(match word.to_ascii_lowercase().as_slice() {
            b"nx" => Condition::New,
            b"xx" => Condition::Old,
            b"gt" => Condition::Later,
            b"lt" => Condition::Earlier,
            _ => return None,
        })
    }

    fn allows(self, old: Option<i64>, new: i64) -> bool {
        match self {
            Condition::Any => true,
            Condition::New => old.is_none(),
            Condition::Old => old.is_some(),
            Condition::Later => old.is_some_and(|old| new > old),
            Condition::Earlier => old.is_none_or(|old| new < old),
        }
    }
}

/// What fields get, if they may.
struct Order {
    condition: Condition,
    deadline: i64,
    now_ms: i64,
}

impl Order {
    fn is_over(&self) -> bool {
        self.deadline <= self.now_ms
    }

    /// Does it to one field and tells what Redis answers: there is none, not allowed, done, removed.
    fn carry_out(&self, value: &mut Hash, name: &[u8], limits: &Limits) -> i64 {
        let Some(pair) = value.as_ref().find(name) else { return -2 };
        if !self.condition.allows(pair.deadline, self.deadline) {
            return 0;
        }
        if self.is_over() {
            value.remove(name);
            return 2;
        }
        value.set_deadline(name, Some(self.deadline), limits);
        1
    }
}

/// Gives fields a time: the second argument, as `unit` counts.
fn expire_by(cx: &mut WriteCx<'_>, command: &'static str, unit: Unit) -> Result<Change> {
    let (key, args, now_ms) = (cx.key(1), cx.args, cx.now.unix_ms());
    let (mut hash, aside) = cx.open_beside::<Hash>(key)?;
    let deadline = unit.read(args.get(2), command)?;
    let condition = Condition::named(args.get(3));
    let names = fields(args, if condition.is_some() { 4 } else { 3 }, command, NUMBER_BY_NAME)?;
    let order = Order { condition: condition.unwrap_or(Condition::Any), deadline, now_ms };
    aside.reply.array(names.len());
    let buried = bury(&mut hash, names.iter(), now_ms);
    let (limits, mut done) = (hash.limits(), Vec::new());
    if hash.get().is_none() {
        names.iter().for_each(|_| aside.reply.int(-2));
    } else if let Some(value) = hash.get_mut() {
        value.expect_deadlines(limits);
        for name in names.iter() {
            let answer = order.carry_out(value, name, limits);
            aside.reply.int(answer);
            if answer > 0 {
                done.push(name);
            }
        }
    }
    let outcome = hash.close();
    tell(cx, key, &order, &done);
    let event = if order.is_over() { Event::HDEL } else { Event::HEXPIRE };
    let events = if done.is_empty() { &[][..] } else { &[event][..] };
    Ok(closed(cx, key, outcome, &buried, events))
}

/// Tells the log which fields got a time or were removed.
fn tell(cx: &mut WriteCx<'_>, key: Key<'_>, order: &Order, done: &[&[u8]]) {
    if done.is_empty() {
        return;
    }
    let _ = cx.changes.count(done.len() as u64 - 1);
    if order.is_over() {
        return tell_removed(cx, key, done);
    }
    tell_timed(cx, key, order.deadline, done);
}

/// Tells the log which fields were removed.
pub fn tell_removed(cx: &mut WriteCx<'_>, key: Key<'_>, names: &[&[u8]]) {
    let mut words: Vec<&[u8]> = vec![b"HDEL", key.bytes];
    words.extend(names);
    cx.log_as(&words);
}

/// Tells the log which fields got a time.
pub fn tell_timed(cx: &mut WriteCx<'_>, key: Key<'_>, deadline: i64, names: &[&[u8]]) {
    let (mut scratch, mut number) = (Scratch::default(), Scratch::default());
    let front = [b"HPEXPIREAT", key.bytes, scratch.write(deadline)];
    cx.log_as(&told(&front, number.write(length(names.len())), names));
}

/// The arguments NX, XX, GT, LT as COMMAND DOCS shows them.
const CONDITION: Arg = one_of(
    "condition",
    &[token("nx", "NX"), token("xx", "XX"), token("gt", "GT"), token("lt", "LT")],
)
.optional();

const UPDATE: KeySpec = one_key(&["RW", "update"]);
const EVENTS: &[Event] = &[Event::HEXPIRE, Event::HDEL, Event::HEXPIRED, Event::DEL];

static HEXPIRE: Command = Command {
    name: "hexpire",
    since: "7.4.0",
    group: Group::Hash,
    summary: "Gives fields of a hash a time to live in seconds.",
    complexity: "O(N log N) where N is the number of fields with a time.",
    args: &[key("key"), integer("seconds"), CONDITION, FIELDS],
    keys: &[UPDATE],
    flags: FAST,
    events: EVENTS,
    run: Run::Write(hexpire),
    ..Command::BASE
};

fn hexpire(cx: &mut WriteCx<'_>) -> Result<Change> {
    expire_by(cx, "hexpire", Unit::seconds(cx.now.unix_ms()))
}

static HEXPIREAT: Command = Command {
    name: "hexpireat",
    since: "7.4.0",
    group: Group::Hash,
    summary: "Lets fields of a hash be there until a time in seconds since 1970.",
    complexity: "O(N log N) where N is the number of fields with a time.",
    args: &[key("key"), unix_time("unix-time-seconds"), CONDITION, FIELDS],
    keys: &[UPDATE],
    flags: FAST,
    events: EVENTS,
    run: Run::Write(hexpireat),
    ..Command::BASE
};

fn hexpireat(cx: &mut WriteCx<'_>) -> Result<Change> {
    expire_by(cx, "hexpireat", Unit::seconds(0))
}

static HPEXPIRE: Command = Command {
    name: "hpexpire",
    since: "7.4.0",
    group: Group::Hash,
    summary: "Gives fields of a hash a time to live in milliseconds.",
    complexity: "O(N log N) where N is the number of fields with a time.",
    args: &[key("key"), integer("milliseconds"), CONDITION, FIELDS],
    keys: &[UPDATE],
    flags: FAST,
    events: EVENTS,
    run: Run::Write(hpexpire),
    ..Command::BASE
};

fn hpexpire(cx: &mut WriteCx<'_>) -> Result<Change> {
    expire_by(cx, "hpexpire", Unit::millis(cx.now.unix_ms()))
}

static HPEXPIREAT: Command = Command {
    name: "hpexpireat",
    since: "7.4.0",
    group: Group::Hash,
    summary: "Lets fields of a hash be there until a time in milliseconds since 1970.",
    complexity: "O(N log N) where N is the number of fields with a time.",
    args: &[key("key"), unix_time("unix-time-milliseconds"), CONDITION, FIELDS],
    keys: &[UPDATE],
    flags: FAST,
    events: EVENTS,
    run: Run::Write(hpexpireat),
    ..Command::BASE
};

fn hpexpireat(cx: &mut WriteCx<'_>) -> Result<Change> {
    expire_by(cx, "hpexpireat", Unit::millis(0))
}

static HPERSIST: Command = Command {
    name: "hpersist",
    since: "7.4.0",
    group: Group::Hash,
    summary: "Takes the times of fields of a hash away.",
    complexity: "O(N log N) where N is the number of fields with a time.",
    args: &[key("key"), FIELDS],
    keys: &[UPDATE],
    flags: FAST,
    events: &[Event::HPERSIST, Event::HEXPIRED, Event::DEL],
    run: Run::Write(hpersist),
    ..Command::BASE
};

fn hpersist(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (key, args, now_ms) = (cx.key(1), cx.args, cx.now.unix_ms());
    let (mut hash, aside) = cx.open_beside::<Hash>(key)?;
    let names = fields(args, 2, "hpersist", NUMBER)?;
    aside.reply.array(names.len());
    let buried = bury(&mut hash, names.iter(), now_ms);
    let (limits, mut persisted) = (hash.limits(), 0);
    for name in names.iter() {
        let found = hash.get().and_then(|value| value.as_ref().find(name));
        let answer = match found.map(|pair| pair.deadline) {
            None => -2,
            Some(None) => -1,
            Some(Some(_)) => 1,
        };
        aside.reply.int(answer);
        if let (1, Some(value)) = (answer, hash.get_mut()) {
            value.set_deadline(name, None, limits);
            persisted += 1;
        }
    }
    let outcome = hash.close();
    let events = if persisted == 0 { &[][..] } else { &[Event::HPERSIST][..] };
    let _ = cx.changes.count(u64::saturating_sub(persisted, 1));
    Ok(closed(cx, key, outcome, &buried, events))
}

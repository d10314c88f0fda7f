//! Deadlines.
//!
//! Owns: the rows, and how a deadline is read from a request.   Uses: the model's maps.
//! Never: the server's code.

use super::{Expect, Kind, Model, NOT_INTEGER, Row, Who, error, int, number};
use crate::dice::{Dice, Words};

const KEY: Row = Row {
    name: "",
    weight: 3,
    arity: 2,
    kind: Kind::Plain,
    make: |dice| vec![dice.key()],
    run: |_, _, _| Vec::new(),
};

pub const ROWS: &[Row] = &[
    Row {
        name: "expire",
        weight: 5,
        arity: -3,
        make: |d| make_expire(d, 1000, false),
        run: expire,
        ..KEY
    },
    Row {
        name: "pexpire",
        weight: 8,
        arity: -3,
        make: |d| make_expire(d, 1, false),
        run: expire,
        ..KEY
    },
    Row { name: "expireat", arity: -3, make: |d| make_expire(d, 1000, true), run: expire, ..KEY },
    Row { name: "pexpireat", arity: -3, make: |d| make_expire(d, 1, true), run: expire, ..KEY },
    Row { name: "ttl", run: |m, w, a| left(m, w, a, |at, now| seconds(at - now)), ..KEY },
    Row { name: "pttl", run: |m, w, a| left(m, w, a, |at, now| at - now), ..KEY },
    Row { name: "expiretime", run: |m, w, a| left(m, w, a, |at, _| seconds(at)), ..KEY },
    Row { name: "pexpiretime", run: |m, w, a| left(m, w, a, |at, _| at), ..KEY },
    Row { name: "persist", run: persist, ..KEY },
];

/// The options that say when a key ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Until {
    Ex,
    Px,
    ExAt,
    PxAt,
}

impl Until {
    pub fn named(name: &[u8]) -> Option<Until> {
        match name {
            b"ex" => Some(Until::Ex),
            b"px" => Some(Until::Px),
            b"exat" => Some(Until::ExAt),
            b"pxat" => Some(Until::PxAt),
            _ => None,
        }
    }

    pub fn is_absolute(self) -> bool {
        matches!(self, Until::ExAt | Until::PxAt)
    }

    fn in_seconds(self) -> bool {
        matches!(self, Until::Ex | Until::ExAt)
    }
}

/// The deadline that an option of SET and its kin means. It must lie in the future if it is relative.
pub fn until(kind: Until, text: &[u8], now_ms: i64, command: &str) -> Result<i64, String> {
    let count = number(text).ok_or(NOT_INTEGER)?;
    let invalid = || format!("ERR invalid expire time in '{command}' command");
    if count <= 0 {
        return Err(invalid());
    }
    let count =
        if kind.in_seconds() { count.checked_mul(1000).ok_or_else(invalid)? } else { count };
    if kind.is_absolute() { Ok(count) } else { count.checked_add(now_ms).ok_or_else(invalid) }
}

fn make_expire(dice: &mut Dice, unit: i64, absolute: bool) -> Words {
    let time = if absolute { dice.moment(unit) } else { dice.span(unit) };
    let mut words = vec![dice.key(), time];
    while dice.once_in(4) {
        let option = dice.pick(&["nx", "xx", "gt", "lt", "what"]);
        words.push(dice.case(option));
    }
    words
}

fn expire(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    let name = String::from_utf8_lossy(&args[0]).to_lowercase();
    let [nx, xx, gt, lt] = match conditions(&args[3..]) {
        Ok(found) => found,
        Err(text) => return error(&text),
    };
    let Some(count) = number(&args[2]) else { return error(NOT_INTEGER) };
    let unit = if name.starts_with('p') { 1 } else { 1000 };
    let base = if name.ends_with("at") { 0 } else { model.now_ms };
    let Some(moment) = count.checked_mul(unit).and_then(|ms| ms.checked_add(base)) else {
        return error(&format!("ERR invalid expire time in '{name}' command"));
    };
    let Some(item) = model.live(who, &args[1]).cloned() else { return int(0) };
    let refused = match item.deadline {
        None => xx || gt,
        Some(deadline) => nx || (gt && moment <= deadline) || (lt && moment >= deadline),
    };
    if refused {
        return int(0);
    }
    if moment <= model.now_ms {
        model.remove(who, &args[1]);
    } else {
        model.put(who, &args[1], item.value, Some(moment));
    }
    int(1)
}

/// NX, XX, GT, LT.
fn conditions(words: &[Vec<u8>]) -> Result<[bool; 4], String> {
    let names: [&[u8]; 4] = [b"nx", b"xx", b"gt", b"lt"];
    let mut found = [false; 4];
    for word in words {
        let Some(at) = names.iter().position(|name| name.eq_ignore_ascii_case(word)) else {
            return Err(format!("ERR Unsupported option {}", String::from_utf8_lossy(word)));
        };
        found[at] = true;
    }
    let [nx, xx, gt, lt] = found;
    if nx && (xx || gt || lt) {
        return Err("ERR NX and XX, GT or LT options at the same time are not compatible".into());
    }
    if gt && lt {
        return Err("ERR GT and LT options at the same time are not compatible".into());
    }
    Ok(found)
}

/// Milliseconds to the nearest second.
fn seconds(ms: i64) -> i64 {
    ((i128::from(ms) + 500) / 1000) as i64
}

/// -2 without the key, -1 without a deadline, else what `show` makes of deadline and time.
fn left(model: &mut Model, who: Who, args: &[Vec<u8>], show: fn(i64, i64) -> i64) -> Vec<Expect> {
    let now = model.now_ms;
    match model.live(who, &args[1]) {
        None => int(-2),
        Some(item) => int(item.deadline.map_or(-1, |deadline| show(deadline, now))),
    }
}

fn persist(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    match model.live(who, &args[1]).cloned() {
        Some(item) if item.deadline.is_some() => {
            model.put(who, &args[1], item.value, None);
            int(1)
        }
        _ => int(0),
    }
}

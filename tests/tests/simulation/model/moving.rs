//! Keys that get another name, another database, or come from elsewhere.
//!
//! Owns: the rows.   Uses: the model's maps, payload.   Never: the server's code.

use super::payload::{payload, value};
use super::{
    Expect, Item, Kind, Model, NOT_INTEGER, Row, Who, error, int, is, number, ok, past,
    syntax_error,
};
use crate::dice::{Dice, Words};

const PLAIN: Row = Row {
    name: "",
    weight: 4,
    arity: 3,
    kind: Kind::Plain,
    make: |dice| vec![dice.key(), dice.key()],
    run: |_, _, _| Vec::new(),
};

pub const ROWS: &[Row] = &[
    Row { name: "rename", run: |m, w, a| rename(m, w, a, false), ..PLAIN },
    Row { name: "renamenx", weight: 3, run: |m, w, a| rename(m, w, a, true), ..PLAIN },
    Row { name: "copy", weight: 6, arity: -3, make: make_copy, run: copy, ..PLAIN },
    Row { name: "move", make: |dice| vec![dice.key(), database(dice)], run: move_key, ..PLAIN },
    Row { name: "swapdb", weight: 5, make: make_swap, run: swap, ..PLAIN },
    Row { name: "restore", weight: 6, arity: -4, make: make_restore, run: restore, ..PLAIN },
    Row { name: "dump", weight: 1, arity: 2, make: |dice| vec![dice.key()], run: dump, ..PLAIN },
];

/// A database's number: mostly one that exists in most programs.
fn database(dice: &mut Dice) -> Vec<u8> {
    const NUMBERS: &[&str] =
        &["0", "0", "0", "1", "1", "1", "2", "2", "3", "7", "16", "-1", "x", "99999999999"];
    dice.pick(NUMBERS).into()
}

fn rename(model: &mut Model, who: Who, args: &[Vec<u8>], only_new: bool) -> Vec<Expect> {
    let Some(item) = model.live(who, &args[1]).cloned() else { return error("ERR no such key") };
    if args[1] == args[2] || (only_new && model.live(who, &args[2]).is_some()) {
        return if only_new { int(0) } else { ok() };
    }
    model.remove(who, &args[1]);
    model.put(who, &args[2], item.value, item.deadline);
    if only_new { int(1) } else { ok() }
}

/// The database that a request names.
fn named(model: &Model, text: &[u8]) -> Result<usize, &'static str> {
    let number = number(text).ok_or(NOT_INTEGER)?;
    if i32::try_from(number).is_err() {
        return Err("ERR value is out of range, value must between -2147483648 and 2147483647");
    }
    let known = usize::try_from(number).ok().filter(|&number| number < model.dbs.len());
    known.ok_or("ERR DB index is out of range")
}

fn make_copy(dice: &mut Dice) -> Words {
    let mut words = vec![dice.key(), dice.key()];
    while dice.once_in(2) {
        let option = dice.pick(&["replace", "replace", "db", "db", "what"]);
        words.push(dice.case(option));
        if option == "db" && !dice.once_in(20) {
            words.push(database(dice));
        }
    }
    words
}

fn copy(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    let (mut db, mut replace) = (model.me(who).db, false);
    let mut words = args[3..].iter();
    while let Some(word) = words.next() {
        match word.to_ascii_lowercase().as_slice() {
            b"replace" => replace = true,
            b"db" => match words.next().map(|word| named(model, word)) {
                Some(Ok(number)) => db = number,
                Some(Err(text)) => return error(text),
                None => return syntax_error(),
            },
            _ => return syntax_error(),
        }
    }
    if db == model.me(who).db && args[1] == args[2] {
        return error("ERR source and destination objects are the same");
    }
    let Some(item) = model.live(who, &args[1]).cloned() else { return int(0) };
    if model.live_in(db, &args[2]).is_some() && !replace {
        return int(0);
    }
    model.put_in(db, &args[2], item);
    int(1)
}

fn move_key(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    let db = match named(model, &args[2]) {
        Ok(db) => db,
        Err(text) => return error(text),
    };
    if db == model.me(who).db {
        return error("ERR source and destination objects are the same");
    }
    let Some(item) = model.live(who, &args[1]).cloned() else { return int(0) };
    if model.live_in(db, &args[1]).is_some() {
        return int(0);
    }
    model.remove(who, &args[1]);
    model.put_in(db, &args[1], item);
    int(1)
}

fn make_swap(dice: &mut Dice) -> Words {
    vec![database(dice), database(dice)]
}

fn swap(model: &mut Model, _who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    let small = |text: &[u8]| number(text).filter(|&number| i32::try_from(number).is_ok());
    if small(&args[1]).is_none() {
        return error("ERR invalid first DB index");
    }
    if small(&args[2]).is_none() {
        return error("ERR invalid second DB index");
    }
    let (a, b) = match (named(model, &args[1]), named(model, &args[2])) {
        (Ok(a), Ok(b)) => (a, b),
        (Err(text), _) | (_, Err(text)) => return error(text),
    };
    if a == b {
        return ok();
    }
    let living = |db: usize| {
        let pairs = model.dbs[db].iter().filter(|(_, item)| !past(item, model.now_ms));
        pairs.map(|(key, _)| key.clone()).collect::<Vec<_>>()
    };
    let keys = [living(a), living(b)].concat();
    model.dbs.swap(a, b);
    for key in keys {
        model.changed(a, &key);
        model.changed(b, &key);
    }
    ok()
}

fn make_restore(dice: &mut Dice) -> Words {
    let version = dice.pick(&[0, 6, 9, 9, 11, 12, 80]);
    let mut bytes = payload(&dice.value(), version);
    if dice.once_in(10) {
        let at = dice.below(bytes.len() as u64) as usize;
        bytes[at] ^= 1 + dice.below(255) as u8;
    }
    let absolute = dice.once_in(3);
    let time = match (dice.once_in(2), absolute) {
        (true, _) => b"0".to_vec(),
        (_, true) => dice.moment(1),
        (_, false) => dice.span(1),
    };
    let mut words = vec![dice.key(), time, bytes];
    if absolute {
        words.push(dice.case("absttl"));
    }
    if !dice.once_in(3) {
        words.push(dice.case("replace"));
    }
    if dice.once_in(6) {
        let option = dice.pick(&["idletime", "freq", "what"]);
        words.push(dice.case(option));
        words.push(dice.pick(&["0", "5", "255", "256", "-1", "x"]).into());
    }
    words
}

#[derive(Default)]
struct Options {
    replace: bool,
    absolute: bool,
}

fn options(args: &[Vec<u8>]) -> Result<Options, &'static str> {
    let mut options = Options::default();
    let mut words = args.iter();
    while let Some(word) = words.next() {
        let limit = match word.to_ascii_lowercase().as_slice() {
            b"replace" => {
                options.replace = true;
                continue;
            }
            b"absttl" => {
                options.absolute = true;
                continue;
            }
            b"idletime" => (i64::MAX, "ERR Invalid IDLETIME value, must be >= 0"),
            b"freq" => (255, "ERR Invalid FREQ value, must be >= 0 and <= 255"),
            _ => return Err("ERR syntax error"),
        };
        let count = number(words.next().ok_or("ERR syntax error")?).ok_or(NOT_INTEGER)?;
        if !(0..=limit.0).contains(&count) {
            return Err(limit.1);
        }
    }
    Ok(options)
}

fn restore(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    let Options { replace, absolute } = match options(&args[4..]) {
        Ok(options) => options,
        Err(text) => return error(text),
    };
    if !replace && model.live(who, &args[1]).is_some() {
        return error("BUSYKEY Target key name already exists.");
    }
    let deadline = match number(&args[2]) {
        None => return error(NOT_INTEGER),
        Some(..0) => return error("ERR Invalid TTL value, must be >= 0"),
        Some(0) => None,
        Some(time) if absolute => Some(time),
        Some(time) => match time.checked_add(model.now_ms) {
            Some(moment) => Some(moment),
            None => return error("ERR invalid expire time in 'restore' command"),
        },
    };
    let Some(value) = value(&args[3]) else {
        return error("ERR DUMP payload version or checksum are wrong");
    };
    if deadline.is_some_and(|deadline| deadline <= model.now_ms) {
        model.remove(who, &args[1]);
    } else {
        let db = model.me(who).db;
        model.put_in(db, &args[1], Item { value, deadline });
    }
    ok()
}

/// That its answer can be restored is a transcript's to show, and one between two servers.
fn dump(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    if model.live(who, &args[1]).is_some() { vec![Expect::Anything] } else { is(model.null(who)) }
}

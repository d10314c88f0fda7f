//! Keys of any type, and whole databases.
//!
//! Owns: the rows.   Uses: the model's maps.   Never: the server's code.

use super::{Expect, Kind, Model, Row, Who, bulk, error, int, is, ok, past, status};
use crate::dice::{Dice, Words};
use lodestore_tests::reply::Reply;

const KEYS: Row = Row {
    name: "",
    weight: 3,
    arity: -2,
    kind: Kind::Plain,
    make: |dice| (0..1 + dice.below(4)).map(|_| dice.key()).collect(),
    run: |_, _, _| Vec::new(),
};

const BARE: Row = Row { arity: 1, make: |_| Vec::new(), ..KEYS };

pub const ROWS: &[Row] = &[
    Row { name: "del", weight: 5, run: remove, ..KEYS },
    Row { name: "unlink", run: remove, ..KEYS },
    Row { name: "exists", run: exists, ..KEYS },
    Row { name: "touch", weight: 1, run: exists, ..KEYS },
    Row { name: "type", arity: 2, make: |dice| vec![dice.key()], run: kind_of, ..KEYS },
    Row { name: "keys", weight: 1, arity: 2, make: make_keys, run: keys, ..KEYS },
    Row { name: "scan", weight: 1, make: make_scan, run: scan, ..KEYS },
    Row { name: "randomkey", weight: 1, run: random, ..BARE },
    Row { name: "dbsize", run: dbsize, ..BARE },
    Row { name: "flushdb", weight: 1, arity: -1, make: make_flush, run: flush, ..BARE },
    Row { name: "flushall", weight: 1, arity: -1, make: make_flush, run: flush, ..BARE },
];

fn remove(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    int(args[1..].iter().map(|key| i64::from(model.remove(who, key))).sum())
}

fn exists(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    int(args[1..].iter().map(|key| i64::from(model.live(who, key).is_some())).sum())
}

fn kind_of(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    status(if model.live(who, &args[1]).is_some() { "string" } else { "none" })
}

fn make_keys(dice: &mut Dice) -> Words {
    let number = dice.below(dice.keys);
    vec![dice.pick(&["*".to_string(), "k1*".into(), "*0".into(), format!("k{number}")]).into()]
}

fn living(model: &mut Model, who: Who) -> Vec<Vec<u8>> {
    let (db, now) = (model.me(who).db, model.now_ms);
    let pairs = model.dbs[db].iter().filter(|(_, item)| !past(item, now));
    pairs.map(|(key, _)| key.clone()).collect()
}

fn matching(model: &mut Model, who: Who, pattern: &[u8]) -> Expect {
    let fits = |key: &Vec<u8>| match (pattern.strip_suffix(b"*"), pattern.strip_prefix(b"*")) {
        (Some(start), _) => key.starts_with(start),
        (None, Some(end)) => key.ends_with(end),
        (None, None) => key == pattern,
    };
    let found = living(model, who).into_iter().filter(fits);
    Expect::Unordered(found.map(Reply::Bulk).collect())
}

fn keys(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    vec![matching(model, who, &args[1])]
}

/// The whole database in one step; that steps meet everything is a transcript's to test.
fn make_scan(dice: &mut Dice) -> Words {
    let mut words = vec![b"0".to_vec(), dice.case("count"), b"1000000".to_vec()];
    if dice.once_in(2) {
        words.push(dice.case("match"));
        words.extend(make_keys(dice));
    }
    if dice.once_in(3) {
        words.push(dice.case("type"));
        words.push(dice.pick(&["string", "list"]).into());
    }
    words
}

fn scan(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    let (mut pattern, mut kind) = (b"*".to_vec(), b"string".to_vec());
    for pair in args[2..].chunks(2) {
        match pair {
            [name, value] if name.eq_ignore_ascii_case(b"match") => pattern = value.clone(),
            [name, value] if name.eq_ignore_ascii_case(b"type") => kind = value.clone(),
            [name, _] if name.eq_ignore_ascii_case(b"count") => {}
            _ => return error("ERR syntax error"),
        }
    }
    let found = if kind == b"string" {
        matching(model, who, &pattern)
    } else {
        Expect::Unordered(Vec::new())
    };
    vec![Expect::Each(vec![Expect::Is(bulk(b"0")), found])]
}

fn random(model: &mut Model, who: Who, _args: &[Vec<u8>]) -> Vec<Expect> {
    let living = living(model, who);
    if living.is_empty() {
        return is(model.null(who));
    }
    vec![Expect::OneOf(living.iter().map(|key| bulk(key)).collect())]
}

/// Keys past their time count until somebody has met them.
fn dbsize(model: &mut Model, who: Who, _args: &[Vec<u8>]) -> Vec<Expect> {
    let db = model.me(who).db;
    let most = model.dbs[db].len() as i64;
    vec![Expect::Between(living(model, who).len() as i64, most)]
}

fn make_flush(dice: &mut Dice) -> Words {
    match dice.below(6) {
        0 => vec![dice.case("async")],
        1 => vec![dice.case("sync")],
        2 => vec![b"what".to_vec()],
        _ => Vec::new(),
    }
}

fn flush(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    let word = args.get(1).map(|word| word.to_ascii_lowercase());
    let sound = word.is_none_or(|word| word == b"async" || word == b"sync");
    if !sound || args.len() > 2 {
        return error("ERR syntax error");
    }
    let one = args[0].eq_ignore_ascii_case(b"flushdb").then(|| model.me(who).db);
    for db in 0..model.dbs.len() {
        if one.is_none_or(|one| one == db) {
            let now = model.now_ms;
            for (key, item) in std::mem::take(&mut model.dbs[db]) {
                if !past(&item, now) {
                    model.changed(db, &key);
                }
            }
        }
    }
    ok()
}

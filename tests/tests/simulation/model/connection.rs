//! The connection itself.
//!
//! Owns: the rows.   Uses: the model's sessions.   Never: the server's code.

use super::{Expect, Kind, Model, NOT_INTEGER, Row, Who, bulk, error, is, number, ok, status};
use crate::dice::{Dice, Words};
use lodestore_tests::reply::Reply;

const BARE: Row = Row {
    name: "",
    weight: 2,
    arity: 1,
    kind: Kind::Plain,
    make: |_| Vec::new(),
    run: |_, _, _| Vec::new(),
};

pub const ROWS: &[Row] = &[
    Row { name: "ping", arity: -1, kind: Kind::Subscriber, make: make_ping, run: ping, ..BARE },
    Row { name: "echo", arity: 2, make: |dice| vec![dice.value()], run: echo, ..BARE },
    Row { name: "select", weight: 3, arity: 2, make: make_select, run: select, ..BARE },
    Row { name: "hello", weight: 1, arity: -1, kind: Kind::Plain, make: make_hello, run: hello },
    Row { name: "reset", weight: 1, kind: Kind::Always, run: reset, ..BARE },
    Row { name: "quit", weight: 1, arity: -1, kind: Kind::Always, run: quit, ..BARE },
];

fn make_ping(dice: &mut Dice) -> Words {
    if dice.once_in(2) { Vec::new() } else { vec![dice.value()] }
}

fn ping(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    let me = model.me(who);
    let listens = !me.resp3 && me.listens_to() > 0;
    match (args.get(1), listens) {
        (_, _) if args.len() > 2 => error("ERR wrong number of arguments for 'ping' command"),
        (None, false) => status("PONG"),
        (Some(word), false) => is(bulk(word)),
        (word, true) => {
            is(Reply::Array(vec![bulk(b"pong"), bulk(word.map_or(b"".as_slice(), |word| word))]))
        }
    }
}

fn echo(_model: &mut Model, _who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    is(bulk(&args[1]))
}

fn make_select(dice: &mut Dice) -> Words {
    vec![dice.pick(&["0", "0", "0", "1", "1", "2", "3", "4", "-1", "x"]).into()]
}

fn select(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    let Some(wanted) = number(&args[1]) else { return error(NOT_INTEGER) };
    match usize::try_from(wanted) {
        Ok(db) if db < model.dbs.len() => {
            model.me(who).db = db;
            ok()
        }
        _ => error("ERR DB index is out of range"),
    }
}

fn make_hello(dice: &mut Dice) -> Words {
    vec![dice.pick(&["2", "3", "3"]).into()]
}

fn hello(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    model.me(who).resp3 = args[1] == b"3";
    vec![Expect::Anything]
}

fn reset(model: &mut Model, who: Who, _args: &[Vec<u8>]) -> Vec<Expect> {
    let expected = std::mem::take(&mut model.me(who).expected);
    *model.me(who) = super::Session { expected, ..Default::default() };
    status("RESET")
}

fn quit(model: &mut Model, who: Who, _args: &[Vec<u8>]) -> Vec<Expect> {
    model.me(who).closing = true;
    ok()
}

//! Snapshots on request.
//!
//! Owns: the rows.   Uses: what the world says when it fails.   Never: the server's code.
//!
//! When a child ends is the world's to know, so several answers are right here. What the snapshots
//! hold, and that failures are told, is checked where the world is.

use super::{Expect, Kind, Model, Row, Who};
use crate::world::{NO_FORK, NO_SPACE};
use lodestore_tests::reply::Reply;

const BARE: Row = Row {
    name: "",
    weight: 1,
    arity: 1,
    kind: Kind::NoMulti,
    make: |_| Vec::new(),
    run: |_, _, _| Vec::new(),
};

pub const ROWS: &[Row] = &[
    Row { name: "save", run: save, ..BARE },
    Row { name: "bgsave", arity: -1, kind: Kind::Plain, run: bgsave, ..BARE },
];

fn failed(text: &str) -> Reply {
    Reply::Error(format!("ERR {text}"))
}

fn save(_model: &mut Model, _who: Who, _args: &[Vec<u8>]) -> Vec<Expect> {
    vec![Expect::OneOf(vec![
        Reply::Status("OK".into()),
        failed("Background save already in progress"),
        failed(NO_SPACE),
        failed("the child was ended by signal 9"),
    ])]
}

fn bgsave(_model: &mut Model, _who: Who, _args: &[Vec<u8>]) -> Vec<Expect> {
    vec![Expect::OneOf(vec![
        Reply::Status("Background saving started".into()),
        Reply::Status("Background saving scheduled".into()),
        failed("Background save already in progress"),
        failed(NO_FORK),
    ])]
}

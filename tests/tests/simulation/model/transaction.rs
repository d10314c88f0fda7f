//! Transactions.
//!
//! Owns: the rows.   Uses: the model's sessions.   Never: the server's code.

use super::{Expect, Kind, Model, Row, Who, error, is, ok};
use lodestore_tests::reply::Reply;

const BARE: Row = Row {
    name: "",
    weight: 4,
    arity: 1,
    kind: Kind::Immediate,
    make: |_| Vec::new(),
    run: |_, _, _| Vec::new(),
};

pub const ROWS: &[Row] = &[
    Row { name: "multi", run: multi, ..BARE },
    Row { name: "exec", weight: 5, run: exec, ..BARE },
    Row { name: "discard", weight: 1, run: discard, ..BARE },
    Row { name: "watch", arity: -2, make: |dice| vec![dice.key(), dice.key()], run: watch, ..BARE },
    Row { name: "unwatch", weight: 1, kind: Kind::Plain, run: unwatch, ..BARE },
];

fn multi(model: &mut Model, who: Who, _args: &[Vec<u8>]) -> Vec<Expect> {
    let me = model.me(who);
    if me.queue.is_some() {
        return error("ERR MULTI calls can not be nested");
    }
    me.queue = Some(Vec::new());
    me.spoiled = false;
    ok()
}

fn discard(model: &mut Model, who: Who, _args: &[Vec<u8>]) -> Vec<Expect> {
    let me = model.me(who);
    if me.queue.take().is_none() {
        return error("ERR DISCARD without MULTI");
    }
    me.watched.clear();
    ok()
}

fn watch(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    if model.me(who).queue.is_some() {
        return error("ERR WATCH inside MULTI is not allowed");
    }
    let db = model.me(who).db;
    for key in &args[1..] {
        let version = model.version(db, key);
        model.me(who).watched.entry((db, key.clone())).or_insert(version);
    }
    ok()
}

fn unwatch(model: &mut Model, who: Who, _args: &[Vec<u8>]) -> Vec<Expect> {
    model.me(who).watched.clear();
    ok()
}

fn exec(model: &mut Model, who: Who, _args: &[Vec<u8>]) -> Vec<Expect> {
    let me = model.me(who);
    let Some(queue) = me.queue.take() else { return error("ERR EXEC without MULTI") };
    let spoiled = std::mem::take(&mut me.spoiled);
    let watched = std::mem::take(&mut me.watched);
    if spoiled {
        return error("EXECABORT Transaction discarded because of previous errors.");
    }
    let mut same = watched.iter().map(|((db, key), then)| (model.version(*db, key), *then));
    // That a key which was there is past its time counts as a change; the other way round it cannot be.
    if same.any(|(now, then)| now != then) {
        let resp3 = model.me(who).resp3;
        return is(if resp3 { Reply::Null } else { Reply::NilArray });
    }
    let (count, mut replies) = (queue.len(), Vec::new());
    for words in queue {
        let row = super::row(&words[0]).expect("only known commands are queued");
        replies.extend((row.run)(model, who, &words));
    }
    // A real server writes one array element for each channel of a SUBSCRIBE but announces one for
    // each command, so what is too much stands behind the array.
    let behind = replies.split_off(count);
    std::iter::once(Expect::Each(replies)).chain(behind).collect()
}

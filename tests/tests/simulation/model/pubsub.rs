//! Channels.
//!
//! Owns: the rows.   Uses: the model's sessions.   Never: the server's code.

use super::{Expect, Kind, Model, Row, Who, bulk, int, is};
use crate::dice::{Dice, Words};
use lodestore_tests::reply::Reply;

const CHANNELS: Row = Row {
    name: "",
    weight: 1,
    arity: -2,
    kind: Kind::Subscriber,
    make: |dice| (0..1 + dice.below(2)).map(|_| channel(dice)).collect(),
    run: |_, _, _| Vec::new(),
};

const PATTERNS: Row = Row { make: |dice| vec![pattern(dice)], ..CHANNELS };

pub const ROWS: &[Row] = &[
    Row { name: "subscribe", run: |m, w, a| join(m, w, a, false), ..CHANNELS },
    Row { name: "psubscribe", run: |m, w, a| join(m, w, a, true), ..PATTERNS },
    Row {
        name: "unsubscribe",
        weight: 2,
        arity: -1,
        make: leaving,
        run: |m, w, a| leave(m, w, a, false),
        ..CHANNELS
    },
    Row {
        name: "punsubscribe",
        weight: 2,
        arity: -1,
        make: leaving,
        run: |m, w, a| leave(m, w, a, true),
        ..PATTERNS
    },
    Row {
        name: "publish",
        weight: 6,
        arity: 3,
        kind: Kind::Plain,
        make: |dice| vec![channel(dice), dice.value()],
        run: publish,
    },
];

fn channel(dice: &mut Dice) -> Vec<u8> {
    dice.pick(&["news", "noise", "weather"]).into()
}

fn pattern(dice: &mut Dice) -> Vec<u8> {
    dice.pick(&["n*", "*", "weather"]).into()
}

/// All of them, or one that may be a channel or a pattern.
fn leaving(dice: &mut Dice) -> Words {
    if dice.once_in(2) { Vec::new() } else { vec![dice.pick(&["news", "n*", "noise", "*"]).into()] }
}

fn join(model: &mut Model, who: Who, args: &[Vec<u8>], pattern: bool) -> Vec<Expect> {
    let word: &[u8] = if pattern { b"psubscribe" } else { b"subscribe" };
    let mut answers = Vec::new();
    for name in &args[1..] {
        let me = model.me(who);
        let list = if pattern { &mut me.patterns } else { &mut me.channels };
        list.insert(name.clone());
        let count = Reply::Int(me.listens_to() as i64);
        answers.extend(is(model.push(who, vec![bulk(word), bulk(name), count])));
    }
    answers
}

fn leave(model: &mut Model, who: Who, args: &[Vec<u8>], pattern: bool) -> Vec<Expect> {
    let word: &[u8] = if pattern { b"punsubscribe" } else { b"unsubscribe" };
    let me = model.me(who);
    let list = if pattern { &mut me.patterns } else { &mut me.channels };
    let all: Vec<Vec<u8>> = list.iter().cloned().collect();
    let names = if args.len() > 1 { args[1..].to_vec() } else { all.clone() };
    if names.is_empty() {
        let count = Reply::Int(me.listens_to() as i64);
        let null = model.null(who);
        return is(model.push(who, vec![bulk(word), null, count]));
    }
    let mut answers = Vec::new();
    for name in &names {
        let me = model.me(who);
        let list = if pattern { &mut me.patterns } else { &mut me.channels };
        list.remove(name);
        let count = Reply::Int(me.listens_to() as i64);
        // Leaving everything at once has no order that anybody was promised.
        let could_be = if args.len() > 1 { std::slice::from_ref(name) } else { &all };
        let pushes = could_be
            .iter()
            .map(|name| model.push(who, vec![bulk(word), bulk(name), count.clone()]));
        answers.push(Expect::OneOf(pushes.collect()));
    }
    answers
}

fn publish(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    let (channel, message) = (&args[1], &args[2]);
    let mut receivers = 0;
    let everybody: Vec<Who> = model.sessions.keys().copied().collect();
    for to in everybody {
        let session = &model.sessions[&to];
        let mut pushes = Vec::new();
        if session.channels.contains(channel) {
            let items = vec![bulk(b"message"), bulk(channel), bulk(message)];
            pushes.push(Expect::Is(model.push(to, items)));
        }
        // Patterns that fit have no order that anybody was promised.
        let fitting = session.patterns.iter().filter(|pattern| fits(pattern, channel));
        let messages: Vec<Reply> = fitting
            .map(|p| model.push(to, vec![bulk(b"pmessage"), bulk(p), bulk(channel), bulk(message)]))
            .collect();
        pushes.extend(messages.iter().map(|_| Expect::OneOf(messages.clone())));
        receivers += pushes.len() as i64;
        if to == who {
            model.own_pushes.extend(pushes);
        } else {
            model.me(to).expected.extend(pushes);
        }
    }
    int(receivers)
}

fn fits(pattern: &[u8], channel: &[u8]) -> bool {
    match pattern.strip_suffix(b"*") {
        Some(start) => channel.starts_with(start),
        None => pattern == channel,
    }
}

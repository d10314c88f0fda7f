//! Strings.
//!
//! Owns: the rows.   Uses: the model's maps.   Never: the server's code.

use super::compare::{holds, make_comparison};
use super::expiry::{Until, until};
use super::{Expect, Item, Kind, Model, Row, Who};
use super::{bulk, error, int, is, number, ok, syntax_error};
use crate::dice::{Dice, Words};
use lodestore_tests::reply::Reply;

const PLAIN: Row = Row {
    name: "",
    weight: 4,
    arity: 2,
    kind: Kind::Plain,
    make: |dice| vec![dice.key()],
    run: |_, _, _| Vec::new(),
};

pub const ROWS: &[Row] = &[
    Row { name: "get", weight: 12, run: get, ..PLAIN },
    Row { name: "set", weight: 20, arity: -3, make: make_set, run: set, ..PLAIN },
    Row { name: "setnx", arity: 3, make: key_value, run: setnx, ..PLAIN },
    Row { name: "setex", arity: 4, make: |dice| make_setex(dice, 1000), run: setex, ..PLAIN },
    Row { name: "psetex", arity: 4, make: |dice| make_setex(dice, 1), run: setex, ..PLAIN },
    Row { name: "getset", arity: 3, make: key_value, run: getset, ..PLAIN },
    Row { name: "getdel", run: getdel, ..PLAIN },
    Row { name: "getex", arity: -2, make: make_getex, run: getex, ..PLAIN },
    Row { name: "strlen", run: strlen, ..PLAIN },
    Row { name: "append", weight: 8, arity: 3, make: key_value, run: append, ..PLAIN },
    Row { name: "mget", arity: -2, make: make_mget, run: mget, ..PLAIN },
    Row { name: "mset", arity: -3, make: make_mset, run: mset, ..PLAIN },
    Row { name: "msetnx", arity: -3, make: make_mset, run: msetnx, ..PLAIN },
    Row { name: "msetex", arity: -4, make: make_msetex, run: msetex, ..PLAIN },
];

fn key_value(dice: &mut Dice) -> Words {
    vec![dice.key(), dice.value()]
}

fn get(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    let value = model.value(who, &args[1]);
    is(model.bulk_or_null(who, value))
}

fn make_set(dice: &mut Dice) -> Words {
    let mut words = key_value(dice);
    if dice.once_in(5) {
        words.extend(make_comparison(dice));
    }
    while dice.once_in(3) {
        let option =
            dice.pick(&["nx", "xx", "get", "keepttl", "ex", "px", "px", "exat", "pxat", "what"]);
        words.push(dice.case(option));
        words.extend(time_word(dice, option));
    }
    words
}

/// The number that an option for a deadline wants behind it.
fn time_word(dice: &mut Dice, option: &str) -> Option<Vec<u8>> {
    match option {
        "ex" => Some(dice.span(1000)),
        "px" => Some(dice.span(1)),
        "exat" => Some(dice.moment(1000)),
        "pxat" => Some(dice.moment(1)),
        _ => None,
    }
}

#[derive(Default)]
struct SetOptions {
    nx: bool,
    xx: bool,
    get: bool,
    keep: bool,
    time: Option<(Until, Vec<u8>)>,
    comparison: Option<(Vec<u8>, Vec<u8>)>,
}

fn set_options(args: &[Vec<u8>]) -> Option<SetOptions> {
    let mut options = SetOptions::default();
    let mut rest = args.iter();
    while let Some(word) = rest.next() {
        match word.to_ascii_lowercase().as_slice() {
            b"nx" if !options.xx && options.comparison.is_none() => options.nx = true,
            b"xx" if !options.nx && options.comparison.is_none() => options.xx = true,
            b"ifeq" | b"ifne" | b"ifdeq" | b"ifdne" => {
                if options.nx || options.xx || options.comparison.is_some() {
                    return None;
                }
                options.comparison = Some((word.clone(), rest.next()?.clone()));
            }
            b"get" => options.get = true,
            b"keepttl" if options.time.is_none() => options.keep = true,
            name => {
                let kind = Until::named(name)?;
                // The same option may come twice; the last one counts.
                if options.keep || options.time.as_ref().is_some_and(|(other, _)| *other != kind) {
                    return None;
                }
                options.time = Some((kind, rest.next()?.clone()));
            }
        }
    }
    Some(options)
}

fn set(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    let Some(options) = set_options(&args[3..]) else { return syntax_error() };
    let mut deadline = None;
    if let Some((kind, text)) = &options.time {
        match until(*kind, text, model.now_ms, "set") {
            Ok(moment) => deadline = Some(moment),
            Err(text) => return error(&text),
        }
    }
    let before = model.live(who, &args[1]).cloned();
    let answer = match options.get {
        true => is(model.bulk_or_null(who, before.as_ref().map(|item| item.value.clone()))),
        false => ok(),
    };
    let fits = match &options.comparison {
        Some((word, operand)) => {
            holds(word, operand, before.as_ref().map(|item| item.value.as_slice()))
        }
        None => Ok(!((options.nx && before.is_some()) || (options.xx && before.is_none()))),
    };
    let fits = match fits {
        Ok(fits) => fits,
        Err(text) => return error(text),
    };
    if !fits {
        return if options.get { answer } else { is(model.null(who)) };
    }
    if options.keep {
        deadline = before.and_then(|item| item.deadline);
    }
    model.put(who, &args[1], args[2].clone(), deadline);
    answer
}

fn setnx(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    if model.live(who, &args[1]).is_some() {
        return int(0);
    }
    model.put(who, &args[1], args[2].clone(), None);
    int(1)
}

fn make_setex(dice: &mut Dice, unit: i64) -> Words {
    vec![dice.key(), dice.span(unit), dice.value()]
}

fn setex(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    let name = String::from_utf8_lossy(&args[0]).to_lowercase();
    let kind = if name == "setex" { Until::Ex } else { Until::Px };
    match until(kind, &args[2], model.now_ms, &name) {
        Err(text) => error(&text),
        Ok(deadline) => {
            model.put(who, &args[1], args[3].clone(), Some(deadline));
            ok()
        }
    }
}

fn getset(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    let before = model.value(who, &args[1]);
    model.put(who, &args[1], args[2].clone(), None);
    is(model.bulk_or_null(who, before))
}

fn getdel(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    let before = model.value(who, &args[1]);
    model.remove(who, &args[1]);
    is(model.bulk_or_null(who, before))
}

fn make_getex(dice: &mut Dice) -> Words {
    let mut words = vec![dice.key()];
    let option = dice.pick(&["", "persist", "ex", "px", "exat", "pxat", "keepttl"]);
    if !option.is_empty() {
        words.push(dice.case(option));
        words.extend(time_word(dice, option));
    }
    words
}

type GetexOptions = (bool, Option<(Until, Vec<u8>)>);

/// PERSIST, or a time.
fn getex_options(args: &[Vec<u8>]) -> Option<GetexOptions> {
    let (mut persist, mut time) = (false, None::<(Until, Vec<u8>)>);
    let mut rest = args.iter();
    while let Some(word) = rest.next() {
        let word = word.to_ascii_lowercase();
        if word == b"persist" && time.is_none() {
            persist = true;
            continue;
        }
        let kind = Until::named(&word)?;
        if persist || time.as_ref().is_some_and(|(other, _)| *other != kind) {
            return None;
        }
        time = Some((kind, rest.next()?.clone()));
    }
    Some((persist, time))
}

fn getex(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    let key = &args[1];
    let Some((persist, time)) = getex_options(&args[2..]) else { return syntax_error() };
    let before = model.live(who, key).cloned();
    let Some(Item { value, deadline }) = before else { return is(model.null(who)) };
    if let Some((kind, text)) = time {
        let moment = match until(kind, &text, model.now_ms, "getex") {
            Ok(moment) => moment,
            Err(text) => return error(&text),
        };
        if kind.is_absolute() && moment <= model.now_ms {
            model.remove(who, key);
        } else {
            model.put(who, key, value.clone(), Some(moment));
        }
    } else if persist && deadline.is_some() {
        model.put(who, key, value.clone(), None);
    }
    is(bulk(&value))
}

fn strlen(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    int(model.value(who, &args[1]).map_or(0, |value| value.len() as i64))
}

fn append(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    let before = model.live(who, &args[1]).cloned();
    let (mut value, deadline) =
        before.map_or((Vec::new(), None), |item| (item.value, item.deadline));
    value.extend_from_slice(&args[2]);
    let length = value.len() as i64;
    model.put(who, &args[1], value, deadline);
    int(length)
}

fn make_mget(dice: &mut Dice) -> Words {
    (0..1 + dice.below(5)).map(|_| dice.key()).collect()
}

fn mget(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    let mut values = Vec::new();
    for key in &args[1..] {
        let value = model.value(who, key);
        values.push(model.bulk_or_null(who, value));
    }
    is(Reply::Array(values))
}

fn make_mset(dice: &mut Dice) -> Words {
    let most = if dice.keys > 1000 { 200 } else { 5 };
    let mut words: Words =
        (0..1 + dice.below(most)).flat_map(|_| [dice.key(), dice.number()]).collect();
    if dice.once_in(15) {
        words.pop();
    }
    words
}

fn mset(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    if args.len().is_multiple_of(2) {
        return error("ERR wrong number of arguments for 'mset' command");
    }
    for pair in args[1..].chunks(2) {
        model.put(who, &pair[0], pair[1].clone(), None);
    }
    ok()
}

fn msetnx(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    if args.len().is_multiple_of(2) {
        return error("ERR wrong number of arguments for 'msetnx' command");
    }
    if args[1..].chunks(2).any(|pair| model.live(who, &pair[0]).is_some()) {
        return int(0);
    }
    for pair in args[1..].chunks(2) {
        model.put(who, &pair[0], pair[1].clone(), None);
    }
    int(1)
}

fn make_msetex(dice: &mut Dice) -> Words {
    let pairs = make_mset(dice);
    let said = if dice.once_in(15) { dice.number() } else { (pairs.len() / 2).to_string().into() };
    let mut words = vec![said];
    words.extend(pairs);
    while dice.once_in(2) {
        let option = dice.pick(&["nx", "xx", "keepttl", "ex", "px", "px", "exat", "pxat", "get"]);
        words.push(dice.case(option));
        words.extend(time_word(dice, option));
    }
    words
}

fn msetex(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    let count = number(&args[1]).filter(|count| (1..=i64::from(i32::MAX)).contains(count));
    let Some(count) = count else {
        return error("ERR invalid numkeys value or out of range");
    };
    let end = 2 + 2 * count as usize;
    if end > args.len() {
        return syntax_error();
    }
    // GET is a word of SET only.
    let options = set_options(&args[end..]).filter(|options| !options.get);
    let Some(options) = options else { return syntax_error() };
    let mut deadline = None;
    if let Some((kind, text)) = &options.time {
        match until(*kind, text, model.now_ms, "msetex") {
            Ok(moment) => deadline = Some(moment),
            Err(text) => return error(&text),
        }
    }
    let pairs: Vec<&[Vec<u8>]> = args[2..end].chunks(2).collect();
    let there = pairs.iter().filter(|pair| model.live(who, &pair[0]).is_some()).count();
    if (options.nx && there > 0) || (options.xx && there < pairs.len()) {
        return int(0);
    }
    for pair in pairs {
        let kept = model.live(who, &pair[0]).and_then(|item| item.deadline);
        let deadline = if options.keep { kept } else { deadline };
        model.put(who, &pair[0], pair[1].clone(), deadline);
    }
    int(1)
}

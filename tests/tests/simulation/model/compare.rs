//! Strings compared: conditional deletes, digests, and the conditions of SET.
//!
//! Owns: the rows.   Uses: the model's maps.   Never: the server's code.

use super::{Expect, Kind, Model, Row, Who, error, int, is};
use crate::dice::{Dice, Words};
use lodestore_tests::reply::Reply;

const KEY: Row = Row {
    name: "",
    weight: 3,
    arity: 2,
    kind: Kind::Plain,
    make: |dice| vec![dice.key()],
    run: |_, _, _| Vec::new(),
};

pub const ROWS: &[Row] = &[
    Row { name: "digest", run: digest_of, ..KEY },
    Row { name: "delex", arity: -2, make: make_delex, run: delex, ..KEY },
    Row { name: "delifeq", arity: 3, make: |d| vec![d.key(), d.number()], run: delifeq, ..KEY },
];

/// A digest of the wrong length.
pub const NO_DIGEST: &str = "ERR must be exactly 16 hexadecimal characters";

/// The word of a comparison and its operand. Digests are those of small numbers, which many keys hold.
pub fn make_comparison(dice: &mut Dice) -> Words {
    let word = dice.pick(&["ifeq", "ifne", "ifdeq", "ifdne"]);
    let number = dice.number();
    let operand = match word {
        "ifeq" | "ifne" => number,
        _ if dice.once_in(8) => number,
        _ => dice.case(&digest(&number)),
    };
    vec![dice.case(word), operand]
}

fn digest(value: &[u8]) -> String {
    format!("{:016x}", twox_hash::XxHash3_64::oneshot(value))
}

/// Whether a comparison holds of a value; of none it holds if it asks for another one.
pub fn holds(word: &[u8], operand: &[u8], value: Option<&[u8]>) -> Result<bool, &'static str> {
    let word = word.to_ascii_lowercase();
    let differs = word.ends_with(b"ne");
    let Some(value) = value else { return Ok(differs) };
    let same = if word == b"ifeq" || word == b"ifne" {
        value == operand
    } else if operand.len() != 16 {
        return Err(NO_DIGEST);
    } else {
        operand.eq_ignore_ascii_case(digest(value).as_bytes())
    };
    Ok(same != differs)
}

fn digest_of(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    match model.value(who, &args[1]) {
        Some(value) => is(Reply::Bulk(digest(&value).into())),
        None => is(model.null(who)),
    }
}

fn make_delex(dice: &mut Dice) -> Words {
    let mut words = vec![dice.key()];
    if !dice.once_in(4) {
        words.extend(make_comparison(dice));
    }
    if dice.once_in(10) {
        words.pop();
    }
    words
}

fn delex(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    let Some(value) = model.value(who, &args[1]) else { return int(0) };
    let fits = match &args[2..] {
        [] => Ok(true),
        [word, operand] => holds(word, operand, Some(&value)),
        _ => return error("ERR wrong number of arguments for 'delex' command"),
    };
    match fits {
        Ok(true) => int(i64::from(model.remove(who, &args[1]))),
        Ok(false) => int(0),
        Err(text) => error(text),
    }
}

fn delifeq(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    if model.value(who, &args[1]).as_ref() != Some(&args[2]) {
        return int(0);
    }
    int(i64::from(model.remove(who, &args[1])))
}

//! Parts of strings, and what two strings share.
//!
//! Owns: the rows.   Uses: the model's maps.   Never: the server's code.

use super::{
    Expect, Kind, Model, NOT_INTEGER, Row, Who, bulk, error, int, is, number, syntax_error,
};
use crate::dice::{Dice, Words};
use lodestore_tests::reply::Reply;

const PART: Row = Row {
    name: "",
    weight: 3,
    arity: 4,
    kind: Kind::Plain,
    make: |dice| vec![dice.key(), dice.number(), dice.number()],
    run: getrange,
};

pub const ROWS: &[Row] = &[
    Row { name: "getrange", ..PART },
    Row { name: "substr", weight: 1, ..PART },
    Row { name: "setrange", weight: 6, make: make_setrange, run: setrange, ..PART },
    Row { name: "lcs", weight: 2, arity: -3, make: make_lcs, run: lcs, ..PART },
];

/// Longer strings are not compared: the table here has a cell for each pair of bytes.
const LCS_MOST: usize = 400;

fn getrange(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    let (Some(start), Some(end)) = (number(&args[2]), number(&args[3])) else {
        return error(NOT_INTEGER);
    };
    let value = model.value(who, &args[1]).unwrap_or_default();
    let len = value.len() as i128;
    let (start, end) = (i128::from(start), i128::from(end));
    if start < 0 && end < 0 && start > end {
        return is(bulk(b""));
    }
    let absolute = |at: i128| if at < 0 { (at + len).max(0) } else { at };
    let kept = |(at, _): &(usize, &u8)| (absolute(start)..=absolute(end)).contains(&(*at as i128));
    let part: Vec<u8> = value.iter().enumerate().filter(kept).map(|(_, &byte)| byte).collect();
    is(bulk(&part))
}

fn make_setrange(dice: &mut Dice) -> Words {
    let offset = match dice.below(6) {
        0 => dice.number(),
        1 => dice.below(30_000).to_string().into(),
        2 => dice.pick(&["536870911", "536870912", "9223372036854775807"]).into(),
        _ => dice.below(12).to_string().into(),
    };
    let patch = if dice.once_in(3) { dice.value() } else { dice.number() };
    // At the limit there is no room for a byte, so that nobody makes half a gigabyte.
    let patch = if offset == b"536870911" { b"xy".to_vec() } else { patch };
    vec![dice.key(), offset, patch]
}

fn setrange(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    let Some(offset) = number(&args[2]) else { return error(NOT_INTEGER) };
    if offset < 0 {
        return error("ERR offset is out of range");
    }
    let before = model.live(who, &args[1]).cloned();
    let (mut value, deadline) =
        before.map_or((Vec::new(), None), |item| (item.value, item.deadline));
    let patch = &args[3];
    if patch.is_empty() {
        return int(value.len() as i64);
    }
    let end = offset as u64 + patch.len() as u64;
    if end > 512 << 20 {
        return error("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
    }
    let (offset, end) = (offset as usize, end as usize);
    value.resize(value.len().max(end), 0);
    value[offset..end].copy_from_slice(patch);
    let length = value.len() as i64;
    model.put(who, &args[1], value, deadline);
    int(length)
}

fn make_lcs(dice: &mut Dice) -> Words {
    let mut words = vec![dice.key(), dice.key()];
    while dice.once_in(2) {
        let option = dice.pick(&["len", "idx", "withmatchlen", "minmatchlen", "what"]);
        words.push(dice.case(option));
        if option == "minmatchlen" {
            words.push(dice.below(5).to_string().into());
        }
    }
    words
}

/// How long the longest common subsequences of the beginnings of two strings are.
fn table(a: &[u8], b: &[u8]) -> Vec<Vec<usize>> {
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, j) in (0..a.len()).flat_map(|i| (0..b.len()).map(move |j| (i, j))) {
        table[i + 1][j + 1] =
            if a[i] == b[j] { table[i][j] + 1 } else { table[i][j + 1].max(table[i + 1][j]) };
    }
    table
}

/// The pairs of bytes on the way back through the table, the last one first.
fn pairs(a: &[u8], b: &[u8], table: &[Vec<usize>]) -> Vec<(usize, usize)> {
    let (mut i, mut j, mut pairs) = (a.len(), b.len(), Vec::new());
    while i > 0 && j > 0 {
        if a[i - 1] == b[j - 1] {
            (i, j) = (i - 1, j - 1);
            pairs.push((i, j));
        } else if table[i - 1][j] > table[i][j - 1] {
            i -= 1;
        } else {
            j -= 1;
        }
    }
    pairs
}

fn lcs(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    let word = |name: &str| args[3..].iter().any(|arg| arg.eq_ignore_ascii_case(name.as_bytes()));
    let a = model.value(who, &args[1]).unwrap_or_default();
    let b = model.value(who, &args[2]).unwrap_or_default();
    if word("what") {
        return syntax_error();
    }
    if word("len") && word("idx") {
        return error("ERR If you want both the length and indexes, please just use IDX.");
    }
    if a.len() > LCS_MOST || b.len() > LCS_MOST {
        // The largest tables are refused; which these are is known to the transcripts.
        return vec![Expect::Any];
    }
    let table = table(&a, &b);
    let pairs = pairs(&a, &b, &table);
    if word("len") {
        return int(pairs.len() as i64);
    }
    if !word("idx") {
        let common: Vec<u8> = pairs.iter().rev().map(|&(i, _)| a[i]).collect();
        return is(bulk(&common));
    }
    let least = args.iter().rposition(|arg| arg.eq_ignore_ascii_case(b"minmatchlen"));
    let least = least.and_then(|at| number(&args[at + 1])).unwrap_or(0);
    let matches = Reply::Array(matches(&pairs, least as usize, word("withmatchlen")));
    let fields = [(bulk(b"matches"), matches), (bulk(b"len"), Reply::Int(pairs.len() as i64))];
    is(match model.me(who).resp3 {
        true => Reply::Map(fields.to_vec()),
        false => Reply::Array(fields.into_iter().flat_map(|(name, value)| [name, value]).collect()),
    })
}

/// Runs of pairs, as replies.
fn matches(pairs: &[(usize, usize)], least: usize, with_len: bool) -> Vec<Reply> {
    let runs = pairs.chunk_by(|later, earlier| *later == (earlier.0 + 1, earlier.1 + 1));
    let range = |first: usize, last: usize| {
        Reply::Array(vec![Reply::Int(first as i64), Reply::Int(last as i64)])
    };
    let reply = |run: &[(usize, usize)]| {
        let (last, first) = (run[0], run[run.len() - 1]);
        let mut items = vec![range(first.0, last.0), range(first.1, last.1)];
        items.extend(with_len.then_some(Reply::Int(run.len() as i64)));
        Reply::Array(items)
    };
    runs.filter(|run| run.len() >= least).map(reply).collect()
}

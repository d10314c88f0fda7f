//! Commands that tell where members are.
//!
//! Owns: GEODIST, GEOHASH, GEOPOS.   Uses: contexts, cell, earth, `sorted_set::members`.   Never: searches.

use super::cell::{Cell, geohash};
use super::earth::{metres_of, write_distance, write_point};
use crate::command::context::ReadCx;
use crate::command::row::*;
use crate::command::sorted_set::members::answer_each;
use crate::resp::{Error, Result};
use crate::value::SortedSetRef;

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&GEODIST, &GEOHASH, &GEOPOS];
const _: () = check(TABLE);

const EACH: &str = "O(N) where N is the number of members asked for.";
const KEY_AND_MEMBERS: &[Arg] = &[key("key"), string("member").optional().multiple()];

static GEODIST: Command = Command {
    name: "geodist",
    since: "3.2.0",
    group: Group::Geo,
    summary: "Returns the distance between two members.",
    args: &[
        key("key"),
        string("member1"),
        string("member2"),
        one_of("unit", &[token("m", "m"), token("km", "km"), token("ft", "ft"), token("mi", "mi")])
            .optional(),
    ],
    keys: READ_ONE,
    run: Run::Read(geodist),
    ..Command::BASE
};

fn geodist(cx: &mut ReadCx<'_>) -> Result<()> {
    let unit = match cx.args.find(4) {
        None => 1.0,
        Some(_) if cx.args.len() > 5 => return Err(Error::Syntax),
        Some(unit) => metres_of(unit)?,
    };
    let (key, one, other) = (cx.key(1), cx.arg(2), cx.arg(3));
    let set = cx.data.view::<SortedSetRef<'_>>(key)?;
    let scores = set.and_then(|set| Some((set.score(one)?, set.score(other)?)));
    match scores {
        None => cx.reply.null(),
        Some((one, other)) => {
            let metres = Cell::of_score(one).middle().distance(Cell::of_score(other).middle());
            write_distance(cx.reply, metres / unit);
        }
    }
    Ok(())
}

static GEOHASH: Command = Command {
    name: "geohash",
    since: "3.2.0",
    group: Group::Geo,
    summary: "Returns the geohash texts of members.",
    complexity: EACH,
    args: KEY_AND_MEMBERS,
    keys: READ_ONE,
    run: Run::Read(answer_hashes),
    ..Command::BASE
};

fn answer_hashes(cx: &mut ReadCx<'_>) -> Result<()> {
    answer_each(cx, |reply, score| match score {
        None => reply.null(),
        Some(score) => reply.bulk(&geohash(Cell::of_score(score).middle())),
    })
}

static GEOPOS: Command = Command {
    name: "geopos",
    since: "3.2.0",
    group: Group::Geo,
    summary: "Returns the points of members.",
    complexity: EACH,
    args: KEY_AND_MEMBERS,
    keys: READ_ONE,
    run: Run::Read(geopos),
    ..Command::BASE
};

fn geopos(cx: &mut ReadCx<'_>) -> Result<()> {
    answer_each(cx, |reply, score| match score {
        None => reply.null_array(),
        Some(score) => write_point(reply, Cell::of_score(score).middle()),
    })
}

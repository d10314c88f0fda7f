//! Adding places.
//!
//! Owns: GEOADD.   Uses: contexts, cell, the adding of `sorted_set`.   Never: searches.

use super::cell::{Cell, STEP_MAX};
use super::earth::Point;
use crate::command::context::WriteCx;
use crate::command::row::*;
use crate::command::sorted_set::add::{Additions, add_all};
use crate::keyspace::change::{Change, Event};
use crate::resp::{Error, Result};
use crate::value::sorted_set::Wish;

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&GEOADD];
const _: () = check(TABLE);

static GEOADD: Command = Command {
    name: "geoadd",
    since: "3.2.0",
    group: Group::Geo,
    summary: "Adds members with their points to a sorted set.",
    complexity: "O(log(N)) for each member.",
    args: &[
        key("key"),
        one_of("condition", &[token("nx", "NX"), token("xx", "XX")]).optional(),
        token("change", "CH").optional(),
        block("data", &[double("longitude"), double("latitude"), string("member")]).multiple(),
    ],
    keys: &[one_key(&["RW", "update"])],
    flags: DENY_OOM,
    events: &[Event::ZADD, Event::NEW],
    run: Run::Write(geoadd),
    ..Command::BASE
};

fn geoadd(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (mut wish, mut counts_changed, mut places) = (Wish::default(), false, cx.args.from(2));
    while let Some(word) = places.find(0) {
        match word.to_ascii_lowercase().as_slice() {
            b"nx" => wish.only_new = true,
            b"xx" => wish.only_known = true,
            b"ch" => counts_changed = true,
            _ => break,
        }
        places = places.from(1);
    }
    let is_odd = !places.len().is_multiple_of(3) || places.is_empty();
    if is_odd || wish.only_new && wish.only_known {
        return Err(Error::Syntax);
    }
    let points = (0..places.len() / 3).map(|place| Point::parse(places.from(3 * place)));
    let scores = points.map(|point| Ok(Cell::of(point?, STEP_MAX).score()));
    let scores = scores.collect::<Result<Vec<f64>>>()?;
    let members = places.from(2).iter().step_by(3);
    add_all(cx, Additions { wish, counts_changed, scores }, members)
}

//! Two databases change places.
//!
//! Owns: SWAPDB.   Uses: WriteCx.   Never: looks at a key.
//!
//! Who had selected one of them sees the other's keys from then on. Watchers of keys that this changes fail;
//! keyspace events tell nothing of it.

use super::context::WriteCx;
use super::row::*;
use crate::base::bytes::parse_i64;
use crate::keyspace::change::{Change, Event};
use crate::resp::{Error, Result};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&SWAPDB];
const _: () = check(TABLE);

static SWAPDB: Command = Command {
    name: "swapdb",
    since: "4.0.0",
    group: Group::Server,
    summary: "Lets two databases change places.",
    complexity: "O(1); O(N) where N is the number of watched keys in both, if any are watched.",
    args: &[integer("index1"), integer("index2")],
    flags: FAST.and(KEYSPACE).and(DANGEROUS),
    events: &[Event::SILENT],
    run: Run::Write(swapdb),
    ..Command::BASE
};

fn swapdb(cx: &mut WriteCx<'_>) -> Result<Change> {
    let number = |at: usize, error: &'static str| {
        let number = parse_i64(cx.arg(at)).and_then(|number| i32::try_from(number).ok());
        number.ok_or(Error::text(error))
    };
    let first = number(1, "ERR invalid first DB index")?;
    let second = number(2, "ERR invalid second DB index")?;
    let known = |number: i32| {
        let number = usize::try_from(number).ok();
        number.filter(|&number| number < cx.keyspace.databases()).ok_or(Error::DbIndex)
    };
    let (first, second) = (known(first)?, known(second)?);
    cx.reply.ok();
    if first == second {
        return Ok(Change::NONE);
    }
    cx.keyspace.swap(first, second);
    Ok(cx.changes.swapped(first, second))
}

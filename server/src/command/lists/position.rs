//! LPOS: where an element is.
//!
//! Owns: LPOS.   Uses: contexts, `value::List`.   Never: changes a list.

use super::signed;
use crate::command::context::ReadCx;
use crate::command::number::limit;
use crate::command::row::{self, *};
use crate::command::text::length;
use crate::resp::args::Args;
use crate::resp::{Error, Result};
use crate::value::packed::Element;
use crate::value::{ListRef, Side};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&LPOS];
const _: () = check(TABLE);

static LPOS: Command = Command {
    name: "lpos",
    since: "6.0.6",
    group: Group::List,
    summary: "Returns the index of an element, or those of several that are equal.",
    complexity: "O(N) where N is the number of elements to look at.",
    args: &[
        key("key"),
        string("element"),
        row::integer("rank").after("RANK").optional(),
        row::integer("num-matches").after("COUNT").optional(),
        row::integer("len").after("MAXLEN").optional(),
    ],
    keys: READ_ONE,
    run: Run::Read(lpos),
    ..Command::BASE
};

/// What LPOS looks for.
struct Search {
    /// From where on.
    side: Side,
    /// How many equal elements to pass over.
    skip: u64,
    /// At most how many indexes to answer; none for one that is no array.
    count: Option<usize>,
    /// At most how many elements to look at.
    most: usize,
}

fn lpos(cx: &mut ReadCx<'_>) -> Result<()> {
    let (key, wanted) = (cx.key(1), Element::of(cx.arg(2)));
    let search = search(cx.args)?;
    let list = cx.data.view::<ListRef<'_>>(key)?;
    let mark = cx.reply.mark();
    let mut found = 0;
    if let Some(list) = list {
        let skip = usize::try_from(search.skip).unwrap_or(usize::MAX);
        let count = search.count.unwrap_or(1);
        let equal = list.from_end(search.side).take(search.most).enumerate();
        let equal = equal.filter(|(_, element)| *element == wanted).skip(skip).take(count);
        for (steps, _) in equal {
            let index = if search.side == Side::Left { steps } else { list.len() - 1 - steps };
            cx.reply.int(length(index));
            found += 1;
        }
    }
    if search.count.is_some() {
        cx.reply.array_from(mark, found);
    } else if found == 0 {
        cx.reply.null();
    }
    Ok(())
}

fn search(args: Args<'_>) -> Result<Search> {
    let mut search = Search { side: Side::Left, skip: 0, count: None, most: usize::MAX };
    let mut at = 3;
    while let Some(word) = args.find(at) {
        let value = args.find(at + 1).ok_or(Error::Syntax)?;
        if word.eq_ignore_ascii_case(b"rank") {
            let rank = rank(value)?;
            search.side = if rank < 0 { Side::Right } else { Side::Left };
            search.skip = rank.unsigned_abs() - 1;
        } else if word.eq_ignore_ascii_case(b"count") {
            search.count = Some(limit(value, "COUNT")?);
        } else if word.eq_ignore_ascii_case(b"maxlen") {
            search.most = limit(value, "MAXLEN")?;
        } else {
            return Err(Error::Syntax);
        }
        at += 2;
    }
    Ok(search)
}

/// The number of the match to begin with, from the right end if it is negative; not 0.
fn rank(word: &[u8]) -> Result<i64> {
    match signed(word)? {
        0 => Err(Error::text(
            "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use \
             negative to start from the end of the list",
        )),
        rank => Ok(rank),
    }
}

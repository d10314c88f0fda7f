//! Meeting the members of a set a few at a time.
//!
//! Owns: SSCAN.   Uses: `scan_page`, `value::Set`.   Never: changes anything.

use crate::command::context::ReadCx;
use crate::command::row::*;
use crate::command::scan_page::{Filter, Scanned, answer, answer_nothing, parse_cursor};
use crate::resp::Result;
use crate::value::SetRef;
use crate::value::text::Scratch;

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&SSCAN];
const _: () = check(TABLE);

static SSCAN: Command = Command {
    name: "sscan",
    since: "2.8.0",
    group: Group::Set,
    summary: "Returns some members of a set and a cursor to go on with.",
    complexity: "O(1) for a call, O(N) from the first cursor to the last.",
    args: &[
        key("key"),
        integer("cursor"),
        pattern("pattern").after("MATCH").optional(),
        integer("count").after("COUNT").optional(),
    ],
    keys: READ_ONE,
    run: Run::Read(sscan),
    ..Command::BASE
};

fn sscan(cx: &mut ReadCx<'_>) -> Result<()> {
    let (key, cursor) = (cx.key(1), parse_cursor(cx.arg(2))?);
    let Some(set) = cx.data.view::<SetRef<'_>>(key)? else {
        answer_nothing(cx.reply);
        return Ok(());
    };
    let filter = Filter::parse(cx.args.from(3), Scanned::Members)?;
    answer(cx.reply, cursor, &filter, |cursor, page| {
        set.scan(cursor, &mut |member| {
            if page.meets(member.text(&mut Scratch::default())) {
                page.write(member);
            }
        })
    });
    Ok(())
}

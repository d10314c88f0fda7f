//! Meeting the fields of a hash a few at a time.
//!
//! Owns: HSCAN.   Uses: `scan_page`, `value::Hash`.   Never: changes anything.

use crate::command::context::ReadCx;
use crate::command::row::*;
use crate::command::scan_page::{Filter, Scanned, answer, answer_nothing, parse_cursor};
use crate::resp::Result;
use crate::value::HashRef;
use crate::value::text::Scratch;

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&HSCAN];
const _: () = check(TABLE);

static HSCAN: Command = Command {
    name: "hscan",
    since: "2.8.0",
    group: Group::Hash,
    summary: "Returns some fields of a hash and a cursor to go on with.",
    complexity: "O(1) for a call, O(N) from the first cursor to the last.",
    args: &[
        key("key"),
        integer("cursor"),
        pattern("pattern").after("MATCH").optional(),
        integer("count").after("COUNT").optional(),
        token("novalues", "NOVALUES").optional(),
    ],
    keys: READ_ONE,
    run: Run::Read(hscan),
    ..Command::BASE
};

fn hscan(cx: &mut ReadCx<'_>) -> Result<()> {
    let (key, cursor, now_ms) = (cx.key(1), parse_cursor(cx.arg(2))?, cx.now.unix_ms());
    let Some(hash) = cx.data.view::<HashRef<'_>>(key)? else {
        answer_nothing(cx.reply);
        return Ok(());
    };
    let filter = Filter::parse(cx.args.from(3), Scanned::Fields)?;
    answer(cx.reply, cursor, &filter, |cursor, page| {
        hash.scan(cursor, &mut |pair| {
            if page.meets(pair.name.text(&mut Scratch::default())) && !pair.is_past(now_ms) {
                page.write(pair.name);
                if !filter.no_values {
                    page.write(pair.value);
                }
            }
        })
    });
    Ok(())
}

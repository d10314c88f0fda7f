//! Meeting the members of a sorted set a few at a time.
//!
//! Owns: ZSCAN.   Uses: `scan_page`, `value::SortedSet`.   Never: changes anything.

use crate::base::bytes::push_f64;
use crate::command::context::ReadCx;
use crate::command::row::*;
use crate::command::scan_page::{Filter, Scanned, answer, answer_nothing, parse_cursor};
use crate::resp::Result;
use crate::value::SortedSetRef;
use crate::value::packed::Element;
use crate::value::text::Scratch;

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&ZSCAN];
const _: () = check(TABLE);

static ZSCAN: Command = Command {
    name: "zscan",
    since: "2.8.0",
    group: Group::SortedSet,
    summary: "Returns some members of a sorted set with their scores, and a cursor to go on with.",
    complexity: "O(1) for a call, O(N) from the first cursor to the last.",
    args: &[
        key("key"),
        integer("cursor"),
        pattern("pattern").after("MATCH").optional(),
        integer("count").after("COUNT").optional(),
    ],
    keys: READ_ONE,
    run: Run::Read(zscan),
    ..Command::BASE
};

fn zscan(cx: &mut ReadCx<'_>) -> Result<()> {
    let (key, cursor) = (cx.key(1), parse_cursor(cx.arg(2))?);
    let Some(set) = cx.data.view::<SortedSetRef<'_>>(key)? else {
        answer_nothing(cx.reply);
        return Ok(());
    };
    let filter = Filter::parse(cx.args.from(3), Scanned::Members)?;
    answer(cx.reply, cursor, &filter, |cursor, page| {
        let mut text = Vec::new();
        set.scan(cursor, &mut |(member, score)| {
            if page.meets(member.text(&mut Scratch::default())) {
                page.write(member);
                text.clear();
                push_f64(&mut text, score);
                page.write(Element::Text(&text));
            }
        })
    });
    Ok(())
}

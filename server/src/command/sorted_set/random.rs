//! Members of sorted sets by chance.
//!
//! Owns: ZRANDMEMBER.   Uses: contexts, draw, `value::SortedSet`.   Never: changes anything.

use super::scored::{write_all, write_one};
use crate::command::context::ReadCx;
use crate::command::draw::{Draw, distinct};
use crate::command::pairs::write_head;
use crate::command::row::*;
use crate::command::text::write_element;
use crate::resp::Result;
use crate::value::SortedSetRef;

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&ZRANDMEMBER];
const _: () = check(TABLE);

static ZRANDMEMBER: Command = Command {
    name: "zrandmember",
    since: "6.2.0",
    group: Group::SortedSet,
    summary: "Returns members of a sorted set that are chosen by chance.",
    complexity: "O(N) where N is the number of members asked for.",
    args: &[
        key("key"),
        block("options", &[integer("count"), token("withscores", "WITHSCORES").optional()])
            .optional(),
    ],
    keys: READ_ONE,
    run: Run::Read(zrandmember),
    ..Command::BASE
};

fn zrandmember(cx: &mut ReadCx<'_>) -> Result<()> {
    let draw = match cx.args.len() {
        2 => None,
        _ => Some(Draw::parse_with(cx.args, "withscores")?),
    };
    let key = cx.key(1);
    let set = cx.data.view::<SortedSetRef<'_>>(key)?;
    match (set, draw) {
        (None, None) => cx.reply.null(),
        (None, Some(_)) => cx.reply.array(0),
        (Some(set), None) => write_element(cx.reply, set.random(cx.rng).0),
        (Some(set), Some((Draw::Any(count), with_scores))) => {
            write_head(cx.reply, count, with_scores);
            (0..count).for_each(|_| write_one(cx.reply, set.random(cx.rng), with_scores));
        }
        (Some(set), Some((Draw::Distinct(count), with_scores))) => {
            let chosen = distinct(cx.rng, count, set.len());
            let members = chosen.iter().filter_map(|&rank| set.range(rank..rank + 1).next());
            write_all(cx.reply, chosen.len(), members, with_scores);
        }
    }
    Ok(())
}

//! Fields of a hash by chance.
//!
//! Owns: HRANDFIELD.   Uses: contexts, draw, `value::Hash`.   Never: changes anything.

use crate::base::random::Rng;
use crate::command::context::ReadCx;
use crate::command::draw::{Draw, distinct};
use crate::command::pairs::{write_first, write_head};
use crate::command::row::*;
use crate::command::text::write_element;
use crate::resp::Result;
use crate::resp::reply::Reply;
use crate::value::HashRef;
use crate::value::hash::Pair;
use crate::value::packed::Element;
use std::collections::BTreeSet;

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&HRANDFIELD];
const _: () = check(TABLE);

static HRANDFIELD: Command = Command {
    name: "hrandfield",
    since: "6.2.0",
    group: Group::Hash,
    summary: "Returns fields of a hash that are chosen by chance.",
    complexity: "O(N) where N is the number of fields asked for.",
    args: &[
        key("key"),
        block("options", &[integer("count"), token("withvalues", "WITHVALUES").optional()])
            .optional(),
    ],
    keys: READ_ONE,
    run: Run::Read(hrandfield),
    ..Command::BASE
};

fn hrandfield(cx: &mut ReadCx<'_>) -> Result<()> {
    let (key, now_ms) = (cx.key(1), cx.now.unix_ms());
    if cx.args.len() > 2 {
        return draw_some(cx);
    }
    let hash = cx.data.view::<HashRef<'_>>(key)?;
    match hash.and_then(|hash| hash.random(cx.rng, now_ms)) {
        Some(pair) => write_element(cx.reply, pair.name),
        None => cx.reply.null(),
    }
    Ok(())
}

/// The page of fields that is being written.
struct Page<'r> {
    reply: &'r mut Reply,
    with_values: bool,
}

impl Page<'_> {
    /// Says how many fields follow.
    fn begin(&mut self, fields: usize) {
        write_head(self.reply, fields, self.with_values);
    }

    fn write(&mut self, pair: Pair<'_>) {
        write_first(self.reply, pair.name, self.with_values);
        if self.with_values {
            write_element(self.reply, pair.value);
        }
    }
}

fn draw_some(cx: &mut ReadCx<'_>) -> Result<()> {
    let (draw, with_values) = Draw::parse_with(cx.args, "withvalues")?;
    let (key, now_ms) = (cx.key(1), cx.now.unix_ms());
    let hash = cx.data.view::<HashRef<'_>>(key)?;
    let mut page = Page { reply: cx.reply, with_values };
    let Some(hash) = hash.filter(|hash| hash.random(cx.rng, now_ms).is_some()) else {
        page.begin(0);
        return Ok(());
    };
    match draw {
        Draw::Any(count) => draw_any(hash, count, cx.rng, now_ms, &mut page),
        Draw::Distinct(count) => draw_distinct(hash, count, cx.rng, now_ms, &mut page),
    }
    Ok(())
}

/// Draws from a hash that has live fields, each draw from all of them.
fn draw_any(hash: HashRef<'_>, count: usize, rng: &mut Rng, now_ms: i64, page: &mut Page<'_>) {
    page.begin(count);
    if is_better_walked(hash, hash.live_len(now_ms)) {
        let pairs: Vec<Pair<'_>> = hash.live(now_ms).collect();
        for _ in 0..count {
            page.write(pairs[rng.below(pairs.len() as u64) as usize]);
        }
        return;
    }
    for _ in 0..count {
        page.write(hash.random(rng, now_ms).expect("it has live fields"));
    }
}

/// Whether looking at all fields is cheaper than drawing, of `live` ones: the hash is small, or most are past their time.
fn is_better_walked(hash: HashRef<'_>, live: usize) -> bool {
    matches!(hash, HashRef::Small(_)) || live < hash.len() / 2
}

/// Asking for less than one in so many fields, drawing again what came before is cheaper than walking the hash.
const SPARSE: usize = 3;

/// Draws different fields from a hash.
fn draw_distinct(hash: HashRef<'_>, count: usize, rng: &mut Rng, now_ms: i64, page: &mut Page<'_>) {
    let all = hash.live_len(now_ms);
    let count = count.min(all);
    page.begin(count);
    if count == all {
        return hash.live(now_ms).for_each(|pair| page.write(pair));
    }
    if count > all / SPARSE || is_better_walked(hash, all) {
        let chosen = distinct(rng, count, all);
        let pairs = hash.live(now_ms).enumerate().filter(|(place, _)| chosen.contains(place));
        return pairs.for_each(|(_, pair)| page.write(pair));
    }
    let mut drawn: BTreeSet<&[u8]> = BTreeSet::new();
    while drawn.len() < count {
        let pair = hash.random(rng, now_ms).expect("it has more live fields than were drawn");
        let Element::Text(name) = pair.name else { continue };
        if drawn.insert(name) {
            page.write(pair);
        }
    }
}

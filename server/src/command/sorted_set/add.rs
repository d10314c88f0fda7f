//! Commands that add members to sorted sets and change their scores.
//!
//! Owns: ZADD, ZINCRBY.   Uses: contexts, `value::SortedSet`.   Never: ranges.

use crate::base::bytes::parse_f64;
use crate::command::context::WriteCx;
use crate::command::row::*;
use crate::command::text::length;
use crate::keyspace::change::{Change, Event};
use crate::resp::args::Args;
use crate::resp::{Error, Result};
use crate::value::SortedSet;
use crate::value::sorted_set::{Wish, Wished};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&ZADD, &ZINCRBY];
const _: () = check(TABLE);

static ZADD: Command = Command {
    name: "zadd",
    since: "1.2.0",
    group: Group::SortedSet,
    summary: "Adds members to a sorted set, or changes their scores.",
    complexity: "O(log(N)) for each member.",
    args: &[
        key("key"),
        one_of("condition", &[token("nx", "NX"), token("xx", "XX")]).optional(),
        one_of("comparison", &[token("gt", "GT"), token("lt", "LT")]).optional(),
        token("change", "CH").optional(),
        token("increment", "INCR").optional(),
        block("data", &[double("score"), string("member")]).multiple(),
    ],
    keys: &[one_key(&["RW", "update"])],
    flags: DENY_OOM.and(FAST),
    events: &[Event::ZADD, Event::ZINCR, Event::NEW],
    run: Run::Write(zadd),
    ..Command::BASE
};

fn zadd(cx: &mut WriteCx<'_>) -> Result<Change> {
    let words = Words::parse(cx.args.from(2))?;
    add(cx, &words)
}

static ZINCRBY: Command = Command {
    name: "zincrby",
    since: "1.2.0",
    group: Group::SortedSet,
    summary: "Adds to the score of a member of a sorted set.",
    complexity: "O(log(N))",
    args: &[key("key"), double("increment"), string("member")],
    keys: &[one_key(&["RW", "access", "update"])],
    flags: DENY_OOM.and(FAST),
    events: &[Event::ZINCR, Event::NEW],
    run: Run::Write(zincrby),
    ..Command::BASE
};

fn zincrby(cx: &mut WriteCx<'_>) -> Result<Change> {
    // ZADD's options are none here, but are read as such: an increment that is called so leaves too few words.
    let mut words = Words::parse(cx.args.from(2))?;
    words.wish.add = true;
    add(cx, &words)
}

/// What one request wants.
struct Words<'a> {
    wish: Wish,
    /// Changed members are counted besides new ones (CH).
    counts_changed: bool,
    /// Score, member, score, member...
    pairs: Args<'a>,
}

impl<'a> Words<'a> {
    /// Reads the options; what is none begins the pairs.
    fn parse(args: Args<'a>) -> Result<Words<'a>> {
        let (mut wish, mut counts_changed, mut options) = (Wish::default(), false, 0);
        for word in args.iter() {
            match word.to_ascii_lowercase().as_slice() {
                b"nx" => wish.only_new = true,
                b"xx" => wish.only_known = true,
                b"gt" => wish.only_greater = true,
                b"lt" => wish.only_less = true,
                b"ch" => counts_changed = true,
                b"incr" => wish.add = true,
                _ => break,
            }
            options += 1;
        }
        let pairs = args.from(options);
        if pairs.is_empty() || !pairs.len().is_multiple_of(2) {
            return Err(Error::Syntax);
        }
        if wish.only_new && wish.only_known {
            return Err(Error::text("ERR XX and NX options at the same time are not compatible"));
        }
        if [wish.only_new, wish.only_greater, wish.only_less].iter().filter(|set| **set).count() > 1
        {
            return Err(Error::text(
                "ERR GT, LT, and/or NX options at the same time are not compatible",
            ));
        }
        if wish.add && pairs.len() > 2 {
            return Err(Error::text("ERR INCR option supports a single increment-element pair"));
        }
        Ok(Words { wish, counts_changed, pairs })
    }

    /// The scores. They are all read before anything changes.
    fn scores(&self) -> Result<Vec<f64>> {
        let words = self.pairs.iter().step_by(2);
        words.map(|word| parse_f64(word).ok_or(Error::NotFloat)).collect()
    }
}

/// What became of the members of one request.
#[derive(Default)]
struct Tally {
    added: usize,
    moved: usize,
    /// The last member's score, if its condition held.
    score: Option<f64>,
}

/// Members to be added: how, and the score of each.
pub struct Additions {
    /// Under what conditions.
    pub wish: Wish,
    /// Changed members are counted besides new ones.
    pub counts_changed: bool,
    /// In the order of the members.
    pub scores: Vec<f64>,
}

fn add(cx: &mut WriteCx<'_>, words: &Words<'_>) -> Result<Change> {
    let (wish, counts_changed, scores) = (words.wish, words.counts_changed, words.scores()?);
    let members = words.pairs.from(1).iter().step_by(2);
    add_all(cx, Additions { wish, counts_changed, scores }, members)
}

/// Adds members to the sorted set at the first key, and answers what became of them.
///
/// # Errors
/// `WrongType` if the key holds another type; a sum that is no number.
pub fn add_all<'a>(
    cx: &mut WriteCx<'_>,
    Additions { wish, counts_changed, scores }: Additions,
    members: impl Iterator<Item = &'a [u8]>,
) -> Result<Change> {
    let key = cx.key(1);
    let mut set = cx.open::<SortedSet>(key)?;
    let (limits, mut members) = (set.limits(), members.peekable());
    let mut tally = Tally::default();
    if set.get().is_some() || !wish.only_known {
        let (hint, first) = (scores.len(), members.peek().map_or(0, |first| first.len()));
        let value = set.get_or_make(|limits| SortedSet::new(hint, first, limits));
        value.expect_more(hint, limits);
        for (score, member) in scores.into_iter().zip(members) {
            tally.note(value.add(member, score, wish, limits))?;
        }
    }
    let outcome = set.close();
    match tally.score {
        Some(score) if wish.add => cx.reply.double(score),
        None if wish.add => cx.reply.null(),
        _ if counts_changed => cx.reply.int(length(tally.added + tally.moved)),
        _ => cx.reply.int(length(tally.added)),
    }
    let changes = tally.added + tally.moved;
    if changes == 0 {
        return Ok(Change::NONE);
    }
    let _ = cx.changes.count(changes as u64 - 1);
    Ok(cx.closed(key, outcome, if wish.add { Event::ZINCR } else { Event::ZADD }))
}

impl Tally {
    /// Notes what became of a member.
    fn note(&mut self, wished: Wished) -> Result<()> {
        self.score = match wished {
            Wished::Added(score) => {
                self.added += 1;
                Some(score)
            }
            Wished::Moved(score) => {
                self.moved += 1;
                Some(score)
            }
            Wished::Same(score) => Some(score),
            Wished::Refused => None,
            Wished::NotANumber => {
                return Err(Error::text("ERR resulting score is not a number (NaN)"));
            }
        };
        Ok(())
    }
}

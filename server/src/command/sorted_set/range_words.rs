//! What ZRANGE and its like are asked: which range, of what order, which part of it.
//!
//! Owns: the words of a request, and the ranks they come to.   Uses: bounds, `value::SortedSet`.   Never: replies.

use super::bounds::Between;
use crate::base::bytes::parse_i64;
use crate::resp::args::Args;
use crate::resp::{Error, Result};
use crate::value::SortedSetRef;
use std::ops::Range;

/// A range of ranks as clients count them: negative ones from the end, the last one included.
#[derive(Clone, Copy, Debug)]
pub struct Ranks {
    start: i64,
    stop: i64,
}

/// A range.
#[derive(Clone, Copy, Debug)]
pub enum By<'a> {
    /// Of ranks.
    Rank(Ranks),
    /// Of scores or members.
    Place(Between<'a>),
}

/// What the ends of a range are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Ranks.
    Rank,
    /// Scores.
    Score,
    /// Members of one score.
    Member,
}

/// What a command's name says already.
#[derive(Clone, Copy, Debug, Default)]
pub struct Said {
    /// The order; none if BYSCORE or BYLEX may say it.
    pub order: Option<Order>,
    /// The direction, last first or not; none if REV may say it.
    pub reverse: Option<bool>,
    /// It stores its result, so that there is no WITHSCORES.
    pub stores: bool,
}

/// What one request wants.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    by: By<'a>,
    /// The last comes first.
    pub reverse: bool,
    /// So many are left out; a negative number leaves out all.
    offset: i64,
    /// At most so many; a negative number sets no limit.
    limit: i64,
    /// Scores are wanted.
    pub with_scores: bool,
}

impl Ranks {
    /// Reads two ranks.
    ///
    /// # Errors
    /// One of them is no number.
    pub fn parse(start: &[u8], stop: &[u8]) -> Result<Ranks> {
        let read = |word| parse_i64(word).ok_or(Error::NotInteger);
        Ok(Ranks { start: read(start)?, stop: read(stop)? })
    }

    /// The ranks among `len` members.
    fn among(self, len: usize) -> Range<usize> {
        let from_end = |rank: i64| {
            let back = usize::try_from(rank.unsigned_abs()).unwrap_or(usize::MAX);
            if rank < 0 { len.checked_sub(back) } else { Some(back) }
        };
        let start = from_end(self.start).unwrap_or(0).min(len);
        let end = from_end(self.stop).map_or(0, |stop| stop.saturating_add(1).min(len));
        start..end.max(start)
    }
}

impl By<'_> {
    /// The ranks of a set's members in the range, counted from the first one; `reverse`: the range counts from the last.
    pub fn ranks(self, set: SortedSetRef<'_>, reverse: bool) -> Range<usize> {
        match self {
            By::Rank(ranks) if reverse => {
                let (len, ranks) = (set.len(), ranks.among(set.len()));
                len - ranks.end..len - ranks.start
            }
            By::Rank(ranks) => ranks.among(set.len()),
            By::Place(between) if reverse => set.between_back(between.from, between.to),
            By::Place(between) => set.between(between.from, between.to),
        }
    }
}

impl<'a> Query<'a> {
    /// Reads the two ends, and the words behind them.
    ///
    /// # Errors
    /// As the real server's.
    pub fn parse(args: Args<'a>, said: Said) -> Result<Query<'a>> {
        let (mut order, mut reverse) = (said.order, said.reverse);
        let (mut offset, mut limit, mut with_scores) = (0, -1, false);
        let mut words = args.from(2);
        while let Some(word) = words.find(0) {
            let mut taken = 1;
            match word.to_ascii_lowercase().as_slice() {
                b"withscores" if !said.stores => with_scores = true,
                b"limit" if words.len() > 2 => {
                    offset = parse_i64(words.get(1)).ok_or(Error::NotInteger)?;
                    limit = parse_i64(words.get(2)).ok_or(Error::NotInteger)?;
                    taken = 3;
                }
                b"rev" if reverse.is_none() => reverse = Some(true),
                b"byscore" if order.is_none() => order = Some(Order::Score),
                b"bylex" if order.is_none() => order = Some(Order::Member),
                _ => return Err(Error::Syntax),
            }
            words = words.from(taken);
        }
        let (order, reverse) = (order.unwrap_or(Order::Rank), reverse.unwrap_or(false));
        refuse_contradictions(order, limit, with_scores)?;
        let by = ends(args, order, reverse)?;
        Ok(Query { by, reverse, offset, limit, with_scores })
    }

    /// The ranks of a set's members that are wanted, counted from the first member.
    pub fn ranks(&self, set: SortedSetRef<'_>) -> Range<usize> {
        let Range { start, end } = self.by.ranks(set, self.reverse);
        let Ok(offset) = usize::try_from(self.offset) else { return start..start };
        let skipped = offset.min(end - start);
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let taken = limit.min(end - start - skipped);
        if self.reverse {
            end - skipped - taken..end - skipped
        } else {
            start + skipped..start + skipped + taken
        }
    }
}

/// The two ends in front; a reverse range has the greater one first, unless it is of ranks.
fn ends<'a>(args: Args<'a>, order: Order, reverse: bool) -> Result<By<'a>> {
    let (first, second) = (args.get(0), args.get(1));
    let (min, max) = if reverse { (second, first) } else { (first, second) };
    match order {
        Order::Rank => Ranks::parse(first, second).map(By::Rank),
        Order::Score => Between::scores(min, max).map(By::Place),
        Order::Member => Between::members(min, max).map(By::Place),
    }
}

fn refuse_contradictions(order: Order, limit: i64, with_scores: bool) -> Result<()> {
    if limit != -1 && order == Order::Rank {
        return Err(Error::text(
            "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
        ));
    }
    if with_scores && order == Order::Member {
        return Err(Error::text(
            "ERR syntax error, WITHSCORES not supported in combination with BYLEX",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_count_from_both_ends() {
        let among = |start, stop| Ranks { start, stop }.among(5);
        assert_eq!((among(0, -1), among(1, 2), among(-2, 99)), (0..5, 1..3, 3..5));
        assert_eq!((among(3, 1).len(), among(9, 12).len(), among(0, -9).len()), (0, 0, 0));
        assert_eq!(among(i64::MIN, i64::MAX), 0..5);
        assert_eq!(among(-9, 0), 0..1);
    }
}

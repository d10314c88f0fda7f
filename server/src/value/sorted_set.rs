//! Sorted sets: texts, each at most once and with a score, in the order of the scores.
//!
//! Owns: the two forms of a sorted set and when one becomes the other.   Uses: few, ranked.   Never: entries, replies.
//!
//! ```text
//!  Small   packed pairs in order                    in the entry, up to 2048 bytes
//!  Large   index of members + tree of handles       outside
//! ```
//! What OBJECT ENCODING says follows Redis's thresholds: a set that has once passed one is shown as a skip list from
//! then on. Members of equal scores are in the order of their bytes.

mod few;
mod gather;
mod place;
mod ranked;
mod score;
#[cfg(test)]
mod tests;

use super::field::{Beside, FieldRef};
use super::limits::Limits;
use super::map::Map;
use super::packed::Element;
use super::small::{Small, SmallRef};
use super::text::Scratch;
use crate::base::alloc;
use crate::base::random::Rng;
use few::Pair;
use ranked::Ranked;
use std::ops::Range;

pub use gather::Gather;
pub use place::Place;

/// A sorted set that somebody owns.
#[derive(Clone, Debug)]
pub enum SortedSet {
    /// Few members.
    Small(Small),
    /// Any number of members.
    Large(Box<LargeSortedSet>),
}

/// A sorted set, to be read.
#[derive(Clone, Copy, Debug)]
pub enum SortedSetRef<'a> {
    /// Few members.
    Small(SmallRef<'a>),
    /// Any number of members.
    Large(&'a LargeSortedSet),
}

/// A sorted set with an index and a tree.
#[derive(Clone, Debug)]
pub struct LargeSortedSet {
    ranked: Ranked,
    /// It is shown as large.
    outgrown: bool,
}

/// A member and its score.
pub type Scored<'a> = (Element<'a>, f64);

/// Under what conditions a member is added or gets another score, and what its new score is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wish {
    /// Only members that are not there (NX).
    pub only_new: bool,
    /// Only members that are there (XX).
    pub only_known: bool,
    /// A known member only gets a greater score (GT).
    pub only_greater: bool,
    /// A known member only gets a lesser score (LT).
    pub only_less: bool,
    /// The score is added to the one that is there (INCR).
    pub add: bool,
}

/// What became of a member.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wished {
    /// It is new and has this score.
    Added(f64),
    /// It was known and has this other score now.
    Moved(f64),
    /// It was known and had this score already.
    Same(f64),
    /// A condition did not hold: nothing changed.
    Refused,
    /// The sum is not a number: nothing changed.
    NotANumber,
}

/// One of the two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The least scores.
    Min,
    /// The greatest scores.
    Max,
}

impl Default for SortedSet {
    fn default() -> SortedSet {
        SortedSet::Small(Small::new())
    }
}

impl SortedSet {
    /// An empty set for so many members, of which the first is so long.
    pub fn new(hint: usize, first: usize, limits: &Limits) -> SortedSet {
        let mut small = Small::new();
        if hint > limits.zset_entries || first > limits.zset_value {
            small.outgrow();
        }
        SortedSet::Small(small)
    }

    /// The same, borrowed.
    #[inline]
    pub fn as_ref(&self) -> SortedSetRef<'_> {
        match self {
            SortedSet::Small(small) => SortedSetRef::Small(small.as_ref()),
            SortedSet::Large(large) => SortedSetRef::Large(large),
        }
    }

    /// Tells that so many members are to come at once: more than the threshold are shown as large from the beginning.
    pub fn expect_more(&mut self, hint: usize, limits: &Limits) {
        if hint > limits.zset_entries {
            self.outgrow();
        }
    }

    fn outgrow(&mut self) {
        match self {
            SortedSet::Small(small) => small.outgrow(),
            SortedSet::Large(large) => large.outgrown = true,
        }
    }

    /// Adds a member, or changes its score, as is wished. The score must be a number. O(log n), O(n) while it is small.
    pub fn add(&mut self, member: &[u8], score: f64, wish: Wish, limits: &Limits) -> Wished {
        assert!(!score.is_nan(), "a score is a number");
        let (old, range) = match self.as_ref() {
            SortedSetRef::Small(small) => {
                let found = few::find(small, member);
                (found.map(|pair| pair.score), found.map(|pair| pair.range()))
            }
            SortedSetRef::Large(large) => (large.ranked.score(member), None),
        };
        let wished = wish.judge(old, score);
        match (wished, old) {
            (Wished::Added(score), _) => self.insert(member, score, limits),
            (Wished::Moved(score), Some(old)) => self.move_to(member, old, range, score, limits),
            (Wished::Moved(_) | Wished::Same(_) | Wished::Refused | Wished::NotANumber, _) => {}
        }
        wished
    }

    /// Adds a member, or changes its score. O(log n), O(n) while it is small.
    pub fn set(&mut self, member: &[u8], score: f64, limits: &Limits) {
        self.add(member, score, Wish::default(), limits);
    }

    /// Adds a member that is not there.
    fn insert(&mut self, member: &[u8], score: f64, limits: &Limits) {
        if self.as_ref().len() >= limits.zset_entries || member.len() > limits.zset_value {
            self.outgrow();
        }
        self.place(member, score, limits);
    }

    /// Puts a member that is not there where it belongs, in the other form if there is no room. As in Redis, a
    /// listpack knows no -0.
    fn place(&mut self, member: &[u8], score: f64, limits: &Limits) {
        let score = if self.as_ref().is_outgrown() { score } else { score + 0.0 };
        match self {
            SortedSet::Large(large) => large.ranked.insert(member, score),
            SortedSet::Small(small) => {
                if !few::insert(small, member, score) {
                    let mut large = LargeSortedSet::of(small.as_ref(), limits);
                    large.ranked.insert(member, score);
                    *self = SortedSet::Large(Box::new(large));
                }
            }
        }
    }

    fn move_to(
        &mut self,
        member: &[u8],
        old: f64,
        range: Option<Range<usize>>,
        score: f64,
        limits: &Limits,
    ) {
        match (&mut *self, range) {
            (SortedSet::Large(large), _) => large.ranked.move_to(member, old, score),
            (SortedSet::Small(small), Some(range)) => {
                few::remove_at(small, range);
                self.place(member, score, limits);
            }
            (SortedSet::Small(_), None) => unreachable!("a known member stands somewhere"),
        }
    }

    /// Takes a member out and gives its score. O(log n), O(n) while it is small.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        match self {
            SortedSet::Small(small) => {
                let found = few::find(small.as_ref(), member)?;
                let (score, range) = (found.score, found.range());
                few::remove_at(small, range);
                Some(score)
            }
            SortedSet::Large(large) => large.ranked.remove(member),
        }
    }

    /// Takes out the members of some ranks. O(log n) each; nothing but freeing if it is all of them.
    pub fn remove_range(&mut self, ranks: Range<usize>) {
        match self {
            SortedSet::Small(small) => few::remove(small, ranks),
            SortedSet::Large(large) if ranks.len() >= large.ranked.len() => {
                *self = SortedSet::default();
            }
            SortedSet::Large(large) => {
                for _ in ranks.clone() {
                    large.ranked.take(ranks.start);
                }
            }
        }
    }

    /// Takes out up to `count` members from one side and hands them to `each`, the outermost first. O(log n) each.
    pub fn pop(&mut self, side: Side, count: usize, each: &mut dyn FnMut(Scored<'_>)) {
        let len = self.as_ref().len();
        let count = count.min(len);
        match self {
            SortedSet::Small(small) => {
                let ranks = match side {
                    Side::Min => 0..count,
                    Side::Max => len - count..len,
                };
                let set = SortedSetRef::Small(small.as_ref());
                match side {
                    Side::Min => set.range(ranks.clone()).for_each(&mut *each),
                    Side::Max => set.range_back(ranks.clone()).for_each(&mut *each),
                }
                few::remove(small, ranks);
            }
            SortedSet::Large(large) => {
                for taken in 1..=count {
                    let rank = match side {
                        Side::Min => 0,
                        Side::Max => len - taken,
                    };
                    let field = large.ranked.take(rank).expect("no more are taken than there are");
                    each(of_field(field.get()));
                }
            }
        }
    }
}

impl Wish {
    /// What becomes of a member that has the score `old`, if it is there.
    fn judge(self, old: Option<f64>, score: f64) -> Wished {
        let Some(old) = old else {
            return if self.only_known { Wished::Refused } else { Wished::Added(score) };
        };
        if self.only_new {
            return Wished::Refused;
        }
        let score = if self.add { old + score } else { score };
        if score.is_nan() {
            return Wished::NotANumber;
        }
        if self.only_greater && score <= old || self.only_less && score >= old {
            return Wished::Refused;
        }
        if score == old { Wished::Same(old) } else { Wished::Moved(score) }
    }
}

impl LargeSortedSet {
    fn between(&self, from: Place<'_>, to: Place<'_>) -> Range<usize> {
        let start = self.ranked.rank(from);
        start..self.ranked.rank(to).max(start)
    }

    fn of(small: SmallRef<'_>, limits: &Limits) -> LargeSortedSet {
        let mut map = Map::new(limits.hasher.clone());
        let mut scratch = Scratch::default();
        for pair in few::pairs(small) {
            map.add(pair.member.text(&mut scratch), Beside::Score(pair.score));
        }
        LargeSortedSet { ranked: Ranked::of(map), outgrown: small.is_outgrown() }
    }
}

fn of_field(field: FieldRef<'_>) -> Scored<'_> {
    (Element::Text(field.key()), field.score())
}

fn of_pair(pair: Pair<'_>) -> Scored<'_> {
    (pair.member, pair.score)
}

impl<'a> SortedSetRef<'a> {
    /// How many members it has. O(1).
    #[inline]
    #[expect(clippy::len_without_is_empty, reason = "an empty collection is no value")]
    pub fn len(self) -> usize {
        match self {
            SortedSetRef::Small(small) => small.len(),
            SortedSetRef::Large(large) => large.ranked.len(),
        }
    }

    /// The score of a member. O(1), O(n) while it is small.
    #[inline]
    pub fn score(self, member: &[u8]) -> Option<f64> {
        match self {
            SortedSetRef::Small(small) => few::find(small, member).map(|pair| pair.score),
            SortedSetRef::Large(large) => large.ranked.score(member),
        }
    }

    /// How many members stand before a member, and its score. O(log n), O(n) while it is small.
    pub fn rank(self, member: &[u8]) -> Option<(usize, f64)> {
        match self {
            SortedSetRef::Small(small) => {
                let found = few::find(small, member)?;
                Some((few::rank_of(small, &found), found.score))
            }
            SortedSetRef::Large(large) => {
                let score = large.ranked.score(member)?;
                Some((large.ranked.rank(Place::Before(score, member)), score))
            }
        }
    }

    /// The ranks of the members between two places. O(log n), O(n) while it is small.
    pub fn between(self, from: Place<'_>, to: Place<'_>) -> Range<usize> {
        match self {
            SortedSetRef::Small(small) => few::between(small, from, to),
            SortedSetRef::Large(large) => large.between(from, to),
        }
    }

    /// As [`Self::between`], looked for from the end: it matters only to members whose scores differ.
    pub fn between_back(self, from: Place<'_>, to: Place<'_>) -> Range<usize> {
        match self {
            SortedSetRef::Small(small) => few::between_back(small, from, to),
            SortedSetRef::Large(large) => large.between(from, to),
        }
    }

    /// The members of some ranks, in order. O(log n), and then a step each.
    pub fn range(self, ranks: Range<usize>) -> impl Iterator<Item = Scored<'a>> {
        let (small, large) = self.forms();
        let few = small.into_iter().flat_map(few::pairs).map(of_pair);
        let (skip, take) = (if small.is_some() { ranks.start } else { 0 }, ranks.len());
        let many = large.into_iter().flat_map(move |large| large.ranked.walk(ranks.start));
        few.skip(skip).chain(many.map(of_field)).take(take)
    }

    /// The members of some ranks, the last first. O(log n), and then a step each.
    pub fn range_back(self, ranks: Range<usize>) -> impl Iterator<Item = Scored<'a>> {
        let (small, large) = self.forms();
        let mut pairs: Vec<Scored<'a>> = Vec::new();
        if let Some(small) = small {
            // They are packed to be walked forwards only.
            pairs.extend(few::pairs(small).skip(ranks.start).take(ranks.len()).map(of_pair));
        }
        let take = ranks.len();
        let many = large.into_iter().flat_map(move |large| large.ranked.walk_back(ranks.end));
        pairs.into_iter().rev().chain(many.map(of_field).take(take))
    }

    /// All members in order. Allocates nothing: a snapshot child walks it.
    pub fn iter(self) -> impl Iterator<Item = Scored<'a>> {
        self.range(0..self.len())
    }

    fn forms(self) -> (Option<SmallRef<'a>>, Option<&'a LargeSortedSet>) {
        match self {
            SortedSetRef::Small(small) => (Some(small), None),
            SortedSetRef::Large(large) => (None, Some(large)),
        }
    }

    /// One step of a scan: hands out members and gives the next cursor. Begin with 0; the answer 0 is the end. A small
    /// set is handed out whole.
    pub fn scan(self, cursor: u64, each: &mut dyn FnMut(Scored<'_>)) -> u64 {
        match self {
            SortedSetRef::Small(small) => {
                few::pairs(small).map(of_pair).for_each(each);
                0
            }
            SortedSetRef::Large(large) => {
                large.ranked.scan(cursor, &mut |field| each(of_field(field)))
            }
        }
    }

    /// A member by chance, all alike. The set must not be empty. O(log n), O(n) while it is small.
    pub fn random(self, rng: &mut Rng) -> Scored<'a> {
        let pick = rng.below(self.len() as u64) as usize;
        self.range(pick..pick + 1).next().expect("fewer picked than there are")
    }

    /// Asks the processor for what looking up a member will read.
    pub fn prefetch(self, member: &[u8]) {
        match self {
            SortedSetRef::Small(_) => {}
            SortedSetRef::Large(large) => large.ranked.prefetch(member),
        }
    }

    /// Bytes that it holds outside its entry, as the allocator gives them. O(1).
    #[inline]
    pub fn heap(self) -> usize {
        match self {
            SortedSetRef::Small(_) => 0,
            SortedSetRef::Large(large) => {
                alloc::given(size_of::<LargeSortedSet>()) + large.ranked.memory()
            }
        }
    }

    /// The name OBJECT ENCODING answers.
    pub fn encoding(self) -> &'static str {
        if self.is_outgrown() { "skiplist" } else { "listpack" }
    }

    fn is_outgrown(self) -> bool {
        match self {
            SortedSetRef::Small(small) => small.is_outgrown(),
            SortedSetRef::Large(large) => large.outgrown,
        }
    }

    /// A copy that stands on its own. O(n).
    pub fn to_owned(self) -> SortedSet {
        match self {
            SortedSetRef::Small(small) => SortedSet::Small(small.to_owned()),
            SortedSetRef::Large(large) => SortedSet::Large(Box::new(large.clone())),
        }
    }
}

impl PartialEq for SortedSet {
    /// The same members with the same scores, however they are kept.
    fn eq(&self, other: &SortedSet) -> bool {
        let (one, other) = (self.as_ref(), other.as_ref());
        let (mut scratch, mut other_scratch) = (Scratch::default(), Scratch::default());
        one.len() == other.len()
            && one.iter().zip(other.iter()).all(|((member, score), (other, other_score))| {
                score == other_score && member.text(&mut scratch) == other.text(&mut other_scratch)
            })
    }
}

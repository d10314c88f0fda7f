//! A small sorted set: member and score, member and score, packed in the order of the set.
//!
//! Owns: the pairs and their order.   Uses: small, packed, score.   Never: what OBJECT ENCODING says.
//!
//! ```text
//!  | count | member | score | member | score | ...        by score, then by member
//! ```
//! Everything is O(bytes), of which there are few.

use super::place::Place;
use super::score::{self, Bits};
use crate::value::packed::{Element, Elements, Forward, append};
use crate::value::small::{Small, SmallRef};
use crate::value::text::Scratch;
use std::cmp::Ordering;
use std::ops::Range;

/// A member with its score, and the bytes in which they stand.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a> {
    /// The member.
    pub member: Element<'a>,
    /// Its score.
    pub score: f64,
    at: usize,
    end: usize,
}

impl Pair<'_> {
    /// Where it stands, for [`Small::splice`].
    pub fn range(&self) -> Range<usize> {
        self.at..self.end
    }

    /// Whether it stands before a place.
    fn is_before(&self, place: Place<'_>) -> bool {
        match place.of_score(self.score) {
            Ordering::Less => true,
            Ordering::Greater => false,
            Ordering::Equal => place.is_behind(self.member.text(&mut Scratch::default())),
        }
    }
}

/// Pairs in order.
#[derive(Clone, Copy, Debug)]
pub struct Pairs<'a>(Elements<'a, false>);

impl<'a> Iterator for Pairs<'a> {
    type Item = Pair<'a>;

    #[inline]
    fn next(&mut self) -> Option<Pair<'a>> {
        let (at, member) = self.0.next()?;
        let (score_at, score) = self.0.next().expect("every member has a score");
        let end = score_at + score.size();
        Some(Pair { member, score: score::of_element(score), at, end })
    }
}

/// All pairs.
#[inline]
pub fn pairs(small: SmallRef<'_>) -> Pairs<'_> {
    Pairs(small.packed().iter())
}

/// The pair of a member, and how many stand before it.
pub fn find<'a>(small: SmallRef<'a>, member: &[u8]) -> Option<Pair<'a>> {
    let mut form = Vec::with_capacity(member.len() + 8);
    append::<false>(Element::of(member), &mut form);
    let packed: Forward<'_> = small.packed();
    let at = packed.find(&form, 0, 2)?;
    Pairs(packed.from(at)).next()
}

/// How many pairs stand before the first one that is not before a place.
fn rank(small: SmallRef<'_>, place: Place<'_>) -> usize {
    pairs(small).take_while(|pair| pair.is_before(place)).count()
}

/// The ranks of the pairs between two places: from the first one inside as far as they are inside.
///
/// Where scores differ, members are in no order and a range of members means nothing. Real servers answer something
/// even then, and this is it: nothing where the first or the last pair is on the wrong side, or else such a run.
pub fn between(small: SmallRef<'_>, from: Place<'_>, to: Place<'_>) -> Range<usize> {
    let start = rank(small, from);
    if is_outside(small, from, to) {
        return start..start;
    }
    start..start + pairs(small).skip(start).take_while(|pair| pair.is_before(to)).count()
}

/// As [`between`], but the run ends at the last pair inside.
pub fn between_back(small: SmallRef<'_>, from: Place<'_>, to: Place<'_>) -> Range<usize> {
    if is_outside(small, from, to) {
        let start = rank(small, from);
        return start..start;
    }
    let (mut start, mut run) = (0, 0..0);
    for (rank, pair) in pairs(small).enumerate() {
        if pair.is_before(from) {
            start = rank + 1;
        }
        if pair.is_before(to) {
            run = start..rank + 1;
        }
    }
    run
}

/// Whether all pairs stand before or behind a range, as far as the first and the last one tell.
fn is_outside(small: SmallRef<'_>, from: Place<'_>, to: Place<'_>) -> bool {
    let is_behind = pairs(small).next().is_none_or(|first| !first.is_before(to));
    is_behind || pairs(small).last().is_none_or(|last| last.is_before(from))
}

/// Pairs that stand before one that was found.
pub fn rank_of(small: SmallRef<'_>, found: &Pair<'_>) -> usize {
    pairs(small).take_while(|pair| pair.at < found.at).count()
}

/// Takes out the pairs of some ranks.
pub fn remove(small: &mut Small, ranks: Range<usize>) {
    let mut gone = pairs(small.as_ref()).skip(ranks.start).take(ranks.len());
    let Some(first) = gone.next() else { return };
    let (last, count) = gone.fold((first, 1), |(_, count), pair| (pair, count + 1));
    let range = first.at..last.end;
    small.splice(range, &[], -count);
}

/// Takes out one pair.
pub fn remove_at(small: &mut Small, range: Range<usize>) {
    small.splice(range, &[], -1);
}

/// Puts a member that is not there at its place. Gives up if there is no room.
pub fn insert(small: &mut Small, member: &[u8], score: f64) -> bool {
    let mut form = Vec::with_capacity(member.len() + 16);
    write(member, score, &mut form);
    if !small.has_room(form.len()) {
        return false;
    }
    let place = Place::Before(score, member);
    let behind = pairs(small.as_ref()).find(|pair| !pair.is_before(place));
    let at = behind.map_or(small.as_ref().packed::<false>().bytes().len(), |pair| pair.at);
    small.splice(at..at, &form, 1);
    true
}

/// Adds the form of a pair.
pub fn write(member: &[u8], score: f64, out: &mut Vec<u8>) {
    append::<false>(Element::of(member), out);
    append::<false>(score::to_element(score, &mut Bits::default()), out);
}

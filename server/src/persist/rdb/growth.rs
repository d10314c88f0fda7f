//! A collection on its way in: takes one element after another, and refuses what no collection may hold.
//!
//! Owns: the value until it is whole.   Uses: value, flaw.   Never: where the elements come from.
//!
//! It is built where the snapshot is decoded, so the core only moves it to its key.

use super::flaw::Flaw;
use crate::value::hash::Until;
use crate::value::limits::Limits;
use crate::value::sorted_set::{Gather, Wish, Wished};
use crate::value::text::Scratch;
use crate::value::{Hash, List, Set, Side, SortedSet, Value};

/// A sorted set of more members is ordered when all are there: one sort instead of so many insertions.
const GATHERED: u64 = 64;

/// What has been taken. The first element decides what it is, and a shape has elements of one kind.
#[derive(Debug, Default)]
pub(super) enum Growth {
    /// Nothing yet.
    #[default]
    Nothing,
    List(List),
    Set(Set),
    Hash(Hash),
    SortedSet(SortedSet),
    Gathered(Gather),
}

impl Growth {
    /// The whole value. O(1), O(n log n) for a sorted set.
    ///
    /// # Errors
    /// There is no element.
    pub fn finish(&mut self, limits: &Limits) -> Result<Value, Flaw> {
        let empty = Flaw("it has no elements");
        Ok(match std::mem::take(self) {
            Growth::Nothing => return Err(empty),
            Growth::List(list) => Value::List(list),
            Growth::Set(set) => Value::Set(set),
            Growth::Hash(hash) => Value::Hash(hash),
            Growth::SortedSet(set) => Value::SortedSet(set),
            Growth::Gathered(gather) => Value::SortedSet(gather.finish(limits).ok_or(empty)?),
        })
    }

    /// Takes the next element of a list. O(1).
    #[inline]
    pub fn push(&mut self, text: &[u8], limits: &Limits) {
        if !matches!(self, Growth::List(_)) {
            *self = Growth::List(List::new());
        }
        if let Growth::List(list) = self {
            list.expect_more(1, text.len(), limits);
            list.push(Side::Right, text);
        }
    }

    /// Takes a member of a set, of which `hint` are said to come. O(1), O(n) in a small set.
    ///
    /// # Errors
    /// It is there already.
    #[inline]
    pub fn member(&mut self, member: &[u8], hint: u64, limits: &Limits) -> Result<(), Flaw> {
        if !matches!(self, Growth::Set(_)) {
            *self = Growth::Set(Set::new(member, count(hint), limits));
        }
        let mut is_new = false;
        if let Growth::Set(set) = self {
            is_new = set.add(member, limits);
        }
        if is_new { Ok(()) } else { Err(Flaw("a member stands there twice")) }
    }

    /// Takes a field of a hash, of which `hint` are said to come. O(1), O(n) in a small hash.
    ///
    /// # Errors
    /// It is there already.
    #[inline]
    pub fn field(
        &mut self,
        (name, value): (&[u8], &[u8]),
        deadline: Option<i64>,
        hint: u64,
        limits: &Limits,
    ) -> Result<(), Flaw> {
        if !matches!(self, Growth::Hash(_)) {
            let mut hash = Hash::new();
            hash.expect_more(count(hint), limits);
            *self = Growth::Hash(hash);
        }
        let until = deadline.map_or(Until::Ever, Until::At);
        let mut is_new = false;
        if let Growth::Hash(hash) = self {
            is_new = hash.set(name, value, until, limits);
        }
        if is_new { Ok(()) } else { Err(Flaw("a field stands there twice")) }
    }

    /// Takes a member of a sorted set, of which `hint` are said to come. O(1), O(n) in a small set.
    ///
    /// # Errors
    /// It is there already, or its score is no number.
    #[inline]
    pub fn scored(
        &mut self,
        member: &[u8],
        score: f64,
        hint: u64,
        limits: &Limits,
    ) -> Result<(), Flaw> {
        if score.is_nan() {
            return Err(Flaw("a score is not a number"));
        }
        // Small sets add 0 for -0 as long as they are shown as packed, which only the end decides.
        let is_minus_zero = score == 0.0 && score.is_sign_negative();
        if hint > GATHERED || is_minus_zero {
            self.gather(limits);
        } else if matches!(self, Growth::Nothing) {
            *self = Growth::SortedSet(SortedSet::new(count(hint), member.len(), limits));
        }
        let mut is_new = true;
        match self {
            Growth::Gathered(gather) => gather.merge(member, score, |old, _| {
                is_new = false;
                old
            }),
            Growth::SortedSet(set) => {
                let added = set.add(member, score, Wish::default(), limits);
                is_new = matches!(added, Wished::Added(_));
            }
            Growth::Nothing | Growth::List(_) | Growth::Set(_) | Growth::Hash(_) => {}
        }
        if is_new { Ok(()) } else { Err(Flaw("a member stands there twice")) }
    }
}

impl Growth {
    /// Goes on with a sorted set that is not in order yet.
    fn gather(&mut self, limits: &Limits) {
        if matches!(self, Growth::Gathered(_)) {
            return;
        }
        let mut gather = Gather::new(limits);
        if let Growth::SortedSet(set) = self {
            for (member, score) in set.as_ref().iter() {
                gather.add(member.text(&mut Scratch::default()), score);
            }
        }
        *self = Growth::Gathered(gather);
    }
}

/// A number that was only claimed, as a hint.
fn count(hint: u64) -> usize {
    usize::try_from(hint).unwrap_or(usize::MAX)
}

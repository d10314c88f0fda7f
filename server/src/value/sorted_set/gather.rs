//! A sorted set that is built from members in any order.
//!
//! Owns: the members until all are there.   Uses: map, ranked.   Never: where they come from.
//!
//! Nothing is sorted before the end, so n members cost one sort and not n insertions into an order.

use super::few;
use super::ranked::Ranked;
use super::{LargeSortedSet, SortedSet};
use crate::value::field::{Beside, FieldRef};
use crate::value::limits::Limits;
use crate::value::map::Map;
use crate::value::packed::Element;
use crate::value::small::{SMALL_MAX, Small};

/// Members that will be a sorted set.
#[derive(Debug)]
pub struct Gather {
    map: Map,
    longest: usize,
}

impl Gather {
    /// None yet.
    pub fn new(limits: &Limits) -> Gather {
        Gather { map: Map::new(limits.hasher.clone()), longest: 0 }
    }

    /// Makes room for so many, if there are none yet. They must be there, and not merely be claimed.
    pub fn expect(&mut self, members: usize) {
        self.map.reserve(members);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// Adds a member that is not there yet. O(1).
    pub fn add(&mut self, member: &[u8], score: f64) {
        self.longest = self.longest.max(member.len());
        self.map.add(member, Beside::Score(score));
    }

    /// Adds a member, or gives it the score that `both` makes of the one it has and this one. O(1).
    pub fn merge(&mut self, member: &[u8], score: f64, both: impl FnOnce(f64, f64) -> f64) {
        match self.map.get(member).map(FieldRef::score) {
            None => self.add(member, score),
            Some(old) => {
                self.map.set(member, Beside::Score(both(old, score)));
            }
        }
    }

    /// Asks the processor for what [`Gather::merge`] will read.
    pub fn prefetch(&self, member: Element<'_>) {
        if let Element::Text(text) = member {
            self.map.prefetch(text);
        }
    }

    /// The set, to be kept; none if there is no member. O(n log n).
    pub fn finish(mut self, limits: &Limits) -> Option<SortedSet> {
        if self.is_empty() {
            return None;
        }
        let outgrown = self.len() > limits.zset_entries || self.longest > limits.zset_value;
        if !outgrown {
            self.forget_signs();
        }
        let ranked = Ranked::of(self.map);
        // An element takes a byte at least.
        let may_fit = ranked.len() <= SMALL_MAX / 2;
        let small = may_fit.then(|| to_small(&ranked, outgrown)).flatten();
        Some(
            small
                .unwrap_or_else(|| SortedSet::Large(Box::new(LargeSortedSet { ranked, outgrown }))),
        )
    }

    /// The members in order, to be read once and dropped. O(n log n).
    pub fn sorted(self) -> SortedSet {
        let ranked = Ranked::of(self.map);
        SortedSet::Large(Box::new(LargeSortedSet { ranked, outgrown: true }))
    }

    /// Turns -0 into 0: what is shown as a listpack has no -0.
    fn forget_signs(&mut self) {
        let is_signed = |field: &FieldRef<'_>| field.score().to_bits() == (-0.0_f64).to_bits();
        let signed = self.map.iter().filter(is_signed).map(|field| field.key().to_vec());
        for member in signed.collect::<Vec<_>>() {
            self.map.set(&member, Beside::Score(0.0));
        }
    }
}

/// The same members packed, if they fit.
fn to_small(ranked: &Ranked, outgrown: bool) -> Option<SortedSet> {
    let mut packed = Vec::with_capacity(SMALL_MAX);
    let mut small = Small::new();
    for field in ranked.walk(0) {
        few::write(field.key(), field.score(), &mut packed);
        if !small.has_room(packed.len()) {
            return None;
        }
    }
    let count = isize::try_from(ranked.len()).expect("a length is no more than half a word");
    small.splice(0..0, &packed, count);
    if outgrown {
        small.outgrow();
    }
    Some(SortedSet::Small(small))
}

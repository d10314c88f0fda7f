//! A large sorted set: members found by name, and the same members in order.
//!
//! Owns: the members, and the handles that lead to them.   Uses: map, ordered.   Never: thresholds.
//!
//! ```text
//!  map     hash -> field   [ member | score ]   [ member | score ] ...      owns the blocks
//!                                ^                    ^
//!  order   by score, then member |                    |                     handles: 8 bytes each
//! ```
//!
//! Member and score are kept once. A score is changed in its block, which stays where it is.
//!
//! Invariants
//!  1. The handles in `order` are exactly those of the blocks that `map` owns, each once; between two calls of a method
//!     there is no other handle.
//!  2. `order` is by (score, member). So a handle is taken out before its score is changed, and put back afterwards.
//!  3. No score is NaN.
#![allow(unsafe_code)]

use super::place::Place;
use crate::base::index::prefetch;
use crate::base::random::KeyHasher;
use crate::value::field::{Beside, Field, FieldRef};
use crate::value::map::Map;
use crate::value::ordered::{Handle, Ordered, Probe, Walk, WalkBack};
use std::cmp::Ordering;
use std::fmt;
use std::ptr::NonNull;

/// Members by name and in order.
pub struct Ranked {
    map: Map,
    order: Ordered<Member>,
}

/// A handle: the block of a field that the map next to it owns. Nothing of this type leaves this file.
#[derive(Clone, Copy)]
struct Member(NonNull<u8>);

// SAFETY: a handle is followed only by the methods of the `Ranked` that owns its block.
unsafe impl Send for Member {}
// SAFETY: as for Send; with `&Ranked` blocks are only read.
unsafe impl Sync for Member {}

impl Member {
    fn of(field: FieldRef<'_>) -> Member {
        Member(field.block())
    }

    /// The element, which its caller must not keep beyond the borrow of the `Ranked` or a change to this element.
    #[inline]
    fn field<'a>(self) -> FieldRef<'a> {
        // SAFETY: handles exist in this file only, and those that are followed are of blocks that the map owns (invariant
        // 1); whoever calls this gives 'a no more than its own borrow of the map.
        unsafe { FieldRef::of(self.0) }
    }
}

impl Handle for Member {
    type Key = f64;

    #[inline]
    fn key(self) -> f64 {
        self.field().score()
    }

    #[inline]
    fn prefetch(self) {
        prefetch(self.0.as_ptr());
    }
}

impl Probe<Member> for Place<'_> {
    #[inline]
    fn key(&self, key: f64) -> Ordering {
        self.of_score(key)
    }

    #[inline]
    fn is_before(&self, item: Member) -> bool {
        let field = item.field();
        match self.of_score(field.score()) {
            Ordering::Less => true,
            Ordering::Greater => false,
            Ordering::Equal => self.is_behind(field.key()),
        }
    }
}

impl Ranked {
    /// The members of a map whose elements all have scores. O(n log n); O(n) if it gives them in order.
    pub fn of(map: Map) -> Ranked {
        // The scores are copied, for sorting would look them up again and again.
        let mut handles: Vec<(f64, Member)> =
            map.iter().map(|field| (field.score(), Member::of(field))).collect();
        handles.sort_unstable_by(|(score, one), (other_score, other)| {
            let by_score = score.partial_cmp(other_score).unwrap_or(Ordering::Equal);
            by_score.then_with(|| one.field().key().cmp(other.field().key()))
        });
        let order = Ordered::from_sorted(handles.into_iter().map(|(_, member)| member));
        Ranked { map, order }
    }

    /// Members that come in order, each once. O(n).
    pub fn from_sorted<'a>(
        hasher: KeyHasher,
        members: impl Iterator<Item = (&'a [u8], f64)>,
    ) -> Ranked {
        let mut map = Map::new(hasher);
        let handles: Vec<Member> = members
            .map(|(member, score)| Member::of(map.add(member, Beside::Score(score))))
            .collect();
        Ranked { map, order: Ordered::from_sorted(handles.into_iter()) }
    }

    /// How many members. O(1).
    #[inline]
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// The score of a member. O(1).
    #[inline]
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        self.map.get(member).map(FieldRef::score)
    }

    /// How many members stand before a place. O(log n).
    #[inline]
    pub fn rank(&self, place: Place<'_>) -> usize {
        match place {
            Place::Start => 0,
            Place::End => self.len(),
            Place::BeforeScore(_)
            | Place::BehindScore(_)
            | Place::BeforeMember(_)
            | Place::BehindMember(_)
            | Place::Before(..) => self.order.rank(&place),
        }
    }

    /// The members from a rank on. O(log n), and then a step each.
    pub fn walk(&self, rank: usize) -> Forwards<'_> {
        Forwards(self.order.walk(rank))
    }

    /// The members before a rank, the last first. O(log n), and then a step each.
    pub fn walk_back(&self, rank: usize) -> Backwards<'_> {
        Backwards(self.order.walk_back(rank))
    }

    /// Adds a member that is not there. O(log n).
    pub fn insert(&mut self, member: &[u8], score: f64) {
        let handle = Member::of(self.map.add(member, Beside::Score(score)));
        self.order.insert(handle, &Place::Before(score, member));
    }

    /// Gives a member, which is there with the score `old`, another score. O(log n).
    pub fn move_to(&mut self, member: &[u8], old: f64, score: f64) {
        let rank = self.order.rank(&Place::Before(old, member));
        let handle = self.order.remove(rank).expect("a member of the map stands in the order");
        self.map.set(member, Beside::Score(score));
        self.order.insert(handle, &Place::Before(score, member));
    }

    /// Takes a member out and gives its score. O(log n).
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let score = self.score(member)?;
        let rank = self.order.rank(&Place::Before(score, member));
        self.order.remove(rank);
        self.map.remove(member);
        Some(score)
    }

    /// Takes the member of a rank out. O(log n).
    pub fn take(&mut self, rank: usize) -> Option<Field> {
        let handle = self.order.remove(rank)?;
        // The name stands in the block that the map gives away here and that nobody frees before the end.
        self.map.remove(handle.field().key())
    }

    /// One step of a scan; see [`Map::scan`].
    pub fn scan(&self, cursor: u64, each: &mut dyn FnMut(FieldRef<'_>)) -> u64 {
        self.map.scan(cursor, each)
    }

    /// Asks the processor for what looking up a member will read.
    pub fn prefetch(&self, member: &[u8]) {
        self.map.prefetch(member);
    }

    /// Bytes that it holds, as the allocator gives them. O(1).
    pub fn memory(&self) -> usize {
        self.map.memory() + self.order.memory()
    }
}

impl Clone for Ranked {
    fn clone(&self) -> Ranked {
        let members = self.walk(0).map(|field| (field.key(), field.score()));
        Ranked::from_sorted(self.map.hasher().clone(), members)
    }
}

impl fmt::Debug for Ranked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.walk(0)).finish()
    }
}

/// Members in order from somewhere on.
pub struct Forwards<'a>(Walk<'a, Member>);

impl<'a> Iterator for Forwards<'a> {
    type Item = FieldRef<'a>;

    #[inline]
    fn next(&mut self) -> Option<FieldRef<'a>> {
        if let Some(soon) = self.0.soon() {
            prefetch(soon.0.as_ptr());
        }
        self.0.next().map(Member::field)
    }
}

/// Members in the opposite order from somewhere on.
pub struct Backwards<'a>(WalkBack<'a, Member>);

impl<'a> Iterator for Backwards<'a> {
    type Item = FieldRef<'a>;

    #[inline]
    fn next(&mut self) -> Option<FieldRef<'a>> {
        if let Some(soon) = self.0.soon() {
            prefetch(soon.0.as_ptr());
        }
        self.0.next().map(Member::field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    type Model = BTreeMap<Vec<u8>, f64>;

    fn sorted(model: &Model) -> Vec<(Vec<u8>, f64)> {
        let mut list: Vec<(Vec<u8>, f64)> =
            model.iter().map(|(member, score)| (member.clone(), *score)).collect();
        list.sort_by(|one, other| one.1.total_cmp(&other.1).then_with(|| one.0.cmp(&other.0)));
        list
    }

    fn listed<'a>(fields: impl Iterator<Item = FieldRef<'a>>) -> Vec<(Vec<u8>, f64)> {
        fields.map(|field| (field.key().to_vec(), field.score())).collect()
    }

    fn agrees(set: &Ranked, model: &Model) {
        let list = sorted(model);
        assert_eq!(set.len(), list.len());
        assert_eq!(listed(set.walk(0)), list);
        let mut back = listed(set.walk_back(set.len()));
        back.reverse();
        assert_eq!(back, list);
        for (rank, (member, score)) in list.iter().enumerate() {
            assert_eq!(set.rank(Place::Before(*score, member)), rank);
            assert_eq!(
                set.walk(rank).next().map(|field| field.key().to_vec()).as_ref(),
                Some(member)
            );
        }
    }

    fn empty() -> Ranked {
        Ranked::of(Map::new(KeyHasher::new(3)))
    }

    #[test]
    fn many_random_scores_take_little() {
        let (mut set, mut rng) = (empty(), crate::base::random::Rng::new(5));
        let count: u32 = 200_000;
        for number in 0..count {
            set.insert(format!("member:{number:08}").as_bytes(), rng.next_u64() as f64 / 3.0);
        }
        let each = set.memory() as f64 / f64::from(count);
        assert!(each < 57.0, "{each} bytes");
        for rank in (0..count as usize).rev().step_by(1000) {
            assert!(set.take(rank).is_some());
        }
        assert_eq!(set.clone().len(), set.len());
    }

    proptest! {
        #[test]
        fn agrees_with_an_ordinary_map(
            steps in proptest::collection::vec((0u8..6, 0u16..300, -5i8..5), 0..1_500)
        ) {
            let (mut set, mut model) = (empty(), Model::new());
            for (what, name, score) in steps {
                let (member, score) = (format!("{name:03}").into_bytes(), f64::from(score) / 2.0);
                match (what, model.get(&member).copied()) {
                    (0, old) => {
                        prop_assert_eq!(set.remove(&member), old);
                        model.remove(&member);
                    }
                    (1, _) if !model.is_empty() => {
                        let rank = usize::from(name) % model.len();
                        let (member, _) = sorted(&model).swap_remove(rank);
                        let taken = set.take(rank).map(|field| field.get().key().to_vec());
                        prop_assert_eq!(taken.as_ref(), Some(&member));
                        model.remove(&member);
                    }
                    (_, Some(old)) => {
                        set.move_to(&member, old, score);
                        model.insert(member, score);
                    }
                    (_, None) => {
                        set.insert(&member, score);
                        model.insert(member, score);
                    }
                }
            }
            agrees(&set, &model);
            agrees(&set.clone(), &model);
            let mut map = Map::new(KeyHasher::new(9));
            for (member, score) in &model {
                map.set(member, Beside::Score(*score));
            }
            agrees(&Ranked::of(map), &model);
            for score in [-9.0, -1.0, 0.0, 0.5, 9.0] {
                let list = sorted(&model);
                let before = list.partition_point(|(_, other)| *other < score);
                let behind = list.partition_point(|(_, other)| *other <= score);
                prop_assert_eq!(set.rank(Place::BeforeScore(score)), before);
                prop_assert_eq!(set.rank(Place::BehindScore(score)), behind);
            }
        }
    }
}

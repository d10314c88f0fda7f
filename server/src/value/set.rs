//! Sets: texts, each at most once.
//!
//! Owns: the three forms of a set and when one becomes another.   Uses: `int_set`, small, map.   Never: entries, replies.
//!
//! ```text
//!  Ints    sorted numbers                 in the entry, up to 4095 bytes
//!  Small   packed members                 in the entry, up to 2048 bytes
//!  Large   index -> one block a member    outside
//! ```
//! What OBJECT ENCODING says follows Redis's thresholds and only ever goes one way: intset, listpack, hashtable. A set
//! that is shown as one may be kept in another form.

use super::field::Beside;
use super::int_set::{IntSet, IntSetRef};
use super::limits::Limits;
use super::map::Map;
use super::packed::{Element, Forward, append};
use super::small::{SMALL_MAX, Small, SmallRef};
use super::text::Scratch;
use crate::base::bytes::parse_i64;
use crate::base::random::Rng;

/// A set that somebody owns.
#[derive(Clone, Debug)]
pub enum Set {
    /// Numbers only.
    Ints(IntSet),
    /// Few members.
    Small(Small),
    /// Any number of members.
    Large(Box<LargeSet>),
}

/// A set, to be read.
#[derive(Clone, Copy, Debug)]
pub enum SetRef<'a> {
    /// Numbers only.
    Ints(IntSetRef<'a>),
    /// Few members.
    Small(SmallRef<'a>),
    /// Any number of members.
    Large(&'a LargeSet),
}

/// A set with a table.
#[derive(Debug)]
pub struct LargeSet {
    map: Map,
    shown: Shown,
}

/// What OBJECT ENCODING says, in the order in which a set grows out of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shown {
    /// As an intset.
    Ints,
    /// As a listpack.
    Packed,
    /// As a hashtable.
    Table,
}

impl Clone for LargeSet {
    fn clone(&self) -> LargeSet {
        let mut map = self.map.fresh();
        for field in self.map.iter() {
            map.set(field.key(), Beside::Nothing);
        }
        LargeSet { map, shown: self.shown }
    }
}

impl PartialEq for Set {
    /// The same members, however they are kept.
    fn eq(&self, other: &Set) -> bool {
        let (a, b) = (self.as_ref(), other.as_ref());
        let mut scratch = Scratch::default();
        a.len() == b.len() && a.iter().all(|member| b.contains(member.text(&mut scratch)))
    }
}

impl Set {
    /// An empty set for members of which the first is given and `hint` are to come.
    pub fn new(first: &[u8], hint: usize, limits: &Limits) -> Set {
        let is_int = parse_i64(first).is_some();
        if is_int && hint <= limits.set_ints {
            Set::Ints(IntSet::new())
        } else {
            let mut small = Small::new();
            if hint > limits.set_entries {
                small.outgrow();
            }
            Set::Small(small)
        }
    }

    /// The same, borrowed.
    #[inline]
    pub fn as_ref(&self) -> SetRef<'_> {
        match self {
            Set::Ints(ints) => SetRef::Ints(ints.as_ref()),
            Set::Small(small) => SetRef::Small(small.as_ref()),
            Set::Large(large) => SetRef::Large(large),
        }
    }

    /// Tells that so many members are to come at once: more than a threshold are shown as a table from the beginning.
    pub fn expect_more(&mut self, hint: usize, limits: &Limits) {
        match self.as_ref().shown() {
            Shown::Ints if hint > limits.set_ints => self.show(Shown::Table, limits),
            Shown::Packed if hint > limits.set_entries => self.show(Shown::Table, limits),
            Shown::Ints | Shown::Packed | Shown::Table => {}
        }
    }

    /// Adds a member; tells whether it is new. O(1), O(n) while it is small; now and then the growth of a segment.
    #[inline]
    pub fn add(&mut self, member: &[u8], limits: &Limits) -> bool {
        match self {
            Set::Large(large) => large.add(member, limits),
            Set::Small(_) => self.add_small(member, limits),
            Set::Ints(_) => self.add_to_ints(member, limits),
        }
    }

    fn add_to_ints(&mut self, member: &[u8], limits: &Limits) -> bool {
        let Set::Ints(ints) = self else { return self.add(member, limits) };
        let Some(number) = parse_i64(member) else {
            let shown = ints.as_ref().shown_with(member, limits);
            self.show(shown, limits);
            return self.add(member, limits);
        };
        if !ints.has_room(number) {
            if ints.as_ref().contains(number) {
                return false;
            }
            *self = Set::Large(Box::new(self.as_ref().to_large(Shown::Ints, limits)));
            return self.add(member, limits);
        }
        let is_new = ints.add(number);
        if is_new && ints.as_ref().len() > limits.set_ints {
            self.show(Shown::Table, limits);
        }
        is_new
    }

    fn add_small(&mut self, member: &[u8], limits: &Limits) -> bool {
        let Set::Small(small) = self else { return self.add(member, limits) };
        let mut form = Vec::with_capacity(member.len() + 8);
        append::<false>(Element::of(member), &mut form);
        let packed: Forward<'_> = small.as_ref().packed();
        if packed.find(&form, 0, 1).is_some() {
            return false;
        }
        if small.as_ref().len() >= limits.set_entries || member.len() > limits.set_value {
            small.outgrow();
        }
        let end = small.as_ref().packed::<false>().bytes().len();
        if small.has_room(form.len()) {
            small.splice(end..end, &form, 1);
            return true;
        }
        let shown = if small.as_ref().is_outgrown() { Shown::Table } else { Shown::Packed };
        *self = Set::Large(Box::new(self.as_ref().to_large(shown, limits)));
        self.add(member, limits)
    }

    /// Removes a member; tells whether it was there. O(1), O(n) while it is small.
    #[inline]
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match self {
            Set::Ints(ints) => parse_i64(member).is_some_and(|number| ints.remove(number)),
            Set::Small(small) => {
                let mut form = Vec::with_capacity(member.len() + 8);
                append::<false>(Element::of(member), &mut form);
                let packed: Forward<'_> = small.as_ref().packed();
                let Some(at) = packed.find(&form, 0, 1) else { return false };
                small.splice(at..at + form.len(), &[], -1);
                true
            }
            Set::Large(large) => large.map.remove(member).is_some(),
        }
    }

    /// Takes a member out by chance and hands it to `each`. The set must not be empty.
    pub fn pop(&mut self, rng: &mut Rng) -> Vec<u8> {
        let member = self.as_ref().random(rng).text(&mut Scratch::default()).to_vec();
        self.remove(&member);
        member
    }

    /// Takes another form, if it must, to be shown so.
    fn show(&mut self, shown: Shown, limits: &Limits) {
        match (&mut *self, shown) {
            (Set::Large(large), shown) => large.shown = shown.max(large.shown),
            (Set::Small(small), Shown::Table) => small.outgrow(),
            (Set::Small(_), Shown::Ints | Shown::Packed) | (Set::Ints(_), Shown::Ints) => {}
            (Set::Ints(ints), Shown::Packed | Shown::Table) => {
                *self = from_ints(ints.as_ref(), shown, limits);
            }
        }
    }
}

/// A set of numbers in the form for any texts.
fn from_ints(ints: IntSetRef<'_>, shown: Shown, limits: &Limits) -> Set {
    let mut packed = Vec::with_capacity(ints.len() * 5);
    ints.iter().for_each(|number| append::<false>(Element::Int(number), &mut packed));
    if packed.len() + 2 > SMALL_MAX {
        return Set::Large(Box::new(SetRef::Ints(ints).to_large(shown, limits)));
    }
    let mut small = Small::new();
    let count = isize::try_from(ints.len()).expect("fewer numbers than bytes");
    small.splice(0..0, &packed, count);
    if shown == Shown::Table {
        small.outgrow();
    }
    Set::Small(small)
}

impl IntSetRef<'_> {
    /// How a set of these numbers is shown once `member`, which is no number, is in it too.
    fn shown_with(self, member: &[u8], limits: &Limits) -> Shown {
        let digits = |number: i64| Scratch::default().write(number).len();
        let longest = if self.len() == 0 {
            0
        } else {
            digits(self.at(0)).max(digits(self.at(self.len() - 1)))
        };
        let fits = self.len() < limits.set_entries && longest.max(member.len()) <= limits.set_value;
        if fits { Shown::Packed } else { Shown::Table }
    }
}

impl LargeSet {
    #[inline]
    fn add(&mut self, member: &[u8], limits: &Limits) -> bool {
        let is_new = self.map.set(member, Beside::Nothing);
        if is_new && self.shown < Shown::Table {
            self.outgrow(member, limits);
        }
        is_new
    }

    /// Looks whether it is shown in another way with its new member.
    fn outgrow(&mut self, member: &[u8], limits: &Limits) {
        let fits_packed = self.map.len() <= limits.set_entries && member.len() <= limits.set_value;
        self.shown = match self.shown {
            Shown::Ints if parse_i64(member).is_some() && self.map.len() <= limits.set_ints => {
                Shown::Ints
            }
            Shown::Ints if parse_i64(member).is_some() => Shown::Table,
            Shown::Ints | Shown::Packed if fits_packed => Shown::Packed,
            Shown::Ints | Shown::Packed | Shown::Table => Shown::Table,
        };
    }
}

impl<'a> SetRef<'a> {
    /// How many members it has. O(1).
    #[inline]
    #[expect(clippy::len_without_is_empty, reason = "an empty collection is no value")]
    pub fn len(self) -> usize {
        match self {
            SetRef::Ints(ints) => ints.len(),
            SetRef::Small(small) => small.len(),
            SetRef::Large(large) => large.map.len(),
        }
    }

    /// Whether a member is in it. O(1), O(n) while it is small.
    #[inline]
    pub fn contains(self, member: &[u8]) -> bool {
        match self {
            SetRef::Ints(ints) => parse_i64(member).is_some_and(|number| ints.contains(number)),
            SetRef::Small(small) => {
                let mut form = Vec::with_capacity(member.len() + 8);
                append::<false>(Element::of(member), &mut form);
                small.packed::<false>().find(&form, 0, 1).is_some()
            }
            SetRef::Large(large) => large.map.get(member).is_some(),
        }
    }

    /// Like [`SetRef::contains`], of an element of another set.
    #[inline]
    pub fn contains_element(self, member: Element<'_>) -> bool {
        match (self, member) {
            (SetRef::Ints(ints), Element::Int(number)) => ints.contains(number),
            _ => self.contains(member.text(&mut Scratch::default())),
        }
    }

    /// Asks the processor for what a look-up of a member will read.
    #[inline]
    pub fn prefetch(self, member: Element<'_>) {
        if let (SetRef::Large(large), Element::Text(text)) = (self, member) {
            large.map.prefetch(text);
        }
    }

    /// Begins to look for a member: its hash, and the processor is asked for the first that will be read.
    #[inline]
    pub fn begin_search(self, member: Element<'_>) -> u64 {
        let (SetRef::Large(large), Element::Text(text)) = (self, member) else { return 0 };
        let hash = large.map.hash(text);
        large.map.prefetch_bucket(hash);
        hash
    }

    /// Like [`SetRef::contains_element`], with what [`SetRef::begin_search`] gave.
    #[inline]
    pub fn end_search(self, member: Element<'_>, hash: u64) -> bool {
        match (self, member) {
            (SetRef::Large(large), Element::Text(text)) => {
                large.map.get_hashed(hash, text).is_some()
            }
            _ => self.contains_element(member),
        }
    }

    /// All members, in no order that means anything. Allocates nothing: a snapshot child walks it.
    pub fn iter(self) -> impl Iterator<Item = Element<'a>> {
        let (ints, small, large) = match self {
            SetRef::Ints(ints) => (Some(ints), None, None),
            SetRef::Small(small) => (None, Some(small), None),
            SetRef::Large(large) => (None, None, Some(large)),
        };
        let ints = ints.into_iter().flat_map(IntSetRef::iter).map(Element::Int);
        let small = small.into_iter().flat_map(|small| small.packed::<false>().iter());
        let large = large.into_iter().flat_map(|large| large.map.iter());
        let large = large.map(|field| Element::Text(field.key()));
        ints.chain(small.map(|(_, element)| element)).chain(large)
    }

    /// One step of a scan: hands out members and gives the next cursor. Begin with 0; the answer 0 is the end. A
    /// set without a table is handed out whole.
    pub fn scan(self, cursor: u64, each: &mut dyn FnMut(Element<'_>)) -> u64 {
        if let SetRef::Large(large) = self {
            return large.map.scan(cursor, &mut |field| each(Element::Text(field.key())));
        }
        self.iter().for_each(each);
        0
    }

    /// A member by chance. The set must not be empty.
    pub fn random(self, rng: &mut Rng) -> Element<'a> {
        let pick = |rng: &mut Rng| rng.below(self.len() as u64) as usize;
        match self {
            SetRef::Ints(ints) => Element::Int(ints.at(pick(rng))),
            SetRef::Small(small) => {
                let nth = small.packed::<false>().iter().nth(pick(rng));
                nth.expect("fewer picked than there are").1
            }
            SetRef::Large(large) => {
                Element::Text(large.map.random(rng).expect("a set has members").key())
            }
        }
    }

    /// Bytes that it holds outside its entry, as the allocator gives them. O(1).
    #[inline]
    pub fn heap(self) -> usize {
        match self {
            SetRef::Ints(_) | SetRef::Small(_) => 0,
            SetRef::Large(large) => size_of::<LargeSet>() + large.map.memory(),
        }
    }

    /// The name OBJECT ENCODING answers.
    pub fn encoding(self) -> &'static str {
        match self.shown() {
            Shown::Ints => "intset",
            Shown::Packed => "listpack",
            Shown::Table => "hashtable",
        }
    }

    /// A copy that stands on its own. O(n).
    pub fn to_owned(self) -> Set {
        match self {
            SetRef::Ints(ints) => Set::Ints(ints.to_owned()),
            SetRef::Small(small) => Set::Small(small.to_owned()),
            SetRef::Large(large) => Set::Large(Box::new(large.clone())),
        }
    }

    /// How OBJECT ENCODING shows it.
    pub fn shown(self) -> Shown {
        match self {
            SetRef::Ints(_) => Shown::Ints,
            SetRef::Small(small) if small.is_outgrown() => Shown::Table,
            SetRef::Small(_) => Shown::Packed,
            SetRef::Large(large) => large.shown,
        }
    }

    fn to_large(self, shown: Shown, limits: &Limits) -> LargeSet {
        let mut map = Map::new(limits.hasher.clone());
        let mut scratch = Scratch::default();
        for member in self.iter() {
            map.set(member.text(&mut scratch), Beside::Nothing);
        }
        LargeSet { map, shown }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn texts(set: SetRef<'_>) -> BTreeSet<Vec<u8>> {
        set.iter().map(|member| member.text(&mut Scratch::default()).to_vec()).collect()
    }

    fn member() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            (-50i64..50).prop_map(|number| number.to_string().into_bytes()),
            any::<i64>().prop_map(|number| number.to_string().into_bytes()),
            "[a-d]{0,3}".prop_map(String::into_bytes),
            proptest::collection::vec(any::<u8>(), 60..70),
        ]
    }

    #[test]
    fn it_is_shown_as_in_redis() {
        let limits = Limits::default();
        let mut set = Set::new(b"1", 1, &limits);
        for number in 1..=512 {
            set.add(number.to_string().as_bytes(), &limits);
            assert_eq!(set.as_ref().encoding(), "intset");
        }
        set.add(b"513", &limits);
        assert_eq!(set.as_ref().encoding(), "hashtable");
        let mut set = Set::new(b"1", 1, &limits);
        set.add(b"1", &limits);
        set.add(b"x", &limits);
        assert_eq!(set.as_ref().encoding(), "listpack");
        set.add(&[b'y'; 65], &limits);
        assert_eq!(set.as_ref().encoding(), "hashtable");
        set.remove(&[b'y'; 65]);
        assert_eq!((set.as_ref().encoding(), set.as_ref().len()), ("hashtable", 2));
    }

    #[test]
    fn forms_and_names_are_two_things() {
        let limits = Limits { set_entries: 100_000, set_ints: 100_000, ..Limits::default() };
        let mut set = Set::new(b"a", 1, &limits);
        for number in 0..1000 {
            assert!(set.add(format!("m{number}").as_bytes(), &limits));
        }
        assert!(matches!(set, Set::Large(_)));
        assert_eq!(set.as_ref().encoding(), "listpack");
        let mut set = Set::new(b"5", 1, &limits);
        for number in 0..3000i64 {
            assert!(set.add(number.to_string().as_bytes(), &limits));
        }
        assert!(matches!(set, Set::Large(_)));
        assert_eq!((set.as_ref().encoding(), set.as_ref().len()), ("intset", 3000));
        set.add(b"x", &limits);
        assert_eq!(set.as_ref().encoding(), "listpack");
    }

    proptest! {
        #[test]
        fn agrees_with_an_ordinary_set(
            steps in proptest::collection::vec((0u8..5, member()), 0..300),
            entries in 0usize..40,
        ) {
            let limits = Limits { set_entries: entries, set_ints: entries, ..Limits::default() };
            let (mut set, mut model) = (Set::new(b"1", 1, &limits), BTreeSet::new());
            let mut rng = crate::base::random::Rng::new(1);
            let mut shown = set.as_ref().shown();
            for (what, member) in steps {
                match what {
                    0 => prop_assert_eq!(set.remove(&member), model.remove(&member)),
                    1 if !model.is_empty() => prop_assert!(model.remove(&set.pop(&mut rng))),
                    _ => prop_assert_eq!(set.add(&member, &limits), model.insert(member.clone())),
                }
                prop_assert_eq!(set.as_ref().contains(&member), model.contains(&member));
                prop_assert_eq!(set.as_ref().len(), model.len());
                prop_assert!(set.as_ref().shown() >= shown);
                shown = set.as_ref().shown();
            }
            prop_assert_eq!(&texts(set.as_ref()), &model);
            prop_assert_eq!(&texts(set.as_ref().to_owned().as_ref()), &model);
        }
    }
}

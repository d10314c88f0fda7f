//! Hashes: names with values, each until a time of its own if it has one.
//!
//! Owns: the forms of a hash and when one becomes another.   Uses: small, map, deadlines.   Never: entries, replies, the time.
//!
//! ```text
//!  Small   name, value, name, value ...          packed in the entry, up to 2048 bytes; no field has a time
//!  Large   index -> one block a field            outside; the time of a field stands in its block, and
//!          deadlines: (time, name), in order     again in the order of times, once a field has one
//! ```
//! What OBJECT ENCODING says only ever goes one way: listpack, then listpackex once a field was given a time, then
//! hashtable beyond Redis's thresholds. A hash that is shown as one may be kept in another form.
//!
//! A field past its time is still here until somebody takes it out ([`Hash::pop_due`]); who reads tells by [`Pair::is_past`].
//! `len` counts it, as HLEN does in Redis.
//!
//! Invariants
//!  1. `deadlines` has exactly the fields whose blocks have a time.

use super::deadlines::Deadlines;
use super::field::{Beside, FieldRef};
use super::limits::Limits;
use super::map::Map;
use super::packed::{Element, Forward, append};
use super::small::{Small, SmallRef};
use super::text::Scratch;
use crate::base::alloc;
use crate::base::random::Rng;

/// A hash that somebody owns.
#[derive(Clone, Debug)]
pub enum Hash {
    /// Few fields, without times.
    Small(Small),
    /// Any number of fields.
    Large(Box<LargeHash>),
}

/// A hash, to be read.
#[derive(Clone, Copy, Debug)]
pub enum HashRef<'a> {
    /// Few fields, without times.
    Small(SmallRef<'a>),
    /// Any number of fields.
    Large(&'a LargeHash),
}

/// A hash with a table.
#[derive(Debug)]
pub struct LargeHash {
    map: Map,
    /// None as long as no field ever had a time.
    deadlines: Option<Box<Deadlines>>,
    shown: Shown,
}

/// What OBJECT ENCODING says, in the order in which a hash grows out of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Shown {
    Packed,
    PackedWithTimes,
    Table,
}

/// A field: its name, its value and how long it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair<'a> {
    /// Its name.
    pub name: Element<'a>,
    /// Its value.
    pub value: Element<'a>,
    /// The last moment at which it is there, in Unix milliseconds; none: it stays.
    pub deadline: Option<i64>,
}

/// How long a field is there that is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// It stays.
    Ever,
    /// As long as before, if it was there.
    AsBefore,
    /// Until a moment, in Unix milliseconds.
    At(i64),
}

impl<'a> Pair<'a> {
    /// Whether its time is over.
    #[inline]
    pub fn is_past(&self, now_ms: i64) -> bool {
        self.deadline.is_some_and(|deadline| deadline < now_ms)
    }

    #[inline]
    fn of(field: FieldRef<'a>) -> Pair<'a> {
        let (value, deadline) = match field.beside() {
            Beside::Value(value) => (value, None),
            Beside::Until(value, deadline) => (value, Some(deadline)),
            other @ (Beside::Nothing | Beside::Score(_)) => unreachable!("{other:?} in a hash"),
        };
        Pair { name: Element::Text(field.key()), value: Element::Text(value), deadline }
    }
}

impl PartialEq for Hash {
    /// The same fields with the same values and times, however they are kept.
    fn eq(&self, other: &Hash) -> bool {
        let (a, b) = (self.as_ref(), other.as_ref());
        let texts = |pair: Pair<'_>| {
            let mut scratch = Scratch::default();
            (pair.value.text(&mut scratch).to_vec(), pair.deadline)
        };
        let mut scratch = Scratch::default();
        a.len() == b.len()
            && a.iter().all(|pair| {
                let found = b.find(pair.name.text(&mut scratch));
                found.is_some_and(|found| texts(found) == texts(pair))
            })
    }
}

impl Default for Hash {
    fn default() -> Hash {
        Hash::new()
    }
}

impl Hash {
    /// An empty hash.
    pub fn new() -> Hash {
        Hash::Small(Small::new())
    }

    /// The same, borrowed.
    #[inline]
    pub fn as_ref(&self) -> HashRef<'_> {
        match self {
            Hash::Small(small) => HashRef::Small(small.as_ref()),
            Hash::Large(large) => HashRef::Large(large),
        }
    }

    /// Tells that so many fields are to be set at once: more than the threshold are shown as a table from the beginning.
    pub fn expect_more(&mut self, hint: usize, limits: &Limits) {
        if hint <= limits.hash_entries {
            return;
        }
        match self {
            Hash::Small(small) => small.outgrow(),
            Hash::Large(large) => large.shown = Shown::Table,
        }
    }

    /// Sets a field; tells whether it is new. O(1), O(n) while the hash is small; now and then the growth of a segment.
    #[inline]
    pub fn set(&mut self, name: &[u8], value: &[u8], until: Until, limits: &Limits) -> bool {
        match self {
            Hash::Large(large) => large.set(name, value, until, limits),
            Hash::Small(_) => match until {
                Until::Ever | Until::AsBefore => self.set_small(name, value, limits),
                Until::At(_) => self.enlarge(limits).set(name, value, until, limits),
            },
        }
    }

    fn set_small(&mut self, name: &[u8], value: &[u8], limits: &Limits) -> bool {
        let Hash::Small(small) = self else {
            return self.set(name, value, Until::AsBefore, limits);
        };
        let mut forms = Vec::with_capacity(name.len() + value.len() + 16);
        append::<false>(Element::of(name), &mut forms);
        let middle = forms.len();
        append::<false>(Element::of(value), &mut forms);
        let packed: Forward<'_> = small.as_ref().packed();
        let found = packed.find(&forms[..middle], 0, 2).map(|at| at + middle);
        // What is replaced, by what: the value of a field, or the nothing at the end by a field.
        let (range, with) = match found {
            Some(at) => (at..at + packed.span(at), &forms[middle..]),
            None => (packed.bytes().len()..packed.bytes().len(), &forms[..]),
        };
        let (is_new, len) = (found.is_none(), small.as_ref().len());
        if !small.has_room(with.len().saturating_sub(range.len())) {
            return self.enlarge(limits).set(name, value, Until::AsBefore, limits);
        }
        let too_many = is_new && len >= limits.hash_entries;
        if too_many || name.len().max(value.len()) > limits.hash_value {
            small.outgrow();
        }
        small.splice(range, with, is_new.into());
        is_new
    }

    /// Removes a field; tells whether it was there. O(1), O(n) while the hash is small.
    #[inline]
    pub fn remove(&mut self, name: &[u8]) -> bool {
        match self {
            Hash::Small(small) => {
                let mut form = Vec::with_capacity(name.len() + 8);
                append::<false>(Element::of(name), &mut form);
                let packed: Forward<'_> = small.as_ref().packed();
                let Some(at) = packed.find(&form, 0, 2) else { return false };
                let end = at + form.len() + packed.span(at + form.len());
                small.splice(at..end, &[], -1);
                true
            }
            Hash::Large(large) => large.remove(name),
        }
    }

    /// Readies it for fields with times, which shows even if none of those that are asked for is there.
    pub fn expect_deadlines(&mut self, limits: &Limits) {
        let large = self.enlarge(limits);
        large.shown = large.shown.max(Shown::PackedWithTimes);
    }

    /// Gives a field a time or takes its time away; nothing happens without the field. O(log n) of those with times.
    pub fn set_deadline(&mut self, name: &[u8], deadline: Option<i64>, limits: &Limits) {
        if deadline.is_some() {
            self.expect_deadlines(limits);
        }
        if let Hash::Large(large) = self {
            large.set_deadline(name, deadline);
        }
    }

    /// Takes out a field whose time is over, the first of all first, and gives its name. O(log n).
    pub fn pop_due(&mut self, now_ms: i64) -> Option<Box<[u8]>> {
        let Hash::Large(large) = self else { return None };
        let name = large.deadlines.as_mut()?.pop_due(now_ms)?;
        large.map.remove(&name);
        Some(name)
    }

    /// Takes the form for any number of fields.
    fn enlarge(&mut self, limits: &Limits) -> &mut LargeHash {
        if let HashRef::Small(small) = self.as_ref() {
            *self = Hash::Large(Box::new(LargeHash::of(small, limits)));
        }
        match self {
            Hash::Large(large) => large,
            Hash::Small(_) => unreachable!("it was made large just now"),
        }
    }
}

impl LargeHash {
    fn of(small: SmallRef<'_>, limits: &Limits) -> LargeHash {
        let mut map = Map::new(limits.hasher.clone());
        let mut scratches = (Scratch::default(), Scratch::default());
        for pair in pairs(small) {
            let value = pair.value.text(&mut scratches.1);
            map.set(pair.name.text(&mut scratches.0), Beside::Value(value));
        }
        let shown = if small.is_outgrown() { Shown::Table } else { Shown::Packed };
        LargeHash { map, deadlines: None, shown }
    }

    #[inline]
    fn set(&mut self, name: &[u8], value: &[u8], until: Until, limits: &Limits) -> bool {
        let before = self.deadline(name);
        let after = match until {
            Until::Ever => None,
            Until::AsBefore => before,
            Until::At(deadline) => Some(deadline),
        };
        let is_new = self.map.set(name, beside(value, after));
        self.note(name, before, after);
        if self.shown < Shown::Table {
            let too_long = name.len().max(value.len()) > limits.hash_value;
            if too_long || self.map.len() > limits.hash_entries {
                self.shown = Shown::Table;
            }
        }
        is_new
    }

    fn remove(&mut self, name: &[u8]) -> bool {
        let before = self.deadline(name);
        self.note(name, before, None);
        self.map.remove(name).is_some()
    }

    fn set_deadline(&mut self, name: &[u8], deadline: Option<i64>) {
        let Some(field) = self.map.get(name) else { return };
        let (before, value) = (field.deadline(), field.value().to_vec());
        self.map.set(name, beside(&value, deadline));
        self.note(name, before, deadline);
    }

    /// The time of a field. Looks for none as long as no field has one.
    #[inline]
    fn deadline(&self, name: &[u8]) -> Option<i64> {
        self.deadlines.as_ref().filter(|deadlines| !deadlines.is_empty())?;
        self.map.get(name)?.deadline()
    }

    /// Keeps the order of times right.
    #[inline]
    fn note(&mut self, name: &[u8], before: Option<i64>, after: Option<i64>) {
        if before == after {
            return;
        }
        self.deadlines.get_or_insert_default().change(name, before, after);
        if after.is_some() {
            self.shown = self.shown.max(Shown::PackedWithTimes);
        }
    }
}

impl Clone for LargeHash {
    fn clone(&self) -> LargeHash {
        let mut map = self.map.fresh();
        for field in self.map.iter() {
            map.set(field.key(), field.beside());
        }
        LargeHash { map, deadlines: self.deadlines.clone(), shown: self.shown }
    }
}

#[inline]
fn beside(value: &[u8], deadline: Option<i64>) -> Beside<'_> {
    match deadline {
        None => Beside::Value(value),
        Some(deadline) => Beside::Until(value, deadline),
    }
}

/// The fields of a small hash.
#[inline]
fn pairs(small: SmallRef<'_>) -> impl Iterator<Item = Pair<'_>> {
    let mut elements = small.packed::<false>().iter();
    std::iter::from_fn(move || {
        let ((_, name), (_, value)) = (elements.next()?, elements.next()?);
        Some(Pair { name, value, deadline: None })
    })
}

/// The fields of either form.
enum Pairs<S, L> {
    Small(S),
    Large(L),
}

impl<'a, S: Iterator<Item = Pair<'a>>, L: Iterator<Item = Pair<'a>>> Iterator for Pairs<S, L> {
    type Item = Pair<'a>;

    #[inline]
    fn next(&mut self) -> Option<Pair<'a>> {
        match self {
            Pairs::Small(pairs) => pairs.next(),
            Pairs::Large(pairs) => pairs.next(),
        }
    }
}

/// Draws before [`HashRef::random`] goes through all fields. Half of them past their time are met in a row once in
/// 10^30.
const DRAWS: usize = 100;
/// A hash that is shown as packed is scanned in one step up to this many fields.
const WHOLE: usize = 2048;

impl<'a> HashRef<'a> {
    /// How many fields it has, those past their time too. O(1).
    #[inline]
    #[expect(clippy::len_without_is_empty, reason = "an empty collection is no value")]
    pub fn len(self) -> usize {
        match self {
            HashRef::Small(small) => small.len(),
            HashRef::Large(large) => large.map.len(),
        }
    }

    /// A field, past its time or not. O(1), O(n) while the hash is small.
    #[inline]
    pub fn find(self, name: &[u8]) -> Option<Pair<'a>> {
        match self {
            HashRef::Small(small) => {
                let mut form = Vec::with_capacity(name.len() + 8);
                append::<false>(Element::of(name), &mut form);
                let packed: Forward<'a> = small.packed();
                let at = packed.find(&form, 0, 2)?;
                let value = packed.at(at + form.len());
                Some(Pair { name: packed.at(at), value, deadline: None })
            }
            HashRef::Large(large) => large.map.get(name).map(Pair::of),
        }
    }

    /// A field whose time is not over.
    #[inline]
    pub fn get(self, name: &[u8], now_ms: i64) -> Option<Pair<'a>> {
        self.find(name).filter(|pair| !pair.is_past(now_ms))
    }

    /// All fields, past their time or not; in the order in which they came while it is small. Allocates nothing: a
    /// snapshot child walks it.
    #[inline]
    pub fn iter(self) -> impl Iterator<Item = Pair<'a>> {
        match self {
            HashRef::Small(small) => Pairs::Small(pairs(small)),
            HashRef::Large(large) => Pairs::Large(large.map.iter().map(Pair::of)),
        }
    }

    /// All fields whose time is not over.
    #[inline]
    pub fn live(self, now_ms: i64) -> impl Iterator<Item = Pair<'a>> {
        self.iter().filter(move |pair| !pair.is_past(now_ms))
    }

    /// How many fields there are whose time is not over. O(1), O(n) if that of one is.
    pub fn live_len(self, now_ms: i64) -> usize {
        match self.soonest_deadline() {
            Some(soonest) if soonest < now_ms => self.live(now_ms).count(),
            Some(_) | None => self.len(),
        }
    }

    /// One step of a scan: hands out fields, past their time or not, and gives the next cursor. Begin with 0; the answer 0
    /// is the end. A hash that is shown as packed is handed out whole.
    pub fn scan(self, cursor: u64, each: &mut dyn FnMut(Pair<'_>)) -> u64 {
        if let HashRef::Large(large) = self
            && (large.shown == Shown::Table || large.map.len() > WHOLE)
        {
            return large.map.scan(cursor, &mut |field| each(Pair::of(field)));
        }
        self.iter().for_each(each);
        0
    }

    /// A field by chance whose time is not over; none if there is none. O(1); O(n) while the hash is small, and if most
    /// fields are past their time.
    pub fn random(self, rng: &mut Rng, now_ms: i64) -> Option<Pair<'a>> {
        match self {
            HashRef::Small(small) => pairs(small).nth(rng.below(small.len() as u64) as usize),
            HashRef::Large(large) => {
                let mut draws = (0..DRAWS).filter_map(|_| large.map.random(rng)).map(Pair::of);
                draws.find(|pair| !pair.is_past(now_ms)).or_else(|| {
                    let all_past = large.map.len() == self.timed()
                        && self.latest_deadline().is_some_and(|latest| latest < now_ms);
                    if all_past { None } else { self.live(now_ms).next() }
                })
            }
        }
    }

    /// How many of its fields have a time. O(1).
    pub fn timed(self) -> usize {
        self.deadlines().map_or(0, Deadlines::len)
    }

    /// The first time that is over for one of its fields, in Unix milliseconds. O(log n).
    #[inline]
    pub fn soonest_deadline(self) -> Option<i64> {
        self.deadlines()?.soonest()
    }

    fn latest_deadline(self) -> Option<i64> {
        self.deadlines()?.latest()
    }

    #[inline]
    fn deadlines(self) -> Option<&'a Deadlines> {
        match self {
            HashRef::Small(_) => None,
            HashRef::Large(large) => large.deadlines.as_deref(),
        }
    }

    /// Bytes that it holds outside its entry, as the allocator gives them; the order of times is estimated. O(1).
    #[inline]
    pub fn heap(self) -> usize {
        const ORDER: usize = alloc::given(size_of::<Deadlines>());
        match self {
            HashRef::Small(_) => 0,
            HashRef::Large(large) => {
                let deadlines = large.deadlines.as_ref();
                let order = deadlines.map_or(0, |deadlines| ORDER + deadlines.memory());
                alloc::given(size_of::<LargeHash>()) + large.map.memory() + order
            }
        }
    }

    /// The name OBJECT ENCODING answers.
    pub fn encoding(self) -> &'static str {
        match self.shown() {
            Shown::Packed => "listpack",
            Shown::PackedWithTimes => "listpackex",
            Shown::Table => "hashtable",
        }
    }

    /// A copy that stands on its own. O(n).
    pub fn to_owned(self) -> Hash {
        match self {
            HashRef::Small(small) => Hash::Small(small.to_owned()),
            HashRef::Large(large) => Hash::Large(Box::new(large.clone())),
        }
    }

    fn shown(self) -> Shown {
        match self {
            HashRef::Small(small) if small.is_outgrown() => Shown::Table,
            HashRef::Small(_) => Shown::Packed,
            HashRef::Large(large) => large.shown,
        }
    }
}

#[cfg(test)]
mod tests;

//! A relation between names and numbers that remembers the order in which pairs were made.
//!
//! Owns: the pairs.   Uses: random.   Never: knows what a name or a number stands for.
//!
//! Each pair stands in two chains, its name's and its number's; names stand in a chain of their own. So
//! making, finding and ending a pair is O(1) however long either chain is, and every chain is walked in
//! the order of joining.
//!
//! ```text
//!                     number 7   number 9
//!   name "a"  ------>  (a,7) ---> (a,9)
//!     |                  |
//!   name "b"  ------>  (b,7)
//! ```
//!
//! Invariants
//!  1. A pair is in `by_pair`, in the chain of its name and in the chain of its number, or in none.
//!  2. No chain is empty: a name or a number without pairs is forgotten.
//!
//! A name is kept twice (for the look-up and for the walk), because safe code cannot point from one
//! owner into another.

use super::random::KeyHasher;
use std::collections::HashMap;

/// No place.
const NOWHERE: u32 = u32::MAX;

/// Things in places that do not move; a place is used again.
struct Places<T> {
    things: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Places<T> {
    fn new() -> Places<T> {
        Places { things: Vec::new(), free: Vec::new() }
    }

    fn add(&mut self, thing: T) -> u32 {
        if let Some(at) = self.free.pop() {
            self.things[at as usize] = Some(thing);
            return at;
        }
        self.things.push(Some(thing));
        u32::try_from(self.things.len() - 1).expect("memory ends before 4 billion pairs")
    }

    fn get(&self, at: u32) -> Option<&T> {
        self.things.get(at as usize)?.as_ref()
    }

    fn at(&mut self, at: u32) -> &mut T {
        self.things[at as usize].as_mut().expect("chains name only places in use")
    }

    fn take(&mut self, at: u32) -> T {
        let thing = self.things[at as usize].take().expect("chains name only places in use");
        self.free.push(at);
        // A burst of pairs leaves no memory behind once they are all gone.
        if self.free.len() == self.things.len() {
            *self = Places::new();
        }
        thing
    }
}

/// The neighbours in a chain.
#[derive(Clone, Copy)]
struct Near {
    before: u32,
    after: u32,
}

const ALONE: Near = Near { before: NOWHERE, after: NOWHERE };

/// A doubly linked list through places.
#[derive(Clone, Copy)]
struct Chain {
    first: u32,
    last: u32,
    len: u32,
}

const EMPTY: Chain = Chain { first: NOWHERE, last: NOWHERE, len: 0 };

impl Chain {
    fn join<I>(&mut self, items: &mut Places<I>, at: u32, near: fn(&mut I) -> &mut Near) {
        *near(items.at(at)) = Near { before: self.last, after: NOWHERE };
        if self.last == NOWHERE {
            self.first = at;
        } else {
            near(items.at(self.last)).after = at;
        }
        self.last = at;
        self.len += 1;
    }

    fn leave<I>(&mut self, items: &mut Places<I>, at: u32, near: fn(&mut I) -> &mut Near) {
        let Near { before, after } = *near(items.at(at));
        if before == NOWHERE {
            self.first = after;
        } else {
            near(items.at(before)).after = after;
        }
        if after == NOWHERE {
            self.last = before;
        } else {
            near(items.at(after)).before = before;
        }
        self.len -= 1;
    }
}

struct Pair<T> {
    name: u32,
    number: u64,
    of_name: Near,
    of_number: Near,
    note: T,
}

struct Name {
    text: Box<[u8]>,
    pairs: Chain,
    near: Near,
}

/// The pairs of a number.
struct Number {
    pairs: Chain,
    bytes: usize,
}

/// Pairs of a name and a number, each with a note.
pub struct Relation<T> {
    by_text: HashMap<Box<[u8]>, u32, KeyHasher>,
    by_number: HashMap<u64, Number, KeyHasher>,
    by_pair: HashMap<(u32, u64), u32, KeyHasher>,
    names: Places<Name>,
    pairs: Places<Pair<T>>,
    order: Chain,
}

impl<T> Relation<T> {
    /// No pairs.
    pub fn new(hasher: KeyHasher) -> Relation<T> {
        Relation {
            by_text: HashMap::with_hasher(hasher.clone()),
            by_number: HashMap::with_hasher(hasher.clone()),
            by_pair: HashMap::with_hasher(hasher),
            names: Places::new(),
            pairs: Places::new(),
            order: EMPTY,
        }
    }

    /// Makes a pair; false if there is one already, whose note stays. O(1).
    pub fn insert(&mut self, text: &[u8], number: u64, note: T) -> bool {
        let name = match self.by_text.get(text) {
            Some(&name) => name,
            None => self.add_name(text),
        };
        if self.by_pair.contains_key(&(name, number)) {
            return false;
        }
        let pair = Pair { name, number, of_name: ALONE, of_number: ALONE, note };
        let at = self.pairs.add(pair);
        self.by_pair.insert((name, number), at);
        self.names.at(name).pairs.join(&mut self.pairs, at, |pair| &mut pair.of_name);
        let of_number = self.by_number.entry(number).or_insert(Number { pairs: EMPTY, bytes: 0 });
        of_number.pairs.join(&mut self.pairs, at, |pair| &mut pair.of_number);
        of_number.bytes += Relation::<T>::weight(text);
        true
    }

    /// Bytes of a pair and its places in the look-ups, and of its name as if no other number had it.
    fn weight(text: &[u8]) -> usize {
        let pair = size_of::<Option<Pair<T>>>() + size_of::<((u32, u64), u32)>();
        let name = size_of::<Option<Name>>() + size_of::<(Box<[u8]>, u32)>() + 2 * text.len();
        pair + name
    }

    /// Bytes that the pairs of a number take; a name that it shares counts in full. O(1).
    pub fn bytes_of(&self, number: u64) -> usize {
        self.by_number.get(&number).map_or(0, |number| number.bytes)
    }

    fn add_name(&mut self, text: &[u8]) -> u32 {
        let name = self.names.add(Name { text: text.into(), pairs: EMPTY, near: ALONE });
        self.by_text.insert(text.into(), name);
        self.order.join(&mut self.names, name, |name| &mut name.near);
        name
    }

    /// Ends a pair; false if there is none. O(1).
    pub fn remove(&mut self, text: &[u8], number: u64) -> bool {
        let Some(&name) = self.by_text.get(text) else { return false };
        let Some(&at) = self.by_pair.get(&(name, number)) else { return false };
        self.end(at);
        true
    }

    /// Ends all pairs of a name and returns their numbers, in the order of their pairs. O(its pairs).
    pub fn take(&mut self, text: &[u8]) -> Vec<u64> {
        let numbers: Vec<u64> = self.numbers(text).map(|(number, _)| number).collect();
        for &number in &numbers {
            self.remove(text, number);
        }
        numbers
    }

    /// Ends all pairs of a number. O(its pairs).
    pub fn forget(&mut self, number: u64) {
        self.forget_some(number, usize::MAX);
    }

    /// Ends at most so many pairs of a number, the oldest first, and says whether none is left. O(`most`).
    pub fn forget_some(&mut self, number: u64, most: usize) -> bool {
        for _ in 0..most {
            let Some(of_number) = self.by_number.get(&number) else { return true };
            self.end(of_number.pairs.first);
        }
        !self.by_number.contains_key(&number)
    }

    fn end(&mut self, at: u32) {
        let &mut Pair { name, number, .. } = self.pairs.at(at);
        let weight = Relation::<T>::weight(&self.names.at(name).text);
        let of_name = &mut self.names.at(name).pairs;
        of_name.leave(&mut self.pairs, at, |pair| &mut pair.of_name);
        if of_name.len == 0 {
            self.order.leave(&mut self.names, name, |name| &mut name.near);
            self.by_text.remove(&self.names.take(name).text);
        }
        if let Some(of_number) = self.by_number.get_mut(&number) {
            of_number.pairs.leave(&mut self.pairs, at, |pair| &mut pair.of_number);
            of_number.bytes -= weight;
            if of_number.pairs.len == 0 {
                self.by_number.remove(&number);
            }
        }
        self.by_pair.remove(&(name, number));
        self.pairs.take(at);
        if self.by_pair.is_empty() {
            self.by_text.shrink_to_fit();
            self.by_number.shrink_to_fit();
            self.by_pair.shrink_to_fit();
        }
    }

    /// The numbers of a name with their notes, in the order of their pairs.
    pub fn numbers(&self, text: &[u8]) -> impl Iterator<Item = (u64, &T)> {
        let name = self.by_text.get(text).and_then(|&name| self.names.get(name));
        self.walk(name.map_or(NOWHERE, |name| name.pairs.first), |pair| pair.of_name.after)
            .map(|pair| (pair.number, &pair.note))
    }

    /// How many numbers a name has. O(1).
    pub fn count(&self, text: &[u8]) -> usize {
        let name = self.by_text.get(text).and_then(|&name| self.names.get(name));
        name.map_or(0, |name| name.pairs.len as usize)
    }

    /// The names of a number with their notes, in the order of their pairs.
    pub fn names_of(&self, number: u64) -> impl Iterator<Item = (&[u8], &T)> {
        let first = self.by_number.get(&number).map_or(NOWHERE, |of_number| of_number.pairs.first);
        self.walk(first, |pair| pair.of_number.after)
            .filter_map(|pair| self.names.get(pair.name).map(|name| (&*name.text, &pair.note)))
    }

    /// All names, each with its numbers and their notes, in the order the names came.
    pub fn names(&self) -> impl Iterator<Item = (&[u8], impl Iterator<Item = (u64, &T)>)> {
        let mut at = self.order.first;
        std::iter::from_fn(move || {
            let name = self.names.get(at)?;
            at = name.near.after;
            let numbers = self.walk(name.pairs.first, |pair| pair.of_name.after);
            Some((&*name.text, numbers.map(|pair| (pair.number, &pair.note))))
        })
    }

    fn walk(&self, first: u32, after: fn(&Pair<T>) -> u32) -> impl Iterator<Item = &Pair<T>> {
        let mut at = first;
        std::iter::from_fn(move || {
            let pair = self.pairs.get(at)?;
            at = after(pair);
            Some(pair)
        })
    }

    /// The name that came first of those that are there. O(1).
    pub fn oldest(&self) -> Option<&[u8]> {
        self.names.get(self.order.first).map(|name| &*name.text)
    }

    /// How many pairs there are. O(1).
    pub fn pairs(&self) -> usize {
        self.by_pair.len()
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.by_text.len()
    }

    /// Whether there is no pair.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.by_text.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Rng;

    fn relation() -> Relation<u8> {
        Relation::new(KeyHasher::new(1))
    }

    fn numbers(of: &Relation<u8>, text: &[u8]) -> Vec<u64> {
        of.numbers(text).map(|(number, _)| number).collect()
    }

    fn names(of: &Relation<u8>, number: u64) -> Vec<Vec<u8>> {
        of.names_of(number).map(|(name, _)| name.to_vec()).collect()
    }

    #[test]
    fn a_number_pays_for_its_names() {
        let mut pairs = relation();
        let long = vec![b'x'; 10_000];
        pairs.insert(&long, 1, 0);
        pairs.insert(b"b", 1, 0);
        pairs.insert(b"b", 2, 0);
        assert!((20_000..21_000).contains(&pairs.bytes_of(1)), "{}", pairs.bytes_of(1));
        assert!((1..500).contains(&pairs.bytes_of(2)));
        pairs.remove(&long, 1);
        assert_eq!(pairs.bytes_of(1), pairs.bytes_of(2));
        pairs.forget(1);
        assert_eq!(pairs.bytes_of(1), 0);
    }

    #[test]
    fn a_name_is_taken_with_all_its_numbers() {
        let mut pairs = relation();
        for (name, number) in [(b"a", 5), (b"b", 5), (b"a", 3)] {
            pairs.insert(name, number, 0);
        }
        assert_eq!((pairs.oldest(), pairs.pairs()), (Some(b"a".as_slice()), 3));
        assert_eq!(pairs.take(b"a"), [5, 3]);
        assert_eq!((pairs.oldest(), pairs.pairs()), (Some(b"b".as_slice()), 1));
        assert_eq!(names(&pairs, 5), [b"b"]);
        assert!(pairs.take(b"a").is_empty());
        pairs.take(b"b");
        assert!(pairs.oldest().is_none() && pairs.is_empty());
    }

    #[test]
    fn both_sides_keep_the_order_of_joining() {
        let mut pairs = relation();
        for number in [5, 3, 9] {
            assert!(pairs.insert(b"a", number, 0));
        }
        assert!(pairs.insert(b"b", 3, 0));
        assert!(!pairs.insert(b"a", 3, 1));
        assert_eq!(numbers(&pairs, b"a"), [5, 3, 9]);
        assert!(pairs.remove(b"a", 3));
        assert!(!pairs.remove(b"a", 3));
        assert!(pairs.insert(b"a", 3, 0));
        assert_eq!(numbers(&pairs, b"a"), [5, 9, 3]);
        assert_eq!(names(&pairs, 3), [b"b", b"a"]);
        assert_eq!(pairs.count(b"a"), 3);
        assert_eq!(pairs.count(b"missing"), 0);
    }

    #[test]
    fn nothing_is_left_of_what_was_forgotten() {
        let mut pairs = relation();
        for i in 0..1000_u64 {
            pairs.insert(format!("name {}", i % 10).as_bytes(), i % 7, 0);
        }
        for number in 0..7 {
            pairs.forget(number);
        }
        assert!(pairs.is_empty());
        assert_eq!(pairs.names().count(), 0);
        assert_eq!((pairs.names.things.len(), pairs.pairs.things.len()), (0, 0));
    }

    #[test]
    fn many_pairs_on_either_side_cost_no_more_each() {
        let mut pairs = relation();
        for i in 0..100_000_u64 {
            pairs.insert(b"one name", i, 0);
            pairs.insert(&i.to_le_bytes(), u64::MAX, 0);
        }
        for i in (0..100_000_u64).rev() {
            assert!(pairs.remove(b"one name", i));
            assert!(pairs.remove(&i.to_le_bytes(), u64::MAX));
        }
        assert!(pairs.is_empty());
    }

    /// Against the plainest model: a list of pairs.
    #[test]
    fn agrees_with_a_list_of_pairs() {
        let (mut pairs, mut model) = (relation(), Vec::<(u8, u64)>::new());
        let mut rng = Rng::new(7);
        for _ in 0..20_000 {
            let (name, number) = (rng.below(12) as u8, rng.below(9));
            let known = model.iter().position(|&pair| pair == (name, number));
            match rng.below(5) {
                0..=2 => {
                    assert_eq!(pairs.insert(&[name], number, 0), known.is_none());
                    if known.is_none() {
                        model.push((name, number));
                    }
                }
                3 => {
                    assert_eq!(pairs.remove(&[name], number), known.is_some());
                    model.retain(|&pair| pair != (name, number));
                }
                _ => {
                    if rng.below(20) == 0 {
                        pairs.forget(number);
                        model.retain(|pair| pair.1 != number);
                    }
                }
            }
            let of_name: Vec<u64> = model.iter().filter(|p| p.0 == name).map(|p| p.1).collect();
            let of_number: Vec<Vec<u8>> =
                model.iter().filter(|p| p.1 == number).map(|p| vec![p.0]).collect();
            assert_eq!(numbers(&pairs, &[name]), of_name);
            assert_eq!(names(&pairs, number), of_number);
        }
    }
}

//! A consumer group: what it has read, and what was delivered to whom and not acknowledged yet.
//!
//! Owns: the consumers and the entries pending.   Uses: id.   Never: the entries themselves, the time.
//!
//! ```text
//!   pending     1-0 -> bob, 3x, at 12:00 | 1-1 -> nobody, 2x | 2-0 -> amy, 1x, at 12:05
//!   by time     nobody's, in the order of their release; then all others, the longest waiting first
//!   consumers   amy { 2-0 }  bob { 1-0 }                                each with the IDs that wait for it
//! ```
//!
//! Invariants
//!  1. Every pending ID stands once by time, and with its owner if it has one.
//!  2. A consumer's number is that of one consumer as long as the group lives.

use super::id::Id;
use std::collections::{BTreeMap, BTreeSet};

/// What a pending entry takes in the three trees: nodes of eleven, filled by half.
const PENDING_SHARE: usize = 176;
/// What a consumer takes beside its name.
const CONSUMER_SHARE: usize = 256;

/// Two are equal if they have read and wait for the same; consumers' numbers say nothing.
impl PartialEq for Group {
    fn eq(&self, other: &Group) -> bool {
        let consumer = |it: &Consumer| (it.name.clone(), it.seen, it.active);
        let consumers =
            |group: &Group| -> Vec<_> { group.consumers().map(|(_, it)| consumer(it)).collect() };
        let waiting = |group: &Group| -> Vec<_> {
            let name = |owner: Owner| group.at(owner).name.clone();
            let one = |(id, it): (Id, &Pending)| (id, it.owner.map(name), it.count, it.time());
            group.by_time().map(one).collect()
        };
        (self.last, self.read) == (other.last, other.read)
            && consumers(self) == consumers(other)
            && waiting(self) == waiting(other)
    }
}

/// A consumer's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner(u32);

/// A delivery that was not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Who has it; nobody if it was given back.
    pub owner: Option<Owner>,
    /// How often it was delivered.
    pub count: u64,
    /// The last delivery in Unix milliseconds; of what was given back: `i64::MIN` and its turn.
    rank: i64,
}

impl Pending {
    /// The last delivery in Unix milliseconds; 0 if it was given back.
    pub fn time(&self) -> i64 {
        if self.is_released() { 0 } else { self.rank }
    }

    /// Whether it was given back, so that anybody may have it at once.
    pub fn is_released(&self) -> bool {
        self.owner.is_none()
    }

    /// Milliseconds since the last delivery, at least 0. What was given back has waited for ever.
    pub fn idle(&self, now: i64) -> i64 {
        if self.is_released() { i64::MAX } else { now.saturating_sub(self.rank).max(0) }
    }
}

/// Somebody who reads for a group.
#[derive(Clone, Debug)]
pub struct Consumer {
    /// Its name.
    pub name: Box<[u8]>,
    /// When it last asked for something, in Unix milliseconds.
    pub seen: i64,
    /// When it last got something, in Unix milliseconds; -1: never.
    pub active: i64,
    pending: BTreeSet<Id>,
}

impl Consumer {
    /// How many entries wait for its acknowledgement.
    pub fn waiting(&self) -> usize {
        self.pending.len()
    }
}

/// A consumer group.
#[derive(Clone, Debug)]
pub struct Group {
    /// The last entry that was delivered.
    pub last: Id,
    /// How many entries of all that the stream ever had were read up to `last`, if that is known.
    pub read: Option<u64>,
    pending: BTreeMap<Id, Pending>,
    by_time: BTreeSet<(i64, Id)>,
    numbers: BTreeMap<Box<[u8]>, Owner>,
    /// By number; a consumer that left leaves a gap.
    consumers: Vec<Option<Consumer>>,
    /// The numbers of consumers that left.
    free: Vec<Owner>,
    /// Bytes of the consumers' names.
    names: usize,
    /// The turn of whatever is given back next.
    turn: i64,
}

impl Group {
    /// A group that has read up to `last`.
    pub fn new(last: Id, read: Option<u64>) -> Group {
        Group {
            last,
            read,
            pending: BTreeMap::new(),
            by_time: BTreeSet::new(),
            numbers: BTreeMap::new(),
            consumers: Vec::new(),
            free: Vec::new(),
            names: 0,
            turn: i64::MIN,
        }
    }

    /// Bytes that it holds, about. O(1).
    pub fn heap(&self) -> usize {
        self.pending.len() * PENDING_SHARE + self.consumers.len() * CONSUMER_SHARE + 2 * self.names
    }

    /// The number of a consumer.
    pub fn consumer(&self, name: &[u8]) -> Option<Owner> {
        self.numbers.get(name).copied()
    }

    /// The number of a consumer, which is made if it is missing; and whether it was.
    pub fn make_consumer(&mut self, name: &[u8], now: i64) -> (Owner, bool) {
        if let Some(owner) = self.consumer(name) {
            return (owner, false);
        }
        let consumer =
            Consumer { name: name.into(), seen: now, active: -1, pending: BTreeSet::new() };
        let owner = self.free.pop().unwrap_or_else(|| {
            self.consumers.push(None);
            let number = self.consumers.len() - 1;
            Owner(u32::try_from(number).expect("a consumer takes more than a byte"))
        });
        self.consumers[owner.0 as usize] = Some(consumer);
        self.numbers.insert(name.into(), owner);
        self.names += name.len();
        (owner, true)
    }

    /// Removes a consumer with everything that waits for it, and tells how much that was.
    pub fn remove_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let owner = self.numbers.remove(name)?;
        let gone = self.consumers[owner.0 as usize].take();
        let gone = gone.expect("a number is that of a consumer");
        self.free.push(owner);
        self.names -= name.len();
        for id in &gone.pending {
            if let Some(pending) = self.pending.remove(id) {
                self.by_time.remove(&(pending.rank, *id));
            }
        }
        Some(gone.pending.len())
    }

    /// A consumer.
    pub fn at(&self, owner: Owner) -> &Consumer {
        self.consumers[owner.0 as usize].as_ref().expect("a number is that of a consumer")
    }

    /// A consumer, to note when it was seen.
    pub fn at_mut(&mut self, owner: Owner) -> &mut Consumer {
        self.consumers[owner.0 as usize].as_mut().expect("a number is that of a consumer")
    }

    /// Consumers by name.
    pub fn consumers(&self) -> impl Iterator<Item = (Owner, &Consumer)> {
        self.numbers.values().map(|owner| (*owner, self.at(*owner)))
    }

    /// How many consumers it has.
    pub fn consumer_count(&self) -> usize {
        self.numbers.len()
    }

    /// How many deliveries wait for an acknowledgement.
    pub fn waiting(&self) -> usize {
        self.pending.len()
    }

    /// The delivery of an entry.
    pub fn get(&self, id: Id) -> Option<Pending> {
        self.pending.get(&id).copied()
    }

    /// Notes that an entry is with a consumer since a moment, delivered so often, whoever had it before.
    pub fn assign(&mut self, id: Id, owner: Owner, time: i64, count: u64) {
        // Below 0 would be the place of what was given back.
        self.put(id, Pending { owner: Some(owner), count, rank: time.max(0) });
    }

    /// Notes that nobody has an entry any more, delivered so often.
    pub fn release(&mut self, id: Id, count: u64) {
        let rank = self.turn;
        self.turn += 1;
        self.put(id, Pending { owner: None, count, rank });
    }

    fn put(&mut self, id: Id, mut new: Pending) {
        // XCLAIM tells the log the count, and reads no greater one.
        new.count = new.count.min(i64::MAX.cast_unsigned());
        let old = self.pending.insert(id, new);
        if let Some(old) = old {
            self.by_time.remove(&(old.rank, id));
        }
        self.by_time.insert((new.rank, id));
        let before = old.and_then(|old| old.owner);
        if before == new.owner {
            return;
        }
        if let Some(owner) = before {
            self.at_mut(owner).pending.remove(&id);
        }
        if let Some(owner) = new.owner {
            self.at_mut(owner).pending.insert(id);
        }
    }

    /// Forgets a delivery and tells whether there was one.
    pub fn acknowledge(&mut self, id: Id) -> bool {
        let Some(pending) = self.pending.remove(&id) else { return false };
        self.by_time.remove(&(pending.rank, id));
        if let Some(owner) = pending.owner {
            self.at_mut(owner).pending.remove(&id);
        }
        true
    }

    /// Deliveries from one ID to another, both included.
    pub fn range(&self, from: Id, to: Id) -> impl Iterator<Item = (Id, &Pending)> {
        let fits = from <= to;
        let range = fits.then(|| self.pending.range(from..=to));
        range.into_iter().flatten().map(|(id, pending)| (*id, pending))
    }

    /// The first and the last entry that wait.
    pub fn ends(&self) -> Option<(Id, Id)> {
        let (first, _) = self.pending.first_key_value()?;
        let (last, _) = self.pending.last_key_value()?;
        Some((*first, *last))
    }

    /// A consumer's deliveries from one ID to another, both included.
    pub fn range_of(&self, owner: Owner, from: Id, to: Id) -> impl Iterator<Item = (Id, &Pending)> {
        let fits = from <= to;
        let range = fits.then(|| self.at(owner).pending.range(from..=to));
        range.into_iter().flatten().map(|id| (*id, &self.pending[id]))
    }

    /// Deliveries in the order in which they should be claimed: those given back, then the longest waiting.
    pub fn by_time(&self) -> impl Iterator<Item = (Id, &Pending)> {
        self.by_time.iter().map(|(_, id)| (*id, &self.pending[id]))
    }

    /// Whether an entry was delivered and acknowledged, as far as this group goes.
    pub fn is_done_with(&self, id: Id) -> bool {
        id <= self.last && !self.pending.contains_key(&id)
    }

    /// Checks what the three trees say of each other.
    #[cfg(test)]
    pub fn check(&self) {
        let by_time: BTreeSet<_> = self.pending.iter().map(|(id, it)| (it.rank, *id)).collect();
        assert_eq!(by_time, self.by_time);
        for (owner, consumer) in self.consumers() {
            let of_it = self.pending.iter().filter(|(_, it)| it.owner == Some(owner));
            assert!(of_it.map(|(id, _)| id).eq(&consumer.pending));
        }
        let owned: usize = self.consumers().map(|(_, consumer)| consumer.waiting()).sum();
        let released = self.pending.values().filter(|it| it.is_released()).count();
        assert_eq!(owned + released, self.pending.len());
    }
}

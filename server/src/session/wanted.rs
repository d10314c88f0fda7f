//! Which clients wait for which keys, and which of these keys are ready.
//!
//! Owns: for each key its clients in the order in which they began, and the keys that became ready, in that order.
//! Uses: base, value, keyspace.   Never: sessions, data, requests.
//!
//! ```text
//!   key (db 0, "jobs")  ->  list: 7 (since 1), 9 (since 4)   stream: -
//!   client 9            ->  db 0, list, since 4, "jobs" "mail"
//!   ready               ->  (db 0, "jobs"), (db 2, "x")
//! ```
//!
//! A client has one place, which it keeps until it is served or leaves, however often its command runs in vain.
//!
//! Invariants
//!  1. A client stands in the line of each of its keys, and in no other.
//!  2. No line is empty.
//!  3. `orphans` is how many lines have a client that waits for a group.

use super::ClientId;
use crate::base::random::KeyHasher;
use crate::keyspace::change::Kept;
use crate::value::Type;
use std::collections::{BTreeSet, HashMap, VecDeque};

/// What a client waits for at a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Awaited {
    /// A list.
    List,
    /// A sorted set.
    SortedSet,
    /// A stream.
    Stream,
    /// A stream with a group in it, or that it is gone.
    Group,
}

impl Awaited {
    const ALL: [Awaited; 4] = [Awaited::List, Awaited::SortedSet, Awaited::Stream, Awaited::Group];

    /// Whether its wait may be over with this at the key.
    fn is_served_by(self, there: Option<Type>) -> bool {
        match self {
            // There is a group to read from, or there is none any more.
            Awaited::Group => true,
            Awaited::List | Awaited::SortedSet | Awaited::Stream => {
                there.and_then(Awaited::of) == Some(self)
            }
        }
    }

    /// Who is served by a type.
    fn of(there: Type) -> Option<Awaited> {
        match there {
            Type::List => Some(Awaited::List),
            Type::SortedSet => Some(Awaited::SortedSet),
            Type::Stream => Some(Awaited::Stream),
            Type::String | Type::Set | Type::Hash => None,
        }
    }
}

/// A client's place in a line: the kind, since when, who.
type Place = (Awaited, u64, ClientId);

/// Who waits for a key.
#[derive(Default)]
struct Line {
    places: BTreeSet<Place>,
    /// It is among the ready ones and nobody has looked at it since.
    ready: bool,
}

impl Line {
    fn has(&self, awaited: Awaited) -> bool {
        self.next(awaited, None).is_some()
    }

    /// The first of a kind, behind a place.
    fn next(&self, awaited: Awaited, behind: Option<Place>) -> Option<Place> {
        let first = (awaited, 0, ClientId(0));
        let places = match behind.filter(|behind| *behind >= first) {
            Some(behind) => {
                self.places.range((std::ops::Bound::Excluded(behind), std::ops::Bound::Unbounded))
            }
            None => self.places.range(first..),
        };
        places.copied().next().filter(|(kind, _, _)| *kind == awaited)
    }
}

/// What a client waits for.
struct Waiting {
    db: usize,
    awaited: Awaited,
    since: u64,
    keys: Vec<Box<[u8]>>,
    bytes: usize,
}

/// A key whose clients are to be served.
struct Ready {
    db: usize,
    key: Box<[u8]>,
    /// Who was served last.
    behind: Option<Place>,
}

/// Who waits for which keys.
pub struct Wanted {
    /// By the number of the database; grows to the highest in which anybody ever waited.
    databases: Vec<HashMap<Box<[u8]>, Line, KeyHasher>>,
    clients: HashMap<ClientId, Waiting, KeyHasher>,
    ready: VecDeque<Ready>,
    orphans: usize,
    next: u64,
    hasher: KeyHasher,
}

impl Wanted {
    /// Nobody waits.
    pub fn new(hasher: KeyHasher) -> Wanted {
        Wanted {
            databases: Vec::new(),
            clients: HashMap::with_hasher(hasher.clone()),
            ready: VecDeque::new(),
            orphans: 0,
            next: 0,
            hasher,
        }
    }

    /// Whether nobody waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// Which changes can serve anybody.
    pub fn listens_to(&self) -> Kept {
        match (self.is_empty(), self.orphans) {
            (true, _) => Kept::NOTHING,
            (false, 0) => Kept::VALUES,
            // The loss of a key as well, and whatever else comes to it.
            (false, _) => Kept::ALL,
        }
    }

    /// Whether a client waits for a key.
    #[inline]
    pub fn has(&self, id: ClientId) -> bool {
        self.clients.contains_key(&id)
    }

    /// How many keys are waited for. O(databases).
    pub fn keys(&self) -> usize {
        self.databases.iter().map(HashMap::len).sum()
    }

    /// How many keys are waited for by somebody who is served also when they are gone.
    pub fn keys_that_may_go(&self) -> usize {
        self.orphans
    }

    /// Bytes that a client's wait takes here. O(1).
    pub fn bytes_of(&self, id: ClientId) -> usize {
        self.clients.get(&id).map_or(0, |waiting| waiting.bytes)
    }

    /// A client begins to wait for keys, at the end of their lines. One that waits already keeps its places. O(keys * log n).
    pub fn add<'k>(
        &mut self,
        id: ClientId,
        db: usize,
        awaited: Awaited,
        keys: impl Iterator<Item = &'k [u8]>,
    ) {
        if self.has(id) {
            return;
        }
        while self.databases.len() <= db {
            self.databases.push(HashMap::with_hasher(self.hasher.clone()));
        }
        self.next += 1;
        let place = (awaited, self.next, id);
        let mut waiting = Waiting { db, awaited, since: self.next, keys: Vec::new(), bytes: 0 };
        for key in keys {
            let line = self.databases[db].entry(key.into()).or_default();
            let first_of_kind = !line.has(awaited);
            // A key may be named twice.
            if line.places.insert(place) {
                self.orphans += usize::from(awaited == Awaited::Group && first_of_kind);
                waiting.bytes += 2 * (key.len() + size_of::<Box<[u8]>>()) + size_of::<Line>();
                waiting.keys.push(key.into());
            }
        }
        self.clients.insert(id, waiting);
    }

    /// Ends a client's wait. O(its keys * log n).
    pub fn forget(&mut self, id: ClientId) {
        self.forget_some(id, usize::MAX);
    }

    /// Takes a client from the lines of at most so many of its keys, and says whether it stands in none any more.
    pub fn forget_some(&mut self, id: ClientId, most: usize) -> bool {
        let Some(waiting) = self.clients.get_mut(&id) else { return true };
        let lines = &mut self.databases[waiting.db];
        let left = waiting.keys.len().saturating_sub(most);
        for key in waiting.keys.drain(left..) {
            let line =
                lines.get_mut(&key).expect("a client stands in the line of each of its keys");
            line.places.remove(&(waiting.awaited, waiting.since, id));
            let was_last = waiting.awaited == Awaited::Group && !line.has(Awaited::Group);
            self.orphans -= usize::from(was_last);
            if line.places.is_empty() {
                lines.remove(&key);
            }
        }
        if left == 0 {
            self.clients.remove(&id);
        }
        left == 0
    }

    /// Whether anybody waits for a key.
    pub fn wants(&self, db: usize, key: &[u8]) -> bool {
        self.databases.get(db).is_some_and(|lines| lines.contains_key(key))
    }

    /// The keys of a database that are waited for; the one with the longest wait first. O(n log n).
    pub fn keys_of(&self, db: usize) -> Vec<Box<[u8]>> {
        let lines = self.databases.get(db).into_iter().flatten();
        let since = |line: &Line| line.places.iter().map(|(_, since, _)| *since).min();
        let mut keys: Vec<_> = lines.map(|(key, line)| (since(line), key)).collect();
        keys.sort_unstable();
        keys.into_iter().map(|(_, key)| key.clone()).collect()
    }

    /// Something came to a key, or it is gone: its clients are to be served, if this serves any of them. O(log n).
    pub fn mark(&mut self, db: usize, key: &[u8], there: Option<Type>) {
        let Some(line) = self.databases.get_mut(db).and_then(|lines| lines.get_mut(key)) else {
            return;
        };
        let serves = |kind: &Awaited| kind.is_served_by(there) && line.has(*kind);
        if !line.ready && Awaited::ALL.iter().any(serves) {
            line.ready = true;
            self.ready.push_back(Ready { db, key: key.into(), behind: None });
        }
    }

    /// Whether any key is ready.
    #[inline]
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The key whose clients are served now: of those that are ready the one that has been so for longest.
    pub fn first_ready(&self) -> Option<(usize, &[u8])> {
        self.ready.front().map(|ready| (ready.db, &*ready.key))
    }

    /// The next client of that key, which now holds `there`: each once, the one that waits longest first. None: the key
    /// is done, and another is the first. O(log n).
    pub fn next_client(&mut self, there: Option<Type>) -> Option<ClientId> {
        let first = self.ready.front_mut()?;
        let lines = self.databases.get_mut(first.db);
        let next = lines.and_then(|lines| lines.get_mut(&first.key)).and_then(|line| {
            // It may become ready once more while its clients are served.
            line.ready &= first.behind.is_some();
            let kinds = Awaited::ALL.into_iter().filter(|kind| kind.is_served_by(there));
            kinds.filter_map(|kind| line.next(kind, first.behind)).next()
        });
        match next {
            Some(place) => first.behind = Some(place),
            None => drop(self.ready.pop_front()),
        }
        next.map(|(_, _, id)| id)
    }
}

#[cfg(test)]
mod tests;

//! Who keeps copies of which keys, and must be told when these change.
//!
//! Owns: keys with the clients that read them, prefixes with the clients that want every change below them, and
//! what changed below a prefix in this turn.   Uses: base.   Never: sessions, replies, data.
//!
//! ```text
//!   keys      "user:1" -> 7, 9      read by them; the first change takes the whole line out
//!   prefixes  "user:"  -> 4         stays until the client leaves
//!   changed   "user:1" by 9         until the end of the turn, when prefixes are told
//! ```
//!
//! A key is known by its name alone: as in Redis, the same name in another database is the same key. What a
//! client read stays noted when it switches tracking off and on again; a message too many does no harm.

use super::ClientId;
use crate::base::random::KeyHasher;
use crate::base::relation::Relation;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

/// Which keys a client is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// What it reads.
    Reads,
    /// What the command behind CLIENT CACHING YES reads.
    OptIn,
    /// What it reads, but for the command behind CLIENT CACHING NO.
    OptOut,
    /// Whatever changes below its prefixes.
    Broadcast,
}

/// What a client asked for with CLIENT TRACKING.
#[derive(Clone, Copy, Debug)]
pub struct Mode {
    /// Which keys.
    pub scope: Scope,
    /// The client that gets the messages in its place.
    pub redirect: Option<ClientId>,
    /// That client was gone when there was something to tell.
    pub broken: bool,
    /// It is not told of its own changes.
    pub no_loop: bool,
    /// CLIENT CACHING was said, and counts for the next command or transaction.
    pub caching: bool,
}

impl Mode {
    /// Whether the keys of a read are noted.
    pub fn notes_reads(&self) -> bool {
        match self.scope {
            Scope::Reads => true,
            Scope::OptIn => self.caching,
            Scope::OptOut => !self.caching,
            Scope::Broadcast => false,
        }
    }
}

/// A prefix with what changed below it: keys, each with the client that changed it last.
pub struct Broadcast {
    /// Who is to be told.
    pub listeners: Vec<ClientId>,
    /// What changed, in the order of the names.
    pub changed: Vec<(Box<[u8]>, ClientId)>,
}

/// The keys that clients keep copies of.
pub struct Tracking {
    /// Whose tracking is on.
    clients: BTreeSet<ClientId>,
    keys: Relation<()>,
    prefixes: Relation<()>,
    changed: BTreeMap<Box<[u8]>, ClientId>,
    hasher: KeyHasher,
}

impl Tracking {
    /// Nobody keeps anything.
    pub fn new(hasher: KeyHasher) -> Tracking {
        Tracking {
            clients: BTreeSet::new(),
            keys: Relation::new(hasher.clone()),
            prefixes: Relation::new(hasher.clone()),
            changed: BTreeMap::new(),
            hasher,
        }
    }

    /// Whether changes of keys concern nobody.
    pub fn is_idle(&self) -> bool {
        self.clients.is_empty() && self.keys.is_empty()
    }

    /// Whose tracking is on, by their numbers.
    pub fn clients(&self) -> impl Iterator<Item = ClientId> {
        self.clients.iter().copied()
    }

    /// How many clients' tracking is on.
    pub fn client_count(&self) -> usize {
        self.clients.len()
    }

    /// How many keys are noted.
    pub fn key_count(&self) -> usize {
        self.keys.len()
    }

    /// How many pairs of a key and a client are noted.
    pub fn item_count(&self) -> usize {
        self.keys.pairs()
    }

    /// How many different prefixes there are.
    pub fn prefix_count(&self) -> usize {
        self.prefixes.len()
    }

    /// A client's tracking is on from now on. O(log clients).
    pub fn begin(&mut self, id: ClientId) {
        self.clients.insert(id);
    }

    /// A client's tracking is off from now on. At most `most` of what it read is forgotten now. O(`most` + its prefixes).
    pub fn end(&mut self, id: ClientId, most: usize) {
        self.clients.remove(&id);
        self.prefixes.forget(id.0);
        self.keys.forget_some(id.0, most);
    }

    /// Forgets at most so many keys and prefixes of a client that is gone, and says whether none is left.
    pub fn forget_some(&mut self, id: ClientId, most: usize) -> bool {
        self.clients.remove(&id);
        self.prefixes.forget_some(id.0, most) & self.keys.forget_some(id.0, most)
    }

    /// A client wants every change below a prefix.
    pub fn add_prefix(&mut self, id: ClientId, prefix: &[u8]) {
        self.prefixes.insert(prefix, id.0, ());
    }

    /// A client's prefixes, in the order in which they came.
    pub fn prefixes_of(&self, id: ClientId) -> impl Iterator<Item = &[u8]> {
        self.prefixes.names_of(id.0).map(|(prefix, ())| prefix)
    }

    /// A client has read a key. O(1).
    pub fn note_read(&mut self, id: ClientId, key: &[u8]) {
        self.keys.insert(key, id.0, ());
    }

    /// A key has changed: who had read it, all of which is forgotten. O(readers).
    pub fn take_readers(&mut self, key: &[u8]) -> Vec<ClientId> {
        self.keys.take(key).into_iter().map(ClientId).collect()
    }

    /// The key that was read first of those that are noted, to make room. Its readers are forgotten.
    pub fn take_oldest(&mut self) -> Option<(Box<[u8]>, Vec<ClientId>)> {
        let key: Box<[u8]> = self.keys.oldest()?.into();
        let readers = self.take_readers(&key);
        Some((key, readers))
    }

    /// Takes all noted keys out, whose memory may take long to free.
    pub fn take_keys(&mut self) -> Relation<()> {
        std::mem::replace(&mut self.keys, Relation::new(self.hasher.clone()))
    }

    /// A key was changed by a client, or by nobody: keeps it, if it is below a prefix. O(prefixes).
    pub fn note_change(&mut self, key: &[u8], by: ClientId) {
        if self.prefixes.names().any(|(prefix, _)| key.starts_with(prefix)) {
            self.changed.insert(key.into(), by);
        }
    }

    /// Whether anything changed below a prefix since [`Tracking::take_broadcasts`].
    pub fn has_broadcasts(&self) -> bool {
        !self.changed.is_empty()
    }

    /// What changed below each prefix. O(prefixes + changes below each).
    pub fn take_broadcasts(&mut self) -> Vec<Broadcast> {
        let changed = std::mem::take(&mut self.changed);
        let below = |prefix: &[u8]| {
            let from = (Bound::Included(prefix), Bound::Unbounded);
            let keys = changed.range::<[u8], _>(from);
            let keys = keys.take_while(|(key, _)| key.starts_with(prefix));
            keys.map(|(key, &by)| (key.clone(), by)).collect::<Vec<_>>()
        };
        let all = self.prefixes.names().map(|(prefix, listeners)| Broadcast {
            listeners: listeners.map(|(id, ())| ClientId(id)).collect(),
            changed: below(prefix),
        });
        all.filter(|broadcast| !broadcast.changed.is_empty()).collect()
    }
}

/// Two prefixes of one client of which one begins with the other.
#[derive(Debug, PartialEq, Eq)]
pub enum Overlap<'a> {
    /// A wanted one and one that it has.
    WithOld(&'a [u8], &'a [u8]),
    /// Two wanted ones, in the order in which they stand.
    WithNew(&'a [u8], &'a [u8]),
}

/// The first overlap by name, if there is one among the prefixes that a client has and wants. O(n log n).
pub fn overlap<'a>(has: impl Iterator<Item = &'a [u8]>, wants: &[&'a [u8]]) -> Option<Overlap<'a>> {
    let wanted = wants.iter().enumerate().map(|(at, &prefix)| (prefix, Some(at)));
    let mut all: Vec<_> = has.map(|prefix| (prefix, None)).chain(wanted).collect();
    // What begins with a prefix stands directly behind it.
    all.sort_unstable();
    let pairs = all.windows(2).filter(|pair| pair[1].0.starts_with(pair[0].0));
    pairs.map(|pair| (pair[0], pair[1])).find_map(|((one, at), (other, place))| match (at, place) {
        (None, None) => None,
        (None, Some(_)) => Some(Overlap::WithOld(other, one)),
        (Some(_), None) => Some(Overlap::WithOld(one, other)),
        (Some(at), Some(place)) if at < place => Some(Overlap::WithNew(one, other)),
        (Some(_), Some(_)) => Some(Overlap::WithNew(other, one)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ClientId = ClientId(1);
    const B: ClientId = ClientId(2);

    fn tracking() -> Tracking {
        Tracking::new(KeyHasher::new(1))
    }

    #[test]
    fn readers_are_told_once() {
        let mut tracking = tracking();
        tracking.begin(A);
        tracking.note_read(A, b"k");
        tracking.note_read(B, b"k");
        tracking.note_read(A, b"l");
        assert_eq!((tracking.key_count(), tracking.item_count()), (2, 3));
        assert_eq!(tracking.take_readers(b"k"), [A, B]);
        assert!(tracking.take_readers(b"k").is_empty());
        tracking.end(A, 10);
        assert!(tracking.is_idle());
    }

    #[test]
    fn the_oldest_key_makes_room() {
        let mut tracking = tracking();
        for key in [b"a", b"b", b"a"] {
            tracking.note_read(A, key);
        }
        assert_eq!(tracking.take_oldest(), Some((b"a".as_slice().into(), vec![A])));
        assert_eq!(tracking.take_keys().len(), 1);
        assert_eq!(tracking.take_oldest(), None);
    }

    #[test]
    fn a_prefix_hears_of_what_begins_with_it() {
        let mut tracking = tracking();
        tracking.add_prefix(A, b"user:");
        tracking.add_prefix(B, b"");
        tracking.add_prefix(A, b"z");
        for key in [b"user:2".as_slice(), b"user;", b"user:1", b"user:2", b"use"] {
            tracking.note_change(key, B);
        }
        let told = tracking.take_broadcasts();
        let names = |at: usize| told[at].changed.iter().map(|(key, _)| &**key).collect::<Vec<_>>();
        assert_eq!((told.len(), &told[0].listeners, &told[1].listeners), (2, &vec![A], &vec![B]));
        assert_eq!(names(0), [b"user:1", b"user:2"]);
        assert_eq!(names(1), [b"use".as_slice(), b"user:1", b"user:2", b"user;"]);
        assert!(!tracking.has_broadcasts() && tracking.take_broadcasts().is_empty());
        assert!(tracking.forget_some(A, 10));
        tracking.note_change(b"z", B);
        assert_eq!(tracking.take_broadcasts().len(), 1);
    }

    #[test]
    fn overlaps_are_found_and_named_in_order() {
        let find = |has: &[&'static [u8]], wants: &[&'static [u8]]| {
            overlap(has.iter().copied(), wants).map(|overlap| match overlap {
                Overlap::WithOld(one, other) => ("old", one.to_vec(), other.to_vec()),
                Overlap::WithNew(one, other) => ("new", one.to_vec(), other.to_vec()),
            })
        };
        assert_eq!(find(&[b"a"], &[b"b", b"c"]), None);
        assert_eq!(find(&[b"foo"], &[b"foobar"]), Some(("old", b"foobar".into(), b"foo".into())));
        assert_eq!(find(&[b"foobar"], &[b"foo"]), Some(("old", b"foo".into(), b"foobar".into())));
        assert_eq!(find(&[], &[b"ab", b"x", b"a"]), Some(("new", b"ab".into(), b"a".into())));
        assert_eq!(find(&[], &[b"x", b"x"]), Some(("new", b"x".into(), b"x".into())));
        // Overlaps that are there already are no fault of the wanted ones.
        assert_eq!(find(&[b"", b"b"], &[]), None);
    }
}

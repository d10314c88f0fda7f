//! Which connections watch which keys.
//!
//! Owns: the keys between WATCH and EXEC.   Uses: base.   Never: sessions, data.
//!
//! As long as a watch has not failed its key is as it was when the watch began, or past its time; so
//! what the key was then tells what a flush does to it.

use super::ClientId;
use crate::base::random::KeyHasher;
use crate::base::relation::Relation;

/// What a key was when the watch began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Was {
    /// It did not exist.
    Missing,
    /// It existed.
    Alive,
    /// It was past its time already and still there: that it vanishes is no change.
    Expired,
}

/// The watched keys of everybody.
pub struct Watch {
    /// By the number of the database; grows to the highest that was ever watched.
    databases: Vec<Relation<Was>>,
    hasher: KeyHasher,
    /// Databases in which anything is watched.
    busy: usize,
}

impl Watch {
    /// Nothing is watched.
    pub fn new(hasher: KeyHasher) -> Watch {
        Watch { databases: Vec::new(), hasher, busy: 0 }
    }

    /// Whether nobody watches anything.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.busy == 0
    }

    /// Begins to watch. Says false when the client already watches the key. O(1).
    pub fn add(&mut self, id: ClientId, db: usize, key: &[u8], was: Was) -> bool {
        while self.databases.len() <= db {
            self.databases.push(Relation::new(self.hasher.clone()));
        }
        let keys = &mut self.databases[db];
        self.busy += usize::from(keys.is_empty());
        keys.insert(key, id.0, was)
    }

    /// Ends all watches of a client. O(its keys + databases).
    pub fn forget(&mut self, id: ClientId) {
        self.forget_some(id, usize::MAX);
    }

    /// Ends at most so many watches of a client in each database, and says whether none is left.
    /// O(`most` + databases).
    pub fn forget_some(&mut self, id: ClientId, most: usize) -> bool {
        let mut all = true;
        if self.is_empty() {
            return all;
        }
        for keys in self.databases.iter_mut().filter(|keys| !keys.is_empty()) {
            all &= keys.forget_some(id.0, most);
            self.busy -= usize::from(keys.is_empty());
        }
        all
    }

    /// Who watches a key that changed. `expired`: it only vanished because its time had come. One that was missing can
    /// have come, past its time, with another database only; then it still is.
    pub fn watchers(&self, db: usize, key: &[u8], expired: bool) -> impl Iterator<Item = ClientId> {
        let watchers = self.databases.get(db).map(|keys| keys.numbers(key));
        let watchers = watchers.into_iter().flatten();
        watchers
            .filter(move |&(_, &was)| !(expired && was != Was::Alive))
            .map(|(id, _)| ClientId(id))
    }

    /// The keys watched in a database, with who watches each and what it was.
    pub fn in_database(&self, db: usize) -> impl Iterator<Item = (&[u8], ClientId, Was)> {
        let names = self.databases.get(db).map(Relation::names).into_iter().flatten();
        names.flat_map(|(key, watchers)| watchers.map(move |(id, &was)| (key, ClientId(id), was)))
    }

    /// Bytes that a client's watches take. O(databases).
    pub fn bytes_of(&self, id: ClientId) -> usize {
        self.databases.iter().map(|keys| keys.bytes_of(id.0)).sum()
    }

    /// What a client watches, and what each key was.
    pub fn of(&self, id: ClientId) -> impl Iterator<Item = (usize, &[u8], Was)> {
        self.databases
            .iter()
            .enumerate()
            .flat_map(move |(db, keys)| keys.names_of(id.0).map(move |(key, &was)| (db, key, was)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ClientId = ClientId(1);
    const B: ClientId = ClientId(2);

    fn watchers(watch: &Watch, db: usize, key: &[u8], expired: bool) -> Vec<ClientId> {
        watch.watchers(db, key, expired).collect()
    }

    #[test]
    fn a_key_is_watched_in_its_database() {
        let mut watch = Watch::new(KeyHasher::new(1));
        assert!(watch.is_empty());
        assert!(watch.add(A, 3, b"k", Was::Alive));
        assert!(!watch.add(A, 3, b"k", Was::Alive));
        assert!(watch.add(B, 3, b"k", Was::Alive));
        assert!(watch.add(A, 0, b"k", Was::Missing));
        assert_eq!(watchers(&watch, 3, b"k", false), [A, B]);
        assert_eq!(watchers(&watch, 0, b"k", false), [A]);
        assert!(watchers(&watch, 1, b"k", false).is_empty());
        assert!(watchers(&watch, 99, b"k", false).is_empty());
        let of: Vec<_> = watch.of(A).collect();
        assert_eq!(of, [(0, b"k".as_slice(), Was::Missing), (3, b"k".as_slice(), Was::Alive)]);
        watch.forget(A);
        assert_eq!(watchers(&watch, 3, b"k", false), [B]);
        watch.forget(A);
        watch.forget(B);
        assert!(watch.is_empty());
    }

    #[test]
    fn a_key_past_its_time_may_vanish() {
        let mut watch = Watch::new(KeyHasher::new(1));
        watch.add(A, 0, b"k", Was::Expired);
        watch.add(B, 0, b"k", Was::Alive);
        assert_eq!(watchers(&watch, 0, b"k", true), [B]);
        assert_eq!(watchers(&watch, 0, b"k", false), [A, B]);
        assert_eq!(watch.in_database(0).count(), 2);
    }
}

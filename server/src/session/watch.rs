//! Which connections watch which keys.
//!
//! Owns: the keys between WATCH and EXEC.   Uses: base.   Never: sessions, data.

use super::ClientId;
use crate::base::random::KeyHasher;
use std::collections::HashMap;

type Watched = (usize, Box<[u8]>);

/// The watched keys of everybody.
pub struct Watch {
    by_key: HashMap<Watched, Vec<Watcher>, KeyHasher>,
    by_client: HashMap<ClientId, Vec<Watched>, KeyHasher>,
}

struct Watcher {
    id: ClientId,
    /// The key was already past its time when the watch began: that it vanishes is no change.
    expired: bool,
}

impl Watch {
    /// Nothing is watched.
    pub fn new(hasher: KeyHasher) -> Watch {
        Watch {
            by_key: HashMap::with_hasher(hasher.clone()),
            by_client: HashMap::with_hasher(hasher),
        }
    }

    /// Whether nobody watches anything.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// Begins to watch. Says false when the client already watches the key.
    pub fn add(&mut self, id: ClientId, db: usize, key: &[u8], expired: bool) -> bool {
        let watched: Watched = (db, key.into());
        let watchers = self.by_key.entry(watched.clone()).or_default();
        if watchers.iter().any(|watcher| watcher.id == id) {
            return false;
        }
        watchers.push(Watcher { id, expired });
        self.by_client.entry(id).or_default().push(watched);
        true
    }

    /// Ends all watches of a client.
    pub fn forget(&mut self, id: ClientId) {
        for watched in self.by_client.remove(&id).unwrap_or_default() {
            if let Some(watchers) = self.by_key.get_mut(&watched) {
                watchers.retain(|watcher| watcher.id != id);
                if watchers.is_empty() {
                    self.by_key.remove(&watched);
                }
            }
        }
    }

    /// Who watches a key that changed. `expired`: it only vanished because its time had come.
    pub fn watchers(
        &self,
        db: usize,
        key: &[u8],
        expired: bool,
    ) -> impl Iterator<Item = ClientId> + '_ {
        // The look-up needs an owned key; watches are rare enough for one small allocation.
        self.by_key
            .get(&(db, key.into()) as &Watched)
            .into_iter()
            .flatten()
            .filter(move |watcher| !(expired && watcher.expired))
            .map(|watcher| watcher.id)
    }

    /// The keys watched in a database, with who watches each.
    pub fn in_database(&self, db: usize) -> impl Iterator<Item = (&[u8], ClientId, bool)> + '_ {
        self.by_key.iter().filter(move |((of, _), _)| *of == db).flat_map(|((_, key), watchers)| {
            watchers.iter().map(move |watcher| (&**key, watcher.id, watcher.expired))
        })
    }

    /// What a client watches, and whether each key was already past its time.
    pub fn of(&self, id: ClientId) -> impl Iterator<Item = (usize, &[u8], bool)> + '_ {
        self.by_client.get(&id).into_iter().flatten().map(move |watched| {
            let expired = self
                .by_key
                .get(watched)
                .and_then(|list| list.iter().find(|watcher| watcher.id == id))
                .is_some_and(|watcher| watcher.expired);
            (watched.0, &*watched.1, expired)
        })
    }
}

//! Floor 2: the numbered databases, the only owner of user data.
//!
//! Owns: every key and value.   Uses: value, base.   Never: a client, a reply, the disk, the time.
//!
//! ```text
//!  Keyspace -> Db (by number, made when first written)
//!                |-- table    directory -> segments -> buckets -> entries, in the order of the hash
//!                |-- slot     one look-up, then any change to that key
//!                |-- opened   a collection that is being changed
//!                |-- walk     SCAN, RANDOMKEY, everything
//!                |-- sample   some keys by chance
//!                |-- expire   which keys are due
//!                |-- sums     how many bytes they take, by type
//!                `-- waste    removed values that others free
//! ```
//! `access` says what a use of a key leaves behind, and `evict` which key is the least loss.
//!
//! Expiry here is only a number beside a key: whoever knows the time decides what it means.

pub mod access;
pub mod change;
mod compact;
mod content;
mod db;
mod entry;
pub mod evict;
mod expire;
mod header;
mod opened;
mod sample;
mod slot;
mod sums;
mod table;
#[cfg(test)]
mod tests;
mod walk;
mod waste;

use crate::base::random::KeyHasher;
use crate::base::slab::land;
use crate::value::Value;
use crate::value::limits::Limits;

pub use compact::Progress;
pub use content::Content;
pub use db::{Db, Dropped};
pub use entry::{EntryRef, INLINE_MAX};
pub use expire::{Removed, Sweep};
pub use opened::{Opened, Outcome};
pub use slot::Slot;
pub use sums::{Sum, Sums, Weight};
pub use walk::{Entries, MemoryOrder, Stretch, StretchEntries};

/// A key and its hash by the keyspace's hasher, computed once by whoever parsed the request.
#[derive(Clone, Copy, Debug)]
pub struct Key<'k> {
    /// The key.
    pub bytes: &'k [u8],
    /// Its hash; another value than the hasher's makes the key impossible to find.
    pub hash: u64,
}

/// All databases.
pub struct Keyspace {
    /// What collections need to know when they grow.
    pub limits: Limits,
    hasher: KeyHasher,
    databases: usize,
    /// Databases that were written to, by number. Never longer than `databases`.
    made: Vec<Option<Box<Db>>>,
    /// Stands for every database that was not.
    empty: Db,
    child_alive: bool,
    keeps_size: bool,
}

impl Keyspace {
    /// `databases` empty databases. Allocates for none of them.
    pub fn new(databases: usize, hasher: KeyHasher) -> Keyspace {
        let empty = Db::new(hasher.clone());
        Keyspace {
            limits: Limits { hasher: hasher.clone(), ..Limits::default() },
            hasher,
            databases,
            made: Vec::new(),
            empty,
            child_alive: false,
            keeps_size: false,
        }
    }

    /// The hasher of keys, to be copied to every thread that parses.
    pub fn hasher(&self) -> &KeyHasher {
        &self.hasher
    }

    /// A key with its hash.
    #[inline]
    pub fn key<'k>(&self, bytes: &'k [u8]) -> Key<'k> {
        Key { bytes, hash: self.hasher.hash(bytes) }
    }

    /// The number of databases.
    pub fn databases(&self) -> usize {
        self.databases
    }

    /// The databases from this number on have never been written to: loops over all data end here.
    pub fn written(&self) -> usize {
        self.made.len()
    }

    /// A database. `number` must be below [`Keyspace::databases`].
    #[inline]
    pub fn db(&self, number: usize) -> &Db {
        assert!(number < self.databases, "database {number} of {}", self.databases);
        self.made.get(number).and_then(Option::as_deref).unwrap_or(&self.empty)
    }

    /// A database, to change it. `number` must be below [`Keyspace::databases`].
    #[inline]
    pub fn db_mut(&mut self, number: usize) -> &mut Db {
        assert!(number < self.databases, "database {number} of {}", self.databases);
        if self.made.get(number).is_none_or(Option::is_none) {
            self.make(number);
        }
        self.made[number].as_deref_mut().expect("it has just been made, if it was not there")
    }

    /// A key's place in a database, and what a collection needs to know that grows there.
    #[inline]
    pub fn slot_and_limits<'k>(&mut self, db: usize, key: Key<'k>) -> (Slot<'_, 'k>, &Limits) {
        if self.made.get(db).is_none_or(Option::is_none) {
            assert!(db < self.databases, "database {db} of {}", self.databases);
            self.make(db);
        }
        let found = self.made[db].as_deref_mut();
        (found.expect("it has just been made, if it was not there").slot(key), &self.limits)
    }

    #[cold]
    fn make(&mut self, number: usize) {
        if number >= self.made.len() {
            self.made.resize_with(number + 1, || None);
        }
        let mut db = Box::new(Db::new(self.hasher.clone()));
        db.set_child_alive(self.child_alive);
        db.set_keeps_size(self.keeps_size);
        self.made[number] = Some(db);
    }

    /// Exchanges the contents of two databases. O(1).
    pub fn swap(&mut self, a: usize, b: usize) {
        assert!(a.max(b) < self.databases, "databases {a} and {b} of {}", self.databases);
        if a.max(b) >= self.made.len() {
            self.made.resize_with(a.max(b) + 1, || None);
        }
        self.made.swap(a, b);
    }

    /// Keys in all databases. O(databases that were written to).
    pub fn keys(&self) -> usize {
        self.made.iter().flatten().map(|db| db.len()).sum()
    }

    /// Bytes of all blocks in slabs, which the global allocator does not count. O(databases that were written to).
    pub fn memory(&self) -> u64 {
        let slabs = self.made.iter().flatten().map(|db| db.slab_bytes());
        slabs.map(|(entries, buckets)| (entries + buckets) as u64).sum()
    }

    /// Gives memory that is free back to the kernel, as far as it is not the global allocator's.
    pub fn purge(&mut self) {
        land().purge();
    }

    /// What was removed from a database and is slow to free; see [`Db::take_waste`].
    #[inline]
    pub fn take_waste(&mut self, number: usize) -> Vec<Value> {
        match self.made.get_mut(number) {
            Some(Some(db)) => db.take_waste(),
            Some(None) | None => Vec::new(),
        }
    }

    /// Lets tables grow only as far as they must and shrink no more, or as they like again.
    pub fn set_keeps_size(&mut self, keeps: bool) {
        self.keeps_size = keeps;
        for db in self.made.iter_mut().flatten() {
            db.set_keeps_size(keeps);
        }
    }

    /// Tells that a snapshot child lives, or no longer: while it does, tables move nothing that need not move and
    /// reading writes nothing, because every page written must be copied by the kernel.
    pub fn set_child_alive(&mut self, alive: bool) {
        self.child_alive = alive;
        for db in self.made.iter_mut().flatten() {
            db.set_child_alive(alive);
        }
    }
}

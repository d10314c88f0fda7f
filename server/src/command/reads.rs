//! The data as a reading command sees it, and what its look-ups leave behind.
//!
//! Owns: `Reads` and the counters of look-ups.   Uses: keyspace.   Never: changes data; a key past its time is only queued.

use super::text::text_of;
use crate::base::random::Rng;
use crate::base::time::Now;
use crate::keyspace::access::Touch;
use crate::keyspace::{Db, EntryRef, Key, Keyspace};
use crate::resp::{Error, Result};
use crate::value::limits::Limits;
use crate::value::{TextRef, ValueRef, View};

/// What reads leave behind: counters, and keys that were found past their time.
#[derive(Default)]
pub struct Lookups {
    /// Keys found.
    pub hits: u64,
    /// Keys not found.
    pub misses: u64,
    /// Keys past their time, to be removed after the command: database and key.
    pub expired: Vec<(usize, Box<[u8]>)>,
    /// Keys not found, while somebody wants to be told of them: database and key.
    pub missed: Vec<(usize, Box<[u8]>)>,
    /// Somebody wants to be told of keys not found.
    pub keep_misses: bool,
    /// Keys past their time that a write removed on its way.
    pub removed: u64,
    /// Fields of hashes past their time that a write removed on its way.
    pub removed_fields: u64,
}

impl Lookups {
    #[inline]
    pub(super) fn miss(&mut self, db: usize, key: &[u8]) {
        self.misses += 1;
        if self.keep_misses {
            self.missed.push((db, key.into()));
        }
    }
}

/// The data as a reading command sees it.
pub struct Reads<'a> {
    pub(super) keyspace: &'a mut Keyspace,
    lookups: &'a mut Lookups,
    pub(super) db: usize,
    now_ms: i64,
    /// What reading does to what is read; nothing while a child lives or for NO-TOUCH.
    touch: Option<Touch>,
}

impl<'a> Reads<'a> {
    /// A view of one database.
    pub fn new(
        keyspace: &'a mut Keyspace,
        lookups: &'a mut Lookups,
        db: usize,
        now: Now,
        touch: Option<Touch>,
    ) -> Reads<'a> {
        Reads { keyspace, lookups, db, now_ms: now.unix_ms(), touch }
    }

    /// The value of a key, counted as a hit or a miss. A key past its time is missing.
    #[inline]
    pub fn find(&mut self, key: Key<'_>) -> Option<ValueRef<'_>> {
        self.entry(key).map(EntryRef::value)
    }

    /// The string of a key.
    ///
    /// # Errors
    /// `WrongType` if the key holds another type.
    #[inline]
    pub fn text(&mut self, key: Key<'_>) -> Result<Option<TextRef<'_>>> {
        text_of(self.entry(key))
    }

    /// The collection of a key, counted as a hit or a miss.
    ///
    /// # Errors
    /// `WrongType` if the key holds another type.
    #[inline]
    pub fn view<'s, V: View<'s>>(&'s mut self, key: Key<'_>) -> Result<Option<V>> {
        view_of(self.entry(key))
    }

    /// Like [`Reads::view`] for a key that was counted already, so that several can be looked at together.
    ///
    /// # Errors
    /// `WrongType` if the key holds another type.
    pub fn view_again<'s, V: View<'s>>(&'s self, key: Key<'_>) -> Result<Option<V>> {
        view_of(self.peek(key))
    }

    /// A key's whole entry, counted as a hit or a miss.
    #[inline]
    pub fn entry(&mut self, key: Key<'_>) -> Option<EntryRef<'_>> {
        self.look_up(key, self.touch)
    }

    /// Like [`Reads::entry`], but it is not used by it: for questions about the key, not the value.
    #[inline]
    pub fn look(&mut self, key: Key<'_>) -> Option<EntryRef<'_>> {
        self.look_up(key, None)
    }

    #[inline]
    fn look_up(&mut self, key: Key<'_>, touch: Option<Touch>) -> Option<EntryRef<'_>> {
        let found = match touch {
            Some(touch) => self.keyspace.db_mut(self.db).touch(key, touch),
            None => self.keyspace.db(self.db).find(key),
        };
        match found {
            Some(entry) if !past(entry, self.now_ms) => {
                self.lookups.hits += 1;
                Some(entry)
            }
            Some(_) => {
                self.lookups.miss(self.db, key.bytes);
                self.lookups.expired.push((self.db, key.bytes.into()));
                None
            }
            None => {
                self.lookups.miss(self.db, key.bytes);
                None
            }
        }
    }

    /// Like [`Reads::look`], but nobody is told of a key that is not there: for questions about how it is kept.
    pub fn inspect(&mut self, key: Key<'_>) -> Option<EntryRef<'_>> {
        let keep_misses = std::mem::take(&mut self.lookups.keep_misses);
        let alive = self.look_up(key, None).is_some();
        self.lookups.keep_misses = keep_misses;
        // Looked up again, for the first answer would have lent `self` until now.
        if alive { self.peek(key) } else { None }
    }

    /// A key's entry, without counting and without noting a use.
    pub fn peek(&self, key: Key<'_>) -> Option<EntryRef<'_>> {
        self.keyspace.db(self.db).find(key).filter(|&entry| !past(entry, self.now_ms))
    }

    /// Whether an entry is past its time.
    pub fn past(&self, entry: EntryRef<'_>) -> bool {
        past(entry, self.now_ms)
    }

    /// The database, for scans. Its entries may be past their time: ask [`Reads::past`].
    pub fn db(&self) -> &Db {
        self.keyspace.db(self.db)
    }

    /// One step of a scan over keys whose time has not passed; the others are queued for removal.
    /// See [`Db::scan`].
    pub fn scan(&mut self, cursor: u64, each: &mut dyn FnMut(EntryRef<'_>)) -> u64 {
        let Reads { keyspace, lookups, db, now_ms, .. } = self;
        keyspace.db(*db).scan(cursor, &mut |entry| {
            if past(entry, *now_ms) {
                lookups.expired.push((*db, entry.key().into()));
            } else {
                each(entry);
            }
        })
    }

    /// A key by chance; none if its time has passed (it is queued for removal) or there is no key. See [`Db::random`].
    pub fn random(&mut self, rng: &mut Rng) -> Option<EntryRef<'_>> {
        let entry = self.keyspace.db(self.db).random(rng)?;
        if past(entry, self.now_ms) {
            self.lookups.expired.push((self.db, entry.key().into()));
            return None;
        }
        Some(entry)
    }

    /// What collections need to know.
    pub fn limits(&self) -> &Limits {
        &self.keyspace.limits
    }

    /// All databases, to look at without counting.
    pub fn keyspace(&self) -> &Keyspace {
        self.keyspace
    }

    /// The number of the database.
    pub fn number(&self) -> usize {
        self.db
    }

    /// A key with its hash.
    pub fn key<'k>(&self, bytes: &'k [u8]) -> Key<'k> {
        self.keyspace.key(bytes)
    }
}

/// What stands in an entry, if there is one.
///
/// # Errors
/// `WrongType` if it is of another type.
#[inline]
pub fn view_of<'a, V: View<'a>>(entry: Option<EntryRef<'a>>) -> Result<Option<V>> {
    match entry {
        None => Ok(None),
        Some(entry) => V::of(entry.value()).map(Some).ok_or(Error::WrongType),
    }
}

/// Whether an entry is past its time.
#[inline]
pub(super) fn past(entry: EntryRef<'_>, now_ms: i64) -> bool {
    entry.deadline().is_some_and(|deadline| deadline < now_ms)
}

//! A slot: the place of one key in the table, whether or not the key exists.
//!
//! Owns: the right to change that key.   Uses: table, entry, value.   Never: other keys, what time it is.
//!
//! It is what makes "look up once, then decide" possible; and it alone makes entries, changes their
//! size, and removes them, so the table's sums cannot go wrong elsewhere.

use super::Key;
use super::access::Touch;
use super::content::Content;
use super::entry::EntryRef;
use super::sums::Weight;
use super::table::{Place, Table};
use crate::value::{Put, TextMut, Value};

/// The place of one key.
pub struct Slot<'a, 'k> {
    table: &'a mut Table,
    key: Key<'k>,
    place: Option<Place>,
}

impl<'a, 'k> Slot<'a, 'k> {
    #[inline]
    pub(super) fn new(table: &'a mut Table, key: Key<'k>) -> Slot<'a, 'k> {
        let place = table.find(key.hash, key.bytes).map(|(place, _)| place);
        Slot { table, key, place }
    }

    /// The key.
    pub fn key(&self) -> Key<'k> {
        self.key
    }

    /// Whether the key exists, be it expired or not.
    #[inline]
    pub fn exists(&self) -> bool {
        self.place.is_some()
    }

    /// What stands here.
    #[inline]
    pub fn entry(&self) -> Option<EntryRef<'_>> {
        Some(self.table.entry(self.place?).get())
    }

    /// Changes the string where it stands; `None` if there is none. What it holds outside the
    /// entry may grow or shrink, the entry keeps its size. O(1) besides the change itself.
    #[inline]
    pub fn edit<R>(&mut self, change: impl FnOnce(TextMut<'_>) -> R) -> Option<R> {
        let place = self.place?;
        self.table.edit(place, |entry, _| entry.text_mut().map(change))
    }

    /// Gives the value away to be changed, with what it weighed; [`Slot::give_back`] is to follow.
    #[inline]
    pub(super) fn lend(&mut self) -> Option<(Value, Weight)> {
        Some(self.table.lend(self.place?))
    }

    /// Takes a value back that was lent.
    #[inline]
    pub(super) fn give_back(&mut self, value: Value, before: Weight) {
        let place = self.place.expect("what was lent has a place");
        self.table.give_back(place, value, before);
    }

    /// Creates the key, or replaces its value and keeps its deadline. O(1).
    #[inline]
    pub fn put(&mut self, put: Put<'_>) {
        match self.place {
            Some(place) => self.table.put(place, put),
            None => self.create(put, None),
        }
    }

    /// Creates the key, or replaces its value, with this deadline or none. One allocation at most where
    /// `put` and `set_deadline` may need two. O(1).
    #[inline]
    pub fn put_until(&mut self, put: Put<'_>, deadline: Option<i64>) {
        if self.exists() {
            self.set_deadline(deadline);
            self.put(put);
        } else {
            self.create(put, deadline);
        }
    }

    /// When the key expires, in Unix milliseconds.
    #[inline]
    pub fn deadline(&self) -> Option<i64> {
        self.entry()?.deadline()
    }

    /// Sets or clears when the key expires, in Unix milliseconds. Nothing happens if the key does not exist.
    #[inline]
    pub fn set_deadline(&mut self, deadline: Option<i64>) {
        if let Some(place) = self.place {
            self.table.set_deadline(place, deadline);
        }
    }

    /// Notes a use of the key. Nothing happens if the key does not exist.
    #[inline]
    pub fn touch(&mut self, touch: Touch) {
        if let Some(place) = self.place {
            let used = touch.used(self.table.entry(place).get().access(), self.key.hash);
            self.table.entry_mut(place).set_access(used);
        }
    }

    /// Sets the access word, as [`super::access`] makes it. Nothing happens if the key does not exist.
    #[inline]
    pub fn set_access(&mut self, access: u32) {
        if let Some(place) = self.place {
            self.table.entry_mut(place).set_access(access);
        }
    }

    /// Removes the key and drops its value. Tells whether it existed. O(1): a value that is slow to free waits
    /// for [`super::Db::take_waste`].
    pub fn remove(&mut self) -> bool {
        let place = self.place.take();
        if let Some(place) = place {
            self.table.remove(place);
        }
        place.is_some()
    }

    /// Removes the key and gives its value.
    pub fn take(&mut self) -> Option<Value> {
        Some(self.table.take(self.place.take()?))
    }

    /// Notes that the value was changed in part, until another one is put. Nothing happens if the key does not
    /// exist.
    pub fn set_edited(&mut self) {
        if let Some(place) = self.place {
            self.table.entry_mut(place).set_edited();
        }
    }

    /// Removes the key and gives all that stood here. O(1): a long value moves by its handle.
    pub fn take_content(&mut self) -> Option<Content> {
        let entry = self.entry()?;
        let (deadline, access, edited) = (entry.deadline(), entry.access(), entry.is_edited());
        Some(Content { value: self.take()?, deadline, access, edited })
    }

    /// Creates the key, or replaces all that stood here. O(1).
    pub fn put_content(&mut self, content: Content) {
        let Content { value, deadline, access, edited } = content;
        value.put(|put| self.put_until(put, deadline));
        self.set_access(access);
        if edited {
            self.set_edited();
        }
    }

    fn create(&mut self, put: Put<'_>, deadline: Option<i64>) {
        self.place = Some(self.table.insert(self.key.hash, self.key.bytes, put, deadline));
    }
}

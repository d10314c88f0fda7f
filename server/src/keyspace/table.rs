//! The entries of one database, and everything that must be told when one comes, changes or goes.
//!
//! Owns: the index over the entries, the slab they stand in, the exact sums over them, the order of their elements' times.
//! Uses: `base::{index, random, slab}`, expire's notes, sums.   Never: clients, time, the disk.
//!
//! While a snapshot child lives the index is still: nothing moves that need not.
//!
//! Invariants
//!  1. `sums` and the notes' counts are exact sums over the entries, and `timed` has exactly those with times inside.
//!  2. The blocks of `blocks` are the entries and nothing else.

use super::compact::Compaction;
use super::entry::{Entry, EntryRef};
use super::expire::Due;
use super::sums::{Sums, Weight};
use super::waste::Waste;
use crate::base::index::{self, Index, Spot};
use crate::base::random::KeyHasher;
use crate::base::slab::{Runs, Slab, land};
use crate::value::deadlines::Deadlines;
use crate::value::{Put, Value};

/// Where an entry stands in the table; see [`index::Place`].
pub(super) type Place = index::Place<Entry>;

/// The table.
pub(super) struct Table {
    /// Where each key is; its notes say which segments hold due keys.
    pub index: Index<Entry, Due, Runs>,
    pub compaction: Compaction,
    /// What the entries take.
    pub sums: Sums,
    /// Keys whose values have elements with times, by the first of these.
    pub timed: Deadlines,
    /// What was removed and is slow to free.
    pub waste: Waste,
    pub child_alive: bool,
    /// Nothing moves that need not, as while a child lives; but uses of keys are noted.
    pub keeps_size: bool,
    /// Where entries stand.
    pub blocks: Slab,
}

impl Table {
    /// An empty table, which has allocated nothing.
    pub fn new(hasher: KeyHasher) -> Table {
        Table {
            index: Index::new(hasher, Due::default(), Runs::new(land())),
            compaction: Compaction::default(),
            sums: Sums::default(),
            timed: Deadlines::default(),
            waste: Waste::default(),
            child_alive: false,
            keeps_size: false,
            blocks: Slab::new(land()),
        }
    }

    /// While a child lives nothing moves that need not, and uses of keys are not noted.
    pub fn set_child_alive(&mut self, alive: bool) {
        self.child_alive = alive;
        self.index.set_still(alive || self.keeps_size);
    }

    /// Nothing moves that need not, or things move again.
    pub fn set_keeps_size(&mut self, keeps: bool) {
        self.keeps_size = keeps;
        self.index.set_still(keeps || self.child_alive);
    }

    /// The entry of a key, and its place.
    #[inline]
    pub fn find(&self, hash: u64, key: &[u8]) -> Option<(Place, EntryRef<'_>)> {
        let (place, entry) = self.index.find(hash, key)?;
        Some((place, entry.get()))
    }

    /// The entry at a place.
    #[inline]
    pub fn entry(&self, at: Place) -> &Entry {
        self.index.item(at)
    }

    /// The entry at a place, for changes that neither the sums nor the notes see; others go through
    /// [`Table::edit`].
    #[inline]
    pub fn entry_mut(&mut self, at: Place) -> &mut Entry {
        self.index.item_mut(at)
    }

    /// Replaces an entry's value; deadline and access clock stay.
    #[inline]
    pub fn put(&mut self, at: Place, put: Put<'_>) {
        let entry = self.index.item_mut(at);
        let before = Weight::of(entry.get());
        if Waste::wants(before.heap)
            && let Some(value) = entry.take_heap()
        {
            self.waste.throw(value);
        }
        entry.put(&mut self.blocks, put);
        let after = Weight::of(entry.get());
        self.sums.change(before, after);
        if before.soonest != after.soonest {
            self.timed.change(entry.get().key(), before.soonest, after.soonest);
        }
    }

    /// Gives an entry's value away to be changed. [`Table::give_back`] is to follow, with the weight that this answers,
    /// before anybody looks at the entry.
    #[inline]
    pub fn lend(&mut self, at: Place) -> (Value, Weight) {
        let entry = self.index.item_mut(at);
        let weight = Weight::of(entry.get());
        (entry.lend(), weight)
    }

    /// Takes a value back that was lent.
    #[inline]
    pub fn give_back(&mut self, at: Place, value: Value, before: Weight) {
        let entry = self.index.item_mut(at);
        value.put(|put| entry.put(&mut self.blocks, put));
        let after = Weight::of(entry.get());
        self.sums.change(before, after);
        if before.soonest != after.soonest {
            self.timed.change(entry.get().key(), before.soonest, after.soonest);
        }
    }

    /// Changes an entry, and the sums with it. Deadlines go through [`Table::set_deadline`].
    #[inline]
    pub fn edit<R>(&mut self, at: Place, change: impl FnOnce(&mut Entry, &mut Slab) -> R) -> R {
        let entry = self.index.item_mut(at);
        let before = Weight::of(entry.get());
        let result = change(entry, &mut self.blocks);
        let after = Weight::of(entry.get());
        self.sums.change(before, after);
        result
    }

    /// Adds a key that the table does not have. O(1), now and then one segment's growth.
    pub fn insert(&mut self, hash: u64, key: &[u8], put: Put<'_>, deadline: Option<i64>) -> Place {
        let entry = Entry::new(&mut self.blocks, key, put, deadline);
        let weight = Weight::of(entry.get());
        self.sums.add(weight);
        if weight.soonest.is_some() {
            self.timed.change(key, None, weight.soonest);
        }
        let place = self.index.insert(hash, entry);
        if let Some(deadline) = deadline {
            let segment = self.index.number(hash);
            self.index.notes.count(segment, deadline);
        }
        place
    }

    /// Removes an entry and frees it. O(1), now and then one segment's shrinking.
    pub fn remove(&mut self, at: Place) {
        let entry = self.detach(at);
        self.waste.bin(entry, &mut self.blocks);
    }

    /// Removes an entry and gives its value.
    pub fn take(&mut self, at: Place) -> Value {
        self.detach(at).into_value(&mut self.blocks)
    }

    fn detach(&mut self, at: Place) -> Entry {
        let number = self.index.number(at.hash());
        let entry = self.take_out(number, at.spot());
        self.index.shrink(at.hash(), number);
        entry
    }

    /// Takes an entry out and moves no other; [`Index::shrink`] is to follow when the spots of the others are no
    /// longer needed.
    pub fn take_out(&mut self, number: u32, at: Spot) -> Entry {
        let entry = self.index.take_out(number, at);
        let weight = Weight::of(entry.get());
        self.sums.remove(weight);
        if weight.soonest.is_some() {
            self.timed.change(entry.get().key(), weight.soonest, None);
        }
        if entry.is_volatile() {
            self.index.notes.discount(number);
        }
        entry
    }

    /// Gives or takes an entry's deadline.
    #[inline]
    pub fn set_deadline(&mut self, at: Place, deadline: Option<i64>) {
        let was_volatile = self.entry(at).is_volatile();
        if was_volatile || deadline.is_some() {
            self.change_deadline(at, was_volatile, deadline);
        }
    }

    fn change_deadline(&mut self, at: Place, was_volatile: bool, deadline: Option<i64>) {
        let number = self.index.number(at.hash());
        let notes = &mut self.index.notes;
        match (was_volatile, deadline) {
            (false, None) => return,
            (true, None) => notes.discount(number),
            (false, Some(deadline)) => notes.count(number, deadline),
            (true, Some(deadline)) => notes.note_deadline(number, deadline),
        }
        self.edit(at, |entry, slab| entry.set_deadline(slab, deadline));
    }

    /// Bytes of the table itself, without the entries. O(segments / 1024).
    pub fn memory(&self) -> usize {
        let index = self.index.ground.used() + self.index.memory();
        index + self.index.notes.memory() + self.timed.memory()
    }
}

impl Drop for Table {
    /// The slabs give back all memory at once; only what stands outside them is looked for.
    fn drop(&mut self) {
        if self.sums.total().heap > 0 {
            for segment in self.index.segments() {
                segment.entries().for_each(Entry::drop_heap);
            }
        }
    }
}

//! Streams: entries in the order of their IDs, and groups of consumers that read them.
//!
//! Owns: what a stream is made of.   Uses: block, log, group, producers, limits.   Never: a key, a client, the time.
//!
//! ```text
//!   Stream ─┬─ log        the entries: packed blocks under an index
//!           ├─ groups     by name: what each has read, and what waits for an acknowledgement
//!           ├─ producers  whose messages are added only once (if any is)
//!           └─ last ID, the largest ID that was deleted, how many entries it ever had
//! ```
//!
//! A stream without entries is a value: it remembers its last ID. Trimming takes entries from the front and leaves no
//! gap; deleting may leave one, and from then on how much a group has left to read is only known where no gap lies
//! ahead of it ([`Stream::lag`]).

mod block;
mod group;
mod id;
mod log;
mod producers;
mod trim;

#[cfg(test)]
mod tests;

pub use block::{Block, Entry, Pairs};
pub use group::{Consumer, Group, Owner, Pending};
pub use id::{Id, IdText};
pub use log::{Back, Range};
pub use producers::{Memory, Producers};
pub use trim::{Refs, Trim, Until};

use crate::base::alloc;
use crate::value::limits::Limits;
use log::Log;
use std::collections::BTreeMap;

/// The most bytes of an entry's fields and values, as in Redis.
const ENTRY_MAX: usize = 1 << 30;

/// A stream.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    log: Log,
    groups: BTreeMap<Box<[u8]>, Group>,
    /// Bytes of all groups.
    group_heap: usize,
    producers: Option<Box<Producers>>,
    last: Id,
    deleted: Id,
    added: u64,
}

/// An entry that no stream takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge;

impl Stream {
    /// An empty one.
    pub fn new() -> Box<Stream> {
        Box::default()
    }

    /// The name OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        "stream"
    }

    /// Entries in it. O(1).
    pub fn len(&self) -> usize {
        self.log.len()
    }

    /// Whether it has no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that it holds, about; those of its box included. O(1).
    pub fn heap(&self) -> usize {
        let producers = self
            .producers
            .as_ref()
            .map_or(0, |producers| alloc::given(size_of::<Producers>()) + producers.heap());
        alloc::given(size_of::<Stream>()) + self.log.heap() + self.group_heap + producers
    }

    /// The blocks that its entries are kept in, in order.
    pub fn all_blocks(&self) -> impl Iterator<Item = &Block> {
        self.log.all_blocks()
    }

    /// Blocks that its entries are kept in.
    pub fn blocks(&self) -> usize {
        self.log.blocks()
    }

    /// The ID that it last gave or took.
    pub fn last_id(&self) -> Id {
        self.last
    }

    /// Sets the last ID, which should not be before any entry's.
    pub fn set_last_id(&mut self, id: Id) {
        self.last = id;
    }

    /// The ID of the first entry; 0-0 if there is none.
    pub fn first_id(&self) -> Id {
        self.log.first().map_or(Id::MIN, |entry| entry.id)
    }

    /// The largest ID that was deleted; 0-0 if none was.
    pub fn deleted_id(&self) -> Id {
        self.deleted
    }

    /// Sets the largest ID that was deleted.
    pub fn set_deleted_id(&mut self, id: Id) {
        self.deleted = id;
    }

    /// Entries that it ever had.
    pub fn added(&self) -> u64 {
        self.added
    }

    /// Sets how many entries it ever had.
    pub fn set_added(&mut self, added: u64) {
        self.added = added;
    }

    /// Adds an entry, whose ID must be beyond the last one; `words` are its fields and values in turn, at least one pair.
    /// Amortized O(bytes of the entry).
    ///
    /// # Errors
    /// [`TooLarge`] if a block could not hold it.
    pub fn append<'w>(
        &mut self,
        id: Id,
        words: impl Iterator<Item = &'w [u8]> + Clone,
        limits: &Limits,
    ) -> Result<(), TooLarge> {
        assert!(id > self.last, "IDs only grow");
        if words.clone().map(<[u8]>::len).fold(0, usize::saturating_add) > ENTRY_MAX {
            return Err(TooLarge);
        }
        self.log.append(id, words, limits);
        self.last = id;
        self.added = self.added.saturating_add(1);
        Ok(())
    }

    /// Deletes an entry and tells whether it was there. Groups to which it was delivered still wait for it. O(log n).
    pub fn delete(&mut self, id: Id) -> bool {
        let was_there = self.log.remove(id);
        if was_there {
            self.deleted = self.deleted.max(id);
        }
        was_there
    }

    /// Whether an entry is there. O(log n).
    pub fn has(&self, id: Id) -> bool {
        self.log.has(id)
    }

    /// The entry of an ID. O(log n).
    pub fn get(&self, id: Id) -> Option<Entry<'_>> {
        self.log.get(id)
    }

    /// The first entry. O(log n).
    pub fn first(&self) -> Option<Entry<'_>> {
        self.log.first()
    }

    /// The last entry. O(log n).
    pub fn last(&self) -> Option<Entry<'_>> {
        self.log.last()
    }

    /// Entries from one ID to another, both included. O(log n), then O(1) each.
    pub fn range(&self, from: Id, to: Id) -> Range<'_> {
        self.log.range(from, to)
    }

    /// The same in the opposite order.
    pub fn back(&self, from: Id, to: Id) -> Back<'_> {
        self.log.back(from, to)
    }

    /// Whether an entry may be deleted for good: each group has read and acknowledged it.
    pub fn is_done_with(&self, id: Id) -> bool {
        self.groups.values().all(|group| group.is_done_with(id))
    }

    /// Whether a group waits for an entry's acknowledgement.
    pub fn is_awaited(&self, id: Id) -> bool {
        self.groups.values().any(|group| group.get(id).is_some())
    }

    /// Has no group wait for an entry any longer.
    pub fn forget(&mut self, id: Id) {
        for group in self.groups.values_mut() {
            let before = group.heap();
            group.acknowledge(id);
            self.group_heap -= before - group.heap();
        }
    }

    /// A group.
    pub fn group(&self, name: &[u8]) -> Option<&Group> {
        self.groups.get(name)
    }

    /// Groups by name.
    pub fn groups(&self) -> impl Iterator<Item = (&[u8], &Group)> {
        self.groups.iter().map(|(name, group)| (&name[..], group))
    }

    /// How many groups it has.
    pub fn group_count(&self) -> usize {
        self.groups.len()
    }

    /// Adds a group, and tells whether there was none of the name.
    pub fn add_group(&mut self, name: &[u8], group: Group) -> bool {
        let is_new = !self.groups.contains_key(name);
        if is_new {
            self.group_heap += group.heap() + group_share(name);
            self.groups.insert(name.into(), group);
        }
        is_new
    }

    /// Removes a group and tells whether there was one.
    pub fn remove_group(&mut self, name: &[u8]) -> bool {
        let gone = self.groups.remove(name);
        self.group_heap -= gone.as_ref().map_or(0, |group| group.heap() + group_share(name));
        gone.is_some()
    }

    /// Changes a group, beside which the stream is only read; none if there is no group of the name.
    pub fn edit_group<R>(
        &mut self,
        name: &[u8],
        edit: impl FnOnce(&mut Group, Position<'_>) -> R,
    ) -> Option<R> {
        let Stream { log, groups, group_heap, last, deleted, added, .. } = self;
        let group = groups.get_mut(name)?;
        let before = group.heap();
        let out = edit(group, Position { log, last: *last, deleted: *deleted, added: *added });
        *group_heap = *group_heap - before + group.heap();
        Some(out)
    }

    /// Whose messages are added only once.
    pub fn producers(&self) -> Option<&Producers> {
        self.producers.as_deref()
    }

    /// The same to change; `memory` is how messages are remembered if nothing says so yet.
    pub fn producers_mut(&mut self, memory: Memory) -> &mut Producers {
        self.producers.get_or_insert_with(|| Box::new(Producers::new(memory)))
    }

    /// Where it stands, to be asked for how far a group is.
    pub fn position(&self) -> Position<'_> {
        Position { log: &self.log, last: self.last, deleted: self.deleted, added: self.added }
    }

    /// How many entries a group has still to read, if that can be told; below 0 if XGROUP SETID or XSETID has said so.
    pub fn lag(&self, group: &Group) -> Option<i64> {
        self.position().lag(group)
    }
}

/// Two are equal if nobody could tell them apart; in what blocks their entries lie says nothing.
impl PartialEq for Stream {
    fn eq(&self, other: &Stream) -> bool {
        let counters = |stream: &Stream| (stream.last, stream.deleted, stream.added, stream.len());
        counters(self) == counters(other)
            && self.range(Id::MIN, Id::MAX).eq(other.range(Id::MIN, Id::MAX))
            && self.groups == other.groups
            && self.producers == other.producers
    }
}

/// What a group takes beside its contents.
fn group_share(name: &[u8]) -> usize {
    alloc::given(name.len()) + 2 * (size_of::<Group>() + size_of::<Box<[u8]>>())
}

/// A stream beside which a group is changed.
#[derive(Clone, Copy, Debug)]
pub struct Position<'a> {
    log: &'a Log,
    last: Id,
    deleted: Id,
    added: u64,
}

impl<'a> Position<'a> {
    /// The entry of an ID.
    pub fn get(self, id: Id) -> Option<Entry<'a>> {
        self.log.get(id)
    }

    /// Whether an entry is there.
    pub fn has(self, id: Id) -> bool {
        self.log.has(id)
    }

    /// Entries from one ID to another, both included.
    pub fn range(self, from: Id, to: Id) -> Range<'a> {
        self.log.range(from, to)
    }

    /// The last ID of the stream.
    pub fn last_id(self) -> Id {
        self.last
    }

    /// Whether an entry behind `id` (included) was deleted before its time.
    pub fn has_gap_behind(self, id: Id) -> bool {
        if self.log.len() == 0 || self.deleted == Id::MIN || self.deleted < self.first_id() {
            return false;
        }
        id <= self.deleted
    }

    fn first_id(self) -> Id {
        self.log.first().map_or(Id::MIN, |entry| entry.id)
    }

    /// How many entries up to `id` the stream ever had, if that can be told.
    pub fn entries_up_to(self, id: Id) -> Option<u64> {
        let len = self.log.len() as u64;
        if self.added == 0 {
            return Some(0);
        }
        if len == 0 && id <= self.last {
            return Some(self.added);
        }
        if id != Id::MIN && id < self.deleted {
            return None;
        }
        if id == self.last {
            return Some(self.added);
        }
        let first = self.first_id();
        let whole = self.deleted == Id::MIN || self.deleted < first;
        if id > self.last || !whole || id > first {
            return None;
        }
        let before = self.added.checked_sub(len)?;
        Some(if id == first { before + 1 } else { before })
    }

    /// How many entries a group has still to read, if that can be told.
    pub fn lag(self, group: &Group) -> Option<i64> {
        let len = self.log.len() as u64;
        if self.added == 0 || len == 0 {
            return Some(0);
        }
        let first = self.first_id();
        if group.last < first && self.deleted < first {
            return Some(len.cast_signed());
        }
        let read = group.read.filter(|_| !self.has_gap_behind(group.last));
        let read = match read {
            Some(read) => read,
            None => self.entries_up_to(group.last)?,
        };
        Some(self.added.cast_signed().wrapping_sub(read.cast_signed()))
    }

    /// Notes that a group has read an entry that is the next one for it.
    pub fn advance(self, group: &mut Group, id: Id) {
        group.read = match group.read {
            // Else what was read and what was trimmed unread cannot be told apart.
            Some(read) if group.last >= self.first_id() && !self.has_gap_behind(group.last) => {
                Some(read + 1)
            }
            Some(_) | None => self.entries_up_to(id),
        };
        group.last = id;
    }
}

//! One database.
//!
//! Owns: its table.   Uses: table, slot, walk, expire.   Never: its number, other databases.
//!
//! A thin front: what it promises is written here, how it is kept in the modules it calls.

use super::Key;
use super::access::Touch;
use super::compact::Progress;
use super::entry::{Entry, EntryRef};
use super::expire::{Removed, Sweep};
use super::slot::Slot;
use super::sums::Sums;
use super::table::Table;
use super::walk::{Entries, MemoryOrder};
use crate::base::random::{KeyHasher, Rng};
use crate::value::Value;

/// One database. Allocates nothing while it is empty.
pub struct Db {
    table: Table,
}

/// What a database held when it was cleared. Dropping it frees that, on whichever thread, in O(keys).
pub struct Dropped {
    table: Table,
}

impl Db {
    pub(super) fn new(hasher: KeyHasher) -> Db {
        Db { table: Table::new(hasher) }
    }

    pub(super) fn set_child_alive(&mut self, alive: bool) {
        self.table.set_child_alive(alive);
    }

    pub(super) fn set_keeps_size(&mut self, keeps: bool) {
        self.table.set_keeps_size(keeps);
    }

    /// Keys, expired ones included.
    #[expect(clippy::len_without_is_empty, reason = "commands ask for the number only")]
    pub fn len(&self) -> usize {
        self.table.index.len()
    }

    /// Keys with a deadline, expired ones included.
    pub fn volatile_len(&self) -> usize {
        self.table.index.notes.volatile
    }

    /// Asks the processor for the directory's cell of a hash; some commands before [`Db::prefetch_bucket`].
    #[inline]
    pub fn prefetch_cell(&self, hash: u64) {
        self.table.index.prefetch_cell(hash);
    }

    /// Asks the processor for the bucket of a hash; some commands before [`Db::prefetch_entry`].
    #[inline]
    pub fn prefetch_bucket(&self, hash: u64) {
        if let Some(row) = self.table.index.row(hash) {
            row.prefetch_bucket(hash);
        }
    }

    /// Asks the processor for the entry of a hash; some commands before the look-up.
    #[inline]
    pub fn prefetch_entry(&self, hash: u64) {
        if let Some(row) = self.table.index.row(hash) {
            row.prefetch_entry(hash);
        }
    }

    /// The entry of a key, expired or not. O(1), writes nothing.
    #[inline]
    pub fn find(&self, key: Key<'_>) -> Option<EntryRef<'_>> {
        self.table.find(key.hash, key.bytes).map(|(_, entry)| entry)
    }

    /// Like [`Db::find`], and notes the use; but while a snapshot child lives it writes nothing.
    #[inline]
    pub fn touch(&mut self, key: Key<'_>, touch: Touch) -> Option<EntryRef<'_>> {
        let (place, found) = self.table.find(key.hash, key.bytes)?;
        if !self.table.child_alive {
            let (old, new) = (found.access(), touch.used(found.access(), key.hash));
            if old != new {
                self.table.entry_mut(place).set_access(new);
            }
        }
        Some(self.table.entry(place).get())
    }

    /// The place of a key, to create, change or remove it with this one look-up. O(1).
    #[inline]
    pub fn slot<'k>(&mut self, key: Key<'k>) -> Slot<'_, 'k> {
        Slot::new(&mut self.table, key)
    }

    /// One step of a scan: hands out the entries of the bucket at `cursor` (about six; none is possible) and gives
    /// the next cursor. Begin with 0; the answer 0 is the end. An entry that is there during the whole scan is handed
    /// out at least once, whatever happens to the table in between. Cursors are below 2^53; others end the scan.
    pub fn scan(&self, cursor: u64, each: &mut dyn FnMut(EntryRef<'_>)) -> u64 {
        self.table.index.scan(cursor, &mut |entry| each(entry.get()))
    }

    /// An entry by chance; `None` if there is none. The chances of two entries differ by less than a factor of 2.
    /// O(1) but right after mass deletion while a snapshot child lives.
    pub fn random(&self, rng: &mut Rng) -> Option<EntryRef<'_>> {
        self.table.index.random(rng).map(Entry::get)
    }

    /// Hands out `wanted` entries by chance, or a few more. Of few entries it may hand out some
    /// twice, of none nothing.
    pub fn sample(&self, rng: &mut Rng, wanted: usize, each: &mut dyn FnMut(EntryRef<'_>)) {
        self.table.sample(rng, wanted, each);
    }

    /// Like [`Db::sample`], of entries with a deadline only. Where these are few among very many others it may
    /// hand out fewer, or none; the next call looks elsewhere.
    pub fn sample_volatile(
        &self,
        rng: &mut Rng,
        wanted: usize,
        each: &mut dyn FnMut(EntryRef<'_>),
    ) {
        self.table.sample_volatile(rng, wanted, each);
    }

    /// Takes everything out. O(1); the memory is freed by dropping the answer.
    #[must_use = "dropping it here frees every key on this thread"]
    pub fn clear(&mut self) -> Dropped {
        let mut table = Table::new(self.table.index.hasher().clone());
        table.set_child_alive(self.table.child_alive);
        table.set_keeps_size(self.table.keeps_size);
        Dropped { table: std::mem::replace(&mut self.table, table) }
    }

    /// All entries, in the order of the hash but for overflow. Never allocates.
    pub fn entries(&self) -> Entries<'_> {
        Entries(self.table.index.items())
    }

    /// All entries, in the order of memory. Never allocates: a snapshot child reads it fastest this way, and can give
    /// back each stretch it has read.
    pub fn memory_order(&self) -> MemoryOrder<'_> {
        MemoryOrder(self.table.blocks.regions())
    }

    /// Whether a key may have a deadline before `now_ms` (Unix milliseconds); "no" is certain. O(1).
    #[inline]
    pub fn may_be_due(&self, now_ms: i64) -> bool {
        self.table.index.notes.any(now_ms)
    }

    /// Removes keys whose deadline is before `now_ms` (Unix milliseconds) and hands each to `each`, from where the
    /// last call stopped. Looks only at segments that can hold such keys. It ends after `budget` buckets (7 keys
    /// each; 16 segments passed over count as one), and then one segment may still shrink; or when none is due.
    pub fn expire_due(
        &mut self,
        now_ms: i64,
        budget: usize,
        each: &mut dyn FnMut(Removed<'_>),
    ) -> Sweep {
        self.table.expire_due(now_ms, budget, each)
    }

    /// Keys whose values have elements with times. O(1).
    pub fn timed_len(&self) -> usize {
        self.table.timed.len()
    }

    /// The key whose elements are due first, if they were before `now_ms` (Unix milliseconds). O(log n).
    pub fn first_timed(&self, now_ms: i64) -> Option<&[u8]> {
        let (key, deadline) = self.table.timed.first()?;
        (deadline < now_ms).then_some(key)
    }

    /// Bytes held for entries and buckets, and bytes of them in use. What lies between is what [`Db::compact`] can win.
    pub fn spread(&self) -> (usize, usize) {
        self.table.spread()
    }

    /// One small step (some microseconds) of giving memory back: smaller segments, then entries out of thin chunks.
    /// Does nothing while a snapshot child lives.
    pub fn compact(&mut self) -> Progress {
        self.table.compact()
    }

    /// Makes room for `keys` keys at once, if the database is empty. Allocates at least 10 bytes a key, so the number must
    /// be bounded by the caller.
    pub fn reserve(&mut self, keys: usize) {
        self.table.index.reserve(keys);
    }

    /// Values that were removed or replaced since the last call and take long to free: drop them on another thread.
    #[inline]
    pub fn take_waste(&mut self) -> Vec<Value> {
        self.table.waste.take()
    }

    /// Bytes of the table without the entries. O(segments), about 1 ns for 300 keys.
    pub fn table_bytes(&self) -> usize {
        self.table.memory()
    }

    /// Bytes that blocks of entries and buckets take, rounded up as they are. O(1).
    pub fn slab_bytes(&self) -> (usize, usize) {
        (self.table.blocks.used(), self.table.index.ground.used())
    }

    /// What the entries take, by the type of their values. O(1).
    pub fn sums(&self) -> &Sums {
        &self.table.sums
    }

    /// Bytes of all entries: keys, deadlines and short values, but not what blobs hold. O(1).
    pub fn entry_bytes(&self) -> usize {
        self.table.sums.total().entries
    }
}

impl Dropped {
    /// Keys in it.
    #[expect(clippy::len_without_is_empty, reason = "asked for statistics only")]
    pub fn len(&self) -> usize {
        self.table.index.len()
    }
}

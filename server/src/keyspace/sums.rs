//! Where the bytes of a database's data are: keys and bytes, by the type of the value.
//!
//! Owns: the sums of one table.   Uses: entry, value.   Never: the table's own bytes, other databases.
//!
//! ```text
//!   Weight of an entry   type, bytes of its block, bytes that its value holds elsewhere; the first time of its elements
//!   Sums                 for each type: keys, their blocks, their heap
//! ```
//! Whoever adds, changes or removes an entry weighs it before and after: a few additions, whatever the value
//! is, because a value knows its own weight.
//!
//! Invariant: the sums equal what a walk over all entries would add up.

use super::entry::EntryRef;
use crate::value::Type;

/// What one entry takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weight {
    /// The type of its value.
    pub kind: Type,
    /// Bytes of its block: key, deadline, short value.
    pub entry: usize,
    /// Bytes that its value holds outside the block.
    pub heap: usize,
    /// The first time that is over for an element of its value, in Unix milliseconds.
    pub soonest: Option<i64>,
}

impl Weight {
    /// Weighs an entry. O(1).
    #[inline]
    pub fn of(entry: EntryRef<'_>) -> Weight {
        let value = entry.value();
        Weight {
            kind: value.kind(),
            entry: entry.size(),
            heap: value.heap(),
            soonest: value.soonest_deadline(),
        }
    }
}

/// What all entries of a type take together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many there are.
    pub keys: usize,
    /// Bytes of their blocks: keys, deadlines, short values.
    pub entries: usize,
    /// Bytes that their values hold outside the blocks.
    pub heap: usize,
}

impl Sum {
    /// Both together.
    #[must_use]
    pub fn with(self, other: Sum) -> Sum {
        Sum {
            keys: self.keys + other.keys,
            entries: self.entries + other.entries,
            heap: self.heap + other.heap,
        }
    }

    /// Bytes of blocks and heap.
    pub fn bytes(self) -> usize {
        self.entries + self.heap
    }
}

/// The sums of one table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums([Sum; Type::ALL.len()]);

impl Sums {
    /// An entry is there that was not before.
    #[inline]
    pub fn add(&mut self, weight: Weight) {
        let sum = &mut self.0[weight.kind as usize];
        sum.keys += 1;
        sum.entries += weight.entry;
        sum.heap += weight.heap;
    }

    /// An entry is gone.
    #[inline]
    pub fn remove(&mut self, weight: Weight) {
        let sum = &mut self.0[weight.kind as usize];
        sum.keys -= 1;
        sum.entries -= weight.entry;
        sum.heap -= weight.heap;
    }

    /// An entry has changed.
    #[inline]
    pub fn change(&mut self, before: Weight, after: Weight) {
        if before != after {
            self.remove(before);
            self.add(after);
        }
    }

    /// The entries of a type.
    pub fn of(&self, kind: Type) -> Sum {
        self.0[kind as usize]
    }

    /// All entries.
    pub fn total(&self) -> Sum {
        self.0.iter().fold(Sum::default(), |all, &sum| all.with(sum))
    }
}

//! Meeting entries without knowing their keys: in the order of the hash, or of memory.
//!
//! Owns: nothing.   Uses: the index, `base::slab`.   Never: changes anything.
#![allow(unsafe_code)]

use super::entry::{Entry, EntryRef};
use super::expire::Due;
use crate::base::index::Items;
use crate::base::slab::{Blocks, Region, Regions, Runs};
use crate::base::sys::Pages;

/// All entries of a database. Allocates nothing and writes nothing: a snapshot child may use it.
pub struct Entries<'a>(pub(super) Items<'a, Entry, Due, Runs>);

impl<'a> Iterator for Entries<'a> {
    type Item = EntryRef<'a>;

    fn next(&mut self) -> Option<EntryRef<'a>> {
        self.0.next().map(Entry::get)
    }
}

/// All entries of a database in the order of memory, region by region. Allocates nothing and writes nothing.
pub struct MemoryOrder<'a>(pub(super) Regions<'a>);

/// A stretch of memory with entries.
#[derive(Clone, Copy)]
pub struct Stretch<'a>(Region<'a>);

/// The entries of a stretch.
pub struct StretchEntries<'a>(Blocks<'a>);

impl<'a> Iterator for MemoryOrder<'a> {
    type Item = Stretch<'a>;

    fn next(&mut self) -> Option<Stretch<'a>> {
        self.0.next().map(Stretch)
    }
}

impl<'a> Stretch<'a> {
    /// Its entries.
    pub fn entries(self) -> StretchEntries<'a> {
        StretchEntries(self.0.blocks())
    }

    /// Its memory, if it is whole pages with nothing but entries. In a child that has come to the end of them, and
    /// goes through them no more, they may be given back.
    pub fn pages(self) -> Option<Pages> {
        // SAFETY: only entries stand there, and who asks is told when a child may be handed them.
        self.0.pages().map(|(at, len)| unsafe { Pages::new(at.as_ptr(), len) })
    }
}

impl<'a> Iterator for StretchEntries<'a> {
    type Item = EntryRef<'a>;

    #[inline]
    fn next(&mut self) -> Option<EntryRef<'a>> {
        // SAFETY: the blocks of a table's slab are its entries (table, invariant 2), and the table is borrowed for 'a.
        self.0.next().map(|at| unsafe { EntryRef::of(at) })
    }
}

//! A list that grows without ever moving what it holds.
//!
//! Owns: its pages.   Uses: nothing.   Never: gives places back before it is dropped.
//!
//! A `Vec` of a million segments would copy 32 MB when it doubles, in the middle of somebody's command. This list adds
//! a page; only its list of pages moves.

use std::ops::{Index, IndexMut};

const PAGE: usize = 1024;

/// A list in pages of 1024 places.
pub struct Paged<T> {
    pages: Vec<Vec<T>>,
    len: usize,
}

impl<T> Default for Paged<T> {
    fn default() -> Paged<T> {
        Paged::new()
    }
}

impl<T> Paged<T> {
    /// An empty list.
    pub const fn new() -> Paged<T> {
        Paged { pages: Vec::new(), len: 0 }
    }

    /// Places in it.
    #[expect(clippy::len_without_is_empty, reason = "its users ask for the number only")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Adds a place at the end. O(1), and never more than a page's allocation.
    pub fn push(&mut self, item: T) {
        if self.len == self.pages.len() * PAGE {
            // A small database does not pay for a page.
            self.pages.push(Vec::with_capacity(if self.len == 0 { 1 } else { PAGE }));
        }
        if let Some(page) = self.pages.last_mut() {
            page.push(item);
            self.len += 1;
        }
    }

    /// The item at a place.
    #[inline]
    pub fn get(&self, at: usize) -> Option<&T> {
        self.pages.get(at / PAGE)?.get(at % PAGE)
    }

    /// All items.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.pages.iter().flatten()
    }

    /// Bytes of its memory. O(1).
    pub fn memory(&self) -> usize {
        // Only the first page may have room for less than a page.
        let items = match self.pages.as_slice() {
            [] => 0,
            [first, more @ ..] => first.capacity() + more.len() * PAGE,
        };
        items * size_of::<T>() + self.pages.capacity() * size_of::<Vec<T>>()
    }
}

impl<T> Index<usize> for Paged<T> {
    type Output = T;
    #[inline]
    fn index(&self, at: usize) -> &T {
        &self.pages[at / PAGE][at % PAGE]
    }
}

impl<T> IndexMut<usize> for Paged<T> {
    #[inline]
    fn index_mut(&mut self, at: usize) -> &mut T {
        &mut self.pages[at / PAGE][at % PAGE]
    }
}

//! One element of a large hash, set or sorted set: a single block of memory.
//!
//! Owns: the block's layout.   Uses: `base::{alloc, index}`.   Never: which collection it belongs to, what time it is.
//!
//! ```text
//!  Field (8 bytes, owns the block)
//!  63    62..48   47..0
//!  0     route    address
//!                    |
//!                    v
//!  +------------------+----------+-----------+----------+-------+-----+-------+
//!  | key len << 2     | key len? | value len | deadline | score | key | value |
//!  |        | shape   | 4        | 1 or 5    | 8        | 8     |     |       |
//!  +------------------+----------+-----------+----------+-------+-----+-------+
//!   shape  0 key      1 key, value      2 key, value, deadline      3 key, score
//! ```
//!
//! A key of 15 bytes takes 16 in all, which is a size that the allocator has. Nothing in a block is aligned.
//!
//! Invariants
//!  1. A `Field` points to one live block of the ordinary allocator that nobody else frees.
//!  2. The block's size follows from its beginning.
#![allow(unsafe_code)]

use crate::base::alloc;
use crate::base::index::{Item, prefetch};
use std::alloc::{Layout, handle_alloc_error};
use std::fmt;
use std::marker::PhantomData;
use std::ptr::NonNull;

/// What stands beside a key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Beside<'a> {
    /// Nothing: a member of a set.
    Nothing,
    /// A value: a field of a hash.
    Value(&'a [u8]),
    /// A value that is there until a moment, in Unix milliseconds.
    Until(&'a [u8], i64),
    /// A score: a member of a sorted set.
    Score(f64),
}

const SHAPE_BITS: u8 = 2;
const SHAPE: u8 = (1 << SHAPE_BITS) - 1;
/// The length of a key from here on stands in a word of its own.
const KEY_WIDE: usize = (u8::MAX >> SHAPE_BITS) as usize;
/// The length of a value from here on stands in a word of its own.
const VALUE_WIDE: usize = u8::MAX as usize;
const ADDRESS: usize = (1 << 48) - 1;
const ROUTE_SHIFT: u32 = 48;

/// An element for reading. Copies of it are as cheap as a reference.
#[derive(Clone, Copy)]
pub struct FieldRef<'a> {
    at: NonNull<u8>,
    field: PhantomData<&'a Field>,
}

/// Where the parts of a block stand.
struct Layed {
    shape: u8,
    key_len: usize,
    value_len: usize,
    /// Where deadline, score and key begin, one behind the other.
    start: usize,
}

impl Layed {
    /// Where the key begins.
    fn key(&self) -> usize {
        self.start + if self.shape >= 2 { 8 } else { 0 }
    }

    fn value(&self) -> usize {
        self.key() + self.key_len
    }

    fn size(&self) -> usize {
        self.value() + self.value_len
    }
}

impl<'a> FieldRef<'a> {
    /// The element in a block.
    ///
    /// # Safety
    /// `at` is a block that a [`Field`] owns, which nobody changes or frees during 'a.
    #[inline]
    pub unsafe fn of(at: NonNull<u8>) -> FieldRef<'a> {
        FieldRef { at, field: PhantomData }
    }

    /// Its block: the same address as long as the element is not replaced.
    #[inline]
    pub fn block(self) -> NonNull<u8> {
        self.at
    }

    /// Its key.
    #[inline]
    pub fn key(self) -> &'a [u8] {
        let layed = self.layed();
        self.bytes(layed.key(), layed.key_len)
    }

    /// What stands beside the key.
    #[inline]
    pub fn beside(self) -> Beside<'a> {
        let layed = self.layed();
        let value = || self.bytes(layed.value(), layed.value_len);
        match layed.shape {
            0 => Beside::Nothing,
            1 => Beside::Value(value()),
            2 => Beside::Until(value(), i64::from_le_bytes(self.word(layed.start))),
            _ => Beside::Score(f64::from_le_bytes(self.word(layed.start))),
        }
    }

    /// Its value; empty if it has none.
    #[inline]
    pub fn value(self) -> &'a [u8] {
        let layed = self.layed();
        self.bytes(layed.value(), layed.value_len)
    }

    /// Its score.
    ///
    /// # Panics
    /// It has none.
    #[inline]
    pub fn score(self) -> f64 {
        match self.beside() {
            Beside::Score(score) => score,
            other => unreachable!("an element with {other:?} has no score"),
        }
    }

    /// When it expires, in Unix milliseconds; none if it does not.
    #[inline]
    pub fn deadline(self) -> Option<i64> {
        match self.beside() {
            Beside::Until(_, deadline) => Some(deadline),
            Beside::Nothing | Beside::Value(_) | Beside::Score(_) => None,
        }
    }

    /// Bytes of its block, as the allocator gives them.
    #[inline]
    pub fn size(self) -> usize {
        alloc::given(self.layed().size())
    }

    #[inline]
    fn layed(self) -> Layed {
        let head = self.bytes(0, 1)[0];
        let (shape, short) = (head & SHAPE, usize::from(head >> SHAPE_BITS));
        let (key_len, mut start) = if short == KEY_WIDE { (self.length(1), 5) } else { (short, 1) };
        let mut value_len = 0;
        if shape == 1 || shape == 2 {
            value_len = self.bytes(start, 1)[0].into();
            start += 1;
            if value_len == VALUE_WIDE {
                value_len = self.length(start);
                start += 4;
            }
        }
        Layed { shape, key_len, value_len, start }
    }

    /// Bytes of the block, which must have so many there.
    #[inline]
    fn bytes(self, at: usize, len: usize) -> &'a [u8] {
        // SAFETY: callers name a part that the block's beginning says is there (invariant 2); it lives for 'a.
        unsafe { std::slice::from_raw_parts(self.at.as_ptr().add(at), len) }
    }

    #[inline]
    fn word(self, at: usize) -> [u8; 8] {
        let mut word = [0; 8];
        word.copy_from_slice(self.bytes(at, 8));
        word
    }

    #[inline]
    fn length(self, at: usize) -> usize {
        let mut length = [0; 4];
        length.copy_from_slice(self.bytes(at, 4));
        u32::from_le_bytes(length) as usize
    }
}

impl fmt::Debug for FieldRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Field")
            .field(&self.key().escape_ascii().to_string())
            .field(&self.beside())
            .finish()
    }
}

/// An element and the ownership of it.
pub struct Field(NonNull<u8>);

// SAFETY: a `Field` is the only owner of its block; nothing in it knows its thread.
unsafe impl Send for Field {}
// SAFETY: through `&Field` the block is only read.
unsafe impl Sync for Field {}

const _: () = assert!(size_of::<Option<Field>>() == 8);

impl Field {
    /// A new element with route 0.
    ///
    /// # Panics
    /// A key or value of 4 GiB and more has no form.
    pub fn new(key: &[u8], beside: Beside<'_>) -> Field {
        let mut front = [0; FRONT_MAX];
        let used = write_front(key, beside, &mut front);
        let value = match beside {
            Beside::Value(value) | Beside::Until(value, _) => value,
            Beside::Nothing | Beside::Score(_) => &[],
        };
        let layout = layout(used + key.len() + value.len());
        // SAFETY: the size is not 0, for there is a head.
        let Some(at) = NonNull::new(unsafe { std::alloc::alloc(layout) }) else {
            handle_alloc_error(layout)
        };
        assert!(at.addr().get() & !ADDRESS == 0, "addresses of user space have 48 bits");
        // SAFETY: the block has room for the three parts in this order, and nobody else knows it.
        unsafe {
            at.copy_from_nonoverlapping(from(&front), used);
            at.add(used).copy_from_nonoverlapping(from(key), key.len());
            at.add(used + key.len()).copy_from_nonoverlapping(from(value), value.len());
        }
        Field(at)
    }

    /// The element for reading.
    #[inline]
    pub fn get(&self) -> FieldRef<'_> {
        FieldRef { at: self.block(), field: PhantomData }
    }

    /// Replaces what stands beside the key; in place if nothing of it has another length.
    pub fn set(&mut self, beside: Beside<'_>) {
        let layed = self.get().layed();
        let at = self.block();
        let same = match beside {
            Beside::Nothing => layed.shape == 0,
            Beside::Value(value) => layed.shape == 1 && layed.value_len == value.len(),
            Beside::Until(value, _) => layed.shape == 2 && layed.value_len == value.len(),
            Beside::Score(_) => layed.shape == 3,
        };
        if !same {
            let mut new = Field::new(self.get().key(), beside);
            new.set_route(self.route());
            *self = new;
            return;
        }
        let put = |place: usize, bytes: &[u8]| {
            // SAFETY: the place has so many bytes, for the lengths are the same; `&mut self` makes us their only user,
            // and `bytes` cannot be part of a block that we hold mutably.
            unsafe { at.add(place).copy_from_nonoverlapping(from(bytes), bytes.len()) };
        };
        match beside {
            Beside::Nothing => {}
            Beside::Value(value) => put(layed.value(), value),
            Beside::Until(value, deadline) => {
                put(layed.start, &deadline.to_le_bytes());
                put(layed.value(), value);
            }
            Beside::Score(score) => put(layed.start, &score.to_le_bytes()),
        }
    }

    #[inline]
    fn block(&self) -> NonNull<u8> {
        // SAFETY: the address part of the pointer of a live block is never null (`new` checked it).
        unsafe { NonNull::new_unchecked(self.0.as_ptr().map_addr(|at| at & ADDRESS)) }
    }
}

impl Drop for Field {
    fn drop(&mut self) {
        let layout = layout(self.get().layed().size());
        // SAFETY: the field owns its block (invariant 1), which was allocated with this layout (invariant 2).
        unsafe { std::alloc::dealloc(self.block().as_ptr(), layout) };
    }
}

impl Item for Field {
    #[inline]
    fn key(&self) -> &[u8] {
        self.get().key()
    }

    #[inline]
    fn route(&self) -> u16 {
        (self.0.addr().get() >> ROUTE_SHIFT) as u16
    }

    #[inline]
    fn set_route(&mut self, route: u16) {
        debug_assert!(route >> 15 == 0, "a route has 15 bits");
        self.0 = self.block().map_addr(|at| at | (usize::from(route) << ROUTE_SHIFT));
    }

    #[inline]
    fn prefetch(&self) {
        prefetch(self.block().as_ptr());
    }
}

/// The most bytes before a key.
const FRONT_MAX: usize = 5 + 5 + 8;

/// Writes what stands before the key, and says how long it is.
fn write_front(key: &[u8], beside: Beside<'_>, front: &mut [u8; FRONT_MAX]) -> usize {
    let mut used = 1;
    let mut put = |bytes: &[u8]| {
        front[used..used + bytes.len()].copy_from_slice(bytes);
        used += bytes.len();
    };
    let wide = |len: usize| {
        u32::try_from(len).expect("strings are bounded by proto-max-bulk-len").to_le_bytes()
    };
    if key.len() >= KEY_WIDE {
        put(&wide(key.len()));
    }
    let (shape, value) = match beside {
        Beside::Nothing => (0, None),
        Beside::Value(value) => (1, Some(value)),
        Beside::Until(value, _) => (2, Some(value)),
        Beside::Score(_) => (3, None),
    };
    if let Some(value) = value {
        put(&[value.len().min(VALUE_WIDE) as u8]);
        if value.len() >= VALUE_WIDE {
            put(&wide(value.len()));
        }
    }
    match beside {
        Beside::Until(_, deadline) => put(&deadline.to_le_bytes()),
        Beside::Score(score) => put(&score.to_le_bytes()),
        Beside::Nothing | Beside::Value(_) => {}
    }
    front[0] = (key.len().min(KEY_WIDE) as u8) << SHAPE_BITS | shape;
    used
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 1).expect("a block is smaller than the address space")
}

#[inline]
fn from(bytes: &[u8]) -> NonNull<u8> {
    NonNull::from(bytes).cast()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text() -> impl Strategy<Value = Vec<u8>> {
        let lengths = prop_oneof![0usize..20, 60usize..66, 250usize..260, 70_000usize..70_002];
        lengths.prop_flat_map(|len| proptest::collection::vec(any::<u8>(), len))
    }

    #[derive(Clone, Debug)]
    enum Kept {
        Nothing,
        Value(Vec<u8>),
        Until(Vec<u8>, i64),
        Score(f64),
    }

    impl Kept {
        fn beside(&self) -> Beside<'_> {
            match self {
                Kept::Nothing => Beside::Nothing,
                Kept::Value(value) => Beside::Value(value),
                Kept::Until(value, deadline) => Beside::Until(value, *deadline),
                Kept::Score(score) => Beside::Score(*score),
            }
        }
    }

    fn kept() -> impl Strategy<Value = Kept> {
        prop_oneof![
            Just(Kept::Nothing),
            text().prop_map(Kept::Value),
            (text(), any::<i64>()).prop_map(|(value, deadline)| Kept::Until(value, deadline)),
            (-1e300..1e300f64).prop_map(Kept::Score),
        ]
    }

    #[test]
    fn usual_elements_have_usual_sizes() {
        let size = |key: usize, beside| Field::new(&vec![b'k'; key], beside).get().layed().size();
        assert_eq!(size(15, Beside::Nothing), 16);
        assert_eq!(size(14, Beside::Value(&[b'v'; 16])), 32);
        assert_eq!(size(15, Beside::Score(1.5)), 24);
    }

    proptest! {
        #[test]
        fn what_was_put_is_there(key in text(), all in proptest::collection::vec(kept(), 1..6), route in 0u16..1 << 15) {
            let mut field = Field::new(&key, all[0].beside());
            field.set_route(route);
            for kept in &all {
                field.set(kept.beside());
                prop_assert_eq!(field.get().key(), &key[..]);
                prop_assert_eq!(field.get().beside(), kept.beside());
                prop_assert_eq!(field.route(), route);
            }
        }
    }
}

//! One key with its value: a single block of memory.
//!
//! Owns: the block's layout.   Uses: value, `base::{blob, slab}`.   Never: hashes, buckets, what time it is.
//!
//! ```text
//!  Entry (8 bytes, owns the block)
//!  63       62..48          47..0
//!  volatile route (15 bits) address
//!                              |
//!                              v   8 bytes each, present only when its flag is set
//!  +-------+---------+-----------+--------+ +--------+ +----------+ +--------+ +-----+ +--------+
//!  | flags | key len | value len | access | |  WIDE  | |  TIMED   | | store  | | key | | inline |
//!  |   8   |   12    |    12     |   32   | | key len| | deadline | |        | |     | | value  |
//!  +-------+---------+-----------+--------+ +--------+ +----------+ +--------+ +-----+ +--------+
//!   store: nothing (Inline, Packed), the number itself (Int, 8 bytes), the handle of a long string (Blob, 32 bytes), or
//!   of a collection (Large, 16 bytes)
//! ```
//!
//! The upper 16 bits of the owning pointer belong to whoever holds it: `volatile` repeats TIMED so that a
//! walk for due keys touches no other block; `route` is the part of the hash that the segment needs.
//!
//! Invariants
//!  1. An `Entry` points to one live block of its table's slab that nobody else owns. It is freed by `free` or
//!     `into_value`; one that is just forgotten leaves its block to the slab's end.
//!  2. The block's size follows from its header, rounded up to 8; WIDE, TIMED and the store are 8-aligned.
//!  3. `volatile` is set exactly when TIMED is.
//!  4. A string is inline exactly when it was put with at most [`INLINE_MAX`] bytes; packed bytes always are.
//!  5. EDITED stands only beside an inline value, and goes when another value is put.
//!  6. The store of a Large holds one but while [`Entry::lend`] has given it away.
#![allow(unsafe_code)]

use std::fmt;
use std::marker::PhantomData;
use std::ptr::NonNull;

use super::header::{EDITED, Header, KEY_SHORT, Kind, TIMED, WIDE};
use crate::base::blob::Blob;
use crate::base::index::{Item, prefetch};
use crate::base::slab::Slab;
use crate::value::{Form, Large, Put, PutText, Text, TextMut, TextRef, Value, ValueRef};

/// Strings up to this many bytes stand inside the entry. Longer ones would make the overwriting of a
/// value by one of another length copy too much, and a reply could not share them.
pub const INLINE_MAX: usize = 1024;

const ADDRESS: usize = (1 << 48) - 1;
const ROUTE_SHIFT: u32 = 48;
const ROUTE: usize = 0x7fff << ROUTE_SHIFT;
const VOLATILE: usize = 1 << 63;

/// A value that has been told apart by [`Kind`].
enum Content<'a> {
    Int(i64),
    Inline(&'a [u8]),
    Blob(Blob),
    Large(Large),
    Packed(Form, &'a [u8], bool),
}

const _: () = assert!(size_of::<Option<Entry>>() == 8);

/// An entry for reading. Copies of it are as cheap as a reference.
#[derive(Clone, Copy)]
pub struct EntryRef<'a> {
    at: NonNull<u8>,
    entry: PhantomData<&'a Entry>,
}

impl<'a> EntryRef<'a> {
    /// The entry in a block.
    ///
    /// # Safety
    /// `at` is a block that an [`Entry`] owns, which nobody changes during 'a.
    #[inline]
    pub(super) unsafe fn of(at: NonNull<u8>) -> EntryRef<'a> {
        EntryRef { at, entry: PhantomData }
    }

    /// Its key.
    #[inline]
    pub fn key(self) -> &'a [u8] {
        let header = self.header();
        // SAFETY: the block holds `key_len` initialised bytes from `key_start` on (invariant 2) and lives for 'a.
        unsafe {
            std::slice::from_raw_parts(
                self.at.add(header.key_start()).as_ptr(),
                self.key_len(header),
            )
        }
    }

    /// Its value.
    #[inline]
    pub fn value(self) -> ValueRef<'a> {
        let header = self.header();
        ValueRef::Text(match header.kind() {
            Kind::Int => TextRef::Int(self.word(header.store_start())),
            Kind::Inline => TextRef::Bytes(self.inline(header)),
            // SAFETY: the store of a Blob is a Blob, which lives as long as the block, for 'a.
            Kind::Blob => TextRef::Blob(unsafe { self.blob(header).as_ref() }),
            Kind::Large => {
                // SAFETY: the store of a Large is one, which lives as long as the block, for 'a.
                let large = unsafe { self.large(header).as_ref() }.as_ref();
                return ValueRef::of_large(large.expect("nobody looks at what was lent"));
            }
            Kind::Packed(form) => {
                return ValueRef::of_packed(form, self.inline(header), header.has(EDITED));
            }
        })
    }

    /// When it expires, in Unix milliseconds; `None` if it does not.
    #[inline]
    pub fn deadline(self) -> Option<i64> {
        let header = self.header();
        header.has(TIMED).then(|| self.word(header.deadline_start()))
    }

    /// Whether a string was changed in part since it was put.
    pub fn is_edited(self) -> bool {
        self.header().has(EDITED) && self.header().kind() == Kind::Inline
    }

    /// The name OBJECT ENCODING answers. Redis keeps a short string that was changed in part as a long one.
    pub fn encoding(self) -> &'static str {
        if self.is_edited() { "raw" } else { self.value().encoding() }
    }

    /// The access clock: 32 bits whose meaning belongs to eviction.
    #[inline]
    pub fn access(self) -> u32 {
        self.header().access
    }

    /// Bytes of its block, as allocated; what a blob holds is not counted.
    #[inline]
    pub fn size(self) -> usize {
        let header = self.header();
        let end = header.key_start() + self.key_len(header) + header.value_len();
        end.next_multiple_of(8)
    }

    #[inline]
    fn header(self) -> Header {
        // SAFETY: every block begins with an initialised, aligned header (invariant 2).
        unsafe { self.at.cast::<Header>().read() }
    }

    #[inline]
    fn key_len(self, header: Header) -> usize {
        if header.has(WIDE) {
            // It was a `usize` when it was stored.
            self.word(8) as usize
        } else {
            header.short_key_len()
        }
    }

    #[inline]
    fn inline(self, header: Header) -> &'a [u8] {
        let start = header.key_start() + self.key_len(header);
        // SAFETY: `value_len` initialised bytes follow the key (invariant 2) and live for 'a.
        unsafe { std::slice::from_raw_parts(self.at.add(start).as_ptr(), header.value_len()) }
    }

    /// The number at `start`, which is the start of WIDE, of TIMED, or of an Int's store.
    #[inline]
    fn word(self, start: usize) -> i64 {
        debug_assert!(start.is_multiple_of(8) && start < self.header().key_start());
        // SAFETY: callers pass the place of a field that the flags say is there, 8-aligned (invariant 2).
        unsafe { self.at.add(start).cast::<i64>().read() }
    }

    #[inline]
    fn large(self, header: Header) -> NonNull<Option<Large>> {
        assert!(header.kind() == Kind::Large, "only a large collection has a handle");
        // SAFETY: the store is inside the block and 8-aligned (invariant 2).
        unsafe { self.at.add(header.store_start()).cast::<Option<Large>>() }
    }

    #[inline]
    fn blob(self, header: Header) -> NonNull<Blob> {
        assert!(header.kind() == Kind::Blob, "only a blob has a handle");
        // SAFETY: the store is inside the block and 8-aligned (invariant 2).
        unsafe { self.at.add(header.store_start()).cast::<Blob>() }
    }
}

impl fmt::Debug for EntryRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("key", &self.key().escape_ascii().to_string())
            .field("value", &self.value())
            .field("deadline", &self.deadline())
            .finish()
    }
}

/// An entry and the ownership of it.
pub(super) struct Entry(NonNull<u8>);

// SAFETY: an `Entry` is the only owner of its block, and `Blob` and `Large` are Send; nothing in it knows its thread.
unsafe impl Send for Entry {}
// SAFETY: through `&Entry` the block is only read.
unsafe impl Sync for Entry {}

impl Entry {
    /// A new entry with access clock 0 and route 0. One block, one allocation more for a long string.
    pub fn new(slab: &mut Slab, key: &[u8], put: Put<'_>, deadline: Option<i64>) -> Entry {
        tell_apart(put, |content| Entry::build(slab, key, content, deadline))
    }

    /// The entry for reading.
    #[inline]
    pub fn get(&self) -> EntryRef<'_> {
        EntryRef { at: self.block(), entry: PhantomData }
    }

    /// The string for changes that keep its size; nothing if the value is no string.
    pub fn text_mut(&mut self) -> Option<TextMut<'_>> {
        let entry = self.get();
        let header = entry.header();
        Some(match header.kind() {
            Kind::Int => {
                // SAFETY: the store of an Int is an initialised, aligned i64; `&mut self` makes us its only user.
                TextMut::Int(unsafe { entry.at.add(header.store_start()).cast().as_mut() })
            }
            Kind::Inline => {
                let start = header.key_start() + entry.key_len(header);
                // SAFETY: as in `inline`; `&mut self` makes us the bytes' only user.
                TextMut::Bytes(unsafe {
                    std::slice::from_raw_parts_mut(entry.at.add(start).as_ptr(), header.value_len())
                })
            }
            // SAFETY: the blob belongs to this entry; `&mut self` makes us its only user.
            Kind::Blob => TextMut::Blob(unsafe { entry.blob(header).as_mut() }),
            Kind::Large | Kind::Packed(_) => return None,
        })
    }

    /// Gives the value away to be changed; [`Entry::put`] brings it back. What is large leaves its place empty, anything
    /// else is copied.
    #[inline]
    pub fn lend(&mut self) -> Value {
        let entry = self.get();
        let header = entry.header();
        if header.kind() != Kind::Large {
            return entry.value().to_owned();
        }
        // SAFETY: the store of a Large is one; `&mut self` makes us its only user.
        let large = unsafe { entry.large(header).as_mut() }.take();
        Value::of_large(large.expect("it is lent once at a time"))
    }

    /// Takes out what the value holds outside the block, before another one is put.
    pub fn take_heap(&mut self) -> Option<Value> {
        let kind = self.get().header().kind();
        match self.text_mut() {
            Some(TextMut::Blob(blob)) => {
                let empty = Blob::from(bytes::BytesMut::new());
                Some(Value::Text(Text::Bytes(std::mem::replace(blob, empty))))
            }
            Some(TextMut::Int(_) | TextMut::Bytes(_)) => None,
            None => (kind == Kind::Large).then(|| self.lend()),
        }
    }

    /// Replaces the value; deadline, access clock and route stay. In place if the block's size stays.
    #[inline]
    pub fn put(&mut self, slab: &mut Slab, put: Put<'_>) {
        tell_apart(put, |content| self.put_content(slab, content))
    }

    /// Sets or clears the deadline (Unix milliseconds). Moves the block if it had none, or shall have none.
    pub fn set_deadline(&mut self, slab: &mut Slab, deadline: Option<i64>) {
        let header = self.get().header();
        if header.has(TIMED) != deadline.is_some() {
            self.toggle_timed(slab);
        }
        if let Some(deadline) = deadline {
            // SAFETY: the block is TIMED now, so the 8-aligned field is there (invariant 2), and it is ours.
            unsafe { self.block().add(header.deadline_start()).cast::<i64>().write(deadline) };
        }
    }

    /// Sets the access clock.
    #[inline]
    pub fn set_access(&mut self, access: u32) {
        let header = self.get().header();
        self.set_header(Header { access, ..header });
    }

    /// Notes that the value was changed in part, until another one is put.
    pub fn set_edited(&mut self) {
        let header = self.get().header();
        if header.kind() == Kind::Inline {
            self.set_header(Header { shape: header.shape | u32::from(EDITED), ..header });
        }
    }

    /// The value, without the key, whose block is freed.
    pub fn into_value(self, slab: &mut Slab) -> Value {
        let entry = self.get();
        let header = entry.header();
        let value = match header.kind() {
            Kind::Int => Value::Text(Text::Int(entry.word(header.store_start()))),
            Kind::Inline => Value::Text(Text::Bytes(Blob::from(entry.inline(header)))),
            // SAFETY: the store of a Blob is a Blob, and it is read once, for its block is freed below.
            Kind::Blob => Value::Text(Text::Bytes(unsafe { entry.blob(header).read() })),
            Kind::Large => {
                // SAFETY: the store of a Large is one, and it is read once, for its block is freed below.
                let large = unsafe { entry.large(header).read() };
                Value::of_large(large.expect("nobody takes what was lent"))
            }
            Kind::Packed(_) => entry.value().to_owned(),
        };
        self.free_block(slab);
        value
    }

    /// Moves the entry to another block of the slab, as it is.
    pub fn relocate(&mut self, slab: &mut Slab) {
        let old = self.get();
        let size = old.size();
        let at = allocate(slab, size);
        // SAFETY: both blocks have this size and are different. What the old one's value owns belongs to the new one,
        // so the old one is freed without dropping it.
        unsafe {
            at.copy_from_nonoverlapping(old.at, size);
            slab.free(old.at, size);
        }
        let marks = self.0.addr().get() & !ADDRESS;
        self.0 = at.map_addr(|at| at | marks);
    }

    /// Frees block and value.
    pub fn free(self, slab: &mut Slab) {
        self.drop_heap();
        self.free_block(slab);
    }

    /// Drops what stands outside the block, before the block's memory is given up with its slab.
    pub fn drop_heap(&self) {
        let entry = self.get();
        let header = entry.header();
        match header.kind() {
            Kind::Int | Kind::Inline | Kind::Packed(_) => {}
            // SAFETY: the store of a Blob is a Blob; callers give up the entry with this call, so it is dropped once.
            Kind::Blob => unsafe { entry.blob(header).drop_in_place() },
            // SAFETY: the same for a Large.
            Kind::Large => unsafe { entry.large(header).drop_in_place() },
        }
    }

    fn free_block(self, slab: &mut Slab) {
        let entry = self.get();
        // SAFETY: the entry owns its block (invariant 1), which came from its table's slab with this size.
        unsafe { slab.free(entry.at, entry.size()) };
    }

    /// Whether it has a deadline, told without touching the block.
    #[inline]
    pub fn is_volatile(&self) -> bool {
        self.0.addr().get() & VOLATILE != 0
    }

    #[inline]
    fn block(&self) -> NonNull<u8> {
        // SAFETY: the address part of the pointer of a live block is never null (`build` checked it).
        unsafe { NonNull::new_unchecked(self.0.as_ptr().map_addr(|at| at & ADDRESS)) }
    }

    #[inline]
    fn set_header(&mut self, header: Header) {
        // SAFETY: every block begins with an aligned header (invariant 2), and it is ours.
        unsafe { self.block().cast::<Header>().write(header) };
    }

    #[inline]
    fn put_content(&mut self, slab: &mut Slab, new: Content<'_>) {
        let entry = self.get();
        let header = entry.header();
        match (header.kind(), new) {
            (Kind::Int, Content::Int(number)) => {
                // SAFETY: the store of an Int is an aligned i64 (invariant 2), and it is ours.
                unsafe { entry.at.add(header.store_start()).cast::<i64>().write(number) };
            }
            (Kind::Blob, Content::Blob(blob)) => {
                // SAFETY: the blob belongs to this entry, and we have it alone.
                unsafe { *entry.blob(header).as_mut() = blob };
            }
            (Kind::Large, Content::Large(large)) => {
                // SAFETY: the store belongs to this entry, and we have it alone.
                unsafe { *entry.large(header).as_mut() = Some(large) };
            }
            (Kind::Inline, Content::Inline(bytes)) => {
                self.put_inline(slab, Content::Inline(bytes), bytes, 0)
            }
            (Kind::Packed(old), Content::Packed(form, bytes, marked)) if old == form => {
                let mark = if marked { EDITED } else { 0 };
                self.put_inline(slab, Content::Packed(form, bytes, marked), bytes, mark);
            }
            (Kind::Int | Kind::Inline | Kind::Blob | Kind::Large | Kind::Packed(_), new) => {
                self.rebuild(slab, new);
            }
        }
    }

    /// Overwrites an inline value by another one of its kind.
    #[inline]
    fn put_inline(&mut self, slab: &mut Slab, content: Content<'_>, bytes: &[u8], mark: u8) {
        let entry = self.get();
        let header = entry.header();
        let start = header.key_start() + entry.key_len(header);
        if header.value_len() != bytes.len() || header.flags() & EDITED != mark {
            let old_end = start + header.value_len();
            if old_end.next_multiple_of(8) != (start + bytes.len()).next_multiple_of(8) {
                return self.rebuild(slab, content);
            }
            let flags = header.flags() & !EDITED | mark;
            let shape = Header::new(flags, header.short_key_len(), bytes.len()).shape;
            self.set_header(Header { shape, ..header });
        }
        // SAFETY: the new end has the same rounding as the old one, so it is inside the block; `bytes` cannot
        // overlap a block of which we hold the only mutable handle.
        unsafe { self.block().add(start).copy_from_nonoverlapping(from(bytes), bytes.len()) };
    }

    /// The same key, deadline, clock and route over another value.
    fn rebuild(&mut self, slab: &mut Slab, content: Content<'_>) {
        let old = self.get();
        let mut new = Entry::build(slab, old.key(), content, old.deadline());
        new.set_access(old.access());
        new.set_route(self.route());
        std::mem::replace(self, new).free(slab);
    }

    fn build(slab: &mut Slab, key: &[u8], content: Content<'_>, deadline: Option<i64>) -> Entry {
        let (kind, inline, marked): (Kind, &[u8], bool) = match &content {
            Content::Int(_) => (Kind::Int, &[], false),
            Content::Inline(bytes) => (Kind::Inline, bytes, false),
            Content::Blob(_) => (Kind::Blob, &[], false),
            Content::Large(_) => (Kind::Large, &[], false),
            Content::Packed(form, bytes, marked) => (Kind::Packed(*form), bytes, *marked),
        };
        let wide = key.len() > KEY_SHORT;
        let flags = kind.flags()
            | if marked { EDITED } else { 0 }
            | if wide { WIDE } else { 0 }
            | if deadline.is_some() { TIMED } else { 0 };
        let header = Header::new(flags, if wide { 0 } else { key.len() }, inline.len());
        let start = header.key_start();
        let at = allocate(slab, (start + key.len() + inline.len()).next_multiple_of(8));
        // SAFETY: the block was just allocated, 8-aligned, with room for header, the fields of the flags
        // (`key_start` counts them), key and inline value in this order; nobody else knows it.
        unsafe {
            at.cast::<Header>().write(header);
            if wide {
                at.add(8).cast::<u64>().write(key.len() as u64);
            }
            if let Some(deadline) = deadline {
                at.add(header.deadline_start()).cast::<i64>().write(deadline);
            }
            at.add(start).copy_from_nonoverlapping(from(key), key.len());
            at.add(start + key.len()).copy_from_nonoverlapping(from(inline), inline.len());
            match content {
                Content::Int(number) => at.add(header.store_start()).cast().write(number),
                Content::Blob(blob) => at.add(header.store_start()).cast().write(blob),
                Content::Large(large) => {
                    at.add(header.store_start()).cast::<Option<Large>>().write(Some(large));
                }
                Content::Inline(_) | Content::Packed(..) => {}
            }
        }
        Entry(if deadline.is_some() { at.map_addr(|at| at | VOLATILE) } else { at })
    }

    /// Moves the block to one with a deadline field (not yet written), or without one.
    fn toggle_timed(&mut self, slab: &mut Slab) {
        let old = self.get();
        let header = old.header();
        let new_header = Header { shape: header.shape ^ u32::from(TIMED), ..header };
        let size = old.size();
        let (front, tail) = (header.deadline_start(), tail_start(header));
        let new_tail = tail_start(new_header);
        let taken = size - tail + new_tail;
        let at = allocate(slab, taken);
        // SAFETY: header and WIDE stand in front of the deadline, everything else behind it; the new block
        // differs in size by just that field. The old block's value now belongs to the new one, so
        // it is freed without dropping that.
        unsafe {
            at.copy_from_nonoverlapping(old.at, front);
            at.cast::<Header>().write(new_header);
            at.add(new_tail).copy_from_nonoverlapping(old.at.add(tail), size - tail);
        }
        // SAFETY: the old block is ours, had this size, and nothing of it is used any more.
        unsafe { slab.free(old.at, size) };
        let marks = (self.0.addr().get() & !ADDRESS) ^ VOLATILE;
        self.0 = at.map_addr(|at| at | marks);
    }
}

impl Item for Entry {
    #[inline]
    fn key(&self) -> &[u8] {
        self.get().key()
    }

    #[inline]
    fn route(&self) -> u16 {
        ((self.0.addr().get() & ROUTE) >> ROUTE_SHIFT) as u16
    }

    #[inline]
    fn set_route(&mut self, route: u16) {
        debug_assert!(route >> 15 == 0, "a route has 15 bits");
        let volatile = self.0.addr().get() & VOLATILE;
        let marks = volatile | (usize::from(route) << ROUTE_SHIFT);
        self.0 = self.block().map_addr(|at| at | marks);
    }

    // Reaches the block's first 88 bytes: header, a key of 16 bytes, a value of 64. They begin at any
    // multiple of 8, so in one of four cases they touch a third cache line.
    #[inline]
    fn prefetch(&self) {
        let at = self.block().as_ptr();
        prefetch(at);
        prefetch(at.wrapping_add(64));
        prefetch(at.wrapping_add(80));
    }
}

fn tail_start(header: Header) -> usize {
    header.deadline_start() + if header.has(TIMED) { 8 } else { 0 }
}

/// Decides how a value will stand in its entry.
#[inline]
fn tell_apart<R>(put: Put<'_>, then: impl FnOnce(Content<'_>) -> R) -> R {
    let text = match put {
        Put::Text(text) => text,
        Put::Packed(form, bytes, marked) => return then(Content::Packed(form, bytes, marked)),
        Put::Large(large) => return then(Content::Large(large)),
    };
    match text {
        PutText::Int(number) => then(Content::Int(number)),
        PutText::Bytes(bytes) if bytes.len() <= INLINE_MAX => then(Content::Inline(bytes)),
        PutText::Bytes(bytes) => then(Content::Blob(Blob::from(bytes))),
        PutText::Blob(blob) if blob.len() <= INLINE_MAX => then(Content::Inline(&blob)),
        PutText::Blob(blob) => then(Content::Blob(blob)),
    }
}

#[inline]
fn from(bytes: &[u8]) -> NonNull<u8> {
    NonNull::from(bytes).cast()
}

fn allocate(slab: &mut Slab, size: usize) -> NonNull<u8> {
    let at = slab.allocate(size);
    assert!(at.addr().get() & !ADDRESS == 0, "addresses of user space have 48 bits");
    at
}

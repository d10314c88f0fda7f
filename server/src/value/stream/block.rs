//! A block: some entries one behind the other in one piece of memory.
//!
//! Owns: the form of an entry.   Uses: packed, id.   Never: other blocks, groups.
//!
//! ```text
//!  | name | name | ... | gone | entry | entry | ... |      the names of the first entry's fields, then the entries
//!                      ^fields      ^start
//!
//!  entry   | size << 1 | own | ms | seq | value | value | ...                  own = 0: its names are those in front
//!          | size << 1 | own | ms | seq | pairs | name | value | name | ...    own = 1: it has names of its own
//! ```
//!
//! Numbers are of 7 bits a byte, the lowest first; a high bit says that another byte follows. `ms` counts from the
//! block's base, and so does `seq` within the base's millisecond. `size` is of what follows it, so that a walk touches
//! one byte of each entry that it only passes. Names and values are elements of a packed sequence.
//!
//! Entries are taken out for good: from the front by moving `start`, from elsewhere by closing the gap.
//!
//! Invariants
//!  1. Entries are in the order of their IDs, none of which is before the base.
//!  2. A block that others see has at least one entry.

use super::id::Id;
use crate::base::alloc;
use crate::value::packed::{Element, Elements, Forward, append};

/// Entries in one piece.
#[derive(Clone, Debug)]
pub struct Block {
    /// What the IDs in it are told from: the ID of the first entry it ever had.
    base: Id,
    bytes: Vec<u8>,
    /// Bytes of the names in front.
    fields: u32,
    names: u32,
    /// Where the first entry begins.
    start: u32,
    count: u32,
    added: u32,
}

/// An entry for reading.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Its ID.
    pub id: Id,
    names: Option<Forward<'a>>,
    body: Forward<'a>,
    pairs: usize,
}

impl PartialEq for Entry<'_> {
    fn eq(&self, other: &Entry<'_>) -> bool {
        self.id == other.id && self.pairs().eq(other.pairs())
    }
}

/// The fields of an entry with their values, in the order in which they were given.
#[derive(Clone, Copy, Debug)]
pub struct Pairs<'a> {
    names: Option<Elements<'a, false>>,
    body: Elements<'a, false>,
}

impl<'a> Entry<'a> {
    /// How many pairs of field and value it has.
    #[expect(clippy::len_without_is_empty, reason = "an entry has at least one pair")]
    pub fn len(self) -> usize {
        self.pairs
    }

    /// Whether its fields are those in front of its block.
    pub fn has_shared_names(self) -> bool {
        self.names.is_some()
    }

    /// Its pairs.
    pub fn pairs(self) -> Pairs<'a> {
        Pairs { names: self.names.map(Forward::iter), body: self.body.iter() }
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (Element<'a>, Element<'a>);

    #[inline]
    fn next(&mut self) -> Option<(Element<'a>, Element<'a>)> {
        let name = match &mut self.names {
            Some(names) => names.next(),
            None => self.body.next(),
        };
        Some((name?.1, self.body.next()?.1))
    }
}

/// The most bytes of a number.
const NUMBER_MAX: usize = 10;
/// The most bytes that the form of an element adds to its text.
const FORM_MAX: usize = 5;

fn write_number(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// The number at the beginning of bytes, and how many it takes.
#[inline]
fn read_number(bytes: &[u8]) -> (u64, usize) {
    let (mut number, mut len) = (0, 0);
    loop {
        let byte = bytes[len];
        number |= u64::from(byte & 0x7f) << (7 * len);
        len += 1;
        if byte & 0x80 == 0 {
            return (number, len);
        }
    }
}

/// How many words `names` and values there are, and the most bytes that an entry of them takes.
fn measure<'w>(words: impl Iterator<Item = &'w [u8]>) -> (usize, usize) {
    words.fold((0, 4 * NUMBER_MAX), |(count, bytes), word| {
        (count + 1, bytes + FORM_MAX + word.len())
    })
}

impl Block {
    /// A block whose first entry is this one; `words` are its fields and values in turn.
    pub fn new<'w>(id: Id, words: impl Iterator<Item = &'w [u8]> + Clone) -> Block {
        let (count, bytes) = measure(words.clone());
        let mut bytes = Vec::with_capacity(bytes);
        for name in words.clone().step_by(2) {
            append::<false>(Element::of(name), &mut bytes);
        }
        let (fields, names) = (narrow(bytes.len()), narrow(count / 2));
        let mut block = Block { base: id, bytes, fields, names, start: fields, count: 0, added: 0 };
        block.push(id, words, 0);
        block
    }

    /// Adds an entry behind all others. `limit` is how large the block is meant to become. Amortized O(bytes of the
    /// entry).
    pub fn push<'w>(
        &mut self,
        id: Id,
        words: impl Iterator<Item = &'w [u8]> + Clone,
        limit: usize,
    ) {
        let (count, most) = measure(words.clone());
        self.make_room(most, limit);
        let own = !self.has_names(count / 2, words.clone().step_by(2));
        let at = self.bytes.len();
        self.bytes.push(0);
        let same = id.ms == self.base.ms;
        write_number(id.ms - self.base.ms, &mut self.bytes);
        write_number(if same { id.seq - self.base.seq } else { id.seq }, &mut self.bytes);
        if own {
            write_number(count as u64 / 2, &mut self.bytes);
            words.for_each(|word| append::<false>(Element::of(word), &mut self.bytes));
        } else {
            let values = words.skip(1).step_by(2);
            values.for_each(|word| append::<false>(Element::of(word), &mut self.bytes));
        }
        self.write_size(at, own);
        self.count += 1;
        self.added += 1;
    }

    /// Writes the size of the entry that begins at `at` and is the last one.
    fn write_size(&mut self, at: usize, own: bool) {
        let head = ((self.bytes.len() - at - 1) as u64) << 1 | u64::from(own);
        if head < 0x80 {
            self.bytes[at] = head as u8;
            return;
        }
        let mut form = Vec::with_capacity(NUMBER_MAX);
        write_number(head, &mut form);
        self.bytes.splice(at..=at, form);
    }

    /// Has the names in front.
    fn has_names<'w>(&self, count: usize, names: impl Iterator<Item = &'w [u8]>) -> bool {
        let mut both = self.fields().iter().zip(names);
        count == self.names as usize && both.all(|((_, field), name)| field == Element::of(name))
    }

    /// The names in front.
    pub fn names(&self) -> impl Iterator<Item = Element<'_>> {
        self.fields().iter().map(|(_, name)| name)
    }

    fn fields(&self) -> Forward<'_> {
        Forward::of(&self.bytes[..self.fields as usize])
    }

    /// Grows by little: many streams are small, and a full block is cut to its size anyway.
    fn make_room(&mut self, more: usize, limit: usize) {
        let (len, least) = (self.bytes.len(), self.bytes.len() + more);
        if least > self.bytes.capacity() {
            let usual = (len + len / 2).min(limit);
            self.bytes.reserve_exact(usual.max(least) - len);
        }
    }

    /// Gives back what it has too much.
    pub fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
    }

    /// The ID that no entry in it is before.
    pub fn base(&self) -> Id {
        self.base
    }

    /// Entries in it.
    pub fn count(&self) -> usize {
        self.count as usize
    }

    /// Entries that it ever had.
    pub fn added(&self) -> usize {
        self.added as usize
    }

    /// Bytes of its entries and names.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Bytes that it holds, as the allocator gives them.
    pub fn heap(&self) -> usize {
        alloc::given(self.bytes.capacity())
    }

    /// Its entries, each with its place.
    pub fn iter(&self) -> Entries<'_> {
        Entries { block: self, at: self.start as usize }
    }

    /// The entry at a place.
    pub fn at(&self, at: usize) -> Entry<'_> {
        self.read(at).0
    }

    /// The place of an entry. O(entries).
    pub fn find(&self, id: Id) -> Option<usize> {
        let found = self.iter().find(|(_, entry)| entry.id >= id);
        found.filter(|(_, entry)| entry.id == id).map(|(at, _)| at)
    }

    /// Takes the entry at a place out. O(bytes behind it); O(1) for the first.
    pub fn remove(&mut self, at: usize) {
        let end = self.read(at).1;
        self.count -= 1;
        if at == self.start as usize {
            self.start = narrow(end);
            let gone = (self.start - self.fields) as usize;
            if gone > self.bytes.len() / 2 {
                self.bytes.drain(self.fields as usize..end);
                self.start = self.fields;
                self.bytes.shrink_to_fit();
            }
            return;
        }
        self.bytes.drain(at..end);
        if self.bytes.capacity() > 2 * self.bytes.len() + 64 {
            self.bytes.shrink_to_fit();
        }
    }

    /// The entry at a place, and where it ends.
    #[inline]
    fn read(&self, at: usize) -> (Entry<'_>, usize) {
        let (head, head_len) = read_number(&self.bytes[at..]);
        let (begin, size) = (at + head_len, (head >> 1) as usize);
        let body = &self.bytes[begin..begin + size];
        let (ms, ms_len) = read_number(body);
        let (seq, seq_len) = read_number(&body[ms_len..]);
        let seq = if ms == 0 { self.base.seq + seq } else { seq };
        let id = Id::new(self.base.ms + ms, seq);
        let rest = &body[ms_len + seq_len..];
        let entry = if head & 1 == 0 {
            let names = Some(self.fields());
            Entry { id, names, body: Forward::of(rest), pairs: self.names as usize }
        } else {
            let (pairs, len) = read_number(rest);
            Entry { id, names: None, body: Forward::of(&rest[len..]), pairs: pairs as usize }
        };
        (entry, begin + size)
    }
}

/// Entries of a block in order.
#[derive(Clone, Copy, Debug)]
pub struct Entries<'a> {
    block: &'a Block,
    at: usize,
}

impl<'a> Iterator for Entries<'a> {
    type Item = (usize, Entry<'a>);

    #[inline]
    fn next(&mut self) -> Option<(usize, Entry<'a>)> {
        if self.at >= self.block.bytes.len() {
            return None;
        }
        let at = self.at;
        let (entry, end) = self.block.read(at);
        self.at = end;
        Some((at, entry))
    }
}

/// A place in a block.
fn narrow(number: usize) -> u32 {
    u32::try_from(number).expect("a request, and so a block, is shorter than 4 GiB")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::text::Scratch;

    fn words(text: &str) -> impl Iterator<Item = &[u8]> + Clone {
        text.split(' ').map(str::as_bytes)
    }

    fn texts(block: &Block) -> Vec<String> {
        let text = |element: Element<'_>| {
            String::from_utf8(element.text(&mut Scratch::default()).to_vec()).unwrap()
        };
        let line = |(_, entry): (usize, Entry<'_>)| {
            let pairs =
                entry.pairs().map(|(name, value)| format!("{} {}", text(name), text(value)));
            let pairs: Vec<String> = pairs.collect();
            assert_eq!(pairs.len(), entry.len());
            format!("{}: {}", entry.id, pairs.join(" "))
        };
        block.iter().map(line).collect()
    }

    #[test]
    fn names_are_kept_once() {
        let mut block = Block::new(Id::new(5, 7), words("temp 20 unit c"));
        let alone = block.size();
        block.push(Id::new(5, 9), words("temp 21 unit c"), 4096);
        assert_eq!(block.size() - alone, 1 + 1 + 1 + 1 + 2);
        block.push(Id::new(6, 0), words("unit c temp 22"), 4096);
        block.push(Id::new(u64::MAX, u64::MAX), words("temp 22"), 4096);
        let all = [
            "5-7: temp 20 unit c",
            "5-9: temp 21 unit c",
            "6-0: unit c temp 22",
            "18446744073709551615-18446744073709551615: temp 22",
        ];
        assert_eq!(texts(&block), all);
        block.remove(block.find(Id::new(5, 9)).unwrap());
        block.remove(block.find(Id::new(5, 7)).unwrap());
        assert_eq!(block.find(Id::new(5, 8)), None);
        assert_eq!(texts(&block), all[2..]);
        assert_eq!((block.count(), block.added()), (2, 4));
    }

    #[test]
    fn long_entries_have_long_sizes() {
        let long = "x".repeat(70_000);
        let mut block = Block::new(Id::new(1, 1), words("a b"));
        block.push(Id::new(1, 2), words(&format!("a {long}")), 100);
        block.push(Id::new(1, 3), words("a c"), 100);
        assert_eq!(texts(&block), ["1-1: a b", &format!("1-2: a {long}"), "1-3: a c"]);
    }
}

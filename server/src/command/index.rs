//! From a command's name to its row.
//!
//! Owns: the list of all rows, numbered, and the table by name.   Uses: rows.   Never: runs anything.
//!
//! Rows get their numbers here, in the order of the families; statistics and batches keep numbers, not
//! names. Whoever parses looks names up, so the table is built once for each thread and never changes.

use super::row::{ALONE, BLOCKING, BRIEF, Command, FAST, Run};

/// A row's number.
pub type RowId = u16;

/// Stands for "no such command".
pub const UNKNOWN: RowId = RowId::MAX;

/// Longer names than this are no command's.
const NAME_MAX: usize = 24;

/// A row with what is needed of it for every request.
#[derive(Clone, Copy)]
pub struct Entry {
    /// The row.
    pub row: &'static Command,
    /// Its arity, worked out once.
    pub arity: i32,
    /// Where its first key stands; 0: nowhere fixed.
    pub first_key: usize,
    /// The number of its first subcommand; they follow each other.
    pub first_subcommand: RowId,
    /// It is FAST or BRIEF and not ALONE: with a small request it is over in no time.
    pub brief: bool,
    /// It is that, and reads or writes data.
    pub plain: bool,
}

impl Entry {
    /// Whether a request of `words` words fits the arity.
    #[inline]
    pub fn takes(&self, words: usize) -> bool {
        if self.arity >= 0 {
            words == self.arity as usize
        } else {
            words >= self.arity.unsigned_abs() as usize
        }
    }
}

/// All rows, by number and by name.
///
/// ```text
///  short   | "get" 5 | free | "set" 9 | ...      names of at most 8 letters, each a word in a register
///  names   | 17 | free | 3 | ...                 all names, by a hash of their bytes
/// ```
#[derive(Clone)]
pub struct Index {
    entries: Vec<Entry>,
    short: Box<[(u64, RowId); SHORT]>,
    names: Vec<RowId>,
    mask: usize,
}

impl Default for Index {
    fn default() -> Self {
        Index::new()
    }
}

impl Index {
    /// Numbers all rows and builds the table. O(rows).
    pub fn new() -> Index {
        let mut entries = Vec::new();
        for row in all() {
            let at = entries.len();
            entries.push(entry(row));
            if !row.subcommands.is_empty() {
                entries[at].first_subcommand = number(entries.len());
                entries.extend(row.subcommands.iter().map(|sub| entry(sub)));
            }
        }
        let size = (entries.len() * 4).next_power_of_two();
        let short = Box::new([(0, UNKNOWN); SHORT]);
        let mut index = Index { entries, short, names: vec![UNKNOWN; size], mask: size - 1 };
        for id in 0..index.entries.len() {
            let row = index.entries[id].row;
            if !row.is_subcommand() {
                index.enter(row.name, number(id));
            }
        }
        index
    }

    fn enter(&mut self, name: &str, id: RowId) {
        let mut at = hash(name.as_bytes()) & self.mask;
        while self.names[at] != UNKNOWN {
            at = (at + 1) & self.mask;
        }
        self.names[at] = id;
        if let Some(word) = letters(name.as_bytes()) {
            let place = &mut self.short[short_place(word)];
            // Of two names that meet at one place the second is found the long way.
            if place.1 == UNKNOWN {
                *place = (word, id);
            }
        }
    }

    /// How many rows there are, subcommands included.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The row of a number.
    #[inline]
    pub fn entry(&self, id: RowId) -> Option<&Entry> {
        self.entries.get(id as usize)
    }

    /// All rows in the order of their numbers.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// The number of a command, by its name in any case; [`UNKNOWN`] if there is none. O(1).
    #[inline]
    pub fn find(&self, name: &[u8]) -> RowId {
        if let Some(word) = folded(name)
            && let (known, id) = self.short[short_place(word)]
            && known == word
        {
            return id;
        }
        self.find_long(name)
    }

    fn find_long(&self, name: &[u8]) -> RowId {
        if name.len() > NAME_MAX {
            return UNKNOWN;
        }
        let mut at = hash(name) & self.mask;
        loop {
            let id = self.names[at];
            if id == UNKNOWN {
                return UNKNOWN;
            }
            if self.entries[id as usize].row.name.as_bytes().eq_ignore_ascii_case(name) {
                return id;
            }
            at = (at + 1) & self.mask;
        }
    }

    /// The number of a container's subcommand.
    pub fn find_subcommand(&self, container: RowId, word: &[u8]) -> RowId {
        let Some(entry) = self.entry(container) else { return UNKNOWN };
        entry
            .row
            .subcommands
            .iter()
            .position(|sub| sub.word().as_bytes().eq_ignore_ascii_case(word))
            .map_or(UNKNOWN, |at| entry.first_subcommand + number(at))
    }

    /// The row that a whole request means: a command, or a container's subcommand.
    #[inline]
    pub fn resolve(&self, name: &[u8], second: Option<&[u8]>) -> RowId {
        let id = self.find(name);
        match (self.entry(id), second) {
            (Some(entry), Some(word)) if !entry.row.subcommands.is_empty() => {
                match self.find_subcommand(id, word) {
                    UNKNOWN => id,
                    sub => sub,
                }
            }
            _ => id,
        }
    }
}

/// All commands, family by family.
pub fn all() -> impl Iterator<Item = &'static Command> {
    super::FAMILIES.iter().flat_map(|family| family.iter().copied())
}

fn entry(row: &'static Command) -> Entry {
    let arity = row.arity();
    let first_key = if matches!(row.run, Run::Container) { 0 } else { row.first_key() };
    let data = matches!(row.run, Run::Read(_) | Run::Write(_));
    let brief = row.flags.has_any(FAST.and(BRIEF)) && !row.flags.has_any(ALONE.and(BLOCKING));
    Entry { row, arity, first_key, first_subcommand: UNKNOWN, brief, plain: brief && data }
}

fn number(at: usize) -> RowId {
    RowId::try_from(at).expect("fewer rows than RowId can count")
}

/// A name of one to eight bytes as a word, its letters in lower case. Other bytes change too, but none of them
/// into a letter: a word equal to that of a name of letters is that name.
#[inline]
fn folded(name: &[u8]) -> Option<u64> {
    let word = match name.len() {
        0 => return None,
        1..4 => name.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)),
        4..=8 => {
            // Two halves that overlap, where they overlap with the same bytes.
            let low = u32::from_le_bytes(*name.first_chunk()?);
            let high = u32::from_le_bytes(*name.last_chunk()?);
            u64::from(low) | u64::from(high) << (8 * (name.len() - 4))
        }
        _ => return None,
    };
    Some(word | LOWER >> (64 - 8 * name.len()))
}

/// The bit that makes each of eight letters a lower case one.
const LOWER: u64 = 0x2020_2020_2020_2020;

/// The word of a name that consists of letters alone.
fn letters(name: &[u8]) -> Option<u64> {
    name.iter().all(u8::is_ascii_lowercase).then(|| folded(name)).flatten()
}

/// Places for short names; a power of two.
const SHORT: usize = 1024;

#[inline]
fn short_place(word: u64) -> usize {
    // The high bits of the product depend on all bits of the word.
    (word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - SHORT.trailing_zeros())) as usize
}

/// A hash of a name that does not tell upper from lower case.
#[inline]
fn hash(name: &[u8]) -> usize {
    let mut hash = name.len() as u32;
    for &byte in name {
        hash = hash.wrapping_mul(0x01f3_5a7b).wrapping_add(u32::from(byte | 0x20));
    }
    (hash ^ (hash >> 15)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_by_its_name_in_any_case() {
        let index = Index::new();
        for row in all() {
            let id = index.find(row.name.to_uppercase().as_bytes());
            assert_eq!(index.entry(id).map(|entry| entry.row.name), Some(row.name));
            for sub in row.subcommands {
                let id = index.resolve(row.name.as_bytes(), Some(sub.word().as_bytes()));
                assert_eq!(index.entry(id).map(|entry| entry.row.name), Some(sub.name));
            }
        }
        assert_eq!(index.find(b"nonesuch"), UNKNOWN);
        assert_eq!(index.find(b""), UNKNOWN);
    }

    #[test]
    fn what_only_resembles_a_name_is_none() {
        let index = Index::new();
        for name in [&b"GET\0"[..], b"\x07ET", b"G\x05T", b"GETGETGET", b"ge", b"\0GET", b"get\x20"]
        {
            assert_eq!(index.find(name), UNKNOWN, "{name:?}");
        }
    }

    #[test]
    fn the_names_sent_most_take_the_short_way() {
        let index = Index::new();
        for name in ["get", "set", "mget", "mset", "del", "incr", "expire", "exists", "ping", "ttl"]
        {
            let word = letters(name.as_bytes()).expect("they consist of a few letters");
            assert_eq!(index.short[short_place(word)].0, word, "{name} gave way to another name");
        }
    }

    #[test]
    fn no_name_stands_twice() {
        let mut names: Vec<_> = all().map(|row| row.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}

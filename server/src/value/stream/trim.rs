//! Trimming: taking entries from the front of a stream.
//!
//! Owns: which entries go.   Uses: log, group.   Never: the words of a command.
//!
//! Exact trimming goes entry by entry; approximate trimming drops whole blocks only, and not more entries than a limit.

use super::Stream;
use super::id::Id;

/// How far to trim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// As many entries stay.
    Len(u64),
    /// Entries from this one on stay.
    Id(Id),
}

/// What becomes of groups that wait for an entry that goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Refs {
    /// They wait on (KEEPREF).
    #[default]
    Keep,
    /// They no longer wait (DELREF).
    Drop,
    /// An entry that a group has not read and acknowledged stays (ACKED).
    Respect,
}

/// A way to trim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trim {
    /// How far.
    pub until: Until,
    /// Whole blocks only, with at most so many entries (0: any number); none: exactly.
    pub approximate: Option<u64>,
    /// What becomes of groups that wait.
    pub refs: Refs,
}

impl Stream {
    /// Takes entries from the front and tells how many. O(entries taken), and those that stay for a group's sake.
    pub fn trim(&mut self, trim: Trim) -> u64 {
        let before = self.len() as u64;
        if self.group_count() == 0 || trim.refs == Refs::Keep {
            self.trim_plainly(trim);
        } else {
            self.trim_with_groups(trim);
        }
        before - self.len() as u64
    }

    /// Without a thought for groups: blocks as a whole, then entries of the first block.
    fn trim_plainly(&mut self, trim: Trim) {
        let mut limit = Limit::new(trim);
        while let Some(block) = self.log.first_block() {
            let whole = match trim.until {
                Until::Len(len) => (self.len() - block.count()) as u64 >= len,
                Until::Id(id) => block.iter().all(|(_, entry)| entry.id < id),
            };
            if !whole || !limit.allows(block.count()) {
                break;
            }
            self.log.drop_first_block();
        }
        while trim.approximate.is_none()
            && let Some(id) = self.first_to_go(trim.until)
        {
            self.log.remove(id);
        }
    }

    /// The first entry, if it is one that goes.
    fn first_to_go(&self, until: Until) -> Option<Id> {
        let first = self.log.first()?.id;
        let goes = match until {
            Until::Len(len) => self.len() as u64 > len,
            Until::Id(id) => first < id,
        };
        goes.then_some(first)
    }

    /// Entry by entry, and block by block if approximately.
    fn trim_with_groups(&mut self, trim: Trim) {
        for id in self.leaving(trim) {
            self.log.remove(id);
            if trim.refs == Refs::Drop {
                self.forget(id);
            }
        }
    }

    /// The entries that go if groups have a say.
    fn leaving(&self, trim: Trim) -> Vec<Id> {
        let mut limit = Limit::new(trim);
        let mut spare = match trim.until {
            Until::Len(len) => (self.len() as u64).saturating_sub(len),
            Until::Id(_) => u64::MAX,
        };
        let end = match trim.until {
            Until::Id(id) => id.previous(),
            Until::Len(_) => Some(Id::MAX),
        };
        let Some(end) = end else { return Vec::new() };
        let mut leaving = Vec::new();
        for block in self.log.all_blocks() {
            if trim.approximate.is_some() {
                let last = block.iter().last().map(|(_, entry)| entry.id);
                let whole = block.count() as u64 <= spare && last <= Some(end);
                if !whole || !limit.allows(block.count()) {
                    break;
                }
            }
            for (_, entry) in block.iter() {
                if spare == 0 || entry.id > end || self.nobody_is_done_behind(trim.refs, entry.id) {
                    return leaving;
                }
                if trim.refs == Refs::Drop || self.is_done_with(entry.id) {
                    leaving.push(entry.id);
                    spare -= 1;
                }
            }
        }
        leaving
    }

    /// A group has not got as far as this entry, so that no later one can go either.
    fn nobody_is_done_behind(&self, refs: Refs, id: Id) -> bool {
        refs == Refs::Respect && self.groups.values().any(|group| group.last < id)
    }
}

/// How many entries approximate trimming may still take.
struct Limit(Option<u64>);

impl Limit {
    fn new(trim: Trim) -> Limit {
        Limit(trim.approximate.filter(|limit| *limit != 0))
    }

    /// Counts a block, if it may go.
    fn allows(&mut self, entries: usize) -> bool {
        let Some(left) = &mut self.0 else { return true };
        match left.checked_sub(entries as u64) {
            Some(rest) => {
                *left = rest;
                true
            }
            None => false,
        }
    }
}

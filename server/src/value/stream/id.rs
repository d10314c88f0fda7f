//! The name of an entry: a time in milliseconds and a number within it.
//!
//! Owns: the order of names and their text.   Uses: `base::bytes`.   Never: what time it is.

use crate::base::bytes::{INTEGER_MAX, digits};
use std::fmt;

/// The ID of an entry. Later entries have larger ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    /// Unix milliseconds, or whatever the client said.
    pub ms: u64,
    /// A number within the millisecond.
    pub seq: u64,
}

impl Id {
    /// 0-0, which no entry has.
    pub const MIN: Id = Id { ms: 0, seq: 0 };
    /// The last one.
    pub const MAX: Id = Id { ms: u64::MAX, seq: u64::MAX };

    /// `ms-seq`.
    pub const fn new(ms: u64, seq: u64) -> Id {
        Id { ms, seq }
    }

    /// The next one, if there is one.
    pub fn next(self) -> Option<Id> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(Id { ms: self.ms, seq }),
            None => Some(Id { ms: self.ms.checked_add(1)?, seq: 0 }),
        }
    }

    /// The one before, if there is one.
    pub fn previous(self) -> Option<Id> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(Id { ms: self.ms, seq }),
            None => Some(Id { ms: self.ms.checked_sub(1)?, seq: u64::MAX }),
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

const LONGEST: usize = 2 * INTEGER_MAX + 1;

/// Room for the text of an ID.
#[derive(Debug)]
pub struct IdText([u8; LONGEST]);

impl Default for IdText {
    fn default() -> IdText {
        IdText([0; LONGEST])
    }
}

impl IdText {
    /// Writes an ID and gives its text.
    pub fn write(&mut self, id: Id) -> &[u8] {
        let (mut ms, mut seq) = ([0; INTEGER_MAX], [0; INTEGER_MAX]);
        let (ms_at, seq_at) = (digits(&mut ms, id.ms), digits(&mut seq, id.seq));
        let (ms, seq) = (&ms[ms_at..], &seq[seq_at..]);
        let dash = ms.len();
        let end = dash + 1 + seq.len();
        self.0[..dash].copy_from_slice(ms);
        self.0[dash] = b'-';
        self.0[dash + 1..end].copy_from_slice(seq);
        &self.0[..end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_and_texts() {
        assert_eq!(Id::new(1, u64::MAX).next(), Some(Id::new(2, 0)));
        assert_eq!(Id::new(2, 0).previous(), Some(Id::new(1, u64::MAX)));
        assert_eq!((Id::MAX.next(), Id::MIN.previous()), (None, None));
        for id in [Id::MIN, Id::MAX, Id::new(1_526_919_030_474, 55)] {
            assert_eq!(IdText::default().write(id), id.to_string().as_bytes());
        }
    }
}

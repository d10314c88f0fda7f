//! Where the keys of a request stand, and what is done to them: a row's key specifications.
//!
//! Owns: the kinds of specifications, as COMMAND INFO knows them.   Uses: base.   Never: data, rows.

use crate::base::bytes::parse_i64;

/// Where keys stand in a request, and what is done to them.
#[derive(Clone, Copy, Debug)]
pub struct KeySpec {
    /// Where to begin.
    pub begin: Begin,
    /// Which words are keys from there on.
    pub find: Find,
    /// What is done to them, in the words of COMMAND INFO.
    pub access: &'static [&'static str],
}

/// Where a specification begins; 1 is the first argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// At this position.
    At(i32),
    /// Behind a word that is searched from a position on; from a negative one backwards, from the end.
    Behind {
        /// The word, in any case.
        word: &'static str,
        /// The first position to look at.
        from: i32,
    },
    /// Behind a word, searched as [`Begin::Behind`] says, though COMMAND INFO tells nobody: the key of SORT's STORE.
    Hidden {
        /// The word, in any case.
        word: &'static str,
        /// The first position to look at.
        from: i32,
    },
    /// Nowhere: the request has patterns that keys are made of.
    Unknown,
}

/// Which words are keys, from where the specification begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Find {
    /// From the beginning to a last one.
    Range {
        /// The last key, counted from the first (0: only one), or from the end when negative (-1: the last word).
        last: i32,
        /// The distance between two keys.
        step: i32,
        /// Only the first `1/limit` of the words up to the end; 0 and 1: all of them.
        limit: i32,
    },
    /// As many as a number among the arguments says.
    Numbered {
        /// The position of the number, counted from the beginning.
        number: i32,
        /// The position of the first key, counted from the beginning.
        first: i32,
        /// The distance between two keys.
        step: i32,
    },
    /// None, or the one behind the word of [`Begin::Hidden`].
    Unknown,
}

/// One key, at position 1, that is only read.
pub const READ_ONE: &[KeySpec] = &[one_key(&["RO", "access"])];
/// All arguments are keys that are only read.
pub const READ_ALL: &[KeySpec] = &[all_keys(&["RO", "access"])];
/// One key, at position 1, whose value is read and changed.
pub const UPDATE_ONE: &[KeySpec] = &[one_key(&["RW", "access", "update"])];

/// One key, at position 1.
pub const fn one_key(access: &'static [&'static str]) -> KeySpec {
    key_at(1, access)
}
/// One key, at this position.
pub const fn key_at(at: i32, access: &'static [&'static str]) -> KeySpec {
    key_range(at, 0, 1, access)
}
/// Every argument is a key.
pub const fn all_keys(access: &'static [&'static str]) -> KeySpec {
    key_range(1, -1, 1, access)
}
/// Keys from one position to another, with a distance; see [`Find::Range`].
pub const fn key_range(
    first: i32,
    last: i32,
    step: i32,
    access: &'static [&'static str],
) -> KeySpec {
    KeySpec { begin: Begin::At(first), find: Find::Range { last, step, limit: 0 }, access }
}
/// A number at this position, and behind it as many keys, `step` words apart.
pub const fn numbered_keys(at: i32, step: i32, access: &'static [&'static str]) -> KeySpec {
    KeySpec { begin: Begin::At(at), find: Find::Numbered { number: 0, first: 1, step }, access }
}

impl KeySpec {
    /// The position of the first key, if it is the same in every request.
    pub const fn fixed_first(&self) -> Option<i32> {
        match (self.begin, self.find) {
            (Begin::At(at), Find::Range { .. }) if at > 0 => Some(at),
            (Begin::At(_) | Begin::Behind { .. } | Begin::Hidden { .. } | Begin::Unknown, _) => {
                None
            }
        }
    }

    /// First key, last key and step, if all of them are fixed: how COMMAND INFO told of keys before there were specifications.
    pub fn fixed_range(&self) -> Option<(i32, i32, i32)> {
        match (self.begin, self.find) {
            (Begin::At(first), Find::Range { last, step, .. }) => {
                Some((first, if last < 0 { last } else { first + last }, step))
            }
            (Begin::At(_) | Begin::Behind { .. } | Begin::Hidden { .. } | Begin::Unknown, _) => {
                None
            }
        }
    }

    /// The positions of the keys in a request. `None`: the request says that there are keys that it does not have.
    /// O(words).
    pub fn positions(&self, args: &[&[u8]]) -> Option<Vec<usize>> {
        let Some(begin) = self.begin.position(args) else { return Some(Vec::new()) };
        match self.find {
            Find::Range { last, step, limit } => {
                Some(range(begin, (last, step, limit), args.len()))
            }
            Find::Numbered { number, first, step } => {
                let at = |offset: i32| begin.checked_add_signed(offset.try_into().ok()?);
                let count = parse_i64(args.get(at(number)?)?)?;
                let (first, step) = (at(first)?, usize::try_from(step).ok()?.max(1));
                let count = usize::try_from(count).ok().filter(|&count| count <= args.len())?;
                let keys: Vec<usize> = (0..count).map(|key| first + key * step).collect();
                keys.iter().all(|&at| at < args.len()).then_some(keys)
            }
            Find::Unknown => Some(if begin < args.len() { vec![begin] } else { Vec::new() }),
        }
    }
}

impl Begin {
    /// Where the specification begins in a request, if it does.
    fn position(self, args: &[&[u8]]) -> Option<usize> {
        let from_end = |n: i32| args.len().saturating_sub(n.unsigned_abs() as usize);
        match self {
            Begin::At(at) if at < 0 => Some(from_end(at)),
            Begin::At(at) => Some(at as usize),
            Begin::Behind { word, from } | Begin::Hidden { word, from } => {
                let is_word = |at: &usize| args[*at].eq_ignore_ascii_case(word.as_bytes());
                let found = if from < 0 {
                    (1..args.len().min(from_end(from) + 1)).rev().find(is_word)
                } else {
                    (from as usize..args.len()).find(is_word)
                };
                found.map(|at| at + 1)
            }
            Begin::Unknown => None,
        }
    }
}

/// The positions from `first` on, as [`Find::Range`] says.
fn range(first: usize, (last, step, limit): (i32, i32, i32), words: usize) -> Vec<usize> {
    let last = match usize::try_from(last) {
        Ok(last) => first + last,
        Err(_) if limit > 1 && last == -1 => {
            let share = words.saturating_sub(first) / limit.unsigned_abs() as usize;
            (first + share).saturating_sub(1)
        }
        Err(_) => words.saturating_sub(last.unsigned_abs() as usize),
    };
    let step = usize::try_from(step).unwrap_or(1).max(1);
    (first..words.min(last + 1)).step_by(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(first: i32, last: i32, step: i32, words: usize) -> Vec<usize> {
        key_range(first, last, step, &[]).positions(&vec![b"".as_slice(); words]).unwrap()
    }

    fn of(spec: KeySpec, request: &str) -> Option<Vec<usize>> {
        spec.positions(&request.split(' ').map(str::as_bytes).collect::<Vec<_>>())
    }

    #[test]
    fn keys_stand_where_the_specification_says() {
        assert_eq!(at(1, 0, 1, 3), [1]);
        assert_eq!(at(1, -1, 1, 4), [1, 2, 3]);
        assert_eq!(at(1, -1, 2, 5), [1, 3]);
        assert_eq!(at(2, 0, 1, 2), [0usize; 0]);
        assert_eq!(at(1, -2, 1, 4), [1, 2]);
    }

    #[test]
    fn a_number_says_how_many_follow() {
        let spec = numbered_keys(1, 2, &[]);
        assert_eq!(of(spec, "MSETEX 2 a 1 b 2 NX"), Some(vec![2, 4]));
        for wrong in ["MSETEX", "MSETEX x a 1", "MSETEX 3 a 1 b 2", "MSETEX -1 a 1"] {
            assert_eq!(of(spec, wrong), None, "{wrong}");
        }
        assert_eq!(of(spec, "MSETEX 9223372036854775807 a 1"), None);
    }

    #[test]
    fn a_word_may_stand_before_them() {
        let find = Find::Range { last: -1, step: 1, limit: 2 };
        let spec = KeySpec { begin: Begin::Behind { word: "STREAMS", from: 1 }, find, access: &[] };
        assert_eq!(of(spec, "XREAD COUNT 2 streams a b 0 0"), Some(vec![4, 5]));
        assert_eq!(of(spec, "XREAD COUNT 2"), Some(vec![]));
        let only = Find::Range { last: 0, step: 1, limit: 0 };
        let last =
            KeySpec { begin: Begin::Behind { word: "KEY", from: -2 }, find: only, access: &[] };
        assert_eq!(of(last, "X KEY KEY a"), Some(vec![3]));
        let unknown = KeySpec { begin: Begin::Unknown, find: Find::Unknown, access: &[] };
        assert_eq!(of(unknown, "SORT a"), Some(vec![]));
        let hidden = Begin::Hidden { word: "STORE", from: -2 };
        let hidden = KeySpec { begin: hidden, find: Find::Unknown, access: &[] };
        assert_eq!(of(hidden, "SORT a store b STORE c"), Some(vec![5]));
        assert_eq!(of(hidden, "SORT a"), Some(vec![]));
    }
}

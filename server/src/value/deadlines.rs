//! Which names are due first: the fields of a hash by their times, or the hashes of a database by their first fields'.
//!
//! Owns: pairs of a time and a name.   Uses: `base::alloc`.   Never: what the names stand for, what time it is.
//!
//! What has a time knows it itself; this is the other way round, so that k due names are found in O(k log n) among any
//! number.

use crate::base::alloc;
use std::collections::BTreeSet;

/// Bytes that the tree takes for a name, beside the name: 24 in nodes that are two thirds full, and their heads.
const SHARE: usize = 40;

/// Times and names, the soonest first.
#[derive(Clone, Debug, Default)]
pub struct Deadlines {
    order: BTreeSet<(i64, Box<[u8]>)>,
    /// Bytes of the names.
    names: usize,
}

impl Deadlines {
    /// How many names have a time.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether no name has one.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Notes the time of a name that has none. O(log n).
    pub fn add(&mut self, name: &[u8], deadline: i64) {
        if self.order.insert((deadline, name.into())) {
            self.names += alloc::given(name.len());
        }
    }

    /// Forgets the time of a name. O(log n).
    pub fn remove(&mut self, name: &[u8], deadline: i64) {
        if self.order.remove(&(deadline, name.into())) {
            self.names -= alloc::given(name.len());
        }
    }

    /// Hears that the time of a name has changed, came or went. O(log n).
    #[cold]
    pub fn change(&mut self, name: &[u8], before: Option<i64>, after: Option<i64>) {
        if let Some(before) = before {
            self.remove(name, before);
        }
        if let Some(after) = after {
            self.add(name, after);
        }
    }

    /// The name whose time is the first, and that time. O(log n).
    pub fn first(&self) -> Option<(&[u8], i64)> {
        self.order.first().map(|(deadline, name)| (&**name, *deadline))
    }

    /// The first time of all, in Unix milliseconds. O(log n).
    pub fn soonest(&self) -> Option<i64> {
        self.order.first().map(|(deadline, _)| *deadline)
    }

    /// The last time of all. O(log n).
    pub fn latest(&self) -> Option<i64> {
        self.order.last().map(|(deadline, _)| *deadline)
    }

    /// Takes out the name whose time is the first, if that is before `now_ms`. O(log n).
    pub fn pop_due(&mut self, now_ms: i64) -> Option<Box<[u8]>> {
        self.soonest().filter(|&deadline| deadline < now_ms)?;
        let (_, name) = self.order.pop_first()?;
        self.names -= alloc::given(name.len());
        Some(name)
    }

    /// Bytes that it holds, about. O(1).
    pub fn memory(&self) -> usize {
        self.names + self.order.len() * SHARE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn due_names_leave_in_order() {
        let mut deadlines = Deadlines::default();
        for (name, deadline) in [("c", 30), ("a", 10), ("b", 10), ("d", 40)] {
            deadlines.add(name.as_bytes(), deadline);
        }
        deadlines.remove(b"d", 40);
        deadlines.remove(b"d", 40);
        assert_eq!(
            (deadlines.len(), deadlines.soonest(), deadlines.latest()),
            (3, Some(10), Some(30))
        );
        assert_eq!(deadlines.pop_due(10), None, "a name lives through the millisecond of its time");
        assert_eq!(deadlines.pop_due(11).as_deref(), Some(&b"a"[..]));
        assert_eq!(deadlines.pop_due(11).as_deref(), Some(&b"b"[..]));
        assert_eq!(deadlines.pop_due(11), None);
        assert_eq!(deadlines.memory(), 8 + SHARE);
        assert!(deadlines.pop_due(31).is_some() && deadlines.is_empty());
        assert_eq!(deadlines.memory(), 0);
    }
}

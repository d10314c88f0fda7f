//! All that stands behind a key, on its own: on its way from one key to another.
//!
//! Owns: the parts of it.   Uses: entry, value.   Never: a key, a table.

use super::entry::EntryRef;
use crate::value::Value;

/// A value and what belongs to it.
#[derive(Clone, Debug)]
pub struct Content {
    /// The value.
    pub value: Value,
    /// When it expires, in Unix milliseconds.
    pub deadline: Option<i64>,
    /// When or how often it was used, as [`super::access`] says it; 0: nobody knows.
    pub access: u32,
    /// Whether the value was changed in part since it was put.
    pub edited: bool,
}

impl Content {
    /// A second content of an entry, which nobody has used yet. O(1) for a long string, which both then share until
    /// one of them changes.
    pub fn copy_of(entry: EntryRef<'_>) -> Content {
        Content {
            value: entry.value().to_owned(),
            deadline: entry.deadline(),
            access: 0,
            edited: entry.is_edited(),
        }
    }
}

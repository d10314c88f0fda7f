//! What HIMPORT PREPARE keeps: names of fields, to be told once and used for many hashes.
//!
//! Owns: the fieldsets of one connection.   Uses: resp.   Never: data, what a fieldset is used for.
//!
//! The fields of a fieldset stand as a request does, in two allocations: many small fieldsets are cheap, and a large one
//! goes at once. Whoever drops many of them at once is slow, so they go as garbage (`Removed::drop_fieldsets`).

use crate::resp::args::{Args, OwnedRequest};
use std::collections::BTreeMap;

/// The fieldsets of one connection, by name.
#[derive(Debug, Default)]
pub struct Fieldsets {
    by_name: BTreeMap<Box<[u8]>, OwnedRequest>,
    bytes: usize,
}

impl Fieldsets {
    /// The fields of a fieldset, in their order, the first as number 0. O(log n).
    pub fn find(&self, name: &[u8]) -> Option<Args<'_>> {
        self.by_name.get(name).map(OwnedRequest::args)
    }

    /// Keeps a copy of `fields` under a name, in the place of those that had it. O(fields + log n).
    pub fn put(&mut self, name: &[u8], fields: Args<'_>) {
        self.remove(name);
        let fields = OwnedRequest::from(fields);
        self.bytes += footprint(name, &fields);
        self.by_name.insert(name.into(), fields);
    }

    /// Forgets a fieldset and tells whether there was one. O(log n).
    pub fn remove(&mut self, name: &[u8]) -> bool {
        let Some(fields) = self.by_name.remove(name) else { return false };
        self.bytes -= footprint(name, &fields);
        true
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Bytes of memory in use, but for the spare room of the tree's nodes. O(1).
    pub fn footprint(&self) -> usize {
        size_of::<Self>() + self.bytes
    }
}

/// What one fieldset takes, in bytes.
fn footprint(name: &[u8], fields: &OwnedRequest) -> usize {
    size_of::<Box<[u8]>>() + name.len() + fields.footprint()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(words: &[&[u8]]) -> OwnedRequest {
        OwnedRequest::from_parts(words)
    }

    #[test]
    fn a_fieldset_is_found_replaced_and_forgotten() {
        let mut sets = Fieldsets::default();
        assert!(sets.find(b"u").is_none() && !sets.remove(b"u"));
        sets.put(b"u", request(&[b"b", b"a", b""]).args());
        sets.put(b"", request(&[b"x"]).args());
        let fields: Vec<&[u8]> = sets.find(b"u").into_iter().flatten().collect();
        assert_eq!(fields, [b"b".as_slice(), b"a", b""]);
        sets.put(b"u", request(&[b"z"]).args());
        assert_eq!(sets.find(b"u").map(Args::len), Some(1));
        assert_eq!(sets.len(), 2);
        assert!(sets.remove(b"u") && !sets.remove(b"u"));
        assert!(sets.find(b"u").is_none() && sets.find(b"").is_some());
    }

    #[test]
    fn what_is_counted_comes_back() {
        let mut sets = Fieldsets::default();
        let empty = sets.footprint();
        let long = [b'f'; 1000];
        for round in 0..3_u8 {
            for name in 0..10_u8 {
                sets.put(&[name], request(&[&long, &[round]]).args());
            }
            assert!(sets.footprint() > empty + 10_000 && sets.footprint() < empty + 12_000);
        }
        for name in 0..10_u8 {
            sets.remove(&[name]);
        }
        assert!(sets.is_empty());
        assert_eq!(sets.footprint(), empty);
    }
}

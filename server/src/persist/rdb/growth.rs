//! A collection on its way in: takes one element after another, and refuses what no collection may hold.
//!
//! Owns: the value until it is whole.   Uses: value, flaw.   Never: where the elements come from.
//!
//! It is built where the snapshot is decoded, so the core only moves it to its key.

use super::flaw::Flaw;
use crate::value::limits::Limits;
use crate::value::{Set, Value};

/// What has been taken. The first element decides what it is; a caller never mixes them.
#[derive(Debug, Default)]
pub(super) struct Growth(Option<Value>);

impl Growth {
    /// The whole value; there is none without an element.
    pub fn finish(&mut self) -> Result<Value, Flaw> {
        self.0.take().ok_or(Flaw("it has no elements"))
    }

    /// Takes a member of a set, of which `hint` are said to come. O(1), O(n) in a small set.
    #[inline]
    pub fn member(&mut self, member: &[u8], hint: u64, limits: &Limits) -> Result<(), Flaw> {
        let hint = || usize::try_from(hint).unwrap_or(usize::MAX);
        let set = self.0.get_or_insert_with(|| Value::Set(Set::new(member, hint(), limits)));
        let Value::Set(set) = set else { return Err(MIXED) };
        if set.add(member, limits) { Ok(()) } else { Err(Flaw("a member stands there twice")) }
    }
}

/// Said never: shapes hold one kind of elements.
const MIXED: Flaw = Flaw("its elements are of different kinds");

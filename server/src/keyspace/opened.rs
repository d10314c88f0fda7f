//! A collection that is being changed: taken out of its entry, and put back at the end.
//!
//! Owns: the value meanwhile, and that it comes back.   Uses: slot, value.   Never: what the elements mean.
//!
//! ```text
//!  open    the key's place is looked up; a small collection is copied out, a large one moves by its handle
//!  change  any number of times; nobody else can see the key
//!  close   it goes back, if it was changed; without elements it takes its key along
//! ```
//! Dropping one puts it back as well, so no way out of a command can lose it.

use super::slot::Slot;
use super::sums::Weight;
use crate::value::limits::Limits;
use crate::value::{Collection, ValueRef, View};

/// A key's collection, or the place for one.
pub struct Opened<'s, 'k, C: Collection> {
    slot: Slot<'s, 'k>,
    limits: &'s Limits,
    value: Option<C>,
    /// What its entry weighed; none if there is no entry yet.
    before: Option<Weight>,
    changed: bool,
}

/// What became of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is as it was.
    Same,
    /// It was not there before.
    Created,
    /// Its value has changed.
    Changed,
    /// Its last element went, and the key with it.
    Removed,
}

impl<'s, 'k, C: Collection> Opened<'s, 'k, C> {
    /// Opens what stands in a slot; nothing if it is of another type. O(1), O(n) for a small one.
    #[inline]
    pub fn of(mut slot: Slot<'s, 'k>, limits: &'s Limits) -> Option<Opened<'s, 'k, C>> {
        if let Some(entry) = slot.entry() {
            <C::Ref<'_> as View<'_>>::of(entry.value())?;
        }
        let (value, before) = match slot.lend() {
            Some((value, weight)) => (C::of(value), Some(weight)),
            None => (None, None),
        };
        Some(Opened { slot, limits, value, before, changed: false })
    }

    /// What collections need to know when they grow.
    #[inline]
    pub fn limits(&self) -> &'s Limits {
        self.limits
    }

    /// The collection, if there is one.
    #[inline]
    pub fn get(&self) -> Option<&C> {
        self.value.as_ref()
    }

    /// The collection, to change it, if there is one.
    #[inline]
    pub fn get_mut(&mut self) -> Option<&mut C> {
        self.changed = true;
        self.value.as_mut()
    }

    /// The collection, to change it; one that `make` makes if there is none.
    #[inline]
    pub fn get_or_make(&mut self, make: impl FnOnce(&Limits) -> C) -> &mut C {
        self.changed = true;
        self.value.get_or_insert_with(|| make(self.limits))
    }

    /// Puts it back and tells what became of the key. One without elements goes, and so does one that was changed to
    /// none; a key that is new and would have no element never comes.
    #[inline]
    pub fn close(mut self) -> Outcome {
        self.put_back()
    }

    fn put_back(&mut self) -> Outcome {
        let Some(value) = self.value.take() else { return Outcome::Same };
        let is_nothing = value.is_nothing();
        match self.before {
            None if is_nothing => return Outcome::Same,
            None => {
                value.into_value().put(|put| self.slot.put(put));
                return Outcome::Created;
            }
            Some(before) => {
                let value = value.into_value();
                // What stands inside its entry was copied out, and is still there.
                if self.changed || ValueRef::is_large(value.as_ref()) {
                    self.slot.give_back(value, before);
                }
            }
        }
        if is_nothing {
            self.slot.remove();
            return Outcome::Removed;
        }
        if self.changed { Outcome::Changed } else { Outcome::Same }
    }
}

impl<C: Collection> Drop for Opened<'_, '_, C> {
    fn drop(&mut self) {
        self.put_back();
    }
}

//! Values that were removed or replaced and take long to free.
//!
//! Owns: those values, until somebody has them freed elsewhere.   Uses: entry, value, `base::slab`.   Never: threads.
//!
//! Every way out of a table but that of a value which somebody asked for ends here; so no command, no expiry and no
//! eviction has to think of it.

use super::entry::Entry;
use crate::base::slab::Slab;
use crate::value::Value;

/// Values that hold this many bytes or more are slow to free: below, handing them over costs more than it saves.
const SLOW: usize = 64 << 10;

/// Removed values.
#[derive(Default)]
pub(super) struct Waste(Vec<Value>);

impl Waste {
    /// Whether a value that holds so many bytes is slow to free.
    #[inline]
    pub fn wants(heap: usize) -> bool {
        heap >= SLOW
    }

    /// Keeps a value until [`Waste::take`].
    #[cold]
    pub fn throw(&mut self, value: Value) {
        self.0.push(value);
    }

    /// Frees an entry that was taken out, but for a value that is slow to free.
    #[inline]
    pub fn bin(&mut self, entry: Entry, slab: &mut Slab) {
        if Waste::wants(entry.get().value().heap()) {
            self.throw(entry.into_value(slab));
        } else {
            entry.free(slab);
        }
    }

    /// Everything thrown so far.
    #[inline]
    pub fn take(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.0)
    }
}

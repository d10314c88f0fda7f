//! Values that were removed or replaced and take long to free.
//!
//! Owns: those values, until somebody has them freed elsewhere.   Uses: value.   Never: threads.
//!
//! Every way out of a table ends here ([`super::Slot`] and its table see to that), so no command, no expiry
//! and no eviction has to think of it.

use crate::value::Value;

/// Values that hold this many bytes or more are slow to free: below, handing them over costs more than it saves.
const SLOW: usize = 64 << 10;

/// Removed values.
#[derive(Default)]
pub(super) struct Waste(Vec<Value>);

impl Waste {
    /// Whether a value that holds so many bytes should be thrown here.
    #[inline]
    pub fn wants(heap: usize) -> bool {
        heap >= SLOW
    }

    /// Keeps a value until [`Waste::take`].
    #[cold]
    pub fn throw(&mut self, value: Value) {
        self.0.push(value);
    }

    /// Everything thrown so far.
    #[inline]
    pub fn take(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.0)
    }
}

//! Tests of the keyspace against plain models.
//!
//! Owns: the count of live entry bytes of this thread.   Uses: proptest.   Never: built into the server.

use std::cell::Cell;

thread_local! {
    /// Bytes of all entry blocks that this thread allocated, less those it freed.
    pub(super) static LIVE: Cell<isize> = const { Cell::new(0) };
}

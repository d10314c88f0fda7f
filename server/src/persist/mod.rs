//! What keeps data on disk: snapshots.
//!
//! Owns: the file formats.   Uses: base, value.   Never: a client, a socket, the clock.

pub mod rdb;

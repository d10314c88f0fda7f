//! What keeps data on disk: snapshots.
//!
//! Owns: the file formats, and what is known of the last snapshot.   Uses: base, value, keyspace.
//! Never: a client, a socket, the clock; forks or opens a file itself (the engine's host does).

pub mod headroom;
pub mod rdb;
pub mod restore;
pub mod snapshot;
pub mod state;

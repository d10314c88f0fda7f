//! Sockets, threads and the disk: everything that waits.
//!
//! Owns: connections, reactors, the clock, the snapshot child.   Uses: engine::port, tokio.
//! Never: sees a key or a value; decides what a command means.
//!
//! ```text
//!   listener --accept--> core reactor --adopt--> I/O reactors 1..N
//!   each reactor: poll -> read -> parse -> batch       turn() ends it: hand over, take replies, write
//!   core reactor: the same, and turn() runs the engine
//! ```

pub mod bell;
pub mod child;
pub mod clock;
pub mod conf;
pub mod connection;
pub mod core;
pub mod decode;
pub mod directory;
pub mod disk;
pub mod ending;
pub mod listener;
pub mod memory;
mod oom;
pub mod output;
pub mod pool;
pub mod reactor;
pub mod registry;
pub mod settings;
pub mod stream;
pub mod threads;

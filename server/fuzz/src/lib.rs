//! What is fuzzed: each module has `run`, which any bytes may be given to, and `seeds` to begin with.
//!
//! Owns: the targets.   Uses: the server as a library, redis-protocol as an oracle.
//! Never: libfuzzer: `fuzz_targets/` call these functions, and so does `server/tests/fuzz.rs`.

pub mod conf;
pub mod hash;
pub mod hyperloglog;
pub mod inline;
pub mod keyspace;
pub mod list;
pub mod payload;
pub mod program;
pub mod rdb;
pub mod request;
pub mod restore;
pub mod sorted_set;
pub mod stream;
pub mod wire;

#[path = "../../tests/harness/mod.rs"]
mod harness;

#[path = "../../tests/values/samples.rs"]
mod samples;

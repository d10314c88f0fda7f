//! Floor 0: what any program could use. Knows nothing of Redis.

pub mod alloc;
pub mod bits;
pub mod blob;
pub mod bytes;
pub mod crash;
pub mod crc;
pub mod extended;
pub mod index;
pub mod murmur;
pub mod process;
pub mod queue;
pub mod random;
pub mod relation;
pub mod sha1;
pub mod sha256;
pub mod slab;
pub mod subsequence;
pub mod sys;
pub mod time;

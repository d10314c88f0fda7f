//! Floor 0: what any program could use. Knows nothing of Redis.

pub mod blob;
pub mod bytes;
pub mod queue;
pub mod random;
pub mod time;

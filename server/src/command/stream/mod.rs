//! Commands on streams.
//!
//! Owns: the family's files.   Uses: contexts, `value::Stream`.   Never: who else is connected.

pub mod add;
pub mod claim;
pub mod group;
pub mod idempotence;
mod ids;
pub mod info;
pub mod pending;
pub mod range;
pub mod read;
mod read_group;
mod read_words;
pub mod remove;
mod told;
mod trim_words;
mod write;

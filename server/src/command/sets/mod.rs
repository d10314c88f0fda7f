//! Commands on sets.
//!
//! Owns: the family's files.   Uses: contexts, `value::Set`.   Never: who else is connected.

pub mod members;

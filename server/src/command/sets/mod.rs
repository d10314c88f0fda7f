//! Commands on sets.
//!
//! Owns: the family's files.   Uses: contexts, `value::Set`.   Never: who else is connected.

pub mod algebra;
pub mod members;
pub mod random;
pub mod scan;

//! Commands on sorted sets.
//!
//! Owns: the family's files.   Uses: contexts, `value::SortedSet`.   Never: who else is connected.

pub mod add;
pub mod algebra;
pub mod algebra_words;
pub mod blocking;
pub mod bounds;
pub mod members;
pub mod pop;
pub mod random;
pub mod range;
pub mod range_words;
pub mod remove_range;
pub mod scan;
pub mod scored;

//! Start and stop.
//!
//! Owns: the order in which things begin and end.   Uses: every floor.   Never: a decision of its own.

pub mod arguments;
pub mod settings;

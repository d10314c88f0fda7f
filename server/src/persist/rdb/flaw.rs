//! What is wrong with the inside of a value.
//!
//! Owns: nothing but the words.   Uses: nothing.   Never: where in a file it is.

/// In words, for whoever gave the value: "a listpack has no end".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flaw(pub &'static str);

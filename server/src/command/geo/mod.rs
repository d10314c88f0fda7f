//! Commands on places on earth, which are members of sorted sets.
//!
//! Owns: the family's files.   Uses: contexts, `value::SortedSet`.   Never: who else is connected.
//!
//! ```text
//!  longitude, latitude  ->  cell: 26 bits each, interleaved, 52 bits  ->  the score of the member
//!  search               ->  the cell of the middle and its eight neighbours  ->  ranges of scores  ->  distances
//! ```

pub mod add;
pub mod area;
pub mod cell;
pub mod earth;
pub mod place;
pub mod search;
pub mod search_words;
pub mod shape;

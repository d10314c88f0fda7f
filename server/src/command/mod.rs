//! What each command does, and its row: one file for each family.
//!
//! Owns: the commands.   Uses: its context (keyspace, parts, resp).   Never: the engine, io, the time.
//!
//! To add a command: its function and its row in the family's file, one word in that file's TABLE, and
//! one transcript.

pub mod context;
pub mod deliver;
pub mod index;
pub mod next;
pub mod row;
pub mod text;
pub mod window;

mod connection;
mod counter;
mod expiry;
mod flush;
mod generic;
mod scan;
mod set;
mod set_options;
mod string;

/// The tables of all families.
static FAMILIES: &[&[&row::Command]] = &[
    connection::TABLE,
    counter::TABLE,
    expiry::TABLE,
    flush::TABLE,
    generic::TABLE,
    scan::TABLE,
    set::TABLE,
    string::TABLE,
];

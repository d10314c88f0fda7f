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

mod client;
mod client_list;
mod connection;
mod help;
mod pubsub;
mod string;
mod transaction;

/// The tables of all families.
static FAMILIES: &[&[&row::Command]] = &[
    client::TABLE,
    connection::TABLE,
    pubsub::TABLE,
    string::TABLE,
    transaction::TABLE,
];

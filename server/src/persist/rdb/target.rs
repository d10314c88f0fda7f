//! What takes in the keys of a snapshot.
//!
//! Owns: nothing.   Uses: value, format.   Never: a file.

use super::format::Access;
use crate::value::Put;

/// Takes in what a snapshot holds. Database 0 is selected at the start.
pub trait Target {
    /// A fact about the writer.
    fn aux(&mut self, _name: &[u8], _fact: &[u8]) {}
    /// The entries that follow belong to this database. The reason of a refusal goes to the user.
    fn select_db(&mut self, number: u64) -> Result<(), String>;
    /// The selected database will have about so many keys, and so many with a deadline: a hint, never
    /// more than the rest of the file can hold.
    fn resize(&mut self, _keys: u64, _volatile: u64) {}
    /// One key. The reason of a refusal goes to the user.
    fn entry(&mut self, record: Record<'_>) -> Result<Insert, String>;
}

/// One key of a snapshot.
#[derive(Debug)]
pub struct Record<'a> {
    /// The database.
    pub db: u64,
    /// Which byte of the file it begins with.
    pub offset: u64,
    /// The key.
    pub key: &'a [u8],
    /// Its value; text that is a canonical integer comes as one.
    pub value: Put<'a>,
    /// Its deadline, unix milliseconds.
    pub deadline: Option<i64>,
    /// What the file says of its use.
    pub access: Access,
}

/// What a target did with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Insert {
    /// It is in.
    Kept,
    /// It was left out, because its time is over.
    Expired,
    /// The database already has that key: a fault of the file.
    Duplicate,
}

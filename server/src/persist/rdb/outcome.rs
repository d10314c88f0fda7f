//! How the reading of a snapshot goes, and what came of it.
//!
//! Owns: nothing.   Uses: format.   Never: reads.

use super::format::Version;

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There must be more.
    More,
    /// The end was seen and the checksum holds. Further bytes are a fault.
    Done,
}

/// What the end of the file says of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// They are those that were written.
    Good(u64),
    /// Nothing: the writer did not compute one.
    Disabled,
    /// Nothing: versions before 5 have none.
    Absent,
}

/// What was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// The version of the file.
    pub version: Version,
    /// Its length.
    pub bytes: u64,
    /// Keys that the target kept.
    pub kept: u64,
    /// Keys that the target left out.
    pub expired: u64,
    /// What vouches for it.
    pub checksum: Checksum,
}

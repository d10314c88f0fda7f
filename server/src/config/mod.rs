//! The settings: what they are, how they are written in files, how clients see and change them.
//!
//! Owns: [`Config`], its rows, the grammar of redis.conf.   Uses: nothing.
//! Never: opens a file; decides what follows when a setting changes.

mod change;
mod example;
pub mod farewell;
pub mod kinds;
mod known;
pub mod lists;
pub mod memory;
pub mod parse;
pub mod rewrite;
mod row;
mod rows;

pub use change::{ChangeError, Fault};
pub use example::example;
pub use kinds::{
    Allow, IoThreads, LogFormat, LogLevel, MemoryPolicy, OomScores, Order, RdbVersion, Supervised,
    SyslogFacility, TimestampFormat,
};
pub use lists::EventClasses;
pub use memory::{ClientMemory, MemoryLimit};
pub use row::{Row, When};
pub use rows::{Config, ROWS, row};

//! The snapshot file of Redis ("RDB"): written by [`save`], read by [`load`], judged by [`check`];
//! for a start, [`decode`] makes [`records`] of it, on whichever thread. [`payload`] is one value of it.
//!
//! Owns: the format.   Uses: base, value.   Never: the keyspace, a client, the clock.
//!
//! ```text
//!   REDIS0011                          magic and version, 9 bytes
//!   AUX key value ...                  about the writer
//!   SELECTDB n  RESIZEDB keys volatile
//!     [EXPIRETIME_MS t] [IDLE s | FREQ f] type key value
//!     ...
//!   EOF  crc64                         over everything before it; 0 means "not computed"
//! ```

pub mod check;
pub mod decode;
pub mod fault;
pub mod flaw;
pub mod format;
mod growth;
mod intset;
mod listpack;
pub mod load;
pub mod lzf;
mod outcome;
mod parse;
mod parts;
pub mod payload;
pub mod records;
pub mod save;
mod shape;
mod stream;
mod stream_node;
mod target;
mod unpack;
mod whole;
mod ziplist;
mod zipmap;

//! The protocol: requests in, replies out, and every error a client can see.
//!
//! Owns: RESP2, RESP3 and inline.   Uses: base.   Never: commands, values, sockets.

pub mod args;
pub mod error;
mod inline;
pub mod protocol;
pub mod reply;
pub mod request;

/// The version of Redis whose protocol and files these are: clients switch features on by it, so HELLO,
/// INFO and snapshots claim it.
pub const REDIS_VERSION: &str = "7.2.4";

pub use args::{Args, OwnedRequest};
pub use error::{Error, Result};
pub use protocol::ProtocolError;
pub use reply::{Mark, Proto, Reply};
pub use request::{Halt, Limits, Parser, Requests};

//! The protocol: requests in, replies out, and every error a client can see.
//!
//! Owns: RESP2, RESP3 and inline.   Uses: base.   Never: commands, values, sockets.

pub mod args;
pub mod error;
mod inline;
pub mod protocol;
pub mod reply;
pub mod request;

pub use args::{Args, OwnedRequest};
pub use error::{Error, Result};
pub use protocol::ProtocolError;
pub use reply::{Mark, Proto, Reply};
pub use request::{Halt, Limits, Parser, Requests};

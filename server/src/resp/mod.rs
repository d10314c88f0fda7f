//! The protocol: requests in, replies out, and every error a client can see.
//!
//! Owns: RESP2, RESP3 and inline.   Uses: base.   Never: commands, values, sockets.

pub mod error;

pub use error::{Error, Result};

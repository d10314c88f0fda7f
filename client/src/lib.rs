//! An async client for Lodestore and for every server that speaks the Redis protocol, versions 2 and 3.
//!
//! Owns: the client library.   Uses: tokio, bytes, redis-protocol.   Never: the server's crates, reconnecting, a global.
//!
//! ```no_run
//! use lodestore::{Client, Pipeline, cmd};
//!
//! # async fn example() -> lodestore::Result<()> {
//! let client = Client::connect("redis://127.0.0.1:6379").await?;
//! client.call(cmd!["SET", "greeting", "hello"]).await?;
//! let greeting: Option<String> = client.get(cmd!["GET", "greeting"]).await?;
//! assert_eq!(greeting.as_deref(), Some("hello"));
//!
//! let mut pipeline = Pipeline::new();
//! for n in 0..1000 {
//!     pipeline.push(&cmd!["RPUSH", "numbers", n]);
//! }
//! let replies = client.run(pipeline).await?;
//! assert_eq!(replies.len(), 1000);
//! # Ok(())
//! # }
//! ```
//!
//! From the outside in:
//!
//! | file | what it is |
//! |---|---|
//! | url, config | where to connect, and how |
//! | client | the handle, and the opening of a connection |
//! | pubsub | pushes, messages, the subscriber |
//! | pipeline, command | what is asked |
//! | reply, convert | what is answered |
//! | connection | the task that drives one connection |
//! | route, codec, socket | its parts: whose reply is this, bytes into replies, TCP or Unix |
//! | error | what can go wrong |

mod client;
mod codec;
mod command;
mod config;
mod connection;
mod convert;
mod error;
mod pipeline;
mod pubsub;
mod reply;
mod route;
mod socket;
mod url;

pub use client::Client;
pub use command::{Argument, Command};
pub use config::{Address, Config, Protocol};
pub use convert::FromReply;
pub use error::{Error, Result};
pub use pipeline::Pipeline;
pub use pubsub::{Message, PushStream, Subscriber};
pub use reply::Reply;

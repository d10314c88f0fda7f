//! The harness of Lodestore's tests: a client of its own, servers on free ports, transcripts.
//!
//! Owns: how a test speaks to a server.   Uses: std, tempfile.   Never: Lodestore's own client or
//! parser, so that a mistake in them cannot hide itself.
//!
//! ```text
//!  text        words of a command line <-> bytes, globs
//!  reply       what a server answers, as a tree and as text
//!  client      a blocking connection (RESP2, RESP3, raw bytes)
//!  server      a server process: start, kill, restart
//!  launch      servers with a settings file, by other names, in the background
//!  cli         redis-cli, as a person or a script runs it
//!  fault       what tests do to a server: limits, signals, damage, and what INFO says of it
//!  transcript  sessions written down in files, and the runner that plays them
//!  source      this repository's own source, seen by the tidy test
//! ```

pub mod cli;
pub mod client;
pub mod fault;
pub mod launch;
pub mod reply;
pub mod server;
pub mod source;
pub mod text;
pub mod transcript;

//! Lodestore: a Redis-compatible in-memory store.
//!
//! The modules stand in floor order. A module uses floors below it and its own folder, never up and
//! never sideways; `tests/tests/tidy.rs` keeps that.
//!
//! ```text
//!  7  boot      start, stop, signals                  knows everything, decides nothing
//!  6  io        sockets, threads, the disk            never sees a key or a value
//!  5  engine    gates -> call -> follow; cron         no socket, no clock, no thread, no lock
//!  4  command   what each command does, and its row   sees only its context
//!  3  parts     persist session pubsub stats          each owns one state, none knows another
//!  2  keyspace  the databases                         no client, no reply, no disk
//!  1  value     resp    config                        strangers to each other
//!  0  base      bytes, time, crc, queue, alloc, sys   knows nothing of Redis
//! ```
//!
//! One core thread owns the keyspace and executes commands serially; I/O threads read, parse and write;
//! a forked child writes snapshots. `engine::port` is the only door between the engine and the world.

pub mod base;
pub mod boot;
pub mod command;
pub mod config;
pub mod engine;
pub mod io;
pub mod keyspace;
pub mod persist;
pub mod pubsub;
pub mod resp;
pub mod session;
pub mod stats;
pub mod value;

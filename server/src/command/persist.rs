//! Commands about snapshots.
//!
//! Owns: BGREWRITEAOF, BGSAVE, LASTSAVE, SAVE.   Uses: ServerCx.   Never: the disk (the engine's host has that).

use super::context::ServerCx;
use super::next::Next;
use super::row::*;
use crate::resp::{Error, Result};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&BGREWRITEAOF, &BGSAVE, &LASTSAVE, &SAVE];
const _: () = check(TABLE);

static BGREWRITEAOF: Command = Command {
    name: "bgrewriteaof",
    since: "1.0.0",
    group: Group::Server,
    summary: "Writes the append-only log anew in the background.",
    complexity: "O(1)",
    flags: ADMIN.and(NOSCRIPT).and(NO_ASYNC_LOADING),
    run: Run::Server(bgrewriteaof),
    ..Command::BASE
};

fn bgrewriteaof(_cx: &mut ServerCx<'_>) -> Result<Next> {
    Err(Error::text("ERR The append-only log is not implemented yet"))
}

static BGSAVE: Command = Command {
    name: "bgsave",
    since: "1.0.0",
    group: Group::Server,
    summary: "Writes a snapshot in the background.",
    complexity: "O(1)",
    args: &[token("schedule", "SCHEDULE").optional()],
    flags: ADMIN.and(NOSCRIPT).and(NO_ASYNC_LOADING),
    run: Run::Server(bgsave),
    ..Command::BASE
};

fn bgsave(cx: &mut ServerCx<'_>) -> Result<Next> {
    match cx.args.len() {
        1 => Ok(Next::BackgroundSave { schedule: false }),
        2 if cx.arg(1).eq_ignore_ascii_case(b"schedule") => {
            Ok(Next::BackgroundSave { schedule: true })
        }
        _ => Err(Error::Syntax),
    }
}

static LASTSAVE: Command = Command {
    name: "lastsave",
    since: "1.0.0",
    group: Group::Server,
    summary: "Returns when the last snapshot was completed, in seconds since 1970.",
    complexity: "O(1)",
    flags: LOADING.and(STALE).and(FAST).and(ADMIN_CATEGORY).and(DANGEROUS),
    run: Run::Server(lastsave),
    ..Command::BASE
};

fn lastsave(cx: &mut ServerCx<'_>) -> Result<Next> {
    cx.reply.int(cx.parts.persist.last_save);
    Ok(Next::Done)
}

static SAVE: Command = Command {
    name: "save",
    since: "1.0.0",
    group: Group::Server,
    summary: "Writes a snapshot while everybody waits.",
    complexity: "O(N) where N is the total number of keys in all databases",
    flags: ADMIN.and(NOSCRIPT).and(NO_ASYNC_LOADING).and(NO_MULTI),
    run: Run::Server(save),
    ..Command::BASE
};

fn save(_cx: &mut ServerCx<'_>) -> Result<Next> {
    Ok(Next::Save)
}

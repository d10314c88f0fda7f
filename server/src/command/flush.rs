//! Commands that remove everything.
//!
//! Owns: FLUSHALL, FLUSHDB.   Uses: WriteCx.   Never: frees anything itself.
//!
//! A database is emptied by taking its table out, whatever its size; another thread frees that. ASYNC answers when
//! the keys are gone, SYNC when their memory is: only that client waits. Without a word `lazyfree-lazy-user-flush`
//! decides.

use super::context::WriteCx;
use super::row::*;
use crate::keyspace::change::{Change, Event};
use crate::resp::{Error, Result};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&FLUSHALL, &FLUSHDB];
const _: () = check(TABLE);

const MODE: Arg = one_of("async", &[token("async", "ASYNC"), token("sync", "SYNC")]).optional();

/// Whether the reply shall wait until the memory is free.
fn waits(cx: &WriteCx<'_>) -> Result<bool> {
    match (cx.args.len(), cx.args.find(1)) {
        (1, _) => Ok(!cx.config.lazy_user_flush),
        (2, Some(word)) if word.eq_ignore_ascii_case(b"async") => Ok(false),
        (2, Some(word)) if word.eq_ignore_ascii_case(b"sync") => Ok(true),
        _ => Err(Error::Syntax),
    }
}

/// Empties one database.
fn empty(cx: &mut WriteCx<'_>, db: usize) -> Change {
    let keys = cx.keyspace.db(db).len();
    if keys == 0 {
        // Whoever keeps copies is told of any flush, as Redis does it.
        let _ = cx.changes.flushed(db, 0);
        return Change::NONE;
    }
    let dropped = cx.keyspace.db_mut(db).clear();
    cx.garbage.databases.push(dropped);
    cx.changes.flushed(db, keys as u64)
}

static FLUSHALL: Command = Command {
    name: "flushall",
    since: "1.0.0",
    group: Group::Server,
    summary: "Removes all keys from all databases.",
    complexity: "O(1) for each database; its keys are freed in the background.",
    args: &[MODE],
    flags: KEYSPACE.and(DANGEROUS),
    events: &[Event::SILENT],
    run: Run::Write(flushall),
    ..Command::BASE
};

fn flushall(cx: &mut WriteCx<'_>) -> Result<Change> {
    cx.await_freed = waits(cx)?;
    let mut change = Change::NONE;
    cx.changes.emptied_all();
    let _ = cx.changes.flushed(cx.db, 0);
    for db in 0..cx.keyspace.written() {
        let emptied = empty(cx, db);
        if emptied != Change::NONE {
            change = emptied;
        }
    }
    cx.reply.ok();
    Ok(change)
}

static FLUSHDB: Command = Command {
    name: "flushdb",
    since: "1.0.0",
    group: Group::Server,
    summary: "Removes all keys from the selected database.",
    complexity: "O(1); the keys are freed in the background.",
    args: &[MODE],
    flags: KEYSPACE.and(DANGEROUS),
    events: &[Event::SILENT],
    run: Run::Write(flushdb),
    ..Command::BASE
};

fn flushdb(cx: &mut WriteCx<'_>) -> Result<Change> {
    cx.await_freed = waits(cx)?;
    let change = empty(cx, cx.db);
    cx.reply.ok();
    Ok(change)
}

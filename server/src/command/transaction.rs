//! Transactions: commands that run together, if nothing they depend on has changed.
//!
//! Owns: DISCARD, EXEC, MULTI, UNWATCH, WATCH.   Uses: SessionCx.   Never: runs the queue (the engine does).

use super::context::SessionCx;
use super::next::Next;
use super::row::*;
use crate::resp::{Error, Result};
use crate::session::watch::Was;

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&DISCARD, &EXEC, &MULTI, &UNWATCH, &WATCH];
const _: () = check(TABLE);

const FLAGS: Flags = NOSCRIPT.and(LOADING).and(STALE);

static DISCARD: Command = Command {
    name: "discard",
    since: "2.0.0",
    group: Group::Transactions,
    summary: "Forgets the queued commands and the watched keys.",
    complexity: "O(N), when N is the number of queued commands",
    flags: FLAGS.and(FAST).and(ALLOW_BUSY).and(NOT_QUEUED),
    run: Run::Session(discard),
    ..Command::BASE
};

fn discard(cx: &mut SessionCx<'_>) -> Result<Next> {
    if cx.me.transaction.is_none() {
        return Err(Error::DiscardWithoutMulti);
    }
    cx.me.end_transaction(cx.watch);
    cx.reply.ok();
    Ok(Next::Done)
}

static EXEC: Command = Command {
    name: "exec",
    since: "1.2.0",
    group: Group::Transactions,
    summary: "Runs the queued commands, unless a watched key has changed.",
    complexity: "Depends on commands in the transaction",
    flags: FLAGS.and(SKIP_SLOWLOG).and(NOT_QUEUED).and(RUNS_QUEUE),
    run: Run::Session(exec),
    ..Command::BASE
};

fn exec(cx: &mut SessionCx<'_>) -> Result<Next> {
    let Some(transaction) = &cx.me.transaction else { return Err(Error::ExecWithoutMulti) };
    if transaction.refused {
        cx.me.end_transaction(cx.watch);
        return Err(Error::ExecAbort);
    }
    if cx.me.watch_failed || watched_key_expired(cx) {
        cx.me.end_transaction(cx.watch);
        cx.reply.null_array();
        return Ok(Next::Done);
    }
    cx.me.end_watches(cx.watch);
    Ok(Next::RunTransaction)
}

/// A key that lived when the watch began and whose time has come since has changed, though nobody has
/// removed it yet.
fn watched_key_expired(cx: &SessionCx<'_>) -> bool {
    let now_ms = cx.now.unix_ms();
    cx.watch
        .of(cx.me.id())
        .any(|(db, key, was)| was == Was::Alive && state(cx, db, key, now_ms) != Was::Alive)
}

/// What a key is now.
fn state(cx: &SessionCx<'_>, db: usize, key: &[u8], now_ms: i64) -> Was {
    match cx.keyspace.db(db).find(cx.keyspace.key(key)) {
        None => Was::Missing,
        Some(entry) if entry.deadline().is_some_and(|deadline| deadline < now_ms) => Was::Expired,
        Some(_) => Was::Alive,
    }
}

static MULTI: Command = Command {
    name: "multi",
    since: "1.2.0",
    group: Group::Transactions,
    summary: "Begins to queue commands for EXEC.",
    flags: FLAGS.and(FAST).and(ALLOW_BUSY).and(NOT_QUEUED),
    run: Run::Session(multi),
    ..Command::BASE
};

fn multi(cx: &mut SessionCx<'_>) -> Result<Next> {
    if cx.me.transaction.is_some() {
        return Err(Error::NestedMulti);
    }
    cx.me.transaction = Some(Box::default());
    cx.reply.ok();
    Ok(Next::Done)
}

static UNWATCH: Command = Command {
    name: "unwatch",
    since: "2.2.0",
    group: Group::Transactions,
    summary: "Forgets all watched keys.",
    flags: FLAGS.and(FAST).and(ALLOW_BUSY),
    run: Run::Session(unwatch),
    ..Command::BASE
};

fn unwatch(cx: &mut SessionCx<'_>) -> Result<Next> {
    cx.me.end_watches(cx.watch);
    cx.reply.ok();
    Ok(Next::Done)
}

static WATCH: Command = Command {
    name: "watch",
    since: "2.2.0",
    group: Group::Transactions,
    summary: "Makes the next EXEC fail if one of these keys changes before it.",
    complexity: "O(1) for every key.",
    args: &[key("key").multiple()],
    keys: &[all_keys(&["RO"])],
    flags: FLAGS.and(FAST).and(ALLOW_BUSY).and(NOT_QUEUED),
    run: Run::Session(watch),
    ..Command::BASE
};

fn watch(cx: &mut SessionCx<'_>) -> Result<Next> {
    if cx.me.transaction.is_some() {
        return Err(Error::WatchInMulti);
    }
    // After a failure EXEC is refused whatever else is watched.
    if !cx.me.watch_failed {
        let (id, db, now_ms) = (cx.me.id(), cx.me.db, cx.now.unix_ms());
        for key in cx.args.from(1).iter() {
            let was = state(cx, db, key, now_ms);
            cx.me.watching += u32::from(cx.watch.add(id, db, key, was));
        }
    }
    cx.reply.ok();
    Ok(Next::Done)
}

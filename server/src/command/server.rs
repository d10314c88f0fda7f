//! Commands about the process.
//!
//! Owns: SHUTDOWN, TIME.   Uses: ServerCx, SessionCx.   Never: data.

use super::context::{ServerCx, SessionCx};
use super::next::{Next, Shutdown};
use super::row::*;
use crate::resp::{Error, Result};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&SHUTDOWN, &TIME];
const _: () = check(TABLE);

static SHUTDOWN: Command = Command {
    name: "shutdown",
    since: "1.0.0",
    group: Group::Server,
    summary: "Writes a last snapshot and ends the server.",
    complexity: "O(N) when saving, where N is the total number of keys in all databases when saving data, otherwise O(1)",
    args: &[
        one_of("save-selector", &[token("nosave", "NOSAVE"), token("save", "SAVE")]).optional(),
        token("now", "NOW").optional(),
        token("force", "FORCE").optional(),
        token("abort", "ABORT").optional(),
    ],
    flags: ADMIN.and(NOSCRIPT).and(LOADING).and(STALE).and(NO_MULTI).and(ALLOW_BUSY),
    run: Run::Server(shutdown),
    ..Command::BASE
};

fn shutdown(cx: &mut ServerCx<'_>) -> Result<Next> {
    let mut how = Shutdown::default();
    let mut abort = false;
    for word in cx.args.iter().skip(1) {
        match word.to_ascii_lowercase().as_slice() {
            b"nosave" if how.save != Some(true) => how.save = Some(false),
            b"save" if how.save != Some(false) => how.save = Some(true),
            // There are no replicas to wait for, so it is always now.
            b"now" => {}
            b"force" => how.force = true,
            b"abort" => abort = true,
            _ => return Err(Error::Syntax),
        }
    }
    match (abort, cx.args.len()) {
        (false, _) => Ok(Next::Shutdown(how)),
        // The server ends within the command, so there never is anything to abort.
        (true, 2) => Err(Error::text("ERR No shutdown in progress.")),
        (true, _) => Err(Error::Syntax),
    }
}

static TIME: Command = Command {
    name: "time",
    since: "2.6.0",
    group: Group::Server,
    summary: "Returns the server's time: seconds since 1970, and microseconds of the second.",
    complexity: "O(1)",
    flags: LOADING.and(STALE).and(FAST),
    run: Run::Session(time),
    ..Command::BASE
};

fn time(cx: &mut SessionCx<'_>) -> Result<Next> {
    cx.reply.array(2);
    cx.reply.bulk_int(cx.now.unix_s());
    cx.reply.bulk_int(cx.now.unix_us.rem_euclid(1_000_000));
    Ok(Next::Done)
}

//! MONITOR: a connection that is shown every command.
//!
//! Owns: the command.   Uses: SessionCx.   Never: what is shown (shown.rs), when (the engine's observe).

use super::context::SessionCx;
use super::next::Next;
use super::row::*;
use crate::resp::{Error, Result};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&MONITOR];
const _: () = check(TABLE);

static MONITOR: Command = Command {
    name: "monitor",
    since: "1.0.0",
    group: Group::Server,
    summary: "Shows every command that the server carries out, until RESET or QUIT.",
    complexity: "O(1); every other command takes longer while anybody monitors",
    flags: ADMIN.and(NOSCRIPT).and(LOADING).and(STALE),
    run: Run::Session(monitor),
    ..Command::BASE
};

fn monitor(cx: &mut SessionCx<'_>) -> Result<Next> {
    if cx.in_exec {
        return Err(Error::text("ERR MONITOR isn't allowed for DENY BLOCKING client"));
    }
    // As on a real server, who monitors already gets no second answer.
    if !cx.me.monitoring {
        cx.sessions.begin_monitor(cx.me);
        cx.reply.ok();
    }
    Ok(Next::Done)
}

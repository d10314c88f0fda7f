//! Commands about the connection itself.
//!
//! Owns: PING.   Uses: SessionCx.   Never: data.

use super::context::SessionCx;
use super::next::Next;
use super::row::*;
use crate::resp::{Error, Result};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&PING];
const _: () = check(TABLE);

static PING: Command = Command {
    name: "ping",
    since: "1.0.0",
    group: Group::Connection,
    summary: "Returns the server's liveliness response.",
    args: &[string("message").optional()],
    flags: FAST.and(WHILE_SUBSCRIBED),
    run: Run::Session(ping),
    ..Command::BASE
};

fn ping(cx: &mut SessionCx<'_>) -> Result<Next> {
    if cx.args.len() > 2 {
        return Err(Error::Arity("ping"));
    }
    if cx.me.only_listens() {
        cx.reply.array(2);
        cx.reply.bulk(b"pong");
        cx.reply.bulk(cx.args.find(1).unwrap_or(b""));
    } else {
        match cx.args.find(1) {
            Some(message) => cx.reply.bulk(message),
            None => cx.reply.simple("PONG"),
        }
    }
    Ok(Next::Done)
}

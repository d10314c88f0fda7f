//! Waiting for replicas and for the log to have what was written.
//!
//! Owns: WAIT, WAITAOF.   Uses: SessionCx.   Never: keeps a batch (the engine does).
//!
//! There are no replicas and no log yet, so nobody ever has it: WAIT answers 0 when its time is over.

use super::context::SessionCx;
use super::next::Next;
use super::number::count;
use super::row::*;
use crate::base::bytes::parse_i64;
use crate::resp::reply::Reply;
use crate::resp::{Error, Result};
use crate::session::wait::{Patience, timeout_ms};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&WAIT, &WAITAOF];
const _: () = check(TABLE);

static WAIT: Command = Command {
    name: "wait",
    since: "3.0.0",
    group: Group::Generic,
    summary: "Waits until so many replicas have the connection's writes and returns how many do.",
    args: &[integer("numreplicas"), integer("timeout")],
    flags: BLOCKING.and(CONNECTION_CATEGORY),
    run: Run::Session(wait),
    ..Command::BASE
};

fn wait(cx: &mut SessionCx<'_>) -> Result<Next> {
    let wanted = parse_i64(cx.arg(1)).ok_or(Error::NotInteger)?;
    let timeout = timeout_ms(cx.arg(2), cx.now)?;
    Ok(until(cx, wanted <= 0, timeout, |reply| reply.int(0)))
}

static WAITAOF: Command = Command {
    name: "waitaof",
    since: "7.2.0",
    group: Group::Generic,
    summary: "Waits until the log here and on so many replicas has the connection's writes, and returns how many do.",
    args: &[integer("numlocal"), integer("numreplicas"), integer("timeout")],
    flags: BLOCKING.and(CONNECTION_CATEGORY),
    run: Run::Session(waitaof),
    ..Command::BASE
};

fn waitaof(cx: &mut SessionCx<'_>) -> Result<Next> {
    let local = match parse_i64(cx.arg(1)) {
        Some(local @ 0..=1) => local,
        None => return Err(Error::NotInteger),
        Some(_) => {
            return Err(Error::text("ERR value is out of range, value must between 0 and 1"));
        }
    };
    let replicas: u64 = count(cx.arg(2))?;
    let timeout = timeout_ms(cx.arg(3), cx.now)?;
    if local > 0 {
        return Err(Error::text(
            "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.",
        ));
    }
    Ok(until(cx, replicas == 0, timeout, |reply| {
        reply.array(2);
        reply.int(0);
        reply.int(0);
    }))
}

/// Answers if all that is asked for is there or waiting has an end; else waits.
fn until(cx: &mut SessionCx<'_>, there: bool, timeout: u64, answer: fn(&mut Reply)) -> Next {
    match cx.patience(timeout) {
        Patience::Until(until) if !there => return Next::Wait { until },
        Patience::Until(_) | Patience::Over => {}
    }
    answer(cx.reply);
    Next::Done
}

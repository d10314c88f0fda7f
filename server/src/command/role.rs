//! Commands about masters and replicas. There is no replication yet: this server is always a master without any.
//!
//! Owns: FAILOVER, PSYNC, REPLCONF, REPLICAOF, ROLE, SLAVEOF, SYNC.   Uses: SessionCx.   Never: data.
//!
//! What is true of a master without replicas is answered as Redis does; whatever would need replication is refused.

use super::context::SessionCx;
use super::next::Next;
use super::row::*;
use crate::base::bytes::parse_i64;
use crate::resp::{Error, Result};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&FAILOVER, &PSYNC, &REPLCONF, &REPLICAOF, &ROLE, &SLAVEOF, &SYNC];
const _: () = check(TABLE);

const NO_REPLICATION: Error = Error::Text(std::borrow::Cow::Borrowed(
    "ERR Replication is not implemented yet: this server is always a master",
));

static FAILOVER: Command = Command {
    name: "failover",
    since: "6.2.0",
    group: Group::Server,
    summary: "Makes a replica the master, and this server its replica.",
    complexity: "O(1)",
    args: &[
        block("target", &[string("host"), integer("port"), token("force", "FORCE").optional()])
            .after("TO")
            .optional(),
        token("abort", "ABORT").optional(),
        integer("milliseconds").after("TIMEOUT").optional(),
    ],
    flags: ADMIN.and(NOSCRIPT).and(STALE),
    run: Run::Session(failover),
    ..Command::BASE
};

fn failover(cx: &mut SessionCx<'_>) -> Result<Next> {
    let (mut target, mut force, mut timeout) = (false, false, false);
    let mut words = cx.args.from(1).iter();
    while let Some(word) = words.next() {
        match word.to_ascii_lowercase().as_slice() {
            b"abort" if cx.args.len() == 2 => {
                return Err(Error::text("ERR No failover in progress."));
            }
            b"to" if !target && words.len() >= 2 => {
                let port = words.nth(1).unwrap_or_default();
                parse_i64(port).ok_or(Error::NotInteger)?;
                target = true;
            }
            b"timeout" if !timeout && words.len() >= 1 => {
                let ms = parse_i64(words.next().unwrap_or_default()).ok_or(Error::NotInteger)?;
                if ms <= 0 {
                    return Err(Error::text("ERR FAILOVER timeout must be greater than 0"));
                }
                timeout = true;
            }
            b"force" if !force => force = true,
            _ => return Err(Error::Syntax),
        }
    }
    Err(Error::text("ERR FAILOVER requires connected replicas."))
}

static PSYNC: Command = Command {
    name: "psync",
    since: "2.8.0",
    group: Group::Server,
    summary: "Asks for the stream of changes from a place on.",
    // What comes back is a stream without an end.
    complexity: "O(1)",
    // Redis 7 takes more words than it documents.
    args: &[string("replicationid"), integer("offset"), string("ignored").optional().multiple()],
    flags: ADMIN.and(NOSCRIPT).and(NO_ASYNC_LOADING).and(NO_MULTI),
    run: Run::Session(refuse),
    ..Command::BASE
};

fn refuse(_cx: &mut SessionCx<'_>) -> Result<Next> {
    Err(NO_REPLICATION)
}

static REPLCONF: Command = Command {
    name: "replconf",
    since: "3.0.0",
    group: Group::Server,
    summary: "Lets a replica tell its master of itself.",
    complexity: "O(1)",
    args: &[string("option").optional().multiple()],
    flags: ADMIN.and(NOSCRIPT).and(LOADING).and(STALE).and(ALLOW_BUSY),
    run: Run::Session(refuse),
    ..Command::BASE
};

static REPLICAOF: Command = Command {
    name: "replicaof",
    since: "5.0.0",
    group: Group::Server,
    summary: "Makes this server a replica, or a master.",
    complexity: "O(1)",
    args: MASTER,
    flags: ADMIN.and(NOSCRIPT).and(STALE).and(NO_ASYNC_LOADING),
    run: Run::Session(replicaof),
    ..Command::BASE
};

const MASTER: &[Arg] = &[one_of(
    "args",
    &[
        block("host-port", &[string("host"), integer("port")]),
        block("no-one", &[token("no", "NO"), token("one", "ONE")]),
    ],
)];

fn replicaof(cx: &mut SessionCx<'_>) -> Result<Next> {
    let (host, port) = (cx.arg(1), cx.arg(2));
    if host.eq_ignore_ascii_case(b"no") && port.eq_ignore_ascii_case(b"one") {
        cx.reply.ok();
        return Ok(Next::Done);
    }
    match parse_i64(port) {
        Some(0..=65535) => Err(NO_REPLICATION),
        Some(_) | None => Err(Error::text("ERR Invalid master port")),
    }
}

static ROLE: Command = Command {
    name: "role",
    since: "2.8.12",
    group: Group::Server,
    summary: "Says whether this server is a master or a replica, and of whom.",
    complexity: "O(1)",
    flags: NOSCRIPT.and(LOADING).and(STALE).and(FAST).and(ADMIN_CATEGORY).and(DANGEROUS),
    run: Run::Session(role),
    ..Command::BASE
};

fn role(cx: &mut SessionCx<'_>) -> Result<Next> {
    cx.reply.array(3);
    cx.reply.bulk(b"master");
    cx.reply.int(0);
    cx.reply.array(0);
    Ok(Next::Done)
}

static SLAVEOF: Command = Command {
    name: "slaveof",
    since: "1.0.0",
    group: Group::Server,
    summary: "REPLICAOF by its old name.",
    complexity: "O(1)",
    deprecated: Some(("5.0.0", "`REPLICAOF`")),
    args: MASTER,
    flags: ADMIN.and(NOSCRIPT).and(STALE).and(NO_ASYNC_LOADING),
    run: Run::Session(replicaof),
    ..Command::BASE
};

static SYNC: Command = Command {
    name: "sync",
    since: "1.0.0",
    group: Group::Server,
    summary: "Asks for a copy of all data and the stream of changes to it.",
    complexity: "O(1)",
    flags: ADMIN.and(NOSCRIPT).and(NO_ASYNC_LOADING).and(NO_MULTI),
    run: Run::Session(refuse),
    ..Command::BASE
};

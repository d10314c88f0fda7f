//! CLIENT INFO, KILL and LIST: connections as lines, and connections by filters.
//!
//! Owns: these commands.   Uses: ServerCx, client_line, client_filter.   Never: data.

use super::client::{OTHERS, OWN};
use super::client_filter::Filters;
use super::client_line::describe;
use super::context::ServerCx;
use super::next::Next;
use super::row::*;
use crate::base::bytes::parse_i64;
use crate::resp::{Error, Result};
use crate::session::{ClientId, Session};
use std::collections::BTreeSet;

/// Bytes of a line, about.
const LINE: usize = 400;

pub(super) static INFO: Command = Command {
    name: "client|info",
    since: "6.2.0",
    group: Group::Connection,
    summary: "Describes the connection.",
    flags: OWN,
    run: Run::Server(info),
    ..Command::BASE
};

fn info(cx: &mut ServerCx<'_>) -> Result<Next> {
    let mut text = Vec::with_capacity(LINE);
    describe(&mut text, cx.me, cx.io, cx.now);
    text.push(b'\n');
    cx.reply.verbatim("txt", &text);
    Ok(Next::Done)
}

pub(super) static LIST: Command = Command {
    name: "client|list",
    since: "2.4.0",
    group: Group::Connection,
    summary: "Describes all connections, or those that fit all filters.",
    complexity: "O(N) where N is the number of client connections",
    args: FILTERS,
    flags: OTHERS,
    run: Run::Server(list),
    ..Command::BASE
};

/// What both commands can be asked.
const FILTERS: &[Arg] = &[
    integer("client-id").after("ID").optional().multiple(),
    one_of("client-type", TYPES).after("TYPE").optional(),
    string("username").after("USER").optional(),
    string("addr").after("ADDR").optional(),
    string("laddr").after("LADDR").optional(),
    one_of("skipme", &[token("yes", "YES"), token("no", "NO")]).after("SKIPME").optional(),
    integer("maxage").after("MAXAGE").optional(),
    string("name").after("NAME").optional(),
    integer("idle").after("IDLE").optional(),
    string("flags").after("FLAGS").optional(),
    string("lib-name").after("LIB-NAME").optional(),
    string("lib-ver").after("LIB-VER").optional(),
    integer("db").after("DB").optional(),
    string("capa").after("CAPA").optional(),
    string("ip").after("IP").optional(),
    integer("not-client-id").after("NOT-ID").optional().multiple(),
    one_of("not-client-type", TYPES).after("NOT-TYPE").optional(),
    string("not-username").after("NOT-USER").optional(),
    string("not-addr").after("NOT-ADDR").optional(),
    string("not-laddr").after("NOT-LADDR").optional(),
    string("not-name").after("NOT-NAME").optional(),
    string("not-flags").after("NOT-FLAGS").optional(),
    string("not-lib-name").after("NOT-LIB-NAME").optional(),
    string("not-lib-ver").after("NOT-LIB-VER").optional(),
    integer("not-db").after("NOT-DB").optional(),
    string("not-capa").after("NOT-CAPA").optional(),
    string("not-ip").after("NOT-IP").optional(),
];

const TYPES: &[Arg] = &[
    token("normal", "NORMAL"),
    token("master", "MASTER"),
    token("slave", "SLAVE"),
    token("replica", "REPLICA"),
    token("pubsub", "PUBSUB"),
];

fn list(cx: &mut ServerCx<'_>) -> Result<Next> {
    let chosen = chosen(cx)?;
    let mut text = Vec::with_capacity(chosen.len() * LINE);
    for session in chosen {
        describe(&mut text, session, cx.io, cx.now);
        text.push(b'\n');
    }
    cx.reply.verbatim("txt", &text);
    Ok(Next::Done)
}

fn chosen<'c>(cx: &'c ServerCx<'_>) -> Result<Vec<&'c Session>> {
    if cx.args.len() < 4 || !cx.arg(2).eq_ignore_ascii_case(b"id") {
        return filtered(cx);
    }
    let numbers: Option<Vec<i64>> = cx.args.from(3).iter().map(parse_i64).collect();
    let invalid = Error::text("ERR Invalid client ID");
    match numbers {
        Some(numbers) => Ok(numbered(cx, &numbers)),
        None if parse_i64(cx.arg(3)).is_none() => Err(invalid),
        // In Redis nothing but numbers may follow.
        None => filtered(cx).map_err(|_| invalid),
    }
}

/// The sessions that fit all filters, by their numbers.
fn filtered<'c>(cx: &'c ServerCx<'_>) -> Result<Vec<&'c Session>> {
    let filters = Filters::read(cx.args.from(2), cx.parts.keyspace.databases())?;
    let me = (filters.skip_me != Some(true)).then_some(&*cx.me);
    let all = cx.parts.sessions.iter().chain(me);
    let mut chosen: Vec<_> = all.filter(|session| filters.hold(session, cx.now)).collect();
    chosen.sort_unstable_by_key(|session| session.id());
    Ok(chosen)
}

/// The sessions of these numbers in their order, each once; a number without one is left out.
fn numbered<'c>(cx: &'c ServerCx<'_>, numbers: &[i64]) -> Vec<&'c Session> {
    let find = |id| if cx.me.id() == id { Some(&*cx.me) } else { cx.parts.sessions.get(id) };
    let mut seen = BTreeSet::new();
    let asked = numbers.iter().filter_map(|&number| u64::try_from(number).ok());
    let found = asked.filter_map(|number| find(ClientId(number)));
    found.filter(|session| !session.closing && seen.insert(session.id())).collect()
}

pub(super) static KILL: Command = Command {
    name: "client|kill",
    since: "2.4.0",
    group: Group::Connection,
    summary: "Closes connections.",
    complexity: "O(N) where N is the number of client connections",
    args: &[one_of("filter", &[string("old-format"), one_of("new-format", FILTERS).multiple()])],
    flags: OTHERS,
    run: Run::Server(kill),
    ..Command::BASE
};

fn kill(cx: &mut ServerCx<'_>) -> Result<Next> {
    let old_form = cx.args.len() == 3;
    let filters = if old_form {
        Filters::address(cx.arg(2))
    } else {
        Filters::read(cx.args.from(2), cx.parts.keyspace.databases())?
    };
    let now = cx.now;
    let others = cx.parts.sessions.iter().filter(|session| filters.hold(session, now));
    let others: Vec<ClientId> = others.map(Session::id).collect();
    let spared = filters.skip_me.unwrap_or(!old_form);
    let itself = !spared && filters.hold(cx.me, now);
    let count = others.len() + usize::from(itself);
    if old_form && count == 0 {
        return Err(Error::text("ERR No such client"));
    }
    for id in others {
        cx.parts.sessions.close(id);
    }
    if old_form {
        cx.reply.ok();
    } else {
        cx.reply.int(count as i64);
    }
    Ok(if itself { Next::Close } else { Next::Done })
}

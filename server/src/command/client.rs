//! CLIENT: what a connection says of itself, and what one may do to others.
//!
//! Owns: CLIENT and its subcommands but INFO, KILL, LIST and those of tracking.   Uses: SessionCx, ServerCx, pause.
//! Never: data.

use super::client_list::{INFO, KILL, LIST};
use super::context::{ServerCx, SessionCx};
use super::help::help;
use super::next::Next;
use super::row::*;
use super::tracking::{CACHING, GETREDIR, TRACKING, TRACKINGINFO};
use crate::base::bytes::parse_i64;
use crate::resp::error::echo;
use crate::resp::{Error, Result};
use crate::session::pause::Pausing;
use crate::session::wait::Ended;
use crate::session::{Answers, ClientId};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&CLIENT];
const _: () = check(TABLE);

static CLIENT: Command = Command {
    name: "client",
    since: "2.4.0",
    group: Group::Connection,
    summary: "Tells of connections and governs them.",
    complexity: "Depends on subcommand.",
    subcommands: &[
        &CACHING,
        &CAPA,
        &GETNAME,
        &GETREDIR,
        &HELP,
        &ID,
        &IMPORT_SOURCE,
        &INFO,
        &KILL,
        &LIST,
        &NO_EVICT,
        &NO_TOUCH,
        &PAUSE,
        &REPLY,
        &SETINFO,
        &SETNAME,
        &TRACKING,
        &TRACKINGINFO,
        &UNBLOCK,
        &UNPAUSE,
    ],
    run: Run::Container,
    ..Command::BASE
};

/// What every connection may ask for.
pub(super) const OWN: Flags = NOSCRIPT.and(LOADING).and(STALE).and(KEEPS_CACHING);
/// What concerns other connections too.
pub(super) const OTHERS: Flags = OWN.and(ADMIN);

const ON_OR_OFF: &[Arg] = &[one_of("enabled", &[token("on", "ON"), token("off", "OFF")])];

static CAPA: Command = Command {
    name: "client|capa",
    since: "8.0.0",
    group: Group::Connection,
    summary: "Tells the server what the connection can handle.",
    args: &[string("capability").multiple()],
    flags: OWN,
    run: Run::Session(capa),
    ..Command::BASE
};

/// What is unknown is left alone, so that a client can say the same to every server.
fn capa(cx: &mut SessionCx<'_>) -> Result<Next> {
    let mut words = cx.args.from(2).iter();
    cx.me.follows_redirects |= words.any(|word| word.eq_ignore_ascii_case(b"redirect"));
    cx.reply.ok();
    Ok(Next::Done)
}

static GETNAME: Command = Command {
    name: "client|getname",
    since: "2.6.9",
    group: Group::Connection,
    summary: "Returns the connection's name.",
    flags: OWN,
    run: Run::Session(getname),
    ..Command::BASE
};

fn getname(cx: &mut SessionCx<'_>) -> Result<Next> {
    match cx.me.labels() {
        Some(labels) if !labels.name.is_empty() => cx.reply.bulk(&labels.name),
        _ => cx.reply.null(),
    }
    Ok(Next::Done)
}

static HELP: Command = Command {
    name: "client|help",
    since: "5.0.0",
    group: Group::Connection,
    summary: "Returns what the subcommands do.",
    flags: LOADING.and(STALE).and(KEEPS_CACHING),
    run: Run::Session(help_on_client),
    ..Command::BASE
};

fn help_on_client(cx: &mut SessionCx<'_>) -> Result<Next> {
    help(cx.reply, &CLIENT);
    Ok(Next::Done)
}

static ID: Command = Command {
    name: "client|id",
    since: "5.0.0",
    group: Group::Connection,
    summary: "Returns the connection's number.",
    flags: OWN,
    run: Run::Session(id),
    ..Command::BASE
};

fn id(cx: &mut SessionCx<'_>) -> Result<Next> {
    cx.reply.int(cx.me.id().0 as i64);
    Ok(Next::Done)
}

static IMPORT_SOURCE: Command = Command {
    name: "client|import-source",
    since: "8.1.0",
    group: Group::Connection,
    summary: "Says that the connection brings data in from another server.",
    args: ON_OR_OFF,
    flags: OWN,
    run: Run::Session(import_source),
    ..Command::BASE
};

/// There is no import mode, so nobody can be its source.
fn import_source(cx: &mut SessionCx<'_>) -> Result<Next> {
    if !cx.arg(2).eq_ignore_ascii_case(b"off") {
        return Err(Error::text("ERR Server is not in import mode"));
    }
    cx.reply.ok();
    Ok(Next::Done)
}

static NO_EVICT: Command = Command {
    name: "client|no-evict",
    since: "7.0.0",
    group: Group::Connection,
    summary: "Keeps the connection when clients must be closed for their memory.",
    args: ON_OR_OFF,
    flags: OTHERS,
    run: Run::Session(no_evict),
    ..Command::BASE
};

fn no_evict(cx: &mut SessionCx<'_>) -> Result<Next> {
    cx.me.no_evict = on_or_off(cx.arg(2))?;
    cx.reply.ok();
    Ok(Next::Done)
}

static NO_TOUCH: Command = Command {
    name: "client|no-touch",
    since: "7.2.0",
    group: Group::Connection,
    summary: "Lets the connection's commands leave access times of keys as they are.",
    args: ON_OR_OFF,
    flags: OWN,
    run: Run::Session(no_touch),
    ..Command::BASE
};

fn no_touch(cx: &mut SessionCx<'_>) -> Result<Next> {
    cx.me.no_touch = on_or_off(cx.arg(2))?;
    cx.reply.ok();
    Ok(Next::Done)
}

fn on_or_off(word: &[u8]) -> Result<bool> {
    if word.eq_ignore_ascii_case(b"on") {
        Ok(true)
    } else if word.eq_ignore_ascii_case(b"off") {
        Ok(false)
    } else {
        Err(Error::Syntax)
    }
}

static PAUSE: Command = Command {
    name: "client|pause",
    since: "3.0.0",
    group: Group::Connection,
    summary: "Lets all commands, or those that write, wait for some time.",
    args: &[
        integer("timeout"),
        one_of("mode", &[token("write", "WRITE"), token("all", "ALL")]).optional(),
    ],
    flags: OTHERS,
    run: Run::Server(pause),
    ..Command::BASE
};

fn pause(cx: &mut ServerCx<'_>) -> Result<Next> {
    if cx.args.len() > 4 {
        return Err(Error::subcommand_words(cx.arg(1), "client"));
    }
    let what = match cx.args.find(3) {
        None => Pausing::All,
        Some(mode) if mode.eq_ignore_ascii_case(b"all") => Pausing::All,
        Some(mode) if mode.eq_ignore_ascii_case(b"write") => Pausing::Writes,
        Some(_) => return Err(Error::text("ERR CLIENT PAUSE mode must be WRITE or ALL")),
    };
    let ms =
        parse_i64(cx.arg(2)).ok_or(Error::text("ERR timeout is not an integer or out of range"))?;
    let ms = u64::try_from(ms).map_err(|_| Error::text("ERR timeout is negative"))?;
    cx.parts.pause.begin(what, ms, cx.now);
    cx.reply.ok();
    Ok(Next::Done)
}

static REPLY: Command = Command {
    name: "client|reply",
    since: "3.2.0",
    group: Group::Connection,
    summary: "Switches the replies to the connection on or off, or leaves out the next one.",
    args: &[one_of("action", &[token("on", "ON"), token("off", "OFF"), token("skip", "SKIP")])],
    flags: OWN,
    run: Run::Session(reply),
    ..Command::BASE
};

/// The engine takes this command's own reply back where that is to be silent.
fn reply(cx: &mut SessionCx<'_>) -> Result<Next> {
    let word = cx.arg(2);
    if word.eq_ignore_ascii_case(b"on") {
        cx.me.answers = Answers::On;
        cx.reply.ok();
    } else if word.eq_ignore_ascii_case(b"off") {
        cx.me.answers = Answers::Off;
    } else if !word.eq_ignore_ascii_case(b"skip") {
        return Err(Error::Syntax);
    } else if cx.me.answers != Answers::Off {
        cx.me.answers = Answers::SkipNext;
    }
    Ok(Next::Done)
}

static SETINFO: Command = Command {
    name: "client|setinfo",
    since: "7.2.0",
    group: Group::Connection,
    summary: "Tells the server which library the connection uses.",
    args: &[one_of(
        "attr",
        &[string("libname").after("LIB-NAME"), string("libver").after("LIB-VER")],
    )],
    flags: OWN,
    run: Run::Session(setinfo),
    ..Command::BASE
};

fn setinfo(cx: &mut SessionCx<'_>) -> Result<Next> {
    let (option, value) = (cx.arg(2), cx.arg(3));
    if option.eq_ignore_ascii_case(b"lib-name") {
        check_label(value, &echo(option))?;
        cx.me.labels_mut().lib_name = value.into();
    } else if option.eq_ignore_ascii_case(b"lib-ver") {
        check_label(value, &echo(option))?;
        cx.me.labels_mut().lib_version = value.into();
    } else {
        return Err(Error::text(format!("ERR Unrecognized option '{}'", echo(option))));
    }
    cx.reply.ok();
    Ok(Next::Done)
}

static SETNAME: Command = Command {
    name: "client|setname",
    since: "2.6.9",
    group: Group::Connection,
    summary: "Names the connection; an empty name is none.",
    args: &[string("connection-name")],
    flags: OWN,
    run: Run::Session(setname),
    ..Command::BASE
};

fn setname(cx: &mut SessionCx<'_>) -> Result<Next> {
    let name = cx.arg(2);
    check_label(name, "Client names")?;
    cx.me.labels_mut().name = name.into();
    cx.reply.ok();
    Ok(Next::Done)
}

/// Refuses labels that would break a line of CLIENT LIST: only visible ASCII is allowed.
pub(super) fn check_label(label: &[u8], what: &str) -> Result<()> {
    if label.iter().all(u8::is_ascii_graphic) {
        return Ok(());
    }
    let text = format!("ERR {what} cannot contain spaces, newlines or special characters.");
    Err(Error::text(text))
}

static UNBLOCK: Command = Command {
    name: "client|unblock",
    since: "5.0.0",
    group: Group::Connection,
    summary: "Ends the wait of another client's command.",
    complexity: "O(log N) where N is the number of client connections",
    args: &[
        integer("client-id"),
        one_of("unblock-type", &[token("timeout", "TIMEOUT"), token("error", "ERROR")]).optional(),
    ],
    flags: OTHERS,
    run: Run::Session(unblock),
    ..Command::BASE
};

fn unblock(cx: &mut SessionCx<'_>) -> Result<Next> {
    if cx.args.len() > 4 {
        return Err(Error::subcommand_words(cx.arg(1), "client"));
    }
    let how = match cx.args.iter().nth(3).map(<[u8]>::to_ascii_lowercase).as_deref() {
        None | Some(b"timeout") => Ended::Time,
        Some(b"error") => Ended::Error,
        Some(_) => {
            return Err(Error::text("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"));
        }
    };
    let id = parse_i64(cx.arg(2)).ok_or(Error::NotInteger)?;
    let id = ClientId(u64::try_from(id).unwrap_or(0));
    let waits = cx.sessions.get(id).and_then(|session| session.wait.as_deref());
    if waits.is_none_or(|wait| wait.ended.is_some()) {
        cx.reply.int(0);
        return Ok(Next::Done);
    }
    cx.reply.int(1);
    Ok(Next::EndWait(id, how))
}

static UNPAUSE: Command = Command {
    name: "client|unpause",
    since: "6.2.0",
    group: Group::Connection,
    summary: "Ends a pause.",
    complexity: "O(N) Where N is the number of paused clients",
    // A real server lets even this wait while everything is paused; then only time ends the pause.
    flags: OTHERS.and(WHILE_PAUSED),
    run: Run::Server(unpause),
    ..Command::BASE
};

fn unpause(cx: &mut ServerCx<'_>) -> Result<Next> {
    cx.parts.pause.end();
    cx.reply.ok();
    Ok(Next::Unpause)
}

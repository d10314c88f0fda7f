//! CLIENT TRACKING and its sisters: a client that keeps copies of keys asks to be told of changes.
//!
//! Owns: CLIENT CACHING, GETREDIR, TRACKING, TRACKINGINFO.   Uses: SessionCx, tracking.
//! Never: sends a message (the engine does).

use super::client::OWN;
use super::context::SessionCx;
use super::next::Next;
use super::row::*;
use crate::base::bytes::parse_i64;
use crate::resp::error::echo;
use crate::resp::{Error, Result};
use crate::session::ClientId;
use crate::session::tracking::{Mode, Overlap, Scope, overlap};

/// Keys that a client has read and that are forgotten at once when it switches tracking off. The others stay until
/// they change: a message that nobody needs costs less than a long pause.
const FORGET_AT_ONCE: usize = 300;

pub(super) static CACHING: Command = Command {
    name: "client|caching",
    since: "6.0.0",
    group: Group::Connection,
    summary: "Says whether the keys of the next command are noted.",
    args: &[one_of("mode", &[token("yes", "YES"), token("no", "NO")])],
    flags: OWN,
    run: Run::Session(caching),
    ..Command::BASE
};

fn caching(cx: &mut SessionCx<'_>) -> Result<Next> {
    let Some(mode) = cx.me.tracking.as_deref_mut() else {
        return Err(Error::text(
            "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT \
             mode enabled",
        ));
    };
    let word = cx.args.get(2);
    if word.eq_ignore_ascii_case(b"yes") {
        if mode.scope != Scope::OptIn {
            return Err(Error::text(
                "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.",
            ));
        }
    } else if word.eq_ignore_ascii_case(b"no") {
        if mode.scope != Scope::OptOut {
            return Err(Error::text(
                "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
            ));
        }
    } else {
        return Err(Error::Syntax);
    }
    mode.caching = true;
    cx.reply.ok();
    Ok(Next::Done)
}

pub(super) static GETREDIR: Command = Command {
    name: "client|getredir",
    since: "6.0.0",
    group: Group::Connection,
    summary: "Returns the number of the client that gets the connection's invalidation messages.",
    flags: OWN,
    run: Run::Session(getredir),
    ..Command::BASE
};

fn getredir(cx: &mut SessionCx<'_>) -> Result<Next> {
    cx.reply.int(redirection(cx.me.tracking.as_deref()));
    Ok(Next::Done)
}

/// The number as clients see it: 0 is the client itself, -1 is no tracking.
pub(super) fn redirection(mode: Option<&Mode>) -> i64 {
    mode.map_or(-1, |mode| mode.redirect.map_or(0, |id| id.0 as i64))
}

pub(super) static TRACKING: Command = Command {
    name: "client|tracking",
    since: "6.0.0",
    group: Group::Connection,
    summary: "Tells the connection of changes to keys of which it keeps copies, or no longer.",
    complexity: "O(1). Some options may introduce additional complexity.",
    args: &[
        one_of("status", &[token("on", "ON"), token("off", "OFF")]),
        integer("client-id").after("REDIRECT").optional(),
        string("prefix").after("PREFIX").optional().multiple_token(),
        token("bcast", "BCAST").optional(),
        token("optin", "OPTIN").optional(),
        token("optout", "OPTOUT").optional(),
        token("noloop", "NOLOOP").optional(),
    ],
    flags: OWN,
    run: Run::Session(tracking),
    ..Command::BASE
};

/// The options of CLIENT TRACKING.
#[derive(Default)]
struct Wish<'a> {
    redirect: Option<ClientId>,
    prefixes: Vec<&'a [u8]>,
    broadcast: bool,
    opt_in: bool,
    opt_out: bool,
    no_loop: bool,
}

fn tracking(cx: &mut SessionCx<'_>) -> Result<Next> {
    let wish = read_wish(cx)?;
    let word = cx.arg(2);
    if word.eq_ignore_ascii_case(b"on") {
        switch_on(cx, &wish)?;
    } else if word.eq_ignore_ascii_case(b"off") {
        switch_off(cx);
    } else {
        return Err(Error::Syntax);
    }
    cx.reply.ok();
    Ok(Next::Done)
}

fn read_wish<'a>(cx: &SessionCx<'a>) -> Result<Wish<'a>> {
    let mut wish = Wish::default();
    let mut words = cx.args.from(3).iter();
    while let Some(word) = words.next() {
        match word.to_ascii_lowercase().as_slice() {
            b"redirect" => {
                let number = words.next().ok_or(Error::Syntax)?;
                if wish.redirect.is_some() {
                    return Err(Error::text(
                        "ERR A client can only redirect to a single other client",
                    ));
                }
                wish.redirect = Some(receiver(cx, number)?);
            }
            b"prefix" => wish.prefixes.push(words.next().ok_or(Error::Syntax)?),
            b"bcast" => wish.broadcast = true,
            b"optin" => wish.opt_in = true,
            b"optout" => wish.opt_out = true,
            b"noloop" => wish.no_loop = true,
            _ => return Err(Error::Syntax),
        }
    }
    Ok(wish)
}

/// The client that is to get the messages: it must be there, though it may leave later.
fn receiver(cx: &SessionCx<'_>, number: &[u8]) -> Result<ClientId> {
    let number = parse_i64(number).ok_or(Error::NotInteger)?;
    let id = u64::try_from(number).ok().map(ClientId);
    id.filter(|&id| cx.me.id() == id || cx.sessions.get(id).is_some_and(|other| !other.closing))
        .ok_or(Error::text("ERR The client ID you want redirect to does not exist"))
}

fn switch_on(cx: &mut SessionCx<'_>, wish: &Wish<'_>) -> Result<()> {
    let scope = scope(wish, cx.me.tracking.as_deref().map(|mode| mode.scope))?;
    let id = cx.me.id();
    if scope == Scope::Broadcast {
        refuse_overlaps(cx, wish)?;
        for prefix in &wish.prefixes {
            cx.tracking.add_prefix(id, prefix);
        }
        if wish.prefixes.is_empty() {
            cx.tracking.add_prefix(id, b"");
        }
    }
    cx.tracking.begin(id);
    let Wish { redirect, no_loop, .. } = *wish;
    cx.me.tracking =
        Some(Box::new(Mode { scope, redirect, broken: false, no_loop, caching: false }));
    Ok(())
}

/// Which keys are asked for; `now` are those that the client is told of already.
fn scope(wish: &Wish<'_>, now: Option<Scope>) -> Result<Scope> {
    if !wish.broadcast && !wish.prefixes.is_empty() {
        return Err(Error::text("ERR PREFIX option requires BCAST mode to be enabled"));
    }
    if now.is_some_and(|now| (now == Scope::Broadcast) != wish.broadcast) {
        return Err(Error::text(
            "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then \
             re-enabling it with a different mode.",
        ));
    }
    let scope = match (wish.broadcast, wish.opt_in, wish.opt_out) {
        (true, false, false) => Scope::Broadcast,
        (true, ..) => {
            return Err(Error::text("ERR OPTIN and OPTOUT are not compatible with BCAST"));
        }
        (false, true, true) => {
            return Err(Error::text("ERR You can't specify both OPTIN mode and OPTOUT mode"));
        }
        (false, true, false) => Scope::OptIn,
        (false, false, true) => Scope::OptOut,
        (false, false, false) => Scope::Reads,
    };
    let opposite = matches!(
        (now, scope),
        (Some(Scope::OptIn), Scope::OptOut) | (Some(Scope::OptOut), Scope::OptIn)
    );
    if opposite {
        return Err(Error::text(
            "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then \
             re-enabling it with a different mode.",
        ));
    }
    Ok(scope)
}

fn refuse_overlaps(cx: &SessionCx<'_>, wish: &Wish<'_>) -> Result<()> {
    let (one, what, other) = match overlap(cx.tracking.prefixes_of(cx.me.id()), &wish.prefixes) {
        None => return Ok(()),
        Some(Overlap::WithOld(new, old)) => (new, "an existing", old),
        Some(Overlap::WithNew(one, other)) => (one, "another provided", other),
    };
    Err(Error::text(format!(
        "ERR Prefix '{}' overlaps with {what} prefix '{}'. Prefixes for a single client must not overlap.",
        echo(one),
        echo(other)
    )))
}

/// Ends a connection's tracking.
pub(super) fn switch_off(cx: &mut SessionCx<'_>) {
    if cx.me.tracking.take().is_some() {
        cx.tracking.end(cx.me.id(), FORGET_AT_ONCE);
    }
}

pub(super) static TRACKINGINFO: Command = Command {
    name: "client|trackinginfo",
    since: "6.2.0",
    group: Group::Connection,
    summary: "Describes what the connection is told of.",
    flags: OWN,
    run: Run::Session(trackinginfo),
    ..Command::BASE
};

fn trackinginfo(cx: &mut SessionCx<'_>) -> Result<Next> {
    let mode = cx.me.tracking.as_deref();
    cx.reply.map(3);
    cx.reply.bulk(b"flags");
    let words = words(mode);
    cx.reply.set(words.len());
    for word in words {
        cx.reply.bulk(word.as_bytes());
    }
    cx.reply.bulk(b"redirect");
    cx.reply.int(redirection(mode));
    cx.reply.bulk(b"prefixes");
    let mut prefixes: Vec<&[u8]> = cx.tracking.prefixes_of(cx.me.id()).collect();
    prefixes.sort_unstable();
    cx.reply.array(prefixes.len());
    for prefix in prefixes {
        cx.reply.bulk(prefix);
    }
    Ok(Next::Done)
}

/// What a client asked for, in the words of CLIENT TRACKINGINFO.
fn words(mode: Option<&Mode>) -> Vec<&'static str> {
    let Some(mode) = mode else { return vec!["off"] };
    let is = |scope| mode.scope == scope;
    let all = [
        ("on", true),
        ("bcast", is(Scope::Broadcast)),
        ("optin", is(Scope::OptIn)),
        ("caching-yes", is(Scope::OptIn) && mode.caching),
        ("optout", is(Scope::OptOut)),
        ("caching-no", is(Scope::OptOut) && mode.caching),
        ("noloop", mode.no_loop),
        ("broken_redirect", mode.broken),
    ];
    all.iter().filter(|(_, holds)| *holds).map(|(word, _)| *word).collect()
}

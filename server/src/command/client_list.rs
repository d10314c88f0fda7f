//! CLIENT INFO, KILL and LIST: connections as lines, and connections by rules.
//!
//! Owns: the line that describes a connection, the filters.   Uses: ServerCx.   Never: data.

use super::client::{OTHERS, OWN};
use super::context::{IoCounters, ServerCx};
use super::next::Next;
use super::row::*;
use crate::base::bytes::parse_i64;
use crate::base::time::Now;
use crate::resp::args::Args;
use crate::resp::error::echo;
use crate::resp::reply::Proto;
use crate::resp::{Error, Result};
use crate::session::{ClientId, Session};
use std::fmt::Write;

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
    let mut text = String::new();
    describe(&mut text, cx.me, cx.io, cx.now);
    cx.reply.verbatim("txt", text.as_bytes());
    Ok(Next::Done)
}

pub(super) static LIST: Command = Command {
    name: "client|list",
    since: "2.4.0",
    group: Group::Connection,
    summary: "Describes all connections, those of a type or those with these numbers.",
    complexity: "O(N) where N is the number of client connections",
    args: &[
        one_of("client-type", TYPES).after("TYPE").optional(),
        integer("client-id").after("ID").optional().multiple(),
    ],
    flags: OTHERS,
    run: Run::Server(list),
    ..Command::BASE
};

const TYPES: &[Arg] = &[
    token("normal", "NORMAL"),
    token("master", "MASTER"),
    token("replica", "REPLICA"),
    token("pubsub", "PUBSUB"),
];

fn list(cx: &mut ServerCx<'_>) -> Result<Next> {
    let chosen: Vec<&Session> = match (cx.args.len(), cx.args.find(2)) {
        (2, _) => sorted(cx).collect(),
        (4, Some(word)) if word.eq_ignore_ascii_case(b"type") => {
            let wanted = Type::read(cx.arg(3))?;
            sorted(cx).filter(|session| wanted.holds(session)).collect()
        }
        (4.., Some(word)) if word.eq_ignore_ascii_case(b"id") => numbered(cx)?,
        _ => return Err(Error::Syntax),
    };
    let mut text = String::new();
    for session in chosen {
        describe(&mut text, session, cx.io, cx.now);
    }
    cx.reply.verbatim("txt", text.as_bytes());
    Ok(Next::Done)
}

/// All sessions, the asking one too, by their numbers.
fn sorted<'c>(cx: &'c ServerCx<'_>) -> impl Iterator<Item = &'c Session> {
    let mut all: Vec<&Session> = cx.parts.sessions.iter().chain([&*cx.me]).collect();
    all.sort_unstable_by_key(|session| session.id());
    all.into_iter()
}

/// The sessions whose numbers are asked for, in the order of asking; a number without one is left out.
fn numbered<'c>(cx: &'c ServerCx<'_>) -> Result<Vec<&'c Session>> {
    let mut found = Vec::new();
    for word in cx.args.from(3).iter() {
        let number = parse_i64(word).ok_or(Error::text("ERR Invalid client ID"))?;
        let Ok(number) = u64::try_from(number) else { continue };
        found.extend(find(cx, ClientId(number)));
    }
    Ok(found)
}

fn find<'c>(cx: &'c ServerCx<'_>, id: ClientId) -> Option<&'c Session> {
    if cx.me.id() == id { Some(cx.me) } else { cx.parts.sessions.get(id) }
}

/// Appends the line that describes a session, with the fields of Redis 7.2 in their order and `watch`
/// of 7.4.
///
/// What belongs to Redis's inside and has no equivalent here is 0: `ssub` (there are no shard channels),
/// `qbuf-free` and `argv-mem` (`qbuf` is all that is held of what it sent, room for more included), `rbs`, `rbp`,
/// `obl` (there is no static reply buffer). `omem` is what waits to be sent, and `oll` whether anything does.
/// `tot-mem` is what counts for `maxmemory-clients`.
fn describe(text: &mut String, session: &Session, io: &dyn IoCounters, now: Now) {
    text.push_str(&line(session, io, now));
    text.push('\n');
}

/// The line, without its end.
pub fn line(session: &Session, io: &dyn IoCounters, now: Now) -> String {
    let mut text = String::new();
    let (waiting, _) = io.output(session.id());
    let seconds = |since: Now| now.mono_us.saturating_sub(since.mono_us) / 1_000_000;
    let transaction = session.transaction.as_deref();
    let multi = transaction.map_or(-1, |transaction| transaction.len() as i64);
    let multi_mem = transaction.map_or(0, |transaction| transaction.footprint());
    // What waits is known at once, what it takes a little later.
    let memory = session.memory() + waiting.saturating_sub(session.buffers.output);
    let query = session.buffers.query + session.batch_bytes;
    let labels = session.labels();
    let label =
        |label: Option<&[u8]>| String::from_utf8_lossy(label.unwrap_or_default()).into_owned();
    let proto = match session.proto {
        Proto::Resp2 => 2,
        Proto::Resp3 => 3,
    };
    let arrival = &session.arrival;
    // Writing into a String cannot fail.
    let _ = write!(
        text,
        "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub={} psub={} ssub=0 \
         multi={multi} watch={} qbuf={query} qbuf-free=0 argv-mem=0 multi-mem={multi_mem} rbs=0 rbp=0 obl=0 \
         oll={} omem={waiting} tot-mem={memory} events={} cmd={} user=default redir=-1 resp={proto} \
         lib-name={} lib-ver={}",
        session.id().0,
        arrival.peer,
        arrival.local,
        arrival.fd,
        label(labels.map(|labels| &*labels.name)),
        seconds(session.since),
        seconds(session.last_seen),
        flags(session),
        session.db,
        session.channels,
        session.patterns,
        session.watching,
        u8::from(waiting > 0),
        if waiting > 0 { "rw" } else { "r" },
        session.last_command,
        label(labels.map(|labels| &*labels.lib_name)),
        label(labels.map(|labels| &*labels.lib_version)),
    );
    text
}

/// The letters of a session's states, in Redis's order; N if there are none.
fn flags(session: &Session) -> String {
    let letters = [
        ('O', session.monitoring),
        ('P', session.subscriptions() > 0),
        ('x', session.transaction.is_some()),
        ('b', session.parked),
        ('d', session.watch_failed),
        ('c', session.closing),
        ('U', session.arrival.unix),
        ('e', session.no_evict),
        ('T', session.no_touch),
    ];
    let flags: String = letters.iter().filter(|(_, set)| *set).map(|(letter, _)| letter).collect();
    if flags.is_empty() { "N".to_string() } else { flags }
}

/// A type of client. There are no masters and replicas yet: nobody is of those types.
#[derive(Clone, Copy)]
enum Type {
    Normal,
    Pubsub,
    Nobody,
}

impl Type {
    fn read(word: &[u8]) -> Result<Type> {
        match word.to_ascii_lowercase().as_slice() {
            b"normal" => Ok(Type::Normal),
            b"pubsub" => Ok(Type::Pubsub),
            b"master" | b"replica" | b"slave" => Ok(Type::Nobody),
            _ => Err(Error::text(format!("ERR Unknown client type '{}'", echo(word)))),
        }
    }

    fn holds(self, session: &Session) -> bool {
        match self {
            Type::Normal => session.subscriptions() == 0,
            Type::Pubsub => session.subscriptions() > 0,
            Type::Nobody => false,
        }
    }
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

const FILTERS: &[Arg] = &[
    integer("client-id").after("ID").optional(),
    one_of(
        "client-type",
        &[
            token("normal", "NORMAL"),
            token("master", "MASTER"),
            token("slave", "SLAVE"),
            token("replica", "REPLICA"),
            token("pubsub", "PUBSUB"),
        ],
    )
    .after("TYPE")
    .optional(),
    string("username").after("USER").optional(),
    string("addr").after("ADDR").optional(),
    string("laddr").after("LADDR").optional(),
    one_of("skipme", &[token("yes", "YES"), token("no", "NO")]).after("SKIPME").optional(),
    integer("maxage").after("MAXAGE").optional(),
];

fn kill(cx: &mut ServerCx<'_>) -> Result<Next> {
    let old_form = cx.args.len() == 3;
    let rules = if old_form {
        Rules { peer: Some(cx.arg(2)), ..Rules::default() }
    } else {
        Rules::read(cx.args)?
    };
    let now = cx.now;
    let others: Vec<ClientId> = cx
        .parts
        .sessions
        .iter()
        .filter(|session| rules.hold(session, now))
        .map(Session::id)
        .collect();
    let itself = !rules.skip_me && rules.hold(cx.me, now);
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

/// Who is to be closed: whoever fits all rules that are given.
#[derive(Default)]
struct Rules<'a> {
    id: Option<u64>,
    kind: Option<Type>,
    peer: Option<&'a [u8]>,
    local: Option<&'a [u8]>,
    age: Option<u64>,
    skip_me: bool,
}

impl<'a> Rules<'a> {
    fn read(args: Args<'a>) -> Result<Rules<'a>> {
        let mut rules = Rules { skip_me: true, ..Rules::default() };
        let mut words = args.from(2).iter();
        while let Some(rule) = words.next() {
            let value = words.next().ok_or(Error::Syntax)?;
            match rule.to_ascii_lowercase().as_slice() {
                b"id" => {
                    rules.id = Some(positive(value, "client-id should be greater than 0")?);
                }
                b"type" => rules.kind = Some(Type::read(value)?),
                b"addr" => rules.peer = Some(value),
                b"laddr" => rules.local = Some(value),
                b"user" => no_user_but_default(value)?,
                b"skipme" if value.eq_ignore_ascii_case(b"yes") => rules.skip_me = true,
                b"skipme" if value.eq_ignore_ascii_case(b"no") => rules.skip_me = false,
                b"maxage" => rules.age = Some(age(value)?),
                _ => return Err(Error::Syntax),
            }
        }
        Ok(rules)
    }

    fn hold(&self, session: &Session, now: Now) -> bool {
        let age = now.mono_us.saturating_sub(session.since.mono_us) / 1_000_000;
        self.id.is_none_or(|id| session.id().0 == id)
            && self.kind.is_none_or(|kind| kind.holds(session))
            && self.peer.is_none_or(|peer| session.arrival.peer.as_bytes() == peer)
            && self.local.is_none_or(|local| session.arrival.local.as_bytes() == local)
            && self.age.is_none_or(|least| age >= least)
    }
}

fn positive(word: &[u8], complaint: &str) -> Result<u64> {
    parse_i64(word)
        .and_then(|number| u64::try_from(number).ok())
        .filter(|&number| number > 0)
        .ok_or_else(|| Error::text(format!("ERR {complaint}")))
}

fn age(word: &[u8]) -> Result<u64> {
    if parse_i64(word).is_none() {
        return Err(Error::text("ERR maxage is not an integer or out of range"));
    }
    positive(word, "maxage should be greater than 0")
}

fn no_user_but_default(name: &[u8]) -> Result<()> {
    if name == b"default" {
        return Ok(());
    }
    Err(Error::text(format!("ERR No such user '{}'", echo(name))))
}

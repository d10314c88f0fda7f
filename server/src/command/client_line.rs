//! The line that describes a connection.
//!
//! Owns: the fields of CLIENT LIST and CLIENT INFO.   Uses: session.   Never: chooses connections.

use super::context::IoCounters;
use super::tracking::redirection;
use crate::base::time::Now;
use crate::resp::reply::Proto;
use crate::session::Session;
use crate::session::tracking::Scope;
use std::fmt::Write;

/// The line, without its end.
pub fn line(session: &Session, io: &dyn IoCounters, now: Now) -> String {
    let mut text = String::new();
    describe(&mut text, session, io, now);
    text
}

/// Appends the line that describes a session, without its end: the fields of Redis 8.2 in their order and `capa` of
/// Valkey 8.
///
/// What belongs to Redis's inside and has no equivalent here is 0: `ssub` (there are no shard channels),
/// `qbuf-free` and `argv-mem` (`qbuf` is all that is held of what it sent, room for more included), `rbs`, `rbp`,
/// `obl` (there is no static reply buffer). `omem` is what waits to be sent, and `oll` whether anything does.
/// `tot-mem` is what counts for `maxmemory-clients`.
pub fn describe(text: &mut String, session: &Session, io: &dyn IoCounters, now: Now) {
    let (waiting, sent) = io.output(session.id());
    let transaction = session.transaction.as_deref();
    let queued = transaction.map(|transaction| transaction.len() as i64);
    let multi = queued.or(session.executing.map(i64::from)).unwrap_or(-1);
    let multi_mem = transaction.map_or(0, |transaction| transaction.footprint());
    // What waits is known at once, what it takes a little later.
    let memory = session.memory() + waiting.saturating_sub(session.buffers.output);
    let query = session.buffers.query + session.batch_bytes;
    // Writing into a String cannot fail.
    write_who(text, session, now);
    let _ = write!(
        text,
        " db={} sub={} psub={} ssub=0 multi={multi} watch={} qbuf={query} qbuf-free=0 argv-mem=0 \
         multi-mem={multi_mem} rbs=0 rbp=0 obl=0 oll={} omem={waiting} tot-mem={memory} events={} cmd={} \
         user=default redir={} resp={}",
        session.db,
        session.channels,
        session.patterns,
        session.watching,
        u8::from(waiting > 0),
        if waiting > 0 { "rw" } else { "r" },
        session.last_command,
        redirection(session.tracking.as_deref()),
        match session.proto {
            Proto::Resp2 => 2,
            Proto::Resp3 => 3,
        },
    );
    let labels = session.labels();
    let _ = write!(
        text,
        " lib-name={} lib-ver={} io-thread={} tot-net-in={} tot-net-out={sent} tot-cmds={}",
        shown(labels.map(|labels| &*labels.lib_name)),
        shown(labels.map(|labels| &*labels.lib_version)),
        session.route.thread,
        session.bytes_in,
        session.commands,
    );
}

/// The fields that tell who it is, up to `capa`.
fn write_who(text: &mut String, session: &Session, now: Now) {
    let arrival = &session.arrival;
    let _ = write!(
        text,
        "id={} addr={} laddr={} fd={} name={} age={} idle={} flags=",
        session.id().0,
        arrival.peer,
        arrival.local,
        arrival.fd,
        shown(session.labels().map(|labels| &*labels.name)),
        seconds(session.since, now),
        seconds(session.last_seen, now),
    );
    text.extend(flags(session));
    text.push_str(if session.follows_redirects { " capa=r" } else { " capa=" });
}

/// Whole seconds since a time.
pub fn seconds(since: Now, now: Now) -> u64 {
    now.mono_us.saturating_sub(since.mono_us) / 1_000_000
}

/// A label as text: only visible ASCII was accepted.
fn shown(label: Option<&[u8]>) -> &str {
    label.and_then(|label| str::from_utf8(label).ok()).unwrap_or_default()
}

/// Every letter that can stand for a state, those of Redis and Valkey that no client is in here included.
pub const FLAG_LETTERS: &[u8] = b"OSMPxbtRBdcuAUreTIN";

/// The letters of a session's states, in Redis's order; N if there are none.
pub fn flags(session: &Session) -> impl Iterator<Item = char> {
    let mode = session.tracking.as_deref();
    let letters = [
        ('P', session.subscriptions() > 0),
        ('x', session.transaction.is_some() || session.executing.is_some()),
        ('b', session.parked),
        ('t', mode.is_some()),
        ('R', mode.is_some_and(|mode| mode.broken)),
        ('B', mode.is_some_and(|mode| mode.scope == Scope::Broadcast)),
        ('d', session.watch_failed),
        ('c', session.closing),
        ('U', session.arrival.unix),
        ('e', session.no_evict),
        ('T', session.no_touch),
    ];
    let none = letters.iter().all(|(_, set)| !set);
    let set = letters.into_iter().filter(|(_, set)| *set).map(|(letter, _)| letter);
    set.chain(none.then_some('N'))
}

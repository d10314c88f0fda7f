//! The line that describes a connection.
//!
//! Owns: the fields of CLIENT LIST and CLIENT INFO.   Uses: session.   Never: chooses connections.

use super::context::IoCounters;
use super::tracking::redirection;
use crate::base::bytes::{push_i64, push_u64};
use crate::base::time::Now;
use crate::resp::reply::Proto;
use crate::session::Session;
use crate::session::tracking::Scope;

/// The line, without its end.
pub fn line(session: &Session, io: &dyn IoCounters, now: Now) -> String {
    let mut text = Vec::new();
    describe(&mut text, session, io, now);
    String::from_utf8_lossy(&text).into_owned()
}

/// Appends the line that describes a session, without its end: the fields of Redis 8.2 in their order and `capa` of
/// Valkey 8. Some 0.5 us.
///
/// What belongs to Redis's inside and has no equivalent here is 0: `ssub` (there are no shard channels),
/// `qbuf-free` and `argv-mem` (`qbuf` is all that is held of what it sent, room for more included), `rbs`, `rbp`,
/// `obl` (there is no static reply buffer). `omem` is what waits to be sent, and `oll` whether anything does.
/// `tot-mem` is what counts for `maxmemory-clients`.
pub fn describe(text: &mut Vec<u8>, session: &Session, io: &dyn IoCounters, now: Now) {
    let (waiting, sent) = io.output(session.id());
    let labels = session.labels();
    let mut line = Line(text);
    describe_identity(&mut line, session, now);
    describe_work(&mut line, session);
    describe_memory(&mut line, session, waiting);
    line.word(" cmd=", session.last_command);
    line.word(" user=", "default");
    line.number(" redir=", redirection(session.tracking.as_deref()));
    line.word(" resp=", if session.proto == Proto::Resp2 { "2" } else { "3" });
    line.word(" lib-name=", labels.map_or(&[][..], |labels| &labels.lib_name));
    line.word(" lib-ver=", labels.map_or(&[][..], |labels| &labels.lib_version));
    line.number(" io-thread=", i64::from(session.route().thread));
    line.count(" tot-net-in=", session.bytes_in);
    line.count(" tot-net-out=", sent);
    line.count(" tot-cmds=", session.commands);
}

fn describe_identity(line: &mut Line<'_>, session: &Session, now: Now) {
    let arrival = &session.arrival;
    line.count("id=", session.id().0);
    line.word(" addr=", &*arrival.peer);
    line.word(" laddr=", &*arrival.local);
    line.number(" fd=", i64::from(arrival.fd));
    line.word(" name=", session.labels().map_or(&[][..], |labels| &labels.name));
    line.count(" age=", seconds(session.since, now));
    line.count(" idle=", seconds(session.last_seen, now));
    line.word(" flags=", "");
    line.0.extend(flags(session));
    line.word(" capa=", if session.follows_redirects { "r" } else { "" });
}

fn describe_work(line: &mut Line<'_>, session: &Session) {
    let queued = session.transaction.as_ref().map(|transaction| transaction.len() as i64);
    let multi =
        queued.or((session.executing > 0).then_some(session.executing.into())).unwrap_or(-1);
    line.count(" db=", session.db as u64);
    line.count(" sub=", session.channels as u64);
    line.count(" psub=", session.patterns as u64);
    line.word(" ssub=", "0");
    line.number(" multi=", multi);
    line.count(" watch=", session.watching as u64);
}

fn describe_memory(line: &mut Line<'_>, session: &Session, waiting: u64) {
    let transaction = session.transaction.as_deref();
    line.count(" qbuf=", session.buffers.query + session.batch_bytes);
    line.word(" qbuf-free=0 argv-mem=0 multi-mem=", "");
    line.count("", transaction.map_or(0, |transaction| transaction.footprint() as u64));
    line.word(" rbs=0 rbp=0 obl=0 oll=", if waiting > 0 { "1" } else { "0" });
    line.count(" omem=", waiting);
    // What waits is known at once, what it takes a little later.
    line.count(" tot-mem=", session.memory() + waiting.saturating_sub(session.buffers.output));
    line.word(" events=", if waiting > 0 { "rw" } else { "r" });
}

/// A line that grows by fields. Thousands of them are written in one go, so nothing is formatted that can be copied.
struct Line<'t>(&'t mut Vec<u8>);

impl Line<'_> {
    fn word(&mut self, name: &str, value: impl AsRef<[u8]>) {
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(value.as_ref());
    }

    fn count(&mut self, name: &str, value: u64) {
        self.0.extend_from_slice(name.as_bytes());
        push_u64(self.0, value);
    }

    fn number(&mut self, name: &str, value: i64) {
        self.0.extend_from_slice(name.as_bytes());
        push_i64(self.0, value);
    }
}

/// Whole seconds since a time.
pub fn seconds(since: Now, now: Now) -> u64 {
    now.mono_us.saturating_sub(since.mono_us) / 1_000_000
}

/// Every letter that can stand for a state, those of Redis and Valkey that no client is in here included.
pub const FLAG_LETTERS: &[u8] = b"OSMPxbtRBdcuAUreTIN";

/// The letters of a session's states, in Redis's order; N if there are none.
pub fn flags(session: &Session) -> impl Iterator<Item = u8> {
    let mode = session.tracking.as_deref();
    let letters = [
        (b'O', session.monitoring),
        (b'P', session.subscriptions() > 0),
        (b'x', session.transaction.is_some() || session.executing > 0),
        (b'b', session.parked),
        (b't', mode.is_some()),
        (b'R', mode.is_some_and(|mode| mode.broken)),
        (b'B', mode.is_some_and(|mode| mode.scope == Scope::Broadcast)),
        (b'd', session.watch_failed),
        (b'c', session.closing),
        (b'U', session.arrival.unix),
        (b'e', session.no_evict),
        (b'T', session.no_touch),
    ];
    let none = letters.iter().all(|(_, set)| !set);
    let set = letters.into_iter().filter(|(_, set)| *set).map(|(letter, _)| letter);
    set.chain(none.then_some(b'N'))
}

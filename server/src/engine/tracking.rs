//! What tells clients that their copies of keys are no longer right.
//!
//! Owns: the messages of client-side caching, and the bound of what is noted.   Uses: tracking, sessions, changes.
//! Never: decides what a client asked for.
//!
//! ```text
//!   a read     -> its keys are noted for the client            (only where its tracking is on)
//!   a change   -> whoever read the key is told at once; below a prefix it waits for the end of the turn
//!   a flush    -> everybody is told that everything changed; after SWAPDB and a reload too
//! ```
//!
//! A message about a client's own change stands in its outbox and so behind the reply, of EXEC too.

use super::Engine;
use super::cron::Again;
use super::port::Host;
use crate::command::context::{Parts, outbox};
use crate::command::keys::keys_of;
use crate::command::row::{Command, KEEPS_CACHING, Run};
use crate::keyspace::change::{Changed, Event};
use crate::resp::args::Args;
use crate::resp::reply::{Proto, Reply};
use crate::session::tracking::Mode;
use crate::session::{Arrival, ClientId, Session, Sessions};

/// Keys that make room in one slice: about a microsecond each.
const SLICE: usize = 300;

/// The channel of clients that cannot be pushed to.
const CHANNEL: &[u8] = b"__redis__:invalidate";

/// What is no longer right.
#[derive(Clone, Copy)]
enum Stale<'a> {
    Keys(&'a [&'a [u8]]),
    Everything,
}

impl Engine {
    /// Notes the keys that a command of a client with tracking has read, and ends what CLIENT CACHING said.
    #[cold]
    pub(super) fn note_reads(
        &mut self,
        me: &mut Session,
        row: &Command,
        args: Args<'_>,
        in_exec: bool,
    ) {
        let id = me.id();
        let queues = in_exec || me.transaction.is_some();
        let Some(mode) = me.tracking.as_deref_mut() else { return };
        if matches!(row.run, Run::Read(_)) && mode.notes_reads() && !row.keys.is_empty() {
            let words: Vec<&[u8]> = args.iter().collect();
            for (key, _) in keys_of(row, &words).unwrap_or_default() {
                self.parts.tracking.note_read(id, key);
            }
        }
        if !queues && !row.flags.has(KEEPS_CACHING) {
            mode.caching = false;
        }
    }

    /// A session that stands for nobody, where something happens by itself.
    fn nobody(&self) -> Session {
        Session::new(Arrival::default(), self.now, true)
    }

    /// Whether more keys are noted than the settings allow.
    pub(super) fn notes_too_much(&self) -> bool {
        let most = self.parts.config.tracking_keys;
        most > 0 && self.parts.tracking.key_count() as u64 > most
    }

    /// Forgets keys, the oldest first, and tells their readers as if they had changed. A duty.
    pub(super) fn forget_noted(&mut self, _host: &mut dyn Host) -> Again {
        let mut nobody = self.nobody();
        for _ in 0..SLICE {
            if !self.notes_too_much() {
                break;
            }
            let Parts { tracking, sessions, .. } = &mut self.parts;
            let Some((key, readers)) = tracking.take_oldest() else { break };
            for reader in readers {
                tell(&mut nobody, sessions, reader, Stale::Keys(&[&key]));
            }
        }
        Again::AtRate
    }

    /// Tells everybody that no copy is right any more. O(clients with tracking).
    fn invalidate_everything(&mut self, me: &mut Session) {
        let Parts { tracking, sessions, garbage, .. } = &mut self.parts;
        garbage.noted.push(tracking.take_keys());
        for client in tracking.clients() {
            tell(me, sessions, client, Stale::Everything);
        }
    }

    /// Tells listeners of prefixes what changed in this turn.
    pub(super) fn broadcast_changes(&mut self) {
        let mut nobody = self.nobody();
        let Parts { tracking, sessions, .. } = &mut self.parts;
        for broadcast in tracking.take_broadcasts() {
            let all: Vec<&[u8]> = broadcast.changed.iter().map(|(key, _)| &**key).collect();
            for &listener in &broadcast.listeners {
                let session = sessions.get(listener);
                let Some(mode) = session.and_then(|session| session.tracking.as_deref()) else {
                    continue;
                };
                if !mode.no_loop {
                    tell(&mut nobody, sessions, listener, Stale::Keys(&all));
                    continue;
                }
                let others = broadcast.changed.iter().filter(|(_, by)| *by != listener);
                let others: Vec<&[u8]> = others.map(|(key, _)| &**key).collect();
                if !others.is_empty() {
                    tell(&mut nobody, sessions, listener, Stale::Keys(&others));
                }
            }
        }
    }
}

/// Tells whoever keeps copies of what the call changed. A follower.
pub(super) fn invalidate(engine: &mut Engine, me: &mut Session) {
    if engine.parts.tracking.is_idle() {
        return;
    }
    if !engine.parts.changes.emptied().is_empty() {
        engine.invalidate_everything(me);
    }
    let Parts { changes, tracking, sessions, .. } = &mut engine.parts;
    let altered = changes.keys().filter(|changed| changed.event.alters_value());
    for Changed { key, event, .. } in altered {
        let by_nobody = event == Event::EXPIRED || event == Event::EVICTED;
        tracking.note_change(key, if by_nobody { ClientId::default() } else { me.id() });
        for reader in tracking.take_readers(key) {
            let spared = reader == me.id() && me.tracking.as_ref().is_some_and(|mode| mode.no_loop);
            if !spared {
                tell(me, sessions, reader, Stale::Keys(&[key]));
            }
        }
    }
}

/// The session of a client that is still there.
fn session<'s>(
    me: &'s mut Session,
    sessions: &'s mut Sessions,
    id: ClientId,
) -> Option<&'s mut Session> {
    let session = if me.id() == id { Some(me) } else { sessions.get_mut(id) };
    session.filter(|session| !session.closing)
}

/// Tells one client, or the one that it redirects to. Nothing, if its tracking is off by now.
fn tell(me: &mut Session, sessions: &mut Sessions, client: ClientId, stale: Stale<'_>) {
    let Some(mode) = session(me, sessions, client).and_then(|session| session.tracking.as_deref())
    else {
        return;
    };
    let Mode { redirect, .. } = *mode;
    let receiver = redirect.unwrap_or(client);
    let Some(to) = session(me, sessions, receiver) else {
        return complain(me, sessions, client, receiver);
    };
    let (proto, listens) = (to.proto, redirect.is_some() && to.subscriptions() > 0);
    // RESP2 knows no pushes: only a subscriber expects what it did not ask for.
    if proto == Proto::Resp2 && !listens {
        return;
    }
    let Some(out) = outbox(me, sessions, receiver) else { return };
    match proto {
        Proto::Resp3 => {
            out.push(2);
            out.bulk(b"invalidate");
        }
        Proto::Resp2 => {
            out.push(3);
            out.bulk(b"message");
            out.bulk(CHANNEL);
        }
    }
    write(out, stale);
}

/// Tells a client that the one it redirects to is gone.
fn complain(me: &mut Session, sessions: &mut Sessions, client: ClientId, receiver: ClientId) {
    let Some(session) = session(me, sessions, client) else { return };
    if let Some(mode) = session.tracking.as_deref_mut() {
        mode.broken = true;
    }
    if session.proto == Proto::Resp3
        && let Some(out) = outbox(me, sessions, client)
    {
        out.push(2);
        out.bulk(b"tracking-redir-broken");
        out.int(receiver.0 as i64);
    }
}

fn write(out: &mut Reply, stale: Stale<'_>) {
    match stale {
        Stale::Everything => out.null(),
        Stale::Keys(keys) => {
            out.array(keys.len());
            for key in keys {
                out.bulk(key);
            }
        }
    }
}

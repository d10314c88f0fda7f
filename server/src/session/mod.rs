//! Who is connected, and what each connection has said about itself.
//!
//! Owns: one [`Session`] for each connection, its output that is not a reply (pushes), and the wish
//! to close it.   Uses: resp, base.   Never: data, sockets, subscriptions' tables.
//!
//! While a session's commands run it is taken out of its seat ("me") and the others stay reachable;
//! so a command can push to anybody, itself included, without two borrows of one session.

pub mod fieldsets;
pub mod ledger;
pub mod pause;
pub mod tracking;
pub mod transaction;
pub mod wait;
pub mod wanted;
pub mod watch;

use crate::base::random::KeyHasher;
use crate::base::time::Now;
use crate::resp::reply::{Proto, Reply};
use fieldsets::Fieldsets;
use ledger::{Ledger, Line};
use std::collections::{HashMap, VecDeque};
use tracking::Mode;
use transaction::Transaction;
use wait::Wait;
use watch::Watch;

/// A connection's number: counts up from 1 and is never used again. CLIENT ID answers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ClientId(pub u64);

/// Where a connection lives: what `io` needs to find it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Route {
    /// The connection's number.
    pub id: ClientId,
    /// Its thread; 0 is the core thread.
    pub thread: u16,
    /// Its place among the thread's connections.
    pub slot: u32,
}

/// What `io` knows of a connection when it begins.
#[derive(Clone, Debug, Default)]
pub struct Arrival {
    /// Where it lives.
    pub route: Route,
    /// The peer's address, as CLIENT LIST shows it.
    pub peer: Box<str>,
    /// Our own address.
    pub local: Box<str>,
    /// The descriptor's number.
    pub fd: i32,
    /// It came through the unix socket.
    pub unix: bool,
    /// It came from this machine.
    pub loopback: bool,
}

/// What CLIENT REPLY asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Answers {
    /// Every reply is sent.
    #[default]
    On,
    /// None is.
    Off,
    /// The next command's is not.
    SkipNext,
    /// This command's is not.
    SkipThis,
}

/// The class that decides a connection's output limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Class {
    /// Sends commands and reads replies.
    #[default]
    Normal,
    /// Listens to channels.
    Pubsub,
}

impl Class {
    /// Every class, in the order of its number.
    pub const ALL: [Class; 2] = [Class::Normal, Class::Pubsub];
}

/// Memory that `io` holds for a connection, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Buffers {
    /// What arrived and is not with the engine yet.
    pub query: u64,
    /// What waits to be sent.
    pub output: u64,
}

impl Buffers {
    /// All of it.
    pub fn total(self) -> u64 {
        self.query + self.output
    }
}

/// What a client calls itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// CLIENT SETNAME.
    pub name: Box<[u8]>,
    /// CLIENT SETINFO LIB-NAME.
    pub lib_name: Box<[u8]>,
    /// CLIENT SETINFO LIB-VER.
    pub lib_version: Box<[u8]>,
}

/// One connection, as the engine sees it.
#[derive(Debug)]
pub struct Session {
    /// What `io` told when it came.
    pub arrival: Arrival,
    /// When it came.
    pub since: Now,
    /// When it last sent a command.
    pub last_seen: Now,
    /// The last command's name.
    pub last_command: &'static str,
    /// How many commands it sent.
    pub commands: u64,
    /// Bytes that it sent.
    pub bytes_in: u64,
    /// What it calls itself; most say nothing.
    labels: Option<Box<Labels>>,
    /// The selected database.
    pub db: usize,
    /// RESP2 or RESP3.
    pub proto: Proto,
    /// May send commands.
    pub authenticated: bool,
    /// Since when it could have given the password (it came, or forgot it with RESET), in microseconds of the monotonic clock.
    pub stranger_since_us: u64,
    /// CLIENT REPLY.
    pub answers: Answers,
    /// CLIENT NO-EVICT.
    pub no_evict: bool,
    /// CLIENT NO-TOUCH: its reads leave the access clock alone.
    pub no_touch: bool,
    /// CLIENT TRACKING: which keys it is told of.
    pub tracking: Option<Box<Mode>>,
    /// CLIENT CAPA: it can follow a redirection to another server.
    pub follows_redirects: bool,
    /// MULTI: the queue.
    pub transaction: Option<Box<Transaction>>,
    /// HIMPORT PREPARE: names of fields, for the hashes that it creates; none if there are none.
    pub fieldsets: Option<Box<Fieldsets>>,
    /// Inside EXEC: how many commands the transaction has, from 65,535 on that; 0 outside.
    pub executing: u16,
    /// Keys that it watches: a count; the keys are in `watch`.
    pub watching: u32,
    /// A watched key changed.
    pub watch_failed: bool,
    /// Channels subscribed to.
    pub channels: u32,
    /// Patterns subscribed to.
    pub patterns: u32,
    /// Memory that `io` holds for it, as last told.
    pub buffers: Buffers,
    /// Bytes of its batch, while the engine has it.
    pub batch_bytes: u64,
    /// Bytes of its subscriptions and watches.
    pub entered_bytes: u64,
    /// Waits: its batch is parked in the engine.
    pub parked: bool,
    /// MONITOR: it is shown every command.
    pub monitoring: bool,
    /// Its next command has begun to wait and has not answered yet.
    pub wait: Option<Box<Wait>>,
    /// Its peer sends no more: if it has to wait, it is dropped.
    pub hung_up: bool,
    /// Closes as soon as what was written is sent.
    pub closing: bool,
    /// Pushes that wait for the end of the command or of the turn.
    outbox: Option<Box<Reply>>,
}

impl Session {
    /// A session as it begins.
    pub fn new(arrival: Arrival, now: Now, authenticated: bool) -> Session {
        Session {
            arrival,
            since: now,
            last_seen: now,
            stranger_since_us: now.mono_us,
            last_command: "NULL",
            commands: 0,
            bytes_in: 0,
            labels: None,
            db: 0,
            proto: Proto::Resp2,
            authenticated,
            answers: Answers::On,
            no_evict: false,
            no_touch: false,
            tracking: None,
            follows_redirects: false,
            transaction: None,
            fieldsets: None,
            executing: 0,
            watching: 0,
            watch_failed: false,
            channels: 0,
            patterns: 0,
            buffers: Buffers::default(),
            batch_bytes: 0,
            entered_bytes: 0,
            parked: false,
            monitoring: false,
            wait: None,
            hung_up: false,
            closing: false,
            outbox: None,
        }
    }

    /// The connection's number.
    pub fn id(&self) -> ClientId {
        self.arrival.route.id
    }

    /// Where it lives, and its number.
    pub fn route(&self) -> Route {
        self.arrival.route
    }

    /// What it calls itself.
    pub fn labels(&self) -> Option<&Labels> {
        self.labels.as_deref()
    }

    /// What it calls itself, for changes.
    pub fn labels_mut(&mut self) -> &mut Labels {
        self.labels.get_or_insert_default()
    }

    /// Whether it came from this machine.
    pub fn is_local(&self) -> bool {
        self.arrival.loopback || self.arrival.unix
    }

    /// How many channels and patterns it listens to.
    pub fn subscriptions(&self) -> u32 {
        self.channels + self.patterns
    }

    /// A RESP2 subscriber may only subscribe, ping and leave.
    pub fn only_listens(&self) -> bool {
        self.proto == Proto::Resp2 && self.subscriptions() > 0
    }

    fn hears_monitor(&self) -> bool {
        !self.closing && self.answers != Answers::Off
    }

    /// The class that decides its output limit.
    pub fn class(&self) -> Class {
        if self.subscriptions() > 0 { Class::Pubsub } else { Class::Normal }
    }

    /// Bytes of memory that it takes, everywhere. O(1), but for the large arguments in a transaction's queue.
    pub fn memory(&self) -> u64 {
        let texts = self.arrival.peer.len() + self.arrival.local.len();
        let labels = self.labels.as_ref().map_or(0, |labels| {
            size_of::<Labels>()
                + labels.name.len()
                + labels.lib_name.len()
                + labels.lib_version.len()
        });
        let queue = self.transaction.as_ref().map_or(0, |transaction| transaction.footprint());
        let fieldsets = self.fieldsets.as_ref().map_or(0, |sets| sets.footprint());
        let pushes = self.outbox.as_ref().map_or(0, |outbox| outbox.footprint());
        let own = size_of::<Session>() + texts + labels + queue + fieldsets + pushes;
        own as u64 + self.entered_bytes + self.batch_bytes + self.buffers.total()
    }

    /// Ends the transaction that is being queued, if there is one, and all watches.
    pub fn end_transaction(&mut self, watch: &mut Watch) {
        self.transaction = None;
        self.end_watches(watch);
    }

    /// Ends all watches, failed or not.
    pub fn end_watches(&mut self, watch: &mut Watch) {
        if self.watching > 0 {
            watch.forget(self.id());
            self.watching = 0;
        }
        self.watch_failed = false;
    }

    /// Where a push is written: it goes out behind the reply of the command that runs.
    pub fn outbox(&mut self) -> &mut Reply {
        let outbox = self.outbox.get_or_insert_with(Box::default);
        // HELLO may have come between two pushes of one transaction.
        outbox.set_proto(self.proto);
        outbox
    }

    /// The pushes so far, taken out.
    pub fn take_outbox(&mut self) -> Option<Box<Reply>> {
        self.outbox.take()
    }
}

/// Every session.
pub struct Sessions {
    seats: Vec<Option<Box<Session>>>,
    free: Vec<u32>,
    by_id: HashMap<ClientId, u32, KeyHasher>,
    pushed: Vec<ClientId>,
    closing: VecDeque<ClientId>,
    monitors: Vec<ClientId>,
    ledger: Ledger,
}

impl Sessions {
    /// No sessions.
    pub fn new(hasher: KeyHasher) -> Sessions {
        Sessions {
            seats: Vec::new(),
            free: Vec::new(),
            by_id: HashMap::with_hasher(hasher),
            pushed: Vec::new(),
            closing: VecDeque::new(),
            monitors: Vec::new(),
            ledger: Ledger::default(),
        }
    }

    /// What all of them hold in memory; of those in their seats, as of their last [`Sessions::put_back`].
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Notes what `io` holds for a session.
    pub fn note_buffers(&mut self, id: ClientId, buffers: Buffers) {
        let Some(&seat) = self.by_id.get(&id) else { return };
        if let Some(session) = &mut self.seats[seat as usize] {
            session.buffers = buffers;
            self.ledger.set(seat, line(session));
        }
    }

    /// Gives a new session a seat.
    pub fn insert(&mut self, session: Session) {
        let id = session.id();
        let seat = match self.free.pop() {
            Some(seat) => seat,
            None => {
                self.seats.push(None);
                u32::try_from(self.seats.len() - 1).expect("fewer connections than descriptors")
            }
        };
        self.ledger.set(seat, line(&session));
        self.seats[seat as usize] = Some(Box::new(session));
        let before = self.by_id.insert(id, seat);
        assert!(before.is_none(), "a client id is used twice");
    }

    /// How many are connected.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether nobody is connected.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Takes a session out of its seat to run its commands. `hint` is the seat it had the last time.
    #[inline]
    pub fn take(&mut self, id: ClientId, hint: u32) -> Option<(u32, Box<Session>)> {
        if let Some(place) = self.seats.get_mut(hint as usize)
            && place.as_ref().is_some_and(|session| session.id() == id)
        {
            return place.take().map(|session| (hint, session));
        }
        let seat = *self.by_id.get(&id)?;
        self.seats[seat as usize].take().map(|session| (seat, session))
    }

    /// Puts a session back into the seat it was taken from.
    #[inline]
    pub fn put_back(&mut self, seat: u32, session: Box<Session>) {
        self.ledger.set(seat, line(&session));
        self.seats[seat as usize] = Some(session);
    }

    /// Forgets a session.
    pub fn remove(&mut self, id: ClientId) -> Option<Box<Session>> {
        let seat = self.by_id.remove(&id)?;
        if !self.monitors.is_empty() {
            self.monitors.retain(|monitor| *monitor != id);
        }
        self.free.push(seat);
        self.ledger.set(seat, Line::default());
        self.seats[seat as usize].take()
    }

    /// The session in a seat, if it is there.
    pub fn at(&self, seat: u32) -> Option<&Session> {
        self.seats.get(seat as usize)?.as_deref()
    }

    /// A session that is in its seat.
    pub fn get(&self, id: ClientId) -> Option<&Session> {
        self.seats[*self.by_id.get(&id)? as usize].as_deref()
    }

    /// A session that is in its seat, for changes.
    pub fn get_mut(&mut self, id: ClientId) -> Option<&mut Session> {
        self.seats[*self.by_id.get(&id)? as usize].as_deref_mut()
    }

    /// Every session that is in its seat ("me" is not) and not about to be closed, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Session> {
        self.seats.iter().flatten().map(|session| &**session).filter(|session| !session.closing)
    }

    /// How many seats there are, free ones included.
    pub fn seats(&self) -> usize {
        self.seats.len()
    }

    /// The sessions in so many seats from `first` on.
    pub fn some(&self, first: usize, seats: usize) -> impl Iterator<Item = &Session> {
        self.seats.iter().skip(first).take(seats).flatten().map(|session| &**session)
    }

    /// Every session that is in its seat, for changes.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Session> {
        self.seats.iter_mut().flatten().map(|session| &mut **session)
    }

    /// The outbox of another session; what is written there is sent at the end of the turn. One that is about to be
    /// closed has none.
    pub fn outbox(&mut self, id: ClientId) -> Option<&mut Reply> {
        let seat = *self.by_id.get(&id)?;
        let session =
            self.seats[seat as usize].as_deref_mut().filter(|session| !session.closing)?;
        if session.outbox.is_none() {
            self.pushed.push(id);
        }
        Some(session.outbox())
    }

    /// Who is shown every command.
    #[inline]
    pub fn monitors(&self) -> &[ClientId] {
        &self.monitors
    }

    /// A session, which is not in its seat, wants to be shown every command.
    pub fn begin_monitor(&mut self, me: &mut Session) {
        if !me.monitoring {
            me.monitoring = true;
            self.monitors.push(me.id());
        }
    }

    /// It no longer does.
    pub fn end_monitor(&mut self, me: &mut Session) {
        if std::mem::take(&mut me.monitoring) {
            self.monitors.retain(|monitor| *monitor != me.id());
        }
    }

    /// Shows every monitor a line, `me` included, who is not in its seat; but nobody who is leaving or said
    /// CLIENT REPLY OFF. Who has more than `most` bytes to be shown in one turn is closed; 0: nobody is.
    pub fn tell_monitors(&mut self, me: &mut Session, line: &[u8], most: u64) {
        let full = |outbox: &Reply| most > 0 && outbox.len() as u64 > most;
        for at in 0..self.monitors.len() {
            let id = self.monitors[at];
            if id == me.id() {
                if me.hears_monitor() {
                    me.outbox().raw(line);
                    me.closing |= full(me.outbox());
                }
            } else if self.get(id).is_some_and(Session::hears_monitor)
                && let Some(outbox) = self.outbox(id)
            {
                outbox.raw(line);
                if full(outbox) {
                    self.close(id);
                }
            }
        }
    }

    /// Asks for another session to be closed; the engine does so before the next command.
    pub fn close(&mut self, id: ClientId) {
        if let Some(session) = self.get_mut(id)
            && !session.closing
        {
            session.closing = true;
            self.closing.push_back(id);
        }
    }

    /// Whether any session is to be closed.
    #[inline]
    pub fn any_closing(&self) -> bool {
        !self.closing.is_empty()
    }

    /// Who got pushes since the last call.
    pub fn take_pushed(&mut self) -> Vec<ClientId> {
        std::mem::take(&mut self.pushed)
    }

    /// The next sessions to be closed, at most so many.
    pub fn take_closing(&mut self, most: usize) -> Vec<ClientId> {
        let count = self.closing.len().min(most);
        self.closing.drain(..count).collect()
    }
}

/// What a session holds, for the ledger.
fn line(session: &Session) -> Line {
    Line { bytes: session.memory(), class: session.class(), spared: session.no_evict }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_session_is_small() {
        let size = size_of::<Session>();
        assert!(size <= 256, "a session takes {size} bytes: box what is rare");
    }
}

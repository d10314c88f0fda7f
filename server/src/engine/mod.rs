//! The engine: takes batches of requests, executes them one at a time, gives replies back.
//!
//! Owns: all parts, the batches in work, and the order of things.   Uses: everything below.
//! Never: a socket, a clock, a thread, a lock.
//!
//! `Engine::new(config, about, seed)`, `Engine::turn(host, now, inbox)`, `Engine::next_deadline()`: a test
//! holds the whole server in its hand, and a seeded run replays byte for byte.
//!
//! A turn
//! ```text
//!   inbox -> connections begin and end, batches queue
//!   queue -> for each batch: gates -> call -> follow, one command after the other     (serve.rs, call.rs)
//!   duties that are due                                                               (cron.rs)
//!   pushes and closings of the turn -> outbox
//! ```
//! A turn that has run for [`TURN_US`] leaves the rest of its queue to the next one, so that sockets
//! are served in between.

pub mod ahead;
pub mod call;
pub mod carry;
pub mod client_limit;
pub mod configure;
pub mod cron;
mod defrag;
mod expire;
mod expire_fields;
pub mod follow;
pub mod garbage;
pub mod gate;
pub mod headroom;
mod leave;
pub mod load;
pub mod memory;
mod observe;
pub mod park;
pub mod port;
mod ready;
mod rewrite;
mod serve;
pub mod snapshot;
mod timing;
mod tracking;
mod wait;

use crate::base::random::{KeyHasher, Rng};
use crate::base::time::Now;
use crate::command::context::{About, Lookups, Parts, Removed, Switches};
use crate::command::index::Index;
use crate::command::waiting::Asking;
use crate::config::{Config, EventClasses};
use crate::keyspace::Keyspace;
use crate::keyspace::change::{Changes, Kept};
use crate::persist::state::Persist;
use crate::pubsub::PubSub;
use crate::resp::reply::Reply;
use crate::session::pause::Pause;
use crate::session::tracking::Tracking;
use crate::session::wanted::Wanted;
use crate::session::watch::Watch;
use crate::session::{Arrival, Buffers, Class, ClientId, Route, Session, Sessions};
use crate::stats::Stats;
use cron::Clockwork;
use follow::Feed;
use park::Parked;
use port::{Batch, Host, Inbound, Loss, Outbound};
use std::collections::VecDeque;

/// A turn stops taking up work after this many microseconds.
pub const TURN_US: u64 = 2_000;

/// The whole server without its world.
pub struct Engine {
    parts: Parts,
    queue: VecDeque<Box<Batch>>,
    parked: Parked,
    waiters: garbage::Waiters,
    rewrites: rewrite::Rewrites,
    waits: wait::Waits,
    outbox: Vec<Outbound>,
    /// Clients that are gone and that some part still has to forget.
    leaving: VecDeque<ClientId>,
    clockwork: Clockwork,
    defrag: defrag::Defrag,
    expiry: expire::Expiry,
    /// The database that is next in the search for due fields.
    fields_db: usize,
    feed: Feed,
    load: Option<load::Load>,
    fast_run: timing::FastRun,
    /// Each command is timed and shown by itself: see `observe`.
    watched: bool,
    turn_cpu: timing::TurnCpu,
    ahead: ahead::Ahead,
    room: memory::Room,
    turn_spent: bool,
    /// The minute in which an attack was last logged.
    attack_minute: Option<u64>,
    exit: Option<i32>,
    settings_version: u64,
    /// It was told that clients hold too much and none may be evicted.
    client_alarm: bool,
    /// When the memory in use was last asked for, in microseconds of the monotonic clock.
    gauged_us: u64,
    now: Now,
}

impl Engine {
    /// A server with these settings. Everything random in it follows from `seed`.
    pub fn new(config: Config, about: About, seed: u64) -> Engine {
        let mut rng = Rng::new(seed);
        let hasher = KeyHasher::new(rng.next_u64());
        let tables = KeyHasher::new(rng.next_u64());
        let repl_id = rng.name();
        let index = Index::new();
        let parts = Parts {
            keyspace: Keyspace::new(config.databases as usize, hasher),
            sessions: Sessions::new(tables.clone()),
            pubsub: PubSub::new(tables.clone()),
            watch: Watch::new(tables.clone()),
            tracking: Tracking::new(tables.clone()),
            pause: Pause::default(),
            wanted: Wanted::new(tables),
            asking: Asking::default(),
            stats: Stats::new(index.len()),
            persist: Persist::default(),
            changes: Changes::default(),
            lookups: Lookups::default(),
            garbage: Removed::default(),
            index,
            rng,
            config,
            switches: Switches::default(),
            repl_id,
            out_of_memory: false,
            about,
        };
        let mut engine = Engine {
            parts,
            queue: VecDeque::new(),
            parked: Parked::default(),
            waiters: garbage::Waiters::default(),
            rewrites: rewrite::Rewrites::default(),
            waits: wait::Waits::default(),
            outbox: Vec::new(),
            leaving: VecDeque::new(),
            clockwork: Clockwork::default(),
            defrag: defrag::Defrag::default(),
            expiry: expire::Expiry::default(),
            fields_db: 0,
            feed: Feed::default(),
            load: None,
            fast_run: timing::FastRun::default(),
            watched: false,
            turn_cpu: timing::TurnCpu::default(),
            ahead: ahead::Ahead::default(),
            room: memory::Room::default(),
            turn_spent: false,
            attack_minute: None,
            exit: None,
            settings_version: 0,
            client_alarm: false,
            gauged_us: 0,
            now: Now::default(),
        };
        engine.follow_watch_settings();
        engine.follow_encodings();
        engine
    }

    /// What a thread needs to prepare requests for this engine.
    pub fn preparer(&self) -> port::Preparer {
        port::Preparer::new(self.parts.index.clone(), self.parts.keyspace.hasher().clone())
    }

    /// The settings, for whoever keeps a copy; see [`Engine::settings_version`].
    pub fn config(&self) -> &Config {
        &self.parts.config
    }

    /// Grows with every change of the settings.
    pub fn settings_version(&self) -> u64 {
        self.settings_version
    }

    /// The parts, for tests and for `boot`.
    pub fn parts(&mut self) -> &mut Parts {
        &mut self.parts
    }

    /// Serves what came in. What is to go out is in [`Engine::take_outbox`] afterwards.
    pub fn turn(&mut self, host: &mut dyn Host, now: Now, inbox: &mut Vec<Inbound>) {
        self.now = now;
        let busy = !inbox.is_empty() || !self.queue.is_empty() || self.parts.wanted.has_ready();
        let begun = if busy { host.ticks() } else { 0 };
        if busy {
            self.turn_cpu.begin(begun, host);
        }
        for message in inbox.drain(..) {
            match message {
                Inbound::Connected(arrival) => self.connect(*arrival),
                Inbound::Batch(batch) => self.queue.push_back(batch),
                Inbound::Hangup(route) => self.hang_up(route),
                Inbound::Buffers(route, buffers) => {
                    self.note_buffers(route.id, buffers);
                }
                Inbound::Gone(route, loss) => {
                    self.count_loss(loss);
                    self.drop_client(route.id);
                }
            }
        }
        if busy {
            self.serve_queue(host, begun);
        }
        self.work(host);
        if self.parts.wanted.has_ready() {
            self.serve_ready_after_duties(host);
        }
        self.flush();
        if busy {
            let took = host.ticks().saturating_sub(begun);
            let stats = &mut self.parts.stats;
            stats.turns += 1;
            stats.turn_nanos += took;
            stats.longest_turn_us = stats.longest_turn_us.max(took / 1000);
            stats.longest_turn_cpu = self.turn_cpu.longest(took, stats.longest_turn_cpu, host);
        }
    }

    /// Runs queued batches until the queue is empty or the turn is spent.
    fn serve_queue(&mut self, host: &mut dyn Host, begun: u64) {
        self.ahead.begin(&self.queue, &self.parts.keyspace);
        self.fast_run.begin(begun);
        self.turn_spent = false;
        // Whoever waits for a key that is there goes before everybody's next command.
        while self.serve_ready(host, begun) {
            let Some(batch) = self.queue.pop_front() else { break };
            self.serve(host, batch, begun);
            if self.exit.is_some() || self.spent(host, begun) {
                break;
            }
        }
        self.end_fast_run(host);
    }

    /// Whether the turn has run for long enough. The clock is read only after a slow command.
    fn spent(&mut self, host: &mut dyn Host, begun: u64) -> bool {
        if !self.turn_spent && self.fast_run.worth_a_look() {
            self.turn_spent = host.ticks().saturating_sub(begun) > TURN_US * 1000;
        }
        self.turn_spent
    }

    fn connect(&mut self, arrival: Arrival) {
        self.parts.stats.connections += 1;
        let authenticated = self.parts.config.password.is_empty();
        self.parts.sessions.insert(Session::new(arrival, self.now, authenticated));
    }

    /// A client that waits and has hung up is not waited for.
    fn hang_up(&mut self, route: Route) {
        if let Some(session) = self.parts.sessions.get_mut(route.id) {
            session.hung_up = true;
            if session.parked {
                self.parts.sessions.close(route.id);
            }
        }
    }

    /// Sends what the turn pushed and closes what it closed.
    fn flush(&mut self) {
        if self.parts.tracking.has_broadcasts() {
            self.broadcast_changes();
        }
        for id in self.parts.sessions.take_pushed() {
            if let Some(session) = self.parts.sessions.get_mut(id)
                && let Some(pushes) = session.take_outbox()
            {
                let (route, class) = (session.route(), session.class());
                self.send(route, pushes, class);
            }
        }
        self.close_marked();
    }

    fn send(&mut self, route: Route, reply: Box<Reply>, class: Class) {
        if !reply.is_empty() {
            self.parts.stats.bytes_out += reply.len() as u64;
            self.outbox.push(Outbound::Push(route, reply, class));
        }
    }

    /// What goes out, in order; the caller empties it.
    pub fn take_outbox(&mut self) -> &mut Vec<Outbound> {
        &mut self.outbox
    }

    /// The exit code, once the server is to end.
    pub fn exit(&self) -> Option<i32> {
        self.exit
    }

    /// Whether work is left over from the turn: call again without waiting.
    pub fn busy(&self) -> bool {
        !self.queue.is_empty()
            || self.load.is_some()
            || self.parts.wanted.has_ready()
            || self.is_parting()
            || self.is_pressed()
            || self.notes_too_much()
    }

    /// Whether the data set is still being loaded.
    pub fn is_loading(&self) -> bool {
        self.load.is_some()
    }

    fn count_loss(&mut self, loss: Loss) {
        let stats = &mut self.parts.stats;
        match loss {
            Loss::Peer => {}
            Loss::OutputLimit => stats.output_limit_closed += 1,
            Loss::QueryLimit => stats.query_limit_closed += 1,
        }
    }

    /// Notes what `io` holds for a connection.
    fn note_buffers(&mut self, id: ClientId, buffers: Buffers) {
        self.parts.stats.input_buffers.note(self.now, buffers.query);
        self.parts.stats.output_buffers.note(self.now, buffers.output);
        self.parts.sessions.note_buffers(id, buffers);
    }

    /// Counts a connection that was refused.
    pub fn refused(&mut self) {
        self.parts.stats.rejected_connections += 1;
    }

    /// When the engine wants its next turn at the latest, in microseconds of the monotonic clock.
    pub fn next_deadline(&self) -> u64 {
        if self.busy() {
            return self.now.mono_us;
        }
        let pause = if self.parked.is_empty() { None } else { self.parts.pause.until() };
        let child = self.parts.persist.child.map(|child| child.next_look_us());
        let freed = self.waiters.patience().map(|patience| self.now.mono_us + patience);
        let written = self.rewrites.patience().map(|patience| self.now.mono_us + patience);
        let others = [pause, child, freed, written, self.waits.next()]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(u64::MAX);
        self.clockwork.next().min(others)
    }

    /// Switches the recording of single changes and the timing of single commands on or off, after whoever
    /// listens has changed.
    fn listen(&mut self) {
        let all = !self.parts.watch.is_empty()
            || !self.parts.tracking.is_idle()
            || (!self.parts.config.notify.is_empty() && !self.parts.pubsub.is_empty());
        let keys = if all { Kept::ALL } else { self.parts.wanted.listens_to() };
        self.parts.changes.listen(keys, self.feed.is_open());
        self.watched = self.wants_each();
        self.parts.lookups.keep_misses =
            self.parts.config.notify.contains(EventClasses::MISS) && !self.parts.pubsub.is_empty();
    }

    /// Begins to collect the follower stream: every change as a log or a replica is told it.
    pub fn open_feed(&mut self) {
        self.feed.open();
        self.listen();
    }

    /// The follower stream since the last call, as RESP requests.
    pub fn take_feed(&mut self) -> Vec<u8> {
        self.feed.take()
    }
}

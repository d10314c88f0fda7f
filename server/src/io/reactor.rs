//! One thread's loop: tasks read and parse, and the end of a turn hands over, executes and writes.
//!
//! Owns: the thread's connections and its turn.   Uses: tokio current_thread, connection, core, threads.
//! Never: blocks; is entered twice (its state is reached through [`with`] alone).
//!
//! A turn has two ends: the idle end (`on_thread_park`, when no task is runnable) and the end by
//! volume, for the idle end never comes while some socket always has bytes.

use super::bell::Bell;
use super::connection::{After, Connection, Life, Read, later};
use super::core::Core;
use super::pool::Pool;
use super::registry::{Counters, Registry, ThreadCounters};
use super::settings::IoSettings;
use super::stream::{Socket, Stream};
use super::threads::Worker;
use crate::engine::port::{Batch, Inbound, Outbound, Preparer, Stop};
use crate::resp::reply::Reply;
use crate::session::{Arrival, Class, ClientId, Route};
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

thread_local! {
    static REACTOR: RefCell<Option<Reactor>> = const { RefCell::new(None) };
}

/// Reaches the thread's reactor. Not re-entrant: nothing that `f` calls may call this again.
///
/// # Panics
/// If the thread has no reactor.
#[inline]
pub fn with<R>(f: impl FnOnce(&mut Reactor) -> R) -> R {
    REACTOR.with(|cell| f(cell.borrow_mut().as_mut().expect("installed when the thread began")))
}

/// Gives the thread its reactor.
pub fn install(reactor: Reactor) {
    REACTOR.with(|cell| *cell.borrow_mut() = Some(reactor));
}

/// A turn ends when it holds this much.
const TURN_COMMANDS: usize = 512;
const TURN_BYTES: usize = 1 << 20;
const TURN_READS: usize = 64;

/// A connection whose memory changes by so many bytes is made known at the end of the turn; smaller changes with
/// the next tick.
const HEAVY: u64 = 64 * 1024;

/// What the turn holds so far.
#[derive(Default)]
struct Volume {
    commands: usize,
    bytes: usize,
    reads: usize,
}

impl Volume {
    fn is_full(&self) -> bool {
        self.commands >= TURN_COMMANDS || self.bytes >= TURN_BYTES || self.reads >= TURN_READS
    }
}

/// What a reactor does at the end of a turn.
pub enum Role {
    /// Runs the engine.
    Core(Box<Core>),
    /// Hands its batches to the core.
    Worker(Box<Worker>),
}

/// One thread's state.
pub struct Reactor {
    thread: u16,
    connections: Vec<Option<Box<Connection>>>,
    free: Vec<u32>,
    /// Connections whose batch can go.
    ready: Vec<u32>,
    /// Connections that may hold more or less memory than the engine knows.
    weighed: Vec<u32>,
    /// What goes to the engine at the end of the turn.
    inbox: Vec<Inbound>,
    pool: Pool,
    volume: Volume,
    /// Writes since the last turn.
    writes: usize,
    counters: Arc<ThreadCounters>,
    settings: Arc<IoSettings>,
    preparer: Preparer,
    registry: Arc<Registry>,
    bell: Bell,
    scratch: Vec<u8>,
    role: Role,
}

impl Reactor {
    /// A reactor without connections.
    pub fn new(
        thread: u16,
        settings: Arc<IoSettings>,
        preparer: Preparer,
        registry: Arc<Registry>,
        bell: Bell,
        role: Role,
    ) -> Reactor {
        Reactor {
            thread,
            connections: Vec::new(),
            free: Vec::new(),
            ready: Vec::new(),
            weighed: Vec::new(),
            inbox: Vec::new(),
            pool: Pool::default(),
            volume: Volume::default(),
            writes: 0,
            counters: registry.enter_thread(thread),
            settings,
            preparer,
            registry,
            bell,
            scratch: Vec::new(),
            role,
        }
    }

    /// The core's side, on the core thread.
    pub fn core(&mut self) -> Option<&mut Core> {
        match &mut self.role {
            Role::Core(core) => Some(core),
            Role::Worker(_) => None,
        }
    }

    /// The settings.
    pub fn settings(&self) -> Arc<IoSettings> {
        Arc::clone(&self.settings)
    }

    /// Takes a socket in and starts its task.
    pub fn adopt(
        &mut self,
        id: ClientId,
        counters: Arc<Counters>,
        socket: Socket,
        arrival: Arrival,
    ) {
        let stream = match socket.join() {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!("Cannot serve a connection: {error}");
                self.registry.leave(id);
                return;
            }
        };
        let slot = self.seat();
        let route = Route { id, thread: self.thread, slot };
        self.inbox.push(Inbound::Connected(Box::new(Arrival { route, ..arrival })));
        self.enter(route, stream, counters);
    }

    fn seat(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.connections.push(None);
            u32::try_from(self.connections.len() - 1).expect("fewer sockets than 2^32")
        })
    }

    fn enter(&mut self, route: Route, stream: Stream, counters: Arc<Counters>) {
        let connection = Connection::new(route, stream, counters, !self.settings.password);
        self.connections[route.slot as usize] = Some(Box::new(connection));
        self.count_clients();
        tokio::spawn(std::future::poll_fn(move |cx| with(|reactor| reactor.poll(route, cx))));
    }

    /// A connection's task: sends what waits, reads once, parses; ends the turn by volume.
    fn poll(&mut self, route: Route, cx: &mut Context<'_>) -> Poll<()> {
        let Some(connection) = find(&mut self.connections, route) else { return Poll::Ready(()) };
        connection.remember(cx);
        if connection.has_output() {
            self.writes += 1;
            connection.flush(cx, &self.settings);
            connection.end_if_sent();
        }
        if matches!(connection.life, Life::Lingering(..)) {
            connection.linger(cx, &mut self.scratch);
        }
        while connection.wants_input() {
            match connection.read(cx, &mut self.pool) {
                Read::Nothing => break,
                Read::Bytes(count, after) => {
                    self.volume.reads += 1;
                    self.volume.bytes += count;
                    self.volume.commands +=
                        connection.parse(&self.settings, &self.preparer, &mut self.pool);
                    if connection.stuck_before_auth() {
                        connection.refuse_stranger();
                    }
                    match after {
                        After::Again => {}
                        After::Wait => break,
                        After::Others => {
                            later(cx);
                            break;
                        }
                    }
                }
                Read::End => {
                    connection.end_input(&mut self.pool);
                    if connection.in_flight {
                        self.inbox.push(Inbound::Hangup(route));
                    }
                }
                Read::Broken => connection.life = Life::Dead,
            }
        }
        connection.rest(&mut self.pool);
        if connection.may_have_news() {
            self.weighed.push(route.slot);
        }
        if connection.has_news() && !connection.listed {
            connection.listed = true;
            self.ready.push(route.slot);
        }
        let dead = connection.is_dead();
        if dead {
            self.remove(route);
        }
        if self.volume.is_full() {
            self.turn();
        }
        if dead { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Removes a connection and tells the engine.
    fn remove(&mut self, route: Route) {
        let Some(place) = self.connections.get_mut(route.slot as usize) else { return };
        if place.as_ref().is_some_and(|connection| connection.route == route)
            && let Some(connection) = place.take()
        {
            connection.wake();
            if let Some(batch) = connection.batch {
                self.pool.give(batch);
            }
            self.free.push(route.slot);
            self.count_clients();
            self.registry.leave(route.id);
            self.inbox.push(Inbound::Gone(route, connection.loss));
        }
    }

    fn count_clients(&self) {
        let count = self.connections.len() - self.free.len();
        self.counters.clients.store(count as u64, Ordering::Relaxed);
    }

    /// The end of a turn.
    pub fn turn(&mut self) {
        let volume = std::mem::take(&mut self.volume);
        self.counters.count(volume.reads, std::mem::take(&mut self.writes));
        self.gather();
        match &mut self.role {
            Role::Core(core) => {
                let mut outbox = core.turn(&mut self.inbox);
                for outbound in outbox.drain(..) {
                    self.deliver(outbound);
                }
                self.after_core(outbox);
            }
            Role::Worker(worker) => {
                worker.hand_over(&mut self.inbox);
                while let Some(message) = self.worker_message() {
                    self.hear(message);
                }
            }
        }
        self.tell_buffers();
        if !self.inbox.is_empty() || !self.ready.is_empty() {
            self.bell.stay_awake();
        }
    }

    /// Tells the engine which connections hold much more, or much less, than it knows.
    fn tell_buffers(&mut self) {
        for slot in self.weighed.drain(..) {
            let Some(connection) = &mut self.connections[slot as usize] else { continue };
            if let Some(buffers) = connection.news_of_buffers(HEAVY) {
                self.inbox.push(Inbound::Buffers(connection.route, buffers));
            }
        }
    }

    /// Batches that can go move to the inbox, in the order their bytes came.
    fn gather(&mut self) {
        for slot in self.ready.drain(..) {
            let Some(connection) = self.connections[slot as usize].as_mut() else { continue };
            connection.listed = false;
            if connection.has_news()
                && let Some(batch) = connection.publish(&mut self.pool)
            {
                self.inbox.push(Inbound::Batch(batch));
            }
        }
    }

    /// What the core does behind a turn: settings that changed, threads to wake, the end.
    fn after_core(&mut self, outbox: Vec<Outbound>) {
        let Role::Core(core) = &mut self.role else { return };
        core.give_back(outbox);
        if let Some(settings) = core.new_settings() {
            self.settings = settings;
        }
        core.finish_turn();
    }

    fn worker_message(&mut self) -> Option<super::threads::ToWorker> {
        match &mut self.role {
            Role::Worker(worker) => worker.next_message(),
            Role::Core(_) => None,
        }
    }

    fn hear(&mut self, message: super::threads::ToWorker) {
        use super::threads::ToWorker;
        match message {
            ToWorker::Out(outbound) => self.deliver(outbound),
            ToWorker::Adopt(id, counters, socket, arrival) => {
                self.adopt(id, counters, socket, *arrival);
            }
            ToWorker::Settings(settings) => self.settings = settings,
        }
    }

    /// Brings one message of the engine to its connection.
    fn deliver(&mut self, outbound: Outbound) {
        match outbound {
            Outbound::Answer(batch) => self.answer(batch),
            Outbound::Push(route, reply, class) => self.push(route, reply, class),
            Outbound::Cut(route) => self.remove(route),
            Outbound::Close(route) => {
                if let Some(connection) = find(&mut self.connections, route) {
                    connection.close();
                    self.settle(route);
                }
            }
        }
    }

    #[inline]
    fn answer(&mut self, mut batch: Box<Batch>) {
        let route = batch.route;
        let Some(connection) = find(&mut self.connections, route) else {
            self.pool.give(batch);
            return;
        };
        connection.learn(&batch);
        self.writes += 1;
        connection.write(&mut batch.reply, &self.settings);
        if batch.stop == Stop::OutputFull && !batch.close && connection.is_open() {
            self.inbox.push(Inbound::Batch(batch));
            return;
        }
        if connection.may_have_news() {
            self.weighed.push(route.slot);
        }
        connection.in_flight = false;
        if batch.close {
            connection.close();
        }
        self.pool.give(batch);
        connection.resume(&self.settings, &self.preparer, &mut self.pool);
        if connection.stuck_before_auth() {
            connection.refuse_stranger();
        }
        if connection.batch.is_some() || !connection.is_open() {
            self.settle(route);
        }
    }

    fn push(&mut self, route: Route, mut reply: Box<Reply>, class: Class) {
        let Some(connection) = find(&mut self.connections, route) else { return };
        connection.set_class(class);
        self.writes += 1;
        connection.write(&mut reply, &self.settings);
        if connection.may_have_news() {
            self.weighed.push(route.slot);
        }
        if !connection.is_open() {
            self.settle(route);
        }
    }

    /// Removes a connection that is dead; else lists it if it has news, and has its task look at it.
    fn settle(&mut self, route: Route) {
        let Some(connection) = find(&mut self.connections, route) else { return };
        if connection.is_dead() {
            self.remove(route);
            return;
        }
        if connection.has_news() && !connection.listed {
            connection.listed = true;
            self.ready.push(route.slot);
        }
        connection.wake();
    }

    /// The idle end of a turn: called when no task is runnable, before the thread sleeps.
    pub fn park(&mut self) {
        self.turn();
        self.bell.falling_asleep();
        let more = match &mut self.role {
            Role::Core(core) => core.has_input(),
            Role::Worker(worker) => {
                worker.count_work();
                worker.has_input()
            }
        };
        if more {
            self.bell.stay_awake();
        }
    }

    /// The thread is awake again.
    pub fn unpark(&mut self) {
        self.bell.awake();
        if let Role::Worker(worker) = &mut self.role {
            worker.wake_up();
        }
    }

    /// Looks at limits of time, once a second.
    pub fn tick(&mut self) {
        match &mut self.role {
            Role::Core(core) => core.measure_load(),
            Role::Worker(worker) => worker.count_work(),
        }
        let mut dead = Vec::new();
        for connection in self.connections.iter_mut().flatten() {
            connection.check_time(&self.settings);
            if connection.is_dead() {
                dead.push(connection.route);
            } else if let Some(buffers) = connection.news_of_buffers(1) {
                self.inbox.push(Inbound::Buffers(connection.route, buffers));
            }
        }
        for route in dead {
            self.remove(route);
        }
    }
}

#[inline]
fn find(connections: &mut [Option<Box<Connection>>], route: Route) -> Option<&mut Connection> {
    connections
        .get_mut(route.slot as usize)?
        .as_deref_mut()
        .filter(|connection| connection.route == route)
}

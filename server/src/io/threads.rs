//! I/O threads: their side of the rings, and how they are started.
//!
//! Owns: the worker's ring ends.   Uses: queue, bell, reactor.   Never: the engine.
//!
//! Both rings are bounded. A full ring to the core keeps batches with the worker, which stops reading
//! those sockets (each has a batch waiting); TCP does the rest.

use super::bell::Bell;
use super::reactor::{Reactor, Role, install, with};
use super::registry::{Counters, Registry};
use super::settings::IoSettings;
use super::stream::Socket;
use crate::base::queue::{Consumer, Producer, ring};
use crate::engine::port::{Inbound, Outbound, Preparer};
use crate::session::{Arrival, ClientId};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Messages that a ring holds.
const RING: usize = 4096;

/// What a worker is told.
#[derive(Debug)]
pub enum ToWorker {
    /// Output for one of its connections.
    Out(Outbound),
    /// A new connection.
    Adopt(ClientId, Arc<Counters>, Socket, Box<Arrival>),
    /// New settings.
    Settings(Arc<IoSettings>),
}

/// The worker's ends of its rings.
pub struct Worker {
    to_core: Producer<Inbound>,
    from_core: Consumer<ToWorker>,
    core: Bell,
    busy: Arc<AtomicU64>,
    awake_since: Instant,
}

impl Worker {
    /// Hands the inbox over as far as the ring has room, and wakes the core if it sleeps.
    pub fn hand_over(&mut self, inbox: &mut Vec<Inbound>) {
        if inbox.is_empty() {
            return;
        }
        let count = inbox.len().min(self.to_core.free());
        for message in inbox.drain(..count) {
            let pushed = self.to_core.push(message);
            assert!(pushed.is_ok(), "the ring said that it had room");
        }
        if count > 0 {
            self.core.ring();
        }
    }

    /// The next message of the core.
    pub fn next_message(&mut self) -> Option<ToWorker> {
        self.from_core.pop()
    }

    /// Whether the core has sent anything.
    pub fn has_input(&mut self) -> bool {
        !self.from_core.is_empty()
    }

    /// The thread woke up.
    pub fn wake_up(&mut self) {
        self.awake_since = Instant::now();
    }

    /// The time since the thread woke was work: said before it sleeps, and each second if it never does.
    pub fn count_work(&mut self) {
        let worked = self.awake_since.elapsed().as_micros() as u64;
        self.busy.fetch_add(worked, Ordering::Relaxed);
        self.awake_since = Instant::now();
    }
}

/// The core's side of one worker.
pub struct Link {
    to_worker: Producer<ToWorker>,
    from_worker: Consumer<Inbound>,
    bell: Bell,
    /// What did not fit into the ring. It is bounded by what it holds: one answer for each
    /// connection, and pushes within their clients' limits.
    backlog: VecDeque<ToWorker>,
    told: bool,
    /// Connections it was given and that are open.
    pub connections: usize,
    /// Microseconds that the worker has worked.
    pub busy: Arc<AtomicU64>,
}

impl Link {
    /// The next message of the worker.
    #[inline]
    pub fn next_message(&mut self) -> Option<Inbound> {
        let message = self.from_worker.pop();
        if let Some(Inbound::Gone(..)) = message {
            self.connections = self.connections.saturating_sub(1);
        }
        message
    }

    /// Whether the worker has sent anything, or waits for room in its ring.
    pub fn has_input(&mut self) -> bool {
        !self.from_worker.is_empty() || (!self.backlog.is_empty() && self.to_worker.free() > 0)
    }

    /// Sends a message; never waits.
    #[inline]
    pub fn tell(&mut self, message: ToWorker) {
        self.told = true;
        if self.backlog.is_empty() {
            if let Err(message) = self.to_worker.push(message) {
                self.backlog.push_back(message);
            }
        } else {
            self.backlog.push_back(message);
        }
    }

    /// How many messages found no room.
    pub fn backlog(&self) -> usize {
        self.backlog.len()
    }

    /// Sends what found no room before, and wakes the worker if it was told anything.
    pub fn finish_turn(&mut self) {
        while let Some(message) = self.backlog.pop_front() {
            self.told = true;
            if let Err(message) = self.to_worker.push(message) {
                self.backlog.push_front(message);
                break;
            }
        }
        if std::mem::take(&mut self.told) {
            self.bell.ring();
        }
    }
}

/// Starts worker number `thread` and returns the core's side of it.
///
/// # Errors
/// The kernel's: no more threads or descriptors.
pub fn start(
    thread: u16,
    core: Bell,
    settings: Arc<IoSettings>,
    preparer: Preparer,
    registry: Arc<Registry>,
) -> io::Result<Link> {
    let (to_core, from_worker) = ring(RING);
    let (to_worker, from_core) = ring(RING);
    let bell = Bell::default();
    let busy = Arc::new(AtomicU64::new(0));
    let worker =
        Worker { to_core, from_core, core, busy: Arc::clone(&busy), awake_since: Instant::now() };
    let own = bell.clone();
    std::thread::Builder::new().name(format!("io-{thread}")).spawn(move || {
        let role = Role::Worker(Box::new(worker));
        install(Reactor::new(thread, settings, preparer, registry, own.clone(), role));
        let runtime = runtime().expect("a thread can have a runtime while descriptors last");
        runtime.block_on(async move {
            tokio::spawn(own.listen());
            let mut every = tokio::time::interval(Duration::from_secs(1));
            loop {
                every.tick().await;
                with(Reactor::tick);
            }
        });
    })?;
    Ok(Link {
        to_worker,
        from_worker,
        bell,
        backlog: VecDeque::new(),
        told: false,
        connections: 0,
        busy,
    })
}

/// A runtime whose idle moments end the reactor's turns.
///
/// # Errors
/// Out of descriptors.
pub fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .event_interval(1024)
        .global_queue_interval(1024)
        .max_io_events_per_tick(1024)
        .on_thread_park(|| with(Reactor::park))
        .on_thread_unpark(|| with(Reactor::unpark))
        .build()
}

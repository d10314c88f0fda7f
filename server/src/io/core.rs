//! The core thread's end of a turn: collects batches, runs the engine, sends its output on.
//!
//! Owns: the engine, its host, the links to the I/O threads.   Uses: engine, threads, disk.
//! Never: waits on a ring.

use super::clock::Clock;
use super::disk::World;
use super::ending::{Asked, Ending};
use super::settings::IoSettings;
use super::threads::{Link, ToWorker};
use crate::command::next::Shutdown;
use crate::engine::Engine;
use crate::engine::port::{Inbound, Outbound};
use crate::session::Route;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::Notify;

/// Messages to one worker that may wait beside its full ring before pushes to it are refused.
const BACKLOG: usize = 65_536;

/// What the core thread has besides a reactor.
pub struct Core {
    engine: Engine,
    world: World,
    clock: Clock,
    links: Vec<Link>,
    settings_version: u64,
    /// When the timer will wake the thread, in microseconds of the monotonic clock.
    timer_at: u64,
    timer: Arc<Notify>,
    ending: Arc<Ending>,
    at_exit: Box<dyn Fn(i32)>,
    outbox: Vec<Outbound>,
    /// How many workers get connections.
    open: usize,
}

/// Percent of its time that a worker works before the next one is opened.
const OPEN_NEXT: u64 = 60;

impl Core {
    /// The core's side. `at_exit` ends the process; `ending` asks for it.
    pub fn new(
        engine: Engine,
        world: World,
        links: Vec<Link>,
        ending: Arc<Ending>,
        at_exit: Box<dyn Fn(i32)>,
    ) -> Core {
        let settings_version = engine.settings_version();
        let clock = world.clock();
        Core {
            engine,
            world,
            clock,
            links,
            settings_version,
            timer_at: 0,
            timer: Arc::new(Notify::new()),
            ending,
            at_exit,
            outbox: Vec::new(),
            open: 1,
        }
    }

    /// Runs the engine on what came in, and sends the workers' share of its output to them. Returns the
    /// own share, to be given back empty.
    pub fn turn(&mut self, inbox: &mut Vec<Inbound>) -> Vec<Outbound> {
        if !self.links.is_empty() {
            self.take_messages(inbox);
        }
        let now = self.clock.now();
        if let Some(asked) = self.ending.asked() {
            let words = match asked {
                Asked::Terminate => self.engine.config().on_sigterm,
                Asked::Interrupt => self.engine.config().on_sigint,
            };
            let how = Shutdown { save: words.save, force: words.force };
            // What stops it is logged, and the next signal tries again.
            let _ = self.engine.shut_down(&mut self.world, how);
            // Only now: until here a second SIGINT insists.
            self.ending.answered();
        }
        self.engine.turn(&mut self.world, now, inbox);
        let mut own = std::mem::take(&mut self.outbox);
        if self.links.is_empty() {
            std::mem::swap(&mut own, self.engine.take_outbox());
            return own;
        }
        for outbound in self.engine.take_outbox().drain(..) {
            match home(&outbound).thread {
                0 => own.push(outbound),
                thread => tell(&mut self.links[usize::from(thread) - 1], outbound),
            }
        }
        own
    }

    fn take_messages(&mut self, inbox: &mut Vec<Inbound>) {
        let own = inbox.len();
        for link in &mut self.links {
            while let Some(message) = link.next_message() {
                inbox.push(message);
            }
        }
        self.world.note_ring_depth(inbox.len() - own);
    }

    /// Takes the empty list back for the next turn.
    pub fn give_back(&mut self, outbox: Vec<Outbound>) {
        self.outbox = outbox;
    }

    /// The settings, if they changed; the workers are told as well.
    pub fn new_settings(&mut self) -> Option<Arc<IoSettings>> {
        if self.settings_version == self.engine.settings_version() {
            return None;
        }
        self.settings_version = self.engine.settings_version();
        let settings = Arc::new(IoSettings::of(self.engine.config()));
        for link in &mut self.links {
            link.tell(ToWorker::Settings(Arc::clone(&settings)));
        }
        Some(settings)
    }

    /// Wakes the workers that were told anything, sets the timer, and ends the process if that is due.
    pub fn finish_turn(&mut self) {
        for link in &mut self.links {
            link.finish_turn();
        }
        if let Some(code) = self.engine.exit() {
            (self.at_exit)(code);
        }
        if self.engine.next_deadline() < self.timer_at {
            self.timer_at = 0;
            self.timer.notify_one();
        }
    }

    /// Whether a worker has sent anything, or the engine has work left.
    pub fn has_input(&mut self) -> bool {
        self.engine.busy() || self.links.iter_mut().any(Link::has_input)
    }

    /// The engine, for the listener and for `boot`.
    pub fn engine(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// Engine and host together.
    pub fn parts(&mut self) -> (&mut Engine, &mut World) {
        (&mut self.engine, &mut self.world)
    }

    /// The worker that gets the next connection; none: the core serves it itself. With a fixed number
    /// the one with the fewest; with `auto` they are filled one after another, and the next is opened
    /// when the open ones work more than [`OPEN_NEXT`] of their time.
    pub fn next_worker(&mut self) -> Option<usize> {
        self.open = self.open.clamp(1, self.links.len().max(1));
        let open = &self.links[..self.open.min(self.links.len())];
        open.iter().enumerate().min_by_key(|(_, link)| link.connections).map(|(at, _)| at)
    }

    /// Opens all workers at once: their number was fixed.
    pub fn open_all(&mut self) {
        self.open = self.links.len();
    }

    /// Opens another worker if the open ones are busy. Called once a second.
    pub fn measure_load(&mut self) {
        let busy: Vec<u64> =
            self.links.iter().map(|link| link.busy.swap(0, Ordering::Relaxed)).collect();
        let worked: u64 = busy.iter().sum();
        self.world.note_busy(busy.iter().map(|micros| (micros / 10_000).min(100)).collect());
        let most = self.open as u64 * 1_000_000;
        if self.open < self.links.len() && worked * 100 > most * OPEN_NEXT {
            self.open += 1;
        }
    }

    /// The links to the workers.
    pub fn links(&mut self) -> &mut [Link] {
        &mut self.links
    }

    /// When to wake up next, and what tells of an earlier time.
    pub fn set_timer(&mut self) -> (std::time::Instant, Arc<Notify>) {
        self.timer_at = self.engine.next_deadline();
        (self.clock.instant(self.timer_at), Arc::clone(&self.timer))
    }
}

fn home(outbound: &Outbound) -> Route {
    match outbound {
        Outbound::Answer(batch) => batch.route,
        Outbound::Push(route, ..) | Outbound::Close(route) | Outbound::Cut(route) => *route,
    }
}

/// Sends a message to a worker. One that is so far behind that its backlog is full loses the client
/// that gets the push, not the server its memory.
fn tell(link: &mut Link, outbound: Outbound) {
    let outbound = match outbound {
        Outbound::Push(route, ..) if link.backlog() > BACKLOG => Outbound::Close(route),
        other => other,
    };
    link.tell(ToWorker::Out(outbound));
}

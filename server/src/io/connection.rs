//! One connection: its socket, its parser, the batch being filled, the output that waits.
//!
//! Owns: what belongs to one socket.   Uses: stream, output, parser.   Never: other connections.
//!
//! ```text
//!   socket -> read -> batch being filled --publish--> (in flight) --answer--> output -> socket
//! ```
//! At most one batch is in flight. Meanwhile the socket is still read, into the next batch and not
//! beyond [`SPARE`] bytes, so that the end of the stream is seen even while the client waits.

use super::output::Output;
use super::pool::Pool;
use super::registry::Counters;
use super::settings::IoSettings;
use super::stream::{Received, Rest, Stream};
use crate::config::lists::OutputLimit;
use crate::engine::port::{Batch, Ending, Loss, Preparer};
use crate::resp::protocol::ProtocolError;
use crate::resp::reply::Reply;
use crate::resp::request::{Halt, Limits, Parser};
use crate::session::{Buffers, Class, Route};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

/// Bytes that are read at once: what a flood of small commands brings is executed in one go, so this
/// bounds how long others wait. Twice as much gains a flood 2-9 % and costs the others half as much again.
const READ_MOST: usize = 8 * 1024;
/// Bytes of a big bulk string that are read at once.
const READ_BIG: usize = 256 * 1024;
/// Bytes that are read ahead while a batch is in flight.
const SPARE: usize = 64 * 1024;

/// What reading gave.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    /// Nothing now; the task is woken when there is.
    Nothing,
    /// So many bytes.
    Bytes(usize, After),
    /// The peer sends no more.
    End,
    /// The connection is broken.
    Broken,
}

/// What may come after bytes that were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// The socket is empty; the task is woken when it is not.
    Wait,
    /// There may be more, or the end: to be read at once.
    Again,
    /// As many came as are read at once: others have their turn first.
    Others,
}

/// How far a connection's end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It serves.
    Open,
    /// It closes once its output is sent.
    Closing,
    /// Its output is sent; what the peer still sends is thrown away until it has read our last words,
    /// for an unread byte would make the kernel take them back.
    Lingering(Instant, usize),
    /// It is to be removed.
    Dead,
}

/// Bytes that a lingering connection may throw away.
const LINGER_BYTES: usize = 16 << 20;
/// How long a closing connection's peer may take nothing of what is still to be sent: it would else keep the
/// descriptor for ever.
const STALL: std::time::Duration = std::time::Duration::from_secs(10);
/// How long it may linger.
const LINGER: std::time::Duration = std::time::Duration::from_secs(1);

/// One connection.
#[derive(Debug)]
pub struct Connection {
    /// Where it lives, and its number.
    pub route: Route,
    /// The batch being filled.
    pub batch: Option<Box<Batch>>,
    /// A batch is with the engine.
    pub in_flight: bool,
    /// It stands in the list of those with news.
    pub listed: bool,
    /// How far its end has come.
    pub life: Life,
    /// Why it ends, should it end before the engine says so.
    pub loss: Loss,
    stream: Stream,
    parser: Parser,
    output: Output,
    counters: Arc<Counters>,
    waker: Option<Waker>,
    authenticated: bool,
    class: Class,
    /// Why the parser stopped, if not for lack of bytes.
    halted: Option<Halt>,
    over_soft: Option<Instant>,
    /// Since when a closing connection's peer has taken nothing.
    stalled: Option<Instant>,
    /// What the engine was last told that this holds.
    told: Buffers,
    seat: u32,
    db: usize,
}

impl Connection {
    /// A connection that begins.
    pub fn new(route: Route, stream: Stream, counters: Arc<Counters>, authenticated: bool) -> Self {
        Connection {
            route,
            batch: None,
            in_flight: false,
            listed: false,
            life: Life::Open,
            loss: Loss::Peer,
            stream,
            parser: Parser::new(),
            output: Output::default(),
            counters,
            waker: None,
            authenticated,
            class: Class::Normal,
            halted: None,
            over_soft: None,
            stalled: None,
            told: Buffers::default(),
            seat: 0,
            db: 0,
        }
    }

    /// Whether it serves. Not by `==`, which would compare times.
    #[inline]
    pub fn is_open(&self) -> bool {
        matches!(self.life, Life::Open)
    }

    /// Whether it is to be removed.
    #[inline]
    pub fn is_dead(&self) -> bool {
        matches!(self.life, Life::Dead)
    }

    /// Keeps the task's waker.
    #[inline]
    pub fn remember(&mut self, cx: &Context<'_>) {
        if !self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.waker = Some(cx.waker().clone());
        }
    }

    /// Has the task look at the connection again.
    pub fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }

    /// Whether reading on would be of use and within bounds.
    #[inline]
    pub fn wants_input(&self) -> bool {
        let open = self.is_open() && self.halted.is_none();
        open && self.batch.as_ref().is_none_or(|batch| {
            batch.ending == Ending::Open && (!self.in_flight || batch.requests.buf.len() < SPARE)
        })
    }

    /// Reads once.
    #[inline]
    pub fn read(&mut self, cx: &mut Context<'_>, pool: &mut Pool) -> Read {
        let (room, result) = if let Some(mut target) = self.parser.big() {
            let room = target.limit().min(READ_BIG);
            (room, self.stream.poll_receive(cx, target.get_mut(), room))
        } else {
            let batch = self.batch.get_or_insert_with(|| pool.take());
            let buffer = &mut batch.requests.buf;
            if buffer.capacity() - buffer.len() < 1024 {
                // It fills up: a client that sends much gets larger reads.
                buffer.reserve(READ_MOST.min(buffer.capacity().max(4096)));
            }
            let room = (buffer.capacity() - buffer.len()).min(READ_MOST);
            (room, self.stream.poll_receive(cx, buffer, room))
        };
        match result {
            Poll::Pending => Read::Nothing,
            Poll::Ready(Ok(Received { bytes: 0, .. })) => Read::End,
            Poll::Ready(Ok(Received { bytes, rest })) => {
                if let Some(batch) = &mut self.batch {
                    batch.bytes_in += bytes as u64;
                }
                let after = match rest {
                    Rest::Nothing => After::Wait,
                    Rest::Unknown if bytes == room => After::Others,
                    Rest::Unknown => After::Again,
                };
                Read::Bytes(bytes, after)
            }
            Poll::Ready(Err(_)) => Read::Broken,
        }
    }

    /// Parses what was read into requests, and says how many there are now that were not before.
    pub fn parse(&mut self, settings: &IoSettings, preparer: &Preparer, pool: &mut Pool) -> usize {
        let batch = self.batch.get_or_insert_with(|| pool.take());
        let before = batch.requests.len();
        let limits = Limits { max_bulk: settings.max_bulk, authenticated: self.authenticated };
        match self.parser.parse(&mut batch.requests, &limits) {
            Halt::NeedMore => {}
            Halt::Error(error) => {
                self.halted = Some(Halt::Error(error.clone()));
                batch.ending = Ending::Broken(error);
            }
            halt @ (Halt::NeedAuth | Halt::Full) => self.halted = Some(halt),
        }
        preparer.prepare(batch);
        let parsed = batch.requests.len() - before;
        if batch.requests.footprint() + self.parser.footprint() > settings.query_limit {
            tracing::warn!(
                "Closing client {} that reached max query buffer length",
                self.route.id.0
            );
            self.life = Life::Dead;
        }
        parsed
    }

    /// Looks again at a stop of the parser after a batch came back.
    pub fn resume(&mut self, settings: &IoSettings, preparer: &Preparer, pool: &mut Pool) {
        match &self.halted {
            Some(Halt::Full) => {}
            Some(Halt::NeedAuth) if self.authenticated => {}
            Some(Halt::NeedAuth) if self.batch.as_ref().is_none_or(|b| b.requests.is_empty()) => {
                self.refuse_stranger();
                return;
            }
            Some(Halt::NeedAuth | Halt::Error(_) | Halt::NeedMore) | None => return,
        }
        if self.batch.as_ref().is_some_and(|batch| !batch.requests.is_empty()) {
            // Its requests go first; the parser goes on in the batch that follows.
            return;
        }
        self.halted = None;
        let _ = self.parse(settings, preparer, pool);
    }

    /// A request too large for somebody who has not authenticated.
    pub fn refuse_stranger(&mut self) {
        let error = self.parser.auth_error().unwrap_or(ProtocolError::UnauthenticatedBulk);
        if let Some(batch) = &mut self.batch {
            batch.ending = Ending::Broken(error.clone());
        }
        self.halted = Some(Halt::Error(error));
    }

    /// Whether the parser waits for the verdict on AUTH and nothing is on its way to give one.
    pub fn stuck_before_auth(&self) -> bool {
        matches!(self.halted, Some(Halt::NeedAuth))
            && !self.in_flight
            && self.batch.as_ref().is_none_or(|batch| batch.requests.is_empty())
    }

    /// The peer sends no more: the batch being filled is the last.
    pub fn end_input(&mut self, pool: &mut Pool) {
        let batch = self.batch.get_or_insert_with(|| pool.take());
        if batch.ending == Ending::Open {
            batch.ending = Ending::Eof;
        }
    }

    /// Whether the batch being filled can go to the engine.
    #[inline]
    pub fn has_news(&self) -> bool {
        !self.in_flight
            && self.is_open()
            && self.batch.as_ref().is_some_and(|batch| batch.has_news())
    }

    /// Takes the batch for the engine; a request that is half read moves on to the next one.
    #[inline]
    pub fn publish(&mut self, pool: &mut Pool) -> Option<Box<Batch>> {
        let mut batch = self.batch.take()?;
        if self.parser.is_midway(&batch.requests) && batch.ending == Ending::Open {
            let mut next = pool.take();
            self.parser.carry(&mut batch.requests, &mut next.requests);
            self.batch = Some(next);
        }
        batch.route = self.route;
        batch.seat = self.seat;
        batch.db = self.db;
        self.in_flight = true;
        Some(batch)
    }

    /// Gives an unused batch back, so that an idle connection holds no buffer.
    #[inline]
    pub fn rest(&mut self, pool: &mut Pool) {
        let unused = self.batch.as_ref().is_some_and(|batch| {
            batch.requests.buf.is_empty() && batch.ending == Ending::Open && batch.bytes_in == 0
        });
        if unused && let Some(batch) = self.batch.take() {
            pool.give(batch);
        }
    }

    /// Notes what a batch that came back says of the session.
    #[inline]
    pub fn learn(&mut self, batch: &Batch) {
        self.authenticated = batch.authenticated;
        self.class = batch.class;
        self.seat = batch.seat;
        self.db = batch.db;
    }

    /// Notes the class of a session that got a push.
    pub fn set_class(&mut self, class: Class) {
        self.class = class;
    }

    /// Sends a reply, or keeps what the socket does not take.
    #[inline]
    pub fn write(&mut self, reply: &mut Reply, settings: &IoSettings) {
        match self.output.write(&self.stream, reply) {
            Ok(sent) => self.counters.count_sent(sent),
            Err(_) => {
                self.life = Life::Dead;
                return;
            }
        };
        if !self.output.is_empty() {
            self.counters.waiting.store(self.output.len() as u64, Ordering::Relaxed);
            self.hold_limit(settings);
            self.wake();
        }
    }

    /// Goes on sending what waits.
    pub fn flush(&mut self, cx: &mut Context<'_>, settings: &IoSettings) {
        match self.output.flush(&mut self.stream, cx) {
            Ok((sent, more)) => {
                if sent > 0 {
                    self.stalled = None;
                }
                self.counters.count_sent(sent);
                self.counters.waiting.store(self.output.len() as u64, Ordering::Relaxed);
                self.hold_limit(settings);
                if more {
                    later(cx);
                }
            }
            Err(_) => self.life = Life::Dead,
        }
    }

    /// What it holds now, if that differs by `least` bytes or more from what the engine was last told: to be told.
    pub fn news_of_buffers(&mut self, least: u64) -> Option<Buffers> {
        let batch = self.batch.as_ref().map_or(0, |batch| batch.footprint());
        let query = (batch + self.parser.footprint()) as u64;
        let buffers = Buffers { query, output: self.output.footprint() as u64 };
        let differs = buffers.total().abs_diff(self.told.total()) >= least;
        differs.then(|| {
            self.told = buffers;
            buffers
        })
    }

    /// Whether it holds anything that the engine is to know of, or was told that it does.
    #[inline]
    pub fn may_have_news(&self) -> bool {
        self.batch.is_some() || self.has_output() || self.told != Buffers::default()
    }

    /// Whether output waits.
    #[inline]
    pub fn has_output(&self) -> bool {
        !self.output.is_empty()
    }

    /// Closes the connection if more waits than its class allows.
    pub fn hold_limit(&mut self, settings: &IoSettings) {
        let limit = settings.limit(self.class, self.authenticated || !settings.password);
        if !self.over_limit(limit) {
            return;
        }
        tracing::warn!(
            "Client {} scheduled to be closed ASAP for overcoming of output buffer limits ({} bytes \
             wait).",
            self.route.id.0,
            self.output.len()
        );
        self.loss = Loss::OutputLimit;
        self.life = Life::Dead;
    }

    fn over_limit(&mut self, limit: OutputLimit) -> bool {
        let waiting = self.output.len() as u64;
        if limit.hard > 0 && waiting > limit.hard {
            return true;
        }
        if limit.soft == 0 || waiting <= limit.soft {
            self.over_soft = None;
            return false;
        }
        let since = *self.over_soft.get_or_insert_with(Instant::now);
        since.elapsed().as_secs() >= limit.soft_seconds
    }

    /// Ends the connection once its output is sent.
    pub fn close(&mut self) {
        if self.is_open() {
            self.life = Life::Closing;
            self.end_if_sent();
        }
    }

    /// A closing connection whose output is sent says its goodbye.
    pub fn end_if_sent(&mut self) {
        if self.life != Life::Closing || self.has_output() {
            return;
        }
        self.stream.end_output();
        let after_error = matches!(self.halted, Some(Halt::Error(_)));
        self.life = if after_error {
            Life::Lingering(Instant::now() + LINGER, LINGER_BYTES)
        } else {
            Life::Dead
        };
        self.wake();
    }

    /// Throws away what the peer still sends, until it has read our last words or takes too long.
    pub fn linger(&mut self, cx: &mut Context<'_>, scratch: &mut Vec<u8>) {
        let Life::Lingering(until, mut left) = self.life else { return };
        loop {
            scratch.clear();
            scratch.reserve(READ_MOST);
            match self.stream.poll_receive(cx, scratch, READ_MOST) {
                Poll::Pending => break,
                Poll::Ready(Ok(Received { bytes, .. })) if bytes > 0 && left > bytes => {
                    left -= bytes
                }
                Poll::Ready(_) => {
                    self.life = Life::Dead;
                    return;
                }
            }
        }
        self.life = if Instant::now() > until { Life::Dead } else { Life::Lingering(until, left) };
    }

    /// Looks at the limits of time: a soft limit exceeded for too long, a farewell that takes too long. To be
    /// called once a second.
    pub fn check_time(&mut self, settings: &IoSettings) {
        if self.life == Life::Closing
            && self.stalled.get_or_insert_with(Instant::now).elapsed() > STALL
        {
            self.life = Life::Dead;
        }
        if let Life::Lingering(until, _) = self.life
            && Instant::now() > until
        {
            self.life = Life::Dead;
        }
        if self.has_output() {
            self.hold_limit(settings);
        }
    }
}

/// Has the task polled again, but only after the runtime has looked at all sockets: woken at once, a few
/// that are always ready would keep the others waiting for a whole event interval.
pub fn later(cx: &mut Context<'_>) {
    let yielding = std::pin::pin!(tokio::task::yield_now());
    // The first poll of a yield registers the waker and never completes.
    let first = std::future::Future::poll(yielding, cx);
    assert!(first.is_pending(), "a yield completed at once");
}

//! One simulated connection: bytes on their way, the parser, the batch being filled.
//!
//! Owns: what `io` owns of a connection.   Uses: the server's parser and batches.   Never: a socket.

use crate::dice::Words;
use ::bytes::BufMut;
use lodestore_server::engine::port::{Batch, Ending, Preparer};
use lodestore_server::resp::request::{Halt, Limits, Parser};
use lodestore_server::session::{ClientId, Route};
use std::collections::VecDeque;

/// A connection.
pub struct Line {
    /// Its number in the engine.
    pub route: Route,
    /// Sent, and not answered yet.
    pub pending: VecDeque<Words>,
    /// Sent, and not arrived yet.
    wire: VecDeque<u8>,
    parser: Parser,
    batch: Option<Box<Batch>>,
    /// A batch is with the engine.
    pub in_flight: bool,
    /// The peer has sent its last byte.
    pub ended: bool,
    full: bool,
    seat: u32,
    db: usize,
}

impl Line {
    /// A connection with that number.
    pub fn new(id: u64) -> Line {
        Line {
            route: Route { id: ClientId(id), thread: 0, slot: 0 },
            pending: VecDeque::new(),
            wire: VecDeque::new(),
            parser: Parser::new(),
            batch: None,
            in_flight: false,
            ended: false,
            full: false,
            seat: 0,
            db: 0,
        }
    }

    /// The client sends a request.
    pub fn send(&mut self, request: &Words) {
        self.wire.extend(encode(request));
        self.pending.push_back(request.clone());
    }

    /// Bytes that are requests already: a follower stream.
    pub fn feed(&mut self, stream: &[u8]) {
        self.wire.extend(stream);
    }

    /// So many bytes arrive, as one read.
    pub fn arrive(&mut self, most: usize, preparer: &Preparer) {
        if self.ended || self.full {
            return;
        }
        let mut count = most.min(self.wire.len());
        while count > 0 {
            let batch = self.batch.get_or_insert_with(|| Box::new(Batch::new(1024)));
            let taken = if let Some(mut target) = self.parser.big() {
                let taken = count.min(target.remaining_mut());
                target.put_slice(&self.wire.drain(..taken).collect::<Vec<u8>>());
                taken
            } else {
                batch.requests.buf.extend(self.wire.drain(..count));
                count
            };
            batch.bytes_in += taken as u64;
            count -= taken;
            self.parse(preparer);
        }
    }

    fn parse(&mut self, preparer: &Preparer) {
        let Some(batch) = &mut self.batch else { return };
        let limits = Limits { max_bulk: 512 << 20, authenticated: true };
        match self.parser.parse(&mut batch.requests, &limits) {
            Halt::NeedMore => self.full = false,
            Halt::Full => self.full = true,
            Halt::NeedAuth => panic!("the parser waits for AUTH and there is no password"),
            Halt::Error(error) => panic!("the parser refuses a sound request: {error}"),
        }
        preparer.prepare(batch);
    }

    /// The peer sends no more; what has not arrived is lost.
    pub fn end(&mut self) {
        self.ended = true;
        self.batch.get_or_insert_with(|| Box::new(Batch::new(1024))).ending = Ending::Eof;
    }

    /// The batch for the engine, if there is one to give.
    pub fn publish(&mut self) -> Option<Box<Batch>> {
        if self.in_flight || !self.batch.as_ref().is_some_and(|batch| batch.has_news()) {
            return None;
        }
        let mut batch = self.batch.take()?;
        if self.parser.is_midway(&batch.requests) && batch.ending == Ending::Open {
            let mut next = Box::new(Batch::new(1024));
            self.parser.carry(&mut batch.requests, &mut next.requests);
            self.batch = Some(next);
        }
        (batch.route, batch.seat, batch.db) = (self.route, self.seat, self.db);
        self.in_flight = true;
        Some(batch)
    }

    /// A batch is back and its replies are sent. Gives it again if it was only stopped.
    pub fn learn(&mut self, batch: Box<Batch>, preparer: &Preparer) -> Option<Box<Batch>> {
        (self.seat, self.db) = (batch.seat, batch.db);
        if batch.has_news() {
            return Some(batch);
        }
        self.in_flight = false;
        if self.full {
            self.parse(preparer);
        }
        None
    }

    /// Whether nothing of it is on its way.
    pub fn is_quiet(&self) -> bool {
        let idle = self.batch.as_ref().is_none_or(|batch| !batch.has_news());
        idle && !self.in_flight && (self.ended || self.wire.is_empty())
    }
}

/// A request as RESP.
pub fn encode(request: &Words) -> Vec<u8> {
    let mut out = format!("*{}\r\n", request.len()).into_bytes();
    for word in request {
        out.extend(format!("${}\r\n", word.len()).into_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
    out
}

//! The load generator: one thread, many connections, each with one pipeline under way.
//!
//! Owns: the connections.   Uses: mio, requests, histogram.   Never: parsing a reply, a system call it can do without.
//!
//! A generator that costs as much as the server hides every server faster than itself. This one spends one
//! `read` and one `write` for each pipeline and one `epoll_wait` for each round of ready connections.
//! Of replies only the lines are counted, since every reply of a run has the same number of them.

use crate::Outcome;
use crate::histogram::Histogram;
use crate::requests::Requests;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::ops::Range;
use std::time::{Duration, Instant};

/// A server that stays silent for so long is taken for dead.
const SILENCE: Duration = Duration::from_secs(20);
/// How long `run` may wait before it asks again whether to stop.
const TICK: Duration = Duration::from_millis(50);
/// One read takes the replies of a whole pipeline, up to this many bytes.
const READ_BUFFER: usize = 1 << 20;

/// Connections that keep a server busy.
#[derive(Debug)]
pub struct Load {
    poll: Poll,
    events: Events,
    connections: Vec<Connection>,
    requests: Requests,
    buffer: Vec<u8>,
    round_trips: Histogram,
    done: u64,
}

/// One connection and its pipeline.
#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    /// The part of the ring that is still to be written.
    unsent: Range<usize>,
    /// Lines of replies that are still to come.
    missing: usize,
    /// None of them has begun.
    fresh: bool,
    sent_at: Instant,
}

impl Load {
    /// Opens the connections. Nothing is sent before `run`.
    pub fn connect(address: SocketAddr, connections: usize, requests: Requests) -> Outcome<Load> {
        let poll = Poll::new()?;
        let mut opened = Vec::with_capacity(connections);
        for at in 0..connections {
            let stream = std::net::TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            // Edges, so that being always writable costs nothing.
            poll.registry().register(
                &mut stream,
                Token(at),
                Interest::READABLE | Interest::WRITABLE,
            )?;
            opened.push(Connection {
                stream,
                unsent: 0..0,
                missing: 0,
                fresh: true,
                sent_at: Instant::now(),
            });
        }
        let (events, buffer) = (Events::with_capacity(1024), vec![0; READ_BUFFER]);
        Ok(Load {
            poll,
            events,
            connections: opened,
            requests,
            buffer,
            round_trips: Histogram::new(),
            done: 0,
        })
    }

    /// Keeps every connection busy until `stop` says so; it is asked after every wake-up, at least each 50 ms, and told
    /// the time and what has been done.
    /// A run may be followed by another: pipelines under way stay under way.
    pub fn run(&mut self, mut stop: impl FnMut(Instant, u64) -> bool) -> Outcome<()> {
        let mut now = Instant::now();
        for at in 0..self.connections.len() {
            if self.connections[at].missing == 0 {
                self.start_pipeline(at, now)?;
            }
        }
        let mut heard = now;
        while !stop(now, self.done) {
            self.poll.poll(&mut self.events, Some(TICK))?;
            now = Instant::now();
            if !self.events.is_empty() {
                heard = now;
            } else if now - heard > SILENCE {
                return Err(format!("no reply for {} s", SILENCE.as_secs()).into());
            }
            self.serve(now)?;
        }
        Ok(())
    }

    /// Runs for a while, or until so many requests have been answered since the last `reset`.
    pub fn run_for(&mut self, duration: Duration, most: u64) -> Outcome<()> {
        let end = Instant::now() + duration;
        self.run(|now, done| now >= end || done >= most)
    }

    /// Forgets what was counted so far: the end of the warm-up.
    pub fn reset(&mut self) {
        self.done = 0;
        self.round_trips.clear();
    }

    /// Requests answered since the last `reset`.
    pub fn done(&self) -> u64 {
        self.done
    }

    /// Round trips of whole pipelines since the last `reset`.
    pub fn round_trips(&self) -> &Histogram {
        &self.round_trips
    }

    fn serve(&mut self, now: Instant) -> Outcome<()> {
        // The list leaves `self` for a moment so that its connections can be changed.
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        let served = events.iter().try_for_each(|event| {
            let at = event.token().0;
            if event.is_writable() && !self.connections[at].unsent.is_empty() {
                self.write(at)?;
            }
            if event.is_readable() { self.read(at, now) } else { Ok(()) }
        });
        self.events = events;
        served
    }

    fn read(&mut self, at: usize, now: Instant) -> Outcome<()> {
        loop {
            let connection = &mut self.connections[at];
            let got = match connection.stream.read(&mut self.buffer) {
                Ok(0) => return Err("the server closed a connection".into()),
                Ok(got) => got,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            let bytes = &self.buffer[..got];
            let wrong_start = connection.fresh && bytes[0] != self.requests.reply_start();
            let lines = lines_in(bytes);
            if wrong_start || lines > connection.missing {
                let start = String::from_utf8_lossy(&bytes[..got.min(60)]);
                return Err(format!("a reply of unexpected form: {start:?}").into());
            }
            connection.fresh = false;
            connection.missing -= lines;
            if connection.missing == 0 {
                self.round_trips.record(now - connection.sent_at);
                self.done += self.requests.pipeline() as u64;
                return self.start_pipeline(at, now);
            }
            // A short read has emptied the socket, and what comes later is a new edge.
            if got < self.buffer.len() {
                return Ok(());
            }
        }
    }

    fn start_pipeline(&mut self, at: usize, now: Instant) -> Outcome<()> {
        let connection = &mut self.connections[at];
        connection.unsent = self.requests.next_pipeline();
        connection.missing = self.requests.reply_lines();
        connection.fresh = true;
        connection.sent_at = now;
        self.write(at)
    }

    fn write(&mut self, at: usize) -> Outcome<()> {
        let connection = &mut self.connections[at];
        while !connection.unsent.is_empty() {
            match connection.stream.write(&self.requests.bytes()[connection.unsent.clone()]) {
                Ok(written) => connection.unsent.start += written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

fn lines_in(bytes: &[u8]) -> usize {
    // Counted in bytes first, of which the processor adds many at once.
    let count = |chunk: &[u8]| chunk.iter().map(|byte| u8::from(*byte == b'\n')).sum::<u8>();
    bytes.chunks(usize::from(u8::MAX)).map(|chunk| usize::from(count(chunk))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_any_number() {
        for lines in [0, 1, 254, 255, 256, 1000] {
            assert_eq!(lines_in(&b"\n".repeat(lines)), lines);
        }
        assert_eq!(lines_in(b"*2\r\n$1\r\na\r\n:1\r\n"), 4);
    }
}

//! A whole server in the hand of a test: no socket, no disk, and time passes when it is told to.
//!
//! Owns: the world and the client.   Uses: the engine.   Never: asserts anything about data.
#![allow(dead_code, reason = "each suite uses a part of it")]

use lodestore_server::base::time::Now;
use lodestore_server::command::context::{About, IoCounters};
use lodestore_server::config::Config;
use lodestore_server::engine::Engine;
use lodestore_server::engine::port::{
    Batch, ChildNews, Decoded, Forked, Garbage, Host, HostError, Inbound, Job, Preparer,
    SnapshotFile,
};
use lodestore_server::keyspace::Keyspace;
use lodestore_server::keyspace::change::write_request;
use lodestore_server::persist::rdb::decode::Purpose;
use lodestore_server::persist::rdb::fault::LoadError;
use lodestore_server::persist::rdb::records::Records;
use lodestore_server::resp::request::{Halt, Limits, Parser};
use lodestore_server::session::{Arrival, ClientId, Route};
use lodestore_server::value::Value;

/// A world without disks, in which no time passes by itself.
pub struct Nowhere {
    /// How often something was handed over to be freed.
    pub discarded: usize,
}

impl IoCounters for Nowhere {
    fn output(&self, _id: ClientId) -> (u64, u64) {
        (0, 0)
    }
}

impl Host for Nowhere {
    fn ticks(&mut self) -> u64 {
        0
    }
    fn fork_snapshot(&mut self, _: &Keyspace, _: &Job) -> Result<Forked, HostError> {
        Err(HostError("no disk".into()))
    }
    fn child(&mut self) -> ChildNews {
        ChildNews::None
    }
    fn kill_child(&mut self) {}
    fn write_snapshot(&mut self, _: &Keyspace, _: &Job) -> Result<(), HostError> {
        Err(HostError("no disk".into()))
    }
    fn open_snapshot(&mut self, _: &Job, _: Purpose) -> Result<Option<SnapshotFile>, HostError> {
        Ok(None)
    }
    fn next_records(&mut self, _: Records) -> Result<Decoded, LoadError> {
        Ok(Decoded::End)
    }
    fn use_directory(&mut self, _: &str) -> Result<(), HostError> {
        Ok(())
    }
    fn sleep(&mut self, _micros: u64) {}
    fn discard(&mut self, _garbage: Garbage) {
        self.discarded += 1;
    }
    fn breathe(&mut self) {}
}

/// When a server begins.
pub const START_MS: i64 = 1_700_000_000_000;

/// A server with one client, whose time stands still until it is told to pass.
pub struct Server {
    /// The server.
    pub engine: Engine,
    preparer: Preparer,
    /// Its world.
    pub host: Nowhere,
    /// The time.
    pub now_ms: i64,
}

impl Server {
    /// A server with one client, whose log is read.
    pub fn new(seed: u64) -> Server {
        let mut engine = Engine::new(Config::default(), About::default(), seed);
        engine.open_feed();
        let preparer = engine.preparer();
        let mut server =
            Server { engine, preparer, host: Nowhere { discarded: 0 }, now_ms: START_MS };
        let arrival = Arrival { route: route(), ..Arrival::default() };
        server.turn(vec![Inbound::Connected(Box::new(arrival))]);
        server
    }

    fn turn(&mut self, mut inbox: Vec<Inbound>) {
        let since_ms = u64::try_from(self.now_ms - START_MS).expect("time does not go back");
        let now = Now { unix_us: self.now_ms * 1000, mono_us: since_ms * 1000 + 1 };
        self.engine.turn(&mut self.host, now, &mut inbox);
        while self.engine.busy() {
            self.engine.turn(&mut self.host, now, &mut Vec::new());
        }
        self.engine.take_outbox().clear();
    }

    /// Sends requests in their wire form.
    pub fn send(&mut self, wire: &[u8]) {
        let mut batch = Box::new(Batch::new(wire.len()));
        batch.route = route();
        batch.requests.buf.extend_from_slice(wire);
        let limits = Limits { max_bulk: 1 << 20, authenticated: true };
        let halt = Parser::new().parse(&mut batch.requests, &limits);
        assert!(matches!(halt, Halt::NeedMore), "the requests are whole");
        self.preparer.prepare(&mut batch);
        self.turn(vec![Inbound::Batch(batch)]);
    }

    /// Sends one request, whose words have no spaces.
    pub fn call(&mut self, line: &str) {
        let words: Vec<_> = line.split(' ').map(str::as_bytes).collect();
        let mut wire = Vec::new();
        write_request(&mut wire, words.len(), words.into_iter());
        self.send(&wire);
    }

    /// What the log was told since the last time, a request a line, without SELECT.
    pub fn told(&mut self) -> Vec<String> {
        let feed = String::from_utf8(self.engine.take_feed()).expect("the tests send text");
        let requests = feed.split('*').skip(1).map(|request| {
            let words: Vec<_> = request.split("\r\n").skip(2).step_by(2).collect();
            words.join(" ")
        });
        requests.filter(|request| !request.starts_with("SELECT")).collect()
    }

    /// Every key with its value and deadline.
    pub fn data(&mut self) -> Vec<(Vec<u8>, Value, Option<i64>)> {
        let now_ms = self.now_ms;
        let entries = self.engine.parts().keyspace.db(0).entries();
        let alive = entries.filter(|entry| entry.deadline().is_none_or(|at| at >= now_ms));
        let mut data: Vec<_> = alive
            .map(|entry| (entry.key().to_vec(), entry.value().to_owned(), entry.deadline()))
            .collect();
        data.sort_by(|a, b| a.0.cmp(&b.0));
        data
    }
}

fn route() -> Route {
    Route { id: ClientId(1), ..Route::default() }
}

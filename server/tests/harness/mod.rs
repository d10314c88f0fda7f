//! A server that a test holds in its hand: no socket, no disk, and a clock that stands still.
//!
//! Owns: the engine and its world.   Uses: the server's port.   Never: anything but memory.
#![allow(dead_code, reason = "each test program uses a part of it")]

use lodestore_server::base::time::Now;
use lodestore_server::command::context::{About, IoCounters};
use lodestore_server::config::{Allow, Config};
use lodestore_server::engine::Engine;
use lodestore_server::engine::port::{
    Batch, ChildNews, Decoded, Forked, Garbage, Host, HostError, Inbound, Job, Outbound, Preparer,
    SnapshotFile,
};
use lodestore_server::keyspace::Keyspace;
use lodestore_server::keyspace::change::write_request;
use lodestore_server::persist::rdb::decode::Purpose;
use lodestore_server::persist::rdb::fault::LoadError;
use lodestore_server::persist::rdb::records::Records;
use lodestore_server::resp::request::{Halt, Limits, Parser};
use lodestore_server::session::{Arrival, ClientId, Route};
use lodestore_server::value::Stream;
use lodestore_server::value::ValueRef;
use lodestore_server::value::packed::Element;
use lodestore_server::value::stream::Id;
use lodestore_server::value::text::Scratch;

/// A world without disks, in which no time passes but what a test lets pass.
#[derive(Default)]
pub struct Nowhere {
    /// What was given away to be freed.
    pub discarded: usize,
    /// Nanoseconds that pass with every look at the clock.
    pub look_ns: u64,
    ticks: u64,
}

impl IoCounters for Nowhere {
    fn output(&self, _id: ClientId) -> (u64, u64) {
        (0, 0)
    }
}

impl Host for Nowhere {
    fn cpu_ticks(&mut self) -> u64 {
        self.ticks
    }
    fn ticks(&mut self) -> u64 {
        self.ticks += self.look_ns;
        self.ticks
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

/// The wall clock at the beginning.
pub const START_MS: i64 = 1_700_000_000_000;

/// A server with a client, whose time stands still until it is told to pass.
pub struct Server {
    pub engine: Engine,
    preparer: Preparer,
    pub host: Nowhere,
    pub now_ms: i64,
}

impl Server {
    /// One whose first client is connected and whose changes are told to somebody.
    pub fn new(seed: u64) -> Server {
        let config = Config { debug_command: Allow::Yes, ..Config::default() };
        let mut engine = Engine::new(config, About::default(), seed);
        engine.open_feed();
        let preparer = engine.preparer();
        let mut server = Server { engine, preparer, host: Nowhere::default(), now_ms: START_MS };
        server.connect(1);
        server
    }

    /// Connects a client.
    pub fn connect(&mut self, client: u64) {
        let arrival = Arrival { route: route(client), ..Arrival::default() };
        self.turn(vec![Inbound::Connected(Box::new(arrival))]);
    }

    /// What the engine takes for now.
    pub fn now(&self) -> Now {
        let since_ms = u64::try_from(self.now_ms - START_MS).expect("time does not go back");
        Now { unix_us: self.now_ms * 1000, mono_us: since_ms * 1000 + 1 }
    }

    /// One turn, and what it sends.
    pub fn one_turn(&mut self, mut inbox: Vec<Inbound>) -> Vec<Outbound> {
        let now = self.now();
        self.engine.turn(&mut self.host, now, &mut inbox);
        self.engine.take_outbox().drain(..).collect()
    }

    /// Turns until nothing is left to do.
    pub fn turn(&mut self, inbox: Vec<Inbound>) {
        self.one_turn(inbox);
        while self.engine.busy() {
            self.one_turn(Vec::new());
        }
    }

    /// Sends requests in their wire form.
    pub fn send(&mut self, wire: &[u8]) {
        let batch = self.batch(1, wire);
        self.turn(vec![batch]);
    }

    /// Requests of a client, in their wire form.
    pub fn batch(&mut self, client: u64, wire: &[u8]) -> Inbound {
        let mut batch = Box::new(Batch::new(wire.len()));
        batch.route = route(client);
        batch.requests.buf.extend_from_slice(wire);
        let limits = Limits { max_bulk: 1 << 20, authenticated: true };
        let halt = Parser::new().parse(&mut batch.requests, &limits);
        assert!(matches!(halt, Halt::NeedMore), "the requests are whole");
        self.preparer.prepare(&mut batch);
        Inbound::Batch(batch)
    }

    /// Sends one request, its words parted by spaces.
    pub fn call(&mut self, line: &str) {
        self.send(&request(line));
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

    /// Every key with its string and deadline. A number is text here: INCRBYFLOAT keeps its sum as text, and whoever is told
    /// the plain SET may keep a number.
    pub fn data(&mut self) -> Vec<(Vec<u8>, Vec<u8>, Option<i64>)> {
        let now_ms = self.now_ms;
        let entries = self.engine.parts().keyspace.db(0).entries();
        let alive = entries.filter(|entry| entry.deadline().is_none_or(|at| at >= now_ms));
        // A hash all of whose fields are past their time is as good as gone.
        let is_empty = |value: ValueRef<'_>| matches!(value, ValueRef::Hash(hash) if hash.live_len(now_ms) == 0);
        let alive = alive.filter(|entry| !is_empty(entry.value()));
        let text = |value: ValueRef<'_>| match value {
            ValueRef::Text(text) => text.bytes(&mut Scratch::default()).to_vec(),
            ValueRef::List(list) => {
                let text = |element: Element<'_>| element.text(&mut Scratch::default()).to_vec();
                format!("{:?}", list.iter().map(text).collect::<Vec<_>>()).into_bytes()
            }
            ValueRef::Stream(stream) => stream_text(stream).into_bytes(),
            ValueRef::Set(set) => {
                let mut members: Vec<Vec<u8>> = set
                    .iter()
                    .map(|member| member.text(&mut Scratch::default()).to_vec())
                    .collect();
                members.sort();
                format!("{members:?}").into_bytes()
            }
            ValueRef::Hash(hash) => {
                let text = |element: Element<'_>| element.text(&mut Scratch::default()).to_vec();
                let mut fields: Vec<_> = hash
                    .live(now_ms)
                    .map(|pair| (text(pair.name), text(pair.value), pair.deadline))
                    .collect();
                fields.sort();
                format!("{fields:?}").into_bytes()
            }
            ValueRef::SortedSet(set) => {
                let members: Vec<(Vec<u8>, f64)> = set
                    .iter()
                    .map(|(member, score)| (member.text(&mut Scratch::default()).to_vec(), score))
                    .collect();
                format!("{members:?}").into_bytes()
            }
        };
        let mut data: Vec<_> = alive
            .map(|entry| (entry.key().to_vec(), text(entry.value()), entry.deadline()))
            .collect();
        data.sort_by(|a, b| a.0.cmp(&b.0));
        data
    }
}

/// Plays requests into a new server, one after the other, each with what the log is told of it.
pub fn tells(cases: &[(&str, &[&str])]) {
    let mut server = Server::new(1);
    for (line, told) in cases {
        server.call(line);
        assert_eq!(server.told(), *told, "{line}");
    }
}

/// Plays a program into a server and what that tells into another one, which must have the same data after each request.
/// Before a request so many milliseconds pass; its words may be parted by several spaces. `knows` then looks at both.
///
/// # Errors
/// Their data differ: after which request, and both. No panic, for whoever makes a program smaller would see each.
pub fn replay(program: Vec<(String, i64)>, knows: impl Fn(&mut Server)) -> Result<(), String> {
    let (mut first, mut second) = (Server::new(1), Server::new(2));
    for (line, pause) in program {
        first.now_ms += pause;
        second.now_ms += pause;
        let line: Vec<_> = line.split_whitespace().collect();
        first.call(&line.join(" "));
        let feed = first.engine.take_feed();
        second.send(&feed);
        let (mine, told) = (first.data(), second.data());
        if mine != told {
            return Err(format!("after {line:?}\n  first: {mine:?}\n second: {told:?}"));
        }
        knows(&mut first);
        knows(&mut second);
    }
    Ok(())
}

/// A stream with its groups; when consumers were seen is told to nobody.
fn stream_text(stream: &Stream) -> String {
    let entries: Vec<_> = stream.range(Id::MIN, Id::MAX).collect();
    let groups = stream.groups().map(|(name, group)| {
        let waiting = group.range(Id::MIN, Id::MAX).map(|(id, pending)| {
            let owner = pending.owner.map(|owner| group.at(owner).name.clone());
            (id, owner, pending.count, pending.time())
        });
        let names: Vec<_> = group.consumers().map(|(_, it)| it.name.clone()).collect();
        (name.to_vec(), group.last, group.read, names, waiting.collect::<Vec<_>>())
    });
    let groups: Vec<_> = groups.collect();
    let last = (stream.last_id(), stream.deleted_id(), stream.added());
    format!("{entries:?} {last:?} {groups:?}")
}

/// A request in its wire form, its words parted by spaces.
pub fn request(line: &str) -> Vec<u8> {
    let words: Vec<_> = line.split(' ').map(str::as_bytes).collect();
    let mut wire = Vec::new();
    write_request(&mut wire, words.len(), words.into_iter());
    wire
}

/// Where a client lives.
pub fn route(client: u64) -> Route {
    Route { id: ClientId(client), slot: client as u32, ..Route::default() }
}

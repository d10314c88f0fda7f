//! What the log and replicas are told of the commands on strings and keys: the words, and that a second
//! server that is told the same ends up with the same data.

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
use proptest::prelude::*;

/// A world without disks, in which no time passes by itself.
struct Nowhere {
    discarded: usize,
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

const START_MS: i64 = 1_700_000_000_000;

/// A server with one client, whose time stands still until it is told to pass.
struct Server {
    engine: Engine,
    preparer: Preparer,
    host: Nowhere,
    now_ms: i64,
}

impl Server {
    fn new(seed: u64) -> Server {
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
    fn send(&mut self, wire: &[u8]) {
        let mut batch = Box::new(Batch::new(wire.len()));
        batch.route = route();
        batch.requests.buf.extend_from_slice(wire);
        let limits = Limits { max_bulk: 1 << 20, authenticated: true };
        let halt = Parser::new().parse(&mut batch.requests, &limits);
        assert!(matches!(halt, Halt::NeedMore), "the requests are whole");
        self.preparer.prepare(&mut batch);
        self.turn(vec![Inbound::Batch(batch)]);
    }

    fn call(&mut self, line: &str) {
        let words: Vec<_> = line.split(' ').map(str::as_bytes).collect();
        let mut wire = Vec::new();
        write_request(&mut wire, words.len(), words.into_iter());
        self.send(&wire);
    }

    /// What the log was told since the last time, a request a line, without SELECT.
    fn told(&mut self) -> Vec<String> {
        let feed = String::from_utf8(self.engine.take_feed()).expect("the tests send text");
        let requests = feed.split('*').skip(1).map(|request| {
            let words: Vec<_> = request.split("\r\n").skip(2).step_by(2).collect();
            words.join(" ")
        });
        requests.filter(|request| !request.starts_with("SELECT")).collect()
    }

    /// Every key with its value and deadline.
    fn data(&mut self) -> Vec<(Vec<u8>, Value, Option<i64>)> {
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

#[test]
fn the_log_is_told_what_took_effect_at_an_absolute_time() {
    let cases: &[(&str, &[&str])] = &[
        ("SET k v", &["SET k v"]),
        ("SET k v EX 10", &["SET k v PXAT 1700000010000"]),
        ("SET k v PX 10 GET", &["SET k v PXAT 1700000000010"]),
        ("SET k v XX KEEPTTL", &["SET k v KEEPTTL"]),
        ("SET k v NX", &[]),
        ("SET k v XX GET", &["SET k v"]),
        ("GETSET k w", &["SET k w"]),
        ("SETNX k w", &[]),
        ("SETEX k 5 v", &["SET k v PXAT 1700000005000"]),
        ("PSETEX k 5 v", &["SET k v PXAT 1700000000005"]),
        ("GETEX k", &[]),
        ("GETEX k EX 7", &["PEXPIREAT k 1700000007000"]),
        ("GETEX k PERSIST", &["PERSIST k"]),
        ("GETEX k PERSIST", &[]),
        ("EXPIRE k 100 NX", &["PEXPIREAT k 1700000100000"]),
        ("EXPIRE k 100 NX", &[]),
        ("PEXPIRE k 100", &["PEXPIREAT k 1700000000100"]),
        ("PERSIST k", &["PERSIST k"]),
        ("EXPIREAT k 1", &["DEL k"]),
        ("APPEND k 1", &["APPEND k 1"]),
        ("INCRBY k 2", &["INCRBY k 2"]),
        ("GETEX k PXAT 1", &["DEL k"]),
        ("MSET a 1 b 2", &["MSET a 1 b 2"]),
        ("GETDEL a", &["DEL a"]),
        ("GETDEL a", &[]),
        ("DEL a", &[]),
        ("UNLINK a b", &["UNLINK a b"]),
        ("FLUSHALL", &[]),
        ("SET k v", &["SET k v"]),
        ("FLUSHDB SYNC", &["FLUSHDB SYNC"]),
        ("EXPIRE k abc", &[]),
    ];
    let mut server = Server::new(1);
    for (line, told) in cases {
        server.call(line);
        assert_eq!(server.told(), *told, "{line}");
    }
}

#[test]
fn a_key_past_its_time_is_deleted_before_what_replaces_it() {
    let mut server = Server::new(1);
    server.call("SET k 5 PX 10");
    server.now_ms += 11;
    server.call("INCR k");
    let told = ["SET k 5 PXAT 1700000000010", "DEL k", "INCR k"];
    assert_eq!(server.told(), told);
}

#[test]
fn large_values_and_whole_databases_are_freed_elsewhere() {
    let mut server = Server::new(1);
    // Time will pass, and there is no disk.
    server.engine.parts().config.save.0.clear();
    server.call(&format!("SET k {}", "x".repeat(70_000)));
    server.call("DEL k");
    assert_eq!(server.host.discarded, 1);
    server.call("MSET a 1 b 2");
    server.call("DEL a");
    assert_eq!(server.host.discarded, 1);
    server.call("FLUSHALL ASYNC");
    assert_eq!(server.host.discarded, 2);
    let large = "x".repeat(70_000);
    server.call(&format!("SET k {large}"));
    server.call("SET k small");
    assert_eq!(server.host.discarded, 3, "overwritten");
    server.call(&format!("SET k {large} PX 10"));
    server.now_ms += 111;
    server.call("GET k");
    server.turn(Vec::new());
    assert_eq!(server.host.discarded, 4, "expired when it was read");
    server.call(&format!("SET k {large} PX 10"));
    server.now_ms += 1_000;
    server.turn(Vec::new());
    server.turn(Vec::new());
    assert_eq!(server.host.discarded, 5, "expired unread");
}

fn request() -> impl Strategy<Value = String> {
    let key = || prop::sample::select(vec!["a", "b", "c", "d"]);
    let value = || prop::sample::select(vec!["1", "-7", "text", "9223372036854775807"]);
    let time = || {
        prop::sample::select(vec![
            "",
            "EX 1",
            "PX 20",
            "PX 5",
            "EXAT 1",
            "PXAT 1700000000030",
            "KEEPTTL",
            "PERSIST",
        ])
    };
    let word = || prop::sample::select(vec!["", "NX", "XX", "GET"]);
    let bound = || prop::sample::select(vec!["", "NX", "XX", "GT", "LT"]);
    let millis = || -5..40i64;
    let one = prop::sample::select(vec![
        "GET", "GETDEL", "INCR", "DECR", "DEL", "UNLINK", "PERSIST", "TTL", "EXISTS",
    ]);
    let two = prop::sample::select(vec!["GETSET", "SETNX", "APPEND", "INCRBY", "DECRBY", "MSET"]);
    prop_oneof![
        (key(), value(), word(), time()).prop_map(|(k, v, w, t)| format!("SET {k} {v} {w} {t}")),
        (key(), time()).prop_map(|(k, t)| format!("GETEX {k} {t}")),
        (one, key()).prop_map(|(c, k)| format!("{c} {k}")),
        (two, key(), value()).prop_map(|(c, k, v)| format!("{c} {k} {v}")),
        (key(), millis(), bound()).prop_map(|(k, n, b)| format!("PEXPIRE {k} {n} {b}")),
        (key(), millis(), value()).prop_map(|(k, n, v)| format!("PSETEX {k} {n} {v}")),
        (0..8i64).prop_map(|n| format!("FLUSHDB{}", if n > 0 { " no" } else { "" })),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn who_is_told_the_same_has_the_same(program in prop::collection::vec((request(), 0..6i64), 1..60)) {
        let (mut first, mut second) = (Server::new(1), Server::new(2));
        for (line, pause) in program {
            first.now_ms += pause;
            second.now_ms += pause;
            let line: Vec<_> = line.split_whitespace().collect();
            first.call(&line.join(" "));
            let feed = first.engine.take_feed();
            second.send(&feed);
            prop_assert_eq!(first.data(), second.data(), "after {:?}", line);
        }
    }
}

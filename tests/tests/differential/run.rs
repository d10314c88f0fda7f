//! Plays a program against both servers at once and finds the first reply that differs.
//!
//! Owns: both servers and their connections.   Uses: judge.   Never: repairs a program (`shrink`).
//!
//! The commands that one client sends in a row leave in one write, so a program takes few round trips. Where
//! the client changes, both servers have answered everything: what one client did is known to the next.

use crate::forms::DATABASES;
use crate::grammar::{Args, Grammar, Known};
use crate::judge::{Judge, difference};
use crate::program::{Act, CLIENTS, OBSERVER, Program, Step};
use lodestore_tests::client::{Client, NoReply, Proto, encode};
use lodestore_tests::reply::Reply;
use lodestore_tests::server::Server;
use lodestore_tests::transcript::{Version, version};
use std::collections::BTreeSet;
use std::time::Duration;

/// How long a reply may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many commands are sent before their replies are read.
const BATCH: usize = 64;

/// What a server answered.
pub type Answer = Result<Heard, NoReply>;

/// A reply, and its bytes on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    pub reply: Reply,
    pub bytes: Vec<u8>,
}

/// The first reply that differs.
#[derive(Debug)]
pub struct Difference {
    /// The step of the program.
    pub step: usize,
    pub ours: Answer,
    pub theirs: Answer,
}

/// One of the two servers.
struct Side {
    server: Server,
    clients: Vec<Client>,
}

impl Side {
    fn new(server: Server) -> Side {
        let clients = (0..CLIENTS).map(|_| server.client()).collect();
        Side { server, clients }
    }

    fn call(&mut self, words: &[&str]) -> Reply {
        self.clients[0].call(words)
    }

    /// The names of all commands and subcommands.
    fn commands(&mut self) -> BTreeSet<String> {
        let names = self.call(&["COMMAND", "LIST"]).items();
        names.iter().map(|name| name.text().to_lowercase()).collect()
    }

    /// Sends what brings every client back to its beginning and empties the databases.
    fn begin_reset(&mut self, proto: Proto, settings: &[Vec<&str>]) {
        for client in &mut self.clients {
            let mut wire = encode(&["RESET"]);
            if proto == Proto::Resp3 {
                wire.extend(encode(&["HELLO", "3"]));
            }
            client.raw(&wire);
        }
        let mut wire = encode(&["FLUSHALL"]);
        settings.iter().for_each(|words| wire.extend(encode(words)));
        self.clients[0].raw(&wire);
    }

    /// Reads what [`Side::begin_reset`] is answered; says false where a client must be replaced.
    fn end_reset(&mut self, proto: Proto, settings: &[Vec<&str>]) -> bool {
        let each = if proto == Proto::Resp3 { 2 } else { 1 };
        self.clients.iter_mut().enumerate().all(|(at, client)| {
            let more = if at == 0 { 1 + settings.len() } else { 0 };
            (0..each + more).all(|_| client.read_within(PATIENCE).is_ok())
        })
    }

    fn reconnect(&mut self) {
        self.clients = (0..CLIENTS).map(|_| self.server.client()).collect();
    }
}

/// Both servers.
pub struct Arena {
    ours: Side,
    theirs: Side,
    /// The peer's version.
    pub peer: Version,
    /// How many commands were compared.
    pub compared: u64,
    /// What CONFIG SET undoes before each program.
    settings: Vec<Vec<&'static str>>,
}

/// The settings that programs change, and what both servers begin with.
const SETTINGS: &[(&str, &str)] = &[
    ("lfu-log-factor", "10"),
    ("lfu-decay-time", "1"),
    ("notify-keyspace-events", ""),
    ("maxmemory-policy", "noeviction"),
];

impl Arena {
    pub fn new(ours: Server, theirs: Server) -> Arena {
        let (mut ours, mut theirs) = (Side::new(ours), Side::new(theirs));
        for side in [&mut ours, &mut theirs] {
            // Otherwise it depends on the time whether DBSIZE counts a key that has expired.
            let off = side.call(&["DEBUG", "SET-ACTIVE-EXPIRE", "0"]);
            assert_eq!(off.line(), "+OK", "DEBUG is allowed");
        }
        let info = theirs.call(&["INFO", "server"]).text();
        let line = info.lines().find_map(|line| line.strip_prefix("redis_version:"));
        let peer = version(line.expect("INFO tells redis_version")).expect("it is a version");
        let settings = SETTINGS.iter().map(|(name, value)| vec!["CONFIG", "SET", name, value]);
        Arena { ours, theirs, peer, compared: 0, settings: settings.collect() }
    }

    /// What both servers know.
    pub fn grammar(&mut self) -> Grammar {
        let (ours, theirs) = (self.ours.commands(), self.theirs.commands());
        let both = ours.intersection(&theirs).cloned().collect();
        let one = ours.symmetric_difference(&theirs).cloned().collect();
        let mut grammar = Grammar::new(Known { both, one }, self.peer);
        if grammar.known.both.contains("restore") {
            for value in ["a", "12345", "-99999999999", &"lodestore ".repeat(10), ""] {
                self.theirs.call(&["SET", "payload", value]);
                let payload = self.theirs.call(&["DUMP", "payload"]);
                grammar.payloads.push(payload.bytes().expect("DUMP answers a string").to_vec());
            }
        }
        grammar
    }

    /// Plays a program from the beginning; the first difference, if there is one.
    pub fn play(&mut self, program: &Program) -> Option<Difference> {
        self.reset(program.proto);
        let mut judge = Judge::new(self.peer);
        let mut at = 0;
        while at < program.steps.len() {
            let len = batch_len(&program.steps[at..]);
            let batch = &program.steps[at..at + len];
            if let Act::Wait(time) = &batch[0].act {
                std::thread::sleep(*time);
            } else if let Some(found) = self.exchange(at, batch, &mut judge) {
                return Some(found);
            }
            at += len;
        }
        None
    }

    fn reset(&mut self, proto: Proto) {
        for side in [&mut self.ours, &mut self.theirs] {
            side.begin_reset(proto, &self.settings);
        }
        for side in [&mut self.ours, &mut self.theirs] {
            if !side.end_reset(proto, &self.settings) {
                side.reconnect();
                side.begin_reset(proto, &self.settings);
                assert!(side.end_reset(proto, &self.settings), "a new client is answered");
            }
        }
    }

    /// Sends a batch to both and compares the replies. All are read even after a difference, so that the
    /// connections stay in order.
    fn exchange(&mut self, first: usize, batch: &[Step], judge: &mut Judge) -> Option<Difference> {
        let who = batch[0].who;
        let wire: Vec<u8> = batch.iter().filter_map(sent).flat_map(|args| encode(args)).collect();
        self.ours.clients[who].raw(&wire);
        self.theirs.clients[who].raw(&wire);
        let mut found = None;
        for (at, args) in batch.iter().filter_map(sent).enumerate() {
            let ours = hear(&mut self.ours.clients[who]);
            let theirs = hear(&mut self.theirs.clients[who]);
            self.compared += 1;
            let is_over = ours.is_err() || theirs.is_err();
            if found.is_none() && difference(judge, who, args, &ours, &theirs) {
                found = Some(Difference { step: first + at, ours, theirs });
            }
            if is_over {
                self.ours.reconnect();
                self.theirs.reconnect();
                break;
            }
        }
        found.filter(|found| !self.is_of_digits(&batch[found.step - first], judge))
    }

    /// Whether what differs is a fingerprint of the same data: from 7.2 on it is made of scores in other digits.
    fn is_of_digits(&mut self, step: &Step, judge: &mut Judge) -> bool {
        let is_digest = sent(step).is_some_and(|args| args[0] == b"DEBUG" && args[1] == b"DIGEST");
        is_digest && self.peer >= (7, 2) && self.has_same_data(judge)
    }

    /// Looks at every key through the protocol.
    fn has_same_data(&mut self, judge: &mut Judge) -> bool {
        DATABASES.iter().all(|db| {
            self.is_same(judge, &[b"SELECT", db]) && {
                let keys = self.ours.clients[OBSERVER].call(&["KEYS", "*"]).items();
                let keys: Vec<Vec<u8>> =
                    keys.iter().filter_map(|key| Some(key.bytes()?.to_vec())).collect();
                self.is_same(judge, &[b"DBSIZE"])
                    && keys.iter().all(|key| self.has_same_value(judge, key))
            }
        })
    }

    /// The commands that do not fit the type are refused by both.
    fn has_same_value(&mut self, judge: &mut Judge, key: &[u8]) -> bool {
        let by_rank =
            [&b"LRANGE"[..], b"ZRANGE"].map(|name| vec![name, key, b"0", b"-1", b"WITHSCORES"]);
        let [list, scores] = by_rank;
        let whole =
            [&b"GET"[..], b"HGETALL", b"SMEMBERS", b"EXPIRETIME"].map(|name| vec![name, key]);
        let stream = vec![&b"XRANGE"[..], key, b"-", b"+"];
        let all = whole.into_iter().chain([list[..4].to_vec(), scores, stream]);
        all.into_iter().all(|words| self.is_same(judge, &words))
    }

    fn is_same(&mut self, judge: &mut Judge, words: &[&[u8]]) -> bool {
        let args: Args = words.iter().map(|word| word.to_vec()).collect();
        self.ours.clients[OBSERVER].raw(&encode(&args));
        self.theirs.clients[OBSERVER].raw(&encode(&args));
        let ours = hear(&mut self.ours.clients[OBSERVER]);
        let theirs = hear(&mut self.theirs.clients[OBSERVER]);
        !difference(judge, OBSERVER, &args, &ours, &theirs)
    }
}

fn sent(step: &Step) -> Option<&Args> {
    match &step.act {
        Act::Send(args) => Some(args),
        Act::Wait(_) => None,
    }
}

/// How many steps leave at once: those of one client, or one that waits.
fn batch_len(steps: &[Step]) -> usize {
    let same = |step: &&Step| step.who == steps[0].who && sent(step).is_some();
    steps.iter().take(BATCH).take_while(same).count().max(1)
}

/// The next reply; what is pushed in between is passed over.
fn hear(client: &mut Client) -> Answer {
    loop {
        let (reply, bytes) = client.read_with_bytes(PATIENCE)?;
        if !matches!(reply, Reply::Push(_)) {
            return Ok(Heard { reply, bytes });
        }
    }
}

//! Random programs of several clients that wait, against Lodestore and a real redis-server at once.
//!
//! Owns: the programs, and how two servers are kept in step.   Uses: real connections.   Never: time: nothing here
//! ends by itself.
//!
//! ```text
//!   step        one client sends a command, or a few at once (a transaction)
//!   settle      its replies are read until it has all, or CLIENT LIST says that it waits
//!               everybody who waited and waits no more has its replies read
//!   compare     the replies of each client, and who waits
//! ```
//! A step of a client that waits is left out, so that every part of a program is a program, and a find is made short by
//! leaving steps out. `SECONDS`, `SEED` and `FIRST` are as in the differential test, and so is `REDIS_SERVER`.

use lodestore_server::base::random::Rng;
use lodestore_tests::client::{Client, PATIENCE, encode};
use lodestore_tests::server::{Server, skip};
use lodestore_tests::transcript::version;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::{Duration, Instant};

/// Clients of a program; one more looks on.
const CLIENTS: usize = 5;
const KEYS: &[&str] = &["a", "b", "c"];
/// How long a normal test run takes, in seconds.
const TIME: u64 = 15;

type Words = Vec<String>;

/// One client sends some commands at once, or is ended.
#[derive(Clone, Debug)]
enum Step {
    Send(usize, Vec<Words>),
    Unblock(usize, &'static str),
    Drop(usize),
}

struct Dice {
    rng: Rng,
    /// The peer looks only at the key that became ready first, not at the others that a client waits for.
    one_key: bool,
    /// Entries of streams so far: their IDs grow.
    entries: usize,
}

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.rng.below(n as u64) as usize
    }

    fn pick(&mut self, of: &[&str]) -> String {
        of[self.below(of.len())].to_string()
    }

    fn key(&mut self) -> String {
        self.pick(KEYS)
    }

    fn keys(&mut self) -> Words {
        let count = if self.one_key { 1 } else { 1 + self.below(3) };
        (0..count).map(|_| self.key()).collect()
    }

    fn elements(&mut self) -> Words {
        (0..1 + self.below(3)).map(|_| self.below(100).to_string()).collect()
    }

    /// A command that may wait.
    fn wait(&mut self) -> Words {
        let (mut keys, side) = (self.keys(), self.pick(&["LEFT", "RIGHT"]));
        let count = [1, 2, 5][self.below(3)].to_string();
        // Up to 7.0 a reader of a group that is gone is told so in other words.
        match self.below(if self.one_key { 9 } else { 12 }) {
            0..=1 => words("BLPOP", [keys, words("0", [])]),
            2 => words("BRPOP", [keys, words("0", [])]),
            3..=4 => {
                let to = self.key();
                let into = self.pick(&["LEFT", "RIGHT"]);
                words("BLMOVE", [vec![keys.remove(0), to, side, into, "0".into()]])
            }
            5 => words("BRPOPLPUSH", [vec![keys.remove(0), self.key(), "0".into()]]),
            6 => {
                let number = keys.len().to_string();
                words("BLMPOP", [vec!["0".into(), number], keys, vec![side, "COUNT".into(), count]])
            }
            7 => {
                let name = self.pick(&["BZPOPMIN", "BZPOPMAX"]);
                words(&name, [keys, words("0", [])])
            }
            9..=10 => {
                let ids = vec![">".to_string(); keys.len()];
                let consumer = self.pick(&["c", "d"]);
                let group = ["GROUP", "g", &consumer, "BLOCK", "0", "STREAMS"].map(String::from);
                words("XREADGROUP", [group.into(), keys, ids])
            }
            11 => {
                let ids: Words = keys.iter().map(|_| self.pick(&["$", "0", "7-3"])).collect();
                let count = ["COUNT", "2", "BLOCK", "0", "STREAMS"].map(String::from);
                words("XREAD", [count.into(), keys, ids])
            }
            _ => {
                let (number, end) = (keys.len().to_string(), self.pick(&["MIN", "MAX"]));
                words("BZMPOP", [vec!["0".into(), number], keys, vec![end, "COUNT".into(), count]])
            }
        }
    }

    /// A command that never waits; `key` is the one that it changes.
    fn act(&mut self, key: &str) -> Words {
        let other = self.key();
        match self.below(if self.one_key { 20 } else { 26 }) {
            20..=22 => {
                self.entries += 1;
                words(
                    "XADD",
                    [vec![key.into(), format!("{}-1", self.entries), "f".into(), "v".into()]],
                )
            }
            23..=24 => words(
                "XGROUP CREATE",
                [vec![key.into(), "g".into(), "$".into(), "MKSTREAM".into()]],
            ),
            25 => words("XGROUP DESTROY", [vec![key.into(), "g".into()]]),
            0..=3 => words("RPUSH", [vec![key.into()], self.elements()]),
            4..=6 => words("LPUSH", [vec![key.into()], self.elements()]),
            7 => words("LPUSHX", [vec![key.into()], self.elements()]),
            8 => words("LPOP", [vec![key.into()]]),
            9..=10 => words(
                "ZADD",
                [vec![key.into(), self.below(9).to_string(), self.pick(&["x", "y", "z"])]],
            ),
            11 => words("ZINCRBY", [vec![key.into(), "1".into(), self.pick(&["x", "y"])]]),
            12 => words("DEL", [vec![key.into()]]),
            13 => words("SET", [vec![key.into(), "text".into()]]),
            14 => words("RENAME", [vec![other, key.into()]]),
            15 => words("COPY", [vec![other, key.into(), "REPLACE".into()]]),
            16 => words("LMOVE", [vec![other, key.into(), "LEFT".into(), "RIGHT".into()]]),
            17 => words("MOVE", [vec![key.into(), self.pick(&["0", "1"])]]),
            18 => words("ZUNIONSTORE", [vec![key.into(), "1".into(), other]]),
            _ => words("SELECT", [vec![self.pick(&["0", "0", "0", "1"])]]),
        }
    }

    fn step(&mut self) -> Step {
        let who = self.below(CLIENTS);
        let key = self.key();
        match self.below(20) {
            0..=8 => Step::Send(who, vec![self.wait()]),
            9 => Step::Send(who, vec![self.wait(), self.act(&key)]),
            10..=14 => Step::Send(who, vec![self.act(&key)]),
            15 => Step::Send(who, (0..3).map(|_| self.act(&key)).collect()),
            16..=17 => {
                let mut unit = vec![words("MULTI", [])];
                for _ in 0..1 + self.below(4) {
                    let key = if self.one_key { key.clone() } else { self.key() };
                    unit.push(if self.below(5) == 0 { self.wait() } else { self.act(&key) });
                }
                unit.push(words("EXEC", []));
                Step::Send(who, unit)
            }
            18 => Step::Unblock(who, ["TIMEOUT", "ERROR"][self.below(2)]),
            _ => Step::Drop(who),
        }
    }
}

fn words<const N: usize>(name: &str, more: [Words; N]) -> Words {
    name.split(' ').map(String::from).chain(more.into_iter().flatten()).collect()
}

/// One connection, and how many replies it is owed.
struct Seat {
    client: Client,
    id: String,
    owed: usize,
}

/// One of the two servers.
struct Side {
    server: Server,
    seats: Vec<Seat>,
    observer: Client,
}

impl Side {
    fn new(server: Server) -> Side {
        let observer = server.client();
        Side { server, seats: Vec::new(), observer }
    }

    fn seat(&self) -> Seat {
        let mut client = self.server.client();
        let id = super::id(&mut client);
        Seat { client, id, owed: 0 }
    }

    fn begin(&mut self) {
        self.seats = (0..CLIENTS).map(|_| self.seat()).collect();
        self.observer.call(&["FLUSHALL"]);
    }

    /// Whose command waits.
    fn waiting(&mut self) -> Vec<bool> {
        let list = self.observer.call(&["CLIENT", "LIST"]).text();
        let flags: BTreeMap<&str, bool> = list
            .lines()
            .filter_map(|line| {
                let id = line.strip_prefix("id=")?.split(' ').next()?;
                let flags = line.split(' ').find_map(|field| field.strip_prefix("flags="))?;
                Some((id, flags.contains('b')))
            })
            .collect();
        self.seats.iter().map(|seat| flags.get(&*seat.id) == Some(&true)).collect()
    }

    /// Reads what one client is owed, unless it waits.
    fn read(&mut self, who: usize, out: &mut String) {
        let end = Instant::now() + PATIENCE;
        while self.seats[who].owed > 0 {
            let patience = Duration::from_micros(500);
            if let Ok(reply) = self.seats[who].client.read_within(patience) {
                self.seats[who].owed -= 1;
                let _ = write!(out, "{who}: {}; ", reply.line());
            } else if self.waiting()[who] {
                return;
            } else if Instant::now() > end {
                let _ = write!(out, "{who}: silence");
                return;
            }
        }
    }

    /// Plays a step and tells what was answered to whom.
    fn play(&mut self, step: &Step) -> String {
        let mut out = String::new();
        match step {
            Step::Send(who, commands) => {
                let wire: Vec<u8> = commands.iter().flat_map(|words| encode(words)).collect();
                self.seats[*who].owed = commands.len();
                self.seats[*who].client.raw(&wire);
                self.read(*who, &mut out);
            }
            Step::Unblock(who, how) => {
                let id = self.seats[*who].id.clone();
                let _ = write!(
                    out,
                    "{}; ",
                    self.observer.call(&["CLIENT", "UNBLOCK", &id, how]).line()
                );
            }
            Step::Drop(who) => {
                let fresh = self.seat();
                let id = std::mem::replace(&mut self.seats[*who], fresh).id;
                let gone = format!("id={id} ");
                while self.observer.call(&["CLIENT", "LIST"]).text().contains(&gone) {}
            }
        }
        let waiting = self.waiting();
        for who in (0..CLIENTS).filter(|&who| !waiting[who]) {
            self.read(who, &mut out);
        }
        let _ = write!(out, "waiting: {:?}", self.waiting());
        out
    }

    /// What is there in the end.
    fn data(&mut self) -> String {
        let mut out = String::new();
        for db in ["0", "1"] {
            self.observer.call(&["SELECT", db]);
            for key in KEYS {
                let kind = self.observer.call(&["TYPE", key]).text();
                let words: &[&str] = match &*kind {
                    "list" => &["LRANGE", key, "0", "-1"],
                    "zset" => &["ZRANGE", key, "0", "-1", "WITHSCORES"],
                    "stream" => &["XRANGE", key, "-", "+"],
                    _ => &["EXISTS", key],
                };
                let _ = write!(out, "{db} {key} {kind} {}; ", self.observer.call(words).line());
            }
        }
        self.observer.call(&["SELECT", "0"]);
        out
    }
}

struct Arena([Side; 2]);

impl Arena {
    /// Plays a program; the first difference, if there is one.
    fn play(&mut self, program: &[Step]) -> Option<String> {
        self.0.iter_mut().for_each(Side::begin);
        for (at, step) in program.iter().enumerate() {
            // Both wait or neither does, or there was a difference before.
            if let Step::Send(who, _) = step
                && self.0[0].seats[*who].owed > 0
            {
                continue;
            }
            let [ours, theirs] = self.0.each_mut().map(|side| side.play(step));
            if ours != theirs {
                return Some(format!("step {at}\n  ours   {ours}\n  theirs {theirs}"));
            }
        }
        let [ours, theirs] = self.0.each_mut().map(Side::data);
        (ours != theirs).then(|| format!("in the end\n  ours   {ours}\n  theirs {theirs}"))
    }

    /// Leaves out what a difference does not need.
    fn shrink(&mut self, mut program: Vec<Step>, mut found: String) -> String {
        let mut at = program.len();
        while at > 0 {
            at -= 1;
            let mut less = program.clone();
            less.remove(at);
            if let Some(still) = self.play(&less) {
                (program, found) = (less, still);
                at = at.min(program.len());
            }
        }
        let steps: Vec<String> = program.iter().map(|step| format!("  {step:?}")).collect();
        format!("{}\n{found}", steps.join("\n"))
    }
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn clients_that_wait_are_served_as_a_real_server_serves_them() {
    let Some(mut theirs) = Server::peer(&[]).map(Side::new) else {
        return skip("clients_that_wait", "no redis-server is installed");
    };
    let info = theirs.observer.call(&["INFO", "server"]).text();
    let line = info.lines().find_map(|line| line.strip_prefix("redis_version:"));
    let one_key = version(line.unwrap()).unwrap() < (7, 2);
    let mut arena = Arena([Side::new(Server::start(&[])), theirs]);
    let end = Instant::now() + Duration::from_secs(variable("SECONDS").unwrap_or(TIME));
    let first = variable("SEED").or(variable("FIRST")).unwrap_or(1);
    let (mut seed, mut steps) = (first, 0);
    while Instant::now() < end {
        let mut dice = Dice { rng: Rng::new(seed), one_key, entries: 0 };
        let program: Vec<Step> = (0..20 + dice.below(60)).map(|_| dice.step()).collect();
        if let Some(found) = arena.play(&program) {
            panic!("seed {seed}:\n{}", arena.shrink(program, found));
        }
        steps += program.len();
        seed += 1;
        if variable("SEED").is_some() {
            break;
        }
    }
    println!("seeds {first} to {seed}, {steps} steps");
}

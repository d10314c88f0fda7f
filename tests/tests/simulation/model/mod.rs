//! What the commands mean, written a second time: plain maps, no tricks.
//!
//! Owns: the expected data set, the expected sessions, and what each client is to receive.
//! Uses: the harness's replies.   Never: the server's code.
//!
//! The engine's output drives it: a reply that arrives makes the model run the client's next command,
//! so the model sees commands in the order in which the engine ran them, wherever a turn ended.
//! To add a command, add a row to its family: how a request is made, and what it means.

mod compare;
mod connection;
mod counters;
mod expiry;
mod keys;
mod moving;
mod payload;
mod pubsub;
mod ranges;
mod server;
mod strings;
mod transaction;

use crate::check::Contents;
use crate::dice::{Dice, Words};
use lodestore_tests::reply::Reply;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A client's number.
pub type Who = usize;

/// One command: how requests of it are made, and what it means.
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// How often it is sent, beside the others.
    pub weight: u64,
    /// Its number of words as COMMAND says it: negative is "at least".
    pub arity: i64,
    /// What is special about it.
    pub kind: Kind,
    /// Makes the words behind the name.
    pub make: fn(&mut Dice) -> Words,
    /// Runs it and says what it answers.
    pub run: fn(&mut Model, Who, &[Vec<u8>]) -> Vec<Expect>,
}

/// What is special about a command.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    Plain,
    /// Runs at once inside MULTI.
    Immediate,
    /// Refused inside MULTI.
    NoMulti,
    /// A RESP2 subscriber may send it.
    Subscriber,
    /// Both: QUIT, RESET.
    Always,
}

/// What is to arrive.
#[derive(Clone, Debug)]
pub enum Expect {
    /// This.
    Is(Reply),
    /// One of these.
    OneOf(Vec<Reply>),
    /// An array of these in any order.
    Unordered(Vec<Reply>),
    /// A number between these.
    Between(i64, i64),
    /// An array of these.
    Each(Vec<Expect>),
    /// Anything that is no error.
    Anything,
    /// Anything.
    Any,
}

impl Expect {
    /// Whether that is what was expected.
    pub fn admits(&self, reply: &Reply) -> bool {
        match self {
            Expect::Is(wanted) => wanted == reply,
            Expect::OneOf(wanted) => wanted.contains(reply),
            Expect::Unordered(wanted) => {
                let sorted = |items: &[Reply]| {
                    let mut lines: Vec<String> = items.iter().map(ToString::to_string).collect();
                    lines.sort();
                    lines
                };
                matches!(reply, Reply::Array(items) if sorted(items) == sorted(wanted))
            }
            Expect::Between(low, high) => matches!(reply, Reply::Int(n) if low <= n && n <= high),
            Expect::Each(wanted) => match reply {
                Reply::Array(items) => {
                    items.len() == wanted.len()
                        && wanted.iter().zip(items).all(|(wanted, item)| wanted.admits(item))
                }
                _ => false,
            },
            Expect::Any => true,
            Expect::Anything => !matches!(reply, Reply::Error(_)),
        }
    }
}

/// A key's value.
#[derive(Clone, Debug)]
pub struct Item {
    pub value: Vec<u8>,
    pub deadline: Option<i64>,
}

/// A connection.
#[derive(Default)]
pub struct Session {
    pub db: usize,
    pub resp3: bool,
    pub queue: Option<Vec<Words>>,
    pub spoiled: bool,
    /// Watched keys: how often each had changed, and whether it was there.
    pub watched: BTreeMap<(usize, Vec<u8>), (u64, bool)>,
    pub channels: BTreeSet<Vec<u8>>,
    pub patterns: BTreeSet<Vec<u8>>,
    pub closing: bool,
    /// What it is to receive before its next command answers.
    pub expected: VecDeque<Expect>,
}

impl Session {
    pub fn listens_to(&self) -> usize {
        self.channels.len() + self.patterns.len()
    }
}

/// The expected server.
pub struct Model {
    pub now_ms: i64,
    dbs: Vec<BTreeMap<Vec<u8>, Item>>,
    changes: BTreeMap<(usize, Vec<u8>), u64>,
    sessions: BTreeMap<Who, Session>,
    /// Pushes that the running command sends to its own client.
    own_pushes: Vec<Expect>,
}

/// Every row.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    [
        strings::ROWS,
        counters::ROWS,
        ranges::ROWS,
        compare::ROWS,
        keys::ROWS,
        moving::ROWS,
        expiry::ROWS,
        connection::ROWS,
        transaction::ROWS,
        pubsub::ROWS,
        server::ROWS,
    ]
    .into_iter()
    .flatten()
}

fn row(name: &[u8]) -> Option<&'static Row> {
    rows().find(|row| row.name.as_bytes().eq_ignore_ascii_case(name))
}

impl Model {
    /// An empty server.
    pub fn new(databases: usize) -> Model {
        Model {
            now_ms: 0,
            dbs: vec![BTreeMap::new(); databases],
            changes: BTreeMap::new(),
            sessions: BTreeMap::new(),
            own_pushes: Vec::new(),
        }
    }

    pub fn connect(&mut self, who: Who) {
        self.sessions.insert(who, Session::default());
    }

    pub fn drop_client(&mut self, who: Who) {
        self.sessions.remove(&who);
    }

    /// Whether the client asked to be disconnected.
    pub fn wants_to_leave(&self, who: Who) -> bool {
        self.sessions.get(&who).is_some_and(|session| session.closing)
    }

    /// What that client is to receive next, if it is known without running its next command.
    pub fn next_expected(&mut self, who: Who) -> Option<Expect> {
        self.sessions.get_mut(&who)?.expected.pop_front()
    }

    /// Somebody who has not received what it should have.
    pub fn unheard(&self) -> Option<(Who, &Expect)> {
        self.sessions.iter().find_map(|(&who, s)| Some((who, s.expected.front()?)))
    }

    /// Runs a client's command.
    pub fn run(&mut self, who: Who, words: &[Vec<u8>]) {
        let mut expected = self.judge(who, words);
        expected.append(&mut self.own_pushes);
        self.me(who).expected.extend(expected);
    }

    fn judge(&mut self, who: Who, words: &[Vec<u8>]) -> Vec<Expect> {
        let Some(row) = row(&words[0]) else {
            return self.refuse(who, words, &unknown(words));
        };
        let count = words.len() as i64;
        if (row.arity > 0 && count != row.arity) || count < -row.arity {
            let text = format!("ERR wrong number of arguments for '{}' command", row.name);
            return self.refuse(who, words, &text);
        }
        let me = self.me(who);
        if me.queue.is_some() && row.kind == Kind::NoMulti {
            return self.refuse(who, words, "ERR Command not allowed inside a transaction");
        }
        let listens = !me.resp3 && me.listens_to() > 0;
        if listens && !matches!(row.kind, Kind::Subscriber | Kind::Always) {
            let text = format!(
                "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / \
                 RESET are allowed in this context",
                row.name
            );
            return self.refuse(who, words, &text);
        }
        if let Some(queue) = &mut me.queue
            && !matches!(row.kind, Kind::Immediate | Kind::Always)
        {
            queue.push(words.to_vec());
            return status("QUEUED");
        }
        (row.run)(self, who, words)
    }

    /// An error before the command runs: it spoils a transaction, and if it is EXEC ends it.
    fn refuse(&mut self, who: Who, words: &[Vec<u8>], text: &str) -> Vec<Expect> {
        let me = self.me(who);
        if words[0].eq_ignore_ascii_case(b"exec") {
            (me.queue, me.spoiled) = (None, false);
            me.watched.clear();
            let why = text.trim_start_matches("ERR ");
            return error(&format!("EXECABORT Transaction discarded because of: {why}"));
        }
        me.spoiled |= me.queue.is_some();
        error(text)
    }

    fn me(&mut self, who: Who) -> &mut Session {
        self.sessions.get_mut(&who).expect("only connected clients send commands")
    }

    /// The key if it lives. One past its time is gone once somebody looks.
    fn live(&mut self, who: Who, key: &[u8]) -> Option<&mut Item> {
        let db = self.me(who).db;
        self.live_in(db, key)
    }

    /// The same in any database.
    fn live_in(&mut self, db: usize, key: &[u8]) -> Option<&mut Item> {
        let now = self.now_ms;
        let db = &mut self.dbs[db];
        if db.get(key).is_some_and(|item| past(item, now)) {
            db.remove(key);
        }
        db.get_mut(key)
    }

    /// The value of a key that lives.
    fn value(&mut self, who: Who, key: &[u8]) -> Option<Vec<u8>> {
        self.live(who, key).map(|item| item.value.clone())
    }

    /// Puts a value and notes the change.
    fn put(&mut self, who: Who, key: &[u8], value: Vec<u8>, deadline: Option<i64>) {
        let db = self.me(who).db;
        self.put_in(db, key, Item { value, deadline });
    }

    /// The same in any database.
    fn put_in(&mut self, db: usize, key: &[u8], item: Item) {
        self.dbs[db].insert(key.to_vec(), item);
        self.changed(db, key);
    }

    /// Removes a key and notes the change; false if it was not there.
    fn remove(&mut self, who: Who, key: &[u8]) -> bool {
        if self.live(who, key).is_none() {
            return false;
        }
        let db = self.me(who).db;
        self.dbs[db].remove(key);
        self.changed(db, key);
        true
    }

    fn changed(&mut self, db: usize, key: &[u8]) {
        *self.changes.entry((db, key.to_vec())).or_default() += 1;
    }

    /// How often a key has changed, and whether it lives.
    fn version(&self, db: usize, key: &[u8]) -> (u64, bool) {
        let changes = self.changes.get(&(db, key.to_vec())).copied().unwrap_or(0);
        let lives = self.dbs[db].get(key).is_some_and(|item| !past(item, self.now_ms));
        (changes, lives)
    }

    /// Nothing, as this client's protocol writes it.
    fn null(&mut self, who: Who) -> Reply {
        if self.me(who).resp3 { Reply::Null } else { Reply::Nil }
    }

    fn bulk_or_null(&mut self, who: Who, value: Option<Vec<u8>>) -> Reply {
        match value {
            Some(value) => Reply::Bulk(value),
            None => self.null(who),
        }
    }

    /// A push, as that client's protocol writes it.
    fn push(&self, to: Who, items: Vec<Reply>) -> Reply {
        let resp3 = self.sessions.get(&to).is_some_and(|session| session.resp3);
        if resp3 { Reply::Push(items) } else { Reply::Array(items) }
    }

    /// The data set, with what may not have been removed yet.
    pub fn contents(&self) -> Contents {
        let held = |db: &BTreeMap<Vec<u8>, Item>| {
            let pairs = db.iter();
            pairs.map(|(key, item)| (key.clone(), (item.value.clone(), item.deadline))).collect()
        };
        self.dbs.iter().map(held).collect()
    }
}

fn past(item: &Item, now_ms: i64) -> bool {
    item.deadline.is_some_and(|deadline| deadline < now_ms)
}

fn unknown(words: &[Vec<u8>]) -> String {
    let quoted: String =
        words[1..].iter().map(|word| format!("'{}' ", String::from_utf8_lossy(word))).collect();
    let name = String::from_utf8_lossy(&words[0]);
    format!("ERR unknown command '{name}', with args beginning with: {quoted}")
}

// What commands answer, in short.

fn is(reply: Reply) -> Vec<Expect> {
    vec![Expect::Is(reply)]
}

fn ok() -> Vec<Expect> {
    status("OK")
}

fn status(text: &str) -> Vec<Expect> {
    is(Reply::Status(text.into()))
}

fn int(number: i64) -> Vec<Expect> {
    is(Reply::Int(number))
}

fn bulk(bytes: &[u8]) -> Reply {
    Reply::Bulk(bytes.to_vec())
}

fn error(text: &str) -> Vec<Expect> {
    // Decoding makes what is not UTF-8 readable, and so does this.
    is(Reply::Error(text.into()))
}

fn syntax_error() -> Vec<Expect> {
    error("ERR syntax error")
}

const NOT_INTEGER: &str = "ERR value is not an integer or out of range";

/// A number as Redis reads it: decimal, and written in the only way that it would write it.
fn number(text: &[u8]) -> Option<i64> {
    let number: i64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (number.to_string().as_bytes() == text).then_some(number)
}

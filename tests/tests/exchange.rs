//! Data of every type and size, carried between this server and a real one: in snapshots, and value by value.
//!
//! `REDIS_SERVER=path` names another binary than the one in `PATH`; a newer one is given what only it can hold. The data are
//! compared by walking all keys through the protocol, and by the fingerprints of both servers.

use lodestore_tests::client::Client;
use lodestore_tests::reply::Reply;
use lodestore_tests::server::{Server, skip};
use std::collections::BTreeMap;
use std::fs;

type Words = Vec<Vec<u8>>;

/// Which kind of server the peer is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kin {
    /// One that knows no times of fields.
    Old,
    Redis,
    Valkey,
}

impl Kin {
    fn of(client: &mut Client) -> Kin {
        let known = |reply: Reply| matches!(reply.items().first(), Some(Reply::Array(_)));
        if !known(client.call(&["COMMAND", "INFO", "HPEXPIREAT"])) {
            Kin::Old
        } else if client.call(&["INFO", "server"]).text().contains("valkey_version") {
            Kin::Valkey
        } else {
            Kin::Redis
        }
    }

    /// The version of the format that it reads.
    fn version(self) -> &'static str {
        match self {
            Kin::Old => "10",
            Kin::Redis => "12",
            Kin::Valkey => "80",
        }
    }
}

/// The two servers, and what the real one is; nothing where none is installed.
fn both(test: &str) -> Option<(Server, Server, Kin)> {
    let debug = ("enable-debug-command", "yes");
    let Some(peer) = Server::peer(&[debug]) else {
        skip(test, "no redis-server is installed");
        return None;
    };
    let kin = Kin::of(&mut peer.client());
    Some((Server::start(&[debug, ("rdb-version", kin.version())]), peer, kin))
}

/// Numbers by chance, always the same.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    fn text(&mut self) -> Vec<u8> {
        match self.below(10) {
            0..=3 => format!("{}", self.below(2000) as i64 - 1000).into_bytes(),
            4 => format!("{}", (self.below(1 << 31) as i64) << self.below(32)).into_bytes(),
            5..=7 => format!("element:{}", self.below(5000)).into_bytes(),
            8 => (0..self.below(300)).map(|at| (at * 31 / 7) as u8).collect(),
            _ => vec![b'a' + self.below(26) as u8; self.below(12_000) as usize],
        }
    }

    fn score(&mut self) -> Vec<u8> {
        match self.below(8) {
            0 => b"inf".to_vec(),
            1 => b"-inf".to_vec(),
            2 => b"-1e22".to_vec(),
            // What a double is exactly: servers before 7.2 show others with all their digits.
            3 => format!("{}.{}", self.below(1000), [5, 25, 125][self.below(3) as usize])
                .into_bytes(),
            _ => format!("{}", self.below(500) as i64 - 250).into_bytes(),
        }
    }

    /// How many elements: few, or many.
    fn size(&mut self) -> u64 {
        let most = [1, 5, 20, 150, 600, 3000][self.below(6) as usize];
        1 + self.below(most)
    }
}

fn words(head: &[&str]) -> Words {
    head.iter().map(|word| word.as_bytes().to_vec()).collect()
}

/// Requests that fill a server.
fn requests(kin: Kin) -> Vec<Words> {
    let mut chance = Chance(7);
    let mut all = Vec::new();
    for number in 0..40 {
        for kind in ["string", "list", "set", "ints", "hash", "zset"] {
            let key = format!("{kind}:{number}");
            all.push(value(kind, &key, &mut chance));
            if number % 5 == 0 {
                all.push(words(&["PEXPIREAT", &key, "4102444800123"]));
            }
            if kind == "hash" && number % 3 == 0 && kin != Kin::Old {
                all.extend(timed_fields(&key));
            }
        }
        all.extend(stream(&format!("stream:{number}"), &mut chance));
    }
    all
}

fn value(kind: &str, key: &str, chance: &mut Chance) -> Words {
    let command = match kind {
        "string" => return [words(&["SET", key]), vec![chance.text()]].concat(),
        "list" => "RPUSH",
        "set" | "ints" => "SADD",
        "hash" => "HSET",
        _ => "ZADD",
    };
    let mut request = words(&[command, key]);
    for _ in 0..chance.size() {
        match kind {
            "ints" => request.push(chance.below(100_000).to_string().into_bytes()),
            "hash" => request.extend([chance.text(), chance.text()]),
            "zset" => request.extend([chance.score(), chance.text()]),
            _ => request.push(chance.text()),
        }
    }
    request
}

fn timed_fields(key: &str) -> Vec<Words> {
    let field = |name: &str, time: &str| {
        vec![
            words(&["HSET", key, name, "v"]),
            words(&["HPEXPIREAT", key, time, "FIELDS", "1", name]),
        ]
    };
    [field("timed:1", "4102444800123"), field("timed:2", "4102444800000")].concat()
}

/// A stream with entries, gaps, groups, consumers and pending entries.
fn stream(key: &str, chance: &mut Chance) -> Vec<Words> {
    let mut all = Vec::new();
    let size = chance.size();
    for at in 1..=size {
        let id = format!("{}-{}", at / 3 + 1, at);
        let mut add = words(&["XADD", key, &id, "name"]);
        add.push(chance.text());
        if chance.below(4) == 0 {
            add.extend([b"other".to_vec(), chance.text()]);
        }
        all.push(add);
    }
    for group in ["first", "second"] {
        all.push(words(&["XGROUP", "CREATE", key, group, "0"]));
        for consumer in ["amy", "bob"] {
            // Redis before 7.2 makes none for a reader that gets nothing.
            all.push(words(&["XGROUP", "CREATECONSUMER", key, group, consumer]));
            let count = (1 + chance.below(size)).to_string();
            let read =
                ["XREADGROUP", "GROUP", group, consumer, "COUNT", &count, "STREAMS", key, ">"];
            all.push(words(&read));
        }
        all.push(words(&["XGROUP", "CREATECONSUMER", key, group, "idle"]));
        all.push(words(&["XACK", key, group, "1-1", "1-2"]));
    }
    all.push(words(&["XDEL", key, "1-2", "2-4"]));
    if chance.below(3) == 0 {
        all.push(words(&["XTRIM", key, "MAXLEN", "5"]));
    }
    all
}

fn fill(client: &mut Client, kin: Kin) {
    for request in requests(kin) {
        if let Reply::Error(why) = client.call(&request) {
            let shown: Vec<String> =
                request.iter().take(4).map(|word| word.escape_ascii().to_string()).collect();
            panic!("{shown:?}: {why}");
        }
    }
}

/// Everything that a client can see of the data.
fn walk(client: &mut Client, kin: Kin) -> BTreeMap<String, String> {
    let mut seen = BTreeMap::new();
    for key in client.call(&["KEYS", "*"]).items() {
        let key = key.text();
        let kind = client.call(&["TYPE", &key]).text();
        let mut looks: Vec<Vec<&str>> = vec![vec!["PEXPIRETIME", &key]];
        match kind.as_str() {
            "string" => looks.push(vec!["GET", &key]),
            "list" => looks.push(vec!["LRANGE", &key, "0", "-1"]),
            "set" => looks.push(vec!["SMEMBERS", &key]),
            "zset" => looks.push(vec!["ZRANGE", &key, "0", "-1", "WITHSCORES"]),
            "hash" => {
                looks.push(vec!["HGETALL", &key]);
                if kin != Kin::Old {
                    looks.push(vec!["HPEXPIRETIME", &key, "FIELDS", "2", "timed:1", "timed:2"]);
                }
            }
            "stream" => looks.push(vec!["XRANGE", &key, "-", "+"]),
            other => panic!("a key of type {other}"),
        }
        let mut text = String::new();
        for look in looks {
            text += &flat(client.call(&look), &kind).join(" ");
        }
        if kind == "stream" {
            text += &stream_state(client, &key);
        }
        seen.insert(key, text);
    }
    seen
}

/// A reply as words; those of a set or a hash sorted, for they come in any order.
fn flat(reply: Reply, kind: &str) -> Vec<String> {
    let items = reply.items();
    let mut lines: Vec<String> = match (kind, items.is_empty()) {
        (_, true) => vec![reply.line()],
        ("hash", false) => items.chunks(2).map(|pair| format!("{pair:?}")).collect(),
        _ => items.iter().map(Reply::line).collect(),
    };
    if kind == "set" || kind == "hash" {
        lines.sort();
    }
    lines
}

/// What two servers must agree on of a stream beside its entries.
fn stream_state(client: &mut Client, key: &str) -> String {
    let mut text = String::new();
    let info = client.call(&["XINFO", "STREAM", key]).items();
    for pair in info.chunks(2) {
        let name = pair[0].text();
        if ["length", "last-generated-id", "max-deleted-entry-id", "entries-added", "groups"]
            .contains(&name.as_str())
        {
            text += &format!(" {name}={}", pair[1].line());
        }
    }
    for group in client.call(&["XINFO", "GROUPS", key]).items() {
        // All but the lag, which servers of different ages count in different ways.
        let words: Vec<String> = group.items().iter().take(10).map(Reply::line).collect();
        text += &format!(" {}", words.join(" "));
    }
    for group in ["first", "second"] {
        for pending in client.call(&["XPENDING", key, group, "-", "+", "10000"]).items() {
            let words = pending.items();
            let [id, consumer, _idle, count] = &words[..] else { panic!("{pending:?}") };
            text += &format!(" {}:{}x{}", id.text(), consumer.text(), count.line());
        }
        let consumers = client.call(&["XINFO", "CONSUMERS", key, group]).items();
        for consumer in consumers {
            text += &format!(" {}", consumer.items()[1].text());
        }
    }
    text
}

/// Fails with the first key on which they differ.
fn compare(ours: &BTreeMap<String, String>, theirs: &BTreeMap<String, String>) {
    assert!(ours.keys().eq(theirs.keys()), "{:?}\n{:?}", ours.keys(), theirs.keys());
    for (key, text) in ours {
        let cut = |text: &str| text.chars().take(2000).collect::<String>();
        assert!(*text == theirs[key], "{key}\n{}\n{}", cut(text), cut(&theirs[key]));
    }
}

/// The fingerprint of all data, where both servers make it alike: Valkey leaves out that a field has a time.
fn digest(server: &Server, kin: Kin) -> String {
    if kin == Kin::Valkey {
        return String::new();
    }
    server.client().call(&["DEBUG", "DIGEST"]).text()
}

/// Has one server save, and the other one start with that.
fn carry(from: &Server, to: &mut Server) {
    assert_eq!(from.client().call(&["SAVE"]).line(), "+OK");
    to.kill9();
    fs::copy(from.dir().join("dump.rdb"), to.dir().join("dump.rdb"))
        .expect("a snapshot was written");
    to.restart();
}

#[test]
fn snapshots_of_real_servers_are_loaded_and_come_back() {
    let name = "snapshots_of_real_servers_are_loaded_and_come_back";
    let Some((mut ours, mut theirs, kin)) = both(name) else { return };
    fill(&mut theirs.client(), kin);
    let expected = walk(&mut theirs.client(), kin);
    let print = digest(&theirs, kin);
    carry(&theirs, &mut ours);
    compare(&walk(&mut ours.client(), kin), &expected);
    assert_eq!(digest(&ours, kin), print);
    assert_eq!(ours.client().call(&["DEBUG", "RELOAD"]).line(), "+OK");
    compare(&walk(&mut ours.client(), kin), &expected);
    assert_eq!(digest(&ours, kin), print);
    theirs.client().call(&["FLUSHALL"]);
    carry(&ours, &mut theirs);
    compare(&expected, &walk(&mut theirs.client(), kin));
    assert_eq!(digest(&theirs, kin), print);
}

/// Dumps every value in one server and restores it in the other.
fn hand_over(from: &mut Client, to: &mut Client, kin: Kin) {
    for key in walk(from, kin).keys() {
        let Reply::Bulk(payload) = from.call(&["DUMP", key]) else { panic!("DUMP of {key}") };
        let restored = to.call(&[b"RESTORE".as_slice(), key.as_bytes(), b"0", &payload]);
        assert_eq!(restored.line(), "+OK", "{key}: {}", payload.escape_ascii());
        let ask = ["DEBUG", "DIGEST-VALUE", key];
        if has_time(from, key) {
            to.call(&["PEXPIREAT", key, "4102444800123"]);
        }
        if kin != Kin::Valkey {
            assert_eq!(from.call(&ask), to.call(&ask), "{key}");
        }
    }
    compare(&walk(from, kin), &walk(to, kin));
}

fn has_time(client: &mut Client, key: &str) -> bool {
    client.call(&["PEXPIRETIME", key]) != Reply::Int(-1)
}

#[test]
fn every_value_is_handed_over_and_back() {
    let Some((ours, theirs, kin)) = both("every_value_is_handed_over_and_back") else { return };
    let (mut ours, mut theirs) = (ours.client(), theirs.client());
    fill(&mut ours, kin);
    hand_over(&mut ours, &mut theirs, kin);
    ours.call(&["FLUSHALL"]);
    hand_over(&mut theirs, &mut ours, kin);
}

#[test]
fn both_see_the_same_of_the_same_requests() {
    let Some((ours, theirs, kin)) = both("both_see_the_same_of_the_same_requests") else { return };
    fill(&mut ours.client(), kin);
    fill(&mut theirs.client(), kin);
    compare(&walk(&mut ours.client(), kin), &walk(&mut theirs.client(), kin));
    assert_eq!(digest(&ours, kin), digest(&theirs, kin));
}

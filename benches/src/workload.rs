//! Commands on collections, and the data that they work on.
//!
//! Owns: the forms of elements, what is put into a server before a command is measured.   Uses: client, requests.
//! Never: a clock.
//!
//! Each of them works on keys of its own. What a round changes (a list grows, a set loses members) is made anew before
//! the next, and a round of it ends after [`SUPPLY`] requests: all servers then do the same work, and none pops from
//! nothing.

use crate::Outcome;
use crate::client::Client;
use crate::requests::{Shape, push_words};
use lodestore_server::base::random::Rng;

/// Requests of a round that changes its data, all told. What is popped from holds more.
pub const SUPPLY: u64 = 2_000_000;
/// Connections that a round has under way at its end take so many elements at most.
const SLACK: u64 = 200_000;
/// Elements of one command of those that prepare.
const STEP: u64 = 200;
/// Different elements of a large collection that is written to.
const SPREAD: u64 = 1_000_000;
/// Different keys of what is spread over many.
const MANY: u64 = 100_000;

/// A command and its data.
#[derive(Debug)]
pub struct Workload {
    /// What `--ops` calls it.
    pub name: &'static str,
    /// How it is answered.
    pub reply: Shape,
    /// Whether each round needs its data anew.
    pub uses_up: bool,
    prepare: fn(&mut Client) -> Outcome<()>,
    request: fn(&mut Vec<u8>, &mut Rng),
}

impl PartialEq for Workload {
    fn eq(&self, other: &Workload) -> bool {
        self.name == other.name
    }
}

impl Eq for Workload {}

impl Workload {
    /// The workload of a name.
    pub fn named(name: &str) -> Outcome<&'static Workload> {
        let found = WORKLOADS.iter().find(|workload| workload.name == name);
        found.ok_or_else(|| {
            let names: Vec<&str> = names().collect();
            format!("{name}: not get, set, ping, mgetN, {}", names.join(", ")).into()
        })
    }

    /// Appends a request.
    pub fn push(&self, out: &mut Vec<u8>, rng: &mut Rng) {
        (self.request)(out, rng);
    }

    /// Puts its data into a server, in place of what an earlier round left.
    pub fn prepare(&self, client: &mut Client) -> Outcome<()> {
        (self.prepare)(client)
    }
}

/// The names of all.
pub fn names() -> impl Iterator<Item = &'static str> {
    WORKLOADS.iter().map(|workload| workload.name)
}

const NUMBER: Shape = Shape::line(b':');

const fn reading(
    name: &'static str,
    reply: Shape,
    prepare: fn(&mut Client) -> Outcome<()>,
    request: fn(&mut Vec<u8>, &mut Rng),
) -> Workload {
    Workload { name, reply, uses_up: false, prepare, request }
}

const fn changing(
    name: &'static str,
    reply: Shape,
    prepare: fn(&mut Client) -> Outcome<()>,
    request: fn(&mut Vec<u8>, &mut Rng),
) -> Workload {
    Workload { name, reply, uses_up: true, prepare, request }
}

static WORKLOADS: [Workload; 24] = [
    changing(
        "lpush",
        NUMBER,
        |c| c.clear("list"),
        |out, rng| {
            push_words(out, &["LPUSH", "list", &item(rng.below(SPREAD))]);
        },
    ),
    changing(
        "rpush",
        NUMBER,
        |c| c.clear("list"),
        |out, rng| {
            push_words(out, &["RPUSH", "list", &item(rng.below(SPREAD))]);
        },
    ),
    changing(
        "lpop",
        Shape::BULK,
        |c| list(c, "list", SUPPLY + SLACK),
        |out, _| {
            push_words(out, &["LPOP", "list"]);
        },
    ),
    reading("lrange100", Shape::array(100), page_list, |out, _| {
        push_words(out, &["LRANGE", "page", "0", "99"]);
    }),
    reading("lrange300", Shape::array(300), page_list, |out, _| {
        push_words(out, &["LRANGE", "page", "0", "299"]);
    }),
    reading("lrange600", Shape::array(600), page_list, |out, _| {
        push_words(out, &["LRANGE", "page", "0", "599"]);
    }),
    changing(
        "sadd",
        NUMBER,
        |c| c.clear("set"),
        |out, rng| {
            push_words(out, &["SADD", "set", &member(rng.below(SPREAD))]);
        },
    ),
    reading("sadd-many", NUMBER, many_sets, |out, rng| {
        let key = format!("tags:{:08}", rng.below(MANY));
        push_words(out, &["SADD", &key, &member(rng.below(20))]);
    }),
    reading("sismember", NUMBER, large_set, |out, rng| {
        push_words(out, &["SISMEMBER", "members", &member(rng.below(SPREAD))]);
    }),
    reading("sinter", Shape::array(5_000), two_sets, |out, _| {
        push_words(out, &["SINTER", "set:a", "set:b"]);
    }),
    changing(
        "hset",
        NUMBER,
        |c| c.clear("hash"),
        |out, rng| {
            push_words(out, &["HSET", "hash", &field(rng.below(SPREAD)), &text(rng.below(SPREAD))]);
        },
    ),
    reading("hset-many", NUMBER, many_hashes, |out, rng| {
        let key = format!("user:{:08}", rng.below(MANY));
        push_words(out, &["HSET", &key, &short_field(rng.below(10)), &text(rng.below(SPREAD))]);
    }),
    reading("hget-many", Shape::BULK, many_hashes, |out, rng| {
        let key = format!("user:{:08}", rng.below(MANY));
        push_words(out, &["HGET", &key, &short_field(rng.below(10))]);
    }),
    reading("hgetall50", Shape::array(100), hashes_of_50, |out, rng| {
        push_words(out, &["HGETALL", &format!("object:{:08}", rng.below(10_000))]);
    }),
    changing(
        "zadd",
        NUMBER,
        |c| c.clear("zset"),
        |out, rng| {
            push_words(out, &["ZADD", "zset", &score(rng), &member(rng.below(SPREAD))]);
        },
    ),
    reading("zadd-many", NUMBER, many_zsets, |out, rng| {
        let key = format!("board:{:08}", rng.below(10_000));
        push_words(out, &["ZADD", &key, &score(rng), &member(rng.below(100))]);
    }),
    changing(
        "zpopmin",
        Shape::array(2),
        |c| zset(c, "zset", SUPPLY + SLACK),
        |out, _| {
            push_words(out, &["ZPOPMIN", "zset"]);
        },
    ),
    reading(
        "zrange100",
        Shape::array(100),
        |c| zset(c, "ranks", 10_000),
        |out, rng| {
            let start = rng.below(9_900);
            let (start, end) = (start.to_string(), (start + 99).to_string());
            push_words(out, &["ZRANGE", "ranks", &start, &end]);
        },
    ),
    reading("zunionstore", NUMBER, two_zsets, |out, _| {
        push_words(out, &["ZUNIONSTORE", "zset:union", "2", "zset:a", "zset:b"]);
    }),
    reading("sort1000", Shape::array(1_000), numbers, |out, _| {
        push_words(out, &["SORT", "numbers"]);
    }),
    reading(
        "incr",
        NUMBER,
        |_| Ok(()),
        |out, rng| {
            push_words(out, &["INCR", &format!("count:{:010}", rng.below(SPREAD))]);
        },
    ),
    reading(
        "mset10",
        Shape::line(b'+'),
        |_| Ok(()),
        |out, rng| {
            let keys: [String; 10] =
                std::array::from_fn(|_| format!("mset:{:011}", rng.below(SPREAD)));
            let value = "x".repeat(64);
            let pairs = keys.iter().flat_map(|key| [key.as_str(), value.as_str()]);
            push_words(out, &[&["MSET"], &pairs.collect::<Vec<&str>>()[..]].concat());
        },
    ),
    changing(
        "xadd",
        Shape::BULK,
        |c| c.clear("stream"),
        |out, rng| {
            push_words(out, &["XADD", "stream", "*", "field", &text(rng.below(SPREAD))]);
        },
    ),
    reading("xrange100", Shape { start: b'*', lines: 1 + 100 * 8 }, stream, |out, _| {
        push_words(out, &["XRANGE", "events", "-", "+", "COUNT", "100"]);
    }),
];

/// An element of a list: 16 bytes.
pub fn item(number: u64) -> String {
    format!("item:{number:011}")
}

/// A member of a set: 15 bytes.
pub fn member(number: u64) -> String {
    format!("member:{number:08}")
}

/// A field of a large hash: 14 bytes.
pub fn field(number: u64) -> String {
    format!("field:{number:08}")
}

/// A value of a field: 16 bytes.
pub fn text(number: u64) -> String {
    format!("value:{number:010}")
}

fn short_field(number: u64) -> String {
    format!("field:{number}")
}

fn score(rng: &mut Rng) -> String {
    rng.below(1_000_000).to_string()
}

/// Adds `count` elements to a key by commands of many; `push` appends the words of one element.
fn pour(
    client: &mut Client,
    command: &str,
    key: &str,
    count: u64,
    mut push: impl FnMut(u64, &mut Vec<String>),
) -> Outcome<()> {
    client.clear(key)?;
    client.tell((0..count).step_by(STEP as usize), |from, out| {
        let mut words = vec![command.to_owned(), key.to_owned()];
        (from..count.min(from + STEP)).for_each(|number| push(number, &mut words));
        push_words(out, &words.iter().map(String::as_str).collect::<Vec<&str>>());
    })
}

/// Makes many keys, each by one command; `push` appends its words behind the key.
fn pour_many(
    client: &mut Client,
    command: &str,
    kind: &str,
    keys: u64,
    mut push: impl FnMut(u64, &mut Vec<String>),
) -> Outcome<()> {
    client.tell(0..keys, |number, out| {
        let mut words = vec![command.to_owned(), format!("{kind}:{number:08}")];
        push(number, &mut words);
        push_words(out, &words.iter().map(String::as_str).collect::<Vec<&str>>());
    })
}

fn list(client: &mut Client, key: &str, count: u64) -> Outcome<()> {
    pour(client, "RPUSH", key, count, |number, words| words.push(item(number)))
}

fn page_list(client: &mut Client) -> Outcome<()> {
    list(client, "page", 1_000)
}

fn set(client: &mut Client, key: &str, from: u64, count: u64) -> Outcome<()> {
    pour(client, "SADD", key, count, |number, words| words.push(member(from + number)))
}

fn large_set(client: &mut Client) -> Outcome<()> {
    set(client, "members", 0, SPREAD)
}

fn two_sets(client: &mut Client) -> Outcome<()> {
    set(client, "set:a", 0, 10_000)?;
    set(client, "set:b", 5_000, 10_000)
}

fn many_sets(client: &mut Client) -> Outcome<()> {
    pour_many(client, "SADD", "tags", MANY, |_, words| words.extend((0..10).map(member)))
}

fn many_hashes(client: &mut Client) -> Outcome<()> {
    pour_many(client, "HSET", "user", MANY, |key, words| {
        words.extend((0..10).flat_map(|number| [short_field(number), text(key)]));
    })
}

fn hashes_of_50(client: &mut Client) -> Outcome<()> {
    pour_many(client, "HSET", "object", 10_000, |key, words| {
        words.extend((0..50).flat_map(|number| [field(number), text(key + number)]));
    })
}

fn zset(client: &mut Client, key: &str, count: u64) -> Outcome<()> {
    let mut rng = Rng::new(1);
    pour(client, "ZADD", key, count, |number, words| {
        words.extend([score(&mut rng), member(number)])
    })
}

fn two_zsets(client: &mut Client) -> Outcome<()> {
    for (key, from) in [("zset:a", 0), ("zset:b", 5_000)] {
        let mut rng = Rng::new(from);
        pour(client, "ZADD", key, 10_000, |number, words| {
            words.extend([score(&mut rng), member(from + number)]);
        })?;
    }
    Ok(())
}

fn many_zsets(client: &mut Client) -> Outcome<()> {
    let mut rng = Rng::new(1);
    pour_many(client, "ZADD", "board", 10_000, |_, words| {
        words.extend((0..100).flat_map(|number| [score(&mut rng), member(number)]));
    })
}

fn numbers(client: &mut Client) -> Outcome<()> {
    let mut rng = Rng::new(1);
    pour(client, "RPUSH", "numbers", 1_000, |_, words| words.push(score(&mut rng)))
}

fn stream(client: &mut Client) -> Outcome<()> {
    client.clear("events")?;
    client.tell(0..1_000, |number, out| {
        push_words(out, &["XADD", "events", "*", "field", &text(number)]);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_different_and_found() {
        assert_eq!(names().collect::<BTreeSet<&str>>().len(), WORKLOADS.len());
        assert!(names().all(|name| Workload::named(name).is_ok()));
        assert!(Workload::named("lpushx").unwrap_err().to_string().contains("zunionstore"));
    }

    #[test]
    fn every_request_is_one_command() {
        let mut rng = Rng::new(1);
        for workload in &WORKLOADS {
            let mut out = Vec::new();
            workload.push(&mut out, &mut rng);
            let text = String::from_utf8(out).unwrap();
            let words = text[1..].split_once('\r').unwrap().0.parse::<usize>().unwrap();
            assert_eq!(text.matches("\r\n").count(), 1 + 2 * words, "{}", workload.name);
        }
    }
}

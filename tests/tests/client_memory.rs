//! What clients hold in memory: that it is known, and that `maxmemory-clients` bounds it.
//!
//! Every test plays with one thread and with an I/O thread of its own for the sockets.

use lodestore_tests::client::{Client, Proto};
use lodestore_tests::reply::Reply;
use lodestore_tests::server::Server;
use std::time::{Duration, Instant};

const MIB: usize = 1 << 20;
/// What the tests let all clients hold together.
const LIMIT: &str = "8mb";

fn both(test: impl Fn(&Server)) {
    for threads in ["1", "2"] {
        test(&Server::start(&[("io-threads", threads), ("save", "")]));
    }
}

fn is_ok(reply: &Reply) -> bool {
    reply.line() == "+OK"
}

/// A figure of INFO.
fn info(asker: &mut Client, section: &str, field: &str) -> u64 {
    let text = asker.call(&["INFO", section]).text();
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.and_then(|figure| figure.parse().ok()).unwrap_or_else(|| panic!("no {field} in\n{text}"))
}

fn evicted(asker: &mut Client) -> u64 {
    info(asker, "stats", "evicted_clients")
}

/// The figures of a field of CLIENT LIST, by the names of the clients.
fn listed(asker: &mut Client, field: &str) -> Vec<(String, u64)> {
    let text = asker.call(&["CLIENT", "LIST"]).text();
    let of = |line: &str, field: &str| {
        let words = line.split(' ');
        words
            .filter_map(|word| word.split_once('='))
            .find(|(name, _)| *name == field)
            .map(|w| w.1.to_string())
    };
    let row = |line| Some((of(line, "name")?, of(line, field)?.parse().ok()?));
    text.lines().filter_map(row).collect()
}

fn names(asker: &mut Client) -> Vec<String> {
    listed(asker, "tot-mem").into_iter().map(|(name, _)| name).collect()
}

/// Waits for what becomes known with the next tick of a thread.
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(10), "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn named(server: &Server, name: &str) -> Client {
    let mut client = server.client();
    assert!(is_ok(&client.call(&["CLIENT", "SETNAME", name])));
    client
}

/// A client that looks, and is never closed for what it holds.
fn observer(server: &Server) -> Client {
    let mut client = named(server, "observer");
    assert!(is_ok(&client.call(&["CLIENT", "NO-EVICT", "ON"])));
    client
}

fn limit(asker: &mut Client, limit: &str) {
    assert!(is_ok(&asker.call(&["CONFIG", "SET", "maxmemory-clients", limit])));
}

/// Has a client take more than the limit, and waits until it is closed and counted.
fn goes_too_far(server: &Server, what: &str, take: impl Fn(&mut Client)) {
    let mut asker = observer(server);
    limit(&mut asker, LIMIT);
    let mut modest = named(server, "modest");
    let before = evicted(&mut asker);
    let mut greedy = named(server, "greedy");
    take(&mut greedy);
    eventually(what, || evicted(&mut asker) == before + 1);
    assert!(!names(&mut asker).contains(&"greedy".to_string()), "{what}");
    assert_eq!(modest.call(&["PING"]).line(), "+PONG", "{what}");
    assert!(server.log().contains("Evicting client: id="), "{what}");
    limit(&mut asker, "0");
}

#[test]
fn unfinished_requests() {
    both(|server| {
        goes_too_far(server, "a large string of which the end is missing", |client| {
            client.raw(format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${}\r\n", 64 * MIB).as_bytes());
            client.raw(&vec![b'x'; 12 * MIB]);
        });
        goes_too_far(server, "many small arguments of which the last is missing", |client| {
            client.raw(b"*1000000\r\n");
            client.raw(&b"$20\r\n12345678901234567890\r\n".repeat(400_000));
        });
    });
}

#[test]
fn output_that_is_not_read() {
    both(|server| {
        let mut writer = server.client();
        assert!(is_ok(&writer.call(&[b"SET".as_slice(), b"large", &vec![b'x'; 4 * MIB]])));
        goes_too_far(server, "replies that nobody reads", |client| {
            for _ in 0..8 {
                client.send(&["GET", "large"]);
            }
        });
    });
}

#[test]
fn queued_commands() {
    both(|server| {
        goes_too_far(server, "a long transaction", |client| {
            client.call(&["MULTI"]);
            let value = "x".repeat(16 * 1024);
            for _ in 0..700 {
                client.send(&["SET", "k", &value]);
            }
        });
    });
}

#[test]
fn watches_and_subscriptions() {
    both(|server| {
        let name = |i: usize| format!("{i:06}{}", "x".repeat(1000));
        goes_too_far(server, "many watched keys", |client| {
            for i in 0..10_000 {
                client.send(&["WATCH", &name(i)]);
            }
        });
        goes_too_far(server, "many channels", |client| {
            for i in 0..10_000 {
                client.send(&["SUBSCRIBE", &name(i)]);
            }
        });
    });
}

#[test]
fn the_heaviest_go_first_and_those_who_must_stay_do() {
    both(|server| {
        let mut asker = observer(server);
        let hold = |client: &mut Client, bytes: usize| {
            client.raw(format!("*2\r\n$3\r\nGET\r\n${}\r\n", 256 * MIB).as_bytes());
            client.raw(&vec![b'x'; bytes]);
        };
        let mut clients: Vec<Client> = Vec::new();
        // Far apart: a buffer that grows may have room for several MiB more than it holds.
        for (name, mib) in [("small", 1), ("spared", 120), ("large", 70), ("middle", 25)] {
            let mut client = named(server, name);
            if name == "spared" {
                assert!(is_ok(&client.call(&["CLIENT", "NO-EVICT", "ON"])));
            }
            hold(&mut client, mib * MIB);
            clients.push(client);
        }
        eventually("all of it is known", || {
            let known = listed(&mut asker, "tot-mem");
            let holds = |name: &str, mib: usize| {
                known.iter().any(|(who, held)| who == name && *held >= (mib * MIB) as u64)
            };
            holds("small", 1) && holds("spared", 120) && holds("large", 70) && holds("middle", 25)
        });
        for (gone, name) in [(1, "large"), (2, "middle"), (3, "small")] {
            let held = info(&mut asker, "memory", "mem_clients_normal");
            limit(&mut asker, &(held - MIB as u64 / 2).to_string());
            eventually(name, || evicted(&mut asker) == gone);
            assert!(
                !names(&mut asker).contains(&name.to_string()),
                "{name} goes before the others"
            );
            limit(&mut asker, "0");
        }
        limit(&mut asker, "1mb");
        eventually("it is told", || server.log().contains("all that may be evicted are"));
        assert_eq!(names(&mut asker), ["observer", "spared"]);
    });
}

#[test]
fn a_limit_below_the_least_lets_clients_talk() {
    both(|server| {
        let mut client = server.client();
        assert!(is_ok(&client.call(&["CONFIG", "SET", "maxmemory-clients", "1"])));
        for _ in 0..10 {
            assert_eq!(client.call(&["PING"]).line(), "+PONG");
        }
    });
}

#[test]
fn figures_agree_with_each_other() {
    both(|server| {
        let mut asker = observer(server);
        let mut writer = named(server, "writer");
        writer.raw(format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${}\r\n", 8 * MIB).as_bytes());
        writer.raw(&vec![b'x'; 3 * MIB]);
        let mut listener = Client::speaking(&server.address(), Proto::Resp3).expect("it accepts");
        listener.send(&["SUBSCRIBE", &"c".repeat(100_000)]);
        eventually("the sums are those of the lines", || {
            let lines: u64 = listed(&mut asker, "tot-mem").iter().map(|(_, bytes)| bytes).sum();
            let sum = info(&mut asker, "memory", "mem_clients_normal");
            lines > 3 << 20 && sum.abs_diff(lines) < 64 << 10
        });
        let queries = listed(&mut asker, "qbuf");
        let of_writer = queries.iter().find(|(name, _)| name == "writer").map(|(_, bytes)| *bytes);
        assert!(of_writer.is_some_and(|bytes| bytes >= 3 << 20), "{queries:?}");
        drop((writer, listener));
        eventually("who is gone holds nothing", || {
            info(&mut asker, "memory", "mem_clients_normal") < 256 << 10
        });
    });
}

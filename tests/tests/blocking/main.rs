//! Clients that wait for keys: who is served, by what, when, and what is left when they go.
//!
//! Owns: the scenes with many clients; `random` holds programs against a real server.
//! Uses: real connections.   Never: the words of single commands (transcripts/list, transcripts/sorted_set have those).
//!
//! Every scene is played against Lodestore with one thread and with several, and against the redis-server in PATH, if
//! there is one: what it asks for is what real servers do.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod random;

use lodestore_tests::client::{Client, encode};
use lodestore_tests::fault::{await_info, info};
use lodestore_tests::reply::Reply;
use lodestore_tests::server::Server;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Plays a scene against every server there is.
fn everywhere(scene: fn(&Server)) {
    for threads in ["1", "3"] {
        scene(&Server::start(&[("io-threads", threads)]));
    }
    if let Some(peer) = Server::peer(&[]) {
        scene(&peer);
    }
}

/// Clients that have begun to wait, one after the other.
fn waiters(server: &Server, requests: &[Vec<&str>]) -> Vec<Client> {
    let mut admin = server.client();
    let before: usize = info(&mut admin, "blocked_clients").parse().unwrap();
    let mut clients = Vec::new();
    for (at, request) in requests.iter().enumerate() {
        let mut client = server.client();
        client.send(request);
        clients.push(client);
        await_info(&mut admin, "blocked_clients", &(before + at + 1).to_string());
    }
    clients
}

fn id(client: &mut Client) -> String {
    client.call(&["CLIENT", "ID"]).line().trim_start_matches(':').to_string()
}

/// The element in an answer to BLPOP.
fn element(reply: &Reply) -> String {
    reply.items().get(1).map(Reply::text).unwrap_or_default()
}

#[test]
fn elements_go_to_clients_in_the_order_in_which_they_came() {
    everywhere(|server| {
        let mut clients = waiters(server, &vec![vec!["BLPOP", "jobs", "0"]; 40]);
        let mut pusher = server.client();
        // One by one, some at once, and some more than there are clients.
        let wire: Vec<u8> =
            (0..20).flat_map(|n| encode(&["RPUSH", "jobs", &n.to_string()])).collect();
        pusher.raw(&wire);
        (0..20)
            .for_each(|_| assert_eq!(pusher.read().line(), ":1", "a client took the one before"));
        let more: Vec<String> = (20..50).map(|n| n.to_string()).collect();
        let words: Vec<&str> =
            ["RPUSH", "jobs"].into_iter().chain(more.iter().map(|s| &**s)).collect();
        assert_eq!(pusher.call(&words).line(), ":30");
        for (at, client) in clients.iter_mut().enumerate() {
            assert_eq!(element(&client.read()), at.to_string());
        }
        assert_eq!(pusher.call(&["LLEN", "jobs"]).line(), ":10");
    });
}

#[test]
fn nobody_takes_in_between_what_a_waiting_client_gets() {
    everywhere(|server| {
        let mut clients = waiters(server, &vec![vec!["BRPOP", "l", "0"]; 3]);
        let mut other = server.client();
        let wire: Vec<u8> = (0..6)
            .flat_map(|n| [encode(&["LPUSH", "l", &n.to_string()]), encode(&["LPOP", "l"])])
            .flatten()
            .collect();
        other.raw(&wire);
        for n in 0..6 {
            assert_eq!(other.read().line(), ":1");
            let popped = other.read();
            assert_eq!(matches!(popped, Reply::Nil), n < 3, "{}", popped.line());
        }
        for (at, client) in clients.iter_mut().enumerate() {
            assert_eq!(element(&client.read()), at.to_string());
        }
    });
}

#[test]
fn an_element_runs_through_a_chain_of_moves() {
    const LINKS: usize = 30;
    everywhere(|server| {
        let names: Vec<String> = (0..=LINKS).map(|n| format!("list:{n}")).collect();
        let mut moves: Vec<Vec<&str>> =
            names.windows(2).map(|w| vec!["BLMOVE", &w[0], &w[1], "LEFT", "RIGHT", "0"]).collect();
        // Whoever waits for the end of the chain came first.
        moves.push(vec!["BLPOP", &names[LINKS], "0"]);
        moves.reverse();
        let mut clients = waiters(server, &moves);
        let mut pusher = server.client();
        assert_eq!(pusher.call(&["RPUSH", &names[0], "x"]).line(), ":1");
        assert_eq!(element(&clients[0].read()), "x");
        clients[1..].iter_mut().for_each(|client| assert_eq!(client.read().text(), "x"));
        assert_eq!(pusher.call(&["DBSIZE"]).line(), ":0");
    });
}

#[test]
fn every_wait_ends_in_its_time() {
    everywhere(|server| {
        let begun = Instant::now();
        let mut waits: Vec<(Client, f64)> = (0..50)
            .map(|n| {
                let seconds = 0.05 + f64::from((n * 37) % 50) / 100.0;
                let mut client = server.client();
                client.send(&["BLPOP", "k", "l", &seconds.to_string()]);
                (client, seconds)
            })
            .collect();
        waits.sort_by(|a, b| a.1.total_cmp(&b.1));
        for (client, seconds) in &mut waits {
            assert!(matches!(client.read(), Reply::NilArray));
            let took = begun.elapsed().as_secs_f64();
            assert!(took >= *seconds && took < *seconds + 2.0, "{took} instead of {seconds}");
        }
        let mut admin = server.client();
        await_info(&mut admin, "blocked_clients", "0");
        assert_eq!(admin.call(&["RPUSH", "k", "x"]).line(), ":1");
        assert_eq!(admin.call(&["LLEN", "k"]).line(), ":1");
    });
}

#[test]
fn a_wait_that_is_served_in_time_does_not_end_later() {
    everywhere(|server| {
        let mut clients = waiters(server, &[vec!["BLPOP", "k", "0.15"]]);
        let mut pusher = server.client();
        pusher.call(&["RPUSH", "k", "x"]);
        assert_eq!(element(&clients[0].read()), "x");
        assert!(clients[0].read_within(Duration::from_millis(300)).is_err());
        clients[0].send(&["BLPOP", "k", "0"]);
        assert!(clients[0].read_within(Duration::from_millis(300)).is_err());
        pusher.call(&["RPUSH", "k", "y"]);
        assert_eq!(element(&clients[0].read()), "y");
    });
}

#[test]
fn who_is_gone_leaves_no_trace() {
    everywhere(|server| {
        let mut admin = server.client();
        let mut clients = waiters(server, &vec![vec!["BLPOP", "a", "b", "0"]; 9]);
        let mut ids = Vec::new();
        for line in admin.call(&["CLIENT", "LIST"]).text().lines().filter(|l| l.contains("flags=b"))
        {
            ids.push(line.split([' ', '=']).nth(1).unwrap().parse::<u64>().unwrap());
        }
        ids.sort_unstable();
        // The first is killed, the second's peer goes, the third and fourth are told to go on.
        assert_eq!(admin.call(&["CLIENT", "KILL", "ID", &ids[0].to_string()]).line(), ":1");
        drop(clients.remove(1));
        await_info(&mut admin, "blocked_clients", "7");
        assert_eq!(admin.call(&["CLIENT", "UNBLOCK", &ids[2].to_string()]).line(), ":1");
        assert_eq!(admin.call(&["CLIENT", "UNBLOCK", &ids[3].to_string(), "ERROR"]).line(), ":1");
        assert!(clients.remove(0).read_to_end().unwrap().is_empty());
        assert!(matches!(clients.remove(0).read(), Reply::NilArray));
        assert!(clients.remove(0).read().line().starts_with("-UNBLOCKED "));
        await_info(&mut admin, "blocked_clients", "5");
        assert_eq!(admin.call(&["RPUSH", "b", "1", "2"]).line(), ":2");
        assert_eq!(element(&clients[0].read()), "1");
        assert_eq!(element(&clients[1].read()), "2");
        await_info(&mut admin, "blocked_clients", "3");
        drop(clients);
        await_info(&mut admin, "blocked_clients", "0");
        let keys = info(&mut admin, "total_blocking_keys");
        assert!(keys.is_empty() || keys == "0", "{keys}");
        assert_eq!(admin.call(&["RPUSH", "a", "1"]).line(), ":1");
        assert_eq!(admin.call(&["LLEN", "a"]).line(), ":1");
    });
}

#[test]
fn what_was_sent_behind_a_wait_is_done_behind_it() {
    everywhere(|server| {
        let mut client = server.client();
        let mut wire = encode(&["BLPOP", "l", "0"]);
        (0..3_000).for_each(|_| wire.extend(encode(&["INCR", "n"])));
        // A second wait, and RESET, which has to wait as well.
        wire.extend(encode(&["BLMOVE", "l", "m", "LEFT", "LEFT", "0"]));
        wire.extend(encode(&["RESET"]));
        client.raw(&wire);
        let mut admin = server.client();
        await_info(&mut admin, "blocked_clients", "1");
        assert!(matches!(admin.call(&["GET", "n"]), Reply::Nil));
        admin.call(&["RPUSH", "l", "x"]);
        assert_eq!(element(&client.read()), "x");
        (1..=3_000).for_each(|n| assert_eq!(client.read().line(), format!(":{n}")));
        await_info(&mut admin, "blocked_clients", "1");
        admin.call(&["RPUSH", "l", "y"]);
        assert_eq!(client.read().text(), "y");
        assert_eq!(client.read().line(), "+RESET");
        let id = id(&mut client);
        assert_eq!(admin.call(&["CLIENT", "UNBLOCK", &id]).line(), ":0");
    });
}

#[test]
fn waits_end_with_the_server_and_with_what_they_wait_for() {
    everywhere(|server| {
        let mut clients = waiters(server, &[vec!["BLPOP", "l", "0"], vec!["BZPOPMIN", "l", "0"]]);
        let mut admin = server.client();
        for words in [&["SET", "l", "x"][..], &["FLUSHALL"], &["SADD", "l", "1"], &["FLUSHDB"]] {
            admin.call(words);
        }
        // One key, two kinds of clients: each is served by its own.
        admin.call(&["ZADD", "l", "1", "m"]);
        assert_eq!(element(&clients[1].read()), "m");
        admin.call(&["RPUSH", "l", "x"]);
        assert_eq!(element(&clients[0].read()), "x");
    });
}

/// Producers and consumers as fast as they can: each element comes out once, those of one producer in their order.
#[test]
fn nothing_is_lost_and_nothing_comes_twice() {
    const PRODUCERS: usize = 3;
    const EACH: usize = 1_500;
    everywhere(|server| {
        let address = server.address();
        let ways: [&[&str]; 4] = [
            &["BLPOP", "jobs", "0"],
            &["BLMPOP", "0", "2", "none", "jobs", "LEFT", "COUNT", "3"],
            &["BLPOP", "other", "jobs", "0"],
            &["BLMOVE", "jobs", "done", "LEFT", "RIGHT", "0"],
        ];
        let taken: Vec<Vec<String>> = std::thread::scope(|scope| {
            let consumers: Vec<_> = ways.map(|way| scope.spawn(|| consume(&address, way))).into();
            let producers: Vec<_> = (0..PRODUCERS)
                .map(|producer| {
                    let address = &address;
                    scope.spawn(move || produce(address, producer, EACH))
                })
                .collect();
            producers.into_iter().for_each(|producer| producer.join().unwrap());
            let mut client = Client::connect(&address).unwrap();
            await_info(&mut client, "blocked_clients", &ways.len().to_string());
            for _ in &ways {
                client.call(&["RPUSH", "jobs", "end"]);
            }
            consumers.into_iter().map(|consumer| consumer.join().unwrap()).collect()
        });
        let mut all = BTreeSet::new();
        for taken in &taken {
            let mut last = [-1; PRODUCERS];
            for job in taken {
                let (producer, n) = job.split_once(':').unwrap();
                let (producer, n): (usize, i64) = (producer.parse().unwrap(), n.parse().unwrap());
                assert!(last[producer] < n, "{job} came too late");
                last[producer] = n;
                assert!(all.insert(job.clone()), "{job} came twice");
            }
        }
        assert_eq!(all.len(), PRODUCERS * EACH);
        assert_eq!(server.client().call(&["EXISTS", "jobs"]).line(), ":0");
    });
}

fn produce(address: &str, producer: usize, each: usize) {
    let mut client = Client::connect(address).unwrap();
    for first in (0..each).step_by(10) {
        let wire: Vec<u8> = (first..first + 10)
            .flat_map(|n| encode(&["RPUSH", "jobs", &format!("{producer}:{n}")]))
            .collect();
        client.raw(&wire);
        (0..10).for_each(|_| assert!(client.read().line().starts_with(':')));
    }
}

/// Takes jobs until one of them is the end.
fn consume(address: &str, way: &[&str]) -> Vec<String> {
    let mut client = Client::connect(address).unwrap();
    let mut jobs = Vec::new();
    loop {
        let jobs_now = match client.call(way) {
            Reply::Bulk(job) => vec![String::from_utf8(job).unwrap()],
            reply => match &reply.items()[1] {
                Reply::Array(items) => items.iter().map(Reply::text).collect(),
                job => vec![job.text()],
            },
        };
        for job in jobs_now {
            if job == "end" {
                return jobs;
            }
            jobs.push(job);
        }
    }
}

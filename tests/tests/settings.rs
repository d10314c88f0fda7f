//! The settings that others read: the same names and values as a real server's, but for a list with reasons.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use lodestore_tests::client::Client;
use lodestore_tests::fault::{await_info, child_of};
use lodestore_tests::launch::Launch;
use lodestore_tests::server::{Server, skip};
use std::collections::BTreeMap;
use std::fs;

/// Defaults that are other than a real server's, and why.
const OTHER: &[(&str, &str)] = &[
    ("bind", "a server without a password is for this machine only"),
    ("client-output-buffer-limit", "a client that never reads must not take all memory"),
    ("crash-memcheck-enabled", "memory is not tested after a crash"),
    ("dir", "each has its own"),
    ("io-threads", "as many as suit the machine"),
    ("port", "each has its own"),
    ("sanitize-dump-payload", "what is loaded or restored is always checked"),
];

/// What programs ask for by name: redis-benchmark, redis-py and its tests, the exporter, Sentinel, clusters' tools.
const ASKED: &[&str] = &[
    "aclfile",
    "appendonly",
    "bind",
    "client-output-buffer-limit",
    "cluster-enabled",
    "databases",
    "dbfilename",
    "dir",
    "hz",
    "io-threads",
    "logfile",
    "loglevel",
    "maxclients",
    "maxmemory",
    "maxmemory-policy",
    "min-replicas-to-write",
    "notify-keyspace-events",
    "port",
    "protected-mode",
    "replicaof",
    "requirepass",
    "save",
    "slaveof",
    "tcp-keepalive",
    "timeout",
    "tls-port",
    "unixsocket",
];

fn all(client: &mut Client) -> BTreeMap<String, String> {
    names(client, "*").into_iter().collect()
}

fn names(client: &mut Client, pattern: &str) -> Vec<(String, String)> {
    let items = client.call(&["CONFIG", "GET", pattern]).items();
    let words: Vec<String> = items.iter().map(|item| item.text()).collect();
    words.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
}

#[test]
fn what_programs_ask_for_is_answered() {
    let server = Server::start(&[]);
    let mut client = server.client();
    for name in ASKED {
        let found = names(&mut client, name);
        assert_eq!(found.len(), 1, "{name}");
    }
    let threads = names(&mut client, "io-threads")[0].1.clone();
    assert!(threads.parse::<u32>().is_ok(), "a number, not {threads}");
}

#[test]
fn the_defaults_are_those_of_a_real_server() {
    let Some(real) = Server::peer(&[]) else {
        return skip("the_defaults_are_those_of_a_real_server", "no redis-server is installed");
    };
    let ours = Server::start(&[]);
    let (ours, theirs) = (all(&mut ours.client()), all(&mut real.client()));
    let mut faults = Vec::new();
    let mut differ = Vec::new();
    for (name, value) in &ours {
        let Some(other) = theirs.get(name) else { continue };
        let reason = OTHER.iter().find(|(known, _)| known == name);
        match reason {
            Some(_) => differ.push(name.as_str()),
            None if value != other => faults.push(format!("{name}: {value:?}, there {other:?}")),
            None => {}
        }
    }
    assert_eq!(faults, [""; 0]);
    assert_eq!(differ.len(), OTHER.len(), "a reason without a setting: {differ:?}");
}

#[test]
fn the_kernel_is_told_whom_to_end_first() {
    let server = Server::start(&[
        ("oom-score-adj", "relative"),
        ("enable-debug-command", "yes"),
        ("rdbcompression", "no"),
    ]);
    let mut client = server.client();
    let score = |pid: u32| {
        let text = fs::read_to_string(format!("/proc/{pid}/oom_score_adj")).unwrap();
        text.trim().parse::<i32>().unwrap()
    };
    let begun_with = score(std::process::id());
    assert_eq!(score(server.pid()), begun_with);
    let set = |client: &mut Client, value: &str| {
        client.call(&["CONFIG", "SET", "oom-score-adj-values", value]).line()
    };
    assert_eq!(set(&mut client, "100 200 300"), "+OK");
    assert_eq!(score(server.pid()), (begun_with + 100).min(1000));
    assert!(set(&mut client, "1 2 3000").ends_with("elements must be between -2000 and 2000."));
    assert_eq!(client.call(&["DEBUG", "POPULATE", "300000", "key", "250"]).line(), "+OK");
    assert_eq!(client.call(&["BGSAVE"]).line(), "+Background saving started");
    let child = child_of(&server).unwrap();
    assert_eq!(score(child), (begun_with + 300).min(1000));
    await_info(&mut client, "rdb_bgsave_in_progress", "0");
    assert_eq!(client.call(&["CONFIG", "SET", "oom-score-adj", "no"]).line(), "+OK");
    assert_eq!(score(server.pid()), begun_with);
}

#[test]
fn what_was_adapted_at_start_is_shown_as_it_is_and_kept_as_it_was() {
    let launch = Launch::prepare("maxmemory 50%\nio-threads auto\n").start();
    let mut client = launch.client();
    let memory = names(&mut client, "maxmemory")[0].1.clone();
    assert!(memory.parse::<u64>().unwrap() > 1 << 20, "{memory}");
    assert_eq!(client.call(&["CONFIG", "SET", "hz", "11"]).line(), "+OK");
    assert_eq!(client.call(&["CONFIG", "REWRITE"]).line(), "+OK");
    let text = launch.text("redis.conf");
    assert!(text.starts_with("maxmemory 50%\nio-threads auto\n"), "{text}");
    assert!(text.contains("\nhz 11\n"), "{text}");
}

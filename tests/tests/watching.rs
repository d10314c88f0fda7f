//! What those see who watch the server: monitors, the slow log, the figures of threads.
//!
//! Transcripts show the forms (server/monitor.txt, slowlog.txt, commandlog.txt, latency.txt); here is what needs many
//! clients, threads, a unix socket or much data.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use lodestore_tests::client::{Client, encode};
use lodestore_tests::reply::Reply;
use lodestore_tests::server::Server;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

/// What a monitor was shown: the database and the client, and the words.
fn shown(monitor: &mut Client) -> (String, String) {
    let line = monitor.read().text();
    let (time, rest) = line.split_once(" [").unwrap();
    let (seconds, micros) = time.split_once('.').unwrap();
    assert!(seconds.parse::<u64>().unwrap() > 1_600_000_000 && micros.len() == 6, "{line}");
    let (who, words) = rest.split_once("] ").unwrap();
    (who.to_string(), words.to_string())
}

#[test]
fn every_monitor_sees_each_command_once_and_in_order() {
    const EACH: usize = 2_000;
    for threads in ["1", "3"] {
        let server = Server::start(&[("io-threads", threads)]);
        let mut monitors: Vec<Client> = (0..3).map(|_| server.client()).collect();
        for monitor in &mut monitors {
            assert_eq!(monitor.call(&["MONITOR"]).text(), "OK");
        }
        let address = server.address();
        std::thread::scope(|scope| {
            for name in ["a", "b"] {
                let address = address.clone();
                scope.spawn(move || {
                    let mut client = Client::connect(&address).unwrap();
                    let flood: Vec<u8> =
                        (0..EACH).flat_map(|at| encode(&["SET", name, &at.to_string()])).collect();
                    client.raw(&flood);
                    (0..EACH).for_each(|_| assert_eq!(client.read().text(), "OK"));
                });
            }
            for monitor in &mut monitors {
                let mut next = [0; 2];
                for _ in 0..2 * EACH {
                    let (_, words) = shown(monitor);
                    let writer = usize::from(words.starts_with("\"SET\" \"b\""));
                    assert!(words.ends_with(&format!(" \"{}\"", next[writer])), "{words}");
                    next[writer] += 1;
                }
                assert_eq!(next, [EACH; 2]);
            }
        });
    }
}

#[test]
fn commands_go_on_unseen_when_the_last_monitor_has_gone() {
    let server = Server::start(&[]);
    let mut monitor = server.client();
    monitor.call(&["MONITOR"]);
    drop(monitor);
    let mut client = server.client();
    for _ in 0..100 {
        assert_eq!(client.call(&["PING"]).text(), "PONG");
    }
    let mut other = server.client();
    other.call(&["MONITOR"]);
    client.call(&["SELECT", "3"]);
    client.call(&["GET", "k"]);
    assert_eq!(shown(&mut other).1, "\"SELECT\" \"3\"");
    let (who, words) = shown(&mut other);
    assert!(who.starts_with("3 127.0.0.1:") && words == "\"GET\" \"k\"", "{who} {words}");
}

#[test]
fn a_client_of_the_unix_socket_is_shown_by_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s").display().to_string();
    let server = Server::start(&[("unixsocket", &path)]);
    let mut monitor = server.client();
    monitor.call(&["MONITOR"]);
    let mut local = UnixStream::connect(&path).unwrap();
    local.write_all(b"PING\r\n").unwrap();
    local.read_exact(&mut [0; 7]).unwrap();
    assert_eq!(shown(&mut monitor), (format!("0 unix:{path}"), "\"PING\"".to_string()));
}

/// The words of each entry of the slow log, or of another list; the newest first.
fn kept(client: &mut Client, command: &[&str]) -> Vec<String> {
    let entries = client.call(command);
    let words = |entry: &Reply| entry.items()[3].items()[0].text();
    entries.items().iter().map(words).collect()
}

#[test]
fn a_short_command_with_much_to_do_is_timed_by_itself() {
    // Not below 1000: short commands with little to do stay in their runs.
    let server = Server::start(&[("slowlog-log-slower-than", "1000")]);
    let mut client = server.client();
    let keys: Vec<String> = (0..100_000).map(|at| format!("key:{at}")).collect();
    let words = |first: &str| {
        let keys = keys.iter().map(String::as_str);
        std::iter::once(first).chain(keys).map(str::to_string).collect::<Vec<_>>()
    };
    client.call(&words("MGET"));
    client.call(&["GET", "k"]);
    client.call(&words("EXISTS"));
    let seen = kept(&mut client, &["SLOWLOG", "GET", "-1"]);
    assert_eq!(seen.last().map(String::as_str), Some("MGET"));
    assert!(seen.contains(&"EXISTS".to_string()) && !seen.contains(&"GET".to_string()), "{seen:?}");
    let large = kept(&mut client, &["COMMANDLOG", "GET", "-1", "large-request"]);
    assert_eq!(large, ["EXISTS", "MGET"]);
}

#[test]
fn keys_over_much_data_is_kept() {
    let settings = [("slowlog-log-slower-than", "1000"), ("enable-debug-command", "yes")];
    let server = Server::start(&settings);
    let mut client = server.client();
    client.call(&["DEBUG", "POPULATE", "200000"]);
    client.call(&["SLOWLOG", "RESET"]);
    client.call(&["KEYS", "nothing*fits"]);
    assert_eq!(kept(&mut client, &["SLOWLOG", "GET"]), ["KEYS"]);
}

#[test]
fn an_append_that_copies_a_large_string_is_kept() {
    let server = Server::start(&[("slowlog-log-slower-than", "1000")]);
    let mut client = server.client();
    client.call(&[b"SET".as_slice(), b"k", &vec![b'x'; 64 << 20]]);
    client.call(&["SLOWLOG", "RESET"]);
    client.call(&["APPEND", "k", "y"]);
    assert_eq!(kept(&mut client, &["SLOWLOG", "GET"]), ["APPEND"]);
}

/// A field of INFO.
fn field(client: &mut Client, name: &str) -> String {
    let text = client.call(&["INFO", "everything"]).text();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value.unwrap_or_else(|| panic!("INFO has no {name}")).trim().to_string()
}

#[test]
fn threads_tell_what_they_do() {
    for (threads, workers) in [("1", 0), ("3", 2)] {
        let server = Server::start(&[("io-threads", threads)]);
        let mut client = server.client();
        for _ in 0..50 {
            client.call(&["PING"]);
        }
        let number = |text: String| text.parse::<u64>().unwrap();
        assert!(number(field(&mut client, "total_reads_processed")) >= 50);
        let threaded = number(field(&mut client, "io_threaded_writes_processed"));
        assert_eq!(threaded >= 50, workers > 0, "{threaded} with {workers} I/O threads");
        for at in 0..=workers {
            let line = field(&mut client, &format!("io_thread_{at}"));
            let serves = line.starts_with("clients=1,");
            assert!(serves || line.starts_with("clients=0,"), "{line}");
        }
        if workers > 0 {
            assert!(number(field(&mut client, "engine_io_thread_1_load_percent")) <= 100);
            assert!(number(field(&mut client, "engine_ring_depth_peak")) >= 1);
        }
        client.call(&["CONFIG", "RESETSTAT"]);
        assert!(number(field(&mut client, "total_reads_processed")) < 10);
    }
}

#[test]
fn a_request_beyond_its_limit_is_counted() {
    let server = Server::start(&[("client-query-buffer-limit", "1mb")]);
    let mut greedy = server.client();
    greedy.raw(b"*2\r\n$3\r\nGET\r\n$2000000\r\n");
    greedy.raw(&vec![b'x'; 1_500_000]);
    assert!(greedy.read_to_end().is_ok_and(|text| text.is_empty()));
    assert_eq!(field(&mut server.client(), "client_query_buffer_limit_disconnections"), "1");
}

//! Clients that never pause must not silence the others: replies keep coming, in both I/O modes.
//!
//! How long they take is measured by `benches`' `fairness`; here the crowd only goes on until the probe
//! has had all its answers, so a server that starves the probe never ends it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use lodestore_tests::client::{Client, encode};
use lodestore_tests::server::Server;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// PINGs that must be answered while the crowd is at work.
const PROBES: usize = 200;
/// How long one may take before it counts as never answered.
const PATIENCE: Duration = Duration::from_secs(10);

fn servers() -> [Server; 2] {
    ["1", "2"].map(|threads| Server::start(&[("io-threads", threads)]))
}

/// Runs `member` in so many threads until the probe has had its answers, and checks that the crowd got
/// something done as well.
fn beside(server: &Server, members: usize, member: impl Fn(&mut TcpStream, usize) + Sync) {
    let (over, done) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for at in 0..members {
            let (over, done, member) = (&over, &done, &member);
            scope.spawn(move || {
                let mut stream = TcpStream::connect(server.address()).unwrap();
                while !over.load(Ordering::Relaxed) {
                    member(&mut stream, at);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        while done.load(Ordering::Relaxed) == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        let mut probe = server.client();
        let answered = (0..PROBES).all(|_| is_answered(&mut probe));
        over.store(true, Ordering::Relaxed);
        assert!(answered, "a PING beside {members} busy clients was not answered in {PATIENCE:?}");
    });
}

fn is_answered(probe: &mut Client) -> bool {
    probe.send(&["PING"]);
    probe.read_within(PATIENCE).is_ok()
}

#[test]
fn uploads_that_never_pause_silence_nobody() {
    for server in servers() {
        let value = vec![b'v'; 8 << 20];
        beside(&server, 8, |stream, at| {
            let key = format!("upload:{at}");
            stream.write_all(&encode(&[b"SET".as_slice(), key.as_bytes(), &value])).unwrap();
            stream.read_exact(&mut [0; 5]).unwrap();
        });
    }
}

#[test]
fn a_flood_of_small_commands_silences_nobody() {
    for server in servers() {
        let pings = b"PING\r\n".repeat(100_000);
        beside(&server, 1, |stream, _| {
            let mut replies = stream.try_clone().unwrap();
            std::thread::scope(|scope| {
                scope.spawn(|| stream.write_all(&pings).unwrap());
                replies.read_exact(&mut vec![0; 7 * 100_000]).unwrap();
            });
        });
    }
}

#[test]
fn slow_commands_silence_nobody() {
    for server in servers() {
        let mut client = server.client();
        for at in 0..20 {
            let words: Vec<String> =
                (0..1000).flat_map(|i| [format!("key:{at}:{i}"), "v".into()]).collect();
            let mut request = vec!["MSET".to_string()];
            request.extend(words);
            assert_eq!(client.call(&request).line(), "+OK");
        }
        beside(&server, 4, |stream, _| {
            stream.write_all(&b"KEYS nothing*\r\n".repeat(20)).unwrap();
            stream.read_exact(&mut [0; 4 * 20]).unwrap();
        });
    }
}

//! A thousand forks while the I/O threads are busy: the child takes no lock that a thread could hold.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use lodestore_tests::client::encode;
use lodestore_tests::fault::field_of;
use lodestore_tests::server::Server;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Forks.
const FORKS: u32 = 1000;
/// Clients that write and read meanwhile.
const CLIENTS: u32 = 4;
/// No fork may take this long.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn a_thousand_forks_under_load_never_hang() {
    let mut server = Server::start(&[("io-threads", "4")]);
    let done = AtomicBool::new(false);
    let begun = Instant::now();
    let answered: Vec<u64> = std::thread::scope(|scope| {
        let hammers: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let (server, done) = (&server, &done);
                scope.spawn(move || hammer(server, number, done))
            })
            .collect();
        let mut client = server.client();
        for fork in 1..=FORKS {
            assert_eq!(client.call(&["BGSAVE"]).line(), "+Background saving started", "{fork}");
            let end = Instant::now() + PATIENCE;
            loop {
                let report = client.call(&["INFO", "persistence"]).text();
                if field_of(&report, "rdb_bgsave_in_progress") == "0" {
                    assert_eq!(field_of(&report, "rdb_saves"), fork.to_string(), "{report}");
                    break;
                }
                assert!(Instant::now() < end, "child {fork} hangs:\n{}", server.log());
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        done.store(true, Ordering::Relaxed);
        hammers.into_iter().map(|hammer| hammer.join().unwrap()).collect()
    });
    println!("{FORKS} forks in {:?}, {answered:?} requests meanwhile", begun.elapsed());
    assert!(answered.iter().all(|&count| count > 1000), "nobody starves: {answered:?}");
    server.restart();
    let keys = server.client().call(&["DBSIZE"]).line();
    assert_eq!(keys, format!(":{}", CLIENTS * 50), "the last snapshot has them all");
}

/// Writes and reads its own keys until `done`, with values that make I/O threads allocate and free.
fn hammer(server: &Server, number: u32, done: &AtomicBool) -> u64 {
    let mut client = server.client();
    let mut answered = 0;
    for round in 0_usize.. {
        let mut requests = Vec::new();
        for at in 0..50 {
            let key = format!("{number}:{at}");
            requests.extend(encode(&["SET", &key, &"v".repeat((round * 37 + at * 11) % 3000)]));
            requests.extend(encode(&["GET", &key]));
        }
        client.raw(&requests);
        for _ in 0..100 {
            client.read_within(PATIENCE).unwrap();
            answered += 1;
        }
        if done.load(Ordering::Relaxed) {
            break;
        }
        // Leaves the children some of a small machine; a fork still meets busy threads most of the time.
        std::thread::sleep(Duration::from_millis(1));
    }
    answered
}

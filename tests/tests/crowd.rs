//! More connections than a server likes: ten thousand at once, and more than it has descriptors.
//!
//! Row 18 of the design's list of faults.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use lodestore_tests::client::{Client, encode};
use lodestore_tests::fault::{await_true, info, limit};
use lodestore_tests::server::{Server, skip};
use std::time::{Duration, Instant};

/// How many come at once.
const CROWD: usize = 10_500;

fn servers(settings: &[(&str, &str)]) -> [Server; 2] {
    ["1", "2"].map(|threads| {
        let mut all = settings.to_vec();
        all.push(("io-threads", threads));
        Server::start(&all)
    })
}

/// The processor time of a process so far.
fn cpu(server: &Server) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.pid())).unwrap();
    // The name ends with the last parenthesis; 14th and 15th of all fields are user and system time.
    let (_, rest) = stat.rsplit_once(") ").unwrap();
    let ticks: u64 = rest.split(' ').skip(11).take(2).map(|n| n.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

fn clients(admin: &mut Client) -> usize {
    info(admin, "connected_clients").parse().unwrap()
}

#[test]
fn ten_thousand_clients_are_served() {
    let test = "ten_thousand_clients_are_served";
    let most = (CROWD + 1000).to_string();
    if !limit(std::process::id(), &format!("nofile={most}:")) {
        return skip(test, "the limit on open files is too low");
    }
    for threads in ["1", "2"] {
        let server = Server::start(&[("maxclients", &most), ("io-threads", threads)]);
        let mut admin = server.client();
        let mut crowd: Vec<Client> = (0..CROWD).map(|_| server.client()).collect();
        await_true("all are there", || clients(&mut admin) == CROWD + 1);
        for _ in 0..3 {
            let wire = [encode(&["INCR", "n"]), encode(&["PING"])].concat();
            crowd.iter_mut().for_each(|client| client.raw(&wire));
            for client in &mut crowd {
                assert!(client.read().line().starts_with(':'));
                assert_eq!(client.read().line(), "+PONG");
            }
        }
        assert_eq!(admin.call(&["GET", "n"]).text(), (3 * CROWD).to_string());
        drop(crowd);
        await_true("all are gone", || clients(&mut admin) == 1);
    }
}

/// While there is no descriptor left the server must not spin, must serve whom it has, and must not fill the log.
#[test]
fn out_of_descriptors_accepting_does_not_spin() {
    for server in servers(&[]) {
        let mut admin = server.client();
        admin.call(&["PING"]);
        let open = std::fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count();
        let few = open + 10;
        if !limit(server.pid(), &format!("nofile={few}:")) {
            return skip("out_of_descriptors_accepting_does_not_spin", "no prlimit");
        }
        let mut crowd: Vec<Client> = (0..50).map(|_| server.client()).collect();
        await_true("it says so", || server.log().contains("Too many open files"));
        let (begun, before) = (Instant::now(), cpu(&server));
        while begun.elapsed() < Duration::from_secs(3) {
            assert_eq!(admin.call(&["PING"]).line(), "+PONG");
            std::thread::sleep(Duration::from_millis(20));
        }
        let used = cpu(&server) - before;
        assert!(used < Duration::from_millis(600), "{used:?} of {:?} were used", begun.elapsed());
        let lines = server.log().matches("Accepting a client connection").count();
        assert!(lines <= 2, "{lines} lines are logged");
        // Those who wait are served as soon as others leave.
        crowd.drain(..20);
        let last = crowd.last_mut().unwrap();
        last.send(&["PING"]);
        await_true("room is found", || clients(&mut admin) >= 8);
        drop(crowd.drain(..crowd.len() - 1));
        let last = crowd.last_mut().unwrap();
        assert_eq!(last.read_within(Duration::from_secs(20)).unwrap().line(), "+PONG");
    }
}

#[test]
fn who_is_too_many_is_told_so() {
    for server in servers(&[("maxclients", "100")]) {
        let mut crowd: Vec<Client> = (0..100).map(|_| server.client()).collect();
        for client in &mut crowd {
            assert_eq!(client.call(&["PING"]).line(), "+PONG");
        }
        for _ in 0..200 {
            let told = server.client().read_to_end().unwrap();
            assert_eq!(told, b"-ERR max number of clients reached\r\n");
        }
        assert_eq!(info(&mut crowd[0], "rejected_connections"), "200");
        crowd.truncate(1);
        await_true("there is room", || clients(&mut crowd[0]) == 1);
        assert_eq!(server.client().call(&["PING"]).line(), "+PONG");
    }
}

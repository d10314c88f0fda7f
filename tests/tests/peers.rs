//! Peers that do not behave: they never read, never speak, vanish, or speak a byte at a time.
//!
//! Rows 17 and 19 of the design's list of faults, in both I/O modes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use lodestore_tests::client::{Client, NoReply, encode};
use lodestore_tests::fault::{await_true, info};
use lodestore_tests::server::Server;
use std::io::{ErrorKind, Write};
use std::time::{Duration, Instant};

const MIB: u64 = 1024 * 1024;

fn servers(settings: &[(&str, &str)]) -> [Server; 2] {
    ["1", "2"].map(|threads| {
        let mut all = settings.to_vec();
        all.push(("io-threads", threads));
        Server::start(&all)
    })
}

fn resident(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// The open descriptors of a server.
fn descriptors(server: &Server) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count()
}

/// Writes the same request again and again until the time or the bytes are over, or the server closes the
/// connection. Nothing is read.
fn pour(client: &Client, request: &[u8], time: Duration) {
    let mut stream = client.stream();
    stream.set_nonblocking(true).unwrap();
    let end = Instant::now() + time;
    while Instant::now() < end {
        match stream.write(request) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(_) => break,
        }
    }
    stream.set_nonblocking(false).unwrap();
}

fn clients(admin: &mut Client) -> u32 {
    info(admin, "connected_clients").parse().unwrap()
}

// Row 17: small values are copied into replies, large ones are shared; neither may fill the memory.
#[test]
fn who_asks_without_end_and_never_reads_is_bounded() {
    for server in servers(&[]) {
        let mut admin = server.client();
        for (key, len) in [("small", 100), ("middle", 60_000), ("large", 1_000_000)] {
            assert_eq!(admin.call(&["SET", key, &"v".repeat(len)]).line(), "+OK");
        }
        let before = resident(&server);
        for key in ["small", "middle", "large"] {
            let deaf = server.client();
            pour(&deaf, &encode(&["GET", key]).repeat(1000), Duration::from_millis(700));
            let grown = resident(&server).saturating_sub(before);
            assert!(grown < 64 * MIB, "{grown} bytes are held for who asks for {key} values");
            assert_eq!(admin.call(&["PING"]).line(), "+PONG");
        }
        await_true("they are gone", || clients(&mut admin) == 1);
    }
}

// Row 17: who stays above the soft limit for long enough is closed, with a line in the log, and counted.
#[test]
fn who_leaves_too_much_unread_for_too_long_is_closed() {
    for server in servers(&[("client-output-buffer-limit", "normal 0 256kb 1")]) {
        let mut admin = server.client();
        admin.call(&["SET", "big", &"v".repeat(1_000_000)]);
        let mut deaf = server.client();
        (0..30).for_each(|_| deaf.send(&["GET", "big"]));
        let closed = "client_output_buffer_limit_disconnections";
        await_true("it is closed", || info(&mut admin, closed) == "1");
        assert!(server.log().contains("output buffer limits"), "{}", server.log());
        await_true("it is gone", || clients(&mut admin) == 1);
        // What is left of the replies is cut off in the midst of one.
        assert!(deaf.read_to_end().is_ok_and(|bytes| bytes.len() < 30_000_000));
    }
}

// Row 19: a peer that is gone without a word is asked by the kernel whether it is there.
#[test]
fn every_connection_is_kept_alive() {
    for (seconds, timer) in [("300", true), ("0", false)] {
        for server in servers(&[("tcp-keepalive", seconds)]) {
            let mut client = server.client();
            client.call(&["PING"]);
            let port = client.stream().local_addr().unwrap().port();
            assert_eq!(has_keepalive_timer(server.port(), port), timer, "tcp-keepalive {seconds}");
        }
    }
}

/// Whether the kernel counts down to a probe for the connection between two ports of this machine.
fn has_keepalive_timer(local: u16, remote: u16) -> bool {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let ends = |line: &&str| {
        let mut words = line.split_whitespace().skip(1);
        let mut ends =
            |port: u16| words.next().is_some_and(|w| w.ends_with(&format!(":{port:04X}")));
        ends(local) && ends(remote)
    };
    let line = table.lines().find(ends).expect("the connection is in the kernel's table");
    line.split_whitespace().nth(5).is_some_and(|timer| timer.starts_with("02:"))
}

// Row 19: closing a socket whose replies were not read makes the kernel send RST.
#[test]
fn peers_that_break_off_amid_replies_leave_nothing() {
    for mut server in servers(&[]) {
        let mut admin = server.client();
        admin.call(&["SET", "big", &"v".repeat(300_000)]);
        admin.call(&["SET", "middle", &"v".repeat(30_000)]);
        let (files, before) = (descriptors(&server), resident(&server));
        for round in 0..200 {
            let mut client = server.client();
            client.raw(&encode(&["GET", "big"]).repeat(20));
            client.raw(&encode(&["GET", "middle"]).repeat(200));
            client.raw(&encode(&["MULTI"]));
            if round % 2 == 0 {
                assert!(client.read_within(Duration::from_secs(10)).is_ok());
            }
        }
        await_true("all are gone", || clients(&mut admin) == 1);
        await_true("their descriptors are free", || descriptors(&server) <= files);
        let grown = resident(&server).saturating_sub(before);
        assert!(grown < 64 * MIB, "{grown} bytes are left");
        assert!(server.is_alive());
    }
}

// Row 19: a closed window must not keep a connection that is being closed.
#[test]
fn a_closed_window_does_not_keep_a_connection_for_ever() {
    for server in servers(&[("timeout", "1")]) {
        let files = descriptors(&server);
        let mut admin = server.client();
        admin.call(&["SET", "big", &"v".repeat(1_000_000)]);
        let mut deaf: Vec<Client> = (0..5).map(|_| server.client()).collect();
        for client in &mut deaf {
            (0..30).for_each(|_| client.send(&["GET", "big"]));
        }
        drop(admin);
        await_true("the idle are closed", || {
            server.client().call(&["CLIENT", "LIST"]).text().lines().count() == 1
        });
        await_true("their descriptors are free", || descriptors(&server) <= files);
    }
}

/// Sends a byte now and then; answers how long it took until the server closed the connection.
fn drip(client: &mut Client, limit: Duration) -> Option<Duration> {
    let begun = Instant::now();
    while begun.elapsed() < limit {
        client.raw(b"P");
        match client.read_within(Duration::from_millis(100)) {
            Err(NoReply::Closed) => return Some(begun.elapsed()),
            Err(NoReply::Silence | NoReply::Malformed(_)) | Ok(_) => {}
        }
    }
    None
}

// Row 19: a deadline for AUTH, which neither silence nor bytes nor wrong passwords put off.
#[test]
fn who_does_not_authenticate_in_time_is_closed() {
    for server in servers(&[("requirepass", "secret"), ("auth-timeout", "1")]) {
        let mut friend = server.client();
        assert_eq!(friend.call(&["AUTH", "secret"]).line(), "+OK");
        let mut silent = server.client();
        let mut slow = server.client();
        let took = drip(&mut slow, Duration::from_secs(30)).expect("it is closed");
        assert!(took >= Duration::from_millis(900), "after {took:?} already");
        assert_eq!(silent.read_to_end(), Ok(Vec::new()));
        let mut guesser = server.client();
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            assert!(Instant::now() < end, "guessing goes on without end");
            guesser.send(&["AUTH", "guess"]);
            if guesser.read_within(Duration::from_secs(5)).is_err() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(friend.call(&["PING"]).line(), "+PONG");
        // RESET forgets the password; the time to give it again begins then.
        assert_eq!(friend.call(&["RESET"]).line(), "+RESET");
        assert_eq!(friend.call(&["AUTH", "secret"]).line(), "+OK");
        std::thread::sleep(Duration::from_millis(2500));
        assert_eq!(friend.call(&["PING"]).line(), "+PONG");
    }
}

// Row 19: without a password nobody is a stranger.
#[test]
fn without_a_password_there_is_no_deadline() {
    for server in servers(&[("auth-timeout", "1")]) {
        let mut silent = server.client();
        std::thread::sleep(Duration::from_millis(2500));
        assert_eq!(silent.call(&["PING"]).line(), "+PONG");
    }
}

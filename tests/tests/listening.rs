//! Where the server can be reached, and whom it lets go: addresses, the unix socket, silence, output limits.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use lodestore_tests::client::Client;
use lodestore_tests::server::{Server, lodestore, skip};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Starts a server that is expected to refuse, and gives what it says.
fn refusal(dir: &Path, arguments: &[&str]) -> String {
    let output = Command::new(lodestore())
        .args(["--save", "", "--dir"])
        .arg(dir)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "it starts with {arguments:?}");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn ping_through(path: &Path) -> String {
    let mut stream = UnixStream::connect(path).unwrap();
    stream.write_all(b"PING\r\n").unwrap();
    let mut answer = [0; 7];
    stream.read_exact(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn a_unix_socket_serves_with_its_permissions() {
    for threads in ["1", "2"] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("server.sock");
        // Left by a server that was killed: nobody listens on it any more.
        drop(UnixListener::bind(&path).unwrap());
        let settings = [
            ("unixsocket", path.to_str().unwrap()),
            ("unixsocketperm", "770"),
            ("io-threads", threads),
        ];
        let mut server = Server::start(&settings);
        assert_eq!(ping_through(&path), "+PONG\r\n");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o770);
        let end = Instant::now() + Duration::from_secs(10);
        while server.client().call(&["CLIENT", "LIST"]).text().contains("server.sock") {
            assert!(Instant::now() < end, "a client that has gone is listed for ever");
        }
        server.terminate();
        assert!(!path.exists(), "the socket is removed at the end");
    }
}

#[test]
fn a_file_in_the_place_of_the_unix_socket_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("precious");
    std::fs::write(&path, "data").unwrap();
    let said = refusal(dir.path(), &["--port", "0", "--unixsocket", path.to_str().unwrap()]);
    assert!(said.contains("precious"), "{said}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "data");
}

#[test]
fn several_addresses_are_listened_on() {
    if TcpListener::bind("[::1]:0").is_err() {
        return skip("several_addresses_are_listened_on", "this machine has no IPv6");
    }
    // 192.0.2.1 belongs to documentation: no machine has it.
    let server = Server::start(&[("bind", "127.0.0.1 127.0.0.2 ::1 -192.0.2.1")]);
    for host in ["127.0.0.1", "127.0.0.2", "[::1]"] {
        let mut client = Client::connect(&format!("{host}:{}", server.port())).unwrap();
        assert_eq!(client.call(&["PING"]).line(), "+PONG", "on {host}");
    }
}

#[test]
fn an_address_that_is_not_there_or_taken_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let said = refusal(dir.path(), &["--port", "7777", "--bind", "192.0.2.1"]);
    assert!(said.contains("Failed listening on port 7777") && said.contains("192.0.2.1"), "{said}");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let said = refusal(dir.path(), &["--port", &port, "--bind", "127.0.0.1"]);
    assert!(said.contains(&format!("Failed listening on port {port}")), "{said}");
}

#[test]
fn the_silent_are_let_go_and_subscribers_are_not() {
    let server = Server::start(&[("timeout", "1")]);
    let (mut silent, mut subscriber) = (server.client(), server.client());
    silent.call(&["PING"]);
    subscriber.call(&["SUBSCRIBE", "news"]);
    assert_eq!(silent.read_to_end(), Ok(Vec::new()));
    assert_eq!(server.client().call(&["PUBLISH", "news", "late"]).line(), ":1");
}

/// A subscriber that never reads is closed when more waits for it than its class allows, and counted.
#[test]
fn a_subscriber_that_never_reads_is_closed() {
    for threads in ["1", "2"] {
        let limits = ("client-output-buffer-limit", "pubsub 1mb 0 0");
        let server = Server::start(&[limits, ("io-threads", threads)]);
        let mut deaf = server.client();
        deaf.call(&["SUBSCRIBE", "news"]);
        let mut loud = server.client();
        let message = "m".repeat(64 * 1024);
        let end = Instant::now() + Duration::from_secs(20);
        while loud.call(&["PUBLISH", "news", &message]).line() == ":1" {
            assert!(Instant::now() < end, "the output of one client grows without bound");
        }
        let info = loud.call(&["INFO", "stats"]).text();
        assert!(info.contains("client_output_buffer_limit_disconnections:1"), "{info}");
        assert!(server.log().contains("output buffer limits"), "{}", server.log());
    }
}

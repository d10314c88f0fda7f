//! The wall clock jumps, under libfaketime: times to live follow it, and nothing else does.
//!
//! Row 21 of the design's list of faults. The system's clock is not touched.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use lodestore_tests::client::Client;
use lodestore_tests::fault::{await_true, info};
use lodestore_tests::reply::Reply;
use lodestore_tests::server::{free_port, lodestore, skip};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const HOUR: i64 = 3600;

/// A server whose wall clock is ours to set.
struct Shifted {
    process: Child,
    dir: tempfile::TempDir,
    port: u16,
}

impl Shifted {
    /// `None`, and the test is skipped, without libfaketime.
    fn start(test: &str, settings: &[&str]) -> Option<Shifted> {
        let Some(library) = library() else {
            skip(test, "libfaketime is not installed");
            return None;
        };
        let dir = tempfile::tempdir().unwrap();
        let port = free_port();
        fs::write(dir.path().join("offset"), "+0\n").unwrap();
        let log = fs::File::create(dir.path().join("log")).unwrap();
        let process = Command::new(lodestore())
            .args(["--port", &port.to_string(), "--save", "", "--dir"])
            .arg(dir.path())
            .args(settings)
            .env("LD_PRELOAD", library)
            .env("FAKETIME_TIMESTAMP_FILE", dir.path().join("offset"))
            // Looks at the file with every question for the time.
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("DONT_FAKE_MONOTONIC", "1")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let server = Shifted { process, dir, port };
        await_true("the server answers", || Client::connect(&server.address()).is_ok());
        Some(server)
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn client(&self) -> Client {
        Client::connect(&self.address()).unwrap()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// Sets the wall clock so many seconds away from the real one, and waits until the server has seen it.
    fn shift(&self, client: &mut Client, seconds: i64) {
        let path = self.dir.path().join("offset");
        let next = self.dir.path().join("next");
        fs::write(&next, format!("{seconds:+}\n")).unwrap();
        fs::rename(next, path).unwrap();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let real = i64::try_from(now.as_secs()).unwrap();
        await_true("the clock is set", || (time(client) - real - seconds).abs() < 60);
    }
}

impl Drop for Shifted {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Where libfaketime lies.
fn library() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").ok()?.flatten().map(|entry| entry.path());
    let all = folders.chain([PathBuf::from("/usr/lib"), PathBuf::from("/usr/local/lib")]);
    let mut files = all.map(|folder| folder.join("faketime/libfaketime.so.1"));
    files.find(|path: &PathBuf| Path::is_file(path))
}

/// The server's wall clock, in seconds.
fn time(client: &mut Client) -> i64 {
    client.call(&["TIME"]).items()[0].text().parse().unwrap()
}

fn number(reply: &Reply) -> i64 {
    let Reply::Int(number) = reply else { panic!("a number is expected: {}", reply.line()) };
    *number
}

#[test]
fn times_to_live_follow_the_wall_clock() {
    let Some(server) = Shifted::start("times_to_live_follow_the_wall_clock", &[]) else { return };
    let mut client = server.client();
    client.call(&["SET", "short", "1", "EX", "1800"]);
    client.call(&["SET", "long", "1", "EX", "7200"]);
    let until = number(&client.call(&["EXPIRETIME", "long"]));
    server.shift(&mut client, HOUR);
    assert_eq!(client.call(&["EXISTS", "short"]).line(), ":0");
    let left = number(&client.call(&["TTL", "long"]));
    assert!((3500..=3600).contains(&left), "{left}");
    await_true("it is removed", || info(&mut client, "expired_keys") == "1");
    server.shift(&mut client, -HOUR);
    let left = number(&client.call(&["TTL", "long"]));
    assert!((10_700..=10_800).contains(&left), "{left}");
    assert_eq!(number(&client.call(&["EXPIRETIME", "long"])), until, "the moment stays");
    // By itself, without anybody who asks.
    server.shift(&mut client, 3 * HOUR);
    await_true("it is removed", || info(&mut client, "expired_keys") == "2");
}

#[test]
fn time_outs_idle_times_and_uptime_do_not() {
    let test = "time_outs_idle_times_and_uptime_do_not";
    let settings = ["--timeout", "600", "--requirepass", "secret", "--auth-timeout", "600"];
    let Some(server) = Shifted::start(test, &settings) else { return };
    let (mut client, mut stranger, mut idle) = (server.client(), server.client(), server.client());
    assert_eq!(client.call(&["AUTH", "secret"]).line(), "+OK");
    assert_eq!(idle.call(&["AUTH", "secret"]).line(), "+OK");
    for seconds in [HOUR, -HOUR, 100 * HOUR] {
        server.shift(&mut client, seconds);
        // Time for the duties that close clients: once a second.
        std::thread::sleep(Duration::from_millis(1500));
        let list = client.call(&["CLIENT", "LIST"]).text();
        let figures = |name: &str| -> Vec<i64> {
            let words = list.split_whitespace().filter_map(|word| word.strip_prefix(name));
            words.map(|figure| figure.parse().unwrap()).collect()
        };
        for figure in figures("idle=").into_iter().chain(figures("age=")) {
            assert!((0..300).contains(&figure), "{list}");
        }
        let up: i64 = info(&mut client, "uptime_in_seconds").parse().unwrap();
        assert!((0..300).contains(&up), "{up}");
    }
    assert_eq!(idle.call(&["PING"]).line(), "+PONG");
    assert!(stranger.call(&["PING"]).line().starts_with("-NOAUTH"));
}

#[test]
fn waits_end_by_the_other_clock() {
    let Some(server) = Shifted::start("waits_end_by_the_other_clock", &[]) else { return };
    let mut client = server.client();
    let mut paused = server.client();
    let begun = Instant::now();
    assert_eq!(client.call(&["CLIENT", "PAUSE", "1500", "WRITE"]).line(), "+OK");
    paused.send(&["SET", "k", "v"]);
    server.shift(&mut client, -HOUR);
    assert_eq!(paused.read().line(), "+OK");
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(1400), "after {took:?} already");
    let begun = Instant::now();
    client.send(&["WAIT", "1", "1000"]);
    server.shift(&mut paused, 2 * HOUR);
    assert_eq!(client.read().line(), ":0");
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(900), "after {took:?} already");
}

#[test]
fn a_big_step_is_logged_once() {
    let Some(server) = Shifted::start("a_big_step_is_logged_once", &[]) else { return };
    let mut client = server.client();
    let lines = || server.log().matches("The wall clock was set").count();
    // Until the first look has been taken there is nothing to compare with.
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(lines(), 0, "{}", server.log());
    server.shift(&mut client, HOUR);
    await_true("it is logged", || server.log().contains("was set forward by 3600."));
    std::thread::sleep(Duration::from_millis(2500));
    assert_eq!(lines(), 1, "{}", server.log());
    server.shift(&mut client, 0);
    await_true("it is logged", || server.log().contains("was set back by 3600."));
    assert_eq!(lines(), 2, "{}", server.log());
}

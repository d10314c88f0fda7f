//! redis-benchmark against Lodestore: each test of its default list whose commands exist, and its ways
//! to send them. It ends at the first error that a server answers.

use lodestore_tests::server::{Server, installed, skip};
use std::path::PathBuf;
use std::process::Command;

/// The tests of its default list; the rest of them want lists, sets, sorted sets and hashes.
const TESTS: &str = "ping_inline,ping_mbulk,set,get,incr,mset";

struct Benchmark {
    program: PathBuf,
    server: Server,
}

impl Benchmark {
    fn of(test: &str, settings: &[(&str, &str)]) -> Option<Benchmark> {
        let Some(program) = installed("redis-benchmark") else {
            skip(test, "no redis-benchmark is installed");
            return None;
        };
        let server = match std::env::var("PEER_BINARY") {
            Ok(path) => Server::of(path.as_ref(), settings),
            Err(_) => Server::start(settings),
        };
        Some(Benchmark { program, server })
    }

    /// What it prints for `args`, each `\r` as a line's end.
    fn run(&self, args: &[&str]) -> String {
        let port = self.server.port().to_string();
        let mut command = Command::new(&self.program);
        command.args(["-p", &port, "-n", "2000", "-c", "10"]).args(args);
        let output = command.output().expect("redis-benchmark runs");
        let text = String::from_utf8_lossy(&output.stdout).replace('\r', "\n");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {text}\n{errors}");
        // It warns of connections that are not kept (-k 0), and says an error of the server's as one.
        assert!(!errors.contains("rror"), "{args:?}: {errors}");
        text
    }

    /// The names of the tests that it reports as CSV.
    fn names(&self, args: &[&str]) -> Vec<String> {
        let text = self.run(&[&["--csv"], args].concat());
        let name = |line: &str| line.split('"').nth(1).map(str::to_owned);
        text.lines().filter_map(name).skip(1).collect()
    }
}

#[test]
fn its_default_list_in_both_protocols_and_in_all_its_ways() {
    let test = "its_default_list_in_both_protocols_and_in_all_its_ways";
    let Some(benchmark) = Benchmark::of(test, &[]) else { return };
    let ways: [&[&str]; 8] = [
        &[],
        &["-3"],
        &["-P", "16"],
        &["-3", "-P", "64", "-r", "1000"],
        &["--threads", "2"],
        &["-k", "0"],
        &["-d", "100000", "-n", "500"],
        &["--dbnum", "3"],
    ];
    for way in ways {
        let names = benchmark.names(&[&["-t", TESTS], way].concat());
        let want = ["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "MSET (10 keys)"];
        assert_eq!(names, want, "{way:?}");
    }
}

#[test]
fn what_it_asks_the_server_first() {
    let settings = [("save", "100 1 200 2")];
    let Some(benchmark) = Benchmark::of("what_it_asks_the_server_first", &settings) else { return };
    let text = benchmark.run(&["-t", "set"]);
    assert!(text.contains("host configuration \"save\": 100 1 200 2\n"), "{text}");
    assert!(text.contains("host configuration \"appendonly\": no\n"), "{text}");
    // Without them it warns: "Could not fetch server CONFIG".
    assert!(!text.contains("WARN"), "{text}");
}

#[test]
fn commands_of_the_user_s_own() {
    let Some(benchmark) = Benchmark::of("commands_of_the_user_s_own", &[]) else { return };
    benchmark.run(&["-q", "-r", "10", "INCR", "count:__rand_int__"]);
    let mut client = benchmark.server.client();
    let sum: i64 = (0..10)
        .filter_map(|i| {
            let value = client.call(&["GET", &format!("count:{i:012}")]).line();
            value.trim_matches('"').parse::<i64>().ok()
        })
        .sum();
    assert_eq!(sum, 2000);
    let text = benchmark.run(&["-q", "-P", "4", "APPEND", "log", "x"]);
    assert!(text.contains("requests per second"), "{text}");
    assert_eq!(client.call(&["STRLEN", "log"]).line(), ":2000");
}

#[test]
fn a_password() {
    let Some(benchmark) = Benchmark::of("a_password", &[("requirepass", "secret")]) else { return };
    assert_eq!(benchmark.names(&["-a", "secret", "-t", "set"]), ["SET"]);
    assert_eq!(benchmark.names(&["--user", "default", "-a", "secret", "-t", "get"]), ["GET"]);
}

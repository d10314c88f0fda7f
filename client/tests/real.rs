//! The client and lodestore-cli against a real server.
//!
//! Owns: one server process per test, on a free port, with a directory of its own.   Uses: the library's public parts.
//! Never: a server that somebody else started.
//!
//! The server is the program that `REDIS_SERVER` names, or redis-server from PATH. Without one, every test says SKIPPED.

// Helpers of tests are tests too; clippy's own exception sees the test functions only.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::io::Write;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Output, Stdio};
use std::time::Duration;

use lodestore::{
    Address, Client, Config, Error, Message, Pipeline, Protocol, Reply, Subscriber, cmd,
};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

struct Server {
    child: Child,
    port: u16,
    directory: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts a server; None, said aloud, when there is no program for it.
    async fn start(arguments: &[&str]) -> Option<Server> {
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let directory = tempfile::tempdir().unwrap();
            let program = std::env::var("REDIS_SERVER").unwrap_or_else(|_| "redis-server".into());
            let child = std::process::Command::new(&program)
                .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
                .args(["--unixsocket", directory.path().join("s.sock").to_str().unwrap()])
                .args(["--dir", directory.path().to_str().unwrap()])
                .args(arguments)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn();
            let Ok(child) = child else {
                println!("SKIPPED: there is no {program}; name one in REDIS_SERVER");
                return None;
            };
            let mut server = Server { child, port, directory };
            if server.is_up().await {
                return Some(server);
            }
        }
        panic!("the server does not start");
    }

    /// Waits until it listens. False when it ended instead, as when somebody else took the port first.
    async fn is_up(&mut self) -> bool {
        for _ in 0..500 {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            if tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_ok() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        false
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("s.sock")
    }

    fn config(&self, protocol: Protocol) -> Config {
        let address = Address::Tcp { host: "127.0.0.1".to_owned(), port: self.port };
        Config { address, protocol: Some(protocol), ..Config::default() }
    }

    async fn client(&self, protocol: Protocol) -> Client {
        Client::open(&self.config(protocol)).await.unwrap().0
    }

    /// Runs lodestore-cli with this server's port.
    async fn cli(&self, arguments: &[&str], input: &str) -> Output {
        let port = self.port.to_string();
        let arguments: Vec<String> =
            ["-p", &port].iter().chain(arguments).map(|word| (*word).to_owned()).collect();
        let input = input.to_owned();
        tokio::task::spawn_blocking(move || run_cli(&arguments, &input)).await.unwrap()
    }
}

fn run_cli(arguments: &[String], input: &str) -> Output {
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_lodestore-cli"))
        .args(arguments)
        .env_remove("REDISCLI_AUTH")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

const BOTH: [Protocol; 2] = [Protocol::Resp2, Protocol::Resp3];

#[tokio::test]
async fn commands_and_conversions_agree_in_both_protocols() {
    let Some(server) = Server::start(&[]).await else { return };
    for protocol in BOTH {
        let client = server.client(protocol).await;
        assert_eq!(client.protocol(), protocol);
        client.call(cmd!["FLUSHALL"]).await.unwrap();
        assert!(client.get::<bool>(cmd!["SET", "k", "v", "NX"]).await.unwrap());
        assert!(!client.get::<bool>(cmd!["SET", "k", "v", "NX"]).await.unwrap());
        assert_eq!(client.get::<Option<String>>(cmd!["GET", "none"]).await.unwrap(), None);
        assert_eq!(client.get::<i64>(cmd!["INCRBY", "n", 41]).await.unwrap(), 41);
        assert_eq!(client.get::<f64>(cmd!["INCRBYFLOAT", "n", 0.5]).await.unwrap(), 41.5);
        client.call(cmd!["HSET", "h", "a", 1, "b", 2]).await.unwrap();
        let hash: HashMap<String, i64> = client.get(cmd!["HGETALL", "h"]).await.unwrap();
        assert_eq!(hash, HashMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)]));
        client.call(cmd!["ZADD", "z", 1.5, "x", "inf", "y"]).await.unwrap();
        let scores: Vec<(String, f64)> =
            client.get(cmd!["ZRANGE", "z", 0, -1, "WITHSCORES"]).await.unwrap();
        assert_eq!(scores, [("x".to_owned(), 1.5), ("y".to_owned(), f64::INFINITY)]);
        let error = client.call(cmd!["INCR", "h"]).await.expect_err("a hash");
        assert_eq!(error.code(), Some("WRONGTYPE"));
        assert_eq!(client.get::<String>(cmd!["PING"]).await.unwrap(), "PONG");
    }
}

#[tokio::test]
async fn values_of_many_megabytes_go_both_ways() {
    let Some(server) = Server::start(&[]).await else { return };
    let client = server.client(Protocol::Resp3).await;
    let value: Vec<u8> = (0..20_000_000u32).map(|n| (n % 251) as u8).collect();
    client.call(cmd!["SET", "big", &value]).await.unwrap();
    assert!(client.get::<Vec<u8>>(cmd!["GET", "big"]).await.unwrap() == value);
    let script = "local t = {} for i = 1, 200000 do t[i] = i end return t";
    let numbers: Vec<u32> = client.get(cmd!["EVAL", script, 0]).await.unwrap();
    assert!(numbers == (1..=200_000).collect::<Vec<u32>>());
}

#[tokio::test]
async fn a_pipeline_of_ten_thousand_keeps_its_order() {
    let Some(server) = Server::start(&[]).await else { return };
    for protocol in BOTH {
        let config = Config { in_flight: 100, ..server.config(protocol) };
        let (client, _) = Client::open(&config).await.unwrap();
        client.call(cmd!["DEL", "n"]).await.unwrap();
        let mut pipeline = Pipeline::new();
        for n in 0..10_000 {
            pipeline.push(&if n % 1000 == 999 { cmd!["NONSENSE"] } else { cmd!["ECHO", n] });
        }
        let replies = timeout(PATIENCE, client.run(pipeline)).await.unwrap().unwrap();
        assert_eq!(replies.len(), 10_000);
        for (place, reply) in replies.into_iter().enumerate() {
            match reply {
                Reply::Error(_) => assert_eq!(place % 1000, 999),
                reply => assert_eq!(reply.to::<usize>().unwrap(), place),
            }
        }
    }
}

#[tokio::test]
async fn concurrent_callers_get_their_own_replies_through_small_queues() {
    let Some(server) = Server::start(&[]).await else { return };
    let config = Config { queue: 2, in_flight: 3, ..server.config(Protocol::Resp3) };
    let (client, _) = Client::open(&config).await.unwrap();
    let mut callers = tokio::task::JoinSet::new();
    for n in 0..1000 {
        let client = client.clone();
        callers.spawn(async move {
            let call = client.get::<i64>(cmd!["ECHO", n]);
            if n % 7 == 0 {
                // Given up on: the others must not be shifted by its reply.
                let _ = timeout(Duration::from_micros(50), call).await;
            } else {
                assert_eq!(call.await.unwrap(), n);
            }
        });
    }
    while let Some(outcome) = timeout(PATIENCE, callers.join_next()).await.unwrap() {
        outcome.unwrap();
    }
}

#[tokio::test]
async fn transactions_run_whole_or_not_at_all() {
    let Some(server) = Server::start(&[]).await else { return };
    let client = server.client(Protocol::Resp3).await;
    let both = || Pipeline::new().add(cmd!["INCR", "a"]).add(cmd!["INCR", "b"]);
    let results = client.transaction(both()).await.unwrap().unwrap();
    assert_eq!(results, [Reply::Int(1), Reply::Int(1)]);
    let refused = client.transaction(both().add(cmd!["NONSENSE"])).await;
    assert!(refused.expect_err("an unknown command").to_string().contains("unknown command"));
    client.call(cmd!["WATCH", "a"]).await.unwrap();
    server.client(Protocol::Resp2).await.call(cmd!["SET", "a", 9]).await.unwrap();
    assert_eq!(client.transaction(both()).await.unwrap(), None);
    assert_eq!(client.get::<i64>(cmd!["GET", "b"]).await.unwrap(), 1);
}

#[tokio::test]
async fn logins_databases_and_names() {
    let Some(server) = Server::start(&["--requirepass", "secret"]).await else { return };
    let port = server.port;
    let admin = Client::connect(&format!("redis://:secret@127.0.0.1:{port}")).await.unwrap();
    admin.call(cmd!["ACL", "SETUSER", "alice", "on", ">p:w/", "~*", "+@all"]).await.unwrap();
    for query in ["?name=tester", "?name=tester&protocol=2", "?name=tester&protocol=3"] {
        for login in [":secret", "alice:p%3Aw%2F"] {
            let url = format!("redis://{login}@127.0.0.1:{port}/3{query}");
            let client = Client::connect(&url).await.unwrap();
            let info: String = client.get(cmd!["CLIENT", "LIST"]).await.unwrap();
            assert!(info.contains("db=3") && info.contains("name=tester"), "{info}");
        }
        let wrong = Client::connect(&format!("redis://:no@127.0.0.1:{port}{query}")).await;
        assert_eq!(wrong.expect_err("a wrong password").code(), Some("WRONGPASS"));
    }
    let path = server.socket();
    let url = format!("unix://:secret@{}?db=2", path.display());
    Client::connect(&url).await.unwrap().call(cmd!["PING"]).await.unwrap();
    let url = format!("redis://:secret@127.0.0.1:{port}/99");
    assert!(matches!(Client::connect(&url).await, Err(Error::Server { .. })));
}

#[tokio::test]
async fn subscribers_hear_messages_in_both_protocols() {
    let Some(server) = Server::start(&[]).await else { return };
    let publisher = server.client(Protocol::Resp3).await;
    for protocol in BOTH {
        let (client, pushes) = Client::open(&server.config(protocol)).await.unwrap();
        let mut news = Subscriber::new(client, pushes);
        assert_eq!(news.subscribe(["a", "b"]).await.unwrap(), 2);
        assert_eq!(news.psubscribe(["p*"]).await.unwrap(), 3);
        for n in 0..100 {
            publisher.call(cmd!["PUBLISH", "a", n]).await.unwrap();
        }
        publisher.call(cmd!["PUBLISH", "pq", "hi"]).await.unwrap();
        for n in 0..100 {
            let message = timeout(PATIENCE, news.next()).await.unwrap().unwrap();
            assert_eq!(message.payload, n.to_string());
        }
        let message = timeout(PATIENCE, news.next()).await.unwrap().unwrap();
        let pattern = Some("p*".into());
        assert_eq!(message, Message { pattern, channel: "pq".into(), payload: "hi".into() });
        assert_eq!(news.unsubscribe(["b"]).await.unwrap(), 2);
        assert_eq!(news.unsubscribe([""; 0]).await.unwrap(), 1);
        assert_eq!(news.punsubscribe([""; 0]).await.unwrap(), 0);
        assert_eq!(news.punsubscribe([""; 0]).await.unwrap(), 0);
        // The connection is an ordinary one again.
        assert_eq!(news.client().get::<String>(cmd!["ECHO", "x"]).await.unwrap(), "x");
        assert_eq!(news.lost(), 0);
    }
}

#[tokio::test]
async fn pushes_beyond_the_bound_are_counted_and_replies_still_come() {
    let Some(server) = Server::start(&[]).await else { return };
    let config = Config { pushes: 10, ..server.config(Protocol::Resp3) };
    let (client, mut pushes) = Client::open(&config).await.unwrap();
    let mut pipeline = Pipeline::new().add(cmd!["SUBSCRIBE", "c"]);
    for n in 0..50 {
        pipeline.push(&cmd!["PUBLISH", "c", n]);
    }
    assert_eq!(client.run(pipeline).await.unwrap().len(), 51);
    client.call(cmd!["PING"]).await.unwrap();
    assert_eq!(pushes.lost(), 40);
    let first = pushes.next().await.unwrap();
    assert_eq!(Message::from_push(&first).unwrap().payload, "0");
}

#[tokio::test]
async fn invalidations_of_cached_keys_are_pushes() {
    let Some(server) = Server::start(&[]).await else { return };
    let (client, mut pushes) = Client::open(&server.config(Protocol::Resp3)).await.unwrap();
    client.call(cmd!["CLIENT", "TRACKING", "ON"]).await.unwrap();
    client.call(cmd!["GET", "k"]).await.unwrap();
    server.client(Protocol::Resp2).await.call(cmd!["SET", "k", 1]).await.unwrap();
    let push = timeout(PATIENCE, pushes.next()).await.unwrap().unwrap();
    let key = Reply::Array(vec![Reply::Bulk("k".into())]);
    assert_eq!(push, Reply::Push(vec![Reply::Bulk("invalidate".into()), key]));
}

#[tokio::test]
async fn the_end_of_a_connection_is_told_to_everybody() {
    let Some(mut server) = Server::start(&[]).await else { return };
    let client = server.client(Protocol::Resp3).await;
    assert!(!client.is_closed());
    let waiting = client.clone();
    let waiting = tokio::spawn(async move { waiting.call(cmd!["BLPOP", "none", 0]).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.child.kill().unwrap();
    timeout(PATIENCE, client.closed()).await.unwrap();
    assert!(matches!(waiting.await.unwrap(), Err(Error::Closed | Error::Io(_))));
    assert!(matches!(client.call(cmd!["PING"]).await, Err(Error::Closed)));
    assert!(client.is_closed());
}

/// A server that answers each write with the next of some fixed texts, and then listens on or hangs up.
async fn stub(answers: &'static [&'static str], hangs_up: bool) -> Config {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut socket, _) = listener.accept().await.unwrap();
        for answer in answers {
            let _ = socket.read(&mut [0; 4096]).await;
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
        if !hangs_up {
            let _ = socket.read_to_end(&mut Vec::new()).await;
        }
    });
    let address = Address::Tcp { host: "127.0.0.1".to_owned(), port };
    Config { address, connect_timeout: Duration::from_millis(500), ..Config::default() }
}

#[tokio::test]
async fn a_server_that_breaks_the_protocol_is_left() {
    for nonsense in
        [&["+OK\r\n", "+OK\r\n+OK\r\nnonsense\r\n"], &["+OK\r\n", "+OK\r\n+OK\r\n+unasked\r\n"]]
    {
        let (client, _) = Client::open(&stub(nonsense, false).await).await.unwrap();
        assert!(matches!(timeout(PATIENCE, client.closed()).await.unwrap(), Error::Protocol(_)));
    }
}

#[tokio::test]
async fn an_old_server_is_spoken_to_in_version_2() {
    let old = stub(&["-ERR unknown command 'HELLO'\r\n", "-ERR x\r\n-ERR x\r\n"], false).await;
    let (client, _) = Client::open(&old).await.unwrap();
    assert_eq!(client.protocol(), Protocol::Resp2);
    let strict =
        Config { protocol: Some(Protocol::Resp3), ..stub(&["-NOPROTO no\r\n"], false).await };
    assert_eq!(Client::open(&strict).await.expect_err("refused").code(), Some("NOPROTO"));
}

#[tokio::test]
async fn a_server_that_refuses_or_says_nothing_is_given_up() {
    let full = stub(&["-ERR max number of clients reached\r\n"], true).await;
    let refusal = Client::open(&full).await.expect_err("it is full");
    assert_eq!(refusal.to_string(), "ERR max number of clients reached");
    match Client::open(&stub(&[], false).await).await {
        Err(Error::Io(error)) => assert_eq!(error.kind(), std::io::ErrorKind::TimedOut),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_cli_runs_one_command() {
    let Some(server) = Server::start(&[]).await else { return };
    assert_eq!(text(&server.cli(&["SET", "k", "a b"], "").await), "OK\n");
    assert_eq!(text(&server.cli(&["GET", "k"], "").await), "a b\n");
    assert_eq!(text(&server.cli(&["--no-raw", "GET", "k"], "").await), "\"a b\"\n");
    assert_eq!(text(&server.cli(&["-x", "SET", "x"], "from\nstdin").await), "OK\n");
    assert_eq!(text(&server.cli(&["--json", "GET", "x"], "").await), "\"from\\nstdin\"\n");
    assert_eq!(text(&server.cli(&["-r", "3", "-i", "0.01", "INCR", "n"], "").await), "1\n2\n3\n");
    server.cli(&["HSET", "h", "f", "1"], "").await;
    assert_eq!(
        text(&server.cli(&["-3", "--no-raw", "HGETALL", "h"], "").await),
        "1# \"f\" => \"1\"\n"
    );
    assert_eq!(text(&server.cli(&["--json", "HGETALL", "h"], "").await), "{\"f\":\"1\"}\n");
    assert_eq!(text(&server.cli(&["-n", "5", "DBSIZE"], "").await), "0\n");
    let socket = server.socket();
    assert_eq!(text(&server.cli(&["-s", socket.to_str().unwrap(), "PING"], "").await), "PONG\n");
    let failed = server.cli(&["INCR", "h"], "").await;
    assert_eq!(failed.status.code(), Some(1));
    assert!(text(&failed).starts_with("WRONGTYPE"));
}

#[tokio::test]
async fn the_cli_reads_commands_line_by_line() {
    let Some(server) = Server::start(&["--requirepass", "secret"]).await else { return };
    let input = "SET k \"a\\x41\\n\"\n\nGET k\nexit\nGET k\n";
    let output = server.cli(&["-a", "secret", "--no-raw"], input).await;
    assert_eq!(text(&output), "OK\n\"aA\\n\"\n");
    assert_eq!(output.status.code(), Some(0));
    let output = server.cli(&["-a", "secret"], "NONSENSE\n\"open\nPING\n").await;
    let lines = text(&output);
    assert!(lines.starts_with("ERR unknown") && lines.ends_with("Invalid argument(s)\nPONG\n"));
    assert_eq!(output.status.code(), Some(1));
    let refused = server.cli(&["-a", "wrong", "PING"], "").await;
    assert_eq!((refused.status.code(), text(&refused)), (Some(1), String::new()));
    assert!(text(&server.cli(&["PING"], "").await).starts_with("NOAUTH"));
}

#[tokio::test]
async fn the_cli_prints_messages_as_they_come() {
    let Some(server) = Server::start(&[]).await else { return };
    let publisher = server.client(Protocol::Resp3).await;
    let listening = server.cli(&["SUBSCRIBE", "c"], "");
    let publishing = async {
        while publisher.get::<i64>(cmd!["PUBLISH", "c", "hi"]).await.unwrap() == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        publisher.call(cmd!["CLIENT", "KILL", "TYPE", "pubsub"]).await.unwrap();
    };
    let (output, ()) =
        timeout(PATIENCE, async { tokio::join!(listening, publishing) }).await.unwrap();
    assert_eq!(text(&output), "subscribe\nc\n1\nmessage\nc\nhi\n");
    assert_eq!(output.status.code(), Some(1));
}

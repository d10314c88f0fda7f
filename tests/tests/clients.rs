//! The programs that people type: redis-cli against Lodestore.
//!
//! `PEER_BINARY=path` runs the suite against a real server. Without redis-cli it is skipped, visibly.

use lodestore_tests::cli::Cli;
use lodestore_tests::server::Server;

fn server() -> Server {
    match std::env::var("PEER_BINARY") {
        Ok(path) => Server::of(path.as_ref(), &[]),
        Err(_) => Server::start(&[]),
    }
}

#[test]
fn one_command_at_a_time() {
    let server = server();
    let Some(cli) = Cli::of("one_command_at_a_time", &server) else { return };
    assert_eq!(cli.run(&["PING"]), "PONG\n");
    assert_eq!(cli.run(&["SET", "k", "two words"]), "OK\n");
    assert_eq!(cli.run(&["GET", "k"]), "two words\n");
    assert_eq!(cli.run(&["--no-raw", "GET", "k"]), "\"two words\"\n");
    assert_eq!(cli.run(&["--no-raw", "GET", "missing"]), "(nil)\n");
    assert_eq!(cli.run(&["--no-raw", "INCR", "n"]), "(integer) 1\n");
    assert!(cli.run(&["NOSUCH"]).starts_with("ERR unknown command 'NOSUCH'"));
    assert_eq!(cli.piped(&["-x", "SET", "from-input"], b"text"), "OK\n");
    assert_eq!(cli.run(&["-n", "3", "SET", "k", "third"]), "OK\n");
    assert_eq!(cli.run(&["-n", "3", "GET", "k"]), "third\n");
    assert_eq!(cli.run(&["GET", "k"]), "two words\n");
}

#[test]
fn resp3() {
    let server = server();
    let Some(cli) = Cli::of("resp3", &server) else { return };
    assert_eq!(cli.run(&["-3", "SET", "k", "v"]), "OK\n");
    assert_eq!(cli.run(&["-3", "GET", "k"]), "v\n");
    let map = cli.run(&["-3", "--no-raw", "CONFIG", "GET", "maxmemory"]);
    assert_eq!(map, "1# \"maxmemory\" => \"0\"\n");
    assert!(cli.run(&["-3", "INFO", "server"]).contains("redis_version:"));
}

#[test]
fn commands_from_a_pipe() {
    let server = server();
    let Some(cli) = Cli::of("commands_from_a_pipe", &server) else { return };
    let output = cli.piped(&[], b"SET a 1\nINCR a\nGET a\nMULTI\nINCR a\nEXEC\n");
    assert_eq!(output, "OK\n2\n2\nOK\nQUEUED\n3\n");
}

#[test]
fn mass_insertion() {
    let server = server();
    let Some(cli) = Cli::of("mass_insertion", &server) else { return };
    let inline: String = (0..20_000).map(|i| format!("SET key:{i} value:{i}\r\n")).collect();
    let output = cli.piped(&["--pipe"], inline.as_bytes());
    assert!(output.contains("errors: 0, replies: 20000"), "{output}");
    let array: String = (0..20_000)
        .map(|i| {
            let value = format!("v{i:06}");
            format!("*3\r\n$3\r\nSET\r\n$7\r\nk{i:06}\r\n${}\r\n{value}\r\n", value.len())
        })
        .collect();
    let output = cli.piped(&["--pipe"], array.as_bytes());
    assert!(output.contains("errors: 0, replies: 20000"), "{output}");
    assert_eq!(cli.run(&["DBSIZE"]), "40000\n");
    let output = cli.piped(&["--pipe"], b"SET k v\r\nINCR k\r\n");
    assert!(output.contains("errors: 1, replies: 2"), "{output}");
}

#[test]
fn scan_with_a_pattern() {
    let server = server();
    let Some(cli) = Cli::of("scan_with_a_pattern", &server) else { return };
    let pairs: String =
        (0..1000).map(|i| format!("SET key:{i} x\r\nSET other:{i} x\r\n")).collect();
    cli.piped(&["--pipe"], pairs.as_bytes());
    let output = cli.run(&["--scan", "--pattern", "key:1*"]);
    let mut keys: Vec<&str> = output.lines().collect();
    keys.sort_unstable();
    let mut want: Vec<String> =
        (0..1000).map(|i| format!("key:{i}")).filter(|key| key.starts_with("key:1")).collect();
    want.sort_unstable();
    assert_eq!(keys, want);
}

#[test]
fn a_password() {
    let server = server();
    let Some(cli) = Cli::of("a_password", &server) else { return };
    assert_eq!(cli.run(&["CONFIG", "SET", "requirepass", "secret"]), "OK\n");
    assert_eq!(cli.run(&["GET", "k"]), "NOAUTH Authentication required.\n\n");
    assert_eq!(cli.run(&["--no-auth-warning", "-a", "secret", "PING"]), "PONG\n");
    let user = ["--no-auth-warning", "--user", "default", "--pass", "secret", "PING"];
    assert_eq!(cli.run(&user), "PONG\n");
}

//! Commands that are asked for too much: every one has an exact answer, at once.
//!
//! With `protocol.rs` these are the rows of the list of hostile input in the design. The answers are those of
//! redis-server 7.0; `PEER_BINARY=path` runs the suite against one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use lodestore_tests::client::{Client, Proto, encode};
use lodestore_tests::reply::Reply;
use lodestore_tests::server::Server;
use std::time::{Duration, Instant};

/// How long an answer may take that costs nothing.
const AT_ONCE: Duration = Duration::from_secs(2);

fn server(settings: &[(&str, &str)]) -> Server {
    match std::env::var("PEER_BINARY") {
        Ok(path) => Server::of(path.as_ref(), settings),
        Err(_) => Server::start(settings),
    }
}

/// Whether the server has a command: those that are still to come are passed over.
fn knows(client: &mut Client, command: &str) -> bool {
    matches!(client.call(&["COMMAND", "INFO", command]).items()[..], [Reply::Array(_)])
}

/// Calls each line and compares the answer's line.
fn are_answered(client: &mut Client, cases: &[(&[&str], &str)]) {
    for (words, answer) in cases {
        if !knows(client, words[0]) {
            continue;
        }
        let begun = Instant::now();
        assert_eq!(client.call(words).line(), *answer, "{words:?}");
        assert!(begun.elapsed() < AT_ONCE, "{words:?} takes {:?}", begun.elapsed());
    }
}

const MAX: &str = "9223372036854775807";
const MIN: &str = "-9223372036854775808";

#[test]
fn numbers_at_their_end_in_counters() {
    let server = server(&[]);
    let mut client = server.client();
    let not_integer = "-ERR value is not an integer or out of range";
    let overflow = "-ERR increment or decrement would overflow";
    are_answered(
        &mut client,
        &[
            (&["DECRBY", "d", MIN], "-ERR decrement would overflow"),
            (&["INCRBY", "d", MAX], ":9223372036854775807"),
            (&["INCR", "d"], overflow),
            (&["INCRBY", "d", "9223372036854775808"], not_integer),
            (&["DECRBY", "d", "-1"], overflow),
            (&["SET", "d", MIN], "+OK"),
            (&["DECR", "d"], overflow),
            (&["INCRBY", "d", MIN], overflow),
            (&["GET", "d"], "\"-9223372036854775808\""),
            (&["SET", "d", "9223372036854775808"], "+OK"),
            (&["INCR", "d"], not_integer),
        ],
    );
    let not_finite = "-ERR increment would produce NaN or Infinity";
    are_answered(
        &mut client,
        &[
            (&["INCRBYFLOAT", "f", "inf"], not_finite),
            (&["INCRBYFLOAT", "f", "-inf"], not_finite),
            (&["INCRBYFLOAT", "f", "nan"], "-ERR value is not a valid float"),
            (&["INCRBYFLOAT", "f", "1e5000"], "-ERR value is not a valid float"),
            (&["EXISTS", "f"], ":0"),
        ],
    );
}

#[test]
fn places_beyond_the_longest_string() {
    let server = server(&[]);
    let mut client = server.client();
    let too_long = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)";
    are_answered(
        &mut client,
        &[
            (&["SETRANGE", "k", "536870912", "x"], too_long),
            (&["SETRANGE", "k", MAX, "x"], too_long),
            (&["SETRANGE", "k", "-1", "x"], "-ERR offset is out of range"),
            (&["SETRANGE", "k", "536870912", ""], ":0"),
            (&["EXISTS", "k"], ":0"),
            (&["SET", "k", "abc"], "+OK"),
            (&["SETRANGE", "k", "536870911", "xy"], too_long),
            (&["GETRANGE", "k", MIN, MAX], "\"abc\""),
            (&["GETRANGE", "k", MAX, MIN], "\"\""),
            (&["GET", "k"], "\"abc\""),
        ],
    );
}

#[test]
fn times_beyond_all_time() {
    let server = server(&[]);
    let mut client = server.client();
    let refused = |command: &str| format!("-ERR invalid expire time in '{command}' command");
    assert_eq!(client.call(&["SET", "k", "v"]).line(), "+OK");
    for command in ["expire", "pexpire", "expireat"] {
        let words = [command, "k", MAX];
        assert_eq!(client.call(&words).line(), refused(command), "{words:?}");
        let words = [command, "k", MIN];
        let line = client.call(&words).line();
        assert!(line == refused(command) || line == ":1", "{words:?}: {line}");
        client.call(&["SET", "k", "v"]);
    }
    for words in [
        &["SET", "k", "w", "EX", MAX][..],
        &["SET", "k", "w", "PX", "0"],
        &["SET", "k", "w", "EX", "-1"],
        &["SET", "k", "w", "EXAT", MAX],
        &["SETEX", "k", MAX, "w"],
        &["PSETEX", "k", "0", "w"],
        &["GETEX", "k", "EX", MAX],
    ] {
        let refused = refused(&words[0].to_lowercase());
        assert_eq!(client.call(words).line(), refused, "{words:?}");
    }
    are_answered(&mut client, &[(&["GET", "k"], "\"v\""), (&["TTL", "k"], ":-1")]);
}

#[test]
fn cursors_and_counts_that_are_none() {
    let server = server(&[]);
    let mut client = server.client();
    let not_integer = "-ERR value is not an integer or out of range";
    are_answered(
        &mut client,
        &[
            (&["SCAN", "18446744073709551616"], "-ERR invalid cursor"),
            (&["SCAN", "18446744073709551615"], "[\"0\", []]"),
            (&["SCAN", "ten"], "-ERR invalid cursor"),
            (&["SCAN", "0", "COUNT", "0"], "-ERR syntax error"),
            (&["SCAN", "0", "COUNT", "-9223372036854775808"], "-ERR syntax error"),
            (&["SCAN", "0", "COUNT", "9223372036854775808"], not_integer),
            (&["SCAN", "0", "COUNT", MAX], "[\"0\", []]"),
            (
                &["SELECT", "9223372036854775807"],
                "-ERR value is out of range, value must between -2147483648 and 2147483647",
            ),
            (&["SELECT", "-1"], "-ERR DB index is out of range"),
        ],
    );
}

#[test]
fn a_pattern_of_stars_costs_no_more_than_one() {
    let server = server(&[]);
    let mut client = server.client();
    let key = "a".repeat(2000);
    client.call(&["SET", &key, "v"]);
    let stars = "a*".repeat(60) + "b";
    assert_eq!(client.call(&["KEYS", &"*".repeat(60)]).items().len(), 1);
    // Every star could end at every letter: tried one by one that would take for ever. Redis 7.0 does take so
    // long; only ours is asked.
    if std::env::var("PEER_BINARY").is_err() {
        are_answered(&mut client, &[(&["KEYS", &stars], "[]")]);
        let scan = client.call(&["SCAN", "0", "MATCH", &stars]);
        assert_eq!(scan.line(), "[\"0\", []]");
    }
}

#[test]
fn payloads_that_are_garbage() {
    let server = server(&[]);
    let mut client = server.client();
    let wrong = "-ERR DUMP payload version or checksum are wrong";
    are_answered(
        &mut client,
        &[
            (&["RESTORE", "r", "0", "garbage"], wrong),
            (&["RESTORE", "r", "0", ""], wrong),
            (&["RESTORE", "r", "0", &"x".repeat(100_000)], wrong),
            (&["RESTORE", "r", "-1", "garbage"], "-ERR Invalid TTL value, must be >= 0"),
            (
                &["RESTORE", "r", "0", "garbage", "IDLETIME", "-1"],
                "-ERR Invalid IDLETIME value, must be >= 0",
            ),
            (
                &["RESTORE", "r", "0", "garbage", "FREQ", "256"],
                "-ERR Invalid FREQ value, must be >= 0 and <= 255",
            ),
            (&["EXISTS", "r"], ":0"),
        ],
    );
    if !knows(&mut client, "restore") {
        return;
    }
    client.call(&["SET", "s", "a value of some length"]);
    let payload = client.call(&["DUMP", "s"]);
    let payload = payload.bytes().unwrap();
    for at in 0..payload.len() {
        for bit in 0..8 {
            let mut damaged = payload.to_vec();
            damaged[at] ^= 1 << bit;
            let reply = client.call(&[&b"RESTORE"[..], b"r", b"0", &damaged]);
            assert_eq!(reply.line(), wrong, "bit {bit} of byte {at}");
        }
        let reply = client.call(&[&b"RESTORE"[..], b"r", b"0", &payload[..at]]);
        assert_eq!(reply.line(), wrong, "cut at {at}");
    }
    assert_eq!(client.call(&[&b"RESTORE"[..], b"r", b"0", payload]).line(), "+OK");
}

#[test]
fn errors_repeat_128_bytes_of_one_line() {
    let server = server(&[]);
    let mut client = server.client();
    let long = "x".repeat(5000);
    let cut = "x".repeat(128);
    let cases: &[(&[&str], String)] = &[
        (&[&long], format!("-ERR unknown command '{cut}', with args beginning with: ")),
        (
            &["a\r\nb\n", "c\r\n+OK"],
            "-ERR unknown command 'a  b ', with args beginning with: 'c  +OK' ".into(),
        ),
        (
            &["nosuch", &long],
            format!("-ERR unknown command 'nosuch', with args beginning with: '{cut}' "),
        ),
        (&["CLIENT", &long], format!("-ERR unknown subcommand '{cut}'. Try CLIENT HELP.")),
        (&["CLIENT", "a\r\nb"], "-ERR unknown subcommand 'a  b'. Try CLIENT HELP.".into()),
    ];
    for (words, answer) in cases {
        client.send(words);
        client.raw(&encode(&["PING"]));
        let Reply::Error(text) = client.read() else { panic!("{words:?}: an error is expected") };
        assert_eq!(format!("-{text}"), *answer);
        assert_eq!(client.read().line(), "+PONG");
    }
}

#[test]
fn a_transaction_of_ten_thousand_commands_delays_nobody_for_long() {
    for proto in [Proto::Resp2, Proto::Resp3] {
        let server = server(&[]);
        let mut client = server.speaking(proto);
        let mut input = encode(&["MULTI"]);
        (0..10_000).for_each(|i| input.extend(encode(&["SET", &format!("key:{i}"), "value"])));
        let mut other = server.client();
        client.raw(&input);
        assert_eq!(other.call(&["DBSIZE"]).line(), ":0");
        let begun = Instant::now();
        client.raw(&encode(&["EXEC"]));
        assert_eq!(other.call(&["PING"]).line(), "+PONG");
        assert!(begun.elapsed() < AT_ONCE, "others waited for {:?}", begun.elapsed());
        (0..10_001).for_each(|_| drop(client.read()));
        assert_eq!(client.read().items().len(), 10_000);
        assert_eq!(other.call(&["DBSIZE"]).line(), ":10000");
    }
}

/// Words of equal length and equal hash for everything that adds up `h * 33 + byte`, or 31: "Aa" and "BB" are
/// alike to it. Whoever hashes without a secret can be made slow by such keys.
fn colliding(bits: u32) -> Vec<String> {
    let word = |n: u32| (0..bits).map(|bit| if n >> bit & 1 == 0 { "Aa" } else { "BB" }).collect();
    (0..1 << bits).map(word).collect()
}

/// How long it takes to set these keys and to read them again.
fn time_of(client: &mut Client, keys: &[String]) -> Duration {
    let wire: Vec<u8> = keys
        .iter()
        .flat_map(|key| [encode(&["SET", key, "v"]), encode(&["GET", key])].concat())
        .collect();
    let begun = Instant::now();
    client.raw(&wire);
    (0..2 * keys.len()).for_each(|_| drop(client.read()));
    begun.elapsed()
}

#[test]
fn keys_made_to_collide_cost_no_more_than_others() {
    let server = server(&[]);
    let collide = colliding(15);
    let plain: Vec<String> = (0..collide.len()).map(|i| format!("{i:030}")).collect();
    // The best of three of each: the machine may be busy with something else.
    let mut best = [Duration::MAX; 2];
    for _ in 0..3 {
        for (best, keys) in best.iter_mut().zip([&plain, &collide]) {
            let mut client = server.client();
            client.call(&["FLUSHALL"]);
            *best = (*best).min(time_of(&mut client, keys));
            assert_eq!(client.call(&["DBSIZE"]).line(), format!(":{}", keys.len()));
        }
    }
    let [plain, collide] = best;
    assert!(
        collide < plain * 5 + Duration::from_millis(200),
        "{collide:?}, and {plain:?} for others"
    );
}

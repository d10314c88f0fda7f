//! The request parser against another parser, cut at every byte, and against hostile input.
//!
//! Owns: what is compared.   Uses: the fuzz targets' reactor in miniature and their oracle, redis-protocol.
//! Never: sockets.

#![allow(clippy::unwrap_used)]

use lodestore_server::resp::request::{BATCH_MAX, BIG_BULK, LINE_MAX};
use lodestore_server::resp::{Halt, OwnedRequest, Parser, ProtocolError, Requests};
use proptest::collection::vec;
use proptest::prelude::*;
use wire::{CLOSED, Connection, OPEN, Owned, encode, oracle, owned, parse_at_once, parse_bytewise};

#[path = "../fuzz/src/wire.rs"]
mod wire;

fn argument() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        20 => vec(any::<u8>(), 0..12),
        3 => vec(any::<u8>(), 0..1200),
        1 => (0usize..12_000, any::<u8>()).prop_map(|(len, byte)| vec![byte; len]),
        1 => (BIG_BULK - 3..BIG_BULK * 3, any::<u8>()).prop_map(|(len, byte)| vec![byte; len]),
    ]
}

fn requests() -> impl Strategy<Value = Vec<Owned>> {
    vec(vec(argument(), 1..14), 0..8)
}

/// Bytes that look like the protocol, mostly.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => "[*$][-0-9]{0,2}\r\n".prop_map(String::into_bytes),
        2 => "[ab\"'\\\\x0 ]{0,6}\r?\n".prop_map(String::into_bytes),
        2 => "[a-c]{0,4}\r\n".prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..4),
        1 => Just(b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n".to_vec()),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn requests_survive_any_cut(
        requests in requests(), cuts in vec((1usize..70_000, any::<bool>()), 1..20)
    ) {
        let stream = encode(&requests);
        prop_assert_eq!(&oracle(&stream), &(requests.clone(), stream.len()));
        prop_assert_eq!(parse_at_once(&stream, OPEN), (requests.clone(), Halt::NeedMore));
        let mut connection = Connection::new(OPEN);
        let mut rest = &stream[..];
        for &(len, hand_over) in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (chunk, after) = rest.split_at(len.min(rest.len()));
            connection.read(chunk, hand_over);
            rest = after;
        }
        prop_assert!(!connection.parser.is_midway(&connection.batch));
        prop_assert_eq!(connection.end(), (requests, Halt::NeedMore));
    }

    #[test]
    fn noise_means_the_same_however_it_is_cut(noise in noise(), cut: prop::sample::Index) {
        let whole = parse_at_once(&noise, OPEN);
        prop_assert_eq!(&parse_bytewise(&noise, OPEN, false), &whole);
        prop_assert_eq!(&parse_bytewise(&noise, OPEN, true), &whole);
        let mut connection = Connection::new(OPEN);
        let (head, tail) = noise.split_at(cut.index(noise.len() + 1));
        connection.read(head, true);
        connection.read(tail, true);
        prop_assert_eq!(connection.end(), whole);
    }

    #[test]
    fn words_without_quotes_are_arguments(words in vec("[!#-&(-~]{1,9}", 1..9)) {
        let request: Owned = words.iter().map(|word| word.clone().into_bytes()).collect();
        prop_assume!(!request[0].starts_with(b"*"));
        let line = words.join("  ") + "\r\n";
        prop_assert_eq!(parse_bytewise(line.as_bytes(), OPEN, true).0, vec![request]);
    }

    #[test]
    fn a_request_outlives_its_buffer(request in vec(argument(), 1..9)) {
        let mut connection = Connection::new(OPEN);
        let stream = encode(std::slice::from_ref(&request));
        for chunk in stream.chunks(1000) {
            connection.read(chunk, false);
        }
        let args = connection.batch.args(0);
        let kept = OwnedRequest::from(args);
        let mut queue = Requests::default();
        queue.push(args);
        queue.push(args);
        connection.batch.clear();
        prop_assert_eq!(owned(kept.args()), request.clone());
        prop_assert_eq!(owned(queue.args(1)), request.clone());
        let parts: Vec<&[u8]> = request.iter().map(Vec::as_slice).collect();
        prop_assert_eq!(owned(OwnedRequest::from_parts(&parts).args()), request);
    }
}

#[test]
fn a_stream_is_the_same_cut_at_every_byte() {
    let big = vec![b'v'; BIG_BULK + 5];
    let requests: Vec<Owned> = vec![
        vec![b"SET".to_vec(), b"key:0000000012".to_vec(), vec![b'x'; 64]],
        vec![b"SET".to_vec(), b"big".to_vec(), big.clone()],
        vec![b"PING".to_vec()],
        (0..12).map(|n| vec![b'a'; n * 11]).collect(),
        vec![b"APPEND".to_vec(), big, Vec::new()],
    ];
    let stream = encode(&requests);
    let interesting = (0..stream.len()).filter(|cut| {
        let around = &stream[cut.saturating_sub(3)..(cut + 3).min(stream.len())];
        cut % 4099 == 0 || !around.iter().all(|&byte| byte == b'v')
    });
    for cut in interesting {
        for hand_over in [false, true] {
            let mut connection = Connection::new(OPEN);
            connection.read(&stream[..cut], hand_over);
            connection.read(&stream[cut..], hand_over);
            assert_eq!(connection.end(), (requests.clone(), Halt::NeedMore), "cut at {cut}");
        }
    }
}

fn error_of(stream: &[u8], limits: lodestore_server::resp::Limits) -> String {
    let (_, halt) = parse_at_once(stream, limits);
    assert_eq!(parse_bytewise(stream, limits, true).1, halt, "one byte at a time");
    match halt {
        Halt::Error(error) => error.reply().map_or("closed".into(), |error| error.to_string()),
        other => format!("{other:?}"),
    }
}

#[test]
fn hostile_input_is_refused_in_the_known_words() {
    let long = vec![b'1'; LINE_MAX + 1];
    let after = |head: &[u8]| [head, &long].concat();
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (b"*1\r\n$-1\r\n".to_vec(), "invalid bulk length"),
        (b"*1\r\n$999999999999\r\n".to_vec(), "invalid bulk length"),
        (b"*1\r\n$536870913\r\n".to_vec(), "invalid bulk length"),
        (b"*1\r\n$03\r\n".to_vec(), "invalid bulk length"),
        (b"*1\r\n$\r\n".to_vec(), "invalid bulk length"),
        (b"*2147483648\r\n".to_vec(), "invalid multibulk length"),
        (b"*a\r\n".to_vec(), "invalid multibulk length"),
        (b"*+1\r\n".to_vec(), "invalid multibulk length"),
        (b"*01\r\n".to_vec(), "invalid multibulk length"),
        (b"*\r\n".to_vec(), "invalid multibulk length"),
        (b"*1\r\n+PING\r\n".to_vec(), "expected '$', got '+'"),
        (b"*1\r\n\0PING\r\n".to_vec(), "expected '$', got ' '"),
        (after(b"*"), "too big mbulk count string"),
        (after(b"*1\r\n$"), "too big bulk count string"),
        (after(b"SET "), "too big inline request"),
        (b"SET \"a b\r\n".to_vec(), "unbalanced quotes in request"),
    ];
    for (stream, words) in cases {
        let expected = format!("ERR Protocol error: {words}");
        let shown = String::from_utf8_lossy(&stream[..stream.len().min(20)]).into_owned();
        assert_eq!(error_of(&stream, OPEN), expected, "{shown:?}");
    }
    for stream in ["POST / HTTP/1.1\r\n", "Host: here\r\n", "post x\n"] {
        assert_eq!(error_of(stream.as_bytes(), OPEN), "closed");
    }
}

#[test]
fn requests_before_an_error_count() {
    let (seen, halt) = parse_at_once(b"PING\r\n*1\r\n$4\r\nPING\r\n*x\r\n", OPEN);
    assert_eq!(seen.len(), 2);
    assert_eq!(halt, Halt::Error(ProtocolError::MultibulkLength));
}

#[test]
fn a_refused_line_leaves_no_arguments_behind() {
    for line in ["ECHO a 'b\n", "POST a b\r\n"] {
        let mut connection = Connection::new(OPEN);
        connection.read(format!("PING x\r\n{line}").as_bytes(), true);
        assert!(matches!(connection.halt, Halt::Error(_)));
        assert_eq!(connection.end().0, [[b"PING".to_vec(), b"x".to_vec()]]);
    }
}

#[test]
fn nothing_asked_is_nothing() {
    let stream = b"*0\r\n*-5\r\n\r\n\n  \r\nPING\n*1\r\n$4\r\nECHO\r\n\r\n";
    let expected = vec![vec![b"PING".to_vec()], vec![b"ECHO".to_vec()]];
    assert_eq!(parse_at_once(stream, OPEN), (expected.clone(), Halt::NeedMore));
    assert_eq!(parse_bytewise(stream, OPEN, true), (expected, Halt::NeedMore));
}

#[test]
fn a_stream_of_nothing_fills_no_memory() {
    let mut connection = Connection::new(OPEN);
    for _ in 0..10_000 {
        connection.read(b"\r\n*0\r\n*-1\r\n  \r\n", true);
    }
    assert!(connection.batch.footprint() < 4096);
}

#[test]
fn claims_take_no_memory() {
    let mut connection = Connection::new(OPEN);
    connection.read(b"*2147483647\r\n", true);
    assert!(connection.batch.footprint() < 4096);
    assert!(connection.parser.is_midway(&connection.batch));
    connection.read(b"$536870912\r\nx", true);
    assert!(connection.parser.big().is_some());
    assert!(connection.parser.footprint() <= (1 << 20) + 1);
}

#[test]
fn a_big_argument_has_an_allocation_of_its_own() {
    let value = vec![b'x'; 5 << 20];
    let stream = encode(&[vec![b"SET".to_vec(), b"k".to_vec(), value.clone()]]);
    let mut connection = Connection::new(OPEN);
    for chunk in stream.chunks(16 * 1024) {
        connection.read(chunk, true);
        assert!(connection.parser.footprint() <= value.len());
        assert!(connection.batch.buf.len() < 20_000);
    }
    connection.seen.clear();
    let mut connection = Connection::new(OPEN);
    stream.chunks(16 * 1024).for_each(|chunk| connection.read(chunk, false));
    let blob = connection.batch.args(0).blob(2).unwrap().clone();
    connection.batch.clear();
    let address = blob.as_ptr();
    let taken_back = blob.into_mut();
    assert_eq!(taken_back.as_ptr(), address, "the only handle is taken back without a copy");
    assert_eq!(&taken_back[..], &value[..]);
}

#[test]
fn before_auth_requests_are_small() {
    let eleven = encode(&[vec![b"a".to_vec(); 11]]);
    let long = encode(&[vec![b"AUTH".to_vec(), vec![b'p'; 16 * 1024 + 1]]]);
    for (stream, words) in [(eleven, "multibulk"), (long, "bulk")] {
        let mut connection = Connection::new(CLOSED);
        connection.read(b"PING\r\n", false);
        connection.read(&stream, true);
        assert_eq!(connection.halt, Halt::NeedAuth);
        assert_eq!(connection.seen.len(), 1);
        let error = connection.parser.auth_error().unwrap().reply().unwrap().to_string();
        assert_eq!(error, format!("ERR Protocol error: unauthenticated {words} length"));
        connection.limits.authenticated = true;
        connection.parse();
        assert_eq!(connection.end().0.len(), 2, "the same request is fine after AUTH");
    }
    let ten = encode(&[vec![vec![b'a'; 16 * 1024]; 10]]);
    assert_eq!(parse_at_once(&ten, CLOSED).0.len(), 1);
}

#[test]
fn a_batch_has_an_end() {
    let stream = b"*1\r\n$4\r\nPING\r\n".repeat(BATCH_MAX * 2 + 1);
    let mut requests = Requests::default();
    requests.buf.extend_from_slice(&stream);
    let mut parser = Parser::new();
    assert_eq!(parser.parse(&mut requests, &OPEN), Halt::Full);
    assert_eq!(requests.len(), BATCH_MAX);
    assert_eq!(parse_at_once(&stream, OPEN).0.len(), BATCH_MAX * 2 + 1);
    let lines = b"PING\r\n".repeat(BATCH_MAX + 1);
    assert_eq!(parse_at_once(&lines, OPEN).0.len(), BATCH_MAX + 1);
}

#[test]
fn one_byte_at_a_time_is_linear() {
    let request: Owned = (0..100_000).map(|n| format!("key:{n}").into_bytes()).collect();
    let stream = encode(std::slice::from_ref(&request));
    assert_eq!(parse_bytewise(&stream, OPEN, true).0, vec![request]);
    let line = [vec![b'x'; LINE_MAX], b"\n".to_vec()].concat().repeat(20);
    assert_eq!(parse_bytewise(&line, OPEN, true).0.len(), 20);
}

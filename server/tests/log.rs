//! What the log and replicas are told of the commands on strings and keys: the words, and that a second
//! server that is told the same ends up with the same data.

mod harness;

use harness::{Server, replay, tells};
use proptest::prelude::*;

#[test]
fn the_log_is_told_what_took_effect_at_an_absolute_time() {
    let cases: &[(&str, &[&str])] = &[
        ("SET k v", &["SET k v"]),
        ("SET k v EX 10", &["SET k v PXAT 1700000010000"]),
        ("SET k v PX 10 GET", &["SET k v PXAT 1700000000010"]),
        ("SET k v XX KEEPTTL", &["SET k v KEEPTTL"]),
        ("SET k v NX", &[]),
        ("SET k v XX GET", &["SET k v"]),
        ("GETSET k w", &["SET k w"]),
        ("SETNX k w", &[]),
        ("SETEX k 5 v", &["SET k v PXAT 1700000005000"]),
        ("PSETEX k 5 v", &["SET k v PXAT 1700000000005"]),
        ("GETEX k", &[]),
        ("GETEX k EX 7", &["PEXPIREAT k 1700000007000"]),
        ("GETEX k PERSIST", &["PERSIST k"]),
        ("GETEX k PERSIST", &[]),
        ("EXPIRE k 100 NX", &["PEXPIREAT k 1700000100000"]),
        ("EXPIRE k 100 NX", &[]),
        ("PEXPIRE k 100", &["PEXPIREAT k 1700000000100"]),
        ("PERSIST k", &["PERSIST k"]),
        ("EXPIREAT k 1", &["DEL k"]),
        ("APPEND k 1", &["APPEND k 1"]),
        ("INCRBY k 2", &["INCRBY k 2"]),
        ("GETEX k PXAT 1", &["DEL k"]),
        ("MSET a 1 b 2", &["MSET a 1 b 2"]),
        ("GETDEL a", &["DEL a"]),
        ("GETDEL a", &[]),
        ("DEL a", &[]),
        ("UNLINK a b", &["UNLINK a b"]),
        ("FLUSHALL", &[]),
        ("SET k v", &["SET k v"]),
        ("FLUSHDB SYNC", &["FLUSHDB SYNC"]),
        ("EXPIRE k abc", &[]),
    ];
    tells(cases);
}

#[test]
fn the_log_is_told_sums_and_not_how_they_came_about() {
    let cases: &[(&str, &[&str])] = &[
        ("SETRANGE k 2 ab", &["SETRANGE k 2 ab"]),
        ("SETRANGE k 2 abc EX", &[]),
        ("INCRBYFLOAT f 10.5", &["SET f 10.5 KEEPTTL"]),
        ("INCRBYFLOAT f 0.1", &["SET f 10.6 KEEPTTL"]),
        ("INCRBYFLOAT f inf", &[]),
        ("INCREX n", &["SET n 1 KEEPTTL"]),
        ("INCREX n EX 7", &["SET n 2 PXAT 1700000007000"]),
        ("INCREX n EX 9 ENX", &["SET n 3 KEEPTTL"]),
        ("INCREX n BYFLOAT 0.5 PERSIST", &["SET n 3.5"]),
        ("INCREX n BYFLOAT 0.5 PERSIST", &["SET n 4 KEEPTTL"]),
        ("INCREX n BYINT 9 UBOUND 10 SATURATE", &["SET n 10 KEEPTTL"]),
        ("INCREX n BYINT 9 UBOUND 10", &[]),
        ("INCREX n PXAT 1", &["DEL n"]),
        ("INCREX n PXAT 1", &[]),
    ];
    tells(cases);
}

#[test]
fn the_log_is_told_plain_sets_and_deletes() {
    let cases: &[(&str, &[&str])] = &[
        ("SETNX k v", &["SET k v"]),
        ("SET k w IFEQ x", &[]),
        ("SET k w IFEQ v", &["SET k w"]),
        ("SET k v IFNE v EX 1", &["SET k v PXAT 1700000001000"]),
        ("SET k w KEEPTTL IFDNE 0000000000000000", &["SET k w KEEPTTL"]),
        ("DELEX k IFEQ v", &[]),
        ("DELEX k IFEQ w", &["DEL k"]),
        ("DELEX k", &[]),
        ("SET k v", &["SET k v"]),
        ("DELIFEQ k w", &[]),
        ("DELIFEQ k v", &["DEL k"]),
        ("MSETNX a 1 b 2", &["MSET a 1 b 2"]),
        ("MSETNX b 1 c 2", &[]),
        ("MSETEX 2 a 3 b 4 XX", &["MSET a 3 b 4"]),
        ("MSETEX 2 a 3 b 4 NX EX 1", &[]),
        ("MSETEX 2 a 3 b 4 PX 5", &["SET a 3 PXAT 1700000000005", "SET b 4 PXAT 1700000000005"]),
        ("MSETEX 2 a 5 c 6 KEEPTTL", &["SET a 5 KEEPTTL", "SET c 6 KEEPTTL"]),
    ];
    tells(cases);
}

#[test]
fn the_log_is_told_of_lists_what_was_sent_but_for_pops_from_many() {
    let cases: &[(&str, &[&str])] = &[
        ("RPUSH k a b c d e", &["RPUSH k a b c d e"]),
        ("LPUSHX none a", &[]),
        ("LPUSHX k 1", &["LPUSHX k 1"]),
        ("LPOP k 2", &["LPOP k 2"]),
        ("LPOP k 0", &[]),
        ("LMPOP 2 none k RIGHT COUNT 2", &["RPOP k 2"]),
        ("LMPOP 1 none LEFT", &[]),
        ("LMOVE k l LEFT RIGHT", &["LMOVE k l LEFT RIGHT"]),
        ("LMPOP 2 k l LEFT COUNT 9", &["LPOP k 1"]),
        ("LMPOP 2 k l LEFT COUNT 9", &["LPOP l 1"]),
        ("LMOVE k l LEFT RIGHT", &[]),
        ("RPUSH k a b c a", &["RPUSH k a b c a"]),
        ("LTRIM k 0 -1", &[]),
        ("LTRIM k 0 2", &["LTRIM k 0 2"]),
        ("LREM k 0 x", &[]),
        ("LREM k 0 a", &["LREM k 0 a"]),
        ("LSET k 9 x", &[]),
        ("LSET k 0 x", &["LSET k 0 x"]),
        ("LINSERT k BEFORE none y", &[]),
        ("LINSERT k BEFORE x y", &["LINSERT k BEFORE x y"]),
        ("LMOVEM k l LEFT RIGHT EXACTLY 9 OBO", &[]),
        ("LMOVEM k l LEFT RIGHT EXACTLY 2 OBO", &["LMOVEM k l LEFT RIGHT EXACTLY 2 OBO"]),
        ("RPOPLPUSH l k", &["RPOPLPUSH l k"]),
    ];
    tells(cases);
}

#[test]
fn a_key_past_its_time_is_deleted_before_what_replaces_it() {
    let mut server = Server::new(1);
    server.call("SET k 5 PX 10");
    server.now_ms += 11;
    server.call("INCR k");
    let told = ["SET k 5 PXAT 1700000000010", "DEL k", "INCR k"];
    assert_eq!(server.told(), told);
}

#[test]
fn large_values_and_whole_databases_are_freed_elsewhere() {
    let mut server = Server::new(1);
    // Time will pass, and there is no disk.
    server.engine.parts().config.save.0.clear();
    server.call(&format!("SET k {}", "x".repeat(70_000)));
    server.call("DEL k");
    assert_eq!(server.host.discarded, 1);
    server.call("MSET a 1 b 2");
    server.call("DEL a");
    assert_eq!(server.host.discarded, 1);
    server.call("FLUSHALL ASYNC");
    assert_eq!(server.host.discarded, 2);
    let large = "x".repeat(70_000);
    server.call(&format!("SET k {large}"));
    server.call("SET k small");
    assert_eq!(server.host.discarded, 3, "overwritten");
    server.call(&format!("SET k {large} PX 10"));
    server.now_ms += 111;
    server.call("GET k");
    server.turn(Vec::new());
    assert_eq!(server.host.discarded, 4, "expired when it was read");
    server.call(&format!("SET k {large} PX 10"));
    server.now_ms += 1_000;
    server.turn(Vec::new());
    server.turn(Vec::new());
    assert_eq!(server.host.discarded, 5, "expired unread");
}

fn request() -> impl Strategy<Value = String> {
    let key = || prop::sample::select(vec!["a", "b", "c", "d"]);
    let value = || prop::sample::select(vec!["1", "-7", "text", "9223372036854775807"]);
    let time = || {
        prop::sample::select(vec![
            "",
            "EX 1",
            "PX 20",
            "PX 5",
            "EXAT 1",
            "PXAT 1700000000030",
            "KEEPTTL",
            "PERSIST",
        ])
    };
    let word = || prop::sample::select(vec!["", "NX", "XX", "GET"]);
    let compare = || prop::sample::select(vec!["IFEQ", "IFNE"]);
    let bound = || prop::sample::select(vec!["", "NX", "XX", "GT", "LT"]);
    let millis = || -5..40i64;
    let one = prop::sample::select(vec![
        "GET", "GETDEL", "INCR", "DECR", "DEL", "UNLINK", "PERSIST", "TTL", "EXISTS",
    ]);
    let two = prop::sample::select(vec!["GETSET", "SETNX", "APPEND", "INCRBY", "DECRBY", "MSET"]);
    prop_oneof![
        (key(), value(), word(), time()).prop_map(|(k, v, w, t)| format!("SET {k} {v} {w} {t}")),
        (key(), time()).prop_map(|(k, t)| format!("GETEX {k} {t}")),
        (one, key()).prop_map(|(c, k)| format!("{c} {k}")),
        (two, key(), value()).prop_map(|(c, k, v)| format!("{c} {k} {v}")),
        (key(), millis(), bound()).prop_map(|(k, n, b)| format!("PEXPIRE {k} {n} {b}")),
        (key(), millis(), value()).prop_map(|(k, n, v)| format!("PSETEX {k} {n} {v}")),
        (key(), millis(), value()).prop_map(|(k, n, v)| format!("SETRANGE {k} {n} {v}")),
        (key(), millis()).prop_map(|(k, n)| format!("INCRBYFLOAT {k} {n}.25")),
        (key(), millis(), time()).prop_map(|(k, n, t)| format!("INCREX {k} BYINT {n} {t}")),
        (key(), millis(), time()).prop_map(|(k, n, t)| format!("INCREX {k} BYFLOAT {n}.5 {t} ENX")),
        (key(), value(), value(), compare())
            .prop_map(|(k, v, w, c)| format!("SET {k} {v} {c} {w}")),
        (key(), value(), compare()).prop_map(|(k, v, c)| format!("DELEX {k} {c} {v}")),
        (key(), key(), word(), time())
            .prop_map(|(k, l, w, t)| format!("MSETEX 2 {k} 1 {l} 2 {w} {t}")),
        (key(), key(), value()).prop_map(|(k, l, v)| format!("MSETNX {k} 1 {l} {v}")),
        list_request(),
        (0..8i64).prop_map(|n| format!("FLUSHDB{}", if n > 0 { " no" } else { "" })),
    ]
}

fn list_request() -> impl Strategy<Value = String> {
    let key = || prop::sample::select(vec!["l", "m", "a"]);
    let value = || prop::sample::select(vec!["1", "text", "x"]);
    let side = || prop::sample::select(vec!["LEFT", "RIGHT"]);
    let order = || prop::sample::select(vec!["OBO", "BULK"]);
    let two = prop::sample::select(vec!["LPUSH", "RPUSH", "LPUSHX", "RPUSHX"]);
    let counted = prop::sample::select(vec!["LPOP", "RPOP"]);
    let number = || -4..5i64;
    prop_oneof![
        (two, key(), value(), value()).prop_map(|(c, k, v, w)| format!("{c} {k} {v} {w}")),
        (counted, key(), 0..4).prop_map(|(c, k, n)| format!("{c} {k} {n}")),
        (key(), key(), side(), 1..4)
            .prop_map(|(k, l, s, n)| format!("LMPOP 2 {k} {l} {s} COUNT {n}")),
        (key(), key(), side(), side()).prop_map(|(k, l, s, t)| format!("LMOVE {k} {l} {s} {t}")),
        (key(), key(), side(), side(), 1..4, order())
            .prop_map(|(k, l, s, t, n, o)| format!("LMOVEM {k} {l} {s} {t} COUNT {n} {o}")),
        (key(), number(), value()).prop_map(|(k, n, v)| format!("LREM {k} {n} {v}")),
        (key(), number(), number()).prop_map(|(k, n, m)| format!("LTRIM {k} {n} {m}")),
        (key(), number(), value()).prop_map(|(k, n, v)| format!("LSET {k} {n} {v}")),
        (key(), value(), value()).prop_map(|(k, v, w)| format!("LINSERT {k} AFTER {v} {w}")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn who_is_told_the_same_has_the_same(program in prop::collection::vec((request(), 0..6i64), 1..60)) {
        replay(program, |_| ()).map_err(TestCaseError::fail)?;
    }
}

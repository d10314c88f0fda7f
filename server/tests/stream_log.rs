//! What the log and replicas are told of the commands on streams: what came of them, and that a second server that is told
//! the same ends up with the same streams and groups.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod harness;

use harness::{replay, tells};
use proptest::prelude::*;

#[test]
fn the_log_is_told_what_came_of_it() {
    let cases: &[(&str, &[&str])] = &[
        ("XADD s * a 1", &["XADD s 1700000000000-0 a 1"]),
        ("XADD s MAXLEN 5 1700000000001-* a 2", &["XADD s 1700000000001-0 a 2"]),
        (
            "XADD s MINID 1700000000001 1700000000002 a 3",
            &["XADD s KEEPREF MAXLEN = 2 1700000000002-0 a 3"],
        ),
        ("XTRIM s MAXLEN ~ 1 LIMIT 5", &[]),
        ("XTRIM s MAXLEN ~ 0", &["XTRIM s KEEPREF MAXLEN = 0"]),
        ("XADD s 1700000000003-1 a 4", &["XADD s 1700000000003-1 a 4"]),
        ("XGROUP CREATE s g 0", &["XGROUP CREATE s g 0"]),
        (
            "XREADGROUP GROUP g c STREAMS s >",
            &[
                "XGROUP CREATECONSUMER s g c",
                "XCLAIM s g c 0 1700000000003-1 TIME 1700000000000 RETRYCOUNT 1 FORCE JUSTID LASTID 1700000000003-1",
                "XGROUP SETID s g 1700000000003-1 ENTRIESREAD 4",
            ],
        ),
        ("XREADGROUP GROUP g c STREAMS s >", &[]),
        (
            "XREADGROUP GROUP g c STREAMS s 0",
            &[
                "XCLAIM s g c 0 1700000000003-1 TIME 1700000000000 RETRYCOUNT 2 FORCE JUSTID LASTID 1700000000003-1",
            ],
        ),
        ("XDEL s 1700000000003-1", &["XDEL s 1700000000003-1"]),
        ("XAUTOCLAIM s g c 0 0", &["XACK s g 1700000000003-1"]),
        ("XACK s g 5-5", &[]),
        (
            "XADD t IDMP p m * a 1",
            &["XADD t 1700000000000-0 a 1", "XIDMPRECORD t p m 1700000000000-0"],
        ),
        ("XADD t IDMP p m * a 1", &[]),
    ];
    tells(cases);
}

fn request() -> impl Strategy<Value = String> {
    let key = || prop::sample::select(vec!["s", "t"]);
    let group = || prop::sample::select(vec!["g", "h"]);
    let who = || prop::sample::select(vec!["c", "d"]);
    let id = || (0..12u8, 0..2u8).prop_map(|(ms, seq)| format!("{ms}-{seq}"));
    let trim = || {
        prop::sample::select(vec![
            "",
            "",
            "",
            "MAXLEN 3",
            "MAXLEN ~ 2",
            "MINID 5",
            "ACKED MAXLEN 2",
            "DELREF MAXLEN ~ 1",
        ])
    };
    let new_id = || prop::sample::select(vec!["*", "IDMP p 1 *", "IDMP p 2 *", "IDMPAUTO q *"]);
    let claim = || prop::sample::select(vec!["", "FORCE", "JUSTID", "RETRYCOUNT 5", "LASTID 7-0"]);
    let refs = || prop::sample::select(vec!["KEEPREF", "DELREF", "ACKED"]);
    let mode = || prop::sample::select(vec!["SILENT", "FAIL", "FATAL"]);
    let entries = prop_oneof![
        4 => (key(), trim(), id()).prop_map(|(k, t, i)| format!("XADD {k} {t} {i} a {i}")),
        2 => (key(), trim(), new_id()).prop_map(|(k, t, i)| format!("XADD {k} {t} {i} a 1")),
        1 => (key(), id()).prop_map(|(k, i)| format!("XDEL {k} {i}")),
        1 => (key(), refs(), id()).prop_map(|(k, r, i)| format!("XDELEX {k} {r} IDS 1 {i}")),
        1 => (key(), group(), refs(), id())
            .prop_map(|(k, g, r, i)| format!("XACKDEL {k} {g} {r} IDS 1 {i}")),
        1 => (key(), id()).prop_map(|(k, i)| format!("XSETID {k} {i}")),
    ];
    let reads = prop_oneof![
        4 => (key(), group(), who(), 0..3u8)
            .prop_map(|(k, g, c, n)| format!("XREADGROUP GROUP {g} {c} COUNT {n} STREAMS {k} >")),
        1 => (key(), group(), who())
            .prop_map(|(k, g, c)| format!("XREADGROUP GROUP {g} {c} NOACK STREAMS {k} >")),
        1 => (key(), group(), who())
            .prop_map(|(k, g, c)| format!("XREADGROUP GROUP {g} {c} CLAIM 2 STREAMS {k} >")),
        1 => (key(), group(), who(), id())
            .prop_map(|(k, g, c, i)| format!("XREADGROUP GROUP {g} {c} STREAMS {k} {i}")),
    ];
    let groups = prop_oneof![
        2 => (key(), group()).prop_map(|(k, g)| format!("XGROUP CREATE {k} {g} 0 MKSTREAM")),
        1 => (key(), group(), id()).prop_map(|(k, g, i)| format!("XGROUP SETID {k} {g} {i}")),
        1 => (key(), group(), who())
            .prop_map(|(k, g, c)| format!("XGROUP DELCONSUMER {k} {g} {c}")),
        1 => (key(), group(), who(), id(), claim())
            .prop_map(|(k, g, c, i, o)| format!("XCLAIM {k} {g} {c} 0 {i} {o}")),
        1 => (key(), group(), who(), id())
            .prop_map(|(k, g, c, i)| format!("XAUTOCLAIM {k} {g} {c} 1 {i} COUNT 2")),
        1 => (key(), group(), mode(), id())
            .prop_map(|(k, g, m, i)| format!("XNACK {k} {g} {m} IDS 1 {i} FORCE")),
        1 => (key(), group(), id()).prop_map(|(k, g, i)| format!("XACK {k} {g} {i}")),
    ];
    prop_oneof![entries, reads, groups]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn who_is_told_the_same_has_the_same(program in prop::collection::vec((request(), 0..6i64), 1..60)) {
        replay(program, |_| ()).map_err(TestCaseError::fail)?;
    }
}

//! Hashes whose fields have times: what the log is told, what goes by itself, and that each database knows which keys have
//! such fields.

mod harness;

use harness::{START_MS, Server, replay, route, tells};
use lodestore_server::engine::port::{Inbound, Loss};
use lodestore_server::value::ValueRef;
use proptest::prelude::*;

#[test]
fn the_log_is_told_moments_and_only_what_took_effect() {
    let cases: &[(&str, &[&str])] = &[
        ("HSET h a 1 b 2 c 3", &["HSET h a 1 b 2 c 3"]),
        ("HSETNX h a 5", &[]),
        ("HSETNX h d 4", &["HSETNX h d 4"]),
        ("HDEL h d x", &["HDEL h d x"]),
        ("HDEL h d x", &[]),
        ("HINCRBY h a 1", &["HINCRBY h a 1"]),
        ("HINCRBY h a x", &[]),
        ("HINCRBYFLOAT h a 0.5", &["HSET h a 2.5"]),
        ("HEXPIRE h 10 FIELDS 2 a x", &["HPEXPIREAT h 1700000010000 FIELDS 1 a"]),
        ("HEXPIRE h 10 NX FIELDS 2 a b", &["HPEXPIREAT h 1700000010000 FIELDS 1 b"]),
        ("HEXPIRE h 10 NX FIELDS 2 a b", &[]),
        ("HINCRBYFLOAT h a 0.5", &["HSETEX h KEEPTTL FIELDS 1 a 3"]),
        ("HPERSIST h FIELDS 2 a c", &["HPERSIST h FIELDS 2 a c"]),
        ("HPERSIST h FIELDS 2 a c", &[]),
        ("HGETEX h FIELDS 1 a", &[]),
        ("HGETEX h PX 5 FIELDS 2 a x", &["HPEXPIREAT h 1700000000005 FIELDS 1 a"]),
        ("HGETEX h PERSIST FIELDS 2 a c", &["HPERSIST h FIELDS 1 a"]),
        ("HGETEX h PERSIST FIELDS 2 a c", &[]),
        ("HGETEX h EXAT 1 FIELDS 2 a x", &["HDEL h a"]),
        ("HGETDEL h FIELDS 2 a b", &["HDEL h b"]),
        ("HGETDEL h FIELDS 2 a b", &[]),
        ("HSETEX h FNX FIELDS 1 c 1", &[]),
        ("HSETEX h FXX FIELDS 1 c 1", &["HSETEX h FXX FIELDS 1 c 1"]),
        ("HSETEX h EX 1 FNX FIELDS 1 a 1", &["HSETEX h PXAT 1700000001000 FIELDS 1 a 1"]),
        ("HSETEX h PXAT 1 FIELDS 2 a 1 x 1", &["HDEL h a x"]),
        ("HPEXPIRE h 0 FIELDS 2 c x", &["HDEL h c"]),
        ("EXISTS h", &[]),
    ];
    tells(cases);
}

#[test]
fn the_log_is_told_whole_hashes_of_what_was_prepared() {
    let replaced: &[&str] = &["MULTI", "DEL h", "HSET h a 3 b 4", "EXEC"];
    let cases: &[(&str, &[&str])] = &[
        ("HIMPORT PREPARE u a b", &[]),
        ("HIMPORT SET h u 1 2", &["HSET h a 1 b 2"]),
        ("PEXPIRE h 50", &["PEXPIREAT h 1700000000050"]),
        ("HPEXPIRE h 20 FIELDS 1 a", &["HPEXPIREAT h 1700000000020 FIELDS 1 a"]),
        ("HIMPORT SET h u 3 4", replaced),
        ("HIMPORT SET h u 3", &[]),
        ("HIMPORT SET h v 3 4", &[]),
        ("SET s x", &["SET s x"]),
        ("HIMPORT SET s u 3 4", &[]),
        ("MULTI", &[]),
        ("HIMPORT PREPARE v c", &[]),
        ("HIMPORT SET h v 5", &[]),
        ("HIMPORT SET i v 6", &[]),
        ("EXEC", &["MULTI", "DEL h", "HSET h c 5", "HSET i c 6", "EXEC"]),
        ("HIMPORT DISCARD v", &[]),
        ("HIMPORT DISCARDALL", &[]),
    ];
    tells(cases);
}

#[test]
fn who_is_told_of_what_was_prepared_has_the_same() {
    let (mut first, mut second) = (Server::new(1), Server::new(2));
    let program = "HIMPORT PREPARE u a b;HIMPORT SET h u 1 2;HPEXPIRE h 20 FIELDS 1 a;PEXPIRE h 50;\
                   HIMPORT SET h u 3 4;HSET i x 1;PEXPIRE i 5;HIMPORT SET j u 5 6;SELECT 1;\
                   HIMPORT SET h u 7 8;SELECT 0;HIMPORT PREPARE u z;HIMPORT SET i u 9";
    for line in program.split(';') {
        first.now_ms += 3;
        second.now_ms += 3;
        first.call(line);
        let feed = first.engine.take_feed();
        second.send(&feed);
        assert_eq!(first.data(), second.data(), "after {line}");
    }
    assert_eq!(first.data().len(), 3);
    assert_eq!(second.engine.parts().keyspace.db(1).len(), 1);
}

#[test]
fn many_prepared_fields_are_freed_elsewhere_and_counted_to_their_client() {
    let mut server = Server::new(1);
    let held = |server: &mut Server| server.engine.parts().sessions.ledger().total();
    let before = held(&mut server);
    let prepare = |server: &mut Server| {
        for name in 0..100 {
            server.call(&format!("HIMPORT PREPARE u{name} {} b", "a".repeat(1_000)));
        }
    };
    for end in ["HIMPORT DISCARDALL", "RESET"] {
        prepare(&mut server);
        assert!(held(&mut server) > before + 100_000);
        let discarded = server.host.discarded;
        server.call(end);
        assert_eq!(server.host.discarded, discarded + 1, "{end}");
        assert!(held(&mut server) < before + 10_000, "{end}");
    }
    prepare(&mut server);
    let discarded = server.host.discarded;
    server.turn(vec![Inbound::Gone(route(1), Loss::Peer)]);
    assert_eq!(server.host.discarded, discarded + 1, "gone");
}

#[test]
fn a_field_past_its_time_is_removed_before_what_takes_its_place() {
    let mut server = Server::new(1);
    server.engine.parts().switches.lazy_expire_only = true;
    server.call("HSET h a 5 b 5 c 5");
    server.call("HPEXPIRE h 10 FIELDS 3 a b c");
    server.told();
    server.now_ms += 11;
    server.call("HINCRBY h a 1");
    assert_eq!(server.told(), ["HDEL h a", "HINCRBY h a 1"]);
    server.call("HGET h b");
    assert!(server.told().is_empty(), "a read leaves it to others");
    server.call("HGETDEL h FIELDS 2 b x");
    assert_eq!(server.told(), ["HDEL h b"]);
    server.call("HSETNX h c 1");
    assert_eq!(server.told(), ["HDEL h c", "HSETNX h c 1"]);
    assert_eq!(server.engine.parts().stats.expired_fields, 3);
}

/// So many keys of a database, with two fields each that are due 10 ms after the beginning, and one that stays in every
/// second.
fn expiring(server: &mut Server, db: usize, keys: usize) {
    server.call(&format!("SELECT {db}"));
    for key in 0..keys {
        server.call(&format!("HSETEX h{key} PXAT {} FIELDS 2 a 1 b 2", START_MS + 10));
        if key % 2 == 0 {
            server.call(&format!("HSET h{key} c 3"));
        }
    }
}

#[test]
fn due_fields_go_and_take_empty_hashes_along() {
    let mut server = Server::new(1);
    expiring(&mut server, 0, 10);
    expiring(&mut server, 2, 300);
    server.told();
    let dirty = server.engine.parts().persist.dirty;
    server.now_ms += 1_000;
    server.turn(Vec::new());
    let parts = server.engine.parts();
    assert_eq!((parts.keyspace.db(0).len(), parts.keyspace.db(2).len()), (5, 150));
    assert_eq!((parts.keyspace.db(0).timed_len(), parts.keyspace.db(2).timed_len()), (0, 0));
    assert_eq!((parts.stats.expired_fields, parts.stats.expired), (620, 0));
    assert_eq!(parts.persist.dirty, dirty, "that a field expires is no change");
    let told = server.told();
    assert_eq!((told.len(), told[0].as_str()), (310, "HDEL h0 a b"));
}

#[test]
fn many_due_fields_of_one_hash_go_in_slices() {
    let mut server = Server::new(1);
    for field in 0..5_000 {
        server.call(&format!("HSETEX h PXAT {} FIELDS 1 f{field} v", START_MS + 60_000));
    }
    server.told();
    server.now_ms += 100_000;
    server.turn(Vec::new());
    let told = server.told();
    assert!(told.iter().all(|line| line.split(' ').count() <= 66), "no more than a batch at once");
    for _ in 0..1_000 {
        server.now_ms += 10;
        server.turn(Vec::new());
    }
    assert_eq!(server.engine.parts().stats.expired_fields, 5_000);
    assert_eq!(server.engine.parts().keyspace.db(0).len(), 0);
}

/// Keys of a database that have fields with times, and the first of these, by going through all.
fn walked(server: &mut Server, db: usize) -> Vec<i64> {
    let entries = server.engine.parts().keyspace.db(db).entries();
    let mut soonest: Vec<i64> =
        entries.filter_map(|entry| entry.value().soonest_deadline()).collect();
    soonest.sort_unstable();
    soonest
}

/// Whether each database knows which of its keys have fields with times.
fn knows(server: &mut Server) {
    for db in 0..2 {
        let walked = walked(server, db);
        let known = server.engine.parts().keyspace.db(db);
        assert_eq!(known.timed_len(), walked.len());
        assert_eq!(known.first_timed(i64::MAX).is_some(), !walked.is_empty());
        if let Some(&soonest) = walked.first() {
            assert!(known.first_timed(soonest).is_none(), "none is due before the first");
            let first = known.first_timed(soonest + 1).expect("the first is due then").to_vec();
            let key = server.engine.parts().keyspace.key(&first);
            let entry = server.engine.parts().keyspace.db(db).find(key).expect("it is there");
            let ValueRef::Hash(hash) = entry.value() else { panic!("only hashes have fields") };
            assert_eq!(hash.soonest_deadline(), Some(soonest));
        }
    }
}

fn request() -> impl Strategy<Value = String> {
    let key = || prop::sample::select(vec!["h", "i", "j"]);
    let field = || prop::sample::select(vec!["a", "b", "c", "d"]);
    let value = || prop::sample::select(vec!["1", "-7", "text", "2.5"]);
    let condition = || prop::sample::select(vec!["", "NX", "XX", "GT", "LT"]);
    let exists = || prop::sample::select(vec!["", "FNX", "FXX"]);
    let time =
        || prop::sample::select(vec!["", "PX 20", "PX 5", "EX 1", "PXAT 1700000000030", "EXAT 1"]);
    let whole = prop::sample::select(vec!["DEL", "EXISTS", "HLEN", "HGETALL", "PERSIST"]);
    let two = prop::sample::select(vec!["RENAME", "RENAMENX", "COPY"]);
    let all =
        prop::sample::select(vec!["SWAPDB 0 1", "FLUSHDB", "SELECT 1", "SELECT 0", "SELECT 0"]);
    let millis = || -5..40i64;
    prop_oneof![
        4 => (key(), field(), value(), field())
            .prop_map(|(k, f, v, g)| format!("HSET {k} {f} {v} {g} {v}")),
        1 => (key(), field(), value()).prop_map(|(k, f, v)| format!("HSETNX {k} {f} {v}")),
        1 => (field(), field()).prop_map(|(f, g)| format!("HIMPORT PREPARE u {f} {g}")),
        2 => (key(), value(), value()).prop_map(|(k, v, w)| format!("HIMPORT SET {k} u {v} {w}")),
        2 => (key(), field(), field()).prop_map(|(k, f, g)| format!("HDEL {k} {f} {g}")),
        1 => (key(), field(), millis()).prop_map(|(k, f, n)| format!("HINCRBY {k} {f} {n}")),
        1 => (key(), field(), millis()).prop_map(|(k, f, n)| format!("HINCRBYFLOAT {k} {f} {n}.5")),
        4 => (key(), millis(), condition(), field(), field())
            .prop_map(|(k, n, c, f, g)| format!("HPEXPIRE {k} {n} {c} FIELDS 2 {f} {g}")),
        2 => (key(), field()).prop_map(|(k, f)| format!("HPERSIST {k} FIELDS 1 {f}")),
        1 => (key(), field(), field()).prop_map(|(k, f, g)| format!("HGETDEL {k} FIELDS 2 {f} {g}")),
        2 => (key(), time(), field()).prop_map(|(k, t, f)| format!("HGETEX {k} {t} FIELDS 1 {f}")),
        1 => (key(), field()).prop_map(|(k, f)| format!("HGETEX {k} PERSIST FIELDS 1 {f}")),
        3 => (key(), exists(), time(), field(), value())
            .prop_map(|(k, e, t, f, v)| format!("HSETEX {k} {e} {t} FIELDS 1 {f} {v}")),
        1 => (key(), field(), value())
            .prop_map(|(k, f, v)| format!("HSETEX {k} KEEPTTL FIELDS 1 {f} {v}")),
        1 => (whole, key()).prop_map(|(c, k)| format!("{c} {k}")),
        1 => (two, key(), key()).prop_map(|(c, k, l)| format!("{c} {k} {l}")),
        1 => key().prop_map(|k| format!("MOVE {k} 1")),
        1 => (key(), millis()).prop_map(|(k, n)| format!("PEXPIRE {k} {n}")),
        1 => (key(), value()).prop_map(|(k, v)| format!("SET {k} {v}")),
        1 => all.prop_map(str::to_owned),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn who_is_told_the_same_has_the_same(program in prop::collection::vec((request(), 0..6i64), 1..60)) {
        replay(program, knows).map_err(TestCaseError::fail)?;
    }
}

//! What the core does by itself: that it is done, in slices, and that an idle server rests.

mod harness;

use harness::{START_MS, Server, request, route};
use lodestore_server::engine::port::{Inbound, Loss, Outbound};

/// A server in whose databases so many keys expire 10 ms after the beginning.
fn expiring(databases: &[(usize, usize)]) -> Server {
    let mut server = Server::new(1);
    for &(db, keys) in databases {
        server.call(&format!("SELECT {db}"));
        let keys: Vec<usize> = (0..keys).collect();
        for keys in keys.chunks(200) {
            let set = |key| request(&format!("SET key:{key} x PXAT {}", START_MS + 10));
            let wire: Vec<u8> = keys.iter().flat_map(set).collect();
            server.send(&wire);
        }
    }
    server.told();
    server
}

fn keys(server: &mut Server, db: usize) -> usize {
    server.engine.parts().keyspace.db(db).len()
}

/// Microseconds from now until the engine wants its next turn.
fn pause(server: &Server) -> u64 {
    server.engine.next_deadline().saturating_sub(server.now().mono_us)
}

#[test]
fn an_idle_server_rests() {
    let mut server = expiring(&[(0, 5_000)]);
    server.turn(Vec::new());
    assert!(pause(&server) > 50_000, "nothing is due");
    server.now_ms += 1_000;
    server.turn(Vec::new());
    assert_eq!(keys(&mut server, 0), 0);
    assert!(pause(&server) > 50_000, "nothing is due any more");
}

#[test]
fn expired_keys_are_told_and_counted() {
    let mut server = expiring(&[(2, 300)]);
    server.now_ms += 100;
    server.turn(Vec::new());
    let mut told = server.told();
    told.sort();
    told.dedup();
    assert_eq!((told.len(), told[0].as_str()), (300, "DEL key:0"));
    let stats = &server.engine.parts().stats;
    assert_eq!((stats.expired, stats.expire_time_cap), (300, 0));
    assert_eq!(
        server.engine.parts().persist.dirty,
        300,
        "the SETs; that a key expires is no change"
    );
}

#[test]
fn watchers_hear_that_a_key_expired() {
    let mut server = expiring(&[(0, 10)]);
    server.call("WATCH key:7");
    server.now_ms += 100;
    server.turn(Vec::new());
    server.call("MULTI");
    server.call("SET done 1");
    server.call("EXEC");
    assert_eq!(keys(&mut server, 0), 0, "the transaction was refused");
}

#[test]
fn large_values_that_expire_are_freed_elsewhere() {
    let mut server = Server::new(1);
    server.call(&format!("SET k {} PX 10", "x".repeat(70_000)));
    server.now_ms += 200;
    server.turn(Vec::new());
    assert_eq!((keys(&mut server, 0), server.host.discarded), (0, 1));
}

#[test]
fn a_slice_ends_in_time_and_all_databases_get_their_share() {
    let mut server = expiring(&[(0, 40_000), (3, 2_000), (9, 2_000)]);
    // A batch of about 100 keys takes as long as one look at the clock.
    server.host.look_ns = 25_000;
    server.now_ms += 1_000;
    server.one_turn(Vec::new());
    let first = keys(&mut server, 0);
    assert!((38_000..40_000).contains(&first), "{first} keys are left after one slice");
    assert!(keys(&mut server, 3) < 2_000 && keys(&mut server, 9) < 2_000, "each has its turn");
    let begun = server.now_ms;
    while keys(&mut server, 0) > 0 {
        server.now_ms += 1;
        server.one_turn(Vec::new());
        assert!(server.now_ms < begun + 1_000);
    }
    // 400 batches of 25 us are 10 ms of work, which is to be a quarter of the time.
    let took = server.now_ms - begun;
    assert!((30..70).contains(&took), "{took} ms");
    assert_eq!((keys(&mut server, 3), keys(&mut server, 9)), (0, 0));
    let parts = server.engine.parts();
    assert_eq!(parts.stats.expired, 44_000);
    assert!(parts.stats.expire_time_cap > 20);
    let longest = parts.stats.longest_slices.iter().find(|(name, _)| *name == "expire");
    assert!(longest.is_some_and(|&(_, nanos)| nanos <= 350_000), "{longest:?}");
}

#[test]
fn more_effort_takes_more_of_the_time() {
    let rest = |effort: u16| {
        let mut server = expiring(&[(0, 40_000)]);
        server.call(&format!("CONFIG SET active-expire-effort {effort}"));
        server.host.look_ns = 25_000;
        server.now_ms += 1_000;
        // Behind the time that may be made up for.
        for _ in 0..3 {
            server.one_turn(Vec::new());
        }
        pause(&server)
    };
    let (least, most) = (rest(1), rest(10));
    assert!(most < least, "effort 10 rests {most} us, effort 1 {least} us");
}

#[test]
fn clients_closed_by_the_thousand_go_in_slices_and_do_nothing_more() {
    let mut server = Server::new(1);
    (2..=1_001).for_each(|client| server.connect(client));
    let kill = server.batch(1, &request("CLIENT KILL TYPE normal SKIPME yes"));
    let last = server.batch(1_001, &request("SET k v"));
    let mut sent = server.one_turn(vec![kill, last]);
    let closed = |sent: &[Outbound]| {
        let closes = |out: &&Outbound| match out {
            Outbound::Close(_) | Outbound::Cut(_) => true,
            Outbound::Answer(batch) => batch.close,
            Outbound::Push(..) => false,
        };
        sent.iter().filter(closes).count()
    };
    assert!((1..=300).contains(&closed(&sent)), "{} closed at once", closed(&sent));
    assert_eq!(keys(&mut server, 0), 0, "who is killed runs nothing more");
    assert_eq!(server.engine.parts().sessions.iter().count(), 1, "and is listed no more");
    let mut turns = 1;
    while server.engine.busy() {
        sent.extend(server.one_turn(Vec::new()));
        turns += 1;
    }
    assert_eq!((closed(&sent), server.engine.parts().sessions.len()), (1_000, 1));
    assert!((5..30).contains(&turns), "{turns} turns");
}

#[test]
fn what_a_client_leaves_behind_is_forgotten_in_slices() {
    let mut server = Server::new(1);
    server.connect(2);
    let channels: Vec<String> = (0..5_000).map(|channel| format!("c{channel}")).collect();
    let subscribe = server.batch(2, &request(&format!("SUBSCRIBE {}", channels.join(" "))));
    server.turn(vec![subscribe]);
    assert_eq!(server.engine.parts().pubsub.channel_count(), 5_000);
    server.one_turn(vec![Inbound::Gone(route(2), Loss::Peer)]);
    let left = server.engine.parts().pubsub.channel_count();
    assert!((4_000..5_000).contains(&left) && server.engine.busy(), "{left} are left");
    server.turn(Vec::new());
    assert!(server.engine.parts().pubsub.is_empty());
}

#[test]
fn randomkey_gives_up_where_nearly_all_keys_are_past_their_time() {
    let mut server = expiring(&[(0, 20_000)]);
    server.engine.parts().switches.lazy_expire_only = true;
    server.now_ms += 1_000;
    server.call("RANDOMKEY");
    let left = keys(&mut server, 0);
    assert!((17_000..20_000).contains(&left), "it removes what it meets, and meets few: {left}");
    // A small database is seen whole.
    let mut server = expiring(&[(0, 500)]);
    server.engine.parts().switches.lazy_expire_only = true;
    server.call("SET alive x");
    server.now_ms += 1_000;
    let random = server.batch(1, &request("RANDOMKEY"));
    let sent = server.one_turn(vec![random]);
    let Some(Outbound::Answer(batch)) = sent.first() else { panic!("no answer: {sent:?}") };
    assert_eq!(batch.reply.one_piece(), Some(b"$5\r\nalive\r\n".as_slice()));
}

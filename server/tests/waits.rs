//! Clients that wait for keys, where time and turns are in the test's hand: what the log is told, when a wait ends, and
//! that no command comes between a key and those who wait for it.

mod harness;

use harness::{START_MS, Server, request};
use lodestore_server::engine::port::{Inbound, Outbound};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// A server and what each client has heard.
struct Room {
    server: Server,
    heard: BTreeMap<u64, String>,
}

impl Room {
    fn new(clients: u64) -> Room {
        let mut server = Server::new(1);
        // Time will pass, and there is no disk.
        server.engine.parts().config.save.0.clear();
        (2..=clients).for_each(|client| server.connect(client));
        Room { server, heard: BTreeMap::new() }
    }

    fn one_turn(&mut self, inbox: Vec<Inbound>) {
        for outbound in self.server.one_turn(inbox) {
            let (id, reply) = match &outbound {
                Outbound::Answer(batch) => (batch.route.id, &batch.reply),
                Outbound::Push(route, reply, _) => (route.id, &**reply),
                Outbound::Close(_) | Outbound::Cut(_) => continue,
            };
            let heard = self.heard.entry(id.0).or_default();
            reply.pieces().for_each(|piece| heard.push_str(&String::from_utf8_lossy(piece)));
        }
    }

    fn batch(&mut self, client: u64, lines: &[&str]) -> Inbound {
        let wire: Vec<u8> = lines.iter().flat_map(|line| request(line)).collect();
        self.server.batch(client, &wire)
    }

    /// A client sends lines, and the server does all there is to do.
    fn say(&mut self, client: u64, lines: &[&str]) {
        let batch = self.batch(client, lines);
        self.one_turn(vec![batch]);
        self.settle();
    }

    fn settle(&mut self) {
        while self.server.engine.busy() {
            self.one_turn(Vec::new());
        }
    }

    /// What a client has heard since the last time, its lines parted by spaces.
    fn heard(&mut self, client: u64) -> String {
        let text = self.heard.remove(&client).unwrap_or_default();
        text.split("\r\n")
            .filter(|line| !line.starts_with('$') || *line == "$-1")
            .collect::<Vec<_>>()
            .join(" ")
            .trim()
            .into()
    }
}

#[test]
fn the_log_is_told_what_a_wait_led_to() {
    let cases: &[(&str, &[&str], &[&str])] = &[
        ("BLPOP k l 0", &["RPUSH l 1"], &["RPUSH l 1", "LPOP l"]),
        ("BRPOP l 0", &["RPUSH l 1 2"], &["RPUSH l 1 2", "RPOP l"]),
        ("BLMOVE l m LEFT RIGHT 0", &["RPUSH l 1"], &["RPUSH l 1", "LMOVE l m LEFT RIGHT"]),
        ("BRPOPLPUSH l m 0", &["RPUSH l 1"], &["RPUSH l 1", "RPOPLPUSH l m"]),
        ("BLMPOP 0 2 k l RIGHT COUNT 5", &["RPUSH l 1 2"], &["RPUSH l 1 2", "RPOP l 2"]),
        (
            "BLMOVEM l m LEFT RIGHT 0 COUNT 5 BULK",
            &["RPUSH l 1 2"],
            &["RPUSH l 1 2", "LMOVEM l m LEFT RIGHT EXACTLY 2 BULK"],
        ),
        ("BZPOPMIN z 0", &["ZADD z 1 a 2 b"], &["ZADD z 1 a 2 b", "ZPOPMIN z 1"]),
        ("BZPOPMAX y z 0", &["ZADD z 1 a 2 b"], &["ZADD z 1 a 2 b", "ZPOPMAX z 1"]),
        ("BZMPOP 0 1 z MIN COUNT 9", &["ZADD z 1 a 2 b"], &["ZADD z 1 a 2 b", "ZPOPMIN z 2"]),
        (
            "BLPOP l 0",
            &["MULTI", "RPUSH l 1", "RPUSH m 2", "EXEC"],
            &["MULTI", "RPUSH l 1", "RPUSH m 2", "EXEC", "LPOP l"],
        ),
    ];
    for (wait, pushes, told) in cases {
        let mut room = Room::new(2);
        room.say(2, &[wait]);
        assert!(room.server.told().is_empty(), "{wait}");
        room.say(1, pushes);
        assert_eq!(room.server.told(), *told, "{wait}");
    }
}

#[test]
fn the_log_is_told_the_same_where_nothing_waits() {
    for (line, told) in [
        ("BLPOP k l 0", "LPOP l"),
        ("BRPOP l 0", "RPOP l"),
        ("BLMOVE l m LEFT RIGHT 0", "LMOVE l m LEFT RIGHT"),
        ("BRPOPLPUSH l m 0", "RPOPLPUSH l m"),
        ("BLMPOP 0 1 l LEFT", "LPOP l 1"),
        ("BLMOVEM l m LEFT RIGHT 0", "LMOVEM l m LEFT RIGHT EXACTLY 1 OBO"),
    ] {
        let mut room = Room::new(1);
        room.say(1, &["RPUSH l 1 2 3", line]);
        assert_eq!(room.server.told(), ["RPUSH l 1 2 3", told]);
    }
}

#[test]
fn a_wait_ends_at_its_millisecond() {
    let mut room = Room::new(2);
    room.say(2, &["BLPOP l 0.0105", "PING"]);
    let begun = room.server.now().mono_us;
    assert_eq!(room.server.engine.next_deadline(), begun + 11_000);
    room.server.now_ms += 10;
    room.one_turn(Vec::new());
    room.settle();
    assert_eq!(room.heard(2), "");
    room.server.now_ms += 1;
    room.one_turn(Vec::new());
    room.settle();
    assert_eq!(room.heard(2), "*-1 +PONG");
    room.say(1, &["RPUSH l 1"]);
    assert_eq!(room.heard(1), ":1");
    assert_eq!(room.server.engine.parts().wanted.keys(), 0);
}

#[test]
fn a_turn_that_is_spent_goes_on_with_those_who_wait() {
    const WAITERS: u64 = 40;
    let mut room = Room::new(WAITERS + 2);
    for client in 2..WAITERS + 2 {
        room.say(client, &["BLPOP l 0"]);
    }
    // Each look at the clock takes half a millisecond: a few clients a turn.
    room.server.host.look_ns = 500_000;
    let elements: Vec<String> = (2..WAITERS + 2).map(|n| n.to_string()).collect();
    let push = format!("RPUSH l {}", elements.join(" "));
    let batch = room.batch(1, &[&push, "LPOP l"]);
    let other = room.batch(WAITERS + 2, &["LPOP l", "LLEN l"]);
    room.one_turn(vec![batch, other]);
    let served = (2..WAITERS + 2).filter(|client| room.heard.contains_key(client)).count();
    assert!(served > 0 && served < 20, "{served} in the first turn");
    let mut turns = 1;
    while room.server.engine.busy() {
        room.one_turn(Vec::new());
        turns += 1;
    }
    assert!(turns > 5 && turns < 60, "{turns} turns");
    assert_eq!(room.heard(1), format!(":{WAITERS} $-1"));
    assert_eq!(room.heard(WAITERS + 2), "$-1 :0");
    for client in 2..WAITERS + 2 {
        assert_eq!(room.heard(client), format!("*2 l {client}"));
    }
}

#[test]
fn who_is_told_to_go_on_takes_nothing_that_came_after() {
    let mut room = Room::new(2);
    room.say(2, &["BLPOP l 0"]);
    room.say(1, &["CLIENT UNBLOCK 2", "RPUSH l 1", "LLEN l"]);
    assert_eq!((room.heard(2), room.heard(1)), ("*-1".into(), ":1 :1 :1".into()));
}

#[test]
fn a_pause_for_writes_comes_before_whoever_waits() {
    let mut room = Room::new(3);
    room.say(2, &["BLPOP l 0"]);
    room.say(3, &["BLPOP m 0.05"]);
    room.say(1, &["MULTI", "CLIENT PAUSE 1000 WRITE", "RPUSH l 1", "RPUSH m 1", "EXEC", "LLEN l"]);
    assert_eq!(room.heard(2), "");
    assert!(room.heard(1).ends_with(":1"));
    room.server.now_ms += 100;
    room.say(1, &["CLIENT UNPAUSE"]);
    assert_eq!(room.heard(2), "*2 l 1");
    // Its time was over when it could run again.
    assert_eq!(room.heard(3), "*2 m 1");
}

#[test]
fn a_reader_of_a_group_hears_that_the_stream_is_gone() {
    for loss in ["DEL s", "SET s x", "FLUSHALL", "XGROUP DESTROY s g", "PEXPIRE s 5", "RENAME s t"]
    {
        let mut room = Room::new(3);
        room.say(1, &["XGROUP CREATE s g $ MKSTREAM"]);
        room.say(2, &["XREADGROUP GROUP g c BLOCK 0 STREAMS s >"]);
        room.say(3, &["XREAD BLOCK 0 STREAMS s 0"]);
        assert_eq!(room.server.engine.parts().wanted.keys_that_may_go(), 1);
        room.say(1, &[loss]);
        room.server.now_ms += 1_000;
        room.one_turn(Vec::new());
        room.settle();
        let heard = room.heard(2);
        assert!(
            heard.starts_with("-NOGROUP") || heard.starts_with("-WRONGTYPE"),
            "{loss}: {heard}"
        );
        assert_eq!(room.heard(3), "", "{loss}: who reads without a group waits on");
    }
}

/// What clients say in random programs. No groups: when a consumer was last seen is told to nobody.
const LINES: &[&str] = &[
    "BLPOP a b 0",
    "BRPOP b 0",
    "BLMOVE a b LEFT RIGHT 0",
    "BLMOVE b a RIGHT LEFT 0",
    "BLMOVE c c LEFT RIGHT 0.005",
    "BLMPOP 0 2 a c LEFT COUNT 2",
    "BLMOVEM a c LEFT LEFT 0 EXACTLY 2 BULK",
    "BZPOPMIN z a 0",
    "BZMPOP 0.002 1 z MAX COUNT 2",
    "XREAD BLOCK 0 STREAMS s $",
    "RPUSH a 1 2",
    "LPUSH b x",
    "RPUSH c y z",
    "LPOP a",
    "DEL a z",
    "RENAME b a",
    "COPY a c REPLACE",
    "ZADD z 1 m 2 n",
    "SET a text",
    "XGROUP CREATE s g $ MKSTREAM",
    "XADD s 1-* f v",
    "XGROUP DESTROY s g",
    "MULTI",
    "EXEC",
    "FLUSHALL",
    "PEXPIRE a 3",
    "CLIENT UNBLOCK 2",
    "CLIENT UNBLOCK 3 ERROR",
    "CLIENT PAUSE 4 WRITE",
];

proptest! {
    /// Whoever is told the same has the same data; and nobody who could be served is left waiting.
    #[test]
    fn a_second_server_ends_up_with_the_same_data(
        steps in prop::collection::vec((1u64..5, prop::collection::vec(0..LINES.len(), 1..4), 0i64..4), 1..60),
    ) {
        let mut room = Room::new(4);
        let mut second = Server::new(2);
        for (client, lines, pass) in steps {
            let waits = room.server.engine.parts().sessions.get(lodestore_server::session::ClientId(client));
            if waits.is_some_and(|session| !session.parked) {
                let lines: Vec<&str> = lines.iter().map(|&at| LINES[at]).collect();
                room.say(client, &lines);
            }
            // Told at once: a deadline that is told when it is over removes the key.
            second.send(&room.server.engine.take_feed());
            room.server.now_ms += pass;
            second.now_ms = room.server.now_ms;
            room.one_turn(Vec::new());
            room.settle();
            second.send(&room.server.engine.take_feed());
            prop_assert_eq!(second.data(), room.server.data());
            let now = room.server.now();
            let parts = room.server.engine.parts();
            prop_assert!(parts.pause.current(now).is_some() || !parts.wanted.has_ready());
        }
        prop_assert!(room.server.now_ms >= START_MS);
    }
}

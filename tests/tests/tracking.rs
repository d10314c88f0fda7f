//! Client-side caching between connections: who is told of which change, when, and in what form.
//!
//! Every test plays with one thread, with an I/O thread of its own for the sockets, and against a real
//! redis-server where one is installed.

use lodestore_tests::client::{Client, Proto};
use lodestore_tests::reply::Reply;
use lodestore_tests::server::Server;
use std::collections::HashMap;
use std::time::{Duration, Instant};

fn everywhere(settings: &[(&str, &str)], test: impl Fn(&Server)) {
    ours(settings, &test);
    if let Some(peer) = Server::peer(settings) {
        test(&peer);
    }
}

fn ours(settings: &[(&str, &str)], test: impl Fn(&Server)) {
    for threads in ["1", "2"] {
        test(&Server::start(&[&[("io-threads", threads)], settings].concat()));
    }
}

/// A connection of RESP3 whose tracking is on.
fn tracker(server: &Server, options: &str) -> Client {
    let mut client = server.speaking(Proto::Resp3);
    ask(&mut client, &format!("CLIENT TRACKING ON {options}"), "+OK");
    client
}

/// Sends words and checks the reply, as transcripts write it.
fn ask(client: &mut Client, request: &str, expected: &str) {
    let words: Vec<&str> = request.split_whitespace().collect();
    assert_eq!(client.call(&words).to_string(), expected, "{request}");
}

/// Checks that a push comes next.
fn told(client: &mut Client, expected: &str) {
    let push = client.read();
    assert!(matches!(push, Reply::Push(_)), "no push: {push}");
    assert_eq!(push.to_string(), expected);
}

/// Checks that nothing came before the next reply.
fn silent(client: &mut Client) {
    ask(client, "PING", "+PONG");
}

fn figure(client: &mut Client, section: &str, field: &str) -> u64 {
    let text = client.call(&["INFO", section]).text();
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.and_then(|figure| figure.parse().ok()).unwrap_or_else(|| panic!("no {field} in\n{text}"))
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(10), "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_reader_is_told_once_of_each_key() {
    everywhere(&[], |server| {
        let (mut reader, mut writer) = (tracker(server, ""), server.client());
        ask(&mut reader, "MGET a b c", "[(nil), (nil), (nil)]");
        ask(&mut writer, "MSET a 1 c 1 d 1", "+OK");
        told(&mut reader, r#"["invalidate", ["a"]]"#);
        told(&mut reader, r#"["invalidate", ["c"]]"#);
        ask(&mut writer, "MSET a 2 c 2", "+OK");
        silent(&mut reader);
        ask(&mut reader, "STRLEN a", "1");
        ask(&mut writer, "EXPIRE a 100", "1");
        told(&mut reader, r#"["invalidate", ["a"]]"#);
        ask(&mut reader, "TTL a", "100");
        ask(&mut writer, "DEL a nosuch", "1");
        told(&mut reader, r#"["invalidate", ["a"]]"#);
        ask(&mut reader, "EXISTS b", "0");
        ask(&mut reader, "CLIENT TRACKING OFF", "+OK");
        ask(&mut writer, "SET b 1", "+OK");
        silent(&mut reader);
    });
}

#[test]
fn what_is_no_change_is_not_told() {
    everywhere(&[], |server| {
        let (mut reader, mut writer) = (tracker(server, ""), server.client());
        ask(&mut reader, "GET k", "(nil)");
        ask(&mut writer, "DEL k", "0");
        ask(&mut writer, "EXPIRE k 10", "0");
        ask(&mut writer, "GET k", "(nil)");
        ask(&mut writer, "SET k v XX", "(nil)");
        silent(&mut reader);
        ask(&mut writer, "SET k v", "+OK");
        told(&mut reader, r#"["invalidate", ["k"]]"#);
        // A write notes nothing, though it reads.
        ask(&mut reader, "GETDEL k", r#""v""#);
        ask(&mut writer, "SET k v", "+OK");
        silent(&mut reader);
    });
}

#[test]
fn an_own_change_is_told_behind_its_reply() {
    everywhere(&[], |server| {
        let mut client = tracker(server, "");
        ask(&mut client, "MGET a b", "[(nil), (nil)]");
        ask(&mut client, "SET a 1", "+OK");
        told(&mut client, r#"["invalidate", ["a"]]"#);
        ask(&mut client, "GET a", r#""1""#);
        for request in ["SET a 2", "SET b 2", "SET a 3"] {
            if request == "SET a 2" {
                ask(&mut client, "MULTI", "+OK");
            }
            ask(&mut client, request, "+QUEUED");
        }
        ask(&mut client, "EXEC", "[+OK, +OK, +OK]");
        told(&mut client, r#"["invalidate", ["a"]]"#);
        told(&mut client, r#"["invalidate", ["b"]]"#);
        silent(&mut client);
    });
}

#[test]
fn noloop_spares_a_client_its_own_changes() {
    everywhere(&[], |server| {
        let (mut client, mut other) = (tracker(server, "NOLOOP"), server.client());
        ask(&mut client, "GET k", "(nil)");
        ask(&mut client, "SET k 1", "+OK");
        silent(&mut client);
        // The key was noted until then.
        ask(&mut other, "SET k 2", "+OK");
        silent(&mut client);
        ask(&mut client, "GET k", r#""2""#);
        ask(&mut other, "SET k 3", "+OK");
        told(&mut client, r#"["invalidate", ["k"]]"#);
    });
}

#[test]
fn optin_and_optout_choose_single_commands() {
    everywhere(&[], |server| {
        let (mut picks, mut drops) = (tracker(server, "OPTIN"), tracker(server, "OPTOUT"));
        let mut writer = server.client();
        for (client, word) in [(&mut picks, "YES"), (&mut drops, "NO")] {
            ask(client, "GET a", "(nil)");
            ask(client, &format!("CLIENT CACHING {word}"), "+OK");
            ask(client, "GET b", "(nil)");
            ask(client, "GET c", "(nil)");
            ask(client, &format!("CLIENT CACHING {word}"), "+OK");
            ask(client, "MULTI", "+OK");
            ask(client, "GET d", "+QUEUED");
            ask(client, "GET e", "+QUEUED");
            ask(client, "EXEC", "[(nil), (nil)]");
            ask(client, "GET f", "(nil)");
        }
        ask(&mut writer, "MSET a 1 b 1 c 1 d 1 e 1 f 1", "+OK");
        for (client, keys) in [(&mut picks, ["b", "d", "e"]), (&mut drops, ["a", "c", "f"])] {
            for key in keys {
                told(client, &format!(r#"["invalidate", ["{key}"]]"#));
            }
            silent(client);
        }
    });
}

#[test]
fn a_prefix_hears_of_every_change_below_it() {
    everywhere(&[], |server| {
        let mut users = tracker(server, "BCAST PREFIX user: PREFIX group:");
        let (mut all, mut writer) = (tracker(server, "BCAST"), server.client());
        ask(&mut writer, "MSET user:2 b user:1 a other x group:1 g", "+OK");
        // The prefixes of one client come in no certain order.
        let mut got = [users.read().to_string(), users.read().to_string()];
        got.sort();
        let wanted = [r#"["invalidate", ["group:1"]]"#, r#"["invalidate", ["user:1", "user:2"]]"#];
        assert_eq!(got, wanted);
        told(&mut all, r#"["invalidate", ["group:1", "other", "user:1", "user:2"]]"#);
        ask(&mut writer, "SET other y", "+OK");
        silent(&mut users);
        told(&mut all, r#"["invalidate", ["other"]]"#);
        // Nobody has to read, and it is told again.
        ask(&mut writer, "SET user:1 c", "+OK");
        told(&mut users, r#"["invalidate", ["user:1"]]"#);
        assert_eq!(figure(&mut writer, "stats", "tracking_total_prefixes"), 3);
        ask(&mut users, "CLIENT TRACKING OFF", "+OK");
        assert_eq!(figure(&mut writer, "stats", "tracking_total_prefixes"), 1);
    });
}

#[test]
fn noloop_of_a_prefix_leaves_out_own_keys() {
    everywhere(&[], |server| {
        let (mut client, mut other) = (tracker(server, "BCAST NOLOOP"), server.client());
        ask(&mut client, "SET mine 1", "+OK");
        silent(&mut client);
        ask(&mut other, "SET theirs 1", "+OK");
        told(&mut client, r#"["invalidate", ["theirs"]]"#);
        ask(&mut other, "SET mine 2", "+OK");
        told(&mut client, r#"["invalidate", ["mine"]]"#);
    });
}

#[test]
fn databases_make_no_difference() {
    everywhere(&[], |server| {
        let (mut reader, mut writer) = (tracker(server, ""), server.client());
        ask(&mut reader, "GET k", "(nil)");
        ask(&mut writer, "SELECT 3", "+OK");
        ask(&mut writer, "SET k v", "+OK");
        told(&mut reader, r#"["invalidate", ["k"]]"#);
    });
}

#[test]
fn a_flush_is_told_to_everybody() {
    everywhere(&[], |server| {
        let (mut reader, mut listener) = (tracker(server, ""), tracker(server, "BCAST PREFIX x"));
        let mut writer = server.client();
        ask(&mut reader, "GET k", "(nil)");
        for request in ["FLUSHDB", "FLUSHALL", "FLUSHALL ASYNC"] {
            ask(&mut writer, request, "+OK");
            told(&mut reader, r#"["invalidate", (nil)]"#);
            told(&mut listener, r#"["invalidate", (nil)]"#);
        }
        // What was noted is forgotten with it.
        assert_eq!(figure(&mut writer, "stats", "tracking_total_keys"), 0);
        ask(&mut writer, "SET k v", "+OK");
        silent(&mut reader);
    });
}

#[test]
fn a_reload_is_told_to_everybody() {
    everywhere(&[("enable-debug-command", "yes")], |server| {
        let (mut reader, mut writer) = (tracker(server, ""), server.client());
        ask(&mut writer, "SET k v", "+OK");
        ask(&mut reader, "GET k", r#""v""#);
        ask(&mut writer, "DEBUG RELOAD", "+OK");
        told(&mut reader, r#"["invalidate", (nil)]"#);
    });
}

/// Redis says nothing, and copies are wrong from then on.
#[test]
fn a_swap_is_told_to_everybody() {
    ours(&[], |server| {
        let (mut reader, mut writer) = (tracker(server, ""), server.client());
        ask(&mut reader, "GET k", "(nil)");
        ask(&mut writer, "SWAPDB 0 1", "+OK");
        told(&mut reader, r#"["invalidate", (nil)]"#);
    });
}

#[test]
fn keys_that_expire_are_told() {
    everywhere(&[], |server| {
        let (mut reader, mut writer) = (tracker(server, ""), server.client());
        ask(&mut writer, "SET k v PX 30", "+OK");
        ask(&mut writer, "SET l v PX 30", "+OK");
        ask(&mut reader, "GET k", r#""v""#);
        // Nobody touches it: it is found.
        told(&mut reader, r#"["invalidate", ["k"]]"#);
        ask(&mut reader, "GET l", "(nil)");
        ask(&mut reader, "CLIENT TRACKING OFF", "+OK");
        ask(&mut reader, "CLIENT TRACKING ON BCAST NOLOOP", "+OK");
        ask(&mut writer, "SET m v PX 30", "+OK");
        told(&mut reader, r#"["invalidate", ["m"]]"#);
        told(&mut reader, r#"["invalidate", ["m"]]"#);
    });
}

#[test]
fn keys_that_are_evicted_are_told() {
    everywhere(&[("maxmemory-policy", "allkeys-random")], |server| {
        let (mut reader, mut writer) = (tracker(server, ""), server.client());
        ask(&mut writer, "SET k v", "+OK");
        ask(&mut reader, "GET k", r#""v""#);
        ask(&mut writer, "CONFIG SET maxmemory 1", "+OK");
        ask(&mut writer, "PING", "+PONG");
        told(&mut reader, r#"["invalidate", ["k"]]"#);
    });
}

#[test]
fn another_connection_can_be_told_instead() {
    everywhere(&[], |server| {
        let (mut reader, mut writer) = (server.client(), server.client());
        let (mut old, mut new) = (server.client(), server.speaking(Proto::Resp3));
        // RESP2 gets nothing by itself.
        ask(&mut reader, "CLIENT TRACKING ON", "+OK");
        ask(&mut reader, "GET k", "(nil)");
        ask(&mut writer, "SET k 1", "+OK");
        silent(&mut reader);
        for (receiver, subscribes) in [(&mut old, true), (&mut new, false)] {
            let id = receiver.call(&["CLIENT", "ID"]).to_string();
            if subscribes {
                let channel = "__redis__:invalidate";
                let reply = format!(r#"["subscribe", "{channel}", 1]"#);
                ask(receiver, &format!("SUBSCRIBE {channel}"), &reply);
            }
            ask(&mut reader, &format!("CLIENT TRACKING ON REDIRECT {id}"), "+OK");
            ask(&mut reader, "GET k", r#""1""#);
            ask(&mut writer, "SET k 1", "+OK");
            let message = receiver.read().to_string();
            let head =
                if subscribes { r#""message", "__redis__:invalidate""# } else { r#""invalidate""# };
            assert_eq!(message, format!(r#"[{head}, ["k"]]"#));
            silent(&mut reader);
        }
    });
}

#[test]
fn a_redirection_to_nobody_is_told() {
    everywhere(&[], |server| {
        let (mut reader, mut writer) = (server.speaking(Proto::Resp3), server.client());
        let mut receiver = server.client();
        let id = receiver.call(&["CLIENT", "ID"]).to_string();
        ask(&mut reader, &format!("CLIENT TRACKING ON REDIRECT {id}"), "+OK");
        ask(&mut reader, "MGET k l", "[(nil), (nil)]");
        ask(&mut writer, &format!("CLIENT KILL ID {id}"), "1");
        ask(&mut writer, "SET k 1", "+OK");
        told(&mut reader, &format!(r#"["tracking-redir-broken", {id}]"#));
        let info = reader.call(&["CLIENT", "TRACKINGINFO"]).to_string();
        assert!(info.contains(r#""broken_redirect""#), "{info}");
        let line = reader.call(&["CLIENT", "INFO"]).text();
        assert!(line.contains(" flags=tR ") && line.contains(&format!(" redir={id} ")), "{line}");
        ask(&mut reader, "CLIENT TRACKING ON", "+OK");
        ask(&mut writer, "SET l 1", "+OK");
        told(&mut reader, r#"["invalidate", ["l"]]"#);
    });
}

#[test]
fn a_silenced_connection_is_told() {
    everywhere(&[], |server| {
        let (mut reader, mut writer) = (tracker(server, ""), server.client());
        ask(&mut reader, "GET k", "(nil)");
        reader.send(&["CLIENT", "REPLY", "OFF"]);
        reader.send(&["GET", "l"]);
        eventually("both keys are noted", || {
            figure(&mut writer, "stats", "tracking_total_keys") == 2
        });
        ask(&mut writer, "MSET k 1 l 1", "+OK");
        told(&mut reader, r#"["invalidate", ["k"]]"#);
        told(&mut reader, r#"["invalidate", ["l"]]"#);
        ask(&mut reader, "CLIENT REPLY ON", "+OK");
    });
}

#[test]
fn noted_keys_are_bounded() {
    everywhere(&[("tracking-table-max-keys", "2")], |server| {
        let (mut reader, mut asker) = (tracker(server, ""), server.client());
        ask(&mut reader, "GET a", "(nil)");
        ask(&mut reader, "GET b", "(nil)");
        silent(&mut reader);
        ask(&mut reader, "GET c", "(nil)");
        // Which one goes is the server's choice; Redis looks at the limit before the next command.
        reader.send(&["PING"]);
        let push = reader.read().to_string();
        let push = if push == "+PONG" { reader.read().to_string() } else { push };
        assert!(push.starts_with(r#"["invalidate", ["#), "{push}");
        assert_eq!(figure(&mut asker, "stats", "tracking_total_keys"), 2);
        assert_eq!(figure(&mut asker, "clients", "tracking_clients"), 1);
    });
}

#[test]
fn a_lower_bound_is_reached_by_itself() {
    ours(&[], |server| {
        let (mut reader, mut asker) = (tracker(server, ""), server.client());
        let keys: Vec<String> = (0..10_000).map(|n| format!("key:{n}")).collect();
        let mget: Vec<&str> =
            std::iter::once("MGET").chain(keys.iter().map(String::as_str)).collect();
        assert_eq!(reader.call(&mget).items().len(), keys.len());
        assert_eq!(figure(&mut asker, "stats", "tracking_total_items"), 10_000);
        ask(&mut asker, "CONFIG SET tracking-table-max-keys 10", "+OK");
        eventually("ten are left", || figure(&mut asker, "stats", "tracking_total_keys") == 10);
        for key in &keys[..keys.len() - 10] {
            told(&mut reader, &format!(r#"["invalidate", ["{key}"]]"#));
        }
        silent(&mut reader);
    });
}

#[test]
fn who_left_is_forgotten() {
    ours(&[], |server| {
        let mut asker = server.client();
        let mut leaver = tracker(server, "BCAST PREFIX x");
        let mut reader = tracker(server, "");
        for n in 0..2_000 {
            reader.send(&["GET", &n.to_string()]);
        }
        for _ in 0..2_000 {
            assert_eq!(reader.read().to_string(), "(nil)");
        }
        assert_eq!(figure(&mut asker, "stats", "tracking_total_keys"), 2_000);
        ask(&mut leaver, "RESET", "+RESET");
        assert_eq!(figure(&mut asker, "clients", "tracking_clients"), 1);
        drop((leaver, reader));
        eventually("nothing is noted", || figure(&mut asker, "stats", "tracking_total_keys") == 0);
        assert_eq!(figure(&mut asker, "stats", "tracking_total_prefixes"), 0);
        assert_eq!(figure(&mut asker, "clients", "tracking_clients"), 0);
    });
}

#[test]
fn changes_of_one_turn_are_broadcast_together() {
    ours(&[], |server| {
        let (mut listener, mut writer) = (tracker(server, "BCAST"), server.client());
        let pipeline: Vec<u8> = (0..3)
            .flat_map(|n| lodestore_tests::client::encode(&["SET", &format!("k{n}"), "v"]))
            .collect();
        writer.raw(&pipeline);
        told(&mut listener, r#"["invalidate", ["k0", "k1", "k2"]]"#);
    });
}

/// A client with copies of what it read, kept right by what it is told.
struct Cache {
    client: Client,
    copies: HashMap<String, String>,
}

impl Cache {
    /// Sends a command and returns its reply; what is told meanwhile is forgotten.
    fn call(&mut self, words: &[&str]) -> Reply {
        self.client.send(words);
        loop {
            match self.client.read() {
                Reply::Push(told) => match told[1].items().as_slice() {
                    [] => self.copies.clear(),
                    keys => keys.iter().for_each(|key| drop(self.copies.remove(&key.text()))),
                },
                reply => return reply,
            }
        }
    }

    fn read(&mut self, key: &str) {
        let value = self.call(&["GET", key]).to_string();
        self.copies.insert(key.to_string(), value);
    }
}

/// A writer's next command, from a few words over a few keys.
fn random_write(dice: &mut impl FnMut(u64) -> u64) -> Vec<String> {
    let (key, other) = (format!("k{}", dice(12)), format!("k{}", dice(12)));
    let value = dice(1000).to_string();
    let words: &[&str] = match dice(16) {
        0..6 => &["SET", &key, &value],
        6 => &["SET", &key, &value, "PX", "5"],
        7 => &["MSET", &key, &value, &other, &value],
        8 => &["DEL", &key, &other],
        9 => &["INCRBY", &key, &value],
        10 => &["APPEND", &key, "1"],
        11 => &["PEXPIRE", &key, "5"],
        12 => &["GETDEL", &key],
        13 => &["GETSET", &key, &value],
        14 => &["FLUSHALL"],
        _ => &["CONFIG", "SET", "tracking-table-max-keys", "5"],
    };
    words.iter().map(ToString::to_string).collect()
}

#[test]
fn a_cache_is_never_wrong() {
    ours(&[], |server| {
        for options in ["", "BCAST", "OPTOUT", "BCAST NOLOOP"] {
            let client = tracker(server, options);
            let mut cache = Cache { client, copies: HashMap::new() };
            let (mut writer, mut judge) = (server.client(), server.client());
            let mut state = 7_u64;
            let mut dice = |n: u64| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 33) % n
            };
            let mut used = 0;
            for step in 0..1_500 {
                cache.read(&format!("k{}", dice(12)));
                let write = random_write(&mut dice);
                writer.call(&write);
                cache.call(&["PING"]);
                let key = format!("k{}", dice(12));
                // Asked first, lest it expires in between: what expires is told when it is found.
                let now = judge.call(&["GET", &key]).to_string();
                cache.call(&["PING"]);
                if let Some(copy) = cache.copies.get(&key) {
                    assert_eq!(*copy, now, "{options} step {step}: {key} after {write:?}");
                    used += 1;
                }
            }
            assert!(used > 50, "{options}: {used} copies were used");
        }
    });
}

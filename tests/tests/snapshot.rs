//! Snapshots: what is saved comes back, whenever the server is killed; and real servers read it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use lodestore_tests::client::{Client, encode};
use lodestore_tests::fault::{
    await_info, await_true, field_of, info, number, temporary_files, try_call,
};
use lodestore_tests::server::{Server, installed, skip};
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

/// Keys that the driver of the kills writes to.
const KEYS: u64 = 40;

/// Numbers that nobody could guess, and that a failing run shows.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// The value that write `number` leaves: long enough that a file has several pages, and no use to LZF.
fn value(number: u64) -> String {
    let mut dice = Dice(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let noise: String = (0..60).map(|_| format!("{:016x}", dice.below(u64::MAX))).collect();
    format!("{number} {noise}")
}

/// What a driver knows of a server that it kills.
struct Driver {
    /// The last write.
    written: u64,
    /// Writes after which a snapshot was asked for, in order: its data are exactly those up to there.
    asked: Vec<u64>,
    /// The newest of them that the server said is complete.
    complete: u64,
}

impl Driver {
    /// Writes and saves until the server dies.
    fn drive(&mut self, client: &mut Client, dice: &mut Dice) {
        loop {
            let writes = 1 + dice.below(5);
            let mut requests = Vec::new();
            for _ in 0..writes {
                self.written += 1;
                let key = format!("key:{}", self.written % KEYS);
                requests.extend(encode(&["SET", &key, &value(self.written)]));
            }
            // Sent together with the writes: whether all were executed is not known if it dies.
            let background = dice.below(2) == 0;
            requests.extend(encode(&[if background { "BGSAVE" } else { "SAVE" }]));
            self.asked.push(self.written);
            client.raw(&requests);
            let done = (0..writes).all(|_| client.read_within(SOON).is_ok());
            let Some(answer) = done.then(|| client.read_within(SOON).ok()).flatten() else {
                return;
            };
            match answer.line().as_str() {
                "+OK" => self.complete = self.written,
                "+Background saving started" => {
                    if !self.await_child(client) {
                        return;
                    }
                }
                other => panic!("a snapshot is refused: {other}"),
            }
        }
    }

    /// Waits until INFO says that the child is done. Says false if the server died.
    fn await_child(&mut self, client: &mut Client) -> bool {
        loop {
            client.send(&["INFO", "persistence"]);
            let Ok(reply) = client.read_within(SOON) else { return false };
            if field_of(&reply.text(), "rdb_bgsave_in_progress") == "0" {
                assert_eq!(field_of(&reply.text(), "rdb_last_bgsave_status"), "ok");
                self.complete = self.written;
                return true;
            }
        }
    }

    /// The data set must be that of a snapshot which was asked for, and no older than the last complete one.
    fn judge(&mut self, client: &mut Client, round: u32) {
        let mut held = Vec::new();
        for key in 0..KEYS {
            held.push(client.call(&["GET", &format!("key:{key}")]).text());
        }
        let at = |text: &String| text.split(' ').next().and_then(|n| n.parse::<u64>().ok());
        let newest = held.iter().filter_map(at).max().unwrap_or(0);
        for (key, text) in held.iter().enumerate() {
            let key = key as u64;
            // The last write up to the newest that went to this key.
            let last = (newest + KEYS - key) / KEYS * KEYS + key;
            let last = if last > newest { last.checked_sub(KEYS) } else { Some(last) };
            let expected = last.filter(|last| *last > 0).map(value).unwrap_or_default();
            let expected = if expected.is_empty() { "" } else { &expected };
            assert!(text == expected, "round {round}: key:{key} is not as write {newest} left it");
        }
        assert!(
            newest == 0 || self.asked.contains(&newest),
            "round {round}: {newest} was no snapshot"
        );
        assert!(
            newest >= self.complete,
            "round {round}: the snapshot of write {} was complete, that of {newest} was loaded",
            self.complete
        );
        // What was lost was never promised; go on from what there is.
        *self = Driver { written: newest, asked: vec![newest], complete: newest };
    }
}

/// A reply that does not come within this time is an error of the server.
const SOON: Duration = Duration::from_secs(10);

fn kill_at_random(threads: &str, rounds: u32) {
    let seed = Instant::now().elapsed().as_nanos() as u64
        ^ std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    println!("seed {seed}");
    let mut dice = Dice(seed | 1);
    let mut server = Server::start(&[("io-threads", threads)]);
    let mut driver = Driver { written: 0, asked: vec![0], complete: 0 };
    let (mut snapshots, mut unfinished) = (0, 0);
    for round in 0..rounds {
        let delay = Duration::from_micros(dice.below(20_000));
        let pid = server.pid();
        let mut client = server.client();
        std::thread::scope(|scope| {
            let killer = scope.spawn(move || {
                std::thread::sleep(delay);
                lodestore_tests::fault::send_signal(pid, "KILL")
            });
            driver.drive(&mut client, &mut dice);
            assert!(killer.join().unwrap(), "round {round}: the server had died before");
        });
        snapshots += driver.asked.len() - 1;
        unfinished += u32::from(!temporary_files(server.dir()).is_empty());
        // Ends what is left of it, then starts again, and nobody repairs anything.
        server.restart();
        driver.judge(&mut server.client(), round);
        assert_eq!(temporary_files(server.dir()), [""; 0], "round {round}");
    }
    println!("{snapshots} snapshots, {unfinished} of {rounds} kills left an unfinished one");
    assert!(snapshots > rounds as usize && unfinished > 0, "it was killed in moments that count");
}

#[test]
fn a_hundred_kills_while_saving_leave_the_newest_snapshot() {
    kill_at_random("1", 100);
}

#[test]
fn a_hundred_kills_with_io_threads_leave_the_newest_snapshot() {
    kill_at_random("2", 100);
}

/// Values of every form a string can have in a file.
fn write_samples(client: &mut Client) {
    let mut long = String::new();
    for number in 0..100_000 {
        long.push_str(&format!("{number} "));
    }
    let far = "4102444800123";
    for db in ["0", "3", "15"] {
        assert_eq!(client.call(&["SELECT", db]).line(), "+OK");
        for (key, text) in [
            ("empty", ""),
            ("", "empty key"),
            ("int8", "-128"),
            ("int16", "32767"),
            ("int32", "-2147483648"),
            ("int64", "9223372036854775807"),
            ("not an int", "007"),
            ("lzf", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
            ("long", &long),
        ] {
            assert_eq!(client.call(&["SET", key, text]).line(), "+OK");
        }
        let binary: Vec<u8> = (0..=255).collect();
        assert_eq!(client.call(&[b"SET", &binary[..], &binary[..]]).line(), "+OK");
        assert_eq!(client.call(&["SET", "mortal", db, "PXAT", far]).line(), "+OK");
        let large = vec![b'x'; 1 << 20];
        assert_eq!(client.call(&[b"SET", &b"large"[..], &large[..]]).line(), "+OK");
    }
}

/// Everything in the databases, as a text that two servers can be compared by.
fn contents(client: &mut Client) -> String {
    let mut lines = Vec::new();
    for db in ["0", "1", "3", "15"] {
        client.call(&["SELECT", db]);
        for key in client.call(&["KEYS", "*"]).items() {
            let key = key.bytes().unwrap().to_vec();
            let text = client.call(&[b"GET", &key[..]]);
            let deadline = client.call(&[b"PEXPIRETIME", &key[..]]).line();
            lines.push(format!("{db} {} {} {deadline}", key.escape_ascii(), text.line()));
        }
    }
    lines.sort();
    lines.join("\n")
}

#[test]
fn every_form_of_string_comes_back() {
    for compression in ["yes", "no"] {
        let mut server = Server::start(&[("rdbcompression", compression)]);
        let mut client = server.client();
        write_samples(&mut client);
        let before = contents(&mut client);
        assert_eq!(before.lines().count(), 36);
        assert_eq!(client.call(&["SAVE"]).line(), "+OK");
        server.restart();
        assert!(contents(&mut server.client()) == before, "after SAVE");
        let mut client = server.client();
        assert_eq!(client.call(&["SET", "more", "1"]).line(), "+OK");
        let before = contents(&mut client);
        assert_eq!(client.call(&["BGSAVE"]).line(), "+Background saving started");
        await_info(&mut client, "rdb_bgsave_in_progress", "0");
        server.restart();
        assert!(contents(&mut server.client()) == before, "after BGSAVE");
    }
}

#[test]
fn what_has_expired_does_not_come_back() {
    let mut server = Server::start(&[]);
    let mut client = server.client();
    client.call(&["SET", "stays", "1"]);
    client.call(&["SET", "goes", "1", "PX", "150"]);
    assert_eq!(client.call(&["SAVE"]).line(), "+OK");
    server.kill9();
    std::thread::sleep(Duration::from_millis(200));
    server.restart();
    let mut client = server.client();
    assert_eq!(client.call(&["KEYS", "*"]).items().len(), 1);
    assert_eq!(info(&mut client, "rdb_last_load_keys_expired"), "1");
}

#[test]
fn a_real_server_reads_ours_and_we_read_theirs() {
    let Some(mut peer) = Server::peer(&[]) else {
        skip("a_real_server_reads_ours_and_we_read_theirs", "no redis-server is installed");
        return;
    };
    let version = info(&mut peer.client(), "redis_version");
    let old = version.starts_with("7.0.") || version.starts_with("6.");
    let mut ours = Server::start(&[("rdb-version", if old { "10" } else { "11" })]);
    write_samples(&mut ours.client());
    let before = contents(&mut ours.client());
    assert_eq!(ours.client().call(&["SAVE"]).line(), "+OK");
    let file = ours.dir().join("dump.rdb");
    if old && installed("redis-check-rdb").is_some() {
        let check = Command::new("redis-check-rdb").arg(&file).output().unwrap();
        let said = String::from_utf8_lossy(&check.stdout).into_owned();
        assert!(check.status.success() && said.contains("RDB looks OK"), "{said}");
    }
    peer.kill9();
    fs::copy(&file, peer.dir().join("dump.rdb")).unwrap();
    peer.restart();
    assert!(contents(&mut peer.client()) == before, "redis {version} reads ours");

    let mut client = peer.client();
    client.call(&["SELECT", "1"]);
    client.call(&["SET", "theirs", &"them ".repeat(50)]);
    let before = contents(&mut client);
    assert_eq!(client.call(&["SAVE"]).line(), "+OK");
    ours.kill9();
    fs::copy(peer.dir().join("dump.rdb"), &file).unwrap();
    ours.restart();
    assert!(contents(&mut ours.client()) == before, "we read that of redis {version}");
}

#[test]
fn a_long_load_answers_loading_and_shows_how_far_it_is() {
    let mut server = Server::start(&[("enable-debug-command", "yes")]);
    let mut client = server.client();
    assert_eq!(client.call(&["DEBUG", "POPULATE", "600000", "key", "64"]).line(), "+OK");
    assert_eq!(client.call(&["SAVE"]).line(), "+OK");
    server.begin_restart();
    let mut client = None;
    await_true("the port is open", || {
        client = Client::connect(&server.address()).ok();
        client.is_some()
    });
    let mut client = client.unwrap();
    let (mut told, mut last) = (0, 0.0);
    loop {
        let report = client.call(&["INFO", "persistence"]).text();
        if field_of(&report, "loading") == "0" {
            break;
        }
        let percent: f64 = field_of(&report, "loading_loaded_perc").parse().unwrap();
        assert!((last..=100.0).contains(&percent), "{percent} after {last}");
        assert!(field_of(&report, "loading_eta_seconds").parse::<u64>().is_ok(), "{report}");
        last = percent;
        let refused = client.call(&["GET", "key:1"]).line();
        if refused.starts_with("-LOADING") {
            assert_eq!(refused, "-LOADING Redis is loading the dataset in memory");
            told += 1;
        }
    }
    assert!(told > 3, "{told} times -LOADING");
    assert_eq!(client.call(&["DBSIZE"]).line(), ":600000");
    assert_eq!(info(&mut client, "rdb_last_load_keys_loaded"), "600000");
}

#[test]
fn a_save_point_saves_by_itself() {
    let mut server = Server::start(&[("save", "1 2")]);
    let mut client = server.client();
    let file = server.dir().join("dump.rdb");
    client.call(&["SET", "a", "1"]);
    std::thread::sleep(Duration::from_millis(2300));
    assert!(!file.exists(), "one change is not enough");
    client.call(&["SET", "b", "2"]);
    await_true("a snapshot", || file.exists());
    await_info(&mut client, "rdb_changes_since_last_save", "0");
    server.restart();
    assert_eq!(server.client().call(&["DBSIZE"]).line(), ":2");
}

#[test]
fn a_polite_end_saves_where_save_points_are_set() {
    for (save, ending, saved) in [
        ("900 1", "SIGTERM", true),
        ("900 1", "SHUTDOWN", true),
        ("900 1", "SHUTDOWN NOSAVE", false),
        ("", "SIGTERM", false),
        ("", "SHUTDOWN", false),
        ("", "SHUTDOWN SAVE", true),
    ] {
        let mut server = Server::start(&[("save", save)]);
        let mut client = server.client();
        client.call(&["SET", "key", "1"]);
        if ending == "SIGTERM" {
            server.signal("TERM");
        } else {
            let words: Vec<&str> = ending.split(' ').collect();
            assert_eq!(try_call(&mut client, &words), None, "{ending} answers nothing");
        }
        let status = server.wait_exit(Duration::from_secs(10)).expect("it ends");
        assert_eq!(status.code(), Some(0), "save {save:?}, {ending}");
        assert_eq!(server.dir().join("dump.rdb").exists(), saved, "save {save:?}, {ending}");
        assert_eq!(temporary_files(server.dir()), [""; 0]);
    }
}

#[test]
fn a_second_background_save_is_refused_or_scheduled() {
    let server = Server::start(&[("enable-debug-command", "yes"), ("rdbcompression", "no")]);
    let mut client = server.client();
    client.call(&["DEBUG", "POPULATE", "300000", "key", "100"]);
    assert_eq!(client.call(&["BGSAVE"]).line(), "+Background saving started");
    assert_eq!(client.call(&["BGSAVE"]).line(), "-ERR Background save already in progress");
    assert_eq!(client.call(&["SAVE"]).line(), "-ERR Background save already in progress");
    assert_eq!(client.call(&["BGSAVE", "SCHEDULE"]).line(), "+Background saving scheduled");
    await_info(&mut client, "rdb_saves", "2");
    await_info(&mut client, "rdb_bgsave_in_progress", "0");
}

#[test]
fn a_snapshot_says_whether_there_was_memory_for_it_and_what_was_copied() {
    let server = Server::start(&[("enable-debug-command", "yes"), ("rdbcompression", "no")]);
    let mut client = server.client();
    client.call(&["DEBUG", "POPULATE", "300000", "key", "100"]);
    assert_eq!(client.call(&["BGSAVE"]).line(), "+Background saving started");
    let report = client.call(&["INFO", "persistence"]).text();
    let figure = |name| field_of(&report, name).parse::<f64>().unwrap();
    assert!(figure("snapshot_headroom_needed") > 1e6, "{report}");
    assert!(figure("snapshot_headroom_available") > 1e6, "{report}");
    assert_eq!(figure("snapshot_headroom_refused"), 0.0);
    assert!(figure("current_save_eta_seconds") >= -1.0);
    for _ in 0..200 {
        number(&mut client, 0..100);
    }
    await_info(&mut client, "rdb_bgsave_in_progress", "0");
    let copied: u64 = info(&mut client, "rdb_last_cow_size").parse().unwrap();
    assert!((4096..1 << 30).contains(&copied), "{copied}");
    assert_eq!(client.call(&["CONFIG", "SET", "snapshot-headroom", "no"]).line(), "+OK");
    let refused = client.call(&["CONFIG", "SET", "snapshot-headroom", "0"]).line();
    assert!(refused.contains("between 1 and 1000"), "{refused}");
}

#[test]
fn a_snapshot_holds_the_moment_of_its_fork() {
    const CHANGES: u64 = 20_000;
    let mut server = Server::start(&[("enable-debug-command", "yes")]);
    let mut client = server.client();
    // Some 30 MB: the child gives memory back while the parent goes on changing it.
    number(&mut client, 0..20_000);
    assert_eq!(client.call(&["DEBUG", "POPULATE", "200000", "key", "100"]).line(), "+OK");
    let mut both = encode(&["BGSAVE"]);
    both.extend(encode(&["SET", "number:0", "changed"]));
    both.extend(encode(&["DEL", "number:1"]));
    (0..CHANGES).for_each(|n| both.extend(encode(&["SET", &format!("key:{}", n * 9), "changed"])));
    client.raw(&both);
    for expected in ["+Background saving started", "+OK", ":1"] {
        assert_eq!(client.read().line(), expected);
    }
    (0..CHANGES).for_each(|_| assert_eq!(client.read().line(), "+OK"));
    await_info(&mut client, "rdb_bgsave_in_progress", "0");
    let changes: u64 = info(&mut client, "rdb_changes_since_last_save").parse().unwrap();
    assert_eq!(changes, CHANGES + 2);
    server.restart();
    let mut client = server.client();
    assert_eq!(client.call(&["GET", "number:0"]).text(), "0");
    assert_eq!(client.call(&["GET", "number:1"]).text(), "1");
    for n in (0..200_000).step_by(999) {
        let value = client.call(&["GET", &format!("key:{n}")]).text();
        assert!(value.starts_with(&format!("value:{n}")), "{value}");
    }
    assert_eq!(client.call(&["DBSIZE"]).line(), ":220000");
}

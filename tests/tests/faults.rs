//! Faults put into a running server from outside, by the rows of the design's list of faults.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use lodestore_tests::client::Client;
use lodestore_tests::fault::{
    await_info, await_true, child_of, info, is_running, limit, limiter, number, run, send_signal,
    temporary_files, try_call,
};
use lodestore_tests::server::{Server, free_port, lodestore, skip};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// A server whose children write for long enough that a test can meet one: some 100 MB.
fn large() -> (Server, Client) {
    let server = Server::start(&[
        ("enable-debug-command", "yes"),
        ("rdbcompression", "no"),
        ("save", "900 1000000000"),
    ]);
    let mut client = server.client();
    assert_eq!(client.call(&["DEBUG", "POPULATE", "400000", "key", "250"]).line(), "+OK");
    (server, client)
}

/// Forks a child and stops it (SIGSTOP) before it is done, but not before it has written anything: stopped
/// at its very first steps it could not have asked yet to die with its parent.
fn stopped_child(server: &Server, client: &mut Client) -> u32 {
    assert_eq!(client.call(&["BGSAVE"]).line(), "+Background saving started");
    let child = child_of(server).expect("the log names the child");
    let written =
        |name: &String| fs::metadata(server.dir().join(name)).map_or(0, |file| file.len());
    await_true("the child writes", || temporary_files(server.dir()).iter().any(|n| written(n) > 0));
    assert!(send_signal(child, "STOP"), "the child is there");
    assert_eq!(info(client, "rdb_bgsave_in_progress"), "1", "it was stopped in time");
    child
}

const DAMAGED: &str = "Fatal: the snapshot was refused and stays as it is.";

// Row 1.
#[test]
fn a_child_dies_with_a_killed_parent_and_replaces_nothing() {
    let (mut server, mut client) = large();
    let child = stopped_child(&server, &mut client);
    assert_eq!(temporary_files(server.dir()).len(), 1);
    server.kill9();
    await_true("the child is gone", || !is_running(child));
    assert_eq!(temporary_files(server.dir()).len(), 1);
    assert!(!server.dir().join("dump.rdb").exists());
    server.restart();
    assert_eq!(temporary_files(server.dir()), [""; 0]);
    assert!(server.log().contains("left by a server that is gone"), "{}", server.log());
    assert_eq!(server.client().call(&["DBSIZE"]).line(), ":0");
}

// Row 1.
#[test]
fn an_acknowledged_save_survives_kills_during_later_ones() {
    let (mut server, mut client) = large();
    assert_eq!(client.call(&["SAVE"]).line(), "+OK");
    let file = server.dir().join("dump.rdb");
    let acknowledged = fs::metadata(&file).unwrap().ino();
    client.call(&["SET", "later", "1"]);
    stopped_child(&server, &mut client);
    server.restart();
    assert_eq!(fs::metadata(&file).unwrap().ino(), acknowledged);
    assert_eq!(server.client().call(&["DBSIZE"]).line(), ":400000");
}

// Row 3.
#[test]
fn a_second_server_in_a_directory_refuses() {
    let mut server = Server::start(&[]);
    let dir = server.dir().to_str().unwrap().to_owned();
    let link = tempfile::tempdir().unwrap();
    let link = link.path().join("link");
    std::os::unix::fs::symlink(&dir, &link).unwrap();
    for path in [dir.as_str(), link.to_str().unwrap()] {
        let second = run(&["--port", &free_port().to_string(), "--dir", path]);
        assert_eq!(second.code, Some(1), "{second:?}");
        let words = format!("another server works in the directory {dir}");
        assert!(second.text.contains(&words), "{second:?}");
    }
    let mut client = server.client();
    let same = client.call(&["CONFIG", "SET", "dir", &format!("{dir}/.")]).line();
    assert!(!same.contains("another server"), "{same}");
    server.restart();
}

// Row 4. A limit on the size of files takes the place of a full disk: it binds root too.
#[test]
fn a_full_disk_leaves_the_last_snapshot_and_says_why() {
    let mut server = Server::start(&[("save", "900 1000000000"), ("rdbcompression", "no")]);
    let mut client = server.client();
    number(&mut client, 0..2000);
    assert_eq!(client.call(&["SAVE"]).line(), "+OK");
    let file = server.dir().join("dump.rdb");
    let good = fs::read(&file).unwrap();
    number(&mut client, 2000..5000);
    // The log is a file too, and must be able to grow.
    if !limit(server.pid(), "fsize=40000:") {
        skip("a_full_disk_leaves_the_last_snapshot_and_says_why", "no prlimit");
        return;
    }
    let why = "File too large";
    let refused = client.call(&["SAVE"]).line();
    assert!(refused.starts_with("-ERR cannot write ") && refused.contains(why), "{refused}");
    assert_eq!(client.call(&["BGSAVE"]).line(), "+Background saving started");
    await_info(&mut client, "rdb_bgsave_in_progress", "0");
    assert_eq!(info(&mut client, "rdb_last_bgsave_status"), "err");
    assert!(info(&mut client, "rdb_last_error").contains(why));
    assert!(server.log().matches(why).count() >= 2, "{}", server.log());
    let write = client.call(&["SET", "key", "1"]).line();
    assert!(write.starts_with("-MISCONF "), "{write}");
    assert_eq!(client.call(&["GET", "number:1"]).text(), "1", "reads are served");

    let refused = client.call(&["SHUTDOWN"]).line();
    assert_eq!(refused, "-ERR Errors trying to SHUTDOWN. Check logs.");
    server.signal("TERM");
    let advice = "use SHUTDOWN NOSAVE or SHUTDOWN FORCE";
    await_true("it says how to go on", || server.log().matches(advice).count() == 2);
    assert_eq!(client.call(&["PING"]).line(), "+PONG");
    assert_eq!(fs::read(&file).unwrap(), good);
    assert_eq!(temporary_files(server.dir()), [""; 0]);

    assert!(limit(server.pid(), "fsize=unlimited:"));
    assert_eq!(client.call(&["BGSAVE"]).line(), "+Background saving started");
    await_info(&mut client, "rdb_last_bgsave_status", "ok");
    assert_eq!(client.call(&["SET", "key", "1"]).line(), "+OK");
    assert_eq!(server.terminate().code(), Some(0));
}

// Row 4.
#[test]
fn a_full_disk_does_not_keep_a_forced_shutdown() {
    let mut server = Server::start(&[("save", "900 1")]);
    let mut client = server.client();
    number(&mut client, 0..10);
    // Not even the log can be written to.
    if !limit(server.pid(), "fsize=0:") {
        skip("a_full_disk_does_not_keep_a_forced_shutdown", "no prlimit");
        return;
    }
    for _ in 0..3 {
        assert!(client.call(&["SAVE"]).line().starts_with("-ERR cannot write"));
    }
    assert_eq!(try_call(&mut client, &["SHUTDOWN", "FORCE"]), None);
    let status = server.wait_exit(Duration::from_secs(5)).expect("it ends");
    assert_eq!(status.code(), Some(0));
}

// Row 8.
#[test]
fn a_directory_that_cannot_be_written_to_is_refused_at_start() {
    let refuse = |dir: &str, words: &str| {
        let port = free_port().to_string();
        let outcome = run(&["--port", &port, "--dir", dir]);
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        assert!(outcome.text.contains(words) && outcome.text.contains(dir), "{outcome:?}");
    };
    refuse("/nonexistent", "No such file or directory");
    refuse("/dev/null", "is not a directory");
    // Permissions do not bind root, but nobody can make a file here.
    refuse("/proc", "cannot write to the directory");
}

/// A sound snapshot of some kilobytes.
fn sound() -> (Server, Vec<u8>) {
    let mut server = Server::start(&[]);
    let mut client = server.client();
    number(&mut client, 0..300);
    client.call(&["SET", "long", &"text ".repeat(100)]);
    assert_eq!(client.call(&["SAVE"]).line(), "+OK");
    server.kill9();
    let bytes = fs::read(server.dir().join("dump.rdb")).unwrap();
    (server, bytes)
}

/// The server must refuse this file, with a place and a reason, and leave it as it is.
fn must_refuse(server: &mut Server, bytes: &[u8], what: &str) {
    let file = server.dir().join("dump.rdb");
    fs::write(&file, bytes).unwrap();
    let why = server.try_restart().expect_err(what);
    assert!(why.contains("exit status: 1"), "{what}: {why}");
    assert!(why.contains(DAMAGED) && why.contains("at offset "), "{what}: {why}");
    assert!(!why.contains("Ready to accept"), "{what}: {why}");
    assert_eq!(fs::read(&file).unwrap(), bytes, "{what}: the file stays");
}

// Row 9. Every byte is tried in the tests of the format itself; here the server's conduct counts.
#[test]
fn a_damaged_snapshot_is_refused_and_stays() {
    let (mut server, bytes) = sound();
    let length = bytes.len();
    for cut in [0, 1, 8, 9, 40, length / 2, length - 9, length - 8, length - 1] {
        must_refuse(&mut server, &bytes[..cut], &format!("cut at {cut} of {length}"));
    }
    for at in (0..length).step_by(length / 12).chain([length - 9, length - 1]) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x21;
        must_refuse(&mut server, &damaged, &format!("byte {at} of {length} flipped"));
    }
    fs::write(server.dir().join("dump.rdb"), &bytes).unwrap();
    server.restart();
    assert_eq!(server.client().call(&["DBSIZE"]).line(), ":301");
}

// Row 9.
#[test]
fn the_check_tool_judges_and_salvages() {
    let (mut server, bytes) = sound();
    let path = |name: &str| server.dir().join(name).to_str().unwrap().to_owned();
    let (file, copy) = (path("dump.rdb"), path("copy.rdb"));
    let sound = run(&["--check", &file]);
    assert_eq!(sound.code, Some(0), "{sound:?}");
    assert!(sound.text.contains("301 keys") && sound.text.contains("sound"), "{sound:?}");
    fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    let damaged = run(&["--check", &file]);
    assert_eq!(damaged.code, Some(1), "{damaged:?}");
    assert!(damaged.text.contains("FAULT     at offset"), "{damaged:?}");
    let salvaged = run(&["--salvage", &file, &copy]);
    assert_eq!(salvaged.code, Some(0), "{salvaged:?}");
    let again = run(&["--salvage", &file, &copy]);
    assert_eq!(again.code, Some(1), "nothing is written over: {again:?}");
    assert_eq!(run(&["--check", &copy]).code, Some(0));
    assert_eq!(fs::read(&file).unwrap().len(), bytes.len() / 2);
    fs::rename(&copy, &file).unwrap();
    server.restart();
    let keys = server.client().call(&["DBSIZE"]).line();
    let keys: u32 = keys.trim_start_matches(':').parse().unwrap();
    assert!((50..301).contains(&keys), "{keys} keys were sound");
}

/// A user without rights: limits on processes do not bind root.
const NOBODY: u32 = 65534;

/// A server that was started in another way than [`Server`] does.
struct Other {
    process: std::process::Child,
    _dir: tempfile::TempDir,
    port: u16,
    /// Whether it runs as nobody.
    nobody: bool,
}

impl Other {
    /// Runs as nobody if this test may choose, else as whoever runs the test.
    fn start(settings: &[&str]) -> Other {
        let dir = tempfile::tempdir().unwrap();
        let port = free_port();
        let nobody = fs::metadata(dir.path()).unwrap().uid() == 0;
        let mut command = if nobody {
            chown(dir.path(), Some(NOBODY), Some(NOBODY)).unwrap();
            // The build may lie where only root may look.
            let copy = dir.path().join("server");
            fs::copy(lodestore(), &copy).unwrap();
            fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
            as_nobody(Command::new(copy))
        } else {
            Command::new(lodestore())
        };
        command.args(["--port", &port.to_string(), "--dir"]).arg(dir.path()).args(settings);
        Other::adopt(&mut command, dir, port, nobody)
    }

    fn adopt(command: &mut Command, dir: tempfile::TempDir, port: u16, nobody: bool) -> Other {
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let server = Other { process, _dir: dir, port, nobody };
        await_true("the server answers", || Client::connect(&server.address()).is_ok());
        server
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn limit(&self, what: &str) -> bool {
        let command = limiter(self.process.id(), what);
        let mut command = if self.nobody { as_nobody(command) } else { command };
        command.status().is_ok_and(|status| status.success())
    }
}

fn as_nobody(mut command: Command) -> Command {
    command.uid(NOBODY).gid(NOBODY);
    command
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

// Row 14.
#[test]
fn a_failed_fork_says_what_to_set_and_is_tried_again() {
    let server = Other::start(&["--save", "1 1"]);
    let mut client = Client::connect(&server.address()).unwrap();
    if !server.limit("nproc=1:") {
        skip("a_failed_fork_says_what_to_set_and_is_tried_again", "no prlimit");
        return;
    }
    number(&mut client, 0..10);
    let refused = client.call(&["BGSAVE"]).line();
    assert!(refused.starts_with("-ERR cannot fork: "), "{refused}");
    assert!(refused.contains("Raise the limit on processes"), "{refused}");
    assert_eq!(info(&mut client, "rdb_last_bgsave_status"), "err");
    assert!(info(&mut client, "rdb_last_error").contains("cannot fork"));
    assert!(client.call(&["SET", "key", "1"]).line().starts_with("-MISCONF "));
    assert!(server.limit("nproc=unlimited:") || server.limit("nproc=4096:"));
    await_info(&mut client, "rdb_last_bgsave_status", "ok");
    assert_eq!(client.call(&["SET", "key", "1"]).line(), "+OK");
}

// Row 15.
#[test]
fn a_killed_child_is_told_and_the_next_one_works() {
    let (server, mut client) = large();
    let child = stopped_child(&server, &mut client);
    assert_eq!(info(&mut client, "current_save_keys_total"), "400000");
    assert!(send_signal(child, "KILL"));
    await_info(&mut client, "rdb_bgsave_in_progress", "0");
    assert_eq!(info(&mut client, "rdb_last_bgsave_status"), "err");
    assert_eq!(info(&mut client, "rdb_last_error"), "the child was ended by signal 9");
    assert_eq!(temporary_files(server.dir()), [""; 0]);
    assert!(client.call(&["SET", "key", "1"]).line().starts_with("-MISCONF "));
    assert_eq!(client.call(&["BGSAVE"]).line(), "+Background saving started");
    await_info(&mut client, "rdb_last_bgsave_status", "ok");
    assert_eq!(client.call(&["SET", "key", "1"]).line(), "+OK");
}

// Row 15. When it is killed is a matter of 10 minutes, which the engine's own tests let pass.
#[test]
fn a_child_that_hangs_is_seen_and_does_not_hold_up_the_end() {
    let (mut server, mut client) = large();
    let child = stopped_child(&server, &mut client);
    std::thread::sleep(Duration::from_millis(2100));
    let seconds: u32 = info(&mut client, "rdb_current_bgsave_time_sec").parse().unwrap();
    assert!((1..20).contains(&seconds), "{seconds}");
    let silent: u32 = info(&mut client, "current_save_silent_seconds").parse().unwrap();
    assert!((1..20).contains(&silent), "{silent}");
    assert_eq!(client.call(&["SET", "key", "1"]).line(), "+OK");
    assert_eq!(server.terminate().code(), Some(0), "it kills the child and saves by itself");
    assert!(!is_running(child));
    assert_eq!(temporary_files(server.dir()), [""; 0]);
    server.restart();
    assert_eq!(server.client().call(&["DBSIZE"]).line(), ":400001");
}

// Row 20.
#[test]
fn two_interrupts_end_at_once() {
    let (mut server, mut client) = large();
    // The core is busy, so the first one has not been obeyed when the second comes.
    client.send(&["DEBUG", "SLEEP", "3"]);
    std::thread::sleep(Duration::from_millis(100));
    server.signal("INT");
    await_true("the first is heard", || server.log().contains("Received SIGINT"));
    server.signal("INT");
    let status = server.wait_exit(Duration::from_secs(2)).expect("it does not wait");
    assert_eq!(status.code(), Some(1));
    assert!(server.log().contains("You insist... exiting now."), "{}", server.log());
}

// Row 20.
#[test]
fn an_interrupt_after_a_failed_end_is_a_first_one_again() {
    let mut server = Server::start(&[("save", "900 1")]);
    number(&mut server.client(), 0..10_000);
    if !limit(server.pid(), "fsize=30000:") {
        skip("an_interrupt_after_a_failed_end_is_a_first_one_again", "no prlimit");
        return;
    }
    for tries in 1..=2 {
        server.signal("INT");
        await_true("it says why not", || server.log().matches("Not exiting").count() == tries);
    }
    assert!(limit(server.pid(), "fsize=unlimited:"));
    server.signal("INT");
    let status = server.wait_exit(Duration::from_secs(10)).expect("it ends");
    assert_eq!(status.code(), Some(0));
    server.restart();
    assert_eq!(server.client().call(&["DBSIZE"]).line(), ":10000");
}

// Row 20.
#[test]
fn other_signals_do_not_end_it() {
    let mut server = Server::start(&[("save", "900 1000000000")]);
    let mut client = server.client();
    for round in 0..40 {
        client.call(&["SET", "key", &round.to_string()]);
        if round % 10 == 0 {
            assert_eq!(client.call(&["BGSAVE"]).line(), "+Background saving started");
        }
        for name in ["HUP", "PIPE", "CHLD", "XFSZ"] {
            server.signal(name);
        }
        await_info(&mut client, "rdb_bgsave_in_progress", "0");
    }
    assert_eq!(info(&mut client, "rdb_saves"), "4");
    assert_eq!(info(&mut client, "rdb_last_bgsave_status"), "ok");
    assert_eq!(server.terminate().code(), Some(0));
    server.restart();
    assert_eq!(server.client().call(&["GET", "key"]).text(), "39");
}

// Row 20. Some programs start others with SIGCHLD ignored, and the kernel then reaps for them.
#[test]
fn a_starter_that_ignores_its_children_does_not_spoil_ours() {
    let dir = tempfile::tempdir().unwrap();
    let port = free_port();
    let script = format!(
        "trap '' CHLD; exec {} --port {port} --dir {} --save ''",
        lodestore().display(),
        dir.path().display()
    );
    let server = Other::adopt(Command::new("sh").args(["-c", &script]), dir, port, false);
    let mut client = Client::connect(&server.address()).unwrap();
    assert_eq!(client.call(&["BGSAVE"]).line(), "+Background saving started");
    await_info(&mut client, "rdb_bgsave_in_progress", "0");
    assert_eq!(info(&mut client, "rdb_last_bgsave_status"), "ok");
}

// Row 23.
#[test]
fn a_panic_in_a_command_ends_with_a_report_that_hides_values() {
    for words in [&["DEBUG", "PANIC"][..], &["DEBUG", "ASSERT"]] {
        let mut server = Server::start(&[("enable-debug-command", "yes")]);
        let mut client = server.client();
        client.call(&["SET", "a secret key", "a secret value"]);
        assert_eq!(client.call(&["SAVE"]).line(), "+OK");
        client.raw(b"*3\r\n$3\r\nSET\r\n$5\r\nother\r\n$6\r\nsecret\r\n");
        assert_eq!(client.read().line(), "+OK");
        assert_eq!(try_call(&mut client, words), None);
        let status = server.wait_exit(Duration::from_secs(10)).expect("it ends");
        assert_ne!(status.code(), Some(0));
        assert_eq!(status.signal(), Some(6), "it aborts: {status}");
        let log = server.log();
        for part in ["=== LODESTORE CRASH REPORT", "version: ", "command: debug", "stack:"] {
            assert!(log.contains(part), "{part} in {log}");
        }
        assert!(!log.contains("secret"), "{log}");
        server.restart();
        assert_eq!(server.client().call(&["GET", "a secret key"]).text(), "a secret value");
    }
}

// Row 2.
#[test]
fn a_snapshot_that_cannot_be_put_in_place_is_an_error() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let file = server.dir().join("dump.rdb");
    fs::create_dir(&file).unwrap();
    for background in [false, true] {
        if background {
            assert_eq!(client.call(&["BGSAVE"]).line(), "+Background saving started");
            await_info(&mut client, "rdb_bgsave_in_progress", "0");
        } else {
            let refused = client.call(&["SAVE"]).line();
            assert!(refused.starts_with("-ERR cannot rename to "), "{refused}");
        }
        assert!(info(&mut client, "rdb_last_error").starts_with("cannot rename to "));
        assert_eq!(temporary_files(server.dir()), [""; 0]);
    }
    assert!(Path::new(&file).is_dir());
}

// Row 9. A reload that fails must not leave an empty data set, which a save point would write over the file.
#[test]
fn a_reload_that_fails_ends_the_server_and_keeps_the_file() {
    let mut server = Server::start(&[("enable-debug-command", "yes"), ("save", "1 1")]);
    let mut client = server.client();
    number(&mut client, 0..100);
    let nothing = client.call(&["DEBUG", "RELOAD", "NOSAVE"]).line();
    assert!(nothing.starts_with("-ERR Error trying to load the RDB dump"), "{nothing}");
    assert_eq!(client.call(&["DBSIZE"]).line(), ":100", "nothing was there to be loaded");
    assert_eq!(client.call(&["DEBUG", "RELOAD"]).line(), "+OK");
    assert_eq!(client.call(&["DBSIZE"]).line(), ":100");
    let file = server.dir().join("dump.rdb");
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() - 20]).unwrap();
    client.send(&["DEBUG", "RELOAD", "NOSAVE"]);
    let status = server.wait_exit(Duration::from_secs(10)).expect("it ends");
    assert_eq!(status.code(), Some(1));
    assert!(server.log().contains(DAMAGED), "{}", server.log());
    assert_eq!(fs::read(&file).unwrap(), &bytes[..bytes.len() - 20]);
}

// Row 20.
#[test]
fn an_end_while_loading_leaves_the_snapshot() {
    let (mut server, mut client) = large();
    assert_eq!(client.call(&["SAVE"]).line(), "+OK");
    let file = server.dir().join("dump.rdb");
    let saved = fs::metadata(&file).unwrap().ino();
    server.begin_restart();
    await_true("it loads", || {
        let client = Client::connect(&server.address());
        client.is_ok_and(|mut client| info(&mut client, "loading") == "1")
    });
    let mut client = server.client();
    for words in [&["SAVE"][..], &["BGSAVE"]] {
        let refused = client.call(words).line();
        assert!(refused.starts_with("-LOADING "), "{words:?}: {refused}");
    }
    assert_eq!(server.terminate().code(), Some(0));
    assert!(!server.log().contains("Done loading"), "it was in time: {}", server.log());
    assert_eq!(fs::metadata(&file).unwrap().ino(), saved);
    server.restart();
    assert_eq!(server.client().call(&["DBSIZE"]).line(), ":400000");
}

//! What tests do to a server, and how they see what it makes of it.
//!
//! Owns: limits and signals from outside, INFO's fields, runs that are expected to end.
//! Uses: client, server.   Never: a failpoint inside the server: it is tested as it is.

use crate::client::{Client, NoReply};
use crate::server::{Server, lodestore};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long something may take that a server does by itself.
const PATIENCE: Duration = Duration::from_secs(30);

/// One field of INFO; empty if there is none.
pub fn info(client: &mut Client, field: &str) -> String {
    field_of(&client.call(&["INFO", "everything"]).text(), field)
}

/// A field of a text that INFO answered.
pub fn field_of(info: &str, field: &str) -> String {
    info.lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))
        .unwrap_or_default()
        .trim_end()
        .to_owned()
}

/// Waits until a field of INFO has a value.
pub fn await_info(client: &mut Client, field: &str, value: &str) {
    let mut last = String::new();
    await_true(&format!("{field}:{value}"), || {
        last = info(client, field);
        last == value
    });
}

/// Waits until something holds.
pub fn await_true(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The process that the server forked last, as its log says.
pub fn child_of(server: &Server) -> Option<u32> {
    let log = server.log();
    let (_, after) = log.rsplit_once("Background saving started by pid ")?;
    after.split_whitespace().next()?.parse().ok()
}

/// Whether a process runs; one that has ended and was not reaped does not.
pub fn is_running(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    // The state follows the name, which ends with the last parenthesis.
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// Sends a signal to any process, as in `KILL`.
pub fn send_signal(pid: u32, name: &str) -> bool {
    let mut command = Command::new("kill");
    command.args(["-s", name, &pid.to_string()]).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Changes a limit of a running process, as in `limit(pid, "fsize=0:")`. Says false if it cannot be.
pub fn limit(pid: u32, what: &str) -> bool {
    limiter(pid, what).status().is_ok_and(|status| status.success())
}

/// The command that does so: only who a process belongs to may run it.
pub fn limiter(pid: u32, what: &str) -> Command {
    let mut command = Command::new("prlimit");
    command.args(["--pid", &pid.to_string(), &format!("--{what}")]).stderr(Stdio::null());
    command
}

/// The temporary snapshots in a folder.
pub fn temporary_files(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).expect("a server's folder can be read");
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("temp-")).collect()
}

/// How a run of the server's binary ended.
#[derive(Debug)]
pub struct Outcome {
    /// Its exit code; `None`: a signal, or it did not end and was killed.
    pub code: Option<i32>,
    /// What it wrote.
    pub text: String,
}

/// Runs the server's binary until it ends, for 10 seconds at most.
pub fn run(args: &[&str]) -> Outcome {
    let mut command = Command::new(lodestore());
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the server's binary can be run");
    let end = Instant::now() + Duration::from_secs(10);
    while Instant::now() < end && matches!(child.try_wait(), Ok(None)) {
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = child.kill();
    let output = child.wait_with_output().expect("a child's output can be read");
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    Outcome { code: output.status.code(), text }
}

/// Sets a key to each number of a range, by pipelines.
pub fn number(client: &mut Client, keys: std::ops::Range<u32>) {
    for chunk in keys.clone().step_by(1000) {
        let mut requests = Vec::new();
        let end = keys.end.min(chunk + 1000);
        for number in chunk..end {
            let text = number.to_string();
            requests.extend(crate::client::encode(&["SET", &format!("number:{text}"), &text]));
        }
        client.raw(&requests);
        for _ in chunk..end {
            assert_eq!(client.read().line(), "+OK");
        }
    }
}

/// Calls without insisting on a reply: `None` if the connection ends.
pub fn try_call(client: &mut Client, args: &[&str]) -> Option<String> {
    client.send(args);
    match client.read_within(PATIENCE) {
        Ok(reply) => Some(reply.line()),
        Err(NoReply::Closed) => None,
        Err(why) => panic!("{args:?}: {why}"),
    }
}

//! What DEBUG does that no transcript can show.

use lodestore_tests::client::Client;
use lodestore_tests::server::Server;
use std::time::Duration;

const DEBUG: &[(&str, &str)] = &[("enable-debug-command", "yes")];

fn field(client: &mut Client, section: &str, name: &str) -> String {
    let info = client.call(&["INFO", section]).text();
    let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {name} in {info}")).to_string()
}

#[test]
fn change_repl_id_gives_the_history_another_name() {
    let server = Server::start(DEBUG);
    let mut client = server.client();
    let run = field(&mut client, "server", "run_id");
    let before = field(&mut client, "replication", "master_replid");
    assert_eq!(client.call(&["DEBUG", "CHANGE-REPL-ID"]).line(), "+OK");
    let after = field(&mut client, "replication", "master_replid");
    assert_ne!(before, after);
    for name in [&before, &after] {
        assert!(name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
    }
    assert_eq!(field(&mut client, "server", "run_id"), run);
}

#[test]
fn reload_without_flush_ends_a_server_whose_keys_are_in_the_way() {
    let mut server = Server::start(DEBUG);
    let mut client = server.client();
    client.call(&["SET", "a", "1"]);
    assert_eq!(client.call(&["SAVE"]).line(), "+OK");
    client.call(&["SET", "a", "2"]);
    client.send(&["DEBUG", "RELOAD", "NOSAVE", "NOFLUSH"]);
    let status = server.wait_exit(Duration::from_secs(10)).expect("the server ends");
    assert!(!status.success());
    assert!(server.log().contains("the key \"a\""), "{}", server.log());
    server.restart();
    assert_eq!(server.client().call(&["GET", "a"]).text(), "1", "the file is as it was");
}

#[test]
fn a_merge_counts_as_unsaved() {
    let server = Server::start(DEBUG);
    let mut client = server.client();
    client.call(&["MSET", "a", "1", "b", "2"]);
    client.call(&["SAVE"]);
    client.call(&["FLUSHALL"]);
    client.call(&["SET", "c", "3"]);
    let unsaved = |client: &mut Client| field(client, "persistence", "rdb_changes_since_last_save");
    let before: u64 = unsaved(&mut client).parse().expect("a number");
    client.call(&["DEBUG", "RELOAD", "NOSAVE", "NOFLUSH", "MERGE"]);
    assert_eq!(unsaved(&mut client), (before + 2).to_string());
    client.call(&["DEBUG", "RELOAD"]);
    assert_eq!(unsaved(&mut client), "0");
}

#[test]
fn a_moved_or_copied_value_takes_memory_once() {
    let server = Server::start(DEBUG);
    let mut client = server.client();
    let used = |client: &mut Client| -> u64 {
        field(client, "memory", "used_memory").parse().expect("a number")
    };
    client.call(&[b"SET".as_slice(), b"a", &vec![b'x'; 64 << 20]]);
    let before = used(&mut client);
    client.call(&["RENAME", "a", "b"]);
    client.call(&["MOVE", "b", "3"]);
    client.call(&["SELECT", "3"]);
    client.call(&["COPY", "b", "c", "DB", "4"]);
    client.call(&["SWAPDB", "3", "5"]);
    let after = used(&mut client);
    assert!(after.abs_diff(before) < 4 << 20, "{before} bytes before, {after} after");
    client.call(&["SELECT", "4"]);
    client.call(&["APPEND", "c", "!"]);
    assert!(used(&mut client) > before + (60 << 20), "a copy that changes is one of its own");
    client.call(&["SELECT", "5"]);
    assert_eq!(client.call(&["STRLEN", "b"]).line(), format!(":{}", 64 << 20));
}

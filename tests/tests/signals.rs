//! What SIGTERM and SIGINT mean, as `shutdown-on-sigterm` and `shutdown-on-sigint` say.

use lodestore_tests::server::Server;
use std::fs;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

/// A server with one key, which no save point would save by itself.
fn server(settings: &[(&str, &str)]) -> Server {
    let server = Server::start(&[&[("save", "")], settings].concat());
    assert_eq!(server.client().call(&["SET", "k", "v"]).line(), "+OK");
    server
}

/// Ends the server by a signal and says whether it left a snapshot.
fn saved_by(server: &mut Server, signal: &str) -> bool {
    server.signal(signal);
    let status = server.wait_exit(PATIENCE).expect("it ends");
    assert!(status.success(), "{status}");
    server.dir().join("dump.rdb").exists()
}

#[test]
fn signals_save_as_they_are_told() {
    assert!(!saved_by(&mut server(&[]), "TERM"), "no save points, no snapshot");
    let words = [("shutdown-on-sigterm", "save"), ("shutdown-on-sigint", "nosave")];
    assert!(saved_by(&mut server(&words), "TERM"));
    assert!(!saved_by(&mut server(&words), "INT"));
    let points = [("save", "3600 1"), ("shutdown-on-sigint", "nosave")];
    assert!(!saved_by(&mut server(&points), "INT"));
    assert!(saved_by(&mut server(&points), "TERM"));
}

#[test]
fn the_words_can_change() {
    let mut server = server(&[]);
    let set = ["CONFIG", "SET", "shutdown-on-sigterm", "save now"];
    assert_eq!(server.client().call(&set).line(), "+OK");
    assert!(saved_by(&mut server, "TERM"));
}

#[test]
fn only_force_ends_without_the_wanted_snapshot() {
    for (words, ends) in [("save", false), ("save force", true)] {
        let mut server = server(&[("shutdown-on-sigterm", words)]);
        // The snapshot cannot take a name that a directory has.
        fs::create_dir(server.dir().join("dump.rdb")).expect("a new directory");
        server.signal("TERM");
        let patience = if ends { PATIENCE } else { Duration::from_millis(700) };
        assert_eq!(server.wait_exit(patience).is_some(), ends, "{words}");
    }
}

//! The transcripts, played against Lodestore: RESP2 and RESP3, with one thread and with two.
//!
//! `PEER=host:port` plays them against that server instead, `ONLY=text` plays only the files and
//! titles that contain the text, `UPDATE=1` rewrites the expectations: with `PEER` from that server,
//! without it only those of the sessions marked `@ours`.

use lodestore_tests::client::Proto;
use lodestore_tests::server::Server;
use lodestore_tests::source;
use lodestore_tests::transcript::play::Stage;
use lodestore_tests::transcript::{load, update};

fn play(threads: &str, proto: Proto) {
    let transcripts = load(&source::transcripts()).unwrap_or_else(|why| panic!("{why}"));
    let only = std::env::var("ONLY").unwrap_or_default();
    let stage = |proto| match std::env::var("PEER") {
        Ok(address) => Stage::at(&address, proto),
        Err(_) => Stage::launched(Box::new(Server::start), &[("io-threads", threads)], proto),
    };
    if std::env::var("UPDATE").is_ok() {
        // Once is enough; the other three would write the same files at the same time.
        if threads == "1" && proto == Proto::Resp2 {
            let (mut two, mut three) = (stage(Proto::Resp2), stage(Proto::Resp3));
            let changed = update::update(&transcripts, &mut two, &mut three, &only);
            println!("{changed} expectations rewritten");
        }
        return;
    }
    let report = stage(proto).play(&transcripts, &only);
    println!("{} sessions passed, {} are for other servers", report.passed, report.skipped);
    let failures = report.failures;
    assert!(failures.is_empty(), "{} sessions failed:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn resp2_with_one_thread() {
    play("1", Proto::Resp2);
}

#[test]
fn resp3_with_one_thread() {
    play("1", Proto::Resp3);
}

#[test]
fn resp2_with_two_threads() {
    play("2", Proto::Resp2);
}

#[test]
fn resp3_with_two_threads() {
    play("2", Proto::Resp3);
}

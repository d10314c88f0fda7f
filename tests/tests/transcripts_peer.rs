//! The transcripts, played against a real redis-server: what they expect is what it answers.
//!
//! `REDIS_SERVER=path` names another binary than the one in `PATH`; `ONLY` and `UPDATE=1` as in
//! `transcripts.rs`.

use lodestore_tests::client::Proto;
use lodestore_tests::server::{Server, peer_binary, skip};
use lodestore_tests::source;
use lodestore_tests::transcript::play::Stage;
use lodestore_tests::transcript::{load, update};

fn stage(proto: Proto) -> Option<Stage> {
    let binary = peer_binary()?;
    Some(Stage::launched(Box::new(move |settings| Server::of(&binary, settings)), &[], proto))
}

fn play(test: &str, proto: Proto) {
    let transcripts = load(&source::transcripts()).unwrap_or_else(|why| panic!("{why}"));
    let only = std::env::var("ONLY").unwrap_or_default();
    let Some(mut stage) = stage(proto) else { return skip(test, "no redis-server is installed") };
    let report = stage.play(&transcripts, &only);
    println!("{} sessions passed, {} are for other servers", report.passed, report.skipped);
    let failures = report.failures;
    assert!(failures.is_empty(), "{} sessions failed:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn redis_in_resp2() {
    if std::env::var("UPDATE").is_ok() {
        return; // `redis_in_resp3` writes what both answer
    }
    play("redis_in_resp2", Proto::Resp2);
}

#[test]
fn redis_in_resp3() {
    if std::env::var("UPDATE").is_err() {
        return play("redis_in_resp3", Proto::Resp3);
    }
    let transcripts = load(&source::transcripts()).unwrap_or_else(|why| panic!("{why}"));
    let only = std::env::var("ONLY").unwrap_or_default();
    let stages = (stage(Proto::Resp2), stage(Proto::Resp3));
    let (Some(mut two), Some(mut three)) = stages else {
        return skip("update", "no redis-server is installed");
    };
    let changed = update::update(&transcripts, &mut two, &mut three, &only);
    println!("{changed} expectations rewritten");
}

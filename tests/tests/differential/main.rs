//! Random programs against Lodestore and a real redis-server: every reply must be the same.
//!
//! Owns: which programs are played, and how what is found is told.   Uses: the modules beside it.
//! Never: a list of commands: it asks both servers what they know.
//!
//! ```text
//! forms -> grammar -> program(seed) -> both servers -> judge -> difference -> shrink -> transcript
//! ```
//! ```text
//! cargo test -p lodestore-tests --test differential        60 s of the same seeds, the redis-server in PATH
//! SECONDS=1800 REDIS_SERVER=path cargo test --profile quick -p lodestore-tests --test differential
//! FIRST=n ...    the first seed (1); SEED=n plays one program and prints it
//! FINDS=n ...    goes on until so many kinds of differences are found (1)
//! ```
//! Differences that must be or were chosen stand in `judge`, each with its reason. One that does not come again
//! when its program is played once more is a matter of time: it is counted and told, and is no failure.

mod families;
mod forms;
mod grammar;
mod judge;
mod program;
mod report;
mod run;
mod shrink;

use lodestore_tests::server::{Server, skip};
use program::Program;
use run::Arena;
use std::collections::BTreeSet;
use std::io::Write;
use std::time::{Duration, Instant};

/// How long a normal test run takes, in seconds.
const TIME: u64 = 60;

/// The last seed of a normal test run: a faster machine plays none that nobody has looked at.
const LAST: u64 = 3000;

/// Goes by when a difference must come again to count.
const AGAIN: usize = 2;

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// What a run has found.
#[derive(Default)]
struct Finds {
    kinds: BTreeSet<String>,
    transcripts: Vec<String>,
    fleeting: usize,
}

/// Plays one program; a difference is played again, shrunk and written down.
fn try_seed(arena: &mut Arena, grammar: &grammar::Grammar, seed: u64, finds: &mut Finds) {
    let program = Program::random(grammar, seed);
    let Some(found) = arena.play(&program) else { return };
    if finds.kinds.contains(&report::signature(&program, &found)) {
        return;
    }
    if (0..AGAIN).any(|_| arena.play(&program).is_none()) {
        finds.fleeting += 1;
        println!("seed {seed}: once only: {}", report::signature(&program, &found));
        return;
    }
    finds.kinds.insert(report::signature(&program, &found));
    let (program, found) = shrink::shrink(arena, program, found);
    if finds.kinds.insert(format!("shrunk {}", report::signature(&program, &found))) {
        let text = report::transcript(&format!("a difference, seed {seed}"), &program, &found);
        // At once, and past the capturing of a test's output: the run may go on for long.
        let _ = writeln!(std::io::stderr(), "{text}");
        finds.transcripts.push(text);
    }
}

#[test]
fn random_programs_are_answered_alike() {
    let debug = [("enable-debug-command", "yes")];
    let Some(theirs) = Server::peer(&debug) else {
        return skip("random_programs_are_answered_alike", "no redis-server is installed");
    };
    let mut arena = Arena::new(Server::start(&debug), theirs);
    let grammar = arena.grammar();
    if let Some(seed) = variable("SEED") {
        println!("{}", report::written(&Program::random(&grammar, seed)));
        return try_seed_loudly(&mut arena, &grammar, seed);
    }
    let start = Instant::now();
    let (time, last) = match variable("SECONDS") {
        Some(seconds) => (seconds, u64::MAX),
        None => (TIME, LAST),
    };
    let end = start + Duration::from_secs(time);
    let most = variable("FINDS").unwrap_or(1) as usize;
    let (mut finds, mut seed) = (Finds::default(), variable("FIRST").unwrap_or(1));
    while Instant::now() < end && seed <= last && finds.transcripts.len() < most {
        try_seed(&mut arena, &grammar, seed, &mut finds);
        seed += 1;
    }
    let told = format!(
        "{} forms, seeds up to {seed}, {} replies compared with {:?} in {} s, {} fleeting differences",
        grammar.len(),
        arena.compared,
        arena.peer,
        start.elapsed().as_secs(),
        finds.fleeting
    );
    println!("{told}");
    let count = finds.transcripts.len();
    assert!(count == 0, "{told}\n{count} differences:\n\n{}", finds.transcripts.join("\n"));
}

fn try_seed_loudly(arena: &mut Arena, grammar: &grammar::Grammar, seed: u64) {
    let mut finds = Finds::default();
    try_seed(arena, grammar, seed, &mut finds);
    assert!(finds.transcripts.is_empty(), "{}", finds.transcripts.join("\n"));
}

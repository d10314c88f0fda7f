//! A seeded simulation of the engine: clients, time and a disk that fails, against a model.
//!
//! Owns: the seeds that are run, and how a failure is told.   Uses: the modules beside it.
//! Never: a socket, a clock, a thread.
//!
//! ```text
//!   program(seed) -> steps -> engine in its world --output--> compared with the model, reply by reply
//!                                  |
//!                                  +-- data set          = the model's
//!                                  +-- follower stream   -> second engine: equal data set
//!                                  +-- snapshots         -> third engine: equal data set
//! ```
//! `SEED=n` plays one seed and prints every step and reply; `SEEDS=n` plays so many. A program that
//! fails is cut down to the shortest one that still fails, and printed.

mod check;
mod dice;
mod line;
mod model;
mod program;
mod run;
mod shrink;
mod world;

use program::program;
use run::{Failure, Record};

/// Seeds that a normal test run plays.
const SEEDS: u64 = 1000;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn play(seed: u64, trace: bool) -> Record {
    let program = program(seed);
    match shrink::attempt(&program, trace) {
        Ok(record) => record,
        Err(failure) => {
            let small = shrink::shrink(&program, &failure);
            let Failure { step, what } = failure;
            println!("seed {seed} fails at step {step} of {}: {what}\n", program.steps.len());
            let why = shrink::attempt(&small, false).err().map_or(what, |failure| failure.what);
            println!("the shortest program found, {} databases:", small.databases);
            for step in &small.steps {
                println!("      {step}");
            }
            panic!("seed {seed}: {why}");
        }
    }
}

#[test]
fn every_seed_agrees_with_the_model() {
    if let Some(seed) = number("SEED") {
        println!("{:?}", play(seed, true));
        return;
    }
    let first = number("FIRST").unwrap_or(0);
    let count = number("SEEDS").unwrap_or(SEEDS);
    let (mut commands, mut snapshots, mut failures) = (0, 0, 0);
    for seed in first..first + count {
        let record = play(seed, false);
        commands += record.commands;
        snapshots += record.snapshots;
        failures += record.failures;
    }
    println!("{count} seeds, {commands} commands, {snapshots} snapshots, {failures} failed");
    // A simulation that stops doing things would agree with every model.
    assert!(commands > 100 * count, "the programs send little");
    assert!(count < 100 || (snapshots > count / 2 && failures > count / 4), "few snapshots");
}

#[test]
fn a_seed_replays_byte_for_byte() {
    for seed in 1000..1050 {
        let program = program(seed);
        assert_eq!(play(seed, false), run::play(&program, false).expect("it went well once"));
    }
}

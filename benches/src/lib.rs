//! What the benchmarks share: starting servers side by side, loading them cheaply, and saying what came out.
//!
//! Owns: the load generator and the servers it measures.   Uses: lodestore_server::base::random.   Never: the engine.
//!
//! ```text
//!  bin/wire  bin/fairness  bin/snapshot  bin/expire  bin/defrag  ...      one question each
//!        |
//!  peer      which servers, and how they start        guard    they end whatever happens
//!  requests  bytes built before the clock starts      load     one thread, many sockets
//!  workload  commands on collections, and their data
//!  shapes    collections whose memory is measured
//!  client    one blocking connection                  crowd    clients that never pause
//!  probe     one that asks at a fixed rate
//!  cpu       what each thread of a server cost        histogram  durations
//!  question  from the options to the table
//!  stopwatch stats report columns json flags          numbers in, lines out
//! ```
//!
//! One rule for every number: servers take turns (A B C A B C) and the median of the rounds is printed,
//! because the machine drifts by more than most differences that matter.

pub mod client;
pub mod columns;
pub mod cpu;
pub mod crowd;
pub mod flags;
pub mod guard;
pub mod histogram;
pub mod json;
pub mod load;
pub mod peer;
pub mod probe;
pub mod question;
pub mod report;
pub mod requests;
pub mod shapes;
pub mod stats;
pub mod stopwatch;
pub mod workload;

/// What can end a benchmark early: a sentence for the person who started it.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The result of a step of a benchmark.
pub type Outcome<T> = Result<T, Failure>;

/// Runs a benchmark's `main`: installs the guard, prints the failure if there is one, ends the servers.
pub fn run(benchmark: impl FnOnce() -> Outcome<()>) -> std::process::ExitCode {
    let result = guard::install().and_then(|()| benchmark());
    guard::end_all();
    match result {
        _ if guard::interrupted() => std::process::ExitCode::from(guard::INTERRUPTED),
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            std::process::ExitCode::FAILURE
        }
    }
}

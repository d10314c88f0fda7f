//! INFO's figures of this server's own: the engine's turns, the threads.
//!
//! Owns: the section Threads, the fields engine_*.   Uses: info, stats.   Never: changes anything.

use super::info::Field::Many;
use super::info::{Facts, Field, line};
use crate::stats::rates::Of;

/// Section Threads: each thread that serves sockets, the core thread first.
pub static THREADS: &[Field] = &[Many(threads)];

fn threads(facts: &Facts<'_>, out: &mut String) {
    for (number, thread) in facts.io.threads().iter().enumerate() {
        line(
            out,
            format_args!(
                "io_thread_{number}:clients={},reads={},writes={}",
                thread.clients, thread.reads, thread.writes
            ),
        );
    }
}

/// Something per second, of late.
pub fn rate(facts: &Facts<'_>, of: Of) -> u64 {
    facts.parts.stats.rates.mean(of)
}

/// The engine's figures:
///
/// * turns, the longest of them (by the clock, and in processor time), and commands for each
/// * batches - what one client sent at once - and commands for each
/// * how many messages of I/O threads the last turn found waiting, and the most so far
/// * how busy the core thread and the I/O threads are, in percent
/// * the longest slice of each duty, in microseconds of processor time
pub fn figures(facts: &Facts<'_>, out: &mut String) {
    let stats = &facts.parts.stats;
    let mean = |all: u64, of: u64| all as f64 / of.max(1) as f64;
    let ring = facts.io.ring_depth();
    line(out, format_args!("engine_turns:{}", stats.turns));
    line(out, format_args!("engine_longest_turn_usec:{}", stats.longest_turn_us));
    line(out, format_args!("engine_longest_turn_cpu_usec:{}", stats.longest_turn_cpu / 1000));
    let each = mean(stats.commands, stats.turns);
    line(out, format_args!("engine_commands_per_turn:{each:.2}"));
    line(out, format_args!("engine_batches:{}", stats.batches));
    let each = mean(stats.commands, stats.batches);
    line(out, format_args!("engine_commands_per_batch:{each:.2}"));
    line(out, format_args!("engine_ring_depth:{}", ring.last));
    line(out, format_args!("engine_ring_depth_peak:{}", ring.most));
    let percent = rate(facts, Of::CoreNanos) / 10_000_000;
    line(out, format_args!("engine_core_load_percent:{percent}"));
    for (number, thread) in facts.io.threads().iter().enumerate().skip(1) {
        line(out, format_args!("engine_io_thread_{number}_load_percent:{}", thread.percent));
    }
    for (duty, nanos) in &stats.longest_slices {
        line(out, format_args!("engine_longest_{duty}_usec:{}", nanos / 1000));
    }
}

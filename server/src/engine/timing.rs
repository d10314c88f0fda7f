//! Counts and times commands: slow ones one by one, a run of fast ones together.
//!
//! Owns: the run of fast commands since the clock was last read, the longest turn.   Uses: stats, host.
//! Never: reads a clock that nobody needs.

use super::port::Host;
use crate::command::context::Lookups;
use crate::command::index::{RowId, UNKNOWN};
use crate::stats::Stats;

/// How many fast commands run between two looks at the clock. A power of two.
const LOOK_EVERY: u64 = 1024;

/// A run of fast commands; its time is spread over them.
pub(super) struct FastRun {
    since: u64,
    /// The row of the last commands, and how many there were in a row: mostly all.
    last: RowId,
    last_calls: u64,
    /// Those before.
    before: Vec<(RowId, u64)>,
    commands: u64,
    slow_seen: bool,
}

impl Default for FastRun {
    fn default() -> Self {
        FastRun {
            since: 0,
            last: UNKNOWN,
            last_calls: 0,
            before: Vec::new(),
            commands: 0,
            slow_seen: false,
        }
    }
}

impl FastRun {
    /// A turn begins.
    pub fn begin(&mut self, ticks: u64) {
        self.since = ticks;
        self.slow_seen = false;
    }

    /// Whether the clock is worth reading: a slow command ran since the last time, or many fast ones.
    #[inline]
    pub fn worth_a_look(&mut self) -> bool {
        std::mem::take(&mut self.slow_seen) || self.commands % LOOK_EVERY == LOOK_EVERY - 1
    }

    /// What came before a command took long.
    pub fn saw_slow(&mut self) {
        self.slow_seen = true;
    }

    /// A fast command ran.
    #[inline]
    pub fn ran(&mut self, row: RowId) {
        if row != self.last {
            self.change_row(row);
        }
        self.last_calls += 1;
        self.commands += 1;
    }

    fn change_row(&mut self, row: RowId) {
        if self.last_calls > 0 {
            self.before.push((self.last, self.last_calls));
        }
        (self.last, self.last_calls) = (row, 0);
    }

    /// A slow command ran; `calls` is 0 for one that has waited and was counted before.
    pub fn slow(
        &mut self,
        row: RowId,
        calls: u64,
        ticks: u64,
        stats: &mut Stats,
        lookups: &mut Lookups,
    ) {
        let own = &mut stats.per_command[row as usize];
        own.calls += calls;
        own.nanos += ticks.saturating_sub(self.since);
        stats.commands += calls;
        collect(stats, lookups);
        self.since = ticks;
        self.slow_seen = true;
    }

    /// The run of fast commands ends, with the turn or before a slow one.
    pub fn end(&mut self, ticks: u64, stats: &mut Stats, lookups: &mut Lookups) {
        if let Some(each) = ticks.saturating_sub(self.since).checked_div(self.commands) {
            self.change_row(UNKNOWN);
            for (row, calls) in self.before.drain(..) {
                let own = &mut stats.per_command[row as usize];
                own.calls += calls;
                own.nanos += each * calls;
            }
            stats.commands += std::mem::take(&mut self.commands);
            collect(stats, lookups);
        }
        self.since = ticks;
    }
}

fn collect(stats: &mut Stats, lookups: &mut Lookups) {
    stats.hits += std::mem::take(&mut lookups.hits);
    stats.misses += std::mem::take(&mut lookups.misses);
    stats.expired += std::mem::take(&mut lookups.removed);
}

/// The processor's clock is read this often at most, in nanoseconds: it costs a system call.
const SAMPLE_EVERY: u64 = 200_000;

/// The processor time of long turns. Turns are short and many, so none is measured alone: a sample is taken before a turn
/// if the last one is old, and again only behind one that took longer, by the wall clock, than the longest so far.
#[derive(Default)]
pub(super) struct TurnCpu {
    sampled: Option<u64>,
    cpu: u64,
}

impl TurnCpu {
    /// A turn begins.
    #[inline]
    pub fn begin(&mut self, ticks: u64, host: &mut dyn Host) {
        if self.sampled.is_none_or(|at| ticks.saturating_sub(at) > SAMPLE_EVERY) {
            self.cpu = host.cpu_ticks();
            self.sampled = Some(ticks);
        }
    }

    /// The longest turn, after one that took `wall` nanoseconds. What ran between the sample and the turn counts
    /// as well; so it may be said to be too long, by [`SAMPLE_EVERY`] at most.
    #[inline]
    pub fn longest(&self, wall: u64, longest: u64, host: &mut dyn Host) -> u64 {
        if wall <= longest {
            return longest;
        }
        longest.max(wall.min(host.cpu_ticks().saturating_sub(self.cpu)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_spread_over_its_commands_and_a_slow_one_is_timed_alone() {
        let (mut run, mut stats, mut lookups) =
            (FastRun::default(), Stats::new(3), Lookups { hits: 2, ..Lookups::default() });
        run.begin(1_000);
        run.ran(0);
        run.ran(1);
        run.ran(0);
        assert!(!run.worth_a_look());
        run.end(1_300, &mut stats, &mut lookups);
        run.slow(2, 1, 1_900, &mut stats, &mut lookups);
        let seen: Vec<_> = stats.per_command.iter().map(|own| (own.calls, own.nanos)).collect();
        assert_eq!(seen, [(2, 200), (1, 100), (1, 600)]);
        assert_eq!((stats.commands, stats.hits, lookups.hits), (4, 2, 0));
        assert!(run.worth_a_look() && !run.worth_a_look());
    }

    #[test]
    fn the_clock_is_worth_a_look_after_many_fast_commands() {
        let mut run = FastRun::default();
        let looks = (0..LOOK_EVERY * 2).filter(|_| {
            run.ran(0);
            run.worth_a_look()
        });
        assert_eq!(looks.count(), 2);
    }
}

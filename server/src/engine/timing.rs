//! Counts and times commands: slow ones one by one, a run of fast ones together.
//!
//! Owns: the run of fast commands since the clock was last read, the longest turn.   Uses: stats, host.
//! Never: reads a clock that nobody needs; decides which command is timed how (call, observe).

use super::port::Host;
use crate::command::context::Lookups;
use crate::command::index::{RowId, UNKNOWN};
use crate::stats::Stats;

/// How many fast commands run between two looks at the clock. A power of two.
const LOOK_EVERY: u64 = 1024;

/// Which piece of a command ran: one that waits runs again when its wait is over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    /// It began.
    pub first: bool,
    /// It came to its end.
    pub last: bool,
}

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
            let (row, calls) = (self.last, self.last_calls);
            // Those who mix commands mix a few.
            let mut lately = self.before.iter_mut().rev().take(4);
            match lately.find(|(known, _)| *known == row) {
                Some((_, count)) => *count += calls,
                None => self.before.push((row, calls)),
            }
        }
        (self.last, self.last_calls) = (row, 0);
    }

    /// A command ran that was timed by itself, and took so many nanoseconds.
    pub fn alone(
        &mut self,
        row: RowId,
        nanos: u64,
        piece: Piece,
        stats: &mut Stats,
        lookups: &mut Lookups,
    ) {
        let calls = u64::from(piece.first);
        stats.spent(usize::from(row), calls, nanos);
        if piece.last {
            stats.track(usize::from(row), 1, nanos);
        }
        stats.commands += calls;
        collect(stats, lookups);
        self.slow_seen = true;
    }

    /// The run of fast commands ends, with the turn or before a slow one. Each of them counts as if it had taken
    /// the mean of all.
    pub fn end(&mut self, ticks: u64, stats: &mut Stats, lookups: &mut Lookups) {
        if let Some(each) = ticks.saturating_sub(self.since).checked_div(self.commands) {
            self.change_row(UNKNOWN);
            for (row, calls) in self.before.drain(..) {
                stats.called(usize::from(row), calls, each);
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
    stats.expired_fields += std::mem::take(&mut lookups.removed_fields);
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
        let whole = Piece { first: true, last: true };
        run.alone(2, 600, whole, &mut stats, &mut lookups);
        let seen: Vec<_> = stats.per_command.iter().map(|own| (own.calls, own.nanos)).collect();
        assert_eq!(seen, [(2, 200), (1, 100), (1, 600)]);
        let tracked = |row| stats.histogram(row).map(|own| (own.calls(), own.percentile(50.0)));
        assert_eq!(
            [0, 1].map(tracked),
            [Some((2, 100)), Some((1, 100))],
            "each counts as the mean"
        );
        assert_eq!((stats.commands, stats.hits, lookups.hits), (4, 2, 0));
        assert!(run.worth_a_look() && !run.worth_a_look());
    }

    #[test]
    fn a_command_that_waits_is_one_call_and_enters_its_histogram_when_it_is_over() {
        let (mut run, mut stats, mut lookups) =
            (FastRun::default(), Stats::new(1), Lookups::default());
        run.alone(0, 300, Piece { first: true, last: false }, &mut stats, &mut lookups);
        assert!(stats.histogram(0).is_none());
        run.alone(0, 500, Piece { first: false, last: true }, &mut stats, &mut lookups);
        let own = stats.per_command[0];
        assert_eq!((own.calls, own.nanos, stats.commands), (1, 800, 1));
        assert_eq!(stats.histogram(0).map(|own| own.calls()), Some(1));
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

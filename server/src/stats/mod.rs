//! What the server counts.
//!
//! Owns: plain counters of the core thread; histograms of commands; the slow log; spikes.   Uses: base.
//! Never: asks the time, locks.

pub mod histogram;
pub mod rates;
pub mod slow_log;
pub mod spikes;

use histogram::Histogram;
use rates::{Rates, Recent, Spell};
use slow_log::SlowLog;
use spikes::Spikes;

/// Counters of one command.
#[derive(Clone, Copy, Debug, Default)]
pub struct CommandStats {
    /// Calls that ran.
    pub calls: u64,
    /// Their time in nanoseconds.
    pub nanos: u64,
    /// Refused before they ran.
    pub rejected: u64,
    /// Ran and answered an error.
    pub failed: u64,
}

/// What `io` counts. All figures only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IoTotals {
    /// Objects freed off the core.
    pub freed: u64,
    /// Reads from sockets.
    pub reads: u64,
    /// Writes to sockets.
    pub writes: u64,
    /// Reads by I/O threads.
    pub threaded_reads: u64,
    /// Writes by I/O threads.
    pub threaded_writes: u64,
}

impl IoTotals {
    /// What was counted since then.
    pub fn since(self, then: IoTotals) -> IoTotals {
        IoTotals {
            freed: self.freed.saturating_sub(then.freed),
            reads: self.reads.saturating_sub(then.reads),
            writes: self.writes.saturating_sub(then.writes),
            threaded_reads: self.threaded_reads.saturating_sub(then.threaded_reads),
            threaded_writes: self.threaded_writes.saturating_sub(then.threaded_writes),
        }
    }
}

/// What active defragmentation has done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Defrag {
    /// Percentage of time it takes now.
    pub share: u64,
    /// Entries moved.
    pub moved: u64,
    /// Work done in all, in entries moved and places looked at.
    pub looked: u64,
    /// Time it has taken.
    pub nanos: u64,
    /// While it has anything to do.
    pub spell: Spell,
}

/// All counters. CONFIG RESETSTAT makes most of them new: see [`Stats::reset`].
#[derive(Debug, Default)]
pub struct Stats {
    /// Connections accepted.
    pub connections: u64,
    /// Connections refused by `maxclients`.
    pub rejected_connections: u64,
    /// Commands that ran.
    pub commands: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes of replies and pushes.
    pub bytes_out: u64,
    /// Reads that found their key.
    pub hits: u64,
    /// Reads that did not.
    pub misses: u64,
    /// Keys that expired.
    pub expired: u64,
    /// Fields of hashes that expired.
    pub expired_fields: u64,
    /// Keys removed because memory was full.
    pub evicted: u64,
    /// The share of keys with a deadline that are past it, as active expiry sees it.
    pub stale: Stale,
    /// Slices of active expiry that ended because their time was over.
    pub expire_time_cap: u64,
    /// Time that active expiry took, in nanoseconds.
    pub expire_nanos: u64,
    /// Error replies.
    pub errors: u64,
    /// Error replies by their code.
    pub error_codes: Vec<(String, u64)>,
    /// Turns of the engine that had anything to do.
    pub turns: u64,
    /// Batches served.
    pub batches: u64,
    /// Active defragmentation.
    pub defrag: Defrag,
    /// The time of all turns in nanoseconds.
    pub turn_nanos: u64,
    /// The longest turn in microseconds.
    pub longest_turn_us: u64,
    /// The most processor time of a turn in nanoseconds, as far as it is known: never less, and more by no
    /// more than one sample's interval.
    pub longest_turn_cpu: u64,
    /// Connections closed because their output passed its limit.
    pub output_limit_closed: u64,
    /// Connections closed because a request passed `client-query-buffer-limit`.
    pub query_limit_closed: u64,
    /// Logins that were refused.
    pub denied_logins: u64,
    /// Connections closed because clients held too much memory.
    pub evicted_clients: u64,
    /// What `io` had counted at the last CONFIG RESETSTAT.
    pub io_before: IoTotals,
    /// The longest slice of each duty that was ever done: name and nanoseconds of processor time.
    pub longest_slices: Vec<(&'static str, u64)>,
    /// The most memory that was ever seen in use, in bytes.
    pub peak_memory: u64,
    /// When that was, in seconds since 1970.
    pub peak_time: i64,
    /// Each command, by its row's number.
    pub per_command: Vec<CommandStats>,
    /// How long each command's calls took; none: it has not been called while that was tracked.
    histograms: Vec<Option<Box<Histogram>>>,
    /// `latency-tracking`: calls are counted in the histograms.
    pub tracking: bool,
    /// Commands, bytes in and out, and turns per second, over the last samples.
    pub rates: Rates,
    /// Bytes that `io` held of what a single client sent, of late.
    pub input_buffers: Recent,
    /// Bytes that waited to be sent to a single client, of late.
    pub output_buffers: Recent,
    /// While more memory was in use than `maxmemory`.
    pub memory_exceeded: Spell,
    /// Commands that stood out.
    pub slow_log: SlowLog,
    /// Moments at which the server was held up.
    pub spikes: Spikes,
}

impl Stats {
    /// Counters for so many rows.
    pub fn new(rows: usize) -> Stats {
        Stats {
            per_command: vec![CommandStats::default(); rows],
            histograms: vec![None; rows],
            tracking: true,
            ..Stats::default()
        }
    }

    /// Everything to zero but what is of now (rates, buffers), the peak of memory, and what has commands of its
    /// own to reset it (SLOWLOG, LATENCY). `io`: what `io` has counted so far.
    pub fn reset(&mut self, io: IoTotals) {
        let old = std::mem::replace(self, Stats::new(self.per_command.len()));
        *self = Stats {
            io_before: io,
            peak_memory: old.peak_memory,
            peak_time: old.peak_time,
            tracking: old.tracking,
            rates: old.rates,
            input_buffers: old.input_buffers,
            output_buffers: old.output_buffers,
            slow_log: old.slow_log,
            spikes: old.spikes,
            ..std::mem::take(self)
        };
        self.rates.restart();
    }

    /// Counts calls of a row that took so many nanoseconds each.
    #[inline]
    pub fn called(&mut self, row: usize, calls: u64, nanos: u64) {
        self.spent(row, calls, nanos * calls);
        self.track(row, calls, nanos);
    }

    /// Counts calls of a row and the time that they took together.
    #[inline]
    pub fn spent(&mut self, row: usize, calls: u64, nanos: u64) {
        let own = &mut self.per_command[row];
        own.calls += calls;
        own.nanos += nanos;
    }

    /// Enters calls of a row into its histogram, if that is wanted.
    #[inline]
    pub fn track(&mut self, row: usize, calls: u64, nanos: u64) {
        if self.tracking {
            self.histograms[row].get_or_insert_default().record(nanos, calls);
        }
    }

    /// How long a row's calls took, if that was tracked and there were any.
    pub fn histogram(&self, row: usize) -> Option<&Histogram> {
        self.histograms.get(row)?.as_deref()
    }

    /// The time of all commands, in nanoseconds. O(rows).
    pub fn command_nanos(&self) -> u64 {
        self.per_command.iter().map(|own| own.nanos).sum()
    }

    /// Notes a slice of periodic work that took so many nanoseconds of processor time.
    pub fn slice(&mut self, duty: &'static str, nanos: u64) {
        match self.longest_slices.iter_mut().find(|(name, _)| *name == duty) {
            Some((_, longest)) => *longest = nanos.max(*longest),
            None => self.longest_slices.push((duty, nanos)),
        }
    }

    /// Counts an error reply by the first word of its text. At most 128 different codes are kept, so
    /// that no input can swell the list.
    pub fn error(&mut self, text: &str) {
        self.errors += 1;
        let code = text.split(' ').next().unwrap_or("ERR");
        if let Some((_, count)) = self.error_codes.iter_mut().find(|(known, _)| known == code) {
            *count += 1;
        } else if self.error_codes.len() < 128 {
            self.error_codes.push((code.to_string(), 1));
        }
    }
}

/// A running mean of the share of keys past their time.
#[derive(Debug, Default)]
pub struct Stale(f64);

impl Stale {
    /// What the newest sample counts for.
    const WEIGHT: f64 = 0.05;

    /// Takes in that of `seen` keys so many had expired. Unless there are `more`, none is left now.
    pub fn sample(&mut self, expired: usize, seen: usize, more: bool) {
        if !more {
            self.0 = 0.0;
        } else if seen > 0 {
            self.0 += (expired as f64 / seen as f64 - self.0) * Stale::WEIGHT;
        }
    }

    /// In percent.
    pub fn percent(&self) -> f64 {
        self.0 * 100.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_keeps_what_others_reset_and_what_is_of_now() {
        let mut stats = Stats::new(2);
        stats.called(1, 3, 100);
        stats.error("ERR no");
        stats.spikes.note("fork", 1, 20);
        stats.peak_memory = 7;
        let io = IoTotals { reads: 5, ..IoTotals::default() };
        stats.reset(io);
        assert_eq!((stats.per_command.len(), stats.per_command[1].calls, stats.errors), (2, 0, 0));
        assert!(stats.histogram(1).is_none() && stats.error_codes.is_empty() && stats.tracking);
        assert_eq!((stats.spikes.iter().len(), stats.peak_memory), (1, 7));
        let later = IoTotals { reads: 9, freed: 1, ..io };
        assert_eq!(
            later.since(stats.io_before),
            IoTotals { reads: 4, freed: 1, ..IoTotals::default() }
        );
    }

    #[test]
    fn what_is_not_tracked_has_no_histogram() {
        let mut stats = Stats { tracking: false, ..Stats::new(1) };
        stats.called(0, 2, 100);
        assert_eq!((stats.per_command[0].calls, stats.command_nanos()), (2, 200));
        assert!(stats.histogram(0).is_none() && stats.histogram(5).is_none());
    }
}

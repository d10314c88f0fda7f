//! What the server counts.
//!
//! Owns: plain counters of the core thread.   Uses: base.   Never: asks the time, locks.

use crate::base::time::Now;

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
}

/// All counters. CONFIG RESETSTAT makes them new.
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
    /// The longest turn in microseconds.
    pub longest_turn_us: u64,
    /// The most processor time of a turn in nanoseconds, as far as it is known: never less, and more by no
    /// more than one sample's interval.
    pub longest_turn_cpu: u64,
    /// Connections closed because their output passed its limit.
    pub output_limit_closed: u64,
    /// Connections closed because clients held too much memory.
    pub evicted_clients: u64,
    /// Objects freed off the core before the last CONFIG RESETSTAT.
    pub freed_before: u64,
    /// The longest slice of each duty that was ever done: name and nanoseconds of processor time.
    pub longest_slices: Vec<(&'static str, u64)>,
    /// The most memory that was ever seen in use, in bytes.
    pub peak_memory: u64,
    /// When that was, in seconds since 1970.
    pub peak_time: i64,
    /// Each command, by its row's number.
    pub per_command: Vec<CommandStats>,
    /// Commands, bytes in and out per second, over the last samples.
    pub rates: Rates,
}

impl Stats {
    /// Counters for so many rows.
    pub fn new(rows: usize) -> Stats {
        Stats { per_command: vec![CommandStats::default(); rows], ..Stats::default() }
    }

    /// Everything to zero but the rates, which are of now. The peak of memory begins anew as well: the
    /// next sample finds what is in use. `freed`: objects freed off the core so far.
    pub fn reset(&mut self, freed: u64) {
        let rates = std::mem::take(&mut self.rates);
        *self = Stats { rates, freed_before: freed, ..Stats::new(self.per_command.len()) };
        self.rates.restart();
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

const SAMPLES: usize = 16;

/// Rates over the last 16 samples, as INFO's `instantaneous_*` fields show them.
#[derive(Debug, Default)]
pub struct Rates {
    last: Option<(Now, [u64; 3])>,
    samples: [[u64; 3]; SAMPLES],
    next: usize,
}

impl Rates {
    /// Takes a sample of the running totals: commands, bytes in, bytes out.
    pub fn sample(&mut self, now: Now, totals: [u64; 3]) {
        if let Some((then, before)) = self.last {
            let passed = now.mono_us.saturating_sub(then.mono_us).max(1);
            let rate = |i: usize| {
                let grown = totals[i].saturating_sub(before[i]);
                u64::try_from(u128::from(grown) * 1_000_000 / u128::from(passed))
                    .unwrap_or(u64::MAX)
            };
            self.samples[self.next] = [rate(0), rate(1), rate(2)];
            self.next = (self.next + 1) % SAMPLES;
        }
        self.last = Some((now, totals));
    }

    /// The totals begin anew at zero: the next sample only notes them.
    fn restart(&mut self) {
        self.last = None;
    }

    /// The mean: commands, bytes in, bytes out per second.
    pub fn mean(&self) -> [u64; 3] {
        std::array::from_fn(|i| {
            self.samples.iter().map(|sample| sample[i]).sum::<u64>() / SAMPLES as u64
        })
    }
}

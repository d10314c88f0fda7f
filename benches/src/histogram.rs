//! A histogram of durations with a fixed relative error.
//!
//! Owns: the counts.   Uses: nothing.   Never: a lock, an allocation after `new`.
//!
//! Each power of two of nanoseconds is cut into 128 equal steps, so a percentile is at most 0.8 % too
//! high and recording costs a few instructions: the generator shares the machine with what it measures.

use std::time::Duration;

const STEP_BITS: u32 = 7;
const STEPS: u64 = 1 << STEP_BITS;
/// Durations from 2^40 ns (18 minutes) on are counted in the last step.
const MAX_BITS: u32 = 40;

/// Counts of durations. Memory: 34 KiB.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

impl Histogram {
    /// An empty histogram.
    pub fn new() -> Histogram {
        Histogram { counts: vec![0; step(u64::MAX) + 1], total: 0, max: 0 }
    }

    /// Counts one duration. O(1).
    pub fn record(&mut self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.counts[step(nanos)] += 1;
        self.total += 1;
        self.max = self.max.max(nanos);
    }

    /// How many durations were counted.
    pub fn count(&self) -> u64 {
        self.total
    }

    /// The longest duration, exact, in microseconds.
    pub fn max_us(&self) -> f64 {
        self.max as f64 / 1e3
    }

    /// The duration in microseconds that a share `q` (0 to 1) of all durations do not exceed; 0 when empty.
    pub fn percentile_us(&self, q: f64) -> f64 {
        let wanted = ((q * self.total as f64).ceil() as u64).clamp(1, self.total.max(1));
        let mut seen = 0;
        for (at, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return end_of_step(at).min(self.max) as f64 / 1e3;
            }
        }
        0.0
    }

    /// Forgets everything counted so far.
    pub fn clear(&mut self) {
        self.counts.fill(0);
        self.total = 0;
        self.max = 0;
    }
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram::new()
    }
}

/// The step that counts `nanos`: itself below 2 * STEPS, then STEPS steps for each power of two.
fn step(nanos: u64) -> usize {
    let nanos = nanos.min((1 << MAX_BITS) - 1);
    let shift = (u64::BITS - nanos.leading_zeros()).saturating_sub(STEP_BITS + 1);
    (u64::from(shift) * STEPS + (nanos >> shift)) as usize
}

/// The longest duration that `step` counts at `at`.
fn end_of_step(at: usize) -> u64 {
    let at = at as u64;
    let shift = (at / STEPS).saturating_sub(1);
    ((at - shift * STEPS + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_lies_in_its_step_and_steps_are_narrow() {
        for nanos in (0..1000).chain((10..40).map(|bits| (1 << bits) + (1 << (bits - 2)) + 3)) {
            let end = end_of_step(step(nanos));
            assert!(end >= nanos, "{nanos} ends at {end}");
            assert!(end - nanos <= nanos / STEPS, "{nanos} is reported as {end}");
        }
    }

    #[test]
    fn percentiles_of_a_known_set() {
        let mut histogram = Histogram::new();
        (1..=1000).for_each(|us| histogram.record(Duration::from_micros(us)));
        for (q, us) in [(0.5, 500.0), (0.99, 990.0), (0.999, 999.0), (1.0, 1000.0)] {
            let got = histogram.percentile_us(q);
            assert!((us..us * 1.008).contains(&got), "p{q} is {got}");
        }
        assert_eq!(histogram.max_us(), 1000.0);
        histogram.clear();
        assert_eq!((histogram.count(), histogram.percentile_us(0.5)), (0, 0.0));
    }

    #[test]
    fn absurd_durations_are_counted_too() {
        let mut histogram = Histogram::new();
        histogram.record(Duration::from_secs(1 << 40));
        assert_eq!(histogram.count(), 1);
    }
}

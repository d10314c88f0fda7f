//! How long calls took: how many for each duration, within two decimal digits.
//!
//! Owns: the counts.   Uses: nothing.   Never: measures time.
//!
//! The steps are those of an HDR histogram with two significant digits, so that percentiles read the same as
//! those of other servers: below 256 ns each nanosecond has a count of its own, and each doubling above has 128.
//!
//! ```text
//!   page   0: 0..128   1: 128..256   2: 256..512 by 2   3: 512..1024 by 4   ...   23: ..2^30 by 2^22
//! ```
//! A page is made when something falls into it; most commands need three or four.

/// Counts in a page.
const PAGE: usize = 128;
/// As many as reach a second.
const PAGES: usize = 24;
/// What takes longer counts as so many nanoseconds.
const LONGEST: u64 = 1_000_000_000;
/// Where the first of the buckets for people ends, in nanoseconds; each further one ends at twice as much.
const FIRST_BUCKET: u64 = 1024;

/// Durations in nanoseconds, from 1 to a second.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    pages: [Option<Box<[u64; PAGE]>>; PAGES],
    calls: u64,
}

impl Histogram {
    /// Counts calls that took so many nanoseconds each. O(1).
    #[inline]
    pub fn record(&mut self, nanos: u64, calls: u64) {
        let (page, at) = place(nanos.clamp(1, LONGEST));
        self.pages[page].get_or_insert_with(|| Box::new([0; PAGE]))[at] += calls;
        self.calls += calls;
    }

    /// How many calls were counted.
    pub fn calls(&self) -> u64 {
        self.calls
    }

    /// The duration, in nanoseconds, within which so many percent of the calls were over. O(counts).
    pub fn percentile(&self, percent: f64) -> u64 {
        if percent <= 0.0 {
            return self.counts().next().map_or(0, |(lowest, _, _)| lowest);
        }
        let share = percent.min(100.0) / 100.0;
        // Half is added so that 50 % of 3 calls are 2.
        let wanted = ((share * self.calls as f64 + 0.5) as u64).max(1);
        let mut seen = 0;
        let reached = self.counts().find(|(_, _, calls)| {
            seen += calls;
            seen >= wanted
        });
        reached.map_or(0, |(_, highest, _)| highest)
    }

    /// For each power of two of microseconds at which there are more calls than before: its microseconds, and
    /// how many calls took no longer. O(counts).
    pub fn cumulative(&self) -> Vec<(u64, u64)> {
        let mut steps: Vec<(u64, u64)> = Vec::new();
        let (mut end, mut seen) = (bucket_end(FIRST_BUCKET), 0);
        for (_, highest, calls) in self.counts() {
            while highest > end {
                end = bucket_end((end + 1).next_power_of_two());
            }
            seen += calls;
            match steps.last_mut() {
                Some((micros, so_far)) if *micros == end / 1000 => *so_far = seen,
                _ => steps.push((end / 1000, seen)),
            }
        }
        steps
    }

    /// Every step that was met: its shortest and its longest duration, and its calls.
    fn counts(&self) -> impl Iterator<Item = (u64, u64, u64)> {
        let pages = self.pages.iter().enumerate();
        let met = pages.filter_map(|(page, counts)| counts.as_deref().map(|counts| (page, counts)));
        met.flat_map(|(page, counts)| {
            let steps = counts.iter().enumerate().filter(|(_, calls)| **calls > 0);
            steps.map(move |(at, &calls)| {
                let (lowest, width) = step(page, at);
                (lowest, lowest + width - 1, calls)
            })
        })
    }
}

/// The page of a duration, and the place on it.
#[inline]
fn place(nanos: u64) -> (usize, usize) {
    // Below 256 the first bit that is set does not matter yet.
    let page = (u64::BITS - (nanos | 0x7f).leading_zeros() - 7) as usize;
    let shift = page.saturating_sub(1);
    (page, (nanos >> shift) as usize % PAGE)
}

/// The shortest duration of a step, and how many nanoseconds wide the step is.
fn step(page: usize, at: usize) -> (u64, u64) {
    let shift = page.saturating_sub(1);
    let first = if page == 0 { 0 } else { PAGE };
    (((first + at) as u64) << shift, 1 << shift)
}

/// The longest duration that counts to the bucket that ends at so many nanoseconds: that of its step.
fn bucket_end(nanos: u64) -> u64 {
    let (page, at) = place(nanos);
    let (lowest, width) = step(page, at);
    lowest + width - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(durations: &[(u64, u64)]) -> Histogram {
        let mut histogram = Histogram::default();
        for &(nanos, calls) in durations {
            histogram.record(nanos, calls);
        }
        histogram
    }

    #[test]
    fn percentiles_read_as_those_of_a_real_server() {
        // Microseconds that redis-server 7.0 was seen to show for calls of 2, 3, 10, 39 and 1090 us.
        let shown =
            [2_000, 3_000, 10_000, 39_000, 1_090_000].map(|n| of(&[(n, 1)]).percentile(50.0));
        assert_eq!(shown, [2_007, 3_007, 10_047, 39_167, 1_097_727]);
        assert_eq!(of(&[(6_000, 1)]).percentile(0.0), 5_984);
        assert_eq!(of(&[(0, 1)]).percentile(99.9), 1);
    }

    #[test]
    fn half_of_the_calls_are_within_the_median() {
        let histogram = of(&[(1_000, 98), (50_000, 1), (900_000, 1)]);
        let at = |percent| histogram.percentile(percent);
        assert!((1_000..1_008).contains(&at(50.0)) && at(98.0) == at(50.0));
        assert!((50_000..50_500).contains(&at(99.0)) && at(100.0) >= 900_000);
        assert_eq!(Histogram::default().percentile(50.0), 0);
    }

    #[test]
    fn buckets_for_people_are_powers_of_two() {
        let histogram = of(&[(1, 1), (3_000, 2), (4_000, 1), (30_000, 5), (2_000_000_000, 1)]);
        let steps = histogram.cumulative();
        assert_eq!(steps, [(1, 1), (4, 4), (33, 9), (1_082_130, 10)]);
        assert_eq!(of(&[(2_000_000, 1)]).cumulative(), [(2_113, 1)], "as redis-server 7.0 shows");
        assert!(Histogram::default().cumulative().is_empty());
    }

    proptest! {
        #[test]
        fn a_duration_is_known_within_a_hundredth(nanos in 1..LONGEST) {
            let (page, at) = place(nanos);
            let (lowest, width) = step(page, at);
            prop_assert!((lowest..lowest + width).contains(&nanos), "{page} {at}");
            prop_assert!(width == 1 || width * 100 <= nanos);
        }
    }
}

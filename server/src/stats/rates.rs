//! Figures of the last moments: rates, and the highest of the last seconds.
//!
//! Owns: a few samples.   Uses: base.   Never: asks the time.

use crate::base::time::Now;

const SAMPLES: usize = 16;

/// What rates are taken of.
#[derive(Clone, Copy, Debug)]
pub enum Of {
    /// Commands.
    Commands,
    /// Bytes received.
    BytesIn,
    /// Bytes sent.
    BytesOut,
    /// Turns of the engine.
    Turns,
    /// Nanoseconds of turns.
    TurnNanos,
    /// Nanoseconds of processor time of the core thread.
    CoreNanos,
}

/// A figure for each [`Of`], in its order.
pub type Totals = [u64; 6];

/// Rates over the last 16 samples, as INFO's `instantaneous_*` fields show them.
#[derive(Debug, Default)]
pub struct Rates {
    last: Option<(Now, Totals)>,
    samples: [Totals; SAMPLES],
    next: usize,
}

impl Rates {
    /// Takes a sample of the running totals.
    pub fn sample(&mut self, now: Now, totals: Totals) {
        if let Some((then, before)) = self.last {
            let passed = now.mono_us.saturating_sub(then.mono_us).max(1);
            self.samples[self.next] = std::array::from_fn(|i| {
                let grown = totals[i].saturating_sub(before[i]);
                u64::try_from(u128::from(grown) * 1_000_000 / u128::from(passed))
                    .unwrap_or(u64::MAX)
            });
            self.next = (self.next + 1) % SAMPLES;
        }
        self.last = Some((now, totals));
    }

    /// The totals begin anew at zero: the next sample only notes them.
    pub(super) fn restart(&mut self) {
        self.last = None;
    }

    /// The mean per second.
    pub fn mean(&self, of: Of) -> u64 {
        self.samples.iter().map(|sample| sample[of as usize]).sum::<u64>() / SAMPLES as u64
    }
}

/// Seconds that [`Recent`] looks back.
const SECONDS: usize = 8;

/// The highest figure of the last 8 seconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Recent {
    /// The second, and the highest figure in it.
    slots: [(u64, u64); SECONDS],
}

impl Recent {
    /// Notes a figure.
    pub fn note(&mut self, now: Now, figure: u64) {
        let second = now.mono_us / 1_000_000;
        let slot = &mut self.slots[(second % SECONDS as u64) as usize];
        *slot = if slot.0 == second { (second, slot.1.max(figure)) } else { (second, figure) };
    }

    /// The highest.
    pub fn highest(&self, now: Now) -> u64 {
        let since = (now.mono_us / 1_000_000).saturating_sub(SECONDS as u64 - 1);
        let recent = self.slots.iter().filter(|(second, _)| *second >= since);
        recent.map(|(_, figure)| *figure).max().unwrap_or(0)
    }
}

/// How long something has lasted that comes and goes, in microseconds of the monotonic clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spell {
    since: Option<u64>,
    before: u64,
}

impl Spell {
    /// Says whether it lasts now.
    #[inline]
    pub fn set(&mut self, lasts: bool, now: Now) {
        match (self.since, lasts) {
            (None, true) => self.since = Some(now.mono_us),
            (Some(_), false) => {
                self.before = self.total(now);
                self.since = None;
            }
            (None, false) | (Some(_), true) => {}
        }
    }

    /// This time, so far.
    pub fn current(&self, now: Now) -> u64 {
        self.since.map_or(0, |since| now.mono_us.saturating_sub(since))
    }

    /// All times together.
    pub fn total(&self, now: Now) -> u64 {
        self.before + self.current(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Now {
        Now { unix_us: 0, mono_us: seconds * 1_000_000 }
    }

    #[test]
    fn rates_are_per_second() {
        let mut rates = Rates::default();
        for second in 0..=SAMPLES as u64 {
            rates.sample(at(2 * second), [second * 10, 0, second * 4, 0, 0, 0]);
        }
        assert_eq!([Of::Commands, Of::BytesIn, Of::BytesOut].map(|of| rates.mean(of)), [5, 0, 2]);
    }

    #[test]
    fn what_is_long_ago_is_forgotten() {
        let mut recent = Recent::default();
        recent.note(at(100), 7);
        recent.note(at(100), 3);
        recent.note(at(104), 5);
        assert_eq!([100, 107, 108, 111, 112].map(|now| recent.highest(at(now))), [7, 7, 5, 5, 0]);
    }

    #[test]
    fn spells_add_up() {
        let mut spell = Spell::default();
        for (second, lasts) in [(1, true), (2, true), (4, false), (5, false), (10, true)] {
            spell.set(lasts, at(second));
        }
        assert_eq!((spell.current(at(11)), spell.total(at(11))), (1_000_000, 4_000_000));
    }
}

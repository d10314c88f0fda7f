//! When or how often a key was used: the meaning of an entry's access word.
//!
//! Owns: the word's 32 bits.   Uses: base::random.   Never: chooses a victim (evict does), asks the time.
//!
//! ```text
//!  31   30 ............................. 0
//!  | 0 |  last use, in ticks of 10 ms    |    by recency; wraps after 248 days
//!  | 1 | minute (16) |  counter (15)     |    by frequency; the minute wraps after 45 days
//!                      8 bits . 7 bits        log counter, 128 steps for each of Redis's
//!  0 is the word of an entry that nobody has touched yet
//! ```
//!
//! The uppermost bit says which of the two a word is, so that after a change of policy old words keep their
//! meaning: a counter tells its minute to a policy by recency, and a last use counts as a new key that has been
//! decaying since to one by frequency.
//!
//! Two words are compared by their distance from now. A key that nobody used for so long that its time wraps looks
//! used; Redis's clock wraps as well, after 194 days.

use crate::base::random::Rng;

/// Microseconds of a tick.
const TICK_US: u64 = 10_000;
const MINUTE_US: u64 = 60_000_000;
const TICKS_PER_MINUTE: u64 = MINUTE_US / TICK_US;
/// Set in words by frequency.
const COUNTED: u32 = 1 << 31;
const TICKS: u32 = COUNTED - 1;
/// The most idle a restored key can be: it has as long again until its time wraps.
const IDLE_MAX: u64 = (TICKS / 2) as u64;

const STEP_BITS: u32 = 7;
/// Steps of the counter for each of Redis's.
const STEPS: u32 = 1 << STEP_BITS;
const COUNTER: u32 = (1 << 15) - 1;
const MINUTE_SHIFT: u32 = 15;
const MINUTES: u32 = 0xffff;
/// Where new keys begin, so that they live long enough to be used again.
const START: u32 = 5 << STEP_BITS;

/// Now, as access words tell it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    ticks: u64,
}

impl Clock {
    /// A reading of a clock that never jumps, in microseconds.
    #[inline]
    pub fn new(mono_us: u64) -> Clock {
        Clock { ticks: mono_us / TICK_US }
    }

    /// Ticks of 10 ms, which never wrap.
    pub fn ticks(self) -> i64 {
        // 2^63 us are 292,000 years.
        self.ticks as i64
    }

    #[inline]
    fn recent(self) -> u32 {
        // 0 is kept for entries that nobody touched.
        (self.ticks as u32 & TICKS).max(1)
    }

    fn minute(self) -> u32 {
        (self.ticks / TICKS_PER_MINUTE) as u32 & MINUTES
    }

    fn minutes_since(self, word: u32) -> u32 {
        self.minute().wrapping_sub(word >> MINUTE_SHIFT) & MINUTES
    }
}

/// How counters of use grow and decay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counting {
    /// A use adds 1 / (factor x (counter - 5) + 1).
    pub log_factor: u32,
    /// Minutes after which a counter loses 1; 0: never.
    pub decay_minutes: u32,
}

/// What a use does to a key's access word.
#[derive(Clone, Copy, Debug)]
pub struct Touch {
    clock: Clock,
    counting: Option<(Counting, u64)>,
}

impl Touch {
    /// Writes the time.
    #[inline]
    pub fn recency(clock: Clock) -> Touch {
        Touch { clock, counting: None }
    }

    /// Counts. `salt` is a random number for this command.
    pub fn frequency(clock: Clock, counting: Counting, salt: u64) -> Touch {
        Touch { clock, counting: Some((counting, salt)) }
    }

    /// The word after one more use of a key with this hash.
    #[inline]
    pub fn used(self, word: u32, hash: u64) -> u32 {
        match self.counting {
            None => self.clock.recent(),
            Some((counting, salt)) => count(word, self.clock, counting, salt ^ hash),
        }
    }

    /// The word of a key of which only this is known.
    pub fn restored(self, known: Known) -> u32 {
        match known {
            Known::Nothing => self.used(0, 0),
            Known::Idle(seconds) => {
                let ticks = seconds.saturating_mul(1_000_000 / TICK_US).min(IDLE_MAX);
                (self.clock.ticks.wrapping_sub(ticks) as u32 & TICKS).max(1)
            }
            Known::Frequency(counter) => {
                counted(self.clock.minute(), u32::from(counter) << STEP_BITS)
            }
        }
    }
}

/// What a snapshot knows of a key's use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nothing.
    Nothing,
    /// Seconds since it was used.
    Idle(u64),
    /// Its logarithmic counter.
    Frequency(u8),
}

/// What a snapshot shall know of its keys' use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Telling {
    /// Nothing: nobody asks for it.
    #[default]
    Nothing,
    /// How long each was idle.
    Idle(Clock),
    /// How often each was used.
    Frequency(Clock, Counting),
}

impl Telling {
    /// What it shall know of the key with this word.
    #[inline]
    pub fn of(self, word: u32) -> Known {
        match self {
            Telling::Nothing => Known::Nothing,
            Telling::Idle(clock) => Known::Idle(idle_seconds(word, clock)),
            Telling::Frequency(clock, counting) => {
                Known::Frequency(frequency_whole(word, clock, counting))
            }
        }
    }
}

/// How long ago a key was used, in ticks of 10 ms; a counter knows it to the minute.
pub fn idle_ticks(word: u32, clock: Clock) -> u64 {
    if word & COUNTED != 0 {
        u64::from(clock.minutes_since(word)) * TICKS_PER_MINUTE
    } else {
        u64::from((clock.ticks as u32).wrapping_sub(word) & TICKS)
    }
}

/// How long ago a key was used, in seconds.
pub fn idle_seconds(word: u32, clock: Clock) -> u64 {
    idle_ticks(word, clock) * TICK_US / 1_000_000
}

/// A key's counter, decayed until now, in 128ths.
pub fn frequency(word: u32, clock: Clock, counting: Counting) -> u16 {
    decayed(word, clock, counting).0 as u16
}

/// A key's counter, decayed until now, as OBJECT FREQ and snapshots tell it.
pub fn frequency_whole(word: u32, clock: Clock, counting: Counting) -> u8 {
    (decayed(word, clock, counting).0 >> STEP_BITS) as u8
}

/// The counter until now, and the minute until which it has decayed.
fn decayed(word: u32, clock: Clock, counting: Counting) -> (u32, u32) {
    let (counter, minutes, since) = if word & COUNTED != 0 {
        (word & COUNTER, clock.minutes_since(word), word >> MINUTE_SHIFT & MINUTES)
    } else {
        // A last use, or no use yet: it counts as a new key of that time.
        let minutes = if word == 0 { 0 } else { idle_ticks(word, clock) / TICKS_PER_MINUTE };
        let minutes = u32::try_from(minutes).unwrap_or(u32::MAX);
        (START, minutes, clock.minute().wrapping_sub(minutes) & MINUTES)
    };
    // Whole periods only, and the rest of one is kept: else a key that is used every minute would never decay.
    let Some(periods) = minutes.checked_div(counting.decay_minutes) else {
        return (counter, clock.minute());
    };
    let lost = periods.saturating_mul(STEPS);
    (counter.saturating_sub(lost), since.wrapping_add(periods * counting.decay_minutes) & MINUTES)
}

#[inline(never)]
fn count(word: u32, clock: Clock, counting: Counting, salt: u64) -> u32 {
    if word == 0 {
        return counted(clock.minute(), START);
    }
    let (counter, minute) = decayed(word, clock, counting);
    // Fixed point all the way: at 1 / 11 a use adds 11.6 steps, so one of 11 and a chance of 0.6 of another.
    let over = u64::from(counter.saturating_sub(START));
    let divisor = (over * u64::from(counting.log_factor)).saturating_add(u64::from(STEPS));
    let gain = u64::from(STEPS * STEPS);
    // A random number in 0..divisor.
    let chance = Rng::new(salt).below(divisor);
    let more = u64::from(chance < gain % divisor);
    let gained = (gain / divisor + more) as u32;
    counted(minute, (counter + gained).min(COUNTER))
}

fn counted(minute: u32, counter: u32) -> u32 {
    COUNTED | minute << MINUTE_SHIFT | counter
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const USUAL: Counting = Counting { log_factor: 10, decay_minutes: 1 };

    fn at_minute(minute: u64) -> Clock {
        Clock::new(minute * MINUTE_US)
    }

    fn random(seed: u64) -> u64 {
        super::Rng::new(seed).next_u64()
    }

    /// The counter after so many uses within a minute.
    fn after(uses: u64, log_factor: u32) -> f64 {
        let counting = Counting { log_factor, ..USUAL };
        let word = (0..=uses).fold(0, |word, salt| {
            Touch::frequency(Clock::new(0), counting, random(salt)).used(word, 7)
        });
        f64::from(frequency(word, Clock::new(0), counting)) / f64::from(STEPS)
    }

    #[test]
    fn counters_grow_as_the_manual_of_redis_shows() {
        for (factor, uses, expected) in [
            (0, 100, 105.0),
            (0, 1000, 255.0),
            (1, 1000, 49.0),
            (1, 100_000, 255.0),
            (10, 100, 10.0),
            (10, 1000, 18.0),
            (10, 100_000, 142.0),
            (100, 1000, 11.0),
            (100, 100_000, 49.0),
        ] {
            let counter = after(uses, factor);
            let most = f64::max(1.5, expected * 0.05);
            assert!((counter - expected).abs() <= most, "{factor} {uses}: {counter}");
        }
    }

    #[test]
    fn few_uses_can_be_told_apart() {
        let counters: Vec<f64> = [1, 2, 4, 8, 16].map(|uses| after(uses, 10)).to_vec();
        assert!(counters.is_sorted_by(|a, b| a < b), "{counters:?}");
    }

    #[test]
    fn counters_decay_by_whole_periods_and_keep_the_rest() {
        let slow = Counting { log_factor: 10, decay_minutes: 3 };
        let new = Touch::frequency(at_minute(0), slow, 0).restored(Known::Frequency(50));
        let read = |word, minute| frequency_whole(word, at_minute(minute), slow);
        assert_eq!((read(new, 2), read(new, 3), read(new, 8), read(new, 9)), (50, 49, 48, 47));
        // Used every minute, with a gain of next to nothing.
        let word = (1..=30).fold(new, |word, minute| {
            Touch::frequency(at_minute(minute), slow, minute).used(word, 0)
        });
        assert_eq!(read(word, 30), 40);
        let never = Counting { decay_minutes: 0, ..slow };
        assert_eq!(frequency_whole(new, at_minute(30_000), never), 50);
    }

    #[test]
    fn old_words_keep_a_meaning_after_the_policy_has_changed() {
        let used = Touch::recency(at_minute(10)).used(0, 0);
        let clock = at_minute(12);
        assert_eq!(
            frequency_whole(used, clock, USUAL),
            3,
            "a new key that decayed for two minutes"
        );
        let word = Touch::frequency(clock, USUAL, 0).used(used, 0);
        assert!(frequency_whole(word, clock, USUAL) >= 4);
        assert_eq!(idle_seconds(word, at_minute(15)), 180);
        assert_eq!(Touch::recency(at_minute(15)).used(word, 0), at_minute(15).recent());
    }

    #[test]
    fn what_a_snapshot_knows_is_kept() {
        let clock = at_minute(1);
        let lru = Touch::recency(clock);
        assert_eq!(idle_seconds(lru.restored(Known::Idle(86_400)), clock), 86_400);
        assert_eq!(idle_seconds(lru.restored(Known::Nothing), clock), 0);
        assert_eq!(idle_ticks(lru.restored(Known::Idle(u64::MAX)), clock), IDLE_MAX);
        assert_eq!(frequency_whole(lru.restored(Known::Frequency(255)), clock, USUAL), 255);
        let lfu = Touch::frequency(clock, USUAL, 9);
        assert_eq!(frequency_whole(lfu.restored(Known::Nothing), clock, USUAL), 5);
    }

    proptest! {
        #[test]
        fn ages_are_right_until_they_wrap(at_us in 0..1u64 << 60, idle_s in 0..248 * 86_400u64) {
            let word = Touch::recency(Clock::new(at_us)).used(0, 0);
            let seconds = idle_seconds(word, Clock::new(at_us + idle_s * 1_000_000));
            prop_assert!(seconds.abs_diff(idle_s) <= 1);
        }

        #[test]
        fn no_word_and_no_setting_breaks_the_arithmetic(
            word: u32, mono_us: u64, log_factor: u32, decay_minutes: u32, salt: u64,
        ) {
            let (clock, counting) = (Clock::new(mono_us), Counting { log_factor, decay_minutes });
            let before = frequency(word, clock, counting);
            let used = Touch::frequency(clock, counting, salt).used(word, 1);
            prop_assert!(used & COUNTED != 0);
            if word != 0 {
                prop_assert!(frequency(used, clock, counting) >= before.saturating_sub(1));
            }
            prop_assert_ne!(Touch::recency(clock).used(word, 1), 0);
        }
    }
}

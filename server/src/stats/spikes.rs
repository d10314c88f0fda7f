//! Moments at which the server was held up: what LATENCY tells.
//!
//! Owns: the latest samples of each event.   Uses: nothing.   Never: measures time, knows the threshold.

use std::collections::{BTreeMap, VecDeque};

/// Samples that are kept of an event.
const MOST_SAMPLES: usize = 160;

/// One second in which something held the server up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// In seconds since 1970.
    pub at: i64,
    /// The longest time in that second, in milliseconds.
    pub millis: u64,
}

/// What is known of an event: at least one sample, the oldest first.
#[derive(Clone, Debug, Default)]
pub struct Event {
    samples: VecDeque<Sample>,
    /// The longest time of all, in milliseconds.
    pub worst: u64,
}

impl Event {
    fn add(&mut self, at: i64, millis: u64) {
        self.worst = self.worst.max(millis);
        if let Some(last) = self.samples.back_mut().filter(|last| last.at == at) {
            last.millis = last.millis.max(millis);
            return;
        }
        if self.samples.len() == MOST_SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back(Sample { at, millis });
    }

    /// The samples, the oldest first.
    pub fn samples(&self) -> impl ExactSizeIterator<Item = Sample> {
        self.samples.iter().copied()
    }

    /// The sample that came last.
    pub fn latest(&self) -> Sample {
        *self.samples.back().expect("an event exists from its first sample on")
    }

    /// The mean of the samples and their mean distance from it, in milliseconds.
    pub fn mean(&self) -> (u64, u64) {
        let count = self.samples.len().max(1) as u64;
        let mean = self.samples().map(|sample| sample.millis).sum::<u64>() / count;
        let apart = self.samples().map(|sample| sample.millis.abs_diff(mean)).sum::<u64>();
        (mean, apart / count)
    }
}

/// All events, by name.
#[derive(Debug, Default)]
pub struct Spikes {
    events: BTreeMap<&'static str, Event>,
}

impl Spikes {
    /// Notes that something took so many milliseconds.
    pub fn note(&mut self, event: &'static str, at: i64, millis: u64) {
        self.events.entry(event).or_default().add(at, millis);
    }

    /// What is known of an event.
    pub fn get(&self, event: &[u8]) -> Option<&Event> {
        self.events.get(std::str::from_utf8(event).ok()?)
    }

    /// All events, sorted by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'static str, &Event)> {
        self.events.iter().map(|(&name, event)| (name, event))
    }

    /// Forgets an event and says whether there was anything to forget.
    pub fn forget(&mut self, event: &[u8]) -> bool {
        std::str::from_utf8(event).is_ok_and(|name| self.events.remove(name).is_some())
    }

    /// Forgets all events and says how many there were.
    pub fn clear(&mut self) -> usize {
        std::mem::take(&mut self.events).len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_one_sample_and_the_oldest_go() {
        let mut spikes = Spikes::default();
        for (at, millis) in [(1, 10), (2, 20), (2, 30), (2, 5), (4, 50)] {
            spikes.note("command", at, millis);
        }
        let event = spikes.get(b"command").expect("it was noted");
        let seen: Vec<_> = event.samples().map(|sample| (sample.at, sample.millis)).collect();
        assert_eq!((seen, event.worst), (vec![(1, 10), (2, 30), (4, 50)], 50));
        assert_eq!((event.mean(), event.latest().millis), ((30, 13), 50));
        for at in 0..1000 {
            spikes.note("fork", at, 1);
        }
        assert_eq!(spikes.get(b"fork").map(|event| event.samples().len()), Some(MOST_SAMPLES));
        assert!(spikes.forget(b"fork") && !spikes.forget(b"fork") && spikes.get(b"fork").is_none());
        assert_eq!((spikes.clear(), spikes.iter().len()), (1, 0));
    }
}

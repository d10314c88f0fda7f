//! What connections hold in memory: of each, and of each class together.
//!
//! Owns: one line for each seat, the sums.   Uses: nothing.   Never: measures anything, closes anybody.
//!
//! The lines lie side by side, 16 bytes each, so that finding the heaviest connections among thousands takes
//! microseconds, and it is looked for only when the sums are above a limit.
//!
//! Invariant: each sum is that of its class's lines.

use super::Class;

/// What one connection holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Bytes.
    pub bytes: u64,
    /// Whom they are counted with.
    pub class: Class,
    /// It must not be closed for them.
    pub spared: bool,
}

/// What all connections hold.
#[derive(Debug, Default)]
pub struct Ledger {
    lines: Vec<Line>,
    sums: [u64; Class::ALL.len()],
}

impl Ledger {
    /// Writes down what the connection in a seat holds now. O(1).
    #[inline]
    pub fn set(&mut self, seat: u32, line: Line) {
        let seat = seat as usize;
        if seat >= self.lines.len() {
            self.lines.resize(seat + 1, Line::default());
        }
        let before = std::mem::replace(&mut self.lines[seat], line);
        self.sums[before.class as usize] -= before.bytes;
        self.sums[line.class as usize] += line.bytes;
    }

    /// Bytes that the connection in a seat holds.
    pub fn bytes(&self, seat: u32) -> u64 {
        self.lines.get(seat as usize).map_or(0, |line| line.bytes)
    }

    /// Bytes that a class holds. O(1).
    pub fn sum(&self, class: Class) -> u64 {
        self.sums[class as usize]
    }

    /// Bytes that all connections hold. O(1).
    #[inline]
    pub fn total(&self) -> u64 {
        self.sums.iter().sum()
    }

    /// The heaviest connections that may be closed, as few as hold `excess` bytes together, and no more than `most`.
    /// Those of a higher power of two come first; within one they come in the order of their seats. O(seats), two
    /// passes of about a nanosecond each.
    pub fn heaviest(&self, excess: u64, most: usize) -> Vec<u32> {
        let mut by_power = [0_u64; 65];
        for line in self.evictable() {
            by_power[power(line.1.bytes)] += line.1.bytes;
        }
        let mut chosen = Vec::new();
        let mut left = excess;
        for wanted in (1..by_power.len()).rev().filter(|&at| by_power[at] > 0) {
            for (seat, line) in self.evictable().filter(|(_, line)| power(line.bytes) == wanted) {
                if left == 0 || chosen.len() == most {
                    return chosen;
                }
                left = left.saturating_sub(line.bytes);
                chosen.push(seat);
            }
        }
        chosen
    }

    fn evictable(&self) -> impl Iterator<Item = (u32, &Line)> {
        let numbered = (0..).zip(&self.lines);
        numbered.filter(|(_, line)| line.bytes > 0 && !line.spared)
    }
}

/// Bits that the number needs.
fn power(bytes: u64) -> usize {
    (u64::BITS - bytes.leading_zeros()) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(bytes: u64, class: Class, spared: bool) -> Line {
        Line { bytes, class, spared }
    }

    #[test]
    fn the_heaviest_go_first_and_only_as_many_as_needed() {
        let mut ledger = Ledger::default();
        for (seat, bytes) in [(0, 100), (1, 5_000), (2, 90_000), (3, 5_500), (9, 1)] {
            ledger.set(seat, line(bytes, Class::Normal, false));
        }
        ledger.set(4, line(1 << 30, Class::Pubsub, true));
        assert_eq!(ledger.heaviest(1, 10), [2]);
        assert_eq!(ledger.heaviest(90_001, 10), [2, 1]);
        assert_eq!(ledger.heaviest(u64::MAX, 10), [2, 1, 3, 0, 9], "the spared one stays");
        assert_eq!(ledger.heaviest(u64::MAX, 2), [2, 1]);
        assert!(ledger.heaviest(0, 10).is_empty());
        ledger.set(2, Line::default());
        assert_eq!(ledger.heaviest(1, 10), [1]);
    }

    proptest! {
        #[test]
        fn the_sums_are_those_of_the_lines(
            lines in prop::collection::vec((0_u32..20, 0_u64..1 << 40, any::<bool>()), 0..200),
        ) {
            let mut ledger = Ledger::default();
            let mut known = std::collections::HashMap::new();
            for (seat, bytes, listens) in lines {
                let class = if listens { Class::Pubsub } else { Class::Normal };
                ledger.set(seat, line(bytes, class, false));
                known.insert(seat, (bytes, class));
            }
            for class in Class::ALL {
                let sum: u64 = known.values().filter(|known| known.1 == class).map(|k| k.0).sum();
                prop_assert_eq!(ledger.sum(class), sum);
            }
            let total: u64 = known.values().map(|known| known.0).sum();
            prop_assert_eq!(ledger.total(), total);
            let all: u64 = ledger.heaviest(total, usize::MAX).iter().map(|&s| ledger.bytes(s)).sum();
            prop_assert_eq!(all, total);
        }
    }
}

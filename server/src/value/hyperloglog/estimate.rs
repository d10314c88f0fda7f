//! From registers to a number of elements.
//!
//! Owns: the estimator.   Uses: nothing.   Never: how registers are kept.
//!
//! Of the registers only matters how many have each value. The estimator is that of Otmar Ertl, "New cardinality
//! estimation algorithms for HyperLogLog sketches" (2017), algorithm 6: no tables, no borders between ranges. Two
//! servers that have the same registers answer the same, so the order of the operations matters: sums of floating
//! point numbers are what they are.

use super::{HASH_BITS, REGISTERS};

/// How many registers have each value; values above 51 cannot come from a hash and count as nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Histogram(pub [u32; 64]);

/// 1 / (2 ln 2).
const ALPHA: f64 = 0.721_347_520_444_481_7;

impl Histogram {
    /// How many different elements there probably are; `i64::MIN` if there can be no so many, because no element was
    /// ever added and somebody has made registers up.
    pub fn estimate(&self) -> i64 {
        let all = REGISTERS as f64;
        let share = |count: u32| f64::from(count) / all;
        let full = all - f64::from(self.0[HASH_BITS + 1]);
        let mut sum = all * tau(full / all);
        for &count in self.0[1..=HASH_BITS].iter().rev() {
            sum = (sum + f64::from(count)) * 0.5;
        }
        sum += all * sigma(share(self.0[0]));
        // Infinite for no element.
        let estimate = (ALPHA * all * all / sum).round();
        // Two to the 63rd.
        if estimate < -(i64::MIN as f64) { estimate as i64 } else { i64::MIN }
    }
}

/// What registers of the highest value stand for.
fn tau(x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut root, mut weight, mut sum) = (x, 1.0, 1.0 - x);
    loop {
        root = root.sqrt();
        weight *= 0.5;
        let before = sum;
        sum -= (1.0 - root) * (1.0 - root) * weight;
        if sum == before {
            return sum / 3.0;
        }
    }
}

/// What empty registers stand for.
fn sigma(x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut power, mut weight, mut sum) = (x, 1.0, x);
    loop {
        power *= power;
        let before = sum;
        sum += power * weight;
        weight += weight;
        if sum == before {
            return sum;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(counts: &[(usize, u32)]) -> Histogram {
        let mut all = [0; 64];
        for &(value, count) in counts {
            all[value] = count;
        }
        Histogram(all)
    }

    #[test]
    fn the_ends_of_the_scale_are_finite() {
        let all = REGISTERS as u32;
        assert_eq!(histogram(&[(0, all)]).estimate(), 0);
        assert_eq!(histogram(&[(0, all - 1), (1, 1)]).estimate(), 1);
        // As a real server answers; the last of them cannot come from a hash.
        assert_eq!(histogram(&[(36, all)]).estimate(), 812_165_106_069_600);
        assert_eq!(histogram(&[(45, all)]).estimate(), 415_828_534_307_635_072);
        for value in [HASH_BITS, HASH_BITS + 1, 63] {
            assert_eq!(histogram(&[(value, all)]).estimate(), i64::MIN);
        }
    }
}

//! Rounds: servers take turns, and the median of their rounds becomes one number.
//!
//! Owns: the order of turns.   Uses: nothing.   Never: means, which one bad round would spoil.

use crate::Outcome;

/// Measures `count` servers in turn, round after round (A B C A B C), so that a drift of the machine meets all
/// of them alike. `measure` is told the server's place and the round. Returns the rounds of each server.
pub fn in_turns<T>(
    count: usize,
    rounds: usize,
    mut measure: impl FnMut(usize, usize) -> Outcome<T>,
) -> Outcome<Vec<Vec<T>>> {
    let mut all: Vec<Vec<T>> = (0..count).map(|_| Vec::with_capacity(rounds)).collect();
    for round in 0..rounds {
        for (at, measured) in all.iter_mut().enumerate() {
            measured.push(measure(at, round)?);
        }
    }
    Ok(all)
}

/// The median of `values`; the mean of the middle two when their count is even, 0 when there are none.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// `value / base`, or 0 when there is nothing to compare with.
pub fn ratio(value: f64, base: f64) -> f64 {
    if base > 0.0 { value / base } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_ignores_one_bad_round() {
        assert_eq!(median([3.0, 900.0, 1.0]), 3.0);
        assert_eq!(median([4.0, 2.0]), 3.0);
        assert_eq!(median([]), 0.0);
    }
}

//! Elements by chance: how many are asked for, and which.
//!
//! Owns: the count of SRANDMEMBER, HRANDFIELD and ZRANDMEMBER, and the choice of distinct ones.   Uses: random, resp.   Never: values.

use crate::base::bytes::parse_i64;
use crate::base::random::Rng;
use crate::resp::args::Args;
use crate::resp::{Error, Result};
use std::collections::BTreeSet;

/// What a count asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draw {
    /// So many different elements, or all if there are fewer.
    Distinct(usize),
    /// So many, each of which may come several times.
    Any(usize),
}

/// More elements than these are not drawn with repetition: the answer would not fit into memory. (Redis draws until
/// memory is full.)
const ANY_MAX: u64 = 1 << 24;

impl Draw {
    /// Reads a count: a negative one allows the same element several times.
    ///
    /// # Errors
    /// It is no number, or too many.
    pub fn parse(word: &[u8]) -> Result<Draw> {
        const RANGE: &str = "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807";
        let count = parse_i64(word).ok_or(Error::NotInteger)?;
        let most = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
        match count {
            i64::MIN => Err(Error::text(RANGE)),
            0.. => Ok(Draw::Distinct(most)),
            _ if count.unsigned_abs() > ANY_MAX => Err(Error::OutOfRange),
            _ => Ok(Draw::Any(most)),
        }
    }

    /// Reads what stands behind a key: a count, and whether what belongs to the elements is wanted with them, as the word
    /// `with` says.
    ///
    /// # Errors
    /// Those of [`Draw::parse`]; `Syntax` for other words; so many that twice as many words cannot be counted.
    pub fn parse_with(args: Args<'_>, with: &str) -> Result<(Draw, bool)> {
        let draw = Draw::parse(args.get(2))?;
        let is_with = match args.find(3) {
            None => false,
            Some(word) if args.len() == 4 && word.eq_ignore_ascii_case(with.as_bytes()) => true,
            Some(_) => return Err(Error::Syntax),
        };
        let (Draw::Distinct(count) | Draw::Any(count)) = draw;
        if is_with && count > isize::MAX.unsigned_abs() / 2 {
            return Err(Error::OutOfRange);
        }
        Ok((draw, is_with))
    }
}

/// Different numbers below `all`, so many of them or all, in ascending order. O(count log count).
pub fn distinct(rng: &mut Rng, count: usize, all: usize) -> BTreeSet<usize> {
    if count >= all {
        return (0..all).collect();
    }
    // Floyd's way: each step adds exactly one number, and all subsets have an even chance.
    let mut chosen = BTreeSet::new();
    for top in all - count..all {
        let pick = rng.below(top as u64 + 1) as usize;
        if !chosen.insert(pick) {
            chosen.insert(top);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_as_in_redis() {
        assert_eq!(Draw::parse(b"3"), Ok(Draw::Distinct(3)));
        assert_eq!(Draw::parse(b"-3"), Ok(Draw::Any(3)));
        for word in ["x", "-9223372036854775808", "-99999999"] {
            assert!(Draw::parse(word.as_bytes()).is_err(), "{word}");
        }
    }

    #[test]
    fn as_many_as_wanted_are_chosen_and_all_have_a_chance() {
        let mut rng = Rng::new(3);
        let mut seen = BTreeSet::new();
        for count in 0..12 {
            for _ in 0..50 {
                let chosen = distinct(&mut rng, count, 10);
                assert_eq!(chosen.len(), count.min(10));
                seen.extend(chosen);
            }
        }
        assert!(seen.into_iter().eq(0..10));
    }
}

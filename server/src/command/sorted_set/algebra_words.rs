//! What ZUNION and its like are asked.
//!
//! Owns: keys, WEIGHTS, AGGREGATE, WITHSCORES, LIMIT.   Uses: resp.   Never: data.

use super::algebra::Algebra;
use crate::base::bytes::{parse_f64, parse_i64};
use crate::command::number::limit;
use crate::resp::args::Args;
use crate::resp::{Error, Result};

/// What becomes of the scores of a member that several sets have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Aggregate {
    /// They are added.
    #[default]
    Sum,
    /// The least one stays.
    Min,
    /// The greatest one stays.
    Max,
    /// The weights of these sets are added, and scores mean nothing.
    Count,
}

/// What is made of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It is answered.
    Answer,
    /// It is kept.
    Store,
    /// Its members are counted.
    Count,
}

/// The options of one request.
#[derive(Debug)]
pub struct Options {
    /// One for each key.
    pub weights: Vec<f64>,
    /// What becomes of several scores.
    pub aggregate: Aggregate,
    /// Scores are wanted.
    pub with_scores: bool,
    /// Counting may end here.
    pub limit: usize,
}

impl Aggregate {
    /// What a set with this weight says of a member with this score.
    #[inline]
    pub fn weighted(self, score: f64, weight: f64) -> f64 {
        match self {
            Aggregate::Count => weight,
            Aggregate::Sum | Aggregate::Min | Aggregate::Max => weight * score,
        }
    }

    /// One score of two. Opposite infinities add up to 0.
    #[inline]
    pub fn both(self, old: f64, new: f64) -> f64 {
        match self {
            Aggregate::Sum | Aggregate::Count => number(old + new),
            Aggregate::Min => {
                if new < old {
                    new
                } else {
                    old
                }
            }
            Aggregate::Max => {
                if new > old {
                    new
                } else {
                    old
                }
            }
        }
    }
}

/// A score, or 0 for what is no number.
#[inline]
pub fn number(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// The keys behind their number, and the words behind them.
///
/// # Errors
/// The number is none, too small, or greater than there are words.
pub fn keys<'a>(args: Args<'a>, name: &'static str) -> Result<(Args<'a>, Args<'a>)> {
    let number = parse_i64(args.get(0)).ok_or(Error::NotInteger)?;
    let count = usize::try_from(number).ok().filter(|&count| count > 0);
    let count = count.ok_or_else(|| {
        Error::text(format!("ERR at least 1 input key is needed for '{name}' command"))
    })?;
    if count > args.len() - 1 {
        return Err(Error::Syntax);
    }
    Ok((args.until(1 + count).from(1), args.from(1 + count)))
}

impl Options {
    /// Reads the words behind the keys.
    ///
    /// # Errors
    /// As the real server's.
    pub fn parse(
        mut words: Args<'_>,
        keys: usize,
        how: Algebra,
        purpose: Purpose,
    ) -> Result<Options> {
        let has_scores = how != Algebra::Diff && purpose != Purpose::Count;
        let mut options = Options {
            weights: vec![1.0; keys],
            aggregate: Aggregate::default(),
            with_scores: false,
            limit: usize::MAX,
        };
        while let Some(word) = words.find(0) {
            let mut taken = 1;
            match word.to_ascii_lowercase().as_slice() {
                b"weights" if has_scores && words.len() > keys => {
                    options.weights = weights(words.from(1).until(keys))?;
                    taken += keys;
                }
                b"aggregate" if has_scores && words.len() > 1 => {
                    options.aggregate = aggregate(words.get(1))?;
                    taken += 1;
                }
                b"withscores" if purpose == Purpose::Answer => options.with_scores = true,
                b"limit" if purpose == Purpose::Count && words.len() > 1 => {
                    options.limit = limit(words.get(1), "LIMIT")?;
                    taken += 1;
                }
                _ => return Err(Error::Syntax),
            }
            words = words.from(taken);
        }
        Ok(options)
    }
}

fn weights(words: Args<'_>) -> Result<Vec<f64>> {
    let wrong = || Error::text("ERR weight value is not a float");
    words.iter().map(|word| parse_f64(word).ok_or_else(wrong)).collect()
}

fn aggregate(word: &[u8]) -> Result<Aggregate> {
    match word.to_ascii_lowercase().as_slice() {
        b"sum" => Ok(Aggregate::Sum),
        b"min" => Ok(Aggregate::Min),
        b"max" => Ok(Aggregate::Max),
        b"count" => Ok(Aggregate::Count),
        _ => Err(Error::Syntax),
    }
}

//! Numbers of keys and of elements, as requests state them.
//!
//! Owns: what such a number may be, the errors, and the words of LMPOP and its like.   Uses: resp.   Never: data.

use crate::base::bytes::parse_i64;
use crate::resp::args::Args;
use crate::resp::{Error, Result};
use std::ops::Range;

/// A number from 1 on. `name` is what the error calls it.
///
/// # Errors
/// It is no number, or not positive: one text for both.
pub fn positive<N: TryFrom<i64>>(word: &[u8], name: &str) -> Result<N> {
    let number = parse_i64(word).filter(|&number| number > 0);
    number
        .and_then(|number| N::try_from(number).ok())
        .ok_or_else(|| Error::text(format!("ERR {name} should be greater than 0")))
}

/// A number from 0 on, though Redis calls it positive.
///
/// # Errors
/// It is no number, or negative: one text for both.
pub fn count<N: TryFrom<i64>>(word: &[u8]) -> Result<N> {
    let number = parse_i64(word).filter(|&number| number >= 0);
    number
        .and_then(|number| N::try_from(number).ok())
        .ok_or(Error::text_const("ERR value is out of range, must be positive"))
}

/// At most how many; a 0 limits nothing and is the largest number there is. `name` is what the error calls it.
///
/// # Errors
/// It is no number, or negative: one text for both.
pub fn limit(word: &[u8], name: &str) -> Result<usize> {
    let limit = parse_i64(word).and_then(|limit| usize::try_from(limit).ok());
    let limit = limit.ok_or_else(|| Error::text(format!("ERR {name} can't be negative")))?;
    Ok(if limit == 0 { usize::MAX } else { limit })
}

/// What LMPOP, ZMPOP and those of them that wait are asked.
#[derive(Clone, Debug)]
pub struct FromFirst<S> {
    /// Where the keys stand among the arguments.
    pub keys: Range<usize>,
    /// The end to take from.
    pub side: S,
    /// The most elements.
    pub count: usize,
}

impl<S> FromFirst<S> {
    /// Reads `numkeys key [key ...] side [COUNT count]` from a position on, the side as `side` does.
    ///
    /// # Errors
    /// `Syntax`, a number that is not positive, or what `side` says.
    pub fn parse(args: Args<'_>, at: usize, side: fn(&[u8]) -> Result<S>) -> Result<FromFirst<S>> {
        let keys: usize = positive(args.get(at), "numkeys")?;
        let end = keys.checked_add(at + 1).filter(|&end| end < args.len()).ok_or(Error::Syntax)?;
        let side = side(args.get(end))?;
        let count = match args.len() - end - 1 {
            0 => 1,
            2 if args.get(end + 1).eq_ignore_ascii_case(b"count") => {
                positive(args.get(end + 2), "count")?
            }
            _ => return Err(Error::Syntax),
        };
        Ok(FromFirst { keys: at + 1..end, side, count })
    }
}

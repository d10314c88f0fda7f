//! Commands on lists.
//!
//! Owns: the family's files, and what they share.   Uses: contexts, `value::List`.   Never: waits: who wants to wait for an
//! element calls what serves here.

pub mod blocking;
pub mod elements;
pub mod ends;
pub mod many;
pub mod moves;
pub mod position;

use crate::base::bytes::parse_i64;
use crate::keyspace::change::Event;
use crate::resp::{Error, Result};
use crate::value::{Side, Value};
use std::ops::Range;

use super::context::WriteCx;

/// The end that a word names.
///
/// # Errors
/// `Syntax` for any word but LEFT and RIGHT.
pub fn side(word: &[u8]) -> Result<Side> {
    if word.eq_ignore_ascii_case(b"left") {
        Ok(Side::Left)
    } else if word.eq_ignore_ascii_case(b"right") {
        Ok(Side::Right)
    } else {
        Err(Error::Syntax)
    }
}

/// What is told of elements that came at an end.
pub fn pushed(side: Side) -> Event {
    match side {
        Side::Left => Event::LPUSH,
        Side::Right => Event::RPUSH,
    }
}

/// What is told of elements that went from an end.
pub fn popped(side: Side) -> Event {
    match side {
        Side::Left => Event::LPOP,
        Side::Right => Event::RPOP,
    }
}

/// A whole number.
fn integer(word: &[u8]) -> Result<i64> {
    parse_i64(word).ok_or(Error::NotInteger)
}

/// A number with a sign that can be turned.
///
/// # Errors
/// It is none, or the lowest there is.
fn signed(word: &[u8]) -> Result<i64> {
    match integer(word)? {
        i64::MIN => Err(Error::text(
            "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
        )),
        number => Ok(number),
    }
}

/// The index that a number means, which counts from the end if it is negative; none outside of the list.
fn index(number: i64, len: usize) -> Option<usize> {
    let index = if number < 0 { len.checked_sub(magnitude(number))? } else { magnitude(number) };
    (index < len).then_some(index)
}

/// The indexes from one number to another, both included, cut to the list.
fn range(start: i64, stop: i64, len: usize) -> Range<usize> {
    let from_end = |number: i64| len.checked_sub(magnitude(number));
    let start = if start < 0 { from_end(start).unwrap_or(0) } else { magnitude(start) };
    let end = if stop < 0 {
        from_end(stop).map_or(0, |stop| stop + 1)
    } else {
        magnitude(stop).saturating_add(1)
    };
    let end = end.min(len);
    if start < end { start..end } else { 0..0 }
}

/// A number without its sign; at most all there can be.
fn magnitude(number: i64) -> usize {
    usize::try_from(number.unsigned_abs()).unwrap_or(usize::MAX)
}

/// Has what was cut off a list freed where nobody waits for it.
fn discard(cx: &mut WriteCx<'_>, gone: Option<crate::value::List>) {
    cx.garbage.values.extend(gone.map(Value::List));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_from_either_end() {
        assert_eq!(
            [0, 2, 3, -1, -3, -4].map(|number| index(number, 3)),
            [Some(0), Some(2), None, Some(2), Some(0), None]
        );
        assert_eq!([i64::MIN, i64::MAX].map(|number| index(number, 3)), [None, None]);
    }

    #[test]
    fn ranges_are_cut_to_the_list() {
        assert_eq!(range(0, -1, 3), 0..3);
        assert_eq!(range(-100, 100, 3), 0..3);
        assert_eq!(range(1, 1, 3), 1..2);
        assert_eq!(range(-2, -2, 3), 1..2);
        assert_eq!(range(2, 1, 3), 0..0);
        assert_eq!(range(3, 5, 3), 0..0);
        assert_eq!(range(0, -4, 3), 0..0);
        assert_eq!(range(i64::MIN, i64::MAX, 3), 0..3);
        assert_eq!(range(i64::MAX, i64::MIN, 3), 0..0);
        assert_eq!(range(0, -1, 0), 0..0);
    }
}

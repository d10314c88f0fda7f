//! IDs as clients write them.
//!
//! Owns: their forms.   Uses: `value::stream::Id`.   Never: which entries there are.
//!
//! `1526919030474-55` is whole; `1526919030474` lacks its number, which is 0 unless something else is meant; `-` and `+`
//! are the first and the last one; `(` in front leaves the ID itself out.

use crate::base::bytes::parse_u64;
use crate::resp::{Error, Result};
use crate::value::stream::Id;

/// What is no ID.
pub fn invalid() -> Error {
    Error::text("ERR Invalid stream ID specified as stream command argument")
}

/// The longest text that can be one.
const LONGEST: usize = 127;

/// An ID, without `-` and `+`.
///
/// # Errors
/// It is none.
pub fn strict(word: &[u8], number: u64) -> Result<Id> {
    if word.len() > LONGEST {
        return Err(invalid());
    }
    let id = match word.iter().position(|&byte| byte == b'-') {
        None => number_of(word).map(|ms| Id::new(ms, number)),
        Some(dash) => number_of(&word[..dash])
            .zip(number_of(&word[dash + 1..]))
            .map(|(ms, seq)| Id::new(ms, seq)),
    };
    id.ok_or_else(invalid)
}

/// Half of an ID. Zeros, a plus and spaces in front are no part of the number.
fn number_of(text: &[u8]) -> Option<u64> {
    let text = text.trim_ascii_start();
    let text = text.strip_prefix(b"+").unwrap_or(text);
    let zeros = text.iter().take_while(|&&byte| byte == b'0').count();
    parse_u64(&text[zeros.min(text.len().saturating_sub(1))..])
}

/// An ID, or `-` or `+`.
///
/// # Errors
/// It is none.
pub fn any(word: &[u8], number: u64) -> Result<Id> {
    match word {
        b"-" => Ok(Id::MIN),
        b"+" => Ok(Id::MAX),
        word => strict(word, number),
    }
}

/// Where a range begins.
///
/// # Errors
/// It is no ID, or leaves out the last one.
pub fn from(word: &[u8]) -> Result<Id> {
    match exclusive(word) {
        None => any(word, 0),
        Some(word) => {
            let next = strict(word, 0)?.next();
            next.ok_or(Error::text("ERR invalid start ID for the interval"))
        }
    }
}

/// Where a range ends.
///
/// # Errors
/// It is no ID, or leaves out the first one.
pub fn to(word: &[u8]) -> Result<Id> {
    match exclusive(word) {
        None => any(word, u64::MAX),
        Some(word) => {
            let previous = strict(word, u64::MAX)?.previous();
            previous.ok_or(Error::text("ERR invalid end ID for the interval"))
        }
    }
}

fn exclusive(word: &[u8]) -> Option<&[u8]> {
    word.strip_prefix(b"(").filter(|rest| !rest.is_empty())
}

/// Whether a word is an option's, in any case.
pub fn is(word: &[u8], option: &str) -> bool {
    word.eq_ignore_ascii_case(option.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_ids() {
        assert_eq!(strict(b"5-6", 9), Ok(Id::new(5, 6)));
        assert_eq!(strict(b"5", 9), Ok(Id::new(5, 9)));
        assert_eq!(strict(b"007-010", 9), Ok(Id::new(7, 10)));
        assert_eq!(strict(b"0-0", 9), Ok(Id::MIN));
        assert_eq!(any(b"+", 0), Ok(Id::MAX));
        for word in ["", "-", "+", "a", "1-", "-1", "1-2-3", "1--2", "18446744073709551616", "1 "] {
            assert_eq!(strict(word.as_bytes(), 0), Err(invalid()), "{word}");
        }
    }

    #[test]
    fn ranges_may_leave_their_ends_out() {
        assert_eq!((from(b"(5"), to(b"(5")), (Ok(Id::new(5, 1)), Ok(Id::new(5, u64::MAX - 1))));
        assert_eq!((from(b"-"), to(b"+")), (Ok(Id::MIN), Ok(Id::MAX)));
        assert_eq!((from(b"5"), to(b"5")), (Ok(Id::new(5, 0)), Ok(Id::new(5, u64::MAX))));
        assert!(from(b"(").is_err() && from(b"(-").is_err() && to(b"(0-0").is_err());
    }
}

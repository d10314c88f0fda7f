//! The ends of ranges by score and by member, as clients write them.
//!
//! Owns: `(1.5`, `-inf`, `[a`, `(a`, `-`, `+`.   Uses: `value::Place`.   Never: ranks.

use crate::resp::{Error, Result};
use crate::value::sorted_set::Place;

/// Between two places.
#[derive(Clone, Copy, Debug)]
pub struct Between<'a> {
    /// The members stand behind this one...
    pub from: Place<'a>,
    /// ...and before this one.
    pub to: Place<'a>,
}

impl<'a> Between<'a> {
    /// A range of scores; `(` before a score leaves it out.
    ///
    /// # Errors
    /// One of them is no number.
    pub fn scores(min: &[u8], max: &[u8]) -> Result<Between<'static>> {
        let (min, without_min) = score(min)?;
        let (max, without_max) = score(max)?;
        Ok(Between {
            from: if without_min { Place::BehindScore(min) } else { Place::BeforeScore(min) },
            to: if without_max { Place::BeforeScore(max) } else { Place::BehindScore(max) },
        })
    }

    /// A range of members of one score: `[a` with a, `(a` without it, `-` and `+` for the ends of all.
    ///
    /// # Errors
    /// One of them is written in no such way.
    pub fn members(min: &'a [u8], max: &'a [u8]) -> Result<Between<'a>> {
        const WRONG: &str = "ERR min or max not valid string range item";
        let place = |word: &'a [u8], is_min: bool| match word {
            b"-" => Ok(Place::Start),
            b"+" => Ok(Place::End),
            [b'[', member @ ..] if is_min => Ok(Place::BeforeMember(member)),
            [b'[', member @ ..] => Ok(Place::BehindMember(member)),
            [b'(', member @ ..] if is_min => Ok(Place::BehindMember(member)),
            [b'(', member @ ..] => Ok(Place::BeforeMember(member)),
            _ => Err(Error::text(WRONG)),
        };
        Ok(Between { from: place(min, true)?, to: place(max, false)? })
    }
}

/// One end of a range of scores, and whether it is left out.
///
/// It is read as C reads a double: blanks may lead, a NUL ends it, nothing counts as 0, and what is too large is
/// infinite.
fn score(word: &[u8]) -> Result<(f64, bool)> {
    let (text, without) = match word {
        [b'(', text @ ..] => (text, true),
        text => (text, false),
    };
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    let number = match text.trim_ascii_start() {
        _ if text.is_empty() => Some(0.0),
        text => std::str::from_utf8(text).ok().and_then(|text| text.parse::<f64>().ok()),
    };
    let number = number.filter(|number| !number.is_nan());
    Ok((number.ok_or(Error::text("ERR min or max is not a float"))?, without))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_read_as_c_reads_doubles() {
        assert_eq!(score(b"(1.5"), Ok((1.5, true)));
        assert_eq!(score(b"-inf"), Ok((f64::NEG_INFINITY, false)));
        assert_eq!(score(b"1e400"), Ok((f64::INFINITY, false)));
        assert_eq!((score(b""), score(b"(")), (Ok((0.0, false)), Ok((0.0, true))));
        assert_eq!((score(b"\x00a"), score(b"(2\x00")), (Ok((0.0, false)), Ok((2.0, true))));
        for wrong in ["nan", "a", "((1", "1 ", "(nan"] {
            assert!(score(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}

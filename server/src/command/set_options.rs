//! The options of SET, MSETEX and GETEX: when to set, whether to answer, how long to keep.
//!
//! Owns: their words and which exclude each other.   Uses: base, conditions.   Never: data.

use super::condition::{Comparison, Condition};
use super::row::{Arg, integer, token, unix_time};
use crate::base::bytes::parse_i64;
use crate::resp::args::Args;
use crate::resp::{Error, Result};

const SECONDS: Arg = integer("seconds").after("EX");
const MILLISECONDS: Arg = integer("milliseconds").after("PX");
const AT_SECONDS: Arg = unix_time("unix-time-seconds").after("EXAT");
const AT_MILLISECONDS: Arg = unix_time("unix-time-milliseconds").after("PXAT");

/// What a new value's time to live becomes, as COMMAND DOCS shows it.
pub const EXPIRATION_OR_KEEP: &[Arg] =
    &[SECONDS, MILLISECONDS, AT_SECONDS, AT_MILLISECONDS, token("keepttl", "KEEPTTL")];
/// What the time to live of a value that stays becomes, as COMMAND DOCS shows it.
pub const EXPIRATION_OR_PERSIST: &[Arg] =
    &[SECONDS, MILLISECONDS, AT_SECONDS, AT_MILLISECONDS, token("persist", "PERSIST")];

/// One option's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Seconds to live.
    Ex,
    /// Milliseconds to live.
    Px,
    /// A time in seconds since 1970.
    ExAt,
    /// A time in milliseconds since 1970.
    PxAt,
    /// The time to live stays.
    KeepTtl,
    /// The time to live goes.
    Persist,
    /// Only a missing key is set.
    Nx,
    /// Only an existing key is set.
    Xx,
    /// The old value is answered.
    Get,
    /// Only a string that compares as asked is replaced.
    If,
}

/// The words that SET takes.
pub const SET_WORDS: &[(&[u8], Word)] = &[
    (b"ex", Word::Ex),
    (b"px", Word::Px),
    (b"nx", Word::Nx),
    (b"xx", Word::Xx),
    (b"get", Word::Get),
    (b"keepttl", Word::KeepTtl),
    (b"exat", Word::ExAt),
    (b"pxat", Word::PxAt),
    (b"ifeq", Word::If),
    (b"ifne", Word::If),
    (b"ifdeq", Word::If),
    (b"ifdne", Word::If),
];

/// The words that MSETEX takes.
pub const MSETEX_WORDS: &[(&[u8], Word)] = &[
    (b"ex", Word::Ex),
    (b"px", Word::Px),
    (b"nx", Word::Nx),
    (b"xx", Word::Xx),
    (b"keepttl", Word::KeepTtl),
    (b"exat", Word::ExAt),
    (b"pxat", Word::PxAt),
];

/// The words that GETEX takes.
pub const GETEX_WORDS: &[(&[u8], Word)] = &[
    (b"ex", Word::Ex),
    (b"px", Word::Px),
    (b"exat", Word::ExAt),
    (b"pxat", Word::PxAt),
    (b"persist", Word::Persist),
];

/// What becomes of a key's time to live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// Nothing was said.
    Unsaid,
    /// It stays.
    Keep,
    /// It goes.
    Persist,
    /// The key lives until then, in Unix milliseconds.
    Until(i64),
}

/// The options of one request.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// Which keys are set.
    pub condition: Condition<'a>,
    /// The old value is answered.
    pub get: bool,
    /// What was said of the time to live: the word, and the number behind it.
    time: Option<(Word, &'a [u8])>,
}

impl<'a> Options<'a> {
    /// Reads options. One that is said twice counts once, the last number wins.
    ///
    /// # Errors
    /// `Syntax` for an unknown word, a missing number, and words that exclude each other.
    pub fn parse(args: Args<'a>, known: &[(&[u8], Word)]) -> Result<Options<'a>> {
        let mut options = Options { condition: Condition::Always, get: false, time: None };
        let mut args = args.iter();
        while let Some(text) = args.next() {
            let word = known.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
            let &(_, word) = word.ok_or(Error::Syntax)?;
            match word {
                Word::Nx => options.only(Condition::IfMissing)?,
                Word::Xx => options.only(Condition::IfPresent)?,
                Word::If => {
                    let operand = args.next().ok_or(Error::Syntax)?;
                    let comparison = Comparison::named(text, operand).ok_or(Error::Syntax)?;
                    // Unlike NX it may not even be said twice.
                    if options.condition != Condition::Always {
                        return Err(Error::Syntax);
                    }
                    options.condition = Condition::If(comparison);
                }
                Word::Get => options.get = true,
                Word::KeepTtl | Word::Persist => options.live(word, b"")?,
                Word::Ex | Word::Px | Word::ExAt | Word::PxAt => {
                    options.live(word, args.next().ok_or(Error::Syntax)?)?;
                }
            }
        }
        Ok(options)
    }

    fn only(&mut self, condition: Condition<'a>) -> Result<()> {
        if self.condition != Condition::Always && self.condition != condition {
            return Err(Error::Syntax);
        }
        self.condition = condition;
        Ok(())
    }

    fn live(&mut self, word: Word, number: &'a [u8]) -> Result<()> {
        if self.time.is_some_and(|(said, _)| said != word) {
            return Err(Error::Syntax);
        }
        self.time = Some((word, number));
        Ok(())
    }

    /// What becomes of the time to live.
    ///
    /// # Errors
    /// `NotInteger`; `InvalidExpire`, which names `command`, if the time is not positive or does not fit.
    pub fn time(&self, command: &'static str, now_ms: i64) -> Result<Time> {
        let Some((word, number)) = self.time else { return Ok(Time::Unsaid) };
        match word {
            Word::KeepTtl => Ok(Time::Keep),
            Word::Persist => Ok(Time::Persist),
            Word::Ex | Word::Px | Word::ExAt | Word::PxAt => {
                deadline(word, number, command, now_ms).map(Time::Until)
            }
            // `live` is called for the words above only.
            Word::Nx | Word::Xx | Word::Get | Word::If => Ok(Time::Unsaid),
        }
    }
}

/// When a key expires, in Unix milliseconds, by a number that must be positive.
///
/// # Errors
/// `NotInteger`; `InvalidExpire`, which names `command`, if the time is not positive or does not fit.
pub fn deadline(word: Word, number: &[u8], command: &'static str, now_ms: i64) -> Result<i64> {
    let number = parse_i64(number).ok_or(Error::NotInteger)?;
    let seconds = matches!(word, Word::Ex | Word::ExAt);
    let relative = matches!(word, Word::Ex | Word::Px);
    let millis = if seconds { number.checked_mul(1000) } else { Some(number) };
    millis
        .filter(|&millis| millis > 0)
        .and_then(|millis| millis.checked_add(if relative { now_ms } else { 0 }))
        .ok_or(Error::InvalidExpire(command))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_are_positive_and_fit() {
        let ask = |word, number: &str| deadline(word, number.as_bytes(), "set", 5_000);
        assert_eq!(ask(Word::Ex, "2"), Ok(7_000));
        assert_eq!(ask(Word::Px, "2"), Ok(5_002));
        assert_eq!(ask(Word::ExAt, "2"), Ok(2_000));
        assert_eq!(ask(Word::PxAt, "9223372036854775807"), Ok(i64::MAX));
        for number in ["0", "-1", "9223372036854775807", "-9223372036854775808"] {
            assert_eq!(ask(Word::Ex, number), Err(Error::InvalidExpire("set")), "{number}");
        }
        assert_eq!(ask(Word::Px, "9223372036854775807"), Err(Error::InvalidExpire("set")));
        assert_eq!(ask(Word::Px, "+1"), Err(Error::NotInteger));
    }
}

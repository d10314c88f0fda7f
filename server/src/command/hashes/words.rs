//! What the commands on times of fields read from their words.
//!
//! Owns: `FIELDS numfields field ...`, and times of fields.   Uses: resp.   Never: data.

use crate::base::bytes::parse_i64;
use crate::command::row::*;
use crate::resp::args::Args;
use crate::resp::{Error, Result};

/// The last moment that a field's time may be, in Unix milliseconds, as in Redis: the year 4199.
const LATEST_MS: i64 = (1 << 46) - 1;

/// `FIELDS numfields field ...` as COMMAND DOCS shows it.
pub const FIELDS: Arg =
    block("fields", &[integer("numfields"), string("field").multiple()]).after("FIELDS");

/// What numbers of a time count: so many milliseconds, from this moment on.
#[derive(Clone, Copy, Debug)]
pub struct Unit {
    millis: i64,
    from: i64,
}

impl Unit {
    /// Seconds from a moment on.
    pub fn seconds(from: i64) -> Unit {
        Unit { millis: 1000, from }
    }

    /// Milliseconds from a moment on.
    pub fn millis(from: i64) -> Unit {
        Unit { millis: 1, from }
    }

    /// What the words EX, PX, EXAT and PXAT count.
    pub fn named(word: &[u8], now_ms: i64) -> Option<Unit> {
        Some(match word.to_ascii_lowercase().as_slice() {
            b"ex" => Unit::seconds(now_ms),
            b"px" => Unit::millis(now_ms),
            b"exat" => Unit::seconds(0),
            b"pxat" => Unit::millis(0),
            _ => return None,
        })
    }

    /// A number as a moment in Unix milliseconds; `command` is named where it is too late.
    ///
    /// # Errors
    /// It is no number, negative, or too late.
    pub fn read(self, word: &[u8], command: &'static str) -> Result<i64> {
        let number = parse_i64(word).ok_or(Error::NotInteger)?;
        if number < 0 {
            return Err(Error::text("ERR invalid expire time, must be >= 0"));
        }
        let moment =
            number.checked_mul(self.millis).and_then(|millis| millis.checked_add(self.from));
        moment.filter(|&moment| moment <= LATEST_MS).ok_or(Error::InvalidExpire(command))
    }
}

/// What HEXPIRE and its like answer to a number of fields that is none.
pub const NUMBER_BY_NAME: &str = "ERR Parameter `numFields` should be greater than 0";
/// What the others answer.
pub const NUMBER: &str = "ERR Number of fields must be a positive integer";

/// The fields behind `FIELDS numfields`, which stand at `at`. `command` is named where a word lacks, `no_number` is
/// answered where the number is none.
///
/// # Errors
/// Words are missing, or not as many as they say.
pub fn fields<'a>(
    args: Args<'a>,
    at: usize,
    command: &'static str,
    no_number: &'static str,
) -> Result<Args<'a>> {
    let is_there = args.find(at).is_some_and(|word| word.eq_ignore_ascii_case(b"fields"));
    if !is_there {
        return Err(Error::text(
            "ERR Mandatory argument FIELDS is missing or not at the right position",
        ));
    }
    let number = args.find(at + 1).ok_or(Error::Arity(command))?;
    let number = parse_i64(number).filter(|&number| number > 0).ok_or(Error::text(no_number))?;
    let fields = args.from(at + 2);
    if usize::try_from(number) != Ok(fields.len()) {
        return Err(Error::text(
            "ERR The `numfields` parameter must match the number of arguments",
        ));
    }
    Ok(fields)
}

/// Words for the log: a command, its key, what stands between, and `FIELDS numfields field ...`.
pub fn told<'a>(front: &[&'a [u8]], number: &'a [u8], fields: &[&'a [u8]]) -> Vec<&'a [u8]> {
    let mut words = front.to_vec();
    words.extend([b"FIELDS".as_slice(), number]);
    words.extend(fields);
    words
}

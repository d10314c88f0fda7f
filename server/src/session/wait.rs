//! A command that waits: until what it asks for is there, or its patience is over.
//!
//! Owns: how long, and how it ended.   Uses: base.   Never: batches (the engine keeps those), what is waited for.
//!
//! Such a command runs more than once: first it finds that it must wait; then, each time that what it asks for
//! may be there, it runs again and either answers or goes on waiting. Its end is reckoned from the first time. When its
//! patience is over a session command runs once more; a data command does not, so that it takes nothing which came after
//! its end: all of them answer a null array.

use crate::base::extended::Extended;
use crate::base::time::Now;
use crate::resp::reply::Reply;
use crate::resp::{Error, Result};

/// How long a client still waits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wait {
    /// Until when, in microseconds of the monotonic clock; none: until somebody ends it.
    pub until: Option<u64>,
    /// What ended it, if anything did.
    pub ended: Option<Ended>,
    /// It waits for keys; else its command runs once more at its end, to say what there is.
    pub for_keys: bool,
    /// What the command wrote down for itself when it began to wait.
    pub memo: Box<[u8]>,
}

/// The answer of a data command for which nothing is there, where it may not wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Empty {
    /// Nothing, where one thing was asked for.
    Null,
    /// Nothing, where an array was.
    NullArray,
}

impl Empty {
    /// Writes it.
    pub fn write(self, reply: &mut Reply) {
        match self {
            Empty::Null => reply.null(),
            Empty::NullArray => reply.null_array(),
        }
    }
}

/// What ended a wait before what was asked for was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Its time, or CLIENT UNBLOCK as if it were: the command answers what there is.
    Time,
    /// CLIENT UNBLOCK with ERROR: the command fails.
    Error,
}

/// What a command may do when what it asks for is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Wait, until this moment or without end.
    Until(Option<u64>),
    /// Answer now.
    Over,
}

impl Patience {
    /// For a command with a time-out of so many milliseconds (0: none), which may be waiting already. Inside EXEC nothing waits.
    pub fn of(wait: Option<&Wait>, in_exec: bool, timeout_ms: u64, now: Now) -> Patience {
        match wait {
            _ if in_exec => Patience::Over,
            Some(Wait { ended: Some(_), .. }) => Patience::Over,
            // It ended while a pause kept the command from running.
            Some(Wait { until: Some(until), .. }) if *until <= now.mono_us => Patience::Over,
            Some(Wait { until, ended: None, .. }) => Patience::Until(*until),
            None if timeout_ms == 0 => Patience::Until(None),
            None => {
                Patience::Until(Some(now.mono_us.saturating_add(timeout_ms.saturating_mul(1000))))
            }
        }
    }
}

/// Reads a time-out in seconds, which may be a fraction of one. Answers milliseconds, rounded up; 0: none.
///
/// # Errors
/// It is no number, negative, or ends after the clock does.
pub fn timeout_of_seconds(word: &[u8], now: Now) -> Result<u64> {
    let text = |text: &'static str| Error::text(text);
    let seconds =
        Extended::parse(word).ok_or(text("ERR timeout is not a float or out of range"))?;
    let millis = seconds.times(1000);
    let millis = match millis.ceil() {
        None if !millis.is_negative() => return Err(text("ERR timeout is out of range")),
        None | Some(..0) => return Err(text("ERR timeout is negative")),
        Some(millis) => millis.unsigned_abs(),
    };
    fits(millis, now)
}

/// A time-out that does not end after the clock does.
fn fits(millis: u64, now: Now) -> Result<u64> {
    if now.unix_ms().checked_add_unsigned(millis).is_none() {
        return Err(Error::text("ERR timeout is out of range"));
    }
    Ok(millis)
}

/// Reads a time-out in milliseconds.
///
/// # Errors
/// It is no number, negative, or ends after the clock does.
pub fn timeout_ms(word: &[u8], now: Now) -> Result<u64> {
    let text = |text: &'static str| Error::text(text);
    let millis = crate::base::bytes::parse_i64(word)
        .ok_or(text("ERR timeout is not an integer or out of range"))?;
    let millis = u64::try_from(millis).map_err(|_| text("ERR timeout is negative"))?;
    fits(millis, now)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Now = Now { unix_us: 5_000_000, mono_us: 7_000 };

    #[test]
    fn the_end_is_reckoned_from_the_first_time() {
        assert_eq!(Patience::of(None, false, 3, NOW), Patience::Until(Some(10_000)));
        assert_eq!(Patience::of(None, false, 0, NOW), Patience::Until(None));
        assert_eq!(Patience::of(None, true, 3, NOW), Patience::Over);
        let waits = Wait { until: Some(8_000), ..Wait::default() };
        assert_eq!(Patience::of(Some(&waits), false, 3, NOW), Patience::Until(Some(8_000)));
        let over = Wait { ended: Some(Ended::Time), ..waits.clone() };
        assert_eq!(Patience::of(Some(&over), false, 3, NOW), Patience::Over);
        let past = Wait { until: Some(NOW.mono_us), ..waits };
        assert_eq!(Patience::of(Some(&past), false, 3, NOW), Patience::Over);
    }

    #[test]
    fn seconds_are_rounded_up_to_milliseconds() {
        for (word, millis) in [
            ("0", 0),
            ("-0", 0),
            ("0.0001", 1),
            ("-0.0000001", 0),
            ("1e-400", 1),
            ("0.001", 1),
            ("0.0010001", 2),
            ("1.5", 1_500),
            ("0x10", 16_000),
            ("9223372036854.7", 9_223_372_036_854_700),
        ] {
            assert_eq!(timeout_of_seconds(word.as_bytes(), NOW), Ok(millis), "{word}");
        }
        for (word, says) in [
            ("-1", "ERR timeout is negative"),
            ("-inf", "ERR timeout is negative"),
            ("-1e30", "ERR timeout is negative"),
            ("inf", "ERR timeout is out of range"),
            ("1e30", "ERR timeout is out of range"),
            ("9223372036854775.807", "ERR timeout is out of range"),
            ("nan", "ERR timeout is not a float or out of range"),
            (" 1", "ERR timeout is not a float or out of range"),
            ("", "ERR timeout is not a float or out of range"),
        ] {
            let error = timeout_of_seconds(word.as_bytes(), NOW).unwrap_err().to_string();
            assert_eq!(error, says, "{word}");
        }
    }

    #[test]
    fn a_timeout_is_a_number_that_fits() {
        assert_eq!(timeout_ms(b"0", NOW), Ok(0));
        assert_eq!(timeout_ms(b"9223372036854775", NOW), Ok(9_223_372_036_854_775));
        for (word, says) in [
            ("-1", "negative"),
            ("1.5", "not an integer"),
            ("x", "not an integer"),
            ("9223372036854775807", "ERR timeout is out of range"),
        ] {
            let error = timeout_ms(word.as_bytes(), NOW).unwrap_err().to_string();
            assert!(error.contains(says), "{word}: {error}");
        }
    }
}

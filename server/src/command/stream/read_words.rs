//! The words of XREAD and XREADGROUP.
//!
//! Owns: their meaning.   Uses: ids.   Never: reads an entry.

use super::ids::is;
use super::write::count_of;
use crate::base::bytes::parse_i64;
use crate::base::time::Now;
use crate::resp::args::Args;
use crate::resp::{Error, Result};
use crate::session::wait::timeout_ms;
use std::ops::Range;

/// What XREAD or XREADGROUP is asked.
#[derive(Debug)]
pub struct ReadWords<'a> {
    /// Entries of each stream; 0: all.
    pub count: u64,
    /// Entries of all streams together.
    pub most: Option<u64>,
    /// Bytes of the answer, about; at least one entry is given.
    pub most_bytes: Option<u64>,
    /// For how many milliseconds to wait (0: without end) if nothing is there.
    pub block: Option<u64>,
    /// Group and consumer.
    pub group: Option<(&'a [u8], &'a [u8])>,
    /// What is given needs no acknowledgement.
    pub no_ack: bool,
    /// What has waited so many milliseconds for somebody's acknowledgement is given first.
    pub claim: Option<i64>,
    /// The keys; behind them stand as many IDs.
    pub keys: Range<usize>,
}

impl<'a> ReadWords<'a> {
    /// The ID that belongs to a key.
    pub fn id_at(&self, key: usize) -> usize {
        key + self.keys.len()
    }

    /// Reads a whole request.
    ///
    /// # Errors
    /// A word that the command does not take, or a value that is none.
    pub fn read(args: Args<'a>, is_group: bool, now: Now) -> Result<ReadWords<'a>> {
        let mut words = ReadWords {
            count: 0,
            most: None,
            most_bytes: None,
            block: None,
            group: None,
            no_ack: false,
            claim: None,
            keys: 0..0,
        };
        let mut at = 1;
        while at < args.len() {
            if is(args.get(at), "STREAMS") && at + 1 < args.len() {
                words.keys = keys(args, at + 1, is_group)?;
                break;
            }
            at = words.option(args, at, is_group, now)?;
        }
        if words.keys.is_empty() {
            return Err(Error::Syntax);
        }
        if is_group && words.group.is_none() {
            return Err(Error::text("ERR Missing GROUP option for XREADGROUP"));
        }
        Ok(words)
    }

    /// Reads one option and tells where the next begins.
    fn option(&mut self, args: Args<'a>, at: usize, is_group: bool, now: Now) -> Result<usize> {
        let (word, more) = (args.get(at), args.len() - 1 - at);
        if more >= 1 && is(word, "BLOCK") {
            self.block = Some(timeout_ms(args.get(at + 1), now)?);
        } else if more >= 1 && is(word, "COUNT") {
            self.count = count_of(args.get(at + 1))?;
        } else if more >= 1 && is(word, "MAXCOUNT") {
            self.most = Some(positive(args.get(at + 1), "MAXCOUNT")?);
        } else if more >= 1 && is(word, "MAXSIZE") {
            self.most_bytes = Some(positive(args.get(at + 1), "MAXSIZE")?);
        } else if more >= 2 && is(word, "GROUP") {
            only_group("GROUP", is_group)?;
            self.group = Some((args.get(at + 1), args.get(at + 2)));
            return Ok(at + 3);
        } else if is(word, "NOACK") {
            only_group("NOACK", is_group)?;
            self.no_ack = true;
            return Ok(at + 1);
        } else if more >= 1 && is(word, "CLAIM") {
            only_group("CLAIM", is_group)?;
            let idle = parse_i64(args.get(at + 1));
            let idle = idle.ok_or(Error::text("ERR min-idle-time is not an integer"))?;
            if idle < 0 {
                return Err(Error::text("ERR min-idle-time must be a positive integer"));
            }
            self.claim = Some(idle);
        } else {
            return Err(Error::Syntax);
        }
        Ok(at + 2)
    }
}

fn only_group(option: &str, is_group: bool) -> Result<()> {
    if is_group {
        return Ok(());
    }
    Err(Error::text(format!(
        "ERR The {option} option is only supported by XREADGROUP. You called XREAD instead."
    )))
}

fn positive(word: &[u8], option: &str) -> Result<u64> {
    let number = parse_i64(word).ok_or(Error::NotInteger)?;
    let positive = u64::try_from(number).ok().filter(|number| *number > 0);
    positive.ok_or_else(|| Error::text(format!("ERR {option} must be a positive integer")))
}

/// The keys, which are as many as IDs follow.
fn keys(args: Args<'_>, first: usize, is_group: bool) -> Result<Range<usize>> {
    let words = args.len() - first;
    if words.is_multiple_of(2) {
        return Ok(first..first + words / 2);
    }
    let (command, ids) =
        if is_group { ("xreadgroup", "an ID or '>'") } else { ("xread", "an ID, '+', or '$'") };
    Err(Error::text(format!(
        "ERR Unbalanced '{command}' list of streams: for each stream key {ids} must be specified."
    )))
}

/// How much may still be given.
#[derive(Debug)]
pub struct Budget {
    entries: u64,
    bytes: u64,
    /// Something was given already, so that the bytes count.
    given: bool,
}

impl Budget {
    /// Of a whole request.
    pub fn of(words: &ReadWords<'_>) -> Budget {
        let all = u64::MAX;
        Budget {
            entries: words.most.unwrap_or(all),
            bytes: words.most_bytes.unwrap_or(all),
            given: false,
        }
    }

    /// Whether nothing more may be given.
    pub fn is_spent(&self) -> bool {
        self.entries == 0 || (self.given && self.bytes == 0)
    }

    /// Takes an entry of so many bytes from it, if it may be given.
    pub fn take(&mut self, bytes: usize) -> bool {
        let bytes = bytes as u64;
        if self.is_spent() || (self.given && bytes > self.bytes) {
            self.entries = 0;
            return false;
        }
        self.entries -= 1;
        self.bytes = self.bytes.saturating_sub(bytes);
        self.given = true;
        true
    }
}

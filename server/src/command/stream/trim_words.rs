//! The words of XADD and XTRIM that say how to trim.
//!
//! Owns: their meaning.   Uses: `value::stream::Trim`.   Never: trims.

use super::ids::{is, strict};
use crate::base::bytes::parse_i64;
use crate::resp::args::Args;
use crate::resp::{Error, Result};
use crate::value::limits::Limits;
use crate::value::stream::{Refs, Trim, Until};

/// The most entries that approximate trimming takes at once unless it is told how many.
const USUAL_LIMIT_MAX: u64 = 1_000_000;
/// The same where a block may have any number of entries.
const USUAL_LIMIT: u64 = 10_000;

/// What was said so far of how to trim.
#[derive(Debug, Default)]
pub struct TrimWords {
    until: Option<Until>,
    is_approximate: bool,
    limit: Option<u64>,
    refs: Option<Refs>,
}

impl TrimWords {
    /// Takes the option at a position, if it is one of these; tells where the next one is.
    ///
    /// # Errors
    /// It lacks what must follow, or contradicts another.
    pub fn take(&mut self, args: Args<'_>, at: usize) -> Result<Option<usize>> {
        let word = args.get(at);
        let more = args.len() - 1 - at;
        if more > 0 && (is(word, "MAXLEN") || is(word, "MINID")) {
            return self.take_strategy(args, at).map(Some);
        }
        if more > 0 && is(word, "LIMIT") {
            let limit = parse_i64(args.get(at + 1)).ok_or(Error::NotInteger)?;
            let limit = u64::try_from(limit)
                .map_err(|_| Error::text("ERR The LIMIT argument must be >= 0."))?;
            self.limit = Some(limit);
            return Ok(Some(at + 2));
        }
        match refs_of(word) {
            Some(refs) if self.refs.is_none() => {
                self.refs = Some(refs);
                Ok(Some(at + 1))
            }
            Some(_) | None => Ok(None),
        }
    }

    fn take_strategy(&mut self, args: Args<'_>, at: usize) -> Result<usize> {
        if self.until.is_some() {
            return Err(Error::text(
                "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
            ));
        }
        let mut next = at + 1;
        if args.len() - next >= 2 {
            self.is_approximate = args.get(next) == b"~";
            next += usize::from(matches!(args.get(next), b"~" | b"="));
        }
        let threshold = args.get(next);
        self.until = Some(if is(args.get(at), "MINID") {
            Until::Id(strict(threshold, 0)?)
        } else {
            let len = parse_i64(threshold).ok_or(Error::NotInteger)?;
            let len = u64::try_from(len)
                .map_err(|_| Error::text("ERR The MAXLEN argument must be >= 0."))?;
            Until::Len(len)
        });
        Ok(next + 1)
    }

    /// What all of them mean together; nothing if there was none.
    ///
    /// # Errors
    /// They make no sense together.
    pub fn finish(self, limits: &Limits) -> Result<Option<Trim>> {
        let Some(until) = self.until else {
            return match self.limit {
                Some(1..) => Err(Error::text(
                    "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
                )),
                Some(0) | None => Ok(None),
            };
        };
        if !self.is_approximate && self.limit.is_some() {
            return Err(Error::text(
                "ERR syntax error, LIMIT cannot be used without the special ~ option",
            ));
        }
        let usual = match limits.stream_node_entries as u64 {
            0 => USUAL_LIMIT,
            entries => entries.saturating_mul(100).min(USUAL_LIMIT_MAX),
        };
        let approximate = self.is_approximate.then(|| self.limit.unwrap_or(usual));
        Ok(Some(Trim { until, approximate, refs: self.refs.unwrap_or_default() }))
    }
}

/// What a word says of groups that wait.
pub fn refs_of(word: &[u8]) -> Option<Refs> {
    let all = [("KEEPREF", Refs::Keep), ("DELREF", Refs::Drop), ("ACKED", Refs::Respect)];
    all.into_iter().find(|(name, _)| is(word, name)).map(|(_, refs)| refs)
}

/// The word for it.
pub fn refs_word(refs: Refs) -> &'static [u8] {
    match refs {
        Refs::Keep => b"KEEPREF",
        Refs::Drop => b"DELREF",
        Refs::Respect => b"ACKED",
    }
}

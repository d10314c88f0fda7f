//! The words of SORT.
//!
//! Owns: what a request wants.   Uses: resp.   Never: data.

use crate::base::bytes::parse_i64;
use crate::resp::args::Args;
use crate::resp::{Error, Result};
use std::ops::Range;

/// What a request wants.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    /// What elements are sorted by, if not by themselves.
    pub by: Option<&'a [u8]>,
    /// The words in which each GET stands in front of its pattern.
    pub get: Gets<'a>,
    /// The last ones first.
    pub descending: bool,
    /// As texts, not as numbers.
    pub alpha: bool,
    /// Where the result is kept.
    pub store: Option<&'a [u8]>,
    limit: Option<(i64, i64)>,
}

/// The patterns behind GET: where they stand, so that any number of them takes no memory.
#[derive(Clone, Copy, Debug)]
pub struct Gets<'a> {
    args: Args<'a>,
    count: usize,
}

impl Gets<'_> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// How many words an option takes behind it.
fn taken(word: &[u8]) -> usize {
    match &word.to_ascii_lowercase()[..] {
        b"limit" => 2,
        b"by" | b"get" | b"store" => 1,
        _ => 0,
    }
}

impl<'a> Words<'a> {
    /// Reads the words behind the key.
    ///
    /// # Errors
    /// A word that is not known, or lacks what belongs behind it.
    pub fn parse(args: Args<'a>, may_store: bool) -> Result<Words<'a>> {
        let get = Gets { args, count: 0 };
        let mut words =
            Words { by: None, get, descending: false, alpha: false, store: None, limit: None };
        let mut at = 0;
        while at < args.len() {
            let word = args.get(at);
            let behind = taken(word);
            if at + behind >= args.len() {
                return Err(Error::Syntax);
            }
            match &word.to_ascii_lowercase()[..] {
                b"asc" => words.descending = false,
                b"desc" => words.descending = true,
                b"alpha" => words.alpha = true,
                b"by" => words.by = Some(args.get(at + 1)),
                b"get" => words.get.count += 1,
                b"store" if may_store => words.store = Some(args.get(at + 1)),
                b"limit" => {
                    let number = |at| parse_i64(args.get(at)).ok_or(Error::NotInteger);
                    words.limit = Some((number(at + 1)?, number(at + 2)?));
                }
                _ => return Err(Error::Syntax),
            }
            at += 1 + behind;
        }
        Ok(words)
    }

    /// The patterns behind GET, in order.
    pub fn patterns(&self) -> impl Iterator<Item = &'a [u8]> {
        let args = self.get.args;
        let mut at = 0;
        std::iter::from_fn(move || {
            while at < args.len() {
                let word = args.get(at);
                let here = at;
                at += 1 + taken(word);
                if word.eq_ignore_ascii_case(b"get") {
                    return Some(args.get(here + 1));
                }
            }
            None
        })
    }

    /// Whether elements stay in the order in which they are: BY names something that is the same for all.
    pub fn keeps_order(&self) -> bool {
        self.by.is_some_and(|pattern| !pattern.contains(&b'*'))
    }

    /// Which of `len` elements are answered.
    pub fn range(&self, len: usize) -> Range<usize> {
        let Some((offset, count)) = self.limit else { return 0..len };
        let start = usize::try_from(offset.max(0)).unwrap_or(usize::MAX).min(len);
        let end = match usize::try_from(count) {
            Ok(count) => start.saturating_add(count).min(len),
            Err(_) => len,
        };
        start..end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::args::OwnedRequest;

    fn with<R>(words: &[&str], then: impl FnOnce(Result<Words<'_>>) -> R) -> R {
        let parts: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        let request = OwnedRequest::from_parts(&parts);
        then(Words::parse(request.args(), true))
    }

    #[test]
    fn words_are_read() {
        with(&["BY", "get", "GET", "#", "desc", "Get", "x*", "LIMIT", "1", "2"], |words| {
            let words = words.unwrap();
            assert_eq!(words.patterns().collect::<Vec<_>>(), [&b"#"[..], b"x*"]);
            assert!(words.keeps_order() && words.descending && words.get.len() == 2);
            assert_eq!((words.range(10), words.range(2), words.range(0)), (1..3, 1..2, 0..0));
        });
        for wrong in [&["GET"][..], &["LIMIT", "1"], &["FOO"], &["BY"]] {
            assert_eq!(with(wrong, |words| words.err()), Some(Error::Syntax), "{wrong:?}");
        }
        assert_eq!(with(&["LIMIT", "x", "1"], |words| words.err()), Some(Error::NotInteger));
        with(&["LIMIT", "-5", "-1"], |words| assert_eq!(words.unwrap().range(3), 0..3));
    }
}

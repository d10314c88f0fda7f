//! What SCAN and its like have in common: cursors, filters, pages of elements.
//!
//! Owns: the words behind a cursor, and a page of elements on its way into a reply.   Uses: base, resp.   Never: data.

use super::text::write_element;
use crate::base::bytes::{glob, parse_i64};
use crate::resp::args::Args;
use crate::resp::reply::Reply;
use crate::resp::{Error, Result};
use crate::value::packed::Element;

/// What is scanned, which decides the words that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scanned {
    /// The keys of a database: TYPE.
    Keys,
    /// The fields of a hash: NOVALUES.
    Fields,
    /// The members of a set or sorted set.
    Members,
}

/// What a scan answers, and about how much at a time.
pub struct Filter<'a> {
    /// What names must match.
    pub pattern: &'a [u8],
    /// The type that keys must have.
    pub kind: Option<&'a [u8]>,
    /// About how many are answered at a time; at least 1.
    pub count: u64,
    /// Only names are wanted.
    pub no_values: bool,
}

impl<'a> Filter<'a> {
    /// Reads the words behind the cursor.
    ///
    /// # Errors
    /// A word that is not known, or has no fitting value behind it.
    pub fn parse(args: Args<'a>, scanned: Scanned) -> Result<Filter<'a>> {
        let mut filter = Filter { pattern: b"*", kind: None, count: 10, no_values: false };
        let mut args = args.iter();
        while let Some(word) = args.next() {
            if word.eq_ignore_ascii_case(b"novalues") {
                if scanned != Scanned::Fields {
                    return Err(Error::text("ERR NOVALUES option can only be used in HSCAN"));
                }
                filter.no_values = true;
                continue;
            }
            let value = args.next().ok_or(Error::Syntax)?;
            if word.eq_ignore_ascii_case(b"count") {
                let count = parse_i64(value).ok_or(Error::NotInteger)?;
                filter.count = u64::try_from(count).ok().filter(|&n| n > 0).ok_or(Error::Syntax)?;
            } else if word.eq_ignore_ascii_case(b"match") {
                filter.pattern = value;
            } else if word.eq_ignore_ascii_case(b"type") && scanned == Scanned::Keys {
                filter.kind = Some(value);
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(filter)
    }

    /// Whether a name matches.
    pub fn fits(&self, name: &[u8]) -> bool {
        self.pattern == b"*" || glob(self.pattern, name, false)
    }

    /// Whether a type is wanted.
    pub fn fits_kind(&self, kind: &str) -> bool {
        self.kind.is_none_or(|wanted| wanted.eq_ignore_ascii_case(kind.as_bytes()))
    }
}

/// Reads a cursor as C reads an unsigned long: zeros may lead, and a sign, so that -1 is the largest one.
///
/// # Errors
/// `InvalidCursor` if it is no number.
pub fn parse_cursor(text: &[u8]) -> Result<u64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return Err(Error::InvalidCursor);
    }
    let mut cursor: u64 = 0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return Err(Error::InvalidCursor);
        }
        cursor = cursor
            .checked_mul(10)
            .and_then(|cursor| cursor.checked_add(u64::from(digit)))
            .ok_or(Error::InvalidCursor)?;
    }
    Ok(if negative { cursor.wrapping_neg() } else { cursor })
}

/// A call looks at no more places than this for each element of its COUNT, however few it finds.
const PLACES_PER_ELEMENT: u64 = 10;

/// Elements of one value that a scan has met.
pub struct Page<'a> {
    filter: &'a Filter<'a>,
    reply: Reply,
    met: u64,
    words: usize,
}

impl Page<'_> {
    /// Counts an element that was met, and tells whether its name matches.
    pub fn meets(&mut self, name: &[u8]) -> bool {
        self.met += 1;
        self.filter.fits(name)
    }

    /// Adds a word to the page.
    pub fn write(&mut self, element: Element<'_>) {
        write_element(&mut self.reply, element);
        self.words += 1;
    }
}

/// Answers one call of a scan over the elements of a value. `step` hands the elements at a cursor to the page and gives
/// the next cursor.
pub fn answer(
    reply: &mut Reply,
    mut cursor: u64,
    filter: &Filter<'_>,
    step: impl Fn(u64, &mut Page<'_>) -> u64,
) {
    let mut page = Page { filter, reply: Reply::new(reply.proto()), met: 0, words: 0 };
    let mut places = filter.count.saturating_mul(PLACES_PER_ELEMENT);
    loop {
        cursor = step(cursor, &mut page);
        places -= 1;
        if cursor == 0 || page.met >= filter.count || places == 0 {
            break;
        }
    }
    reply.array(2);
    reply.bulk_fmt(format_args!("{cursor}"));
    reply.array(page.words);
    reply.append(&mut page.reply);
}

/// Answers a scan of a value that is not there.
pub fn answer_nothing(reply: &mut Reply) {
    reply.array(2);
    reply.bulk(b"0");
    reply.array(0);
}

//! Commands that meet keys without naming them.
//!
//! Owns: DBSIZE, KEYS, RANDOMKEY, SCAN.   Uses: ReadCx.   Never: changes anything.

use super::context::ReadCx;
use super::row::*;
use crate::base::bytes::{glob, parse_i64};
use crate::resp::args::Args;
use crate::resp::reply::Reply;
use crate::resp::{Error, Result};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&DBSIZE, &KEYS, &RANDOMKEY, &SCAN];
const _: () = check(TABLE);

static DBSIZE: Command = Command {
    name: "dbsize",
    since: "1.0.0",
    group: Group::Server,
    summary: "Returns the number of keys in the selected database.",
    flags: FAST.and(KEYSPACE),
    run: Run::Read(dbsize),
    ..Command::BASE
};

fn dbsize(cx: &mut ReadCx<'_>) -> Result<()> {
    let keys = i64::try_from(cx.data.db().len()).expect("keys take more than a byte each");
    cx.reply.int(keys);
    Ok(())
}

static KEYS: Command = Command {
    name: "keys",
    since: "1.0.0",
    group: Group::Generic,
    summary: "Returns all keys that match a pattern.",
    complexity: "O(N) where N is the number of keys in the database.",
    args: &[pattern("pattern")],
    flags: KEYSPACE.and(DANGEROUS),
    run: Run::Read(keys),
    ..Command::BASE
};

fn keys(cx: &mut ReadCx<'_>) -> Result<()> {
    let pattern = cx.arg(1);
    let mark = cx.reply.mark();
    let mut count = 0;
    for entry in cx.data.db().entries() {
        let fits = pattern == b"*" || glob(pattern, entry.key(), false);
        if fits && !cx.data.past(entry) {
            cx.reply.bulk(entry.key());
            count += 1;
        }
    }
    cx.reply.array_from(mark, count);
    Ok(())
}

static RANDOMKEY: Command = Command {
    name: "randomkey",
    since: "1.0.0",
    group: Group::Generic,
    summary: "Returns a key chosen by chance.",
    flags: KEYSPACE,
    run: Run::Read(randomkey),
    ..Command::BASE
};

/// RANDOMKEY draws this often before it looks for any key whose time has not passed.
const DRAWS: usize = 100;
/// Places of the table that it looks at then, about six keys each. A database of that size is seen whole; in a larger
/// one whose keys are past their time but for one in thousands, RANDOMKEY may find none.
const PLACES: usize = 200;

fn randomkey(cx: &mut ReadCx<'_>) -> Result<()> {
    let (data, rng) = (&mut cx.data, &mut *cx.rng);
    for _ in 0..DRAWS {
        if let Some(entry) = data.random(rng) {
            cx.reply.bulk(entry.key());
            return Ok(());
        }
    }
    let mut found: Option<Box<[u8]>> = None;
    let mut cursor = 0;
    for _ in 0..PLACES {
        cursor = data.scan(cursor, &mut |entry| {
            found.get_or_insert_with(|| entry.key().into());
        });
        if found.is_some() || cursor == 0 {
            break;
        }
    }
    match found {
        Some(key) => cx.reply.bulk(&key),
        None => cx.reply.null(),
    }
    Ok(())
}

static SCAN: Command = Command {
    name: "scan",
    since: "2.8.0",
    group: Group::Generic,
    summary: "Returns some keys and a cursor to go on with.",
    complexity: "O(1) for a call, O(N) from the first cursor to the last.",
    args: &[
        integer("cursor"),
        pattern("pattern").after("MATCH").optional(),
        integer("count").after("COUNT").optional(),
        string("type").after("TYPE").optional(),
    ],
    flags: KEYSPACE,
    run: Run::Read(scan),
    ..Command::BASE
};

/// A call looks at no more buckets than this for each key of its COUNT, however few keys it finds.
const BUCKETS_PER_KEY: u64 = 10;

fn scan(cx: &mut ReadCx<'_>) -> Result<()> {
    let mut cursor = parse_cursor(cx.arg(1))?;
    let filter = Filter::parse(cx.args.from(2))?;
    let mut page = Reply::new(cx.reply.proto());
    let (mut met, mut fitting) = (0, 0);
    let mut buckets = filter.count.saturating_mul(BUCKETS_PER_KEY);
    loop {
        cursor = cx.data.scan(cursor, &mut |entry| {
            met += 1;
            if filter.fits(entry.key(), entry.value().kind().name()) {
                page.bulk(entry.key());
                fitting += 1;
            }
        });
        buckets -= 1;
        if cursor == 0 || met >= filter.count || buckets == 0 {
            break;
        }
    }
    cx.reply.array(2);
    cx.reply.bulk_fmt(format_args!("{cursor}"));
    cx.reply.array(fitting);
    cx.reply.append(&mut page);
    Ok(())
}

/// Which keys SCAN answers, and about how many.
struct Filter<'a> {
    pattern: &'a [u8],
    kind: Option<&'a [u8]>,
    count: u64,
}

impl<'a> Filter<'a> {
    fn parse(args: Args<'a>) -> Result<Filter<'a>> {
        let mut filter = Filter { pattern: b"*", kind: None, count: 10 };
        let mut args = args.iter();
        while let Some(word) = args.next() {
            let value = args.next().ok_or(Error::Syntax)?;
            if word.eq_ignore_ascii_case(b"count") {
                let count = parse_i64(value).ok_or(Error::NotInteger)?;
                filter.count = u64::try_from(count).ok().filter(|&n| n > 0).ok_or(Error::Syntax)?;
            } else if word.eq_ignore_ascii_case(b"match") {
                filter.pattern = value;
            } else if word.eq_ignore_ascii_case(b"type") {
                filter.kind = Some(value);
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(filter)
    }

    fn fits(&self, key: &[u8], kind: &str) -> bool {
        self.kind.is_none_or(|wanted| wanted.eq_ignore_ascii_case(kind.as_bytes()))
            && (self.pattern == b"*" || glob(self.pattern, key, false))
    }
}

/// Reads a cursor as C reads an unsigned long: zeros may lead, and a sign, so that -1 is the largest one.
fn parse_cursor(text: &[u8]) -> Result<u64> {
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

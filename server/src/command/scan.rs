//! Commands that meet keys without naming them.
//!
//! Owns: DBSIZE, KEYS, RANDOMKEY, SCAN.   Uses: ReadCx.   Never: changes anything.

use super::context::ReadCx;
use super::row::*;
use super::scan_page::{Filter, Scanned, parse_cursor};
use crate::base::bytes::glob;
use crate::resp::Result;
use crate::resp::reply::Reply;

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
    let filter = Filter::parse(cx.args.from(2), Scanned::Keys)?;
    let mut page = Reply::new(cx.reply.proto());
    let (mut met, mut fitting) = (0, 0);
    let mut buckets = filter.count.saturating_mul(BUCKETS_PER_KEY);
    loop {
        cursor = cx.data.scan(cursor, &mut |entry| {
            met += 1;
            if filter.fits_kind(entry.value().kind().name()) && filter.fits(entry.key()) {
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

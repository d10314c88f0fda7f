//! The longest common subsequence of two strings.
//!
//! Owns: LCS.   Uses: ReadCx, base::subsequence.   Never: changes data.
//!
//! A real server fills a table of four bytes a cell and refuses a table larger than `proto-max-bulk-len`. The same
//! pairs of strings are refused here, in the same words, though a bit for each cell is all that is kept, and nothing
//! for rows that change nothing. At the usual limit of 512 MB strings of similar length take 13 ms and 17 MB (LEN alone
//! 3 ms) where the table takes 0.7 s and 512 MB. The worst is a string of tens of millions of bytes beside one of a few:
//! about 0.3 s.

use super::context::ReadCx;
use super::row::*;
use super::text::{length, text_of};
use crate::base::bytes::parse_i64;
use crate::base::subsequence::{self, Run as Shared};
use crate::resp::args::Args;
use crate::resp::{Error, Result};
use crate::value::TextRef;
use crate::value::text::Scratch;
use std::ops::Range;

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&LCS];
const _: () = check(TABLE);

/// Bytes of a cell of a real server's table.
const CELL: u64 = 4;

static LCS: Command = Command {
    name: "lcs",
    since: "7.0.0",
    group: Group::String,
    summary: "Finds the longest common subsequence of two strings.",
    complexity: "O(N*M) where N and M are the lengths of the strings.",
    args: &[
        key("key1"),
        key("key2"),
        token("len", "LEN").optional(),
        token("idx", "IDX").optional(),
        integer("min-match-len").after("MINMATCHLEN").optional(),
        token("withmatchlen", "WITHMATCHLEN").optional(),
    ],
    keys: &[key_range(1, 1, 1, &["RO", "access"])],
    run: Run::Read(lcs),
    ..Command::BASE
};

fn lcs(cx: &mut ReadCx<'_>) -> Result<()> {
    let (first, second) = (cx.key(1), cx.key(2));
    // A lookup counts, and may find the key past its time; both are made before either string is looked at.
    for key in [first, second] {
        cx.data.find(key);
    }
    let text = |key| match text_of(cx.data.peek(key)) {
        Ok(text) => Ok(text.unwrap_or(TextRef::Bytes(b""))),
        Err(_) => Err(Error::text("ERR The specified keys must contain string values")),
    };
    let (first, second) = (text(first)?, text(second)?);
    let options = Options::parse(cx.args.from(3))?;
    let mut scratch = (Scratch::default(), Scratch::default());
    let (a, b) = (first.bytes(&mut scratch.0), second.bytes(&mut scratch.1));
    check_size(a.len(), b.len(), cx.config.max_bulk.0)?;
    if options.len {
        cx.reply.int(length(subsequence::length(a, b)));
        return Ok(());
    }
    let runs = subsequence::runs(a, b).ok_or(Error::text(
        "ERR Insufficient memory, failed allocating transient memory for LCS",
    ))?;
    if options.idx {
        write_runs(cx, &options, &runs);
        return Ok(());
    }
    let common: Vec<&[u8]> = runs.iter().rev().map(|run| &a[run.a.clone()]).collect();
    cx.reply.blob(common.concat().into());
    Ok(())
}

/// Refuses strings whose table would be too large on a real server.
fn check_size(a: usize, b: usize, limit: u64) -> Result<()> {
    const LEN_MAX: u64 = u32::MAX as u64 - 1;
    let (a, b) = (a as u64, b as u64);
    if a >= LEN_MAX || b >= LEN_MAX {
        return Err(Error::text("ERR String too long for LCS"));
    }
    match ((a + 1) * (b + 1)).checked_mul(CELL) {
        Some(table) if table <= limit => Ok(()),
        _ => Err(Error::text(
            "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
        )),
    }
}

/// The words of one request.
#[derive(Default)]
struct Options {
    /// Only the length is answered.
    len: bool,
    /// Positions are answered.
    idx: bool,
    /// Shorter runs are left out.
    least: u64,
    /// The length of each run is answered as well.
    with_len: bool,
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Options> {
        let mut options = Options::default();
        let mut args = args.iter();
        while let Some(word) = args.next() {
            match word.to_ascii_lowercase().as_slice() {
                b"len" => options.len = true,
                b"idx" => options.idx = true,
                b"withmatchlen" => options.with_len = true,
                b"minmatchlen" => {
                    let least = args.next().ok_or(Error::Syntax)?;
                    let least = parse_i64(least).ok_or(Error::NotInteger)?;
                    // Less than nothing leaves nothing out.
                    options.least = u64::try_from(least).unwrap_or(0);
                }
                _ => return Err(Error::Syntax),
            }
        }
        if options.len && options.idx {
            return Err(Error::text(
                "ERR If you want both the length and indexes, please just use IDX.",
            ));
        }
        Ok(options)
    }
}

/// Answers where the runs are, the last one first, and how long all of them are.
fn write_runs(cx: &mut ReadCx<'_>, options: &Options, runs: &[Shared]) {
    let is_shown = |run: &&Shared| run.a.len() as u64 >= options.least;
    let reply = &mut *cx.reply;
    reply.map(2);
    reply.bulk(b"matches");
    reply.array(runs.iter().filter(is_shown).count());
    for run in runs.iter().filter(is_shown) {
        reply.array(if options.with_len { 3 } else { 2 });
        for Range { start, end } in [&run.a, &run.b] {
            reply.array(2);
            reply.int(length(*start));
            // The last byte, not the one behind it.
            reply.int(length(end - 1));
        }
        if options.with_len {
            reply.int(length(run.a.len()));
        }
    }
    reply.bulk(b"len");
    reply.int(length(runs.iter().map(|run| run.a.len()).sum()));
}

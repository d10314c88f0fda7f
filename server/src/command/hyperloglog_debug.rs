//! Looking into HyperLogLogs, and trying them.
//!
//! Owns: PFDEBUG, PFSELFTEST.   Uses: contexts, hyperloglog.   Never: changes what was counted.

use super::context::{ServerCx, WriteCx};
use super::hyperloglog::{change, corrupt, log_of};
use super::next::Next;
use super::row::*;
use crate::keyspace::change::{Change, Event};
use crate::resp::error::echo;
use crate::resp::{Error, Result};
use crate::value::hyperloglog::{Corrupt, HyperLogLog, Registers};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&PFDEBUG, &PFSELFTEST];
const _: () = check(TABLE);

static PFDEBUG: Command = Command {
    name: "pfdebug",
    since: "2.8.9",
    group: Group::HyperLogLog,
    summary: "Shows how a HyperLogLog is kept: GETREG its registers, DECODE its runs, ENCODING; TODENSE ends the runs.",
    complexity: "O(N) where N is the number of registers.",
    args: &[string("subcommand"), key("key")],
    keys: &[key_at(2, &["RW", "access"])],
    flags: DENY_OOM.and(ADMIN),
    run: Run::Write(pfdebug),
    ..Command::BASE
};

fn pfdebug(cx: &mut WriteCx<'_>) -> Result<Change> {
    let word = cx.arg(1);
    let mut slot = cx.slot(cx.key(2));
    log_of(slot.entry())?;
    // Redis keeps a string that it looked at like this as it keeps one that was changed.
    slot.set_edited();
    let log = log_of(slot.entry())?;
    let log = log.ok_or(Error::text("ERR The specified key does not exist"))?;
    match word.to_ascii_lowercase().as_slice() {
        b"encoding" => {
            let form = log.form().name();
            cx.reply.simple(form);
        }
        b"decode" => {
            let runs = log.runs().ok_or(Error::text("ERR HLL encoding is not sparse"))?;
            cx.reply.bulk(runs.as_bytes());
        }
        b"todense" => {
            let (was_sparse, change) = make_dense(cx)?;
            cx.reply.int(i64::from(was_sparse));
            return Ok(change);
        }
        b"getreg" => return write_registers(cx),
        _ => {
            let word = echo(word);
            return Err(Error::text(format!("ERR Unknown PFDEBUG subcommand '{word}'")));
        }
    }
    Ok(Change::NONE)
}

fn make_dense(cx: &mut WriteCx<'_>) -> Result<(bool, Change)> {
    let key = cx.key(2);
    let was_sparse = change(&mut cx.slot(key), HyperLogLog::make_dense)?.map_err(corrupt)?;
    let change = if was_sparse { cx.changed(key, Event::SILENT) } else { Change::NONE };
    Ok((was_sparse, change))
}

/// Redis makes it dense to look at its registers, and so it stays.
fn write_registers(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (_, change) = make_dense(cx)?;
    let mut registers = Registers::default();
    if let Some(log) = log_of(cx.slot(cx.key(2)).entry())? {
        log.raise_into(&mut registers).map_err(corrupt)?;
    }
    cx.reply.array(registers.values().len());
    registers.values().iter().for_each(|&value| cx.reply.int(value.into()));
    Ok(change)
}

static PFSELFTEST: Command = Command {
    name: "pfselftest",
    since: "2.8.9",
    group: Group::HyperLogLog,
    summary: "Adds elements to HyperLogLogs and looks whether they are counted as they should be.",
    complexity: "O(1), some milliseconds.",
    flags: ADMIN,
    run: Run::Server(pfselftest),
    ..Command::BASE
};

/// Elements that the test adds: as many as fit into a pause that nobody notices.
const TRIED: u32 = 100_000;
/// The error that is allowed, as a part of the number of elements: six times the standard error.
const ALLOWED: u64 = 20;

fn pfselftest(cx: &mut ServerCx<'_>) -> Result<Next> {
    // A sparse one stays within what the setting is by default.
    try_counting(cx.parts.rng.next_u64(), 3000).map_err(corrupt)?;
    cx.reply.ok();
    Ok(Next::Done)
}

/// Adds different elements, in a sparse and in a dense one, and compares them with each other and the number.
fn try_counting(seed: u64, most: usize) -> std::result::Result<(), Corrupt> {
    let (mut log, mut dense) = (HyperLogLog::default(), HyperLogLog::default());
    dense.make_dense()?;
    for n in 0..TRIED {
        let element = (seed ^ u64::from(n)).to_le_bytes();
        if log.add(&element, most)? != dense.add(&element, most)? {
            return Err(Corrupt);
        }
        let seen = u64::from(n) + 1;
        if seen.is_power_of_two() || seen == u64::from(TRIED) {
            let count = log.as_ref().count()?;
            let wrong = count.unsigned_abs().abs_diff(seen);
            if count != dense.as_ref().count()? || wrong > seen / ALLOWED + 2 {
                return Err(Corrupt);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counting_works_for_many_seeds() {
        for seed in 0..8u64 {
            assert_eq!(try_counting(seed << 32, 3000), Ok(()), "{seed}");
        }
    }
}

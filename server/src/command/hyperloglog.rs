//! How many different elements there were, about.
//!
//! Owns: PFADD, PFCOUNT, PFMERGE.   Uses: contexts, edit, `value::hyperloglog`.   Never: what the bytes mean.
//!
//! A HyperLogLog is a string; any string may be asked whether it is one.

use super::context::{ReadCx, WriteCx};
use super::edit::{edit, put_bytes, take_bytes};
use super::row::*;
use super::text::text_of;
use crate::keyspace::change::{Change, Event};
use crate::keyspace::{EntryRef, Slot};
use crate::resp::{Error, Result};
use crate::value::TextRef;
use crate::value::hyperloglog::{
    Corrupt, Form, HyperLogLog, HyperLogLogRef, Registers, note_count,
};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&PFADD, &PFCOUNT, &PFMERGE];
const _: () = check(TABLE);

/// The HyperLogLog that stands in an entry, if there is an entry.
///
/// # Errors
/// Another type stands there, or a string that is none.
pub fn log_of(entry: Option<EntryRef<'_>>) -> Result<Option<HyperLogLogRef<'_>>> {
    let log = match text_of(entry)? {
        None => return Ok(None),
        Some(TextRef::Int(_)) => None,
        Some(TextRef::Bytes(bytes)) => HyperLogLogRef::of(bytes),
        Some(TextRef::Blob(blob)) => HyperLogLogRef::of(blob),
    };
    let words = "WRONGTYPE Key is not a valid HyperLogLog string value.";
    log.map(Some).ok_or(Error::text(words))
}

/// What a command answers when it meets one whose registers cannot be read.
pub fn corrupt(_: Corrupt) -> Error {
    Error::text("INVALIDOBJ Corrupted HLL object detected")
}

/// Changes the HyperLogLog in a slot, or an empty one if there is no key. It stands there afterwards, be the result an
/// error or not. O(1) besides the change for one that is dense, else O(length).
///
/// # Errors
/// What stands there is none.
pub fn change<R>(slot: &mut Slot<'_, '_>, change: impl FnOnce(&mut HyperLogLog) -> R) -> Result<R> {
    log_of(slot.entry())?;
    let mut log = match take_bytes(slot).map(HyperLogLog::of) {
        Some(Ok(log)) => log,
        // It was looked at above: there is nothing.
        Some(Err(_)) | None => HyperLogLog::default(),
    };
    let result = change(&mut log);
    put_bytes(slot, log.into_bytes());
    Ok(result)
}

static PFADD: Command = Command {
    name: "pfadd",
    since: "2.8.9",
    group: Group::HyperLogLog,
    summary: "Adds elements to a HyperLogLog.",
    complexity: "O(1) for each element.",
    args: &[key("key"), string("element").optional().multiple()],
    keys: &[one_key(&["RW", "insert"])],
    flags: DENY_OOM.and(FAST),
    events: &[Event::PF_ADD, Event::NEW],
    run: Run::Write(pfadd),
    ..Command::BASE
};

fn pfadd(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (key, args, touch) = (cx.key(1), cx.args.from(2), cx.touch);
    let most = sparse_max(cx.config.hll_sparse_bytes.0);
    let mut slot = cx.slot(key);
    let old = log_of(slot.entry())?;
    let created = old.is_none();
    // Of a set that is counted for long, most elements change nothing.
    if old.is_some_and(|log| args.iter().all(|element| log.is_past(element))) && !args.is_empty() {
        slot.touch(touch);
        cx.reply.int(0);
        return Ok(Change::NONE);
    }
    let mut added = u64::from(created);
    let result = change(&mut slot, |log| {
        args.iter().try_for_each(|element| {
            added += u64::from(log.add(element, most)?);
            Ok(())
        })
    })?;
    slot.touch(touch);
    cx.reply.int(i64::from(added > 0));
    if created {
        cx.created(key);
    }
    let mut made = Change::NONE;
    if let Some(more) = added.checked_sub(1) {
        made = cx.changed(key, Event::PF_ADD);
        let _ = cx.changes.count(more);
    }
    // What was added before the fault was met has been told.
    result.map(|()| made).map_err(corrupt)
}

/// The setting as a length.
fn sparse_max(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

static PFCOUNT: Command = Command {
    name: "pfcount",
    since: "2.8.9",
    group: Group::HyperLogLog,
    summary: "Returns about how many different elements were added to HyperLogLogs.",
    complexity: "O(1) for one key that was counted before, else O(N) where N is the number of keys.",
    args: &[key("key").multiple()],
    keys: &[all_keys(&["RW", "access"])],
    run: Run::Read(pfcount),
    ..Command::BASE
};

fn pfcount(cx: &mut ReadCx<'_>) -> Result<()> {
    if cx.args.len() > 2 {
        return count_all(cx);
    }
    let key = cx.key(1);
    let Some(log) = log_of(cx.data.entry(key))? else {
        cx.reply.int(0);
        return Ok(());
    };
    if let Some(count) = log.count_of_before() {
        cx.reply.int(count);
        return Ok(());
    }
    let count = log.count().map_err(corrupt)?;
    cx.reply.int(count);
    cx.rearrange(key, |slot| {
        let noted = edit(slot, 0, |bytes| note_count(bytes, count));
        noted.expect("it is the string that was counted");
    });
    Ok(())
}

/// What was added to any of several.
fn count_all(cx: &mut ReadCx<'_>) -> Result<()> {
    let mut registers = Registers::default();
    for at in 1..cx.args.len() {
        let key = cx.key(at);
        if let Some(log) = log_of(cx.data.entry(key))? {
            log.raise_into(&mut registers).map_err(corrupt)?;
        }
    }
    cx.reply.int(registers.count());
    Ok(())
}

static PFMERGE: Command = Command {
    name: "pfmerge",
    since: "2.8.9",
    group: Group::HyperLogLog,
    summary: "Adds to a HyperLogLog what was added to others.",
    complexity: "O(N) where N is the number of keys.",
    args: &[key("destkey"), key("sourcekey").optional().multiple()],
    keys: &[one_key(&["RW", "access", "insert"]), key_range(2, -1, 1, &["RO", "access"])],
    flags: DENY_OOM,
    events: &[Event::PF_ADD, Event::NEW],
    run: Run::Write(pfmerge),
    ..Command::BASE
};

fn pfmerge(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (key, touch) = (cx.key(1), cx.touch);
    let most = sparse_max(cx.config.hll_sparse_bytes.0);
    let mut registers = Registers::default();
    let mut dense = false;
    // The destination is a source as well.
    for at in 1..cx.args.len() {
        let (slot, _) = cx.read_slot(cx.key(at));
        if let Some(log) = log_of(slot.entry())? {
            dense |= log.form() == Form::Dense;
            log.raise_into(&mut registers).map_err(corrupt)?;
        }
    }
    let mut slot = cx.slot(key);
    let created = !slot.exists();
    change(&mut slot, |log| {
        if dense {
            log.make_dense()?;
        }
        log.raise_all(&registers, most)
    })?
    .map_err(corrupt)?;
    slot.touch(touch);
    cx.reply.ok();
    if created {
        cx.created(key);
    }
    Ok(cx.changed(key, Event::PF_ADD))
}

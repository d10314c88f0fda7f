//! Strings as rows of bits.
//!
//! Owns: BITCOUNT, BITPOS, GETBIT, SETBIT.   Uses: contexts, edit, `base::bits`.   Never: several bits as a number.

use super::context::{ReadCx, WriteCx};
use super::edit::edit;
use super::range::overwrite;
use super::row::*;
use super::text::{length, text_of};
use crate::base::bits;
use crate::base::bytes::parse_i64;
use crate::keyspace::change::{Change, Event};
use crate::resp::args::Args;
use crate::resp::{Error, Result};
use crate::value::TextRef;
use crate::value::text::Scratch;
use std::ops::Range;

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&BITCOUNT, &BITPOS, &GETBIT, &SETBIT];
const _: () = check(TABLE);

const UNIT: Arg = one_of("unit", &[token("byte", "BYTE"), token("bit", "BIT")]).optional();

/// The position of a bit that an argument names: its byte is one that a string may have.
///
/// # Errors
/// It is none.
pub fn bit_position(arg: &[u8], limit: u64) -> Result<u64> {
    within(parse_i64(arg).and_then(|at| u64::try_from(at).ok()), limit)
}

/// A bit's position, if its byte is one that a string may have.
///
/// # Errors
/// It is not.
pub fn within(at: Option<u64>, limit: u64) -> Result<u64> {
    let words = "ERR bit offset is not an integer or out of range";
    at.filter(|at| at / 8 < limit).ok_or(Error::text(words))
}

/// What a range is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Byte,
    Bit,
}

impl Unit {
    fn parse(arg: &[u8]) -> Result<Unit> {
        match arg.to_ascii_lowercase().as_slice() {
            b"byte" => Ok(Unit::Byte),
            b"bit" => Ok(Unit::Bit),
            _ => Err(Error::Syntax),
        }
    }
}

/// A part of a string as it was asked for: first and last, from the end if negative.
#[derive(Clone, Copy, Debug)]
struct Part {
    start: i64,
    end: i64,
    unit: Unit,
}

impl Part {
    const ALL: Part = Part { start: 0, end: -1, unit: Unit::Byte };

    /// The bits of a string of so many bytes; empty if it ends before it begins.
    fn bits(self, len: usize) -> Range<u64> {
        let unit = match self.unit {
            Unit::Byte => 8,
            Unit::Bit => 1,
        };
        let units = length(len).saturating_mul(8 / unit);
        let from_end = |at: i64| if at < 0 { at.saturating_add(units).max(0) } else { at };
        let (start, end) = (from_end(self.start), from_end(self.end).min(units - 1));
        if start > end {
            return 0..0;
        }
        // Neither is negative: the end is not before the start.
        (start * unit) as u64..((end + 1) * unit) as u64
    }
}

static BITCOUNT: Command = Command {
    name: "bitcount",
    since: "2.6.0",
    group: Group::Bitmap,
    summary: "Counts the bits of a string that are set.",
    complexity: "O(N) where N is the length of the part.",
    args: &[key("key"), block("range", &[integer("start"), integer("end"), UNIT]).optional()],
    keys: READ_ONE,
    run: Run::Read(bitcount),
    ..Command::BASE
};

fn bitcount(cx: &mut ReadCx<'_>) -> Result<()> {
    let part = counted_part(cx.args)?;
    let key = cx.key(1);
    let mut scratch = Scratch::default();
    let text = cx.data.text(key)?.unwrap_or(TextRef::Bytes(b""));
    let bytes = text.bytes(&mut scratch);
    // Both might be cut to the first byte.
    let is_empty = part.start < 0 && part.end < 0 && part.start > part.end;
    let count = if is_empty { 0 } else { bits::count_ones_in(bytes, part.bits(bytes.len())) };
    cx.reply.int(count as i64);
    Ok(())
}

fn counted_part(args: Args<'_>) -> Result<Part> {
    match args.len() {
        2 => Ok(Part::ALL),
        words @ (4 | 5) => {
            let start = parse_i64(args.get(2)).ok_or(Error::NotInteger)?;
            let end = parse_i64(args.get(3)).ok_or(Error::NotInteger)?;
            let unit = if words == 5 { Unit::parse(args.get(4))? } else { Unit::Byte };
            Ok(Part { start, end, unit })
        }
        _ => Err(Error::Syntax),
    }
}

static BITPOS: Command = Command {
    name: "bitpos",
    since: "2.8.7",
    group: Group::Bitmap,
    summary: "Finds the first bit of a string that is set, or clear.",
    complexity: "O(N) where N is the length of the part.",
    args: &[
        key("key"),
        integer("bit"),
        block(
            "range",
            &[integer("start"), block("end-unit-block", &[integer("end"), UNIT]).optional()],
        )
        .optional(),
    ],
    keys: READ_ONE,
    run: Run::Read(bitpos),
    ..Command::BASE
};

fn bitpos(cx: &mut ReadCx<'_>) -> Result<()> {
    let set = match parse_i64(cx.arg(2)).ok_or(Error::NotInteger)? {
        0 => false,
        1 => true,
        _ => return Err(Error::text("ERR The bit argument must be 1 or 0.")),
    };
    let part = searched_part(cx.args)?;
    let has_end = cx.args.len() > 4;
    let key = cx.key(1);
    let Some(text) = cx.data.text(key)? else {
        // Missing is a row of zeros, whose first bit is as good as any.
        cx.reply.int(if set { -1 } else { 0 });
        return Ok(());
    };
    let mut scratch = Scratch::default();
    let bytes = text.bytes(&mut scratch);
    let range = part.bits(bytes.len());
    let found = match bits::find(bytes, set, range.clone()) {
        Some(at) => at as i64,
        // Behind a string whose end nobody named are zeros.
        None if !set && !has_end && !range.is_empty() => range.end as i64,
        None => -1,
    };
    cx.reply.int(found);
    Ok(())
}

fn searched_part(args: Args<'_>) -> Result<Part> {
    let words = args.len();
    if words > 6 {
        return Err(Error::Syntax);
    }
    let mut part = Part::ALL;
    if words > 3 {
        part.start = parse_i64(args.get(3)).ok_or(Error::NotInteger)?;
    }
    // Redis looks at the unit before the end.
    if words > 5 {
        part.unit = Unit::parse(args.get(5))?;
    }
    if words > 4 {
        part.end = parse_i64(args.get(4)).ok_or(Error::NotInteger)?;
    }
    Ok(part)
}

static GETBIT: Command = Command {
    name: "getbit",
    since: "2.2.0",
    group: Group::Bitmap,
    summary: "Returns one bit of a string.",
    args: &[key("key"), integer("offset")],
    keys: READ_ONE,
    flags: FAST,
    run: Run::Read(getbit),
    ..Command::BASE
};

fn getbit(cx: &mut ReadCx<'_>) -> Result<()> {
    let at = bit_position(cx.arg(2), cx.config.max_bulk.0)?;
    let key = cx.key(1);
    let mut scratch = Scratch::default();
    let text = cx.data.text(key)?.unwrap_or(TextRef::Bytes(b""));
    cx.reply.int(bits::number_at(text.bytes(&mut scratch), at, 1) as i64);
    Ok(())
}

static SETBIT: Command = Command {
    name: "setbit",
    since: "2.2.0",
    group: Group::Bitmap,
    summary: "Sets or clears one bit of a string, which grows with zero bits up to there.",
    complexity: "O(1), or O(N) where N is the length of the string if that grows.",
    args: &[key("key"), integer("offset"), integer("value")],
    keys: UPDATE_ONE,
    flags: DENY_OOM,
    events: &[Event::SET_BIT, Event::NEW],
    run: Run::Write(setbit),
    ..Command::BASE
};

fn setbit(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (key, touch) = (cx.key(1), cx.touch);
    let at = bit_position(cx.arg(2), cx.config.max_bulk.0)?;
    let new = match cx.arg(3) {
        b"0" => 0,
        b"1" => 1,
        _ => return Err(Error::text("ERR bit is not an integer or out of range")),
    };
    let mut slot = cx.slot(key);
    let text = text_of(slot.entry())?;
    // Below the limit on a string's length.
    let byte = (at / 8) as usize;
    let (created, grown) = (text.is_none(), text.is_none_or(|text| text.len() <= byte));
    let mut scratch = Scratch::default();
    let bytes = text.unwrap_or(TextRef::Bytes(b"")).bytes(&mut scratch);
    let old = bits::number_at(bytes, at, 1);
    let mut patch = [bytes.get(byte).copied().unwrap_or(0)];
    bits::set_number_at(&mut patch, at % 8, 1, new);
    if grown || old != new {
        overwrite(&mut slot, byte, &patch);
    } else {
        // Nothing but the encoding changes.
        edit(&mut slot, 0, |_| ())?;
    }
    slot.touch(touch);
    cx.reply.int(old as i64);
    if !grown && old == new {
        return Ok(Change::NONE);
    }
    if created {
        cx.created(key);
    }
    Ok(cx.changed(key, Event::SET_BIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_cut_as_in_redis() {
        let cut = |start, end, unit| Part { start, end, unit }.bits(3);
        for (start, end, expected) in [
            (0, -1, 0..24),
            (1, 1, 8..16),
            (-1, -1, 16..24),
            (-100, 100, 0..24),
            (2, 1, 0..0),
            (3, 5, 0..0),
            (-1, -2, 0..0),
            (0, -100, 0..8),
            (-100, -101, 0..8),
            (i64::MIN, i64::MAX, 0..24),
            (i64::MAX, i64::MAX, 0..0),
            (i64::MIN, i64::MIN, 0..8),
        ] {
            assert_eq!(cut(start, end, Unit::Byte), expected, "{start} {end}");
        }
        assert_eq!(cut(5, -3, Unit::Bit), 5..22);
        assert_eq!(cut(i64::MIN, i64::MAX, Unit::Bit), 0..24);
        assert_eq!(cut(24, 24, Unit::Bit), 0..0);
        assert_eq!(Part::ALL.bits(0), 0..0);
        assert_eq!(Part { start: 0, end: 0, unit: Unit::Bit }.bits(0), 0..0);
    }
}

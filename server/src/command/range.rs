//! Commands that read or overwrite a part of a string.
//!
//! Owns: GETRANGE, SETRANGE, SUBSTR.   Uses: ReadCx, WriteCx.   Never: copies more of a string than the part.

use super::context::{ReadCx, WriteCx};
use super::row::*;
use super::text::{length, put_raw, text_of};
use crate::base::blob::Blob;
use crate::base::bytes::parse_i64;
use crate::keyspace::change::{Change, Event};
use crate::keyspace::{INLINE_MAX, Slot};
use crate::resp::reply::BY_REFERENCE;
use crate::resp::{Error, Result};
use crate::value::text::Scratch;
use crate::value::{Put, PutText, TextMut, TextRef};
use std::ops::Range;

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&GETRANGE, &SETRANGE, &SUBSTR];
const _: () = check(TABLE);

const RANGE: &[Arg] = &[key("key"), integer("start"), integer("end")];

static GETRANGE: Command = Command {
    name: "getrange",
    since: "2.4.0",
    group: Group::String,
    summary: "Returns a part of a string.",
    complexity: "O(N) where N is the length of the part.",
    args: RANGE,
    keys: READ_ONE,
    run: Run::Read(getrange),
    ..Command::BASE
};

fn getrange(cx: &mut ReadCx<'_>) -> Result<()> {
    let start = parse_i64(cx.arg(2)).ok_or(Error::NotInteger)?;
    let end = parse_i64(cx.arg(3)).ok_or(Error::NotInteger)?;
    let key = cx.key(1);
    let Some(text) = cx.data.text(key)? else {
        cx.reply.bulk(b"");
        return Ok(());
    };
    let range = part(start, end, text.len());
    match text {
        TextRef::Blob(blob) if is_worth_sharing(&range, blob) => cx.reply.blob(blob.slice(range)),
        TextRef::Int(_) | TextRef::Bytes(_) | TextRef::Blob(_) => {
            cx.reply.bulk(&text.bytes(&mut Scratch::default())[range]);
        }
    }
    Ok(())
}

/// The bytes from `start` to `end`, both included and, if negative, counted from the string's end.
fn part(start: i64, end: i64, len: usize) -> Range<usize> {
    let from_end = |at: i64| match usize::try_from(at) {
        Ok(at) => at,
        Err(_) => len.saturating_sub(usize::try_from(at.unsigned_abs()).unwrap_or(usize::MAX)),
    };
    // Both would be cut to the first byte.
    if start < 0 && end < 0 && start > end {
        return 0..0;
    }
    let (start, end) = (from_end(start), from_end(end).saturating_add(1).min(len));
    if start < end { start..end } else { 0..0 }
}

/// A shared part keeps the whole string from being changed in place until it is sent. So a client that reads the end
/// of a long log again and again gets copies, and whoever appends to it needs none.
fn is_worth_sharing(range: &Range<usize>, blob: &Blob) -> bool {
    range.len() >= BY_REFERENCE && range.len() >= blob.len() / 2
}

static SETRANGE: Command = Command {
    name: "setrange",
    since: "2.2.0",
    group: Group::String,
    summary: "Overwrites a part of a string, which grows with zero bytes up to there.",
    complexity: "O(N) where N is the length of the value, and of the string if that grows.",
    args: &[key("key"), integer("offset"), string("value")],
    keys: &[one_key(&["RW", "update"])],
    flags: DENY_OOM,
    events: &[Event::SET_RANGE, Event::NEW],
    run: Run::Write(setrange),
    ..Command::BASE
};

fn setrange(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (key, patch) = (cx.key(1), cx.arg(3));
    let offset = parse_i64(cx.arg(2)).ok_or(Error::NotInteger)?;
    let offset = u64::try_from(offset).map_err(|_| Error::text("ERR offset is out of range"))?;
    let (touch, limit) = (cx.touch, cx.config.max_bulk.0);
    let mut slot = cx.slot(key);
    let old = text_of(slot.entry())?.map(TextRef::len);
    if patch.is_empty() {
        cx.reply.int(length(old.unwrap_or(0)));
        return Ok(Change::NONE);
    }
    let end = offset.checked_add(patch.len() as u64).filter(|&end| end <= limit);
    let end = end.and_then(|end| usize::try_from(end).ok()).ok_or(Error::TooLong)?;
    overwrite(&mut slot, end - patch.len(), patch);
    slot.touch(touch);
    if old.is_none() {
        cx.created(key);
    }
    cx.reply.int(length(end.max(old.unwrap_or(0))));
    Ok(cx.changed(key, Event::SET_RANGE))
}

/// Puts bytes at a position of the string in a slot, its end for APPEND: where it stands if it has room or can get some,
/// unless a reply in flight shares it.
pub fn overwrite(slot: &mut Slot<'_, '_>, offset: usize, patch: &[u8]) {
    let end = offset + patch.len();
    let done = slot.edit(|text| match text {
        TextMut::Bytes(bytes) => match bytes.get_mut(offset..end) {
            Some(part) => {
                part.copy_from_slice(patch);
                true
            }
            None => false,
        },
        // A gap longer than the string is cheaper as new memory, which is zero already and not there until it is used.
        TextMut::Blob(blob) if offset / 2 <= blob.len() => {
            let empty = Blob::from(bytes::BytesMut::new());
            let mut bytes = std::mem::replace(blob, empty).into_mut();
            bytes.resize(bytes.len().max(offset), 0);
            let (inside, behind) = patch.split_at(patch.len().min(bytes.len() - offset));
            bytes[offset..offset + inside.len()].copy_from_slice(inside);
            bytes.extend_from_slice(behind);
            *blob = bytes.into();
            true
        }
        TextMut::Blob(_) | TextMut::Int(_) => false,
    });
    if done != Some(true) {
        rewrite(slot, offset, patch);
    }
    slot.set_edited();
}

/// Makes a new string of the one in a slot, with bytes put at a position.
fn rewrite(slot: &mut Slot<'_, '_>, offset: usize, patch: &[u8]) {
    let end = offset + patch.len();
    let mut scratch = Scratch::default();
    let old = match text_of(slot.entry()) {
        Ok(Some(text)) => text.bytes(&mut scratch),
        Ok(None) | Err(_) => b"",
    };
    let len = end.max(old.len());
    let mut room = [0; INLINE_MAX];
    if len <= INLINE_MAX {
        room[..old.len()].copy_from_slice(old);
        room[offset..end].copy_from_slice(patch);
        slot.put(put_raw(&room[..len]));
    } else {
        let mut bytes = vec![0; len];
        bytes[..old.len()].copy_from_slice(old);
        bytes[offset..end].copy_from_slice(patch);
        slot.put(Put::Text(PutText::Blob(bytes.into())));
    }
}

static SUBSTR: Command = Command {
    name: "substr",
    since: "1.0.0",
    group: Group::String,
    summary: "Returns a part of a string: the old name of GETRANGE.",
    complexity: "O(N) where N is the length of the part.",
    deprecated: Some(("2.0.0", "`GETRANGE`")),
    args: RANGE,
    keys: READ_ONE,
    run: Run::Read(getrange),
    ..Command::BASE
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_cut_as_in_redis() {
        let hello = b"Hello World";
        for (start, end, expected) in [
            (0, 3, "Hell"),
            (0, -1, "Hello World"),
            (-4, -1, "orld"),
            (5, 3, ""),
            (5, 5000, " World"),
            (-5000, 10000, "Hello World"),
            (0, -100, "H"),
            (1, -100, ""),
            (-1, -100, ""),
            (-100, -99, "H"),
            (-100, -101, ""),
            (11, 11, ""),
            (i64::MIN, i64::MAX, "Hello World"),
            (i64::MAX, i64::MAX, ""),
            (i64::MIN, i64::MIN, "H"),
        ] {
            let range = part(start, end, hello.len());
            assert_eq!(std::str::from_utf8(&hello[range]), Ok(expected), "{start} {end}");
        }
        assert_eq!(part(0, -1, 0), 0..0);
        assert_eq!(part(-1, 0, 0), 0..0);
    }
}

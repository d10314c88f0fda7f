//! Sparse registers: runs of equal ones, as long as there are few different ones.
//!
//! Owns: the runs, and the change of one register in place.   Uses: bytes.   Never: the header's meaning.
//!
//! ```text
//!   00zz_zzzz                 z + 1 registers, 1 to 64, are zero
//!   01zz_zzzz zzzz_zzzz       z + 1 registers, 1 to 16,384, are zero
//!   1vvv_vvnn                 n + 1 registers, 1 to 4, have the value v + 1, 1 to 32
//! ```
//!
//! The runs of 16,384 registers stand behind the header in their order. Which runs say the same is open; this code
//! cuts and joins them as Redis does, so that strings made by the same elements are equal. A string may come from
//! anybody: whatever its runs say, nothing outside the string or beyond the last register is touched.

use super::estimate::Histogram;
use super::{Corrupt, HEADER, REGISTERS};
use arrayvec::ArrayVec;
use bytes::BytesMut;
use std::ops::Range;

/// The highest value that a run can say.
const VALUE_MAX: u8 = 32;
/// The most registers of a run with a value.
const VALUE_RUN: usize = 4;
/// The most zero registers of a run of one byte.
const SHORT_ZEROS: usize = 64;
/// After a change so many runs are looked at for two that can be joined.
const JOINED: usize = 5;

/// Some registers in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Their value.
    pub value: u8,
    /// How many they are.
    pub len: usize,
    /// Bytes of the run itself.
    bytes: usize,
    /// Its first byte says that it is of two.
    pub wide: bool,
}

/// The run that begins at a place, which is inside the string. The second byte of one that is cut off counts as 0.
#[inline]
fn run_at(bytes: &[u8], place: usize) -> Run {
    let first = bytes[place];
    let low = usize::from(first & 63);
    match first >> 6 {
        0 => Run { value: 0, len: low + 1, bytes: 1, wide: false },
        1 => {
            let second = bytes.get(place + 1).copied().unwrap_or(0);
            Run { value: 0, len: (low << 8 | usize::from(second)) + 1, bytes: 2, wide: true }
        }
        _ => {
            let value = (first >> 2 & 31) + 1;
            Run { value, len: usize::from(first & 3) + 1, bytes: 1, wide: false }
        }
    }
}

/// The runs of a string, header and all, to its end; whether they make sense together is not looked at.
pub fn runs(bytes: &[u8]) -> impl Iterator<Item = Run> {
    let mut place = HEADER;
    std::iter::from_fn(move || {
        let run = (place < bytes.len()).then(|| run_at(bytes, place))?;
        place += run.bytes;
        Some(run)
    })
}

/// The registers that runs cover, each with its first register.
///
/// # Errors
/// The runs are not exactly as long as all registers.
pub fn check(bytes: &[u8], mut each: impl FnMut(Range<usize>, u8)) -> Result<(), Corrupt> {
    let mut first = 0;
    for run in runs(bytes) {
        let end = first + run.len;
        if end > REGISTERS {
            return Err(Corrupt);
        }
        each(first..end, run.value);
        first = end;
    }
    if first == REGISTERS { Ok(()) } else { Err(Corrupt) }
}

/// How many registers have each value. O(runs).
///
/// # Errors
/// As [`check`].
pub fn histogram(bytes: &[u8]) -> Result<Histogram, Corrupt> {
    let mut counts = [0; 64];
    check(bytes, |range, value| counts[usize::from(value & 63)] += range.len() as u32)?;
    Ok(Histogram(counts))
}

/// Appends the runs of `len` registers of one value: none if there are none.
fn push_run<const N: usize>(out: &mut ArrayVec<u8, N>, value: u8, len: usize) {
    let Some(less) = len.checked_sub(1) else { return };
    if value > 0 {
        out.push(0x80 | (value - 1) << 2 | less as u8);
    } else if len <= SHORT_ZEROS {
        out.push(less as u8);
    } else {
        out.push(0x40 | (less >> 8) as u8);
        out.push(less as u8);
    }
}

/// The body of no element.
pub fn empty() -> ArrayVec<u8, 2> {
    let mut body = ArrayVec::new();
    push_run(&mut body, 0, REGISTERS);
    body
}

/// Where a search begins: a run, and the first register that it covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    place: usize,
    first: usize,
}

impl Cursor {
    /// The first run.
    pub const START: Cursor = Cursor { place: HEADER, first: 0 };
}

/// What became of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Raised {
    /// It was as high already.
    Same,
    /// It is as high now.
    Higher,
    /// The string would be longer than allowed, or the value is too high for it.
    TooLong,
}

/// Makes the register `at` at least as high as `value`; a string that grows by it stays within `most` bytes. The cursor
/// is not behind the register, and afterwards serves for any register behind this one. O(runs from the cursor on).
///
/// # Errors
/// No run covers the register, or the one that does is cut off.
pub fn raise(
    bytes: &mut BytesMut,
    cursor: &mut Cursor,
    at: usize,
    value: u8,
    most: usize,
) -> Result<Raised, Corrupt> {
    if value > VALUE_MAX {
        return Ok(Raised::TooLong);
    }
    let (before, here, run) = find(bytes, *cursor, at)?;
    *cursor = before.unwrap_or(Cursor::START);
    if run.value >= value {
        return Ok(Raised::Same);
    }
    let mut new = ArrayVec::<u8, 5>::new();
    push_run(&mut new, run.value, at - here.first);
    push_run(&mut new, value, 1);
    push_run(&mut new, run.value, here.first + run.len - at - 1);
    let end = here.place + run.bytes;
    if end > bytes.len() {
        return Err(Corrupt);
    }
    if new.len() > run.bytes && bytes.len() + new.len() - run.bytes > most {
        return Ok(Raised::TooLong);
    }
    replace(bytes, here.place..end, &new);
    join(bytes, cursor.place);
    Ok(Raised::Higher)
}

/// The run that covers a register, and the one before it.
fn find(bytes: &[u8], cursor: Cursor, at: usize) -> Result<(Option<Cursor>, Cursor, Run), Corrupt> {
    let (mut before, mut here) = (None, cursor);
    while here.place < bytes.len() {
        let run = run_at(bytes, here.place);
        if at < here.first + run.len {
            // What stands before the cursor is told only by those from the start on.
            return match before {
                None if cursor != Cursor::START => find(bytes, Cursor::START, at),
                before => Ok((before, here, run)),
            };
        }
        before = Some(here);
        here = Cursor { place: here.place + run.bytes, first: here.first + run.len };
    }
    Err(Corrupt)
}

/// Joins neighbours of the same value among the next few runs.
fn join(bytes: &mut BytesMut, mut place: usize) {
    for _ in 0..JOINED {
        if place >= bytes.len() {
            return;
        }
        let run = run_at(bytes, place);
        let next = place + run.bytes;
        if run.value == 0 || next >= bytes.len() {
            place = next;
            continue;
        }
        let other = run_at(bytes, next);
        let len = run.len + other.len;
        if other.value == run.value && len <= VALUE_RUN {
            let mut joined = ArrayVec::<u8, 1>::new();
            push_run(&mut joined, run.value, len);
            replace(bytes, place..next + other.bytes, &joined);
        } else {
            place = next;
        }
    }
}

/// Puts other bytes in the place of some.
fn replace(bytes: &mut BytesMut, range: Range<usize>, new: &[u8]) {
    let (len, end) = (bytes.len(), range.start + new.len());
    if end > range.end {
        bytes.resize(len + end - range.end, 0);
    }
    bytes.copy_within(range.end..len, end);
    bytes.truncate(len + end - range.end);
    bytes[range.start..end].copy_from_slice(new);
}

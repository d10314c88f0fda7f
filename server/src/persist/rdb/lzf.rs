//! LZF: the compression of strings in snapshots.
//!
//! Owns: the scratch table of the compressor.   Uses: nothing.   Never: allocates while compressing.
//!
//! The packed bytes are a row of tokens, told apart by the first byte's top three bits:
//!
//! ```text
//!   000nnnnn  n+1 bytes                 a run of 1..=32 literal bytes
//!   lllooooo  oooooooo                  repeat l+2 bytes (3..=8) from o+1 bytes back
//!   111ooooo  llllllll  oooooooo        repeat l+9 bytes (9..=264) from o+1 bytes back
//! ```

const LITERALS_MAX: usize = 32;
const REPEAT_MAX: usize = 264;
const REACH_MAX: usize = 1 << 13;
const TABLE_BITS: u32 = 14;

/// Every 3 bytes of a packed string become at most 264 plain ones, so a claim beyond this is a lie.
pub const RATIO_MAX: usize = REPEAT_MAX / 3;

/// Where three bytes were last seen. Reused without clearing: positions count on from string to
/// string, so what an earlier string left behind is recognised by being too small.
#[derive(Debug)]
pub struct Table {
    seen: Box<[u32]>,
    /// The position that the next string's first byte gets.
    base: u32,
}

impl Table {
    /// 64 KiB.
    pub fn new() -> Table {
        Table { seen: vec![0; 1 << TABLE_BITS].into_boxed_slice(), base: 1 }
    }

    /// Room for `len` further positions; clears the table when the counter would run over.
    fn begin(&mut self, len: u32) -> u32 {
        if self.base.checked_add(len).is_none() {
            self.seen.fill(0);
            self.base = 1;
        }
        let base = self.base;
        self.base += len;
        base
    }
}

impl Default for Table {
    fn default() -> Self {
        Table::new()
    }
}

/// Packs `plain` into `out` and gives the packed length, or `None` if it does not fit there: give an
/// `out` as short as the saving you want. O(plain), no allocation. `plain` must be below 2 GiB.
pub fn compress(plain: &[u8], out: &mut [u8], table: &mut Table) -> Option<usize> {
    let len = u32::try_from(plain.len()).ok().filter(|len| *len < 1 << 31)?;
    let base = table.begin(len);
    // Short strings use a small part of the table: it stays in the first-level cache.
    let bits = (usize::BITS - plain.len().leading_zeros() + 1).clamp(8, TABLE_BITS);
    let seen = table.seen.get_mut(..1 << bits)?;
    let mut packer = Packer { plain, out, written: 0, literals_from: 0 };
    let mut at = 0;
    let mut misses = 0_usize;
    while let Some(four) = four(plain, at) {
        let slot = &mut seen[hash(four, bits)];
        // Cannot overflow: `begin` made room for every position.
        let found = std::mem::replace(slot, base.wrapping_add(at as u32));
        if found >= base
            && let Some((from, len)) = repeat_at(plain, (found - base) as usize, at, four)
        {
            packer.repeat(at, at - from, len)?;
            at += len;
            misses = 0;
        } else {
            // What has not repeated for long probably will not: look less often.
            at += 1 + (misses >> 5);
            misses += 1;
        }
    }
    if packer.written == 0 && packer.out.len() <= plain.len() {
        return None;
    }
    packer.literals(plain.len())?;
    Some(packer.written)
}

/// The four bytes at a place. (A repeat needs three; the last three of a string are not looked at.)
#[inline]
fn four(plain: &[u8], at: usize) -> Option<u32> {
    plain.get(at..)?.first_chunk().map(|four| u32::from_le_bytes(*four))
}

#[inline]
fn hash(four: u32, bits: u32) -> usize {
    ((four << 8).wrapping_mul(0x9e37_79b1) >> (32 - bits)) as usize
}

/// Where and how long what stands at `at` repeats what stands at `from`; `None` if by less than three
/// bytes or out of reach.
#[inline]
fn repeat_at(plain: &[u8], from: usize, at: usize, now: u32) -> Option<(usize, usize)> {
    if at - from > REACH_MAX || (four(plain, from)? ^ now) << 8 != 0 {
        return None;
    }
    let most = (plain.len() - at).min(REPEAT_MAX);
    let (old, new) = (&plain[from..from + most], &plain[at..at + most]);
    let mut len = 3;
    for (old, new) in old[3..].chunks_exact(8).zip(new[3..].chunks_exact(8)) {
        if old != new {
            break;
        }
        len += 8;
    }
    let tail = old[len..].iter().zip(&new[len..]).take_while(|(old, new)| old == new).count();
    Some((from, len + tail))
}

/// Writes tokens; every method gives `None` when the output is full.
struct Packer<'a> {
    plain: &'a [u8],
    out: &'a mut [u8],
    written: usize,
    literals_from: usize,
}

impl Packer<'_> {
    fn repeat(&mut self, at: usize, back: usize, len: usize) -> Option<()> {
        self.literals(at)?;
        let offset = back - 1;
        let high = (offset >> 8) as u8;
        if len <= 8 {
            self.push(&[((len - 2) << 5) as u8 | high, offset as u8])?;
        } else {
            self.push(&[0xe0 | high, (len - 9) as u8, offset as u8])?;
        }
        self.literals_from = at + len;
        Some(())
    }

    fn literals(&mut self, to: usize) -> Option<()> {
        for run in self.plain[self.literals_from..to].chunks(LITERALS_MAX) {
            self.push(&[run.len() as u8 - 1])?;
            self.push(run)?;
        }
        self.literals_from = to;
        Some(())
    }

    fn push(&mut self, bytes: &[u8]) -> Option<()> {
        let room = self.out.get_mut(self.written..)?.get_mut(..bytes.len())?;
        room.copy_from_slice(bytes);
        self.written += bytes.len();
        Some(())
    }
}

/// Why packed bytes are not what a compressor wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LzfFault {
    /// A token ends outside the packed bytes.
    CutOff,
    /// A repeat reaches back before the start.
    BeforeStart,
    /// More or fewer bytes came out than announced.
    WrongLength,
}

impl std::fmt::Display for LzfFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            LzfFault::CutOff => "a token is cut off",
            LzfFault::BeforeStart => "a repeat reaches back before the start",
            LzfFault::WrongLength => "it does not have the announced length",
        })
    }
}

/// Appends the `len` bytes that were packed to `out`. O(len). Memory grows with what really comes out, at
/// most [`RATIO_MAX`] times `packed`; after a fault `out` holds a part.
pub fn decompress(packed: &[u8], len: usize, out: &mut Vec<u8>) -> Result<(), LzfFault> {
    if len > packed.len().saturating_mul(RATIO_MAX) {
        return Err(LzfFault::WrongLength);
    }
    let start = out.len();
    out.reserve(len.min(1 << 20));
    let mut rest = packed;
    while let Some((&first, after)) = rest.split_first() {
        let left = len - (out.len() - start);
        rest = if first < LITERALS_MAX as u8 {
            let run = usize::from(first) + 1;
            let (literals, after) = after.split_at_checked(run).ok_or(LzfFault::CutOff)?;
            if run > left {
                return Err(LzfFault::WrongLength);
            }
            out.extend_from_slice(literals);
            after
        } else {
            repeat(first, after, start, left, out)?
        };
    }
    if out.len() - start == len { Ok(()) } else { Err(LzfFault::WrongLength) }
}

/// Carries out one repeat and gives what follows its token.
fn repeat<'a>(
    first: u8,
    rest: &'a [u8],
    start: usize,
    left: usize,
    out: &mut Vec<u8>,
) -> Result<&'a [u8], LzfFault> {
    let (len, low, rest) = match (first >> 5, rest) {
        (7, [more, low, rest @ ..]) => (usize::from(*more) + 9, *low, rest),
        (short @ 1..=6, [low, rest @ ..]) => (usize::from(short) + 2, *low, rest),
        _ => return Err(LzfFault::CutOff),
    };
    let back = (usize::from(first & 0x1f) << 8 | usize::from(low)) + 1;
    let from =
        out.len().checked_sub(back).filter(|from| *from >= start).ok_or(LzfFault::BeforeStart)?;
    if len > left {
        return Err(LzfFault::WrongLength);
    }
    let mut missing = len;
    while missing > 0 {
        // A repeat may run into what it writes itself: then each round doubles what can be copied.
        let now = missing.min(out.len() - from);
        out.extend_from_within(from..from + now);
        missing -= now;
    }
    Ok(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round_trip(plain: &[u8], table: &mut Table) -> usize {
        let mut out = vec![0; plain.len() + plain.len() / 32 + 4];
        let packed = compress(plain, &mut out, table).unwrap();
        let mut back = b"before".to_vec();
        decompress(&out[..packed], plain.len(), &mut back).unwrap();
        assert_eq!(&back[6..], plain);
        packed
    }

    #[test]
    fn what_repeats_becomes_short() {
        let mut table = Table::new();
        assert!(round_trip(&[b'x'; 100_000], &mut table) < 1_300);
        assert!(round_trip(&b"hello world, ".repeat(100), &mut table) < 60);
        round_trip(b"", &mut table);
        round_trip(b"ab", &mut table);
    }

    #[test]
    fn the_table_survives_its_counter_running_over() {
        let mut table = Table::new();
        table.base = u32::MAX - 1_000;
        for _ in 0..10 {
            round_trip(&b"some text that repeats, some text that repeats".repeat(5), &mut table);
        }
    }

    #[test]
    fn a_short_output_is_respected() {
        let plain: Vec<u8> = (0..=255).collect();
        assert_eq!(compress(&plain, &mut vec![0; plain.len() - 4], &mut Table::new()), None);
    }

    #[test]
    fn a_claim_beyond_the_ratio_is_refused_before_anything_is_allocated() {
        let mut out = Vec::new();
        assert_eq!(decompress(&[0, b'a'], 1 << 40, &mut out), Err(LzfFault::WrongLength));
        assert_eq!(out.capacity(), 0);
    }

    #[test]
    fn a_repeat_does_not_reach_into_what_stood_there_before() {
        let mut out = b"secret".to_vec();
        assert_eq!(decompress(&[0x20, 2], 3, &mut out), Err(LzfFault::BeforeStart));
    }

    proptest! {
        #[test]
        fn strings_come_back(strings in prop::collection::vec(prop::collection::vec(0_u8..5, 0..3000), 1..4),
                             noise: Vec<u8>) {
            let mut table = Table::new();
            for plain in &strings {
                round_trip(plain, &mut table);
            }
            round_trip(&noise, &mut table);
        }

        #[test]
        fn garbage_is_an_error_or_a_string(packed: Vec<u8>, len in 0_usize..10_000) {
            let mut out = Vec::new();
            if decompress(&packed, len, &mut out).is_ok() {
                prop_assert_eq!(out.len(), len);
            }
        }
    }
}

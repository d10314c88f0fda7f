//! Bits of byte strings: counting them, finding them, and numbers that begin at any bit.
//!
//! Owns: the loops over words.   Uses: nothing.   Never: what the bits mean.
//!
//! Bit 0 is the highest bit of the first byte, so a number at some bits is written as people write it:
//!
//! ```text
//!   byte      0          1          2
//!   bit   0      7   8      15  16      23
//!         1100_0011  1110_0000  0000_0000      the number of 6 bits at bit 6 is 0b11_1110 hi ... lo
//! ```
//!
//! The loops are written so that the compiler makes vectors of them on every processor, without asking which.

use std::ops::Range;

/// Words that are counted together: eight planes of four words each. Two words take 1.5 times as long.
const PLANES: usize = 8;
const WORDS: usize = 4;
type Plane = [u64; WORDS];
const BLOCK: usize = PLANES * size_of::<Plane>();

/// How many bits are set. O(length), about 8 bytes in a cycle: as fast as an instruction that counts those of a word.
///
/// Adders of whole words come first (Harley and Seal): of eight planes, only the carry of all of them is counted
/// each time, and the three smaller ones once in the end.
pub fn count_ones(bytes: &[u8]) -> u64 {
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    let (mut ones, mut twos, mut fours) = ([0; WORDS], [0; WORDS], [0; WORDS]);
    let mut eights = 0;
    for block in blocks {
        let (words, _) = block.as_chunks::<8>();
        let word = |at: usize| u64::from_ne_bytes(words[at]);
        let plane = |at: usize| -> Plane { std::array::from_fn(|place| word(at * WORDS + place)) };
        let (sum, a) = add(ones, plane(0), plane(1));
        let (sum, b) = add(sum, plane(2), plane(3));
        let (high, c) = add(twos, a, b);
        let (sum, a) = add(sum, plane(4), plane(5));
        let (sum, b) = add(sum, plane(6), plane(7));
        let (high, d) = add(high, a, b);
        let (top, carry) = add(fours, c, d);
        (ones, twos, fours) = (sum, high, top);
        eights += weigh(carry);
    }
    let mut count = 8 * eights + 4 * weigh(fours) + 2 * weigh(twos) + weigh(ones);
    let (words, rest) = rest.as_chunks::<8>();
    count +=
        words.iter().map(|word| u64::from(u64::from_ne_bytes(*word).count_ones())).sum::<u64>();
    count + rest.iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>()
}

/// Adds three bits at each place: the sum and the carry.
#[inline]
fn add(a: Plane, b: Plane, c: Plane) -> (Plane, Plane) {
    let half: Plane = std::array::from_fn(|at| a[at] ^ b[at]);
    let sum = std::array::from_fn(|at| half[at] ^ c[at]);
    let carry = std::array::from_fn(|at| (a[at] & b[at]) | (half[at] & c[at]));
    (sum, carry)
}

#[inline]
fn weigh(plane: Plane) -> u64 {
    plane.iter().map(|word| u64::from(word.count_ones())).sum()
}

/// How many bits of a range of bits are set. The range lies inside the string. O(length).
pub fn count_ones_in(bytes: &[u8], bits: Range<u64>) -> u64 {
    if bits.start >= bits.end {
        return 0;
    }
    let (first, last) = (byte_of(bits.start), byte_of(bits.end - 1));
    let outside = u64::from((bytes[first] & !from(bits.start)).count_ones())
        + u64::from((bytes[last] & !until(bits.end)).count_ones());
    count_ones(&bytes[first..=last]) - outside
}

/// The first bit in a range of bits that is set, or that is clear. The range lies inside the string. O(length).
pub fn find(bytes: &[u8], set: bool, bits: Range<u64>) -> Option<u64> {
    if bits.start >= bits.end {
        return None;
    }
    let (first, last) = (byte_of(bits.start), byte_of(bits.end - 1));
    // Where the bit that is looked for is the one that is set.
    let turned = |byte: u8| if set { byte } else { !byte };
    let boring = if set { 0x00 } else { 0xff };
    let begin = turned(bytes[first]) & from(bits.start);
    let (at, byte) = if begin != 0 {
        (first, begin)
    } else {
        let at = first + 1 + skip(bytes.get(first + 1..=last)?, boring);
        (at, turned(*bytes[..=last].get(at)?))
    };
    let found = at as u64 * 8 + u64::from(byte.leading_zeros());
    (found < bits.end).then_some(found)
}

/// How many bytes at the beginning equal `byte`. O(that many).
fn skip(bytes: &[u8], byte: u8) -> usize {
    let (blocks, _) = bytes.as_chunks::<64>();
    let differs = |block: &[u8; 64]| block.iter().fold(0, |sum, other| sum | (other ^ byte)) != 0;
    let start = 64 * blocks.iter().take_while(|block| !differs(block)).count();
    start + bytes[start..].iter().take_while(|other| **other == byte).count()
}

/// The byte of a bit of a string that is there, so its number fits.
#[inline]
fn byte_of(bit: u64) -> usize {
    (bit / 8) as usize
}

/// The bits of a byte from this one on.
#[inline]
fn from(bit: u64) -> u8 {
    0xff >> (bit % 8)
}

/// The bits of a byte before the end of a range.
#[inline]
fn until(end: u64) -> u8 {
    !(0x7f >> ((end - 1) % 8))
}

/// The number of `width` bits, 1 to 64, that begins at `bit`; what lies behind the string's end is zero. O(1).
pub fn number_at(bytes: &[u8], bit: u64, width: u32) -> u64 {
    (window(bytes, bit) >> shift(bit, width)) as u64 & mask(width)
}

/// Writes the lowest `width` bits of a number, 1 to 64, from `bit` on. The string has them. O(1).
pub fn set_number_at(bytes: &mut [u8], bit: u64, width: u32, number: u64) {
    let shift = shift(bit, width);
    let kept = window(bytes, bit) & !(u128::from(mask(width)) << shift);
    let new = (kept | u128::from(number & mask(width)) << shift).to_be_bytes();
    let start = byte_of(bit);
    let end = byte_of(bit + u64::from(width) - 1) + 1;
    bytes[start..end].copy_from_slice(&new[..end - start]);
}

/// The sixteen bytes from that of a bit on.
#[inline]
fn window(bytes: &[u8], bit: u64) -> u128 {
    let bytes = usize::try_from(bit / 8).ok().and_then(|start| bytes.get(start..));
    let bytes = bytes.unwrap_or_default();
    if let Some(sixteen) = bytes.first_chunk() {
        return u128::from_be_bytes(*sixteen);
    }
    let mut padded = [0; 16];
    padded[..bytes.len()].copy_from_slice(bytes);
    u128::from_be_bytes(padded)
}

/// How far a number lies from the end of its window.
#[inline]
fn shift(bit: u64, width: u32) -> u32 {
    u128::BITS - (bit % 8) as u32 - width
}

/// The lowest bits.
#[inline]
fn mask(width: u32) -> u64 {
    u64::MAX >> (u64::BITS - width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bit(bytes: &[u8], at: u64) -> bool {
        bytes.get(at as usize / 8).is_some_and(|byte| byte & (0x80 >> (at % 8)) != 0)
    }

    /// Strings in which long stretches are alike, as bitmaps are.
    fn strings() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![Just(0), Just(0xff), any::<u8>()];
        prop::collection::vec((byte, 1..70usize), 0..8)
            .prop_map(|runs| runs.iter().flat_map(|&(byte, n)| vec![byte; n]).collect())
    }

    proptest! {
        #[test]
        fn counts_and_finds_are_those_of_single_bits(
            bytes in strings(),
            (a, b) in (0.0..1.0, 0.0..=1.0),
        ) {
            let len = bytes.len() as u64 * 8;
            let range = (a * len as f64) as u64..(b * len as f64) as u64;
            let bits: Vec<u64> = range.clone().collect();
            let ones = bits.iter().filter(|&&at| bit(&bytes, at)).count();
            prop_assert_eq!(count_ones_in(&bytes, range.clone()), ones as u64);
            prop_assert_eq!(count_ones(&bytes), (0..len).filter(|&at| bit(&bytes, at)).count() as u64);
            for set in [true, false] {
                let first = bits.iter().copied().find(|&at| bit(&bytes, at) == set);
                prop_assert_eq!(find(&bytes, set, range.clone()), first);
            }
        }

        #[test]
        fn numbers_are_their_bits(
            mut bytes in prop::collection::vec(any::<u8>(), 1..30),
            at in 0..200u64,
            width in 1..=64u32,
            new in any::<u64>(),
        ) {
            let plain = |bytes: &[u8]| {
                (at..at + u64::from(width)).fold(0, |sum, at| sum << 1 | u64::from(bit(bytes, at)))
            };
            prop_assert_eq!(number_at(&bytes, at, width), plain(&bytes));
            let needed = (at as usize + width as usize).div_ceil(8);
            if bytes.len() < needed {
                bytes.resize(needed, 0x5a);
            }
            let before = bytes.clone();
            set_number_at(&mut bytes, at, width, new);
            prop_assert_eq!(number_at(&bytes, at, width), new & mask(width));
            for other in (0..bytes.len() as u64 * 8).filter(|bit| !(at..at + u64::from(width)).contains(bit)) {
                prop_assert_eq!(bit(&bytes, other), bit(&before, other));
            }
        }
    }

    #[test]
    fn what_is_far_away_is_zero() {
        assert_eq!(number_at(b"\xff", u64::MAX - 64, 64), 0);
        assert_eq!(number_at(b"", 0, 1), 0);
        assert_eq!(number_at(b"\xff\xff", 12, 8), 0xf0);
    }
}

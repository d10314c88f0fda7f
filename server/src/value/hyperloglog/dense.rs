//! Dense registers: six bits each, all of them, from the lowest bit of the first byte on.
//!
//! Owns: packing and unpacking.   Uses: estimate.   Never: what a register means.
//!
//! ```text
//!   byte 0     byte 1     byte 2
//!   11000000   22221111   33333322     register 0 is the low six bits of byte 0, and so on;
//!                                      8 registers are 6 bytes, which one word holds
//! ```

use super::REGISTERS;
use super::estimate::Histogram;

/// Bytes of all registers.
pub const LEN: usize = REGISTERS * 6 / 8;

/// Registers that are packed and unpacked together, and their bytes.
const GROUP: usize = 8;
const PACKED: usize = 6;

/// The register at a position.
pub fn get(dense: &[u8; LEN], at: usize) -> u8 {
    let (group, place) = (at / GROUP, at % GROUP);
    unpack(groups(dense)[group])[place]
}

/// Makes a register at least as high as `value`. Tells whether it was lower.
pub fn raise(dense: &mut [u8; LEN], at: usize, value: u8) -> bool {
    let (group, place) = (at / GROUP, at % GROUP);
    let packed = &mut groups_mut(dense)[group];
    let mut registers = unpack(*packed);
    let lower = registers[place] < value;
    if lower {
        registers[place] = value;
        *packed = pack(registers);
    }
    lower
}

/// Makes each of `registers` at least as high as its fellow here. O(registers).
pub fn raise_into(dense: &[u8; LEN], registers: &mut [u8; REGISTERS]) {
    let (into, _) = registers.as_chunks_mut::<GROUP>();
    for (high, packed) in into.iter_mut().zip(groups(dense)) {
        *high = highest(*high, unpack(*packed));
    }
}

/// Makes each register at least as high as its fellow in `registers`. O(registers).
pub fn raise_all(dense: &mut [u8; LEN], registers: &[u8; REGISTERS]) {
    let (from, _) = registers.as_chunks::<GROUP>();
    for (packed, other) in groups_mut(dense).iter_mut().zip(from) {
        *packed = pack(highest(unpack(*packed), *other));
    }
}

/// How many registers have each value. O(registers).
pub fn histogram(dense: &[u8; LEN]) -> Histogram {
    // Neighbours are often alike, and a counter that was just written is slow to read: so each place of a group has
    // counters of its own.
    let mut counts = [[0u32; 64]; GROUP];
    for packed in groups(dense) {
        for (counts, register) in counts.iter_mut().zip(unpack(*packed)) {
            counts[usize::from(register & 63)] += 1;
        }
    }
    Histogram(std::array::from_fn(|value| counts.iter().map(|counts| counts[value]).sum()))
}

fn groups(dense: &[u8; LEN]) -> &[[u8; PACKED]] {
    dense.as_chunks().0
}

fn groups_mut(dense: &mut [u8; LEN]) -> &mut [[u8; PACKED]] {
    dense.as_chunks_mut().0
}

#[inline]
fn highest(a: [u8; GROUP], b: [u8; GROUP]) -> [u8; GROUP] {
    std::array::from_fn(|at| a[at].max(b[at]))
}

/// Moves the registers of a word apart: halves, then quarters, then single ones.
#[inline]
fn unpack(packed: [u8; PACKED]) -> [u8; GROUP] {
    let mut word = [0; 8];
    word[..PACKED].copy_from_slice(&packed);
    let word = u64::from_le_bytes(word);
    let word = (word & 0x0000_0000_00ff_ffff) | (word & 0x0000_ffff_ff00_0000) << 8;
    let word = (word & 0x0000_0fff_0000_0fff) | (word & 0x00ff_f000_00ff_f000) << 4;
    let word = (word & 0x003f_003f_003f_003f) | (word & 0x0fc0_0fc0_0fc0_0fc0) << 2;
    word.to_le_bytes()
}

/// The way back.
#[inline]
fn pack(registers: [u8; GROUP]) -> [u8; PACKED] {
    let word = u64::from_le_bytes(registers);
    let word = (word & 0x003f_003f_003f_003f) | (word & 0x3f00_3f00_3f00_3f00) >> 2;
    let word = (word & 0x0000_0fff_0000_0fff) | (word & 0x0fff_0000_0fff_0000) >> 4;
    let word = (word & 0x0000_0000_00ff_ffff) | (word & 0x00ff_ffff_0000_0000) >> 8;
    let [a, b, c, d, e, f, _, _] = word.to_le_bytes();
    [a, b, c, d, e, f]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn registers_are_their_bits(
            values in prop::collection::vec((0..REGISTERS, 0..64u8), 1..200),
        ) {
            let mut dense = [0; LEN];
            let mut model = vec![0u8; REGISTERS];
            for (at, value) in values {
                prop_assert_eq!(raise(&mut dense, at, value), model[at] < value);
                model[at] = model[at].max(value);
                // Bit by bit, as the format says.
                let bit = |bit: usize| dense[bit / 8] >> (bit % 8) & 1;
                let plain = (0..6).fold(0, |sum, n| sum | bit(at * 6 + n) << n);
                prop_assert_eq!(plain, model[at]);
                prop_assert_eq!(get(&dense, at), model[at]);
            }
            let mut registers = [0; REGISTERS];
            raise_into(&dense, &mut registers);
            prop_assert_eq!(&registers[..], &model[..]);
            let mut again = [0; LEN];
            raise_all(&mut again, &registers);
            prop_assert_eq!(again, dense);
            let counts = histogram(&dense);
            for value in 0..64u8 {
                let count = model.iter().filter(|&&register| register == value).count();
                prop_assert_eq!(counts.0[usize::from(value)] as usize, count);
            }
        }
    }
}

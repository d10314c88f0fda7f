//! The CRC-64 that guards snapshots and DUMP payloads (Jones' polynomial, reflected).
//!
//! Owns: nothing.   Uses: crc-fast.   Never: a file, a snapshot's layout.
//!
//! Safe in a forked child once [`warm`] has run before the fork: the only global state of the package
//! on this path is the processor's detected ability, kept in a `OnceLock` that is then just read. There
//! is no allocation and no lock (both exist in the package, for custom polynomials only).

use crc_fast::{CrcAlgorithm, Digest};

/// Continues a checksum over more bytes; start with 0. Any split of the bytes gives the same result.
///
/// SIMD, several GB/s over blocks of a kilobyte and more; for a few bytes a call costs some 20 ns.
pub fn crc64(state: u64, bytes: &[u8]) -> u64 {
    let mut digest = Digest::new_with_init_state(CrcAlgorithm::Crc64Redis, state);
    digest.update(bytes);
    digest.finalize()
}

/// Lets the package find out what the processor can do. Call it before a fork whose child uses [`crc64`].
pub fn warm() {
    let _ = crc64(0, &[0; 256]);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bit by bit, from the definition.
    fn slow(mut state: u64, bytes: &[u8]) -> u64 {
        let poly = 0xad93_d235_94c9_35a9_u64.reverse_bits();
        for byte in bytes {
            state ^= u64::from(*byte);
            for _ in 0..8 {
                state = if state & 1 == 1 { (state >> 1) ^ poly } else { state >> 1 };
            }
        }
        state
    }

    #[test]
    fn the_check_vector_holds() {
        warm();
        assert_eq!(crc64(0, b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        assert_eq!(crc64(0, b""), 0);
    }

    proptest::proptest! {
        #[test]
        fn any_split_gives_what_the_definition_gives(bytes: Vec<u8>, at: proptest::sample::Index) {
            let (head, tail) = bytes.split_at(at.index(bytes.len() + 1));
            proptest::prop_assert_eq!(crc64(crc64(0, head), tail), slow(0, &bytes));
        }
    }

    #[test]
    fn long_blocks_agree_with_the_definition() {
        let bytes: Vec<u8> =
            (0..100_003_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        assert_eq!(crc64(7, &bytes), slow(7, &bytes));
    }
}

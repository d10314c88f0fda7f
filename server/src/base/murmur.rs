//! MurmurHash64A, the hash whose results HyperLogLogs keep.
//!
//! Owns: the hash.   Uses: nothing.   Never: keyed: whoever knows the seed can make elements that collide.

const FACTOR: u64 = 0xc6a4_a793_5bd1_e995;
const SHIFT: u32 = 47;

/// The hash of `bytes`. O(length), eight bytes at a time.
pub fn murmur64a(bytes: &[u8], seed: u64) -> u64 {
    let mut hash = seed ^ (bytes.len() as u64).wrapping_mul(FACTOR);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        let word = u64::from_le_bytes(*word).wrapping_mul(FACTOR);
        let word = (word ^ (word >> SHIFT)).wrapping_mul(FACTOR);
        hash = (hash ^ word).wrapping_mul(FACTOR);
    }
    if !rest.is_empty() {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        hash = (hash ^ u64::from_le_bytes(last)).wrapping_mul(FACTOR);
    }
    hash = (hash ^ (hash >> SHIFT)).wrapping_mul(FACTOR);
    hash ^ (hash >> SHIFT)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a real server puts elements: register and value, as PFADD and PFDEBUG DECODE show.
    #[test]
    fn elements_go_where_a_real_server_puts_them() {
        let place = |element: &[u8]| {
            let hash = murmur64a(element, 0xadc8_3b19);
            (hash & 0x3fff, (hash >> 14).trailing_zeros() + 1)
        };
        let mut places = [place(b"a"), place(b"b"), place(b"c")];
        places.sort_unstable();
        assert_eq!(places, [(8436, 1), (12711, 2), (15780, 1)]);
    }
}

//! Seeded randomness and the keyed hash of keys.
//!
//! Owns: the generator and the hasher.   Uses: ahash.   Never: a global seed, the system's entropy.
//!
//! Everything random in the server comes from a seed that `boot` draws once, so that a simulated
//! run replays byte for byte.

use std::hash::{BuildHasher, Hasher};

/// A small fast generator (xoshiro-like quality is not needed; this is splitmix64).
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// A generator that repeats itself for the same seed.
    pub fn new(seed: u64) -> Rng {
        Rng(seed)
    }

    /// The next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0..n`, without noticeable bias. `n` must not be 0.
    pub fn below(&mut self, n: u64) -> u64 {
        assert!(n > 0, "a number below nothing");
        ((u128::from(self.next_u64()) * u128::from(n)) >> 64) as u64
    }

    /// A name that nobody else draws: 40 hexadecimal digits.
    pub fn name(&mut self) -> String {
        let digits: String = (0..3).map(|_| format!("{:016x}", self.next_u64())).collect();
        digits[..40].into()
    }
}

/// The keyed hash of keys. One per server; copied to every thread that parses.
#[derive(Clone, Debug)]
pub struct KeyHasher(ahash::RandomState);

impl KeyHasher {
    /// A hasher whose values nobody can predict who does not know the seed.
    pub fn new(seed: u64) -> KeyHasher {
        let mut rng = Rng::new(seed);
        KeyHasher(ahash::RandomState::with_seeds(
            rng.next_u64(),
            rng.next_u64(),
            rng.next_u64(),
            rng.next_u64(),
        ))
    }

    /// The hash of a key: all 64 bits are usable.
    #[inline]
    pub fn hash(&self, key: &[u8]) -> u64 {
        let mut hasher = self.0.build_hasher();
        hasher.write(key);
        hasher.finish()
    }
}

impl BuildHasher for KeyHasher {
    type Hasher = <ahash::RandomState as BuildHasher>::Hasher;

    fn build_hasher(&self) -> Self::Hasher {
        self.0.build_hasher()
    }
}

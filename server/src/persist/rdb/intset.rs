//! Intsets: the members of a set of numbers, in ascending order.
//!
//! Owns: their form.   Uses: flaw.   Never: writes one.
//!
//! ```text
//!   bytes of a number (4): 2, 4 or 8    count (4)  | number | number | ...            little-endian
//! ```

use super::flaw::Flaw;

/// The numbers of an intset of unknown origin. Gives the first flaw and then nothing.
#[derive(Clone, Debug)]
pub struct Intset<'a> {
    numbers: std::slice::ChunksExact<'a, u8>,
    before: Option<i64>,
}

impl<'a> Intset<'a> {
    /// The numbers in `bytes`. O(1).
    ///
    /// # Errors
    /// A head that does not fit.
    pub fn open(bytes: &'a [u8]) -> Result<Intset<'a>, Flaw> {
        let short = Flaw("an intset is too short");
        let (width, rest) = bytes.split_first_chunk::<4>().ok_or(short)?;
        let (count, rest) = rest.split_first_chunk::<4>().ok_or(short)?;
        let width = match u32::from_le_bytes(*width) {
            2 => 2,
            4 => 4,
            8 => 8,
            _ => return Err(Flaw("an intset has numbers of no known size")),
        };
        let count = u32::from_le_bytes(*count) as usize;
        if count.checked_mul(width) != Some(rest.len()) {
            return Err(Flaw("an intset has not as many numbers as it states"));
        }
        Ok(Intset { numbers: rest.chunks_exact(width), before: None })
    }

    /// How many are to come. O(1).
    pub fn left(&self) -> u64 {
        self.numbers.len() as u64
    }
}

impl Iterator for Intset<'_> {
    type Item = Result<i64, Flaw>;

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.numbers.next()?;
        let mut word = [0; 8];
        word[8 - bytes.len()..].copy_from_slice(bytes);
        let number = i64::from_le_bytes(word) >> (64 - 8 * bytes.len());
        if self.before.replace(number).is_some_and(|before| before >= number) {
            self.numbers = [].chunks_exact(1);
            return Some(Err(Flaw("an intset is not in order")));
        }
        Some(Ok(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn numbers(bytes: &[u8]) -> Result<Vec<i64>, Flaw> {
        Intset::open(bytes)?.collect()
    }

    #[test]
    fn what_redis_wrote_is_read() {
        assert_eq!(numbers(b"\x02\0\0\0\x03\0\0\0\xfd\xff\x01\0\x02\0"), Ok(vec![-3, 1, 2]));
        assert_eq!(numbers(b"\x04\0\0\0\x02\0\0\0\x01\0\0\0\x70\x11\x01\0"), Ok(vec![1, 70_000]));
        let wide = b"\x08\0\0\0\x02\0\0\0\x01\0\0\0\0\0\0\0\0\x86\x3b\xa1\x01\0\0\0";
        assert_eq!(numbers(wide), Ok(vec![1, 7_000_000_000]));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let flaw = |bytes: &[u8]| numbers(bytes).err().map(|flaw| flaw.0);
        assert_eq!(flaw(b"\x02\0\0\0\x02\0\0\0\x01\0\x01\0"), Some("an intset is not in order"));
        assert_eq!(flaw(b"\x02\0\0\0\x02\0\0\0\x01\0\0\0"), Some("an intset is not in order"));
        let count = Some("an intset has not as many numbers as it states");
        assert_eq!(flaw(b"\x02\0\0\0\x02\0\0\0\x01\0"), count);
        assert_eq!(flaw(b"\x08\0\0\0\xff\xff\xff\xff\x01\0"), count);
        assert_eq!(flaw(b"\x03\0\0\0\0\0\0\0"), Some("an intset has numbers of no known size"));
        assert_eq!(flaw(b"\x02\0\0\0\0\0\0"), Some("an intset is too short"));
    }

    proptest! {
        #[test]
        fn garbage_is_refused_or_in_order(body in proptest::collection::vec(any::<u8>(), 0..60), width in 0u32..9) {
            let count = (body.len() as u32).checked_div(width).unwrap_or(1);
            let bytes = [&width.to_le_bytes() as &[u8], &count.to_le_bytes(), &body].concat();
            for bytes in [bytes, body] {
                if let Ok(numbers) = numbers(&bytes) {
                    prop_assert!(numbers.is_sorted_by(|a, b| a < b));
                }
            }
        }
    }
}

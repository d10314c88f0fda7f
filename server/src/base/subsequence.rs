//! The longest common subsequence of two byte strings.
//!
//! Owns: nothing.   Uses: nothing.   Never: takes the four bytes a cell of the usual table.
//!
//! Let L(i, j) be the length for the first i bytes of `a` and the first j bytes of `b`. Along a row it grows by 0 or
//! 1 from one cell to the next, so a row is a bit vector: bit j is 0 where L(i, j + 1) is one more than L(i, j). The
//! next row follows from it 64 cells at a time: with the positions of a[i] in `b` as a mask, one addition moves the
//! last growth before each match to the first match behind it.
//!
//! ```text
//!   row 11011101   mask 00100100 (matches)   next = (row + (row & mask)) | (row & !mask)
//! ```
//!
//! That takes a thirtieth of the table's time and, if all rows are kept, a thirtieth of its memory.

use std::ops::Range;

/// Bytes that both strings have in a row, at these positions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// In the first string.
    pub a: Range<usize>,
    /// In the second one.
    pub b: Range<usize>,
}

/// How long the longest common subsequence is. O(a * b / 64) time; memory for one bit for each byte of the longer
/// string and each different byte of the shorter one.
pub fn length(a: &[u8], b: &[u8]) -> usize {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let masks = Masks::new(short, long);
    let mut row = vec![u64::MAX; masks.words];
    for mask in short.iter().filter_map(|&byte| masks.of(byte)) {
        advance(&mut row, mask);
    }
    row.iter().map(|word| word.count_zeros() as usize).sum()
}

/// A longest common subsequence as runs, the last one first: the one that is found from the ends of both strings, by
/// going back in `b` wherever that loses nothing. O(a * b / 64) time and a * b / 8 bytes; `None` if there is no such memory.
pub fn runs(a: &[u8], b: &[u8]) -> Option<Vec<Run>> {
    let rows = Rows::new(a, b)?;
    let mut runs: Vec<Run> = Vec::new();
    let (mut i, mut j, mut row) = (a.len(), b.len(), rows.count);
    while i > 0 && j > 0 {
        if a[i - 1] == b[j - 1] {
            (i, j) = (i - 1, j - 1);
            row -= usize::from(rows.changed(i));
            match runs.last_mut() {
                Some(run) if (run.a.start, run.b.start) == (i + 1, j + 1) => {
                    (run.a.start, run.b.start) = (i, j);
                }
                _ => runs.push(Run { a: i..i + 1, b: j..j + 1 }),
            }
        } else if rows.grows(row, j - 1) {
            i -= 1;
            row -= usize::from(rows.changed(i));
        } else {
            j -= 1;
        }
    }
    Some(runs)
}

/// Where each byte stands in a string.
struct Masks {
    /// The mask of each byte, counted from 1; 0: it does not stand there, or nobody asks for it.
    index: [u16; 256],
    /// Words of a mask.
    words: usize,
    bits: Vec<u64>,
}

impl Masks {
    /// For the bytes of `wanted`, where they stand in `text`.
    fn new(wanted: &[u8], text: &[u8]) -> Masks {
        let words = text.len().div_ceil(64);
        let mut stands = [false; 256];
        text.iter().for_each(|&byte| stands[usize::from(byte)] = true);
        let mut index = [0; 256];
        let mut count = 0;
        for byte in wanted.iter().map(|&byte| usize::from(byte)) {
            if stands[byte] && index[byte] == 0 {
                count += 1;
                index[byte] = count;
            }
        }
        let mut bits = vec![0; words * usize::from(count)];
        for (at, &byte) in text.iter().enumerate() {
            if let Some(mask) = usize::from(index[usize::from(byte)]).checked_sub(1) {
                bits[mask * words + at / 64] |= 1 << (at % 64);
            }
        }
        Masks { index, words, bits }
    }

    #[inline]
    fn of(&self, byte: u8) -> Option<&[u64]> {
        let mask = usize::from(self.index[usize::from(byte)]).checked_sub(1)?;
        Some(&self.bits[mask * self.words..][..self.words])
    }
}

/// Makes a row the next one, by where its byte stands; tells whether that is another one.
#[inline]
fn advance(row: &mut [u64], mask: &[u64]) -> bool {
    let (mut carry, mut changes) = (0, 0);
    for (word, mask) in row.iter_mut().zip(mask) {
        let (sum, over) = word.overflowing_add(*word & mask);
        let (sum, over_again) = sum.overflowing_add(carry);
        carry = u64::from(over | over_again);
        let next = sum | (*word & !mask);
        changes |= *word ^ next;
        *word = next;
    }
    changes != 0
}

/// The rows that differ from the one before. A change moves a growth forward or adds one, so there are few of them
/// where the second string is short, however long the first one is.
struct Rows {
    /// Bytes of a row: whole words would be eight times as much for a second string of one byte.
    width: usize,
    bits: Vec<u8>,
    count: usize,
    /// A bit for each byte of the first string: the row changes with it.
    changes: Vec<u64>,
}

impl Rows {
    fn new(a: &[u8], b: &[u8]) -> Option<Rows> {
        let masks = Masks::new(a, b);
        let width = b.len().div_ceil(8);
        let (mut bits, mut count) = (Vec::new(), 0);
        // Room for all rows; what is not used is never touched.
        bits.try_reserve_exact(a.len().checked_mul(width)?).ok()?;
        let mut changes = vec![0; a.len().div_ceil(64)];
        let mut row = vec![u64::MAX; masks.words];
        for (at, &byte) in a.iter().enumerate() {
            if masks.of(byte).is_none_or(|mask| !advance(&mut row, mask)) {
                continue;
            }
            let (whole, last) = row.split_at(width / 8);
            whole.iter().for_each(|word| bits.extend_from_slice(&word.to_le_bytes()));
            last.iter().for_each(|word| bits.extend_from_slice(&word.to_le_bytes()[..width % 8]));
            count += 1;
            changes[at / 64] |= 1 << (at % 64);
        }
        Some(Rows { width, bits, count, changes })
    }

    /// Whether the row changes with a byte of the first string.
    #[inline]
    fn changed(&self, at: usize) -> bool {
        self.changes[at / 64] >> (at % 64) & 1 == 1
    }

    /// Whether the length grows at a position of a row, counted from 1; row 0 is that of no bytes at all.
    #[inline]
    fn grows(&self, row: usize, at: usize) -> bool {
        let Some(row) = row.checked_sub(1) else { return false };
        self.bits[row * self.width + at / 8] >> (at % 8) & 1 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The table, and the way back through it, as the textbook has them.
    fn by_table(a: &[u8], b: &[u8]) -> (usize, Vec<Run>) {
        let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
        for i in 1..=a.len() {
            for j in 1..=b.len() {
                table[i][j] = if a[i - 1] == b[j - 1] {
                    table[i - 1][j - 1] + 1
                } else {
                    usize::max(table[i - 1][j], table[i][j - 1])
                };
            }
        }
        let (mut i, mut j, mut pairs) = (a.len(), b.len(), Vec::new());
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                (i, j) = (i - 1, j - 1);
                pairs.push((i, j));
            } else if table[i - 1][j] > table[i][j - 1] {
                i -= 1;
            } else {
                j -= 1;
            }
        }
        let mut runs: Vec<Run> = Vec::new();
        for (i, j) in pairs {
            match runs.last_mut() {
                Some(run) if run.a.start == i + 1 && run.b.start == j + 1 => {
                    (run.a.start, run.b.start) = (i, j);
                }
                _ => runs.push(Run { a: i..i + 1, b: j..j + 1 }),
            }
        }
        (table[a.len()][b.len()], runs)
    }

    #[test]
    fn the_documented_example_is_found() {
        let found = runs(b"ohmytext", b"mynewtext").unwrap();
        assert_eq!(found, [Run { a: 4..8, b: 5..9 }, Run { a: 2..4, b: 0..2 }]);
        assert_eq!(length(b"ohmytext", b"mynewtext"), 6);
        assert_eq!((length(b"", b"a"), runs(b"", b"a")), (0, Some(Vec::new())));
        assert_eq!((length(b"a", b""), runs(b"a", b"")), (0, Some(Vec::new())));
    }

    proptest! {
        #[test]
        fn it_is_the_one_of_the_table(a in "[ab]{0,150}", b in "[abc]{0,150}") {
            let (a, b) = (a.as_bytes(), b.as_bytes());
            let (long, expected) = by_table(a, b);
            prop_assert_eq!(length(a, b), long);
            prop_assert_eq!(runs(a, b), Some(expected));
        }

        #[test]
        fn many_different_bytes_make_no_difference(
            a in proptest::collection::vec(any::<u8>(), 0..300),
            b in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let (long, expected) = by_table(&a, &b);
            prop_assert_eq!(length(&a, &b), long);
            prop_assert_eq!(runs(&a, &b), Some(expected));
        }
    }
}

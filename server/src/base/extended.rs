//! 80-bit floating point: a sign, 64 bits, and an exponent of 15 bits.
//!
//! Owns: reading, adding, comparing and writing such numbers.   Uses: num-bigint, beyond 128 bits.   Never: f64.
//!
//! INCRBYFLOAT shows its arithmetic: it adds in C's `long double`, which is this format on x86-64, and prints 17
//! decimals without the zeros at their end. In doubles 10.5 + 0.1 would print 10.59999999999999964 instead of 10.6.
//! Here every step gives what the processor would: the exact result, rounded to the nearest, a tie to the even one.
//!
//! Whatever has digits for 64 bits and at most 27 decimals is read, added and written in 128 bits and without an allocation
//! but for the text; only longer and much larger or smaller numbers take big integers.

use num_bigint::BigUint;
use std::cmp::Ordering;

/// Texts of this length or more are no numbers to a real server: its buffer ends there.
const TEXT_MAX: usize = 5 * 1024;
/// The exponent of the smallest numbers, and of zero.
const LEAST: i32 = -16445;
/// The exponent of the largest numbers.
const MOST: i32 = 16320;
/// How many decimals are written.
const DECIMALS: usize = 17;
/// One, in units of the last decimal.
const ONE: u128 = 10u128.pow(DECIMALS as u32);
/// The largest power of five below 2^63.
const FIVES_MAX: u32 = 27;

/// `mantissa * 2^exponent`. The mantissa's uppermost bit is set unless the exponent is the least; infinity has an
/// exponent above the largest.
#[derive(Clone, Copy, Debug)]
pub struct Extended {
    negative: bool,
    mantissa: u64,
    exponent: i32,
}

impl Extended {
    /// Nothing.
    pub const ZERO: Extended = Extended { negative: false, mantissa: 0, exponent: LEAST };
    /// The largest finite number.
    pub const MAX: Extended = Extended { negative: false, mantissa: u64::MAX, exponent: MOST };
    /// The smallest finite number.
    pub const MIN: Extended = Extended { negative: true, mantissa: u64::MAX, exponent: MOST };

    const fn infinity(negative: bool) -> Extended {
        Extended { negative, mantissa: 1 << 63, exponent: MOST + 1 }
    }

    /// Reads a number as C's `strtold` does: decimal or hexadecimal, with or without an exponent, or infinity.
    ///
    /// Refused: what is no number to its last byte, `nan`, numbers that are too large or, not being 0, round to 0,
    /// and texts of 5120 bytes or more. O(digits^2) beyond 64 bits: 80 us at the most.
    pub fn parse(text: &[u8]) -> Option<Extended> {
        if text.len() >= TEXT_MAX {
            return None;
        }
        let (negative, rest) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        if rest.eq_ignore_ascii_case(b"inf") || rest.eq_ignore_ascii_case(b"infinity") {
            return Some(Extended::infinity(negative));
        }
        let number = match rest {
            [b'0', b'x' | b'X', rest @ ..] => Digits::read(rest, 16)?,
            rest => Digits::read(rest, 10)?,
        };
        let value = Extended { negative, ..number.value() };
        let fits = value.is_finite() && (value.mantissa != 0 || number.is_zero());
        fits.then_some(value)
    }

    /// Whether it is not infinity.
    pub fn is_finite(self) -> bool {
        self.exponent <= MOST
    }

    /// The same number with the other sign.
    pub fn negated(self) -> Extended {
        Extended { negative: !self.negative, ..self }
    }

    /// The sum, which may be infinity; `None` for infinity less infinity. O(1).
    pub fn checked_add(self, other: Extended) -> Option<Extended> {
        match (self.is_finite(), other.is_finite()) {
            (false, false) => return (self.negative == other.negative).then_some(self),
            (false, true) => return Some(self),
            (true, false) => return Some(other),
            (true, true) => {}
        }
        let (high, low) =
            if self.exponent >= other.exponent { (self, other) } else { (other, self) };
        // 62 more bits than are kept, the last of which stands for all that were shifted out: enough to round by.
        let a = u128::from(high.mantissa) << 62;
        let b = shifted(u128::from(low.mantissa) << 62, high.exponent.abs_diff(low.exponent));
        let (negative, sum) = match (high.negative == low.negative, a.cmp(&b)) {
            (true, _) => (high.negative, a + b),
            (false, Ordering::Greater) => (high.negative, a - b),
            (false, Ordering::Less) => (low.negative, b - a),
            (false, Ordering::Equal) => return Some(Extended::ZERO),
        };
        Some(Extended { negative, ..rounded(sum, i64::from(high.exponent) - 62, false) })
    }

    /// So many times the number, which may be infinity. O(1).
    pub fn times(self, factor: u32) -> Extended {
        if !self.is_finite() {
            return self;
        }
        let product = u128::from(self.mantissa) * u128::from(factor);
        Extended { negative: self.negative, ..rounded(product, i64::from(self.exponent), false) }
    }

    /// The least whole number that is not below it, if 64 bits hold that. O(1).
    pub fn ceil(self) -> Option<i64> {
        // Infinity and what has more than 64 bits have an exponent above 0.
        let shift = u32::try_from(self.exponent.checked_neg()?).ok().filter(|_| self.is_finite());
        let shift = match shift {
            Some(shift) => shift,
            None => return (self.mantissa == 0).then_some(0),
        };
        let whole = self.mantissa.checked_shr(shift).unwrap_or(0);
        let exact = self.mantissa == 0 || self.mantissa.trailing_zeros() >= shift;
        if self.negative {
            return 0_i64.checked_sub_unsigned(whole);
        }
        i64::try_from(whole).ok()?.checked_add(i64::from(!exact))
    }

    /// Whether it is below zero.
    pub fn is_negative(self) -> bool {
        self.negative && self.mantissa != 0
    }

    /// Appends its decimal form with up to 17 decimals, rounded, a tie to the even one. No exponent, no zeros at the
    /// end, no negative zero. Up to 4933 digits, which take 60 us.
    pub fn write(self, out: &mut Vec<u8>) {
        use std::io::Write;
        let (whole, decimals) = self.split();
        if self.negative
            && (whole.is_some_and(|whole| whole != 0) || whole.is_none() || decimals != 0)
        {
            out.push(b'-');
        }
        // Writing into a Vec cannot fail.
        let _ = match whole {
            _ if !self.is_finite() => write!(out, "inf"),
            Some(whole) => write!(out, "{whole}"),
            None => write!(out, "{}", BigUint::from(self.mantissa) << self.exponent),
        };
        if decimals != 0 {
            let _ = write!(out, ".{decimals:0width$}", width = DECIMALS);
            while out.last() == Some(&b'0') {
                out.pop();
            }
        }
    }

    /// Its whole part, if that has at most 64 bits, and the rest in units of the last decimal.
    fn split(self) -> (Option<u64>, u128) {
        if self.exponent > 0 {
            return (None, 0);
        }
        let shift = self.exponent.unsigned_abs();
        let whole = self.mantissa.checked_shr(shift).unwrap_or(0);
        let fraction = match shift {
            0..64 => self.mantissa & ((1 << shift) - 1),
            64.. => self.mantissa,
        };
        // Below 2^64 * 10^17, which is below 2^121.
        let decimals = halved(u128::from(fraction) * ONE, shift, false);
        if decimals == ONE { (Some(whole + 1), 0) } else { (Some(whole), decimals) }
    }

    /// Grows with the number; the same for both zeros.
    fn rank(self) -> i128 {
        let magnitude = i128::from(self.exponent - LEAST) << 64 | i128::from(self.mantissa);
        if self.negative { -magnitude } else { magnitude }
    }
}

impl From<i64> for Extended {
    /// Exact: the mantissa is as wide.
    fn from(number: i64) -> Extended {
        let negative = number < 0;
        Extended { negative, ..rounded(u128::from(number.unsigned_abs()), 0, false) }
    }
}

impl PartialEq for Extended {
    fn eq(&self, other: &Extended) -> bool {
        self.rank() == other.rank()
    }
}

impl Eq for Extended {}

impl PartialOrd for Extended {
    fn partial_cmp(&self, other: &Extended) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Extended {
    fn cmp(&self, other: &Extended) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

/// `n / 2^shift`; bits that are lost set the last one.
fn shifted(n: u128, shift: u32) -> u128 {
    match n.checked_shr(shift) {
        Some(kept) => kept | u128::from(kept << shift != n),
        None => u128::from(n != 0),
    }
}

/// `n / 2^shift`, rounded to the nearest, a tie to the even one. `more`: the dividend was a little larger than `n`.
fn halved(n: u128, shift: u32, more: bool) -> u128 {
    let kept = n.checked_shr(shift).unwrap_or(0);
    let Some(below) = shift.checked_sub(1) else { return kept };
    // In units of half of what is kept: what was lost is 0 or 1 of them, and perhaps a rest.
    let halves = n.checked_shr(below).unwrap_or(0);
    let is_half = halves & 1 == 1;
    let rest = more || halves.checked_shl(below).unwrap_or(0) != n;
    kept + u128::from(is_half && (rest || kept & 1 == 1))
}

/// The positive number nearest to `n * 2^exponent`. `more`: it was a little larger than that, and `n` has at least 65 bits.
fn rounded(n: u128, exponent: i64, more: bool) -> Extended {
    if n == 0 {
        return Extended::ZERO;
    }
    let bits = i64::from(u128::BITS - n.leading_zeros());
    let drop = (bits - 64).max(i64::from(LEAST) - exponent);
    let (mut mantissa, mut exponent) = match u32::try_from(drop) {
        Ok(drop) => (halved(n, drop, more), exponent + i64::from(drop)),
        // It has fewer bits than there is room for.
        Err(_) => (n << drop.unsigned_abs(), exponent + drop),
    };
    if mantissa > u128::from(u64::MAX) {
        // All bits were set, and it was rounded up.
        (mantissa, exponent) = (mantissa >> 1, exponent + 1);
    }
    match (u64::try_from(mantissa), i32::try_from(exponent)) {
        (Ok(mantissa), Ok(exponent)) if exponent <= MOST => {
            Extended { negative: false, mantissa, exponent }
        }
        _ => Extended::infinity(false),
    }
}

/// Like [`rounded`] for a number of any length.
fn rounded_big(n: &BigUint, exponent: i64, more: bool) -> Extended {
    let spare = n.bits().saturating_sub(u64::from(u128::BITS));
    let more = more || n.trailing_zeros().is_some_and(|zeros| zeros < spare);
    let top = u128::try_from(n >> spare).expect("all but 128 bits were shifted out");
    rounded(top, exponent + spare as i64, more)
}

/// The text of a number, taken apart.
struct Digits<'a> {
    /// 10 or 16.
    base: u32,
    /// The digits before the point, and those behind it.
    whole: &'a [u8],
    fraction: &'a [u8],
    /// The exponent: of ten if the base is 10, else of two.
    exponent: i64,
}

impl<'a> Digits<'a> {
    /// Takes a text apart; `None` if it is no number to its last byte.
    fn read(text: &'a [u8], base: u32) -> Option<Digits<'a>> {
        let (whole, rest) = digits(text, base);
        let (fraction, rest) = match rest {
            [b'.', rest @ ..] => digits(rest, base),
            rest => (&rest[..0], rest),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let exponent = match rest {
            [] => 0,
            [b'e' | b'E', rest @ ..] if base == 10 => exponent(rest)?,
            [b'p' | b'P', rest @ ..] if base == 16 => exponent(rest)?,
            _ => return None,
        };
        Some(Digits { base, whole, fraction, exponent })
    }

    fn is_zero(&self) -> bool {
        self.all().all(|digit| digit == 0)
    }

    fn all(&self) -> impl Iterator<Item = u8> + Clone {
        let value = |byte: &u8| (*byte as char).to_digit(16).map_or(0, |digit| digit as u8);
        self.whole.iter().chain(self.fraction).map(value)
    }

    /// The nearest number, without a sign.
    fn value(&self) -> Extended {
        let significant = self.all().skip_while(|&digit| digit == 0);
        let behind = self.fraction.len() as i64;
        if self.base == 16 {
            let exponent = self.exponent.saturating_sub(4 * behind);
            return binary(&significant.collect::<Vec<_>>(), exponent);
        }
        let exponent = self.exponent.saturating_sub(behind);
        match short(significant.clone()) {
            Some(n) if exponent.unsigned_abs() <= u64::from(FIVES_MAX) => near(n, exponent),
            _ => decimal(&significant.collect::<Vec<_>>(), exponent),
        }
    }
}

/// The digits at the beginning of a text, and the rest.
fn digits(text: &[u8], base: u32) -> (&[u8], &[u8]) {
    let end = text.iter().position(|&byte| !(byte as char).is_digit(base)).unwrap_or(text.len());
    text.split_at(end)
}

/// The number behind an `e` or a `p`. One that is too long for 64 bits is as good as the largest.
fn exponent(text: &[u8]) -> Option<i64> {
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let add = |sum: i64, byte: &u8| sum.saturating_mul(10).saturating_add(i64::from(byte - b'0'));
    let magnitude = text.iter().fold(0, add);
    Some(if negative { -magnitude } else { magnitude })
}

/// The number that decimal digits make, if it has at most 64 bits.
fn short(mut digits: impl Iterator<Item = u8>) -> Option<u64> {
    digits.try_fold(0u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit)))
}

/// `n * 10^exponent` for an exponent of -27 to 27.
fn near(n: u64, exponent: i64) -> Extended {
    let fives = 5u128.pow(exponent.unsigned_abs() as u32);
    if exponent >= 0 {
        return rounded(u128::from(n) * fives, exponent, false);
    }
    if n == 0 {
        return Extended::ZERO;
    }
    // 128 bits by less than 63 give at least 65: the 64 that are kept and one to round by.
    let shift = n.leading_zeros() + 64;
    let n = u128::from(n) << shift;
    rounded(n / fives, exponent - i64::from(shift), !n.is_multiple_of(fives))
}

/// `digits * 10^exponent`.
fn decimal(digits: &[u8], exponent: i64) -> Extended {
    // Beyond these no digits make it finite, or more than nothing.
    match exponent.saturating_add(digits.len() as i64) {
        5000.. => {
            return if digits.is_empty() { Extended::ZERO } else { Extended::infinity(false) };
        }
        ..-5000 => return Extended::ZERO,
        -5000..5000 => {}
    }
    let n = BigUint::from_radix_be(digits, 10).unwrap_or_default();
    let fives = BigUint::from(5u8).pow(exponent.unsigned_abs() as u32);
    if exponent >= 0 {
        return rounded_big(&(n * fives), exponent, false);
    }
    let shift = (fives.bits() + 66).saturating_sub(n.bits());
    let n = n << shift;
    let quotient = &n / &fives;
    let more = &quotient * &fives != n;
    rounded_big(&quotient, exponent - shift as i64, more)
}

/// `digits * 2^exponent`, of hexadecimal digits.
fn binary(digits: &[u8], exponent: i64) -> Extended {
    let n = BigUint::from_radix_be(digits, 16).unwrap_or_default();
    // 5119 digits move it by less than 2^15 places; so nothing overflows, and nothing that counts is cut.
    rounded_big(&n, exponent.clamp(-100_000, 100_000), false)
}

#[cfg(test)]
mod tests;

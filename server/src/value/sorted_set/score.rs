//! Scores as elements of a small sorted set.
//!
//! Owns: which form a score takes.   Uses: packed.   Never: the text that a client sees.
//!
//! A score that is a whole number, and not -0, is kept as that number, in 1 to 9 bytes; any other one as a text of the
//! eight bytes of the double. A score is never NaN.

use crate::value::packed::Element;

/// Room for the bytes of a score that is no whole number.
#[derive(Default)]
pub struct Bits([u8; 8]);

/// The element that a score becomes.
#[inline]
pub fn to_element(score: f64, bits: &mut Bits) -> Element<'_> {
    // The conversion saturates, and what it gives then does not convert back, or means the same double.
    let whole = score as i64;
    if (whole as f64).to_bits() == score.to_bits() {
        return Element::Int(whole);
    }
    bits.0 = score.to_bits().to_le_bytes();
    Element::Text(&bits.0)
}

/// The score that an element is.
///
/// # Panics
/// It is the element of no score.
#[inline]
pub fn of_element(element: Element<'_>) -> f64 {
    match element {
        Element::Int(whole) => whole as f64,
        Element::Text(bits) => {
            let bits = bits.try_into().expect("a score is a number or eight bytes");
            f64::from_bits(u64::from_le_bytes(bits))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_kept(score: f64) -> usize {
        let mut bits = Bits::default();
        let element = to_element(score, &mut bits);
        assert_eq!(of_element(element).to_bits(), score.to_bits(), "{score}");
        element.size()
    }

    #[test]
    fn whole_numbers_are_short() {
        assert_eq!([0.0, 100.0, -1.0, 70_000.0, 1e15].map(is_kept), [1, 1, 2, 4, 9]);
        let odd = [-0.0, 0.5, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, 5e-324];
        assert_eq!(odd.map(is_kept), [9; 6]);
        let edges = [9_223_372_036_854_775_808.0, -9_223_372_036_854_775_808.0, 1.8e19];
        assert_eq!(edges.map(is_kept), [9; 3]);
    }

    proptest! {
        #[test]
        fn every_score_is_kept(bits: u64, whole: i64) {
            let score = f64::from_bits(bits);
            prop_assume!(!score.is_nan());
            is_kept(score);
            is_kept(whole as f64);
        }
    }
}

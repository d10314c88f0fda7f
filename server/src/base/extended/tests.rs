//! Known values, which a real server printed, and properties.

use super::*;
use proptest::prelude::*;

fn read(text: &str) -> Extended {
    Extended::parse(text.as_bytes()).unwrap_or_else(|| panic!("{text} is a number"))
}

fn shown(number: Extended) -> String {
    let mut out = Vec::new();
    number.write(&mut out);
    String::from_utf8(out).unwrap()
}

fn sum(a: &str, b: &str) -> String {
    shown(read(a).checked_add(read(b)).unwrap())
}

#[test]
fn sums_are_those_of_a_real_server() {
    for (a, b, expected) in [
        ("3.0", "0.1", "3.1"),
        ("10.5", "0.1", "10.6"),
        ("5.0e3", "2.0e2", "5200"),
        ("0", "1e-17", "0.00000000000000001"),
        ("0.00000000000000001", "1e-18", "0.00000000000000001"),
        ("-1e-20", "0", "0"),
        ("0.1", "1e20", "100000000000000000000"),
        ("1", "-1.1", "-0.1"),
        ("-0", "-0.0", "0"),
        ("17179869184", "1.5", "17179869185.5"),
        ("9223372036854775807", "1", "9223372036854775808"),
        ("18446744073709551615", "1", "18446744073709551616"),
        // Beyond 64 bits the last one counts 2: a tie goes to the even neighbour.
        ("18446744073709551616", "1", "18446744073709551616"),
        ("18446744073709551616", "3", "18446744073709551620"),
        ("0x10", "0x1.8p1", "19"),
        (".5", "5.", "5.5"),
    ] {
        assert_eq!(sum(a, b), expected, "{a} + {b}");
        assert_eq!(sum(b, a), expected, "{b} + {a}");
    }
    let most = shown(Extended::MAX);
    assert_eq!((most.len(), &most[..20]), (4933, "11897314953572317650"));
    assert!(
        sum("1e4932", "1e4000")
            .starts_with("100000000000000000000601894938796389132383777425453311")
    );
}

#[test]
fn a_multiple_is_rounded_up_to_a_whole_number() {
    for (text, whole) in [
        ("0", Some(0)),
        ("-0", Some(0)),
        ("1e-4000", Some(1)),
        ("-1e-4000", Some(0)),
        ("0.001", Some(1)),
        ("0.00100000000000000000001", Some(1)),
        ("0.00100001", Some(2)),
        ("-0.0019", Some(-1)),
        ("-1.5", Some(-1500)),
        ("9223372036854775.807", Some(i64::MAX)),
        ("9223372036854775.808", None),
        // 64 bits hold this as ...775.8076.
        ("-9223372036854775.808", Some(-i64::MAX)),
        ("-9223372036854775.809", None),
        ("1e4932", None),
        ("inf", None),
        ("-inf", None),
    ] {
        assert_eq!(read(text).times(1000).ceil(), whole, "{text}");
    }
    assert!(read("-inf").is_negative() && read("-1e-4000").is_negative());
    assert!(!read("-0").is_negative() && !read("1").is_negative());
}

#[test]
fn what_is_no_number_is_refused() {
    for text in [
        "",
        " 1",
        "1 ",
        ".",
        "-",
        "+",
        "1e",
        "1e+",
        "e5",
        "nan",
        "nan(1)",
        "-nan",
        "1_0",
        "0x",
        "0x.p1",
        "0x1p",
        "1\0",
        "--1",
        "1.2.3",
        "infinit",
        "1e4933",
        "-1e4933",
        "1e-4951",
        "1e-99999999999999999999",
        "0x1p16384",
    ] {
        assert_eq!(Extended::parse(text.as_bytes()), None, "{text:?}");
    }
    let long = "0".repeat(5119);
    assert_eq!(read(&long), Extended::ZERO);
    assert_eq!(Extended::parse(format!("{long}0").as_bytes()), None);
    for text in ["0e99999999999", "0e-99999999999", "0x0p999999", "-0"] {
        assert_eq!(read(text), Extended::ZERO, "{text}");
    }
}

#[test]
fn infinity_is_read_and_spreads() {
    let (up, down) = (read("+Infinity"), read("-inf"));
    assert!(!up.is_finite() && up > Extended::MAX && down < Extended::MIN);
    assert_eq!(up.checked_add(down), None);
    assert_eq!(up.checked_add(up), Some(up));
    assert_eq!(down.checked_add(read("1")), Some(down));
    assert_eq!(Extended::MAX.checked_add(Extended::MAX), Some(up));
    // Half of the last bit is a tie, which goes to the even one: up. Less than that is nothing.
    let half = Extended { negative: false, mantissa: 1 << 63, exponent: MOST - 64 };
    assert_eq!(Extended::MAX.checked_add(half), Some(up));
    let less = Extended { negative: false, mantissa: u64::MAX, exponent: MOST - 65 };
    assert_eq!(Extended::MAX.checked_add(less), Some(Extended::MAX));
    assert_eq!((shown(up), shown(down)), ("inf".into(), "-inf".into()));
}

#[test]
fn the_smallest_numbers_keep_fewer_bits() {
    let least = Extended { negative: false, mantissa: 1, exponent: LEAST };
    assert_eq!(read("3.6451995318824746025e-4951"), least);
    assert_eq!(read("0x1p-16445"), least);
    assert_eq!(read("1e-4950").mantissa, 3);
    // Half of it is a tie with nothing; a little more is not.
    assert_eq!(Extended::parse(b"0x1p-16446"), None);
    assert_eq!(read("0x1.0001p-16446"), least);
    assert_eq!(least.checked_add(least.negated()), Some(Extended::ZERO));
}

/// A number by its parts: mostly near to 1, now and then anywhere.
fn any_number() -> impl Strategy<Value = Extended> {
    let exponent = prop_oneof![4 => -130..10i32, 1 => LEAST..=MOST];
    (any::<bool>(), any::<u64>(), exponent).prop_map(|(negative, mantissa, exponent)| Extended {
        negative,
        ..rounded(u128::from(mantissa), i64::from(exponent), false)
    })
}

proptest! {
    #[test]
    fn sums_are_exact_where_they_fit(a in -(1i64 << 62)..1 << 62, b in -(1i64 << 62)..1 << 62) {
        let sum = Extended::from(a).checked_add(b.into()).unwrap();
        prop_assert_eq!(shown(sum), (a + b).to_string());
    }

    #[test]
    fn the_order_of_a_sum_does_not_matter(a in any_number(), b in any_number()) {
        prop_assert_eq!(a.checked_add(b), b.checked_add(a));
        prop_assert_eq!(a.checked_add(a.negated()), Some(Extended::ZERO));
        prop_assert_eq!(a.checked_add(Extended::ZERO), Some(a));
    }

    #[test]
    fn sums_round_like_the_exact_ones(a in any_number(), b in any_number()) {
        // The same addition with big integers: as many bits as it takes, and rounded once.
        let least = a.exponent.min(b.exponent);
        let exact = |n: Extended| num_bigint::BigInt::from_biguint(
            if n.negative { num_bigint::Sign::Minus } else { num_bigint::Sign::Plus },
            BigUint::from(n.mantissa) << (n.exponent - least),
        );
        let both = exact(a) + exact(b);
        let expected = rounded_big(both.magnitude(), least.into(), false);
        let negative = both.sign() == num_bigint::Sign::Minus;
        prop_assert_eq!(a.checked_add(b), Some(Extended { negative, ..expected }));
    }

    #[test]
    fn short_texts_are_read_like_long_ones(n: u32, scale in 0..27i64, tens in 0..10usize) {
        let digits: Vec<u8> = n.to_string().bytes().map(|byte| byte - b'0').chain(std::iter::repeat_n(0, tens)).collect();
        for exponent in [scale, -scale] {
            let near = near(short(digits.iter().copied()).unwrap(), exponent);
            prop_assert_eq!(near, decimal(&digits, exponent));
        }
    }

    #[test]
    fn doubles_keep_their_value(bits: u64) {
        let double = f64::from_bits(bits);
        prop_assume!(double.is_finite());
        // Rust prints all digits of a double, and reads them back.
        let number = read(&format!("{double:e}"));
        let exact = read(&format!("{double:.1100}"));
        prop_assert!((double == 0.0) == (exact == Extended::ZERO));
        prop_assert_eq!(exact.mantissa & 0x7ff, 0);
        let near = number.checked_add(exact.negated()).unwrap();
        // The shortest text is as near as a double's own rounding: half of its last bit.
        prop_assert!(near == Extended::ZERO || near.exponent < exact.exponent - 50, "{} {}", double, shown(near));
    }

    #[test]
    fn what_is_written_is_read_back(a in any_number()) {
        let text = shown(a);
        let again = Extended::parse(text.as_bytes()).unwrap();
        prop_assert_eq!(shown(again), text);
        if a.exponent >= -50 {
            prop_assert_eq!(again, a);
        }
    }

    #[test]
    fn the_order_is_that_of_the_numbers(a: i64, b: i64) {
        prop_assert_eq!(Extended::from(a).cmp(&b.into()), a.cmp(&b));
    }

    #[test]
    fn any_text_is_a_number_or_not(text in "[-+]?(0x)?[0-9a-f]{0,30}[.]?[0-9]{0,40}([ep][-+]?[0-9]{1,6})?") {
        if let Some(number) = Extended::parse(text.as_bytes()) {
            shown(number);
        }
    }
}

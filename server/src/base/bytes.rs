//! Numbers to text and back, escapes, and the glob patterns of KEYS, SCAN and PSUBSCRIBE.
//!
//! Owns: nothing.   Uses: memchr.   Never: allocates, except where a `String` is returned.
//!
//! Integers are read strictly: a text is a number exactly if printing the number gives the text back.
//! That is what lets a string be kept as an integer without anybody noticing.

use std::fmt::{self, Write};

use memchr::memchr;

/// The longest text of a 64-bit integer: `-9223372036854775808`.
pub const INTEGER_MAX: usize = 20;

/// Reads a canonical decimal: no `+`, no spaces, no leading zeros, no `-0`.
#[inline]
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    match text.strip_prefix(b"-") {
        None => parse_u64(text).and_then(|n| i64::try_from(n).ok()),
        Some(digits) => match parse_u64(digits)? {
            0 => None,
            n => 0i64.checked_sub_unsigned(n),
        },
    }
}

/// Reads a canonical decimal without a sign.
#[inline]
pub fn parse_u64(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > INTEGER_MAX || (text[0] == b'0' && text.len() > 1) {
        return None;
    }
    let (safe, last) = text.split_at(text.len().min(INTEGER_MAX - 1));
    let mut n = 0u64;
    for &byte in safe {
        // 19 digits cannot overflow.
        n = n.wrapping_mul(10).wrapping_add(digit(byte)?);
    }
    match last {
        [] => Some(n),
        [byte, ..] => n.checked_mul(10)?.checked_add(digit(*byte)?),
    }
}

#[inline]
fn digit(byte: u8) -> Option<u64> {
    let value = byte.wrapping_sub(b'0');
    (value < 10).then_some(u64::from(value))
}

/// Reads a floating point number as clients write it: `3`, `-1.5`, `.5`, `1e9`, `inf`, `+infinity`.
///
/// Refused: `nan`, spaces, and numbers that a double cannot hold (`1e400`, `1e-400`).
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    let number: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    let digits = text.iter().take_while(|byte| !matches!(byte, b'e' | b'E'));
    let names_infinity = || text.iter().any(|byte| matches!(byte, b'n' | b'N'));
    let names_zero = || !digits.clone().any(|byte| matches!(byte, b'1'..=b'9'));
    match number {
        n if n.is_nan() => None,
        n if n.is_infinite() => names_infinity().then_some(n),
        n if n == 0.0 => names_zero().then_some(n),
        n => Some(n),
    }
}

/// Two decimal digits for each number below 100.
const PAIRS: [u8; 200] = {
    let mut pairs = [0; 200];
    let mut n = 0;
    while n < 100 {
        pairs[2 * n] = b'0' + (n / 10) as u8;
        pairs[2 * n + 1] = b'0' + (n % 10) as u8;
        n += 1;
    }
    pairs
};

/// Writes `n` at the end of `text` and returns where it begins.
#[inline]
pub fn digits(text: &mut [u8; INTEGER_MAX], mut n: u64) -> usize {
    let mut at = INTEGER_MAX;
    while n >= 100 {
        let pair = (n % 100) as usize * 2;
        n /= 100;
        at -= 2;
        text[at..at + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
    }
    if n >= 10 {
        let pair = n as usize * 2;
        at -= 2;
        text[at..at + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
    } else {
        at -= 1;
        text[at] = b'0' + n as u8;
    }
    at
}

/// Appends a number in decimal.
#[inline]
pub fn push_u64(out: &mut Vec<u8>, n: u64) {
    if n < 10 {
        return out.push(b'0' + n as u8);
    }
    let mut text = [0; INTEGER_MAX];
    let at = digits(&mut text, n);
    out.extend_from_slice(&text[at..]);
}

/// Appends a number in decimal.
#[inline]
pub fn push_i64(out: &mut Vec<u8>, n: i64) {
    if n < 0 {
        out.push(b'-');
    }
    push_u64(out, n.unsigned_abs());
}

/// Appends the shortest decimal that reads back as the same double, laid out as Redis 7.2 and later
/// do: `3`, `0.1`, `1e+21`, `1.5e-7`, `-0`, `inf`.
pub fn push_f64(out: &mut Vec<u8>, n: f64) {
    /// Up to here every whole double is printed digit by digit.
    const WHOLE_MAX: f64 = (1u64 << 62) as f64;
    if n.is_nan() {
        return out.extend_from_slice(b"nan");
    }
    if n.is_infinite() {
        return out.extend_from_slice(if n > 0.0 { b"inf" } else { b"-inf" });
    }
    if n.abs() <= WHOLE_MAX && n.trunc() == n {
        if n == 0.0 && n.is_sign_negative() {
            out.push(b'-');
        }
        return push_i64(out, n as i64);
    }
    if n < 0.0 {
        out.push(b'-');
    }
    let mut shortest = Scientific::default();
    write!(shortest, "{:e}", n.abs()).expect("a scientific number takes any text");
    push_decimal(out, &shortest.digits[..shortest.count], shortest.exponent());
}

/// What `{:e}` prints, such as `1.25e-7`, taken apart without an allocation.
#[derive(Default)]
struct Scientific {
    /// The digits before the `e`. The shortest form of a double has at most 17.
    digits: [u8; 20],
    count: usize,
    magnitude: i32,
    seen_e: bool,
    negative: bool,
}

impl Scientific {
    fn exponent(&self) -> i32 {
        if self.negative { -self.magnitude } else { self.magnitude }
    }
}

impl fmt::Write for Scientific {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            match byte {
                b'e' => self.seen_e = true,
                b'-' => self.negative = true,
                b'0'..=b'9' if self.seen_e => {
                    self.magnitude = self.magnitude * 10 + i32::from(byte - b'0');
                }
                b'0'..=b'9' => {
                    self.digits[self.count] = byte;
                    self.count += 1;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Appends `d.ddd * 10^exponent`, plain if that is not much longer.
fn push_decimal(out: &mut Vec<u8>, digits: &[u8], exponent: i32) {
    let count = digits.len() as i32;
    let last = exponent - (count - 1); // the power of ten of the last digit
    if last >= 0 && exponent < count + 7 {
        out.extend_from_slice(digits);
        out.extend(std::iter::repeat_n(b'0', last as usize));
    } else if last < 0 && (last > -7 || exponent.abs() < 4) {
        let (whole, fraction) = digits.split_at(usize::try_from(exponent + 1).unwrap_or(0));
        out.extend_from_slice(if whole.is_empty() { b"0" } else { whole });
        out.push(b'.');
        out.extend(std::iter::repeat_n(b'0', (-1 - exponent).max(0) as usize));
        out.extend_from_slice(fraction);
    } else {
        out.push(digits[0]);
        if count > 1 {
            out.push(b'.');
            out.extend_from_slice(&digits[1..]);
        }
        out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
        push_u64(out, u64::from(exponent.unsigned_abs()));
    }
}

/// Digits without the zeros at their end, but for the first digit.
fn without_zeros(digits: &[u8]) -> &[u8] {
    let end = digits.iter().rposition(|&digit| digit != b'0').map_or(1, |last| last + 1);
    &digits[..end]
}

/// Appends a double as C's `%.17g` does: always 17 digits but for zeros at the end.
pub fn push_f64_17(out: &mut Vec<u8>, n: f64) {
    if !n.is_finite() {
        return push_f64(out, n);
    }
    if n.is_sign_negative() {
        out.push(b'-');
    }
    let mut text = Scientific::default();
    write!(text, "{:.16e}", n.abs()).expect("a scientific number takes any text");
    let digits = without_zeros(&text.digits[..text.count]);
    let exponent = text.exponent();
    if (-4..17).contains(&exponent) {
        let (whole, fraction) = digits.split_at(digits.len().min((exponent + 1).max(0) as usize));
        out.extend_from_slice(if exponent < 0 { b"0" } else { whole });
        out.extend(std::iter::repeat_n(b'0', (exponent + 1 - digits.len() as i32).max(0) as usize));
        if !fraction.is_empty() {
            out.push(b'.');
            out.extend(std::iter::repeat_n(b'0', (-1 - exponent).max(0) as usize));
            out.extend_from_slice(fraction);
        }
        return;
    }
    out.push(digits[0]);
    if digits.len() > 1 {
        out.push(b'.');
        out.extend_from_slice(&digits[1..]);
    }
    out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
    if exponent.abs() < 10 {
        out.push(b'0');
    }
    push_u64(out, u64::from(exponent.unsigned_abs()));
}

/// The text in lower case; bytes that are no UTF-8 become U+FFFD.
pub fn lower(text: &[u8]) -> String {
    let mut lower = String::from_utf8_lossy(text).into_owned();
    lower.make_ascii_lowercase();
    lower
}

/// What a backslash makes of the letter behind it inside of double quotes, `\x` aside: other letters stay as they are.
pub fn unescaped(letter: u8) -> u8 {
    match letter {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'a' => 7,
        other => other,
    }
}

/// The byte of two hexadecimal digits.
pub fn hex_byte(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

/// Reads an amount of memory in bytes: `100`, `1k` (1000), `1kb` (1024), `5m`, `5MB`, `1g`, `1gb`.
pub fn parse_memory(text: impl AsRef<[u8]>) -> Option<u64> {
    let text = text.as_ref();
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = match unit.to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    let number: u64 = std::str::from_utf8(number).ok()?.parse().ok()?;
    number.checked_mul(unit)
}

/// Whether `text` fits a pattern of `*`, `?`, `[a-z]`, `[^a-z]` and `\` escapes.
///
/// Takes at most `pattern.len() * text.len()` steps: on a mismatch only the last `*` takes one byte
/// more, because whatever an earlier one could reach the last one reaches too. As in Redis, an empty
/// text fits only an empty pattern and, so that `KEYS *` shows every key, a lone `*`.
pub fn glob(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
    if pattern == b"*" {
        return true;
    }
    if text.is_empty() {
        return pattern.is_empty();
    }
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None; // after the last `*`: pattern, text
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            p += 1;
            if p == pattern.len() {
                return true;
            }
            let Some(from) = candidate(pattern[p], text, t, nocase) else { return false };
            retry = Some((p, from));
            t = from;
        } else if let Some(next) = one(pattern, p, text[t], nocase) {
            p = next;
            t += 1;
        } else if let Some((after, from)) = retry {
            let Some(from) = candidate(pattern[after], text, from + 1, nocase) else {
                return false;
            };
            retry = Some((after, from));
            (p, t) = (after, from);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

/// The first place from `t` on where a pattern that begins with `first` can match at all.
fn candidate(first: u8, text: &[u8], t: usize, nocase: bool) -> Option<usize> {
    if nocase || matches!(first, b'*' | b'?' | b'[' | b'\\') {
        return Some(t);
    }
    memchr(first, &text[t..]).map(|skipped| t + skipped)
}

/// Matches one byte against the pattern's element at `p`, which is no `*`; returns where the next begins.
#[inline]
fn one(pattern: &[u8], p: usize, byte: u8, nocase: bool) -> Option<usize> {
    match *pattern.get(p)? {
        b'?' => Some(p + 1),
        b'[' => class(pattern, p + 1, byte, nocase),
        b'\\' if p + 1 < pattern.len() => same(pattern[p + 1], byte, nocase).then_some(p + 2),
        literal => same(literal, byte, nocase).then_some(p + 1),
    }
}

/// Matches one byte against the class whose inside begins at `p`. A class without `]` ends with the pattern.
fn class(pattern: &[u8], mut p: usize, byte: u8, nocase: bool) -> Option<usize> {
    let not = pattern.get(p) == Some(&b'^');
    p += usize::from(not);
    let mut found = false;
    loop {
        match pattern[p.min(pattern.len())..] {
            [] => break,
            [b'\\', escaped, ..] => {
                found |= escaped == byte;
                p += 2;
            }
            [b']', ..] => {
                p += 1;
                break;
            }
            [from, b'-', to, ..] => {
                found |= within(from.min(to), byte, from.max(to), nocase);
                p += 3;
            }
            [literal, ..] => {
                found |= same(literal, byte, nocase);
                p += 1;
            }
        }
    }
    (found != not).then_some(p)
}

#[inline]
fn same(a: u8, b: u8, nocase: bool) -> bool {
    a == b || (nocase && a.eq_ignore_ascii_case(&b))
}

fn within(low: u8, byte: u8, high: u8, nocase: bool) -> bool {
    if nocase {
        (low.to_ascii_lowercase()..=high.to_ascii_lowercase()).contains(&byte.to_ascii_lowercase())
    } else {
        (low..=high).contains(&byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_canonical_integers_are_integers() {
        for text in ["", "+1", " 1", "1 ", "01", "-0", "-", "--1", "1.0", "9223372036854775808"] {
            assert_eq!(parse_i64(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(parse_i64(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(parse_u64(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(parse_u64(b"18446744073709551616"), None);
        assert_eq!(parse_u64(b"111111111111111111111"), None);
    }

    #[test]
    fn floats_are_read_as_redis_reads_them() {
        let good = [("3", 3.0), (".5", 0.5), ("1.", 1.0), ("+5", 5.0), ("1e3", 1e3), ("0e9", 0.0)];
        for (text, number) in good {
            assert_eq!(parse_f64(text.as_bytes()), Some(number), "{text}");
        }
        for text in ["inf", "+inf", "INF", "Infinity"] {
            assert_eq!(parse_f64(text.as_bytes()), Some(f64::INFINITY), "{text}");
        }
        assert_eq!(parse_f64(b"-infinity"), Some(f64::NEG_INFINITY));
        for text in ["", " 1", "1 ", "nan", "-nan", "5e", "1e400", "-1e400", "1e-400", "0x10", "."]
        {
            assert_eq!(parse_f64(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn floats_are_written_as_redis_8_writes_them() {
        let cases = [
            (3.1, "3.1"),
            (1e21, "1e+21"),
            (1e17, "100000000000000000"),
            (123456789012345680000.0, "123456789012345680000"),
            (1e-5, "0.00001"),
            (1e-6, "0.000001"),
            (1e-7, "1e-7"),
            (0.00001234, "1.234e-5"),
            (1_234_567_890.123_456_7, "1.2345678901234567e+9"),
            (9223372036854775807.0, "9223372036854776000"),
            (f64::MAX, "1.7976931348623157e+308"),
            (5e-324, "5e-324"),
            (-1.5e-9, "-1.5e-9"),
            (-0.0, "-0"),
            (123456.75, "123456.75"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (number, text) in cases {
            let mut out = Vec::new();
            push_f64(&mut out, number);
            assert_eq!(String::from_utf8_lossy(&out), text);
        }
    }

    #[test]
    fn seventeen_digits_are_as_in_c() {
        let cases = [
            (3.0, "3"),
            (3.1, "3.1000000000000001"),
            (-0.0, "-0"),
            (1e16, "10000000000000000"),
            (1e17, "1e+17"),
            (1.5e300, "1.5000000000000001e+300"),
            (0.0001, "0.0001"),
            (0.00001, "1.0000000000000001e-05"),
            (100.0, "100"),
            (f64::INFINITY, "inf"),
        ];
        for (number, text) in cases {
            let mut out = Vec::new();
            push_f64_17(&mut out, number);
            assert_eq!(String::from_utf8_lossy(&out), text);
        }
    }

    #[test]
    fn memory_has_units() {
        assert_eq!(parse_memory("1gb"), Some(1 << 30));
        assert_eq!(parse_memory("5M"), Some(5_000_000));
        assert_eq!(parse_memory(b"7"), Some(7));
        for text in ["", "gb", "-1", "1tb", "1 gb", "20000000000gb", "+1"] {
            assert_eq!(parse_memory(text), None, "{text}");
        }
    }

    #[test]
    fn globs_match_as_in_redis() {
        let yes = [
            ("h?llo", "hello"),
            ("h*llo", "heeeello"),
            ("h[ae]llo", "hallo"),
            ("h[^e]llo", "hbllo"),
            ("h[b-a]llo", "hallo"),
            (r"a\*b", "a*b"),
            (r"[\]]", "]"),
            ("[a-", "a"),
            ("[abc", "b"),
            ("a\\", "a\\"),
            ("*[^x]", "abc"),
            ("[^]", "]"),
            ("a***", "a"),
            ("*a*b*c", "xxaxxbxxabcc"),
        ];
        for (pattern, text) in yes {
            assert!(glob(pattern.as_bytes(), text.as_bytes(), false), "{pattern} {text}");
        }
        let no = [
            ("h?llo", "hllo"),
            ("h[^e]llo", "hello"),
            ("**", ""),
            ("[]a]", "a"),
            ("HELLO", "hello"),
            ("", "a"),
            ("a?", "a"),
        ];
        for (pattern, text) in no {
            assert!(!glob(pattern.as_bytes(), text.as_bytes(), false), "{pattern} {text}");
        }
        assert!(glob(b"H[A-Z]llO", b"hEllo", true));
        assert!(glob(b"*", b"", false));
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let text = vec![b'a'; 10_000];
        let pattern = "a*".repeat(60) + "b";
        assert!(!glob(pattern.as_bytes(), &text, false));
    }

    /// The obvious exponential definition, for short inputs.
    fn slow_glob(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern, text) {
            ([], _) => text.is_empty(),
            ([b'*', rest @ ..], _) => (0..=text.len()).any(|n| slow_glob(rest, &text[n..])),
            (_, []) => false,
            (_, [byte, rest @ ..]) => {
                one(pattern, 0, *byte, false).is_some_and(|next| slow_glob(&pattern[next..], rest))
            }
        }
    }

    proptest! {
        #[test]
        fn integers_survive_the_round_trip(n: i64, m: u64) {
            let mut out = Vec::new();
            push_i64(&mut out, n);
            prop_assert_eq!(String::from_utf8_lossy(&out), n.to_string());
            prop_assert_eq!(parse_i64(&out), Some(n));
            out.clear();
            push_u64(&mut out, m);
            prop_assert_eq!(parse_u64(&out), Some(m));
        }

        #[test]
        fn whatever_is_an_integer_prints_back(text in "[-+ ]?[0-9]{0,21}") {
            if let Some(n) = parse_i64(text.as_bytes()) {
                prop_assert_eq!(n.to_string(), text);
            }
        }

        #[test]
        fn doubles_survive_the_round_trip(bits: u64) {
            let n = f64::from_bits(bits);
            prop_assume!(!n.is_nan());
            let mut out = Vec::new();
            push_f64(&mut out, n);
            prop_assert_eq!(parse_f64(&out), Some(n));
        }

        #[test]
        fn globs_agree_with_their_definition(
            pattern in r"[ab*?\[\]^\\-]{0,8}", text in r"[ab\]^\\-]{1,8}"
        ) {
            let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
            prop_assert_eq!(glob(pattern, text, false), slow_glob(pattern, text));
        }
    }
}

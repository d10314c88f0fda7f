//! Command lines: words with quotes, and bytes made readable.
//!
//! Owns: the quoting of redis-cli, globs.   Uses: nothing.   Never: what a word means.

/// Splits a line into words the way redis-cli does: `"..."` knows `\n \r \t \b \a \\ \" \xHH`,
/// `'...'` knows `\'`, and everything else ends at a space.
pub fn words(line: &str) -> Result<Vec<Vec<u8>>, String> {
    let mut rest = line.trim();
    let mut words = Vec::new();
    while !rest.is_empty() {
        let (word, tail) = match rest.as_bytes()[0] {
            b'"' => quoted(rest)?,
            b'\'' => single_quoted(rest)?,
            _ => {
                let end = rest.find(' ').unwrap_or(rest.len());
                (rest.as_bytes()[..end].to_vec(), &rest[end..])
            }
        };
        if !(tail.is_empty() || tail.starts_with(' ')) {
            return Err(format!("a closing quote must be followed by a space: {line}"));
        }
        words.push(word);
        rest = tail.trim_start();
    }
    Ok(words)
}

/// Reads one `"..."` at the beginning of `text`; answers its bytes and what follows it.
pub fn quoted(text: &str) -> Result<(Vec<u8>, &str), String> {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut i = 1;
    while let Some(&byte) = bytes.get(i) {
        match byte {
            b'"' => return Ok((out, &text[i + 1..])),
            b'\\' => i += escape(&bytes[i + 1..], &mut out)?,
            _ => out.push(byte),
        }
        i += 1;
    }
    Err(format!("a quote is not closed: {text}"))
}

/// Decodes what follows a backslash; answers how many bytes that took.
fn escape(bytes: &[u8], out: &mut Vec<u8>) -> Result<usize, String> {
    let &byte = bytes.first().ok_or("a line ends in a backslash")?;
    if byte == b'x' {
        let digits = bytes.get(1..3).and_then(|d| std::str::from_utf8(d).ok());
        let value = digits.and_then(|d| u8::from_str_radix(d, 16).ok());
        out.push(value.ok_or("\\x needs two hexadecimal digits")?);
        return Ok(3);
    }
    out.push(match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'a' => 7,
        other => other,
    });
    Ok(1)
}

fn single_quoted(text: &str) -> Result<(Vec<u8>, &str), String> {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut i = 1;
    while let Some(&byte) = bytes.get(i) {
        match byte {
            b'\'' => return Ok((out, &text[i + 1..])),
            b'\\' if bytes.get(i + 1) == Some(&b'\'') => {
                out.push(b'\'');
                i += 1;
            }
            _ => out.push(byte),
        }
        i += 1;
    }
    Err(format!("a quote is not closed: {text}"))
}

/// Writes bytes as `"..."` that [`quoted`] reads back.
pub fn quote(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for &byte in bytes {
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            b' '..=b'~' => out.push(byte as char),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push('"');
    out
}

/// Whether `text` fits `pattern`, where `*` stands for any bytes and nothing else is special.
pub fn like(pattern: &[u8], text: &[u8]) -> bool {
    let mut parts = pattern.split(|&b| b == b'*');
    let head = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(head) else { return false };
    let mut parts: Vec<&[u8]> = parts.collect();
    let Some(tail) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match find(rest, part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(tail)
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    if part.is_empty() {
        return Some(0);
    }
    text.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_redis_cli_does() {
        let split = words(r#"SET "a b\x00\r\n" 'it\'s' "" x"#).unwrap();
        let want: [&[u8]; 5] = [b"SET", b"a b\0\r\n", b"it's", b"", b"x"];
        assert_eq!(split, want);
        assert!(words("SET \"a").is_err());
        assert!(words("SET \"a\"b").is_err());
    }

    #[test]
    fn what_is_quoted_is_read_back() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(quoted(&quote(&all)).unwrap(), (all, ""));
    }

    #[test]
    fn a_star_stands_for_anything() {
        assert!(like(b"a*c*", b"abbbc"));
        assert!(like(b"*", b""));
        assert!(!like(b"a*c", b"acb"));
        assert!(!like(b"ab", b"abc"));
    }
}

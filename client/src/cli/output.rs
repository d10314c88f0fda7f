//! Replies into text.
//!
//! Owns: the three ways to print a reply.   Uses: the library's Reply.   Never: where the text goes.
//!
//! The decoder bounds how deep a reply is, so recursion is safe here.

use lodestore::Reply;

/// How replies are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// With types, quotes and numbered elements, for people.
    Typed,
    /// Values and nothing else, one a line.
    Raw,
    /// One JSON value.
    Json,
}

impl Format {
    /// The text of a reply, without a line end behind it.
    pub(crate) fn print(self, reply: &Reply) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Format::Typed => typed(reply, 0, &mut out),
            Format::Raw => raw(reply, &mut out),
            Format::Json => json(reply, &mut out),
        }
        out
    }
}

fn add(out: &mut Vec<u8>, text: impl AsRef<[u8]>) {
    out.extend_from_slice(text.as_ref());
}

fn typed(reply: &Reply, indent: usize, out: &mut Vec<u8>) {
    match reply {
        Reply::Null => add(out, "(nil)"),
        Reply::Int(number) => add(out, format!("(integer) {number}")),
        Reply::Double(number) => add(out, format!("(double) {number}")),
        Reply::Bool(truth) => add(out, format!("({truth})")),
        Reply::BigNumber(digits) => add(out, digits),
        Reply::Bulk(bytes) => quoted(bytes, out),
        Reply::Simple(text) | Reply::Verbatim(_, text) => add(out, text),
        Reply::Error(text) => add(out, format!("(error) {text}")),
        Reply::Array(items) | Reply::Push(items) if items.is_empty() => add(out, "(empty array)"),
        Reply::Set(items) if items.is_empty() => add(out, "(empty set)"),
        Reply::Map(pairs) if pairs.is_empty() => add(out, "(empty hash)"),
        Reply::Array(items) | Reply::Push(items) => {
            typed_list(items, ')', indent, out, typed);
        }
        Reply::Set(items) => typed_list(items, '~', indent, out, typed),
        Reply::Map(pairs) => typed_list(pairs, '#', indent, out, |(key, value), indent, out| {
            typed(key, indent, out);
            add(out, " => ");
            if is_long(value) {
                add(out, format!("\n{:indent$}", ""));
            }
            typed(value, indent, out);
        }),
    }
}

/// Whether it takes several lines.
fn is_long(reply: &Reply) -> bool {
    match reply {
        Reply::Array(items) | Reply::Push(items) | Reply::Set(items) => {
            items.len() > 1 || items.iter().any(is_long)
        }
        Reply::Map(pairs) => pairs.len() > 1 || pairs.iter().any(|(_, value)| is_long(value)),
        Reply::Null
        | Reply::Int(_)
        | Reply::Double(_)
        | Reply::Bool(_)
        | Reply::BigNumber(_)
        | Reply::Bulk(_)
        | Reply::Simple(_)
        | Reply::Error(_)
        | Reply::Verbatim(..) => false,
    }
}

fn typed_list<T>(
    items: &[T],
    mark: char,
    indent: usize,
    out: &mut Vec<u8>,
    print: impl Fn(&T, usize, &mut Vec<u8>),
) {
    let width = items.len().to_string().len();
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            add(out, format!("\n{:indent$}", ""));
        }
        add(out, format!("{:width$}{mark} ", place + 1));
        print(item, indent + width + 2, out);
    }
}

fn quoted(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in bytes {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', *byte]),
            b'\n' => add(out, "\\n"),
            b'\r' => add(out, "\\r"),
            b'\t' => add(out, "\\t"),
            7 => add(out, "\\a"),
            8 => add(out, "\\b"),
            b' '..=b'~' => out.push(*byte),
            byte => add(out, format!("\\x{byte:02x}")),
        }
    }
    out.push(b'"');
}

fn raw(reply: &Reply, out: &mut Vec<u8>) {
    match reply {
        Reply::Null => {}
        Reply::Int(number) => add(out, number.to_string()),
        Reply::Double(number) => add(out, number.to_string()),
        Reply::Bool(truth) => add(out, format!("({truth})")),
        Reply::BigNumber(digits) => add(out, digits),
        Reply::Bulk(bytes) | Reply::Simple(bytes) | Reply::Verbatim(_, bytes) => add(out, bytes),
        Reply::Error(text) => add(out, text),
        Reply::Array(items) | Reply::Set(items) | Reply::Push(items) => {
            between(items, "\n", out, raw);
        }
        Reply::Map(pairs) => between(pairs, "\n", out, |(key, value), out| {
            raw(key, out);
            out.push(b' ');
            raw(value, out);
        }),
    }
}

fn between<T>(items: &[T], mark: &str, out: &mut Vec<u8>, print: impl Fn(&T, &mut Vec<u8>)) {
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            add(out, mark);
        }
        print(item, out);
    }
}

fn json(reply: &Reply, out: &mut Vec<u8>) {
    match reply {
        Reply::Null => add(out, "null"),
        Reply::Int(number) => add(out, number.to_string()),
        Reply::Double(number) if number.is_finite() => add(out, number.to_string()),
        // JSON has no word for these.
        Reply::Double(number) => json_text(number.to_string().as_bytes(), out),
        Reply::Bool(truth) => add(out, truth.to_string()),
        Reply::BigNumber(digits) => add(out, digits),
        Reply::Bulk(bytes) | Reply::Simple(bytes) | Reply::Verbatim(_, bytes) => {
            json_text(bytes, out);
        }
        Reply::Error(text) => {
            add(out, "{\"error\":");
            json_text(text.as_bytes(), out);
            out.push(b'}');
        }
        Reply::Array(items) | Reply::Set(items) | Reply::Push(items) => {
            out.push(b'[');
            between(items, ",", out, json);
            out.push(b']');
        }
        Reply::Map(pairs) => {
            out.push(b'{');
            between(pairs, ",", out, |(key, value), out| {
                json_text(&Format::Raw.print(key), out);
                out.push(b':');
                json(value, out);
            });
            out.push(b'}');
        }
    }
}

fn json_text(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '"' | '\\' => out.extend([b'\\', letter as u8]),
                '\n' => add(out, "\\n"),
                '\r' => add(out, "\\r"),
                '\t' => add(out, "\\t"),
                '\0'..='\x1f' => add(out, format!("\\u{:04x}", u32::from(letter))),
                letter => add(out, letter.encode_utf8(&mut [0; 4])),
            }
        }
        for byte in chunk.invalid() {
            add(out, format!("\\u{byte:04x}"));
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &'static [u8]) -> Reply {
        Reply::Bulk(text.into())
    }

    fn print(format: Format, reply: &Reply) -> String {
        String::from_utf8(format.print(reply)).unwrap()
    }

    fn nested() -> Reply {
        let mut items: Vec<Reply> = (1..=9).map(Reply::Int).collect();
        items.push(Reply::Array(vec![bulk(b"a\n\xff"), Reply::Array(vec![]), Reply::Null]));
        items.push(Reply::Map(vec![(
            bulk(b"k"),
            Reply::Set(vec![Reply::Bool(true), Reply::Double(1.5)]),
        )]));
        Reply::Array(items[8..].to_vec())
    }

    #[test]
    fn typed_replies_are_numbered_and_indented() {
        let expected = "1) (integer) 9\n2) 1) \"a\\n\\xff\"\n   2) (empty array)\n   3) (nil)\n3) 1# \"k\" => \n      1~ (true)\n      2~ (double) 1.5";
        assert_eq!(print(Format::Typed, &nested()), expected);
        let ten = Reply::Array((1..=10).map(Reply::Int).collect());
        assert!(print(Format::Typed, &ten).starts_with(" 1) (integer) 1\n 2) "));
        assert_eq!(print(Format::Typed, &Reply::Error("ERR x".into())), "(error) ERR x");
        assert_eq!(print(Format::Typed, &Reply::Simple("OK".into())), "OK");
    }

    #[test]
    fn raw_replies_are_bare() {
        assert_eq!(Format::Raw.print(&nested()), b"9\na\n\xff\n\n\nk (true)\n1.5");
    }

    #[test]
    fn json_is_json_whatever_the_bytes() {
        let expected = r#"[9,["a\n\u00ff",[],null],{"k":[true,1.5]}]"#;
        assert_eq!(print(Format::Json, &nested()), expected);
        assert_eq!(print(Format::Json, &bulk("ü\"\u{1}".as_bytes())), "\"ü\\\"\\u0001\"");
        assert_eq!(print(Format::Json, &Reply::Double(f64::INFINITY)), "\"inf\"");
        assert_eq!(print(Format::Json, &Reply::Error("ERR".into())), "{\"error\":\"ERR\"}");
    }
}

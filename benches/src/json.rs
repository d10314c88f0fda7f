//! Writing JSON, which is all a benchmark needs of it.
//!
//! Owns: the text form, and the file that `--json` names.   Uses: flags.   Never: reading JSON.

use crate::Outcome;
use crate::flags::Flags;
use std::fmt;

/// A JSON value.
#[derive(Clone, Debug)]
pub enum Json {
    /// A number; what is not finite is written as null.
    Number(f64),
    /// A text.
    Text(String),
    /// An array.
    List(Vec<Json>),
    /// An object; its members keep this order.
    Map(Vec<(String, Json)>),
}

impl Json {
    /// An object of the given members.
    pub fn map<const N: usize>(members: [(&str, Json); N]) -> Json {
        Json::Map(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// A text.
    pub fn text(text: impl Into<String>) -> Json {
        Json::Text(text.into())
    }

    /// Writes what was measured into the file that `--json` names, if it does.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn keep(flags: &Flags, measured: impl FnOnce() -> Json) -> Outcome<()> {
        if let Some(file) = flags.text("--json") {
            std::fs::write(file, format!("{}\n", measured()))?;
        }
        Ok(())
    }
}

impl From<f64> for Json {
    fn from(number: f64) -> Json {
        Json::Number(number)
    }
}

impl From<u64> for Json {
    fn from(number: u64) -> Json {
        Json::Number(number as f64)
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Json::Number(number) if number.is_finite() => write!(f, "{number}"),
            Json::Number(_) => f.write_str("null"),
            Json::Text(text) => quote(f, text),
            Json::List(items) => {
                f.write_str("[")?;
                for (at, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if at > 0 { "," } else { "" })?;
                }
                f.write_str("]")
            }
            Json::Map(members) => {
                f.write_str("{")?;
                for (at, (name, value)) in members.iter().enumerate() {
                    f.write_str(if at > 0 { "," } else { "" })?;
                    quote(f, name)?;
                    write!(f, ":{value}")?;
                }
                f.write_str("}")
            }
        }
    }
}

fn quote(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(f, "\\{c}")?,
            c if c < ' ' => write!(f, "\\u{:04x}", c as u32)?,
            c => write!(f, "{c}")?,
        }
    }
    f.write_str("\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_json() {
        let value = Json::map([
            ("a", Json::List(vec![1.5.into(), f64::NAN.into(), 7u64.into()])),
            ("b", Json::text("say \"x\"\n")),
        ]);
        assert_eq!(value.to_string(), r#"{"a":[1.5,null,7],"b":"say \"x\"\u000a"}"#);
    }
}

//! CONFIG GET and CONFIG SET, without the command around them.
//!
//! Owns: which parameters may change and the words when not.   Uses: rows.
//! Never: what follows a change (the engine's setters do that).

use super::known::{self, STANDING, Standing};
use super::row::{Row, When};
use super::rows::{Config, ROWS, row};

/// Why CONFIG SET changed nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeError {
    /// The position of the guilty pair.
    pub index: usize,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with one parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There is no such setting.
    Unknown,
    /// The setting cannot be set here, to whatever; the words say why.
    Barred(String),
    /// The setting does not take this; the words say why.
    Refused(String),
}

impl ChangeError {
    fn refused(index: usize, words: impl Into<String>) -> ChangeError {
        ChangeError { index, fault: Fault::Refused(words.into()) }
    }

    /// The error reply, its code included. `name` is the name at [`ChangeError::index`] as the client wrote
    /// it, made fit for an error text.
    pub fn text(&self, name: &str) -> String {
        match &self.fault {
            Fault::Unknown => {
                format!("ERR Unknown option or number of arguments for CONFIG SET - '{name}'")
            }
            Fault::Barred(words) => failed(name, words),
            // Redis names the setting here, not what was typed.
            Fault::Refused(words) => failed(&name.to_ascii_lowercase(), words),
        }
    }
}

fn failed(name: &str, words: &str) -> String {
    format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {words}")
}

impl Config {
    /// Sets several settings, or none if any cannot be set. `protected` says whether this connection
    /// may change what [`When::Protected`] guards. Answers the rows whose value is now another.
    ///
    /// All names are looked at before any value, as in Redis. O(pairs x rows), and a repeated name
    /// ends it, so no client can make it long.
    pub fn change(
        &mut self,
        pairs: &[(&[u8], &[u8])],
        protected: bool,
    ) -> Result<Vec<&'static Row>, ChangeError> {
        let rows = changeable(pairs, protected)?;
        let mut next = self.clone();
        for &(index, row) in &rows {
            let (_, value) = pairs[index];
            let refused = |words: String| ChangeError::refused(index, words);
            let value = std::str::from_utf8(value)
                .map_err(|_| refused("argument must be UTF-8 text".into()))?;
            (row.set)(&mut next, &[value], false).map_err(refused)?;
        }
        let changed = rows.into_iter().map(|(_, row)| row);
        let changed = changed.filter(|row| (row.get)(self) != (row.get)(&next)).collect();
        *self = next;
        Ok(changed)
    }

    /// The names and values that CONFIG GET answers to these patterns, each name once. A pattern
    /// without `*`, `?` and `[` names one setting and is answered as it was written. `glob(pattern,
    /// text, nocase)` tells whether a pattern matches. O(patterns x rows).
    pub fn matching(
        &self,
        patterns: &[&[u8]],
        glob: impl Fn(&[u8], &[u8], bool) -> bool,
    ) -> Vec<(String, String)> {
        let is_pattern = |text: &[u8]| text.iter().any(|b| b"*?[".contains(b));
        let mut found = Vec::new();
        let mut add = |name: &str, value: &dyn Fn() -> String| {
            let matches = |pattern: &&&[u8]| match is_pattern(pattern) {
                true => glob(pattern, name.as_bytes(), true),
                false => pattern.eq_ignore_ascii_case(name.as_bytes()),
            };
            // The first one that matches decides how the name is written.
            let Some(pattern) = patterns.iter().find(matches) else { return };
            let written = if is_pattern(pattern) { name.as_bytes() } else { *pattern };
            found.push((String::from_utf8_lossy(written).into_owned(), value()));
        };
        for row in ROWS {
            row.names().for_each(|name| add(name, &|| (row.get)(self)));
        }
        for setting in STANDING {
            setting.names.iter().for_each(|name| add(name, &|| setting.value().to_owned()));
        }
        found
    }
}

/// The rows of these names and the position of each, if all of them may change now. A setting that stands
/// has no row to change: it is passed over if the value is the one it has.
fn changeable(
    pairs: &[(&[u8], &[u8])],
    protected: bool,
) -> Result<Vec<(usize, &'static Row)>, ChangeError> {
    let mut rows: Vec<(usize, &'static Row)> = Vec::new();
    let mut standing: Vec<&Standing> = Vec::new();
    for (index, (name, value)) in pairs.iter().enumerate() {
        let refused = |words: &str| Err(ChangeError { index, fault: Fault::Barred(words.into()) });
        let Some(row) = row(name) else {
            let unknown = ChangeError { index, fault: Fault::Unknown };
            let setting = known::standing(name).ok_or(unknown)?;
            match setting.when {
                When::AtStart => return refused("can't set immutable config"),
                When::Live | When::Protected => {}
            }
            if !std::str::from_utf8(value).is_ok_and(|value| setting.is_true(value)) {
                let only = format!("only '{}' is accepted here", setting.value());
                return refused(setting.missing.unwrap_or(&only));
            }
            if standing.iter().any(|other| std::ptr::eq(*other, setting)) {
                return refused("duplicate parameter");
            }
            standing.push(setting);
            continue;
        };
        match row.when {
            When::Live => {}
            When::Protected if protected => {}
            When::Protected => return refused("can't set protected config"),
            When::AtStart => return refused("can't set immutable config"),
        }
        if rows.iter().any(|(_, other)| std::ptr::eq(*other, row)) {
            return refused("duplicate parameter");
        }
        rows.push((index, row));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stands in for the real glob: only a star at the end.
    fn glob(pattern: &[u8], text: &[u8], _nocase: bool) -> bool {
        let prefix = pattern.strip_suffix(b"*").expect("tests use prefixes only");
        text.to_ascii_lowercase().starts_with(&prefix.to_ascii_lowercase())
    }

    fn set(config: &mut Config, pairs: &[(&str, &str)]) -> Result<Vec<&'static str>, String> {
        let bytes: Vec<_> = pairs.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())).collect();
        let changed = config.change(&bytes, false);
        let changed = changed.map_err(|error| error.text(pairs[error.index].0))?;
        Ok(changed.iter().map(|row| row.name).collect())
    }

    #[test]
    fn errors_have_the_words_of_redis() {
        let failed = "ERR CONFIG SET failed (possibly related to argument";
        let cases: [(&[(&str, &str)], String); 15] = [
            (
                &[("nosuch", "1")],
                "ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'".into(),
            ),
            (
                &[("port", "5"), ("nosuch", "6")],
                format!("{failed} 'port') - can't set immutable config"),
            ),
            (
                &[("hz", "x"), ("databases", "6")],
                format!("{failed} 'databases') - can't set immutable config"),
            ),
            (&[("hz", "5"), ("HZ", "6")], format!("{failed} 'HZ') - duplicate parameter")),
            (&[("dir", "/")], format!("{failed} 'dir') - can't set protected config")),
            (
                &[("timeout", "1"), ("hz", "abc")],
                format!("{failed} 'hz') - argument couldn't be parsed into an integer"),
            ),
            (
                &[("maxclients", "0")],
                format!(
                    "{failed} 'maxclients') - argument must be between 1 and 4294967295 inclusive"
                ),
            ),
            (
                &[("timeout", "2147483648")],
                format!(
                    "{failed} 'timeout') - argument must be between 0 and 2147483647 inclusive"
                ),
            ),
            (
                &[("rdbcompression", "yes no")],
                format!("{failed} 'rdbcompression') - argument must be 'yes' or 'no'"),
            ),
            (
                &[("maxmemory", "50x")],
                format!("{failed} 'maxmemory') - argument must be a memory value"),
            ),
            (
                &[("proto-max-bulk-len", "1")],
                format!(
                    "{failed} 'proto-max-bulk-len') - argument must be between 1048576 and 9223372036854775807 inclusive"
                ),
            ),
            (&[("save", "900")], format!("{failed} 'save') - Invalid save parameters")),
            (
                &[("loglevel", "foo")],
                format!(
                    "{failed} 'loglevel') - argument(s) must be one of the following: debug, verbose, notice, warning, nothing"
                ),
            ),
            (
                &[("notify-keyspace-events", "Q")],
                format!(
                    "{failed} 'notify-keyspace-events') - Invalid event class character. Use 'Ag$lshzxeKEtmdn'."
                ),
            ),
            (
                &[("client-output-buffer-limit", "normal 1 2")],
                format!(
                    "{failed} 'client-output-buffer-limit') - Wrong number of arguments in buffer limit configuration."
                ),
            ),
        ];
        for (pairs, words) in cases {
            let mut config = Config::default();
            assert_eq!(set(&mut config, pairs), Err(words));
            assert_eq!(config, Config::default(), "all or nothing");
        }
    }

    #[test]
    fn several_settings_change_together_and_only_the_changed_are_told() {
        let mut config = Config::default();
        let changed = set(
            &mut config,
            &[("HZ", "501"), ("timeout", "0"), ("save", "900 1 300 10"), ("loglevel", "DEBUG")],
        );
        assert_eq!(changed, Ok(vec!["hz", "save", "loglevel"]));
        assert_eq!((config.hz.0, config.save.0.len()), (500, 2));
    }

    #[test]
    fn what_stands_takes_the_value_it_has() {
        let mut config = Config::default();
        assert_eq!(set(&mut config, &[("tls-port", "0"), ("hz", "20")]), Ok(vec!["hz"]));
        let failed = "ERR CONFIG SET failed (possibly related to argument";
        for (name, value, words) in [
            ("tls-port", "1", "TLS is not implemented yet"),
            ("import-mode", "yes", "only 'no' is accepted here"),
            ("cluster-enabled", "no", "can't set immutable config"),
        ] {
            let expected = Err(format!("{failed} '{name}') - {words}"));
            assert_eq!(set(&mut config, &[(name, value)]), expected);
        }
    }

    #[test]
    fn protected_settings_change_where_that_is_permitted() {
        let mut config = Config::default();
        assert!(config.change(&[(b"dir", b"/tmp")], true).is_ok());
        let error = config.change(&[(b"dbfilename", b"../x")], true).unwrap_err();
        assert!(error.text("dbfilename").ends_with("can't be a path, just a filename"));
        assert!(config.change(&[(b"requirepass", b"\xff")], true).is_err());
    }

    #[test]
    fn get_answers_each_name_once_and_as_it_was_written() {
        let config = Config::default();
        let get = |patterns: &[&[u8]]| config.matching(patterns, glob);
        assert_eq!(get(&[b"DATABASES"]), [("DATABASES".to_owned(), "16".to_owned())]);
        assert_eq!(get(&[b"DATA*", b"DATAbases"]), [("databases".to_owned(), "16".to_owned())]);
        let standing = STANDING.iter().flat_map(|setting| setting.names).count();
        let all = ROWS.iter().map(|row| row.names().count()).sum::<usize>() + standing;
        assert_eq!(get(&[b"*"]).len(), all);
        assert_eq!(get(&[b"TLS-port"]), [("TLS-port".to_owned(), "0".to_owned())]);
        assert_eq!(get(&[b"nothing"]), []);
        let shown = get(&[b"save"]);
        assert_eq!(shown[0].1, "3600 1 300 100 60 10000");
    }
}

//! `redis.conf.example`: the rows, printed as a manual.
//!
//! Owns: the shape of the file.   Uses: rows, parse.   Never: says what a row does not say.

use super::row::{Row, When};
use super::rows::{Config, ROWS};

const HEAD: &str = "\
# The settings of Lodestore, each with its default.
#
# Start the server with a file like this one:       lodestore-server /path/to/redis.conf
# or give settings on the command line:             lodestore-server --port 7777 --save ''
# Look at a setting of a running server:            redis-cli CONFIG GET port
# Change one that may change while it runs:         redis-cli CONFIG SET timeout 60
#
# A line is a name and its values. A value with spaces stands in quotes. Sizes may have a unit: kb, mb
# and gb count in 1024s, k, m and g in thousands. `include FILE` reads another file at that place.
# Settings that Redis knows and this server does not need are accepted with a warning.
#
# This file is generated from server/src/config/rows.rs.
";

/// The text of the example file. Read back, it gives the defaults.
pub fn example() -> String {
    let config = Config::default();
    let mut text = String::from(HEAD);
    let mut section = "";
    for row in ROWS {
        if row.section != section {
            section = row.section;
            text.push_str(&format!("\n\n# {:-<98}\n", format!("{section} ")));
        }
        text.push('\n');
        for line in row.doc {
            text.push_str(&format!("#{line}\n"));
        }
        text.push_str(&format!("# {}\n", terms(row)));
        text.push_str(&lines(row, &config));
    }
    text
}

/// The lines of a file that give a setting the value it has.
pub(super) fn lines(row: &Row, config: &Config) -> String {
    (row.lines)(config).iter().map(|value| format!("{} {value}\n", row.name)).collect()
}

/// When it may change, and between which numbers.
fn terms(row: &Row) -> String {
    let when = match row.when {
        When::AtStart => "Read at start.",
        When::Live => "May change while running.",
        When::Protected => "May change while running, where enable-protected-configs permits.",
    };
    match row.range {
        None => when.to_owned(),
        // Such a bound is the type's, not a choice that anybody meets.
        Some((low, high)) if high >= i64::from(i32::MAX) => format!("At least {low}. {when}"),
        Some((low, high)) => format!("{low} to {high}. {when}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse::{Source, parse};

    #[test]
    fn the_file_in_the_repository_is_what_the_rows_print() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../redis.conf.example");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, example()).unwrap();
        }
        let file = std::fs::read_to_string(path).unwrap_or_default();
        assert!(file == example(), "redis.conf.example is stale: run this test with UPDATE=1");
    }

    #[test]
    fn the_example_means_the_defaults() {
        let source = Source { name: "example".into(), text: example() };
        let read = &mut |_: &str| Err("the example includes nothing".into());
        assert_eq!(parse(&[source], read), Ok((Config::default(), vec![])));
    }

    #[test]
    fn no_comment_is_too_long_to_read() {
        for line in example().lines().filter(|line| line.starts_with('#')) {
            assert!(line.chars().count() <= 104, "{line}");
        }
    }
}

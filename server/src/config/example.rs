//! `redis.conf.example`: the rows, printed as a manual.
//!
//! Owns: the shape of the file, the order of its sections.   Uses: rows.   Never: says what a row does not say.

use super::memory::with_unit;
use super::row::{Row, When};
use super::rows::{Config, ROWS};

const HEAD: &str = "\
# The settings of Lodestore, each with its default.
#
# Start the server with a file like this one:       lodestore-server /path/to/redis.conf
# or give settings on the command line:             lodestore-server --port 7777 --save ''
# or both, and the command line prevails:           lodestore-server redis.conf --loglevel verbose
# Find out whether a file is right:                 lodestore-server --check-config redis.conf
# and whether the machine is:                       lodestore-server --check-system redis.conf
# Look at settings of a running server:             redis-cli CONFIG GET 'max*'
# Change one that may change while it runs:         redis-cli CONFIG SET timeout 60
# and write what has changed into the file:         redis-cli CONFIG REWRITE
#
# Nothing in this file has to be set. A file of Redis or Valkey can be used as it is: what has no effect here
# is named in one warning, and what would deceive you if it were ignored, such as tls-port, is refused.
#
# How a line is read
#
#   A line is a name and its value; names may be written in any case. What begins with # is a comment. A later
#   line prevails over an earlier one of the same name, but lines of `save` add up.
#
#   A value with spaces stands in \"double quotes\", where \\n, \\t, \\x41, \\\" and \\\\ mean what they mean in C,
#   or in 'single quotes', where only \\' is special. \"\" is nothing.
#
#   Sizes may have a unit, in any case:     1k  => 1000 bytes             1kb => 1024 bytes
#                                           1m  => 1000000 bytes          1mb => 1024*1024 bytes
#                                           1g  => 1000000000 bytes       1gb => 1024*1024*1024 bytes
#
#   `include /etc/redis/site.conf` reads another file at that place, and `include /etc/redis/*.conf` all files
#   whose names match, in the order of their names. What stands below an include prevails over it: so include
#   defaults at the top, and what must not be overridden at the end.
#
";

/// The sections in the order in which somebody who sets a server up wants them, and what each is about.
const SECTIONS: &[(&str, &str)] = &[
    ("Network", "where the server can be reached, and how connections are kept"),
    ("Process", "how the server runs in the system"),
    ("Messages", "what it tells, where and in what form"),
    ("Security", "who may do what"),
    ("Memory", "how much data may take, and what goes when that is reached"),
    ("Clients", "how much each client, and all together, may take"),
    ("Snapshots", "where data is kept on the disk, and when it is written"),
    ("Data", "databases, events, expiry and how memory is laid out"),
    ("Encodings", "what OBJECT ENCODING calls a collection of which size"),
    ("Freeing", "what waits until memory is free again"),
    ("Watching", "which commands are kept, and how long they take"),
];

/// The text of the example file. Read back, it gives the defaults.
pub fn example() -> String {
    let config = Config::default();
    let mut text = String::from(HEAD);
    text.push_str("# Sections\n#\n");
    for (name, about) in SECTIONS {
        text.push_str(&format!("#   {name:<10} {about}\n"));
    }
    text.push_str("#\n# This file is generated from server/src/config/rows.rs.\n");
    for (name, about) in SECTIONS {
        text.push_str(&format!("\n\n# {:-<98}\n", format!("{name}: {about} ")));
        for row in ROWS.iter().filter(|row| row.section == *name) {
            text.push('\n');
            for line in row.doc {
                text.push_str(&format!("#{line}\n"));
            }
            text.push_str(&format!("# {}\n", terms(row)));
            text.push_str(&lines(row, &config));
        }
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
        Some((low, high)) if high >= i64::from(i32::MAX) => match u64::try_from(low) {
            Ok(0) | Err(_) => when.to_owned(),
            Ok(low) => format!("At least {}. {when}", with_unit(low)),
        },
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
    fn every_section_has_its_place() {
        for row in ROWS {
            let known = SECTIONS.iter().any(|(name, _)| *name == row.section);
            assert!(known, "{}: name its section in SECTIONS", row.section);
        }
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
            assert!(line.chars().count() <= 110, "{line}");
        }
    }
}

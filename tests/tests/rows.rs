//! Every command's row against what is known of Redis, and every command has a transcript.
//!
//! `tests/facts/commands.tsv`: name, family, arity, since and flags of Redis's commands.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use lodestore_server::command::index;
use lodestore_server::command::row::{Command, FLAG_WORDS, Run};
use lodestore_tests::source::{root, transcripts};
use std::collections::{BTreeMap, BTreeSet};

/// Differences that we chose: the name, what differs, and why.
const DIFFERENCES: &[(&str, &str, &str)] = &[];

/// What Redis says and no client reads: it concerns its own build, or modes that we do not have.
const IGNORED_FLAGS: &[&str] = &["sentinel", "only_sentinel", "protected", "no_mandatory_keys"];

struct Fact {
    arity: i32,
    since: String,
    flags: BTreeSet<String>,
}

/// The facts by name, in the form of rows: `client|id`.
fn facts() -> BTreeMap<String, Fact> {
    let text = std::fs::read_to_string(root().join("tests/facts/commands.tsv")).unwrap();
    let row = |line: &str| {
        let columns: Vec<&str> = line.split('\t').collect();
        let flags = columns.get(4).copied().unwrap_or_default().split(',');
        let flags = flags.filter(|flag| !flag.is_empty() && !IGNORED_FLAGS.contains(flag));
        let fact = Fact {
            arity: columns[2].parse().ok()?,
            since: columns[3].trim_start_matches("valkey:").to_string(),
            flags: flags.map(str::to_string).collect(),
        };
        Some((columns[0].to_lowercase().replace(' ', "|"), fact))
    };
    text.lines().skip(1).filter_map(row).collect()
}

fn rows() -> impl Iterator<Item = &'static Command> {
    index::all().flat_map(|row| std::iter::once(row).chain(row.subcommands.iter().copied()))
}

fn flags(row: &Command) -> BTreeSet<String> {
    let mut flags: BTreeSet<String> = FLAG_WORDS
        .iter()
        .filter(|(flag, word)| row.flags.has(*flag) && !word.is_empty())
        .map(|(_, word)| word.to_string())
        .collect();
    match row.run {
        Run::Write(_) => drop(flags.insert("write".into())),
        Run::Read(_) => drop(flags.insert("readonly".into())),
        Run::Unset | Run::Container | Run::Session(_) | Run::Server(_) => {}
    }
    flags
}

fn is_chosen(name: &str, what: &str) -> bool {
    DIFFERENCES.iter().any(|(row, differs, _)| *row == name && *differs == what)
}

#[test]
fn rows_agree_with_the_facts() {
    let facts = facts();
    let mut faults = Vec::new();
    for row in rows() {
        let Some(fact) = facts.get(row.name) else {
            if !is_chosen(row.name, "name") {
                faults.push(format!("{}: no such command in the facts", row.name));
            }
            continue;
        };
        let mut differ = |what: &str, ours: String, theirs: String| {
            if ours != theirs && !is_chosen(row.name, what) {
                faults.push(format!("{}: {what} {ours}, and {theirs} in the facts", row.name));
            }
        };
        differ("arity", row.arity().to_string(), fact.arity.to_string());
        differ("since", row.since.into(), fact.since.clone());
        differ("flags", format!("{:?}", flags(row)), format!("{:?}", fact.flags));
    }
    let advice = "correct the row, or add the difference and its reason to DIFFERENCES";
    assert!(faults.is_empty(), "{advice}:\n{}", faults.join("\n"));
}

#[test]
fn every_command_has_a_transcript() {
    let mut files = BTreeMap::new();
    for family in std::fs::read_dir(transcripts()).unwrap().flatten() {
        for file in std::fs::read_dir(family.path()).into_iter().flatten().flatten() {
            let name = file.file_name().to_string_lossy().replace(".txt", "");
            files.insert(name, std::fs::read_to_string(file.path()).unwrap().to_lowercase());
        }
    }
    let mut faults = Vec::new();
    for row in index::all() {
        let Some(text) = files.get(row.name) else {
            faults.push(format!("tests/transcripts/FAMILY/{}.txt is missing", row.name));
            continue;
        };
        for sub in row.subcommands {
            if !text.contains(&format!("> {} {}", row.name, sub.word())) {
                faults.push(format!("{}.txt shows no {} {}", row.name, row.name, sub.word()));
            }
        }
    }
    assert!(faults.is_empty(), "write a session for each:\n{}", faults.join("\n"));
}

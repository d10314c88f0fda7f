//! Every command's row against what is known of Redis, and every command has a transcript.
//!
//! `tests/facts/commands.tsv`: name, family, arity, since and flags of the commands of Redis and of Valkey's own (their
//! `since` begins with `valkey:`). `tests/facts/keys.tsv`: where their keys stand, as Redis 8.2 tells.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use lodestore_server::command::index;
use lodestore_server::command::row::{Begin, Command, FLAG_WORDS, Find, KeySpec, Run};
use lodestore_tests::source::{root, transcripts};
use std::collections::{BTreeMap, BTreeSet};

/// Differences that we chose: the name, what differs, and why.
const DIFFERENCES: &[(&str, &str, &str)] =
    &[("commandlog|get", "arity", "the facts follow the documentation; valkey-server 9.1 says 4")];

/// Commands of these families that are not there: the beginning of their names, and why.
const MISSING: &[(&str, &str)] = &[
    ("acl|delrole", "of an unreleased Valkey, and users come later"),
    ("acl|getrole", "of an unreleased Valkey, and users come later"),
    ("acl|roles", "of an unreleased Valkey, and users come later"),
    ("acl|setrole", "of an unreleased Valkey, and users come later"),
    ("backup", "of Redis 8.10; snapshots are SAVE and BGSAVE"),
    ("config|info", "of an unreleased Valkey"),
    ("hotkeys", "of Redis 8.6: not there yet"),
    ("migrate", "comes with the replication of data between servers"),
    ("sflush", "experimental in Redis and gone again"),
    ("spublish", "comes with the cluster"),
    ("ssubscribe", "comes with the cluster"),
    ("sunsubscribe", "comes with the cluster"),
    ("pubsub|shard", "comes with the cluster"),
    ("trimslots", "comes with the cluster"),
];

/// What Redis says and no client reads: it concerns its own build, or modes that we do not have.
const IGNORED_FLAGS: &[&str] = &["sentinel", "only_sentinel", "protected", "no_mandatory_keys"];

struct Fact {
    arity: i32,
    since: String,
    /// Redis 8.2 does not know it.
    newer: bool,
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
            newer: is_newer(columns[3]),
            flags: flags.map(str::to_string).collect(),
        };
        Some((columns[0].to_lowercase().replace(' ', "|"), fact))
    };
    text.lines().skip(1).filter_map(row).collect()
}

/// Whether a version of the facts comes after Redis 8.2.
fn is_newer(since: &str) -> bool {
    let mut numbers = since.split('.').map(|number| number.parse::<u32>().unwrap_or(u32::MAX));
    let version = (numbers.next(), numbers.next());
    version > (Some(8), Some(2))
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
fn no_command_is_missing_without_a_reason() {
    let ours: BTreeSet<&str> = rows().map(|row| row.name).collect();
    let reason = |name: &str| MISSING.iter().find(|(begins, _)| name.starts_with(begins));
    let facts = facts();
    let missing: Vec<_> = facts.keys().filter(|name| !ours.contains(name.as_str())).collect();
    let unsaid: Vec<_> = missing.iter().filter(|name| reason(name).is_none()).collect();
    assert!(unsaid.is_empty(), "write them, or add the reason to MISSING: {unsaid:?}");
    let used: BTreeSet<&str> = missing.iter().filter_map(|name| Some(reason(name)?.0)).collect();
    let stale: Vec<_> = MISSING.iter().filter(|(begins, _)| !used.contains(begins)).collect();
    assert!(stale.is_empty(), "these are there: take them out of MISSING: {stale:?}");
}

#[test]
fn keys_stand_where_the_facts_say() {
    let text = std::fs::read_to_string(root().join("tests/facts/keys.tsv")).unwrap();
    let known: BTreeMap<String, &str> = text
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once('\t'))
        .map(|(name, keys)| (name.to_lowercase().replace(' ', "|"), keys))
        .collect();
    let facts = facts();
    let mut faults = Vec::new();
    for row in rows() {
        // What Redis 8.2 does not know yet is compared by its transcript only.
        let newer = facts.get(row.name).is_none_or(|fact| fact.newer);
        let ours = row.keys.iter().map(specification).collect::<Vec<_>>().join("; ");
        let theirs = known.get(row.name).copied().unwrap_or_default();
        if ours != theirs && !newer && !is_chosen(row.name, "keys") {
            faults.push(format!("{}: keys {ours:?}, and {theirs:?} in the facts", row.name));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// A key specification in the words of the facts.
fn specification(spec: &KeySpec) -> String {
    let begin = match spec.begin {
        Begin::At(at) => format!("index {at}"),
        Begin::Behind { word, from } => format!("keyword {word} {from}"),
        Begin::Hidden { .. } | Begin::Unknown => "unknown".into(),
    };
    let find = match spec.find {
        Find::Range { last, step, limit } => format!("range {last} {step} {limit}"),
        Find::Numbered { number, first, step } => format!("keynum {number} {first} {step}"),
        Find::Unknown => "unknown".into(),
    };
    let mut access = spec.access.to_vec();
    access.sort_unstable();
    format!("{begin}, {find}: {}", access.join(" "))
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

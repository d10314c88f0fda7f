//! Judges a snapshot, and saves what is sound of a damaged one.
//!
//! Owns: the report.   Uses: load, save.   Never: changes the file it reads, decides to serve it.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::io::Read;

use super::fault::{LoadError, show};
use super::format::Version;
use super::load::{Checksum, Insert, Loader, Options, Record, Target, read_all};
use super::save::{self, Scratch, Sink, SinkError, Writer};
use crate::base::random::KeyHasher;

/// Facts about the writer that a report keeps at most.
const FACTS_MAX: usize = 64;

/// What a file is worth.
#[derive(Clone, Debug)]
pub struct Report {
    /// The length of the file, as it was given.
    pub total: u64,
    /// Its version; `None` if the magic could not be read.
    pub version: Option<Version>,
    /// What the writer said of itself (the first 64 facts).
    pub facts: Vec<(String, String)>,
    /// What was found by database number, up to the fault.
    pub databases: BTreeMap<u64, Counts>,
    /// Keys by the type of their value, up to the fault.
    pub types: BTreeMap<&'static str, u64>,
    /// What vouches for the bytes, or the first fault.
    pub verdict: Result<Checksum, LoadError>,
}

/// The keys of one database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All of them.
    pub keys: u64,
    /// Those with a time to live.
    pub volatile: u64,
    /// Those whose time is over.
    pub expired: u64,
}

impl Report {
    /// Whether the server would load the file.
    pub fn is_sound(&self) -> bool {
        self.verdict.is_ok()
    }

    /// Keys that could be read.
    pub fn keys(&self) -> u64 {
        self.databases.values().map(|counts| counts.keys).sum()
    }
}

/// Judges a file of `total` bytes at the time `now_ms` (unix milliseconds). O(file); remembers 16 bytes a
/// key, to find keys that appear twice.
pub fn check(reader: &mut impl Read, total: u64, now_ms: i64) -> Report {
    survey(reader, total, Survey::new(now_ms, |_| Ok(())))
}

/// What [`salvage`] did.
#[derive(Clone, Debug)]
pub struct Salvage {
    /// What was found.
    pub report: Report,
    /// What was written.
    pub written: save::Totals,
}

/// Writes the sound part of a damaged file as a new whole one: every key before the first fault, expired
/// ones included. If only the checksum is wrong all keys are written, and any of them may be the damaged one.
///
/// The new file is of the default version, compressed. Fails only if `sink` does.
pub fn salvage(
    reader: &mut impl Read,
    total: u64,
    now_ms: i64,
    sink: &mut impl Sink,
) -> Result<Salvage, SinkError> {
    let mut scratch = Scratch::new();
    let options = save::Options { now_ms, ..save::Options::default() };
    let mut writer = Writer::new(sink, &mut scratch, options);
    writer.header()?;
    let mut failed = None;
    let keep = |found: Found<'_, '_>| {
        let written = match found {
            Found::Database { number, keys, volatile } => writer.select_db(number, keys, volatile),
            Found::Key(record) => {
                writer.entry(record.key, record.value.as_ref(), record.deadline, record.access)
            }
        };
        written.map_err(|error| {
            failed = Some(error);
            "the copy cannot be written".to_owned()
        })
    };
    let report = survey(reader, total, Survey::new(now_ms, keep));
    match failed {
        Some(error) => Err(error),
        None => Ok(Salvage { report, written: writer.finish()? }),
    }
}

fn survey<K>(reader: &mut impl Read, total: u64, mut survey: Survey<K>) -> Report
where
    K: FnMut(Found<'_, '_>) -> Result<(), String>,
{
    let mut loader = Loader::new(Options { longest_text: u64::MAX, ..Options::file(total) });
    let verdict = read_all(reader, &mut loader, &mut survey).and_then(|()| loader.end());
    Report {
        total,
        version: loader.version(),
        facts: survey.facts,
        databases: survey.databases,
        types: survey.types,
        verdict: verdict.map(|totals| totals.checksum),
    }
}

/// What a survey comes across and somebody may want to keep.
enum Found<'r, 'a> {
    Database { number: u64, keys: u64, volatile: u64 },
    Key(&'r Record<'a>),
}

/// Counts what a file holds.
struct Survey<K> {
    now_ms: i64,
    facts: Vec<(String, String)>,
    databases: BTreeMap<u64, Counts>,
    types: BTreeMap<&'static str, u64>,
    /// Fingerprints of the keys seen, by 128 bits: two different keys with one are not to be expected.
    seen: HashSet<(u64, u64, u64)>,
    hashers: [KeyHasher; 2],
    /// The database of the entries that follow, until the first of them comes; with the file's hint of its sizes.
    selected: Option<(u64, u64, u64)>,
    keep: K,
}

impl<K: FnMut(Found<'_, '_>) -> Result<(), String>> Survey<K> {
    fn new(now_ms: i64, keep: K) -> Survey<K> {
        Survey {
            now_ms,
            facts: Vec::new(),
            databases: BTreeMap::new(),
            types: BTreeMap::new(),
            seen: HashSet::new(),
            hashers: [KeyHasher::new(1), KeyHasher::new(2)],
            selected: Some((0, 0, 0)),
            keep,
        }
    }
}

impl<K: FnMut(Found<'_, '_>) -> Result<(), String>> Target for Survey<K> {
    fn aux(&mut self, name: &[u8], fact: &[u8]) {
        if self.facts.len() < FACTS_MAX {
            self.facts.push((show(name), show(fact)));
        }
    }

    fn select_db(&mut self, number: u64) -> Result<(), String> {
        self.selected = Some((number, 0, 0));
        Ok(())
    }

    fn resize(&mut self, keys: u64, volatile: u64) {
        if let Some(selected) = &mut self.selected {
            *selected = (selected.0, keys, volatile);
        }
    }

    fn entry(&mut self, record: Record<'_>) -> Result<Insert, String> {
        let [first, second] = &self.hashers;
        if !self.seen.insert((record.db, first.hash(record.key), second.hash(record.key))) {
            return Ok(Insert::Duplicate);
        }
        if let Some((number, keys, volatile)) = self.selected.take() {
            (self.keep)(Found::Database { number, keys, volatile })?;
        }
        (self.keep)(Found::Key(&record))?;
        let counts = self.databases.entry(record.db).or_default();
        counts.keys += 1;
        if let Some(deadline) = record.deadline {
            counts.volatile += 1;
            counts.expired += u64::from(deadline <= self.now_ms);
        }
        *self.types.entry(record.value.as_ref().kind().name()).or_default() += 1;
        Ok(Insert::Kept)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.version {
            Some(version) => writeln!(f, "format    {version}, {} bytes", self.total)?,
            None => writeln!(f, "format    unknown, {} bytes", self.total)?,
        }
        for (name, fact) in &self.facts {
            writeln!(f, "writer    {name} = {fact}")?;
        }
        for (number, Counts { keys, volatile, expired }) in &self.databases {
            writeln!(
                f,
                "db {number:<6} {keys} keys, {volatile} with a time to live, {expired} of them expired"
            )?;
        }
        for (name, keys) in &self.types {
            writeln!(f, "type      {name}: {keys}")?;
        }
        match &self.verdict {
            Ok(Checksum::Good(crc)) => write!(f, "sound     the checksum {crc:016x} holds"),
            Ok(Checksum::Disabled) => write!(f, "readable  it was written without a checksum"),
            Ok(Checksum::Absent) => write!(f, "readable  this version has no checksum"),
            Err(error) => {
                writeln!(f, "FAULT     {error}")?;
                write!(f, "          {} keys before it can be read", self.keys())
            }
        }
    }
}

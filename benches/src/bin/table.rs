//! table: nanoseconds of a look-up, an insert and a step of SCAN, and bytes per key, without a socket.
//!
//! Owns: the stores that are compared.   Uses: lodestore_server::keyspace, the standard library's hash map.
//! Never: the engine.
//!
//! Every measurement is a process of its own (this program, started again with `--only`): a used heap would
//! flatter whoever comes second. All stores hash with ahash and allocate with
//! the allocator that the server's library installs.

use lodestore_benches::columns::{Columns, Comparison};
use lodestore_benches::flags::Flags;
use lodestore_benches::json::Json;
use lodestore_benches::stats::in_turns;
use lodestore_benches::stopwatch::Stopwatch;
use lodestore_benches::{Outcome, cpu, requests, run};
use lodestore_server::base::random::{KeyHasher, Rng};
use lodestore_server::keyspace::{Db, Key, Keyspace};
use lodestore_server::value::{Put, PutText, TextRef, ValueRef};
use std::collections::HashMap;
use std::hint::black_box;
use std::process::{Command, ExitCode};
use std::time::Duration;

const USAGE: &str = "\
usage: table [options]
  --keys LIST           numbers of keys (1000000,5000000)
  --size N              bytes of each value (64)
  --rounds N            rounds, of which the median counts (3)
  --json FILE           write the numbers
  --only WAY            measure one way once and print bare numbers";

const WAYS: [&str; 2] = ["lodestore", "hash map"];
const NAMES: [&str; 8] = [
    "insert ns",
    "worst 64 us",
    "hit ns",
    "hit of 16 ns",
    "miss ns",
    "overwrite ns",
    "scan ns",
    "B/key",
];
/// How many random keys are looked up.
const PROBES: usize = 1 << 20;
/// Keys whose memory is fetched ahead together, as the engine does.
const WINDOW: usize = 16;
/// The longest so many inserts took is reported: growth must not stop the server.
const STRIDE: u64 = 64;

/// What is measured of a store.
trait Store {
    /// Inserts or replaces.
    fn put(&mut self, key: &[u8], value: &[u8]);
    /// The length of a value.
    fn find(&self, key: &[u8]) -> Option<usize>;
    /// The sum of the lengths of these keys' values, found together.
    fn find_together(&self, keys: &[[u8; 16]]) -> usize {
        keys.iter().filter_map(|key| self.find(key)).sum()
    }
    /// Visits every key; how many there were.
    fn scan(&self) -> usize;
}

fn main() -> ExitCode {
    run(|| {
        let flags = Flags::from_process(USAGE)?;
        let keys = flags.text("--keys").unwrap_or("1000000,5000000");
        let size: usize = flags.number("--size", 64)?;
        if let Some(way) = flags.text("--only") {
            let numbers = measure(way, keys.parse()?, &requests::value(size))?;
            println!("{}", numbers.map(|number| number.to_string()).join(" "));
            return Ok(());
        }
        let mut tables = Vec::new();
        for keys in keys.split(',') {
            let rounds = flags.number("--rounds", 3)?;
            let measured =
                in_turns(WAYS.len(), rounds, |at, _| measure_apart(WAYS[at], keys, size))?;
            let rows = WAYS.iter().map(|way| (*way).to_owned()).zip(measured).collect();
            let table = Comparison::of_rounds(&format!("{keys} keys"), WAYS[1], rows);
            println!("{}", table.text());
            tables.push(table);
        }
        Json::keep(&flags, || Json::List(tables.iter().map(Comparison::json).collect()))
    })
}

/// Measures in a new process.
fn measure_apart(way: &str, keys: &str, size: usize) -> Outcome<Columns> {
    let mut command = Command::new(std::env::current_exe()?);
    let output =
        command.args(["--only", way, "--keys", keys, "--size", &size.to_string()]).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let numbers = String::from_utf8(output.stdout)?;
    let numbers = numbers.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>()?;
    Ok(NAMES.into_iter().zip(numbers).collect())
}

/// The numbers that `NAMES` names.
fn measure(way: &str, keys: u64, value: &[u8]) -> Outcome<[f64; NAMES.len()]> {
    let before = cpu::resident(std::process::id())?;
    let mut store: Box<dyn Store> = match way {
        "lodestore" => Box::new(Ours::new()),
        "hash map" => Box::new(Plain::new()),
        _ => return Err(format!("{way}: not one of {WAYS:?}").into()),
    };
    let (insert, worst) = fill(store.as_mut(), keys, value);
    let grown = cpu::resident(std::process::id())?.saturating_sub(before);
    let mut rng = Rng::new(1);
    let present: Vec<[u8; 16]> = (0..PROBES).map(|_| requests::key(rng.below(keys))).collect();
    let absent: Vec<[u8; 16]> =
        (0..PROBES).map(|_| requests::key(keys + rng.below(keys))).collect();
    let hit = each_ns(PROBES, || present.iter().filter_map(|key| store.find(key)).sum());
    let together =
        each_ns(PROBES, || present.chunks(WINDOW).map(|keys| store.find_together(keys)).sum());
    let miss = each_ns(PROBES, || absent.iter().filter_map(|key| store.find(key)).sum());
    let overwrite = each_ns(PROBES, || {
        present.iter().for_each(|key| store.put(key, value));
        0
    });
    let scan = each_ns(keys as usize, || store.scan());
    if store.scan() as u64 != keys {
        return Err(format!("{way} lost keys").into());
    }
    Ok([insert, worst, hit, together, miss, overwrite, scan, grown as f64 / keys as f64])
}

/// Nanoseconds of one insert, and microseconds of the slowest `STRIDE` of them.
fn fill(store: &mut dyn Store, keys: u64, value: &[u8]) -> (f64, f64) {
    let begun = Stopwatch::start();
    let (mut last, mut worst) = (Duration::ZERO, Duration::ZERO);
    for first in (0..keys).step_by(STRIDE as usize) {
        for key in first..keys.min(first + STRIDE) {
            store.put(&requests::key(key), value);
        }
        let now = begun.elapsed();
        worst = worst.max(now - last);
        last = now;
    }
    (last.as_nanos() as f64 / keys as f64, worst.as_secs_f64() * 1e6)
}

fn each_ns(count: usize, work: impl FnOnce() -> usize) -> f64 {
    let begun = Stopwatch::start();
    black_box(work());
    begun.elapsed().as_nanos() as f64 / count as f64
}

/// The server's keyspace.
struct Ours {
    keyspace: Keyspace,
}

impl Ours {
    fn new() -> Ours {
        Ours { keyspace: Keyspace::new(1, KeyHasher::new(1)) }
    }

    fn db(&self) -> &Db {
        self.keyspace.db(0)
    }
}

impl Store for Ours {
    fn put(&mut self, key: &[u8], value: &[u8]) {
        let hash = self.keyspace.hasher().hash(key);
        let key = Key { bytes: key, hash };
        self.keyspace.db_mut(0).slot(key).put(Put::Text(PutText::Bytes(value)));
    }

    fn find(&self, key: &[u8]) -> Option<usize> {
        self.db().find(self.keyspace.key(key)).map(|entry| len(entry.value()))
    }

    fn find_together(&self, keys: &[[u8; 16]]) -> usize {
        let mut hashes = [0; WINDOW];
        for (hash, key) in hashes.iter_mut().zip(keys) {
            *hash = self.keyspace.hasher().hash(key);
            self.db().prefetch_bucket(*hash);
        }
        hashes[..keys.len()].iter().for_each(|hash| self.db().prefetch_entry(*hash));
        let find = |(key, hash): (&[u8; 16], &u64)| {
            let key = Key { bytes: key, hash: *hash };
            self.db().find(key).map(|entry| len(entry.value()))
        };
        keys.iter().zip(&hashes).filter_map(find).sum()
    }

    fn scan(&self) -> usize {
        let (mut cursor, mut keys) = (0, 0);
        loop {
            cursor =
                self.db().scan(cursor, &mut |entry| keys += usize::from(!entry.key().is_empty()));
            if cursor == 0 {
                return keys;
            }
        }
    }
}

/// The length of a value, which is read from the entry.
fn len(value: ValueRef<'_>) -> usize {
    let ValueRef::Text(TextRef::Bytes(bytes)) = value else { return 0 };
    bytes.len() + usize::from(black_box(bytes[0]) == 0)
}

/// The hash map of the standard library, which is hashbrown, with a key and a value of their own.
struct Plain {
    map: HashMap<Box<[u8]>, Box<[u8]>, ahash::RandomState>,
}

impl Plain {
    fn new() -> Plain {
        Plain { map: HashMap::with_hasher(ahash::RandomState::with_seed(1)) }
    }
}

impl Store for Plain {
    fn put(&mut self, key: &[u8], value: &[u8]) {
        match self.map.get_mut(key) {
            Some(old) => *old = value.into(),
            None => {
                self.map.insert(key.into(), value.into());
            }
        }
    }

    fn find(&self, key: &[u8]) -> Option<usize> {
        // The first byte is read, as a reply would.
        self.map.get(key).map(|value| value.len() + usize::from(black_box(value[0]) == 0))
    }

    fn scan(&self) -> usize {
        self.map.keys().filter(|key| !key.is_empty()).count()
    }
}

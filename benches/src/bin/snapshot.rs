//! snapshot: what a data set costs to hold, to save and to load again, side by side.
//!
//! Owns: the order of the measurements.   Uses: the library.   Never: two servers at a time; memory would be short.
//!
//! What was copied is asked of the kernel, for every server's child in the same way. Each server saves three times: idle, under a load of SETs, and idle again, because whatever the second
//! save broke up in memory, the third one pays for.

use lodestore_benches::client::Client;
use lodestore_benches::columns::{BEST_OTHER, Columns};
use lodestore_benches::flags::Flags;
use lodestore_benches::histogram::Histogram;
use lodestore_benches::load::Load;
use lodestore_benches::peer::{self, Server, Spec};
use lodestore_benches::question::Question;
use lodestore_benches::requests::{Op, Requests, Space};
use lodestore_benches::{Outcome, cpu, guard, run};
use lodestore_server::base::random::Rng;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

const USAGE: &str = "\
usage: snapshot [--peer NAME=COMMAND]... [--peers] [options]
  --keys N              keys in each server (5000000)
  --size N              bytes of each value (64)
  --connections N       of the load during the second save, one request each under way (20)
  --rounds N            rounds, of which the median counts (3)
  --random              random values, which do not compress (the alphabet, which does)
  --reference NAME      whose numbers the ratios are to (of every number the least of any but the first)
  --markdown            print the table for a text as well
  --json FILE           write the numbers";

const SAVE_POLL: Duration = Duration::from_millis(10);
const SAVE_LIMIT: Duration = Duration::from_secs(600);
/// How often the child is looked at: reading what was copied takes the kernel some milliseconds.
const COPIED_POLL: Duration = Duration::from_millis(40);
/// Between two saves: an operator's lie minutes apart.
const REST: Duration = Duration::from_secs(2);
/// The load runs this long before the save begins.
const WARM_UP: Duration = Duration::from_secs(1);

/// Where the load during a save stands.
const WARMING: u8 = 0;
const SAVING: u8 = 1;
const SAVED: u8 = 2;

/// What one save took.
struct Save {
    fork_ms: f64,
    seconds: f64,
}

/// What to measure.
#[derive(Clone, Copy)]
struct Plan {
    space: Space,
    random: bool,
    connections: usize,
}

fn main() -> ExitCode {
    run(|| {
        let flags = Flags::from_process(&format!("{USAGE}\n{}", peer::USAGE))?;
        let space = Space {
            keys: flags.number("--keys", 5_000_000)?,
            size: flags.number("--size", 64)?,
            distinct: 262_144,
        };
        let connections = flags.number("--connections", 20)?;
        let plan = Plan { space, random: flags.has("--random"), connections };
        let question = Question { what: "snapshot", rounds: 3, reference: BEST_OTHER };
        question.put(&flags, |spec| measure(spec, plan))
    })
}

/// One server, one round, in a folder of its own.
fn measure(spec: &Spec, plan: Plan) -> Outcome<Columns> {
    let folder = guard::folder()?;
    let server = spec.start(&folder)?;
    let mut columns = fill_and_save(&server, plan)?;
    let keys = server.client()?.ask(&["DBSIZE"])?;
    columns.push(("rdb MB", snapshot_bytes(&folder)? as f64 / 1e6));
    drop(server);
    let server = spec.start(&folder)?;
    let restored = server.client()?.ask(&["DBSIZE"])?;
    if restored != keys {
        return Err(format!("had {keys} keys before the restart and {restored} after it").into());
    }
    columns.push(("restart s", server.ready_after.as_secs_f64()));
    drop(server);
    guard::remove_folder(&folder);
    Ok(columns)
}

fn fill_and_save(server: &Server, plan: Plan) -> Outcome<Columns> {
    let Plan { space, random, .. } = plan;
    let mut client = server.client()?;
    let empty = cpu::resident(server.pid)?;
    if random {
        let mut rng = Rng::new(1);
        client.fill_with(0..space.keys, |_, value| noise(&mut rng, space.size, value))?;
    } else {
        client.fill(0..space.keys, space.size)?;
    }
    let grown = cpu::resident(server.pid)?.saturating_sub(empty);
    let idle = save(&mut client)?;
    let (loaded, round_trips, copied) = save_under_load(server, &mut client, plan)?;
    std::thread::sleep(REST);
    let again = save(&mut client)?;
    Ok(vec![
        ("B/key", grown as f64 / space.keys as f64),
        ("fork ms", idle.fork_ms),
        ("save s", idle.seconds),
        ("loaded fork ms", loaded.fork_ms),
        ("loaded save s", loaded.seconds),
        ("copied MB", copied as f64 / 1e6),
        ("SET p99 us", round_trips.percentile_us(0.99)),
        ("SET max us", round_trips.max_us()),
        ("again fork ms", again.fork_ms),
        ("again save s", again.seconds),
    ])
}

/// Saves in the background and waits for the end.
fn save(client: &mut Client) -> Outcome<Save> {
    let begun = Instant::now();
    let reply = client.ask(&["BGSAVE"])?;
    if !reply.starts_with('+') {
        return Err(format!("BGSAVE was answered with {reply}").into());
    }
    while begun.elapsed() < SAVE_LIMIT {
        let info = client.info()?;
        let number = |name: &str| info.get(name).and_then(|text| text.parse::<f64>().ok());
        if number("rdb_bgsave_in_progress") == Some(0.0) {
            let seconds = begun.elapsed().as_secs_f64();
            if info.get("rdb_last_bgsave_status").is_none_or(|status| status != "ok") {
                return Err("the save failed".into());
            }
            let fork_ms = number("latest_fork_usec").unwrap_or(f64::NAN) / 1e3;
            return Ok(Save { fork_ms, seconds });
        }
        std::thread::sleep(SAVE_POLL);
    }
    Err("the save does not end".into())
}

/// Random bytes.
fn noise(rng: &mut Rng, size: usize, value: &mut Vec<u8>) {
    value.clear();
    while value.len() < size {
        value.extend_from_slice(&rng.next_u64().to_le_bytes());
    }
    value.truncate(size);
}

/// The most that was ever copied for a server's child until the phase is over, in bytes.
fn most_copied(server: u32, phase: &AtomicU8) -> u64 {
    let mut most = 0;
    while phase.load(Ordering::Relaxed) != SAVED {
        let children = cpu::children(server).unwrap_or_default();
        most = children.into_iter().filter_map(cpu::private_dirty).fold(most, u64::max);
        std::thread::sleep(COPIED_POLL);
    }
    most
}

/// Saves while a thread sends SETs. Returns the save, the round trips of the SETs during it, and the bytes copied.
fn save_under_load(
    server: &Server,
    client: &mut Client,
    plan: Plan,
) -> Outcome<(Save, Histogram, u64)> {
    let Plan { space, connections, .. } = plan;
    let mut load = Load::connect(server.address, connections, Requests::new(Op::Set, space, 1, 1))?;
    let phase = AtomicU8::new(WARMING);
    std::thread::scope(|scope| {
        let loading = scope.spawn(|| -> Outcome<Histogram> {
            load.run(|_, _| phase.load(Ordering::Relaxed) != WARMING)?;
            load.reset();
            load.run(|_, _| phase.load(Ordering::Relaxed) == SAVED)?;
            Ok(load.round_trips().clone())
        });
        std::thread::sleep(WARM_UP);
        phase.store(SAVING, Ordering::Relaxed);
        let watching = scope.spawn(|| most_copied(server.pid, &phase));
        let saved = save(client);
        phase.store(SAVED, Ordering::Relaxed);
        let round_trips = loading.join().map_err(|_| "the load generator failed")?;
        let copied = watching.join().map_err(|_| "the watch over the child failed")?;
        Ok((saved?, round_trips?, copied))
    })
}

/// The size of the one snapshot in a folder.
fn snapshot_bytes(folder: &Path) -> Outcome<u64> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.path().extension().is_some_and(|extension| extension == "rdb") {
            return Ok(entry.metadata()?.len());
        }
    }
    Err("the server left no snapshot in its folder".into())
}

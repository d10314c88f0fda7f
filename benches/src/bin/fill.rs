//! fill: how long a modest client waits while a data set grows from nothing to many keys.
//!
//! Owns: the pace of the filling and the probe beside it.   Uses: the library.   Never: two servers at a time.
//!
//! Growing is where a table has its cliffs: whatever moves at once, a client sees as a wait. The probe asks at
//! a fixed rate and counts a wait from the moment it was due, so that one long stall counts for all the questions that
//! it held up. `turn us` is what the server itself says of its longest turn, in processor time: only lodestore-server does.

use lodestore_benches::client::Client;
use lodestore_benches::columns::Columns;
use lodestore_benches::flags::Flags;
use lodestore_benches::histogram::Histogram;
use lodestore_benches::peer::{self, Server};
use lodestore_benches::question::Question;
use lodestore_benches::{Outcome, cpu, run};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const USAGE: &str = "\
usage: fill [--peer NAME=COMMAND]... [--peers] [options]
  --keys N              keys in the end (20000000)
  --size N              bytes of each value (64)
  --rate N              keys per second; 0: as many as the server takes (200000)
  --probes N            questions of the probe per second (2000)
  --rounds N            rounds, of which the median counts (1)
  --reference NAME      whose numbers the ratios are to (redis-8.2)
  --json FILE           write the numbers";

/// With a rate, this much of the filling is sent at once.
const STEP: Duration = Duration::from_millis(2);

/// What is asked of each server.
#[derive(Clone, Copy)]
struct Task {
    keys: u64,
    size: usize,
    rate: u64,
    probes: u32,
}

fn main() -> ExitCode {
    run(|| {
        let flags = Flags::from_process(&format!("{USAGE}\n{}", peer::USAGE))?;
        let task = Task {
            keys: flags.number("--keys", 20_000_000)?,
            size: flags.number("--size", 64)?,
            rate: flags.number("--rate", 200_000)?,
            probes: flags.number("--probes", 2_000)?,
        };
        let question = Question { what: "fill", rounds: 1, reference: "redis-8.2" };
        question.put(&flags, |spec| spec.alone(|server| measure(server, task)))
    })
}

/// One server, one round.
fn measure(server: &Server, task: Task) -> Outcome<Columns> {
    let empty = cpu::resident(server.pid)?;
    let (waits, filled) = fill_and_probe(server, task)?;
    let grown = cpu::resident(server.pid)?.saturating_sub(empty);
    let mut client = server.client()?;
    let keys = client.ask(&["DBSIZE"])?;
    if keys != format!(":{}", task.keys) {
        return Err(format!("{} keys were set and DBSIZE says {keys}", task.keys).into());
    }
    let info = client.info()?;
    print_slices(&server.name, &info);
    let turn = info.get("engine_longest_turn_cpu_usec").and_then(|text| text.parse().ok());
    Ok(vec![
        ("p50 us", waits.percentile_us(0.5)),
        ("p99 us", waits.percentile_us(0.99)),
        ("p99.9 us", waits.percentile_us(0.999)),
        ("p99.99 us", waits.percentile_us(0.9999)),
        ("max us", waits.max_us()),
        ("probes", waits.count() as f64),
        ("keys/s", task.keys as f64 / filled.as_secs_f64()),
        ("B/key", grown as f64 / task.keys as f64),
        ("turn us", turn.unwrap_or(0.0)),
    ])
}

/// What a server says of its periodic work: the longest slice of each kind.
fn print_slices(name: &str, info: &HashMap<String, String>) {
    let mut slices: Vec<String> = info
        .iter()
        .filter_map(|(field, us)| {
            let duty = field.strip_prefix("engine_longest_")?.strip_suffix("_usec")?;
            (!duty.starts_with("turn")).then(|| format!("{duty} {us}"))
        })
        .collect();
    if !slices.is_empty() {
        slices.sort_unstable();
        println!("{name}: longest slices, us: {}", slices.join(", "));
    }
}

/// Fills the server while a thread probes it. Returns the probe's waits, and how long the filling took.
fn fill_and_probe(server: &Server, task: Task) -> Outcome<(Histogram, Duration)> {
    let filling = AtomicBool::new(true);
    std::thread::scope(|scope| {
        let probe = scope.spawn(|| probe(server.address, task.probes, &filling));
        let begun = Instant::now();
        let filled = fill(&mut server.client()?, task);
        let took = begun.elapsed();
        filling.store(false, Ordering::Relaxed);
        let waits = probe.join().map_err(|_| "the probe panicked")??;
        filled?;
        Ok((waits, took))
    })
}

/// Sets all keys, no faster than the rate.
fn fill(client: &mut Client, task: Task) -> Outcome<()> {
    if task.rate == 0 {
        return client.fill(0..task.keys, task.size);
    }
    let begun = Instant::now();
    let mut next = 0;
    while next < task.keys {
        let due = begun.elapsed() + STEP;
        let end = task.keys.min((due.as_secs_f64() * task.rate as f64) as u64);
        client.fill(next..end.max(next), task.size)?;
        next = end.max(next);
        std::thread::sleep(due.saturating_sub(begun.elapsed()));
    }
    Ok(())
}

/// Asks at a fixed rate until the filling ends. How long each reply took from when its question was due.
fn probe(address: SocketAddr, rate: u32, filling: &AtomicBool) -> Outcome<Histogram> {
    let mut client = Client::connect(address)?;
    let mut waits = Histogram::new();
    let gap = Duration::from_secs(1) / rate.max(1);
    let mut due = Instant::now();
    while filling.load(Ordering::Relaxed) {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        // What the clock of this machine adds by waking late is no wait for a reply.
        let asked = Instant::now();
        let from = if asked < due + gap { asked } else { due };
        let reply = client.ask(&["PING"])?;
        waits.record(from.elapsed());
        if reply != "+PONG" {
            return Err(format!("PING was answered with {reply:?}").into());
        }
        due += gap;
    }
    Ok(waits)
}

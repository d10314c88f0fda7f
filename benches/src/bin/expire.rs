//! expire: what happens when very many keys expire at once, side by side.
//!
//! Owns: the order of the measurements.   Uses: the library.   Never: reads an expired key, which would remove it.
//!
//! ```text
//!   fill, each key with a deadline in [T, T + within)     probe from T on, until the memory is back
//!   ------------------------------------------------- T ========= T + within ----> `back s`
//! ```

use lodestore_benches::columns::Columns;
use lodestore_benches::flags::Flags;
use lodestore_benches::peer::{self, Server};
use lodestore_benches::probe::{self, Probe};
use lodestore_benches::question::Question;
use lodestore_benches::{Outcome, cpu, requests, run};
use lodestore_server::base::random::Rng;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

const USAGE: &str = "\
usage: expire [--peer NAME=COMMAND]... [--peers] [options]
  --keys N              keys that expire (1000000)
  --size N              bytes of each value (64)
  --within-ms N         all deadlines lie in a span this long (1000)
  --lead-s N            from the start of the fill to the first deadline (20)
  --rate N              probes per second (500)
  --others N            keys without a deadline beside them (0)
  --rounds N            rounds, of which the median counts (3)
  --reference NAME      whose numbers the ratios are to (redis-8.2)
  --json FILE           write the numbers";

/// How often it is asked whether the memory is back.
const POLL: Duration = Duration::from_millis(20);
/// A server that has not removed them by then will not.
const LIMIT: Duration = Duration::from_secs(60);

/// The probe goes on at least this long after the last deadline.
const AFTER: Duration = Duration::from_secs(2);

/// What is to expire, and when.
#[derive(Clone, Copy)]
struct Plan {
    keys: u64,
    size: usize,
    within: Duration,
    lead: Duration,
    rate: u32,
    others: u64,
}

fn main() -> ExitCode {
    run(|| {
        let flags = Flags::from_process(&format!("{USAGE}\n{}", peer::USAGE))?;
        let plan = Plan {
            keys: flags.number("--keys", 1_000_000)?,
            size: flags.number("--size", 64)?,
            within: Duration::from_millis(flags.number("--within-ms", 1000)?),
            lead: Duration::from_secs(flags.number("--lead-s", 20)?),
            rate: flags.number("--rate", 500)?,
            others: flags.number("--others", 0)?,
        };
        let question = Question { what: "expire", rounds: 3, reference: "redis-8.2" };
        question.put(&flags, |spec| spec.alone(|server| expire(server, plan)))
    })
}

fn expire(server: &Server, plan: Plan) -> Outcome<Columns> {
    let mut client = server.client()?;
    let value = requests::value(plan.size);
    client.pour(plan.keys..plan.keys + plan.others, b"+OK\r\n", |key, out| {
        requests::push_command(out, [b"SET", &requests::key(key)[..], &value]);
    })?;
    let before = client.figure("memory", "used_memory")?;
    let (begun, first) = (Instant::now() + plan.lead, unix_ms(plan.lead)?);
    let span = u64::try_from(plan.within.as_millis())?.max(1);
    let mut rng = Rng::new(1);
    client.pour(0..plan.keys, b"+OK\r\n", |key, out| {
        let deadline = (first + rng.below(span)).to_string();
        let words = [b"SET", &requests::key(key)[..], &value, b"PXAT", deadline.as_bytes()];
        requests::push_command(out, words);
    })?;
    let full = client.figure("memory", "used_memory")?;
    if Instant::now() >= begun {
        return Err("the fill took longer than --lead-s".into());
    }
    std::thread::sleep(begun - Instant::now());
    let usage = cpu::Usage::of(server.pid)?;
    let probe = Probe::start(server.address, plan.rate)?;
    let enough = before + full.saturating_sub(before) / 20;
    let last = begun + plan.within;
    let mut back = None;
    while back.is_none() && last.elapsed() < LIMIT {
        std::thread::sleep(POLL);
        let used = client.figure("memory", "used_memory")?;
        if used <= enough && Instant::now() >= last {
            back = Some(last.elapsed());
        }
    }
    // As many probes for a fast server as make a percentile.
    std::thread::sleep((last + AFTER).saturating_duration_since(Instant::now()));
    let waits = probe.stop()?;
    let spent = cpu::Usage::of(server.pid)?.since(&usage, server.pid);
    let left = client.figure("stats", "expired_keys")?;
    if back.is_some() && left != plan.keys {
        eprintln!("{}: {left} of {} keys expired", server.name, plan.keys);
    }
    let mut columns = vec![
        ("used MB", full.saturating_sub(before) as f64 / 1e6),
        ("back s", back.unwrap_or(LIMIT).as_secs_f64()),
        ("core cpu s", spent.core),
    ];
    columns.extend(probe::columns(&waits));
    Ok(columns)
}

/// The wall clock's time `after` from now, in milliseconds since 1970.
fn unix_ms(after: Duration) -> Outcome<u64> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(u64::try_from((now + after).as_millis())?)
}

//! defrag: how much memory stays taken after most of the data is gone, and for how long, side by side.
//!
//! Owns: the order of the measurements.   Uses: the library.   Never: two servers at a time; memory would be short.
//!
//! Values of mixed size are set, most keys are deleted at random, and resident bytes by live bytes (`used_memory`) is
//! watched with `activedefrag yes`. A probe tells what that costs others.

use lodestore_benches::client::Client;
use lodestore_benches::columns::{Columns, short};
use lodestore_benches::flags::Flags;
use lodestore_benches::peer::{self, Server};
use lodestore_benches::probe::{self, Probe};
use lodestore_benches::question::Question;
use lodestore_benches::{Outcome, cpu, requests, run};
use lodestore_server::base::random::Rng;
use std::process::ExitCode;
use std::time::{Duration, Instant};

const USAGE: &str = "\
usage: defrag [--peer NAME=COMMAND]... [--peers] [options]
  --keys N              keys in each server (5000000)
  --sizes LAW           uniform: every size between the two is as likely;
                        zipf: size n with a chance of 1 / n (uniform)
  --least N             bytes of the smallest value (8)
  --most N              bytes of the largest value (1024)
  --delete N            percent of the keys that are deleted (80)
  --off                 leave activedefrag as it is
  --rate N              probes per second while it works (1000)
  --rounds N            rounds, of which the median counts (1)
  --reference NAME      whose numbers the ratios are to (redis-8.2)
  --json FILE           write the numbers";

/// When memory is looked at after the deletion, in seconds, and what that column is called.
const LOOKS: [(u64, &str); 7] =
    [(0, "0 s"), (2, "2 s"), (5, "5 s"), (10, "10 s"), (20, "20 s"), (40, "40 s"), (60, "60 s")];
/// Keys are chosen by this seed, sizes by the next.
const SEED: u64 = 5;

/// What is set and deleted.
#[derive(Clone, Copy)]
struct Plan {
    keys: u64,
    zipf: bool,
    least: u64,
    most: u64,
    delete: u64,
    on: bool,
    rate: u32,
}

fn main() -> ExitCode {
    run(|| {
        let flags = Flags::from_process(&format!("{USAGE}\n{}", peer::USAGE))?;
        let plan = Plan {
            keys: flags.number("--keys", 5_000_000)?,
            zipf: match flags.text("--sizes").unwrap_or("uniform") {
                "uniform" => false,
                "zipf" => true,
                other => return Err(format!("{other}: not uniform or zipf").into()),
            },
            least: flags.number("--least", 8)?,
            most: flags.number("--most", 1024)?,
            delete: flags.number("--delete", 80)?,
            on: !flags.has("--off"),
            rate: flags.number("--rate", 1000)?,
        };
        if plan.least == 0 || plan.least > plan.most {
            return Err("--least must be above 0 and not above --most".into());
        }
        let question = Question { what: "rss / used", rounds: 1, reference: "redis-8.2" };
        question.put(&flags, |spec| spec.alone(|server| fill_and_watch(server, plan)))
    })
}

fn fill_and_watch(server: &Server, plan: Plan) -> Outcome<Columns> {
    let mut client = server.client()?;
    if plan.on {
        let reply = client.ask(&["CONFIG", "SET", "activedefrag", "yes"])?;
        if reply != "+OK" {
            eprintln!("{}: activedefrag yes was answered with {reply}", server.name);
        }
    }
    fill(&mut client, plan)?;
    let (used, resident) = memory(&mut client, server)?;
    let mut columns =
        vec![("full MB", resident as f64 / 1e6), ("full", resident as f64 / used as f64)];
    let mut chosen = Rng::new(SEED);
    let gone = (0..plan.keys).filter(|_| chosen.below(100) < plan.delete);
    client.pour(gone, b":1\r\n", |key, out| {
        requests::push_command(out, [b"DEL", &requests::key(key)[..]]);
    })?;
    let usage = cpu::Usage::of(server.pid)?;
    let probe = Probe::start(server.address, plan.rate)?;
    columns.extend(watch(&mut client, server)?);
    let waits = probe.stop()?;
    let spent = cpu::Usage::of(server.pid)?.since(&usage, server.pid);
    columns.push(("used MB", memory(&mut client, server)?.0 as f64 / 1e6));
    columns.push(("core cpu s", spent.core));
    columns.extend(probe::columns(&waits));
    Ok(columns)
}

fn fill(client: &mut Client, plan: Plan) -> Outcome<()> {
    let mut sizes = Rng::new(SEED + 1);
    let value = requests::value(usize::try_from(plan.most)?);
    client.pour(0..plan.keys, b"+OK\r\n", |key, out| {
        let size = size(&mut sizes, plan) as usize;
        requests::push_command(
            out,
            [b"SET", &requests::key(key)[..], &value[..size.min(value.len())]],
        );
    })
}

/// A size by chance.
fn size(rng: &mut Rng, plan: Plan) -> u64 {
    if !plan.zipf {
        return plan.least + rng.below(plan.most - plan.least + 1);
    }
    // The inverse of the sum of 1 / n, by its integral.
    let share = rng.below(1 << 32) as f64 / (1u64 << 32) as f64;
    let (least, end) = (plan.least as f64, (plan.most + 1) as f64);
    ((least * (end / least).powf(share)) as u64).clamp(plan.least, plan.most)
}

/// Looks at the memory from time to time, and prints what it sees.
fn watch(client: &mut Client, server: &Server) -> Outcome<Columns> {
    let begun = Instant::now();
    let mut columns = Columns::new();
    for (seconds, name) in LOOKS {
        let at = begun + Duration::from_secs(seconds);
        std::thread::sleep(at.saturating_duration_since(Instant::now()));
        let (used, resident) = memory(client, server)?;
        let ratio = resident as f64 / used as f64;
        eprintln!("{} after {name}: {} of {} MB", server.name, short(ratio), used / 1_000_000);
        columns.push((name, ratio));
    }
    Ok(columns)
}

/// Live bytes and resident bytes.
fn memory(client: &mut Client, server: &Server) -> Outcome<(u64, u64)> {
    Ok((client.figure("memory", "used_memory")?.max(1), cpu::resident(server.pid)?))
}

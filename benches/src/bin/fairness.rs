//! fairness: how long a modest client waits beside greedy ones.
//!
//! Owns: the probe and the crowds it stands beside.   Uses: the library.   Never: throughput as a goal.
//!
//! The crowds: `none`; `uploads`, clients that send values of 8 MB without a pause; `flood`, one client
//! that pipelines a million GETs in one go, again and again. The crowd's own requests per second stand
//! beside the probe's waits: a server could look fair by starving the crowd.

use lodestore_benches::columns::{Columns, Comparison};
use lodestore_benches::crowd::{Burst, Crowd};
use lodestore_benches::flags::Flags;
use lodestore_benches::histogram::Histogram;
use lodestore_benches::json::Json;
use lodestore_benches::peer::{self, Server, Spec};
use lodestore_benches::requests::{self, Op, Requests, Space};
use lodestore_benches::stats::in_turns;
use lodestore_benches::{Outcome, run};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

const USAGE: &str = "\
usage: fairness [--peer NAME=COMMAND]... [--peers] [options]
  --crowds LIST         none, uploads, flood (all of them)
  --uploaders N         clients that upload (8)
  --upload-bytes N      bytes of each upload (8388608)
  --flood-commands N    commands of one flood (1000000)
  --gap-us N            pause between a reply and the next probe (1000)
  --rounds N            rounds, of which the median counts (3)
  --seconds N           of each round (4)
  --reference NAME      whose numbers the ratios are to (redis-8.2)
  --json FILE           write the numbers";

/// Keys and value size of the data that a flood reads.
const KEYS: u64 = 100_000;
const SIZE: usize = 64;
/// The crowd gets this long to fill every buffer before the probe starts, and to leave afterwards.
const SETTLE: Duration = Duration::from_millis(300);

fn main() -> ExitCode {
    run(|| {
        let flags = Flags::from_process(&format!("{USAGE}\n{}", peer::USAGE))?;
        let rounds = flags.number("--rounds", 3)?;
        let seconds = Duration::try_from_secs_f64(flags.number("--seconds", 4.0)?)?;
        let gap = Duration::from_micros(flags.number("--gap-us", 1000)?);
        let crowds = flags.text("--crowds").unwrap_or("none,uploads,flood");
        let crowds: Vec<(&str, Vec<Burst>)> = crowds
            .split(',')
            .map(|name| Ok((name, bursts(name, &flags)?)))
            .collect::<Outcome<_>>()?;
        let servers = peer::start_filled(&Spec::from_flags(&flags)?, KEYS, SIZE)?;
        let mut tables = Vec::new();
        for (name, bursts) in crowds {
            let measured = in_turns(servers.len(), rounds, |at, _| {
                measure(&servers[at], &bursts, seconds, gap)
            })?;
            let rows = servers.iter().map(|server| server.name.clone()).zip(measured).collect();
            let table =
                Comparison::of_rounds(name, flags.text("--reference").unwrap_or("redis-8.2"), rows);
            println!("{}", table.text());
            tables.push(table);
        }
        Json::keep(&flags, || Json::List(tables.iter().map(Comparison::json).collect()))
    })
}

/// What the members of a crowd send.
fn bursts(crowd: &str, flags: &Flags) -> Outcome<Vec<Burst>> {
    match crowd {
        "none" => Ok(Vec::new()),
        "uploads" => {
            let value = requests::value(flags.number("--upload-bytes", 8 << 20)?);
            let uploaders: usize = flags.number("--uploaders", 8)?;
            Ok((0..uploaders).map(|at| upload(at, &value)).collect())
        }
        "flood" => {
            let space = Space {
                keys: KEYS,
                size: SIZE,
                distinct: flags.number("--flood-commands", 1_000_000)?,
            };
            let requests = Requests::new(Op::Get, space, 1, 0);
            let reply_len = format!("${SIZE}\r\n").len() as u64 + SIZE as u64 + 2;
            Ok(vec![Burst { bytes: requests.bytes().into(), reply_len }])
        }
        _ => Err(format!("{crowd}: not none, uploads or flood").into()),
    }
}

fn upload(at: usize, value: &[u8]) -> Burst {
    let mut bytes = Vec::with_capacity(value.len() + 64);
    requests::push_command(&mut bytes, [b"SET", format!("upload:{at}").as_bytes(), value]);
    Burst { bytes: bytes.into(), reply_len: "+OK\r\n".len() as u64 }
}

/// One server, one round.
fn measure(
    server: &Server,
    bursts: &[Burst],
    duration: Duration,
    gap: Duration,
) -> Outcome<Columns> {
    let crowd = Crowd::start(server.address, bursts)?;
    std::thread::sleep(SETTLE);
    let (replies, begun) = (crowd.replies(), Instant::now());
    let waits = probe(server.address, duration, gap)
        .map_err(|error| format!("{}: {error}", server.name))?;
    let crowd_rps = (crowd.replies() - replies) as f64 / begun.elapsed().as_secs_f64();
    crowd.stop().map_err(|error| format!("{}: {error}", server.name))?;
    std::thread::sleep(SETTLE);
    Ok(vec![
        ("p50 us", waits.percentile_us(0.5)),
        ("p99 us", waits.percentile_us(0.99)),
        ("p99.9 us", waits.percentile_us(0.999)),
        ("max us", waits.max_us()),
        ("probes", waits.count() as f64),
        ("crowd rps", crowd_rps),
    ])
}

/// Sends PING, waits for the reply, pauses, and so on. How long each reply took.
fn probe(address: SocketAddr, duration: Duration, gap: Duration) -> Outcome<Histogram> {
    let mut client = lodestore_benches::client::Client::connect(address)?;
    let mut waits = Histogram::new();
    let begun = Instant::now();
    while begun.elapsed() < duration {
        let asked = Instant::now();
        let reply = client.ask(&["PING"])?;
        waits.record(asked.elapsed());
        if reply != "+PONG" {
            return Err(format!("PING was answered with {reply:?}").into());
        }
        std::thread::sleep(gap);
    }
    Ok(waits)
}

//! wire: throughput, processor time and round trips over the socket, side by side.
//!
//! Owns: the order of the measurements.   Uses: the library.   Never: an absolute claim; compare within one run.

use lodestore_benches::cpu::Usage;
use lodestore_benches::flags::Flags;
use lodestore_benches::json::Json;
use lodestore_benches::load::Load;
use lodestore_benches::peer::{self, Server, Spec};
use lodestore_benches::report::{Case, CaseResult, Sample, markdown};
use lodestore_benches::requests::{Op, Requests, Space};
use lodestore_benches::stats::in_turns;
use lodestore_benches::{Outcome, run, workload};
use lodestore_server::base::random::Rng;
use std::process::ExitCode;
use std::time::{Duration, Instant};

const USAGE: &str = "\
usage: wire [--peer NAME=COMMAND]... [--peers] [options]
  --cases LIST          PIPELINE:CONNECTIONS,... (1:50,16:50,64:50)
  --ops LIST            get, set, ping, mgetN, those on collections (benches/README.md), or types: all
                        of these (get,set,mget100)
  --rounds N            rounds, of which the median counts (3)
  --seconds N           of each round, after a quarter of it to warm up (2)
  --keys N              keys in every server (1000000)
  --size N              bytes of each value (64)
  --distinct N          different requests that are sent in a circle (262144)
  --markdown            print the README's table at the end
  --json FILE           write the numbers";

/// What the options ask for.
struct Plan {
    cases: Vec<Case>,
    space: Space,
    rounds: usize,
    duration: Duration,
}

fn main() -> ExitCode {
    run(|| {
        let flags = Flags::from_process(&format!("{USAGE}\n{}", peer::USAGE))?;
        let plan = Plan::from_flags(&flags)?;
        let specs = Spec::from_flags(&flags)?;
        let keys = if plan.wants_space() { plan.space.keys } else { 0 };
        let servers = peer::start_filled(&specs, keys, plan.space.size)?;
        let mut results = Vec::new();
        for case in &plan.cases {
            let result = plan.measure_all(case, &servers)?;
            result.lines().iter().for_each(|line| println!("{line}"));
            results.push(result);
        }
        if flags.has("--markdown") {
            println!("\n{}", markdown(&results));
        }
        Json::keep(&flags, || Json::List(results.iter().map(CaseResult::json).collect()))
    })
}

impl Plan {
    fn from_flags(flags: &Flags) -> Outcome<Plan> {
        let mut cases = Vec::new();
        for pair in flags.text("--cases").unwrap_or("1:50,16:50,64:50").split(',') {
            for op in ops(flags.text("--ops").unwrap_or("get,set,mget100")) {
                cases.push(parse_case(op, pair)?);
            }
        }
        let space = Space {
            keys: flags.number("--keys", 1_000_000)?,
            size: flags.number("--size", 64)?,
            distinct: flags.number("--distinct", 262_144)?,
        };
        let duration = Duration::try_from_secs_f64(flags.number("--seconds", 2.0)?)?;
        let rounds = flags.number("--rounds", 3)?;
        if space.keys == 0 || rounds == 0 {
            return Err("--keys and --rounds must be more than 0".into());
        }
        Ok(Plan { cases, space, rounds, duration })
    }

    fn wants_space(&self) -> bool {
        self.cases.iter().any(|case| case.op.wants_space())
    }

    /// Every server in turn, round after round.
    fn measure_all(&self, case: &Case, servers: &[Server]) -> Outcome<CaseResult> {
        let samples = in_turns(servers.len(), self.rounds, |at, round| {
            let sample = self.measure(case, &servers[at], round as u64);
            sample.map_err(|error| format!("{}: {error}", servers[at].name).into())
        })?;
        let medians = samples.iter().map(|samples| Sample::median(samples));
        let servers = servers.iter().map(|server| server.name.clone()).zip(medians).collect();
        Ok(CaseResult { case: case.clone(), servers })
    }

    /// One server, one round. The round is the seed: all servers see the same keys, each round other ones.
    fn measure(&self, case: &Case, server: &Server, round: u64) -> Outcome<Sample> {
        let requests = Requests::new(case.op, self.space, case.pipeline, round);
        let most = prepare(case, server, round)?;
        let mut load = Load::connect(server.address, case.connections, requests)?;
        load.run_for(self.duration / 4, most / 4)?;
        load.reset();
        let (server_before, own_before, begun) =
            (Usage::of(server.pid)?, Usage::own()?, Instant::now());
        load.run_for(self.duration, most / 4 * 3)?;
        let (server_after, own_after, elapsed) =
            (Usage::of(server.pid)?, Usage::own()?, begun.elapsed());
        let done = load.done().max(1) as f64;
        let spent = server_after.since(&server_before, server.pid);
        let own = own_after.since(&own_before, std::process::id());
        let each_us = |seconds: f64| seconds / done * 1e6;
        Ok(Sample {
            rps: load.done() as f64 / elapsed.as_secs_f64(),
            server_us: each_us(spent.total),
            core_us: each_us(spent.core),
            others_us: spent.others.into_iter().map(|(name, cost)| (name, each_us(cost))).collect(),
            own_us: each_us(own.total),
            round_trip_us: [0.5, 0.99, 0.999].map(|q| load.round_trips().percentile_us(q)),
        })
    }
}

/// Puts what the case works on into a server, and looks whether it answers as expected. Returns how many requests it
/// may get then.
fn prepare(case: &Case, server: &Server, round: u64) -> Outcome<u64> {
    let Op::Typed(workload) = case.op else { return Ok(u64::MAX) };
    let mut client = server.client()?;
    if round == 0 || workload.uses_up {
        workload.prepare(&mut client)?;
    }
    let mut request = Vec::new();
    workload.push(&mut request, &mut Rng::new(round));
    let shape = client.shape_of(&request)?;
    if shape != workload.reply {
        return Err(format!("{}: a reply of unexpected form: {shape:?}", workload.name).into());
    }
    Ok(if workload.uses_up { workload::SUPPLY } else { u64::MAX })
}

/// The words of `--ops`.
fn ops(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').flat_map(|op| match op {
        "types" => workload::names().collect(),
        op => vec![op],
    })
}

fn parse_case(op: &str, pair: &str) -> Outcome<Case> {
    let numbers = pair.split_once(':').and_then(|(p, c)| Some((p.parse().ok()?, c.parse().ok()?)));
    match numbers {
        Some((pipeline, connections)) if pipeline > 0 && connections > 0 => {
            Ok(Case { op: op.parse()?, pipeline, connections })
        }
        Some(_) | None => Err(format!("{pair}: not PIPELINE:CONNECTIONS").into()),
    }
}

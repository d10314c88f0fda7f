//! What came out: lines to compare by eye, a table for the README, JSON for machines.
//!
//! Owns: the form of the output.   Uses: stats, columns, json.   Never: a measurement.

use crate::columns::short;
use crate::json::Json;
use crate::requests::Op;
use crate::stats::{median, ratio};
use std::collections::BTreeMap;

/// One measurement of one server, or the median of several.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// Requests answered per second.
    pub rps: f64,
    /// Processor time of the server for each request, in microseconds: the whole process.
    pub server_us: f64,
    /// The same for its main thread alone: what bounds a machine with many processors.
    pub core_us: f64,
    /// The same for its other threads, by name.
    pub others_us: BTreeMap<String, f64>,
    /// Processor time of the generator for each request, in microseconds.
    pub own_us: f64,
    /// Round trip of a whole pipeline in microseconds: the 50th, 99th and 99.9th percentile.
    pub round_trip_us: [f64; 3],
}

impl Sample {
    /// The median of each number by itself.
    pub fn median(samples: &[Sample]) -> Sample {
        let of = |number: &dyn Fn(&Sample) -> f64| median(samples.iter().map(number));
        let names = samples.iter().flat_map(|sample| sample.others_us.keys());
        let others = names.map(|name| {
            (name.clone(), of(&|sample| sample.others_us.get(name).copied().unwrap_or_default()))
        });
        Sample {
            rps: of(&|sample| sample.rps),
            server_us: of(&|sample| sample.server_us),
            core_us: of(&|sample| sample.core_us),
            others_us: others.collect(),
            own_us: of(&|sample| sample.own_us),
            round_trip_us: [0, 1, 2].map(|at| of(&|sample| sample.round_trip_us[at])),
        }
    }
}

/// What was measured: an operation, requests in a pipeline, connections.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// What every request asks for.
    pub op: Op,
    /// Requests sent before their replies are awaited.
    pub pipeline: usize,
    /// Connections, each with a pipeline of its own.
    pub connections: usize,
}

/// Every server's medians for one case, in the order the servers were named.
#[derive(Clone, Debug)]
pub struct CaseResult {
    /// What was measured.
    pub case: Case,
    /// The server's name and its numbers.
    pub servers: Vec<(String, Sample)>,
}

impl CaseResult {
    /// The throughput of the first server over that of the best other one; nothing without others.
    pub fn first_of_best(&self) -> Option<f64> {
        let (first, others) = self.servers.split_first()?;
        let best = others.iter().map(|(_, sample)| sample.rps).max_by(f64::total_cmp)?;
        Some(ratio(first.1.rps, best))
    }

    /// The same of the processor time of a request, where the best has the least.
    pub fn first_of_cheapest(&self) -> Option<f64> {
        let (first, others) = self.servers.split_first()?;
        let best = others.iter().map(|(_, sample)| sample.server_us).min_by(f64::total_cmp)?;
        Some(ratio(first.1.server_us, best))
    }

    /// One line for each server: ratios are to the first, whose own line compares it with the best other.
    pub fn lines(&self) -> Vec<String> {
        let Some((_, base)) = self.servers.first() else { return Vec::new() };
        let line = |(at, (name, sample)): (usize, &(String, Sample))| {
            let best = self.first_of_best().zip(self.first_of_cheapest()).filter(|_| at == 0);
            self.line(name, sample, base, best)
        };
        self.servers.iter().enumerate().map(line).collect()
    }

    fn line(&self, name: &str, sample: &Sample, base: &Sample, best: Option<(f64, f64)>) -> String {
        let Case { op, pipeline, connections } = &self.case;
        let [p50, p99, p999] = sample.round_trip_us;
        let mut line = format!(
            "{op:11} P={pipeline:<3} c={connections:<4} {name:14} {:9.0} rps x{:.2}  cpu/op {:6.3} us x{:.2}  \
             core {:.3}  gen {:.3} us  p50 {p50:.0} p99 {p99:.0} p99.9 {p999:.0} us",
            sample.rps,
            ratio(sample.rps, base.rps),
            sample.server_us,
            ratio(sample.server_us, base.server_us),
            sample.core_us,
            sample.own_us,
        );
        for (thread, cost) in sample.others_us.iter().filter(|(_, cost)| **cost >= 0.001) {
            line.push_str(&format!("  {thread} {cost:.3}"));
        }
        if let Some((best, cheapest)) = best {
            line.push_str(&format!("  x{best:.2} of best peer, cpu x{cheapest:.2}"));
        }
        line
    }

    /// The numbers as JSON.
    pub fn json(&self) -> Json {
        let servers = self.servers.iter().map(|(name, sample)| sample_json(name, sample));
        Json::map([
            ("op", Json::text(self.case.op.to_string())),
            ("pipeline", (self.case.pipeline as u64).into()),
            ("connections", (self.case.connections as u64).into()),
            ("first_of_best_peer", self.first_of_best().unwrap_or(f64::NAN).into()),
            ("servers", Json::List(servers.collect())),
        ])
    }
}

fn sample_json(name: &str, sample: &Sample) -> Json {
    let [p50, p99, p999] = sample.round_trip_us;
    let others = sample.others_us.iter().map(|(name, cost)| (name.clone(), (*cost).into()));
    Json::map([
        ("name", Json::text(name)),
        ("rps", sample.rps.into()),
        ("server_us", sample.server_us.into()),
        ("core_us", sample.core_us.into()),
        ("others_us", Json::Map(others.collect())),
        ("generator_us", sample.own_us.into()),
        ("p50_us", p50.into()),
        ("p99_us", p99.into()),
        ("p999_us", p999.into()),
    ])
}

/// The README's table: thousands of requests per second, with processor time per request in brackets.
pub fn markdown(results: &[CaseResult]) -> String {
    let Some(first) = results.first() else { return String::new() };
    let names: Vec<&str> = first.servers.iter().map(|(name, _)| name.as_str()).collect();
    let mut table = format!(
        "Thousands of requests per second (microseconds of server CPU per request).\n\n\
         | workload | {} | {} / best peer |\n|---|{}\n",
        names.join(" | "),
        names[0],
        "---:|".repeat(names.len() + 1)
    );
    for result in results {
        let Case { op, pipeline, connections } = &result.case;
        table.push_str(&format!(
            "| {} P={pipeline}, {connections} connections |",
            op.to_string().to_uppercase()
        ));
        for (_, sample) in &result.servers {
            table.push_str(&format!(
                " {} ({}) |",
                short(sample.rps / 1e3),
                short(sample.server_us)
            ));
        }
        let best =
            result.first_of_best().map_or_else(|| "-".to_owned(), |best| format!("**{best:.2}**"));
        table.push_str(&format!(" {best} |\n"));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(rps: f64, server_us: f64) -> Sample {
        Sample {
            rps,
            server_us,
            core_us: server_us,
            own_us: 0.3,
            round_trip_us: [10.0, 20.0, 30.4],
            ..Sample::default()
        }
    }

    fn result() -> CaseResult {
        let case = Case { op: Op::Get, pipeline: 16, connections: 50 };
        let mut ours = sample(3_000_000.0, 0.25);
        ours.others_us.insert("io-1".to_owned(), 0.04);
        let servers = vec![
            ("ours".to_owned(), ours),
            ("a".to_owned(), sample(1e6, 0.5)),
            ("b".to_owned(), sample(2e6, 0.5)),
        ];
        CaseResult { case, servers }
    }

    #[test]
    fn a_line_says_everything_about_one_server() {
        let lines = result().lines();
        assert_eq!(
            lines[0],
            "get         P=16  c=50   ours             3000000 rps x1.00  cpu/op  0.250 us x1.00  core 0.250  \
             gen 0.300 us  p50 10 p99 20 p99.9 30 us  io-1 0.040  x1.50 of best peer, cpu x0.50"
        );
        assert!(lines[1].contains(" 1000000 rps x0.33  cpu/op  0.500 us x2.00"), "{}", lines[1]);
    }

    #[test]
    fn the_table_has_a_row_for_each_case() {
        let table = markdown(&[result()]);
        assert!(
            table.contains(
                "| workload | ours | a | b | ours / best peer |\n|---|---:|---:|---:|---:|\n"
            ),
            "{table}"
        );
        assert!(table.ends_with(
            "| GET P=16, 50 connections | 3000 (0.25) | 1000 (0.50) | 2000 (0.50) | **1.50** |\n"
        ));
    }

    #[test]
    fn the_median_is_taken_of_each_number() {
        let all = [sample(1.0, 9.0), sample(5.0, 1.0), sample(3.0, 5.0)];
        assert_eq!(Sample::median(&all), sample(3.0, 5.0));
    }
}

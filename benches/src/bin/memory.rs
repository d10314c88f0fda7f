//! memory: how many bytes a key, or an element of a collection, costs, side by side.
//!
//! Owns: the kinds of keys and when memory is looked at.   Uses: the library.
//! Never: two servers at a time; memory would be short.
//!
//! A server is filled step by step, and the growth of its resident memory since it was empty is divided by the number of
//! keys at every step: tables that double cost little at one number of keys and much at another.

use lodestore_benches::client::Contents;
use lodestore_benches::columns::short;
use lodestore_benches::flags::Flags;
use lodestore_benches::json::Json;
use lodestore_benches::peer::{self, Server, Spec};
use lodestore_benches::shapes::Shape;
use lodestore_benches::stats::{in_turns, median, ratio};
use lodestore_benches::{Outcome, cpu, run, shapes};
use std::process::ExitCode;
use std::time::Duration;

const USAGE: &str = "\
usage: memory [--peer NAME=COMMAND]... [--peers] [options]
  --keys LIST           millions of keys at which to look, rising (4,5,6,7,8)
  --kinds LIST          of plain, ttl, integer (plain,ttl,integer)
  --size N              bytes of each value that is no integer (64)
  --shapes LIST         in place of keys, elements of collections: all, or some of set, intsets, hash, hashes,
                        zset, zsets, list, stream; a server for each
  --scale X             part of their full size (1.0)
  --rounds N            rounds, of which the median counts (1)
  --markdown            print the table for the README as well
  --json FILE           write the numbers";

/// A server that has just been filled may still be tidying up.
const SETTLE: Duration = Duration::from_millis(500);

/// What the keys hold.
#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    about: &'static str,
    contents: fn(usize) -> Contents,
}

static KINDS: [Kind; 3] = [
    Kind { name: "plain", about: "values of {} bytes", contents: Contents::Bytes },
    Kind {
        name: "ttl",
        about: "values of {} bytes, a time to live each",
        contents: Contents::Expiring,
    },
    Kind { name: "integer", about: "integers", contents: |_| Contents::Integers },
];

/// One kind of data in one server: bytes for each key, at every number of keys.
struct Cost {
    kind: Kind,
    server: String,
    each: Vec<f64>,
}

impl Cost {
    fn mean(&self) -> f64 {
        self.each.iter().sum::<f64>() / self.each.len().max(1) as f64
    }
}

fn main() -> ExitCode {
    run(|| {
        let flags = Flags::from_process(&format!("{USAGE}\n{}", peer::USAGE))?;
        let specs = Spec::from_flags(&flags)?;
        if let Some(list) = flags.text("--shapes") {
            return measure_shapes(&shapes::named(list)?, &specs, &flags);
        }
        let counts = counts(flags.text("--keys").unwrap_or("4,5,6,7,8"))?;
        let size = flags.number("--size", 64)?;
        let rounds = flags.number("--rounds", 1)?;
        let mut costs = Vec::new();
        for kind in kinds(flags.text("--kinds").unwrap_or("plain,ttl,integer"))? {
            let measured = in_turns(specs.len(), rounds, |at, _| {
                let spec = &specs[at];
                spec.alone(|server| measure(server, kind, size, &counts))
                    .map_err(|error| format!("{}: {error}", spec.name).into())
            })?;
            let of_kind = specs.iter().zip(measured).map(|(spec, rounds)| {
                let at = |at: usize| median(rounds.iter().map(|round| round[at]));
                let each = (0..counts.len()).map(at).collect();
                Cost { kind, server: spec.name.clone(), each }
            });
            let of_kind: Vec<Cost> = of_kind.collect();
            lines(&of_kind, &counts).iter().for_each(|line| println!("{line}"));
            costs.push(of_kind);
        }
        if flags.has("--markdown") {
            println!("\n{}", markdown(&costs, &counts, size));
        }
        Json::keep(&flags, || json(&costs, &counts))
    })
}

fn counts(list: &str) -> Outcome<Vec<u64>> {
    let millions = |word: &str| {
        let number = word.parse::<f64>().ok().filter(|number| (0.001..10_000.0).contains(number));
        number.map(|number| (number * 1e6) as u64).ok_or_else(|| format!("{word}: not millions"))
    };
    let counts = list.split(',').map(millions).collect::<Result<Vec<u64>, String>>()?;
    if !counts.is_sorted() {
        return Err(format!("{list}: the numbers of keys must rise").into());
    }
    Ok(counts)
}

fn kinds(list: &str) -> Outcome<Vec<Kind>> {
    let named = |word: &str| {
        let kind = KINDS.iter().find(|kind| kind.name == word).copied();
        kind.ok_or_else(|| format!("{word}: not plain, ttl or integer").into())
    };
    list.split(',').map(named).collect()
}

/// Fills one server, and looks at its memory at every number of keys.
fn measure(server: &Server, kind: Kind, size: usize, counts: &[u64]) -> Outcome<Vec<f64>> {
    let mut client = server.client()?;
    let empty = cpu::resident(server.pid)?;
    let contents = (kind.contents)(size);
    let mut each = Vec::new();
    let mut filled = 0;
    for &count in counts {
        client.set(filled..count, &contents)?;
        filled = count;
        std::thread::sleep(SETTLE);
        let grown = cpu::resident(server.pid)?.saturating_sub(empty);
        each.push(grown as f64 / count as f64);
    }
    let keys = client.ask(&["DBSIZE"])?;
    if keys != format!(":{filled}") {
        return Err(format!("{filled} keys were set and DBSIZE answers {keys}").into());
    }
    Ok(each)
}

/// Every shape in a server of its own.
fn measure_shapes(shapes: &[Shape], specs: &[Spec], flags: &Flags) -> Outcome<()> {
    let (rounds, scale) = (flags.number("--rounds", 1)?, flags.number("--scale", 1.0)?);
    let mut rows = Vec::new();
    for shape in shapes {
        let measured = in_turns(specs.len(), rounds, |at, _| {
            let spec = &specs[at];
            spec.alone(|server| {
                let mut client = server.client()?;
                let empty = cpu::resident(server.pid)?;
                let elements = shape.fill(&mut client, scale)?;
                std::thread::sleep(SETTLE);
                let grown = cpu::resident(server.pid)?.saturating_sub(empty);
                Ok(grown as f64 / elements as f64)
            })
            .map_err(|error| format!("{}: {}: {error}", shape.name, spec.name).into())
        })?;
        let each: Vec<f64> = measured.into_iter().map(median).collect();
        let named = specs.iter().zip(&each).map(|(spec, each)| format!("{} {each:.1}", spec.name));
        let named: Vec<String> = named.collect();
        let best =
            of_best(&each).map_or_else(String::new, |best| format!("  x{best:.2} of best peer"));
        println!("{:8} B/element  {}{best}", shape.name, named.join("  "));
        rows.push((shape.about, each));
    }
    let names: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
    if flags.has("--markdown") {
        println!("\n{}", shapes_markdown(&names, &rows));
    }
    Json::keep(flags, || {
        let row = |(about, each): &(&str, Vec<f64>)| {
            let numbers =
                names.iter().zip(each).map(|(name, each)| ((*name).to_owned(), (*each).into()));
            Json::map([
                ("shape", Json::text(*about)),
                ("bytes_per_element", Json::Map(numbers.collect())),
            ])
        };
        Json::List(rows.iter().map(row).collect())
    })
}

/// The first of the least other one.
fn of_best(each: &[f64]) -> Option<f64> {
    let (first, others) = each.split_first()?;
    Some(ratio(*first, others.iter().copied().min_by(f64::total_cmp)?))
}

fn shapes_markdown(names: &[&str], rows: &[(&str, Vec<f64>)]) -> String {
    let mut table = format!(
        "Bytes of memory for each element.\n\n| elements of | {} | {} / best peer |\n|---|{}\n",
        names.join(" | "),
        names[0],
        "---:|".repeat(names.len() + 1)
    );
    for (about, each) in rows {
        let cells: Vec<String> = each.iter().map(|each| short(*each)).collect();
        let best = of_best(each).map_or_else(|| "-".into(), |best| format!("**{best:.2}**"));
        table.push_str(&format!("| {about} | {} | {best} |\n", cells.join(" | ")));
    }
    table
}

/// The mean of the first server, of the best other one's.
fn first_of_best(of_kind: &[Cost]) -> Option<f64> {
    let (first, others) = of_kind.split_first()?;
    let best = others.iter().map(Cost::mean).min_by(f64::total_cmp)?;
    Some(ratio(first.mean(), best))
}

fn lines(of_kind: &[Cost], counts: &[u64]) -> Vec<String> {
    let line = |(at, cost): (usize, &Cost)| {
        let mut line = format!("{:8} {:12}", cost.kind.name, cost.server);
        for (each, count) in cost.each.iter().zip(counts) {
            line.push_str(&format!("  {} M {each:6.1}", *count as f64 / 1e6));
        }
        line.push_str(&format!("  mean {:6.1} B/key", cost.mean()));
        if let Some(best) = first_of_best(of_kind).filter(|_| at == 0) {
            line.push_str(&format!("  x{best:.2} of best peer"));
        }
        line
    };
    of_kind.iter().enumerate().map(line).collect()
}

/// The README's table: bytes for each key, the mean over all numbers of keys.
fn markdown(costs: &[Vec<Cost>], counts: &[u64], size: usize) -> String {
    let Some(first) = costs.first() else { return String::new() };
    let names: Vec<&str> = first.iter().map(|cost| cost.server.as_str()).collect();
    let millions: Vec<String> =
        counts.iter().map(|count| (*count as f64 / 1e6).to_string()).collect();
    let mut table = format!(
        "Bytes of memory for each key of 16 bytes, the mean at {} million keys.\n\n\
         | keys with | {} | {} / best peer |\n|---|{}\n",
        millions.join(", "),
        names.join(" | "),
        names[0],
        "---:|".repeat(names.len() + 1)
    );
    for of_kind in costs {
        let about = of_kind[0].kind.about.replace("{}", &size.to_string());
        table.push_str(&format!("| {about} |"));
        of_kind.iter().for_each(|cost| table.push_str(&format!(" {} |", short(cost.mean()))));
        let best =
            first_of_best(of_kind).map_or_else(|| "-".into(), |best| format!("**{best:.2}**"));
        table.push_str(&format!(" {best} |\n"));
    }
    table
}

fn json(costs: &[Vec<Cost>], counts: &[u64]) -> Json {
    let numbers = |numbers: &[f64]| Json::List(numbers.iter().map(|&n| n.into()).collect());
    let row = |cost: &Cost| {
        Json::map([
            ("kind", Json::text(cost.kind.name)),
            ("name", Json::text(&*cost.server)),
            ("bytes_per_key", numbers(&cost.each)),
            ("mean", cost.mean().into()),
        ])
    };
    let counts: Vec<f64> = counts.iter().map(|&count| count as f64).collect();
    Json::map([
        ("keys", numbers(&counts)),
        ("rows", Json::List(costs.iter().flatten().map(row).collect())),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn costs() -> Vec<Vec<Cost>> {
        let cost = |server: &str, each: [f64; 2]| Cost {
            kind: KINDS[1],
            server: server.to_owned(),
            each: each.to_vec(),
        };
        vec![vec![
            cost("ours", [90.0, 110.0]),
            cost("a", [200.0, 300.0]),
            cost("b", [100.0, 150.0]),
        ]]
    }

    #[test]
    fn the_mean_is_compared_with_the_best_peers() {
        let counts = [4_000_000, 5_500_000];
        assert_eq!(
            lines(&costs()[0], &counts)[0],
            "ttl      ours          4 M   90.0  5.5 M  110.0  mean  100.0 B/key  x0.80 of best peer"
        );
        let table = markdown(&costs(), &counts, 64);
        assert!(table.contains("| keys with | ours | a | b | ours / best peer |\n"), "{table}");
        assert!(table.ends_with(
            "| values of 64 bytes, a time to live each | 100 | 250 | 125 | **0.80** |\n"
        ));
    }

    #[test]
    fn mistakes_are_told() {
        assert_eq!(counts("4,5.5").unwrap(), [4_000_000, 5_500_000]);
        assert!(counts("5,4").is_err() && counts("").is_err() && counts("0").is_err());
        assert!(kinds("plain,integer").is_ok() && kinds("plain,list").is_err());
    }
}

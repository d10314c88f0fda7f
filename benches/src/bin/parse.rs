//! parse: nanoseconds to find the arguments of one request, beside the general-purpose decoder.
//!
//! Owns: the streams that are parsed.   Uses: lodestore_server::resp, redis-protocol.   Never: a socket.
//!
//! A batch is 64 KiB of whole requests, as a busy socket delivers it. Ours is handed a copy of it each time,
//! because its buffer is where the socket is read to; that copy (about 1 ns for a GET) is part of its time.

use lodestore_benches::columns::{Columns, Comparison};
use lodestore_benches::flags::Flags;
use lodestore_benches::json::Json;
use lodestore_benches::requests::{Op, Requests as Ring, Space};
use lodestore_benches::stats::in_turns;
use lodestore_benches::stopwatch::Stopwatch;
use lodestore_benches::{Outcome, run};
use lodestore_server::resp::request::{Halt, Limits, Parser, Requests};
use redis_protocol::resp2::decode::{decode_bytes, decode_range};
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Duration;

const USAGE: &str = "\
usage: parse [options]
  --rounds N            rounds, of which the median counts (9)
  --millis N            of each measurement (100)
  --json FILE           write the numbers";

const BATCH: usize = 64 << 10;
const SPACE: Space = Space { keys: 1_000_000, size: 64, distinct: BATCH };
const OPS: [(&str, Op); 4] = [
    ("GET ns", Op::Get),
    ("SET ns", Op::Set),
    ("MGET10 ns", Op::Mget(10)),
    ("MGET100 ns", Op::Mget(100)),
];

/// A stream of whole requests.
struct Batch {
    bytes: bytes::Bytes,
    requests: usize,
}

/// A way to parse: returns how many requests it found.
type Way = fn(&Batch, &mut Requests) -> Outcome<usize>;
const WAYS: [(&str, Way); 3] =
    [("lodestore", ours), ("redis-protocol", decoded_bytes), ("its ranges", decoded_ranges)];

fn main() -> ExitCode {
    run(|| {
        let flags = Flags::from_process(USAGE)?;
        let duration = Duration::from_millis(flags.number("--millis", 100)?);
        let batches: Vec<Batch> = OPS.iter().map(|(_, op)| batch(*op)).collect();
        let measured = in_turns(WAYS.len(), flags.number("--rounds", 9)?, |at, _| {
            let each = |((name, _), batch): (&(&'static str, Op), &Batch)| {
                Ok((*name, nanoseconds(WAYS[at].1, batch, duration)?))
            };
            OPS.iter().zip(&batches).map(each).collect::<Outcome<Columns>>()
        })?;
        let rows = WAYS.iter().map(|(name, _)| (*name).to_owned()).zip(measured).collect();
        let table = Comparison::of_rounds("parse", "redis-protocol", rows);
        println!("{}", table.text());
        Json::keep(&flags, || table.json())
    })
}

fn batch(op: Op) -> Batch {
    let one = Ring::new(op, Space { distinct: 1, ..SPACE }, 1, 0).bytes().len();
    let requests = BATCH / one;
    let ring = Ring::new(op, Space { distinct: requests, ..SPACE }, 1, 0);
    Batch { bytes: bytes::Bytes::copy_from_slice(ring.bytes()), requests }
}

/// Nanoseconds for each request.
fn nanoseconds(way: Way, batch: &Batch, duration: Duration) -> Outcome<f64> {
    let mut reused = Requests::with_capacity(BATCH);
    let (begun, mut parsed) = (Stopwatch::start(), 0);
    while begun.elapsed() < duration {
        let found = way(black_box(batch), &mut reused)?;
        if found != batch.requests {
            return Err(format!("found {found} of {} requests", batch.requests).into());
        }
        parsed += found;
    }
    Ok(begun.elapsed().as_nanos() as f64 / parsed.max(1) as f64)
}

fn ours(batch: &Batch, reused: &mut Requests) -> Outcome<usize> {
    reused.clear();
    reused.buf.extend_from_slice(&batch.bytes);
    match Parser::new().parse(reused, &Limits { max_bulk: 512 << 20, authenticated: true }) {
        Halt::NeedMore => Ok(black_box(&*reused).len()),
        halt @ (Halt::NeedAuth | Halt::Full | Halt::Error(_)) => {
            Err(format!("the parser says {halt:?}").into())
        }
    }
}

fn decoded_bytes(batch: &Batch, _: &mut Requests) -> Outcome<usize> {
    let (mut rest, mut found) = (batch.bytes.clone(), 0);
    while let Some((frame, len)) = decode_bytes(&rest)? {
        black_box(frame);
        rest = rest.slice(len..);
        found += 1;
    }
    Ok(found)
}

fn decoded_ranges(batch: &Batch, _: &mut Requests) -> Outcome<usize> {
    let (mut rest, mut found) = (&batch.bytes[..], 0);
    while let Some((frame, len)) = decode_range(rest)? {
        black_box(frame);
        rest = &rest[len..];
        found += 1;
    }
    Ok(found)
}

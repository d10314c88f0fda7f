//! The fuzz targets of `server/fuzz`, driven without libfuzzer: seeds, and what a fixed generator makes of them.
//!
//! Owns: mutation.   Uses: the targets.   Never: chance: a run of the same length tries the same inputs.
//!
//! `FUZZ_SECONDS=600 cargo test --release -p lodestore-server --test fuzz` runs each target for so long. An
//! input that fails is printed as a Rust string, to become a seed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use lodestore_server::base::random::Rng;
use std::time::{Duration, Instant};

#[path = "../fuzz/src/lib.rs"]
mod targets;

/// How long each target runs.
const TIME: u64 = 3;
/// Longer inputs only take longer.
const LONGEST: usize = 100_000;
/// Inputs that are kept beside the seeds, to be changed further.
const KEPT: usize = 64;

/// Prints the input when the target panics.
struct Witness<'a>(&'a str, &'a [u8]);

impl Drop for Witness<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{} fails with b\"{}\"", self.0, self.1.escape_ascii());
        }
    }
}

/// Runs a target on its seeds, then on mutations of them until the time is over.
fn drive(name: &str, run: fn(&[u8]), seeds: Vec<Vec<u8>>) {
    let seconds = std::env::var("FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    let end = Instant::now() + Duration::from_secs(seconds.unwrap_or(TIME));
    let mut rng = Rng::new(name.len() as u64);
    let mut corpus = seeds.clone();
    let mut runs = 0u64;
    for seed in &seeds {
        let _witness = Witness(name, seed);
        run(seed);
        runs += 1;
    }
    while Instant::now() < end {
        let mut input = corpus[rng.below(corpus.len() as u64) as usize].clone();
        for _ in 0..=rng.below(4) {
            mutate(&mut input, &corpus, &mut rng);
        }
        input.truncate(LONGEST);
        let _witness = Witness(name, &input);
        run(&input);
        runs += 1;
        if rng.below(20) == 0 {
            keep(&mut corpus, seeds.len(), input.clone(), &mut rng);
        }
    }
    println!("{name}: {runs} inputs");
}

/// Keeps an input in the place of another one that is no seed.
fn keep(corpus: &mut Vec<Vec<u8>>, seeds: usize, input: Vec<u8>, rng: &mut Rng) {
    if corpus.len() < seeds + KEPT {
        corpus.push(input);
    } else {
        corpus[seeds + rng.below(KEPT as u64) as usize] = input;
    }
}

/// One change.
fn mutate(input: &mut Vec<u8>, corpus: &[Vec<u8>], rng: &mut Rng) {
    let mut below = |n: usize| rng.below(n.max(1) as u64) as usize;
    let at = below(input.len() + 1);
    let most = 1 << below(8);
    let len = below(1 + most.min(input.len() - at));
    match below(8) {
        0 if at < input.len() => input[at] ^= 1 << below(8),
        1 if at < input.len() => input[at] = BYTES[below(BYTES.len())],
        2 => drop(input.drain(at..at + len)),
        3 => {
            let copy = input[at..at + len].to_vec();
            input.splice(at..at, copy);
        }
        4 => input.truncate(at),
        5 => {
            let other = &corpus[below(corpus.len())];
            let from = below(other.len() + 1);
            let to = from + below(other.len() - from + 1);
            input.splice(at..at + len, other[from..to].iter().copied());
        }
        6 => {
            let word = WORDS[below(WORDS.len())];
            input.splice(at..at + len.min(word.len()), word.iter().copied());
        }
        _ => input.insert(at, below(256) as u8),
    }
}

/// Bytes that mean something to one of the formats.
const BYTES: &[u8] = b"\0\x01\x7f\x80\xff\xfe\xfa\xc0\xc3 \r\n\"'\\*$-+0123456789#";

/// Words and numbers at which something ends.
const WORDS: &[&[u8]] = &[
    b"\r\n",
    b"*1\r\n",
    b"$0\r\n\r\n",
    b"$-1\r\n",
    b"2147483647",
    b"2147483648",
    b"536870912",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"18446744073709551615",
    b"\xff\xff\xff\xff",
    b"\x80\x7f\xff\xff\xff",
    b"\x81\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\\x41",
    b"\"\"",
    b"include ",
];

/// A test for each target.
macro_rules! targets {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            drive(stringify!($name), targets::$name::run, targets::$name::seeds());
        }
    )*};
}

targets! { hyperloglog request inline conf rdb restore payload keyspace list hash sorted_set stream }

//! Collections of the shapes that people keep, for measuring what an element of them costs.
//!
//! Owns: the forms of their elements.   Uses: client, workload.   Never: looks at memory.

use crate::Outcome;
use crate::client::Client;
use crate::requests::push_words;
use crate::workload::{field, member, text};
use lodestore_server::base::random::Rng;

/// Elements of one command.
const STEP: u64 = 100;

/// A shape.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// What `--shapes` calls it.
    pub name: &'static str,
    /// What tables call it.
    pub about: &'static str,
    /// Commands that make it in its full size.
    commands: u64,
    /// Elements that each command adds.
    elements: u64,
    command: fn(u64, &mut Rng) -> Vec<String>,
}

impl Shape {
    /// Fills a server with a part of the full size. Returns the elements.
    pub fn fill(&self, client: &mut Client, scale: f64) -> Outcome<u64> {
        let commands = ((self.commands as f64 * scale) as u64).max(1);
        let mut rng = Rng::new(1);
        client.tell(0..commands, |number, out| {
            let words = (self.command)(number, &mut rng);
            push_words(out, &words.iter().map(String::as_str).collect::<Vec<&str>>());
        })?;
        Ok(commands * self.elements)
    }
}

const fn shape(
    name: &'static str,
    about: &'static str,
    (commands, elements): (u64, u64),
    command: fn(u64, &mut Rng) -> Vec<String>,
) -> Shape {
    Shape { name, about, commands, elements, command }
}

/// All shapes.
pub static SHAPES: [Shape; 8] = [
    shape("set", "a set of 1 M members of 15 bytes", (10_000, STEP), |at, _| {
        words("SADD", "set", range(at, STEP), |number| [member(number)])
    }),
    shape("intsets", "50 k sets of 100 integers", (50_000, 100), |at, _| {
        let first = at;
        words("SADD", &format!("ints:{at}"), 0..100, |number| [(number * 7 + first).to_string()])
    }),
    shape("hash", "a hash of 1 M fields of 14 + 16 bytes", (10_000, STEP), |at, _| {
        words("HSET", "hash", range(at, STEP), |number| [field(number), text(number)])
    }),
    shape("hashes", "1 M hashes of 10 fields", (1_000_000, 10), |at, _| {
        let value = format!("v{:06}", at % 1_000);
        words("HSET", &format!("user:{at:08}"), 0..10, |number| {
            [format!("f{number}"), value.clone()]
        })
    }),
    shape("zset", "a sorted set of 1 M members of 15 bytes", (10_000, STEP), |at, rng| {
        words("ZADD", "zset", range(at, STEP), |number| [fraction(rng), member(number)])
    }),
    shape("zsets", "10 k sorted sets of 100", (10_000, 100), |at, _| {
        words("ZADD", &format!("zset:{at}"), 0..100, |number| {
            [(number * 3 + at).to_string(), format!("m{number:06}")]
        })
    }),
    shape("list", "a list of 5 M elements of 15 bytes", (50_000, STEP), |at, _| {
        words("RPUSH", "list", range(at, STEP), |number| [format!("item:{number:010}")])
    }),
    shape("stream", "a stream of 1 M entries of 5 fields", (1_000_000, 1), |at, _| {
        let [temperature, humidity] = [at % 37, at % 91].map(|number| number.to_string());
        let (sensor, at) = ((at % 100).to_string(), at.to_string());
        let fields =
            ["sensor", &sensor, "temp", &temperature, "hum", &humidity, "unit", "c", "seq", &at];
        ["XADD", "stream", "*"].into_iter().chain(fields).map(str::to_owned).collect()
    }),
];

/// The shapes of a list of names.
pub fn named(list: &str) -> Outcome<Vec<Shape>> {
    if list == "all" {
        return Ok(SHAPES.to_vec());
    }
    let named = |word: &str| {
        let found = SHAPES.iter().find(|shape| shape.name == word).copied();
        found.ok_or_else(|| {
            let names: Vec<&str> = SHAPES.iter().map(|shape| shape.name).collect();
            format!("{word}: not all, {}", names.join(", ")).into()
        })
    };
    list.split(',').map(named).collect()
}

fn range(at: u64, step: u64) -> std::ops::Range<u64> {
    at * step..(at + 1) * step
}

fn words<const N: usize>(
    command: &str,
    key: &str,
    numbers: std::ops::Range<u64>,
    each: impl FnMut(u64) -> [String; N],
) -> Vec<String> {
    [command.to_owned(), key.to_owned()].into_iter().chain(numbers.flat_map(each)).collect()
}

/// A number with all the digits that a random double has.
fn fraction(rng: &mut Rng) -> String {
    (rng.below(1 << 53) as f64 / (1u64 << 53) as f64 * 1e6).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_adds_what_it_says() {
        let mut rng = Rng::new(1);
        let words = |shape: &Shape, rng: &mut Rng| (shape.command)(7, rng).len() as u64;
        for (shape, each) in SHAPES.iter().zip([1, 1, 2, 2, 2, 2, 1]) {
            assert_eq!(words(shape, &mut rng), 2 + shape.elements * each, "{}", shape.name);
        }
        assert_eq!(words(&SHAPES[7], &mut rng), 13);
    }

    #[test]
    fn names_of_shapes() {
        assert_eq!(named("all").unwrap().len(), SHAPES.len());
        assert_eq!(named("zset,list").unwrap()[1].name, "list");
        assert!(named("tree").is_err());
    }
}

//! Thousands of random commands on bitmaps and HyperLogLogs, beside a real redis-server: what is compared is each reply,
//! and of HyperLogLogs each byte of the string.
//!
//! `CASES=n` asks for so many of each kind, `SEED=n` for other ones.

use lodestore_server::base::random::Rng;
use lodestore_tests::client::Client;
use lodestore_tests::server::{Server, skip};
use lodestore_tests::text::quote;

/// How many random cases of each kind a normal run tries.
const CASES: u64 = 3000;
/// Requests that are sent before their replies are read.
const AHEAD: usize = 100;

type Words = Vec<Vec<u8>>;

struct Chance(Rng);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0.below(n)
    }

    fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1) as u64) as i64
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len() as u64) as usize]
    }

    /// Numbers of every size, and those beside powers of two.
    fn number(&mut self) -> i64 {
        match self.below(4) {
            0 => self.between(-300, 300),
            1 => self.0.next_u64() as i64,
            2 => (1i64 << self.below(63)) + self.between(-1, 1),
            _ => i64::MIN >> self.below(64),
        }
    }
}

fn unsaid(name: &str, number: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(number)
}

fn words(line: &str) -> Words {
    line.split_whitespace().map(|word| word.as_bytes().to_vec()).collect()
}

/// Sends the same requests to both servers and compares the replies.
fn compare(test: &str, make: impl Fn(&mut Chance, bool) -> Words) {
    let Some(peer) = Server::peer(&[]) else { return skip(test, "no redis-server is installed") };
    let server = Server::start(&[]);
    let (mut ours, mut theirs) = (server.client(), peer.client());
    let info = theirs.call(&["INFO", "server"]).text();
    let is_new = info.contains("redis_version:8.") && !info.contains("redis_version:8.0");
    let mut chance = Chance(Rng::new(unsaid("SEED", 1)));
    let mut differences = Vec::new();
    for _ in 0..unsaid("CASES", CASES).div_ceil(AHEAD as u64) {
        let requests: Vec<Words> = (0..AHEAD).map(|_| make(&mut chance, is_new)).collect();
        differences.append(&mut exchange(&mut ours, &mut theirs, &requests));
    }
    let count = differences.len();
    differences.truncate(5);
    assert!(count == 0, "{count} replies differ, such as\n{}", differences.join("\n\n"));
}

fn exchange(ours: &mut Client, theirs: &mut Client, requests: &[Words]) -> Vec<String> {
    for words in requests {
        ours.send(words);
        theirs.send(words);
    }
    let mut differences = Vec::new();
    for words in requests {
        let (mine, real) = (ours.read(), theirs.read());
        if mine != real {
            let words: Vec<String> = words.iter().map(|word| quote(word)).collect();
            let (words, mine, real) = (words.join(" "), mine.line(), real.line());
            differences.push(format!("> {words}\nours   {mine}\ntheirs {real}"));
        }
    }
    differences
}

fn range(chance: &mut Chance) -> String {
    let most = [8, 40, 50_000][chance.below(3) as usize];
    let (start, end) = (chance.between(-most, most), chance.between(-most, most));
    format!("{start} {end} {}", chance.pick(&["BIT", "BYTE"]))
}

fn fields(chance: &mut Chance) -> String {
    let mut line = String::new();
    for _ in 0..=chance.below(4) {
        let (sign, width) = (chance.pick(&["u", "i"]), 1 + chance.below(63));
        let place = match chance.below(3) {
            0 => format!("#{}", chance.below(60)),
            1 => chance.below(300).to_string(),
            _ => chance.below(30_000).to_string(),
        };
        line += &match chance.below(4) {
            0 => format!(" GET {sign}{width} {place}"),
            1 => format!(" SET {sign}{width} {place} {}", chance.number()),
            2 => format!(" INCRBY {sign}{width} {place} {}", chance.number()),
            _ => format!(" OVERFLOW {}", chance.pick(&["WRAP", "SAT", "FAIL"])),
        };
    }
    line
}

fn operation(chance: &mut Chance, is_new: bool) -> String {
    const ALL: [&str; 7] = ["AND", "OR", "XOR", "DIFF", "DIFF1", "ANDOR", "ONE"];
    let operation = chance.pick(&ALL[..if is_new { ALL.len() } else { 3 }]);
    let sources = 2 + chance.below(3);
    let sources: Vec<&str> = (0..sources).map(|_| chance.pick(&KEYS)).collect();
    format!("{operation} {} {}", chance.pick(&KEYS[..3]), sources.join(" "))
}

/// The last of them is never there.
const KEYS: [&str; 4] = ["a", "b", "c", "missing"];

#[test]
fn bits_are_those_of_a_real_server() {
    compare("bits_are_those_of_a_real_server", |chance, is_new| {
        let key = chance.pick(&KEYS[..3]);
        let at = [64, 20_000, 400_000][chance.below(3) as usize];
        let at = chance.below(at);
        let line = match chance.below(16) {
            0..=2 => format!("SETBIT {key} {at} {}", chance.below(2)),
            3 => format!("GETBIT {key} {at}"),
            4 => format!("BITCOUNT {key} {}", range(chance)),
            5 => format!("BITCOUNT {key}"),
            6 | 7 => format!("BITPOS {key} {} {}", chance.below(2), range(chance)),
            8 => format!("BITPOS {key} {} {}", chance.below(2), chance.between(-9, 9)),
            9 => format!("BITOP NOT {} {key}", chance.pick(&KEYS[..3])),
            10 => format!("BITOP {}", operation(chance, is_new)),
            11 | 12 => format!("BITFIELD {key}{}", fields(chance)),
            13 => format!("SET {key} {}", chance.below(1 << 40)),
            14 => format!("SETRANGE {key} {} \u{7f}xyz", chance.below(3000)),
            _ => format!("{} {key}", chance.pick(&["GET", "STRLEN", "GETDEL"])),
        };
        words(&line)
    });
}

#[test]
fn hyperloglogs_are_those_of_a_real_server() {
    compare("hyperloglogs_are_those_of_a_real_server", |chance, _| {
        let key = chance.pick(&KEYS[..3]);
        let line = match chance.below(14) {
            0..=5 => {
                let most = [50, 1000, 1 << 30][chance.below(3) as usize];
                let count = [0, 1, 1, 3, 20, 200][chance.below(6) as usize];
                let elements: Vec<String> =
                    (0..count).map(|_| chance.below(most).to_string()).collect();
                format!("PFADD {key} {}", elements.join(" "))
            }
            6 => format!("PFCOUNT {key}"),
            7 => format!("PFCOUNT {key} {}", chance.pick(&KEYS)),
            8 => format!("PFMERGE {key} {} {}", chance.pick(&KEYS), chance.pick(&KEYS)),
            9 => format!("PFDEBUG {} {key}", chance.pick(&["ENCODING", "DECODE", "TODENSE"])),
            10 if chance.below(2) == 0 => format!("DEL {key}"),
            11 => {
                let most = chance.pick(&["0", "30", "100", "500", "3000", "3000", "20000"]);
                format!("CONFIG SET hll-sparse-max-bytes {most}")
            }
            _ => format!("GET {key}"),
        };
        words(&line)
    });
}

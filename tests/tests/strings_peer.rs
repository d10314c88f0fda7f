//! Thousands of random string commands, beside a real redis-server: sums of floating point numbers, parts of strings,
//! longest common subsequences. What is compared is each reply, to the last digit.
//!
//! `CASES=n` asks for so many of each kind, `SEED=n` for other ones.

use lodestore_tests::client::Client;
use lodestore_tests::server::{Server, skip};
use lodestore_tests::text::quote;

/// How many random cases of each kind a normal run tries.
const CASES: u64 = 3000;
/// Requests that are sent before their replies are read.
const AHEAD: usize = 200;

type Words = Vec<Vec<u8>>;

/// Chance that repeats itself for the same seed (xorshift over a Weyl sequence).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1) as u64) as i64
    }

    fn digits(&mut self, most: u64, of: &str) -> String {
        let count = self.below(most + 1);
        let of: Vec<char> = of.chars().collect();
        (0..count).map(|_| of[self.below(of.len() as u64) as usize]).collect()
    }
}

fn number(name: &str, unsaid: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(unsaid)
}

/// Sends the same requests to both servers and compares the replies.
fn compare(test: &str, make: impl Fn(&mut Chance) -> Vec<Words>) {
    let Some(peer) = Server::peer(&[]) else { return skip(test, "no redis-server is installed") };
    let server = Server::start(&[]);
    let (mut ours, mut theirs) = (server.client(), peer.client());
    let mut chance = Chance(number("SEED", 1));
    let mut differences = Vec::new();
    for _ in 0..number("CASES", CASES).div_ceil(AHEAD as u64) {
        let requests: Vec<Words> = (0..AHEAD).flat_map(|_| make(&mut chance)).collect();
        for (at, words) in exchange(&mut ours, &mut theirs, &requests) {
            let before = at.saturating_sub(2)..=at;
            let lines: Vec<String> = requests[before].iter().map(|words| shown(words)).collect();
            differences.push(format!("{}\n{words}", lines.join("\n")));
        }
    }
    let count = differences.len();
    differences.truncate(10);
    assert!(count == 0, "{count} replies differ, such as\n{}", differences.join("\n\n"));
}

/// The positions of the requests whose replies differ, with both replies.
fn exchange(ours: &mut Client, theirs: &mut Client, requests: &[Words]) -> Vec<(usize, String)> {
    for words in requests {
        ours.send(words);
        theirs.send(words);
    }
    let mut differences = Vec::new();
    for at in 0..requests.len() {
        let (mine, real) = (ours.read(), theirs.read());
        if mine != real {
            differences.push((at, format!("ours   {}\ntheirs {}", mine.line(), real.line())));
        }
    }
    differences
}

fn shown(words: &[Vec<u8>]) -> String {
    let words: Vec<String> = words.iter().map(|word| quote(word)).collect();
    format!("> {}", words.join(" "))
}

fn words(parts: &[&str]) -> Words {
    parts.iter().map(|part| part.as_bytes().to_vec()).collect()
}

/// The text of a number, or nearly.
fn float(chance: &mut Chance) -> String {
    const DECIMAL: &str = "0123456789";
    let sign = ["", "", "-", "+"][chance.below(4) as usize];
    let body = match chance.below(12) {
        0 => (chance.next() as i64).unsigned_abs().to_string(),
        1 => u128::from(chance.next()).wrapping_mul(chance.next().into()).to_string(),
        2 => format!("{}.{}", chance.digits(30, DECIMAL), chance.digits(30, DECIMAL)),
        3 => format!("{}e{}", chance.digits(20, DECIMAL), chance.between(-5000, 5000)),
        4 => format!(
            "{}.{}E{}",
            chance.digits(3, DECIMAL),
            chance.digits(25, DECIMAL),
            chance.between(-40, 40)
        ),
        5 => format!(
            "0x{}.{}p{}",
            chance.digits(18, "0123456789abcdefABCDEF"),
            chance.digits(8, "08f"),
            chance.between(-80, 80)
        ),
        // Halves and quarters of the last bit: ties.
        6 => format!("0x{:x}p{}", chance.next() >> chance.below(64), chance.between(-70, 5)),
        7 => ["inf", "nan", "", ".", "1e", "infinity", "0x", "1 ", "0x1p-16446", "0x1.8p-16446"]
            [chance.below(10) as usize]
            .into(),
        8 => format!("{}.5", 1u64 << chance.below(64)),
        _ => format!("{}.{}", chance.below(1000), chance.digits(6, DECIMAL)),
    };
    format!("{sign}{body}")
}

#[test]
fn floats_add_up_to_the_last_digit() {
    compare("floats_add_up_to_the_last_digit", |chance| {
        let (value, increment) = (float(chance), float(chance));
        vec![
            words(&["SET", "f", &value]),
            words(&["INCRBYFLOAT", "f", &increment]),
            words(&["GET", "f"]),
        ]
    });
}

#[test]
fn parts_are_read_and_overwritten() {
    compare("parts_are_read_and_overwritten", |chance| {
        let most = [3, 30, 2000, 40_000][chance.below(4) as usize];
        let len = chance.below(most + 1);
        let first = chance.next() as u8;
        let value = (0..len).map(|at| first.wrapping_add((at * at / 3) as u8)).collect();
        let near =
            |chance: &mut Chance| chance.between(-(len as i64) - 3, len as i64 + 3).to_string();
        let (start, end) = (near(chance), near(chance));
        let offset = chance.between(-1, 2 * len as i64 + 10).to_string();
        let patch = chance.digits(12, "abc");
        vec![
            vec![b"SET".to_vec(), b"k".to_vec(), value],
            words(&["GETRANGE", "k", &start, &end]),
            words(&["SETRANGE", "k", &offset, &patch]),
            words(&["SUBSTR", "k", &start, "-1"]),
            words(&["GETRANGE", "k", "0", &end]),
            words(&["GET", "k"]),
        ]
    });
}

#[test]
fn the_same_subsequence_is_found() {
    compare("the_same_subsequence_is_found", |chance| {
        let letters = ["a", "ab", "abc", "acgt", "abcdefghij"][chance.below(5) as usize];
        let most = [5, 70, 200][chance.below(3) as usize];
        let (a, b) = (chance.digits(most, letters), chance.digits(most, letters));
        let least = chance.below(4).to_string();
        vec![
            words(&["MSET", "a", &a, "b", &b]),
            words(&["LCS", "a", "b"]),
            words(&["LCS", "a", "b", "LEN"]),
            words(&["LCS", "a", "b", "IDX", "WITHMATCHLEN", "MINMATCHLEN", &least]),
        ]
    });
}

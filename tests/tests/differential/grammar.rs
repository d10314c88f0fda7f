//! From a form to a command: what each kind of argument may be.
//!
//! Owns: the reading of forms, the choice of arguments.   Uses: forms, the server's generator of
//! random numbers.   Never: the order of commands (`program`).

use crate::families::{FAMILIES, KEYS_OF, POOLS};
use crate::forms::{DATABASES, FLOATS, FORMS, KEYS, NAMES, NUMBERS, PATTERNS, TYPES, VALUES};
use lodestore_server::base::random::Rng;
use lodestore_tests::transcript::{Version, version};
use std::collections::BTreeSet;

/// The words of a command.
pub type Args = Vec<Vec<u8>>;

/// A piece of a form.
#[derive(Debug)]
enum Part {
    Word(Vec<u8>),
    Kind(String),
    Choice { optional: bool, of: Vec<Vec<Part>> },
    Repeat { counted: bool, part: Box<Part> },
}

/// The form of one command.
#[derive(Debug)]
struct Form {
    weight: u64,
    parts: Vec<Part>,
}

/// The names of commands and subcommands, as in `client|id`.
pub struct Known {
    /// What both servers know.
    pub both: BTreeSet<String>,
    /// What only one of them knows.
    pub one: BTreeSet<String>,
}

impl Known {
    /// Whether no word of a command is known to one server only. Commands inside others count too.
    pub fn is_alike(&self, args: &[Vec<u8>]) -> bool {
        let Some((first, rest)) = args.split_first() else { return true };
        let name = String::from_utf8_lossy(first).to_lowercase();
        let second = rest.first().map(|arg| String::from_utf8_lossy(arg).to_lowercase());
        let both = format!("{name}|{}", second.unwrap_or_default());
        let is_wrapper = both.starts_with("command|getkeys") || both == "command|info";
        !self.one.contains(&name)
            && !self.one.contains(&both)
            && (!is_wrapper || self.is_alike(&rest[1..]))
    }
}

/// Every form that both servers know.
pub struct Grammar {
    forms: Vec<Form>,
    /// What the servers know.
    pub known: Known,
    /// The words with a meaning: what a spoiled command is spoiled with.
    vocabulary: Vec<Vec<u8>>,
    /// What DUMP answered for a few values.
    pub payloads: Vec<Vec<u8>>,
}

/// The source of chance of one program.
pub struct Dice {
    rng: Rng,
    /// How many times were drawn: no two of a program are near each other, so that "later" and "earlier"
    /// do not depend on how fast a server is.
    times: i64,
}

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice { rng: Rng::new(seed), times: 0 }
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        self.rng.below(n as u64) as usize
    }

    /// True once in `n` times.
    pub fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    /// Seconds, at least 1000 away from all others of this program.
    fn seconds(&mut self) -> i64 {
        self.times += 1;
        1000 * self.times
    }
}

impl Grammar {
    /// The forms of the commands in `known`, for a peer of this version.
    pub fn new(known: Known, peer: Version) -> Grammar {
        let (forms, vocabulary, payloads) = (Vec::new(), Vec::new(), Vec::new());
        let mut grammar = Grammar { forms, known, vocabulary, payloads };
        let all = std::iter::once(&FORMS).chain(FAMILIES).flat_map(|forms| forms.lines());
        for line in all.filter(|line| !line.is_empty()) {
            let (weight, form) = line.split_once(' ').expect("a weight, a space, a form");
            let mut words = form.split(' ').map(str::to_lowercase);
            let name = words.next().expect("a form has a name");
            let start: Vec<_> = std::iter::once(name.clone()).chain(words.next()).collect();
            let start: Args = start.into_iter().map(String::into_bytes).collect();
            if !grammar.known.both.contains(&name) || !grammar.known.is_alike(&start) {
                continue;
            }
            let mut reader = Reader { rest: form, peer };
            let parts = reader.sequence();
            assert!(reader.rest.is_empty(), "{form}: {} is left", reader.rest);
            parts.iter().for_each(|part| grammar.learn(part));
            let weight = weight.parse().expect("a weight is a number");
            grammar.forms.push(Form { weight, parts });
        }
        grammar.vocabulary.sort();
        grammar.vocabulary.dedup();
        grammar
    }

    /// How many forms there are.
    pub fn len(&self) -> usize {
        self.forms.len()
    }

    fn learn(&mut self, part: &Part) {
        match part {
            Part::Word(word) => self.vocabulary.push(word.clone()),
            Part::Kind(_) => {}
            Part::Choice { of, .. } => of.iter().flatten().for_each(|part| self.learn(part)),
            Part::Repeat { part, .. } => self.learn(part),
        }
    }

    /// A command, now and then a spoiled one.
    pub fn command(&self, dice: &mut Dice) -> Args {
        let total: u64 = self.forms.iter().map(|form| form.weight).sum();
        let mut at = dice.below(total as usize) as u64;
        let form = self.forms.iter().find(|form| {
            let here = at < form.weight;
            at = at.saturating_sub(form.weight);
            here
        });
        let mut args = Args::new();
        self.write(&form.expect("a number below the sum of all weights").parts, dice, &mut args);
        if dice.once_in(9) {
            self.spoil(dice, &mut args);
        }
        if dice.once_in(10) {
            mix_case(dice, &mut args);
        }
        args
    }

    /// Writes parts; neighbouring optional ones in any order, as options come.
    fn write(&self, parts: &[Part], dice: &mut Dice, args: &mut Args) {
        let first_option = parts
            .iter()
            .position(|part| matches!(part, Part::Choice { optional: true, .. }))
            .unwrap_or(parts.len());
        let mut order: Vec<usize> = (0..parts.len()).collect();
        for at in first_option..parts.len() {
            order.swap(at, first_option + dice.below(at + 1 - first_option));
        }
        for at in order {
            self.write_part(&parts[at], dice, args);
        }
    }

    fn write_part(&self, part: &Part, dice: &mut Dice, args: &mut Args) {
        match part {
            Part::Word(word) => args.push(word.clone()),
            Part::Kind(kind) => self.argument(kind, dice, args),
            Part::Choice { optional: true, .. } if dice.below(5) < 3 => {}
            Part::Choice { of, .. } => {
                if let Some(at) = of.len().checked_sub(1) {
                    self.write(&of[dice.below(at + 1)], dice, args);
                }
            }
            Part::Repeat { counted, part } => {
                let count = 1 + dice.below(3);
                if *counted {
                    args.push(count.to_string().into_bytes());
                }
                (0..count).for_each(|_| self.write_part(part, dice, args));
            }
        }
    }

    /// An argument of a kind.
    fn argument(&self, kind: &str, dice: &mut Dice, args: &mut Args) {
        let text = |number: i64| number.to_string().into_bytes();
        args.push(match kind {
            "key" => key(dice),
            "value" => value(dice),
            "int" => number(dice),
            "small" => text(dice.below(130) as i64),
            "offset" if dice.once_in(2) => text(dice.below(60) as i64),
            "offset" => number(dice),
            "float" if dice.once_in(3) => number(dice),
            "float" => dice.pick(FLOATS).to_vec(),
            // Boundaries apart, times are far away or long ago.
            "ttl" | "pttl" | "at" | "pat" | "resttl" if dice.once_in(7) => number(dice),
            "ttl" => text(dice.seconds()),
            "pttl" => text(dice.seconds() * 1000 + 500),
            "at" | "pat" if dice.once_in(5) => b"1".to_vec(),
            "at" => text(4_000_000_000 + dice.seconds()),
            "pat" => text((4_000_000_000 + dice.seconds()) * 1000 + 500),
            "resttl" if dice.once_in(2) => b"0".to_vec(),
            "resttl" => text(dice.seconds() * 1000 + 500),
            "pattern" => dice.pick(PATTERNS).to_vec(),
            "db" if dice.once_in(8) => dice.pick(&[&b"9"[..], b"16", b"-1", b"x", b""]).to_vec(),
            "db" => dice.pick(DATABASES).to_vec(),
            "cursor" if dice.once_in(5) => number(dice),
            "cursor" | "zero" => b"0".to_vec(),
            "short" => text(1 + dice.below(3) as i64),
            // No client has ids so high.
            "farid" => text(1 << 50),
            "count" if dice.once_in(4) => number(dice),
            "count" => b"1000".to_vec(),
            "type" => dice.pick(TYPES).to_vec(),
            "name" => dice.pick(NAMES).to_vec(),
            "proto" => dice.pick(&[&b"2"[..], b"3", b"3", b"4", b"x"]).to_vec(),
            "digest" => dice.pick(&[&b"0000000000000000"[..], b"b6acb9d84a38ff74", b"x"]).to_vec(),
            "category" => dice.pick(&[&b"string"[..], b"@read", b"keyspace", b"nosuch"]).to_vec(),
            "flags" => dice.pick(&[&b"KEA"[..], b"", b"Kg", b"E$x", b"?"]).to_vec(),
            "policy" => dice.pick(&[&b"noeviction"[..], b"allkeys-lru", b"none"]).to_vec(),
            "section" => dice.pick(&[&b"server"[..], b"keyspace", b"nosuch", b"all"]).to_vec(),
            "setting" => dice.pick(SETTINGS).to_vec(),
            "payload" => self.payload(dice),
            "command" => return args.extend(self.command(dice)),
            other => match POOLS.iter().find(|(name, _)| *name == other) {
                Some((_, pool)) => dice.pick(pool).to_vec(),
                None => key_of(other, dice),
            },
        });
    }

    fn payload(&self, dice: &mut Dice) -> Vec<u8> {
        if self.payloads.is_empty() {
            return value(dice);
        }
        let mut payload = self.payloads[dice.below(self.payloads.len())].clone();
        if dice.once_in(6) {
            let at = dice.below(payload.len());
            payload[at] ^= 1 << dice.below(8);
        }
        payload
    }

    /// Makes a command that is probably wrong: too few or too many words, or other ones.
    fn spoil(&self, dice: &mut Dice, args: &mut Args) {
        let at = 1 + dice.below(args.len());
        let word = match dice.below(4) {
            0 => value(dice),
            1 => number(dice),
            _ => self.vocabulary[dice.below(self.vocabulary.len())].clone(),
        };
        match dice.below(5) {
            0 if at < args.len() => drop(args.remove(at)),
            1 if at < args.len() => args.truncate(at),
            2 if at < args.len() => args[at] = word,
            3 if at < args.len() => {
                let again = args[at].clone();
                args.push(again);
            }
            _ => args.insert(at, word),
        }
    }
}

/// Settings whose values the tests know to be equal on both sides.
const SETTINGS: &[&[u8]] = &[
    b"maxmemory-policy",
    b"lfu-log-factor",
    b"LFU-decay-time",
    b"notify-keyspace-events",
    b"nosuch",
    b"lfu*",
];

/// A key of a kind; now and then any other.
fn key_of(kind: &str, dice: &mut Dice) -> Vec<u8> {
    let Some((_, keys)) = KEYS_OF.iter().find(|(name, _)| *name == kind) else {
        panic!("a form names the kind {kind}, which is none");
    };
    if dice.once_in(10) { key(dice) } else { dice.pick(keys).to_vec() }
}

fn key(dice: &mut Dice) -> Vec<u8> {
    if dice.once_in(4) {
        let (_, keys) = KEYS_OF[dice.below(KEYS_OF.len())];
        return dice.pick(&keys).to_vec();
    }
    // The first keys are met more often than the others.
    let most = 1 + dice.below(KEYS.len());
    KEYS[dice.below(most)].to_vec()
}

fn value(dice: &mut Dice) -> Vec<u8> {
    match dice.below(12) {
        0..=6 => dice.pick(VALUES).to_vec(),
        7..=8 => number(dice),
        9 => dice.pick(FLOATS).to_vec(),
        _ => {
            // Around what is embedded (44), what is packed, what is kept apart.
            let len = [20, 21, 43, 44, 45, 64, 300, 2000][dice.below(8)];
            let unit = dice.pick(&[&b"v"[..], b"ab", b"0", b"lodestore ", b"\xff\x00"]);
            unit.iter().copied().cycle().take(len).collect()
        }
    }
}

fn number(dice: &mut Dice) -> Vec<u8> {
    dice.pick(NUMBERS).to_vec()
}

fn mix_case(dice: &mut Dice, args: &mut Args) {
    for arg in args {
        let word: Vec<u8> = match dice.below(3) {
            0 => arg.to_ascii_lowercase(),
            1 => arg
                .iter()
                .map(|b| if dice.once_in(2) { b.to_ascii_lowercase() } else { *b })
                .collect(),
            _ => continue,
        };
        // Keys and values are small letters already.
        *arg = word;
    }
}

/// Reads forms.
struct Reader<'a> {
    rest: &'a str,
    peer: Version,
}

impl Reader<'_> {
    fn sequence(&mut self) -> Vec<Part> {
        let mut parts = Vec::new();
        loop {
            self.rest = self.rest.trim_start_matches(' ');
            match self.rest.chars().next() {
                None | Some('|' | ')' | ']') => return parts,
                Some(_) => parts.push(self.part()),
            }
        }
    }

    fn part(&mut self) -> Part {
        let counted = self.skip("#");
        let part = if self.skip("[") {
            self.choice(true, "]")
        } else if self.skip("(") {
            self.choice(false, ")")
        } else {
            let end = self.rest.find([' ', '|', ')', ']', '.']).unwrap_or(self.rest.len());
            let (word, rest) = self.rest.split_at(end);
            self.rest = rest;
            match is_kind(word) {
                true => Part::Kind(word.into()),
                false => Part::Word(word.into()),
            }
        };
        if self.skip("...") { Part::Repeat { counted, part: Box::new(part) } } else { part }
    }

    fn choice(&mut self, optional: bool, close: &str) -> Part {
        let mut of = Vec::new();
        loop {
            let since = self.since();
            let parts = self.sequence();
            if since <= self.peer {
                of.push(parts);
            }
            if self.skip(close) {
                return Part::Choice { optional, of };
            }
            assert!(self.skip("|"), "an alternative ends at {}", self.rest);
        }
    }

    fn since(&mut self) -> Version {
        if !self.skip("@") {
            return (0, 0);
        }
        let (text, rest) = self.rest.split_once(' ').expect("a version stands before a word");
        self.rest = rest;
        version(text).expect("a form names a version")
    }

    fn skip(&mut self, mark: &str) -> bool {
        let after = self.rest.strip_prefix(mark);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }
}

/// Whether a word of a form stands for something else.
fn is_kind(word: &str) -> bool {
    KINDS.contains(&word)
        || KEYS_OF.iter().any(|(kind, _)| *kind == word)
        || POOLS.iter().any(|(kind, _)| *kind == word)
}

/// The kinds of arguments that are no words of a pool.
const KINDS: &[&str] = &[
    "key", "value", "int", "small", "offset", "float", "ttl", "pttl", "at", "pat", "resttl",
    "pattern", "db", "cursor", "zero", "short", "farid", "count", "type", "name", "proto",
    "digest", "category", "flags", "policy", "section", "setting", "payload", "command",
];

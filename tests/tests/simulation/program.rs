//! Programs: what clients, time and the disk do, step by step, with all chance already in it.
//!
//! Owns: the steps and how they are made.   Uses: dice, the model's rows.   Never: runs anything.
//!
//! No step depends on another one, so that a failing program can be cut down to what makes it fail.

use crate::dice::{BEGIN_MS, Dice, Words};
use crate::model::{Row, Who, rows};
use crate::world::Fault;
use std::fmt;

/// How many clients there are.
pub const CLIENTS: usize = 5;

/// One thing that happens.
#[derive(Clone)]
pub enum Step {
    /// A client connects, if it is not connected.
    Connect(Who),
    /// It sends requests.
    Send(Who, Vec<Words>),
    /// So many bytes of what it sent arrive.
    Arrive(Who, usize),
    /// It sends no more; what has not arrived is lost.
    End(Who),
    /// Its connection breaks.
    Break(Who),
    /// So many microseconds pass, and the engine has a turn.
    Turn(u64),
    /// Something will go wrong with the next snapshot.
    Fault(Fault),
}

/// A whole run.
#[derive(Clone)]
pub struct Program {
    /// What the engine and its world get as seed.
    pub seed: u64,
    /// How many databases there are.
    pub databases: usize,
    /// Snapshots are written by themselves as well.
    pub save_points: bool,
    /// Somebody collects the follower stream.
    pub feed: bool,
    /// What happens.
    pub steps: Vec<Step>,
}

/// The program of a seed.
pub fn program(seed: u64) -> Program {
    let mut dice = Dice::new(seed);
    let mut maker = Maker { steps: Vec::new(), rows: Rows::new(), micros: 0 };
    let count = dice.pick(&[60, 200, 200, 600]);
    for who in 0..CLIENTS {
        maker.steps.push(Step::Connect(who));
    }
    while maker.steps.len() < count {
        maker.step(&mut dice);
    }
    Program {
        seed,
        databases: dice.pick(&[1, 4, 16]),
        save_points: dice.once_in(2),
        feed: !dice.once_in(3),
        steps: maker.steps,
    }
}

struct Maker {
    steps: Vec<Step>,
    rows: Rows,
    micros: u64,
}

impl Maker {
    fn step(&mut self, dice: &mut Dice) {
        let who = dice.below(CLIENTS as u64) as Who;
        match dice.below(100) {
            0 => self.steps.push(Step::End(who)),
            1 => self.steps.push(Step::Break(who)),
            2..6 => self.steps.push(Step::Connect(who)),
            6 => self.steps.push(Step::Fault(fault(dice))),
            7..50 => {
                let requests = self.requests(dice);
                self.steps.push(Step::Send(who, requests));
                if !dice.once_in(4) {
                    self.steps.push(Step::Arrive(who, usize::MAX));
                }
            }
            50..62 => {
                let bytes = dice.pick(&[1, 2, 7, 30, 500, 5_000, 40_000]);
                self.steps.push(Step::Arrive(who, bytes));
            }
            62..70 => self.steps.push(Step::Arrive(who, usize::MAX)),
            _ => {
                let most = dice.pick(&[100, 3_000, 3_000, 300_000, 3_000_000]);
                let micros = dice.below(most);
                self.micros += micros;
                dice.now_ms = BEGIN_MS + (self.micros / 1000) as i64;
                self.steps.push(Step::Turn(micros));
            }
        }
    }

    fn requests(&mut self, dice: &mut Dice) -> Vec<Words> {
        let count = match dice.below(12) {
            0 => 40,
            1 => 0,
            _ => 1 + dice.below(5),
        };
        let mut requests: Vec<Words> = (0..count).map(|_| self.rows.request(dice)).collect();
        if dice.once_in(6) {
            requests.insert(0, vec![dice.case("multi")]);
            requests.push(vec![dice.case("exec")]);
            if dice.once_in(3) {
                if dice.once_in(2) {
                    requests.insert(0, self.rows.request(dice));
                }
                requests.insert(0, vec![b"watch".to_vec(), dice.key()]);
            }
        }
        requests
    }
}

fn fault(dice: &mut Dice) -> Fault {
    match dice.below(3) {
        0 => Fault::Fork,
        1 => Fault::Killed,
        _ => Fault::Full(dice.below(2_000) as usize),
    }
}

/// The rows to choose from.
struct Rows {
    rows: Vec<&'static Row>,
    total: u64,
}

impl Rows {
    fn new() -> Rows {
        let rows: Vec<&Row> = rows().collect();
        Rows { total: rows.iter().map(|row| row.weight).sum(), rows }
    }

    fn request(&self, dice: &mut Dice) -> Words {
        if dice.once_in(150) {
            return vec![b"nosuch".to_vec(), b"word".to_vec(), dice.number()];
        }
        let mut at = dice.below(self.total);
        let row = self.rows.iter().find(|row| {
            let found = at < row.weight;
            at = at.saturating_sub(row.weight);
            found
        });
        let row = row.expect("the weights add up to the total");
        let mut words = vec![if dice.once_in(8) { dice.case(row.name) } else { row.name.into() }];
        words.extend((row.make)(dice));
        if dice.once_in(150) && row.arity > 0 {
            words.push(b"more".to_vec());
        }
        words
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Connect(who) => write!(f, "{who} connects"),
            Step::Send(who, requests) => {
                write!(f, "{who} sends")?;
                for words in requests {
                    write!(f, "\n        {}", line(words))?;
                }
                Ok(())
            }
            Step::Arrive(who, usize::MAX) => write!(f, "{who}: everything arrives"),
            Step::Arrive(who, bytes) => write!(f, "{who}: {bytes} bytes arrive"),
            Step::End(who) => write!(f, "{who} sends no more"),
            Step::Break(who) => write!(f, "{who}: the connection breaks"),
            Step::Turn(micros) => write!(f, "a turn after {} ms", *micros as f64 / 1000.0),
            Step::Fault(fault) => write!(f, "the next snapshot fails: {fault:?}"),
        }
    }
}

/// A request as somebody would type it.
pub fn line(words: &Words) -> String {
    let word = |word: &Vec<u8>| match word.len() {
        0..=60 if word.iter().all(u8::is_ascii_graphic) && !word.is_empty() => {
            String::from_utf8_lossy(word).into_owned()
        }
        0..=60 => format!("\"{}\"", word.escape_ascii()),
        length => format!("<{length} bytes>"),
    };
    words.iter().map(word).collect::<Vec<_>>().join(" ")
}

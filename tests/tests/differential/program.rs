//! A random program: who sends what, in which order.
//!
//! Owns: programs and their ends.   Uses: grammar, judge (what is never sent).   Never: a socket.

use crate::families::KEYS_OF;
use crate::forms::{DATABASES, KEYS};
use crate::grammar::{Args, Dice, Grammar};
use crate::judge::is_sent;
use lodestore_tests::client::Proto;
use std::time::Duration;

/// How many clients a program has, the last one being who looks at the data in the end.
pub const CLIENTS: usize = 4;
/// The client that looks at everything in the end.
pub const OBSERVER: usize = CLIENTS - 1;

/// What happens next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    Send(Args),
    Wait(Duration),
}

/// One step of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub who: usize,
    pub act: Act,
}

/// What is played against both servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    pub proto: Proto,
    pub steps: Vec<Step>,
}

impl Program {
    /// The program of a seed.
    pub fn random(grammar: &Grammar, seed: u64) -> Program {
        let mut dice = Dice::new(seed);
        let proto = if dice.once_in(2) { Proto::Resp2 } else { Proto::Resp3 };
        let mut program = Program { proto, steps: Vec::new() };
        let clients = 1 + dice.below(OBSERVER);
        let mut who = 0;
        for _ in 0..30 + dice.below(120) {
            if dice.once_in(8) {
                who = dice.below(clients);
            }
            let command = grammar.command(&mut dice);
            if is_sent(&command) && grammar.known.is_alike(&command) {
                program.send(who, command);
            }
            if dice.once_in(1000) {
                program.expire_something(who, &mut dice);
            }
        }
        program.look_at_everything(grammar);
        program
    }

    fn send(&mut self, who: usize, args: Args) {
        self.steps.push(Step { who, act: Act::Send(args) });
    }

    /// A key whose time passes while nobody does anything.
    fn expire_something(&mut self, who: usize, dice: &mut Dice) {
        let key = dice.pick(KEYS);
        // A transaction would put it off.
        self.send(who, words(&[b"DISCARD"]));
        self.send(who, words(&[b"PEXPIRE", key, b"1"]));
        self.steps.push(Step { who, act: Act::Wait(Duration::from_millis(25)) });
    }

    /// The data set, key by key and as a whole.
    fn look_at_everything(&mut self, grammar: &Grammar) {
        let has_object = grammar.known.both.contains("object|encoding");
        for db in DATABASES {
            self.send(OBSERVER, words(&[b"SELECT", db]));
            let of_families = KEYS_OF.iter().flat_map(|(_, keys)| keys);
            for key in KEYS.iter().chain(of_families) {
                for question in [&b"TYPE"[..], b"PEXPIRETIME", b"GET"] {
                    self.send(OBSERVER, words(&[question, key]));
                }
                if has_object {
                    self.send(OBSERVER, words(&[b"OBJECT", b"ENCODING", key]));
                }
            }
            // Removes what has expired, under whatever name.
            self.send(OBSERVER, words(&[b"SCAN", b"0", b"COUNT", b"1000"]));
            self.send(OBSERVER, words(&[b"KEYS", b"*"]));
            self.send(OBSERVER, words(&[b"DBSIZE"]));
        }
        self.send(OBSERVER, words(&[b"DEBUG", b"DIGEST"]));
    }
}

fn words(words: &[&[u8]]) -> Args {
    words.iter().map(|word| word.to_vec()).collect()
}

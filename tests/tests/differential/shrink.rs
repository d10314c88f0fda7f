//! Makes a program that shows a difference as short and as plain as it can be.
//!
//! Owns: what is tried.   Uses: run.   Never: a program that shows no difference.

use crate::judge::is_sent;
use crate::program::{Act, Program, Step};
use crate::run::{Arena, Difference};
use lodestore_tests::client::Proto;
use std::time::{Duration, Instant};

/// How long may be tried.
const TIME: Duration = Duration::from_secs(20);

/// The shortest program found that still shows a difference, with it.
pub fn shrink(arena: &mut Arena, program: Program, found: Difference) -> (Program, Difference) {
    let mut best = Best { arena, program, found, end: Instant::now() + TIME };
    best.cut_end();
    loop {
        let before = best.program.clone();
        best.drop_steps();
        best.merge_clients();
        best.simplify_words();
        if best.program == before || best.is_late() {
            return (best.program, best.found);
        }
    }
}

struct Best<'a> {
    arena: &'a mut Arena,
    program: Program,
    found: Difference,
    end: Instant,
}

impl Best<'_> {
    fn is_late(&self) -> bool {
        Instant::now() > self.end
    }

    /// Takes `candidate` if it shows a difference too; what follows the difference is cut off.
    fn consider(&mut self, mut candidate: Program) -> bool {
        if self.is_late() {
            return false;
        }
        let Some(found) = self.arena.play(&candidate) else { return false };
        candidate.steps.truncate(found.step + 1);
        self.program = candidate;
        self.found = found;
        true
    }

    fn cut_end(&mut self) {
        self.program.steps.truncate(self.found.step + 1);
    }

    /// Leaves out steps: halves first, single ones in the end.
    fn drop_steps(&mut self) {
        let mut len = self.program.steps.len().div_ceil(2);
        while len > 0 {
            let mut at = 0;
            while at < self.program.steps.len() {
                let mut candidate = self.program.clone();
                let end = (at + len).min(candidate.steps.len());
                candidate.steps.drain(at..end);
                if candidate.steps.is_empty() || !self.consider(candidate) {
                    at += len;
                }
            }
            len /= 2;
        }
    }

    /// One client and RESP2, where they do.
    fn merge_clients(&mut self) {
        let mut candidate = self.program.clone();
        candidate.steps.iter_mut().for_each(|step| step.who = 0);
        if candidate != self.program {
            self.consider(candidate);
        }
        if self.program.proto == Proto::Resp3 {
            self.consider(Program { proto: Proto::Resp2, ..self.program.clone() });
        }
    }

    /// Plainer words, and fewer.
    fn simplify_words(&mut self) {
        let mut at = 0;
        while at < self.program.steps.len() {
            let mut word = 1;
            while let Some(arg) = word_at(&self.program.steps, at, word) {
                if self.consider_with(at, |args| drop(args.remove(word))) {
                    continue;
                }
                for plain in plainer(&arg) {
                    if self.consider_with(at, |args| args[word] = plain.clone()) {
                        break;
                    }
                }
                word += 1;
            }
            at += 1;
        }
    }

    /// Tries the program with another command at a step, if that is one that may be sent.
    fn consider_with(&mut self, at: usize, change: impl FnOnce(&mut Vec<Vec<u8>>)) -> bool {
        let mut candidate = self.program.clone();
        if let Act::Send(args) = &mut candidate.steps[at].act {
            change(args);
            if !is_sent(args) {
                return false;
            }
        }
        self.consider(candidate)
    }
}

fn word_at(steps: &[Step], at: usize, word: usize) -> Option<Vec<u8>> {
    match &steps.get(at)?.act {
        Act::Send(args) => args.get(word).cloned(),
        Act::Wait(_) => None,
    }
}

/// Words that say less than `arg`, the plainest first.
fn plainer(arg: &[u8]) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = [&b"k"[..], b"1", b"a"].iter().map(|word| word.to_vec()).collect();
    all.push(arg.to_ascii_uppercase());
    if arg.len() > 3 {
        all.push(arg[..arg.len() / 2].to_vec());
        all.push(arg[..arg.len() - 1].to_vec());
    }
    let place = all.iter().position(|word| word == arg).unwrap_or(all.len());
    all.truncate(place);
    all
}

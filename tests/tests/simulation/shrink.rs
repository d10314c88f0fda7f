//! Cuts a failing program down.
//!
//! Owns: the search.   Uses: run.   Never: changes a step, but for leaving requests out.

use crate::program::{Program, Step};
use crate::run::{Failure, Record, play};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Plays a program; a panic is a failure like any other.
///
/// # Errors
/// What is not as the model says, or the panic's message.
pub fn attempt(program: &Program, trace: bool) -> Result<Record, Failure> {
    catch_unwind(AssertUnwindSafe(|| play(program, trace))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string()));
        let what = format!("panic: {}", text.unwrap_or_default());
        Err(Failure { step: program.steps.len(), what })
    })
}

/// The shortest program found that still fails: first its shortest failing beginning, then without
/// every step and request that is not needed.
pub fn shrink(program: &Program, failure: &Failure) -> Program {
    let mut small = Search { program: program.clone(), kind: kind(&failure.what) };
    small.program.steps.truncate(failure.step + 1);
    let quiet = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    small.bisect();
    while small.drop_steps() | small.drop_requests() {}
    std::panic::set_hook(quiet);
    small.program
}

/// The kind of a failure: its words up to the first colon, without numbers.
fn kind(what: &str) -> String {
    what.chars().take_while(|&c| c != ':').filter(|c| !c.is_ascii_digit()).collect()
}

/// A program that fails in one way, and is to go on failing in that way.
struct Search {
    program: Program,
    kind: String,
}

impl Search {
    fn fails(&self, program: &Program) -> bool {
        attempt(program, false).is_err_and(|failure| kind(&failure.what) == self.kind)
    }

    /// Halves the distance to the shortest beginning that fails, as if every longer one failed too.
    fn bisect(&mut self) {
        let steps = self.program.steps.clone();
        let (mut sound, mut failing) = (0, steps.len());
        while failing - sound > 1 {
            let middle = sound + (failing - sound) / 2;
            let beginning = Program { steps: steps[..middle].to_vec(), ..self.program.clone() };
            if self.fails(&beginning) { failing = middle } else { sound = middle }
        }
        self.program.steps.truncate(failing);
    }

    /// Leaves out runs of steps, long ones first. True if any could be.
    fn drop_steps(&mut self) -> bool {
        let before = self.program.steps.len();
        let mut length = (before / 2).max(1);
        loop {
            let mut at = 0;
            while at < self.program.steps.len() {
                let end = (at + length).min(self.program.steps.len());
                let mut without = self.program.clone();
                without.steps.drain(at..end);
                if self.fails(&without) { self.program = without } else { at = end }
            }
            if length == 1 {
                return self.program.steps.len() < before;
            }
            length /= 2;
        }
    }

    /// Leaves out single requests. True if any could be.
    fn drop_requests(&mut self) -> bool {
        let mut dropped = false;
        for at in 0..self.program.steps.len() {
            let mut request = 0;
            while let Step::Send(_, requests) = &self.program.steps[at]
                && request < requests.len()
            {
                let mut without = self.program.clone();
                if let Step::Send(_, requests) = &mut without.steps[at] {
                    requests.remove(request);
                }
                if self.fails(&without) {
                    self.program = without;
                    dropped = true;
                } else {
                    request += 1;
                }
            }
        }
        dropped
    }
}

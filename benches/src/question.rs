//! One question that is put to servers in turn, and the table of their answers.
//!
//! Owns: the way from the options to the table.   Uses: flags, peer, stats, columns.   Never: what is measured.

use crate::Outcome;
use crate::columns::{Columns, Comparison};
use crate::flags::Flags;
use crate::json::Json;
use crate::peer::Spec;
use crate::stats::in_turns;

/// A question of a benchmark, and what holds when the options say nothing else.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// What the table is called.
    pub what: &'a str,
    /// `--rounds`.
    pub rounds: usize,
    /// `--reference`; see [`Comparison::of_rounds`].
    pub reference: &'a str,
}

impl Question<'_> {
    /// Puts it to every server that the options name, round after round, and prints the medians: as text, with
    /// `--markdown` for a text as well, with `--json FILE` into a file. `measure` is one server, one round.
    pub fn put(self, flags: &Flags, measure: impl Fn(&Spec) -> Outcome<Columns>) -> Outcome<()> {
        let specs = Spec::from_flags(flags)?;
        let measured = in_turns(specs.len(), flags.number("--rounds", self.rounds)?, |at, _| {
            let spec = &specs[at];
            measure(spec).map_err(|error| format!("{}: {error}", spec.name).into())
        })?;
        let rows = specs.iter().map(|spec| spec.name.clone()).zip(measured).collect();
        let reference = flags.text("--reference").unwrap_or(self.reference);
        let table = Comparison::of_rounds(self.what, reference, rows);
        println!("{}", table.text());
        if flags.has("--markdown") {
            println!("{}", table.markdown());
        }
        Json::keep(flags, || table.json())
    }
}

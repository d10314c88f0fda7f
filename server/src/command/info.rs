//! What the server tells about itself.
//!
//! Owns: INFO and the list of its sections.   Uses: the fields in info_*.rs.   Never: changes anything.
//!
//! A field is one row, a name and a function, in the list of its section:
//!
//! ```text
//!   info_process   Server Clients CPU Replication Modules Cluster
//!   info_memory    Memory
//!   info_data      Persistence Keyspace
//!   info_stats     Stats Commandstats Errorstats Latencystats
//!   info_engine    Threads, and the fields engine_* of Stats
//! ```

use super::context::{IoCounters, Parts, ServerCx};
use super::footprint::Footprint;
use super::next::Next;
use super::row::*;
use super::{info_data, info_engine, info_memory, info_process, info_stats};
use crate::base::time::Now;
use crate::resp::Result;
use crate::session::Session;
use std::cell::OnceCell;
use std::fmt::Write;

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&INFO];
const _: () = check(TABLE);

/// One line of a section, or a few.
pub enum Field {
    /// A line.
    One(&'static str, fn(&Facts<'_>) -> Shown),
    /// A line that cannot change as long as the server lacks what it is about.
    Fixed(&'static str, &'static str),
    /// As many lines as there are things: databases, commands, error codes.
    Many(fn(&Facts<'_>, &mut String)),
}

/// The value of a field.
pub enum Shown {
    /// A number.
    Number(i128),
    /// Anything else.
    Text(String),
}

impl<N: Into<i128>> From<N> for Shown {
    fn from(number: N) -> Shown {
        Shown::Number(number.into())
    }
}

/// A number that counts things in memory.
pub fn count(things: usize) -> Shown {
    Shown::Number(things as i128)
}

/// A text.
pub fn text(text: impl Into<String>) -> Shown {
    Shown::Text(text.into())
}

/// What a field can look at.
pub struct Facts<'a> {
    /// Everything the engine owns.
    pub parts: &'a Parts,
    /// Who asks: not among the sessions meanwhile.
    pub me: &'a Session,
    /// The time.
    pub now: Now,
    /// What `io` counts.
    pub io: &'a dyn IoCounters,
    memory: OnceCell<Footprint>,
}

impl Facts<'_> {
    /// Where the bytes are, looked for once and only if needed.
    pub fn memory(&self) -> &Footprint {
        self.memory.get_or_init(|| Footprint::of(self.parts, self.me))
    }
}

struct Section {
    title: &'static str,
    /// Shown when nothing is asked for.
    usual: bool,
    fields: &'static [Field],
}

const fn usual(title: &'static str, fields: &'static [Field]) -> Section {
    Section { title, usual: true, fields }
}

const fn on_demand(title: &'static str, fields: &'static [Field]) -> Section {
    Section { title, usual: false, fields }
}

/// Every section with its fields, in the order of a real server.
static INFO_FIELDS: &[Section] = &[
    usual("Server", info_process::SERVER),
    usual("Clients", info_process::CLIENTS),
    usual("Memory", info_memory::MEMORY),
    usual("Persistence", info_data::PERSISTENCE),
    usual("Threads", info_engine::THREADS),
    usual("Stats", info_stats::STATS),
    usual("Replication", info_process::REPLICATION),
    usual("CPU", info_process::CPU),
    usual("Modules", &[]),
    on_demand("Commandstats", info_stats::COMMANDS),
    usual("Errorstats", info_stats::ERRORS),
    on_demand("Latencystats", info_stats::LATENCIES),
    usual("Cluster", info_process::CLUSTER),
    usual("Keyspace", info_data::KEYSPACE),
];

static INFO: Command = Command {
    name: "info",
    since: "1.0.0",
    group: Group::Server,
    summary: "Returns facts and figures about the server.",
    complexity: "O(1)",
    args: &[string("section").optional().multiple()],
    flags: LOADING.and(STALE).and(DANGEROUS),
    run: Run::Server(info),
    ..Command::BASE
};

fn info(cx: &mut ServerCx<'_>) -> Result<Next> {
    let asked: Vec<&[u8]> = cx.args.iter().skip(1).collect();
    let memory = OnceCell::new();
    let facts = Facts { parts: cx.parts, me: cx.me, now: cx.now, io: cx.io, memory };
    let text = report(&facts, &asked);
    cx.reply.verbatim("txt", text.as_bytes());
    Ok(Next::Done)
}

/// The text of INFO: the sections asked for, each once and in its order.
fn report(facts: &Facts<'_>, asked: &[&[u8]]) -> String {
    let mut out = String::with_capacity(4096);
    for section in INFO_FIELDS.iter().filter(|section| is_asked(section, asked)) {
        if !out.is_empty() {
            out.push_str("\r\n");
        }
        line(&mut out, format_args!("# {}", section.title));
        for field in section.fields {
            match field {
                Field::One(name, value) => match value(facts) {
                    Shown::Number(number) => line(&mut out, format_args!("{name}:{number}")),
                    Shown::Text(text) => line(&mut out, format_args!("{name}:{text}")),
                },
                Field::Fixed(name, text) => line(&mut out, format_args!("{name}:{text}")),
                Field::Many(lines) => lines(facts, &mut out),
            }
        }
    }
    out
}

fn is_asked(section: &Section, asked: &[&[u8]]) -> bool {
    let is = |word: &[u8], name: &str| word.eq_ignore_ascii_case(name.as_bytes());
    let by = |word: &&[u8]| {
        is(word, section.title)
            || is(word, "all")
            || is(word, "everything")
            || (section.usual && is(word, "default"))
    };
    if asked.is_empty() { section.usual } else { asked.iter().any(by) }
}

/// Adds a line.
pub fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to memory cannot fail");
    out.push_str("\r\n");
}

/// A size for people, as Redis writes it: `1.50M`.
pub fn human(bytes: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(1 << 40, "T"), (1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K")];
    match UNITS.iter().find(|(size, _)| bytes >= *size) {
        Some((size, unit)) => format!("{:.2}{unit}", bytes as f64 / *size as f64),
        None => format!("{bytes}B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_for_people() {
        assert_eq!(human(0), "0B");
        assert_eq!(human(1023), "1023B");
        assert_eq!(human(1536), "1.50K");
        assert_eq!(human(3 << 30), "3.00G");
    }

    #[test]
    fn no_field_stands_twice() {
        let mut names: Vec<_> = INFO_FIELDS
            .iter()
            .flat_map(|section| section.fields)
            .filter_map(|field| match field {
                Field::One(name, _) | Field::Fixed(name, _) => Some(*name),
                Field::Many(_) => None,
            })
            .collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}

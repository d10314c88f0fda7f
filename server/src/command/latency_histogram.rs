//! LATENCY HISTOGRAM: how long the calls of commands took.
//!
//! Owns: the form.   Uses: stats' histograms.   Never: measures time.
//!
//! Short commands are timed in runs (see the engine's timing): each counts as the mean of its run. Their
//! histogram shows how such means are spread, and less of single calls; LATENCY's and the slow log's settings
//! can have each call timed by itself.

use super::context::{Parts, ServerCx};
use super::index::{RowId, UNKNOWN};
use super::latency::FLAGS;
use super::next::Next;
use super::row::*;
use crate::resp::Result;
use crate::resp::reply::Reply;
use crate::stats::histogram::Histogram;

pub(super) static HISTOGRAM: Command = Command {
    name: "latency|histogram",
    since: "7.0.0",
    group: Group::Server,
    summary: "Returns how many calls of each command took no longer than 1, 2, 4... microseconds.",
    complexity: "O(N) where N is the number of commands with latency information being retrieved.",
    args: &[string("command").optional().multiple()],
    flags: FLAGS,
    run: Run::Server(histogram),
    ..Command::BASE
};

fn histogram(cx: &mut ServerCx<'_>) -> Result<Next> {
    let index = &cx.parts.index;
    let rows: Vec<RowId> = if cx.args.len() == 2 {
        (0..).take(index.len()).collect()
    } else {
        let named = cx.args.iter().skip(2);
        named.flat_map(|name| rows_of(cx.parts, name)).collect()
    };
    let mark = cx.reply.mark();
    let mut count = 0;
    for id in rows {
        let (Some(entry), Some(histogram)) =
            (index.entry(id), cx.parts.stats.histogram(usize::from(id)))
        else {
            continue;
        };
        cx.reply.bulk(entry.row.name.as_bytes());
        write(cx.reply, histogram);
        count += 1;
    }
    cx.reply.map_from(mark, count);
    Ok(Next::Done)
}

/// A command and its subcommands, or the one subcommand that is named as `config|get`.
fn rows_of(parts: &Parts, name: &[u8]) -> Vec<RowId> {
    let mut words = name.splitn(2, |&byte| byte == b'|');
    let id = parts.index.find(words.next().unwrap_or_default());
    if let Some(word) = words.next() {
        return vec![parts.index.find_subcommand(id, word)];
    }
    let Some(entry) = parts.index.entry(id) else { return Vec::new() };
    let first = entry.first_subcommand;
    let subcommands = (first..).take(entry.row.subcommands.len());
    std::iter::once(id).chain(subcommands).filter(|&id| id != UNKNOWN).collect()
}

fn write(reply: &mut Reply, histogram: &Histogram) {
    let steps = histogram.cumulative();
    reply.map(2);
    reply.bulk(b"calls");
    reply.int(whole(histogram.calls()));
    reply.bulk(b"histogram_usec");
    reply.map(steps.len());
    for (micros, calls) in steps {
        reply.int(whole(micros));
        reply.int(whole(calls));
    }
}

fn whole(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

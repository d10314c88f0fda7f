//! Commands about what held the server up.
//!
//! Owns: LATENCY.   Uses: stats' spikes and histograms, latency_doctor, latency_graph, latency_histogram.
//! Never: measures time.

use super::context::ServerCx;
use super::help::help;
use super::latency_histogram::HISTOGRAM;
use super::next::Next;
use super::row::*;
use super::{latency_doctor, latency_graph};
use crate::resp::error::echo;
use crate::resp::{Error, Result};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&LATENCY];
const _: () = check(TABLE);

/// Flags of all its subcommands but HELP.
pub(super) const FLAGS: Flags = ADMIN.and(NOSCRIPT).and(LOADING).and(STALE);

static LATENCY: Command = Command {
    name: "latency",
    since: "2.8.13",
    group: Group::Server,
    summary: "Commands about what held the server up, and how long commands take.",
    complexity: "Depends on subcommand.",
    subcommands: &[&DOCTOR, &GRAPH, &HELP, &HISTOGRAM, &HISTORY, &LATEST, &RESET],
    run: Run::Container,
    ..Command::BASE
};

static DOCTOR: Command = Command {
    name: "latency|doctor",
    since: "2.8.13",
    group: Group::Server,
    summary: "Returns what held the server up and what helps, in sentences.",
    flags: FLAGS,
    run: Run::Server(doctor),
    ..Command::BASE
};

fn doctor(cx: &mut ServerCx<'_>) -> Result<Next> {
    let report = latency_doctor::report(&cx.parts.config, &cx.parts.stats.spikes, cx.now);
    cx.reply.verbatim("txt", report.as_bytes());
    Ok(Next::Done)
}

static GRAPH: Command = Command {
    name: "latency|graph",
    since: "2.8.13",
    group: Group::Server,
    summary: "Returns a drawing of an event's samples.",
    args: &[string("event")],
    flags: FLAGS,
    run: Run::Server(graph),
    ..Command::BASE
};

fn graph(cx: &mut ServerCx<'_>) -> Result<Next> {
    let name = cx.arg(2);
    let event = cx.parts.stats.spikes.get(name).ok_or_else(|| {
        Error::text(format!("ERR No samples available for event '{}'", echo(name)))
    })?;
    let drawing = latency_graph::draw(&echo(name), event, cx.now);
    cx.reply.verbatim("txt", drawing.as_bytes());
    Ok(Next::Done)
}

static HELP: Command = Command {
    name: "latency|help",
    since: "2.8.13",
    group: Group::Server,
    summary: "Prints this help.",
    flags: LOADING.and(STALE),
    run: Run::Server(help_on_latency),
    ..Command::BASE
};

fn help_on_latency(cx: &mut ServerCx<'_>) -> Result<Next> {
    help(cx.reply, &LATENCY);
    Ok(Next::Done)
}

static HISTORY: Command = Command {
    name: "latency|history",
    since: "2.8.13",
    group: Group::Server,
    summary: "Returns an event's samples: the second and the milliseconds.",
    args: &[string("event")],
    flags: FLAGS,
    run: Run::Server(history),
    ..Command::BASE
};

fn history(cx: &mut ServerCx<'_>) -> Result<Next> {
    let Some(event) = cx.parts.stats.spikes.get(cx.arg(2)) else {
        cx.reply.array(0);
        return Ok(Next::Done);
    };
    let samples = event.samples();
    cx.reply.array(samples.len());
    for sample in samples {
        cx.reply.array(2);
        cx.reply.int(sample.at);
        cx.reply.int(whole(sample.millis));
    }
    Ok(Next::Done)
}

static LATEST: Command = Command {
    name: "latency|latest",
    since: "2.8.13",
    group: Group::Server,
    summary: "Returns each event: the second of the latest sample, its milliseconds, the most ever.",
    flags: FLAGS,
    run: Run::Server(latest),
    ..Command::BASE
};

fn latest(cx: &mut ServerCx<'_>) -> Result<Next> {
    let events = cx.parts.stats.spikes.iter();
    cx.reply.array(events.len());
    for (name, event) in events {
        let latest = event.latest();
        cx.reply.array(4);
        cx.reply.bulk(name.as_bytes());
        cx.reply.int(latest.at);
        cx.reply.int(whole(latest.millis));
        cx.reply.int(whole(event.worst));
    }
    Ok(Next::Done)
}

static RESET: Command = Command {
    name: "latency|reset",
    since: "2.8.13",
    group: Group::Server,
    summary: "Forgets the samples of events, or of all events.",
    args: &[string("event").optional().multiple()],
    flags: FLAGS,
    run: Run::Server(reset),
    ..Command::BASE
};

fn reset(cx: &mut ServerCx<'_>) -> Result<Next> {
    let spikes = &mut cx.parts.stats.spikes;
    let count = if cx.args.len() == 2 {
        spikes.clear()
    } else {
        cx.args.iter().skip(2).filter(|event| spikes.forget(event)).count()
    };
    cx.reply.int(count as i64);
    Ok(Next::Done)
}

fn whole(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

//! Commands about the settings.
//!
//! Owns: CONFIG.   Uses: config, ServerCx.   Never: what follows a change (the engine's setters).

use super::context::ServerCx;
use super::help::help;
use super::next::Next;
use super::row::*;
use crate::base::bytes::glob;
use crate::resp::error::echo;
use crate::resp::{Error, Result};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&CONFIG];
const _: () = check(TABLE);

static CONFIG: Command = Command {
    name: "config",
    since: "2.0.0",
    group: Group::Server,
    summary: "Commands about the settings.",
    complexity: "Depends on subcommand.",
    subcommands: &[&GET, &HELP, &RESETSTAT, &REWRITE, &SET],
    run: Run::Container,
    ..Command::BASE
};

const FLAGS: Flags = ADMIN.and(NOSCRIPT).and(LOADING).and(STALE);

static GET: Command = Command {
    name: "config|get",
    since: "2.0.0",
    group: Group::Server,
    summary: "Returns the settings whose names match, with their values.",
    complexity: "O(N) when N is the number of configuration parameters provided",
    args: &[string("parameter").multiple()],
    flags: FLAGS,
    run: Run::Server(get),
    ..Command::BASE
};

fn get(cx: &mut ServerCx<'_>) -> Result<Next> {
    let patterns: Vec<&[u8]> = cx.args.iter().skip(2).collect();
    let found = cx.parts.config.matching(&patterns, glob);
    cx.reply.map(found.len());
    for (name, value) in found {
        cx.reply.bulk(name.as_bytes());
        cx.reply.bulk(value.as_bytes());
    }
    Ok(Next::Done)
}

static HELP: Command = Command {
    name: "config|help",
    since: "5.0.0",
    group: Group::Server,
    summary: "Returns what the subcommands do.",
    flags: LOADING.and(STALE),
    run: Run::Server(help_on_config),
    ..Command::BASE
};

fn help_on_config(cx: &mut ServerCx<'_>) -> Result<Next> {
    help(cx.reply, &CONFIG);
    Ok(Next::Done)
}

static RESETSTAT: Command = Command {
    name: "config|resetstat",
    since: "2.0.0",
    group: Group::Server,
    summary: "Begins all counting of INFO anew.",
    flags: FLAGS,
    run: Run::Server(reset_stat),
    ..Command::BASE
};

fn reset_stat(cx: &mut ServerCx<'_>) -> Result<Next> {
    cx.parts.stats.reset(cx.io.freeing().freed);
    cx.reply.ok();
    Ok(Next::Done)
}

static REWRITE: Command = Command {
    name: "config|rewrite",
    since: "2.8.0",
    group: Group::Server,
    summary: "Writes the settings of now into the settings file, which otherwise stays as it is.",
    flags: FLAGS,
    run: Run::Server(rewrite),
    ..Command::BASE
};

fn rewrite(cx: &mut ServerCx<'_>) -> Result<Next> {
    if cx.parts.about.config_file.is_empty() {
        return Err(Error::text("ERR The server is running without a config file"));
    }
    Ok(Next::RewriteConfig)
}

static SET: Command = Command {
    name: "config|set",
    since: "2.0.0",
    group: Group::Server,
    summary: "Changes settings, all of them or none.",
    complexity: "O(N) when N is the number of configuration parameters provided",
    args: &[block("data", &[string("parameter"), string("value")]).multiple()],
    flags: FLAGS.and(SECRET),
    run: Run::Server(set),
    ..Command::BASE
};

fn set(cx: &mut ServerCx<'_>) -> Result<Next> {
    let words: Vec<&[u8]> = cx.args.iter().skip(2).collect();
    if !words.len().is_multiple_of(2) {
        return Err(Error::Syntax);
    }
    let pairs: Vec<(&[u8], &[u8])> = words.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    let mut config = Box::new(cx.parts.config.clone());
    let protected = config.protected_configs.permits(cx.me.is_local());
    config
        .change(&pairs, protected)
        .map_err(|error| Error::text(error.text(&echo(pairs[error.index].0))))?;
    Ok(Next::Configure(config))
}

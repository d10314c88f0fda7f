//! MODULE: there are no modules, and none can be loaded.
//!
//! Owns: MODULE and its subcommands.   Uses: SessionCx.   Never: loads foreign code.

use super::context::SessionCx;
use super::help::help;
use super::next::Next;
use super::row::*;
use crate::resp::{Error, Result};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&MODULE];
const _: () = check(TABLE);

static MODULE: Command = Command {
    name: "module",
    since: "4.0.0",
    group: Group::Server,
    summary: "Tells of loaded modules.",
    complexity: "Depends on subcommand.",
    subcommands: &[&HELP, &LIST, &LOAD, &LOADEX, &UNLOAD],
    run: Run::Container,
    ..Command::BASE
};

const FLAGS: Flags = ADMIN.and(NOSCRIPT);

static HELP: Command = Command {
    name: "module|help",
    since: "5.0.0",
    group: Group::Server,
    summary: "Returns what the subcommands do.",
    flags: LOADING.and(STALE),
    run: Run::Session(help_on_module),
    ..Command::BASE
};

fn help_on_module(cx: &mut SessionCx<'_>) -> Result<Next> {
    help(cx.reply, &MODULE);
    Ok(Next::Done)
}

static LIST: Command = Command {
    name: "module|list",
    since: "4.0.0",
    group: Group::Server,
    summary: "Returns the loaded modules: none.",
    complexity: "O(N) where N is the number of loaded modules.",
    flags: FLAGS,
    run: Run::Session(list),
    ..Command::BASE
};

fn list(cx: &mut SessionCx<'_>) -> Result<Next> {
    cx.reply.array(0);
    Ok(Next::Done)
}

static LOAD: Command = Command {
    name: "module|load",
    since: "4.0.0",
    group: Group::Server,
    summary: "Refuses to load a module.",
    args: &[string("path"), string("arg").optional().multiple()],
    flags: FLAGS.and(NO_ASYNC_LOADING),
    run: Run::Session(load),
    ..Command::BASE
};

fn load(_cx: &mut SessionCx<'_>) -> Result<Next> {
    Err(Error::text("ERR Modules are not supported: this server loads no foreign code"))
}

static LOADEX: Command = Command {
    name: "module|loadex",
    since: "7.0.0",
    group: Group::Server,
    summary: "Refuses to load a module with settings.",
    args: &[
        string("path"),
        block("configs", &[string("name"), string("value")])
            .after("CONFIG")
            .optional()
            .multiple_token(),
        block("args", &[string("arg")]).after("ARGS").optional().multiple(),
    ],
    flags: FLAGS.and(NO_ASYNC_LOADING),
    run: Run::Session(load),
    ..Command::BASE
};

static UNLOAD: Command = Command {
    name: "module|unload",
    since: "4.0.0",
    group: Group::Server,
    summary: "Unloads a module, if it were there.",
    args: &[string("name")],
    flags: FLAGS.and(NO_ASYNC_LOADING),
    run: Run::Session(unload),
    ..Command::BASE
};

fn unload(_cx: &mut SessionCx<'_>) -> Result<Next> {
    Err(Error::text("ERR Error unloading module: no such module with that name"))
}

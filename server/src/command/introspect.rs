//! Commands about commands: everything is read from their rows.
//!
//! Owns: COMMAND.   Uses: index, rows, keys, categories, docs.   Never: a list of commands of its own.

use super::categories::{categories, is_in};
use super::context::ServerCx;
use super::docs::write_docs;
use super::help::help;
use super::index::{Entry, Index, UNKNOWN};
use super::keys::{keys_of, old_range};
use super::next::Next;
use super::row::*;
use crate::base::bytes::glob;
use crate::resp::reply::Reply;
use crate::resp::{Error, Result};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&COMMAND];
const _: () = check(TABLE);

const FLAGS: Flags = LOADING.and(STALE).and(CONNECTION_CATEGORY);
const ALL: &str = "O(N) where N is the total number of Redis commands";
const ASKED: &str = "O(N) where N is the number of commands to look up";
const WORDS: &str = "O(N) where N is the number of arguments to the command";

static COMMAND: Command = Command {
    name: "command",
    since: "2.8.13",
    group: Group::Server,
    summary: "Returns what is known of every command.",
    complexity: ALL,
    flags: FLAGS,
    subcommands: &[&COUNT, &DOCS, &GETKEYS, &GETKEYSANDFLAGS, &HELP, &INFO, &LIST],
    run: Run::Server(command),
    ..Command::BASE
};

/// A subcommand that only looks.
const SUBCOMMAND: Command =
    Command { since: "2.8.13", group: Group::Server, flags: FLAGS, ..Command::BASE };

fn command(cx: &mut ServerCx<'_>) -> Result<Next> {
    write_all(cx.reply, &cx.parts.index);
    Ok(Next::Done)
}

static COUNT: Command = Command {
    name: "command|count",
    summary: "Returns how many commands there are.",
    run: Run::Server(count),
    ..SUBCOMMAND
};

fn count(cx: &mut ServerCx<'_>) -> Result<Next> {
    cx.reply.int(commands(&cx.parts.index).count() as i64);
    Ok(Next::Done)
}

static DOCS: Command = Command {
    name: "command|docs",
    since: "7.0.0",
    summary: "Returns the documentation of the commands named, or of all.",
    complexity: ASKED,
    args: &[string("command-name").optional().multiple()],
    run: Run::Server(docs),
    ..SUBCOMMAND
};

fn docs(cx: &mut ServerCx<'_>) -> Result<Next> {
    let index = &cx.parts.index;
    let rows: Vec<&Command> = if cx.args.len() == 2 {
        commands(index).collect()
    } else {
        let named = cx.args.iter().skip(2);
        named.filter_map(|name| named_row(index, name)).map(|entry| entry.row).collect()
    };
    cx.reply.map(rows.len());
    for row in rows {
        cx.reply.bulk(row.name.as_bytes());
        write_docs(cx.reply, row);
    }
    Ok(Next::Done)
}

static GETKEYS: Command = Command {
    name: "command|getkeys",
    summary: "Returns which words of a request are keys.",
    complexity: WORDS,
    args: &[string("command"), string("arg").optional().multiple()],
    run: Run::Server(getkeys),
    ..SUBCOMMAND
};

fn getkeys(cx: &mut ServerCx<'_>) -> Result<Next> {
    let keys = keys_in(cx)?;
    cx.reply.array(keys.len());
    for (key, _) in keys {
        cx.reply.bulk(key);
    }
    Ok(Next::Done)
}

static GETKEYSANDFLAGS: Command = Command {
    name: "command|getkeysandflags",
    since: "7.0.0",
    summary: "Returns which words of a request are keys, and what is done to each.",
    complexity: WORDS,
    args: &[string("command"), string("arg").optional().multiple()],
    run: Run::Server(getkeysandflags),
    ..SUBCOMMAND
};

fn getkeysandflags(cx: &mut ServerCx<'_>) -> Result<Next> {
    let keys = keys_in(cx)?;
    cx.reply.array(keys.len());
    for (key, access) in keys {
        cx.reply.array(2);
        cx.reply.bulk(key);
        write_words(cx.reply, access);
    }
    Ok(Next::Done)
}

/// The keys of the request that stands behind the subcommand.
fn keys_in<'a>(cx: &ServerCx<'a>) -> Result<Vec<(&'a [u8], &'static [&'static str])>> {
    let request: Vec<&[u8]> = cx.args.iter().skip(2).collect();
    let index = &cx.parts.index;
    let id = index.resolve(request[0], request.get(1).copied());
    let entry =
        index.entry(id).filter(|entry| request.len() < 2 || entry.row.subcommands.is_empty());
    let Some(entry) = entry else { return Err(Error::text("ERR Invalid command specified")) };
    if entry.row.keys.is_empty() {
        return Err(Error::text("ERR The command has no key arguments"));
    }
    if !entry.takes(request.len()) {
        return Err(Error::text("ERR Invalid number of arguments specified for command"));
    }
    keys_of(entry.row, &request)
        .ok_or_else(|| Error::text("ERR Invalid arguments specified for command"))
}

static HELP: Command = Command {
    name: "command|help",
    since: "5.0.0",
    summary: "Returns what the subcommands do.",
    run: Run::Server(help_on_command),
    ..SUBCOMMAND
};

fn help_on_command(cx: &mut ServerCx<'_>) -> Result<Next> {
    help(cx.reply, &COMMAND);
    Ok(Next::Done)
}

static INFO: Command = Command {
    name: "command|info",
    summary: "Returns what is known of the commands named, or of all.",
    complexity: ASKED,
    args: &[string("command-name").optional().multiple()],
    run: Run::Server(info),
    ..SUBCOMMAND
};

fn info(cx: &mut ServerCx<'_>) -> Result<Next> {
    let index = &cx.parts.index;
    if cx.args.len() == 2 {
        write_all(cx.reply, index);
        return Ok(Next::Done);
    }
    cx.reply.array(cx.args.len() - 2);
    for name in cx.args.iter().skip(2) {
        match named_row(index, name) {
            Some(entry) => write_row(cx.reply, entry.row),
            None => cx.reply.null(),
        }
    }
    Ok(Next::Done)
}

const FILTERS: &[Arg] = &[
    string("module-name").after("MODULE"),
    string("category").after("ACLCAT"),
    pattern("pattern").after("PATTERN"),
];

static LIST: Command = Command {
    name: "command|list",
    since: "7.0.0",
    summary: "Returns the names of all commands, or of some kind of them.",
    complexity: ALL,
    args: &[one_of("filterby", FILTERS).after("FILTERBY").optional()],
    run: Run::Server(list),
    ..SUBCOMMAND
};

fn list(cx: &mut ServerCx<'_>) -> Result<Next> {
    let keep = filter(cx)?;
    let rows = cx.parts.index.entries().map(|entry| entry.row).filter(|row| keep(row));
    let names: Vec<&str> = rows.map(|row| row.name).collect();
    cx.reply.array(names.len());
    for name in names {
        cx.reply.bulk(name.as_bytes());
    }
    Ok(Next::Done)
}

/// Says whether a row is to be listed.
type Filter<'a> = Box<dyn Fn(&Command) -> bool + 'a>;

/// Which rows COMMAND LIST is asked for.
fn filter<'a>(cx: &ServerCx<'a>) -> Result<Filter<'a>> {
    if cx.args.len() == 2 {
        return Ok(Box::new(|_| true));
    }
    if cx.args.len() != 5 || !cx.arg(2).eq_ignore_ascii_case(b"filterby") {
        return Err(Error::Syntax);
    }
    let what = cx.arg(4);
    match cx.arg(3).to_ascii_lowercase().as_slice() {
        // No command is a module's.
        b"module" => Ok(Box::new(|_| false)),
        b"aclcat" => Ok(Box::new(move |row| is_in(row, what))),
        b"pattern" => Ok(Box::new(move |row| glob(what, row.name.as_bytes(), true))),
        _ => Err(Error::Syntax),
    }
}

/// The commands without their subcommands.
fn commands(index: &Index) -> impl Iterator<Item = &'static Command> {
    index.entries().map(|entry| entry.row).filter(|row| !row.is_subcommand())
}

/// The row of `get` or of `config|get`.
fn named_row<'i>(index: &'i Index, name: &[u8]) -> Option<&'i Entry> {
    let id = match name.iter().position(|&byte| byte == b'|') {
        None => index.find(name),
        Some(at) => match index.find(&name[..at]) {
            UNKNOWN => UNKNOWN,
            container => index.find_subcommand(container, &name[at + 1..]),
        },
    };
    index.entry(id)
}

fn write_all(reply: &mut Reply, index: &Index) {
    reply.array(commands(index).count());
    for row in commands(index) {
        write_row(reply, row);
    }
}

/// One command as COMMAND shows it.
fn write_row(reply: &mut Reply, row: &Command) {
    let (first, last, step) = old_range(row);
    reply.array(10);
    reply.bulk(row.name.as_bytes());
    reply.int(row.arity().into());
    write_words(reply, &flag_words(row));
    reply.int(first.into());
    reply.int(last.into());
    reply.int(step.into());
    write_words(reply, &categories(row).collect::<Vec<_>>());
    // Tips are for proxies in front of many servers; none are given.
    reply.set(0);
    reply.set(row.keys.len());
    for spec in row.keys {
        write_spec(reply, spec);
    }
    if row.subcommands.is_empty() {
        reply.set(0);
    } else {
        reply.array(row.subcommands.len());
    }
    for sub in row.subcommands {
        write_row(reply, sub);
    }
}

/// The flags of a row: what it says, and how far it reaches.
fn flag_words(row: &Command) -> Vec<&'static str> {
    let reach = match row.run {
        Run::Write(_) => Some("write"),
        Run::Read(_) => Some("readonly"),
        Run::Unset | Run::Container | Run::Session(_) | Run::Server(_) => None,
    };
    let said = FLAG_WORDS.iter().filter(|(flag, word)| row.flags.has(*flag) && !word.is_empty());
    reach.into_iter().chain(said.map(|(_, word)| *word)).collect()
}

fn write_words(reply: &mut Reply, words: &[&str]) {
    reply.set(words.len());
    for word in words {
        reply.simple(word);
    }
}

fn write_spec(reply: &mut Reply, spec: &KeySpec) {
    reply.map(3);
    reply.bulk(b"flags");
    write_words(reply, spec.access);
    reply.bulk(b"begin_search");
    match spec.begin {
        Begin::At(at) => write_search(reply, "index", &[("index", Ok(at))]),
        Begin::Behind { word, from } => {
            write_search(reply, "keyword", &[("keyword", Err(word)), ("startfrom", Ok(from))]);
        }
        Begin::Hidden { .. } | Begin::Unknown => write_search(reply, "unknown", &[]),
    }
    reply.bulk(b"find_keys");
    match spec.find {
        Find::Range { last, step, limit } => {
            let range = [("lastkey", Ok(last)), ("keystep", Ok(step)), ("limit", Ok(limit))];
            write_search(reply, "range", &range);
        }
        Find::Numbered { number, first, step } => {
            let keynum =
                [("keynumidx", Ok(number)), ("firstkey", Ok(first)), ("keystep", Ok(step))];
            write_search(reply, "keynum", &keynum);
        }
        Find::Unknown => write_search(reply, "unknown", &[]),
    }
}

/// One half of a specification: its kind, and numbers or words by name.
fn write_search(reply: &mut Reply, kind: &str, fields: &[(&str, std::result::Result<i32, &str>)]) {
    reply.map(2);
    reply.bulk(b"type");
    reply.bulk(kind.as_bytes());
    reply.bulk(b"spec");
    reply.map(fields.len());
    for (name, value) in fields {
        reply.bulk(name.as_bytes());
        match value {
            Ok(number) => reply.int((*number).into()),
            Err(word) => reply.bulk(word.as_bytes()),
        }
    }
}

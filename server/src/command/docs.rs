//! A row as COMMAND DOCS shows it, from which command lines take their hints.
//!
//! Owns: the form.   Uses: rows.   Never: which commands exist.

use super::row::{Arg, Command, Kind};
use crate::resp::reply::Reply;

/// Writes the documentation of a command: a map.
pub fn write_docs(reply: &mut Reply, row: &Command) {
    let facts = [
        ("summary", row.summary),
        ("since", row.since),
        ("group", row.group.name()),
        ("complexity", row.complexity),
    ];
    let more = usize::from(!row.args.is_empty()) + usize::from(!row.subcommands.is_empty());
    let warning = if row.deprecated.is_some() { 3 } else { 0 };
    reply.map(facts.len() + warning + more);
    for (name, value) in facts {
        reply.bulk(name.as_bytes());
        reply.bulk(value.as_bytes());
    }
    if let Some((since, instead)) = row.deprecated {
        reply.bulk(b"doc_flags");
        reply.set(1);
        reply.simple("deprecated");
        for (name, value) in [("deprecated_since", since), ("replaced_by", instead)] {
            reply.bulk(name.as_bytes());
            reply.bulk(value.as_bytes());
        }
    }
    if !row.args.is_empty() {
        reply.bulk(b"arguments");
        Arguments { reply, keys: 0, specs: row.keys.len() }.write(row.args);
    }
    if !row.subcommands.is_empty() {
        reply.bulk(b"subcommands");
        reply.map(row.subcommands.len());
        for sub in row.subcommands {
            reply.bulk(sub.name.as_bytes());
            write_docs(reply, sub);
        }
    }
}

/// The arguments of one command on their way out.
struct Arguments<'r> {
    reply: &'r mut Reply,
    /// Keys met so far: each has the next key specification, and the last serves the rest.
    keys: usize,
    specs: usize,
}

impl Arguments<'_> {
    fn write(&mut self, args: &[Arg]) {
        self.reply.array(args.len());
        for arg in args {
            self.write_one(arg);
        }
    }

    fn write_one(&mut self, arg: &Arg) {
        let mark = self.reply.mark();
        let mut pairs = 2;
        self.pair("name", arg.name);
        self.pair("type", type_of(arg.kind));
        if inner(arg.kind).is_empty() {
            self.pair("display_text", arg.name);
            pairs += 1;
        }
        if matches!(arg.kind, Kind::Key) {
            self.reply.bulk(b"key_spec_index");
            let index = self.keys.min(self.specs.saturating_sub(1));
            self.reply.int(i64::try_from(index).expect("few key specifications"));
            self.keys += 1;
            pairs += 1;
        }
        if !arg.token.is_empty() {
            self.pair("token", arg.token);
            pairs += 1;
        }
        let flags = [
            (arg.optional, "optional"),
            (arg.multiple, "multiple"),
            (arg.multiple_token, "multiple_token"),
        ];
        let count = flags.iter().filter(|(holds, _)| *holds).count();
        if count > 0 {
            self.reply.bulk(b"flags");
            self.reply.set(count);
            for (_, word) in flags.iter().filter(|(holds, _)| *holds) {
                self.reply.simple(word);
            }
            pairs += 1;
        }
        if !inner(arg.kind).is_empty() {
            self.reply.bulk(b"arguments");
            self.write(inner(arg.kind));
            pairs += 1;
        }
        self.reply.map_from(mark, pairs);
    }

    fn pair(&mut self, name: &str, value: &str) {
        self.reply.bulk(name.as_bytes());
        self.reply.bulk(value.as_bytes());
    }
}

/// What an argument is made of, if it is made of several.
fn inner(kind: Kind) -> &'static [Arg] {
    match kind {
        Kind::OneOf(args) | Kind::Block(args) => args,
        Kind::Key
        | Kind::String
        | Kind::Integer
        | Kind::Double
        | Kind::Pattern
        | Kind::UnixTime
        | Kind::PureToken => &[],
    }
}

fn type_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Key => "key",
        Kind::String => "string",
        Kind::Integer => "integer",
        Kind::Double => "double",
        Kind::Pattern => "pattern",
        Kind::UnixTime => "unix-time",
        Kind::PureToken => "pure-token",
        Kind::OneOf(_) => "oneof",
        Kind::Block(_) => "block",
    }
}

//! HELP of a container, made of its rows.
//!
//! Owns: how arguments are written for people.   Uses: rows.   Never: which commands exist.

use super::row::{Arg, Command, Kind};
use crate::resp::reply::Reply;

/// Answers one line for each subcommand with its arguments, and one that says what it does.
pub fn help(reply: &mut Reply, container: &Command) {
    let lines = container.subcommands.iter().flat_map(|row| {
        let word = row.word().to_ascii_uppercase();
        let arguments = usage(row.args);
        let space = if arguments.is_empty() { "" } else { " " };
        [format!("{word}{space}{arguments}"), format!("    {}", row.summary)]
    });
    write_help(reply, container.name, &lines.collect::<Vec<_>>());
}

/// Answers these lines below the usual head.
pub fn write_help(reply: &mut Reply, container: &str, lines: &[String]) {
    reply.array(lines.len() + 1);
    let name = container.to_ascii_uppercase();
    reply.simple(&format!("{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    for line in lines {
        reply.simple(line);
    }
}

/// Arguments as manuals write them: `<key> [EX <seconds> | KEEPTTL] [<key> ...]`.
fn usage(args: &[Arg]) -> String {
    args.iter().map(written).collect::<Vec<_>>().join(" ")
}

fn written(arg: &Arg) -> String {
    let what = match arg.kind {
        Kind::PureToken => String::new(),
        Kind::OneOf(args) => args.iter().map(written).collect::<Vec<_>>().join(" | "),
        Kind::Block(args) => usage(args),
        Kind::Key
        | Kind::String
        | Kind::Integer
        | Kind::Double
        | Kind::Pattern
        | Kind::UnixTime => format!("<{}>", arg.name),
    };
    let space = if arg.token.is_empty() || what.is_empty() { "" } else { " " };
    let one = format!("{}{space}{what}", arg.token);
    let again = if arg.multiple_token { one.clone() } else { what.clone() };
    let one = if arg.multiple { format!("{one} [{again} ...]") } else { one };
    if arg.optional { format!("[{one}]") } else { one }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::row::{block, key, one_of, string, token};

    #[test]
    fn arguments_read_as_in_manuals() {
        const BOTH: &[Arg] = &[string("parameter"), string("value")];
        const FILTER: &[Arg] = &[string("module").after("MODULE"), token("all", "ALL")];
        assert_eq!(usage(&[key("key"), string("m").optional()]), "<key> [<m>]");
        assert_eq!(
            usage(&[block("data", BOTH).multiple()]),
            "<parameter> <value> [<parameter> <value> ...]"
        );
        assert_eq!(
            usage(&[one_of("f", FILTER).after("FILTERBY").optional()]),
            "[FILTERBY MODULE <module> | ALL]"
        );
    }
}

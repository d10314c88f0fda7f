//! ACL: users and what they may do. There is one user yet, `default`, who may do everything.
//!
//! Owns: ACL and its subcommands.   Uses: ServerCx, categories.   Never: keeps users.
//!
//! What is asked about that user is answered as it is; what would make another one is refused.

use super::categories::{RULES, is_in};
use super::context::ServerCx;
use super::help::help;
use super::next::Next;
use super::row::*;
use crate::base::bytes::parse_i64;
use crate::base::sha256::{hex, sha256_hex};
use crate::resp::error::echo;
use crate::resp::{Error, Result};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&ACL];
const _: () = check(TABLE);

static ACL: Command = Command {
    name: "acl",
    since: "6.0.0",
    group: Group::Server,
    summary: "Tells of users and of what they may do.",
    complexity: "Depends on subcommand.",
    subcommands: &[
        &CAT, &DELUSER, &DRYRUN, &GENPASS, &GETUSER, &HELP, &LIST, &LOAD, &LOG, &SAVE, &SETUSER,
        &USERS, &WHOAMI,
    ],
    run: Run::Container,
    ..Command::BASE
};

/// What everybody may ask.
const OPEN: Command = Command {
    since: "6.0.0",
    group: Group::Server,
    flags: NOSCRIPT.and(LOADING).and(STALE),
    ..Command::BASE
};

/// What concerns users.
const GUARDED: Command = Command { flags: OPEN.flags.and(ADMIN), ..OPEN };

const OF_USERS: &str = "O(N). Where N is the number of configured users.";

/// The name of the only user.
const DEFAULT: &[u8] = b"default";

static CAT: Command = Command {
    name: "acl|cat",
    summary: "Returns all categories, or the commands in one.",
    complexity: "O(1) since the categories and commands are a fixed set.",
    args: &[string("category").optional()],
    run: Run::Server(cat),
    ..OPEN
};

fn cat(cx: &mut ServerCx<'_>) -> Result<Next> {
    if cx.args.len() > 3 {
        return Err(Error::subcommand_words(cx.arg(1), "acl"));
    }
    let names = RULES.iter().map(|(name, _)| name.trim_start_matches('@'));
    let words: Vec<&str> = match cx.args.find(2) {
        None => names.collect(),
        Some(category) => {
            if !names.into_iter().any(|name| name.as_bytes().eq_ignore_ascii_case(category)) {
                let category = echo(category);
                return Err(Error::text(format!("ERR Unknown category '{category}'")));
            }
            let rows = cx.parts.index.entries().map(|entry| entry.row);
            rows.filter(|row| is_in(row, category)).map(|row| row.name).collect()
        }
    };
    cx.reply.array(words.len());
    for word in words {
        cx.reply.bulk(word.as_bytes());
    }
    Ok(Next::Done)
}

static DELUSER: Command = Command {
    name: "acl|deluser",
    summary: "Deletes users.",
    complexity: "O(1) amortized time considering the typical user.",
    args: &[string("username").multiple()],
    run: Run::Server(deluser),
    ..GUARDED
};

fn deluser(cx: &mut ServerCx<'_>) -> Result<Next> {
    if cx.args.from(2).iter().any(|name| name == DEFAULT) {
        return Err(Error::text("ERR The 'default' user cannot be removed"));
    }
    // None of the others is there.
    cx.reply.int(0);
    Ok(Next::Done)
}

static DRYRUN: Command = Command {
    name: "acl|dryrun",
    since: "7.0.0",
    summary: "Says whether a user may run a command, without running it.",
    args: &[string("username"), string("command"), string("arg").optional().multiple()],
    run: Run::Server(dryrun),
    ..GUARDED
};

fn dryrun(cx: &mut ServerCx<'_>) -> Result<Next> {
    let (user, name) = (cx.arg(2), cx.arg(3));
    if user != DEFAULT {
        return Err(Error::text(format!("ERR User '{}' not found", echo(user))));
    }
    let index = &cx.parts.index;
    let Some(entry) = index.entry(index.resolve(name, cx.args.find(4))) else {
        return Err(Error::text(format!("ERR Command '{}' not found", echo(name))));
    };
    if !entry.takes(cx.args.len() - 3) {
        return Err(Error::Arity(entry.row.name));
    }
    cx.reply.ok();
    Ok(Next::Done)
}

static GENPASS: Command = Command {
    name: "acl|genpass",
    summary: "Returns a password that nobody can guess.",
    args: &[integer("bits").optional()],
    run: Run::Server(genpass),
    ..OPEN
};

/// The most bits that a password can have.
const MOST_BITS: usize = 4096;

fn genpass(cx: &mut ServerCx<'_>) -> Result<Next> {
    if cx.args.len() > 3 {
        return Err(Error::subcommand_words(cx.arg(1), "acl"));
    }
    let bits = match cx.args.find(2) {
        None => 256,
        Some(word) => parse_i64(word).ok_or(Error::NotInteger)?,
    };
    let bits = usize::try_from(bits).ok().filter(|bits| (1..=MOST_BITS).contains(bits));
    let bits = bits.ok_or(Error::text(
        "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up \
         to 4096",
    ))?;
    let mut bytes = [0; MOST_BITS / 8];
    // Not from the seed of the server: who has seen one password must not be able to tell the next.
    if !cx.io.entropy(&mut bytes[..bits.div_ceil(8)]) {
        return Err(Error::text("ERR The system gives no random bytes"));
    }
    cx.reply.bulk(&hex(&bytes).as_bytes()[..bits.div_ceil(4)]);
    Ok(Next::Done)
}

static GETUSER: Command = Command {
    name: "acl|getuser",
    summary: "Returns what a user may do.",
    complexity: "O(N). Where N is the number of password, command and pattern rules that the user has.",
    args: &[string("username")],
    run: Run::Server(getuser),
    ..GUARDED
};

fn getuser(cx: &mut ServerCx<'_>) -> Result<Next> {
    if cx.arg(2) != DEFAULT {
        cx.reply.null();
        return Ok(Next::Done);
    }
    let password = password(cx);
    let reply = &mut *cx.reply;
    reply.map(6);
    reply.bulk(b"flags");
    let flags: &[&str] = match password {
        Some(_) => &["on", "sanitize-payload"],
        None => &["on", "nopass", "sanitize-payload"],
    };
    reply.set(flags.len());
    for flag in flags {
        reply.bulk(flag.as_bytes());
    }
    reply.bulk(b"passwords");
    reply.array(usize::from(password.is_some()));
    if let Some(hash) = password {
        reply.bulk(hash.as_bytes());
    }
    for (name, rules) in [("commands", "+@all"), ("keys", "~*"), ("channels", "&*")] {
        reply.bulk(name.as_bytes());
        reply.bulk(rules.as_bytes());
    }
    reply.bulk(b"selectors");
    reply.array(0);
    Ok(Next::Done)
}

/// The hash of the default user's password, if there is one.
fn password(cx: &ServerCx<'_>) -> Option<String> {
    let password = cx.parts.config.password.as_bytes();
    (!password.is_empty()).then(|| sha256_hex(password))
}

static HELP: Command = Command {
    name: "acl|help",
    summary: "Returns what the subcommands do.",
    flags: LOADING.and(STALE),
    run: Run::Server(help_on_acl),
    ..OPEN
};

fn help_on_acl(cx: &mut ServerCx<'_>) -> Result<Next> {
    help(cx.reply, &ACL);
    Ok(Next::Done)
}

static LIST: Command = Command {
    name: "acl|list",
    summary: "Returns the users as lines of a file.",
    complexity: OF_USERS,
    run: Run::Server(list),
    ..GUARDED
};

fn list(cx: &mut ServerCx<'_>) -> Result<Next> {
    let secret = match password(cx) {
        Some(hash) => format!("sanitize-payload #{hash}"),
        None => "nopass sanitize-payload".to_string(),
    };
    cx.reply.array(1);
    cx.reply.bulk(format!("user default on {secret} ~* &* +@all").as_bytes());
    Ok(Next::Done)
}

static LOAD: Command = Command {
    name: "acl|load",
    summary: "Reads the users from their file.",
    complexity: OF_USERS,
    run: Run::Server(without_file),
    ..GUARDED
};

fn without_file(_cx: &mut ServerCx<'_>) -> Result<Next> {
    Err(Error::text(
        "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the \
         ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file \
         set) in order to store users in the Redis configuration.",
    ))
}

static LOG: Command = Command {
    name: "acl|log",
    summary: "Returns what was refused to users.",
    complexity: "O(N) with N being the number of entries shown.",
    args: &[one_of("operation", &[integer("count"), token("reset", "RESET")]).optional()],
    run: Run::Server(log),
    ..GUARDED
};

fn log(_cx: &mut ServerCx<'_>) -> Result<Next> {
    Err(Error::text("ERR ACL LOG is not implemented yet"))
}

static SAVE: Command = Command {
    name: "acl|save",
    summary: "Writes the users to their file.",
    complexity: OF_USERS,
    run: Run::Server(without_file),
    ..GUARDED
};

static SETUSER: Command = Command {
    name: "acl|setuser",
    summary: "Makes or changes a user.",
    complexity: "O(N). Where N is the number of rules provided.",
    args: &[string("username"), string("rule").optional().multiple()],
    flags: GUARDED.flags.and(SECRET),
    run: Run::Server(setuser),
    ..GUARDED
};

fn setuser(_cx: &mut ServerCx<'_>) -> Result<Next> {
    Err(Error::text(
        "ERR ACL SETUSER is not implemented yet: the only user is default, and requirepass its password",
    ))
}

static USERS: Command = Command {
    name: "acl|users",
    summary: "Returns the names of all users.",
    complexity: OF_USERS,
    run: Run::Server(users),
    ..GUARDED
};

fn users(cx: &mut ServerCx<'_>) -> Result<Next> {
    cx.reply.array(1);
    cx.reply.bulk(DEFAULT);
    Ok(Next::Done)
}

static WHOAMI: Command = Command {
    name: "acl|whoami",
    summary: "Returns the name of the connection's user.",
    run: Run::Server(whoami),
    ..OPEN
};

fn whoami(cx: &mut ServerCx<'_>) -> Result<Next> {
    cx.reply.bulk(DEFAULT);
    Ok(Next::Done)
}

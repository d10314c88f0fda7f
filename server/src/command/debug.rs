//! DEBUG: what tests and people who look for faults ask of a server.
//!
//! Owns: DEBUG and the list of its words.   Uses: ServerCx, debug_data.
//! Never: is open to everybody (`enable-debug-command`).

use super::context::ServerCx;
use super::debug_data::{digest, digest_value, ht_stats, ht_stats_key, object, populate};
use super::help::write_help;
use super::next::{Next, Reload};
use super::row::*;
use crate::base::alloc;
use crate::base::bytes::{glob, parse_f64};
use crate::base::sys;
use crate::resp::error::echo;
use crate::resp::reply::Proto;
use crate::resp::{Error, Result};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&DEBUG];
const _: () = check(TABLE);

// Its words are no rows of their own, because on a real server they are not.
static DEBUG: Command = Command {
    name: "debug",
    since: "1.0.0",
    group: Group::Server,
    summary: "Commands for tests.",
    complexity: "Depends on subcommand.",
    args: &[string("subcommand"), string("arg").optional().multiple()],
    flags: ADMIN.and(NOSCRIPT).and(LOADING).and(STALE),
    run: Run::Server(debug),
    ..Command::BASE
};

/// A word after DEBUG.
struct Word {
    name: &'static str,
    /// The fewest and the most arguments behind it.
    takes: (usize, usize),
    /// Its arguments, for people.
    usage: &'static str,
    /// What it does.
    about: &'static str,
    run: fn(&mut ServerCx<'_>) -> Result<Next>,
}

const fn word(
    name: &'static str,
    takes: (usize, usize),
    usage: &'static str,
    about: &'static str,
    run: fn(&mut ServerCx<'_>) -> Result<Next>,
) -> Word {
    Word { name, takes, usage, about, run }
}

const MANY: usize = usize::MAX;

/// Every word, in the order of HELP.
static WORDS: &[Word] = &[
    word("ASSERT", (0, 0), "", "Ends the server by a failed assertion.", assert_false),
    word(
        "CHANGE-REPL-ID",
        (0, 0),
        "",
        "Gives the history of the data another name, which INFO replication shows.",
        change_repl_id,
    ),
    word(
        "DICT-RESIZING",
        (1, 1),
        "<0|1>",
        "0: tables grow only as far as they must and shrink no more.",
        dict_resizing,
    ),
    word("DIGEST", (0, 0), "", "Answers a fingerprint of all data.", digest),
    word(
        "DIGEST-VALUE",
        (0, MANY),
        "<key> ...",
        "Answers a fingerprint of each value.",
        digest_value,
    ),
    word("ERROR", (1, 1), "<text>", "Answers this text as an error.", error),
    word("HTSTATS", (1, 1), "<db>", "Shows figures of a database's table.", ht_stats),
    word(
        "HTSTATS-KEY",
        (1, 1),
        "<key>",
        "Shows figures of the table inside a value; no value has one yet.",
        ht_stats_key,
    ),
    word("JMAP", (0, 0), "", "Shows the allocator's figures.", memory_map),
    word("LOADAOF", (0, 0), "", "Is refused: there is no append-only log yet.", load_log),
    word("LOG", (1, 1), "<message>", "Writes a line to the log.", log),
    word("OBJECT", (1, 1), "<key>", "Shows how a value is kept.", object),
    word("PANIC", (0, 0), "", "Ends the server by a panic.", panic),
    word("PAUSE-CRON", (1, 1), "<0|1>", "Stops or resumes periodic work.", pause_cron),
    word(
        "POPULATE",
        (1, 3),
        "<count> [<prefix>] [<size>]",
        "Creates keys that are not there yet.",
        populate,
    ),
    word("PROTOCOL", (1, 1), "<type>", "Answers an example of a type of reply.", protocol),
    word(
        "QUICKLIST-PACKED-THRESHOLD",
        (1, 1),
        "<size>",
        "Is refused: there are no lists yet.",
        packed_threshold,
    ),
    word(
        "RELOAD",
        (0, MANY),
        "[NOSAVE] [NOFLUSH] [MERGE]",
        "Saves a snapshot (but for NOSAVE), empties the data set (but for NOFLUSH) and loads the snapshot; \
         with MERGE its keys replace those that are there, else such a key ends the server.",
        reload,
    ),
    word(
        "REPLYBUFFER",
        (2, 2),
        "PEAK-RESET-TIME|RESIZING <value>",
        "Is refused: buffers of replies come from a pool and have no peak that is reset by time.",
        reply_buffer,
    ),
    word("SEGFAULT", (0, 0), "", "Ends the server by a segmentation fault.", segfault),
    word(
        "SET-ACTIVE-EXPIRE",
        (1, 1),
        "<0|1>",
        "Stops or resumes the search for expired keys.",
        active_expire,
    ),
    word(
        "SET-SKIP-CHECKSUM-VALIDATION",
        (1, 1),
        "<0|1>",
        "1: checksums of snapshots and of what RESTORE takes are not looked at.",
        skip_checksums,
    ),
    word("SLEEP", (1, 1), "<seconds>", "Lets the server do nothing for a while.", sleep),
    word(
        "STRINGMATCH-LEN",
        (2, 2),
        "<pattern> <text>",
        "Answers 1 if the text matches, else 0.",
        string_match,
    ),
    word("HELP", (0, 0), "", "Returns this list.", help),
];

fn debug(cx: &mut ServerCx<'_>) -> Result<Next> {
    if !cx.parts.config.debug_command.permits(cx.me.is_local()) {
        return Err(Error::text(
            "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", \
             you can run it from a local connection, otherwise you need to set this option in the \
             configuration file, and then restart the server.",
        ));
    }
    let (name, arguments) = (cx.arg(1), cx.args.len() - 2);
    let word = WORDS.iter().find(|word| {
        word.name.as_bytes().eq_ignore_ascii_case(name)
            && (word.takes.0..=word.takes.1).contains(&arguments)
    });
    let Some(word) = word else { return Err(Error::subcommand_words(cx.arg(1), "debug")) };
    (word.run)(cx)
}

fn help(cx: &mut ServerCx<'_>) -> Result<Next> {
    let lines = WORDS.iter().flat_map(|word| {
        let space = if word.usage.is_empty() { "" } else { " " };
        [format!("{}{space}{}", word.name, word.usage), format!("    {}", word.about)]
    });
    write_help(cx.reply, "debug", &lines.collect::<Vec<_>>());
    Ok(Next::Done)
}

fn done(cx: &mut ServerCx<'_>) -> Result<Next> {
    cx.reply.ok();
    Ok(Next::Done)
}

fn assert_false(cx: &mut ServerCx<'_>) -> Result<Next> {
    assert!(cx.args.is_empty(), "DEBUG ASSERT was asked for");
    Ok(Next::Done)
}

#[expect(clippy::panic, reason = "it is what the command is for: the crash report must come")]
fn panic(_cx: &mut ServerCx<'_>) -> Result<Next> {
    panic!("DEBUG PANIC was asked for");
}

fn segfault(_cx: &mut ServerCx<'_>) -> Result<Next> {
    sys::segfault();
    Ok(Next::Done)
}

fn error(cx: &mut ServerCx<'_>) -> Result<Next> {
    Err(Error::text(String::from_utf8_lossy(cx.arg(2)).into_owned()))
}

fn log(cx: &mut ServerCx<'_>) -> Result<Next> {
    tracing::warn!("DEBUG LOG: {}", echo(cx.arg(2)));
    done(cx)
}

/// The server answers behind the pause.
fn sleep(cx: &mut ServerCx<'_>) -> Result<Next> {
    // What is no number is no time, as on a real server; the cast saturates.
    let seconds = parse_f64(cx.arg(2)).unwrap_or(0.0);
    cx.reply.ok();
    Ok(Next::Sleep((seconds * 1e6) as u64))
}

fn reload(cx: &mut ServerCx<'_>) -> Result<Next> {
    let mut how = Reload { save: true, flush: true, replace: false };
    for word in cx.args.iter().skip(2) {
        match word.to_ascii_lowercase().as_slice() {
            b"nosave" => how.save = false,
            b"noflush" => how.flush = false,
            b"merge" => how.replace = true,
            _ => {
                return Err(Error::text(
                    "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.",
                ));
            }
        }
    }
    Ok(Next::Reload(how))
}

fn load_log(_cx: &mut ServerCx<'_>) -> Result<Next> {
    Err(Error::text(
        "ERR Error trying to load the AOF files: this server keeps no append-only log yet",
    ))
}

fn packed_threshold(_cx: &mut ServerCx<'_>) -> Result<Next> {
    Err(Error::text("ERR this server has no lists yet whose elements a threshold could pack"))
}

fn reply_buffer(cx: &mut ServerCx<'_>) -> Result<Next> {
    let known = [b"peak-reset-time".as_slice(), b"resizing"];
    if !known.iter().any(|word| word.eq_ignore_ascii_case(cx.arg(2))) {
        return Err(Error::subcommand_words(cx.arg(1), "debug"));
    }
    Err(Error::text("ERR the reply buffers of this server have no peak that is reset by time"))
}

fn change_repl_id(cx: &mut ServerCx<'_>) -> Result<Next> {
    cx.parts.repl_id = cx.parts.rng.name();
    done(cx)
}

/// As on a real server, what is no number is 0.
fn is_on(cx: &ServerCx<'_>) -> bool {
    crate::base::bytes::parse_i64(cx.arg(2)).unwrap_or(0) != 0
}

fn active_expire(cx: &mut ServerCx<'_>) -> Result<Next> {
    cx.parts.switches.lazy_expire_only = !is_on(cx);
    done(cx)
}

fn pause_cron(cx: &mut ServerCx<'_>) -> Result<Next> {
    cx.parts.switches.duties_rest = is_on(cx);
    done(cx)
}

fn skip_checksums(cx: &mut ServerCx<'_>) -> Result<Next> {
    cx.parts.switches.skip_checksums = is_on(cx);
    done(cx)
}

fn dict_resizing(cx: &mut ServerCx<'_>) -> Result<Next> {
    let keeps = !is_on(cx);
    cx.parts.keyspace.set_keeps_size(keeps);
    done(cx)
}

fn string_match(cx: &mut ServerCx<'_>) -> Result<Next> {
    cx.reply.int(i64::from(glob(cx.arg(2), cx.arg(3), false)));
    Ok(Next::Done)
}

fn memory_map(cx: &mut ServerCx<'_>) -> Result<Next> {
    let figures = alloc::figures();
    let text = format!(
        "allocated: {}\nactive: {}\nresident: {}\nmapped: {}\n",
        figures.allocated, figures.active, figures.resident, figures.mapped
    );
    cx.reply.verbatim("txt", text.as_bytes());
    Ok(Next::Done)
}

/// An example of each type of reply, the same as a real server's.
#[expect(clippy::approx_constant, reason = "the double is the one that a real server answers")]
fn protocol(cx: &mut ServerCx<'_>) -> Result<Next> {
    let resp3 = cx.reply.proto() == Proto::Resp3;
    let kind = cx.arg(2);
    let reply = &mut *cx.reply;
    match kind.to_ascii_lowercase().as_slice() {
        b"string" => reply.bulk(b"Hello World"),
        b"integer" => reply.int(12345),
        b"double" => reply.double(3.141),
        b"null" => reply.null(),
        b"array" => {
            reply.array(3);
            (0..3).for_each(|n| reply.int(n));
        }
        b"set" => {
            reply.set(3);
            (0..3).for_each(|n| reply.int(n));
        }
        b"map" => {
            reply.map(3);
            for n in 0..3 {
                reply.int(n);
                reply.bool(n == 1);
            }
        }
        b"attrib" => {
            if resp3 {
                // The only reply with attributes: they stand in front of it.
                reply.raw(b"|1\r\n");
                reply.bulk(b"key-popularity");
                reply.array(2);
                reply.bulk(b"key:123");
                reply.int(90);
            }
            reply.bulk(b"Some real reply following the attribute");
        }
        b"push" if !resp3 => {
            return Err(Error::text("ERR RESP2 is not supported by this command"));
        }
        b"push" => {
            reply.push(2);
            reply.bulk(b"server-cpu-usage");
            reply.int(42);
            reply.bulk(b"Some real reply following the push reply");
        }
        b"verbatim" => reply.verbatim("txt", b"This is a verbatim\nstring"),
        b"bignum" => reply.big_number("1234567999999999999999999999999999999"),
        b"true" => reply.bool(true),
        b"false" => reply.bool(false),
        _ => {
            return Err(Error::text(
                "ERR Wrong protocol type name. Please use one of the following: \
                 string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
            ));
        }
    }
    Ok(Next::Done)
}

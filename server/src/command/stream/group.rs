//! XGROUP: groups of consumers and their members.
//!
//! Owns: XGROUP and its subcommands, and how other commands name a consumer.   Uses: WriteCx, `value::stream::Group`.
//! Never: deliveries.

use super::ids::{is, strict};
use super::told::Told;
use super::write::no_group_in;
use crate::base::bytes::parse_i64;
use crate::command::context::{SessionCx, WriteCx};
use crate::command::help::help;
use crate::command::next::Next;
use crate::command::row::*;
use crate::command::text::length;
use crate::keyspace::change::{Change, Event};
use crate::resp::args::Args;
use crate::resp::{Error, Result};
use crate::value::Stream;
use crate::value::stream::{Group as ConsumerGroup, Id, Owner};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&XGROUP];
const _: () = check(TABLE);

static XGROUP: Command = Command {
    name: "xgroup",
    since: "5.0.0",
    group: Group::Stream,
    summary: "Makes, changes and removes groups of consumers.",
    complexity: "Depends on subcommand.",
    subcommands: &[&CREATE, &CREATECONSUMER, &DELCONSUMER, &DESTROY, &HELP, &SETID],
    run: Run::Container,
    ..Command::BASE
};

const ID: &[Arg] = &[string("id"), token("new-id", "$")];

/// What is said of a key that is not there.
fn no_key() -> Error {
    Error::text(
        "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want \
         to use the MKSTREAM option to create an empty stream automatically.",
    )
}

/// The options of CREATE and SETID.
struct Options {
    make: bool,
    read: Option<u64>,
}

impl Options {
    fn read(args: Args<'_>, may_make: bool) -> Result<Options> {
        let mut options = Options { make: false, read: None };
        let mut at = 5;
        while at < args.len() {
            if may_make && is(args.get(at), "MKSTREAM") {
                options.make = true;
                at += 1;
            } else if is(args.get(at), "ENTRIESREAD") && at + 1 < args.len() {
                let read = parse_i64(args.get(at + 1)).ok_or(Error::NotInteger)?;
                if read < -1 {
                    return Err(Error::text("ERR value for ENTRIESREAD must be positive or -1"));
                }
                options.read = u64::try_from(read).ok();
                at += 2;
            } else {
                return Err(Error::subcommand_words(args.get(1), "xgroup"));
            }
        }
        Ok(options)
    }
}

/// With every option of CREATE, each said once.
const MOST_WORDS: usize = 8;

/// Real servers count the words once the key and the group are looked up.
fn refuse_repetitions(args: Args<'_>) -> Result<()> {
    if args.len() > MOST_WORDS {
        return Err(Error::subcommand_words(args.get(1), "xgroup"));
    }
    Ok(())
}

/// Where a group is to stand: `$` is behind the last entry.
fn position(word: &[u8], last: Id) -> Result<Id> {
    if word == b"$" { Ok(last) } else { strict(word, 0) }
}

static CREATE: Command = Command {
    name: "xgroup|create",
    since: "5.0.0",
    group: Group::Stream,
    summary: "Makes a group.",
    args: &[
        key("key"),
        string("group"),
        one_of("id-selector", ID),
        token("mkstream", "MKSTREAM").optional(),
        integer("entries-read").after("ENTRIESREAD").optional(),
    ],
    keys: &[key_at(2, &["RW", "insert"])],
    flags: DENY_OOM,
    events: &[Event::XGROUP_CREATE, Event::NEW],
    run: Run::Write(create),
    ..Command::BASE
};

fn create(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (key, name, word, args) = (cx.key(2), cx.arg(3), cx.arg(4), cx.args);
    let options = Options::read(args, true)?;
    let (mut opened, aside) = cx.open_beside::<Box<Stream>>(key)?;
    if opened.get().is_none() && !options.make {
        return Err(no_key());
    }
    refuse_repetitions(args)?;
    let last = opened.get().map_or(Id::MIN, |stream| stream.last_id());
    let id = position(word, last)?;
    let stream = opened.get_or_make(|_| Stream::new());
    let read = options.read.map(|read| read.min(stream.added()));
    if !stream.add_group(name, ConsumerGroup::new(id, read)) {
        return Err(Error::text("BUSYGROUP Consumer Group name already exists"));
    }
    let outcome = opened.close();
    aside.reply.ok();
    Ok(cx.closed(key, outcome, Event::XGROUP_CREATE))
}

static SETID: Command = Command {
    name: "xgroup|setid",
    since: "5.0.0",
    group: Group::Stream,
    summary: "Sets the last entry that a group was given.",
    args: &[
        key("key"),
        string("group"),
        one_of("id-selector", ID),
        integer("entries-read").after("ENTRIESREAD").optional(),
    ],
    keys: &[key_at(2, &["RW", "update"])],
    events: &[Event::XGROUP_SETID],
    run: Run::Write(set_id),
    ..Command::BASE
};

fn set_id(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (key, name, word, args) = (cx.key(2), cx.arg(3), cx.arg(4), cx.args);
    let options = Options::read(args, false)?;
    let (mut opened, aside) = cx.open_beside::<Box<Stream>>(key)?;
    let stream = opened.get_mut().ok_or_else(no_key)?;
    if stream.group(name).is_none() {
        return Err(no_group_in(key.bytes, name));
    }
    refuse_repetitions(args)?;
    let id = position(word, stream.last_id())?;
    let read = options.read.map(|read| read.min(stream.added()));
    stream.edit_group(name, |group, _| (group.last, group.read) = (id, read));
    let outcome = opened.close();
    aside.reply.ok();
    Ok(cx.closed(key, outcome, Event::XGROUP_SETID))
}

static DESTROY: Command = Command {
    name: "xgroup|destroy",
    since: "5.0.0",
    group: Group::Stream,
    summary: "Removes a group with all that it waits for.",
    complexity: "O(N) for N deliveries that wait.",
    args: &[key("key"), string("group")],
    keys: &[key_at(2, &["RW", "delete"])],
    events: &[Event::XGROUP_DESTROY],
    run: Run::Write(destroy),
    ..Command::BASE
};

fn destroy(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (key, name) = (cx.key(2), cx.arg(3));
    let (mut opened, aside) = cx.open_beside::<Box<Stream>>(key)?;
    let was_there = opened.get_mut().ok_or_else(no_key)?.remove_group(name);
    let outcome = opened.close();
    aside.reply.int(was_there.into());
    if !was_there {
        return Ok(Change::NONE);
    }
    Ok(cx.closed(key, outcome, Event::XGROUP_DESTROY))
}

static CREATECONSUMER: Command = Command {
    name: "xgroup|createconsumer",
    since: "6.2.0",
    group: Group::Stream,
    summary: "Makes a consumer in a group.",
    args: &[key("key"), string("group"), string("consumer")],
    keys: &[key_at(2, &["RW", "insert"])],
    flags: DENY_OOM,
    events: &[Event::XGROUP_CREATECONSUMER],
    run: Run::Write(create_consumer),
    ..Command::BASE
};

fn create_consumer(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (key, name, consumer) = (cx.key(2), cx.arg(3), cx.arg(4));
    let now = cx.now.unix_ms();
    let (mut opened, aside) = cx.open_beside::<Box<Stream>>(key)?;
    let stream = opened.get_mut().ok_or_else(no_key)?;
    let made = stream.edit_group(name, |group, _| group.make_consumer(consumer, now).1);
    let is_new = made.ok_or_else(|| no_group_in(key.bytes, name))?;
    let outcome = opened.close();
    aside.reply.int(is_new.into());
    if !is_new {
        return Ok(Change::NONE);
    }
    Ok(cx.closed(key, outcome, Event::XGROUP_CREATECONSUMER))
}

static DELCONSUMER: Command = Command {
    name: "xgroup|delconsumer",
    since: "5.0.0",
    group: Group::Stream,
    summary: "Removes a consumer with all that waits for it.",
    args: &[key("key"), string("group"), string("consumer")],
    keys: &[key_at(2, &["RW", "delete"])],
    events: &[Event::XGROUP_DELCONSUMER],
    run: Run::Write(delete_consumer),
    ..Command::BASE
};

fn delete_consumer(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (key, name, consumer) = (cx.key(2), cx.arg(3), cx.arg(4));
    let (mut opened, aside) = cx.open_beside::<Box<Stream>>(key)?;
    let stream = opened.get_mut().ok_or_else(no_key)?;
    let gone = stream.edit_group(name, |group, _| group.remove_consumer(consumer));
    let gone = gone.ok_or_else(|| no_group_in(key.bytes, name))?;
    let outcome = opened.close();
    aside.reply.int(length(gone.unwrap_or(0)));
    if gone.is_none() {
        return Ok(Change::NONE);
    }
    Ok(cx.closed(key, outcome, Event::XGROUP_DELCONSUMER))
}

/// Makes the consumer that a command names, if it is missing, which the log is told; and notes that it was seen now. Gives
/// its number and whether it was made.
pub fn see_consumer(
    group: &mut ConsumerGroup,
    (key, name, consumer): (&[u8], &[u8], &[u8]),
    now_ms: i64,
    told: &mut Told,
) -> (Owner, bool) {
    let (owner, is_new) = group.make_consumer(consumer, now_ms);
    group.at_mut(owner).seen = now_ms;
    if is_new {
        told.consumer(key, name, consumer);
    }
    (owner, is_new)
}

static HELP: Command = Command {
    name: "xgroup|help",
    since: "5.0.0",
    group: Group::Stream,
    summary: "Returns this text.",
    flags: LOADING.and(STALE),
    run: Run::Session(|cx: &mut SessionCx<'_>| {
        help(cx.reply, &XGROUP);
        Ok(Next::Done)
    }),
    ..Command::BASE
};

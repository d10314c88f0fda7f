//! Commands on what waits for an acknowledgement.
//!
//! Owns: XACK, XNACK, XPENDING.   Uses: contexts, `value::stream::Group`.   Never: moves an entry to another consumer.

use super::ids::{from, is, to};
use super::remove::ids;
use super::write::{count_of, no_group, write_id};
use crate::base::bytes::parse_i64;
use crate::command::context::{ReadCx, WriteCx};
use crate::command::row::*;
use crate::command::text::length;
use crate::keyspace::change::Change;
use crate::resp::args::Args;
use crate::resp::error::echo;
use crate::resp::reply::Reply;
use crate::resp::{Error, Result};
use crate::value::Stream;
use crate::value::stream::{Group as ConsumerGroup, Id, Pending, Position};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&XACK, &XNACK, &XPENDING];
const _: () = check(TABLE);

static XACK: Command = Command {
    name: "xack",
    since: "5.0.0",
    group: Group::Stream,
    summary: "Acknowledges entries that a group was given.",
    complexity: "O(1) for each entry.",
    args: &[key("key"), string("group"), string("id").multiple()],
    keys: &[one_key(&["RW", "update"])],
    flags: FAST,
    run: Run::Write(xack),
    ..Command::BASE
};

fn xack(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (key, name, words) = (cx.key(1), cx.arg(2), cx.args.from(3));
    let (mut opened, aside) = cx.open_beside::<Box<Stream>>(key)?;
    let stream = opened.get_mut().filter(|stream| stream.group(name).is_some());
    let Some(stream) = stream else {
        aside.reply.int(0);
        return Ok(Change::NONE);
    };
    let ids = ids(words)?;
    let count = |group: &mut ConsumerGroup, _: Position<'_>| {
        ids.iter().filter(|id| group.acknowledge(**id)).count()
    };
    let done = stream.edit_group(name, count).unwrap_or(0);
    opened.close();
    aside.reply.int(length(done));
    Ok(cx.changes.count(done as u64))
}

static XPENDING: Command = Command {
    name: "xpending",
    since: "5.0.0",
    group: Group::Stream,
    summary: "Tells what waits for an acknowledgement.",
    complexity: "O(N) for N deliveries that are told; with IDLE for as many as are looked at.",
    args: &[
        key("key"),
        string("group"),
        block(
            "filters",
            &[
                integer("min-idle-time").after("IDLE").optional(),
                string("start"),
                string("end"),
                integer("count"),
                string("consumer").optional(),
            ],
        )
        .optional(),
    ],
    keys: READ_ONE,
    run: Run::Read(xpending),
    ..Command::BASE
};

/// Which deliveries XPENDING is to tell.
struct Filter<'a> {
    idle: i64,
    from: Id,
    to: Id,
    count: usize,
    consumer: Option<&'a [u8]>,
}

impl<'a> Filter<'a> {
    /// The words behind the group; nothing if there are none.
    fn read(args: Args<'a>) -> Result<Option<Filter<'a>>> {
        if args.len() == 3 {
            return Ok(None);
        }
        if !(6..=9).contains(&args.len()) {
            return Err(Error::Syntax);
        }
        let (mut at, mut idle) = (3, 0);
        if is(args.get(3), "IDLE") {
            idle = parse_i64(args.get(4)).ok_or(Error::NotInteger)?;
            if args.len() < 8 {
                return Err(Error::Syntax);
            }
            at = 5;
        }
        let count = count_of(args.get(at + 2))?;
        let (from, to) = (from(args.get(at))?, to(args.get(at + 1))?);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        Ok(Some(Filter { idle, from, to, count, consumer: args.find(at + 3) }))
    }
}

fn xpending(cx: &mut ReadCx<'_>) -> Result<()> {
    let (key, name) = (cx.key(1), cx.arg(2));
    let filter = Filter::read(cx.args)?;
    let now = cx.now.unix_ms();
    let stream = cx.data.view::<&Stream>(key)?;
    let group = stream.and_then(|stream| stream.group(name));
    let group = group.ok_or_else(|| no_group(key.bytes, name))?;
    match filter {
        None => write_summary(cx.reply, group),
        Some(filter) => write_deliveries(cx.reply, group, &filter, now),
    }
    Ok(())
}

fn write_summary(reply: &mut Reply, group: &ConsumerGroup) {
    reply.array(4);
    reply.int(length(group.waiting()));
    let Some((first, last)) = group.ends() else {
        reply.null();
        reply.null();
        reply.null_array();
        return;
    };
    write_id(reply, first);
    write_id(reply, last);
    let waiting = group.consumers().filter(|(_, consumer)| consumer.waiting() > 0);
    let mark = reply.mark();
    let mut count = 0;
    for (_, consumer) in waiting {
        reply.array(2);
        reply.bulk(&consumer.name);
        reply.bulk_int(length(consumer.waiting()));
        count += 1;
    }
    reply.array_from(mark, count);
}

fn write_deliveries(reply: &mut Reply, group: &ConsumerGroup, filter: &Filter<'_>, now: i64) {
    let mark = reply.mark();
    let mut count = 0;
    let mut write = |(id, pending): (Id, &Pending)| {
        write_delivery(reply, group, id, pending, now);
        count += 1;
    };
    let is_idle = |(_, pending): &(Id, &Pending)| pending.idle(now) >= filter.idle;
    match filter.consumer {
        None => {
            let all = group.range(filter.from, filter.to);
            all.filter(is_idle).take(filter.count).for_each(&mut write);
        }
        Some(consumer) => {
            if let Some(owner) = group.consumer(consumer) {
                let all = group.range_of(owner, filter.from, filter.to);
                all.filter(is_idle).take(filter.count).for_each(&mut write);
            }
        }
    }
    reply.array_from(mark, count);
}

/// One delivery; what was given back has no consumer, and no time since when.
fn write_delivery(reply: &mut Reply, group: &ConsumerGroup, id: Id, pending: &Pending, now: i64) {
    reply.array(4);
    write_id(reply, id);
    reply.bulk(pending.owner.map_or(&[], |owner| &group.at(owner).name));
    reply.int(if pending.is_released() { -1 } else { pending.idle(now) });
    reply.int(i64::try_from(pending.count).unwrap_or(i64::MAX));
}

const MODES: &[Arg] = &[token("silent", "SILENT"), token("fail", "FAIL"), token("fatal", "FATAL")];
const IDS: &[Arg] = &[integer("numids"), string("id").multiple()];

static XNACK: Command = Command {
    name: "xnack",
    since: "8.8.0",
    group: Group::Stream,
    summary: "Gives entries that wait for an acknowledgement back to the group.",
    complexity: "O(1) for each entry.",
    args: &[
        key("key"),
        string("group"),
        one_of("mode", MODES),
        block("ids", IDS).after("IDS"),
        integer("count").after("RETRYCOUNT").optional(),
        token("force", "FORCE").optional(),
    ],
    keys: &[one_key(&["RW", "update"])],
    flags: FAST,
    run: Run::Write(xnack),
    ..Command::BASE
};

/// The largest number of deliveries: marks an entry that nobody should try again.
const FATAL: u64 = i64::MAX as u64;

/// What giving back does to the number of deliveries.
#[derive(Clone, Copy)]
enum Mode {
    Silent,
    Fail,
    Fatal,
}

impl Mode {
    fn read(word: &[u8]) -> Option<Mode> {
        let all = [("SILENT", Mode::Silent), ("FAIL", Mode::Fail), ("FATAL", Mode::Fatal)];
        all.into_iter().find(|(name, _)| is(word, name)).map(|(_, mode)| mode)
    }

    fn count(self, before: u64) -> u64 {
        match self {
            Mode::Silent => before.saturating_sub(1),
            Mode::Fail => before,
            Mode::Fatal => FATAL,
        }
    }
}

/// A number of deliveries.
fn retry_count(word: &[u8]) -> Result<u64> {
    let count = parse_i64(word).ok_or(Error::NotInteger)?;
    let negative = |_| Error::text("ERR Invalid RETRYCOUNT value, must be >= 0");
    u64::try_from(count).map_err(negative)
}

/// How many IDs follow the number at a position.
fn numbered_ids(args: Args<'_>, at: usize) -> Result<usize> {
    let count = parse_i64(args.get(at)).filter(|count| *count > 0);
    let count = count.ok_or(Error::text("ERR numids must be a positive integer"))?;
    let fits = usize::try_from(count).ok().filter(|count| *count < args.len() - at);
    fits.ok_or(Error::text("ERR number of IDs doesn't match numids"))
}

/// What XNACK is asked.
struct Nack<'a> {
    mode: Mode,
    ids: Args<'a>,
    count: Option<u64>,
    force: bool,
}

impl<'a> Nack<'a> {
    fn read(args: Args<'a>) -> Result<Nack<'a>> {
        let mode = Mode::read(args.get(3));
        let mode = mode.ok_or(Error::text("ERR mode must be SILENT, FAIL, or FATAL"))?;
        let (mut ids, mut count, mut force) = (None, None, false);
        let mut at = 4;
        while at < args.len() {
            let (word, has_more) = (args.get(at), at + 1 < args.len());
            if is(word, "FORCE") {
                force = true;
                at += 1;
            } else if is(word, "RETRYCOUNT") && has_more {
                count = Some(retry_count(args.get(at + 1))?);
                at += 2;
            } else if is(word, "IDS") && has_more && ids.is_none() {
                let number = numbered_ids(args, at + 1)?;
                ids = Some(args.from(at + 2).until(number));
                at += 2 + number;
            } else {
                let word = echo(word);
                return Err(Error::text(format!("ERR Unrecognized XNACK option '{word}'")));
            }
        }
        let ids = ids.ok_or(Error::text("ERR syntax error, expected IDS keyword"))?;
        Ok(Nack { mode, ids, count, force })
    }

    /// Gives an entry back and tells whether there was one to give.
    fn give_back(&self, group: &mut ConsumerGroup, position: Position<'_>, id: Id) -> bool {
        let before = match group.get(id) {
            Some(pending) => pending.count,
            None if self.force && position.has(id) => 0,
            None => return false,
        };
        group.release(id, self.count.unwrap_or(self.mode.count(before)));
        true
    }
}

fn xnack(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (key, name) = (cx.key(1), cx.arg(2));
    let nack = Nack::read(cx.args)?;
    let (mut opened, aside) = cx.open_beside::<Box<Stream>>(key)?;
    let ids = ids(nack.ids)?;
    let edit = |group: &mut ConsumerGroup, position: Position<'_>| {
        ids.iter().filter(|id| nack.give_back(group, position, **id)).count()
    };
    let done = opened.get_mut().and_then(|stream| stream.edit_group(name, edit));
    let done = done.ok_or_else(|| no_group(key.bytes, name))?;
    opened.close();
    aside.reply.int(length(done));
    Ok(cx.changes.count(done as u64))
}

//! Messages that are added only once, however often they are sent.
//!
//! Owns: XCFGSET, XIDMPRECORD, and IDMP and IDMPAUTO of XADD.   Uses: WriteCx, `value::stream::Producers`.   Never: entries' contents.

use super::ids::{is, strict};
use crate::base::bytes::parse_i64;
use crate::base::sha1::sha1;
use crate::command::context::WriteCx;
use crate::command::row::*;
use crate::keyspace::change::Change;
use crate::resp::args::Args;
use crate::resp::{Error, Result};
use crate::value::Stream;
use crate::value::stream::{Id, Memory};
use std::borrow::Cow;

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&XCFGSET, &XIDMPRECORD];
const _: () = check(TABLE);

/// Who sends a message, and what it is known by.
pub struct Message<'a> {
    /// The producer.
    pub producer: &'a [u8],
    name: Name<'a>,
}

enum Name<'a> {
    /// The producer has named it.
    Given(&'a [u8]),
    /// Its fields and values name it.
    OfContents(Args<'a>),
}

impl<'a> Message<'a> {
    /// Takes the option at a position, if it is one of these; tells where the next one is.
    pub fn take(
        message: &mut Option<Message<'a>>,
        args: Args<'a>,
        at: usize,
    ) -> Result<Option<usize>> {
        let more = args.len() - 1 - at;
        let (word, has_name) = if more >= 2 && is(args.get(at), "IDMP") {
            ("IDMP", true)
        } else if more >= 1 && is(args.get(at), "IDMPAUTO") {
            ("IDMPAUTO", false)
        } else {
            return Ok(None);
        };
        if message.is_some() {
            return Err(Error::text("ERR IDMP/IDMPAUTO specified multiple times"));
        }
        let producer = args.get(at + 1);
        if producer.is_empty() {
            return Err(Error::text(format!("ERR {word} requires a non-empty producer ID")));
        }
        let name = if has_name { args.get(at + 2) } else { &[] };
        if has_name && name.is_empty() {
            return Err(Error::text("ERR IDMP requires a non-empty idempotent ID"));
        }
        let name = if has_name { Name::Given(name) } else { Name::OfContents(args) };
        *message = Some(Message { producer, name });
        Ok(Some(at + 2 + usize::from(has_name)))
    }

    /// What the producer's message is known by.
    pub fn id(&self) -> Cow<'a, [u8]> {
        match self.name {
            Name::Given(name) => Cow::Borrowed(name),
            Name::OfContents(args) => Cow::Owned(fingerprint(contents(args)).to_vec()),
        }
    }

    /// The entry that it has become before, if that is remembered.
    pub fn find(&self, stream: &mut Stream, memory: Memory, now_ms: u64) -> Option<Id> {
        stream.producers()?;
        let producers = stream.producers_mut(memory);
        producers.expire(self.producer, now_ms);
        let found = producers.find(self.producer, &self.id());
        if found.is_some() {
            producers.count_duplicate();
        }
        found
    }

    /// Remembers that it has become an entry.
    pub fn record(&self, stream: &mut Stream, memory: Memory, entry: Id) {
        stream.producers_mut(memory).record(self.producer, &self.id(), entry);
    }
}

/// The fields and values of an XADD with IDMPAUTO: what follows the first star that is no option's word.
fn contents(args: Args<'_>) -> Args<'_> {
    let mut at = 2;
    while args.get(at) != b"*" {
        at += if is(args.get(at), "IDMPAUTO") { 2 } else { 1 };
    }
    args.from(at + 1)
}

/// A number of 16 bytes for pairs in any order.
fn fingerprint(words: Args<'_>) -> [u8; 16] {
    let mut sum = 0u128;
    for at in (0..words.len()).step_by(2) {
        let (field, value) = (words.get(at), words.get(at + 1));
        let mut pair = (field.len() as u64).to_le_bytes().to_vec();
        pair.extend_from_slice(field);
        pair.extend_from_slice(value);
        let mut half = [0; 16];
        half.copy_from_slice(&sha1(&pair)[..16]);
        sum = sum.wrapping_add(u128::from_le_bytes(half));
    }
    sum.to_le_bytes()
}

static XCFGSET: Command = Command {
    name: "xcfgset",
    since: "8.6.0",
    group: Group::Stream,
    summary: "Sets how long and how many messages of a producer a stream remembers.",
    args: &[
        key("key"),
        integer("idmp-duration").after("IDMP-DURATION").optional(),
        integer("idmp-maxsize").after("IDMP-MAXSIZE").optional(),
    ],
    keys: &[one_key(&["RW", "update"])],
    flags: FAST,
    run: Run::Write(xcfgset),
    ..Command::BASE
};

/// A number between 1 and a bound.
fn bounded(word: &[u8], name: &str, most: u32, unit: &str) -> Result<u32> {
    let number = parse_i64(word).ok_or(Error::NotInteger)?;
    let fits = u32::try_from(number).ok().filter(|number| (1..=most).contains(number));
    fits.ok_or_else(|| Error::text(format!("ERR {name} must be between 1 and {most} {unit}")))
}

fn xcfgset(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (key, args) = (cx.key(1), cx.args);
    if args.len() == 2 {
        return Err(Error::text(
            "ERR At least one parameter must be specified: IDMP-DURATION or IDMP-MAXSIZE",
        ));
    }
    let (mut seconds, mut messages) = (None, None);
    for at in (2..args.len()).step_by(2) {
        let Some(value) = args.find(at + 1) else { return Err(Error::Syntax) };
        if is(args.get(at), "IDMP-DURATION") {
            seconds = Some(bounded(value, "IDMP-DURATION", 86_400, "seconds")?);
        } else if is(args.get(at), "IDMP-MAXSIZE") {
            messages = Some(bounded(value, "IDMP-MAXSIZE", 10_000, "entries")?);
        } else {
            return Err(Error::Syntax);
        }
    }
    let usual = usual(cx);
    let (mut opened, aside) = cx.open_beside::<Box<Stream>>(key)?;
    let producers = opened.get_mut().ok_or(Error::NoSuchKey)?.producers_mut(usual);
    let before = producers.memory();
    producers.set_memory(Memory {
        seconds: seconds.unwrap_or(before.seconds),
        messages: messages.unwrap_or(before.messages),
    });
    opened.close();
    aside.reply.ok();
    Ok(cx.changes.count(1))
}

/// How messages are remembered unless a stream says something else.
fn usual(cx: &WriteCx<'_>) -> Memory {
    Memory { seconds: cx.config.stream_idmp_seconds, messages: cx.config.stream_idmp_messages }
}

static XIDMPRECORD: Command = Command {
    name: "xidmprecord",
    since: "8.6.2",
    group: Group::Stream,
    summary: "Notes which message an entry has come of; for the log.",
    args: &[key("key"), string("pid"), string("iid"), string("stream-id")],
    keys: &[one_key(&["RW", "update"])],
    flags: DENY_OOM.and(FAST),
    run: Run::Write(xidmprecord),
    ..Command::BASE
};

fn xidmprecord(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (key, producer, message) = (cx.key(1), cx.arg(2), cx.arg(3));
    let id = strict(cx.arg(4), 0)?;
    if producer.is_empty() || message.is_empty() {
        return Err(Error::text("ERR producer ID and idempotent ID must not be empty"));
    }
    let usual = usual(cx);
    let (mut opened, aside) = cx.open_beside::<Box<Stream>>(key)?;
    let stream = opened.get_mut().ok_or(Error::NoSuchKey)?;
    if !stream.has(id) {
        return Err(Error::text("ERR the stream has no entry of this ID"));
    }
    let known = stream.producers().and_then(|producers| producers.find(producer, message));
    if known.is_some_and(|known| known != id) {
        return Err(Error::text("ERR the message is that of another entry"));
    }
    aside.reply.ok();
    if known.is_some() {
        return Ok(Change::NONE);
    }
    stream.producers_mut(usual).record(producer, message, id);
    opened.close();
    Ok(cx.changes.count(1))
}

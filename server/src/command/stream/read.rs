//! Commands that read entries as they come.
//!
//! Owns: XREAD and the rows of both.   Uses: contexts, `value::Stream`, `session::wanted`.   Never: who else waits.

use super::ids::strict;
use super::read_group::xreadgroup;
use super::read_words::{Budget, ReadWords};
use super::write::{write_entry, write_id};
use crate::command::context::ReadCx;
use crate::command::row::*;
use crate::keyspace::change::Event;
use crate::resp::reply::{Mark, Proto, Reply};
use crate::resp::{Error, Result};
use crate::session::wait::Empty;
use crate::session::wanted::Awaited;
use crate::value::Stream;
use crate::value::stream::{Entry, Id};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&XREAD, &XREADGROUP];
const _: () = check(TABLE);

const STREAMS: &[Arg] = &[key("key").multiple(), string("id").multiple()];

/// Keys behind a word, and as many IDs behind them.
const fn keys_behind(from: i32) -> KeySpec {
    KeySpec {
        begin: Begin::Behind { word: "STREAMS", from },
        find: Find::Range { last: -1, step: 1, limit: 2 },
        access: &["RO", "access"],
    }
}

static XREAD: Command = Command {
    name: "xread",
    since: "5.0.0",
    group: Group::Stream,
    summary: "Returns entries of streams beyond the given IDs; waits for some if there are none.",
    complexity: "O(N) for N entries that are returned.",
    args: &[
        integer("count").after("COUNT").optional(),
        integer("maxcount").after("MAXCOUNT").optional(),
        integer("maxsize").after("MAXSIZE").optional(),
        integer("milliseconds").after("BLOCK").optional(),
        block("streams", STREAMS).after("STREAMS"),
    ],
    keys: &[keys_behind(1)],
    flags: BLOCKING.and(MOVABLE_KEYS),
    run: Run::Read(xread),
    ..Command::BASE
};

static XREADGROUP: Command = Command {
    name: "xreadgroup",
    since: "5.0.0",
    group: Group::Stream,
    summary: "Returns entries to a consumer of a group; waits for some if there are none.",
    complexity: "O(N) for N entries that are returned.",
    args: &[
        block("group-block", &[string("group"), string("consumer")]).after("GROUP"),
        integer("count").after("COUNT").optional(),
        integer("maxcount").after("MAXCOUNT").optional(),
        integer("maxsize").after("MAXSIZE").optional(),
        integer("milliseconds").after("BLOCK").optional(),
        integer("min-idle-time").after("CLAIM").optional(),
        token("noack", "NOACK").optional(),
        block("streams", STREAMS).after("STREAMS"),
    ],
    keys: &[keys_behind(4)],
    flags: BLOCKING.and(MOVABLE_KEYS),
    events: &[Event::XGROUP_CREATECONSUMER],
    run: Run::Write(xreadgroup),
    ..Command::BASE
};

/// An answer of several streams: a map, which RESP2 has as pairs.
pub struct Answer {
    mark: Mark,
    streams: usize,
}

impl Answer {
    /// An empty one.
    pub fn new(reply: &Reply) -> Answer {
        Answer { mark: reply.mark(), streams: 0 }
    }

    /// Begins a stream, whose entries follow.
    pub fn begin(&mut self, reply: &mut Reply, key: &[u8]) {
        self.streams += 1;
        if reply.proto() == Proto::Resp2 {
            reply.array(2);
        }
        reply.bulk(key);
    }

    /// Takes back a stream that has no entries after all; `begin` is where it began.
    pub fn cancel(&mut self, reply: &mut Reply, begin: Mark) {
        reply.roll_back(begin);
        self.streams -= 1;
    }

    /// Ends it; false: there was no stream, and nothing is written.
    pub fn end(self, reply: &mut Reply) -> bool {
        if self.streams == 0 {
            return false;
        }
        if reply.proto() == Proto::Resp2 {
            reply.array_from(self.mark, self.streams);
        } else {
            reply.map_from(self.mark, self.streams);
        }
        true
    }
}

/// Writes an entry if the budget allows it; with what CLAIM adds, if it does: how long it has waited and how often it was
/// delivered.
pub fn write_within(
    reply: &mut Reply,
    budget: &mut Budget,
    entry: Entry<'_>,
    claimed: Option<(i64, u64)>,
) -> bool {
    let mark = reply.mark();
    let before = reply.len();
    match claimed {
        None => write_entry(reply, entry),
        Some((idle, count)) => {
            reply.array(4);
            super::write::write_fields(reply, entry);
            reply.int(idle);
            reply.int(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }
    let fits = budget.take(reply.len() - before);
    if !fits {
        reply.roll_back(mark);
    }
    fits
}

/// The ID of an entry that is no more.
pub fn write_gone(reply: &mut Reply, id: Id) {
    reply.array(2);
    write_id(reply, id);
    reply.null_array();
}

/// Bytes of an ID in what is remembered of a wait.
const MEMO: usize = 16;

/// The IDs behind which a client reads, as they were when it came.
fn beginnings(cx: &mut ReadCx<'_>, words: &ReadWords<'_>) -> Result<Vec<Id>> {
    let args = cx.args;
    if let Some(memo) = cx.asking.remembered() {
        let id = |bytes: &[u8]| {
            let half =
                |at: usize| bytes[at..at + 8].iter().rev().fold(0, |n, b| n << 8 | u64::from(*b));
            Id::new(half(0), half(8))
        };
        return Ok(memo.chunks_exact(MEMO).map(id).collect());
    }
    let mut ids = Vec::with_capacity(words.keys.len());
    for at in words.keys.clone() {
        // Whatever the ID is; and not counted, for the reading is.
        cx.data.view_again::<&Stream>(cx.key(at))?;
        let word = args.get(words.id_at(at));
        if word == b">" {
            return Err(Error::text(
                "ERR The > ID can be specified only when calling XREADGROUP using the GROUP \
                 <group> <consumer> option.",
            ));
        }
        let key = cx.key(at);
        ids.push(match word {
            b"$" => cx.data.view::<&Stream>(key)?.map_or(Id::MIN, Stream::last_id),
            b"+" => {
                let stream = cx.data.view::<&Stream>(key)?;
                let last = stream.and_then(Stream::last);
                last.and_then(|entry| entry.id.previous()).unwrap_or(Id::MIN)
            }
            word => strict(word, 0)?,
        });
    }
    Ok(ids)
}

fn xread(cx: &mut ReadCx<'_>) -> Result<()> {
    let args = cx.args;
    let words = ReadWords::read(args, false, cx.now)?;
    let ids = beginnings(cx, &words)?;
    let mut budget = Budget::of(&words);
    let most = if words.count == 0 { u64::MAX } else { words.count };
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let mut answer = Answer::new(cx.reply);
    for (at, id) in words.keys.clone().zip(&ids) {
        let key = cx.key(at);
        let Some(stream) = cx.data.view::<&Stream>(key)? else { continue };
        let Some(next) = id.next() else { continue };
        let mut entries = stream.range(next, Id::MAX).take(most).peekable();
        if entries.peek().is_none() || budget.is_spent() {
            continue;
        }
        let before = cx.reply.mark();
        answer.begin(cx.reply, key.bytes);
        let mark = cx.reply.mark();
        let fit = entries.take_while(|entry| write_within(cx.reply, &mut budget, *entry, None));
        let count = fit.count();
        cx.reply.array_from(mark, count);
        if count == 0 {
            answer.cancel(cx.reply, before);
        }
    }
    if answer.end(cx.reply) {
        return Ok(());
    }
    match words.block {
        None => cx.reply.null_array(),
        Some(timeout_ms) => {
            let memo: Vec<u8> = ids
                .iter()
                .flat_map(|id| [id.ms.to_le_bytes(), id.seq.to_le_bytes()].concat())
                .collect();
            cx.asking.remember(&memo);
            cx.wait_for(Awaited::Stream, words.keys, timeout_ms, Empty::NullArray);
        }
    }
    Ok(())
}

//! Commands that add entries.
//!
//! Owns: XADD, XSETID.   Uses: WriteCx, `value::Stream`.   Never: who waits for entries.

use super::idempotence::Message;
use super::ids::{invalid, is, strict};
use super::trim_words::{TrimWords, refs_word};
use super::write::write_id;
use crate::base::bytes::parse_i64;
use crate::command::context::WriteCx;
use crate::command::row::*;
use crate::keyspace::change::{Change, Event};
use crate::keyspace::{Key, Outcome};
use crate::resp::args::Args;
use crate::resp::{Error, Result};
use crate::value::Stream;
use crate::value::limits::Limits;
use crate::value::stream::{Id, IdText, Memory, Refs, TooLarge, Trim};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&XADD, &XSETID];
const _: () = check(TABLE);

const REFS: &[Arg] =
    &[token("keepref", "KEEPREF"), token("delref", "DELREF"), token("acked", "ACKED")];
const IDEMPOTENCE: &[Arg] = &[
    string("producer-id").after("IDMPAUTO"),
    block("idmp", &[string("producer-id"), string("idempotent-id")]).after("IDMP"),
];
const TRIM: &[Arg] = &[
    one_of("strategy", &[token("maxlen", "MAXLEN"), token("minid", "MINID")]),
    one_of("operator", &[token("equal", "="), token("approximately", "~")]).optional(),
    string("threshold"),
    integer("count").after("LIMIT").optional(),
];

static XADD: Command = Command {
    name: "xadd",
    since: "5.0.0",
    group: Group::Stream,
    summary: "Adds an entry to a stream, which is created if it is not there.",
    complexity: "O(1) for the entry, O(N) for N entries that are trimmed.",
    args: &[
        key("key"),
        token("nomkstream", "NOMKSTREAM").optional(),
        one_of("condition", REFS).optional(),
        one_of("idmp", IDEMPOTENCE).optional(),
        block("trim", TRIM).optional(),
        one_of("id-selector", &[token("auto-id", "*"), string("id")]),
        block("data", &[string("field"), string("value")]).multiple(),
    ],
    keys: &[one_key(&["RW", "update"])],
    flags: DENY_OOM.and(FAST),
    events: &[Event::XADD, Event::XTRIM, Event::NEW],
    run: Run::Write(xadd),
    ..Command::BASE
};

/// The ID that a new entry is to have.
#[derive(Clone, Copy, Debug)]
enum Wanted {
    /// The next one of this moment.
    Auto,
    /// The next one within a millisecond.
    Within(u64),
    /// This one.
    Exactly(Id),
}

/// What XADD is asked.
struct Request<'a> {
    make: bool,
    trim: Option<Trim>,
    message: Option<Message<'a>>,
    id: Wanted,
    words: Args<'a>,
}

impl<'a> Request<'a> {
    fn read(args: Args<'a>, limits: &Limits) -> Result<Request<'a>> {
        let (mut make, mut message, mut trim) = (true, None, TrimWords::default());
        let mut at = 2;
        let id = loop {
            let Some(word) = args.find(at) else { return Err(Error::Arity("xadd")) };
            if word == b"*" {
                break Wanted::Auto;
            } else if is(word, "NOMKSTREAM") {
                make = false;
                at += 1;
            } else if let Some(next) = Message::take(&mut message, args, at)? {
                at = next;
            } else if let Some(next) = trim.take(args, at)? {
                at = next;
            } else {
                break wanted(word)?;
            }
        };
        let trim = trim.finish(limits)?;
        let words = args.from(at + 1);
        if words.is_empty() || !words.len().is_multiple_of(2) {
            return Err(Error::Arity("xadd"));
        }
        if message.is_some() && !matches!(id, Wanted::Auto) {
            return Err(Error::text("ERR IDMP/IDMPAUTO can be used only with auto-generated IDs"));
        }
        if let Wanted::Exactly(Id::MIN) = id {
            return Err(Error::text("ERR The ID specified in XADD must be greater than 0-0"));
        }
        Ok(Request { make, trim, message, id, words })
    }
}

/// An ID whose number may be a star.
fn wanted(word: &[u8]) -> Result<Wanted> {
    match word.strip_suffix(b"-*") {
        Some(ms) if !ms.contains(&b'-') => Ok(Wanted::Within(strict(ms, 0)?.ms)),
        Some(_) => Err(invalid()),
        None => Ok(Wanted::Exactly(strict(word, 0)?)),
    }
}

impl Wanted {
    /// The ID behind the last one, if there is one that fits.
    fn after(self, last: Id, now_ms: u64) -> Result<Id> {
        if last == Id::MAX {
            return Err(Error::text(
                "ERR The stream has exhausted the last possible ID, unable to add more items",
            ));
        }
        let id = match self {
            Wanted::Auto if now_ms > last.ms => Some(Id::new(now_ms, 0)),
            Wanted::Auto => last.next(),
            Wanted::Within(ms) if ms == last.ms => last.next().filter(|next| next.ms == ms),
            Wanted::Within(ms) => Some(Id::new(ms, 0)),
            Wanted::Exactly(id) => Some(id),
        };
        id.filter(|id| *id > last).ok_or(Error::text(
            "ERR The ID specified in XADD is equal or smaller than the target stream top item",
        ))
    }
}

/// What came of XADD.
struct Added {
    id: Id,
    trimmed: u64,
    len: usize,
    outcome: Outcome,
}

fn xadd(cx: &mut WriteCx<'_>) -> Result<Change> {
    let key = cx.key(1);
    let request = Request::read(cx.args, &cx.keyspace.limits)?;
    let now_ms = u64::try_from(cx.now.unix_ms()).unwrap_or(0);
    let memory =
        Memory { seconds: cx.config.stream_idmp_seconds, messages: cx.config.stream_idmp_messages };
    let (mut opened, aside) = cx.open_beside::<Box<Stream>>(key)?;
    if opened.get().is_none() && !request.make {
        aside.reply.null();
        return Ok(Change::NONE);
    }
    if let Some(message) = &request.message
        && let Some(stream) = opened.get_mut()
        && let Some(id) = message.find(stream, memory, now_ms)
    {
        write_id(aside.reply, id);
        return Ok(Change::NONE);
    }
    let last = opened.get().map_or(Id::MIN, |stream| stream.last_id());
    let id = request.id.after(last, now_ms)?;
    let limits = opened.limits();
    let stream = opened.get_or_make(|_| Stream::new());
    let too_large = |TooLarge| Error::text("ERR Elements are too large to be stored");
    stream.append(id, request.words.iter(), limits).map_err(too_large)?;
    if let Some(message) = &request.message {
        message.record(stream, memory, id);
    }
    let trimmed = request.trim.map_or(0, |trim| stream.trim(trim));
    let len = stream.len();
    let outcome = opened.close();
    write_id(aside.reply, id);
    Ok(tell(cx, key, &request, &Added { id, trimmed, len, outcome }))
}

/// Says what changed; the log is told the ID that the entry got and how many entries stayed.
fn tell(cx: &mut WriteCx<'_>, key: Key<'_>, request: &Request<'_>, added: &Added) -> Change {
    let change = cx.closed(key, added.outcome, Event::XADD);
    if added.trimmed > 0 {
        let _ = cx.changes.also(cx.db, key.bytes, Event::XTRIM);
    }
    if !cx.changes.keeps_log() {
        return change;
    }
    let refs = request.trim.map_or(Refs::Keep, |trim| trim.refs);
    let len = added.len.to_string();
    let cut: [&[u8]; 4] = [refs_word(refs), b"MAXLEN", b"=", len.as_bytes()];
    let mut text = IdText::default();
    let mut words: Vec<&[u8]> = vec![b"XADD", key.bytes];
    // A message can only be recorded while its entry is there, so a trim that may take it comes last.
    let late = request.message.is_some() && added.trimmed > 0;
    if added.trimmed > 0 && !late {
        words.extend(cut);
    }
    let id = text.write(added.id);
    words.push(id);
    words.extend(request.words.iter());
    cx.log_as(&words);
    if let Some(message) = &request.message {
        let message_id = message.id();
        cx.log_as(&[b"XIDMPRECORD", key.bytes, message.producer, &message_id, id]);
    }
    if late {
        let words: Vec<&[u8]> = [&b"XTRIM"[..], key.bytes].into_iter().chain(cut).collect();
        cx.log_as(&words);
    }
    change
}

static XSETID: Command = Command {
    name: "xsetid",
    since: "5.0.0",
    group: Group::Stream,
    summary: "Sets the last ID of a stream.",
    args: &[
        key("key"),
        string("last-id"),
        integer("entries-added").after("ENTRIESADDED").optional(),
        string("max-deleted-id").after("MAXDELETEDID").optional(),
    ],
    keys: &[one_key(&["RW", "update"])],
    flags: DENY_OOM.and(FAST),
    events: &[Event::XSETID],
    run: Run::Write(xsetid),
    ..Command::BASE
};

fn xsetid(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (key, args) = (cx.key(1), cx.args);
    let id = strict(cx.arg(2), 0)?;
    let (mut added, mut deleted) = (None, None);
    let mut at = 3;
    while at < args.len() {
        let Some(value) = args.find(at + 1) else { return Err(Error::Syntax) };
        if is(args.get(at), "ENTRIESADDED") {
            let count = parse_i64(value).ok_or(Error::NotInteger)?;
            let count = u64::try_from(count)
                .map_err(|_| Error::text("ERR entries_added must be positive"))?;
            added = Some(count);
        } else if is(args.get(at), "MAXDELETEDID") {
            let largest = strict(value, 0)?;
            if id < largest {
                return Err(Error::text(
                    "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
                ));
            }
            deleted = Some(largest);
        } else {
            return Err(Error::Syntax);
        }
        at += 2;
    }
    let (mut opened, aside) = cx.open_beside::<Box<Stream>>(key)?;
    let stream = opened.get_mut().ok_or(Error::NoSuchKey)?;
    set_id(stream, id, added, deleted)?;
    let outcome = opened.close();
    aside.reply.ok();
    Ok(cx.closed(key, outcome, Event::XSETID))
}

/// Sets the last ID, and what else was said.
fn set_id(stream: &mut Stream, id: Id, added: Option<u64>, deleted: Option<Id>) -> Result<()> {
    if id < stream.deleted_id() {
        return Err(Error::text(
            "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id",
        ));
    }
    if stream.last().is_some_and(|last| id < last.id) {
        return Err(Error::text(
            "ERR The ID specified in XSETID is smaller than the target stream top item",
        ));
    }
    if added.is_some_and(|added| added < stream.len() as u64) {
        return Err(Error::text(
            "ERR The entries_added specified in XSETID is smaller than the target stream length",
        ));
    }
    stream.set_last_id(id);
    if let Some(added) = added {
        stream.set_added(added);
    }
    if let Some(deleted) = deleted.filter(|deleted| *deleted != Id::MIN) {
        stream.set_deleted_id(deleted);
    }
    Ok(())
}

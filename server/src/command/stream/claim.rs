//! Commands that move entries that wait to another consumer.
//!
//! Owns: XAUTOCLAIM, XCLAIM.   Uses: WriteCx, `value::stream::Group`.   Never: delivers what nobody has read yet.

use super::group::see_consumer;
use super::ids::{from, is, strict};
use super::told::Told;
use super::write::{no_group, write_entry, write_id};
use crate::base::bytes::parse_i64;
use crate::command::context::WriteCx;
use crate::command::row::*;
use crate::keyspace::change::{Change, Event};
use crate::resp::args::Args;
use crate::resp::reply::Reply;
use crate::resp::{Error, Result};
use crate::value::Stream;
use crate::value::stream::{Group as ConsumerGroup, Id, Owner, Position};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&XAUTOCLAIM, &XCLAIM];
const _: () = check(TABLE);

static XCLAIM: Command = Command {
    name: "xclaim",
    since: "5.0.0",
    group: Group::Stream,
    summary: "Gives entries that wait to another consumer.",
    complexity: "O(log N) for each entry, of N that wait.",
    args: &[
        key("key"),
        string("group"),
        string("consumer"),
        string("min-idle-time"),
        string("id").multiple(),
        integer("ms").after("IDLE").optional(),
        unix_time("unix-time-milliseconds").after("TIME").optional(),
        integer("count").after("RETRYCOUNT").optional(),
        token("force", "FORCE").optional(),
        token("justid", "JUSTID").optional(),
        string("lastid").after("LASTID").optional(),
    ],
    keys: &[one_key(&["RW", "update"])],
    flags: FAST,
    events: &[Event::XGROUP_CREATECONSUMER],
    run: Run::Write(xclaim),
    ..Command::BASE
};

/// What a claim does to each entry.
struct Claim {
    /// Only what has waited so long.
    min_idle: i64,
    /// The time of delivery that is noted.
    time: i64,
    count: Option<u64>,
    force: bool,
    just_id: bool,
}

/// What XCLAIM is asked.
struct Request {
    claim: Claim,
    ids: Vec<Id>,
    last: Option<Id>,
}

/// The number behind an option's word.
fn number(args: Args<'_>, at: usize, option: &str) -> Result<i64> {
    let wrong = || Error::text(format!("ERR Invalid {option} option argument for XCLAIM"));
    args.find(at).and_then(parse_i64).ok_or_else(wrong)
}

impl Request {
    fn read(args: Args<'_>, now: i64) -> Result<Request> {
        let min_idle = min_idle(args, "XCLAIM")?;
        let words = args.from(5);
        let ids: Vec<Id> = words.iter().map_while(|word| strict(word, 0).ok()).collect();
        let mut claim = Claim { min_idle, time: now, count: None, force: false, just_id: false };
        let mut last = None;
        let mut at = 5 + ids.len();
        while at < args.len() {
            let (word, has_more) = (args.get(at), at + 1 < args.len());
            let mut next = at + 2;
            if is(word, "FORCE") {
                claim.force = true;
                next = at + 1;
            } else if is(word, "JUSTID") {
                claim.just_id = true;
                next = at + 1;
            } else if is(word, "IDLE") && has_more {
                claim.time = now.saturating_sub(number(args, at + 1, "IDLE")?);
            } else if is(word, "TIME") && has_more {
                claim.time = number(args, at + 1, "TIME")?;
            } else if is(word, "RETRYCOUNT") && has_more {
                claim.count = u64::try_from(number(args, at + 1, "RETRYCOUNT")?).ok();
            } else if is(word, "LASTID") && has_more {
                last = Some(strict(args.get(at + 1), 0)?);
            } else {
                let word = crate::resp::error::echo(word);
                return Err(Error::text(format!("ERR Unrecognized XCLAIM option '{word}'")));
            }
            at = next;
        }
        if !(0..=now).contains(&claim.time) {
            claim.time = now;
        }
        Ok(Request { claim, ids, last })
    }
}

/// For how long an entry must have waited.
fn min_idle(args: Args<'_>, command: &str) -> Result<i64> {
    let wrong = || Error::text(format!("ERR Invalid min-idle-time argument for {command}"));
    Ok(parse_i64(args.get(4)).ok_or_else(wrong)?.max(0))
}

/// What became of an entry that was to be claimed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Claimed,
    /// Its entry is gone, and so is the delivery now.
    Forgotten,
    NotWaiting,
    TooEarly,
}

impl Claim {
    /// Gives an entry to a consumer, if it may have it.
    fn claim(
        &self,
        group: &mut ConsumerGroup,
        position: Position<'_>,
        id: Id,
        owner: Owner,
        now: i64,
    ) -> Fate {
        let before = group.get(id);
        if !position.has(id) {
            return if group.acknowledge(id) { Fate::Forgotten } else { Fate::NotWaiting };
        }
        let count = match before {
            Some(pending) if pending.idle(now) < self.min_idle => return Fate::TooEarly,
            Some(pending) => pending.count,
            None if self.force => 1,
            None => return Fate::NotWaiting,
        };
        let more = u64::from(!self.just_id);
        group.assign(id, owner, self.time, self.count.unwrap_or(count.saturating_add(more)));
        group.at_mut(owner).active = now;
        Fate::Claimed
    }

    fn write(&self, reply: &mut Reply, position: Position<'_>, id: Id) {
        match position.get(id).filter(|_| !self.just_id) {
            Some(entry) => write_entry(reply, entry),
            None => write_id(reply, id),
        }
    }
}

fn xclaim(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (key, name, consumer, args) = (cx.key(1), cx.arg(2), cx.arg(3), cx.args);
    let now = cx.now.unix_ms();
    let mut told = Told::new(cx);
    let (mut opened, aside) = cx.open_beside::<Box<Stream>>(key)?;
    let stream = opened.get_mut().filter(|stream| stream.group(name).is_some());
    let stream = stream.ok_or_else(|| no_group(key.bytes, name))?;
    let Request { claim, ids, last } = Request::read(args, now)?;
    let mark = aside.reply.mark();
    let edit = |group: &mut ConsumerGroup, position: Position<'_>| {
        let mut changes = 0;
        if let Some(last) = last.filter(|last| *last > group.last) {
            group.last = last;
            told.progress(key.bytes, name, group);
            changes += 1;
        }
        let named = (key.bytes, name, consumer);
        let (owner, is_new) = see_consumer(group, named, now, &mut told);
        let mut claimed = 0;
        for id in ids {
            let fate = claim.claim(group, position, id, owner, now);
            if fate == Fate::Claimed {
                claim.write(aside.reply, position, id);
                claimed += 1;
            }
            if matches!(fate, Fate::Claimed | Fate::Forgotten) {
                told.delivery(key.bytes, name, group, id);
                changes += 1;
            }
        }
        aside.reply.array_from(mark, claimed);
        (is_new, changes)
    };
    let done = stream.edit_group(name, edit);
    opened.close();
    Ok(say(cx, key.bytes, told, done))
}

/// Says what a claim changed.
fn say(cx: &mut WriteCx<'_>, key: &[u8], told: Told, done: Option<(bool, u64)>) -> Change {
    let (is_new, changes) = done.unwrap_or((false, 0));
    let mut change = cx.changes.count(changes);
    if is_new {
        change = cx.changes.changed(cx.db, key, Event::XGROUP_CREATECONSUMER);
    }
    told.tell(cx);
    change
}

static XAUTOCLAIM: Command = Command {
    name: "xautoclaim",
    since: "6.2.0",
    group: Group::Stream,
    summary: "Gives entries that have waited long to another consumer.",
    complexity: "O(1) if COUNT is small.",
    args: &[
        key("key"),
        string("group"),
        string("consumer"),
        string("min-idle-time"),
        string("start"),
        integer("count").after("COUNT").optional(),
        token("justid", "JUSTID").optional(),
    ],
    keys: &[one_key(&["RW", "delete"])],
    flags: FAST,
    events: &[Event::XGROUP_CREATECONSUMER],
    run: Run::Write(xautoclaim),
    ..Command::BASE
};

/// How many deliveries are looked at for each that is wanted.
const LOOKS: i64 = 10;
/// The largest COUNT, as in Redis.
const COUNT_MAX: i64 = i64::MAX / 16;

/// Count and JUSTID of XAUTOCLAIM.
fn auto_options(args: Args<'_>) -> Result<(i64, bool)> {
    let (mut count, mut just_id) = (100, false);
    let mut at = 6;
    while at < args.len() {
        if is(args.get(at), "JUSTID") {
            just_id = true;
            at += 1;
        } else if is(args.get(at), "COUNT") && at + 1 < args.len() {
            let wanted = parse_i64(args.get(at + 1)).filter(|n| (1..=COUNT_MAX).contains(n));
            count = wanted.ok_or(Error::text("ERR COUNT must be > 0"))?;
            at += 2;
        } else {
            return Err(Error::Syntax);
        }
    }
    Ok((count, just_id))
}

/// How a search for what has waited long went on.
struct Search {
    claimed: Vec<Id>,
    gone: Vec<Id>,
    /// Where the next one begins.
    next: Id,
}

/// Claims as many as are wanted from an ID on.
fn search(
    claim: &Claim,
    group: &mut ConsumerGroup,
    position: Position<'_>,
    (start, count): (Id, i64),
    owner: Owner,
) -> Search {
    let (mut left, mut looks) = (count, count.saturating_mul(LOOKS));
    let mut out = Search { claimed: Vec::new(), gone: Vec::new(), next: start };
    loop {
        let Some((id, _)) = group.range(out.next, Id::MAX).next() else {
            out.next = Id::MIN;
            return out;
        };
        if left == 0 || looks == 0 {
            out.next = id;
            return out;
        }
        looks -= 1;
        match claim.claim(group, position, id, owner, claim.time) {
            Fate::Claimed => out.claimed.push(id),
            Fate::Forgotten => out.gone.push(id),
            Fate::NotWaiting | Fate::TooEarly => left += 1,
        }
        left -= 1;
        let Some(next) = id.next() else {
            out.next = Id::MIN;
            return out;
        };
        out.next = next;
    }
}

fn xautoclaim(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (key, name, consumer, args) = (cx.key(1), cx.arg(2), cx.arg(3), cx.args);
    let now = cx.now.unix_ms();
    let min_idle = min_idle(args, "XAUTOCLAIM")?;
    let start = from(args.get(5))?;
    let (count, just_id) = auto_options(args)?;
    let claim = Claim { min_idle, time: now, count: None, force: false, just_id };
    let mut told = Told::new(cx);
    let (mut opened, aside) = cx.open_beside::<Box<Stream>>(key)?;
    let edit = |group: &mut ConsumerGroup, position: Position<'_>| {
        let named = (key.bytes, name, consumer);
        let (owner, is_new) = see_consumer(group, named, now, &mut told);
        let found = search(&claim, group, position, (start, count), owner);
        aside.reply.array(3);
        write_id(aside.reply, found.next);
        aside.reply.array(found.claimed.len());
        found.claimed.iter().for_each(|id| claim.write(aside.reply, position, *id));
        aside.reply.array(found.gone.len());
        found.gone.iter().for_each(|id| write_id(aside.reply, *id));
        let all = found.claimed.iter().chain(&found.gone);
        all.for_each(|id| told.delivery(key.bytes, name, group, *id));
        (is_new, (found.claimed.len() + found.gone.len()) as u64)
    };
    let done = opened.get_mut().and_then(|stream| stream.edit_group(name, edit));
    let done = done.ok_or_else(|| no_group(key.bytes, name))?;
    opened.close();
    Ok(say(cx, key.bytes, told, Some(done)))
}

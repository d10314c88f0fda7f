//! XREADGROUP: what a group's consumer gets.
//!
//! Owns: deliveries, and what the log is told of them.   Uses: WriteCx, `value::stream::Group`.   Never: the row (see `read`).

use super::group::see_consumer;
use super::ids::strict;
use super::read::{Answer, write_gone, write_within};
use super::read_words::{Budget, ReadWords};
use super::told::Told;
use crate::command::context::WriteCx;
use crate::keyspace::Key;
use crate::keyspace::change::{Change, Event};
use crate::resp::error::echo;
use crate::resp::reply::Reply;
use crate::resp::{Error, Result};
use crate::session::wait::Empty;
use crate::session::wanted::Awaited;
use crate::value::Stream;
use crate::value::stream::{Group as ConsumerGroup, Id, Owner, Pending, Position};

/// What a consumer wants of a stream.
#[derive(Clone, Copy)]
enum Wanted {
    /// What nobody was given yet.
    New,
    /// What it was given itself and has not acknowledged, behind an ID.
    Again(Id),
}

fn wanted(word: &[u8]) -> Result<Wanted> {
    match word {
        b">" => Ok(Wanted::New),
        b"$" | b"+" => Err(meaningless(word)),
        word => match strict(word, 0)? {
            // As in Redis, nothing can be behind the last ID anyway.
            Id::MAX => Ok(Wanted::New),
            id => Ok(Wanted::Again(id)),
        },
    }
}

/// A word that means something to XREAD only.
fn meaningless(word: &[u8]) -> Error {
    let word = echo(word);
    Error::text(format!(
        "ERR The {word} ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by \
         specifying a proper ID, or use the > ID to get new messages. The {word} ID would just return an empty result set."
    ))
}

/// What is wanted of each stream, if all of them have the group.
fn all_wanted(cx: &mut WriteCx<'_>, words: &ReadWords<'_>, name: &[u8]) -> Result<Vec<Wanted>> {
    let mut all = Vec::with_capacity(words.keys.len());
    for at in words.keys.clone() {
        let key = cx.key(at);
        // A key past its time goes, and everybody is told.
        cx.slot(key);
        let stream = cx.view::<&Stream>(key)?;
        if stream.and_then(|stream| stream.group(name)).is_none() {
            let (key, name) = (echo(key.bytes), echo(name));
            return Err(Error::text(format!(
                "NOGROUP No such key '{key}' or consumer group '{name}' in XREADGROUP with GROUP option"
            )));
        }
        all.push(wanted(cx.arg(words.id_at(at)))?);
    }
    Ok(all)
}

pub(super) fn xreadgroup(cx: &mut WriteCx<'_>) -> Result<Change> {
    let words = ReadWords::read(cx.args, true, cx.now)?;
    let (name, consumer) = words.group.ok_or(Error::Syntax)?;
    let all = all_wanted(cx, &words, name)?;
    let mut told = Told::new(cx);
    let mut budget = Budget::of(&words);
    let mut answer = Answer::new(cx.reply);
    let mut change = Change::NONE;
    for (at, wanted) in words.keys.clone().zip(all) {
        let key = cx.key(at);
        let now = cx.now.unix_ms();
        let (mut opened, aside) = cx.open_beside::<Box<Stream>>(key)?;
        let serve = |group: &mut ConsumerGroup, position: Position<'_>| {
            let named = (key.bytes, name, consumer);
            let (owner, is_new) = see_consumer(group, named, now, &mut told);
            let delivery = Delivery { words: &words, name, key, owner, now, position };
            let count =
                delivery.serve(group, wanted, &mut told, &mut budget, aside.reply, &mut answer);
            (is_new, count)
        };
        let served = opened.get_mut().and_then(|stream| stream.edit_group(name, serve));
        opened.close();
        let (is_new, count) = served.unwrap_or((false, 0));
        if count > 0 {
            change = cx.changes.count(count);
        }
        if is_new {
            change = cx.changes.changed(cx.db, key.bytes, Event::XGROUP_CREATECONSUMER);
        }
    }
    told.tell(cx);
    if answer.end(cx.reply) {
        return Ok(change);
    }
    match words.block {
        None => cx.reply.null_array(),
        Some(timeout) => cx.wait_for(Awaited::Group, words.keys, timeout, Empty::NullArray),
    }
    Ok(change)
}

/// One stream's part of the answer.
struct Delivery<'d> {
    words: &'d ReadWords<'d>,
    name: &'d [u8],
    key: Key<'d>,
    owner: Owner,
    now: i64,
    position: Position<'d>,
}

impl Delivery<'_> {
    /// Gives what is wanted, and tells how many entries that were.
    fn serve(
        &self,
        group: &mut ConsumerGroup,
        wanted: Wanted,
        told: &mut Told,
        budget: &mut Budget,
        reply: &mut Reply,
        answer: &mut Answer,
    ) -> u64 {
        let begin = reply.mark();
        answer.begin(reply, self.key.bytes);
        let mark = reply.mark();
        let count = match wanted {
            Wanted::Again(after) => self.again(group, after, told, budget, reply),
            Wanted::New => {
                let claimed = self.claim(group, told, budget, reply);
                claimed + self.new_ones(group, claimed, told, budget, reply)
            }
        };
        if count == 0 && matches!(wanted, Wanted::New) {
            answer.cancel(reply, begin);
            return 0;
        }
        reply.array_from(mark, usize::try_from(count).unwrap_or(usize::MAX));
        count
    }

    /// How many entries are wanted of a stream.
    fn most(&self) -> u64 {
        if self.words.count == 0 { u64::MAX } else { self.words.count }
    }

    /// What the consumer was given before and has not acknowledged; what is gone meanwhile without its fields.
    fn again(
        &self,
        group: &mut ConsumerGroup,
        after: Id,
        told: &mut Told,
        budget: &mut Budget,
        reply: &mut Reply,
    ) -> u64 {
        let Some(from) = after.next() else { return 0 };
        let waiting = group.range_of(self.owner, from, Id::MAX);
        let most = usize::try_from(self.most()).unwrap_or(usize::MAX);
        let ids: Vec<(Id, u64)> =
            waiting.take(most).map(|(id, pending)| (id, pending.count)).collect();
        let mut given = 0;
        for (id, count) in ids {
            match self.position.get(id) {
                None => write_gone(reply, id),
                Some(entry) => {
                    if !write_within(reply, budget, entry, None) {
                        break;
                    }
                    group.assign(id, self.owner, self.now, count.saturating_add(1));
                    told.delivery(self.key.bytes, self.name, group, id);
                }
            }
            given += 1;
        }
        given
    }

    /// What has waited too long for somebody's acknowledgement, if that is wanted.
    fn claim(
        &self,
        group: &mut ConsumerGroup,
        told: &mut Told,
        budget: &mut Budget,
        reply: &mut Reply,
    ) -> u64 {
        let Some(min_idle) = self.words.claim else { return 0 };
        let most = usize::try_from(self.most()).unwrap_or(usize::MAX);
        let mut gone = Vec::new();
        let waiting = group.by_time().take_while(|(_, it)| it.idle(self.now) >= min_idle);
        let is_there = |(id, _): &(Id, &Pending)| {
            let is_there = self.position.has(*id);
            if !is_there {
                gone.push(*id);
            }
            is_there
        };
        let found: Vec<(Id, Pending)> =
            waiting.filter(is_there).take(most).map(|(id, it)| (id, *it)).collect();
        for id in gone {
            group.acknowledge(id);
            told.delivery(self.key.bytes, self.name, group, id);
        }
        let mut given = 0;
        for (id, pending) in found {
            let Some(entry) = self.position.get(id) else { continue };
            let idle = if pending.is_released() { -1 } else { pending.idle(self.now) };
            if !write_within(reply, budget, entry, Some((idle, pending.count))) {
                break;
            }
            group.assign(id, self.owner, self.now, pending.count.saturating_add(1));
            group.at_mut(self.owner).active = self.now;
            told.delivery(self.key.bytes, self.name, group, id);
            given += 1;
        }
        given
    }

    /// What nobody was given yet.
    fn new_ones(
        &self,
        group: &mut ConsumerGroup,
        given: u64,
        told: &mut Told,
        budget: &mut Budget,
        reply: &mut Reply,
    ) -> u64 {
        let Some(from) = group.last.next() else { return 0 };
        let most = usize::try_from(self.most() - given).unwrap_or(usize::MAX);
        let claimed = self.words.claim.map(|_| (0, 0));
        let mut count = 0;
        for entry in self.position.range(from, Id::MAX).take(most) {
            if !write_within(reply, budget, entry, claimed) {
                break;
            }
            self.position.advance(group, entry.id);
            if !self.words.no_ack {
                group.assign(entry.id, self.owner, self.now, 1);
                told.delivery(self.key.bytes, self.name, group, entry.id);
            }
            count += 1;
        }
        if count > 0 {
            if !self.words.no_ack {
                group.at_mut(self.owner).active = self.now;
            }
            told.progress(self.key.bytes, self.name, group);
        }
        count
    }
}

//! Commands that draw members of sets by chance.
//!
//! Owns: SPOP, SRANDMEMBER.   Uses: contexts, draw, `value::Set`.   Never: members that were named.

use crate::base::random::Rng;
use crate::command::context::{ReadCx, WriteCx};
use crate::command::draw::{Draw, distinct};
use crate::command::number;
use crate::command::row::*;
use crate::command::text::write_element;
use crate::keyspace::Key;
use crate::keyspace::change::{Change, Event};
use crate::resp::reply::Reply;
use crate::resp::{Error, Result};
use crate::value::packed::Element;
use crate::value::{Set, SetRef};
use std::collections::BTreeSet;

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&SPOP, &SRANDMEMBER];
const _: () = check(TABLE);

static SPOP: Command = Command {
    name: "spop",
    since: "1.0.0",
    group: Group::Set,
    summary: "Removes members of a set by chance and returns them.",
    complexity: "O(N) where N is the number of members to be removed.",
    args: &[key("key"), integer("count").optional()],
    keys: &[one_key(&["RW", "access", "delete"])],
    flags: FAST,
    events: &[Event::SPOP, Event::DEL],
    run: Run::Write(spop),
    ..Command::BASE
};

fn spop(cx: &mut WriteCx<'_>) -> Result<Change> {
    match cx.args.len() {
        2 => pop_one(cx),
        3 => pop_some(cx),
        _ => Err(Error::Syntax),
    }
}

fn pop_one(cx: &mut WriteCx<'_>) -> Result<Change> {
    let key = cx.key(1);
    let (mut set, aside) = cx.open_beside::<Set>(key)?;
    let Some(value) = set.get_mut() else {
        drop(set);
        cx.reply.null();
        return Ok(Change::NONE);
    };
    let member = value.pop(aside.rng);
    aside.reply.bulk(&member);
    let outcome = set.close();
    cx.log_as(&[b"SREM", key.bytes, &member]);
    Ok(cx.closed(key, outcome, Event::SPOP))
}

fn pop_some(cx: &mut WriteCx<'_>) -> Result<Change> {
    let count = number::count(cx.arg(2))?;
    let key = cx.key(1);
    let (mut set, aside) = cx.open_beside::<Set>(key)?;
    let all = set.get().map_or(0, |value| value.as_ref().len());
    if count == 0 || all == 0 {
        aside.reply.set(0);
        return Ok(Change::NONE);
    }
    if count >= all {
        drop(set);
        return pop_all(cx, key);
    }
    aside.reply.set(count);
    let mut popped = Vec::new();
    if let Some(value) = set.get_mut() {
        for _ in 0..count {
            let member = value.pop(aside.rng);
            aside.reply.bulk(&member);
            popped.push(member);
        }
    }
    let outcome = set.close();
    let mut words: Vec<&[u8]> = vec![b"SREM", key.bytes];
    words.extend(popped.iter().map(Vec::as_slice));
    cx.log_as(&words);
    let _ = cx.changes.count(count as u64 - 1);
    Ok(cx.closed(key, outcome, Event::SPOP))
}

/// Answers a whole set, and removes its key.
fn pop_all(cx: &mut WriteCx<'_>, key: Key<'_>) -> Result<Change> {
    let (mut slot, reply) = cx.read_slot(key);
    let count = match crate::command::context::view_of::<SetRef<'_>>(slot.entry())? {
        Some(set) => {
            reply.set(set.len());
            set.iter().for_each(|member| write_element(reply, member));
            set.len()
        }
        None => 0,
    };
    slot.remove();
    cx.log_as(&[b"DEL", key.bytes]);
    let _ = cx.changes.count(count as u64 - 1);
    let change = cx.changed(key, Event::SPOP);
    let _ = cx.changes.also(cx.db, key.bytes, Event::DEL);
    Ok(change)
}

static SRANDMEMBER: Command = Command {
    name: "srandmember",
    since: "1.0.0",
    group: Group::Set,
    summary: "Returns members of a set that are chosen by chance.",
    complexity: "O(N) where N is the number of members asked for.",
    args: &[key("key"), integer("count").optional()],
    keys: READ_ONE,
    run: Run::Read(srandmember),
    ..Command::BASE
};

fn srandmember(cx: &mut ReadCx<'_>) -> Result<()> {
    let key = cx.key(1);
    let draw = match cx.args.len() {
        2 => None,
        3 => Some(Draw::parse(cx.arg(2))?),
        _ => return Err(Error::Syntax),
    };
    let set = cx.data.view::<SetRef<'_>>(key)?;
    match (set, draw) {
        (None, None) => cx.reply.null(),
        (None, Some(_)) => cx.reply.array(0),
        (Some(set), None) => write_element(cx.reply, set.random(cx.rng)),
        (Some(set), Some(Draw::Any(count))) => {
            cx.reply.array(count);
            (0..count).for_each(|_| write_element(cx.reply, set.random(cx.rng)));
        }
        (Some(set), Some(Draw::Distinct(count))) => draw_distinct(set, count, cx.rng, cx.reply),
    }
    Ok(())
}

/// Asking for less than one in so many members, drawing again what came before is cheaper than walking the set.
const SPARSE: usize = 3;

fn draw_distinct(set: SetRef<'_>, count: usize, rng: &mut Rng, reply: &mut Reply) {
    let count = count.min(set.len());
    reply.array(count);
    if count == set.len() {
        return set.iter().for_each(|member| write_element(reply, member));
    }
    if count * SPARSE > set.len() || !matches!(set, SetRef::Large(_)) {
        let chosen = distinct(rng, count, set.len());
        let members = set.iter().enumerate().filter(|(place, _)| chosen.contains(place));
        return members.for_each(|(_, member)| write_element(reply, member));
    }
    let mut drawn: BTreeSet<&[u8]> = BTreeSet::new();
    while drawn.len() < count {
        let Element::Text(member) = set.random(rng) else { continue };
        if drawn.insert(member) {
            reply.bulk(member);
        }
    }
}

//! Commands that add, remove, move and look up members of sets.
//!
//! Owns: SADD, SCARD, SISMEMBER, SMEMBERS, SMISMEMBER, SMOVE, SREM.   Uses: contexts, `value::Set`.   Never: chance.

use crate::command::context::{ReadCx, WriteCx};
use crate::command::row::*;
use crate::command::text::{length, write_element};
use crate::keyspace::Key;
use crate::keyspace::change::{Change, Event};
use crate::resp::Result;
use crate::value::{Set, SetRef};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&SADD, &SCARD, &SISMEMBER, &SMEMBERS, &SMISMEMBER, &SMOVE, &SREM];
const _: () = check(TABLE);

static SADD: Command = Command {
    name: "sadd",
    since: "1.0.0",
    group: Group::Set,
    summary: "Adds members to a set, which is created if it is not there.",
    complexity: "O(1) for each member.",
    args: &[key("key"), string("member").multiple()],
    keys: &[one_key(&["RW", "insert"])],
    flags: DENY_OOM.and(FAST),
    events: &[Event::SADD, Event::NEW],
    run: Run::Write(sadd),
    ..Command::BASE
};

fn sadd(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (key, members) = (cx.key(1), cx.args.from(2));
    let mut set = cx.open::<Set>(key)?;
    let limits = set.limits();
    let value = set.get_or_make(|limits| Set::new(members.get(0), members.len(), limits));
    value.expect_more(members.len(), limits);
    let added = members.iter().filter(|member| value.add(member, limits)).count();
    let outcome = set.close();
    cx.reply.int(length(added));
    if added == 0 {
        return Ok(Change::NONE);
    }
    let _ = cx.changes.count(added as u64 - 1);
    Ok(cx.closed(key, outcome, Event::SADD))
}

static SREM: Command = Command {
    name: "srem",
    since: "1.0.0",
    group: Group::Set,
    summary: "Removes members from a set, and the set when none is left.",
    complexity: "O(N) where N is the number of members to be removed.",
    args: &[key("key"), string("member").multiple()],
    keys: &[one_key(&["RW", "delete"])],
    flags: FAST,
    events: &[Event::SREM, Event::DEL],
    run: Run::Write(srem),
    ..Command::BASE
};

fn srem(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (key, members) = (cx.key(1), cx.args.from(2));
    let mut set = cx.open::<Set>(key)?;
    let removed = match set.get_mut() {
        Some(value) => members.iter().filter(|member| value.remove(member)).count(),
        None => 0,
    };
    let outcome = set.close();
    cx.reply.int(length(removed));
    if removed == 0 {
        return Ok(Change::NONE);
    }
    let _ = cx.changes.count(removed as u64 - 1);
    Ok(cx.closed(key, outcome, Event::SREM))
}

static SMOVE: Command = Command {
    name: "smove",
    since: "1.0.0",
    group: Group::Set,
    summary: "Moves a member from one set to another.",
    args: &[key("source"), key("destination"), string("member")],
    keys: &[key_at(1, &["RW", "access", "delete"]), key_at(2, &["RW", "insert"])],
    flags: FAST,
    events: &[Event::SREM, Event::SADD, Event::DEL, Event::NEW],
    run: Run::Write(smove),
    ..Command::BASE
};

fn smove(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (from, to, member) = (cx.key(1), cx.key(2), cx.arg(3));
    let is_there = match cx.slot(from).exists() {
        true => cx.view::<SetRef<'_>>(from)?.is_some_and(|set| set.contains(member)),
        false => {
            cx.reply.int(0);
            return Ok(Change::NONE);
        }
    };
    cx.slot(to);
    cx.view::<SetRef<'_>>(to)?;
    cx.reply.int(is_there.into());
    if !is_there || from.bytes == to.bytes {
        return Ok(Change::NONE);
    }
    move_member(cx, from, to, member)
}

/// Moves a member that is in a set to another set.
fn move_member(cx: &mut WriteCx<'_>, from: Key<'_>, to: Key<'_>, member: &[u8]) -> Result<Change> {
    let mut set = cx.open::<Set>(from)?;
    if let Some(value) = set.get_mut() {
        value.remove(member);
    }
    let outcome = set.close();
    let change = cx.closed(from, outcome, Event::SREM);
    let mut set = cx.open::<Set>(to)?;
    let limits = set.limits();
    let is_new = set.get_or_make(|limits| Set::new(member, 1, limits)).add(member, limits);
    let outcome = set.close();
    if !is_new {
        return Ok(change);
    }
    Ok(cx.closed(to, outcome, Event::SADD))
}

static SISMEMBER: Command = Command {
    name: "sismember",
    since: "1.0.0",
    group: Group::Set,
    summary: "Tells whether a member is in a set.",
    args: &[key("key"), string("member")],
    keys: &[one_key(&["RO"])],
    flags: FAST,
    run: Run::Read(sismember),
    ..Command::BASE
};

fn sismember(cx: &mut ReadCx<'_>) -> Result<()> {
    let (key, member) = (cx.key(1), cx.arg(2));
    let is_there = cx.data.view::<SetRef<'_>>(key)?.is_some_and(|set| set.contains(member));
    cx.reply.int(is_there.into());
    Ok(())
}

static SMISMEMBER: Command = Command {
    name: "smismember",
    since: "6.2.0",
    group: Group::Set,
    summary: "Tells of each member whether it is in a set.",
    complexity: "O(N) where N is the number of members asked for.",
    args: &[key("key"), string("member").multiple()],
    keys: READ_ONE,
    flags: FAST,
    run: Run::Read(smismember),
    ..Command::BASE
};

fn smismember(cx: &mut ReadCx<'_>) -> Result<()> {
    let (key, members) = (cx.key(1), cx.args.from(2));
    let set = cx.data.view::<SetRef<'_>>(key)?;
    cx.reply.array(members.len());
    for member in members.iter() {
        cx.reply.int(set.is_some_and(|set| set.contains(member)).into());
    }
    Ok(())
}

static SCARD: Command = Command {
    name: "scard",
    since: "1.0.0",
    group: Group::Set,
    summary: "Returns the number of members of a set.",
    args: &[key("key")],
    keys: &[one_key(&["RO"])],
    flags: FAST,
    run: Run::Read(scard),
    ..Command::BASE
};

fn scard(cx: &mut ReadCx<'_>) -> Result<()> {
    let key = cx.key(1);
    let members = cx.data.view::<SetRef<'_>>(key)?.map_or(0, SetRef::len);
    cx.reply.int(length(members));
    Ok(())
}

static SMEMBERS: Command = Command {
    name: "smembers",
    since: "1.0.0",
    group: Group::Set,
    summary: "Returns all members of a set.",
    complexity: "O(N) where N is the number of members.",
    args: &[key("key")],
    keys: READ_ONE,
    run: Run::Read(smembers),
    ..Command::BASE
};

fn smembers(cx: &mut ReadCx<'_>) -> Result<()> {
    let key = cx.key(1);
    let Some(set) = cx.data.view::<SetRef<'_>>(key)? else {
        cx.reply.set(0);
        return Ok(());
    };
    cx.reply.set(set.len());
    set.iter().for_each(|member| write_element(cx.reply, member));
    Ok(())
}

//! Commands that return all fields of a hash.
//!
//! Owns: HGETALL, HKEYS, HVALS.   Uses: contexts, `value::Hash`.   Never: changes anything.

use crate::command::context::ReadCx;
use crate::command::row::*;
use crate::command::text::write_element;
use crate::resp::Result;
use crate::value::HashRef;
use crate::value::hash::Pair;
use crate::value::packed::Element;

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&HGETALL, &HKEYS, &HVALS];
const _: () = check(TABLE);

static HGETALL: Command = Command {
    name: "hgetall",
    since: "2.0.0",
    group: Group::Hash,
    summary: "Returns all fields of a hash and their values.",
    complexity: "O(N) where N is the number of fields.",
    args: &[key("key")],
    keys: READ_ONE,
    run: Run::Read(hgetall),
    ..Command::BASE
};

fn hgetall(cx: &mut ReadCx<'_>) -> Result<()> {
    let (key, now_ms) = (cx.key(1), cx.now.unix_ms());
    let Some(hash) = cx.data.view::<HashRef<'_>>(key)? else {
        cx.reply.map(0);
        return Ok(());
    };
    let reply = &mut *cx.reply;
    reply.map(hash.live_len(now_ms));
    hash.live(now_ms).for_each(|pair| {
        write_element(reply, pair.name);
        write_element(reply, pair.value);
    });
    Ok(())
}

static HKEYS: Command = Command {
    name: "hkeys",
    since: "2.0.0",
    group: Group::Hash,
    summary: "Returns the names of all fields of a hash.",
    complexity: "O(N) where N is the number of fields.",
    args: &[key("key")],
    keys: READ_ONE,
    run: Run::Read(hkeys),
    ..Command::BASE
};

fn hkeys(cx: &mut ReadCx<'_>) -> Result<()> {
    each(cx, |pair| pair.name)
}

static HVALS: Command = Command {
    name: "hvals",
    since: "2.0.0",
    group: Group::Hash,
    summary: "Returns the values of all fields of a hash.",
    complexity: "O(N) where N is the number of fields.",
    args: &[key("key")],
    keys: READ_ONE,
    run: Run::Read(hvals),
    ..Command::BASE
};

fn hvals(cx: &mut ReadCx<'_>) -> Result<()> {
    each(cx, |pair| pair.value)
}

/// Answers a part of each field.
fn each(cx: &mut ReadCx<'_>, part: impl Fn(Pair<'_>) -> Element<'_>) -> Result<()> {
    let (key, now_ms) = (cx.key(1), cx.now.unix_ms());
    let Some(hash) = cx.data.view::<HashRef<'_>>(key)? else {
        cx.reply.array(0);
        return Ok(());
    };
    let reply = &mut *cx.reply;
    reply.array(hash.live_len(now_ms));
    hash.live(now_ms).for_each(|pair| write_element(reply, part(pair)));
    Ok(())
}

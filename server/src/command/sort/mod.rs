//! Lists, sets and sorted sets in another order.
//!
//! Owns: SORT, SORT_RO.   Uses: contexts, `words`, `order`.   Never: changes what it sorts.
//!
//! ```text
//!   words -> elements of the value -> what each is sorted by -> order -> LIMIT -> what GET wants of each -> reply or list
//! ```
//! Texts are compared byte by byte, as Redis does in the C locale.

mod order;
mod words;

use super::context::{ReadCx, WriteCx};
use super::row::*;
use super::text::{length, write_element};
use crate::keyspace::change::{Change, Event};
use crate::keyspace::{EntryRef, Keyspace};
use crate::resp::reply::Reply;
use crate::resp::{Error, Result};
use crate::value::packed::{Element, LONGEST};
use crate::value::text::Scratch;
use crate::value::{List, Side, TextRef, Value, ValueRef};
use order::order;
use words::Words;

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&SORT, &SORT_RO];
const _: () = check(TABLE);

const BY: Arg = pattern("by-pattern").after("BY").optional();
const LIMIT: Arg = block("limit", &[integer("offset"), integer("count")]).after("LIMIT").optional();
const GET: Arg = pattern("get-pattern").after("GET").optional().multiple_token();
const DIRECTION: Arg = one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]).optional();
const ALPHA: Arg = token("sorting", "ALPHA").optional();
const COST: &str =
    "O(N+M*log(M)) where N is the number of elements and M the number of those that are answered.";

static SORT: Command = Command {
    name: "sort",
    since: "1.0.0",
    group: Group::Generic,
    summary: "Returns or keeps the elements of a list, set or sorted set in order.",
    complexity: COST,
    args: &[
        key("key"),
        BY,
        LIMIT,
        GET,
        DIRECTION,
        ALPHA,
        key("destination").after("STORE").optional(),
    ],
    keys: &[
        one_key(&["RO", "access"]),
        KeySpec { begin: Begin::Unknown, find: Find::Unknown, access: &["RO", "access"] },
        KeySpec {
            begin: Begin::Hidden { word: "STORE", from: -2 },
            find: Find::Unknown,
            access: &["OW", "update"],
        },
    ],
    flags: DENY_OOM.and(MOVABLE_KEYS).and(SORTS),
    events: &[Event::SORT_STORE, Event::DEL, Event::NEW],
    run: Run::Write(sort),
    ..Command::BASE
};

fn sort(cx: &mut WriteCx<'_>) -> Result<Change> {
    let words = Words::parse(cx.args.from(2), true)?;
    let key = cx.key(1);
    // Counted, and removed if its time has passed.
    cx.read_slot(key);
    let data = Data { keyspace: cx.keyspace, db: cx.db, now_ms: cx.now.unix_ms() };
    let sorted = sorted(data, cx.arg(1), &words)?;
    let Some(to) = words.store else {
        answer(data, &sorted, &words, cx.reply);
        return Ok(Change::NONE);
    };
    let mut list = List::new();
    let (mut scratch, mut is_too_long) = (Scratch::default(), false);
    each_answer(data, &sorted, &words, &mut |answer| {
        let text = answer.map_or(&[][..], |element| element.text(&mut scratch));
        if text.len() > LONGEST {
            is_too_long = true;
        } else {
            list.push(Side::Right, text);
        }
    });
    if is_too_long {
        return Err(Error::TooLong);
    }
    list.expect_more(0, 0, &data.keyspace.limits);
    let count = list.as_ref().len();
    drop(sorted);
    cx.reply.int(length(count));
    let to = cx.keyspace.key(to);
    let value = (count > 0).then_some(Value::List(list));
    let _ = cx.changes.count((count as u64).saturating_sub(1));
    Ok(cx.replace(to, value, Event::SORT_STORE))
}

static SORT_RO: Command = Command {
    name: "sort_ro",
    since: "7.0.0",
    group: Group::Generic,
    summary: "Returns the elements of a list, set or sorted set in order.",
    complexity: COST,
    args: &[key("key"), BY, LIMIT, GET, DIRECTION, ALPHA],
    keys: &[
        one_key(&["RO", "access"]),
        KeySpec { begin: Begin::Unknown, find: Find::Unknown, access: &["RO", "access"] },
    ],
    flags: MOVABLE_KEYS.and(SORTS),
    run: Run::Read(sort_ro),
    ..Command::BASE
};

fn sort_ro(cx: &mut ReadCx<'_>) -> Result<()> {
    let words = Words::parse(cx.args.from(2), false)?;
    let key = cx.key(1);
    cx.data.entry(key);
    let data =
        Data { keyspace: cx.data.keyspace(), db: cx.data.number(), now_ms: cx.now.unix_ms() };
    let sorted = sorted(data, cx.arg(1), &words)?;
    answer(data, &sorted, &words, cx.reply);
    Ok(())
}

/// The data that a sort looks at.
#[derive(Clone, Copy)]
struct Data<'s> {
    keyspace: &'s Keyspace,
    db: usize,
    now_ms: i64,
}

impl<'s> Data<'s> {
    fn value(self, key: &[u8]) -> Option<ValueRef<'s>> {
        let entry = self.keyspace.db(self.db).find(self.keyspace.key(key))?;
        entry
            .deadline()
            .is_none_or(|deadline| deadline >= self.now_ms)
            .then(|| EntryRef::value(entry))
    }

    /// What a pattern means for an element: the element itself (`#`), a string, or a field of a hash (`key*->field`).
    fn meant(self, pattern: &[u8], element: Element<'s>) -> Option<Element<'s>> {
        if pattern == b"#" {
            return Some(element);
        }
        let star = pattern.iter().position(|&byte| byte == b'*')?;
        let (before, after) = (&pattern[..star], &pattern[star + 1..]);
        let arrow = after.windows(2).position(|two| two == b"->");
        let arrow = arrow.filter(|&at| at + 2 < after.len());
        let (after, field) = match arrow {
            Some(at) => (&after[..at], Some(&after[at + 2..])),
            None => (after, None),
        };
        let mut scratch = Scratch::default();
        let key = [before, element.text(&mut scratch), after].concat();
        let value = self.value(&key)?;
        if let Some(field) = field {
            let ValueRef::Hash(hash) = value else { return None };
            return Some(hash.get(field, self.now_ms)?.value);
        }
        let ValueRef::Text(text) = value else { return None };
        Some(match text {
            TextRef::Int(number) => Element::Int(number),
            TextRef::Bytes(bytes) => Element::Text(bytes),
            TextRef::Blob(blob) => Element::Text(blob),
        })
    }
}

/// The elements that are answered, in order.
fn sorted<'s>(data: Data<'s>, key: &[u8], words: &Words<'_>) -> Result<Vec<Element<'s>>> {
    let mut words = *words;
    let mut elements: Vec<Element<'s>> = match data.value(key) {
        None => Vec::new(),
        Some(ValueRef::List(list)) => {
            let mut elements: Vec<_> = list.iter().collect();
            if words.keeps_order() && words.descending {
                elements.reverse();
            }
            elements
        }
        Some(ValueRef::Set(set)) => {
            if words.by.is_some() && words.keeps_order() && words.store.is_some() {
                // A set has no order of its own that a list could be made of.
                (words.by, words.alpha) = (None, true);
            }
            set.iter().collect()
        }
        Some(ValueRef::SortedSet(set)) => {
            let all = 0..set.len();
            if words.keeps_order() && words.descending {
                set.range_back(all).map(|(member, _)| member).collect()
            } else {
                set.range(all).map(|(member, _)| member).collect()
            }
        }
        Some(ValueRef::Text(_) | ValueRef::Hash(_) | ValueRef::Stream(_)) => {
            return Err(Error::WrongType);
        }
    };
    if !words.keeps_order() {
        elements = order(elements, &words, |pattern, element| data.meant(pattern, element))?;
    }
    let range = words.range(elements.len());
    elements.truncate(range.end);
    elements.drain(..range.start);
    Ok(elements)
}

/// Writes what is answered; nil where a GET means nothing.
fn answer(data: Data<'_>, sorted: &[Element<'_>], words: &Words<'_>, reply: &mut Reply) {
    reply.array(sorted.len() * words.get.len().max(1));
    each_answer(data, sorted, words, &mut |answer| match answer {
        Some(element) => write_element(reply, element),
        None => reply.null(),
    });
}

/// Hands out what is answered for each element: itself, or what each GET means.
fn each_answer<'s>(
    data: Data<'s>,
    sorted: &[Element<'s>],
    words: &Words<'_>,
    each: &mut dyn FnMut(Option<Element<'s>>),
) {
    for &element in sorted {
        if words.get.is_empty() {
            each(Some(element));
        }
        words.patterns().for_each(|pattern| each(data.meant(pattern, element)));
    }
}

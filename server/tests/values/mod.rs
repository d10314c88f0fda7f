//! Values to test with: made by chance, and shown so that two can be compared.
//!
//! Owns: what "the same value" means.   Uses: the server's values.   Never: how they are kept.
#![allow(dead_code, reason = "each test program uses a part of it")]

pub mod samples;

use lodestore_server::value::hash::Until;
use lodestore_server::value::limits::Limits;
use lodestore_server::value::packed::Element;
use lodestore_server::value::stream::{Group, Id, Memory, Stream};
use lodestore_server::value::text::{Scratch, Text};
use lodestore_server::value::{Hash, List, Set, Side, SortedSet, SortedSetRef, Value, ValueRef};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

type Bytes = Vec<u8>;

/// What is in a value, however it is kept.
#[derive(Clone, Debug, PartialEq)]
pub enum Shown {
    Text(Bytes),
    List(Vec<Bytes>),
    Set(BTreeSet<Bytes>),
    Hash(BTreeMap<Bytes, (Bytes, Option<i64>)>),
    /// In its order; the bits of the scores.
    SortedSet(Vec<(Bytes, u64)>),
    Stream(String),
}

fn text(element: Element<'_>) -> Bytes {
    element.text(&mut Scratch::default()).to_vec()
}

/// What is in a value.
pub fn shown(value: ValueRef<'_>) -> Shown {
    match value {
        ValueRef::Text(text) => Shown::Text(text.bytes(&mut Scratch::default()).to_vec()),
        ValueRef::List(list) => Shown::List(list.iter().map(text).collect()),
        ValueRef::Set(set) => Shown::Set(set.iter().map(text).collect()),
        ValueRef::Hash(hash) => Shown::Hash(
            hash.iter().map(|pair| (text(pair.name), (text(pair.value), pair.deadline))).collect(),
        ),
        ValueRef::SortedSet(set) => Shown::SortedSet(scored(set)),
        ValueRef::Stream(stream) => Shown::Stream(stream_text(stream)),
    }
}

fn scored(set: SortedSetRef<'_>) -> Vec<(Bytes, u64)> {
    set.iter().map(|(member, score)| (text(member), score.to_bits())).collect()
}

fn stream_text(stream: &Stream) -> String {
    let mut out = String::new();
    let show = |bytes: &[u8]| bytes.escape_ascii().to_string();
    for entry in stream.range(Id::MIN, Id::MAX) {
        let pairs = entry.pairs().map(|(name, value)| [show(&text(name)), show(&text(value))]);
        let pairs: Vec<String> = pairs.map(|pair| pair.join("=")).collect();
        writeln!(out, "{}: {}", entry.id, pairs.join(" ")).unwrap();
    }
    let (last, deleted) = (stream.last_id(), stream.deleted_id());
    writeln!(out, "last {last} deleted {deleted} added {}", stream.added()).unwrap();
    for (name, group) in stream.groups() {
        writeln!(out, "group {} at {} read {:?}", show(name), group.last, group.read).unwrap();
        for (id, pending) in group.by_time() {
            let owner = pending.owner.map(|owner| show(&group.at(owner).name));
            let (time, count) = (pending.time(), pending.count);
            writeln!(out, "  {id} with {owner:?} since {time}, {count}x").unwrap();
        }
        for (_, consumer) in group.consumers() {
            let (name, seen, active) = (show(&consumer.name), consumer.seen, consumer.active);
            writeln!(out, "  {name} seen {seen} active {active}").unwrap();
        }
    }
    if let Some(producers) = stream.producers() {
        writeln!(out, "{:?} {:?}", producers.memory(), producers.counts()).unwrap();
        for (name, messages) in producers.by_producer() {
            let messages: Vec<String> =
                messages.map(|(message, id)| format!("{} {id}", show(message))).collect();
            writeln!(out, "  {}: {}", show(name), messages.join(", ")).unwrap();
        }
    }
    out
}

/// A text: a number, some bytes, now and then a long one.
pub fn any_text() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        4 => (-300_i64..300).prop_map(|number| number.to_string().into_bytes()),
        2 => any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        4 => prop::collection::vec(any::<u8>(), 0..40),
        1 => (any::<u8>(), 60_usize..400).prop_map(|(byte, len)| vec![byte; len]),
        1 => (any::<u8>(), 8_000_usize..20_000).prop_map(|(byte, len)| vec![byte; len]),
    ]
}

fn any_score() -> impl Strategy<Value = f64> {
    prop_oneof![
        (-50_i32..50).prop_map(f64::from),
        any::<f64>().prop_filter("a score is a number", |score| !score.is_nan()),
        prop::sample::select(vec![0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, 1e300, 0.1]),
    ]
}

fn texts(most: usize) -> impl Strategy<Value = Vec<Bytes>> {
    prop_oneof![
        3 => prop::collection::vec(any_text(), 1..most.min(12)),
        1 => prop::collection::vec(any_text(), 1..most),
    ]
}

fn list_of(texts: &[Bytes]) -> Value {
    let (mut list, limits) = (List::new(), Limits::default());
    for text in texts {
        list.expect_more(1, text.len(), &limits);
        list.push(Side::Right, text);
    }
    Value::List(list)
}

fn set_of(texts: &[Bytes]) -> Value {
    let limits = Limits::default();
    let mut set = Set::new(&texts[0], 1, &limits);
    for text in texts {
        set.add(text, &limits);
    }
    Value::Set(set)
}

/// `deadlines`: some of the fields have a time.
fn hash_of(fields: &[(Bytes, Bytes, Option<u32>)], deadlines: bool) -> Value {
    let (mut hash, limits) = (Hash::new(), Limits::default());
    for (name, value, deadline) in fields {
        let deadline = deadline.filter(|_| deadlines);
        let until = deadline.map_or(Until::Ever, |time| Until::At(1 + i64::from(time)));
        hash.set(name, value, until, &limits);
    }
    Value::Hash(hash)
}

fn sorted_set_of(members: &[(Bytes, f64)]) -> Value {
    let (mut set, limits) = (SortedSet::default(), Limits::default());
    for (member, score) in members {
        set.set(member, *score, &limits);
    }
    Value::SortedSet(set)
}

/// One step in the life of a stream.
#[derive(Clone, Debug)]
enum Step {
    Add(u64, u64, Vec<(Bytes, Bytes)>),
    Delete(usize),
    Group(Bytes),
    /// An entry goes to a consumer of every group, or is given back.
    Deliver(usize, u8, u16),
    Release(usize),
    Message(u8, Bytes),
}

fn any_step() -> impl Strategy<Value = Step> {
    let names = prop::sample::select(vec!["a", "b", "temperature"]);
    let fields =
        prop::collection::vec((names.prop_map(|name| name.as_bytes().to_vec()), any_text()), 1..4);
    prop_oneof![
        6 => (0_u64..3, any::<u64>(), fields).prop_map(|(ms, seq, fields)| Step::Add(ms, seq, fields)),
        1 => (0_usize..30).prop_map(Step::Delete),
        1 => any_text().prop_map(Step::Group),
        3 => (0_usize..30, 0_u8..3, any::<u16>()).prop_map(|(at, who, time)| Step::Deliver(at, who, time)),
        1 => (0_usize..30).prop_map(Step::Release),
        1 => (0_u8..3, any_text()).prop_map(|(who, message)| Step::Message(who, message)),
    ]
}

/// A stream that has lived through some steps; `newest`: it may hold what only the newest forms can.
fn stream_of(steps: Vec<Step>, newest: bool) -> Value {
    let (mut stream, limits) = (Stream::new(), Limits::default());
    let nth =
        |stream: &Stream, at: usize| stream.range(Id::MIN, Id::MAX).nth(at).map(|entry| entry.id);
    for step in steps {
        let groups: Vec<Bytes> = stream.groups().map(|(name, _)| name.to_vec()).collect();
        match step {
            Step::Add(ms, seq, fields) => {
                let id = Id::new(stream.last_id().ms + ms, seq);
                if id > stream.last_id() {
                    let words = fields.iter().flat_map(|(name, value)| [&name[..], &value[..]]);
                    stream.append(id, words, &limits).unwrap();
                }
            }
            Step::Delete(at) => {
                nth(&stream, at).map(|id| stream.delete(id));
            }
            Step::Group(name) => {
                stream.add_group(&name, Group::new(stream.first_id(), None));
            }
            Step::Deliver(at, who, time) => {
                let Some(id) = nth(&stream, at) else { continue };
                for name in groups {
                    stream.edit_group(&name, |group, position| {
                        let (owner, _) = group.make_consumer(&[who], time.into());
                        group.at_mut(owner).active = i64::from(time) - 1;
                        group.assign(id, owner, time.into(), 1 + u64::from(who));
                        position.advance(group, id);
                    });
                }
            }
            Step::Release(at) if newest => {
                let Some(id) = nth(&stream, at) else { continue };
                for name in groups {
                    stream.edit_group(&name, |group, _| group.release(id, 3));
                }
            }
            Step::Message(who, message) if newest => {
                let id = stream.last_id();
                stream.producers_mut(Memory::default()).record(&[who], &message, id);
            }
            Step::Release(_) | Step::Message(..) => {}
        }
    }
    Value::Stream(stream)
}

/// Any value. `newest`: with what only the newest forms of a snapshot can hold.
pub fn any_value(newest: bool) -> impl Strategy<Value = Value> {
    let field = (any_text(), any_text(), prop::option::of(any::<u32>()));
    prop_oneof![
        1 => any_text().prop_map(|text| Value::Text(Text::Bytes(text[..].into()))),
        2 => texts(600).prop_map(|texts| list_of(&texts)),
        2 => texts(600).prop_map(|texts| set_of(&texts)),
        2 => (prop::collection::vec(field, 1..200), any::<bool>())
            .prop_map(move |(fields, deadlines)| hash_of(&fields, deadlines && newest)),
        2 => prop::collection::vec((any_text(), any_score()), 1..200)
            .prop_map(|members| sorted_set_of(&members)),
        2 => prop::collection::vec(any_step(), 0..60)
            .prop_map(move |steps| stream_of(steps, newest)),
    ]
}

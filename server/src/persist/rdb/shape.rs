//! The types of values that have elements, as a snapshot numbers them.
//!
//! Owns: their numbers.   Uses: format.   Never: reads a value.

use super::format::{Family, Version};

/// How a value stands in a snapshot. "Packed": in one string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A list: texts.
    List,
    /// A list, packed: a ziplist.
    ListZiplist,
    /// A list: ziplists.
    Quicklist,
    /// A list: listpacks, and long texts alone.
    Quicklist2,
    /// A set: texts.
    Set,
    /// A set, packed: an intset.
    SetIntset,
    /// A set, packed: a listpack.
    SetListpack,
    /// A hash: names and values.
    Hash,
    /// A hash, packed: a zipmap.
    HashZipmap,
    /// A hash, packed: a ziplist.
    HashZiplist,
    /// A hash, packed: a listpack.
    HashListpack,
    /// A hash of Redis with times: how long after the first of them each field expires, name, value.
    HashTimed,
    /// A hash of Redis with times, packed: the first time, then a listpack of names, values and times.
    HashListpackTimed,
    /// A hash of Valkey with times: names, values and times.
    HashExpiry,
    /// A sorted set: members, and scores as text.
    ZsetText,
    /// A sorted set: members, and scores in 8 bytes.
    Zset,
    /// A sorted set, packed: a ziplist.
    ZsetZiplist,
    /// A sorted set, packed: a listpack.
    ZsetListpack,
    /// A stream, in one of five forms.
    Stream(StreamForm),
}

/// The forms of streams: each has all that the ones before it have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StreamForm {
    /// Entries and groups.
    First,
    /// Its first and highest deleted entry, how many were added and how many a group has read.
    Second,
    /// When a consumer was last active.
    Third,
    /// Identities that producers gave to entries.
    Fourth,
    /// Pending entries that no consumer has.
    Fifth,
}

impl StreamForm {
    /// The number of its type.
    pub fn number(self) -> u8 {
        match self {
            StreamForm::First => 15,
            StreamForm::Second => 19,
            StreamForm::Third => 21,
            StreamForm::Fourth => 26,
            StreamForm::Fifth => 27,
        }
    }
}

/// The number of [`Shape::List`].
pub const LIST: u8 = 1;
/// The number of [`Shape::Set`].
pub const SET: u8 = 2;
/// The number of [`Shape::Hash`].
pub const HASH: u8 = 4;
/// The number of [`Shape::Zset`].
pub const ZSET: u8 = 5;
/// The number of [`Shape::SetIntset`].
pub const SET_INTSET: u8 = 11;
/// The number of [`Shape::Quicklist2`].
pub const QUICKLIST_2: u8 = 18;
/// The number of [`Shape::HashExpiry`], of Valkey.
pub const HASH_EXPIRY: u8 = 22;
/// The number of [`Shape::HashTimed`], of Redis.
pub const HASH_TIMED: u8 = 24;

impl Shape {
    /// The shape with a number; nothing if this server has none with it.
    pub fn of(family: Family, number: u8) -> Option<Shape> {
        Some(match (number, family) {
            (LIST, _) => Shape::List,
            (SET, _) => Shape::Set,
            (3, _) => Shape::ZsetText,
            (HASH, _) => Shape::Hash,
            (ZSET, _) => Shape::Zset,
            (9, _) => Shape::HashZipmap,
            (10, _) => Shape::ListZiplist,
            (SET_INTSET, _) => Shape::SetIntset,
            (12, _) => Shape::ZsetZiplist,
            (13, _) => Shape::HashZiplist,
            (14, _) => Shape::Quicklist,
            (15, _) => Shape::Stream(StreamForm::First),
            (16, _) => Shape::HashListpack,
            (17, _) => Shape::ZsetListpack,
            (QUICKLIST_2, _) => Shape::Quicklist2,
            (19, _) => Shape::Stream(StreamForm::Second),
            (20, _) => Shape::SetListpack,
            (21, _) => Shape::Stream(StreamForm::Third),
            (HASH_EXPIRY, Family::Valkey) => Shape::HashExpiry,
            (HASH_TIMED, Family::Redis) => Shape::HashTimed,
            (25, Family::Redis) => Shape::HashListpackTimed,
            // Valkey 80 has no such types; what is asked for in its version and needs them has these numbers.
            (26, _) => Shape::Stream(StreamForm::Fourth),
            (27, _) => Shape::Stream(StreamForm::Fifth),
            _ => return None,
        })
    }
}

/// The version that a payload with a type states: the oldest that knows the type, so that as many servers as possible
/// take it; those before 6 had no payloads. `version` is what was asked for.
pub fn oldest_version(number: u8, version: Version) -> u16 {
    if version.family == Family::Valkey && number == HASH_EXPIRY {
        return version.number;
    }
    match number {
        ..ZSET => 6,
        ZSET..=7 => 8,
        8..=13 => 6,
        14 => 7,
        15 => 9,
        16..=19 => 10,
        20..=21 => 11,
        22..=25 => 12,
        26.. => 13,
    }
}

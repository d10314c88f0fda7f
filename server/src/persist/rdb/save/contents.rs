//! Writes a value: its type and what is in it.
//!
//! Owns: which of the forms of a snapshot each value takes.   Uses: value.   Never: allocates, see [`super`].
//!
//! Sets, hashes and sorted sets are written element by element, however they are kept: every server since the first that
//! knows the type reads that, and it stays as it is when our forms change. A list is written block by block, for its
//! blocks are listpacks; so is a stream, as nothing else is known for it.

use super::super::format::{self, Family, Version};
use super::super::parts::{NEVER, PACKED, PLAIN};
use super::super::shape;
use super::listpack::frame;
use super::{Options, Scratch, Sink, SinkError, Writer};
use crate::value::list::chapter::Chapter;
use crate::value::packed::{Element, TwoWay};
use crate::value::{HashRef, ListRef, SetRef, SortedSetRef, TextRef, ValueRef};

/// Bytes of a block when the sink is memory.
const BLOCK: usize = 4096;

/// Type and contents of one value, in memory; strings of more than `longest` bytes are not compressed. O(value).
pub fn bare(value: ValueRef<'_>, version: Version, longest: usize) -> Vec<u8> {
    let mut out = Vec::new();
    // What stands inside an entry has no longer strings than that.
    let longest = if value.is_large() { longest } else { longest.min(BLOCK) };
    let mut scratch = Scratch::with_sizes(BLOCK, longest);
    let options = Options { version, checksum: false, ..Options::default() };
    let mut writer = Writer::new(&mut out, &mut scratch, options);
    let written = writer.bare(value);
    written.expect("memory takes everything");
    out
}

impl<S: Sink> Writer<'_, S> {
    fn bare(&mut self, value: ValueRef<'_>) -> Result<(), SinkError> {
        self.out.put(&[self.shape(value)])?;
        self.contents(value)?;
        self.out.flush()
    }

    /// The number of the type that a value is written as.
    #[inline]
    pub(super) fn shape(&self, value: ValueRef<'_>) -> u8 {
        match value {
            ValueRef::Text(_) => format::TYPE_STRING,
            // An element may be too long for the packed form, which Redis 6 and older do not know.
            ValueRef::List(_) if self.options.version.number < 10 => shape::LIST,
            ValueRef::List(_) => shape::QUICKLIST_2,
            ValueRef::Set(_) => shape::SET,
            ValueRef::Hash(hash) if hash.timed() == 0 => shape::HASH,
            ValueRef::Hash(_) => match self.options.version.family {
                Family::Redis => shape::HASH_TIMED,
                Family::Valkey => shape::HASH_EXPIRY,
            },
            ValueRef::SortedSet(_) => shape::ZSET,
            ValueRef::Stream(stream) => self.stream_form(stream).number(),
        }
    }

    /// What stands behind the key.
    #[inline]
    pub(super) fn contents(&mut self, value: ValueRef<'_>) -> Result<(), SinkError> {
        match value {
            ValueRef::Text(text) => self.text(text),
            ValueRef::List(list) => self.list(list),
            ValueRef::Set(set) => self.set(set),
            ValueRef::Hash(hash) => self.hash(hash),
            ValueRef::SortedSet(set) => self.sorted_set(set),
            ValueRef::Stream(stream) => self.stream(stream),
        }
    }

    fn list(&mut self, list: ListRef<'_>) -> Result<(), SinkError> {
        if self.options.version.number < 10 {
            self.len(list.len() as u64)?;
            return list.iter().try_for_each(|element| self.element(element));
        }
        match list {
            ListRef::Small(small) => {
                self.len(1)?;
                self.node(small.packed(), small.len())
            }
            ListRef::Large(chain) => {
                let blocks = || chain.chapters().iter().flat_map(Chapter::blocks);
                self.len(blocks().count() as u64)?;
                blocks().try_for_each(|block| self.node(block.packed(), block.len()))
            }
        }
    }

    /// A node of a list: a listpack, or an element alone that is long.
    fn node(&mut self, packed: TwoWay<'_>, count: usize) -> Result<(), SinkError> {
        if let Some((_, Element::Text(text))) = packed.iter().next()
            && count == 1
            && text.len() > NODE_MAX
        {
            self.len(PLAIN)?;
            return self.string(text);
        }
        self.len(PACKED)?;
        // The elements of a list have the form of a listpack's already.
        let (head, end) = frame(packed.bytes().len(), count);
        let total = head.len() + packed.bytes().len() + end.len();
        self.pieces(total, |put| {
            put(&head)?;
            put(packed.bytes())?;
            put(&end)
        })
    }

    fn set(&mut self, set: SetRef<'_>) -> Result<(), SinkError> {
        self.len(set.len() as u64)?;
        set.iter().try_for_each(|member| self.element(member))
    }

    fn hash(&mut self, hash: HashRef<'_>) -> Result<(), SinkError> {
        let first = hash.soonest_deadline();
        let family = self.options.version.family;
        if let Some(first) = first
            && family == Family::Redis
        {
            self.out.put(&first.to_le_bytes())?;
        }
        self.len(hash.len() as u64)?;
        for pair in hash.iter() {
            match (family, first) {
                (Family::Redis, Some(first)) => {
                    // No time is before the first of all.
                    let behind = |deadline: i64| deadline.abs_diff(first) + 1;
                    self.len(pair.deadline.map_or(0, behind))?;
                    self.element(pair.name)?;
                    self.element(pair.value)?;
                }
                (Family::Valkey, Some(_)) => {
                    self.element(pair.name)?;
                    self.element(pair.value)?;
                    self.out.put(&pair.deadline.unwrap_or(NEVER).to_le_bytes())?;
                }
                (Family::Redis | Family::Valkey, None) => {
                    self.element(pair.name)?;
                    self.element(pair.value)?;
                }
            }
        }
        Ok(())
    }

    fn sorted_set(&mut self, set: SortedSetRef<'_>) -> Result<(), SinkError> {
        self.len(set.len() as u64)?;
        set.iter().try_for_each(|(member, score)| {
            self.element(member)?;
            self.out.put(&score.to_le_bytes())
        })
    }

    pub(super) fn element(&mut self, element: Element<'_>) -> Result<(), SinkError> {
        match element {
            Element::Text(text) => self.string(text),
            Element::Int(number) => self.text(TextRef::Int(number)),
        }
    }
}

/// An element of a list that is longer than this is written as it is, without a listpack around it: so does Redis.
const NODE_MAX: usize = 8192;

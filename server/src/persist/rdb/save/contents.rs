//! Writes a value: its type and what is in it.
//!
//! Owns: which of the forms of a snapshot each value takes.   Uses: value.   Never: allocates, see [`super`].
//!
//! Collections are written element by element, however they are kept: every server since the first that knows the type
//! reads that, and it stays as it is when our forms change.

use super::super::format::{self, Version};
use super::super::shape;
use super::{Options, Scratch, Sink, SinkError, Writer};
use crate::value::packed::Element;
use crate::value::text::Scratch as TextScratch;
use crate::value::{SetRef, ValueRef};

/// Bytes of a block when the sink is memory.
const BLOCK: usize = 4096;

/// Type and contents of one value, in memory; strings of `longest` bytes and more are not compressed. O(value).
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
    pub(super) fn shape(&self, value: ValueRef<'_>) -> u8 {
        match value {
            ValueRef::Text(_) => format::TYPE_STRING,
            ValueRef::Set(_) => shape::SET,
        }
    }

    /// What stands behind the key.
    #[inline]
    pub(super) fn contents(&mut self, value: ValueRef<'_>) -> Result<(), SinkError> {
        match value {
            ValueRef::Text(text) => self.text(text),
            ValueRef::Set(set) => self.set(set),
        }
    }

    fn set(&mut self, set: SetRef<'_>) -> Result<(), SinkError> {
        self.len(set.len() as u64)?;
        set.iter().try_for_each(|member| self.element(member))
    }

    fn element(&mut self, element: Element<'_>) -> Result<(), SinkError> {
        match element {
            Element::Text(text) => self.string(text),
            Element::Int(number) => match format::encode_int(number) {
                Some(short) => self.out.put(short.as_bytes()),
                None => self.plain(TextScratch::default().write(number)),
            },
        }
    }
}

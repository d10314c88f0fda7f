//! Writes streams: their blocks as listpacks, then their groups.
//!
//! Owns: which form of a stream is written.   Uses: value::stream.   Never: allocates, see [`super`].
//!
//! See `rdb::stream` for the order of things and `rdb::stream_node` for what is in a listpack.

use super::super::shape::StreamForm;
use super::listpack::Each;
use super::{Sink, SinkError, Writer};
use crate::value::Stream;
use crate::value::packed::Element;
use crate::value::stream::{Block, Entry, Group, Id, Producers};

/// Flags of an entry that has the names in front of its block.
const SHARED_NAMES: i64 = 2;

impl<S: Sink> Writer<'_, S> {
    /// The oldest form that holds all of a stream, unless an older one is asked for: readers of that know only less.
    pub(super) fn stream_form(&self, stream: &Stream) -> StreamForm {
        let released = |group: &Group| {
            let first = group.by_time().next();
            first.is_some_and(|(_, pending)| pending.is_released())
        };
        if stream.groups().any(|(_, group)| released(group)) {
            return StreamForm::Fifth;
        }
        if stream.producers().is_some() {
            return StreamForm::Fourth;
        }
        match self.options.version.number {
            ..10 => StreamForm::First,
            10 => StreamForm::Second,
            11.. => StreamForm::Third,
        }
    }

    pub(super) fn stream(&mut self, stream: &Stream) -> Result<(), SinkError> {
        let form = self.stream_form(stream);
        self.len(stream.blocks() as u64)?;
        for block in stream.all_blocks() {
            self.plain(&raw(block.base()))?;
            self.listpack(|each| node(block, each))?;
        }
        self.len(stream.len() as u64)?;
        self.id(stream.last_id())?;
        if form >= StreamForm::Second {
            self.id(stream.first_id())?;
            self.id(stream.deleted_id())?;
            self.len(stream.added())?;
        }
        self.len(stream.group_count() as u64)?;
        for (name, group) in stream.groups() {
            self.string(name)?;
            self.group(group, form)?;
        }
        if form >= StreamForm::Fourth {
            self.producers(stream.producers())?;
        }
        Ok(())
    }

    fn group(&mut self, group: &Group, form: StreamForm) -> Result<(), SinkError> {
        self.id(group.last)?;
        if form >= StreamForm::Second {
            // All bits say that it is not known.
            self.len(group.read.unwrap_or(u64::MAX))?;
        }
        self.len(group.waiting() as u64)?;
        for (id, pending) in group.range(Id::MIN, Id::MAX) {
            self.out.put(&raw(id))?;
            self.out.put(&pending.time().to_le_bytes())?;
            self.len(pending.count)?;
        }
        self.len(group.consumer_count() as u64)?;
        for (owner, consumer) in group.consumers() {
            self.string(&consumer.name)?;
            self.out.put(&consumer.seen.to_le_bytes())?;
            if form >= StreamForm::Third {
                self.out.put(&consumer.active.to_le_bytes())?;
            }
            self.len(consumer.waiting() as u64)?;
            for (id, _) in group.range_of(owner, Id::MIN, Id::MAX) {
                self.out.put(&raw(id))?;
            }
        }
        if form >= StreamForm::Fifth {
            let released = || group.by_time().take_while(|(_, pending)| pending.is_released());
            self.len(released().count() as u64)?;
            for (id, _) in released() {
                self.out.put(&raw(id))?;
            }
        }
        Ok(())
    }

    fn producers(&mut self, producers: Option<&Producers>) -> Result<(), SinkError> {
        let memory = producers.map(Producers::memory).unwrap_or_default();
        self.len(memory.seconds.into())?;
        self.len(memory.messages.into())?;
        self.len(producers.map_or(0, Producers::len) as u64)?;
        if let Some(producers) = producers {
            for (name, messages) in producers.by_producer() {
                self.string(name)?;
                self.len(messages.len() as u64)?;
                for (message, entry) in messages {
                    self.string(message)?;
                    self.id(entry)?;
                }
            }
        }
        let (added, duplicates) = producers.map_or((0, 0), Producers::counts);
        self.len(added)?;
        self.len(duplicates)
    }

    fn id(&mut self, id: Id) -> Result<(), SinkError> {
        self.len(id.ms)?;
        self.len(id.seq)
    }
}

fn raw(id: Id) -> [u8; 16] {
    let mut raw = [0; 16];
    raw[..8].copy_from_slice(&id.ms.to_be_bytes());
    raw[8..].copy_from_slice(&id.seq.to_be_bytes());
    raw
}

/// Hands out the elements of a block, as a snapshot has them. Nothing in it is deleted: that is gone.
fn node(block: &Block, each: &mut Each<'_>) {
    let number = |number: usize| Element::Int(i64::try_from(number).expect("a block is short"));
    each(number(block.count()));
    each(Element::Int(0));
    each(number(block.names().count()));
    block.names().for_each(&mut *each);
    each(Element::Int(0));
    for (_, entry) in block.iter() {
        node_entry(block.base(), entry, each);
    }
}

fn node_entry(base: Id, entry: Entry<'_>, each: &mut Each<'_>) {
    let number = |number: usize| Element::Int(i64::try_from(number).expect("an entry is short"));
    let is_shared = entry.has_shared_names();
    each(Element::Int(if is_shared { SHARED_NAMES } else { 0 }));
    // The difference of two numbers of 64 bits may go round; a reader goes round as well.
    each(Element::Int(entry.id.ms.wrapping_sub(base.ms).cast_signed()));
    each(Element::Int(entry.id.seq.wrapping_sub(base.seq).cast_signed()));
    if !is_shared {
        each(number(entry.len()));
    }
    for (name, value) in entry.pairs() {
        if !is_shared {
            each(name);
        }
        each(value);
    }
    let elements = if is_shared { 3 + entry.len() } else { 4 + 2 * entry.len() };
    each(number(elements));
}

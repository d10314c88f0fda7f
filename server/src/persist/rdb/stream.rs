//! A stream, read part by part.
//!
//! Owns: how far it is, and the stream until it is whole.   Uses: stream_node, parts, value.   Never: keeps bytes of the
//! snapshot.
//!
//! ```text
//!   nodes  { name  listpack }
//!   length  last ID  [2: first ID  highest deleted ID  entries ever added]
//!   groups { name  last ID  [2: entries read]
//!            pending   { ID (16)  time (8)  deliveries }
//!            consumers { name  seen (8)  [3: active (8)]  pending { ID (16) } }
//!            [5: given back { ID (16) }] }
//!   [4: seconds  messages  producers { name  messages { name  ID } }  added  duplicates]
//!
//!   { }: a count, then so many;   [n: ]: from the nth form on;   IDs of 16 bytes are big-endian, times little-endian
//! ```

use super::flaw::Flaw;
use super::parse::{Cursor, Stop};
use super::parts::{Reading, read_time};
use super::shape::StreamForm;
use super::stream_node::{Node, id};
use crate::value::packed::Element;
use crate::value::stream::{Group, Id, Memory, Owner};
use crate::value::text::Scratch;
use crate::value::{Stream, Value};
use std::collections::BTreeMap;

/// A stream that is being read.
#[derive(Debug)]
pub(super) struct StreamParts {
    form: StreamForm,
    stage: Stage,
    stream: Box<Stream>,
    groups_left: u64,
    group: Option<NewGroup>,
    producers_left: u64,
    producer: Vec<u8>,
    words: Words,
}

/// What comes next, and how many more of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    NodeCount,
    Nodes(u64),
    Position,
    Group,
    Pending(u64),
    ConsumerCount,
    Consumers(u64),
    /// Entries of a consumer, after which so many consumers follow.
    Owned(u64, Owner, u64),
    ReleasedCount,
    Released(u64),
    Producers,
    Producer,
    Messages(u64),
    Counts,
    Over,
}

/// A group that is being read.
#[derive(Debug)]
struct NewGroup {
    name: Vec<u8>,
    group: Group,
    /// Deliveries, time and count, that nobody has claimed yet.
    pending: BTreeMap<Id, (i64, u64)>,
}

impl StreamParts {
    /// At the first byte behind the key.
    pub fn new(form: StreamForm) -> StreamParts {
        StreamParts {
            form,
            stage: Stage::NodeCount,
            stream: Stream::new(),
            groups_left: 0,
            group: None,
            producers_left: 0,
            producer: Vec::new(),
            words: Words::default(),
        }
    }

    /// Reads the next part. Gives the stream with the last one.
    ///
    /// # Errors
    /// More bytes are needed, or what is there is wrong.
    pub fn part(&mut self, reading: &mut Reading<'_, '_>) -> Result<Option<Value>, Stop> {
        let cursor = &mut *reading.cursor;
        let next = match self.stage {
            Stage::NodeCount => Stage::Nodes(cursor.len()?),
            Stage::Nodes(0) => Stage::Position,
            Stage::Nodes(left) => {
                self.node(reading)?;
                Stage::Nodes(left - 1)
            }
            Stage::Position => self.position(cursor)?,
            Stage::Group if self.groups_left == 0 => self.behind_groups(),
            Stage::Group => self.begin_group(reading)?,
            Stage::Pending(0) => Stage::ConsumerCount,
            Stage::Pending(left) => {
                self.pending(cursor)?;
                Stage::Pending(left - 1)
            }
            Stage::ConsumerCount => Stage::Consumers(cursor.len()?),
            Stage::Consumers(0) if self.form >= StreamForm::Fifth => Stage::ReleasedCount,
            Stage::Consumers(0) => self.end_group()?,
            Stage::Consumers(left) => self.consumer(left - 1, reading)?,
            Stage::Owned(0, _, consumers) => Stage::Consumers(consumers),
            Stage::Owned(left, owner, consumers) => {
                self.owned(owner, cursor)?;
                Stage::Owned(left - 1, owner, consumers)
            }
            Stage::ReleasedCount => Stage::Released(cursor.len()?),
            Stage::Released(0) => self.end_group()?,
            Stage::Released(left) => {
                self.released(cursor)?;
                Stage::Released(left - 1)
            }
            Stage::Producers => self.producers(cursor)?,
            Stage::Producer if self.producers_left == 0 => Stage::Counts,
            Stage::Producer => self.producer(reading)?,
            Stage::Messages(0) => Stage::Producer,
            Stage::Messages(left) => {
                self.message(reading)?;
                Stage::Messages(left - 1)
            }
            Stage::Counts => self.counts(cursor)?,
            Stage::Over => return Ok(Some(Value::Stream(std::mem::take(&mut self.stream)))),
        };
        self.stage = next;
        Ok(None)
    }

    fn node(&mut self, reading: &mut Reading<'_, '_>) -> Result<(), Stop> {
        let limits = reading.limits;
        let (name, listpack) = reading.texts()?;
        let mut entries = 0;
        for entry in Node::open(name, listpack)? {
            let entry = entry?;
            if entry.id <= self.stream.last_id() {
                return Err(Stop::Flaw(Flaw("a stream's entries are not in order")));
            }
            self.words.fill(entry.fields);
            let added = self.stream.append(entry.id, self.words.iter(), limits);
            added.map_err(|_| Flaw("a stream's entry is too long"))?;
            entries += 1;
        }
        if entries == 0 {
            return Err(Stop::Flaw(Flaw("a stream's node has no entries")));
        }
        Ok(())
    }

    fn position(&mut self, cursor: &mut Cursor<'_>) -> Result<Stage, Stop> {
        let (len, last) = (cursor.len()?, read_id(cursor)?);
        let mut numbers = None;
        if self.form >= StreamForm::Second {
            // The first ID is that of the first entry, whatever is said here.
            let _first = read_id(cursor)?;
            numbers = Some((read_id(cursor)?, cursor.len()?));
        }
        let groups = cursor.len()?;
        if len != self.stream.len() as u64 {
            return Err(Stop::Flaw(Flaw("a stream has not as many entries as it states")));
        }
        if last < self.stream.last_id() {
            return Err(Stop::Flaw(Flaw("a stream's last ID is before an entry")));
        }
        self.stream.set_last_id(last);
        if let Some((deleted, added)) = numbers {
            self.stream.set_deleted_id(deleted);
            self.stream.set_added(added);
        }
        self.groups_left = groups;
        Ok(Stage::Group)
    }

    fn behind_groups(&self) -> Stage {
        if self.form >= StreamForm::Fourth { Stage::Producers } else { Stage::Over }
    }

    fn begin_group(&mut self, reading: &mut Reading<'_, '_>) -> Result<Stage, Stop> {
        let name = reading.cursor.string()?;
        let last = read_id(reading.cursor)?;
        let told = self.form >= StreamForm::Second;
        let read = if told { Some(reading.cursor.len()?) } else { None };
        let waiting = reading.cursor.len()?;
        let read = match read {
            // All bits say that it is not known.
            Some(read) => (read != u64::MAX).then_some(read),
            None => self.stream.position().entries_up_to(last),
        };
        let (name, group) = (reading.bytes(&name)?.to_vec(), Group::new(last, read));
        self.group = Some(NewGroup { name, group, pending: BTreeMap::new() });
        Ok(Stage::Pending(waiting))
    }

    fn pending(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        let (id, time) = (raw_id(cursor)?, read_time(cursor)?);
        let count = cursor.len()?;
        if self.group().pending.insert(id, (time, count)).is_some() {
            return Err(Stop::Flaw(Flaw("an entry of a stream is pending twice")));
        }
        Ok(())
    }

    fn consumer(&mut self, left: u64, reading: &mut Reading<'_, '_>) -> Result<Stage, Stop> {
        let name = reading.cursor.string()?;
        let seen = read_time(reading.cursor)?;
        let told = self.form >= StreamForm::Third;
        let active = if told { read_time(reading.cursor)? } else { seen };
        let waiting = reading.cursor.len()?;
        let group = &mut self.group().group;
        let (owner, is_new) = group.make_consumer(reading.bytes(&name)?, seen);
        if !is_new {
            return Err(Stop::Flaw(Flaw("a consumer of a stream stands there twice")));
        }
        group.at_mut(owner).active = active;
        Ok(Stage::Owned(waiting, owner, left))
    }

    fn owned(&mut self, owner: Owner, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        let id = raw_id(cursor)?;
        let NewGroup { group, pending, .. } = self.group();
        let unknown = Flaw("a consumer of a stream has an entry that is not pending");
        let (time, count) = pending.remove(&id).ok_or(unknown)?;
        group.assign(id, owner, time, count);
        Ok(())
    }

    fn released(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        let id = raw_id(cursor)?;
        let NewGroup { group, pending, .. } = self.group();
        let unknown = Flaw("an entry of a stream was given back and is not pending");
        let (_, count) = pending.remove(&id).ok_or(unknown)?;
        group.release(id, count);
        Ok(())
    }

    fn end_group(&mut self) -> Result<Stage, Stop> {
        let Some(NewGroup { name, group, pending }) = self.group.take() else {
            return Ok(Stage::Group);
        };
        if !pending.is_empty() {
            return Err(Stop::Flaw(Flaw("an entry of a stream is pending with nobody")));
        }
        if !self.stream.add_group(&name, group) {
            return Err(Stop::Flaw(Flaw("a group of a stream stands there twice")));
        }
        self.groups_left -= 1;
        Ok(Stage::Group)
    }

    fn producers(&mut self, cursor: &mut Cursor<'_>) -> Result<Stage, Stop> {
        let (seconds, messages) = (cursor.len()?, cursor.len()?);
        let count = cursor.len()?;
        let large = |_| Flaw("a stream remembers more messages than any may");
        let seconds = u32::try_from(seconds).map_err(large)?;
        let messages = u32::try_from(messages).map_err(large)?;
        let memory = Memory { seconds, messages };
        if memory != Memory::default() || count > 0 {
            self.stream.producers_mut(memory);
        }
        self.producers_left = count;
        Ok(Stage::Producer)
    }

    fn producer(&mut self, reading: &mut Reading<'_, '_>) -> Result<Stage, Stop> {
        let name = reading.cursor.string()?;
        let messages = reading.cursor.len()?;
        self.producer = reading.bytes(&name)?.to_vec();
        self.producers_left -= 1;
        Ok(Stage::Messages(messages))
    }

    fn message(&mut self, reading: &mut Reading<'_, '_>) -> Result<(), Stop> {
        let message = reading.cursor.string()?;
        let entry = read_id(reading.cursor)?;
        let message = reading.bytes(&message)?;
        let producers = self.stream.producers_mut(Memory::default());
        if producers.find(&self.producer, message).is_some() {
            return Err(Stop::Flaw(Flaw("a message of a stream stands there twice")));
        }
        producers.record(&self.producer, message, entry);
        Ok(())
    }

    fn counts(&mut self, cursor: &mut Cursor<'_>) -> Result<Stage, Stop> {
        let (added, duplicates) = (cursor.len()?, cursor.len()?);
        if self.stream.producers().is_some() || (added, duplicates) != (0, 0) {
            self.stream.producers_mut(Memory::default()).set_counts(added, duplicates);
        }
        Ok(Stage::Over)
    }

    /// The group at hand.
    fn group(&mut self) -> &mut NewGroup {
        self.group.as_mut().expect("the stages within a group follow its beginning")
    }
}

/// An ID as two lengths.
fn read_id(cursor: &mut Cursor<'_>) -> Result<Id, Stop> {
    Ok(Id::new(cursor.len()?, cursor.len()?))
}

/// An ID in 16 bytes.
fn raw_id(cursor: &mut Cursor<'_>) -> Result<Id, Stop> {
    let bytes: [u8; 16] = cursor.array("an ID")?;
    Ok(id(&bytes).expect("16 bytes are an ID"))
}

/// Names and values of an entry in turn, as texts.
#[derive(Debug, Default)]
struct Words {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Words {
    fn fill<'a>(&mut self, fields: impl Iterator<Item = (Element<'a>, Element<'a>)>) {
        self.bytes.clear();
        self.ends.clear();
        for (name, value) in fields {
            for word in [name, value] {
                self.bytes.extend_from_slice(word.text(&mut Scratch::default()));
                self.ends.push(self.bytes.len());
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> + Clone {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.bytes[start..end])
    }
}

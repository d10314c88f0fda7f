//! A value with elements, read part by part.
//!
//! Owns: how far it is.   Uses: shape, parse, unpack, growth, whole, stream.   Never: keeps bytes of the snapshot.
//!
//! A part is what can be taken in at once: the count in front, one element, one node. What a slice's end cuts is read
//! again from its first byte, so a part changes nothing before all its bytes are there.

use super::flaw::Flaw;
use super::growth::Growth;
use super::parse::{Cursor, Encoded, Stop};
use super::shape::Shape;
use super::stream::StreamParts;
use super::unpack::{Place, Unpack};
use super::whole::{self, Kind, Packing};
use crate::base::bytes::parse_f64;
use crate::value::Value;
use crate::value::limits::Limits;
use crate::value::packed::LONGEST;

/// What a part is read with.
pub(super) struct Reading<'r, 'c> {
    pub cursor: &'r mut Cursor<'c>,
    pub unpack: Unpack,
    pub limits: &'r Limits,
    /// Room for strings that do not lie plain in the slice.
    pub unpacked: &'r mut Vec<u8>,
}

/// A value that is being read.
#[derive(Debug)]
pub(super) enum Parts {
    /// One string is all.
    Whole(Packing),
    /// A hash in one string, behind a time that is told again in it.
    TimedWhole,
    /// Elements one by one.
    OneByOne(OneByOne),
    /// A stream.
    Stream(Box<StreamParts>),
}

/// A collection whose elements come one by one.
#[derive(Debug)]
pub(super) struct OneByOne {
    unit: Unit,
    /// How many are still to come; nothing: that is still to be read.
    left: Option<u64>,
    growth: Growth,
}

/// What comes one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// An element of a list.
    Text,
    /// Some elements of a list, packed.
    Node(Packing),
    /// Some elements of a list, packed or not; a number says which.
    Container,
    Member,
    Field,
    /// A field behind the time for which it lives, counted from the first time of all, which stands in front of all.
    TimedField {
        first: i64,
    },
    /// A field and the time at which it expires.
    ExpiringField,
    /// A member and its score as text.
    TextScored,
    /// A member and the eight bytes of its score.
    Scored,
}

impl Parts {
    /// At the first byte behind the key.
    pub fn new(shape: Shape) -> Parts {
        let one_by_one =
            |unit| Parts::OneByOne(OneByOne { unit, left: None, growth: Growth::Nothing });
        match shape {
            Shape::List => one_by_one(Unit::Text),
            Shape::Quicklist => one_by_one(Unit::Node(Packing::Ziplist(Kind::List))),
            Shape::Quicklist2 => one_by_one(Unit::Container),
            Shape::Set => one_by_one(Unit::Member),
            Shape::Hash => one_by_one(Unit::Field),
            Shape::HashTimed => one_by_one(Unit::TimedField { first: 0 }),
            Shape::HashExpiry => one_by_one(Unit::ExpiringField),
            Shape::ZsetText => one_by_one(Unit::TextScored),
            Shape::Zset => one_by_one(Unit::Scored),
            Shape::ListZiplist => Parts::Whole(Packing::Ziplist(Kind::List)),
            Shape::SetIntset => Parts::Whole(Packing::Intset),
            Shape::SetListpack => Parts::Whole(Packing::Listpack(Kind::Set)),
            Shape::HashZipmap => Parts::Whole(Packing::Zipmap),
            Shape::HashZiplist => Parts::Whole(Packing::Ziplist(Kind::Hash)),
            Shape::HashListpack => Parts::Whole(Packing::Listpack(Kind::Hash)),
            Shape::HashListpackTimed => Parts::TimedWhole,
            Shape::ZsetZiplist => Parts::Whole(Packing::Ziplist(Kind::SortedSet)),
            Shape::ZsetListpack => Parts::Whole(Packing::Listpack(Kind::SortedSet)),
            Shape::Stream(form) => Parts::Stream(Box::new(StreamParts::new(form))),
        }
    }

    /// Reads the next part. Gives the value with the last one. O(part).
    ///
    /// # Errors
    /// More bytes are needed, or what is there is wrong.
    pub fn part(&mut self, reading: &mut Reading<'_, '_>) -> Result<Option<Value>, Stop> {
        reading.cursor.again();
        let value = match self {
            Parts::Whole(packing) => Some(reading.whole(*packing)?),
            Parts::TimedWhole => {
                let _first = read_time(reading.cursor)?;
                Some(reading.whole(Packing::Listpack(Kind::TimedHash))?)
            }
            Parts::OneByOne(elements) => elements.part(reading)?,
            Parts::Stream(stream) => stream.part(reading)?,
        };
        reading.cursor.keep();
        Ok(value)
    }
}

impl OneByOne {
    fn part(&mut self, reading: &mut Reading<'_, '_>) -> Result<Option<Value>, Stop> {
        let Some(left) = self.left else {
            let is_timed = matches!(self.unit, Unit::TimedField { .. });
            let first = if is_timed { read_time(reading.cursor)? } else { 0 };
            let count = reading.cursor.len()?;
            if count == 0 {
                return Err(Stop::Flaw(Flaw("it has no elements")));
            }
            self.left = Some(count);
            if let Unit::TimedField { first: known } = &mut self.unit {
                *known = first;
            }
            return Ok(None);
        };
        self.element(left, reading)?;
        self.left = Some(left - 1);
        if left > 1 {
            return Ok(None);
        }
        Ok(Some(self.growth.finish(reading.limits)?))
    }

    /// Takes what comes next.
    fn element(&mut self, hint: u64, reading: &mut Reading<'_, '_>) -> Result<(), Stop> {
        let (growth, limits) = (&mut self.growth, reading.limits);
        match self.unit {
            Unit::Text => growth.push(reading.text()?, limits),
            Unit::Node(packing) => whole::read(packing, reading.text()?, limits, growth)?,
            Unit::Container => match reading.cursor.len()? {
                PLAIN => growth.push(reading.text()?, limits),
                PACKED => {
                    let packing = Packing::Listpack(Kind::List);
                    whole::read(packing, reading.text()?, limits, growth)?;
                }
                _ => return Err(Stop::Flaw(Flaw("a node of a list is of no known kind"))),
            },
            Unit::Member => growth.member(reading.text()?, hint, limits)?,
            Unit::Field => growth.field(reading.texts()?, None, hint, limits)?,
            Unit::TimedField { first } => {
                let deadline = timed(first, reading.cursor.len()?)?;
                growth.field(reading.texts()?, deadline, hint, limits)?;
            }
            Unit::ExpiringField => {
                let (name, value) = (reading.cursor.string()?, reading.cursor.string()?);
                let time = read_time(reading.cursor)?;
                let deadline = if time == NEVER { None } else { whole::deadline(time)? };
                growth.field(reading.both(&name, &value)?, deadline, hint, limits)?;
            }
            Unit::TextScored => {
                let member = reading.cursor.string()?;
                let score = text_score(reading.cursor)?;
                growth.scored(reading.bytes(&member)?, score, hint, limits)?;
            }
            Unit::Scored => {
                let member = reading.cursor.string()?;
                let score = f64::from_le_bytes(reading.cursor.array("a score")?);
                growth.scored(reading.bytes(&member)?, score, hint, limits)?;
            }
        }
        Ok(())
    }
}

/// The number in front of a node with one element alone.
pub(super) const PLAIN: u64 = 1;
/// The number in front of a node that is a listpack.
pub(super) const PACKED: u64 = 2;
/// The time of a field of Valkey that does not expire.
pub(super) const NEVER: i64 = -1;

/// When a field expires that stands so long behind the first one; 0 is never, 1 is the time of the first one.
fn timed(first: i64, behind: u64) -> Result<Option<i64>, Flaw> {
    let Some(behind) = behind.checked_sub(1) else { return Ok(None) };
    let time = first.checked_add_unsigned(behind).filter(|&time| time > 0);
    time.map(Some).ok_or(Flaw("the time of a field is beyond all times"))
}

/// A time in eight bytes.
pub(super) fn read_time(cursor: &mut Cursor<'_>) -> Result<i64, Stop> {
    Ok(i64::from_le_bytes(cursor.array("a time")?))
}

/// A score of the old form: its length and its text, or a length that says what it is.
fn text_score(cursor: &mut Cursor<'_>) -> Result<f64, Stop> {
    let [len] = cursor.array("a score")?;
    match len {
        253 => Ok(f64::NAN),
        254 => Ok(f64::INFINITY),
        255 => Ok(f64::NEG_INFINITY),
        len => {
            let text = cursor.plain(len.into(), "a score")?;
            parse_f64(text).ok_or(Stop::Flaw(Flaw("a score is not a number")))
        }
    }
}

impl Reading<'_, '_> {
    fn whole(&mut self, packing: Packing) -> Result<Value, Stop> {
        let (limits, mut growth) = (self.limits, Growth::Nothing);
        whole::read(packing, self.text()?, limits, &mut growth)?;
        Ok(growth.finish(limits)?)
    }

    /// A string.
    pub fn text(&mut self) -> Result<&[u8], Stop> {
        let string = self.cursor.string()?;
        self.bytes(&string)
    }

    /// Two strings.
    pub fn texts(&mut self) -> Result<(&[u8], &[u8]), Stop> {
        let (first, second) = (self.cursor.string()?, self.cursor.string()?);
        self.both(&first, &second)
    }

    /// The bytes of a string.
    pub fn bytes(&mut self, string: &Encoded) -> Result<&[u8], Stop> {
        self.unpacked.clear();
        let place = self.unpack.place(string, self.cursor, self.unpacked)?;
        bounded(place.bytes(self.cursor, self.unpacked))
    }

    /// The bytes of two strings.
    fn both(&mut self, first: &Encoded, second: &Encoded) -> Result<(&[u8], &[u8]), Stop> {
        self.unpacked.clear();
        let first = self.unpack.place(first, self.cursor, self.unpacked)?;
        let second = self.unpack.place(second, self.cursor, self.unpacked)?;
        let bytes = |place: &Place| bounded(place.bytes(self.cursor, self.unpacked));
        Ok((bytes(&first)?, bytes(&second)?))
    }
}

/// An element that a collection can hold.
fn bounded(element: &[u8]) -> Result<&[u8], Stop> {
    let is_short = element.len() <= LONGEST;
    is_short.then_some(element).ok_or(Stop::Flaw(Flaw("an element is longer than 4 GiB")))
}

//! A value with elements, read part by part.
//!
//! Owns: how far it is.   Uses: shape, parse, unpack, growth, whole.   Never: keeps bytes of the snapshot.
//!
//! A part is what can be taken in at once: the count in front, one element, one node. What a slice's end cuts is read
//! again from its first byte, so a part changes nothing before all its bytes are there.

use super::flaw::Flaw;
use super::growth::Growth;
use super::parse::{Cursor, Encoded, Stop};
use super::shape::Shape;
use super::unpack::Unpack;
use super::whole::{self, Packing};
use crate::value::Value;
use crate::value::limits::Limits;

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
pub(super) struct Parts {
    form: Form,
    growth: Growth,
}

#[derive(Debug)]
enum Form {
    /// One string is all.
    Whole(Packing),
    /// So many elements are still to come; nothing: the count is.
    OneByOne(Unit, Option<u64>),
}

/// What comes one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Member,
}

impl Parts {
    /// At the first byte behind the key.
    pub fn new(shape: Shape) -> Parts {
        let one_by_one = |unit| Form::OneByOne(unit, None);
        let form = match shape {
            Shape::Set => one_by_one(Unit::Member),
            Shape::SetIntset => Form::Whole(Packing::Intset),
            Shape::SetListpack => Form::Whole(Packing::SetListpack),
            _ => Form::Whole(Packing::SetListpack),
        };
        Parts { form, growth: Growth::default() }
    }

    /// Reads the next part. Gives the value with the last one.
    ///
    /// # Errors
    /// More bytes are needed, or what is there is wrong.
    pub fn part(&mut self, reading: &mut Reading<'_, '_>) -> Result<Option<Value>, Stop> {
        reading.cursor.again();
        let value = match &mut self.form {
            Form::Whole(packing) => {
                let (packing, limits) = (*packing, reading.limits);
                Some(whole::read(packing, reading.text()?, limits)?)
            }
            Form::OneByOne(_, left @ None) => {
                *left = Some(reading.count()?);
                None
            }
            Form::OneByOne(unit, Some(left)) => {
                let (unit, hint) = (*unit, *left);
                self.growth.unit(unit, hint, reading)?;
                *left -= 1;
                if *left == 0 { Some(self.growth.finish()?) } else { None }
            }
        };
        reading.cursor.keep();
        Ok(value)
    }
}

impl Growth {
    /// Takes what comes next.
    fn unit(&mut self, unit: Unit, hint: u64, reading: &mut Reading<'_, '_>) -> Result<(), Stop> {
        let limits = reading.limits;
        match unit {
            Unit::Member => self.member(reading.text()?, hint, limits)?,
        }
        Ok(())
    }
}

impl Reading<'_, '_> {
    /// How many elements follow: at least one.
    fn count(&mut self) -> Result<u64, Stop> {
        match self.cursor.len()? {
            0 => Err(Stop::Flaw(Flaw("it has no elements"))),
            count => Ok(count),
        }
    }

    /// A string.
    pub fn text(&mut self) -> Result<&[u8], Stop> {
        let string = self.cursor.string()?;
        self.bytes(&string)
    }

    /// The bytes of a string.
    pub fn bytes(&mut self, string: &Encoded) -> Result<&[u8], Stop> {
        self.unpacked.clear();
        let place = self.unpack.place(string, self.cursor, self.unpacked)?;
        Ok(place.bytes(self.cursor, self.unpacked))
    }
}

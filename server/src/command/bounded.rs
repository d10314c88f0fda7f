//! A counter with bounds and a time to live.
//!
//! Owns: INCREX.   Uses: WriteCx, base::extended.   Never: f64.
//!
//! It is of Redis 8.8. Valkey's has NX and XX besides, whose meaning Redis has not; they are a syntax error here. The log
//! is told the SET that took effect, with an absolute time.

use super::context::WriteCx;
use super::counter;
use super::float;
use super::row::*;
use super::set_options::{EXPIRATION_OR_PERSIST, Word, deadline};
use super::text::{put_raw, text_of};
use crate::base::bytes::parse_i64;
use crate::base::extended::Extended;
use crate::keyspace::Key;
use crate::keyspace::change::{Change, Event};
use crate::resp::args::Args;
use crate::resp::reply::Reply;
use crate::resp::{Error, Result};
use crate::value::text::Scratch;
use crate::value::{Put, PutText, TextRef};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&INCREX];
const _: () = check(TABLE);

static INCREX: Command = Command {
    name: "increx",
    since: "8.8.0",
    group: Group::String,
    summary: "Adds to the number at a key within bounds, and sets its time to live.",
    args: &[
        key("key"),
        one_of("increment", &[double("float").after("BYFLOAT"), integer("integer").after("BYINT")])
            .optional(),
        token("saturate", "SATURATE").optional(),
        string("lowerbound").after("LBOUND").optional(),
        string("upperbound").after("UBOUND").optional(),
        one_of("expiration", EXPIRATION_OR_PERSIST).optional(),
        token("enx", "ENX").optional(),
    ],
    keys: UPDATE_ONE,
    flags: DENY_OOM.and(FAST),
    events: &[
        Event::INCR_BY,
        Event::INCR_BY_FLOAT,
        Event::EXPIRE,
        Event::PERSIST,
        Event::DEL,
        Event::NEW,
    ],
    run: Run::Write(increx),
    ..Command::BASE
};

fn increx(cx: &mut WriteCx<'_>) -> Result<Change> {
    let words = Words::parse(cx.args.from(2))?;
    let step = words.step()?;
    let time = match words.time {
        Some((word, number)) => Some(deadline(word, number, "increx", cx.now.unix_ms())?),
        None => None,
    };
    let key = cx.key(1);
    let slot = cx.slot(key);
    let text = text_of(slot.entry())?;
    let sum = step.add_to(text, words.saturate)?;
    cx.reply.array(2);
    match sum {
        Sum::Rejected(old) => {
            old.reply(cx.reply);
            old.nothing().reply(cx.reply);
            Ok(Change::NONE)
        }
        Sum::Applied(value, added) => {
            value.reply(cx.reply);
            added.reply(cx.reply);
            Ok(store(cx, key, value, &words, time))
        }
    }
}

/// Puts the sum and does to the time to live what was said.
fn store(
    cx: &mut WriteCx<'_>,
    key: Key<'_>,
    value: Number,
    words: &Words<'_>,
    time: Option<i64>,
) -> Change {
    let (touch, now_ms) = (cx.touch, cx.now.unix_ms());
    let mut slot = cx.slot(key);
    let (new, kept) = (!slot.exists(), slot.deadline());
    let time = time.filter(|_| !(words.only_without && kept.is_some()));
    if time.is_some_and(|deadline| deadline <= now_ms) {
        // The sum is answered and nobody else ever sees it.
        return if new { Change::NONE } else { bury(cx, key) };
    }
    let persists = words.persist && kept.is_some();
    let text = value.text();
    slot.put_until(value.put(&text), if persists { None } else { time.or(kept) });
    slot.touch(touch);
    if new {
        cx.created(key);
    }
    let change = cx.changed(key, value.event());
    if time.is_some() {
        let _ = cx.changes.also(cx.db, key.bytes, Event::EXPIRE);
    } else if persists {
        let _ = cx.changes.also(cx.db, key.bytes, Event::PERSIST);
    }
    let mut scratch = Scratch::default();
    match time {
        Some(time) => cx.log_as(&[b"SET", key.bytes, &text, b"PXAT", scratch.write(time)]),
        None if persists => cx.log_as(&[b"SET", key.bytes, &text]),
        None => cx.log_as(&[b"SET", key.bytes, &text, b"KEEPTTL"]),
    }
    change
}

/// Removes a key whose new time has passed already.
fn bury(cx: &mut WriteCx<'_>, key: Key<'_>) -> Change {
    cx.remove(key);
    cx.log_as(&[b"DEL", key.bytes]);
    cx.changed(key, Event::DEL)
}

/// The words of one request.
#[derive(Default)]
struct Words<'a> {
    float: Option<&'a [u8]>,
    integer: Option<&'a [u8]>,
    lower: Option<&'a [u8]>,
    upper: Option<&'a [u8]>,
    saturate: bool,
    persist: bool,
    /// The time to live is set only if there is none.
    only_without: bool,
    time: Option<(Word, &'a [u8])>,
}

impl<'a> Words<'a> {
    /// Reads the words. Unlike those of SET none may be said twice.
    fn parse(args: Args<'a>) -> Result<Words<'a>> {
        let mut words = Words::default();
        let mut args = args.iter();
        while let Some(word) = args.next() {
            match word.to_ascii_lowercase().as_slice() {
                b"byfloat" => once(&mut words.float, args.next())?,
                b"byint" => once(&mut words.integer, args.next())?,
                b"lbound" => once(&mut words.lower, args.next())?,
                b"ubound" => once(&mut words.upper, args.next())?,
                b"saturate" => switch(&mut words.saturate)?,
                b"persist" => switch(&mut words.persist)?,
                b"enx" => switch(&mut words.only_without)?,
                b"ex" => words.live(Word::Ex, args.next())?,
                b"px" => words.live(Word::Px, args.next())?,
                b"exat" => words.live(Word::ExAt, args.next())?,
                b"pxat" => words.live(Word::PxAt, args.next())?,
                _ => return Err(Error::Syntax),
            }
        }
        let contradicts = words.float.is_some() && words.integer.is_some()
            || words.persist && (words.only_without || words.time.is_some());
        if contradicts {
            return Err(Error::Syntax);
        }
        if words.only_without && words.time.is_none() {
            return Err(Error::text("ERR ENX flag requires an expiration"));
        }
        Ok(words)
    }

    fn live(&mut self, word: Word, number: Option<&'a [u8]>) -> Result<()> {
        once(&mut self.time, number.map(|number| (word, number)))
    }

    /// The increment and the bounds, in the kind that the increment is counted in.
    fn step(&self) -> Result<Step> {
        match self.float {
            Some(increment) => self.float_step(increment).map(Step::Float),
            None => self.integer_step().map(Step::Integer),
        }
    }

    fn integer_step(&self) -> Result<Bounded<i64>> {
        let read = |text: Option<&[u8]>, error, unsaid: i64| {
            let wrong = Error::text(error);
            text.map_or(Ok(unsaid), |text| parse_i64(text).ok_or(wrong))
        };
        Bounded {
            by: read(self.integer, "ERR Increment is not an integer or out of range", 1)?,
            lower: read(self.lower, "ERR LBOUND is not an integer or out of range", i64::MIN)?,
            upper: read(self.upper, "ERR UBOUND is not an integer or out of range", i64::MAX)?,
        }
        .checked()
    }

    fn float_step(&self, increment: &[u8]) -> Result<Bounded<Extended>> {
        let read = |text: &[u8], error| Extended::parse(text).ok_or(Error::text(error));
        let by = read(increment, "ERR Increment is not a valid float")?;
        if !by.is_finite() {
            return Err(Error::text("ERR BYFLOAT increment cannot be Infinity"));
        }
        let bound =
            |text: Option<&[u8]>, error, unsaid| text.map_or(Ok(unsaid), |text| read(text, error));
        Bounded {
            by,
            lower: bound(self.lower, "ERR LBOUND is not a valid float", Extended::MIN)?,
            upper: bound(self.upper, "ERR UBOUND is not a valid float", Extended::MAX)?,
        }
        .checked()
    }
}

/// Takes a word's operand, which must be there and may come once.
fn once<T>(place: &mut Option<T>, operand: Option<T>) -> Result<()> {
    match place.replace(operand.ok_or(Error::Syntax)?) {
        None => Ok(()),
        Some(_) => Err(Error::Syntax),
    }
}

/// Takes a word that may come once.
fn switch(place: &mut bool) -> Result<()> {
    if std::mem::replace(place, true) { Err(Error::Syntax) } else { Ok(()) }
}

/// An increment, and the bounds that hold for the sum, themselves included.
struct Bounded<T> {
    by: T,
    lower: T,
    upper: T,
}

impl<T: Ord> Bounded<T> {
    fn checked(self) -> Result<Bounded<T>> {
        if self.lower > self.upper {
            return Err(Error::text("ERR LBOUND can't be greater than UBOUND"));
        }
        Ok(self)
    }
}

/// What is added, in one of the two kinds of numbers.
enum Step {
    Integer(Bounded<i64>),
    Float(Bounded<Extended>),
}

/// A number of either kind.
#[derive(Clone, Copy)]
enum Number {
    Integer(i64),
    Float(Extended),
}

/// What an addition came to.
enum Sum {
    /// It is out of bounds; this is the number that stays.
    Rejected(Number),
    /// The new number, and what was added to the old one.
    Applied(Number, Number),
}

impl Step {
    /// Adds to the number that a string is; nothing counts as 0.
    fn add_to(&self, text: Option<TextRef<'_>>, saturate: bool) -> Result<Sum> {
        match self {
            Step::Integer(step) => step.add_to(counter::number_in(text)?, saturate),
            Step::Float(step) => step.add_to(float::number_in(text)?, saturate),
        }
    }
}

impl Bounded<i64> {
    fn add_to(&self, old: i64, saturate: bool) -> Result<Sum> {
        let (lower, upper) = (i128::from(self.lower), i128::from(self.upper));
        let sum = i128::from(old) + i128::from(self.by);
        let bounded = sum.clamp(lower, upper);
        if bounded != sum && !saturate {
            return Ok(Sum::Rejected(Number::Integer(old)));
        }
        let added = i64::try_from(bounded - i128::from(old))
            .map_err(|_| Error::text("ERR applied increment would overflow"))?;
        // The bounds fit 64 bits, so does whatever is between them.
        let value = i64::try_from(bounded).expect("a bound is a 64-bit number");
        Ok(Sum::Applied(Number::Integer(value), Number::Integer(added)))
    }
}

impl Bounded<Extended> {
    fn add_to(&self, old: Extended, saturate: bool) -> Result<Sum> {
        if !old.is_finite() {
            return Err(Error::text("ERR value cannot be Infinity"));
        }
        // It may be infinite, and then it is out of any bounds.
        let sum = old.checked_add(self.by).expect("only two infinities can have no sum");
        let bounded = sum.clamp(self.lower, self.upper);
        if bounded == sum && sum.is_finite() {
            return Ok(Sum::Applied(Number::Float(sum), Number::Float(self.by)));
        }
        if !saturate {
            return Ok(Sum::Rejected(Number::Float(old)));
        }
        // An infinite bound lets an infinite sum through: the largest number is nearest to it.
        let bounded = if self.lower <= Extended::MAX && self.upper >= Extended::MIN {
            bounded.clamp(Extended::MIN, Extended::MAX)
        } else {
            bounded
        };
        let added = bounded.checked_add(old.negated()).filter(|added| added.is_finite());
        let added = added.ok_or(Error::text("ERR applied increment would be Infinity"))?;
        Ok(Sum::Applied(Number::Float(bounded), Number::Float(added)))
    }
}

impl Number {
    /// 0, of the same kind.
    fn nothing(self) -> Number {
        match self {
            Number::Integer(_) => Number::Integer(0),
            Number::Float(_) => Number::Float(Extended::ZERO),
        }
    }

    fn text(self) -> Vec<u8> {
        match self {
            Number::Integer(number) => Scratch::default().write(number).to_vec(),
            Number::Float(number) => {
                let mut text = Vec::new();
                number.write(&mut text);
                text
            }
        }
    }

    /// The value that a key gets; `text` is the number's.
    fn put(self, text: &[u8]) -> Put<'_> {
        match self {
            Number::Integer(number) => Put::Text(PutText::Int(number)),
            Number::Float(_) => put_raw(text),
        }
    }

    fn event(self) -> Event {
        match self {
            Number::Integer(_) => Event::INCR_BY,
            Number::Float(_) => Event::INCR_BY_FLOAT,
        }
    }

    fn reply(self, reply: &mut Reply) {
        match self {
            Number::Integer(number) => reply.int(number),
            Number::Float(_) => reply.decimal(&self.text()),
        }
    }
}

//! Collections that stand in one string, and the nodes of lists.
//!
//! Owns: what the elements of a packed form mean.   Uses: the packed forms, growth.   Never: a snapshot around them.

use super::flaw::Flaw;
use super::growth::Growth;
use super::intset::Intset;
use super::listpack::Listpack;
use super::ziplist::Ziplist;
use super::zipmap::Zipmap;
use crate::base::bytes::parse_f64;
use crate::value::limits::Limits;
use crate::value::packed::Element;
use crate::value::text::Scratch;

/// What a string is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Intset,
    Zipmap,
    /// A ziplist of a collection.
    Ziplist(Kind),
    /// A listpack of a collection.
    Listpack(Kind),
}

/// What the elements of a ziplist or a listpack are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Elements of a list.
    List,
    /// Members.
    Set,
    /// Names and values.
    Hash,
    /// Names, values and times in Unix milliseconds, 0 for none.
    TimedHash,
    /// Members and scores, in the order of the scores.
    SortedSet,
}

/// Elements of either form.
type Result<T> = std::result::Result<T, Flaw>;

/// Takes in what is in a string. O(bytes).
///
/// # Errors
/// The string is flawed, or holds what no collection may.
pub(super) fn read(
    packing: Packing,
    bytes: &[u8],
    limits: &Limits,
    growth: &mut Growth,
) -> Result<()> {
    match packing {
        Packing::Intset => {
            let numbers = Intset::open(bytes)?;
            let hint = numbers.left();
            for number in numbers {
                growth.member(Scratch::default().write(number?), hint, limits)?;
            }
            Ok(())
        }
        Packing::Zipmap => {
            for field in Zipmap::open(bytes)? {
                growth.field(field?, None, 1, limits)?;
            }
            Ok(())
        }
        Packing::Ziplist(kind) => elements(kind, Ziplist::open(bytes)?, limits, growth),
        Packing::Listpack(kind) => elements(kind, Listpack::open(bytes)?, limits, growth),
    }
}

fn elements<'a>(
    kind: Kind,
    mut elements: impl Iterator<Item = Result<Element<'a>>>,
    limits: &Limits,
    growth: &mut Growth,
) -> Result<()> {
    let mut scratch = [Scratch::default(), Scratch::default()];
    let [first, second] = &mut scratch;
    let mut before = None;
    while let Some(element) = elements.next() {
        let element = element?;
        let text = element.text(first);
        let mut next = || elements.next().unwrap_or(Err(Flaw("its last element stands alone")));
        match kind {
            Kind::List => growth.push(text, limits),
            Kind::Set => growth.member(text, 1, limits)?,
            Kind::Hash => growth.field((text, next()?.text(second)), None, 1, limits)?,
            Kind::TimedHash => {
                let value = next()?;
                let Element::Int(time) = next()? else {
                    return Err(Flaw("the time of a field is not a number"));
                };
                growth.field((text, value.text(second)), deadline(time)?, 1, limits)?;
            }
            Kind::SortedSet => {
                let score = score(next()?)?;
                growth.scored(text, score, 1, limits)?;
                in_order(&mut before, (score, element))?;
            }
        }
    }
    Ok(())
}

/// When a field expires: 0 is never.
///
/// # Errors
/// The time is before 1970.
pub(super) fn deadline(time: i64) -> Result<Option<i64>> {
    match time {
        ..0 => Err(Flaw("the time of a field is negative")),
        0 => Ok(None),
        time => Ok(Some(time)),
    }
}

fn score(element: Element<'_>) -> Result<f64> {
    match element {
        Element::Int(whole) => Ok(whole as f64),
        Element::Text(text) => parse_f64(text).ok_or(Flaw("a score is not a number")),
    }
}

/// A packed sorted set is in order, or a server that keeps it as it is would be misled.
fn in_order<'a>(before: &mut Option<(f64, Element<'a>)>, now: (f64, Element<'a>)) -> Result<()> {
    let ordered = before.is_none_or(|before| {
        let texts = || {
            let (mut first, mut second) = (Scratch::default(), Scratch::default());
            before.1.text(&mut first) < now.1.text(&mut second)
        };
        before.0 < now.0 || (before.0 == now.0 && texts())
    });
    *before = Some(now);
    if ordered { Ok(()) } else { Err(Flaw("its members are not in the order of their scores")) }
}

//! Collections that stand in one string.
//!
//! Owns: what the elements of a packed form mean.   Uses: the packed forms, growth.   Never: a snapshot around them.

use super::flaw::Flaw;
use super::growth::Growth;
use super::intset::Intset;
use super::listpack::Listpack;
use crate::value::limits::Limits;
use crate::value::packed::Element;
use crate::value::text::Scratch;
use crate::value::Value;

/// What the string is, and of which collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    /// A set.
    Intset,
    /// A set.
    SetListpack,
}

/// The collection in a string. O(bytes).
///
/// # Errors
/// The string is flawed, or holds what no collection may.
pub(super) fn read(packing: Packing, bytes: &[u8], limits: &Limits) -> Result<Value, Flaw> {
    let mut growth = Growth::default();
    match packing {
        Packing::Intset => intset(bytes, limits, &mut growth)?,
        Packing::SetListpack => set(Listpack::open(bytes)?, limits, &mut growth)?,
    }
    growth.finish()
}

fn intset(bytes: &[u8], limits: &Limits, growth: &mut Growth) -> Result<(), Flaw> {
    let numbers = Intset::open(bytes)?;
    let hint = numbers.left();
    for number in numbers {
        growth.member(Scratch::default().write(number?), hint, limits)?;
    }
    Ok(())
}

fn set<'a>(
    elements: impl Iterator<Item = Result<Element<'a>, Flaw>>,
    limits: &Limits,
    growth: &mut Growth,
) -> Result<(), Flaw> {
    for element in elements {
        growth.member(element?.text(&mut Scratch::default()), 1, limits)?;
    }
    Ok(())
}

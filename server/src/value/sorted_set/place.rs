//! Places in the order of a sorted set: the ends of ranges.
//!
//! Owns: how a member stands to a place.   Uses: nothing.   Never: the members.

use std::cmp::Ordering;

/// A place between two members, or before or behind all of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place<'a> {
    /// Before everything.
    Start,
    /// Behind everything.
    End,
    /// Before all members of this score.
    BeforeScore(f64),
    /// Behind all members of this score.
    BehindScore(f64),
    /// Before this member and all greater ones; for sets whose scores are all equal.
    BeforeMember(&'a [u8]),
    /// Behind this member and all lesser ones; for sets whose scores are all equal.
    BehindMember(&'a [u8]),
    /// Before this member of this score.
    Before(f64, &'a [u8]),
}

impl Place<'_> {
    /// How members of a score stand to the place; `Equal`: it depends on the member.
    #[inline]
    pub fn of_score(&self, score: f64) -> Ordering {
        let by = |other: f64, tie: Ordering| match score.partial_cmp(&other) {
            Some(Ordering::Less) => Ordering::Less,
            Some(Ordering::Greater) => Ordering::Greater,
            Some(Ordering::Equal) | None => tie,
        };
        match *self {
            Place::Start => Ordering::Greater,
            Place::End => Ordering::Less,
            Place::BeforeScore(other) => by(other, Ordering::Greater),
            Place::BehindScore(other) => by(other, Ordering::Less),
            Place::BeforeMember(_) | Place::BehindMember(_) => Ordering::Equal,
            Place::Before(other, _) => by(other, Ordering::Equal),
        }
    }

    /// Whether a member stands before the place, if its score leaves that open.
    #[inline]
    pub fn is_behind(&self, member: &[u8]) -> bool {
        match *self {
            Place::Start | Place::BeforeScore(_) => false,
            Place::End | Place::BehindScore(_) => true,
            Place::BeforeMember(other) | Place::Before(_, other) => member < other,
            Place::BehindMember(other) => member <= other,
        }
    }
}

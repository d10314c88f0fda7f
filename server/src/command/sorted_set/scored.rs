//! Members with their scores on their way into a reply.
//!
//! Owns: where the score stands.   Uses: pairs, reply.   Never: which members.

use crate::command::pairs::{write_first, write_head};
use crate::resp::reply::Reply;
use crate::value::sorted_set::Scored;

/// Writes one member behind the head of several.
#[inline]
pub fn write_one(reply: &mut Reply, (member, score): Scored<'_>, with_scores: bool) {
    write_first(reply, member, with_scores);
    if with_scores {
        reply.double(score);
    }
}

/// Writes members of which the number is known.
pub fn write_all<'a>(
    reply: &mut Reply,
    count: usize,
    members: impl Iterator<Item = Scored<'a>>,
    with_scores: bool,
) {
    write_head(reply, count, with_scores);
    members.for_each(|scored| write_one(reply, scored, with_scores));
}

//! Members with their scores on their way into a reply.
//!
//! Owns: the shapes that RESP2 and RESP3 give them.   Uses: reply.   Never: which members.

use crate::command::text::write_element;
use crate::resp::Proto;
use crate::resp::reply::Reply;
use crate::value::sorted_set::Scored;

/// Writes the head of `count` members: with scores RESP2 has one flat list, RESP3 a list of pairs.
pub fn write_head(reply: &mut Reply, count: usize, with_scores: bool) {
    let is_flat = with_scores && reply.proto() == Proto::Resp2;
    reply.array(if is_flat { 2 * count } else { count });
}

/// Writes one member behind such a head.
#[inline]
pub fn write_one(reply: &mut Reply, (member, score): Scored<'_>, with_scores: bool) {
    if with_scores && reply.proto() == Proto::Resp3 {
        reply.array(2);
    }
    write_element(reply, member);
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

//! Elements on their way into a reply, each perhaps with what belongs to it: a score, a value.
//!
//! Owns: the shapes that RESP2 and RESP3 give them: one flat list, or a list of pairs.   Uses: reply.   Never: which elements.

use super::text::write_element;
use crate::resp::Proto;
use crate::resp::reply::Reply;
use crate::value::packed::Element;

/// Writes the head of `count` elements; each is followed by a second if they come in pairs.
pub fn write_head(reply: &mut Reply, count: usize, in_pairs: bool) {
    let is_flat = in_pairs && reply.proto() == Proto::Resp2;
    reply.array(if is_flat { 2 * count } else { count });
}

/// Writes an element behind such a head; if they come in pairs its second is to follow.
#[inline]
pub fn write_first(reply: &mut Reply, element: Element<'_>, in_pairs: bool) {
    if in_pairs && reply.proto() == Proto::Resp3 {
        reply.array(2);
    }
    write_element(reply, element);
}

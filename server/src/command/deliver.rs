//! Brings a message to everybody who listens.
//!
//! Owns: the form of a message.   Uses: pubsub, session, resp.   Never: the engine.

use super::context::outbox;
use crate::base::bytes::glob;
use crate::pubsub::PubSub;
use crate::session::{ClientId, Session, Sessions};

/// Publishes a message and says how many received it. O(listeners + patterns).
pub fn publish(
    pubsub: &PubSub,
    sessions: &mut Sessions,
    me: &mut Session,
    channel: &[u8],
    message: &[u8],
) -> usize {
    let mut receivers = 0;
    for (listener, ()) in pubsub.channels.numbers(channel) {
        if let Some(out) = outbox(me, sessions, ClientId(listener)) {
            out.push(3);
            out.bulk(b"message");
            out.bulk(channel);
            out.bulk(message);
            receivers += 1;
        }
    }
    for (pattern, listeners) in pubsub.patterns.names() {
        if !glob(pattern, channel, false) {
            continue;
        }
        for (listener, ()) in listeners {
            if let Some(out) = outbox(me, sessions, ClientId(listener)) {
                out.push(4);
                out.bulk(b"pmessage");
                out.bulk(pattern);
                out.bulk(channel);
                out.bulk(message);
                receivers += 1;
            }
        }
    }
    receivers
}

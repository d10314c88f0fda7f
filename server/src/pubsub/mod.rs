//! Who listens to which channel.
//!
//! Owns: channels and patterns with their listeners.   Uses: base.   Never: sessions, replies.
//!
//! A channel's listeners get a message in the order in which they subscribed. Looking a channel up costs
//! one hash, and so does a subscription or its end, however many there are on either side; every
//! pattern is tried against every message.

use crate::base::random::KeyHasher;
use crate::base::relation::Relation;

/// A listener: a client's number.
pub type Listener = u64;

/// All subscriptions.
pub struct PubSub {
    /// Channels by their names.
    pub channels: Relation<()>,
    /// Glob patterns of channel names.
    pub patterns: Relation<()>,
}

impl PubSub {
    /// Nobody listens.
    pub fn new(hasher: KeyHasher) -> PubSub {
        PubSub { channels: Relation::new(hasher.clone()), patterns: Relation::new(hasher) }
    }

    /// Ends all subscriptions of a listener that left. O(its subscriptions).
    pub fn forget(&mut self, who: Listener) {
        self.channels.forget(who);
        self.patterns.forget(who);
    }

    /// Bytes that a listener's subscriptions take. O(1).
    pub fn bytes_of(&self, who: Listener) -> usize {
        self.channels.bytes_of(who) + self.patterns.bytes_of(who)
    }

    /// Ends at most so many of each kind of subscriptions of a listener that left, and says whether none is left.
    pub fn forget_some(&mut self, who: Listener, most: usize) -> bool {
        self.channels.forget_some(who, most) & self.patterns.forget_some(who, most)
    }

    /// Whether nobody listens to anything.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.channels.is_empty() && self.patterns.is_empty()
    }

    /// How many different channels somebody listens to.
    pub fn channel_count(&self) -> usize {
        self.channels.len()
    }

    /// How many different patterns somebody listens to.
    pub fn pattern_count(&self) -> usize {
        self.patterns.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_left_listens_to_nothing() {
        let mut pubsub = PubSub::new(KeyHasher::new(1));
        pubsub.channels.insert(b"news", 1, ());
        pubsub.channels.insert(b"news", 2, ());
        pubsub.patterns.insert(b"n*", 1, ());
        assert_eq!((pubsub.channel_count(), pubsub.pattern_count()), (1, 1));
        pubsub.forget(1);
        let left: Vec<_> = pubsub.channels.numbers(b"news").map(|(who, ())| who).collect();
        assert_eq!((left, pubsub.pattern_count()), (vec![2], 0));
        pubsub.forget(2);
        assert!(pubsub.is_empty());
    }
}

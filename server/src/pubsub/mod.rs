//! Who listens to which channel.
//!
//! Owns: channels and patterns with their listeners.   Uses: base.   Never: sessions, replies.
//!
//! Orders are by the time of subscription, as a real server delivers; a listener stands in a list
//! once. Looking a channel up costs one hash; every pattern is tried against every message.

use crate::base::random::KeyHasher;
use std::collections::{BTreeMap, HashMap};

/// A listener: a client's number.
pub type Listener = u64;

type Table = HashMap<Box<[u8]>, Vec<Listener>, KeyHasher>;

/// All subscriptions.
pub struct PubSub {
    channels: Table,
    patterns: BTreeMap<Box<[u8]>, Vec<Listener>>,
    of_listener: HashMap<Listener, Subscriptions, KeyHasher>,
    hasher: KeyHasher,
}

#[derive(Default)]
struct Subscriptions {
    channels: Vec<Box<[u8]>>,
    patterns: Vec<Box<[u8]>>,
}

impl PubSub {
    /// Nobody listens.
    pub fn new(hasher: KeyHasher) -> PubSub {
        PubSub {
            channels: HashMap::with_hasher(hasher.clone()),
            patterns: BTreeMap::new(),
            of_listener: HashMap::with_hasher(hasher.clone()),
            hasher,
        }
    }

    /// Subscribes to a channel; false if it already was.
    pub fn subscribe(&mut self, who: Listener, channel: &[u8]) -> bool {
        let listeners = self.channels.entry(channel.into()).or_default();
        if listeners.contains(&who) {
            return false;
        }
        listeners.push(who);
        self.of_listener.entry(who).or_default().channels.push(channel.into());
        true
    }

    /// Ends a subscription; false if there was none.
    pub fn unsubscribe(&mut self, who: Listener, channel: &[u8]) -> bool {
        let Some(listeners) = self.channels.get_mut(channel) else { return false };
        if !leave(listeners, who) {
            return false;
        }
        if listeners.is_empty() {
            self.channels.remove(channel);
        }
        if let Some(own) = self.of_listener.get_mut(&who) {
            own.channels.retain(|name| **name != *channel);
        }
        self.tidy(who);
        true
    }

    /// Subscribes to a pattern; false if it already was.
    pub fn subscribe_pattern(&mut self, who: Listener, pattern: &[u8]) -> bool {
        let listeners = self.patterns.entry(pattern.into()).or_default();
        if listeners.contains(&who) {
            return false;
        }
        listeners.push(who);
        self.of_listener.entry(who).or_default().patterns.push(pattern.into());
        true
    }

    /// Ends a pattern's subscription; false if there was none.
    pub fn unsubscribe_pattern(&mut self, who: Listener, pattern: &[u8]) -> bool {
        let Some(listeners) = self.patterns.get_mut(pattern) else { return false };
        if !leave(listeners, who) {
            return false;
        }
        if listeners.is_empty() {
            self.patterns.remove(pattern);
        }
        if let Some(own) = self.of_listener.get_mut(&who) {
            own.patterns.retain(|name| **name != *pattern);
        }
        self.tidy(who);
        true
    }

    fn tidy(&mut self, who: Listener) {
        if self
            .of_listener
            .get(&who)
            .is_some_and(|own| own.channels.is_empty() && own.patterns.is_empty())
        {
            self.of_listener.remove(&who);
        }
    }

    /// The channels of one listener, in the order it subscribed.
    pub fn channels_of(&self, who: Listener) -> Vec<Box<[u8]>> {
        self.of_listener.get(&who).map_or_else(Vec::new, |own| own.channels.clone())
    }

    /// The patterns of one listener, in the order it subscribed.
    pub fn patterns_of(&self, who: Listener) -> Vec<Box<[u8]>> {
        self.of_listener.get(&who).map_or_else(Vec::new, |own| own.patterns.clone())
    }

    /// Ends all subscriptions of a listener that left.
    pub fn forget(&mut self, who: Listener) {
        let Some(own) = self.of_listener.remove(&who) else { return };
        for channel in own.channels {
            if let Some(listeners) = self.channels.get_mut(&channel) {
                leave(listeners, who);
                if listeners.is_empty() {
                    self.channels.remove(&channel);
                }
            }
        }
        for pattern in own.patterns {
            if let Some(listeners) = self.patterns.get_mut(&pattern) {
                leave(listeners, who);
                if listeners.is_empty() {
                    self.patterns.remove(&pattern);
                }
            }
        }
    }

    /// Whether nobody listens to anything.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.channels.is_empty() && self.patterns.is_empty()
    }

    /// Who listens to a channel by its name.
    pub fn listeners(&self, channel: &[u8]) -> &[Listener] {
        self.channels.get(channel).map_or(&[], |list| list)
    }

    /// The patterns and their listeners.
    pub fn patterns(&self) -> impl Iterator<Item = (&[u8], &[Listener])> {
        self.patterns.iter().map(|(pattern, list)| (&**pattern, list.as_slice()))
    }

    /// How many different patterns somebody listens to.
    pub fn pattern_count(&self) -> usize {
        self.patterns.len()
    }

    /// How many different channels somebody listens to.
    pub fn channel_count(&self) -> usize {
        self.channels.len()
    }

    /// The names of all channels that somebody listens to, in no particular order.
    pub fn channel_names(&self) -> impl Iterator<Item = &[u8]> {
        self.channels.keys().map(|name| &**name)
    }

    /// The hasher, for tables that are built beside.
    pub fn hasher(&self) -> &KeyHasher {
        &self.hasher
    }
}

fn leave(listeners: &mut Vec<Listener>, who: Listener) -> bool {
    let Some(at) = listeners.iter().position(|&listener| listener == who) else { return false };
    listeners.remove(at);
    true
}

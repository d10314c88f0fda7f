//! What follows a change.
//!
//! Owns: the list of followers and the feed for log and replicas.   Uses: changes, parts.
//! Never: changes data.
//!
//! The feed is the stream of requests that makes a second data set equal to this one. Nobody reads
//! it yet but tests; the log and replicas will.

use super::{Engine, ready, tracking};
use crate::command::context::Parts;
use crate::command::deliver;
use crate::config::EventClasses;
use crate::keyspace::Keyspace;
use crate::keyspace::change::{Changed, Class, Event, write_request};
use crate::pubsub::PubSub;
use crate::session::watch::{Was, Watch};
use crate::session::{ClientId, Session, Sessions};

type Follower = fn(&mut Engine, &mut Session);

/// In this order, because: a watcher must fail before anybody is served; the feed must hold what
/// replicas are told before a waiter is served, each as a call of its own.
const FOLLOWERS: &[(&str, Follower)] = &[
    ("watch", fail_watchers),
    ("tracking", tracking::invalidate),
    ("notify", publish_events),
    ("ready", ready::mark),
    ("log", append_to_feed),
];

impl Engine {
    /// Publishes the keys that the call looked for in vain. A miss is an event, but no change.
    #[inline]
    pub(super) fn tell_misses(&mut self, me: &mut Session) {
        if !self.parts.lookups.missed.is_empty() {
            self.publish_misses(me);
        }
    }

    #[cold]
    fn publish_misses(&mut self, me: &mut Session) {
        let Parts { config, pubsub, sessions, lookups, .. } = &mut self.parts;
        for (db, key) in lookups.missed.drain(..) {
            let missed = Changed { db, key: &key, event: Event::KEY_MISS };
            publish_event(config.notify, pubsub, sessions, me, missed);
        }
    }

    /// Carries out what follows the call that just ended. The dirty count comes first and always;
    /// the rest only when somebody listens.
    #[inline]
    pub(super) fn follow(&mut self, me: &mut Session) {
        self.parts.persist.dirty += self.parts.changes.dirty();
        if self.parts.changes.heard() {
            self.tell_followers(me);
        }
    }

    #[cold]
    fn tell_followers(&mut self, me: &mut Session) {
        for (_, follower) in FOLLOWERS {
            follower(self, me);
        }
    }
}

/// Every session that watches a changed key will fail its EXEC; its other watches are of no use then.
fn fail_watchers(engine: &mut Engine, me: &mut Session) {
    let parts = &mut engine.parts;
    if parts.watch.is_empty() {
        return;
    }
    let mut failed = Vec::new();
    let altered = parts.changes.keys().filter(|changed| changed.event.alters_value());
    for Changed { db, key, event } in altered {
        failed.extend(parts.watch.watchers(db, key, event == Event::EXPIRED));
    }
    let now_ms = engine.now.unix_ms();
    for &db in parts.changes.emptied() {
        failed.extend(changed_by_flush(&parts.watch, &parts.keyspace, db, now_ms));
    }
    for id in failed {
        let session = if me.id() == id { Some(&mut *me) } else { parts.sessions.get_mut(id) };
        if let Some(session) = session {
            session.watch_failed = true;
            session.watching = 0;
        }
        parts.watch.forget(id);
    }
}

/// A database that was emptied, or swapped with another, changed the watched keys that it held before
/// and those that it holds now.
fn changed_by_flush<'a>(
    watch: &'a Watch,
    keyspace: &'a Keyspace,
    db: usize,
    now_ms: i64,
) -> impl Iterator<Item = ClientId> + 'a {
    let changed = move |key, was| {
        let now = keyspace.db(db).find(keyspace.key(key));
        let alive = now.is_some_and(|entry| entry.deadline().is_none_or(|at| at >= now_ms));
        was == Was::Alive || alive
    };
    watch.in_database(db).filter(move |&(key, _, was)| changed(key, was)).map(|(_, id, _)| id)
}

/// Publishes keyspace events, if they are switched on and anybody listens at all.
fn publish_events(engine: &mut Engine, me: &mut Session) {
    let Parts { config, pubsub, sessions, changes, .. } = &mut engine.parts;
    if config.notify.is_empty() || pubsub.is_empty() {
        return;
    }
    for changed in changes.keys() {
        publish_event(config.notify, pubsub, sessions, me, changed);
    }
}

/// Publishes one event, if its class is switched on.
fn publish_event(
    wanted: EventClasses,
    pubsub: &PubSub,
    sessions: &mut Sessions,
    me: &mut Session,
    Changed { db, key, event }: Changed<'_>,
) {
    if event.name.is_empty() || !wanted.contains(class_of(event)) {
        return;
    }
    if wanted.contains(EventClasses::KEYSPACE) {
        let channel = [format!("__keyspace@{db}__:").as_bytes(), key].concat();
        deliver::publish(pubsub, sessions, me, &channel, event.name.as_bytes());
    }
    if wanted.contains(EventClasses::KEYEVENT) {
        let channel = format!("__keyevent@{db}__:{}", event.name);
        deliver::publish(pubsub, sessions, me, channel.as_bytes(), key);
    }
}

/// The setting's name for an event's class.
fn class_of(event: Event) -> EventClasses {
    match event.class {
        Class::Generic => EventClasses::GENERIC,
        Class::Text => EventClasses::STRING,
        Class::List => EventClasses::LIST,
        Class::Set => EventClasses::SET,
        Class::Hash => EventClasses::HASH,
        Class::SortedSet => EventClasses::SORTED_SET,
        Class::Stream => EventClasses::STREAM,
        Class::Expired => EventClasses::EXPIRED,
        Class::Evicted => EventClasses::EVICTED,
        Class::New => EventClasses::NEW,
        Class::Miss => EventClasses::MISS,
    }
}

fn append_to_feed(engine: &mut Engine, _me: &mut Session) {
    let (feed, changes) = (&mut engine.feed, &engine.parts.changes);
    // Inside EXEC it is part of a greater one.
    let unit = changes.is_bound() && feed.unit.is_none();
    if unit {
        feed.begin_unit();
    }
    for (db, request) in changes.told() {
        feed.append(db, request);
    }
    if unit {
        feed.end_unit();
    }
}

/// The stream that the log and replicas are told.
#[derive(Default)]
pub struct Feed {
    open: bool,
    db: Option<usize>,
    bytes: Vec<u8>,
    /// Inside EXEC: the requests so far, to be wrapped if they are more than one.
    unit: Option<Unit>,
}

#[derive(Default)]
struct Unit {
    requests: usize,
    text: Vec<u8>,
}

impl Feed {
    /// Begins to collect.
    pub fn open(&mut self) {
        self.open = true;
    }

    /// Whether anybody reads.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// What was collected; the next stream begins with a SELECT again.
    pub fn take(&mut self) -> Vec<u8> {
        self.db = None;
        std::mem::take(&mut self.bytes)
    }

    /// Appends one request.
    fn append(&mut self, db: usize, request: &[u8]) {
        if !self.open {
            return;
        }
        let out = match &mut self.unit {
            Some(unit) => {
                unit.requests += 1;
                &mut unit.text
            }
            None => &mut self.bytes,
        };
        if self.db != Some(db) {
            let number = db.to_string();
            write_request(out, 2, [b"SELECT".as_slice(), number.as_bytes()].into_iter());
            self.db = Some(db);
        }
        out.extend_from_slice(request);
    }

    /// What follows until [`Feed::end_unit`] is one unit: all of it happens or nothing.
    pub fn begin_unit(&mut self) {
        if self.open {
            self.unit = Some(Unit::default());
        }
    }

    /// Ends the unit and wraps it in MULTI and EXEC if it holds more than one request.
    pub fn end_unit(&mut self) {
        let Some(unit) = self.unit.take() else { return };
        let wrap = unit.requests > 1;
        if wrap {
            self.bytes.extend_from_slice(b"*1\r\n$5\r\nMULTI\r\n");
        }
        self.bytes.extend_from_slice(&unit.text);
        if wrap {
            self.bytes.extend_from_slice(b"*1\r\n$4\r\nEXEC\r\n");
        }
    }
}

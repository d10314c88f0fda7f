//! What follows a change.
//!
//! Owns: the list of followers and the feed for log and replicas.   Uses: changes, parts.
//! Never: changes data.
//!
//! The feed is the stream of requests that makes a second data set equal to this one. Nobody reads
//! it yet but tests; the log and replicas will.

use super::Engine;
use crate::command::deliver;
use crate::config::EventClasses;
use crate::keyspace::change::{Changed, Class, Event, write_request};
use crate::session::Session;

type Follower = fn(&mut Engine, &mut Session);

/// In this order, because: a watcher must fail before anybody is served; the feed must hold what
/// replicas are told before a waiter is served, each as a call of its own.
const FOLLOWERS: &[(&str, Follower)] =
    &[("watch", fail_watchers), ("notify", publish_events), ("log", append_to_feed)];

impl Engine {
    /// Carries out what follows the call that just ended. The dirty count comes first and always;
    /// the rest only when somebody listens.
    #[inline]
    pub(super) fn follow(&mut self, me: &mut Session) {
        self.parts.persist.dirty += self.parts.changes.dirty();
        if self.parts.changes.heard() {
            for (_, follower) in FOLLOWERS {
                follower(self, me);
            }
        }
    }
}

/// Every session that watches a changed key will fail its EXEC.
fn fail_watchers(engine: &mut Engine, me: &mut Session) {
    let parts = &mut engine.parts;
    if parts.watch.is_empty() {
        return;
    }
    let mut failed = Vec::new();
    for Changed { db, key, event } in parts.changes.keys() {
        failed.extend(parts.watch.watchers(db, key, event == Event::EXPIRED));
    }
    for &db in parts.changes.emptied() {
        failed.extend(parts.watch.in_database(db).map(|(_, id, _)| id));
    }
    for id in failed {
        if me.id() == id {
            me.watch_failed = true;
        } else if let Some(session) = parts.sessions.get_mut(id) {
            session.watch_failed = true;
        }
    }
}

/// Publishes keyspace events, if they are switched on and anybody listens at all.
fn publish_events(engine: &mut Engine, me: &mut Session) {
    let parts = &mut engine.parts;
    let wanted = parts.config.notify;
    if wanted.is_empty() || parts.pubsub.is_empty() {
        return;
    }
    for Changed { db, key, event } in parts.changes.keys() {
        if event.name.is_empty() || !wanted.contains(class_of(event)) {
            continue;
        }
        if wanted.contains(EventClasses::KEYSPACE) {
            let channel = [format!("__keyspace@{db}__:").as_bytes(), key].concat();
            deliver::publish(
                &parts.pubsub,
                &mut parts.sessions,
                me,
                &channel,
                event.name.as_bytes(),
            );
        }
        if wanted.contains(EventClasses::KEYEVENT) {
            let channel = format!("__keyevent@{db}__:{}", event.name);
            deliver::publish(&parts.pubsub, &mut parts.sessions, me, channel.as_bytes(), key);
        }
    }
}

/// The setting's name for an event's class.
fn class_of(event: Event) -> EventClasses {
    match event.class {
        Class::Generic => EventClasses::GENERIC,
        Class::Text => EventClasses::STRING,
        Class::Expired => EventClasses::EXPIRED,
        Class::Evicted => EventClasses::EVICTED,
        Class::New => EventClasses::NEW,
    }
}

fn append_to_feed(engine: &mut Engine, _me: &mut Session) {
    let feed = &mut engine.feed;
    for (db, request) in engine.parts.changes.told() {
        feed.append(db, request);
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

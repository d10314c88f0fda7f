//! Serves clients that wait for keys, when something came to those keys.
//!
//! Owns: the order of serving.   Uses: wanted, wait, serve.   Never: decides what a client gets (its command does).
//!
//! ```text
//!   a change     -> its keys are marked, if anybody waits for what is there now           (a follower)
//!   behind the outermost command, before anybody's next one:
//!   serve_ready  -> key by key as they became ready, client by client as they came: its command runs again
//!                   -> that may mark other keys, which are served behind those
//! ```
//! Each client that is served is no longer there to be served, so this ends. It stops when the turn is spent; then the next
//! turn begins with it, and no command runs before it is done: nobody can take what those who wait are about to get.

use super::Engine;
use super::port::Host;
use crate::base::time::Now;
use crate::command::context::Parts;
use crate::keyspace::Keyspace;
use crate::session::{ClientId, Session};
use crate::value::Type;

/// What stands at a key. One past its time is missing.
fn there(keyspace: &Keyspace, db: usize, key: &[u8], now: Now) -> Option<Type> {
    let entry = keyspace.db(db).find(keyspace.key(key))?;
    let past = entry.deadline().is_some_and(|deadline| deadline < now.unix_ms());
    (!past).then(|| entry.value().kind())
}

/// Marks the keys that the call made ready. A follower.
pub(super) fn mark(engine: &mut Engine, _me: &mut Session) {
    let now = engine.now;
    let Parts { changes, wanted, keyspace, .. } = &mut engine.parts;
    if wanted.is_empty() {
        return;
    }
    for changed in changes.keys().filter(|changed| changed.event.may_bring()) {
        if wanted.wants(changed.db, changed.key) {
            let there = there(keyspace, changed.db, changed.key, now);
            wanted.mark(changed.db, changed.key, there);
        }
    }
    for &db in changes.emptied() {
        for key in wanted.keys_of(db) {
            wanted.mark(db, &key, there(keyspace, db, &key, now));
        }
    }
}

impl Engine {
    /// Serves clients whose keys are ready. False: the turn is spent before all are served.
    #[inline]
    pub(super) fn serve_ready(&mut self, host: &mut dyn Host, begun: u64) -> bool {
        !self.parts.wanted.has_ready() || self.serve_waiting(host, begun)
    }

    #[cold]
    fn serve_waiting(&mut self, host: &mut dyn Host, begun: u64) -> bool {
        while let Some(id) = self.next_to_serve() {
            // None: its wait has ended already, or it waits for the end of a pause.
            if let Some(batch) = self.waits.take(id) {
                self.resume(host, batch);
            }
            if self.spent(host, begun) {
                return !self.parts.wanted.has_ready();
            }
        }
        true
    }

    /// Serves those whom a duty made ready: a key has expired.
    #[cold]
    pub(super) fn serve_ready_after_duties(&mut self, host: &mut dyn Host) {
        let begun = host.ticks();
        self.turn_spent = false;
        self.fast_run.begin(begun);
        self.serve_ready(host, begun);
        self.end_fast_run(host);
    }

    fn next_to_serve(&mut self) -> Option<ClientId> {
        let Parts { wanted, keyspace, .. } = &mut self.parts;
        while let Some((db, key)) = wanted.first_ready() {
            let there = there(keyspace, db, key, self.now);
            if let Some(id) = wanted.next_client(there) {
                return Some(id);
            }
        }
        None
    }
}

//! How clients leave, however many at once and whatever they leave behind.
//!
//! Owns: the list of parts that keep client ids.   Uses: sessions, watch, tracking, pubsub.   Never: a socket.
//!
//! A session goes at once; from then on its id names nobody. What the parts keep of it goes in slices: a client may have
//! subscribed to a million channels, and many clients may be closed by one command.

use super::Engine;
use super::cron::Again;
use super::port::{Host, Outbound};
use crate::command::context::Parts;
use crate::session::ClientId;

/// Forgets at most so many things of a client and says whether that was all.
type Forget = fn(&mut Parts, ClientId, usize) -> bool;

/// Every part that keeps client ids.
const FORGET: &[(&str, Forget)] = &[
    ("watch", |parts, id, most| parts.watch.forget_some(id, most)),
    ("tracking", |parts, id, most| parts.tracking.forget_some(id, most)),
    ("wanted", |parts, id, most| parts.wanted.forget_some(id, most)),
    ("pubsub", |parts, id, most| parts.pubsub.forget_some(id.0, most)),
];

/// Keys or channels of a client that one slice forgets: some 0.5 us each.
const SLICE: usize = 300;
/// Clients that are closed in one slice: some 2 us each.
const CLOSE_AT_ONCE: usize = 100;

impl Engine {
    /// Forgets a client whose connection is gone, and everything that names it.
    pub(super) fn drop_client(&mut self, id: ClientId) {
        self.parked.forget(id);
        self.waiters.forget(id);
        self.rewrites.forget(id);
        drop(self.waits.take(id));
        let session = self.parts.sessions.remove(id);
        self.parts.garbage.drop_fieldsets(session.and_then(|session| session.fieldsets));
        if !self.forget_some(id) {
            self.leaving.push_back(id);
        }
        self.listen();
    }

    fn forget_some(&mut self, id: ClientId) -> bool {
        let parts = &mut self.parts;
        FORGET.iter().fold(true, |all, (_, forget)| forget(parts, id, SLICE) && all)
    }

    /// Closes some of the sessions that are to be closed. The others run nothing more and hear nothing more.
    pub(super) fn close_marked(&mut self) {
        for id in self.parts.sessions.take_closing(CLOSE_AT_ONCE) {
            if let Some(session) = self.parts.sessions.get(id) {
                let route = session.route();
                self.drop_client(id);
                self.outbox.push(Outbound::Close(route));
            }
        }
    }

    /// Whether any client is still on its way out.
    pub(super) fn is_parting(&self) -> bool {
        self.has_leaving() || self.parts.sessions.any_closing()
    }

    /// Whether a part has still to forget a client.
    pub(super) fn has_leaving(&self) -> bool {
        !self.leaving.is_empty()
    }

    /// Goes on forgetting. A duty.
    pub(super) fn forget_leaving(&mut self, _host: &mut dyn Host) -> Again {
        if let Some(&id) = self.leaving.front()
            && self.forget_some(id)
        {
            self.leaving.pop_front();
            self.listen();
        }
        Again::AtRate
    }
}

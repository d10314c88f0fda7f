//! What was removed and takes long to free goes to the host, and who wants to wait for that waits here.
//!
//! Owns: clients that wait until memory is free (FLUSHALL SYNC).   Uses: keyspace, host.   Never: frees anything.
//!
//! Things are counted in objects, as Redis does: a value is one, a database as many as it had keys. They are freed
//! in the order in which they were given; so a client waits for a number, the objects given until then.

use super::Engine;
use super::cron::Again;
use super::port::{Batch, Garbage, Host};
use crate::session::ClientId;

/// A batch whose reply is written and must not go out before so many objects are freed.
struct Waiting {
    until: u64,
    batch: Box<Batch>,
}

/// Who waits.
#[derive(Default)]
pub(super) struct Waiters(Vec<Waiting>);

/// How often the host is asked while somebody waits, in microseconds.
const LOOK_US: u64 = 500;

impl Waiters {
    /// Drops the batch of a client that is gone.
    pub fn forget(&mut self, id: ClientId) {
        self.0.retain(|waiting| waiting.batch.route.id != id);
    }

    /// How long the engine may sleep, in microseconds.
    pub fn patience(&self) -> Option<u64> {
        (!self.0.is_empty()).then_some(LOOK_US)
    }
}

impl Engine {
    /// Takes what was removed from a database and is slow to free. Whoever changes one calls it, a call for its command's.
    #[inline]
    pub(super) fn collect_waste(&mut self, db: usize) {
        let mut values = self.parts.keyspace.take_waste(db);
        if !values.is_empty() {
            self.parts.garbage.values.append(&mut values);
        }
    }

    /// Hands over what the turn removed.
    pub(super) fn hand_over_garbage(&mut self, host: &mut dyn Host) {
        let garbage = &mut self.parts.garbage;
        if garbage.is_empty() {
            return;
        }
        let removed = std::mem::take(garbage);
        let objects = removed.objects();
        host.discard(Garbage { what: Box::new(removed), objects });
    }

    /// Whether a client must wait until everything removed so far is freed; hands it over.
    pub(super) fn must_await_freed(&mut self, host: &mut dyn Host) -> bool {
        self.hand_over_garbage(host);
        let freeing = host.freeing();
        freeing.freed < freeing.handed
    }

    /// Whether any client waits.
    pub(super) fn anybody_awaits_freed(&self) -> bool {
        !self.waiters.0.is_empty()
    }

    /// Keeps a batch, whose replies must not go out before everything handed over so far is freed.
    pub(super) fn await_freed(&mut self, host: &dyn Host, batch: Box<Batch>) {
        self.waiters.0.push(Waiting { until: host.freeing().handed, batch });
    }

    /// Lets those go on whose objects are freed.
    pub(super) fn release_waiters(&mut self, host: &mut dyn Host) -> Again {
        let freed = host.freeing().freed;
        let done = self.waiters.0.extract_if(.., |waiting| waiting.until <= freed);
        self.queue.extend(done.map(|waiting| waiting.batch));
        Again::AtRate
    }
}

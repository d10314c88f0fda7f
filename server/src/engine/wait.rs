//! Clients whose command waits: their batches, and when their patience ends.
//!
//! Owns: those batches.   Uses: port, session.   Never: decides what is waited for, or whether it is there (commands do).
//!
//! A batch stands at the command that waits; when it goes on, that command runs again; see `session::wait`.

use super::Engine;
use super::cron::Again;
use super::port::{Batch, Host};
use crate::session::ClientId;
use crate::session::wait::Ended;
use std::collections::{BTreeMap, BTreeSet};

/// The waiting batches.
#[derive(Default)]
pub(super) struct Waits {
    batches: BTreeMap<ClientId, (u64, Box<Batch>)>,
    /// By the end of their patience.
    ends: BTreeSet<(u64, ClientId)>,
}

impl Waits {
    /// Keeps a batch until `end`, in microseconds of the monotonic clock. A client has at most one. O(log n).
    fn add(&mut self, end: u64, batch: Box<Batch>) {
        let id = batch.route.id;
        self.ends.insert((end, id));
        let before = self.batches.insert(id, (end, batch));
        assert!(before.is_none(), "a client waits twice");
    }

    /// A client's batch, which goes on or is dropped. O(log n).
    pub fn take(&mut self, id: ClientId) -> Option<Box<Batch>> {
        let (end, batch) = self.batches.remove(&id)?;
        self.ends.remove(&(end, id));
        Some(batch)
    }

    /// The first end of a patience.
    pub fn next(&self) -> Option<u64> {
        self.ends.first().map(|(end, _)| *end).filter(|end| *end != u64::MAX)
    }
}

/// How many clients' patience ends in one slice: some microseconds each.
const AT_ONCE: usize = 100;

impl Engine {
    /// Keeps a batch whose command waits.
    pub(super) fn keep_waiting(&mut self, batch: Box<Batch>) {
        let session = self.parts.sessions.get(batch.route.id);
        let until = session.and_then(|session| session.wait.as_deref()?.until);
        self.waits.add(until.unwrap_or(u64::MAX), batch);
    }

    /// Whether anybody's patience is over.
    pub(super) fn is_patience_over(&self) -> bool {
        self.waits.next().is_some_and(|end| end <= self.now.mono_us)
    }

    /// Lets those go on whose patience is over.
    pub(super) fn end_waits(&mut self, _host: &mut dyn Host) -> Again {
        for _ in 0..AT_ONCE {
            let Some(&(end, id)) = self.waits.ends.first() else { break };
            if end > self.now.mono_us {
                break;
            }
            self.end_wait(id, Ended::Time);
        }
        Again::AtRate
    }

    /// Ends a client's wait.
    pub(super) fn end_wait(&mut self, id: ClientId, how: Ended) {
        let Some(batch) = self.waits.take(id) else { return };
        if let Some(session) = self.parts.sessions.get_mut(id)
            && let Some(wait) = &mut session.wait
        {
            wait.ended = Some(how);
        }
        self.queue.push_back(batch);
    }
}

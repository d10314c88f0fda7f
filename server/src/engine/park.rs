//! Clients that wait: their batches, kept where they stopped.
//!
//! Owns: parked batches.   Uses: port.   Never: decides who waits (the gates do).
//!
//! The replies so far have gone out; the socket is still read by `io` into a bounded spare buffer.
//! A batch that goes on is queued again and starts at its cursor.

use super::port::Batch;
use crate::session::ClientId;
use std::collections::{BTreeMap, VecDeque};

/// The parked batches, in the order they came.
#[derive(Default)]
pub struct Parked {
    waiting: BTreeMap<u64, Box<Batch>>,
    places: BTreeMap<ClientId, u64>,
    next: u64,
}

impl Parked {
    /// Keeps a batch; a client has at most one. O(log n).
    pub fn add(&mut self, batch: Box<Batch>) {
        let before = self.places.insert(batch.route.id, self.next);
        assert!(before.is_none(), "a client waits twice");
        self.waiting.insert(self.next, batch);
        self.next += 1;
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Lets everybody go on, in the order they came.
    pub fn release(&mut self, queue: &mut VecDeque<Box<Batch>>) {
        queue.extend(std::mem::take(&mut self.waiting).into_values());
        self.places.clear();
    }

    /// Drops the batch of a client that is gone. O(log n).
    pub fn forget(&mut self, id: ClientId) {
        if let Some(place) = self.places.remove(&id) {
            self.waiting.remove(&place);
        }
    }
}

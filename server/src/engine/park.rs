//! Clients that wait: their batches, kept where they stopped.
//!
//! Owns: parked batches.   Uses: port.   Never: decides who waits (the gates do).
//!
//! The replies so far have gone out; the socket is still read by `io` into a bounded spare buffer.
//! A batch that goes on is queued again and starts at its cursor.

use super::port::Batch;
use crate::session::ClientId;
use std::collections::VecDeque;

/// The parked batches, in the order they came.
#[derive(Default)]
pub struct Parked {
    #[expect(clippy::vec_box, reason = "batches move by pointer, from and to other owners")]
    waiting: Vec<Box<Batch>>,
}

impl Parked {
    /// Keeps a batch.
    pub fn add(&mut self, batch: Box<Batch>) {
        self.waiting.push(batch);
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
        queue.extend(self.waiting.drain(..));
    }

    /// Drops the batch of a client that is gone.
    pub fn forget(&mut self, id: ClientId) {
        self.waiting.retain(|batch| batch.route.id != id);
    }
}

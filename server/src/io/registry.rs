//! What all threads may know of every connection.
//!
//! Owns: the number of connections, their output counters.   Uses: dashmap.   Never: sessions.

use crate::session::ClientId;
use dashmap::DashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of one connection, written by its thread.
#[derive(Debug, Default)]
pub struct Counters {
    /// Bytes that wait to be sent.
    pub waiting: AtomicU64,
    /// Bytes sent.
    pub sent: AtomicU64,
}

impl Counters {
    /// Counts bytes that were sent. Only the connection's thread writes, so nothing atomic is needed to add.
    #[inline]
    pub fn count_sent(&self, bytes: usize) {
        self.sent.store(self.sent.load(Ordering::Relaxed) + bytes as u64, Ordering::Relaxed);
    }
}

/// All connections.
#[derive(Default)]
pub struct Registry {
    by_id: DashMap<ClientId, Arc<Counters>>,
    last: AtomicU64,
}

impl Registry {
    /// A new connection: its number and its counters.
    pub fn enter(&self) -> (ClientId, Arc<Counters>) {
        let id = ClientId(self.last.fetch_add(1, Ordering::Relaxed) + 1);
        let counters = Arc::new(Counters::default());
        self.by_id.insert(id, Arc::clone(&counters));
        (id, counters)
    }

    /// A connection is closed.
    pub fn leave(&self, id: ClientId) {
        self.by_id.remove(&id);
    }

    /// How many connections are open.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Bytes waiting and bytes sent of a connection.
    pub fn output(&self, id: ClientId) -> (u64, u64) {
        self.by_id.get(&id).map_or((0, 0), |counters| {
            (counters.waiting.load(Ordering::Relaxed), counters.sent.load(Ordering::Relaxed))
        })
    }
}

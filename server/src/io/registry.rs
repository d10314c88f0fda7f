//! What all threads may know of every connection, and of each other.
//!
//! Owns: the number of connections, their output counters, the threads' counters.   Uses: dashmap.   Never: sessions.

use crate::command::context::ThreadLoad;
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

/// Counters of one thread that serves sockets, written by it at the end of a turn.
#[derive(Debug, Default)]
pub struct ThreadCounters {
    /// Connections that it serves.
    pub clients: AtomicU64,
    /// Reads from sockets.
    pub reads: AtomicU64,
    /// Writes to sockets.
    pub writes: AtomicU64,
}

impl ThreadCounters {
    /// Counts a turn's reads and writes. Only the thread writes, so nothing atomic is needed to add.
    #[inline]
    pub fn count(&self, reads: usize, writes: usize) {
        for (counter, more) in [(&self.reads, reads), (&self.writes, writes)] {
            counter.store(counter.load(Ordering::Relaxed) + more as u64, Ordering::Relaxed);
        }
    }
}

/// All connections, and the threads that serve them.
#[derive(Default)]
pub struct Registry {
    by_id: DashMap<ClientId, Arc<Counters>>,
    last: AtomicU64,
    threads: DashMap<u16, Arc<ThreadCounters>>,
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

    /// A thread begins to serve sockets: its counters.
    pub fn enter_thread(&self, thread: u16) -> Arc<ThreadCounters> {
        Arc::clone(&self.threads.entry(thread).or_default())
    }

    /// What the threads have done, in the order of their numbers; how busy they are is not known here.
    pub fn threads(&self) -> Vec<ThreadLoad> {
        let mut numbers: Vec<u16> = self.threads.iter().map(|entry| *entry.key()).collect();
        numbers.sort_unstable();
        let load = |number: &u16| {
            let counters = self.threads.get(number)?;
            Some(ThreadLoad {
                clients: counters.clients.load(Ordering::Relaxed),
                reads: counters.reads.load(Ordering::Relaxed),
                writes: counters.writes.load(Ordering::Relaxed),
                percent: 0,
            })
        };
        numbers.iter().filter_map(load).collect()
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

//! Where the bytes are.
//!
//! Owns: the one set of figures that INFO and MEMORY show.   Uses: parts, the allocator.   Never: changes anything.
//!
//! ```text
//!   used = keys + values + tables + clients + other
//!          '-- dataset --'  '------ overhead -----'     (startup, what the server began with, is in other)
//! ```
//! Keys, values and clients are exact sums that are kept as things change; `other` is what remains: buffers of
//! threads, what snapshots need, what is handed over to be freed and is not free yet.

use super::context::Parts;
use crate::base::alloc::{self, Figures};
use crate::keyspace::{Db, Keyspace, Sum};
use crate::session::{Class, Session};

/// Bytes, by what they are for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Footprint {
    /// In use.
    pub used: u64,
    /// The most that was ever seen in use.
    pub peak: u64,
    /// In use before there was any data.
    pub startup: u64,
    /// How many keys there are, their blocks (keys, deadlines, short values), and what values hold elsewhere.
    pub data: Sum,
    /// The tables that find the keys.
    pub tables: u64,
    /// Connections that send commands.
    pub normal_clients: u64,
    /// Connections that listen.
    pub pubsub_clients: u64,
    /// What the allocator says of itself.
    pub allocator: Figures,
    /// Resident bytes of the process.
    pub resident: u64,
}

impl Footprint {
    /// Looks everywhere. `me` is the session that asks. O(databases + segments of their tables); the kernel and the
    /// allocator are asked too: some ten microseconds.
    pub fn of(parts: &Parts, me: &Session) -> Footprint {
        alloc::refresh();
        let mut data = Sum::default();
        let mut tables = 0;
        for (_, db) in databases(&parts.keyspace) {
            data = data.with(db.sums().total());
            tables += db.table_bytes() as u64;
        }
        let used = parts.used_memory();
        let ledger = parts.sessions.ledger();
        Footprint {
            used,
            peak: parts.stats.peak_memory.max(used),
            startup: parts.about.startup_memory,
            data,
            tables,
            normal_clients: ledger.sum(Class::Normal) + fresh(me, Class::Normal),
            pubsub_clients: ledger.sum(Class::Pubsub) + fresh(me, Class::Pubsub),
            allocator: alloc::figures(),
            resident: alloc::resident(),
        }
    }

    /// Bytes of the blocks of all keys.
    pub fn keys(&self) -> u64 {
        self.data.entries as u64
    }

    /// Bytes that values hold outside of them.
    pub fn values(&self) -> u64 {
        self.data.heap as u64
    }

    /// Bytes of all clients.
    pub fn clients(&self) -> u64 {
        self.normal_clients + self.pubsub_clients
    }

    /// Bytes of keys and values.
    pub fn dataset(&self) -> u64 {
        (self.data.bytes() as u64).min(self.used)
    }

    /// Bytes of everything else.
    pub fn overhead(&self) -> u64 {
        self.used - self.dataset()
    }

    /// Bytes that are none of the above.
    pub fn other(&self) -> u64 {
        // A long value that is being sent is counted with its client too.
        self.overhead().saturating_sub(self.tables + self.clients())
    }
}

/// What a session that runs a command holds more than when it was last written down: its batch.
fn fresh(me: &Session, class: Class) -> u64 {
    if me.class() == class { me.batch_bytes } else { 0 }
}

/// The databases that hold anything, with their numbers.
pub fn databases(keyspace: &Keyspace) -> impl Iterator<Item = (usize, &Db)> {
    let all = (0..keyspace.written()).map(|number| (number, keyspace.db(number)));
    all.filter(|(_, db)| db.len() > 0)
}

/// `part` of `whole` in percent; 0 of nothing.
pub fn percent(part: u64, whole: u64) -> f64 {
    100.0 * ratio(part, whole)
}

/// `part` of `whole`; 0 of nothing.
pub fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

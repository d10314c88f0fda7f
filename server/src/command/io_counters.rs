//! What `io` counts and commands tell.
//!
//! Owns: the figures and the trait by which they are asked for.   Uses: session, stats.   Never: counts anything.

use crate::session::ClientId;
use crate::stats::IoTotals;

/// Objects that another thread frees, in the order in which it is given them. Both figures only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Freeing {
    /// Given to it.
    pub handed: u64,
    /// Freed of these.
    pub freed: u64,
}

/// What a thread that serves sockets has done since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ThreadLoad {
    /// Connections that it serves.
    pub clients: u64,
    /// Reads from sockets.
    pub reads: u64,
    /// Writes to sockets.
    pub writes: u64,
    /// Percent of the last second in which it was awake; of the core thread this is not known.
    pub percent: u64,
}

/// Messages of the I/O threads that the core found waiting when a turn began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RingDepth {
    /// The last time.
    pub last: u64,
    /// The most since the start.
    pub most: u64,
}

/// What `io` knows of connections and the engine does not.
pub trait IoCounters {
    /// Bytes that wait to be sent to a client, and bytes sent to it so far.
    fn output(&self, id: ClientId) -> (u64, u64);
    /// What another thread frees. A host that frees at once counts nothing.
    fn freeing(&self) -> Freeing {
        Freeing::default()
    }
    /// Each thread that serves sockets, the core thread first.
    fn threads(&self) -> Vec<ThreadLoad> {
        Vec::new()
    }
    /// All that is counted.
    fn totals(&self) -> IoTotals {
        let threads = self.threads();
        let sum = |figure: fn(&ThreadLoad) -> u64, skipped| {
            threads.iter().skip(skipped).map(figure).sum::<u64>()
        };
        IoTotals {
            freed: self.freeing().freed,
            reads: sum(|thread| thread.reads, 0),
            writes: sum(|thread| thread.writes, 0),
            threaded_reads: sum(|thread| thread.reads, 1),
            threaded_writes: sum(|thread| thread.writes, 1),
        }
    }
    /// How far the core is behind the I/O threads.
    fn ring_depth(&self) -> RingDepth {
        RingDepth::default()
    }
    /// Fills `out` with bytes that nobody can guess; says false if there are none to be had.
    fn entropy(&self, _out: &mut [u8]) -> bool {
        false
    }
}

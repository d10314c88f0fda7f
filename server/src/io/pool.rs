//! Batches for reuse, so that idle connections hold no buffer and busy ones allocate none.
//!
//! Owns: empty batches of one thread.   Uses: port.   Never: batches in use.

use crate::engine::port::Batch;

/// The read buffer that a batch begins with.
pub const READ: usize = 16 * 1024;
/// Batches with more than this are not kept as they are.
const KEEP: usize = 64 * 1024;
/// How many are kept.
const MOST: usize = 256;

/// Empty batches.
#[derive(Default)]
pub struct Pool {
    #[expect(clippy::vec_box, reason = "batches move by pointer, from and to other owners")]
    free: Vec<Box<Batch>>,
}

impl Pool {
    /// An empty batch: the one used last, whose memory is still in the cache.
    #[inline]
    pub fn take(&mut self) -> Box<Batch> {
        self.free.pop().unwrap_or_else(|| Box::new(Batch::new(READ)))
    }

    /// Takes a batch back.
    #[inline]
    pub fn give(&mut self, mut batch: Box<Batch>) {
        if self.free.len() >= MOST {
            return;
        }
        batch.reset();
        if batch.requests.footprint() > KEEP {
            batch.requests.shrink(READ);
        }
        batch.reply.shrink(KEEP);
        self.free.push(batch);
    }
}

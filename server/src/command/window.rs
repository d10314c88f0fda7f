//! The keys of a request with many of them, some at a time.
//!
//! Owns: which keys are fetched together.   Uses: keyspace, args.   Never: reads a value.
//!
//! A key that is not in the cache costs two misses, its bucket and its entry. Here all buckets of a window
//! are asked for before the first entry is, and all entries before the work on the first key begins, so the
//! misses of a window overlap. The first key of a request was fetched ahead by the engine already.

use crate::keyspace::{Db, Key};
use crate::resp::args::Args;

/// Keys fetched together: about as many as a core can have misses in flight.
const KEYS: usize = 16;

/// Up to 16 keys of a request, hashed and on their way into the cache.
pub struct Window<'a> {
    args: Args<'a>,
    first: usize,
    step: usize,
    count: usize,
    hashes: [u64; KEYS],
}

impl<'a> Window<'a> {
    /// Hashes the keys at `first`, `first + step`, ... and asks the processor for them. `key` hashes the
    /// argument at a position.
    pub fn fetch(
        db: &Db,
        args: Args<'a>,
        first: usize,
        step: usize,
        key: impl Fn(usize) -> Key<'a>,
    ) -> Window<'a> {
        let count = args.len().saturating_sub(first).div_ceil(step).min(KEYS);
        let mut window = Window { args, first, step, count, hashes: [0; KEYS] };
        for at in 0..count {
            let hash = key(window.place(at)).hash;
            window.hashes[at] = hash;
            db.prefetch_bucket(hash);
        }
        if count > 1 {
            window.hashes[..count].iter().for_each(|&hash| db.prefetch_entry(hash));
        }
        window
    }

    fn place(&self, at: usize) -> usize {
        self.first + at * self.step
    }

    /// The keys, each with its position in the request.
    pub fn keys(&self) -> impl Iterator<Item = (usize, Key<'a>)> + '_ {
        (0..self.count).map(|at| {
            let place = self.place(at);
            (place, Key { bytes: self.args.get(place), hash: self.hashes[at] })
        })
    }

    /// Where the window after this one begins; beyond the request's end if this is the last.
    pub fn next(&self) -> usize {
        self.place(self.count.max(1))
    }
}

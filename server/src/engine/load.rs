//! Loads a snapshot in slices, so that clients are answered -LOADING meanwhile.
//!
//! Owns: the load that runs.   Uses: persist's loader, the host.   Never: serves half a data set.

use super::Engine;
use super::port::{Host, HostError, load_failure};
use crate::keyspace::access::Clock;
use crate::persist::rdb::load::{Loader, Options};
use crate::persist::restore::Restore;
use crate::persist::state::Loading;
use crate::resp::error::Error;

/// Bytes that are read at once.
const BLOCK: usize = 1 << 20;
/// A slice ends after this many microseconds.
const SLICE_US: u64 = 5_000;

/// A snapshot that is being read.
pub struct Load {
    loader: Loader,
    name: String,
    buffer: Vec<u8>,
    done: u64,
    db: usize,
}

impl Engine {
    /// Begins to load the snapshot, if there is one; it goes on in the turns that follow.
    ///
    /// # Errors
    /// The file is there and cannot be opened.
    pub fn begin_load(&mut self, host: &mut dyn Host) -> Result<bool, HostError> {
        self.parts.persist.rests_at(self.now);
        let Some(file) = host.open_snapshot(&self.job())? else { return Ok(false) };
        self.parts.persist.loading = Some(Loading {
            since: self.now,
            since_unix: self.now.unix_s(),
            total: file.size,
            done: 0,
        });
        self.load = Some(Load {
            loader: Loader::new(Options::file(file.size)),
            name: file.name,
            buffer: vec![0; BLOCK],
            done: 0,
            db: 0,
        });
        Ok(true)
    }

    /// Loads for one slice of time. Says true when the data set is complete.
    ///
    /// # Errors
    /// The file is damaged or cannot be read: place and reason. What was loaded so far is dropped.
    pub fn load_slice(&mut self, host: &mut dyn Host) -> Result<bool, HostError> {
        let Some(mut load) = self.load.take() else { return Ok(true) };
        let begun = host.ticks();
        while host.ticks().saturating_sub(begun) < SLICE_US * 1000 {
            match self.load_block(host, &mut load) {
                Ok(false) => {}
                Ok(true) => {
                    self.loaded(&load);
                    return Ok(true);
                }
                Err(why) => {
                    self.parts.persist.loading = None;
                    self.empty();
                    return Err(why);
                }
            }
        }
        if let Some(loading) = &mut self.parts.persist.loading {
            loading.done = load.done;
        }
        self.load = Some(load);
        Ok(false)
    }

    fn load_block(&mut self, host: &mut dyn Host, load: &mut Load) -> Result<bool, HostError> {
        let read = host.read_snapshot(&mut load.buffer)?;
        load.done += read as u64;
        let touch = self.parts.write_touch(Clock::new(self.now.mono_us));
        let now_ms = self.now.unix_ms();
        let mut target = Restore::new(&mut self.parts.keyspace, load.db, now_ms, touch);
        let result = load.loader.feed(&load.buffer[..read], &mut target);
        load.db = target.db();
        let result = match result {
            Ok(_) if read == 0 => load.loader.end().map(|_| true),
            other => other.map(|_| false),
        };
        result.map_err(|error| load_failure(&load.name, &error))
    }

    fn loaded(&mut self, load: &Load) {
        let persist = &mut self.parts.persist;
        let since = persist.loading.map_or(self.now, |loading| loading.since);
        persist.loading = None;
        persist.loaded = load.loader.keys();
        persist.dirty = 0;
        let seconds = self.now.mono_us.saturating_sub(since.mono_us) as f64 / 1e6;
        let (keys, expired) = load.loader.keys();
        tracing::info!("Done loading RDB, keys loaded: {keys}, keys expired: {expired}.");
        tracing::info!("DB loaded from disk: {seconds:.3} seconds");
    }

    fn empty(&mut self) {
        for db in 0..self.parts.keyspace.written() {
            drop(self.parts.keyspace.db_mut(db).clear());
        }
    }

    /// Saves if asked to, empties and loads again: DEBUG RELOAD.
    ///
    /// # Errors
    /// The snapshot fails or is not there: nothing has changed. Or it does not load: then the server ends,
    /// for the empty data set that is left must never be saved over the file.
    pub(super) fn reload(&mut self, host: &mut dyn Host, save: bool) -> Result<(), Error> {
        let failed = |why: &HostError| {
            Error::text(format!("ERR Error trying to load the RDB dump: {}", why.0))
        };
        self.abandon_child(host);
        if save {
            self.save_now(host)?;
        }
        if !self.begin_load(host).map_err(|why| failed(&why))? {
            return Err(failed(&HostError("there is no snapshot".into())));
        }
        self.empty();
        loop {
            match self.load_slice(host) {
                Ok(false) => {}
                Ok(true) => return Ok(()),
                Err(why) => {
                    self.refuse_snapshot(&why);
                    return Err(failed(&why));
                }
            }
        }
    }

    /// A duty: loads on, if a load runs. A file that is refused ends the server before it serves.
    pub(super) fn continue_load(&mut self, host: &mut dyn Host) {
        if let Err(why) = self.load_slice(host) {
            self.refuse_snapshot(&why);
        }
    }

    fn refuse_snapshot(&mut self, why: &HostError) {
        tracing::error!(
            "Fatal: the snapshot was refused and stays as it is. {}. `lodestore-server --check FILE` \
             says what is sound in it, `--salvage FILE COPY` copies that; move it away to start empty.",
            why.0
        );
        self.exit = Some(1);
    }
}

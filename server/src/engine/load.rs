//! Loads a snapshot in slices, so that clients are answered -LOADING meanwhile.
//!
//! Owns: the load that runs.   Uses: persist's restore, the host.   Never: serves half a data set.
//!
//! The host decodes, beside this thread if it can; here keys are only put in.

use super::Engine;
use super::port::{Decoded, Host, HostError, load_failure};
use crate::command::next::Reload;
use crate::keyspace::access::Clock;
use crate::persist::rdb::decode::Purpose;
use crate::persist::rdb::fault::LoadError;
use crate::persist::rdb::records::Records;
use crate::persist::restore::Restore;
use crate::persist::state::Loading;
use crate::resp::error::Error;
use crate::session::Session;

/// A slice ends after this many microseconds.
const SLICE_US: u64 = 5_000;

/// A snapshot that is being read.
pub struct Load {
    name: String,
    restore: Restore,
    records: Records,
}

/// How a step of a load went.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Went {
    On,
    NothingYet,
    Complete,
}

impl Engine {
    /// Begins to load the snapshot, if there is one; it goes on in the turns that follow.
    ///
    /// # Errors
    /// The file is there and cannot be opened.
    pub fn begin_load(&mut self, host: &mut dyn Host) -> Result<bool, HostError> {
        self.parts.persist.rests_at(self.now);
        let purpose = Purpose {
            hasher: self.parts.keyspace.hasher().clone(),
            databases: self.parts.keyspace.databases(),
            checked: !self.parts.switches.skip_checksums,
            limits: self.parts.keyspace.limits.clone(),
        };
        let Some(file) = host.open_snapshot(&self.job(), purpose)? else { return Ok(false) };
        self.parts.persist.loading = Some(Loading {
            since: self.now,
            since_unix: self.now.unix_s(),
            total: file.size,
            done: 0,
        });
        self.load = Some(Load {
            name: file.name,
            restore: Restore::default(),
            records: Records::default(),
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
            match self.load_some(host, &mut load) {
                Ok(Went::On) => {}
                Ok(Went::NothingYet) => break,
                Ok(Went::Complete) => {
                    self.loaded(&load);
                    return Ok(true);
                }
                Err(error) => {
                    self.parts.persist.loading = None;
                    self.empty();
                    return Err(load_failure(&load.name, &error));
                }
            }
        }
        self.load = Some(load);
        Ok(false)
    }

    fn load_some(&mut self, host: &mut dyn Host, load: &mut Load) -> Result<Went, LoadError> {
        if load.records.is_empty() {
            match host.next_records(std::mem::take(&mut load.records))? {
                Decoded::Records(records) => load.records = records,
                Decoded::Later => return Ok(Went::NothingYet),
                Decoded::End => return Ok(Went::Complete),
            }
            if let Some(loading) = &mut self.parts.persist.loading {
                loading.done = load.records.position;
            }
        }
        let now_ms = self.now.unix_ms();
        let touch = self.parts.write_touch(Clock::new(self.now.mono_us));
        load.restore.take(&mut self.parts.keyspace, &mut load.records, now_ms, touch)?;
        Ok(Went::On)
    }

    fn loaded(&mut self, load: &Load) {
        let persist = &mut self.parts.persist;
        let since = persist.loading.map_or(self.now, |loading| loading.since);
        let Restore { kept, expired, .. } = load.restore;
        persist.loading = None;
        persist.loaded = (kept, expired);
        persist.dirty = 0;
        let seconds = self.now.mono_us.saturating_sub(since.mono_us) as f64 / 1e6;
        tracing::info!("Done loading RDB, keys loaded: {kept}, keys expired: {expired}.");
        tracing::info!("DB loaded from disk: {seconds:.3} seconds");
    }

    fn empty(&mut self) {
        for db in 0..self.parts.keyspace.written() {
            drop(self.parts.keyspace.db_mut(db).clear());
        }
    }

    /// Loads the snapshot, after saving and emptying if asked to: DEBUG RELOAD.
    ///
    /// # Errors
    /// The snapshot fails or is not there: nothing has changed. Or it does not load, or holds a key that is there and
    /// must not be replaced: then the server ends, for the half data set that is left must never be saved over the
    /// file.
    pub(super) fn reload(&mut self, host: &mut dyn Host, how: Reload) -> Result<(), Error> {
        let failed = |why: &HostError| {
            Error::text(format!("ERR Error trying to load the RDB dump: {}", why.0))
        };
        self.abandon_child(host);
        if how.save {
            self.save_now(host)?;
        }
        if !self.begin_load(host).map_err(|why| failed(&why))? {
            return Err(failed(&HostError("there is no snapshot".into())));
        }
        let unsaved = self.parts.persist.dirty;
        if how.flush {
            self.empty();
        }
        if let Some(load) = &mut self.load {
            load.restore.replace = how.replace;
        }
        loop {
            match self.load_slice(host) {
                Ok(false) => {}
                Ok(true) => {
                    if !how.flush {
                        // What was there is not in the file.
                        self.parts.persist.dirty = unsaved + self.parts.persist.loaded.0;
                    }
                    return Ok(());
                }
                Err(why) => {
                    self.refuse_snapshot(&why);
                    return Err(failed(&why));
                }
            }
        }
    }

    /// Any key may be another one now: who watches one that was there, or is there now, must learn of it.
    pub(super) fn tell_reloaded(&mut self, me: &mut Session) {
        let changes = &mut self.parts.changes;
        changes.begin();
        for db in 0..self.parts.keyspace.written() {
            let _ = changes.flushed(db, 0);
        }
        self.follow(me);
        // What followed this must not follow the next command once more.
        self.parts.changes.begin();
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

//! CONFIG REWRITE: the settings go to the host, which has the disk; who asked waits here for the end of it.
//!
//! Owns: clients that wait for their settings file.   Uses: config, host.   Never: a file, a line of one.

use super::Engine;
use super::cron::Again;
use super::port::{Batch, Host, HostError, Rewrite, Ticket};
use crate::config::rewrite::Origin;
use crate::resp::error::Error;
use crate::session::ClientId;

/// A batch whose last reply is still to be written.
struct Waiting {
    ticket: Ticket,
    /// None: its client is gone.
    batch: Option<Box<Batch>>,
}

/// Who waits, and what the settings came from.
#[derive(Default)]
pub(super) struct Rewrites {
    origin: Option<Box<Origin>>,
    waiting: Vec<Waiting>,
}

/// How often the host is asked while somebody waits, in microseconds.
const LOOK_US: u64 = 1_000;

impl Rewrites {
    /// Drops the batch of a client that is gone.
    pub fn forget(&mut self, id: ClientId) {
        for waiting in &mut self.waiting {
            waiting.batch.take_if(|batch| batch.route.id == id);
        }
    }

    /// How long the engine may sleep, in microseconds.
    pub fn patience(&self) -> Option<u64> {
        (!self.waiting.is_empty()).then_some(LOOK_US)
    }
}

impl Engine {
    /// Notes what the files and the command line asked for, now that the settings have become what this machine
    /// allows: a setting that nobody has changed since is written as it was asked for.
    pub fn came_from(&mut self, asked: crate::config::Config) {
        let settled = self.parts.config.clone();
        self.rewrites.origin = Some(Box::new(Origin { asked, settled }));
    }

    fn rewrite(&self) -> Box<Rewrite> {
        let now = &self.parts.config;
        let origin = self.rewrites.origin.as_ref();
        let wanted = origin.map_or_else(|| now.clone(), |origin| origin.wanted(now));
        Box::new(Rewrite { path: self.parts.about.config_file.clone(), wanted })
    }

    /// Lets the host begin to write.
    ///
    /// # Errors
    /// It cannot begin.
    pub(super) fn begin_rewrite(&mut self, host: &mut dyn Host) -> Result<Ticket, Error> {
        host.begin_rewrite(self.rewrite()).map_err(|why| failure(&why))
    }

    /// Writes while everybody waits.
    ///
    /// # Errors
    /// The disk's, or a file that is not right.
    pub(super) fn rewrite_now(&mut self, host: &mut dyn Host) -> Result<(), Error> {
        let ticket = self.begin_rewrite(host)?;
        host.rewritten(ticket, true).map_or(Ok(()), told)
    }

    /// Keeps a batch whose reply is decided by that writing.
    pub(super) fn await_rewritten(&mut self, ticket: Ticket, batch: Box<Batch>) {
        self.rewrites.waiting.push(Waiting { ticket, batch: Some(batch) });
    }

    /// Whether any client waits.
    pub(super) fn anybody_awaits_rewrite(&self) -> bool {
        !self.rewrites.waiting.is_empty()
    }

    /// Answers those whose file is written, or cannot be. A duty.
    pub(super) fn answer_rewrites(&mut self, host: &mut dyn Host) -> Again {
        for waiting in std::mem::take(&mut self.rewrites.waiting) {
            let Some(result) = host.rewritten(waiting.ticket, false) else {
                self.rewrites.waiting.push(waiting);
                continue;
            };
            let result = told(result);
            if let Some(mut batch) = waiting.batch {
                self.say(&mut batch.reply, result);
                self.queue.push_back(batch);
            }
        }
        Again::AtRate
    }
}

/// Tells the log.
fn told(result: Result<(), HostError>) -> Result<(), Error> {
    match &result {
        Ok(()) => tracing::info!("CONFIG REWRITE executed with success."),
        Err(HostError(why)) => tracing::warn!("CONFIG REWRITE failed: {why}"),
    }
    result.map_err(|why| failure(&why))
}

fn failure(HostError(why): &HostError) -> Error {
    Error::text(format!("ERR Rewriting config file: {}", why.replace(['\r', '\n'], " ")))
}

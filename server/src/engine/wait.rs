//! Clients whose command waits: their batches, and when their patience ends.
//!
//! Owns: those batches.   Uses: port, session.   Never: decides what is waited for, or whether it is there (commands do).
//!
//! A batch stands at the command that waits; when it goes on, that command runs again; see `session::wait`. Those who wait
//! for keys stand also in `session::wanted`, until their command is over.

use super::Engine;
use super::cron::Again;
use super::observe::After;
use super::port::{Batch, Host, Prepared};
use crate::resp::args::Args;
use crate::resp::error::Error;
use crate::resp::reply::Reply;
use crate::session::wait::{Empty, Ended, Wait};
use crate::session::{ClientId, Session};
use std::collections::{BTreeMap, BTreeSet};

/// The waiting batches.
#[derive(Default)]
pub(super) struct Waits {
    batches: BTreeMap<ClientId, (u64, Box<Batch>)>,
    /// By the end of their patience.
    ends: BTreeSet<(u64, ClientId)>,
}

impl Waits {
    /// Keeps a batch until `end`, in microseconds of the monotonic clock. A client has at most one. O(log n).
    fn add(&mut self, end: u64, batch: Box<Batch>) {
        let id = batch.route.id;
        self.ends.insert((end, id));
        let before = self.batches.insert(id, (end, batch));
        assert!(before.is_none(), "a client waits twice");
    }

    /// A client's batch, which goes on or is dropped. O(log n).
    pub fn take(&mut self, id: ClientId) -> Option<Box<Batch>> {
        let (end, batch) = self.batches.remove(&id)?;
        self.ends.remove(&(end, id));
        Some(batch)
    }

    /// The first end of a patience.
    pub fn next(&self) -> Option<u64> {
        self.ends.first().map(|(end, _)| *end).filter(|end| *end != u64::MAX)
    }
}

/// How many clients' patience ends in one slice: some microseconds each.
const AT_ONCE: usize = 100;

impl Engine {
    /// Keeps a batch whose command waits.
    pub(super) fn keep_waiting(&mut self, batch: Box<Batch>) {
        let session = self.parts.sessions.get(batch.route.id);
        let until = session.and_then(|session| session.wait.as_deref()?.until);
        self.waits.add(until.unwrap_or(u64::MAX), batch);
    }

    /// Whether anybody's patience is over.
    pub(super) fn is_patience_over(&self) -> bool {
        self.waits.next().is_some_and(|end| end <= self.now.mono_us)
    }

    /// Lets those go on whose patience is over.
    pub(super) fn end_waits(&mut self, _host: &mut dyn Host) -> Again {
        for _ in 0..AT_ONCE {
            let Some(&(end, id)) = self.waits.ends.first() else { break };
            if end > self.now.mono_us {
                break;
            }
            self.end_wait(id, Ended::Time);
        }
        Again::AtRate
    }

    /// Ends a client's wait.
    pub(super) fn end_wait(&mut self, id: ClientId, how: Ended) {
        if let Some(session) = self.parts.sessions.get_mut(id)
            && let Some(wait) = &mut session.wait
        {
            wait.ended = Some(how);
        }
        // Else its batch waits for the end of a pause, and hears of it then.
        if let Some(batch) = self.waits.take(id) {
            self.queue.push_back(batch);
        }
    }

    /// Notes that a client's command has begun to wait, or goes on waiting.
    pub(super) fn begin_wait(&mut self, me: &mut Session, until: Option<u64>, args: Args<'_>) {
        let Some(asked) = self.parts.asking.end() else {
            me.wait = Some(Box::new(Wait { until, ..Wait::default() }));
            return;
        };
        let keys = args.until(asked.keys.end).from(asked.keys.start);
        self.parts.wanted.add(me.id(), me.db, asked.awaited, keys.iter());
        me.wait = Some(Box::new(asked.wait));
        self.listen();
    }

    /// The command of a client that has waited is over.
    pub(super) fn leave_wait(&mut self, me: &mut Session) {
        me.wait = None;
        if self.parts.wanted.has(me.id()) {
            self.parts.wanted.forget(me.id());
            self.listen();
        }
    }

    /// Answers a client whose wait was ended before anything came; false: its command must run again to say so.
    pub(super) fn answer_ended(
        &mut self,
        host: &mut dyn Host,
        me: &mut Session,
        (prepared, args): (Prepared, Args<'_>),
        reply: &mut Reply,
    ) -> bool {
        let Some(Wait { ended: Some(how), for_keys, .. }) = me.wait.as_deref() else {
            return false;
        };
        match (*how, *for_keys) {
            (Ended::Error, _) => self.error(reply, &Error::Unblocked),
            (Ended::Time, true) => self.answer_empty(host, me, (prepared, args), reply),
            (Ended::Time, false) => return false,
        }
        self.leave_wait(me);
        true
    }

    /// Gives the empty answer, and notes that the command is over: as a piece of it that takes no time.
    fn answer_empty(
        &mut self,
        host: &mut dyn Host,
        me: &mut Session,
        (prepared, args): (Prepared, Args<'_>),
        reply: &mut Reply,
    ) {
        let began = self.begin_alone(host, me, reply);
        Empty::NullArray.write(reply);
        self.end_alone(host, me, (prepared.row, args), reply, began, &After::Nothing);
    }
}

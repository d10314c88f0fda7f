//! Carries out what a command asked for: the things no command can reach itself.
//!
//! Owns: the meaning of each [`Next`].   Uses: call, snapshot, host.   Never: decides when.

use super::Engine;
use super::port::{FEW_WORDS, Host, Prepared, SMALL_REQUEST};
use crate::command::context::Hashed;
use crate::command::index::RowId;
use crate::command::next::Next;
use crate::resp::args::Args;
use crate::resp::error::Error;
use crate::resp::reply::Reply;
use crate::session::Session;

impl Engine {
    /// Does what follows a command.
    pub(super) fn carry_out(
        &mut self,
        host: &mut dyn Host,
        me: &mut Session,
        next: Next,
        reply: &mut Reply,
        args: Args<'_>,
    ) {
        match next {
            // Whether the batch waits is seen by `step`, for only it can keep the batch.
            Next::Done | Next::Close | Next::AwaitFreed | Next::Wait { .. } => {}
            Next::EndWait(id, how) => self.end_wait(id, how),
            Next::RunTransaction => self.run_transaction(host, me, reply),
            Next::Save => {
                let result = self.save_now(host);
                self.say(reply, result);
            }
            Next::BackgroundSave { schedule } => {
                let result = self.background_save(host, schedule);
                match result {
                    Ok(text) => reply.simple(text),
                    Err(error) => self.complain(reply, &error),
                }
            }
            Next::Shutdown(how) => {
                if let Err(error) = self.shut_down(host, how) {
                    self.complain(reply, &error);
                }
            }
            Next::Configure(config) => {
                let result = self.configure(host, *config, args);
                self.say(reply, result);
            }
            Next::RewriteConfig => {
                let result = self.rewrite_now(host);
                self.say(reply, result);
            }
            Next::Sleep(micros) => host.sleep(micros),
            Next::Reload(how) => {
                let result = self.reload(host, how);
                self.tell_reloaded(me);
                self.say(reply, result);
            }
            Next::Unpause => self.parked.release(&mut self.queue),
        }
    }

    pub(super) fn say(&mut self, reply: &mut Reply, result: Result<(), Error>) {
        match result {
            Ok(()) => reply.ok(),
            Err(error) => self.complain(reply, &error),
        }
    }

    fn complain(&mut self, reply: &mut Reply, error: &Error) {
        self.parts.stats.error(&error.to_string());
        reply.error(error);
    }

    /// Runs a transaction's queue as one unit; its replies form one array.
    fn run_transaction(&mut self, host: &mut dyn Host, me: &mut Session, reply: &mut Reply) {
        let Some(transaction) = me.transaction.take() else { return };
        me.executing = u16::try_from(transaction.len()).unwrap_or(u16::MAX);
        reply.array(transaction.len());
        self.feed.begin_unit();
        for (row, args) in transaction.commands() {
            let prepared = self.prepare_queued(row, args);
            let replied = reply.len();
            self.run(host, me, prepared, args, reply, true);
            self.note_large_reply(me, prepared, args, reply.len() - replied);
        }
        self.feed.end_unit();
        me.executing = 0;
        if let Some(mode) = &mut me.tracking {
            mode.caching = false;
        }
    }

    fn prepare_queued(&self, row: RowId, args: Args<'_>) -> Prepared {
        let hashed = self.hash_first_key(row, args);
        let brief = self.parts.index.entry(row).is_some_and(|entry| entry.brief)
            && args.len() <= FEW_WORDS
            && args.bytes_len() < SMALL_REQUEST / 2;
        Prepared { row, hashed, brief, plain: false }
    }

    fn hash_first_key(&self, row: u16, args: Args<'_>) -> Hashed {
        let at = self.parts.index.entry(row).map_or(0, |entry| entry.first_key);
        if at == 0 || at >= args.len() {
            return Hashed::default();
        }
        Hashed { at, hash: self.parts.keyspace.hasher().hash(args.get(at)) }
    }
}

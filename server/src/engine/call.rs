//! Calls a command.
//!
//! Owns: the order of what follows a call.   Uses: rows, contexts, followers, timing.
//! Never: which command it is (a row says what is special about it), whether it may run (gates).
//!
//! ```text
//!   run    call -> carry out what it asks for -> time it
//!   call   run in the row's context -> roll back on error -> follow -> Next
//! ```

use super::Engine;
use super::observe::After;
use super::port::{Host, Prepared};
use crate::base::crash;
use crate::command::context::{Hashed, Parts, ReadCx, Reads, ServerCx, SessionCx, WriteCx};
use crate::command::index::RowId;
use crate::command::next::Next;
use crate::command::row::Run;
use crate::keyspace::access::Clock;
use crate::keyspace::change::Event;
use crate::resp::args::Args;
use crate::resp::error::Error;
use crate::resp::reply::{Mark, Reply};
use crate::session::Session;

impl Engine {
    /// Calls one command, carries out what it asks for, and times both.
    pub(super) fn run(
        &mut self,
        host: &mut dyn Host,
        me: &mut Session,
        prepared: Prepared,
        args: Args<'_>,
        reply: &mut Reply,
        in_exec: bool,
    ) -> After {
        let alone = (!prepared.brief || self.watched).then(|| self.begin_alone(host, me, reply));
        let next = self.call(host, me, prepared, args, reply, in_exec);
        let after = match self.parts.asking.until() {
            Some(until) => After::Waits(until),
            None => After::of(&next, in_exec),
        };
        me.closing |= matches!(next, Next::Close);
        if !matches!(after, After::Rewrites) {
            self.carry_out(host, me, next, reply, args);
        }
        match alone {
            Some(began) => self.end_alone(host, me, (prepared.row, args), reply, began, &after),
            None => self.fast_run.ran(prepared.row),
        }
        after
    }

    /// Calls one command in its context, rolls a half-written reply back if it fails, and tells everybody of
    /// its changes.
    #[inline]
    pub(super) fn call(
        &mut self,
        host: &mut dyn Host,
        me: &mut Session,
        prepared: Prepared,
        args: Args<'_>,
        reply: &mut Reply,
        in_exec: bool,
    ) -> Next {
        let Some(row) = self.parts.index.entry(prepared.row).map(|entry| entry.row) else {
            return Next::Done;
        };
        if !in_exec {
            me.commands += 1;
            me.last_command = row.name;
        }
        let mark = reply.mark();
        crash::note(row.name);
        self.parts.changes.begin();
        let db = me.db;
        let result = match row.run {
            Run::Read(run) => self.read(run, me, prepared.hashed, args, reply),
            Run::Write(run) => self.write(run, me, prepared.hashed, args, reply),
            Run::Session(run) => self.session(run, me, args, reply, in_exec),
            Run::Server(run) => self.server(run, host, me, args, reply, in_exec),
            // A container passes no gate without a subcommand, and `check` refuses Unset.
            Run::Container | Run::Unset => Err(Error::Syntax),
        };
        crash::note("");
        let next = match result {
            Ok(next) => next,
            Err(error) => {
                self.fail(prepared.row, reply, mark, &error);
                Next::Done
            }
        };
        self.parts.changes.tell_sent(db, args.len(), args.iter());
        // Only a read leaves keys to bury, and one that does has changed nothing that would have to follow first:
        // what it rearranges is the only key that it looks at, and that is there.
        self.bury_expired(me);
        self.tell_misses(me);
        self.follow(me);
        if me.tracking.is_some() {
            self.note_reads(me, row, args, in_exec);
        }
        next
    }

    /// Answers the error of a command that ran, in place of what it had written.
    #[cold]
    fn fail(&mut self, row: RowId, reply: &mut Reply, mark: Mark, error: &Error) {
        reply.roll_back(mark);
        self.error(reply, error);
        self.parts.stats.per_command[row as usize].failed += 1;
    }

    #[inline]
    fn read(
        &mut self,
        run: fn(&mut ReadCx<'_>) -> crate::resp::Result<()>,
        me: &Session,
        hashed: Hashed,
        args: Args<'_>,
        reply: &mut Reply,
    ) -> crate::resp::Result<Next> {
        let quiet = me.no_touch || self.parts.persist.child.is_some();
        let clock = Clock::new(self.now.mono_us);
        let touch = if quiet { None } else { self.parts.read_touch(clock) };
        let Parts { keyspace, lookups, config, changes, rng, asking, .. } = &mut self.parts;
        let data = Reads::new(keyspace, lookups, me.db, self.now, touch);
        let now = self.now;
        let mut cx = ReadCx { args, reply, data, config, changes, rng, now, hashed, asking };
        run(&mut cx).map(|()| Next::Done)
    }

    #[inline]
    fn write(
        &mut self,
        run: fn(&mut WriteCx<'_>) -> crate::resp::Result<crate::keyspace::change::Change>,
        me: &Session,
        hashed: Hashed,
        args: Args<'_>,
        reply: &mut Reply,
    ) -> crate::resp::Result<Next> {
        let touch = self.parts.write_touch(Clock::new(self.now.mono_us));
        let Parts { keyspace, lookups, config, changes, garbage, switches, rng, asking, .. } =
            &mut self.parts;
        let mut cx = WriteCx {
            args,
            reply,
            keyspace,
            changes,
            lookups,
            garbage,
            config,
            db: me.db,
            now: self.now,
            hashed,
            touch,
            await_freed: false,
            switches,
            rng,
            asking,
            fieldsets: me.fieldsets.as_deref(),
        };
        let result = run(&mut cx);
        let next = if cx.await_freed { Next::AwaitFreed } else { Next::Done };
        self.collect_waste(me.db);
        result.map(|_change| next)
    }

    fn session(
        &mut self,
        run: fn(&mut SessionCx<'_>) -> crate::resp::Result<Next>,
        me: &mut Session,
        args: Args<'_>,
        reply: &mut Reply,
        in_exec: bool,
    ) -> crate::resp::Result<Next> {
        let Parts {
            keyspace,
            config,
            sessions,
            pubsub,
            watch,
            tracking,
            stats,
            changes,
            garbage,
            ..
        } = &mut self.parts;
        let mut cx = SessionCx {
            args,
            reply,
            me,
            sessions,
            pubsub,
            watch,
            tracking,
            keyspace,
            config,
            stats,
            changes,
            garbage,
            now: self.now,
            in_exec,
        };
        let result = run(&mut cx);
        // Watches and subscriptions may have begun or ended.
        self.listen();
        result
    }

    fn server(
        &mut self,
        run: fn(&mut ServerCx<'_>) -> crate::resp::Result<Next>,
        host: &mut dyn Host,
        me: &mut Session,
        args: Args<'_>,
        reply: &mut Reply,
        in_exec: bool,
    ) -> crate::resp::Result<Next> {
        // The upcast gives a server command the counters and nothing else of the host.
        let io: &dyn Host = host;
        let mut cx =
            ServerCx { args, reply, me, parts: &mut self.parts, io, now: self.now, in_exec };
        let result = run(&mut cx);
        if self.parts.sessions.any_closing() {
            // CLIENT KILL: who is gone runs nothing more and hears nothing more.
            self.close_marked();
        }
        self.listen();
        result
    }

    /// Removes the keys that reads found past their time, and tells everybody.
    #[inline]
    fn bury_expired(&mut self, me: &mut Session) {
        if !self.parts.lookups.expired.is_empty() {
            self.bury(me);
        }
    }

    #[cold]
    fn bury(&mut self, me: &mut Session) {
        for (db, key) in std::mem::take(&mut self.parts.lookups.expired) {
            self.expire(me, db, &key);
            self.collect_waste(db);
        }
        // What followed these must not follow the command once more.
        self.parts.changes.begin();
    }

    /// Removes one key if its time has passed, as a change of its own.
    pub(super) fn expire(&mut self, me: &mut Session, db: usize, key: &[u8]) {
        let parts = &mut self.parts;
        let key = parts.keyspace.key(key);
        let mut slot = parts.keyspace.db_mut(db).slot(key);
        if slot.deadline().is_none_or(|deadline| deadline >= self.now.unix_ms()) {
            return;
        }
        slot.remove();
        parts.stats.expired += 1;
        parts.changes.begin();
        parts.changes.tell(db, &[b"DEL", key.bytes]);
        let _ = parts.changes.also(db, key.bytes, Event::EXPIRED);
        self.follow(me);
    }
}

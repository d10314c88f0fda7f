//! Serves a batch: one request after the other through the gates.
//!
//! Owns: the order of steps for one request, and what becomes of its batch.   Uses: gates, call, sessions.
//! Never: which command it is (a row says what is special about it).
//!
//! ```text
//!   serve(batch)  until its end, or an early stop: output full, turn spent, client waits, closing
//!     step        look the row up -> gates -> queue (MULTI) or run; plain commands go straight to call
//!                 while no gate would stop any of them and nothing queues or silences them
//! ```

use super::Engine;
use super::gate::{self, Verdict, Visit};
use super::observe::After;
use super::port::{Batch, Ending, Host, OUTPUT_FULL, Outbound, Prepared, Stop, Ticket};
use crate::command::index::RowId;
use crate::command::row::{BLOCKING, Command, NOT_QUEUED, RUNS_QUEUE};
use crate::resp::args::Args;
use crate::resp::error::{Error, echo};
use crate::resp::protocol::ProtocolError;
use crate::resp::reply::{Mark, Reply};
use crate::session::transaction::Transaction;
use crate::session::{Answers, Session};

/// What one step of a batch says.
enum Step {
    /// Go on with the next command.
    Next,
    /// The client waits; the same command runs again later.
    Wait,
    /// Its command has begun to wait and will run again.
    Block,
    /// Others, who wait for keys that are ready, go before its next command.
    Yield,
    /// The client waits for its reply, which is written: memory must be freed first.
    Hold,
    /// The client waits for its reply, which the end of this writing of the settings file decides.
    Write(Ticket),
    /// The connection ends.
    Close,
}

impl Engine {
    /// Runs a batch from its cursor on.
    pub(super) fn serve(&mut self, host: &mut dyn Host, mut batch: Box<Batch>, begun: u64) {
        let after = self.ahead.position() + batch.requests.len() - batch.cursor;
        let Some((seat, mut me)) = self.parts.sessions.take(batch.route.id, batch.seat) else {
            // Its connection is gone, and with it everybody who could read the replies.
            self.ahead.jump(after);
            return;
        };
        batch.seat = seat;
        self.arrive(&mut me, &mut batch);
        // One that waits for its turn to be closed runs nothing more.
        let step = loop {
            let step = if me.closing {
                Step::Close
            } else {
                self.run_commands(host, &mut me, &mut batch, begun)
            };
            if !matches!(step, Step::Yield) {
                break step;
            }
            // In its seat it can be told what those who are served do.
            self.parts.sessions.put_back(seat, me);
            let all_served = self.serve_ready(host, begun);
            match self.parts.sessions.take(batch.route.id, seat) {
                Some((_, back)) => me = back,
                None => return,
            }
            if let Some(mut pushes) = me.take_outbox() {
                batch.reply.append(&mut pushes);
            }
            if !all_served {
                break Step::Next;
            }
        };
        self.ahead.jump(after);
        self.settle(host, (seat, me), batch, &step);
    }

    /// Runs the command of a client that waits once more, and keeps what is behind it for later.
    pub(super) fn resume(&mut self, host: &mut dyn Host, mut batch: Box<Batch>) {
        let Some((seat, mut me)) = self.parts.sessions.take(batch.route.id, batch.seat) else {
            return;
        };
        batch.seat = seat;
        self.arrive(&mut me, &mut batch);
        batch.stop = Stop::Done;
        let step = if me.closing {
            Step::Close
        } else {
            let args = batch.requests.args(batch.cursor);
            self.step(host, &mut me, batch.prepared[batch.cursor], args, &mut batch.reply)
        };
        if !matches!(step, Step::Wait | Step::Block) {
            batch.cursor += 1;
            if let Some(mut pushes) = me.take_outbox() {
                batch.reply.append(&mut pushes);
            }
        }
        self.settle(host, (seat, me), batch, &step);
    }

    /// Puts a session back into its seat, and sends or keeps its batch.
    fn settle(
        &mut self,
        host: &mut dyn Host,
        (seat, mut me): (u32, Box<Session>),
        mut batch: Box<Batch>,
        step: &Step,
    ) {
        let ended = matches!(step, Step::Next) && batch.cursor >= batch.requests.len();
        if ended {
            self.end_batch(&me, &mut batch);
        }
        batch.close |= matches!(step, Step::Close) || me.closing;
        batch.authenticated = me.authenticated;
        batch.class = me.class();
        batch.db = me.db;
        let closing = batch.close;
        let id = me.id();
        me.parked = matches!(step, Step::Wait | Step::Block | Step::Hold | Step::Write(_));
        self.weigh(&mut me, &batch);
        self.parts.sessions.put_back(seat, me);
        self.hand_back(host, batch, step, ended);
        if closing {
            self.drop_client(id);
        }
    }

    /// Notes what the engine keeps for a client: its batch while it waits, what it subscribed to and watches.
    fn weigh(&self, me: &mut Session, batch: &Batch) {
        me.batch_bytes = if me.parked { batch.footprint() as u64 } else { 0 };
        me.entered_bytes = 0;
        if me.subscriptions() > 0 {
            me.entered_bytes += self.parts.pubsub.bytes_of(me.id().0) as u64;
        }
        if me.wait.is_some() {
            me.entered_bytes += self.parts.wanted.bytes_of(me.id()) as u64;
        }
        if me.watching > 0 {
            me.entered_bytes += self.parts.watch.bytes_of(me.id()) as u64;
        }
    }

    /// Notes that a client spoke, and puts pushes that waited for it in front of its replies.
    fn arrive(&mut self, me: &mut Session, batch: &mut Batch) {
        self.parts.stats.batches += 1;
        self.parts.stats.bytes_in += batch.bytes_in;
        me.bytes_in += std::mem::take(&mut batch.bytes_in);
        me.last_seen = self.now;
        // What `io` held for it came with the batch.
        me.batch_bytes = batch.requests.footprint() as u64;
        batch.reply.set_proto(me.proto);
        if let Some(mut pushes) = me.take_outbox() {
            batch.reply.append(&mut pushes);
        }
    }

    fn run_commands(
        &mut self,
        host: &mut dyn Host,
        me: &mut Session,
        batch: &mut Batch,
        begun: u64,
    ) -> Step {
        batch.stop = Stop::Done;
        let mut plain_runs = self.plain_runs(me);
        while batch.cursor < batch.requests.len() {
            let prepared = batch.prepared[batch.cursor];
            let args = batch.requests.args(batch.cursor);
            let replied = batch.reply.len();
            self.ahead.step(&self.parts.keyspace);
            let step = if prepared.plain && plain_runs && self.has_room() {
                // What reads or writes data asks for nothing behind it.
                let _done = self.call(host, me, prepared, args, &mut batch.reply, false);
                self.fast_run.ran(prepared.row);
                Step::Next
            } else {
                let step = self.step(host, me, prepared, args, &mut batch.reply);
                plain_runs = self.plain_runs(me);
                step
            };
            if matches!(step, Step::Wait | Step::Block) {
                return step;
            }
            batch.cursor += 1;
            if let Some(mut pushes) = me.take_outbox() {
                batch.reply.append(&mut pushes);
            }
            if matches!(step, Step::Close) || me.closing || self.exit.is_some() {
                return Step::Close;
            }
            if matches!(step, Step::Hold | Step::Write(_)) {
                return step;
            }
            if batch.reply.len() >= OUTPUT_FULL {
                let grown = batch.reply.len().saturating_sub(replied);
                self.note_large_reply(me, prepared, args, grown);
                batch.stop = Stop::OutputFull;
                break;
            }
            if self.parts.wanted.has_ready() {
                return Step::Yield;
            }
            if self.spent(host, begun) {
                break;
            }
        }
        Step::Next
    }

    /// Whether nothing stands between a session's plain commands and their calls: no gate, no queue, no silence,
    /// nobody who wants to know of each.
    fn plain_runs(&self, me: &Session) -> bool {
        me.answers == Answers::On && !self.watched && gate::all_open(me, &self.parts, self.now)
    }

    /// Applies the batch's ending behind its last reply.
    fn end_batch(&mut self, me: &Session, batch: &mut Batch) {
        match std::mem::take(&mut batch.ending) {
            Ending::Open => {}
            Ending::Eof => batch.close = true,
            Ending::Broken(error) => {
                batch.close = true;
                tracing::debug!("Client {}: {error}", me.id().0);
                if error == ProtocolError::SecurityAttack {
                    self.warn_of_attack(me);
                }
                if let Some(error) = error.reply() {
                    self.error(&mut batch.reply, &error);
                }
            }
        }
    }

    /// Somebody makes a browser talk to us. One line a minute, so that it cannot flood the log.
    fn warn_of_attack(&mut self, me: &Session) {
        let minute = self.now.mono_us / 60_000_000;
        if self.attack_minute.replace(minute) != Some(minute) {
            tracing::warn!(
                "Possible SECURITY ATTACK detected: {} sends HTTP (POST or Host:), as if a web page \
                 were used to reach this server. Connection closed.",
                me.arrival.peer
            );
        }
    }

    /// Gives the batch back, or keeps it with its replies sent ahead.
    fn hand_back(&mut self, host: &dyn Host, mut batch: Box<Batch>, step: &Step, ended: bool) {
        if matches!(step, Step::Hold) {
            self.await_freed(host, batch);
            return;
        }
        if let Step::Write(ticket) = *step {
            self.await_rewritten(ticket, batch);
            return;
        }
        let keep_on = !ended && batch.stop == Stop::Done && !batch.close;
        if !keep_on {
            self.parts.stats.bytes_out += batch.reply.len() as u64;
            self.outbox.push(Outbound::Answer(batch));
            return;
        }
        let proto = batch.reply.proto();
        let replies = Box::new(std::mem::replace(&mut batch.reply, Reply::new(proto)));
        self.send(batch.route, replies, batch.class);
        match step {
            Step::Wait | Step::Block => {
                let id = batch.route.id;
                if matches!(step, Step::Wait) {
                    self.parked.add(batch);
                } else {
                    self.keep_waiting(batch);
                }
                if self.parts.sessions.get(id).is_some_and(|session| session.hung_up) {
                    self.parts.sessions.close(id);
                }
            }
            Step::Next | Step::Yield | Step::Hold | Step::Write(_) | Step::Close => {
                self.queue.push_back(batch)
            }
        }
    }

    /// One request: gates, then the queue of a transaction or the call.
    #[inline]
    fn step(
        &mut self,
        host: &mut dyn Host,
        me: &mut Session,
        prepared: Prepared,
        args: Args<'_>,
        reply: &mut Reply,
    ) -> Step {
        let mark = reply.mark();
        let Some(&entry) = self.parts.index.entry(prepared.row) else {
            self.refuse(me, None, reply, unknown(args));
            return self.answered(me, reply, mark);
        };
        if self.parts.config.max_memory.bytes() != 0 {
            self.make_room(host, me);
        }
        if me.wait.is_some() && self.answer_ended(host, me, (prepared, args), reply) {
            return self.answered(me, reply, mark);
        }
        let visit = Visit { entry: &entry, args, me, parts: &self.parts, now: self.now };
        match gate::judge(&visit) {
            Verdict::Pass => {}
            Verdict::Wait => return Step::Wait,
            Verdict::Refuse(error) => {
                self.parts.stats.per_command[prepared.row as usize].rejected += 1;
                self.refuse(me, Some(entry.row), reply, error);
                self.show_refused(me, entry.row, args);
                return self.answered(me, reply, mark);
            }
        }
        if me.transaction.is_some() && !entry.row.flags.has(NOT_QUEUED) {
            me.last_command = entry.row.name;
            return self.queue_up(me, prepared.row, args, reply, mark);
        }
        if entry.row.flags.has(BLOCKING) {
            self.parts.asking.begin(me.wait.as_deref());
        }
        let after = self.run(host, me, prepared, args, reply, false);
        if me.wait.is_some() {
            // A command that waits is one command, however often it runs.
            me.commands -= 1;
        }
        if let After::Waits(until) = after {
            self.begin_wait(me, until, args);
            return Step::Block;
        }
        if entry.row.flags.has(BLOCKING) {
            let _ = self.parts.asking.end();
            self.leave_wait(me);
        }
        if matches!(after, After::Rewrites) {
            return self.rewrite_later(host, me, reply, mark);
        }
        let hold = matches!(after, After::Frees) && self.must_await_freed(host);
        let step = self.answered(me, reply, mark);
        if hold { Step::Hold } else { step }
    }

    /// Keeps a command for EXEC.
    fn queue_up(
        &mut self,
        me: &mut Session,
        row: RowId,
        args: Args<'_>,
        reply: &mut Reply,
        mark: Mark,
    ) -> Step {
        me.commands += 1;
        let limit = self.parts.config.query_buffer_limit.0.min(Transaction::MOST_BYTES);
        if let Some(transaction) = &mut me.transaction {
            if transaction.bytes() + args.bytes_len() as u64 > limit {
                let id = me.id().0;
                tracing::warn!("Client {id} closed: MULTI beyond client-query-buffer-limit");
                return Step::Close;
            }
            transaction.push(row, args);
        }
        reply.simple("QUEUED");
        self.answered(me, reply, mark)
    }

    /// Begins to write the settings file; whoever is answered at all waits for the end of it.
    fn rewrite_later(
        &mut self,
        host: &mut dyn Host,
        me: &mut Session,
        reply: &mut Reply,
        mark: Mark,
    ) -> Step {
        let begun = self.begin_rewrite(host);
        let heard = me.answers == Answers::On;
        let begun = begun.map_err(|error| self.say(reply, Err(error)));
        let step = self.answered(me, reply, mark);
        match begun {
            Ok(ticket) if heard => Step::Write(ticket),
            Ok(_) | Err(()) => step,
        }
    }

    /// An error before the call. It spoils a transaction that is being queued, and ends one whose EXEC
    /// it refuses.
    fn refuse(&mut self, me: &mut Session, row: Option<&Command>, reply: &mut Reply, error: Error) {
        if me.wait.is_some() {
            self.leave_wait(me);
        }
        if let Some(mode) = &mut me.tracking {
            // It was said for this command, not for the next.
            mode.caching &= me.transaction.is_some();
        }
        if row.is_some_and(|row| row.flags.has(RUNS_QUEUE)) {
            me.end_transaction(&mut self.parts.watch);
            let text = error.to_string();
            let reason = text.strip_prefix("ERR ").unwrap_or(&text);
            let error = format!("EXECABORT Transaction discarded because of: {reason}");
            return self.error(reply, &Error::text(error));
        }
        if let Some(transaction) = &mut me.transaction {
            transaction.refused = true;
        }
        self.error(reply, &error);
    }

    pub(super) fn error(&mut self, reply: &mut Reply, error: &Error) {
        self.parts.stats.error(&error.to_string());
        reply.error(error);
    }

    /// Takes the reply back where CLIENT REPLY asked for silence.
    #[inline]
    fn answered(&mut self, me: &mut Session, reply: &mut Reply, mark: Mark) -> Step {
        match me.answers {
            Answers::On => {}
            Answers::Off => reply.roll_back(mark),
            Answers::SkipThis => {
                reply.roll_back(mark);
                me.answers = Answers::On;
            }
            Answers::SkipNext => {
                reply.roll_back(mark);
                me.answers = Answers::SkipThis;
            }
        }
        Step::Next
    }
}

/// The error for a name that is no command's: it quotes the name and the first arguments.
fn unknown(args: Args<'_>) -> Error {
    let mut shown = String::new();
    for word in args.iter().skip(1) {
        if shown.len() >= 128 {
            break;
        }
        let rest = 128 - shown.len();
        shown.push('\'');
        shown.push_str(&echo(&word[..word.len().min(rest)]));
        shown.push_str("' ");
    }
    Error::UnknownCommand(echo(args.get(0)), shown)
}

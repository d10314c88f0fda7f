//! What is noted of a command for those who watch the server: slow log, spikes, monitors.
//!
//! Owns: when a command is looked at by itself.   Uses: timing, stats, the list of monitors.
//! Never: what is done with what was noted (commands tell it).
//!
//! ```text
//!   brief (short command, small request)  timed in runs; nothing of it can stand out but its reply
//!   all others                            timed one by one, and looked at here
//!   watched: somebody wants each          brief ones as well
//! ```
//! So with the usual settings a GET or SET pays nothing. `watched` is kept up to date by `Engine::listen`.

use super::Engine;
use super::port::{Host, OUTPUT_FULL, Prepared, SMALL_REQUEST};
use super::timing::Piece;
use crate::command::index::RowId;
use crate::command::next::Next;
use crate::command::row::{ADMIN, Command, FAST, RUNS_QUEUE, SKIP_MONITOR, SKIP_SLOWLOG};
use crate::command::shown;
use crate::config::Config;
use crate::resp::args::Args;
use crate::resp::reply::Reply;
use crate::session::Session;
use crate::stats::slow_log::{Entry, Reason, beginning};

/// A threshold in microseconds below which a brief command could be slow.
const COULD_BE_SLOW: i64 = 1_000;

/// What only the step that ran a command can see to: it has the batch.
pub(super) enum After {
    /// Nothing.
    Nothing,
    /// The reply waits for memory to be freed.
    Frees,
    /// The client waits, until this time at the latest; then the command runs again.
    Waits(Option<u64>),
    /// The settings file is to be written. In a transaction it cannot wait: there `carry_out` writes at once.
    Rewrites,
}

impl After {
    pub fn of(next: &Next, in_exec: bool) -> After {
        if let Next::Wait { until } = next {
            return After::Waits(*until);
        }
        if !in_exec && matches!(next, Next::RewriteConfig) {
            return After::Rewrites;
        }
        if matches!(next, Next::AwaitFreed) { After::Frees } else { After::Nothing }
    }
}

/// The beginning of a command that is timed by itself.
pub(super) struct Began {
    ticks: u64,
    /// Bytes of reply before it.
    replied: usize,
    /// It has waited and goes on.
    resumed: bool,
}

/// What was measured of a command.
struct Measured {
    /// How long it took, in nanoseconds.
    nanos: u64,
    /// When it was over, in microseconds since 1970.
    at_us: i64,
    /// Bytes of its reply.
    reply: usize,
}

/// From which value on a command is kept; negative: never.
fn threshold(config: &Config, reason: Reason) -> i64 {
    match reason {
        Reason::Slow => config.slow_from,
        Reason::LargeRequest => config.large_request_from,
        Reason::LargeReply => config.large_reply_from,
    }
}

/// How many commands are kept.
fn most(config: &Config, reason: Reason) -> u64 {
    match reason {
        Reason::Slow => config.slow_log_len,
        Reason::LargeRequest => config.large_request_len,
        Reason::LargeReply => config.large_reply_len,
    }
}

impl Engine {
    /// Whether somebody wants to know of every single command.
    pub(super) fn wants_each(&self) -> bool {
        let config = &self.parts.config;
        (0..COULD_BE_SLOW).contains(&config.slow_from)
            || (0..SMALL_REQUEST as i64).contains(&config.large_request_from)
            || (0..OUTPUT_FULL as i64).contains(&config.large_reply_from)
            || config.latency_threshold > 0
            || !self.parts.sessions.monitors().is_empty()
    }

    /// Makes what is kept as the settings say.
    pub(super) fn follow_watch_settings(&mut self) {
        let stats = &mut self.parts.stats;
        stats.tracking = self.parts.config.latency_tracking;
        for reason in Reason::ALL {
            stats.slow_log.shorten(reason, most(&self.parts.config, reason));
        }
        self.watched = self.wants_each();
    }

    /// The time up to now belongs to the fast commands that ran. Answers the ticks of now.
    pub(super) fn end_fast_run(&mut self, host: &mut dyn Host) -> u64 {
        let ticks = host.ticks();
        let parts = &mut self.parts;
        self.fast_run.end(ticks, &mut parts.stats, &mut parts.lookups);
        ticks
    }

    /// A command begins that is timed by itself.
    pub(super) fn begin_alone(
        &mut self,
        host: &mut dyn Host,
        me: &Session,
        reply: &Reply,
    ) -> Began {
        let ticks = self.end_fast_run(host);
        Began { ticks, replied: reply.len(), resumed: me.wait.is_some() }
    }

    /// It is over, or waits. One that waits is shown when it begins, and kept when it is over; its wait is no part
    /// of its time.
    pub(super) fn end_alone(
        &mut self,
        host: &mut dyn Host,
        me: &mut Session,
        (id, args): (RowId, Args<'_>),
        reply: &Reply,
        began: Began,
        after: &After,
    ) {
        // If it was EXEC, some of its commands may still be in a run.
        let ticks = self.end_fast_run(host);
        let nanos = ticks.saturating_sub(began.ticks);
        let piece = Piece { first: !began.resumed, last: !matches!(after, After::Waits(_)) };
        let parts = &mut self.parts;
        self.fast_run.alone(id, nanos, piece, &mut parts.stats, &mut parts.lookups);
        let Some(row) = parts.index.entry(id).map(|entry| entry.row) else { return };
        let since_turn = (ticks / 1000).saturating_sub(self.now.mono_us);
        let at_us = self.now.unix_us.saturating_add_unsigned(since_turn);
        if piece.last {
            let reply = reply.len().saturating_sub(began.replied);
            self.log(me, row, args, &Measured { nanos, at_us, reply });
            let event = if row.flags.has(FAST) { "fast-command" } else { "command" };
            self.note_spike(event, nanos);
        }
        if piece.first && !self.parts.sessions.monitors().is_empty() {
            self.show_monitors(me, row, args, at_us);
        }
    }

    /// Keeps a command that stood out.
    fn log(&mut self, me: &Session, row: &Command, args: Args<'_>, measured: &Measured) {
        if row.flags.has(SKIP_SLOWLOG) {
            return;
        }
        for reason in Reason::ALL {
            let value = match reason {
                Reason::Slow => measured.nanos / 1000,
                Reason::LargeRequest => shown::request_bytes(args),
                Reason::LargeReply => measured.reply as u64,
            };
            if self.stands_out(reason, value) {
                self.keep(me, row, args, reason, value, measured.at_us / 1_000_000);
            }
        }
    }

    fn stands_out(&self, reason: Reason, value: u64) -> bool {
        let from = u64::try_from(threshold(&self.parts.config, reason));
        from.is_ok_and(|from| value >= from)
    }

    #[cold]
    fn keep(
        &mut self,
        me: &Session,
        row: &Command,
        args: Args<'_>,
        reason: Reason,
        value: u64,
        at: i64,
    ) {
        let entry = Entry {
            id: 0,
            at,
            value,
            words: beginning(shown::words(row, args)),
            peer: me.arrival.peer.clone(),
            name: me.labels().map(|labels| labels.name.clone()).unwrap_or_default(),
        };
        let most = most(&self.parts.config, reason);
        if most > 0 {
            self.parts.stats.slow_log.add(reason, entry, most);
        }
    }

    /// A brief command answered so much; of all others it is known already.
    pub(super) fn note_large_reply(
        &mut self,
        me: &Session,
        prepared: Prepared,
        args: Args<'_>,
        bytes: usize,
    ) {
        if !prepared.brief || self.watched || !self.stands_out(Reason::LargeReply, bytes as u64) {
            return;
        }
        let row = self.parts.index.entry(prepared.row).map(|entry| entry.row);
        if let Some(row) = row.filter(|row| !row.flags.has(SKIP_SLOWLOG)) {
            let at = self.now.unix_s();
            self.keep(me, row, args, Reason::LargeReply, bytes as u64, at);
        }
    }

    /// Notes that something held the server up for so many nanoseconds, if that is long enough.
    pub(super) fn note_spike(&mut self, event: &'static str, nanos: u64) {
        let (threshold, millis) = (self.parts.config.latency_threshold, nanos / 1_000_000);
        if threshold > 0 && millis >= threshold {
            self.parts.stats.spikes.note(event, self.now.unix_s(), millis);
        }
    }

    /// Shows monitors an EXEC that was refused: it ended a transaction all the same. Nothing else that was
    /// refused is shown.
    pub(super) fn show_refused(&mut self, me: &mut Session, row: &Command, args: Args<'_>) {
        if row.flags.has(RUNS_QUEUE) && !self.parts.sessions.monitors().is_empty() {
            self.show_monitors(me, row, args, self.now.unix_us);
        }
    }

    /// Shows a command to every monitor.
    #[cold]
    fn show_monitors(&mut self, me: &mut Session, row: &Command, args: Args<'_>, at_us: i64) {
        if row.flags.has_any(ADMIN.and(SKIP_MONITOR)) {
            return;
        }
        let socket = self.parts.config.unix_socket.as_deref();
        let line = shown::monitor_line(row, args, me, socket, at_us);
        let most = self.parts.config.output_limits.normal.hard;
        self.parts.sessions.tell_monitors(me, &line, most);
    }
}

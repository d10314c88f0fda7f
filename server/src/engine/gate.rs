//! What is checked before a command runs.
//!
//! Owns: the list of gates.   Uses: rows, session, parts.   Never: runs commands.
//!
//! A gate is a named function; their order is the list's. Each lets the command pass, refuses it with
//! an error (which also spoils a transaction that is being queued), or makes the client wait.

use crate::base::time::Now;
use crate::command::context::Parts;
use crate::command::index::Entry;
use crate::command::row::{
    Command, DENY_OOM, LOADING, MAY_REPLICATE, NO_AUTH, NO_MULTI, RUNS_QUEUE, Run, WHILE_PAUSED,
    WHILE_SUBSCRIBED,
};
use crate::resp::args::Args;
use crate::resp::error::{Error, echo};
use crate::session::Session;
use crate::session::pause::Pausing;

/// What a gate says.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Pass,
    /// Answer this error.
    Refuse(Error),
    /// Keep the request until the client may go on.
    Wait,
}

/// What the gates look at.
pub struct Visit<'a> {
    /// The row.
    pub entry: &'a Entry,
    /// The request.
    pub args: Args<'a>,
    /// Who sent it.
    pub me: &'a Session,
    /// Everything else.
    pub parts: &'a Parts,
    /// The time.
    pub now: Now,
}

type Gate = fn(&Visit<'_>) -> Verdict;

/// Whether a gate lets every plain command of a session pass (see [`Prepared::plain`]): then it need not be
/// asked for each. No plain command may change the answer.
///
/// [`Prepared::plain`]: super::port::Prepared::plain
type Open = fn(&Session, &Parts, Now) -> bool;

/// In this order, which is a real server's, because clients see which error comes first; a pause
/// comes last, so that errors are not delayed.
pub const GATES: &[(&str, Gate, Open)] = &[
    // Plain commands are no containers, and have as many words as they need.
    ("container", subcommand_known, |_, _, _| true),
    ("arity", arity, |_, _, _| true),
    ("authentication", authenticated, |me, _, _| me.authenticated),
    ("transaction", allowed_in_transaction, |me, _, _| me.transaction.is_none()),
    // Besides, no plain command is called while `Engine::has_room` says no.
    ("memory", memory_suffices, |_, parts, _| !parts.out_of_memory),
    ("snapshot", snapshots_work, |_, parts, _| parts.persist.last_error.is_none()),
    ("subscription", allowed_to_subscriber, |me, _, _| !me.only_listens()),
    ("loading", loaded, |_, parts, _| parts.persist.loading.is_none()),
    ("monitor", allowed_to_monitor, |me, _, _| !me.monitoring),
    ("pause", not_paused, |_, parts, now| parts.pause.current(now).is_none()),
];

/// Asks every gate in order.
#[inline]
pub fn judge(visit: &Visit<'_>) -> Verdict {
    for (_, gate, _) in GATES {
        match gate(visit) {
            Verdict::Pass => {}
            other => return other,
        }
    }
    Verdict::Pass
}

/// Whether all gates let every plain command of a session pass, until a command that is not plain has run.
pub fn all_open(me: &Session, parts: &Parts, now: Now) -> bool {
    GATES.iter().all(|(_, _, open)| open(me, parts, now))
}

#[inline]
fn authenticated(visit: &Visit<'_>) -> Verdict {
    if visit.me.authenticated || visit.entry.row.flags.has(NO_AUTH) {
        return Verdict::Pass;
    }
    Verdict::Refuse(Error::NoAuth)
}

/// A container was named with a word that is none of its subcommands.
#[inline]
fn subcommand_known(visit: &Visit<'_>) -> Verdict {
    // A subcommand that is known was resolved to a row of its own.
    let row = visit.entry.row;
    if row.subcommands.is_empty() || visit.args.len() < 2 {
        return Verdict::Pass;
    }
    Verdict::Refuse(Error::UnknownSubcommand(echo(visit.args.get(1)), row.name))
}

#[inline]
fn arity(visit: &Visit<'_>) -> Verdict {
    if visit.entry.takes(visit.args.len()) {
        return Verdict::Pass;
    }
    Verdict::Refuse(Error::Arity(visit.entry.row.name))
}

#[inline]
fn allowed_in_transaction(visit: &Visit<'_>) -> Verdict {
    if visit.me.transaction.is_some() && visit.entry.row.flags.has(NO_MULTI) {
        return Verdict::Refuse(Error::NoMulti);
    }
    Verdict::Pass
}

#[inline]
fn allowed_to_subscriber(visit: &Visit<'_>) -> Verdict {
    if visit.me.only_listens() && !visit.entry.row.flags.has(WHILE_SUBSCRIBED) {
        return Verdict::Refuse(Error::OnlyPubsub(visit.entry.row.name));
    }
    Verdict::Pass
}

/// Who is shown every command may not touch data.
#[inline]
fn allowed_to_monitor(visit: &Visit<'_>) -> Verdict {
    let row = visit.entry.row;
    let of_data = matches!(row.run, Run::Read(_) | Run::Write(_)) || row.flags.has(MAY_REPLICATE);
    if visit.me.monitoring && of_data {
        return Verdict::Refuse(Error::MonitorTouchesData);
    }
    Verdict::Pass
}

#[inline]
fn loaded(visit: &Visit<'_>) -> Verdict {
    if visit.parts.persist.loading.is_some() && !visit.entry.row.flags.has(LOADING) {
        return Verdict::Refuse(Error::Loading);
    }
    Verdict::Pass
}

/// What needs memory is refused while there is none to be had; a transaction before it runs, as one.
#[inline]
fn memory_suffices(visit: &Visit<'_>) -> Verdict {
    if !visit.parts.out_of_memory {
        return Verdict::Pass;
    }
    let needs = |row: &Command| row.flags.has(DENY_OOM);
    if needs(visit.entry.row) || queue_has(visit, needs) {
        return Verdict::Refuse(Error::OutOfMemory);
    }
    Verdict::Pass
}

/// Writes stop while the last snapshot failed: better no new data than data that is not saved.
#[inline]
fn snapshots_work(visit: &Visit<'_>) -> Verdict {
    let parts = visit.parts;
    if visit.entry.row.writes()
        && parts.persist.last_error.is_some()
        && parts.config.stop_writes_on_save_error
        && !parts.config.save.0.is_empty()
    {
        return Verdict::Refuse(Error::MisConf);
    }
    Verdict::Pass
}

#[inline]
fn not_paused(visit: &Visit<'_>) -> Verdict {
    let row = visit.entry.row;
    let Some(what) = visit.parts.pause.current(visit.now) else { return Verdict::Pass };
    if row.flags.has(WHILE_PAUSED) {
        return Verdict::Pass;
    }
    let stopped = match what {
        Pausing::All => true,
        Pausing::Writes => {
            let changes = |row: &Command| row.writes() || row.flags.has(MAY_REPLICATE);
            changes(row) || queue_has(visit, changes)
        }
    };
    if stopped { Verdict::Wait } else { Verdict::Pass }
}

/// Whether it is EXEC and any command of its queue is of that kind.
fn queue_has(visit: &Visit<'_>, kind: impl Fn(&Command) -> bool) -> bool {
    let index = &visit.parts.index;
    visit.entry.row.flags.has(RUNS_QUEUE)
        && visit.me.transaction.as_ref().is_some_and(|transaction| {
            let mut rows = transaction.rows().iter();
            rows.any(|&row| index.entry(row).is_some_and(|entry| kind(entry.row)))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::context::About;
    use crate::config::Config;
    use crate::engine::Engine;
    use crate::persist::state::Loading;
    use crate::resp::args::OwnedRequest;
    use crate::session::Arrival;

    type Close = fn(&mut Session, &mut Parts);

    /// What closes each gate that can be closed to plain commands.
    const CLOSED: &[(&str, Close)] = &[
        ("authentication", |me, _| me.authenticated = false),
        ("transaction", |me, _| me.transaction = Some(Box::default())),
        ("memory", |_, parts| parts.out_of_memory = true),
        ("snapshot", |_, parts| parts.persist.last_error = Some("disk full".into())),
        ("subscription", |me, _| me.channels = 1),
        ("loading", |_, parts| {
            parts.persist.loading =
                Some(Loading { since: Now::default(), since_unix: 0, total: 1, done: 0 });
        }),
        ("monitor", |me, _| me.monitoring = true),
        ("pause", |_, parts| parts.pause.begin(Pausing::Writes, 60_000, Now::default())),
    ];

    fn server() -> (Engine, Session, Now) {
        let engine = Engine::new(Config::default(), About::default(), 1);
        let now = Now { unix_us: 1_000_000, mono_us: 1_000_000 };
        (engine, Session::new(Arrival::default(), now, true), now)
    }

    /// Whether every gate lets a session's plain commands pass.
    fn all_pass(me: &Session, parts: &Parts, now: Now) -> bool {
        let plain: Vec<_> = parts.index.entries().filter(|entry| entry.plain).collect();
        assert!(plain.len() > 10, "many commands are plain");
        plain.into_iter().all(|entry| {
            let words = vec![b"x".as_slice(); entry.arity.unsigned_abs() as usize];
            let request = OwnedRequest::from_parts(&words);
            let visit = Visit { entry, args: request.args(), me, parts, now };
            judge(&visit) == Verdict::Pass
        })
    }

    #[test]
    fn plain_commands_pass_while_all_gates_are_open() {
        let (mut engine, me, now) = server();
        let parts = engine.parts();
        assert!(all_open(&me, parts, now) && all_pass(&me, parts, now));
    }

    #[test]
    fn a_gate_that_stops_a_plain_command_does_not_say_that_it_is_open() {
        for (name, close) in CLOSED {
            let (mut engine, mut me, now) = server();
            close(&mut me, engine.parts());
            assert!(!all_open(&me, engine.parts(), now), "{name}");
            for (other, _, open) in GATES.iter().filter(|(other, _, _)| other != name) {
                assert!(open(&me, engine.parts(), now), "{other} is closed by {name}");
            }
        }
        let closable = GATES.iter().filter(|(name, _, _)| !["container", "arity"].contains(name));
        assert!(closable.map(|(name, _, _)| name).eq(CLOSED.iter().map(|(name, _)| name)));
    }
}

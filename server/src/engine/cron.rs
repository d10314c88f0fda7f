//! Periodic work, each piece with its rate and its bound.
//!
//! Owns: the list of duties and when each is next due.   Uses: parts, host.   Never: asks the time.

use super::Engine;
use super::port::Host;
use crate::base::alloc;
use crate::session::{Arrival, Session};

/// How often a duty is done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rate {
    /// With every turn; it looks itself whether anything is to do.
    EveryTurn,
    /// As often as the setting `hz` says.
    Hertz,
    /// Once a second.
    EverySecond,
}

impl Rate {
    /// Microseconds from one time to the next.
    fn period(self, hz: u16) -> u64 {
        match self {
            Rate::EveryTurn => 0,
            Rate::Hertz => 1_000_000 / u64::from(hz.max(1)),
            Rate::EverySecond => 1_000_000,
        }
    }
}

type Duty = fn(&mut Engine, &mut dyn Host);

/// Name, period in microseconds (0: with every turn), work. Each bounds itself; the comment says by what.
const DUTIES: &[(&str, Rate, Duty)] = &[
    // One look at the pause's end.
    ("pause", Rate::EveryTurn, end_pause),
    // One comparison; above the limit a pass over 16 bytes a client, and MOST closings.
    ("clients", Rate::EveryTurn, Engine::evict_clients),
    // One question to the host, if anybody waits.
    ("freed", Rate::EveryTurn, Engine::release_waiters),
    // At most 5 ms of loading.
    ("load", Rate::EveryTurn, Engine::continue_load),
    // A wait that does not block, each 10 ms; nothing without a child.
    ("child", Rate::EveryTurn, Engine::tend_child),
    // A fork when one is due.
    ("snapshot", Rate::Hertz, Engine::begin_due_snapshot),
    // At most EXPIRE_KEYS keys and EXPIRE_BUCKETS buckets for each database.
    ("expire", Rate::Hertz, expire_due),
    // A look at each database that was ever written to.
    ("waste", Rate::Hertz, hand_over_all_waste),
    // One pass over the sessions, once a second.
    ("idle", Rate::EverySecond, close_idle),
    // A few additions.
    ("rates", Rate::Hertz, sample_rates),
    // At most every MEMORY_US one question to the allocator, some microseconds.
    ("memory", Rate::EveryTurn, gauge_memory),
];

/// When each duty is next due, in microseconds of the monotonic clock.
pub struct Clockwork {
    next: Vec<u64>,
}

impl Default for Clockwork {
    fn default() -> Self {
        Clockwork { next: vec![0; DUTIES.len()] }
    }
}

impl Clockwork {
    /// The earliest time that a periodic duty is due.
    pub fn next(&self) -> u64 {
        DUTIES
            .iter()
            .zip(&self.next)
            .filter(|((_, rate, _), _)| *rate != Rate::EveryTurn)
            .map(|(_, &next)| next)
            .min()
            .unwrap_or(u64::MAX)
    }
}

impl Engine {
    /// Does the duties that are due.
    pub(super) fn work(&mut self, host: &mut dyn Host) {
        for (at, &(_, rate, duty)) in DUTIES.iter().enumerate() {
            let period = rate.period(self.parts.config.hz.0);
            if self.clockwork.next[at] <= self.now.mono_us {
                // What has a rate is periodic and can rest; loads and waits cannot.
                if period == 0 || !self.parts.duties_paused {
                    duty(self, host);
                }
                self.clockwork.next[at] = self.now.mono_us + period;
            }
        }
    }
}

fn end_pause(engine: &mut Engine, _host: &mut dyn Host) {
    if !engine.parked.is_empty() && engine.parts.pause.current(engine.now).is_none() {
        engine.parked.release(&mut engine.queue);
    }
}

/// Buckets that one round looks at in a database.
const EXPIRE_BUCKETS: usize = 2_000;
/// Keys that one round removes in a database.
const EXPIRE_KEYS: usize = 2_000;

/// Removes keys whose time has passed and that nobody reads.
fn expire_due(engine: &mut Engine, _host: &mut dyn Host) {
    if !engine.parts.active_expire || engine.parts.persist.loading.is_some() {
        return;
    }
    let now_ms = engine.now.unix_ms();
    let mut nobody = Session::new(Arrival::default(), engine.now, true);
    for db in 0..engine.parts.keyspace.written() {
        if engine.parts.keyspace.db(db).volatile_len() == 0 {
            continue;
        }
        let mut due: Vec<Box<[u8]>> = Vec::new();
        engine.parts.keyspace.db_mut(db).due(now_ms, EXPIRE_BUCKETS, &mut |key| {
            if due.len() < EXPIRE_KEYS {
                due.push(key.into());
            }
        });
        for key in due {
            engine.expire(&mut nobody, db, &key);
        }
    }
}

/// Hands over what was removed from databases that nobody had selected: by expiry and its like.
fn hand_over_all_waste(engine: &mut Engine, host: &mut dyn Host) {
    for db in 0..engine.parts.keyspace.written() {
        engine.hand_over_waste(host, db);
    }
}

/// Closes connections that said nothing for `timeout` seconds; subscribers and waiting clients stay.
fn close_idle(engine: &mut Engine, _host: &mut dyn Host) {
    let limit = u64::from(engine.parts.config.timeout) * 1_000_000;
    if limit == 0 {
        return;
    }
    let now = engine.now.mono_us;
    let idle: Vec<_> = engine
        .parts
        .sessions
        .iter()
        .filter(|s| s.subscriptions() == 0 && !s.parked)
        .filter(|s| now.saturating_sub(s.last_seen.mono_us) > limit)
        .map(Session::id)
        .collect();
    for id in idle {
        tracing::debug!("Closing idle client {}", id.0);
        engine.parts.sessions.close(id);
    }
}

fn sample_rates(engine: &mut Engine, _host: &mut dyn Host) {
    let stats = &mut engine.parts.stats;
    let totals = [stats.commands, stats.bytes_in, stats.bytes_out];
    stats.rates.sample(engine.now, totals);
}

/// What other threads free is known after so many microseconds, while there is anything to do.
const MEMORY_US: u64 = 10_000;

fn gauge_memory(engine: &mut Engine, _host: &mut dyn Host) {
    let now = engine.now.mono_us;
    if now < engine.gauged_us + MEMORY_US {
        return;
    }
    engine.gauged_us = now;
    alloc::refresh();
    let used = engine.parts.used_memory();
    let stats = &mut engine.parts.stats;
    if used > stats.peak_memory {
        stats.peak_memory = used;
        stats.peak_time = engine.now.unix_s();
    }
}

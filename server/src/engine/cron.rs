//! Periodic work, each piece with its rate and its bound.
//!
//! Owns: the list of duties and when each is next due.   Uses: parts, host.   Never: asks the time.

use super::Engine;
use super::port::Host;
use crate::base::alloc;
use crate::session::Session;
use crate::stats::Stats;

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

/// When a duty wants to be done again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// As its rate says.
    AtRate,
    /// After so many microseconds: it is in the midst of something.
    In(u64),
}

struct Duty {
    /// What INFO calls it.
    name: &'static str,
    rate: Rate,
    /// Whether there is anything to do: what is done with every turn is asked so with every turn.
    wanted: fn(&Engine) -> bool,
    /// A slice of it. Each bounds itself; the comment in the list says by what.
    work: fn(&mut Engine, &mut dyn Host) -> Again,
    /// What LATENCY calls it.
    event: Option<&'static str>,
}

const fn duty(
    name: &'static str,
    rate: Rate,
    wanted: fn(&Engine) -> bool,
    work: fn(&mut Engine, &mut dyn Host) -> Again,
) -> Duty {
    Duty { name, rate, wanted, work, event: None }
}

impl Duty {
    const fn known_as(self, event: &'static str) -> Duty {
        Duty { event: Some(event), ..self }
    }
}

const DUTIES: &[Duty] = &[
    // One look at the pause's end.
    duty("pause", Rate::EveryTurn, |engine| !engine.parked.is_empty(), end_pause),
    // AT_ONCE clients are queued.
    duty("waits", Rate::EveryTurn, Engine::is_patience_over, Engine::end_waits),
    // A pass over 16 bytes a client, and MOST closings.
    duty("clients", Rate::EveryTurn, Engine::clients_hold_too_much, Engine::evict_clients),
    // One question to the host.
    duty("freed", Rate::EveryTurn, Engine::anybody_awaits_freed, Engine::release_waiters),
    // One question to the host for each client that waits.
    duty("settings", Rate::EveryTurn, Engine::anybody_awaits_rewrite, Engine::answer_rewrites),
    // A few hundred keys or channels of a client that is gone.
    duty("forget", Rate::EveryTurn, Engine::has_leaving, Engine::forget_leaving),
    // SLICE keys with their readers.
    duty("tracking", Rate::EveryTurn, Engine::notes_too_much, Engine::forget_noted),
    // At most 5 ms of loading, while nobody is served.
    duty("load", Rate::EveryTurn, Engine::is_loading, load),
    // One slice of evicting, as long as maxmemory-eviction-tenacity says.
    duty("evict", Rate::EveryTurn, Engine::is_pressed, go_on_evicting),
    // A wait that does not block, each 10 ms.
    duty("child", Rate::EveryTurn, is_child_due, tend_child),
    // A fork when one is due.
    duty("snapshot", Rate::Hertz, |_| true, begin_snapshot),
    // 250 us; more than that share of the time only if much is due.
    duty("expire", Rate::Hertz, may_expire, Engine::expire_slice).known_as("expire-cycle"),
    // 250 us, and rests as the one above.
    duty("fields", Rate::Hertz, may_expire, Engine::expire_fields_slice),
    // 250 us, and only while there is much to win.
    duty("defrag", Rate::EverySecond, Engine::may_defrag, Engine::defrag_slice)
        .known_as("active-defrag-cycle"),
    // IDLE_SEATS sessions, all of them within a second.
    duty("idle", Rate::EverySecond, may_close_idle, close_idle),
    // One comparison.
    duty("clock", Rate::EverySecond, |_| true, watch_clock),
    // A few additions.
    duty("headroom", Rate::EverySecond, |_| true, sample_changes),
    // A few additions.
    duty("rates", Rate::Hertz, |_| true, sample_rates),
    // At most every MEMORY_US one question to the allocator, some microseconds.
    duty("memory", Rate::EveryTurn, is_gauge_old, gauge_memory),
];

/// When each duty is next due, in microseconds of the monotonic clock.
pub struct Clockwork {
    next: Vec<u64>,
    /// The seat at which the next slice of `idle` begins.
    idle_seat: usize,
    /// When the monotonic clock stood at 0 by the wall clock, as of the last look, in microseconds since 1970.
    start_us: Option<i64>,
}

impl Default for Clockwork {
    fn default() -> Self {
        Clockwork { next: vec![0; DUTIES.len()], idle_seat: 0, start_us: None }
    }
}

impl Clockwork {
    /// The earliest time that a periodic duty is due.
    pub fn next(&self) -> u64 {
        let all = DUTIES.iter().zip(&self.next);
        let periodic = all.filter(|(duty, _)| duty.rate != Rate::EveryTurn);
        periodic.map(|(_, &next)| next).min().unwrap_or(u64::MAX)
    }
}

impl Engine {
    /// Does the duties that are due, and notes the longest slice of each.
    pub(super) fn work(&mut self, host: &mut dyn Host) {
        for (at, duty) in DUTIES.iter().enumerate() {
            if self.clockwork.next[at] > self.now.mono_us {
                continue;
            }
            let period = duty.rate.period(self.parts.config.hz.0);
            // What has a rate is periodic and can rest; loads and waits cannot.
            let rests = period > 0 && self.parts.switches.duties_rest;
            let mut again = Again::AtRate;
            if !rests && (duty.wanted)(self) {
                let begun = (host.cpu_ticks(), host.ticks());
                again = (duty.work)(self, host);
                let took = host.cpu_ticks().saturating_sub(begun.0);
                self.parts.stats.slice(duty.name, took);
                if let Some(event) = duty.event {
                    self.note_spike(event, host.ticks().saturating_sub(begun.1));
                }
            }
            let pause = match again {
                Again::AtRate => period,
                Again::In(micros) => micros,
            };
            self.clockwork.next[at] = self.now.mono_us + pause;
        }
        self.hand_over_garbage(host);
    }
}

fn end_pause(engine: &mut Engine, _host: &mut dyn Host) -> Again {
    if engine.parts.pause.current(engine.now).is_none() {
        engine.parked.release(&mut engine.queue);
    }
    Again::AtRate
}

fn load(engine: &mut Engine, host: &mut dyn Host) -> Again {
    engine.continue_load(host);
    Again::AtRate
}

fn is_child_due(engine: &Engine) -> bool {
    let child = engine.parts.persist.child.as_ref();
    child.is_some_and(|child| child.next_look_us() <= engine.now.mono_us)
}

fn tend_child(engine: &mut Engine, host: &mut dyn Host) -> Again {
    engine.tend_child(host);
    Again::AtRate
}

fn go_on_evicting(engine: &mut Engine, host: &mut dyn Host) -> Again {
    engine.go_on_evicting(host);
    Again::AtRate
}

fn begin_snapshot(engine: &mut Engine, host: &mut dyn Host) -> Again {
    engine.begin_due_snapshot(host);
    Again::AtRate
}

fn may_expire(engine: &Engine) -> bool {
    !engine.parts.switches.lazy_expire_only && engine.parts.persist.loading.is_none()
}

/// What is in the midst of something without hurry goes on after so many microseconds.
const SOON_US: u64 = 1_000;
/// Seats that one slice of `idle` looks at: a cache miss each.
const IDLE_SEATS: usize = 1_000;

fn may_close_idle(engine: &Engine) -> bool {
    let config = &engine.parts.config;
    config.timeout > 0 || (config.auth_timeout > 0 && !config.password.is_empty())
}

/// Closes connections that said nothing for `timeout` seconds (subscribers and waiting clients stay), and those
/// that have not authenticated for `auth-timeout` seconds, whatever they said.
fn close_idle(engine: &mut Engine, _host: &mut dyn Host) -> Again {
    let now_us = engine.now.mono_us;
    let over = |seconds: u32, since_us: u64| {
        seconds > 0 && now_us.saturating_sub(since_us) > u64::from(seconds) * 1_000_000
    };
    let (timeout, auth_timeout) = (engine.parts.config.timeout, engine.parts.config.auth_timeout);
    let is_idle =
        |s: &Session| s.subscriptions() == 0 && !s.parked && over(timeout, s.last_seen.mono_us);
    let is_strange = |s: &Session| !s.authenticated && over(auth_timeout, s.stranger_since_us);
    let sessions = &mut engine.parts.sessions;
    let first = engine.clockwork.idle_seat;
    let idle: Vec<_> = sessions
        .some(first, IDLE_SEATS)
        .filter(|s| is_idle(s) || is_strange(s))
        .map(Session::id)
        .collect();
    for id in idle {
        tracing::debug!("Closing client {}: it was idle or did not authenticate in time", id.0);
        sessions.close(id);
    }
    engine.clockwork.idle_seat = first + IDLE_SEATS;
    if engine.clockwork.idle_seat < sessions.seats() {
        return Again::In(SOON_US);
    }
    engine.clockwork.idle_seat = 0;
    Again::AtRate
}

/// The least step of the wall clock that is logged, in microseconds: more than a clock that is being corrected
/// little by little gains in a second.
const STEP_US: i64 = 2_000_000;

/// Logs a step of the wall clock, once. Times to live follow that clock; all else here goes by the other one.
fn watch_clock(engine: &mut Engine, _host: &mut dyn Host) -> Again {
    let mono_us = i64::try_from(engine.now.mono_us).unwrap_or(i64::MAX);
    let start_us = engine.now.unix_us.saturating_sub(mono_us);
    let step_us =
        start_us.saturating_sub(engine.clockwork.start_us.replace(start_us).unwrap_or(start_us));
    if step_us.unsigned_abs() >= STEP_US.unsigned_abs() {
        let (way, seconds) = if step_us > 0 { ("forward", step_us) } else { ("back", -step_us) };
        tracing::warn!(
            "The wall clock was set {way} by {:.1} seconds: keys expire by it, sooner or later than \
             they would have; time-outs are not affected",
            seconds as f64 / 1e6
        );
    }
    Again::AtRate
}

fn sample_rates(engine: &mut Engine, host: &mut dyn Host) -> Again {
    let stats = &mut engine.parts.stats;
    let Stats { commands, bytes_in, bytes_out, turns, turn_nanos, .. } = *stats;
    let totals = [commands, bytes_in, bytes_out, turns, turn_nanos, host.cpu_ticks()];
    stats.rates.sample(engine.now, totals);
    Again::AtRate
}

fn sample_changes(engine: &mut Engine, _host: &mut dyn Host) -> Again {
    let persist = &mut engine.parts.persist;
    persist.headroom.sample(persist.dirty);
    Again::AtRate
}

/// What other threads free is known after so many microseconds, while there is anything to do.
const MEMORY_US: u64 = 100_000;

fn is_gauge_old(engine: &Engine) -> bool {
    engine.now.mono_us >= engine.gauged_us + MEMORY_US
}

fn gauge_memory(engine: &mut Engine, _host: &mut dyn Host) -> Again {
    engine.gauged_us = engine.now.mono_us;
    alloc::refresh();
    let used = engine.parts.used_memory();
    let stats = &mut engine.parts.stats;
    if used > stats.peak_memory {
        stats.peak_memory = used;
        stats.peak_time = engine.now.unix_s();
    }
    Again::AtRate
}

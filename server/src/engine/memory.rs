//! The bound on memory: keys go until what is used is below `maxmemory`.
//!
//! Owns: when to evict, for how long, and what follows an evicted key.   Uses: keyspace::evict, the allocator's figure.
//! Never: chooses a key.
//!
//! ```text
//!  before each command:  used > maxmemory?  evict for a slice of time
//!      enough              go on
//!      time is over        go on; a duty evicts between the turns until it is enough
//!      nothing may go      commands that need memory are refused (gate "memory")
//! ```
//!
//! The slice bounds how long a command waits for others' keys to go; a client that writes faster than one slice
//! can free passes the limit by as much for as long.

use super::Engine;
use super::port::Host;
use crate::command::context::Parts;
use crate::config::Order;
use crate::keyspace::access::{Clock, Counting, Telling, Touch};
use crate::keyspace::change::Event;
use crate::keyspace::evict::{Choice, Evictor, any_eligible};
use crate::session::{Arrival, Session};

/// Microseconds of a slice for each step of tenacity up to 10.
const SLICE_STEP_US: u64 = 50;
/// Keys that go between two looks at the clock: some microseconds.
const LOOK_EVERY: usize = 8;

/// What the engine knows of its memory.
#[derive(Default)]
pub(super) struct Room {
    evictor: Evictor,
    /// Bytes of long values that were handed over to be freed, since `leaving_since`.
    leaving: u64,
    /// The last time the gauge heard of other threads, who free these.
    leaving_since: u64,
    /// The last slice ended before there was room.
    pressed: bool,
}

/// What a slice came to.
enum Slice {
    Enough,
    TimeOver,
    NothingToEvict,
}

impl Engine {
    /// Whether keys are still to be evicted.
    pub(super) fn is_pressed(&self) -> bool {
        self.room.pressed
    }

    /// Looks at the limit anew with the next turn: it has changed.
    pub(super) fn limit_changed(&mut self) {
        self.room.pressed = true;
        self.parts.out_of_memory = false;
        let (limit, used) = (self.parts.config.max_memory.bytes(), self.counted());
        if limit != 0 && used > limit {
            tracing::warn!(
                "The new maxmemory ({limit} bytes) is smaller than what is in use ({used} bytes): keys \
                 will be evicted, or writes refused, as maxmemory-policy says."
            );
        }
    }

    /// Evicts, if memory is full, for one slice; afterwards `out_of_memory` says whether it was in vain. Cheap
    /// while there is room.
    #[inline]
    pub(super) fn make_room(&mut self, host: &mut dyn Host, me: &mut Session) {
        if self.has_room() {
            self.room.pressed = false;
            self.parts.out_of_memory = false;
            self.parts.stats.memory_exceeded.set(false, self.now);
            return;
        }
        let limit = self.parts.config.max_memory.bytes();
        let came = self.evict_slice(host, me, limit);
        self.parts.stats.memory_exceeded.set(!matches!(came, Slice::Enough), self.now);
        self.room.pressed = matches!(came, Slice::TimeOver);
        self.parts.out_of_memory = matches!(came, Slice::NothingToEvict);
    }

    /// Whether memory is below its limit, or has none. While a data set is loaded, nothing goes.
    #[inline]
    pub(super) fn has_room(&self) -> bool {
        let limit = self.parts.config.max_memory.bytes();
        limit == 0 || self.counted() <= limit || self.parts.persist.loading.is_some()
    }

    /// Goes on with what the commands left over.
    pub(super) fn go_on_evicting(&mut self, host: &mut dyn Host) {
        if self.room.pressed {
            let mut nobody = Session::new(Arrival::default(), self.now, true);
            self.make_room(host, &mut nobody);
        }
    }

    /// Bytes that count towards `maxmemory`. O(1). Buffers that grow because others are slow (of replicas, of the log)
    /// shall not count, or evicting would fill them further; there are none yet.
    #[inline]
    fn counted(&self) -> u64 {
        let leaving = if self.room.leaving_since == self.gauged_us { self.room.leaving } else { 0 };
        self.parts.used_memory().saturating_sub(leaving)
    }

    /// Notes that a value is to be freed by another thread, which the gauge will hear of later.
    fn note_leaving(&mut self, bytes: u64) {
        if self.room.leaving_since != self.gauged_us {
            (self.room.leaving, self.room.leaving_since) = (0, self.gauged_us);
        }
        self.room.leaving += bytes;
    }

    fn evict_slice(&mut self, host: &mut dyn Host, me: &mut Session, limit: u64) -> Slice {
        if self.parts.config.memory_policy.order() == Order::Never {
            return Slice::NothingToEvict;
        }
        let time_ns = slice_ns(self.parts.config.eviction_tenacity);
        let begun = host.ticks();
        let mut found = true;
        let mut gone = 0;
        while found && self.counted() > limit {
            found = self.evict_one(me);
            gone += 1;
            if gone % LOOK_EVERY == 0 && host.ticks().saturating_sub(begun) >= time_ns {
                break;
            }
        }
        self.fast_run.saw_slow();
        self.note_spike("eviction-cycle", host.ticks().saturating_sub(begun));
        self.hand_over_garbage(host);
        if self.counted() <= limit {
            Slice::Enough
        } else if found || any_eligible(&self.parts.keyspace, self.parts.config.memory_policy) {
            Slice::TimeOver
        } else {
            Slice::NothingToEvict
        }
    }

    /// Removes the key that is the least loss, as a change of its own. Says false if there was none.
    fn evict_one(&mut self, me: &mut Session) -> bool {
        let choice = self.choice();
        let Parts { keyspace, rng, changes, stats, .. } = &mut self.parts;
        let Some((db, bytes)) = self.room.evictor.choose(keyspace, &choice, rng) else {
            return false;
        };
        let key = keyspace.key(bytes);
        if !keyspace.db_mut(db).slot(key).remove() {
            return false;
        }
        stats.evicted += 1;
        changes.begin();
        changes.tell(db, &[b"DEL", key.bytes]);
        let _ = changes.also(db, key.bytes, Event::EVICTED);
        self.follow(me);
        let before = self.parts.garbage.values.len();
        self.collect_waste(db);
        let leaving = &self.parts.garbage.values[before..];
        let bytes = leaving.iter().map(|value| value.as_ref().heap() as u64).sum();
        if bytes > 0 {
            self.note_leaving(bytes);
        }
        true
    }

    fn choice(&self) -> Choice {
        let config = &self.parts.config;
        Choice {
            policy: config.memory_policy,
            samples: config.memory_samples as usize,
            clock: Clock::new(self.now.mono_us),
            counting: self.parts.counting(),
        }
    }
}

impl Parts {
    /// How counters of use grow and decay, as the settings say.
    pub fn counting(&self) -> Counting {
        Counting {
            log_factor: self.config.lfu_log_factor,
            decay_minutes: self.config.lfu_decay_time,
        }
    }

    /// What snapshots tell of the use of keys: what the policy will ask for.
    pub fn telling(&self, clock: Clock) -> Telling {
        match self.config.memory_policy.order() {
            Order::Recency | Order::Change => Telling::Idle(clock),
            Order::Frequency => Telling::Frequency(clock, self.counting()),
            Order::Never | Order::Random | Order::Deadline => Telling::Nothing,
        }
    }

    /// What a command that writes does to the keys it uses.
    #[inline]
    pub fn write_touch(&mut self, clock: Clock) -> Touch {
        match self.config.memory_policy.order() {
            Order::Frequency => Touch::frequency(clock, self.counting(), self.rng.next_u64()),
            Order::Never | Order::Recency | Order::Change | Order::Random | Order::Deadline => {
                Touch::recency(clock)
            }
        }
    }

    /// What a command that reads does to the keys it uses: nothing, where only changes count.
    #[inline]
    pub fn read_touch(&mut self, clock: Clock) -> Option<Touch> {
        let only_changes = self.config.memory_policy.order() == Order::Change;
        (!only_changes).then(|| self.write_touch(clock))
    }
}

/// Nanoseconds of a slice by `maxmemory-eviction-tenacity`: evenly up to half a millisecond at 10, then each step
/// 15 % longer, and without end at 100.
fn slice_ns(tenacity: u32) -> u64 {
    match tenacity {
        0..=10 => u64::from(tenacity) * SLICE_STEP_US * 1000,
        11..100 => (11..=tenacity).fold(10 * SLICE_STEP_US * 1000, |ns, _| ns + ns * 15 / 100),
        _ => u64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenacity_says_how_long_a_slice_is() {
        assert_eq!([0, 1, 10].map(slice_ns), [0, 50_000, 500_000]);
        assert_eq!(slice_ns(11), 575_000);
        assert!((120_000_000_000..130_000_000_000).contains(&slice_ns(99)), "{}", slice_ns(99));
        assert_eq!(slice_ns(100), u64::MAX);
    }
}

//! What a command can reach: four contexts, by reach.
//!
//! Owns: the contexts and the parts behind them.   Uses: keyspace, parts, resp.   Never: the engine, io.
//!
//! A data command sees the keyspace and its reply and cannot even name a client or the server: of its own client it
//! sees what that prepared for it, and nothing else. A session command sees connections; only a server command sees
//! everything. That a key past its time is missing is decided here and nowhere else.

pub use super::io_counters::{Freeing, IoCounters, RingDepth, ThreadLoad};
pub use super::reads::{Lookups, Reads, view_of};

use super::index::Index;
use super::reads::past;
use super::waiting::Asking;
use super::window::Window;
use crate::base::random::Rng;
use crate::base::relation::Relation;
use crate::base::time::Now;
use crate::base::{alloc, index};
use crate::config::Config;
use crate::keyspace::access::Touch;
use crate::keyspace::change::{Change, Changes, Event};
use crate::keyspace::{Dropped, Key, Keyspace, Opened, Outcome, Slot};
use crate::persist::state::Persist;
use crate::pubsub::PubSub;
use crate::resp::args::Args;
use crate::resp::reply::Reply;
use crate::resp::{Error, Result};
use crate::session::fieldsets::Fieldsets;
use crate::session::pause::Pause;
use crate::session::tracking::Tracking;
use crate::session::wait::Patience;
use crate::session::wanted::Wanted;
use crate::session::watch::Watch;
use crate::session::{ClientId, Session, Sessions};
use crate::stats::Stats;
use crate::value::{Collection, Value, View};

/// Everything that the engine owns, by part.
pub struct Parts {
    /// The databases.
    pub keyspace: Keyspace,
    /// The settings.
    pub config: Config,
    /// Who is connected.
    pub sessions: Sessions,
    /// Who listens.
    pub pubsub: PubSub,
    /// Who watches which keys.
    pub watch: Watch,
    /// Who keeps copies of which keys.
    pub tracking: Tracking,
    /// Whether clients are paused.
    pub pause: Pause,
    /// Who waits for which keys.
    pub wanted: Wanted,
    /// Whether the running command may wait, and wants to.
    pub asking: Asking,
    /// What is counted.
    pub stats: Stats,
    /// Snapshots: what is known of them.
    pub persist: Persist,
    /// What the running call changed.
    pub changes: Changes,
    /// What the running call's reads met.
    pub lookups: Lookups,
    /// What was removed in this turn and is slow to free, for another thread.
    pub garbage: Removed,
    /// All commands.
    pub index: Index,
    /// Randomness, from the server's seed.
    pub rng: Rng,
    /// What DEBUG has switched.
    pub switches: Switches,
    /// What replicas would know this history of the data by: 40 hexadecimal digits.
    pub repl_id: String,
    /// Memory is full and nothing may go: found before the command at hand.
    pub out_of_memory: bool,
    /// What never changes while the server runs.
    pub about: About,
}

impl Parts {
    /// Bytes in use, the server's own needs included: what the limit on memory is compared with. O(1), some
    /// nanoseconds; see [`alloc::used`] for how exact.
    #[inline]
    pub fn used_memory(&self) -> u64 {
        alloc::used() + self.keyspace.memory() + index::in_runs()
    }
}

/// What DEBUG switches on and off.
#[derive(Clone, Copy, Debug, Default)]
pub struct Switches {
    /// Keys past their time are not looked for (SET-ACTIVE-EXPIRE 0).
    pub lazy_expire_only: bool,
    /// Periodic work rests (PAUSE-CRON 1).
    pub duties_rest: bool,
    /// Checksums of snapshots and of RESTORE's payloads are not looked at (SET-SKIP-CHECKSUM-VALIDATION 1).
    pub skip_checksums: bool,
}

/// What is slow to free.
#[derive(Default)]
pub struct Removed {
    /// Values.
    pub values: Vec<Value>,
    /// Databases that were emptied.
    pub databases: Vec<Dropped>,
    /// Keys that were noted for clients with copies of them.
    pub noted: Vec<Relation<()>>,
    /// What clients had prepared for HIMPORT SET.
    pub fieldsets: Vec<Fieldsets>,
}

impl Removed {
    /// How many objects that is, as Redis counts: a database as many as it had keys.
    pub fn objects(&self) -> u64 {
        let keys: usize = self.databases.iter().map(Dropped::len).sum();
        let noted: usize = self.noted.iter().map(Relation::len).sum();
        let fieldsets: usize = self.fieldsets.iter().map(Fieldsets::len).sum();
        (self.values.len() + keys + noted + fieldsets) as u64
    }

    /// Whether there is nothing to free.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
            && self.databases.is_empty()
            && self.noted.is_empty()
            && self.fieldsets.is_empty()
    }

    /// Drops a client's fieldsets: here if they are few, else elsewhere. O(1).
    pub fn drop_fieldsets(&mut self, fieldsets: Option<Box<Fieldsets>>) {
        /// So many are freed in some microseconds.
        const FEW: usize = 64;
        self.fieldsets.extend(fieldsets.filter(|sets| sets.len() > FEW).map(|sets| *sets));
    }
}

/// What INFO says of the process; told by `boot`.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// 40 hexadecimal digits, new at every start.
    pub run_id: String,
    /// The settings file, if there is one.
    pub config_file: String,
    /// The binary.
    pub executable: String,
    /// The process.
    pub pid: u32,
    /// I/O threads besides the core.
    pub io_threads: usize,
    /// The kernel's name and version.
    pub os: String,
    /// Bytes in use before anything was loaded.
    pub startup_memory: u64,
}

/// What the request's first key hashes to, worked out by whoever parsed it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hashed {
    /// The key's position among the arguments; 0: none.
    pub at: usize,
    /// Its hash.
    pub hash: u64,
}

/// What a reading command sees.
pub struct ReadCx<'a> {
    /// The request; index 0 is the name.
    pub args: Args<'a>,
    /// Its reply.
    pub reply: &'a mut Reply,
    /// The data.
    pub data: Reads<'a>,
    /// The settings.
    pub config: &'a Config,
    /// What it changed: only in how a value is kept, see [`ReadCx::rearrange`].
    pub changes: &'a mut Changes,
    /// Randomness.
    pub rng: &'a mut Rng,
    /// The time.
    pub now: Now,
    /// The first key's hash.
    pub hashed: Hashed,
    /// Whether it may wait.
    pub asking: &'a mut Asking,
}

impl<'a> ReadCx<'a> {
    /// An argument.
    #[inline]
    pub fn arg(&self, at: usize) -> &'a [u8] {
        self.args.get(at)
    }

    /// An argument as a key.
    #[inline]
    pub fn key(&self, at: usize) -> Key<'a> {
        keyed(self.data.keyspace, self.args, self.hashed, at)
    }

    /// Changes how the value of a key that was just found is kept, though not what it says (PFCOUNT notes what it
    /// counted). Everybody is told as of any change, because who copied the bytes has other ones now.
    pub fn rearrange(&mut self, key: Key<'_>, change: impl FnOnce(&mut Slot<'_, '_>)) {
        change(&mut self.data.keyspace.db_mut(self.data.db).slot(key));
        let _ = self.changes.changed(self.data.db, key.bytes, Event::SILENT);
    }

    /// The next keys of a request whose every word from 1 on is a key; see [`Window`].
    pub fn window(&self, first: usize) -> Window<'a> {
        Window::fetch(self.data.db(), self.args, first, 1, |at| self.key(at))
    }
}

// Half of the work of a short command's start, as a call.
#[inline(always)]
fn keyed<'a>(keyspace: &Keyspace, args: Args<'a>, hashed: Hashed, at: usize) -> Key<'a> {
    let bytes = args.get(at);
    if at == hashed.at { Key { bytes, hash: hashed.hash } } else { keyspace.key(bytes) }
}

/// What a writing command sees.
pub struct WriteCx<'a> {
    /// The request; index 0 is the name.
    pub args: Args<'a>,
    /// Its reply.
    pub reply: &'a mut Reply,
    /// The databases. Data commands use the methods below, which see expired keys as missing.
    pub keyspace: &'a mut Keyspace,
    /// What it changed.
    pub changes: &'a mut Changes,
    /// Hits and misses.
    pub lookups: &'a mut Lookups,
    /// What it removed and is slow to free, for another thread.
    pub garbage: &'a mut Removed,
    /// The settings.
    pub config: &'a Config,
    /// The selected database.
    pub db: usize,
    /// The time.
    pub now: Now,
    /// The first key's hash.
    pub hashed: Hashed,
    /// What a use does to an entry's access word.
    pub touch: Touch,
    /// The reply waits until everything that was removed is freed.
    pub await_freed: bool,
    /// What DEBUG has switched.
    pub switches: &'a Switches,
    /// Whether it may wait.
    pub asking: &'a mut Asking,
    /// What its client has prepared for HIMPORT SET.
    pub fieldsets: Option<&'a Fieldsets>,
    /// Randomness.
    pub rng: &'a mut Rng,
}

/// What a command still needs while a collection is open.
pub struct Aside<'a> {
    /// Its reply.
    pub reply: &'a mut Reply,
    /// Randomness.
    pub rng: &'a mut Rng,
}

impl<'a> WriteCx<'a> {
    /// An argument.
    #[inline]
    pub fn arg(&self, at: usize) -> &'a [u8] {
        self.args.get(at)
    }

    /// An argument as a key.
    #[inline]
    pub fn key(&self, at: usize) -> Key<'a> {
        keyed(self.keyspace, self.args, self.hashed, at)
    }

    /// The next keys of a request that has a key at every `step` words; see [`Window`].
    pub fn window(&self, first: usize, step: usize) -> Window<'a> {
        self.window_until(first, self.args.len(), step)
    }

    /// Like [`WriteCx::window`] for keys before the word `end`.
    pub fn window_until(&self, first: usize, end: usize, step: usize) -> Window<'a> {
        let args = self.args.until(end);
        Window::fetch(self.keyspace.db(self.db), args, first, step, |at| self.key(at))
    }

    /// A key's place, to read, change, create or remove it. A key past its time is removed first, and
    /// everybody is told.
    #[inline]
    pub fn slot<'k>(&mut self, key: Key<'k>) -> Slot<'_, 'k> {
        let now_ms = self.now.unix_ms();
        open(self.keyspace, self.changes, self.lookups, self.db, now_ms, key)
    }

    /// A key's place in another database; like [`WriteCx::slot`] otherwise. [`WriteCx::collect`] follows.
    pub fn slot_in<'k>(&mut self, db: usize, key: Key<'k>) -> Slot<'_, 'k> {
        let now_ms = self.now.unix_ms();
        open(self.keyspace, self.changes, self.lookups, db, now_ms, key)
    }

    /// A key's collection, to read, change, create or remove it; a key past its time is missing. It is a use of the key.
    /// What became of the key is told by [`WriteCx::closed`].
    ///
    /// # Errors
    /// `WrongType` if the key holds another type.
    #[inline]
    pub fn open<'k, C: Collection>(&mut self, key: Key<'k>) -> Result<Opened<'_, 'k, C>> {
        Ok(self.open_beside(key)?.0)
    }

    /// Like [`WriteCx::open`], with what else is needed meanwhile.
    ///
    /// # Errors
    /// `WrongType` if the key holds another type.
    #[inline]
    pub fn open_beside<'k, C: Collection>(
        &mut self,
        key: Key<'k>,
    ) -> Result<(Opened<'_, 'k, C>, Aside<'_>)> {
        let now_ms = self.now.unix_ms();
        let (slot, limits) = self.keyspace.slot_and_limits(self.db, key);
        let mut slot = bury(slot, self.changes, self.lookups, self.db, now_ms);
        slot.touch(self.touch);
        let opened = Opened::of(slot, limits).ok_or(Error::WrongType)?;
        Ok((opened, Aside { reply: self.reply, rng: self.rng }))
    }

    /// Says what closing a collection brought, if it changed: `event`, and that the key is new or gone.
    #[inline]
    pub fn closed(&mut self, key: Key<'_>, outcome: Outcome, event: Event) -> Change {
        match outcome {
            Outcome::Same => Change::NONE,
            Outcome::Changed => self.changed(key, event),
            Outcome::Created => {
                self.created(key);
                self.changed(key, event)
            }
            Outcome::Removed => {
                let change = self.changed(key, event);
                let _ = self.changes.also(self.db, key.bytes, Event::DEL);
                change
            }
        }
    }

    /// The collection of a key, to look at several together. A key past its time is missing.
    ///
    /// # Errors
    /// `WrongType` if the key holds another type.
    pub fn view<'s, V: View<'s>>(&'s self, key: Key<'_>) -> Result<Option<V>> {
        let now_ms = self.now.unix_ms();
        view_of(self.keyspace.db(self.db).find(key).filter(|&entry| !past(entry, now_ms)))
    }

    /// Puts a whole new value in the place of what stands at a key, without a time to live, and says so; with none the key
    /// is removed. What a command with STORE does with its result.
    pub fn replace(&mut self, key: Key<'_>, value: Option<Value>, event: Event) -> Change {
        let touch = self.touch;
        let mut slot = self.slot(key);
        let Some(value) = value else {
            let existed = slot.remove();
            return if existed { self.changed(key, Event::DEL) } else { Change::NONE };
        };
        let existed = slot.exists();
        value.put(|put| slot.put_until(put, None));
        slot.touch(touch);
        if !existed {
            self.created(key);
        }
        self.changed(key, event)
    }

    /// Takes what it removed from another database and is slow to free.
    pub fn collect(&mut self, db: usize) {
        self.garbage.values.append(&mut self.keyspace.take_waste(db));
    }

    /// Like [`WriteCx::slot`] and counted as a hit or a miss; with the reply, to write what stands there.
    pub fn read_slot<'k>(&mut self, key: Key<'k>) -> (Slot<'_, 'k>, &mut Reply) {
        let now_ms = self.now.unix_ms();
        let slot = open(self.keyspace, self.changes, self.lookups, self.db, now_ms, key);
        if slot.exists() {
            self.lookups.hits += 1;
        } else {
            self.lookups.miss(self.db, key.bytes);
        }
        (slot, self.reply)
    }

    /// Removes a key and tells whether it existed.
    pub fn remove(&mut self, key: Key<'_>) -> bool {
        self.slot(key).remove()
    }

    /// Says that a key is there that was not before; [`WriteCx::changed`] follows.
    #[inline]
    pub fn created(&mut self, key: Key<'_>) {
        let _ = self.changes.also(self.db, key.bytes, Event::NEW);
    }

    /// Says that a key changed, and how.
    #[inline]
    pub fn changed(&mut self, key: Key<'_>, event: Event) -> Change {
        self.changes.changed(self.db, key.bytes, event)
    }

    /// The log and replicas are told `words` instead of the request.
    pub fn log_as(&mut self, words: &[&[u8]]) {
        self.changes.log_as(self.db, words);
    }
}

/// A key's place; a key past its time is removed first, and everybody is told.
#[inline]
fn open<'s, 'k>(
    keyspace: &'s mut Keyspace,
    changes: &mut Changes,
    lookups: &mut Lookups,
    db: usize,
    now_ms: i64,
    key: Key<'k>,
) -> Slot<'s, 'k> {
    bury(keyspace.db_mut(db).slot(key), changes, lookups, db, now_ms)
}

/// Removes what stands in a slot if its time has passed, and tells everybody.
#[inline]
fn bury<'s, 'k>(
    mut slot: Slot<'s, 'k>,
    changes: &mut Changes,
    lookups: &mut Lookups,
    db: usize,
    now_ms: i64,
) -> Slot<'s, 'k> {
    let key = slot.key();
    if slot.deadline().is_some_and(|deadline| deadline < now_ms) {
        slot.remove();
        changes.tell(db, &[b"DEL", key.bytes]);
        let _ = changes.also(db, key.bytes, Event::EXPIRED);
        lookups.removed += 1;
    }
    slot
}

/// What a session command sees.
pub struct SessionCx<'a> {
    /// The request; index 0 is the name.
    pub args: Args<'a>,
    /// Its reply.
    pub reply: &'a mut Reply,
    /// The connection that sent it.
    pub me: &'a mut Session,
    /// The others.
    pub sessions: &'a mut Sessions,
    /// Who listens.
    pub pubsub: &'a mut PubSub,
    /// Who watches which keys.
    pub watch: &'a mut Watch,
    /// Who keeps copies of which keys.
    pub tracking: &'a mut Tracking,
    /// The databases, to look at.
    pub keyspace: &'a Keyspace,
    /// The settings.
    pub config: &'a Config,
    /// What is counted.
    pub stats: &'a mut Stats,
    /// What the call changed (PUBLISH tells replicas).
    pub changes: &'a mut Changes,
    /// What it removed and is slow to free, for another thread.
    pub garbage: &'a mut Removed,
    /// The time.
    pub now: Now,
    /// It runs inside EXEC.
    pub in_exec: bool,
}

impl<'a> SessionCx<'a> {
    /// An argument.
    pub fn arg(&self, at: usize) -> &'a [u8] {
        self.args.get(at)
    }

    /// What a command with a time-out of so many milliseconds (0: none) may do while what it asks for is not there.
    pub fn patience(&self, timeout_ms: u64) -> Patience {
        Patience::of(self.me.wait.as_deref(), self.in_exec, timeout_ms, self.now)
    }
}

/// What a server command sees.
pub struct ServerCx<'a> {
    /// The request; index 0 is the name.
    pub args: Args<'a>,
    /// Its reply.
    pub reply: &'a mut Reply,
    /// The connection that sent it.
    pub me: &'a mut Session,
    /// Everything else.
    pub parts: &'a mut Parts,
    /// What `io` counts of connections.
    pub io: &'a dyn IoCounters,
    /// The time.
    pub now: Now,
    /// It runs inside EXEC.
    pub in_exec: bool,
}

impl<'a> ServerCx<'a> {
    /// An argument.
    pub fn arg(&self, at: usize) -> &'a [u8] {
        self.args.get(at)
    }
}

/// The connection that runs, or another one: whose outbox gets a push.
pub fn outbox<'s>(
    me: &'s mut Session,
    sessions: &'s mut Sessions,
    id: ClientId,
) -> Option<&'s mut Reply> {
    if me.id() == id { Some(me.outbox()) } else { sessions.outbox(id) }
}

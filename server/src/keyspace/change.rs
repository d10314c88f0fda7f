//! What a command changed: kept in reused lists, read by what follows a change.
//!
//! Owns: the changes of one call and what the log is told of them.   Uses: nothing.   Never: who listens.
//!
//! A write command says [`Changes::changed`] once for each key and returns the [`Change`] it gets; so
//! "dirty", "watch", "notify" and "log" cannot be forgotten one by one. Keys are copied only while
//! somebody listens to single keys; the log is written only while somebody reads it.

/// What happened to a key, by the name that keyspace events give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The event's name, as in `__keyevent@0__:del`.
    pub name: &'static str,
    /// Its class: the letter in `notify-keyspace-events` that switches it on.
    pub class: Class,
}

/// The classes of keyspace events, by the letter of `notify-keyspace-events`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// `g`: commands that work on any type.
    Generic,
    /// `$`: strings.
    Text,
    /// `l`: lists.
    List,
    /// `s`: sets.
    Set,
    /// `h`: hashes.
    Hash,
    /// `z`: sorted sets.
    SortedSet,
    /// `t`: streams.
    Stream,
    /// `x`: a key that expired.
    Expired,
    /// `e`: a key that was evicted.
    Evicted,
    /// `n`: a key that was not there before.
    New,
    /// `m`: a key that was read and is not there.
    Miss,
}

/// Which changes of single keys are kept, by the class of their event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept(u16);

impl Kept {
    /// None.
    pub const NOTHING: Kept = Kept(0);
    /// All of them.
    pub const ALL: Kept = Kept(u16::MAX);
    /// What can bring a value that clients wait for to a key. A server whose workers wait for a list must not pay for it
    /// with every SET.
    pub const VALUES: Kept =
        Kept::of(&[Class::Generic, Class::List, Class::SortedSet, Class::Stream]);

    const fn of(classes: &[Class]) -> Kept {
        let (mut bits, mut at) = (0, 0);
        while at < classes.len() {
            bits |= 1 << classes[at] as u16;
            at += 1;
        }
        Kept(bits)
    }

    #[inline]
    const fn has(self, class: Class) -> bool {
        self.0 >> class as u16 & 1 != 0
    }
}

const fn generic(name: &'static str) -> Event {
    Event { name, class: Class::Generic }
}

const fn list(name: &'static str) -> Event {
    Event { name, class: Class::List }
}

const fn hash(name: &'static str) -> Event {
    Event { name, class: Class::Hash }
}

const fn set(name: &'static str) -> Event {
    Event { name, class: Class::Set }
}

const fn sorted_set(name: &'static str) -> Event {
    Event { name, class: Class::SortedSet }
}

const fn stream(name: &'static str) -> Event {
    Event { name, class: Class::Stream }
}

const fn text(name: &'static str) -> Event {
    Event { name, class: Class::Text }
}

/// Every event that the server can publish.
#[allow(missing_docs, reason = "each is named after what it says")]
impl Event {
    pub const DEL: Event = generic("del");
    pub const EXPIRE: Event = generic("expire");
    pub const PERSIST: Event = generic("persist");
    pub const RENAME_FROM: Event = generic("rename_from");
    pub const RENAME_TO: Event = generic("rename_to");
    pub const MOVE_FROM: Event = generic("move_from");
    pub const MOVE_TO: Event = generic("move_to");
    pub const COPY_TO: Event = generic("copy_to");
    pub const RESTORE: Event = generic("restore");
    pub const EXPIRED: Event = Event { name: "expired", class: Class::Expired };
    pub const EVICTED: Event = Event { name: "evicted", class: Class::Evicted };
    pub const NEW: Event = Event { name: "new", class: Class::New };
    pub const KEY_MISS: Event = Event { name: "keymiss", class: Class::Miss };
    pub const SET: Event = text("set");
    pub const APPEND: Event = text("append");
    pub const INCR_BY: Event = text("incrby");
    pub const INCR_BY_FLOAT: Event = text("incrbyfloat");
    pub const SET_RANGE: Event = text("setrange");
    pub const SET_BIT: Event = text("setbit");
    pub const PF_ADD: Event = text("pfadd");
    pub const SORT_STORE: Event = list("sortstore");
    pub const LPUSH: Event = list("lpush");
    pub const RPUSH: Event = list("rpush");
    pub const LPOP: Event = list("lpop");
    pub const RPOP: Event = list("rpop");
    pub const LINSERT: Event = list("linsert");
    pub const LSET: Event = list("lset");
    pub const LREM: Event = list("lrem");
    pub const LTRIM: Event = list("ltrim");
    pub const HSET: Event = hash("hset");
    pub const HDEL: Event = hash("hdel");
    pub const HINCRBY: Event = hash("hincrby");
    pub const HINCRBYFLOAT: Event = hash("hincrbyfloat");
    pub const HEXPIRE: Event = hash("hexpire");
    pub const HEXPIRED: Event = hash("hexpired");
    pub const HPERSIST: Event = hash("hpersist");
    pub const SADD: Event = set("sadd");
    pub const SREM: Event = set("srem");
    pub const SPOP: Event = set("spop");
    pub const SINTERSTORE: Event = set("sinterstore");
    pub const SUNIONSTORE: Event = set("sunionstore");
    pub const SDIFFSTORE: Event = set("sdiffstore");
    pub const ZADD: Event = sorted_set("zadd");
    pub const ZINCR: Event = sorted_set("zincr");
    pub const ZREM: Event = sorted_set("zrem");
    pub const ZREM_RANGE_BY_RANK: Event = sorted_set("zremrangebyrank");
    pub const ZREM_RANGE_BY_SCORE: Event = sorted_set("zremrangebyscore");
    pub const ZREM_RANGE_BY_LEX: Event = sorted_set("zremrangebylex");
    pub const ZPOPMIN: Event = sorted_set("zpopmin");
    pub const ZPOPMAX: Event = sorted_set("zpopmax");
    pub const ZRANGESTORE: Event = sorted_set("zrangestore");
    pub const ZUNIONSTORE: Event = sorted_set("zunionstore");
    pub const ZINTERSTORE: Event = sorted_set("zinterstore");
    pub const ZDIFFSTORE: Event = sorted_set("zdiffstore");
    pub const GEORADIUSSTORE: Event = sorted_set("georadiusstore");
    pub const GEOSEARCHSTORE: Event = sorted_set("geosearchstore");
    pub const XADD: Event = stream("xadd");
    pub const XTRIM: Event = stream("xtrim");
    pub const XDEL: Event = stream("xdel");
    pub const XSETID: Event = stream("xsetid");
    pub const XGROUP_CREATE: Event = stream("xgroup-create");
    pub const XGROUP_CREATECONSUMER: Event = stream("xgroup-createconsumer");
    pub const XGROUP_DELCONSUMER: Event = stream("xgroup-delconsumer");
    pub const XGROUP_DESTROY: Event = stream("xgroup-destroy");
    pub const XGROUP_SETID: Event = stream("xgroup-setid");
    /// Changes the data set without an event for each key (FLUSHALL).
    pub const SILENT: Event = generic("");
}

impl Event {
    /// Whether who watches the key, or keeps a copy of what it read there, is concerned: what groups do among
    /// themselves, and where the next entry's ID begins, is no change of a stream to them.
    pub fn alters_value(self) -> bool {
        const OF_GROUPS: [Event; 6] = [
            Event::XGROUP_CREATE,
            Event::XGROUP_CREATECONSUMER,
            Event::XGROUP_DELCONSUMER,
            Event::XGROUP_DESTROY,
            Event::XGROUP_SETID,
            Event::XSETID,
        ];
        self.class != Class::Stream || !OF_GROUPS.contains(&self)
    }

    /// Whether it may bring a value to a key, or take it away: who waits for the key is served. What only takes from a
    /// value, or changes how long it lives, brings nothing, if anybody can wait for more of that value (of a stream).
    pub fn may_bring(self) -> bool {
        match self.class {
            Class::Miss => false,
            // An entry is there, or a group is not any more.
            Class::Stream => [Event::XADD, Event::XGROUP_DESTROY].contains(&self),
            // Who waits for many elements waits for more of them (BLMOVEM).
            Class::List => !["lpop", "rpop", "lrem", "ltrim", "lset"].contains(&self.name),
            Class::Text | Class::Hash | Class::Set | Class::SortedSet => true,
            Class::Expired | Class::Evicted | Class::New => true,
            Class::Generic => ![Event::EXPIRE, Event::PERSIST, Event::SILENT].contains(&self),
        }
    }
}

/// Proof that a write command said what it changed.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change(());

impl Change {
    /// The command changed nothing.
    pub const NONE: Change = Change(());
}

/// One changed key.
#[derive(Clone, Copy, Debug)]
pub struct Changed<'a> {
    /// The database's number.
    pub db: usize,
    /// The key.
    pub key: &'a [u8],
    /// What happened to it.
    pub event: Event,
}

struct Record {
    db: usize,
    start: usize,
    end: usize,
    event: Event,
}

struct Told {
    db: usize,
    start: usize,
    end: usize,
}

/// The changes of one call.
#[derive(Default)]
pub struct Changes {
    dirty: u64,
    keys: Vec<u8>,
    records: Vec<Record>,
    flushed: Vec<usize>,
    text: Vec<u8>,
    told: Vec<Told>,
    replaced: bool,
    bound: bool,
    emptied_all: bool,
    kept: Kept,
    keep_log: bool,
}

impl Changes {
    /// Switches the recording of single keys and of the log on or off.
    pub fn listen(&mut self, keys: Kept, log: bool) {
        self.kept = keys;
        self.keep_log = log;
    }

    /// Forgets the changes of the call before.
    #[inline]
    pub fn begin(&mut self) {
        self.dirty = 0;
        (self.replaced, self.bound) = (false, false);
        // Not "while somebody listens": what a listener that left did not read must not be taken for
        // a change of the next call.
        if self.heard() {
            self.keys.clear();
            self.records.clear();
            self.flushed.clear();
            self.text.clear();
            self.told.clear();
        }
    }

    /// Says that a key changed. O(1); copies the key only while somebody listens.
    #[inline]
    pub fn changed(&mut self, db: usize, key: &[u8], event: Event) -> Change {
        self.dirty += 1;
        self.also(db, key, event)
    }

    /// A second event of a change that was already counted.
    #[inline]
    pub fn also(&mut self, db: usize, key: &[u8], event: Event) -> Change {
        if self.kept.has(event.class) {
            let start = self.keys.len();
            self.keys.extend_from_slice(key);
            self.records.push(Record { db, start, end: self.keys.len(), event });
        }
        Change(())
    }

    /// Says that a whole database was emptied of `keys` keys.
    pub fn flushed(&mut self, db: usize, keys: u64) -> Change {
        self.dirty += keys;
        self.flushed.push(db);
        Change(())
    }

    /// Says that two databases changed places, which is one change.
    pub fn swapped(&mut self, a: usize, b: usize) -> Change {
        self.dirty += 1;
        self.flushed.extend([a, b]);
        Change(())
    }

    /// Says that all data is gone: a snapshot that is being written must not bring it back.
    pub fn emptied_all(&mut self) {
        self.emptied_all = true;
    }

    /// Whether all data went since the last call of this.
    pub fn take_emptied_all(&mut self) -> bool {
        std::mem::take(&mut self.emptied_all)
    }

    /// Counts `more` changes in the place of `less` that were counted for the same thing.
    pub fn recount(&mut self, less: u64, more: u64) -> Change {
        self.dirty = self.dirty - less + more;
        Change(())
    }

    /// Counts a change that has no key.
    pub fn count(&mut self, changes: u64) -> Change {
        self.dirty += changes;
        Change(())
    }

    /// The log and replicas are told `words` instead of the command as it was sent. May be said
    /// several times.
    pub fn log_as(&mut self, db: usize, words: &[&[u8]]) {
        self.replaced = true;
        self.tell(db, words);
    }

    /// What the log and replicas are told of this call is one unit: all of it happens or nothing.
    pub fn bind(&mut self) {
        self.bound = true;
    }

    /// Whether it is one unit; see [`Changes::bind`].
    pub fn is_bound(&self) -> bool {
        self.bound
    }

    /// Whether anybody reads what the log is told.
    #[inline]
    pub fn keeps_log(&self) -> bool {
        self.keep_log
    }

    /// The log and replicas are told `words` before the command itself (an expired key's DEL).
    pub fn tell(&mut self, db: usize, words: &[&[u8]]) {
        if !self.keep_log {
            return;
        }
        let start = self.text.len();
        write_request(&mut self.text, words.len(), words.iter().copied());
        self.told.push(Told { db, start, end: self.text.len() });
    }

    /// Like [`Changes::tell`], before all that was told already (fields that expired before a command took effect).
    pub fn tell_first(&mut self, db: usize, words: &[&[u8]]) {
        let before = self.told.len();
        self.tell(db, words);
        if self.told.len() > before {
            self.told.rotate_right(1);
        }
    }

    /// Tells the log the command as it was sent, unless it was replaced or changed nothing.
    pub fn tell_sent<'w>(
        &mut self,
        db: usize,
        count: usize,
        words: impl Iterator<Item = &'w [u8]>,
    ) {
        if !self.keep_log || self.replaced || self.dirty == 0 {
            return;
        }
        let start = self.text.len();
        write_request(&mut self.text, count, words);
        self.told.push(Told { db, start, end: self.text.len() });
    }

    /// How many changes the call made.
    #[inline]
    pub fn dirty(&self) -> u64 {
        self.dirty
    }

    /// Whether a follower other than the dirty counter has anything to do.
    #[inline]
    pub fn heard(&self) -> bool {
        !(self.records.is_empty() && self.told.is_empty() && self.flushed.is_empty())
    }

    /// The changed keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = Changed<'_>> {
        self.records.iter().map(|record| Changed {
            db: record.db,
            key: &self.keys[record.start..record.end],
            event: record.event,
        })
    }

    /// The databases that were emptied, or swapped with another.
    pub fn emptied(&self) -> &[usize] {
        &self.flushed
    }

    /// What the log is told, in order: database and request.
    pub fn told(&self) -> impl Iterator<Item = (usize, &[u8])> {
        self.told.iter().map(|told| (told.db, &self.text[told.start..told.end]))
    }
}

/// Writes one request as RESP.
pub fn write_request<'w>(out: &mut Vec<u8>, count: usize, words: impl Iterator<Item = &'w [u8]>) {
    use std::io::Write;
    // Writing into a Vec cannot fail.
    let _ = write!(out, "*{count}\r\n");
    for word in words {
        let _ = write!(out, "${}\r\n", word.len());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_while_nobody_listens() {
        let mut changes = Changes::default();
        changes.begin();
        let _ = changes.changed(0, b"k", Event::SET);
        changes.tell_sent(0, 1, [b"SET".as_slice()].into_iter());
        assert_eq!(changes.dirty(), 1);
        assert!(!changes.heard());
    }

    #[test]
    fn the_log_is_told_the_replacement_and_not_the_command() {
        let mut changes = Changes::default();
        changes.listen(Kept::ALL, true);
        changes.begin();
        changes.tell(1, &[b"DEL", b"old"]);
        let _ = changes.changed(1, b"k", Event::SET);
        changes.log_as(1, &[b"SET", b"k", b"v"]);
        changes.tell_sent(1, 1, [b"GETSET".as_slice()].into_iter());
        let told: Vec<_> = changes.told().map(|(db, text)| (db, text.to_vec())).collect();
        assert_eq!(told.len(), 2);
        assert_eq!(told[0], (1, b"*2\r\n$3\r\nDEL\r\n$3\r\nold\r\n".to_vec()));
        assert_eq!(changes.keys().next().map(|c| c.key.to_vec()), Some(b"k".to_vec()));
    }
}

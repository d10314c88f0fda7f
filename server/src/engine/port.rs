//! The door between the engine and the world: what crosses, and what the engine needs of its host.
//!
//! Owns: the messages and the `Host` trait.   Uses: resp, session, keyspace.   Never: a socket, a thread.
//!
//! A batch is one connection's read buffer, the ranges of its parsed arguments and its reply buffer.
//! It moves by pointer and comes back for reuse: no allocation and no copy for a command. At most one
//! is in flight for a connection. Replies and pushes of a client leave through one list, so they have
//! one order.

use crate::base::random::KeyHasher;
use crate::command::context::{Hashed, IoCounters};
use crate::command::index::{Index, RowId, UNKNOWN};
use crate::config::{Config, LogLevel};
use crate::keyspace::Keyspace;
use crate::keyspace::access::Telling;
use crate::persist::rdb::decode::Purpose;
use crate::persist::rdb::fault::LoadError;
use crate::persist::rdb::records::Records;
use crate::resp::protocol::ProtocolError;
use crate::resp::reply::{Proto, Reply};
use crate::resp::request::Requests;
use crate::session::{Arrival, Buffers, Class, Route};
use std::any::Any;

/// What was looked up for a request by whoever parsed it.
#[derive(Clone, Copy, Debug)]
pub struct Prepared {
    /// The command's row.
    pub row: RowId,
    /// It is a short command that reads or writes data and has as many words as it needs: it cannot change
    /// what a session or the server may do, so whoever has run one may run the next.
    pub plain: bool,
    /// The first key's position and hash.
    pub hashed: Hashed,
}

/// How a batch ends, applied after its last reply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// More may come.
    #[default]
    Open,
    /// The client has sent its last byte.
    Eof,
    /// What followed was no request.
    Broken(ProtocolError),
}

/// Why the engine gave a batch back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stop {
    /// All its commands ran.
    #[default]
    Done,
    /// Its replies reached [`OUTPUT_FULL`]: send them and hand it in again.
    OutputFull,
}

/// A batch is given back to send its replies when they reach this many bytes.
pub const OUTPUT_FULL: usize = 1 << 20;

/// Requests of one connection on their way through the engine.
#[derive(Debug)]
pub struct Batch {
    /// Whose they are.
    pub route: Route,
    /// Where the engine found the session the last time.
    pub seat: u32,
    /// The database it had selected then.
    pub db: usize,
    /// The requests.
    pub requests: Requests,
    /// What was looked up for each.
    pub prepared: Vec<Prepared>,
    /// The next request to run.
    pub cursor: usize,
    /// How it ends.
    pub ending: Ending,
    /// Bytes received for it.
    pub bytes_in: u64,
    /// The replies.
    pub reply: Reply,
    /// Why it came back.
    pub stop: Stop,
    /// Close the connection once the replies are sent.
    pub close: bool,
    /// The connection may send anything.
    pub authenticated: bool,
    /// The class that decides its output limit.
    pub class: Class,
}

impl Batch {
    /// A batch with room for `capacity` bytes of requests.
    pub fn new(capacity: usize) -> Batch {
        Batch {
            route: Route::default(),
            seat: 0,
            db: 0,
            requests: Requests::with_capacity(capacity),
            prepared: Vec::new(),
            cursor: 0,
            ending: Ending::Open,
            bytes_in: 0,
            reply: Reply::new(Proto::Resp2),
            stop: Stop::Done,
            close: false,
            authenticated: false,
            class: Class::Normal,
        }
    }

    /// Makes it ready for the next use; keeps its buffers.
    pub fn reset(&mut self) {
        self.requests.clear();
        self.prepared.clear();
        self.cursor = 0;
        self.ending = Ending::Open;
        self.bytes_in = 0;
        self.reply.clear();
        self.stop = Stop::Done;
        self.close = false;
    }

    /// Bytes of memory in use.
    pub fn footprint(&self) -> usize {
        size_of::<Batch>()
            + self.requests.footprint()
            + self.prepared.capacity() * size_of::<Prepared>()
            + self.reply.footprint()
    }

    /// Whether it says anything to the engine.
    pub fn has_news(&self) -> bool {
        self.cursor < self.requests.len() || self.ending != Ending::Open
    }
}

/// Looks up what can be known of a request without data: done by whoever parses it.
#[derive(Clone)]
pub struct Preparer {
    index: Index,
    hasher: KeyHasher,
}

impl Preparer {
    /// A preparer for one thread.
    pub fn new(index: Index, hasher: KeyHasher) -> Preparer {
        Preparer { index, hasher }
    }

    /// Prepares the requests of a batch that have not been yet.
    #[inline]
    pub fn prepare(&self, batch: &mut Batch) {
        for at in batch.prepared.len()..batch.requests.len() {
            let args = batch.requests.args(at);
            let second = if args.len() > 1 { Some(args.get(1)) } else { None };
            let mut prepared =
                Prepared { row: self.index.resolve(args.get(0), second), ..Prepared::default() };
            if let Some(entry) = self.index.entry(prepared.row) {
                prepared.plain = entry.plain && entry.takes(args.len());
                if entry.first_key > 0 && entry.first_key < args.len() {
                    let hash = self.hasher.hash(args.get(entry.first_key));
                    prepared.hashed = Hashed { at: entry.first_key, hash };
                }
            }
            batch.prepared.push(prepared);
        }
    }
}

impl Default for Prepared {
    fn default() -> Self {
        Prepared { row: UNKNOWN, plain: false, hashed: Hashed::default() }
    }
}

/// Why a connection is gone without the engine's doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The peer, or the net.
    Peer,
    /// More waited to be sent than its class allows.
    OutputLimit,
}

/// What comes in.
#[derive(Debug)]
pub enum Inbound {
    /// A connection begins.
    Connected(Box<Arrival>),
    /// Requests.
    Batch(Box<Batch>),
    /// The peer of a connection whose batch is in flight sends no more. If that client waits, it is
    /// dropped; else the batch that says so follows.
    Hangup(Route),
    /// What `io` holds for a connection has changed by much, or some time ago.
    Buffers(Route, Buffers),
    /// A connection is gone; nothing can be sent to it any more.
    Gone(Route, Loss),
}

/// What goes out.
#[derive(Debug)]
pub enum Outbound {
    /// A batch comes back with its replies.
    Answer(Box<Batch>),
    /// Output that answers no batch: pushes, and the replies before a wait.
    Push(Route, Box<Reply>, Class),
    /// The connection closes once everything before was sent.
    Close(Route),
    /// The connection closes now, whatever waits to be sent.
    Cut(Route),
}

/// Something that another thread only drops, because freeing it takes long.
pub struct Garbage {
    /// What to drop.
    pub what: Box<dyn Any + Send>,
    /// How many objects it counts as.
    pub objects: u64,
}

/// Why a child could not be forked, or a file not written: a text for the reply, INFO and the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostError(pub String);

/// How a snapshot is to be written.
#[derive(Clone, Debug)]
pub struct Job {
    /// The directory.
    pub dir: String,
    /// The file's name in it.
    pub file: String,
    /// The RDB version: 10 or 11.
    pub version: u16,
    /// Compress strings.
    pub compress: bool,
    /// End with a checksum.
    pub checksum: bool,
    /// The time to write into the file, in milliseconds since 1970.
    pub now_ms: i64,
    /// What it tells of the use of keys.
    pub uses: Telling,
    /// Memory in use, for the file's head.
    pub used_memory: u64,
}

/// A settings file that is to say what the settings are.
#[derive(Debug)]
pub struct Rewrite {
    /// The file.
    pub path: String,
    /// The settings.
    pub wanted: Config,
}

/// Names one [`Rewrite`] until its end is told.
pub type Ticket = u64;

/// A child that was forked.
#[derive(Clone, Copy, Debug)]
pub struct Forked {
    /// The process.
    pub pid: i32,
    /// How long the fork stopped the core, in microseconds.
    pub fork_us: u64,
}

/// What is heard of the child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChildNews {
    /// There is none.
    None,
    /// It works.
    Alive {
        /// Keys written so far.
        keys: u64,
        /// Bytes written so far.
        bytes: u64,
        /// Bytes copied on write so far.
        cow: u64,
    },
    /// It is done; its file is being given its name.
    Placing,
    /// It is done and its file stands in place.
    Finished {
        /// Bytes copied on write.
        cow: u64,
    },
    /// It failed; the last good file stands as it was.
    Failed(HostError),
}

/// Memory that this process could use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Bytes of the machine, or of the group of processes this one is limited to.
    pub total: u64,
    /// What is available of them.
    pub available: u64,
}

/// A snapshot file that is being read.
#[derive(Clone, Debug)]
pub struct SnapshotFile {
    /// Its size in bytes.
    pub size: u64,
    /// Its name, for messages.
    pub name: String,
}

/// What comes of asking for the next keys of a snapshot.
pub enum Decoded {
    /// Some are there.
    Records(Records),
    /// They are not decoded yet: ask again.
    Later,
    /// There are no more, and the file is sound to its end.
    End,
}

/// What the engine needs of the world. `io` implements it; the simulation has its own.
pub trait Host: IoCounters {
    /// Nanoseconds of a clock that never jumps. Cheap: read around every slow command.
    fn ticks(&mut self) -> u64;
    /// Nanoseconds of processor time of the thread that runs the engine. A system call: for what is rare.
    fn cpu_ticks(&mut self) -> u64;
    /// Forks a child that writes a snapshot of the keyspace as it is now.
    ///
    /// # Errors
    /// The reason in words, with what to set.
    fn fork_snapshot(&mut self, keyspace: &Keyspace, job: &Job) -> Result<Forked, HostError>;
    /// How the child is. When it has finished, its file has been put in place.
    fn child(&mut self) -> ChildNews;
    /// Ends the child; its file is removed, unless it is about to be put in place: then this waits.
    fn kill_child(&mut self);
    /// Writes a snapshot now, on the caller's time.
    ///
    /// # Errors
    /// The reason in words; the last good file stands as it was.
    fn write_snapshot(&mut self, keyspace: &Keyspace, job: &Job) -> Result<(), HostError>;
    /// Opens the snapshot and begins to decode it; none: there is no file.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    fn open_snapshot(
        &mut self,
        job: &Job,
        purpose: Purpose,
    ) -> Result<Option<SnapshotFile>, HostError>;
    /// The next keys of the open snapshot. `emptied` is used again. May wait for about a millisecond.
    ///
    /// # Errors
    /// The first fault of the file, the disk's errors among them, after every key before it.
    fn next_records(&mut self, emptied: Records) -> Result<Decoded, LoadError>;
    /// Whether a directory can be written to: asked before `dir` changes.
    ///
    /// # Errors
    /// The reason in words.
    fn use_directory(&mut self, dir: &str) -> Result<(), HostError>;
    /// How much memory there is; none: nobody says. Some 50 us.
    fn memory(&mut self) -> Option<Room> {
        None
    }
    /// Makes sure that so many clients can be connected: asked before `maxclients` changes.
    ///
    /// # Errors
    /// The reason in words, with how many there can be.
    fn hold_clients(&mut self, _clients: u32) -> Result<(), HostError> {
        Ok(())
    }
    /// Begins to write a settings file anew; those begun earlier end earlier.
    ///
    /// # Errors
    /// It cannot begin: the reason in words.
    fn begin_rewrite(&mut self, _rewrite: Box<Rewrite>) -> Result<Ticket, HostError> {
        Err(HostError("there is no disk to write to".into()))
    }
    /// What has come of it; none: it is not done yet. `wait`: waits for the disk. Told once.
    fn rewritten(&mut self, _ticket: Ticket, _wait: bool) -> Option<Result<(), HostError>> {
        None
    }
    /// Tells the kernel whom to end first when memory runs out.
    ///
    /// # Errors
    /// It does not listen: why.
    fn score_oom(&mut self, _config: &Config) -> Result<(), HostError> {
        Ok(())
    }
    /// Tells as much in the log as this level says.
    fn log_at(&mut self, _level: LogLevel) {}
    /// Does nothing for so many microseconds.
    fn sleep(&mut self, micros: u64);
    /// Takes what is slow to free, and frees it in the order in which it comes; [`IoCounters::freed`] counts it.
    fn discard(&mut self, garbage: Garbage);
    /// Serves the plain descriptors while a long command runs. Nothing runs that long yet.
    fn breathe(&mut self);
}

/// Words for a load that failed.
pub fn load_failure(file: &str, error: &LoadError) -> HostError {
    HostError(format!("{file}: {error}"))
}

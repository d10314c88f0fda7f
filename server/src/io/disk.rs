//! The engine's host: the clock, the snapshot file, the disk thread.
//!
//! Owns: the child that writes, the open file of a load, the directory.   Uses: child, directory,
//! persist::snapshot.   Never: decides when to save.
//!
//! A snapshot is written under a temporary name; this process renames it when it is whole and on the
//! disk, and the directory is synced behind the rename. For a child's file the disk thread does both, for
//! on a busy disk that takes long.

use super::child::{self, Paths, Writing};
use super::clock::Clock;
use super::conf;
use super::decode::Decoding;
use super::directory::{self, Directory, words};
use super::memory::Meter;
use super::oom::Oom;
use super::registry::Registry;
use crate::base::{crc, sys};
use crate::command::context::{Freeing, IoCounters, RingDepth, ThreadLoad};
use crate::config::{Config, LogLevel};
use crate::engine::port::{
    ChildNews, Decoded, Forked, Garbage, Host, HostError, Job, Rewrite, Room, SnapshotFile, Ticket,
};
use crate::keyspace::Keyspace;
use crate::persist::rdb::decode::Purpose;
use crate::persist::rdb::fault::LoadError;
use crate::persist::rdb::format::Version;
use crate::persist::rdb::records::Records;
use crate::persist::rdb::save::{Options, Scratch, WriterSink};
use crate::persist::snapshot;
use crate::session::ClientId;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvError, SyncSender, TryRecvError, TrySendError, sync_channel};

/// Descriptors that the server needs besides its clients'.
pub const OWN_DESCRIPTORS: u64 = 64;

/// The world as the engine sees it.
pub struct World {
    clock: Clock,
    registry: Arc<Registry>,
    meter: Meter,
    stage: Stage,
    /// Children that were killed and did not die yet.
    dying: Vec<i32>,
    scratch: Scratch,
    loading: Option<Decoding>,
    files: u64,
    directory: Option<Directory>,
    disk: SyncSender<Work>,
    /// Settings files that are being written, and the number of the next one.
    rewrites: Vec<(Ticket, Receiver<Result<(), HostError>>)>,
    next_ticket: Ticket,
    oom: Oom,
    /// Objects given to the disk thread to free.
    handed: u64,
    /// Objects that it has freed.
    freed: Arc<AtomicU64>,
    /// Percent of the last second in which each I/O thread was awake.
    busy: Vec<u64>,
    ring_depth: RingDepth,
    set_level: Box<dyn Fn(LogLevel)>,
}

/// How far the snapshot in the background is.
enum Stage {
    /// There is none.
    Idle,
    /// A child writes it.
    Writing(Box<Writing>),
    /// The child has ended well, and the disk thread gives the file its name.
    Placing(Receiver<Result<(), HostError>>, u64),
}

/// What the disk thread does.
enum Work {
    Free(Garbage, Arc<AtomicU64>),
    Place(Paths, SyncSender<Result<(), HostError>>),
    Rewrite(Box<Rewrite>, SyncSender<Result<(), HostError>>),
}

impl Work {
    fn carry_out(self) {
        match self {
            Work::Free(garbage, freed) => {
                let Garbage { what, objects } = garbage;
                drop(what);
                freed.fetch_add(objects, Ordering::Release);
            }
            Work::Place(paths, answer) => {
                // Nobody waits for the answer when the server ends.
                let _ = answer.send(put_in_place(&paths));
            }
            Work::Rewrite(job, answer) => {
                // Nor for this one's.
                let _ = answer.send(conf::replace(&job));
            }
        }
    }
}

impl World {
    /// A host that tells this clock's time. Starts the disk thread.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn new(
        clock: Clock,
        registry: Arc<Registry>,
        set_level: Box<dyn Fn(LogLevel)>,
    ) -> io::Result<World> {
        let (disk, works) = sync_channel::<Work>(64);
        std::thread::Builder::new()
            .name("disk".into())
            .spawn(move || works.into_iter().for_each(Work::carry_out))?;
        // What the child needs of the process must be there before the first fork.
        crc::warm();
        Ok(World {
            clock,
            registry,
            meter: Meter::new(),
            stage: Stage::Idle,
            dying: Vec::new(),
            scratch: Scratch::new(),
            loading: None,
            files: 0,
            directory: None,
            disk,
            rewrites: Vec::new(),
            next_ticket: 0,
            oom: Oom::default(),
            handed: 0,
            freed: Arc::default(),
            busy: Vec::new(),
            ring_depth: RingDepth::default(),
            set_level,
        })
    }

    /// The clock.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Notes how many messages of the I/O threads a turn began with.
    pub fn note_ring_depth(&mut self, depth: usize) {
        let last = depth as u64;
        self.ring_depth = RingDepth { last, most: self.ring_depth.most.max(last) };
    }

    /// Notes what percentage of the last second each I/O thread was awake.
    pub fn note_busy(&mut self, percent: Vec<u64>) {
        self.busy = percent;
    }

    fn paths(&mut self, job: &Job) -> Paths {
        self.files += 1;
        let dir = Path::new(&job.dir);
        Paths {
            temporary: directory::temporary(dir, self.files),
            target: dir.join(&job.file),
            directory: self.directory.clone(),
        }
    }

    /// The claim on a directory that this server already has.
    fn claimed(&self, dir: &Path) -> Option<Directory> {
        let childs = match &self.stage {
            Stage::Writing(writing) => writing.paths.directory.as_ref(),
            Stage::Idle | Stage::Placing(..) => None,
        };
        self.directory.iter().chain(childs).find(|claim| claim.is_at(dir)).cloned()
    }

    /// Hands a file to the disk thread, or puts it in place here if that one has too much to do.
    fn place(&self, paths: Paths) -> Receiver<Result<(), HostError>> {
        let (answer, answered) = sync_channel(1);
        match self.disk.try_send(Work::Place(paths, answer)) {
            Ok(()) => {}
            Err(TrySendError::Full(work) | TrySendError::Disconnected(work)) => work.carry_out(),
        }
        answered
    }
}

impl IoCounters for World {
    fn output(&self, id: ClientId) -> (u64, u64) {
        self.registry.output(id)
    }

    fn freeing(&self) -> Freeing {
        Freeing { handed: self.handed, freed: self.freed.load(Ordering::Acquire) }
    }

    fn threads(&self) -> Vec<ThreadLoad> {
        let mut threads = self.registry.threads();
        for (thread, &percent) in threads.iter_mut().skip(1).zip(&self.busy) {
            thread.percent = percent;
        }
        threads
    }

    fn ring_depth(&self) -> RingDepth {
        self.ring_depth
    }

    fn entropy(&self, out: &mut [u8]) -> bool {
        sys::entropy(out).is_ok()
    }
}

/// How the job says it, as the writer wants it.
fn options(job: &Job) -> Options {
    Options {
        version: Version::for_saving(job.version).unwrap_or(Version::DEFAULT),
        compress: job.compress,
        checksum: job.checksum,
        now_ms: job.now_ms,
        uses: job.uses,
        used_memory: job.used_memory,
        aof_base: false,
    }
}

/// The disk thread has gone without an answer, which only a bug can cause.
fn silent() -> HostError {
    HostError("the disk thread has ended".into())
}

impl Host for World {
    fn ticks(&mut self) -> u64 {
        self.clock.ticks()
    }

    fn cpu_ticks(&mut self) -> u64 {
        sys::thread_cpu_ns()
    }

    fn fork_snapshot(&mut self, keyspace: &Keyspace, job: &Job) -> Result<Forked, HostError> {
        self.dying.retain(|&pid| sys::reap(pid).is_none());
        let paths = self.paths(job);
        let (writing, forked) =
            child::start(keyspace, options(job), &mut self.scratch, self.clock, paths)?;
        self.oom.mark_child(forked.pid);
        self.stage = Stage::Writing(Box::new(writing));
        Ok(forked)
    }

    fn child(&mut self) -> ChildNews {
        match std::mem::replace(&mut self.stage, Stage::Idle) {
            Stage::Idle => ChildNews::None,
            Stage::Writing(mut writing) => {
                let (keys, bytes, cow) = (writing.keys, writing.bytes, writing.cow);
                match writing.ended() {
                    None => self.stage = Stage::Writing(writing),
                    Some(exit) => {
                        if let Some(why) = writing.failure(exit) {
                            return ChildNews::Failed(why);
                        }
                        let answered = self.place(writing.paths);
                        self.stage = Stage::Placing(answered, writing.cow);
                    }
                }
                ChildNews::Alive { keys, bytes, cow }
            }
            Stage::Placing(answered, cow) => match answered.try_recv() {
                Ok(Ok(())) => ChildNews::Finished { cow },
                Ok(Err(why)) => ChildNews::Failed(why),
                Err(TryRecvError::Disconnected) => ChildNews::Failed(silent()),
                Err(TryRecvError::Empty) => {
                    self.stage = Stage::Placing(answered, cow);
                    ChildNews::Placing
                }
            },
        }
    }

    fn kill_child(&mut self) {
        match std::mem::replace(&mut self.stage, Stage::Idle) {
            Stage::Idle => {}
            Stage::Writing(writing) => self.dying.extend(writing.kill()),
            // It cannot be called back, and must not replace what is written after this.
            Stage::Placing(answered, _) => {
                let _: Result<_, RecvError> = answered.recv();
            }
        }
    }

    fn write_snapshot(&mut self, keyspace: &Keyspace, job: &Job) -> Result<(), HostError> {
        let paths = self.paths(job);
        let result = write_here(keyspace, options(job), &mut self.scratch, &paths.temporary);
        if result.is_err() {
            // It is no snapshot; if it stays, the next start removes it.
            let _ = fs::remove_file(&paths.temporary);
        }
        result.and_then(|()| put_in_place(&paths))
    }

    fn open_snapshot(
        &mut self,
        job: &Job,
        purpose: Purpose,
    ) -> Result<Option<SnapshotFile>, HostError> {
        let path = Path::new(&job.dir).join(&job.file);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(words("cannot open", &path, &error)),
        };
        let size = file.metadata().map_err(|e| words("cannot look at", &path, &e))?.len();
        let decoding = Decoding::start(file, size, purpose);
        self.loading = Some(decoding.map_err(|e| words("cannot start to read", &path, &e))?);
        Ok(Some(SnapshotFile { size, name: path.display().to_string() }))
    }

    fn next_records(&mut self, emptied: Records) -> Result<Decoded, LoadError> {
        let Some(decoding) = &mut self.loading else { return Ok(Decoded::End) };
        let next = decoding.next(emptied);
        if matches!(next, Err(_) | Ok(Decoded::End)) {
            self.loading = None;
        }
        next
    }

    fn use_directory(&mut self, dir: &str) -> Result<(), HostError> {
        let dir = Path::new(dir);
        // Only at the start somebody can wait for a server that is just dying.
        let patient = self.directory.is_none();
        let claim = match self.claimed(dir) {
            Some(claim) => claim,
            None => Directory::claim(dir, patient)?,
        };
        self.directory = Some(claim);
        Ok(())
    }

    fn memory(&mut self) -> Option<Room> {
        self.meter.read()
    }

    fn hold_clients(&mut self, clients: u32) -> Result<(), HostError> {
        let limit = sys::raise_descriptor_limit(u64::from(clients) + OWN_DESCRIPTORS);
        let most = limit.saturating_sub(OWN_DESCRIPTORS);
        if most >= u64::from(clients) {
            return Ok(());
        }
        let words = "The operating system is not able to handle the specified number of clients";
        Err(HostError(format!("{words}, try with {most}")))
    }

    fn begin_rewrite(&mut self, rewrite: Box<Rewrite>) -> Result<Ticket, HostError> {
        let (answer, answered) = sync_channel(1);
        // Not here instead when that thread has too much to do: an older one may still be in its queue.
        let begun = self.disk.try_send(Work::Rewrite(rewrite, answer));
        begun.map_err(|_| HostError("the disk has too much to do: try again".into()))?;
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.rewrites.push((ticket, answered));
        Ok(ticket)
    }

    fn rewritten(&mut self, ticket: Ticket, wait: bool) -> Option<Result<(), HostError>> {
        let at = self.rewrites.iter().position(|(other, _)| *other == ticket)?;
        let answered = &self.rewrites[at].1;
        let result = if wait {
            answered.recv().unwrap_or_else(|_| Err(silent()))
        } else {
            match answered.try_recv() {
                Ok(result) => result,
                Err(TryRecvError::Empty) => return None,
                Err(TryRecvError::Disconnected) => Err(silent()),
            }
        };
        self.rewrites.swap_remove(at);
        Some(result)
    }

    fn score_oom(&mut self, config: &Config) -> Result<(), HostError> {
        self.oom.apply(config)
    }

    fn log_at(&mut self, level: LogLevel) {
        (self.set_level)(level);
    }

    fn sleep(&mut self, micros: u64) {
        std::thread::sleep(std::time::Duration::from_micros(micros));
    }

    fn discard(&mut self, garbage: Garbage) {
        let objects = garbage.objects;
        // A full queue means that much is being freed already: then this is freed here, and not counted.
        if self.disk.try_send(Work::Free(garbage, Arc::clone(&self.freed))).is_ok() {
            self.handed += objects;
        }
    }

    fn breathe(&mut self) {}
}

fn write_here(
    keyspace: &Keyspace,
    options: Options,
    scratch: &mut Scratch,
    temporary: &Path,
) -> Result<(), HostError> {
    let file = directory::create(temporary).map_err(|e| words("cannot create", temporary, &e))?;
    snapshot::write(keyspace, options, scratch, WriterSink(&file), &mut ())
        .map_err(|e| words("cannot write", temporary, &io::Error::from_raw_os_error(e.errno)))?;
    file.sync_all().map_err(|e| words("cannot sync", temporary, &e))
}

/// Gives a whole snapshot its name; one that cannot have it is removed.
fn put_in_place(paths: &Paths) -> Result<(), HostError> {
    let Paths { temporary, target, directory } = paths;
    if let Err(error) = fs::rename(temporary, target) {
        let _ = fs::remove_file(temporary);
        return Err(words("cannot rename to", target, &error));
    }
    let synced = directory.as_ref().map_or(Ok(()), Directory::sync);
    synced.map_err(|e| words("cannot sync the directory of", target, &e))
}

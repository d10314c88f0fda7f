//! The engine's host: the clock, the snapshot child, the snapshot file.
//!
//! Owns: the child and its pipe, the open file of a load.   Uses: base::sys, persist::snapshot.
//! Never: decides when to save.
//!
//! A snapshot is written under the name `temp-PID-N.rdb` and renamed by this process when it is whole and
//! on the disk; the directory is synced behind the rename. A child that outlives its parent could
//! replace a newer file: so it dies with its parent and never renames anything.

use super::clock::Clock;
use super::registry::Registry;
use crate::base::sys::{self, Exit, Fork, child};
use crate::command::context::IoCounters;
use crate::engine::port::{ChildNews, Forked, Garbage, Host, HostError, Job, SnapshotFile};
use crate::keyspace::Keyspace;
use crate::persist::rdb::format::Version;
use crate::persist::rdb::save::{Options, Scratch, Sink, SinkError, WriterSink};
use crate::persist::snapshot;
use crate::session::ClientId;
use std::fs::{self, File};
use std::io::{self, PipeReader, Read};
use std::os::fd::{AsRawFd, RawFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

/// The world as the engine sees it.
pub struct World {
    clock: Clock,
    registry: Arc<Registry>,
    child: Option<Writing>,
    scratch: Scratch,
    loading: Option<File>,
    files: u64,
    lock: Option<File>,
    garbage: SyncSender<Garbage>,
}

/// A child that writes.
struct Writing {
    pid: i32,
    news: PipeReader,
    keys: u64,
    cow: u64,
    error: Option<i32>,
    temporary: PathBuf,
    target: PathBuf,
}

/// A message of the child: kind, then a number.
const MESSAGE: usize = 9;
const KEYS: u8 = b'k';
const COPIED: u8 = b'c';
const ERROR: u8 = b'e';

impl World {
    /// A host that tells this clock's time. Starts the thread that frees large things.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn new(clock: Clock, registry: Arc<Registry>) -> io::Result<World> {
        let (garbage, dump) = sync_channel::<Garbage>(64);
        std::thread::Builder::new().name("disk".into()).spawn(move || {
            while let Ok(rubbish) = dump.recv() {
                drop(rubbish);
            }
        })?;
        Ok(World {
            clock,
            registry,
            child: None,
            scratch: Scratch::new(),
            loading: None,
            files: 0,
            lock: None,
            garbage,
        })
    }

    /// The clock.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    fn temporary(&mut self, job: &Job) -> PathBuf {
        self.files += 1;
        Path::new(&job.dir).join(format!("temp-{}-{}.rdb", std::process::id(), self.files))
    }
}

impl IoCounters for World {
    fn output(&self, id: ClientId) -> (u64, u64) {
        self.registry.output(id)
    }
}

/// How the job says it, as the writer wants it.
fn options(job: &Job) -> Options {
    Options {
        version: Version::for_saving(job.version).unwrap_or(Version::DEFAULT),
        compress: job.compress,
        checksum: job.checksum,
        now_ms: job.now_ms,
        used_memory: job.used_memory,
        aof_base: false,
    }
}

fn words(doing: &str, path: &Path, error: &io::Error) -> HostError {
    HostError(format!("{doing} {}: {error}", path.display()))
}

impl Host for World {
    fn ticks(&mut self) -> u64 {
        self.clock.ticks()
    }

    fn fork_snapshot(&mut self, keyspace: &Keyspace, job: &Job) -> Result<Forked, HostError> {
        let temporary = self.temporary(job);
        let target = Path::new(&job.dir).join(&job.file);
        let file = File::create(&temporary).map_err(|e| words("cannot create", &temporary, &e))?;
        let (news, tell) =
            sys::pipe().map_err(|e| HostError(format!("cannot make a pipe: {e}")))?;
        let parent = std::process::id();
        let begun = self.clock.ticks();
        match sys::fork() {
            Ok(Fork::Child) => {
                let (file, tell) = (file.as_raw_fd(), tell.as_raw_fd());
                write_in_child(keyspace, options(job), &mut self.scratch, parent, file, tell)
            }
            Ok(Fork::Parent(pid)) => {
                let fork_us = self.clock.ticks().saturating_sub(begun) / 1000;
                self.child =
                    Some(Writing { pid, news, keys: 0, cow: 0, error: None, temporary, target });
                Ok(Forked { pid, fork_us })
            }
            Err(error) => {
                // The file is empty; if it cannot be removed the next start does.
                let _ = fs::remove_file(&temporary);
                Err(HostError(format!(
                    "cannot fork: {error}. Free memory, set vm.overcommit_memory=1, or raise the \
                     limit on processes"
                )))
            }
        }
    }

    fn child(&mut self) -> ChildNews {
        let Some(writing) = &mut self.child else { return ChildNews::None };
        writing.hear();
        let Some(exit) = sys::reap(writing.pid) else {
            return ChildNews::Alive { keys: writing.keys, cow: writing.cow };
        };
        writing.hear();
        let Some(writing) = self.child.take() else { return ChildNews::None };
        match writing.end(exit) {
            Ok(()) => ChildNews::Finished { cow: writing.cow },
            Err(why) => {
                // It is no snapshot; if it cannot be removed the next start does.
                let _ = fs::remove_file(&writing.temporary);
                ChildNews::Failed(why)
            }
        }
    }

    fn kill_child(&mut self) {
        if let Some(writing) = self.child.take() {
            sys::kill_and_reap(writing.pid);
            let _ = fs::remove_file(&writing.temporary);
        }
    }

    fn write_snapshot(&mut self, keyspace: &Keyspace, job: &Job) -> Result<(), HostError> {
        let temporary = self.temporary(job);
        let target = Path::new(&job.dir).join(&job.file);
        let result = write_here(keyspace, options(job), &mut self.scratch, &temporary)
            .and_then(|()| put_in_place(&temporary, &target));
        if result.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        result
    }

    fn open_snapshot(&mut self, job: &Job) -> Result<Option<SnapshotFile>, HostError> {
        let path = Path::new(&job.dir).join(&job.file);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(words("cannot open", &path, &error)),
        };
        let size = file.metadata().map_err(|e| words("cannot look at", &path, &e))?.len();
        self.loading = Some(file);
        Ok(Some(SnapshotFile { size, name: path.display().to_string() }))
    }

    fn read_snapshot(&mut self, buffer: &mut [u8]) -> Result<usize, HostError> {
        let Some(file) = &mut self.loading else { return Ok(0) };
        let read = file.read(buffer).map_err(|e| HostError(format!("cannot read on: {e}")))?;
        if read == 0 {
            self.loading = None;
        }
        Ok(read)
    }

    fn use_directory(&mut self, dir: &str) -> Result<(), HostError> {
        let lock = claim_directory(Path::new(dir))?;
        self.lock = Some(lock);
        Ok(())
    }

    fn sleep(&mut self, micros: u64) {
        std::thread::sleep(std::time::Duration::from_micros(micros));
    }

    fn discard(&mut self, garbage: Garbage) {
        // A full queue means that much is being freed already: then this is freed here.
        let _ = self.garbage.try_send(garbage);
    }

    fn breathe(&mut self) {}
}

impl Writing {
    /// Reads what the child has told since the last time.
    fn hear(&mut self) {
        let mut buffer = [0u8; MESSAGE * 64];
        while let Ok(count) = self.news.read(&mut buffer) {
            if count == 0 {
                break;
            }
            // Messages are shorter than a pipe's atomic unit, so they come whole.
            for message in buffer[..count].chunks_exact(MESSAGE) {
                let mut number = [0u8; 8];
                number.copy_from_slice(&message[1..]);
                let number = u64::from_le_bytes(number);
                match message[0] {
                    KEYS => self.keys = number,
                    COPIED => self.cow = number,
                    _ => self.error = Some(number as i32),
                }
            }
        }
    }

    /// Puts the file in place if the child did its work.
    fn end(&self, exit: Exit) -> Result<(), HostError> {
        match exit {
            Exit::Code(0) => put_in_place(&self.temporary, &self.target),
            Exit::Code(code) => {
                let why = self.error.map_or_else(
                    || format!("the child ended with code {code}"),
                    |errno| io::Error::from_raw_os_error(errno).to_string(),
                );
                Err(HostError(format!("cannot write {}: {why}", self.temporary.display())))
            }
            Exit::Signal(signal) => {
                Err(HostError(format!("the child was ended by signal {signal}")))
            }
        }
    }
}

/// The child's whole life.
fn write_in_child(
    keyspace: &Keyspace,
    options: Options,
    scratch: &mut Scratch,
    parent: u32,
    file: RawFd,
    tell: RawFd,
) -> ! {
    if !child::settle(parent, [file, tell]) {
        child::exit(2);
    }
    let mut page = [0u8; 8192];
    let mut progress = |keys: u64| {
        say(tell, KEYS, keys);
    };
    let written = snapshot::write(keyspace, options, scratch, Descriptor(file), &mut progress);
    let result = written.map_err(|e| e.errno).and_then(|totals| {
        say(tell, KEYS, totals.keys);
        child::sync(file)
    });
    say(tell, COPIED, child::private_dirty(&mut page));
    match result {
        Ok(()) => child::exit(0),
        Err(errno) => {
            say(tell, ERROR, errno as u64);
            child::exit(1)
        }
    }
}

/// Tells the parent; a parent that does not listen is no reason to stop.
fn say(tell: RawFd, kind: u8, number: u64) {
    let mut message = [kind; MESSAGE];
    message[1..].copy_from_slice(&number.to_le_bytes());
    let _ = child::write_all(tell, &message);
}

/// A descriptor as a sink: plain system calls.
struct Descriptor(RawFd);

impl Sink for Descriptor {
    fn write(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        child::write_all(self.0, bytes).map_err(|errno| SinkError { errno })
    }
}

fn write_here(
    keyspace: &Keyspace,
    options: Options,
    scratch: &mut Scratch,
    temporary: &Path,
) -> Result<(), HostError> {
    let file = File::create(temporary).map_err(|e| words("cannot create", temporary, &e))?;
    snapshot::write(keyspace, options, scratch, WriterSink(&file), &mut |_| {})
        .map_err(|e| words("cannot write", temporary, &io::Error::from_raw_os_error(e.errno)))?;
    file.sync_all().map_err(|e| words("cannot sync", temporary, &e))
}

/// Gives a whole snapshot its name.
fn put_in_place(temporary: &Path, target: &Path) -> Result<(), HostError> {
    fs::rename(temporary, target).map_err(|e| words("cannot rename to", target, &e))?;
    let dir = target.parent().unwrap_or(Path::new("."));
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(|e| words("cannot sync", dir, &e))
}

/// Locks a directory for this process and clears it of what dead processes left.
///
/// # Errors
/// Another server works in it, or it cannot be written to.
fn claim_directory(dir: &Path) -> Result<File, HostError> {
    let lock = File::open(dir).map_err(|e| words("cannot open the directory", dir, &e))?;
    if !sys::try_lock(&lock).map_err(|e| words("cannot lock the directory", dir, &e))? {
        return Err(HostError(format!(
            "another server works in the directory {}. Give this one a directory of its own (--dir)",
            dir.display()
        )));
    }
    let probe = dir.join(format!("temp-{}-0.rdb", std::process::id()));
    File::create(&probe).map_err(|e| words("cannot write to the directory", dir, &e))?;
    // If it stays, the next start removes it.
    let _ = fs::remove_file(&probe);
    remove_leftovers(dir);
    Ok(lock)
}

/// Removes the temporary files of processes that are gone.
fn remove_leftovers(dir: &Path) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(writer_of) else { continue };
        if !sys::process_exists(pid) || pid == std::process::id() as i32 {
            tracing::info!("Removing {}, left by a process that is gone", entry.path().display());
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The process in the name of a temporary file.
fn writer_of(name: &str) -> Option<i32> {
    let (pid, number) = name.strip_prefix("temp-")?.strip_suffix(".rdb")?.split_once('-')?;
    number.parse::<u64>().ok()?;
    pid.parse().ok()
}

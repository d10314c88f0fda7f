//! The forked child that writes a snapshot: its life, and what the parent knows of it.
//!
//! Owns: the process and the pipe from it.   Uses: base::sys, persist::snapshot.
//! Never: renames the file; allocates, locks or logs in the child.
//!
//! A child that outlives its parent could replace a newer file: so it dies with its parent, and the
//! parent gives the file its name, once the child has ended well (see `disk`).
//!
//! ```text
//!   parent   fork -- polls the pipe -- reaps -- renames
//!   child        \-- settle -- write, sync, tell -- _exit
//! ```

use super::clock::Clock;
use super::directory::{Directory, create, words};
use crate::base::crash;
use crate::base::sys::{self, Exit, Fork, Pages, child};
use crate::engine::port::{Forked, HostError};
use crate::keyspace::Keyspace;
use crate::persist::rdb::save::{Options, Scratch, Sink, SinkError};
use crate::persist::snapshot;
use std::fs;
use std::io::{self, PipeReader, Read};
use std::os::fd::{AsRawFd, RawFd};
use std::path::PathBuf;
use std::time::Duration;

/// The files of a snapshot in the making.
#[derive(Clone, Debug)]
pub struct Paths {
    /// Where it is written.
    pub temporary: PathBuf,
    /// What it is called when it is whole.
    pub target: PathBuf,
    /// The claim on the directory of both: held as long as the child lives, even if the server moves on.
    pub directory: Option<Directory>,
}

/// A child that writes, as its parent sees it.
#[derive(Debug)]
pub struct Writing {
    pid: i32,
    news: PipeReader,
    /// The files.
    pub paths: Paths,
    /// Keys written.
    pub keys: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Bytes of memory copied because of the child.
    pub cow: u64,
    error: Option<i32>,
}

/// A message of the child: its kind, then a number.
const MESSAGE: usize = 9;
const KEYS: u8 = b'k';
const BYTES: u8 = b'b';
const COPIED: u8 = b'c';
const ERROR: u8 = b'e';

/// Forks a child that writes `keyspace` as it is now.
///
/// # Errors
/// No file, no pipe or no process; the reason, and what to do about it.
pub fn start(
    keyspace: &Keyspace,
    options: Options,
    scratch: &mut Scratch,
    clock: Clock,
    paths: Paths,
) -> Result<(Writing, Forked), HostError> {
    let temporary = &paths.temporary;
    let file = create(temporary).map_err(|e| words("cannot create", temporary, &e))?;
    let piped = sys::pipe().map_err(|e| HostError(format!("cannot make a pipe: {e}")));
    let (news, tell) = piped.inspect_err(|_| discard(&paths))?;
    let parent = std::process::id();
    let begun = clock.ticks();
    match sys::fork() {
        Ok(Fork::Child) => {
            let voice = Voice { tell: tell.as_raw_fd(), clock, measured: 0, pause: 0 };
            live(keyspace, options, scratch, parent, file.as_raw_fd(), voice)
        }
        Ok(Fork::Parent(pid)) => {
            let fork_us = clock.ticks().saturating_sub(begun) / 1000;
            let writing = Writing { pid, news, paths, keys: 0, bytes: 0, cow: 0, error: None };
            Ok((writing, Forked { pid, fork_us }))
        }
        Err(error) => {
            discard(&paths);
            Err(cannot_fork(&error))
        }
    }
}

/// Removes what is no snapshot; if it stays, the next start removes it.
fn discard(paths: &Paths) {
    let _ = fs::remove_file(&paths.temporary);
}

fn cannot_fork(error: &io::Error) -> HostError {
    let advice = match error.raw_os_error() {
        Some(sys::NO_MEMORY) => "Free memory, or set vm.overcommit_memory=1",
        _ => "Raise the limit on processes (ulimit -u, or the container's pids limit)",
    };
    HostError(format!("cannot fork: {error}. {advice}"))
}

impl Writing {
    /// How the child has ended; none: it lives. Its news are up to date afterwards.
    pub fn ended(&mut self) -> Option<Exit> {
        let exit = sys::reap(self.pid);
        self.hear();
        exit
    }

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
                self.note(message[0], u64::from_le_bytes(number));
            }
        }
    }

    fn note(&mut self, kind: u8, number: u64) {
        match kind {
            KEYS => self.keys = number,
            BYTES => self.bytes = number,
            COPIED => self.cow = number,
            _ => self.error = i32::try_from(number).ok(),
        }
    }

    /// Why a child that ended so has not done its work; none: it has. A file that is no snapshot is removed.
    pub fn failure(&self, exit: Exit) -> Option<HostError> {
        let why = match exit {
            Exit::Code(0) => return None,
            Exit::Code(code) => match self.error {
                Some(errno) => {
                    let error = io::Error::from_raw_os_error(errno);
                    words("cannot write", &self.paths.temporary, &error).0
                }
                None => format!("the child ended with code {code}"),
            },
            Exit::Signal(signal) => format!("the child was ended by signal {signal}"),
        };
        discard(&self.paths);
        Some(HostError(why))
    }

    /// Kills the child and removes its file. Gives the process if it does not die at once: it waits for
    /// a disk, and is to be reaped later.
    pub fn kill(self) -> Option<i32> {
        sys::kill(self.pid);
        discard(&self.paths);
        for _ in 0..100 {
            if sys::reap(self.pid).is_some() {
                return None;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Some(self.pid)
    }
}

/// The child's whole life.
fn live(
    keyspace: &Keyspace,
    options: Options,
    scratch: &mut Scratch,
    parent: u32,
    file: RawFd,
    mut voice: Voice,
) -> ! {
    if !child::settle(parent, [file, voice.tell]) {
        child::exit(2);
    }
    crash::be_brief();
    let tell = voice.tell;
    let sink = Descriptor { file, written: 0, told: 0, voice: &mut voice };
    let written = snapshot::write(keyspace, options, scratch, sink, &mut Leaving(tell));
    let result = written.map_err(|e| e.errno).and_then(|totals| {
        say(tell, KEYS, totals.keys);
        say(tell, BYTES, totals.bytes);
        child::sync(file)
    });
    voice.measure();
    match result {
        Ok(()) => child::exit(0),
        Err(errno) => {
            say(tell, ERROR, u64::from(errno.unsigned_abs()));
            child::exit(1)
        }
    }
}

/// The child behind its writer: it tells what is written, and gives back the memory of it, so that the
/// parent's later writes there copy nothing.
struct Leaving(RawFd);

impl snapshot::Follow for Leaving {
    fn keys(&mut self, keys: u64) {
        say(self.0, KEYS, keys);
    }

    fn done(&mut self, pages: Pages) {
        child::forget(pages);
    }
}

/// Tells the parent; a parent that does not listen is no reason to stop.
fn say(tell: RawFd, kind: u8, number: u64) {
    let mut message = [kind; MESSAGE];
    message[1..].copy_from_slice(&number.to_le_bytes());
    let _ = child::write_all(tell, &message);
}

/// What the child says of itself while it writes.
struct Voice {
    tell: RawFd,
    clock: Clock,
    /// When the copied memory was last measured, in nanoseconds of the clock.
    measured: u64,
    /// How long to leave it then.
    pause: u64,
}

/// The copied memory is measured this much more rarely than it takes: the kernel walks all pages for it.
const MEASURE_SHARE: u64 = 100;
/// And not before so many nanoseconds.
const MEASURE_PAUSE: u64 = 100_000_000;

impl Voice {
    fn bytes(&mut self, written: u64) {
        say(self.tell, BYTES, written);
        if self.measured == 0 {
            self.measured = self.clock.ticks();
            self.pause = MEASURE_PAUSE;
        } else if self.clock.ticks().saturating_sub(self.measured) >= self.pause {
            self.measure();
        }
    }

    fn measure(&mut self) {
        let mut page = [0u8; 4096];
        let begun = self.clock.ticks();
        say(self.tell, COPIED, child::private_dirty(&mut page));
        self.measured = self.clock.ticks();
        self.pause = (self.measured.saturating_sub(begun) * MEASURE_SHARE).max(MEASURE_PAUSE);
    }
}

/// A descriptor as a sink: plain system calls.
struct Descriptor<'v> {
    file: RawFd,
    written: u64,
    /// Bytes that the parent knows of, and that the disk was asked to begin with.
    told: u64,
    voice: &'v mut Voice,
}

/// After so many bytes the disk is asked to begin, so that the sync at the end is short and other writers
/// are not held up by it; and the parent hears that the child is not stuck.
const STRIDE: u64 = 16 << 20;

impl Sink for Descriptor<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        child::write_all(self.file, bytes).map_err(|errno| SinkError { errno })?;
        self.written += bytes.len() as u64;
        if self.written - self.told >= STRIDE {
            child::begin_sync(self.file, self.told, self.written - self.told);
            self.told = self.written;
            self.voice.bytes(self.written);
        }
        Ok(())
    }
}

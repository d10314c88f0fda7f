//! The world of a simulated engine: ticks that only a seed moves, and a disk in memory that fails.
//!
//! Owns: the clock, the disk, the child that writes.   Uses: the server's port and snapshot writer.
//! Never: a real clock, file or process.

use crate::check::{Contents, contents};
use crate::dice::{BEGIN_MS, Dice};
use lodestore_server::base::time::Now;
use lodestore_server::command::context::IoCounters;
use lodestore_server::engine::port::{
    ChildNews, Decoded, Forked, Garbage, Host, HostError, Job, SnapshotFile,
};
use lodestore_server::keyspace::Keyspace;
use lodestore_server::keyspace::access::Telling;
use lodestore_server::persist::rdb::decode::{Decoder, Purpose};
use lodestore_server::persist::rdb::fault::LoadError;
use lodestore_server::persist::rdb::format::Version;
use lodestore_server::persist::rdb::records::Records;
use lodestore_server::persist::rdb::save::{Options, Scratch, Sink, SinkError};
use lodestore_server::persist::snapshot;
use lodestore_server::session::ClientId;
use std::io::Read;

/// What the engine is told when a fork fails.
pub const NO_FORK: &str = "cannot fork: no memory in this world";
/// What it is told when the disk fails.
pub const NO_SPACE: &str = "cannot write: no space in this world";

/// What goes wrong with the next snapshot.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// No child can be forked.
    Fork,
    /// The disk takes so many bytes and no more.
    Full(usize),
    /// The child is killed.
    Killed,
}

/// A snapshot on the disk, and what the data set held when it was written.
#[derive(Clone)]
pub struct File {
    pub bytes: Vec<u8>,
    pub held: Contents,
}

/// A child: what it will have written, and when it ends.
struct Child {
    ends: u64,
    result: Result<File, HostError>,
}

/// The world.
pub struct World {
    ticks: u64,
    dice: Dice,
    scratch: Scratch,
    child: Option<Child>,
    reading: Option<Decoder<Trickle>>,
    /// What befalls the next snapshot.
    pub fault: Option<Fault>,
    /// The last good snapshot.
    pub file: Option<File>,
    /// How the last snapshot ended, as the engine was told.
    pub told: Option<Result<(), HostError>>,
    /// Snapshots that the engine was told are complete.
    pub completed: u64,
    /// Snapshots that it was told have failed.
    pub failures: u64,
}

impl World {
    /// An empty disk and a clock at its beginning.
    pub fn new(seed: u64) -> World {
        World {
            ticks: 0,
            dice: Dice::new(seed),
            scratch: Scratch::with_sizes(256, 1 << 12),
            child: None,
            reading: None,
            fault: None,
            file: None,
            told: None,
            completed: 0,
            failures: 0,
        }
    }

    /// A world that finds this snapshot on its disk.
    pub fn with(file: File) -> World {
        World { file: Some(file), ..World::new(0) }
    }

    /// Time passes.
    pub fn pass(&mut self, micros: u64) {
        self.ticks += micros * 1000;
    }

    /// Both clocks.
    pub fn now(&self) -> Now {
        let mono_us = self.ticks / 1000;
        Now { unix_us: BEGIN_MS * 1000 + mono_us as i64, mono_us }
    }

    /// Writes a snapshot beside the engine, and beside the disk.
    pub fn snapshot(&mut self, keyspace: &Keyspace, now_ms: i64) -> File {
        let job = Job {
            dir: String::new(),
            file: String::new(),
            version: 11,
            compress: true,
            checksum: true,
            now_ms,
            uses: Telling::Nothing,
            used_memory: 0,
        };
        self.write(keyspace, &job).expect("nothing goes wrong unless a fault is set")
    }

    fn tell(&mut self, result: Result<(), HostError>) -> Result<(), HostError> {
        self.completed += u64::from(result.is_ok());
        self.failures += u64::from(result.is_err());
        self.told = Some(result.clone());
        result
    }

    fn write(&mut self, keyspace: &Keyspace, job: &Job) -> Result<File, HostError> {
        let options = Options {
            version: Version::for_saving(job.version).unwrap_or(Version::DEFAULT),
            compress: job.compress,
            checksum: job.checksum,
            now_ms: job.now_ms,
            // The process's memory is not the seed's to decide.
            used_memory: 0,
            uses: job.uses,
            aof_base: false,
        };
        let mut disk = Disk { bytes: Vec::new(), room: usize::MAX };
        let fault = self.fault.take();
        if let Some(Fault::Full(room)) = fault {
            disk.room = room;
        }
        snapshot::write(keyspace, options, &mut self.scratch, &mut disk, &mut ())
            .map_err(|_| HostError(NO_SPACE.into()))?;
        if let Some(Fault::Killed) = fault {
            return Err(HostError("the child was ended by signal 9".into()));
        }
        Ok(File { bytes: disk.bytes, held: contents(keyspace) })
    }
}

/// A disk with so much room.
struct Disk {
    bytes: Vec<u8>,
    room: usize,
}

impl Sink for Disk {
    fn write(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        if self.bytes.len() + bytes.len() > self.room {
            return Err(SinkError { errno: 28 });
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

/// A file that is read a few bytes at a time.
struct Trickle {
    bytes: Vec<u8>,
    at: usize,
    dice: Dice,
}

impl Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = 1 + self.dice.below(3_000) as usize;
        let rest = &self.bytes[self.at..];
        let count = rest.len().min(most).min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Ok(count)
    }
}

impl IoCounters for World {
    fn output(&self, _id: ClientId) -> (u64, u64) {
        (0, 0)
    }
}

impl Host for World {
    fn cpu_ticks(&mut self) -> u64 {
        self.ticks
    }

    fn ticks(&mut self) -> u64 {
        let step = if self.dice.once_in(30) { 1_500_000 } else { 2_000 };
        self.ticks += self.dice.below(step);
        self.ticks
    }

    fn fork_snapshot(&mut self, keyspace: &Keyspace, job: &Job) -> Result<Forked, HostError> {
        assert!(self.child.is_none(), "a second child is forked");
        if let Some(Fault::Fork) = self.fault {
            self.fault = None;
            let failed = HostError(NO_FORK.into());
            let _ = self.tell(Err(failed.clone()));
            return Err(failed);
        }
        let result = self.write(keyspace, job);
        let ends = self.ticks + self.dice.below(3_000_000_000);
        self.child = Some(Child { ends, result });
        Ok(Forked { pid: 1, fork_us: 0 })
    }

    fn child(&mut self) -> ChildNews {
        let Some(child) = &self.child else { return ChildNews::None };
        if child.ends > self.ticks {
            return ChildNews::Alive { keys: 0, bytes: 0, cow: 0 };
        }
        match self.child.take().map(|child| child.result) {
            Some(Ok(file)) => {
                self.file = Some(file);
                let _ = self.tell(Ok(()));
                ChildNews::Finished { cow: 0 }
            }
            Some(Err(why)) => {
                let _ = self.tell(Err(why.clone()));
                ChildNews::Failed(why)
            }
            None => ChildNews::None,
        }
    }

    fn kill_child(&mut self) {
        self.child = None;
    }

    fn write_snapshot(&mut self, keyspace: &Keyspace, job: &Job) -> Result<(), HostError> {
        let result = self.write(keyspace, job).map(|file| self.file = Some(file));
        self.tell(result)
    }

    fn open_snapshot(
        &mut self,
        _job: &Job,
        purpose: Purpose,
    ) -> Result<Option<SnapshotFile>, HostError> {
        let Some(file) = &self.file else { return Ok(None) };
        let size = file.bytes.len() as u64;
        let trickle =
            Trickle { bytes: file.bytes.clone(), at: 0, dice: Dice::new(self.dice.next()) };
        self.reading = Some(Decoder::new(trickle, size, purpose));
        Ok(Some(SnapshotFile { size, name: "memory".into() }))
    }

    fn next_records(&mut self, emptied: Records) -> Result<Decoded, LoadError> {
        let Some(decoder) = &mut self.reading else { return Ok(Decoded::End) };
        if self.dice.once_in(3) {
            return Ok(Decoded::Later);
        }
        let mut records = emptied;
        Ok(if decoder.fill(&mut records)? { Decoded::Records(records) } else { Decoded::End })
    }

    fn use_directory(&mut self, _dir: &str) -> Result<(), HostError> {
        Ok(())
    }

    fn sleep(&mut self, micros: u64) {
        self.pass(micros);
    }

    fn discard(&mut self, _garbage: Garbage) {}

    fn breathe(&mut self) {}
}

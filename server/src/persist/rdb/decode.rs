//! Reads a snapshot and decodes it into [`Records`], on whichever thread.
//!
//! Owns: the reader, the loader.   Uses: load, records.   Never: the keyspace, a thread, the clock.

use std::io::{ErrorKind, Read};

use super::fault::{LoadError, LoadFault};
use super::load::{Loader, Options};
use super::records::{Collector, Records};
use crate::base::random::KeyHasher;
use crate::value::limits::Limits;

/// Bytes that are read at once.
const BLOCK: usize = 256 << 10;
/// Bytes that are decoded at once: what they can become at most, `lzf::RATIO_MAX` times as much, is all that
/// records can grow beyond [`ENOUGH`].
const SLICE: usize = 64 << 10;
/// Records are handed over from this size on: they stay in a processor's cache on their way.
const ENOUGH: usize = 256 << 10;

/// So many bytes are decoded at most before records are handed over, however few they are: within a large collection
/// there are none, and who waits wants to know how far it is.
const PATIENCE: usize = 4 << 20;

/// What decoding needs to know of the keyspace.
#[derive(Clone, Debug)]
pub struct Purpose {
    /// How keys are hashed there.
    pub hasher: KeyHasher,
    /// How many databases there are.
    pub databases: usize,
    /// The checksum must be right.
    pub checked: bool,
    /// What collections grow by there.
    pub limits: Limits,
}

/// Decodes one snapshot.
pub struct Decoder<R> {
    reader: R,
    purpose: Purpose,
    loader: Loader,
    block: Vec<u8>,
    /// The part of the block that is read and not yet decoded.
    waiting: std::ops::Range<usize>,
    fault: Option<LoadError>,
}

impl<R: Read> Decoder<R> {
    /// At the start of a snapshot of `total` bytes.
    pub fn new(reader: R, total: u64, purpose: Purpose) -> Decoder<R> {
        let (checked, limits) = (purpose.checked, purpose.limits.clone());
        let options = Options { checked, limits, ..Options::file(total) };
        let loader = Loader::new(options);
        Decoder { reader, purpose, loader, block: vec![0; BLOCK], waiting: 0..0, fault: None }
    }

    /// Puts the next keys into `records`, which is emptied before; within a large value that may be none. Says false
    /// when there are no more and the whole file is sound.
    ///
    /// # Errors
    /// The first fault; every key before it has been given.
    pub fn fill(&mut self, records: &mut Records) -> Result<bool, LoadError> {
        records.clear();
        let filled = match self.fault.take() {
            Some(fault) => Err(fault),
            None => self.fill_until_fault(records),
        };
        records.position = self.loader.position();
        match filled {
            // What came before the fault goes first.
            Err(fault) if !records.is_empty() => {
                self.fault = Some(fault);
                Ok(true)
            }
            filled => filled,
        }
    }

    fn fill_until_fault(&mut self, records: &mut Records) -> Result<bool, LoadError> {
        let patience = self.loader.position().saturating_add(PATIENCE as u64);
        while records.size() < ENOUGH && self.loader.position() < patience {
            if self.waiting.is_empty() && !self.read()? {
                self.loader.end()?;
                return Ok(!records.is_empty());
            }
            let end = self.waiting.end.min(self.waiting.start + SLICE);
            let Purpose { hasher, databases, .. } = &self.purpose;
            let mut collector = Collector { records, hasher, databases: *databases };
            let slice = &self.block[self.waiting.start..end];
            self.waiting.start = end;
            self.loader.feed(slice, &mut collector)?;
        }
        Ok(true)
    }

    /// Reads a block; false at the end of the file.
    fn read(&mut self) -> Result<bool, LoadError> {
        loop {
            match self.reader.read(&mut self.block) {
                Ok(len) => {
                    self.waiting = 0..len;
                    return Ok(len > 0);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    let fault = LoadFault::Unreadable(format!("cannot read on: {error}"));
                    return Err(fault.at(self.loader.position()));
                }
            }
        }
    }
}

//! Decodes a snapshot beside the core, where there is a second processor.
//!
//! Owns: the decoding thread and the records between it and the core.   Uses: persist's decoder.
//! Never: looks into the records.
//!
//! ```text
//!   thread   read, checksum, parse, unpack, hash --ready-->  core: insert
//!                                               <--used---
//! ```

use crate::engine::port::Decoded;
use crate::persist::rdb::decode::{Decoder, Purpose};
use crate::persist::rdb::fault::{LoadError, LoadFault};
use crate::persist::rdb::records::Records;
use std::fs::File;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

/// Records that may wait for the core.
const AHEAD: usize = 4;
/// The core waits this long for records before it looks after its sockets.
const PATIENCE: Duration = Duration::from_millis(1);

type Filled = Result<Option<Records>, LoadError>;

/// A snapshot that is being decoded.
pub enum Decoding {
    /// By a thread of its own.
    Beside {
        /// What it has decoded.
        ready: Receiver<Filled>,
        /// Emptied records on their way back to it.
        used: SyncSender<Records>,
    },
    /// By who asks.
    Here(Box<Decoder<File>>),
}

impl Decoding {
    /// Begins with a file of `total` bytes.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(file: File, total: u64, purpose: Purpose) -> io::Result<Decoding> {
        let decoder = Decoder::new(file, total, purpose);
        if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
            return Ok(Decoding::Here(Box::new(decoder)));
        }
        Decoding::beside(decoder)
    }

    fn beside(decoder: Decoder<File>) -> io::Result<Decoding> {
        let (give, ready) = sync_channel(AHEAD);
        // As many as can be under way at all, so that giving them back never waits.
        let (used, free) = sync_channel(AHEAD + 2);
        let work = move || decode(decoder, &give, &free);
        std::thread::Builder::new().name("decode".into()).spawn(work)?;
        Ok(Decoding::Beside { ready, used })
    }

    /// The next keys; `emptied` is used again.
    ///
    /// # Errors
    /// The first fault of the file, after every key before it.
    pub fn next(&mut self, emptied: Records) -> Result<Decoded, LoadError> {
        match self {
            Decoding::Here(decoder) => {
                let mut records = emptied;
                let more = decoder.fill(&mut records)?;
                Ok(if more { Decoded::Records(records) } else { Decoded::End })
            }
            Decoding::Beside { ready, used } => {
                // A full channel only means that there are enough.
                let _ = used.try_send(emptied);
                match ready.recv_timeout(PATIENCE) {
                    Ok(filled) => Ok(filled?.map_or(Decoded::End, Decoded::Records)),
                    Err(RecvTimeoutError::Timeout) => Ok(Decoded::Later),
                    // It says when it is done. That it is gone without a word is a bug, and no sound file.
                    Err(RecvTimeoutError::Disconnected) => {
                        Err(LoadFault::Unreadable("the decoding thread has ended".into()).at(0))
                    }
                }
            }
        }
    }
}

/// The thread's whole life. It also ends when nobody wants its records any more.
fn decode(mut decoder: Decoder<File>, give: &SyncSender<Filled>, free: &Receiver<Records>) {
    loop {
        let mut records = free.try_recv().unwrap_or_default();
        let filled = decoder.fill(&mut records);
        let last = !matches!(filled, Ok(true));
        if give.send(filled.map(|more| more.then_some(records))).is_err() || last {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::KeyHasher;
    use crate::keyspace::Keyspace;
    use crate::keyspace::access::{Clock, Touch};
    use crate::persist::rdb::format::Access;
    use crate::persist::rdb::save::{Options, Scratch, Writer};
    use crate::persist::restore::Restore;
    use crate::value::{TextRef, ValueRef};

    const KEYS: u64 = 50_000;

    fn snapshot() -> Vec<u8> {
        let (mut out, mut scratch) = (Vec::new(), Scratch::new());
        let mut writer = Writer::new(&mut out, &mut scratch, Options::default());
        writer.header().unwrap();
        writer.select_db(0, KEYS, 0).unwrap();
        for key in 0..KEYS {
            let (key, value) = (format!("key:{key}"), [b'v'; 40]);
            let text = ValueRef::Text(TextRef::Bytes(&value));
            writer.entry(key.as_bytes(), text, None, Access::Unknown).unwrap();
        }
        writer.finish().unwrap();
        out
    }

    /// What becomes of a file, decoded by a thread or here.
    fn load(bytes: &[u8], here: bool) -> (u64, Result<(), LoadError>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, bytes).unwrap();
        let file = File::open(&path).unwrap();
        let mut keyspace = Keyspace::new(1, KeyHasher::new(1));
        let purpose = Purpose {
            hasher: keyspace.hasher().clone(),
            databases: 1,
            checked: true,
            limits: keyspace.limits.clone(),
        };
        let total = bytes.len() as u64;
        let mut decoding = if here {
            Decoding::Here(Box::new(Decoder::new(file, total, purpose)))
        } else {
            Decoding::beside(Decoder::new(file, total, purpose)).unwrap()
        };
        let (mut restore, mut records) = (Restore::default(), Records::default());
        loop {
            match decoding.next(std::mem::take(&mut records)) {
                Ok(Decoded::Records(more)) => records = more,
                Ok(Decoded::Later) => {}
                Ok(Decoded::End) => return (restore.kept, Ok(())),
                Err(fault) => return (restore.kept, Err(fault)),
            }
            while !records.is_empty() {
                let touch = Touch::recency(Clock::new(0));
                restore.take(&mut keyspace, &mut records, 0, touch).unwrap();
            }
        }
    }

    #[test]
    fn a_thread_gives_what_decoding_here_gives_faults_too() {
        let sound = snapshot();
        for here in [true, false] {
            assert_eq!(load(&sound, here), (KEYS, Ok(())));
        }
        let mut damaged = sound.clone();
        damaged[sound.len() / 2] ^= 0x40;
        for bytes in [&damaged, &sound[..sound.len() / 2]] {
            let (kept, fault) = load(bytes, true);
            assert!(kept > KEYS / 3 && fault.is_err(), "{kept} {fault:?}");
            assert_eq!(load(bytes, false), (kept, fault));
        }
    }
}

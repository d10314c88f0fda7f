//! Writes the keyspace as a snapshot: what the forked child does.
//!
//! Owns: the order of databases and entries.   Uses: keyspace, rdb::save.   Never: allocates, locks, logs.

use super::rdb::format::Access;
use super::rdb::save::{Options, Scratch, Sink, SinkError, Totals, Writer};
use crate::base::sys::Pages;
use crate::keyspace::access::{Known, Telling};
use crate::keyspace::{Db, Keyspace};

/// Who writes is told after this many keys.
const TELL_KEYS: u64 = 16_384;

/// What the writing of a snapshot is good for besides the file. Called while it writes, so it must not
/// allocate, lock or log either.
pub trait Follow {
    /// So many keys are written so far.
    fn keys(&mut self, _keys: u64) {}
    /// Nothing of this memory is needed any more to finish the snapshot. Only a child may give it back: the
    /// data of a process that lives on is still there.
    fn done(&mut self, _pages: Pages) {}
}

/// For who only wants the file.
impl Follow for () {}

/// Writes all databases, the keys of each in the order of memory.
///
/// # Errors
/// The sink's. What was written is then no snapshot.
pub fn write<S: Sink, F: Follow>(
    keyspace: &Keyspace,
    options: Options,
    scratch: &mut Scratch,
    sink: S,
    follow: &mut F,
) -> Result<Totals, SinkError> {
    let mut writer = Writer::new(sink, scratch, options);
    writer.header()?;
    for number in 0..keyspace.written() {
        let db = keyspace.db(number);
        if db.len() == 0 {
            continue;
        }
        writer.select_db(number as u64, db.len() as u64, db.volatile_len() as u64)?;
        write_db(db, options.uses, &mut writer, follow)?;
    }
    writer.finish()
}

fn write_db<S: Sink, F: Follow>(
    db: &Db,
    uses: Telling,
    writer: &mut Writer<'_, S>,
    follow: &mut F,
) -> Result<(), SinkError> {
    for stretch in db.memory_order() {
        for entry in stretch.entries() {
            let access = match uses.of(entry.access()) {
                Known::Nothing => Access::Unknown,
                Known::Idle(seconds) => Access::Idle(seconds),
                Known::Frequency(counter) => Access::Frequency(counter),
            };
            writer.entry(entry.key(), entry.value(), entry.deadline(), access)?;
            if writer.keys().is_multiple_of(TELL_KEYS) {
                follow.keys(writer.keys());
            }
        }
        if let Some(pages) = stretch.pages() {
            follow.done(pages);
        }
    }
    Ok(())
}

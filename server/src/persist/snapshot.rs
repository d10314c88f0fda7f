//! Writes the keyspace as a snapshot: what the forked child does.
//!
//! Owns: the order of databases and entries.   Uses: keyspace, rdb::save.   Never: allocates, locks, logs.

use super::rdb::format::Access;
use super::rdb::save::{Options, Scratch, Sink, SinkError, Totals, Writer};
use crate::keyspace::Keyspace;
use crate::keyspace::access::Known;

/// Progress is told after this many keys.
const TELL_KEYS: u64 = 16_384;

/// Writes all databases, the keys of each in the order of the table. `progress` is told the keys written
/// so far, now and then.
///
/// # Errors
/// The sink's. What was written is then no snapshot.
pub fn write<S: Sink>(
    keyspace: &Keyspace,
    options: Options,
    scratch: &mut Scratch,
    sink: S,
    progress: &mut dyn FnMut(u64),
) -> Result<Totals, SinkError> {
    let mut writer = Writer::new(sink, scratch, options);
    writer.header()?;
    for number in 0..keyspace.written() {
        let db = keyspace.db(number);
        if db.len() == 0 {
            continue;
        }
        writer.select_db(number as u64, db.len() as u64, db.volatile_len() as u64)?;
        for entry in db.entries() {
            let access = match options.uses.of(entry.access()) {
                Known::Nothing => Access::Unknown,
                Known::Idle(seconds) => Access::Idle(seconds),
                Known::Frequency(counter) => Access::Frequency(counter),
            };
            writer.entry(entry.key(), entry.value(), entry.deadline(), access)?;
            if writer.keys().is_multiple_of(TELL_KEYS) {
                progress(writer.keys());
            }
        }
    }
    writer.finish()
}

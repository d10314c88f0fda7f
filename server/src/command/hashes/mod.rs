//! Commands on hashes.
//!
//! Owns: the family's files, and what a write does with fields past their time.   Uses: contexts, `value::Hash`.
//! Never: who else is connected.
//!
//! A field past its time is missing to whoever asks for its value. Reads leave it where it is; a write that asks for it
//! takes it out first ([`bury`]), so that the log tells of it; the rest is the engine's (`engine/expire_fields.rs`). HLEN
//! counts it, HSET and HDEL take it for one that is there: all as in Redis.

pub mod counter;
pub mod expiry;
pub mod fields;
pub mod import;
pub mod random;
pub mod scan;
pub mod together;
pub mod ttl;
pub mod whole;
mod words;

use super::context::WriteCx;
use crate::keyspace::change::{Change, Event};
use crate::keyspace::{Key, Opened, Outcome};
use crate::value::Hash;

/// Fields that a write took out, for their time was over.
#[derive(Default)]
struct Buried<'a> {
    names: Vec<&'a [u8]>,
    /// None was left: the hash that there is now is a new one.
    emptied: bool,
}

/// Takes those of the named fields out whose time is over, and gives their names. O(1) as long as no field's time is over.
fn bury<'a>(
    hash: &mut Opened<'_, '_, Hash>,
    names: impl Iterator<Item = &'a [u8]>,
    now_ms: i64,
) -> Buried<'a> {
    let soonest = hash.get().and_then(|value| value.as_ref().soonest_deadline());
    if soonest.is_none_or(|soonest| soonest >= now_ms) {
        return Buried::default();
    }
    let Some(value) = hash.get_mut() else { return Buried::default() };
    let mut is_due = |name: &[u8]| {
        value.as_ref().find(name).is_some_and(|pair| pair.is_past(now_ms)) && value.remove(name)
    };
    let names = names.filter(|name| is_due(name)).collect();
    Buried { names, emptied: value.as_ref().len() == 0 }
}

/// Says what closing a hash brought: that `buried` fields expired, then the events in their order, the first of which
/// counts as a change, and at last that the key is gone.
fn closed(
    cx: &mut WriteCx<'_>,
    key: Key<'_>,
    outcome: Outcome,
    buried: &Buried<'_>,
    events: &[Event],
) -> Change {
    if !buried.names.is_empty() {
        if buried.emptied {
            // As for everybody who is told of the HDEL: the time to live went with the last field.
            cx.slot(key).set_deadline(None);
        }
        let mut words: Vec<&[u8]> = vec![b"HDEL", key.bytes];
        words.extend(&buried.names);
        cx.changes.tell_first(cx.db, &words);
        let _ = cx.changes.also(cx.db, key.bytes, Event::HEXPIRED);
        cx.lookups.removed_fields += buried.names.len() as u64;
    }
    if outcome == Outcome::Created {
        cx.created(key);
    }
    let mut change = Change::NONE;
    for (number, &event) in events.iter().enumerate() {
        change = match number {
            0 => cx.changed(key, event),
            _ => cx.changes.also(cx.db, key.bytes, event),
        };
    }
    if outcome == Outcome::Removed {
        let _ = cx.changes.also(cx.db, key.bytes, Event::DEL);
    }
    change
}

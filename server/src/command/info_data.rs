//! INFO's fields about the data: Persistence, Keyspace.
//!
//! Owns: these fields.   Uses: info, context.   Never: changes anything.

use super::footprint::{databases, ratio};
use super::info::Field::{Fixed, Many, One};
use super::info::{Facts, Field, line, text};
use crate::keyspace::Db;
use crate::persist::state::Child;

/// Section Persistence.
pub static PERSISTENCE: &[Field] = &[
    One("loading", |facts| u8::from(facts.parts.persist.loading.is_some()).into()),
    Fixed("async_loading", "0"),
    One("current_cow_size", |facts| child(facts, |child| child.cow).into()),
    One("current_cow_peak", |facts| child(facts, |child| child.cow_peak).into()),
    One("current_cow_size_age", |facts| {
        let told = |child: &Child| since(facts, child.cow_us);
        child(facts, told).into()
    }),
    One("current_fork_perc", |facts| {
        let done = child(facts, |child| child.keys_done);
        let total = child(facts, |child| child.keys_total);
        text(format!("{:.2}", 100.0 * ratio(done, total)))
    }),
    One("current_save_keys_processed", |facts| child(facts, |child| child.keys_done).into()),
    One("current_save_keys_total", |facts| child(facts, |child| child.keys_total).into()),
    One("current_save_eta_seconds", |facts| {
        let eta = facts.parts.persist.child.as_ref().and_then(|child| child.eta(facts.now));
        eta.map_or_else(|| text("-1"), |seconds| text(format!("{seconds:.1}")))
    }),
    One("current_save_silent_seconds", |facts| {
        child(facts, |child| child.silent_us / 1_000_000).into()
    }),
    One("snapshot_headroom_needed", |facts| facts.parts.persist.headroom.needed.into()),
    One("snapshot_headroom_available", |facts| facts.parts.persist.headroom.available.into()),
    One("snapshot_headroom_refused", |facts| facts.parts.persist.headroom.refused.into()),
    One("rdb_changes_since_last_save", |facts| facts.parts.persist.dirty.into()),
    One("rdb_bgsave_in_progress", |facts| u8::from(facts.parts.persist.child.is_some()).into()),
    One("rdb_last_save_time", |facts| facts.parts.persist.last_save.into()),
    One("rdb_last_bgsave_status", |facts| {
        text(if facts.parts.persist.last_error.is_some() { "err" } else { "ok" })
    }),
    One("rdb_last_error", |facts| text(one_line(facts.parts.persist.last_error.as_deref()))),
    One("rdb_last_bgsave_time_sec", |facts| {
        facts.parts.persist.last_us.map_or((-1).into(), |micros| (micros / 1_000_000).into())
    }),
    One("rdb_current_bgsave_time_sec", |facts| match &facts.parts.persist.child {
        Some(child) => since(facts, child.since.mono_us).into(),
        None => (-1).into(),
    }),
    One("rdb_saves", |facts| facts.parts.persist.saves.into()),
    One("rdb_last_cow_size", |facts| facts.parts.persist.last_cow.into()),
    One("rdb_last_load_keys_expired", |facts| facts.parts.persist.loaded.1.into()),
    One("rdb_last_load_keys_loaded", |facts| facts.parts.persist.loaded.0.into()),
    Fixed("aof_enabled", "0"),
    Fixed("aof_rewrite_in_progress", "0"),
    Fixed("aof_rewrite_scheduled", "0"),
    Fixed("aof_last_rewrite_time_sec", "-1"),
    Fixed("aof_current_rewrite_time_sec", "-1"),
    Fixed("aof_last_bgrewrite_status", "ok"),
    Fixed("aof_rewrites", "0"),
    Fixed("aof_rewrites_consecutive_failures", "0"),
    Fixed("aof_last_write_status", "ok"),
    Fixed("aof_last_cow_size", "0"),
    Fixed("module_fork_in_progress", "0"),
    Fixed("module_fork_last_cow_size", "0"),
    Many(loading),
];

fn child(facts: &Facts<'_>, figure: impl Fn(&Child) -> u64) -> u64 {
    facts.parts.persist.child.as_ref().map_or(0, figure)
}

/// Whole seconds since a time of the monotonic clock.
fn since(facts: &Facts<'_>, mono_us: u64) -> u64 {
    facts.now.mono_us.saturating_sub(mono_us) / 1_000_000
}

/// A text that cannot break the report in two.
fn one_line(words: Option<&str>) -> String {
    words.unwrap_or_default().replace(['\r', '\n'], " ")
}

/// How far the load is, while there is one.
fn loading(facts: &Facts<'_>, out: &mut String) {
    let Some(load) = &facts.parts.persist.loading else { return };
    let share = ratio(load.done, load.total);
    let passed = facts.now.mono_us.saturating_sub(load.since.mono_us) as f64 / 1e6;
    // As long as nothing is read, a second is as good a guess as any.
    let eta = if share == 0.0 { 1.0 } else { passed * (1.0 - share) / share };
    line(out, format_args!("loading_start_time:{}", load.since_unix));
    line(out, format_args!("loading_total_bytes:{}", load.total));
    line(out, format_args!("loading_loaded_bytes:{}", load.done));
    line(out, format_args!("loading_loaded_perc:{:.2}", share * 100.0));
    line(out, format_args!("loading_eta_seconds:{eta:.0}"));
}

/// Section Keyspace: one line for each database that is not empty.
pub static KEYSPACE: &[Field] = &[Many(keyspace)];

fn keyspace(facts: &Facts<'_>, out: &mut String) {
    for (number, db) in databases(&facts.parts.keyspace) {
        let (keys, expires, timed) = (db.len(), db.volatile_len(), db.timed_len());
        let ttl = mean_ttl(db, facts.now.unix_ms());
        line(
            out,
            format_args!(
                "db{number}:keys={keys},expires={expires},avg_ttl={ttl},subexpiry={timed}"
            ),
        );
    }
}

/// Keys that are looked at for the mean time to live.
const SAMPLE: usize = 64;

/// The mean time to live in milliseconds, of the first keys only: the table is in the order of a random hash.
fn mean_ttl(db: &Db, now_ms: i64) -> i64 {
    if db.volatile_len() == 0 {
        return 0;
    }
    let deadlines = db.entries().take(SAMPLE).filter_map(|entry| entry.deadline());
    let (mut sum, mut keys) = (0i128, 0);
    for deadline in deadlines {
        sum += i128::from(deadline.saturating_sub(now_ms).max(0));
        keys += 1;
    }
    i64::try_from(sum / i128::from(keys.max(1))).unwrap_or(i64::MAX)
}

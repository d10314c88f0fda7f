//! INFO's fields about memory.
//!
//! Owns: these fields.   Uses: info, footprint.   Never: measures anything, changes anything.

use super::footprint::{percent, ratio};
use super::info::Field::{Fixed, One};
use super::info::{Field, Shown, human, text};
use crate::base::sys;

/// Section Memory, in bytes. `used_memory` is what is given out, the server's own needs included. The fields from
/// `mem_keys` to `mem_other` are this server's own and make up `used_memory`.
pub static MEMORY: &[Field] = &[
    One("used_memory", |facts| facts.memory().used.into()),
    One("used_memory_human", |facts| text(human(facts.memory().used))),
    One("used_memory_rss", |facts| facts.memory().resident.into()),
    One("used_memory_rss_human", |facts| text(human(facts.memory().resident))),
    One("used_memory_peak", |facts| facts.memory().peak.into()),
    One("used_memory_peak_human", |facts| text(human(facts.memory().peak))),
    One("used_memory_peak_time", |facts| facts.parts.stats.peak_time.into()),
    One("used_memory_peak_perc", |facts| part(facts.memory().used, facts.memory().peak)),
    One("used_memory_overhead", |facts| facts.memory().overhead().into()),
    One("used_memory_startup", |facts| facts.memory().startup.into()),
    One("used_memory_dataset", |facts| facts.memory().dataset().into()),
    One("used_memory_dataset_perc", |facts| {
        let of = facts.memory();
        let added = of.used.saturating_sub(of.startup);
        part(of.dataset().min(added), added)
    }),
    One("allocator_allocated", |facts| facts.memory().allocator.allocated.into()),
    One("allocator_active", |facts| facts.memory().allocator.active.into()),
    One("allocator_resident", |facts| facts.memory().allocator.resident.into()),
    One("allocator_muzzy", |facts| facts.memory().allocator.muzzy.into()),
    One("total_system_memory", |_| sys::total_memory().into()),
    One("total_system_memory_human", |_| text(human(sys::total_memory()))),
    // There are no scripts and no functions yet.
    Fixed("used_memory_lua", "0"),
    Fixed("used_memory_vm_eval", "0"),
    Fixed("used_memory_lua_human", "0B"),
    Fixed("used_memory_scripts_eval", "0"),
    Fixed("number_of_cached_scripts", "0"),
    Fixed("number_of_functions", "0"),
    Fixed("number_of_libraries", "0"),
    Fixed("used_memory_vm_functions", "0"),
    Fixed("used_memory_vm_total", "0"),
    Fixed("used_memory_vm_total_human", "0B"),
    Fixed("used_memory_functions", "0"),
    Fixed("used_memory_scripts", "0"),
    Fixed("used_memory_scripts_human", "0B"),
    One("maxmemory", |facts| facts.parts.config.max_memory.bytes().into()),
    One("maxmemory_human", |facts| text(human(facts.parts.config.max_memory.bytes()))),
    One("maxmemory_policy", |facts| text(facts.parts.config.memory_policy.word())),
    One("allocator_frag_ratio", |facts| {
        let figures = facts.memory().allocator;
        two_digits(ratio(figures.active, figures.allocated))
    }),
    One("allocator_frag_bytes", |facts| {
        let figures = facts.memory().allocator;
        figures.active.saturating_sub(figures.allocated).into()
    }),
    One("allocator_rss_ratio", |facts| {
        let figures = facts.memory().allocator;
        two_digits(ratio(figures.resident, figures.active))
    }),
    One("allocator_rss_bytes", |facts| {
        let figures = facts.memory().allocator;
        figures.resident.saturating_sub(figures.active).into()
    }),
    One("rss_overhead_ratio", |facts| {
        two_digits(ratio(facts.memory().resident, facts.memory().allocator.resident))
    }),
    One("rss_overhead_bytes", |facts| {
        difference(facts.memory().resident, facts.memory().allocator.resident)
    }),
    One("mem_fragmentation_ratio", |facts| {
        two_digits(ratio(facts.memory().resident, facts.memory().used))
    }),
    One("mem_fragmentation_bytes", |facts| {
        difference(facts.memory().resident, facts.memory().used)
    }),
    Fixed("mem_not_counted_for_evict", "0"),
    Fixed("mem_replication_backlog", "0"),
    Fixed("mem_total_replication_buffers", "0"),
    Fixed("mem_replica_full_sync_buffer", "0"),
    Fixed("mem_clients_slaves", "0"),
    One("mem_clients_normal", |facts| facts.memory().clients().into()),
    Fixed("mem_cluster_links", "0"),
    Fixed("mem_aof_buffer", "0"),
    Fixed("mem_allocator", "jemalloc-5.3.0"),
    // The table grows by splitting a segment at a time: nothing is ever rehashed.
    Fixed("mem_overhead_db_hashtable_rehashing", "0"),
    One("active_defrag_running", |facts| facts.parts.stats.defrag.share.into()),
    One("lazyfree_pending_objects", |facts| {
        let freeing = facts.io.freeing();
        freeing.handed.saturating_sub(freeing.freed).into()
    }),
    One("lazyfreed_objects", |facts| {
        facts.io.totals().since(facts.parts.stats.io_before).freed.into()
    }),
    One("mem_keys", |facts| facts.memory().keys().into()),
    One("mem_values", |facts| facts.memory().values().into()),
    One("mem_tables", |facts| facts.memory().tables.into()),
    One("mem_clients", |facts| facts.memory().clients().into()),
    Fixed("mem_replication", "0"),
    Fixed("mem_scripts", "0"),
    One("mem_other", |facts| facts.memory().other().into()),
];

fn part(part: u64, whole: u64) -> Shown {
    text(format!("{:.2}%", percent(part, whole)))
}

fn two_digits(number: f64) -> Shown {
    text(format!("{number:.2}"))
}

fn difference(a: u64, b: u64) -> Shown {
    (i128::from(a) - i128::from(b)).into()
}

//! INFO's counters: Stats, Commandstats, Errorstats, Latencystats.
//!
//! Owns: these fields.   Uses: info, stats.   Never: changes anything.

use super::info::Field::{Fixed, Many, One};
use super::info::{Facts, Field, Shown, count, line, text};
use super::info_engine::{self, rate};
use crate::base::bytes::push_f64;
use crate::stats::IoTotals;
use crate::stats::histogram::Histogram;
use crate::stats::rates::Of;

/// Section Stats. What begins with `engine_` is this server's own.
pub static STATS: &[Field] = &[
    One("total_connections_received", |facts| facts.parts.stats.connections.into()),
    One("total_commands_processed", |facts| facts.parts.stats.commands.into()),
    One("instantaneous_ops_per_sec", |facts| rate(facts, Of::Commands).into()),
    One("total_net_input_bytes", |facts| facts.parts.stats.bytes_in.into()),
    One("total_net_output_bytes", |facts| facts.parts.stats.bytes_out.into()),
    Fixed("total_net_repl_input_bytes", "0"),
    Fixed("total_net_repl_output_bytes", "0"),
    One("instantaneous_input_kbps", |facts| kib(rate(facts, Of::BytesIn))),
    One("instantaneous_output_kbps", |facts| kib(rate(facts, Of::BytesOut))),
    Fixed("instantaneous_input_repl_kbps", "0.00"),
    Fixed("instantaneous_output_repl_kbps", "0.00"),
    One("rejected_connections", |facts| facts.parts.stats.rejected_connections.into()),
    Fixed("sync_full", "0"),
    Fixed("sync_partial_ok", "0"),
    Fixed("sync_partial_err", "0"),
    One("expired_keys", |facts| facts.parts.stats.expired.into()),
    One("expired_subkeys", |facts| facts.parts.stats.expired_fields.into()),
    One("expired_stale_perc", |facts| text(format!("{:.2}", facts.parts.stats.stale.percent()))),
    One("expired_time_cap_reached_count", |facts| facts.parts.stats.expire_time_cap.into()),
    One("expire_cycle_cpu_milliseconds", |facts| {
        (facts.parts.stats.expire_nanos / 1_000_000).into()
    }),
    One("evicted_keys", |facts| facts.parts.stats.evicted.into()),
    One("evicted_clients", |facts| facts.parts.stats.evicted_clients.into()),
    Fixed("evicted_scripts", "0"),
    One("total_eviction_exceeded_time", |facts| {
        (facts.parts.stats.memory_exceeded.total(facts.now) / 1000).into()
    }),
    One("current_eviction_exceeded_time", |facts| {
        (facts.parts.stats.memory_exceeded.current(facts.now) / 1000).into()
    }),
    One("keyspace_hits", |facts| facts.parts.stats.hits.into()),
    One("keyspace_misses", |facts| facts.parts.stats.misses.into()),
    One("pubsub_channels", |facts| count(facts.parts.pubsub.channel_count())),
    One("pubsub_patterns", |facts| count(facts.parts.pubsub.pattern_count())),
    Fixed("pubsubshard_channels", "0"),
    One("latest_fork_usec", |facts| facts.parts.persist.fork_us.into()),
    One("total_forks", |facts| facts.parts.persist.forks.into()),
    Fixed("migrate_cached_sockets", "0"),
    Fixed("slave_expires_tracked_keys", "0"),
    One("tracking_total_keys", |facts| count(facts.parts.tracking.key_count())),
    One("tracking_total_items", |facts| count(facts.parts.tracking.item_count())),
    One("tracking_total_prefixes", |facts| count(facts.parts.tracking.prefix_count())),
    Fixed("unexpected_error_replies", "0"),
    One("total_error_replies", |facts| facts.parts.stats.errors.into()),
    // A string, all that RESTORE takes yet, cannot be unsound inside.
    Fixed("dump_payload_sanitizations", "0"),
    One("total_reads_processed", |facts| io(facts).reads.into()),
    One("total_writes_processed", |facts| io(facts).writes.into()),
    One("io_threaded_reads_processed", |facts| io(facts).threaded_reads.into()),
    One("io_threaded_writes_processed", |facts| io(facts).threaded_writes.into()),
    One("client_query_buffer_limit_disconnections", |facts| {
        facts.parts.stats.query_limit_closed.into()
    }),
    One("client_output_buffer_limit_disconnections", |facts| {
        facts.parts.stats.output_limit_closed.into()
    }),
    // No client has a reply buffer of its own that could grow or shrink: replies travel with their batch.
    Fixed("reply_buffer_shrinks", "0"),
    Fixed("reply_buffer_expands", "0"),
    One("eventloop_cycles", |facts| facts.parts.stats.turns.into()),
    One("eventloop_duration_sum", |facts| (facts.parts.stats.turn_nanos / 1000).into()),
    One("eventloop_duration_cmd_sum", |facts| (facts.parts.stats.command_nanos() / 1000).into()),
    One("instantaneous_eventloop_cycles_per_sec", |facts| rate(facts, Of::Turns).into()),
    One("instantaneous_eventloop_duration_usec", |facts| {
        (rate(facts, Of::TurnNanos) / rate(facts, Of::Turns).max(1) / 1000).into()
    }),
    One("acl_access_denied_auth", |facts| facts.parts.stats.denied_logins.into()),
    // There is one user, who may do everything.
    Fixed("acl_access_denied_cmd", "0"),
    Fixed("acl_access_denied_key", "0"),
    Fixed("acl_access_denied_channel", "0"),
    One("active_defrag_hits", |facts| facts.parts.stats.defrag.moved.into()),
    One("active_defrag_misses", |facts| {
        let defrag = facts.parts.stats.defrag;
        defrag.looked.saturating_sub(defrag.moved).into()
    }),
    // A key is one entry.
    One("active_defrag_key_hits", |facts| facts.parts.stats.defrag.moved.into()),
    One("active_defrag_key_misses", |facts| {
        let defrag = facts.parts.stats.defrag;
        defrag.looked.saturating_sub(defrag.moved).into()
    }),
    One("total_active_defrag_time", |facts| (facts.parts.stats.defrag.nanos / 1_000_000).into()),
    One("current_active_defrag_time", |facts| {
        (facts.parts.stats.defrag.spell.current(facts.now) / 1000).into()
    }),
    Many(info_engine::figures),
];

fn io(facts: &Facts<'_>) -> IoTotals {
    facts.io.totals().since(facts.parts.stats.io_before)
}

fn kib(bytes: u64) -> Shown {
    text(format!("{:.2}", bytes as f64 / 1024.0))
}

/// Section Commandstats: one line for each command that was sent.
pub static COMMANDS: &[Field] = &[Many(commands)];

fn commands(facts: &Facts<'_>, out: &mut String) {
    for (entry, stats) in facts.parts.index.entries().zip(&facts.parts.stats.per_command) {
        if stats.calls == 0 && stats.rejected == 0 {
            continue;
        }
        let usec = stats.nanos / 1000;
        let each = stats.nanos as f64 / 1000.0 / stats.calls.max(1) as f64;
        line(
            out,
            format_args!(
                "cmdstat_{}:calls={},usec={usec},usec_per_call={each:.2},rejected_calls={},failed_calls={}",
                entry.row.name, stats.calls, stats.rejected, stats.failed
            ),
        );
    }
}

/// Section Errorstats: one line for each code.
pub static ERRORS: &[Field] = &[Many(errors)];

fn errors(facts: &Facts<'_>, out: &mut String) {
    let mut codes: Vec<_> = facts.parts.stats.error_codes.iter().collect();
    codes.sort_unstable();
    for (code, count) in codes {
        line(out, format_args!("errorstat_{code}:count={count}"));
    }
}

/// Section Latencystats: the percentiles of each command's calls, in microseconds.
pub static LATENCIES: &[Field] = &[Many(latencies)];

fn latencies(facts: &Facts<'_>, out: &mut String) {
    let (config, stats) = (&facts.parts.config, &facts.parts.stats);
    if !config.latency_tracking {
        return;
    }
    for (id, entry) in facts.parts.index.entries().enumerate() {
        let Some(histogram) = stats.histogram(id) else { continue };
        let percentiles: Vec<String> =
            config.latency_percentiles.0.iter().map(|&p| percentile(histogram, p)).collect();
        let percentiles = percentiles.join(",");
        line(out, format_args!("latency_percentiles_usec_{}:{percentiles}", entry.row.name));
    }
}

fn percentile(histogram: &Histogram, percent: f64) -> String {
    let mut number = Vec::new();
    push_f64(&mut number, percent);
    let micros = histogram.percentile(percent) as f64 / 1000.0;
    format!("p{}={micros:.3}", String::from_utf8_lossy(&number))
}

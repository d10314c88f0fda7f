//! INFO's counters: Stats, Commandstats, Errorstats.
//!
//! Owns: these fields.   Uses: info, stats.   Never: changes anything.

use super::info::Field::{Fixed, Many, One};
use super::info::{Facts, Field, Shown, count, line, text};

/// Section Stats. What begins with `engine_` is this server's own.
pub static STATS: &[Field] = &[
    One("total_connections_received", |facts| facts.parts.stats.connections.into()),
    One("total_commands_processed", |facts| facts.parts.stats.commands.into()),
    One("instantaneous_ops_per_sec", |facts| facts.parts.stats.rates.mean()[0].into()),
    One("total_net_input_bytes", |facts| facts.parts.stats.bytes_in.into()),
    One("total_net_output_bytes", |facts| facts.parts.stats.bytes_out.into()),
    Fixed("total_net_repl_input_bytes", "0"),
    Fixed("total_net_repl_output_bytes", "0"),
    One("instantaneous_input_kbps", |facts| kib(facts.parts.stats.rates.mean()[1])),
    One("instantaneous_output_kbps", |facts| kib(facts.parts.stats.rates.mean()[2])),
    Fixed("instantaneous_input_repl_kbps", "0.00"),
    Fixed("instantaneous_output_repl_kbps", "0.00"),
    One("rejected_connections", |facts| facts.parts.stats.rejected_connections.into()),
    Fixed("sync_full", "0"),
    Fixed("sync_partial_ok", "0"),
    Fixed("sync_partial_err", "0"),
    One("expired_keys", |facts| facts.parts.stats.expired.into()),
    One("expired_stale_perc", |facts| text(format!("{:.2}", facts.parts.stats.stale.percent()))),
    One("expired_time_cap_reached_count", |facts| facts.parts.stats.expire_time_cap.into()),
    One("expire_cycle_cpu_milliseconds", |facts| {
        (facts.parts.stats.expire_nanos / 1_000_000).into()
    }),
    One("evicted_keys", |facts| facts.parts.stats.evicted.into()),
    One("evicted_clients", |facts| facts.parts.stats.evicted_clients.into()),
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
    One("client_output_buffer_limit_disconnections", |facts| {
        facts.parts.stats.output_limit_closed.into()
    }),
    One("active_defrag_hits", |facts| facts.parts.stats.defrag.moved.into()),
    One("active_defrag_misses", |facts| {
        let defrag = facts.parts.stats.defrag;
        defrag.looked.saturating_sub(defrag.moved).into()
    }),
    One("total_active_defrag_time", |facts| (facts.parts.stats.defrag.nanos / 1_000_000).into()),
    One("engine_turns", |facts| facts.parts.stats.turns.into()),
    One("engine_longest_turn_usec", |facts| facts.parts.stats.longest_turn_us.into()),
    One("engine_longest_turn_cpu_usec", |facts| (facts.parts.stats.longest_turn_cpu / 1000).into()),
    One("engine_batches", |facts| facts.parts.stats.batches.into()),
    Many(slices),
];

/// The longest slice of each duty, in microseconds of processor time.
fn slices(facts: &Facts<'_>, out: &mut String) {
    for (duty, nanos) in &facts.parts.stats.longest_slices {
        line(out, format_args!("engine_longest_{duty}_usec:{}", nanos / 1000));
    }
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
    for (code, count) in &facts.parts.stats.error_codes {
        line(out, format_args!("errorstat_{code}:count={count}"));
    }
}

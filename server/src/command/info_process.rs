//! INFO's fields about the process: Server, Clients, Replication, CPU, Cluster.
//!
//! Owns: these fields.   Uses: info, context.   Never: changes anything.

use super::info::Field::{Fixed, Many, One};
use super::info::{Facts, Field, count, line, text};
use crate::base::sys::{self, Whose};
use crate::resp::REDIS_VERSION;
use crate::session::Session;

/// Section Server.
pub static SERVER: &[Field] = &[
    Fixed("redis_version", REDIS_VERSION),
    Fixed("server_name", "lodestore"),
    Fixed("lodestore_version", env!("CARGO_PKG_VERSION")),
    Fixed("redis_mode", "standalone"),
    One("os", |facts| text(&facts.parts.about.os)),
    One("arch_bits", |_| usize::BITS.into()),
    Fixed("monotonic_clock", "POSIX clock_gettime"),
    Fixed("multiplexing_api", "epoll"),
    One("process_id", |facts| facts.parts.about.pid.into()),
    Fixed("process_supervised", "no"),
    One("run_id", |facts| text(&facts.parts.about.run_id)),
    One("tcp_port", |facts| facts.parts.config.port.into()),
    One("server_time_usec", |facts| facts.now.unix_us.into()),
    One("uptime_in_seconds", |facts| (facts.now.mono_us / 1_000_000).into()),
    One("uptime_in_days", |facts| (facts.now.mono_us / 86_400_000_000).into()),
    One("hz", |facts| facts.parts.config.hz.0.into()),
    One("configured_hz", |facts| facts.parts.config.hz.0.into()),
    One("lru_clock", |facts| (facts.now.unix_s() & 0x00ff_ffff).into()),
    One("executable", |facts| text(&facts.parts.about.executable)),
    One("config_file", |facts| text(&facts.parts.about.config_file)),
    One("io_threads_active", |facts| u8::from(facts.parts.about.io_threads > 0).into()),
    Many(listeners),
];

fn listeners(facts: &Facts<'_>, out: &mut String) {
    let config = &facts.parts.config;
    let mut number = 0;
    if config.port != 0 && !config.bind.0.is_empty() {
        let binds: Vec<_> = config.bind.0.iter().map(|at| format!("bind={}", at.host)).collect();
        line(out, format_args!("listener0:name=tcp,{},port={}", binds.join(","), config.port));
        number = 1;
    }
    if let Some(path) = &config.unix_socket {
        line(out, format_args!("listener{number}:name=unix,bind={path}"));
    }
}

/// Section Clients.
pub static CLIENTS: &[Field] = &[
    One("connected_clients", |facts| count(facts.parts.sessions.len())),
    Fixed("cluster_connections", "0"),
    One("maxclients", |facts| facts.parts.config.max_clients.into()),
    One("client_recent_max_input_buffer", |facts| {
        facts.parts.stats.input_buffers.highest(facts.now).into()
    }),
    One("client_recent_max_output_buffer", |facts| {
        facts.parts.stats.output_buffers.highest(facts.now).into()
    }),
    One("blocked_clients", |facts| count(sessions(facts, |session| session.parked))),
    One("clients_in_timeout_table", |facts| {
        let has_end =
            |session: &Session| session.wait.as_ref().is_some_and(|wait| wait.until.is_some());
        count(sessions(facts, has_end))
    }),
    One("tracking_clients", |facts| count(facts.parts.tracking.client_count())),
    One("pubsub_clients", |facts| count(sessions(facts, |session| session.subscriptions() > 0))),
    One("watching_clients", |facts| count(sessions(facts, |session| session.watching > 0))),
    One("total_blocking_keys", |facts| count(facts.parts.wanted.keys())),
    One("total_blocking_keys_on_nokey", |facts| count(facts.parts.wanted.keys_that_may_go())),
    One("total_watched_keys", |facts| count(facts.parts.watch.keys())),
];

/// How many clients there are of a kind, the one that asks included. O(clients).
fn sessions(facts: &Facts<'_>, kind: impl Fn(&Session) -> bool) -> usize {
    facts.parts.sessions.iter().filter(|session| kind(session)).count()
        + usize::from(kind(facts.me))
}

/// Section Replication: there is none, and this is how a master without replicas looks.
pub static REPLICATION: &[Field] = &[
    Fixed("role", "master"),
    Fixed("connected_slaves", "0"),
    Fixed("master_failover_state", "no-failover"),
    One("master_replid", |facts| text(&facts.parts.repl_id)),
    Fixed("master_replid2", "0000000000000000000000000000000000000000"),
    Fixed("master_repl_offset", "0"),
    Fixed("second_repl_offset", "-1"),
    Fixed("repl_backlog_active", "0"),
    Fixed("repl_backlog_size", "0"),
    Fixed("repl_backlog_first_byte_offset", "0"),
    Fixed("repl_backlog_histlen", "0"),
];

/// Section CPU: seconds of processor time.
pub static CPU: &[Field] = &[
    One("used_cpu_sys", |_| seconds(sys::cpu_time(Whose::Process).1)),
    One("used_cpu_user", |_| seconds(sys::cpu_time(Whose::Process).0)),
    One("used_cpu_sys_children", |_| seconds(sys::cpu_time(Whose::Children).1)),
    One("used_cpu_user_children", |_| seconds(sys::cpu_time(Whose::Children).0)),
    One("used_cpu_sys_main_thread", |_| seconds(sys::cpu_time(Whose::Thread).1)),
    One("used_cpu_user_main_thread", |_| seconds(sys::cpu_time(Whose::Thread).0)),
];

fn seconds(micros: u64) -> super::info::Shown {
    text(format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000))
}

/// Section Cluster.
pub static CLUSTER: &[Field] = &[Fixed("cluster_enabled", "0")];

//! The settings of Redis and Valkey that have no row here.
//!
//! Owns: their names.   Uses: nothing.   Never: their values.
//!
//! An existing redis.conf must be accepted, so most of them are ignored with a warning. A few would
//! change who may connect or where the data goes; to ignore these would deceive, so they are refused
//! unless they have the value that asks for nothing.

/// A setting that is ignored only while it asks for nothing.
pub struct Weighty {
    /// Its name.
    pub name: &'static str,
    /// The value with which it may be ignored, if there is one.
    pub idle: Option<&'static str>,
    /// What is missing.
    pub missing: &'static str,
}

const fn weighty(name: &'static str, idle: Option<&'static str>, missing: &'static str) -> Weighty {
    Weighty { name, idle, missing }
}

/// What must not be ignored silently.
pub static WEIGHTY: &[Weighty] = &[
    weighty("aclfile", Some(""), "users and ACLs are not implemented yet"),
    weighty("cluster-enabled", Some("no"), "cluster mode is not implemented yet"),
    weighty("loadmodule", None, "modules cannot be loaded"),
    weighty("rename-command", None, "commands cannot be renamed"),
    weighty("replicaof", Some("no one"), "replication is not implemented yet"),
    weighty("slaveof", Some("no one"), "replication is not implemented yet"),
    weighty("tls-port", Some("0"), "TLS is not implemented yet"),
    weighty("user", None, "users and ACLs are not implemented yet"),
];

/// Names that Redis 7.0 to 8.2 or Valkey 9 answer to CONFIG GET and that have no row. Sorted.
pub static IGNORED: &[&str] = &[
    "acl-pubsub-default",
    "aclfile",
    "acllog-max-len",
    "active-defrag-cycle-us",
    "active-defrag-max-scan-fields",
    "activerehashing",
    "always-show-logo",
    "aof-disable-auto-gc",
    "aof-load-truncated",
    "aof-rewrite-cpulist",
    "aof-rewrite-incremental-fsync",
    "aof-timestamp-enabled",
    "aof-use-rdb-preamble",
    "aof_rewrite_cpulist",
    "appenddirname",
    "appendfilename",
    "appendfsync",
    "auto-aof-rewrite-min-size",
    "auto-aof-rewrite-percentage",
    "availability-zone",
    "bgsave-cpulist",
    "bgsave_cpulist",
    "bind-source-addr",
    "bio-cpulist",
    "bio_cpulist",
    "busy-reply-threshold",
    "cluster-allow-pubsubshard-when-down",
    "cluster-allow-reads-when-down",
    "cluster-allow-replica-migration",
    "cluster-announce-bus-port",
    "cluster-announce-client-ipv4",
    "cluster-announce-client-ipv6",
    "cluster-announce-client-port",
    "cluster-announce-client-tls-port",
    "cluster-announce-hostname",
    "cluster-announce-human-nodename",
    "cluster-announce-ip",
    "cluster-announce-port",
    "cluster-announce-tls-port",
    "cluster-blacklist-ttl",
    "cluster-compatibility-sample-ratio",
    "cluster-config-file",
    "cluster-config-save-behavior",
    "cluster-databases",
    "cluster-enabled",
    "cluster-link-sendbuf-limit",
    "cluster-manual-failover-timeout",
    "cluster-migration-barrier",
    "cluster-node-timeout",
    "cluster-port",
    "cluster-preferred-endpoint-type",
    "cluster-replica-no-failover",
    "cluster-replica-validity-factor",
    "cluster-require-full-coverage",
    "cluster-slave-no-failover",
    "cluster-slave-validity-factor",
    "cluster-slot-migration-log-max-len",
    "cluster-slot-stats-enabled",
    "commandlog-execution-slower-than",
    "commandlog-large-reply-max-len",
    "commandlog-large-request-max-len",
    "commandlog-reply-larger-than",
    "commandlog-request-larger-than",
    "commandlog-slow-execution-max-len",
    "crash-log-enabled",
    "crash-memcheck-enabled",
    "daemonize",
    "disable-thp",
    "dual-channel-replication-enabled",
    "dynamic-hz",
    "enable-module-command",
    "extended-redis-compatibility",
    "hash-max-listpack-entries",
    "hash-max-listpack-value",
    "hash-max-ziplist-entries",
    "hash-max-ziplist-value",
    "hash-seed",
    "hide-user-data-from-log",
    "hll-sparse-max-bytes",
    "ignore-warnings",
    "import-mode",
    "io-threads-do-reads",
    "jemalloc-bg-thread",
    "latency-monitor-threshold",
    "latency-tracking",
    "latency-tracking-info-percentiles",
    "list-compress-depth",
    "list-max-listpack-size",
    "list-max-ziplist-entries",
    "list-max-ziplist-size",
    "list-max-ziplist-value",
    "locale-collate",
    "log-timestamp-format",
    "lua-time-limit",
    "masterauth",
    "masteruser",
    "max-new-connections-per-cycle",
    "max-new-tls-connections-per-cycle",
    "min-replicas-max-lag",
    "min-replicas-to-write",
    "min-slaves-max-lag",
    "min-slaves-to-write",
    "mptcp",
    "no-appendfsync-on-rewrite",
    "oom-score-adj",
    "oom-score-adj-values",
    "pidfile",
    "prefetch-batch-max-size",
    "primaryauth",
    "primaryuser",
    "proc-title-template",
    "propagation-error-behavior",
    "rdb-del-sync-files",
    "rdb-save-incremental-fsync",
    "rdb-version-check",
    "rdma-bind",
    "rdma-completion-vector",
    "rdma-port",
    "rdma-rx-size",
    "repl-backlog-size",
    "repl-backlog-ttl",
    "repl-disable-tcp-nodelay",
    "repl-diskless-load",
    "repl-diskless-sync",
    "repl-diskless-sync-delay",
    "repl-diskless-sync-max-replicas",
    "repl-mptcp",
    "repl-ping-replica-period",
    "repl-ping-slave-period",
    "repl-timeout",
    "replica-announce-ip",
    "replica-announce-port",
    "replica-announced",
    "replica-full-sync-buffer-limit",
    "replica-ignore-disk-write-errors",
    "replica-ignore-maxmemory",
    "replica-priority",
    "replica-read-only",
    "replica-serve-stale-data",
    "replicaof",
    "sanitize-dump-payload",
    "server-cpulist",
    "server_cpulist",
    "set-max-intset-entries",
    "set-max-listpack-entries",
    "set-max-listpack-value",
    "set-proc-title",
    "slave-announce-ip",
    "slave-announce-port",
    "slave-ignore-maxmemory",
    "slave-priority",
    "slave-read-only",
    "slave-serve-stale-data",
    "slaveof",
    "slot-migration-max-failover-repl-bytes",
    "slowlog-log-slower-than",
    "slowlog-max-len",
    "socket-mark-id",
    "stream-node-max-bytes",
    "stream-node-max-entries",
    "supervised",
    "syslog-enabled",
    "syslog-facility",
    "syslog-ident",
    "tls-auth-clients",
    "tls-auth-clients-user",
    "tls-auto-reload-interval",
    "tls-ca-cert-dir",
    "tls-ca-cert-file",
    "tls-cert-file",
    "tls-ciphers",
    "tls-ciphersuites",
    "tls-client-cert-file",
    "tls-client-key-file",
    "tls-client-key-file-pass",
    "tls-cluster",
    "tls-dh-params-file",
    "tls-key-file",
    "tls-key-file-pass",
    "tls-port",
    "tls-prefer-server-ciphers",
    "tls-protocols",
    "tls-replication",
    "tls-session-cache-size",
    "tls-session-cache-timeout",
    "tls-session-caching",
    "unixsocketgroup",
    "vset-force-single-threaded-execution",
    "zset-max-listpack-entries",
    "zset-max-listpack-value",
    "zset-max-ziplist-entries",
    "zset-max-ziplist-value",
];

/// Whether the other servers know the setting.
pub fn is_known(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    IGNORED.binary_search(&name.as_str()).is_ok() || WEIGHTY.iter().any(|w| w.name == name)
}

/// What is missing for this line to be carried out, when it must not be ignored.
pub fn objection(name: &str, words: &[&str]) -> Option<&'static str> {
    let weighty = WEIGHTY.iter().find(|w| w.name.eq_ignore_ascii_case(name))?;
    let value = words.join(" ");
    let idle = weighty.idle.is_some_and(|idle| idle.eq_ignore_ascii_case(&value));
    (!idle).then_some(weighty.missing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::row;

    #[test]
    fn the_names_are_sorted_and_have_no_row() {
        assert!(IGNORED.is_sorted());
        for name in IGNORED.iter().copied().chain(WEIGHTY.iter().map(|w| w.name)) {
            assert!(row(name.as_bytes()).is_none(), "{name} has a row: take it off the list");
        }
    }

    #[test]
    fn what_matters_is_refused_unless_it_asks_for_nothing() {
        assert!(objection("TLS-port", &["6380"]).is_some());
        assert!(objection("tls-port", &["0"]).is_none());
        assert!(objection("rename-command", &["CONFIG", ""]).is_some());
        assert!(objection("active-defrag-max-scan-fields", &["1000"]).is_none());
    }
}

//! The settings of Redis and Valkey that have no row here.
//!
//! Owns: their names, and what is said when somebody uses them.   Uses: row.   Never: changes a setting.
//!
//! An existing redis.conf must be accepted, and what reads the settings of a server must not be lied to. So
//! a name of theirs is one of four things:
//!
//! 1. A **row** (`rows.rs`): the setting has an effect here, or its effect is always there.
//! 2. **Standing** ([`STANDING`]): the setting has one value that is true here, because what it would switch
//!    does not exist or cannot be switched off (`cluster-enabled no`). CONFIG GET answers that value; a file may
//!    say it. Another value is refused where ignoring it would deceive somebody about who may connect, which
//!    data is safe or where it goes; else it is ignored with a warning.
//! 3. **Ignored** ([`IGNORED`]): nothing here answers to the name, and no value of it would be true or false (the
//!    backlog of a replication that is not there). A file may say what it likes: all of them get one
//!    warning. CONFIG GET and SET do not know them.
//! 4. **Forbidden** ([`FORBIDDEN`]): a line that asks for something in any form that cannot be done here.
//!
//! When what a name is about comes into being, it moves to `rows.rs`; a test sees that it does not stay here.

use super::row::When::{self, AtStart, Live};

/// A setting with one true value.
pub struct Standing {
    /// Its name, then other names of it.
    pub names: &'static [&'static str],
    /// The values that mean this; the first is what CONFIG GET answers.
    pub values: &'static [&'static str],
    /// When Redis lets it change: decides the words of CONFIG SET.
    pub when: When,
    /// What is missing for another value; none: another value in a file is ignored with a warning.
    pub missing: Option<&'static str>,
}

impl Standing {
    /// What CONFIG GET answers.
    pub fn value(&self) -> &'static str {
        self.values.first().copied().unwrap_or_default()
    }

    /// Whether these words say what is true anyway.
    pub fn is_true(&self, words: &str) -> bool {
        self.values.iter().any(|value| value.eq_ignore_ascii_case(words))
    }
}

const fn refused(
    names: &'static [&'static str],
    values: &'static [&'static str],
    when: When,
    missing: &'static str,
) -> Standing {
    Standing { names, values, when, missing: Some(missing) }
}

const fn ignored(
    names: &'static [&'static str],
    values: &'static [&'static str],
    when: When,
) -> Standing {
    Standing { names, values, when, missing: None }
}

const NO_USERS: &str = "users and ACLs are not implemented yet";
const NO_REPLICAS: &str = "replication is not implemented yet";
const NO_TLS: &str = "TLS is not implemented yet";

/// See above. Sorted by their first names.
pub static STANDING: &[Standing] = &[
    refused(&["aclfile"], &[""], AtStart, NO_USERS),
    ignored(&["aof-rewrite-cpulist", "aof_rewrite_cpulist"], &[""], AtStart),
    ignored(&["bgsave-cpulist", "bgsave_cpulist"], &[""], AtStart),
    ignored(&["bio-cpulist", "bio_cpulist"], &[""], AtStart),
    refused(&["cluster-enabled"], &["no"], AtStart, "cluster mode is not implemented yet"),
    ignored(&["crash-memcheck-enabled"], &["no"], Live),
    ignored(&["enable-module-command"], &["no"], AtStart),
    ignored(&["hide-user-data-from-log"], &["yes"], Live),
    ignored(&["import-mode"], &["no"], Live),
    ignored(&["locale-collate"], &[""], Live),
    refused(&["min-replicas-to-write", "min-slaves-to-write"], &["0"], Live, NO_REPLICAS),
    ignored(&["mptcp"], &["no"], AtStart),
    ignored(&["rdb-save-incremental-fsync"], &["yes"], Live),
    refused(&["rdma-port"], &["0"], AtStart, "RDMA is not implemented"),
    refused(&["replicaof", "slaveof"], &["", "no one"], AtStart, NO_REPLICAS),
    ignored(&["sanitize-dump-payload"], &["yes"], Live),
    ignored(&["server-cpulist", "server_cpulist"], &[""], AtStart),
    ignored(&["socket-mark-id"], &["0"], AtStart),
    refused(&["tls-cluster"], &["no"], Live, NO_TLS),
    refused(&["tls-port"], &["0"], Live, NO_TLS),
    refused(&["tls-replication"], &["no"], Live, NO_TLS),
];

/// Lines that cannot be carried out, whatever they say, and why.
pub static FORBIDDEN: &[(&str, &str)] = &[
    ("loadmodule", "modules cannot be loaded"),
    ("rename-command", "commands cannot be renamed"),
    ("user", NO_USERS),
];

/// Other names that Redis 7.0 to 8.2 or Valkey 9 answer to CONFIG GET. Sorted.
pub static IGNORED: &[&str] = &[
    "acl-pubsub-default",
    "acllog-max-len",
    "active-defrag-cycle-us",
    "active-defrag-max-scan-fields",
    "activerehashing",
    "aof-disable-auto-gc",
    "aof-load-truncated",
    "aof-rewrite-incremental-fsync",
    "aof-timestamp-enabled",
    "aof-use-rdb-preamble",
    "appenddirname",
    "appendfilename",
    "appendfsync",
    "auto-aof-rewrite-min-size",
    "auto-aof-rewrite-percentage",
    "availability-zone",
    "bind-source-addr",
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
    "disable-thp",
    "dual-channel-replication-enabled",
    "dynamic-hz",
    "extended-redis-compatibility",
    "hash-seed",
    "ignore-warnings",
    "io-threads-do-reads",
    "jemalloc-bg-thread",
    "list-compress-depth",
    "list-max-ziplist-entries",
    "list-max-ziplist-value",
    "lua-time-limit",
    "masterauth",
    "masteruser",
    "max-new-connections-per-cycle",
    "max-new-tls-connections-per-cycle",
    "min-replicas-max-lag",
    "min-slaves-max-lag",
    "no-appendfsync-on-rewrite",
    "prefetch-batch-max-size",
    "primaryauth",
    "primaryuser",
    "propagation-error-behavior",
    "rdb-del-sync-files",
    "rdb-version-check",
    "rdma-bind",
    "rdma-completion-vector",
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
    "slave-announce-ip",
    "slave-announce-port",
    "slave-ignore-maxmemory",
    "slave-priority",
    "slave-read-only",
    "slave-serve-stale-data",
    "slot-migration-max-failover-repl-bytes",
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
    "tls-dh-params-file",
    "tls-key-file",
    "tls-key-file-pass",
    "tls-prefer-server-ciphers",
    "tls-protocols",
    "tls-session-cache-size",
    "tls-session-cache-timeout",
    "tls-session-caching",
    "vset-force-single-threaded-execution",
];

/// All names that stand in this file.
pub fn names() -> impl Iterator<Item = &'static str> {
    let standing = STANDING.iter().flat_map(|setting| setting.names.iter().copied());
    let forbidden = FORBIDDEN.iter().map(|(name, _)| *name);
    standing.chain(IGNORED.iter().copied()).chain(forbidden)
}

/// The standing setting of that name, in any case.
pub fn standing(name: &[u8]) -> Option<&'static Standing> {
    let is_named = |known: &&str| known.as_bytes().eq_ignore_ascii_case(name);
    STANDING.iter().find(|setting| setting.names.iter().any(is_named))
}

/// What a line of a file comes to whose name has no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It says what is true anyway.
    True,
    /// It has no effect; one warning tells of all such lines.
    Ignored,
    /// To ignore it would deceive: what is missing.
    Refused(&'static str),
    /// Nobody knows the name.
    Unknown,
}

/// Judges a line of a file whose name has no row.
pub fn judge(name: &str, words: &[&str]) -> Judgement {
    if let Some(setting) = standing(name.as_bytes()) {
        return match setting.missing {
            _ if setting.is_true(&words.join(" ")) => Judgement::True,
            Some(missing) => Judgement::Refused(missing),
            None => Judgement::Ignored,
        };
    }
    let name = name.to_ascii_lowercase();
    if let Some((_, missing)) = FORBIDDEN.iter().find(|(known, _)| *known == name) {
        return Judgement::Refused(missing);
    }
    let ignored = IGNORED.binary_search(&name.as_str()).is_ok();
    if ignored { Judgement::Ignored } else { Judgement::Unknown }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::row;

    #[test]
    fn the_names_are_sorted_and_have_no_row() {
        assert!(IGNORED.is_sorted());
        assert!(STANDING.is_sorted_by_key(|setting| setting.names[0]));
        for name in names() {
            assert!(row(name.as_bytes()).is_none(), "{name} has a row: take it off the list");
        }
        for name in STANDING.iter().flat_map(|setting| setting.names) {
            assert!(IGNORED.binary_search(name).is_err(), "{name} stands twice");
        }
    }

    #[test]
    fn what_matters_is_refused_unless_it_asks_for_nothing() {
        assert_eq!(judge("TLS-port", &["6380"]), Judgement::Refused(NO_TLS));
        assert_eq!(judge("tls-port", &["0"]), Judgement::True);
        assert_eq!(judge("slaveof", &["NO", "one"]), Judgement::True);
        assert!(matches!(judge("rename-command", &["CONFIG", ""]), Judgement::Refused(_)));
        assert_eq!(judge("server_cpulist", &["0-3"]), Judgement::Ignored);
        assert_eq!(judge("Active-Defrag-Max-Scan-Fields", &["1000"]), Judgement::Ignored);
        assert_eq!(judge("prot", &["1"]), Judgement::Unknown);
    }
}

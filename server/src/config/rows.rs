//! The settings: one row each, and everything that follows from a row.
//!
//! Owns: names, defaults, ranges, the manual.   Uses: row, kinds, lists.   Never: files, sockets, the disk.
//!
//! A row is `/// manual` `"name" field: Type = default, When [, in RANGE] [, check FN] [, also "alias"];`
//! The macro makes of the rows: the struct [`Config`] and its `Default`, the table [`ROWS`] for CONFIG
//! GET and SET and the parser, and through it `redis.conf.example`. To add a setting, add a row.

use super::farewell::Farewell;
use super::kinds::{
    Allow, Hertz, HugePages, IoThreads, LogFormat, LogLevel, MemoryPolicy, Mode, OomScores,
    Percent, Range, RdbVersion, Secret, Setting, Supervised, SyslogFacility, TimestampFormat,
};
use super::lists::{Addresses, EventClasses, OomValues, OutputLimits, Percentiles, SavePoints};
use super::memory::{ClientMemory, Memory, MemoryLimit};
use super::row::{Row, When, range_of, settings};

/// The row of that name. Linear: nothing on the road of a data command asks for it.
pub fn row(name: &[u8]) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.is_named(name))
}

settings! {
    section "Network" {
        /// The addresses to listen on, parted by spaces. `*` is every IPv4 address and `::*` every IPv6
        /// address of the machine. With a `-` in front it is no error when the machine has no such
        /// address. Without this line only programs on this machine can connect; before listening on
        /// an address that others can reach, set a password.
        "bind" bind: Addresses = Addresses::loopback(), AtStart;

        /// The TCP port to listen on. 0 listens on none.
        "port" port: u16 = 6379, AtStart;

        /// The path of a unix socket to listen on as well. Empty: none.
        "unixsocket" unix_socket: Option<String> = None, AtStart;

        /// The permissions of the unix socket, in octal, such as 770. 0 leaves them to the umask.
        "unixsocketperm" unix_socket_mode: Mode = Mode(0), AtStart;

        /// The group of the unix socket, by name or number. Empty: that of the process.
        "unixsocketgroup" unix_socket_group: Option<String> = None, AtStart;

        /// While there is no password, refuse connections that come from other machines. Turn it off
        /// only where the network itself keeps strangers out.
        "protected-mode" protected_mode: bool = true, Live;

        /// How many accepted connections may wait for the server to take them. The kernel silently
        /// lowers it to its own limit, net.core.somaxconn.
        "tcp-backlog" tcp_backlog: u32 = 511, AtStart, in 0..=i32::MAX;

        /// Close a connection whose client has been silent for so many seconds. 0 never does.
        "timeout" timeout: u32 = 0, Live, in 0..=i32::MAX;

        /// After so many seconds of silence, ask the other side whether it is still there, so that a
        /// connection whose peer has vanished is closed. 0 does not ask.
        "tcp-keepalive" tcp_keepalive: u32 = 300, Live, in 0..=i32::MAX;

        /// How many clients may be connected at a time. One more is told so and disconnected. The limit
        /// on open files of the process must allow as many.
        "maxclients" max_clients: u32 = 10000, Live, in 1..=u32::MAX;

        /// How many threads read and write sockets; commands run one at a time whatever the number.
        /// With `auto` the server decides by the number of processors: on one or two it serves all
        /// sockets on the thread that runs the commands, which is faster there. CONFIG GET answers how
        /// many there are.
        "io-threads" io_threads: IoThreads = IoThreads::Auto, AtStart;
    }

    section "Security" {
        /// The password that clients must give with AUTH or HELLO before anything else. Empty: none.
        /// Guessing is fast, so take a long random one.
        "requirepass" password: Secret = Secret::default(), Live;

        /// Close a connection that has not given the password within so many seconds, however busy it
        /// keeps the line. 0 never does.
        "auth-timeout" auth_timeout: u32 = 60, Live, in 0..=i32::MAX;

        /// Who may use DEBUG, which can stop or crash the server on purpose: nobody (`no`),
        /// everybody (`yes`) or connections from this machine (`local`).
        "enable-debug-command" debug_command: Allow = Allow::No, AtStart;

        /// Who may change, by CONFIG SET, the settings that decide which files are written: nobody
        /// (`no`), everybody (`yes`) or connections from this machine (`local`).
        "enable-protected-configs" protected_configs: Allow = Allow::No, AtStart;
    }

    section "Clients" {
        /// The longest string that a client may send or build.
        "proto-max-bulk-len" max_bulk: Memory = Memory(512 << 20), Live, in 1048576..=i64::MAX;

        /// How much a client may have sent that the server has not yet executed, before it is
        /// disconnected.
        "client-query-buffer-limit" query_buffer_limit: Memory = Memory(1 << 30), Live, in 1048576..=i64::MAX;

        /// How much output may wait for a client that does not read it, before it is disconnected. For
        /// each class of clients - normal, replica (or slave), pubsub (subscribers) - three numbers: a
        /// hard limit; a soft limit; and for how many seconds on end the soft limit may be exceeded.
        /// 0 is no limit. Other than Redis, normal clients have a limit by default: without one, a
        /// single client that never reads could take all memory.
        "client-output-buffer-limit" output_limits: OutputLimits = OutputLimits::usual(), Live;

        /// How much memory all clients together may take for what they sent, what waits to be sent to them,
        /// their transactions and subscriptions: bytes, or a percentage of maxmemory. Above it the clients
        /// that take most are disconnected, but for those that said CLIENT NO-EVICT ON. 0 is no limit; less
        /// than 128kb counts as 128kb.
        "maxmemory-clients" max_client_memory: ClientMemory = ClientMemory::Bytes(0), Live;

        /// How many keys to note for clients that keep copies of them (CLIENT TRACKING). Beyond that the keys
        /// noted first are forgotten, and their readers told as if they had changed. 0 is no limit.
        "tracking-table-max-keys" tracking_keys: u64 = 1_000_000, Live;
    }

    section "Memory" {
        /// How much memory the server may use, such as 2gb, before it removes keys as maxmemory-policy
        /// says. 0: as much as the machine gives. A share such as 80% is one of the container's limit, or
        /// else of the machine's memory, and becomes bytes when it is set. Leave room for what a snapshot
        /// copies.
        "maxmemory" max_memory: MemoryLimit = MemoryLimit::Bytes(0), Live;

        /// Which keys go when memory is full: the least recently used (lru), the least frequently used
        /// (lfu), the least recently modified (lrm: reading does not count), or any (random); of all keys
        /// (allkeys-) or of those with a time to live (volatile-); or those that would expire first
        /// (volatile-ttl). With `noeviction`, and where nothing may go, commands that need memory are
        /// refused.
        "maxmemory-policy" memory_policy: MemoryPolicy = MemoryPolicy::Noeviction, Live;

        /// How many keys to look at for each one that goes, in each database. 5 comes close to the exact
        /// order; more comes closer and takes more of the processor.
        "maxmemory-samples" memory_samples: u32 = 5, Live, in 1..=64;

        /// How long a command may be held up by the removal of other keys: 10 is half a millisecond, 0
        /// hardly at all, from 11 on each step is 15 % longer, and 100 is until there is room. What is
        /// left to remove is removed between commands.
        "maxmemory-eviction-tenacity" eviction_tenacity: u32 = 10, Live, in 0..=100;

        /// How slowly counters of use grow (lfu): with 10 a million uses fill one, with 0 each use counts
        /// fully.
        "lfu-log-factor" lfu_log_factor: u32 = 10, Live, in 0..=i32::MAX;

        /// Minutes after which a counter of use has lost one (lfu). 0: counters never decay.
        "lfu-decay-time" lfu_decay_time: u32 = 1, Live, in 0..=i32::MAX;
    }

    section "Freeing" {
        /// Whether FLUSHALL and FLUSHDB without a word mean ASYNC: answer when the keys are gone. With `no`
        /// they mean SYNC: answer when their memory is free as well. Either way another thread frees it and
        /// only the client that asked waits.
        "lazyfree-lazy-user-flush" lazy_user_flush: bool = false, Live;

        /// Let DEL free values in the background, as UNLINK does. Values of 64 KiB and more are always
        /// freed there and smaller ones never, because handing these over would take longer than freeing
        /// them; so this setting, like the next four, is kept for other programs and changes nothing.
        "lazyfree-lazy-user-del" lazy_user_del: bool = false, Live;

        /// Free in the background what a command replaces, as SET does; see lazyfree-lazy-user-del.
        "lazyfree-lazy-server-del" lazy_server_del: bool = false, Live;

        /// Free expired values in the background; see lazyfree-lazy-user-del.
        "lazyfree-lazy-expire" lazy_expire: bool = false, Live;

        /// Free evicted values in the background; see lazyfree-lazy-user-del.
        "lazyfree-lazy-eviction" lazy_eviction: bool = false, Live;

        /// Free what a replica held before it takes over its master's data in the background; see
        /// lazyfree-lazy-user-del.
        "replica-lazy-flush" replica_lazy_flush: bool = false, Live, also "slave-lazy-flush";
    }

    section "Data" {
        /// How many databases there are. Clients choose one by number with SELECT and begin with 0.
        "databases" databases: u32 = 16, AtStart, in 1..=1_000_000;

        /// Whether keys and values stand on huge pages (2 MiB), which makes everything faster,
        /// snapshots above all. With `auto` the last 2 MiB of a small database stand on ordinary pages,
        /// so that it takes no more than it needs. The system must allow them: what it says in
        /// /sys/kernel/mm/transparent_hugepage/enabled is `madvise` or `always`. A change concerns
        /// memory that is taken from then on.
        "huge-pages" huge_pages: HugePages = HugePages::Auto, Live;

        /// Whether memory that many deletions have left in pieces is given back, by moving keys together
        /// a little at a time.
        "activedefrag" active_defrag: bool = false, Live;

        /// Waste that is not worth the work.
        "active-defrag-ignore-bytes" defrag_ignore: Memory = Memory(100 << 20), Live, in 1..=i64::MAX;

        /// Waste, in percent of the memory in use, from which on the work begins.
        "active-defrag-threshold-lower" defrag_lower: u32 = 10, Live, in 0..=1000;

        /// Waste, in percent of the memory in use, at which the most time is spent.
        "active-defrag-threshold-upper" defrag_upper: u32 = 100, Live, in 0..=1000;

        /// The percentage of time that is spent at the lower threshold.
        "active-defrag-cycle-min" defrag_least: u32 = 1, Live, in 1..=99;

        /// The percentage of time that is spent at the upper threshold and beyond.
        "active-defrag-cycle-max" defrag_most: u32 = 25, Live, in 1..=99;

        /// Which changes of keys are published to subscribers. Each letter adds something: K publishes to
        /// `__keyspace@<db>__:<key>` and E to `__keyevent@<db>__:<event>`, and at least one of the two
        /// is needed; g commands of all types, $ strings, l lists, s sets, h hashes, z sorted sets,
        /// t streams, x expired keys, e evicted keys, d modules; A for all of these; m reads that
        /// missed; n new keys. Empty: nothing is published.
        "notify-keyspace-events" notify: EventClasses = EventClasses::default(), Live;

        /// How many times per second the server does its periodic work, such as looking for expired keys
        /// and silent clients. More makes it prompter and uses more of the processor when idle. Below 1
        /// counts as 1, above 500 as 500.
        "hz" hz: Hertz = Hertz(10), Live, in 0..=i32::MAX;

        /// How eagerly expired keys that nobody reads are removed, from 1 to 10. While more than 10 % (at
        /// 10: 1 %) of the keys with a deadline are past it, up to 25 % (43 %) of the time goes to that,
        /// in slices of a quarter of a millisecond; a tenth of it while fewer are.
        "active-expire-effort" active_expire_effort: u16 = 1, Live, in 1..=10;

        /// A HyperLogLog (PFADD) of few elements is kept as runs, until they would take more bytes than this; then
        /// it takes 12 KiB whatever is added. More than 16000 is of no use, and runs take the longer to change
        /// the more they are.
        "hll-sparse-max-bytes" hll_sparse_bytes: Memory = Memory(3000), Live;
    }

    section "Encodings" {
        /// The most fields of a hash that OBJECT ENCODING calls a listpack. This setting and those below change
        /// names only: how a collection is kept is the server's choice.
        "hash-max-listpack-entries" hash_entries: usize = 512, Live, also "hash-max-ziplist-entries";

        /// The most bytes of a name or value in a hash that is called a listpack.
        "hash-max-listpack-value" hash_value: usize = 64, Live, also "hash-max-ziplist-value";

        /// The most members of a set of numbers that is called an intset.
        "set-max-intset-entries" set_ints: usize = 512, Live;

        /// The most members of a set that is called a listpack.
        "set-max-listpack-entries" set_entries: usize = 128, Live;

        /// The most bytes of a member of a set that is called a listpack.
        "set-max-listpack-value" set_value: usize = 64, Live;

        /// The most members of a sorted set that is called a listpack.
        "zset-max-listpack-entries" zset_entries: usize = 128, Live, also "zset-max-ziplist-entries";

        /// The most bytes of a member of a sorted set that is called a listpack.
        "zset-max-listpack-value" zset_value: usize = 64, Live, also "zset-max-ziplist-value";

        /// The most elements of a list that is called a listpack; or, from -1 to -5, its size: 4, 8, 16, 32
        /// or 64 KiB.
        "list-max-listpack-size" list_size: i64 = -2, Live, in -2147483648..=2147483647, also "list-max-ziplist-size";

        /// The most bytes of a block of a stream's entries, 0: a megabyte. Approximate trimming drops whole blocks.
        "stream-node-max-bytes" stream_node_bytes: Memory = Memory(4096), Live, in 0..=i64::MAX;

        /// The most entries of a block of a stream, 0: any number.
        "stream-node-max-entries" stream_node_entries: u64 = 100, Live, in 0..=i64::MAX;

        /// For how many seconds a stream remembers which messages XADD with IDMP has added, unless XCFGSET says so.
        "stream-idmp-duration" stream_idmp_seconds: u32 = 100, Live, in 1..=86400;

        /// How many messages of one producer a stream remembers, unless XCFGSET says so.
        "stream-idmp-maxsize" stream_idmp_messages: u32 = 100, Live, in 1..=10000;
    }

    section "Snapshots" {
        /// When to write a snapshot by itself: pairs of seconds and changes. `900 1` saves when 900
        /// seconds have passed since the last one and at least one change was made. Further pairs and
        /// further lines add conditions, of which any suffices. `save ""` never saves.
        "save" save: SavePoints = SavePoints::usual(), Live;

        /// The directory that the server works in and where its files are. The paths of logfile, pidfile
        /// and unixsocket begin there too, unless they begin with a slash.
        "dir" dir: String = ".".into(), Protected, check not_empty;

        /// The name of the snapshot file in that directory.
        "dbfilename" db_filename: String = "dump.rdb".into(), Protected, check file_name;

        /// Compress strings in snapshots. Costs time of the process that saves, often halves the file.
        "rdbcompression" rdb_compression: bool = true, Live;

        /// End snapshots with a checksum and verify it when loading. Without, a damaged file may be
        /// loaded unnoticed.
        "rdbchecksum" rdb_checksum: bool = true, AtStart;

        /// The version of the snapshot format to write. Redis 7.2 and newer and Valkey 8 and newer
        /// read 11; take 10 to go back to Redis 7.0. Hashes whose fields have times of their own are
        /// known from 12 on (Redis 7.4 and newer), or in 80 (Valkey 9): a file that holds some is
        /// written as 12 where less is asked for, so that nothing is lost. Files of any version are
        /// loaded.
        "rdb-version" rdb_version: RdbVersion = RdbVersion::V11, Live;

        /// While a snapshot is being written, every page of memory that changes is copied. How much of
        /// what this could take, by the rate of changes of the last seconds, must be available, in
        /// percent: otherwise BGSAVE is refused, and a snapshot that is due waits. And a snapshot
        /// during which memory does run out is given up, before the kernel ends the server. `no` lets
        /// every snapshot begin and go on.
        "snapshot-headroom" snapshot_headroom: Percent = Percent(Some(50)), Live;

        /// Refuse writes after a snapshot has failed, until one succeeds, so that somebody notices. Turn
        /// it off where the disk is watched in another way.
        "stop-writes-on-bgsave-error" stop_writes_on_save_error: bool = true, Live;

        /// Log every change, so that a crash loses next to nothing. Not implemented yet: only `no` is
        /// accepted.
        "appendonly" append_only: bool = false, Live, check no_log;
    }

    section "Watching" {
        /// Commands that took so many microseconds or more are kept in the slow log; see SLOWLOG GET. 0
        /// keeps every command, -1 none. Short commands are timed in groups, so that timing costs nothing;
        /// below 1000 each is timed by itself, which takes some 0.1 us.
        "slowlog-log-slower-than" slow_from: i64 = 10_000, Live, in -1..=i64::MAX,
            also "commandlog-execution-slower-than";

        /// How many commands the slow log keeps. Each takes at most 5 KiB.
        "slowlog-max-len" slow_log_len: u64 = 128, Live, in 0..=i64::MAX,
            also "commandlog-slow-execution-max-len";

        /// Commands whose request has so many bytes or more are kept; see COMMANDLOG GET n LARGE-REQUEST. 0
        /// keeps every command, -1 none. Below 1048576 each command is looked at by itself, as above.
        "commandlog-request-larger-than" large_request_from: i64 = 1 << 20, Live, in -1..=i64::MAX;

        /// How many commands with large requests are kept.
        "commandlog-large-request-max-len" large_request_len: u64 = 128, Live, in 0..=i64::MAX;

        /// Commands whose reply has so many bytes or more are kept; see COMMANDLOG GET n LARGE-REPLY. 0
        /// keeps every command, -1 none. Below 1048576 each command is looked at by itself, as above.
        "commandlog-reply-larger-than" large_reply_from: i64 = 1 << 20, Live, in -1..=i64::MAX;

        /// How many commands with large replies are kept.
        "commandlog-large-reply-max-len" large_reply_len: u64 = 128, Live, in 0..=i64::MAX;

        /// Whatever holds the server up for so many milliseconds or more - a command, a fork, expiring or
        /// evicting keys - is noted; see LATENCY. 0 notes nothing. Otherwise each command is timed by
        /// itself, which takes some 0.1 us.
        "latency-monitor-threshold" latency_threshold: u64 = 0, Live, in 0..=i64::MAX;

        /// Count how long the calls of each command take; see LATENCY HISTOGRAM and INFO latencystats.
        "latency-tracking" latency_tracking: bool = true, Live;

        /// The percentiles that INFO latencystats shows.
        "latency-tracking-info-percentiles" latency_percentiles: Percentiles =
            Percentiles(vec![50.0, 99.0, 99.9]), Live;
    }

    section "Messages" {
        /// How much to tell: debug, verbose, notice, warning or nothing.
        "loglevel" log_level: LogLevel = LogLevel::Notice, Live;

        /// The file to append messages to. Empty: the standard output, which a daemon has none of. The file
        /// may be moved or removed at any time, as logrotate does: the next message begins a new one.
        "logfile" log_file: Option<String> = None, AtStart;

        /// The shape of a message: `classic` as Redis writes it, `logfmt` as key=value pairs, `json` as
        /// one object per line.
        "log-format" log_format: LogFormat = LogFormat::Classic, AtStart;

        /// How a message tells the time: `legacy` as Redis does (21 Nov 2026 09:45:50.750), `iso8601` with
        /// the distance from UTC, `milliseconds` since 1970, or `auto`: legacy in classic messages and
        /// iso8601 in others.
        "log-timestamp-format" log_time: TimestampFormat = TimestampFormat::Auto, AtStart;

        /// Send messages to the syslog of this machine as well.
        "syslog-enabled" syslog: bool = false, AtStart;

        /// The name that messages have there.
        "syslog-ident" syslog_ident: String = "redis".into(), AtStart;

        /// The part of the system they are filed under there: user, or local0 to local7.
        "syslog-facility" syslog_facility: SyslogFacility = SyslogFacility::Local0, AtStart;

        /// After a crash, write a report with the command that ran (without its arguments), the place in
        /// the program and the version. With `no` there is one line.
        "crash-log-enabled" crash_log: bool = true, Live;

        /// Print the name and version as a picture at every start. Otherwise that is done only where a
        /// person looks on: when messages go to a terminal.
        "always-show-logo" show_logo: bool = false, AtStart;
    }

    section "Process" {
        /// Go to the background at start. The command returns when the server has its directory and its
        /// sockets, with an error if it could not have them; then the snapshot is read. Leave it off under
        /// systemd, docker and other programs that look after the process.
        "daemonize" daemonize: bool = false, AtStart;

        /// Tell whoever started the server how it gets on: `systemd` by the socket it gives (a unit with
        /// Type=notify), `upstart` by a stop of the process, `auto` whichever the environment asks for.
        /// With one of them daemonize has no effect.
        "supervised" supervised: Supervised = Supervised::No, AtStart;

        /// The file that holds the number of the process while it runs. Empty: none, but for a daemon
        /// /var/run/redis.pid. It is no error if it cannot be written.
        "pidfile" pid_file: Option<String> = None, AtStart;

        /// Whom the kernel ends first when memory runs out: with `relative` (or `yes`) the values below are
        /// added to the score that the process began with, with `absolute` they are the scores.
        "oom-score-adj" oom_score: OomScores = OomScores::No, Live;

        /// The values for a master, a replica and a child that writes a snapshot, each between -2000 and
        /// 2000: more is ended earlier, and only root may become less than it was. What the kernel does not
        /// take (below -1000, above 1000) counts as the nearest that it does.
        "oom-score-adj-values" oom_values: OomValues = OomValues([0, 200, 800]), Live;

        /// Let lists of processes show where the server listens.
        "set-proc-title" set_title: bool = true, AtStart;

        /// What they show: {title} is the name the server was started by, {listen-addr} its first address
        /// with the port, or the unix socket, {server-mode} is empty; {port}, {tls-port}, {unixsocket}
        /// and {config-file} are the settings. It is cut to the room that the command line took.
        "proc-title-template" title_template: String = "{title} {listen-addr} {server-mode}".into(), AtStart,
            check title_template;

        /// What SIGINT means: `default`, which saves if save points are set, or words of SHUTDOWN: save, nosave,
        /// now, force.
        "shutdown-on-sigint" on_sigint: Farewell = Farewell::default(), Live;

        /// What SIGTERM means; as shutdown-on-sigint.
        "shutdown-on-sigterm" on_sigterm: Farewell = Farewell::default(), Live;

        /// For how many seconds to wait at the end for replicas that lag behind. There are no replicas yet, so
        /// nothing is waited for.
        "shutdown-timeout" shutdown_timeout: u32 = 10, Live, in 0..=i32::MAX;
    }
}

/// What a process title may contain.
const TITLE_WORDS: [&str; 7] =
    ["title", "listen-addr", "server-mode", "port", "tls-port", "unixsocket", "config-file"];

fn title_template(template: &str) -> Result<(), String> {
    let wrong = "template format is invalid or contains unknown variables";
    let mut rest = template;
    while let Some((_, behind)) = rest.split_once('{') {
        let (word, after) = behind.split_once('}').ok_or(wrong)?;
        if !TITLE_WORDS.contains(&word) {
            return Err(wrong.into());
        }
        rest = after;
    }
    Ok(())
}

fn no_log(wanted: &bool) -> Result<(), String> {
    let words = "the append-only log is not implemented yet: only no is accepted";
    if *wanted { Err(words.into()) } else { Ok(()) }
}

fn not_empty(path: &str) -> Result<(), String> {
    if path.is_empty() { Err("argument must not be empty".into()) } else { Ok(()) }
}

fn file_name(name: &str) -> Result<(), String> {
    if name.is_empty() || name == "." || name == ".." {
        return Err("argument must name a file".into());
    }
    if name.contains(['/', '\\', '\0']) {
        return Err("dbfilename can't be a path, just a filename".into());
    }
    Ok(())
}

//! The forms of commands that programs are made of, and the words that stand in them.
//!
//! Owns: the table of forms, the pools of keys, values and numbers.   Uses: nothing.
//! Never: which of them a server knows (`grammar` asks).
//!
//! A line is `WEIGHT COMMAND FORM`: capitals stand for themselves, small words for a kind of argument,
//! `[a|b]` may be left out, `(a|b)` may not, `x...` comes once or more, `#x...` is led by its count, and an
//! alternative after `@8.4` is only used with servers from that version on.

/// Every form. A command that one of the two servers does not know is left out by itself.
pub const FORMS: &str = "
3 APPEND key value
2 DECR key
2 DECRBY key int
2 DELEX key [IFEQ value|IFNE value|IFDEQ digest|IFDNE digest]
1 DELIFEQ key value
1 DIGEST key
6 GET key
2 GETDEL key
4 GETEX key [EX ttl|PX pttl|EXAT at|PXAT pat|PERSIST]
3 GETRANGE key int int
2 GETSET key value
3 INCR key
3 INCRBY key int
4 INCRBYFLOAT key float
3 LCS key key [LEN] [IDX] [MINMATCHLEN int] [WITHMATCHLEN]
3 MGET key...
3 MSET (key value)...
3 MSETNX (key value)...
3 MSETEX #(key value)... [NX|XX] [EX ttl|PX pttl|EXAT at|PXAT pat|KEEPTTL]
2 PSETEX key pttl value
9 SET key value [NX|XX|@8.4 IFEQ value|@8.4 IFNE value|@8.4 IFDEQ digest|@8.4 IFDNE digest] [GET] [EX ttl|PX pttl|EXAT at|PXAT pat|KEEPTTL]
2 SETEX key ttl value
2 SETNX key value
3 SETRANGE key offset value
2 STRLEN key
1 SUBSTR key int int

5 COPY key key [DB db] [REPLACE]
3 DEL key...
2 DUMP key
2 EXISTS key...
3 KEYS pattern
4 MOVE key db
2 OBJECT ENCODING key
1 OBJECT FREQ key
1 OBJECT IDLETIME key
1 OBJECT REFCOUNT key
1 OBJECT HELP
1 RANDOMKEY
4 RENAME key key
3 RENAMENX key key
4 RESTORE key resttl payload [REPLACE] [ABSTTL] [IDLETIME small|FREQ int]
3 SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]
2 TOUCH key...
2 TYPE key
2 UNLINK key...
1 WAIT zero short
1 WAITAOF zero zero short
5 EXPIRE key ttl [NX|XX|GT|LT]
3 EXPIREAT key at [NX|XX|GT|LT]
2 EXPIRETIME key
3 PERSIST key
3 PEXPIRE key pttl [NX|XX|GT|LT]
3 PEXPIREAT key pat [NX|XX|GT|LT]
2 PEXPIRETIME key
2 PTTL key
2 TTL key

7 MULTI
9 EXEC
1 DISCARD
3 WATCH key...
1 UNWATCH
5 SELECT db
3 SWAPDB db db
1 ECHO value
2 PING [value]
2 HELLO [proto] [SETNAME name]
1 RESET
1 CLIENT CACHING (YES|NO)
1 CLIENT GETNAME
1 CLIENT GETREDIR
1 CLIENT HELP
1 CLIENT ID
1 CLIENT INFO
1 CLIENT LIST [TYPE (normal|master|replica|pubsub)|ID int...]
1 CLIENT NO-EVICT (ON|OFF)
1 CLIENT NO-TOUCH (ON|OFF)
1 CLIENT SETINFO (LIB-NAME|LIB-VER) name
1 CLIENT SETNAME name
1 CLIENT TRACKINGINFO
1 CLIENT UNBLOCK farid [TIMEOUT|ERROR]
1 CLIENT UNPAUSE

1 ACL CAT [category]
1 ACL WHOAMI
1 COMMAND COUNT
1 COMMAND GETKEYS command
1 COMMAND GETKEYSANDFLAGS command
1 COMMAND HELP
1 COMMAND LIST FILTERBY (PATTERN pattern|MODULE name)
1 CONFIG GET setting...
1 CONFIG HELP
1 CONFIG RESETSTAT
1 CONFIG SET (lfu-log-factor small|lfu-decay-time small|notify-keyspace-events flags|maxmemory-policy policy)...
3 DBSIZE
2 FLUSHALL [ASYNC|SYNC]
3 FLUSHDB [ASYNC|SYNC]
1 INFO [section]
1 LASTSAVE
1 LATENCY DOCTOR
1 LATENCY HISTORY name
1 LATENCY LATEST
1 LATENCY RESET [name...]
1 LOLWUT [VERSION small]
1 MEMORY HELP
1 MEMORY USAGE key [SAMPLES int]
1 ROLE
1 FAILOVER ABORT
1 SLOWLOG GET [int]
1 SLOWLOG HELP
1 SLOWLOG LEN
1 SLOWLOG RESET
1 TIME

1 PUBLISH name value
1 PUBSUB CHANNELS [pattern]
1 PUBSUB NUMSUB name
";

/// The keys of all programs: few, so that commands meet.
pub const KEYS: &[&[u8]] = &[b"k", b"l", b"key:1", b"", b"\x00\xff key"];

/// The databases that programs use.
pub const DATABASES: &[&[u8]] = &[b"0", b"1", b"2"];

/// Values that matter to some command; long ones are added by `grammar`.
pub const VALUES: &[&[u8]] = &[
    b"",
    b"a",
    b"abc",
    b"hello world",
    b"ohmytext",
    b"mynewtext",
    b"\x00\x01\xfe\xff",
    b"a\r\nb",
    b"12",
    b"-7",
    b"0",
    b"10000",
    b"3.5",
    b"-0.0",
    b"5.0e3",
    b"inf",
    b"nan",
];

/// Numbers at which something ends, and words that are nearly numbers.
pub const NUMBERS: &[&[u8]] = &[
    b"0",
    b"1",
    b"-1",
    b"2",
    b"3",
    b"-3",
    b"10",
    b"44",
    b"45",
    b"255",
    b"1000",
    b"5000",
    b"65536",
    b"536870912",
    b"2147483647",
    b"2147483648",
    b"-2147483649",
    b"4294967296",
    b"9223372036854775",
    b"9223372036854776",
    b"9223372036854775807",
    b"9223372036854775808",
    b"-9223372036854775807",
    b"-9223372036854775808",
    b"-9223372036854775809",
    b"18446744073709551615",
    b"18446744073709551616",
    b"",
    b"+1",
    b"-0",
    b"01",
    b" 1",
    b"1 ",
    b"1.0",
    b"0x10",
    b"1e3",
    b"ten",
];

/// Fractions, and what C's strtold reads as one.
pub const FLOATS: &[&[u8]] = &[
    b"0.1",
    b"-0.1",
    b"0.5",
    b"3.14159265358979323846",
    b"1e5",
    b"-1.5e-3",
    b"5.0e3",
    b"1e17",
    b"1e-17",
    b"123456789.123456789",
    b"100000000000000000000",
    b"inf",
    b"-inf",
    b"infinity",
    b"nan",
    b"1e308",
    b"1e400",
    b"1e4933",
    b"5e-324",
    b"-0",
    b"0x1p3",
    b".5",
    b"5.",
    b"1e",
    b"1.5abc",
    b" 1.5",
];

/// Patterns of every construction.
pub const PATTERNS: &[&[u8]] = &[
    b"*", b"k*", b"key:?", b"[kl]", b"[^k]", b"[a-z]*", b"", b"\\k", b"*1", b"[k", b"k\\", b"??",
    b"[]", b"[z-a]", b"**k**", b"[^]k]", b"abc",
];

/// Names, for clients and events: some are not allowed.
pub const NAMES: &[&[u8]] =
    &[b"name", b"", b"two words", b"new\nline", b"default", b"caf\xc3\xa9", b"x-1.2"];

/// Types of values, as SCAN takes them.
pub const TYPES: &[&[u8]] = &[b"string", b"list", b"STRING", b"hash", b"nosuchtype", b""];

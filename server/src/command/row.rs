//! What a command's row says. Everything else that must know a command derives it from here.
//!
//! Owns: the types of a row and the check of a family's table.   Uses: contexts, keyspace events.
//! Never: which commands exist.
//!
//! A row stands directly above its function. Arity, COMMAND and COMMAND DOCS, COMMAND GETKEYS, ACL
//! categories, key routing and keyspace events are derived; `check` refuses an incomplete or
//! contradictory row while compiling.

pub use super::key_spec::*;

use super::context::{ReadCx, ServerCx, SessionCx, WriteCx};
use super::next::Next;
use crate::keyspace::change::{Change, Event};
use crate::resp::Result;
use crate::resp::args::Args;

/// One command or subcommand.
pub struct Command {
    /// Lower case. A subcommand's name holds its container's: `client|id`.
    pub name: &'static str,
    /// The version of Redis that brought it.
    pub since: &'static str,
    /// The family that COMMAND DOCS files it under.
    pub group: Group,
    /// One sentence.
    pub summary: &'static str,
    /// Its cost, in the words of COMMAND DOCS.
    pub complexity: &'static str,
    /// Since when it is discouraged, and what to use in its place.
    pub deprecated: Option<(&'static str, &'static str)>,
    /// Its arguments, the name left out. Arity follows from them.
    pub args: &'static [Arg],
    /// Where its keys stand.
    pub keys: &'static [KeySpec],
    /// The words among its options without any of which it does less to its keys, and what it then does (SET
    /// without GET does not read). COMMAND GETKEYSANDFLAGS tells the difference.
    pub access_without: Option<(&'static [&'static str], &'static [&'static str])>,
    /// What else is to be known before it runs.
    pub flags: Flags,
    /// Which of its words are secret, if not all of them are (flag SECRET): asked of a request and a position.
    pub secret: Option<fn(Args<'_>, usize) -> bool>,
    /// The keyspace events that it can cause.
    pub events: &'static [Event],
    /// The subcommands of a container, sorted.
    pub subcommands: &'static [&'static Command],
    /// The function, and how far it reaches.
    pub run: Run,
}

/// How far a command reaches, and the function that carries it out.
#[derive(Clone, Copy)]
pub enum Run {
    /// Not said: refused by `check`.
    Unset,
    /// A container whose subcommands do the work.
    Container,
    /// Reads data.
    Read(fn(&mut ReadCx<'_>) -> Result<()>),
    /// Changes data, and says what it changed.
    Write(fn(&mut WriteCx<'_>) -> Result<Change>),
    /// Works on the connection: transactions, subscriptions, names.
    Session(fn(&mut SessionCx<'_>) -> Result<Next>),
    /// Works on the server.
    Server(fn(&mut ServerCx<'_>) -> Result<Next>),
}

/// The families of COMMAND DOCS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the word that COMMAND DOCS shows")]
pub enum Group {
    Unset,
    Bitmap,
    Connection,
    Generic,
    Geo,
    Hash,
    HyperLogLog,
    List,
    Pubsub,
    Server,
    Set,
    SortedSet,
    Stream,
    String,
    Transactions,
}

impl Group {
    /// The word in COMMAND DOCS.
    pub const fn name(self) -> &'static str {
        match self {
            Group::Unset => "",
            Group::Bitmap => "bitmap",
            Group::Connection => "connection",
            Group::Generic => "generic",
            Group::Geo => "geo",
            Group::Hash => "hash",
            Group::HyperLogLog => "hyperloglog",
            Group::List => "list",
            Group::Pubsub => "pubsub",
            Group::Server => "server",
            Group::Set => "set",
            Group::SortedSet => "sorted_set",
            Group::Stream => "stream",
            Group::String => "string",
            Group::Transactions => "transactions",
        }
    }
}

/// A set of command flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Flags(u32);

macro_rules! flags {
    ($($(#[$doc:meta])* $constant:ident = $bit:literal, $word:literal;)*) => {
        $($(#[$doc])* pub const $constant: Flags = Flags(1 << $bit);)*
        const _: () = {
            let mut seen = 0u32;
            $(assert!(seen & (1 << $bit) == 0, "two flags share a bit"); seen |= 1 << $bit;)*
            assert!(seen != 0);
        };
        /// Every flag with the word that COMMAND INFO shows for it.
        pub const FLAG_WORDS: &[(Flags, &str)] = &[$(($constant, $word)),*];
    };
}

flags! {
    /// Constant or logarithmic time: its run is timed together with its neighbours.
    FAST = 0, "fast";
    /// Refused when memory is used up.
    DENY_OOM = 1, "denyoom";
    /// Administration: in the ACL categories admin and dangerous.
    ADMIN = 2, "admin";
    /// May not be called by a script.
    NOSCRIPT = 3, "noscript";
    /// Allowed while the data set is loading.
    LOADING = 4, "loading";
    /// Allowed on a replica that has lost its master.
    STALE = 5, "stale";
    /// Allowed before authentication.
    NO_AUTH = 6, "no_auth";
    /// Allowed while a script runs past its limit.
    ALLOW_BUSY = 7, "allow_busy";
    /// Not allowed in a transaction.
    NO_MULTI = 8, "no_multi";
    /// Not allowed while a replica loads beside the old data set.
    NO_ASYNC_LOADING = 9, "no_async_loading";
    /// Works on channels.
    PUBSUB = 10, "pubsub";
    /// May wait.
    BLOCKING = 11, "blocking";
    /// Not shown to MONITOR.
    SKIP_MONITOR = 12, "skip_monitor";
    /// Not kept in the slow log.
    SKIP_SLOWLOG = 13, "skip_slowlog";
    /// Its keys cannot be told from key specifications alone.
    MOVABLE_KEYS = 14, "movablekeys";
    /// Not queued by MULTI but carried out at once.
    NOT_QUEUED = 15, "";
    /// Allowed to a RESP2 subscriber.
    WHILE_SUBSCRIBED = 16, "";
    /// Its arguments are secret: reports show none of them.
    SECRET = 17, "";
    /// May spread over keys of the whole data set: ACL category keyspace.
    KEYSPACE = 18, "";
    /// Dangerous although it is no administration: KEYS, FLUSHALL.
    DANGEROUS = 19, "";
    /// Changes only what is kept about the session: runs although clients are paused.
    WHILE_PAUSED = 20, "";
    /// Its effect must wait while clients' writes are paused, though it writes no key (PUBLISH).
    MAY_REPLICATE = 21, "";
    /// Runs what the transaction queued.
    RUNS_QUEUE = 22, "";
    /// As short as a FAST one although COMMAND INFO must not say so (SET): timed with its neighbours.
    BRIEF = 25, "";
    /// It may take long although COMMAND INFO must say FAST (APPEND copies a large
    /// string, DIGEST reads it): timed by itself.
    ALONE = 31, "";
    /// Leaves what CLIENT CACHING said to the next command: the CLIENT family.
    KEEPS_CACHING = 26, "";
    /// In the ACL category admin although it changes nothing: LASTSAVE.
    ADMIN_CATEGORY = 23, "";
    /// Goes on in a slot that is on its way to another node: RESTORE-ASKING.
    ASKING = 30, "asking";
    /// In the ACL categories of what it sorts, and dangerous for it reads keys that nobody named: SORT.
    SORTS = 27, "";
    /// In the ACL category connection although it is of another family: COMMAND.
    CONNECTION_CATEGORY = 24, "";
}

impl Flags {
    /// No flag.
    pub const NONE: Flags = Flags(0);

    /// These flags and those.
    pub const fn and(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// Whether any of `other` is set.
    #[inline]
    pub const fn has_any(self, other: Flags) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether all of `other` are set.
    #[inline]
    pub const fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }
}

/// What an argument is.
#[derive(Clone, Copy)]
pub enum Kind {
    /// A key: needs a key specification.
    Key,
    /// Any string.
    String,
    /// A whole number.
    Integer,
    /// A floating point number.
    Double,
    /// A glob pattern.
    Pattern,
    /// A time in seconds or milliseconds since 1970.
    UnixTime,
    /// A word that stands for itself.
    PureToken,
    /// One of several.
    OneOf(&'static [Arg]),
    /// Several in a row.
    Block(&'static [Arg]),
}

/// One argument of a command.
#[derive(Clone, Copy)]
pub struct Arg {
    /// The name that documentation gives it.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// The word that announces it.
    pub token: &'static str,
    /// It may be left out.
    pub optional: bool,
    /// It may be repeated.
    pub multiple: bool,
    /// Its word is repeated with it.
    pub multiple_token: bool,
}

const fn plain(name: &'static str, kind: Kind) -> Arg {
    Arg { name, kind, token: "", optional: false, multiple: false, multiple_token: false }
}
/// A key.
pub const fn key(name: &'static str) -> Arg {
    plain(name, Kind::Key)
}
/// Any string.
pub const fn string(name: &'static str) -> Arg {
    plain(name, Kind::String)
}
/// A whole number.
pub const fn integer(name: &'static str) -> Arg {
    plain(name, Kind::Integer)
}
/// A floating point number.
pub const fn double(name: &'static str) -> Arg {
    plain(name, Kind::Double)
}
/// A glob pattern.
pub const fn pattern(name: &'static str) -> Arg {
    plain(name, Kind::Pattern)
}
/// A time since 1970.
pub const fn unix_time(name: &'static str) -> Arg {
    plain(name, Kind::UnixTime)
}
/// A word that stands for itself.
pub const fn token(name: &'static str, word: &'static str) -> Arg {
    Arg { token: word, ..plain(name, Kind::PureToken) }
}
/// One of several.
pub const fn one_of(name: &'static str, args: &'static [Arg]) -> Arg {
    plain(name, Kind::OneOf(args))
}
/// Several in a row.
pub const fn block(name: &'static str, args: &'static [Arg]) -> Arg {
    plain(name, Kind::Block(args))
}

impl Arg {
    /// It may be left out.
    pub const fn optional(self) -> Arg {
        Arg { optional: true, ..self }
    }
    /// It may be repeated.
    pub const fn multiple(self) -> Arg {
        Arg { multiple: true, ..self }
    }
    /// It may be repeated, each time behind its word.
    pub const fn multiple_token(self) -> Arg {
        Arg { multiple: true, multiple_token: true, ..self }
    }
    /// It stands behind a word of its own.
    pub const fn after(self, word: &'static str) -> Arg {
        Arg { token: word, ..self }
    }

    /// The fewest words it takes.
    const fn least(&self) -> i32 {
        if self.optional { 0 } else { self.chosen() }
    }

    /// The fewest words it takes when it is there.
    const fn chosen(&self) -> i32 {
        let announced = if self.token.is_empty() { 0 } else { 1 };
        match self.kind {
            Kind::PureToken => 1,
            Kind::OneOf(args) => announced + fewest_of(args),
            Kind::Block(args) => announced + fewest(args),
            Kind::Key
            | Kind::String
            | Kind::Integer
            | Kind::Double
            | Kind::Pattern
            | Kind::UnixTime => announced + 1,
        }
    }

    /// Whether the number of its words is always the same.
    const fn fixed(&self) -> bool {
        if self.optional || self.multiple {
            return false;
        }
        match self.kind {
            Kind::OneOf(args) => {
                let mut i = 0;
                while i < args.len() {
                    if !args[i].fixed() || args[i].least() != args[0].least() {
                        return false;
                    }
                    i += 1;
                }
                true
            }
            Kind::Block(args) => all_fixed(args),
            Kind::PureToken
            | Kind::Key
            | Kind::String
            | Kind::Integer
            | Kind::Double
            | Kind::Pattern
            | Kind::UnixTime => true,
        }
    }
}

const fn fewest(args: &[Arg]) -> i32 {
    let (mut sum, mut i) = (0, 0);
    while i < args.len() {
        sum += args[i].least();
        i += 1;
    }
    sum
}

/// One of several must be there, even where each of them is called optional (CLIENT KILL).
const fn fewest_of(args: &[Arg]) -> i32 {
    let (mut least, mut i) = (i32::MAX, 0);
    while i < args.len() {
        if args[i].chosen() < least {
            least = args[i].chosen();
        }
        i += 1;
    }
    least
}

const fn all_fixed(args: &[Arg]) -> bool {
    let mut i = 0;
    while i < args.len() {
        if !args[i].fixed() {
            return false;
        }
        i += 1;
    }
    true
}

impl Command {
    /// What a row need not say.
    pub const BASE: Command = Command {
        name: "",
        since: "",
        group: Group::Unset,
        summary: "",
        complexity: "O(1)",
        deprecated: None,
        args: &[],
        keys: &[],
        access_without: None,
        flags: Flags::NONE,
        secret: None,
        events: &[],
        subcommands: &[],
        run: Run::Unset,
    };

    /// The number of words, the name (and the subcommand's) included; negative: at least that many.
    pub const fn arity(&self) -> i32 {
        if let Run::Container = self.run {
            return -2;
        }
        let words = if self.is_subcommand() { 2 } else { 1 } + fewest(self.args);
        // Without a subcommand COMMAND runs itself; with one, another row's arity counts.
        if all_fixed(self.args) && self.subcommands.is_empty() { words } else { -words }
    }

    /// Whether it belongs to a container.
    pub const fn is_subcommand(&self) -> bool {
        let name = self.name.as_bytes();
        let mut i = 0;
        while i < name.len() {
            if name[i] == b'|' {
                return true;
            }
            i += 1;
        }
        false
    }

    /// The word that a client sends: a subcommand's own, without its container's.
    pub fn word(&self) -> &'static str {
        self.name.rsplit('|').next().unwrap_or(self.name)
    }

    /// Whether it changes data.
    pub const fn writes(&self) -> bool {
        matches!(self.run, Run::Write(_))
    }

    /// The position of its first key, if it has one at a fixed place.
    #[inline]
    pub const fn first_key(&self) -> usize {
        if self.keys.is_empty() {
            return 0;
        }
        match self.keys[0].fixed_first() {
            Some(at) => at as usize,
            None => 0,
        }
    }
}

/// Refuses a family's table while compiling: unsorted, incomplete or contradictory rows.
pub const fn check(table: &[&Command]) {
    let mut i = 0;
    while i < table.len() {
        check_row(table[i]);
        assert!(!table[i].is_subcommand(), "a subcommand belongs into its container's list");
        if i > 0 {
            assert!(less(table[i - 1].name, table[i].name), "TABLE is not sorted by name");
        }
        i += 1;
    }
}

const fn check_row(row: &Command) {
    assert!(!row.name.is_empty(), "a row without a name");
    assert!(!row.since.is_empty(), "a row must say since when the command exists");
    assert!(!matches!(row.group, Group::Unset), "a row must say its group");
    assert!(!row.summary.is_empty(), "a row must have a summary");
    assert!(!matches!(row.run, Run::Unset), "a row must say what it runs");
    if !row.writes() {
        assert!(row.events.is_empty(), "only a write causes keyspace events");
    }
    if let Run::Read(_) = row.run {
        assert!(!row.flags.has(DENY_OOM), "a read needs no memory");
    }
    assert!(
        !names_key(row.args) || !row.keys.is_empty(),
        "a key among the arguments needs a key specification"
    );
    let mut i = 0;
    while i < row.subcommands.len() {
        check_row(row.subcommands[i]);
        assert!(row.subcommands[i].is_subcommand(), "a subcommand's name is `container|word`");
        if i > 0 {
            assert!(
                less(row.subcommands[i - 1].name, row.subcommands[i].name),
                "subcommands are not sorted by name"
            );
        }
        i += 1;
    }
    assert!(
        !matches!(row.run, Run::Container) || !row.subcommands.is_empty(),
        "a container needs subcommands"
    );
}

const fn names_key(args: &[Arg]) -> bool {
    let mut i = 0;
    while i < args.len() {
        match args[i].kind {
            Kind::Key => return true,
            Kind::OneOf(inner) | Kind::Block(inner) => {
                if names_key(inner) {
                    return true;
                }
            }
            Kind::String
            | Kind::Integer
            | Kind::Double
            | Kind::Pattern
            | Kind::UnixTime
            | Kind::PureToken => {}
        }
        i += 1;
    }
    false
}

/// Whether one name stands before another.
const fn less(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut i = 0;
    while i < a.len() && i < b.len() {
        if a[i] != b[i] {
            return a[i] < b[i];
        }
        i += 1;
    }
    a.len() < b.len()
}

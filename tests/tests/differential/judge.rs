//! Whether two answers are the same, and which differences are allowed.
//!
//! Owns: the table of what must or may differ, each row with its reason; what is never sent.
//! Uses: reply.   Never: a socket.

use crate::grammar::Args;
use crate::program::CLIENTS;
use crate::run::{Answer, Heard};
use lodestore_tests::reply::Reply;
use lodestore_tests::text::like;
use lodestore_tests::transcript::Version;

/// How answers are compared that cannot be equal byte for byte.
enum Form {
    /// The items may come in any order.
    AnyOrder,
    /// Only the kind of reply counts (an error's text does count).
    Kind,
    /// Numbers, alone or in an array, may be so far apart.
    Near(i128),
    /// A first page that is also the last one has the same keys in any order.
    Page,
    /// Ours may say nil, or neither does.
    Missing,
    /// Without the version and the checksum at the end.
    Dump,
    /// Texts of the same numbers are the same.
    Numbers,
    /// Texts are the same that are so up to their first NUL.
    Texts,
    /// With BY the items may come in any order.
    Unsorted,
}

/// What cannot be equal: commands, how they are compared, why.
const UNEQUAL: &[(&str, Form, &str)] = &[
    ("keys config|get", Form::AnyOrder, "the order of a hash table"),
    ("scan", Form::Page, "cursors and their order are each server's own"),
    ("sscan hscan zscan", Form::Page, "cursors and their order are each server's own"),
    ("smembers sinter sunion sdiff spop", Form::AnyOrder, "a set has no order"),
    ("hgetall hkeys hvals", Form::AnyOrder, "a hash has no order"),
    ("srandmember hrandfield zrandmember", Form::Kind, "chance"),
    ("randomkey", Form::Kind, "chance"),
    ("time", Form::Kind, "time"),
    (
        "dbsize",
        Form::Near(5),
        "whether an expired key was met by SCAN or RANDOMKEY; the end of a program is exact",
    ),
    ("lastsave", Form::Kind, "time"),
    ("ttl expiretime", Form::Near(5), "the moment a command is executed, in seconds"),
    ("pttl pexpiretime", Form::Near(5000), "the moment a command is executed, in milliseconds"),
    ("httl hexpiretime", Form::Near(5), "the moment a command is executed, in seconds"),
    ("hpttl hpexpiretime", Form::Near(5000), "the moment a command is executed, in milliseconds"),
    ("object|idletime", Form::Kind, "Redis shares small numbers, and their age with them"),
    ("object|freq", Form::Kind, "chance"),
    ("object|refcount", Form::Kind, "values are not shared, nor held by a queue"),
    ("dump", Form::Dump, "each server writes the version of its own format"),
    (
        "zadd zincrby zscore zmscore zrange zrevrange zrangebyscore zrevrangebyscore zpopmin zpopmax zmpop bzpopmin \
         bzpopmax bzmpop zunion zinter zdiff zscan zrank zrevrank geopos geosearch georadius georadius_ro \
         georadiusbymember georadiusbymember_ro geodist",
        Form::Numbers,
        "before 7.2 doubles are shown with 17 digits; from 8.0 on coordinates with as few as tell them apart",
    ),
    (
        "sort sort_ro",
        Form::Unsorted,
        "BY a pattern without * leaves a set in the order of a hash table",
    ),
    (
        "sort sort_ro",
        Form::Texts,
        "ALPHA compares up to a NUL there, so what differs behind it has no order",
    ),
    ("memory|usage", Form::Kind, "entries are laid out in another way"),
    ("hello", Form::Kind, "versions and the id of the client"),
    ("info", Form::Kind, "figures of the process"),
    ("client|id client|info client|list", Form::Kind, "ids, addresses, ages, buffers"),
    ("command command|count command|info", Form::Kind, "not every command exists yet"),
    ("command|list", Form::Kind, "not every command exists yet"),
    ("acl|cat", Form::Kind, "not every command exists yet"),
    (
        "acl|help client|help command|help config|help debug|help latency|help memory|help module|help object|help pubsub|help slowlog|help",
        Form::Kind,
        "the help names what exists on that server, in its own words",
    ),
    (
        "slowlog|get slowlog|len latency|latest latency|doctor latency|history memory|doctor lolwut",
        Form::Kind,
        "what was slow is a matter of the machine",
    ),
    ("memory|usage", Form::Missing, "an expired key is missing for every command of ours"),
    ("role", Form::Kind, "an offset of the replication"),
];

/// A difference that was chosen.
struct Chosen {
    command: &'static str,
    /// Only beside a peer below this version; `None`: beside every one.
    before: Option<Version>,
    /// Only beside a peer from this version on.
    since: Version,
    /// Our line, as `like` reads it.
    ours: &'static str,
    theirs: &'static str,
    reason: &'static str,
}

const CHOSEN: &[Chosen] = &[
    Chosen {
        command: "object|encoding",
        before: None,
        since: (8, 0),
        ours: "\"embstr\"",
        theirs: "\"raw\"",
        reason: "8.0 and later keep a short text beside its key, so the border moves with the key's length",
    },
    Chosen {
        command: "object|encoding",
        before: None,
        since: (0, 0),
        ours: "\"listpack\"",
        theirs: "\"quicklist\"",
        reason: "before 7.2 a list is never a listpack; from then on it becomes one again when it is short and stands in one node, which is for Redis to know",
    },
    Chosen {
        command: "object|encoding",
        before: Some((7, 2)),
        since: (0, 0),
        ours: "\"listpack\"",
        theirs: "\"hashtable\"",
        reason: "before 7.2 a set is never a listpack",
    },
    Chosen {
        command: "object|encoding",
        before: None,
        since: (0, 0),
        ours: "\"listpack\"",
        theirs: "\"skiplist\"",
        reason: "SORT of a sorted set gives it another encoding there",
    },
    Chosen {
        command: "object|encoding",
        before: Some((7, 2)),
        since: (0, 0),
        ours: "\"listpack\"",
        theirs: "\"intset\"",
        reason: "before 7.2 a set is never a listpack",
    },
    Chosen {
        command: "sort sort_ro",
        before: None,
        since: (0, 0),
        ours: "-ERR One or more scores can't be converted into double",
        theirs: "[*",
        reason: "a weight in hexadecimal is refused; 8.0 and later take one that is too large for infinite",
    },
    Chosen {
        command: "sort sort_ro",
        before: None,
        since: (0, 0),
        ours: "[*",
        theirs: "-ERR One or more scores can't be converted into double",
        reason: "it looks at an error that another command has left behind",
    },
    Chosen {
        command: "command|getkeys command|getkeysandflags",
        before: None,
        since: (0, 0),
        ours: "[*",
        theirs: "-ERR Invalid *arguments specified for command",
        reason: "PFMERGE needs no source, and in 7.2 and later ZRANK takes WITHSCORE",
    },
    Chosen {
        command: "command|getkeys command|getkeysandflags",
        before: None,
        since: (0, 0),
        ours: "-ERR Invalid arguments specified for command",
        theirs: "[*",
        reason: "a number of keys that is none is read up to its first letter there",
    },
    Chosen {
        command: "geopos",
        before: None,
        since: (0, 0),
        ours: "*[\"180\", \"85.0511287799999991\"]*",
        theirs: "*",
        reason: "an infinite score is no geohash, and what C makes of one is undefined",
    },
    Chosen {
        command: "hgetex hsetex",
        before: None,
        since: (0, 0),
        ours: "-ERR *",
        theirs: "-ERR wrong number of arguments *",
        reason: "that words are missing behind the options is said in other words",
    },
    Chosen {
        command: "object|encoding",
        before: None,
        since: (7, 4),
        ours: "\"listpack\"",
        theirs: "\"hashtable\"",
        reason: "a field too long for a listpack counts there even if its time is over before it is set",
    },
    Chosen {
        command: "object|encoding",
        before: None,
        since: (7, 4),
        ours: "\"listpack\"",
        theirs: "\"listpackex\"",
        reason: "to give a time to a field that is not there changes the encoding there",
    },
    Chosen {
        command: "command|getkeysandflags",
        before: None,
        since: (0, 0),
        ours: "*",
        theirs: "*RW*",
        reason: "of a malformed BITFIELD only the key is known",
    },
    Chosen {
        command: "xinfo",
        before: Some((7, 2)),
        since: (0, 0),
        ours: "*entries-read*",
        theirs: "*entries-read*",
        reason: "7.0 reckons what groups have read in another way",
    },
    Chosen {
        command: "xinfo",
        before: Some((7, 2)),
        since: (0, 0),
        ours: "[[*name*inactive*",
        theirs: "[*",
        reason: "7.2 and later tell how long a consumer was given nothing",
    },
    Chosen {
        command: "xinfo",
        before: Some((7, 2)),
        since: (0, 0),
        ours: "[{*name*inactive*",
        theirs: "[*",
        reason: "7.2 and later tell how long a consumer was given nothing",
    },
    Chosen {
        command: "xgroup",
        before: Some((7, 2)),
        since: (0, 0),
        ours: ":0",
        theirs: ":1",
        reason: "in 7.2 and later who claims is a consumer, with or without entries",
    },
    Chosen {
        command: "lmpop blmpop zmpop bzmpop georadius georadius_ro georadiusbymember georadiusbymember_ro geosearch xgroup",
        before: None,
        since: (0, 0),
        ours: "-ERR *",
        theirs: "-ERR *",
        reason: "of several wrong words another one is named",
    },
    Chosen {
        command: "zrank zrevrank",
        before: Some((7, 2)),
        since: (0, 0),
        ours: "-ERR syntax error",
        theirs: "-ERR wrong number of arguments*",
        reason: "7.2 and later know WITHSCORE",
    },
    Chosen {
        command: "xread xreadgroup",
        before: Some((7, 2)),
        since: (0, 0),
        ours: "-ERR Unbalanced *",
        theirs: "-ERR Unbalanced *",
        reason: "7.2 and later name the command and what an ID may be",
    },
    Chosen {
        command: "config|set",
        before: Some((8, 6)),
        since: (0, 0),
        ours: "*argument(s) must be one of the following: volatile-lru, *",
        theirs: "*argument(s) must be one of the following: volatile-lru, *",
        reason: "policies of later versions are named as well",
    },
    Chosen {
        command: "config|set",
        before: None,
        since: (0, 0),
        ours: "*argument must be UTF-8 text",
        theirs: "*CONFIG SET failed*",
        reason: "what is no text is said to be none before it is understood",
    },
    Chosen {
        command: "client|list",
        before: None,
        since: (0, 0),
        ours: "*",
        theirs: "-ERR syntax error",
        reason: "Redis takes one of two filters; ours are those of Valkey 9, and are read one by one as in CLIENT KILL",
    },
    Chosen {
        command: "lolwut",
        before: None,
        since: (0, 0),
        ours: "*Redis ver*",
        theirs: "*value is not an integer*",
        reason: "words that the one drawing does not need are not read",
    },
    Chosen {
        command: "acl|list",
        before: Some((7, 2)),
        since: (0, 0),
        ours: "*nopass sanitize-payload*",
        theirs: "*nopass ~*",
        reason: "sanitize-payload is shown by 7.2 and later",
    },
    Chosen {
        command: "bitcount bitpos",
        before: Some((7, 2)),
        since: (0, 0),
        ours: "-ERR *",
        theirs: "*",
        reason: "before 7.2 the key is looked at first, and then perhaps the other words not at all",
    },
    Chosen {
        command: "command|getkeysandflags",
        before: None,
        since: (0, 0),
        ours: "*\"RO\", \"access\"*",
        theirs: "*\"RW\", \"access\", \"update\"*",
        reason: "Redis reads a BITFIELD to its first wrong word, and takes one that is wrong for a write",
    },
];

/// A range of members means something only if all scores are equal. What a real server answers otherwise is the same for
/// every listpack; of a skip list it depends on chance.
fn is_range_of_members(args: &Args) -> bool {
    let is_word = |arg: &Vec<u8>| arg.eq_ignore_ascii_case(b"bylex");
    matches!(name(args).as_str(), "zlexcount" | "zrangebylex" | "zrevrangebylex")
        || (name(args).starts_with("zrange") && args.iter().any(is_word))
}

/// What an error repeats of the input is cut at this many bytes, in all our errors; Redis does so in some.
const ECHO: usize = 128;

/// Whether our error is theirs, but for what it leaves out of the input it repeats. Bytes that are no UTF-8 are
/// repeated as U+FFFD, which is how theirs was read.
fn is_cut_echo(ours: &str, theirs: &str) -> bool {
    let (a, b) = (ours.as_bytes(), theirs.as_bytes());
    let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    ours == theirs || (ours.len() < theirs.len() && same >= ECHO && b.ends_with(&a[same..]))
}

/// What is never sent: how a command begins, why.
const NEVER: &[(&str, &str)] = &[
    ("auth", "7.2 and later forget its error while other replies wait to be sent"),
    ("client reply", "it silences the connection"),
    ("client pause", "it stops everybody"),
    ("client kill", "the ids and addresses are not the same"),
    ("client tracking", "pushes come at their own time"),
    ("client unblock 1", "it could meet a client of the other program"),
    ("debug sleep", "it takes time"),
    ("debug segfault", "it ends the server"),
    ("debug panic", "it ends the server"),
    ("debug reload", "it takes time"),
    ("debug set-active-expire", "the arena has set it"),
    ("subscribe", "its replies are pushes"),
    ("psubscribe", "its replies are pushes"),
    ("ssubscribe", "its replies are pushes"),
    ("monitor", "it is answered without end"),
    ("quit", "the connection ends"),
    ("shutdown", "the server ends"),
    ("failover", "it changes the server's role"),
    ("replicaof", "it makes a replica, but for NO ONE, which a transcript shows"),
    ("slaveof", "as replicaof"),
    ("sync", "it makes a replica"),
    ("psync", "it makes a replica"),
    (
        "zremrangebylex",
        "of members with different scores it removes what a skip list's chance has it find",
    ),
    ("save", "it writes a file"),
    ("bgsave", "it writes a file"),
];

/// Whether programs may send this. Short times are left out: what they lead to depends on the time.
pub fn is_sent(args: &Args) -> bool {
    let line = args.iter().take(3).map(|arg| String::from_utf8_lossy(arg).to_lowercase());
    let line = line.collect::<Vec<_>>().join(" ");
    let begins = |(start, _): &(&str, &str)| {
        line.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    !NEVER.iter().any(begins)
        && !is_chance(args)
        && !is_a_matter_of_time(args)
        && !is_of_one_version(args)
        && !is_number_of_c(args)
}

/// Numbers in hexadecimal, which we refuse as scores, weights and distances, and those behind a blank, which 8.0 and
/// later refuse as ends of a range. And -0, whose sign a listpack forgets and a skip list keeps: SORT makes one of the
/// other there.
fn is_number_of_c(args: &Args) -> bool {
    let is_of_c = |arg: &Vec<u8>| {
        let digits = arg.strip_prefix(b"-").unwrap_or(arg);
        arg == b"-0"
            || arg.starts_with(b" ")
            || digits.starts_with(b"0x")
            || digits.starts_with(b"0X")
    };
    let name = args[0].to_ascii_lowercase();
    (name.starts_with(b"z") || name.starts_with(b"bz") || name.starts_with(b"geo"))
        && args.iter().any(is_of_c)
}

/// What older versions refuse for its arity, so that their EXEC fails: COMMAND GETKEYS of a single word (7.2
/// and later take it), ZRANK with WITHSCORE, HELLO whose options are wrong in the end (7.2 and later then do none of them). And names of
/// clients with a NUL: Redis looks at them up to there only. And LSET of an index beyond 32 bits, which 7.2 and later take
/// for another one.
fn is_of_one_version(args: &Args) -> bool {
    match name(args).as_str() {
        "command|getkeys" | "command|getkeysandflags" => args.len() < 4,
        // Redis takes the least number for one that is too great.
        "bitfield" => args.contains(&i64::MIN.to_string().into_bytes()),
        // A range of members; see `is_range_of_members`.
        "zrangestore" if args.iter().any(|arg| arg.eq_ignore_ascii_case(b"bylex")) => true,
        // 8.2.3 takes nothing approximately if references matter; later versions do.
        "xtrim" | "xadd" if args.iter().any(|arg| arg == b"~") => {
            let has = |word: &[u8]| args.iter().any(|arg| arg.eq_ignore_ascii_case(word));
            has(b"delref") || has(b"acked")
        }
        // It looks at an error that another command has left behind.
        "sort" => {
            let has = |word: &[u8]| args.iter().any(|arg| arg.eq_ignore_ascii_case(word));
            has(b"store") && !has(b"alpha")
        }
        "lset" => args.get(2).is_some_and(|index| index.len() > 9),
        // As a rank or a count refused by 7.2 and later.
        "lrem" | "lpos" if args.contains(&i64::MIN.to_string().into_bytes()) => true,
        "zrank" | "zrevrank" => args.len() > 3,
        "client|setname" | "client|setinfo" => args.iter().any(|arg| arg.contains(&0)),
        "hello" if args.iter().any(|arg| arg.contains(&0)) => true,
        "hello" => !matches!(args.len(), 1 | 2 | 4),
        _ => false,
    }
}

/// A time to live that ends after all that a number can say: Redis adds past its end, and the key is gone.
const ENDLESS_MS: i64 = i64::MAX / 2;

/// Below this many milliseconds a time to live may end while a program runs.
const SHORT_MS: i64 = 60_000;

fn is_a_matter_of_time(args: &Args) -> bool {
    let number = |arg: &Vec<u8>| std::str::from_utf8(arg).ok()?.trim().parse::<i64>().ok();
    let is_short = |arg: &Vec<u8>, unit: i64| {
        number(arg).is_some_and(|n| n > 0 && n.saturating_mul(unit) < SHORT_MS)
    };
    let is_endless =
        |arg: &Vec<u8>| name(args) == "restore" && number(arg).is_some_and(|n| n > ENDLESS_MS);
    let word = args[0].to_ascii_lowercase();
    let second = match &word[..] {
        b"expire" | b"setex" | b"hexpire" => Some(1000),
        b"pexpire" | b"psetex" | b"restore" | b"hpexpire" => Some(1),
        _ => None,
    };
    if let Some(unit) = second {
        return args.get(2).is_some_and(|arg| is_short(arg, unit) || is_endless(arg));
    }
    if is_too_long_a_wait(args) {
        return true;
    }
    // These wait for replicas that never come: only for a moment.
    if matches!(&word[..], b"wait" | b"waitaof") {
        let moment = |arg: &Vec<u8>| number(arg).is_some_and(|n| n > 3 || n == 0);
        return args.last().is_some_and(moment);
    }
    args.windows(2).any(|pair| match &pair[0].to_ascii_lowercase()[..] {
        b"ex" => is_short(&pair[1], 1000),
        b"px" => is_short(&pair[1], 1),
        _ => false,
    })
}

/// Clients that wait for keys do so for a moment only, for nobody else may come.
fn is_too_long_a_wait(args: &Args) -> bool {
    let seconds = |arg: &Vec<u8>| std::str::from_utf8(arg).ok()?.trim().parse::<f64>().ok();
    let is_hexadecimal = |arg: &Vec<u8>| arg.contains(&b'x') || arg.contains(&b'X');
    let is_long = |arg: Option<&Vec<u8>>, unit: f64| {
        arg.is_some_and(is_hexadecimal)
            || arg.and_then(seconds).is_some_and(|n| n == 0.0 || n * unit > 0.02)
    };
    match &args[0].to_ascii_lowercase()[..] {
        b"blpop" | b"brpop" | b"blmove" | b"brpoplpush" | b"bzpopmin" | b"bzpopmax" => {
            is_long(args.last(), 1.0)
        }
        b"blmpop" | b"bzmpop" => is_long(args.get(1), 1.0),
        b"xread" | b"xreadgroup" => args
            .windows(2)
            .any(|pair| pair[0].eq_ignore_ascii_case(b"block") && is_long(Some(&pair[1]), 0.001)),
        _ => false,
    }
}

/// What leaves the data to chance: members taken out of a set that has more, ids made of the time.
fn is_chance(args: &Args) -> bool {
    match &args[0].to_ascii_lowercase()[..] {
        b"spop" => args.get(2).is_none_or(|count| count != b"1000"),
        // So many are answered, of a single one: the real server ends for want of memory.
        b"srandmember" | b"zrandmember" | b"hrandfield" => {
            args.get(2).is_some_and(|count| count.starts_with(b"-") && count.len() > 6)
        }
        b"xadd" => args.iter().any(|arg| arg == b"*"),
        _ => false,
    }
}

/// What a comparison must remember of the commands before.
pub struct Judge {
    peer: Version,
    /// Whether a text was sent that no listpack holds.
    has_long_texts: bool,
    /// The commands that each client has queued.
    queued: [Vec<Args>; CLIENTS],
}

impl Judge {
    pub fn new(peer: Version) -> Judge {
        Judge { peer, has_long_texts: false, queued: Default::default() }
    }
}

/// Whether what the servers answered to a command of client `who` differs.
pub fn difference(
    judge: &mut Judge,
    who: usize,
    args: &Args,
    ours: &Answer,
    theirs: &Answer,
) -> bool {
    let (Ok(ours), Ok(theirs)) = (ours, theirs) else { return ours != theirs };
    judge.has_long_texts |= args.iter().any(|arg| arg.len() > 64);
    if let Reply::Status(word) = &theirs.reply
        && word == "QUEUED"
    {
        judge.queued[who].push(args.clone());
        return ours.bytes != theirs.bytes;
    }
    let queue = match name(args).as_str() {
        "exec" if !matches!(theirs.reply, Reply::Error(_)) => {
            std::mem::take(&mut judge.queued[who])
        }
        "exec" | "discard" | "reset" => {
            judge.queued[who].clear();
            Vec::new()
        }
        _ => Vec::new(),
    };
    let is_of_chance = |args, mine: &Reply, other: &Reply| {
        judge.has_long_texts && is_range_of_members(args) && same_kind(mine, other)
    };
    if ours.bytes == theirs.bytes || is_of_chance(args, &ours.reply, &theirs.reply) {
        return false;
    }
    match (&ours.reply, &theirs.reply) {
        (Reply::Array(mine), Reply::Array(other))
            if !queue.is_empty() && mine.len() == other.len() =>
        {
            let mut all = queue.iter().zip(mine.iter().zip(other));
            !all.all(|(args, (mine, other))| {
                mine == other
                    || is_of_chance(args, mine, other)
                    || is_allowed(judge.peer, args, mine, other)
            })
        }
        _ => !is_allowed_here(judge.peer, args, ours, theirs),
    }
}

/// Replies whose bytes differ. Where no row speaks of them they count as different even if they read alike.
fn is_allowed_here(peer: Version, args: &Args, ours: &Heard, theirs: &Heard) -> bool {
    is_allowed(peer, args, &ours.reply, &theirs.reply)
}

fn is_allowed(peer: Version, args: &Args, ours: &Reply, theirs: &Reply) -> bool {
    let name = name(args);
    let is_named = |names: &str| names.split(' ').any(|one| one == name || one == "*");
    let by_form = UNEQUAL
        .iter()
        .filter(|(names, ..)| is_named(names))
        .any(|(_, form, _)| is_same(form, args, ours, theirs));
    let is_cut = match (ours, theirs) {
        (Reply::Error(ours), Reply::Error(theirs)) => is_cut_echo(ours, theirs),
        _ => false,
    };
    is_cut
        || by_form
        || CHOSEN.iter().any(|row| {
            is_named(row.command)
                && row.before.is_none_or(|before| peer < before)
                && peer >= row.since
                && like(row.ours.as_bytes(), ours.line().as_bytes())
                && like(row.theirs.as_bytes(), theirs.line().as_bytes())
                && !row.reason.is_empty()
        })
}

fn is_same(form: &Form, args: &Args, ours: &Reply, theirs: &Reply) -> bool {
    match form {
        Form::AnyOrder => same_kind(ours, theirs) && sorted(ours) == sorted(theirs),
        Form::Kind => same_kind(ours, theirs),
        Form::Near(most) => match (ours, theirs) {
            (Reply::Array(mine), Reply::Array(other)) => {
                let mut pairs = mine.iter().zip(other);
                mine.len() == other.len() && pairs.all(|(a, b)| is_near(a, b, *most))
            }
            _ => is_near(ours, theirs, *most),
        },
        Form::Page => same_page(args, ours, theirs),
        Form::Missing => matches!((ours, theirs), (Reply::Nil | Reply::Null, Reply::Int(_))),
        Form::Numbers => same_numbers(ours, theirs),
        Form::Texts => same_kind(ours, theirs) && up_to_nul(ours) == up_to_nul(theirs),
        Form::Unsorted => {
            let has = |word: &[u8]| args.iter().any(|arg| arg.eq_ignore_ascii_case(word));
            let is_part = has(b"limit") && ours.items().len() == theirs.items().len();
            has(b"by") && (is_part || sorted(ours) == sorted(theirs))
        }
        Form::Dump => match (ours.bytes(), theirs.bytes()) {
            (Some(a), Some(b)) => a.len() > 10 && b.len() > 10,
            _ => false,
        },
    }
}

fn is_near(ours: &Reply, theirs: &Reply, most: i128) -> bool {
    match (ours, theirs) {
        (Reply::Int(a), Reply::Int(b)) => {
            ((*a < 0) == (*b < 0)) && (i128::from(*a) - i128::from(*b)).abs() <= most
        }
        _ => false,
    }
}

fn same_kind(ours: &Reply, theirs: &Reply) -> bool {
    !matches!(ours, Reply::Error(_))
        && std::mem::discriminant(ours) == std::mem::discriminant(theirs)
}

/// Whether replies are equal but for the digits of numbers.
fn same_numbers(ours: &Reply, theirs: &Reply) -> bool {
    let (mine, other) = (ours.items(), theirs.items());
    if !mine.is_empty() || !other.is_empty() {
        let mut pairs = mine.iter().zip(&other);
        return mine.len() == other.len() && pairs.all(|(a, b)| same_numbers(a, b));
    }
    // A bulk string in RESP2, a double in RESP3.
    let number = |reply: &Reply| {
        let line = reply.line();
        line.trim_start_matches(',').trim_matches('"').parse::<f64>().ok()
    };
    let are_same = |(a, b): (f64, f64)| a == b || (a - b).abs() < LEAST;
    ours == theirs || number(ours).zip(number(theirs)).is_some_and(are_same)
}

/// Of coordinates no more than 17 digits behind the point are shown before 8.0.
const LEAST: f64 = 1e-16;

fn up_to_nul(reply: &Reply) -> Vec<Vec<u8>> {
    let cut = |item: &Reply| {
        let bytes = item.bytes().unwrap_or_default();
        bytes.split(|byte| *byte == 0).next().unwrap_or_default().to_vec()
    };
    reply.items().iter().map(cut).collect()
}

fn sorted(reply: &Reply) -> Vec<String> {
    let mut items: Vec<String> = reply.items().iter().map(Reply::line).collect();
    items.sort_unstable();
    items
}

/// What SCAN answers. Which words that are no plain numbers are cursors has changed from 7.0 to 8.2, and again
/// differs from what we read.
fn same_page(args: &Args, ours: &Reply, theirs: &Reply) -> bool {
    // The others name a key first.
    let at = if name(args) == "scan" { 1 } else { 2 };
    let is_plain = |cursor: &Vec<u8>| !cursor.is_empty() && cursor.iter().all(u8::is_ascii_digit);
    if !args.get(at).is_some_and(is_plain) {
        return true;
    }
    let (Reply::Array(mine), Reply::Array(other)) = (ours, theirs) else { return false };
    let ([mine, my_keys], [other, other_keys]) = (&mine[..], &other[..]) else { return false };
    let is_whole = args.get(at).is_some_and(|cursor| cursor == b"0")
        && mine.text() == "0"
        && other.text() == "0";
    !is_whole || sorted_values(my_keys) == sorted_values(other_keys)
}

/// The items in order, numbers without their digits: 8.2 shows scores of ZSCAN with 17.
fn sorted_values(reply: &Reply) -> Vec<String> {
    let value = |item: &Reply| {
        let line = item.line();
        line.trim_matches('"').parse::<f64>().map_or(line, |number| number.to_string())
    };
    let mut items: Vec<String> = reply.items().iter().map(value).collect();
    items.sort_unstable();
    items
}

/// The name of a command, with its subcommand where it has some: `client|id`.
fn name(args: &Args) -> String {
    let word = |at: usize| args.get(at).map(|arg| String::from_utf8_lossy(arg).to_lowercase());
    let name = word(0).unwrap_or_default();
    match word(1) {
        Some(second) if CONTAINERS.contains(&name.as_str()) => format!("{name}|{second}"),
        _ => name,
    }
}

const CONTAINERS: &[&str] = &[
    "acl",
    "client",
    "command",
    "commandlog",
    "config",
    "debug",
    "latency",
    "memory",
    "object",
    "pubsub",
    "slowlog",
];

//! The kinds of values a setting can have: how each is read from words and printed as CONFIG GET prints it.
//!
//! Owns: the two traits, numbers, switches, texts, modes, choices.   Uses: base.
//! Never: which settings exist.

use super::parse::quote;
use std::fmt;
use std::ops::Deref;

/// The smallest and the largest number a row accepts, both included.
pub type Range = (i64, i64);

/// A value that is one word.
pub trait Word: Sized {
    /// Hide the value from logs and error messages.
    const SECRET: bool = false;
    /// What the type can hold at all; a row may narrow it. `None`: not a number.
    const RANGE: Option<Range> = None;

    /// Reads the word. The error is the text Redis gives for such a word, where it has one.
    fn parse(word: &str, range: Range) -> Result<Self, String>;
    /// The word that CONFIG GET prints; [`Word::parse`] reads it back.
    fn show(&self) -> String;
    /// The word as a person would write it into a file; [`Word::parse`] reads that too.
    fn written(&self) -> String {
        self.show()
    }
}

/// The value of a row: one word, or a list of several.
pub trait Setting: Sized {
    /// Whether the value is a list: then one text is cut at its spaces.
    const MANY: bool = false;
    /// Hide the value from logs and error messages.
    const SECRET: bool = false;
    /// What the type can hold at all, when it is a number.
    const RANGE: Option<Range> = None;

    /// Takes a new value. `more` is true for the second and later line of the same setting in the
    /// files, which a list may add to itself. After an error the value is as it was.
    fn set(&mut self, words: &[&str], range: Range, more: bool) -> Result<(), String>;
    /// What CONFIG GET prints.
    fn show(&self) -> String;
    /// What stands behind the name in a file: one text a line, in quotes where they are needed. Read in
    /// order they give the value back.
    fn lines(&self) -> Vec<String>;
}

impl<T: Word> Setting for T {
    const SECRET: bool = <T as Word>::SECRET;
    const RANGE: Option<Range> = <T as Word>::RANGE;

    fn set(&mut self, words: &[&str], range: Range, _more: bool) -> Result<(), String> {
        let &[word] = words else { return Err("wrong number of arguments".into()) };
        *self = T::parse(word, range)?;
        Ok(())
    }

    fn show(&self) -> String {
        Word::show(self)
    }

    fn lines(&self) -> Vec<String> {
        vec![quote(&self.written())]
    }
}

pub(super) fn within(number: i64, (low, high): Range) -> Result<i64, String> {
    if (low..=high).contains(&number) {
        return Ok(number);
    }
    Err(format!("argument must be between {low} and {high} inclusive"))
}

/// A whole number in its one canonical spelling: no plus sign, no leading zeros, no spaces.
fn whole(word: &str) -> Option<i64> {
    word.parse::<i64>().ok().filter(|number| number.to_string() == word)
}

macro_rules! numbers {
    ($($type:ty: $low:expr, $high:expr;)*) => {$(
        impl Word for $type {
            const RANGE: Option<Range> = Some(($low, $high));

            fn parse(word: &str, range: Range) -> Result<$type, String> {
                let number = whole(word).ok_or("argument couldn't be parsed into an integer")?;
                let number = within(number, range)?;
                <$type>::try_from(number).map_err(|_| format!("argument must be between {} and {} inclusive", $low, $high))
            }

            fn show(&self) -> String {
                self.to_string()
            }
        }
    )*};
}

numbers! {
    u16: 0, u16::MAX as i64;
    u32: 0, u32::MAX as i64;
    u64: 0, i64::MAX;
    i64: i64::MIN, i64::MAX;
    usize: 0, i64::MAX;
}

impl Word for bool {
    fn parse(word: &str, _range: Range) -> Result<bool, String> {
        if word.eq_ignore_ascii_case("yes") {
            Ok(true)
        } else if word.eq_ignore_ascii_case("no") {
            Ok(false)
        } else {
            Err("argument must be 'yes' or 'no'".into())
        }
    }

    fn show(&self) -> String {
        if *self { "yes".into() } else { "no".into() }
    }
}

impl Word for String {
    fn parse(word: &str, _range: Range) -> Result<String, String> {
        Ok(word.to_owned())
    }

    fn show(&self) -> String {
        self.clone()
    }
}

/// Nothing is written as the empty word.
impl<T: Word> Word for Option<T> {
    const SECRET: bool = T::SECRET;
    const RANGE: Option<Range> = T::RANGE;

    fn parse(word: &str, range: Range) -> Result<Option<T>, String> {
        if word.is_empty() { Ok(None) } else { T::parse(word, range).map(Some) }
    }

    fn show(&self) -> String {
        self.as_ref().map(T::show).unwrap_or_default()
    }
}

/// A share in percent, or `no`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percent(pub Option<u32>);

impl Word for Percent {
    fn parse(word: &str, _range: Range) -> Result<Percent, String> {
        if word.eq_ignore_ascii_case("no") {
            return Ok(Percent(None));
        }
        let number = u32::parse(word, (1, 1000));
        number
            .map(|number| Percent(Some(number)))
            .map_err(|_| "argument must be `no` or a number of percent between 1 and 1000".into())
    }

    fn show(&self) -> String {
        self.0.map_or_else(|| "no".into(), |percent| percent.to_string())
    }
}

/// The permissions of a file, written in octal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode(pub u32);

impl Word for Mode {
    fn parse(word: &str, _range: Range) -> Result<Mode, String> {
        let mode = u32::from_str_radix(word, 8);
        let mode = mode.map_err(|_| "argument couldn't be parsed as an octal number")?;
        if mode > 0o777 {
            return Err("argument must be between 0 and 777 inclusive".into());
        }
        Ok(Mode(mode))
    }

    fn show(&self) -> String {
        format!("{:o}", self.0)
    }
}

/// How often per second: anything outside of 1 to 500 is silently the nearest of the two, as in Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hertz(pub u16);

impl Word for Hertz {
    const RANGE: Option<Range> = Some((0, i32::MAX as i64));

    fn parse(word: &str, range: Range) -> Result<Hertz, String> {
        let asked = u32::parse(word, range)?;
        Ok(Hertz(u16::try_from(asked).unwrap_or(u16::MAX).clamp(1, 500)))
    }

    fn show(&self) -> String {
        self.0.to_string()
    }
}

/// How many threads read and write sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoThreads {
    /// As many as suit the machine.
    Auto,
    /// This many, 1 to 128, the core thread included.
    Count(u16),
}

impl Word for IoThreads {
    fn parse(word: &str, _range: Range) -> Result<IoThreads, String> {
        if word.eq_ignore_ascii_case("auto") {
            return Ok(IoThreads::Auto);
        }
        match u16::parse(word, (1, 128)) {
            Ok(count) => Ok(IoThreads::Count(count)),
            Err(_) => Err("argument must be 'auto' or between 1 and 128 inclusive".into()),
        }
    }

    fn show(&self) -> String {
        match self {
            IoThreads::Auto => "auto".into(),
            IoThreads::Count(count) => count.to_string(),
        }
    }
}

/// A text that must not appear in a log: `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(pub String);

impl Deref for Secret {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Word for Secret {
    const SECRET: bool = true;

    fn parse(word: &str, _range: Range) -> Result<Secret, String> {
        Ok(Secret(word.to_owned()))
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

/// Declares enums whose values are words: what users write stands beside each variant, behind `|` other
/// words for it.
macro_rules! choices {
    ($($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal $(| $also:literal)*,)* })*) => {$(
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// The word users write.
            pub fn word(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }
        }

        impl Word for $name {
            fn parse(word: &str, _range: Range) -> Result<$name, String> {
                $(if [$word $(, $also)*].iter().any(|known| word.eq_ignore_ascii_case(known)) {
                    return Ok($name::$variant);
                })*
                let words: &[&str] = &[$($word),*];
                Err(format!("argument(s) must be one of the following: {}", words.join(", ")))
            }

            fn show(&self) -> String {
                self.word().to_owned()
            }
        }
    )*};
}

choices! {
    /// How much is written to the log: each level includes those below it in this list.
    LogLevel {
        /// For those who develop the server.
        Debug = "debug",
        /// Much that is rarely useful.
        Verbose = "verbose",
        /// What a production server should say.
        Notice = "notice",
        /// Only what is important or critical.
        Warning = "warning",
        /// Not a line.
        Nothing = "nothing",
    }

    /// The shape of a line of the log.
    LogFormat {
        /// The familiar `PID:ROLE DATE LEVEL text`.
        Classic = "classic" | "legacy",
        /// `key=value` pairs.
        Logfmt = "logfmt",
        /// One JSON object per line.
        Json = "json",
    }

    /// How a line of the log tells the time.
    TimestampFormat {
        /// As suits the format: legacy in classic lines, ISO 8601 in others.
        Auto = "auto",
        /// `21 Nov 2026 09:45:50.750`, local time.
        Legacy = "legacy",
        /// `2026-11-21T09:45:50.750+01:00`, local time.
        Iso8601 = "iso8601",
        /// Milliseconds since 1970.
        Milliseconds = "milliseconds",
    }

    /// Who started the server, and wants to be told how it gets on.
    Supervised {
        /// Nobody.
        No = "no",
        /// upstart: it waits for the process to stop itself once.
        Upstart = "upstart",
        /// systemd: it gives a socket for notifications.
        Systemd = "systemd",
        /// Whoever the environment says.
        Auto = "auto",
    }

    /// What the values of `oom-score-adj-values` are.
    OomScores {
        /// Nothing: the kernel's own scores stand.
        No = "no",
        /// Added to the score that the process began with.
        Relative = "yes" | "relative",
        /// The scores themselves.
        Absolute = "absolute",
    }

    /// The part of the system that messages to syslog are filed under.
    SyslogFacility {
        /// Programs of users.
        User = "user",
        /// For local use.
        Local0 = "local0",
        /// For local use.
        Local1 = "local1",
        /// For local use.
        Local2 = "local2",
        /// For local use.
        Local3 = "local3",
        /// For local use.
        Local4 = "local4",
        /// For local use.
        Local5 = "local5",
        /// For local use.
        Local6 = "local6",
        /// For local use.
        Local7 = "local7",
    }

    /// Who may use something that is closed by default.
    Allow {
        /// Nobody.
        No = "no",
        /// Everybody.
        Yes = "yes",
        /// Connections of this machine: loopback and unix socket.
        Local = "local",
    }

    /// Whether data stands on pages of 2 MiB.
    HugePages {
        /// Large databases do, small ones do not.
        Auto = "auto",
        /// Always.
        Yes = "yes",
        /// Never.
        No = "no",
    }

    /// The version of the snapshot format to write.
    RdbVersion {
        /// Redis 7.0 reads it.
        V10 = "10",
        /// Redis 7.2 and newer, Valkey 8 and newer read it.
        V11 = "11",
        /// Redis 7.4 and newer read it.
        V12 = "12",
        /// Valkey 9 reads it.
        V80 = "80",
    }

    /// Which keys go when memory is full.
    MemoryPolicy {
        /// The least recently used among those with a time to live.
        VolatileLru = "volatile-lru",
        /// The least frequently used among those with a time to live.
        VolatileLfu = "volatile-lfu",
        /// The least recently modified among those with a time to live.
        VolatileLrm = "volatile-lrm",
        /// Any among those with a time to live.
        VolatileRandom = "volatile-random",
        /// Those that would expire first.
        VolatileTtl = "volatile-ttl",
        /// The least recently used.
        AllkeysLru = "allkeys-lru",
        /// The least frequently used.
        AllkeysLfu = "allkeys-lfu",
        /// The least recently modified.
        AllkeysLrm = "allkeys-lrm",
        /// Any.
        AllkeysRandom = "allkeys-random",
        /// None: writes that need memory fail.
        Noeviction = "noeviction",
    }
}

impl Allow {
    /// Whether a connection may, which is `local` when it comes from this machine.
    pub fn permits(self, local: bool) -> bool {
        match self {
            Allow::No => false,
            Allow::Yes => true,
            Allow::Local => local,
        }
    }
}

/// In which order keys go when memory is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// None goes.
    Never,
    /// The one used longest ago first.
    Recency,
    /// The one changed longest ago first.
    Change,
    /// The one used least often first.
    Frequency,
    /// Any.
    Random,
    /// The one that would expire first.
    Deadline,
}

impl MemoryPolicy {
    /// In which order keys go.
    pub fn order(self) -> Order {
        match self {
            MemoryPolicy::Noeviction => Order::Never,
            MemoryPolicy::VolatileLru | MemoryPolicy::AllkeysLru => Order::Recency,
            MemoryPolicy::VolatileLrm | MemoryPolicy::AllkeysLrm => Order::Change,
            MemoryPolicy::VolatileLfu | MemoryPolicy::AllkeysLfu => Order::Frequency,
            MemoryPolicy::VolatileRandom | MemoryPolicy::AllkeysRandom => Order::Random,
            MemoryPolicy::VolatileTtl => Order::Deadline,
        }
    }

    /// Whether only keys with a time to live may go.
    pub fn only_volatile(self) -> bool {
        match self {
            MemoryPolicy::VolatileLru
            | MemoryPolicy::VolatileLrm
            | MemoryPolicy::VolatileLfu
            | MemoryPolicy::VolatileRandom
            | MemoryPolicy::VolatileTtl => true,
            MemoryPolicy::AllkeysLru
            | MemoryPolicy::AllkeysLrm
            | MemoryPolicy::AllkeysLfu
            | MemoryPolicy::AllkeysRandom
            | MemoryPolicy::Noeviction => false,
        }
    }
}

impl RdbVersion {
    /// The number in the header of the file.
    pub fn number(self) -> u32 {
        match self {
            RdbVersion::V10 => 10,
            RdbVersion::V11 => 11,
            RdbVersion::V12 => 12,
            RdbVersion::V80 => 80,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_spelling() {
        for word in ["", " 5", "+1", "01", "-0", "1.5", "0x10", "99999999999999999999"] {
            assert!(u32::parse(word, (0, 100)).is_err(), "{word}");
        }
        assert_eq!(u16::parse("65535", (0, 65535)), Ok(65535));
    }

    #[test]
    fn a_share_is_a_number_or_no() {
        let parse = |word| Percent::parse(word, (0, 0));
        assert_eq!((parse("NO"), parse("50")), (Ok(Percent(None)), Ok(Percent(Some(50)))));
        assert!(["0", "1001", "-5", "5%", ""].iter().all(|word| parse(word).is_err()));
        assert_eq!(
            (Word::show(&Percent(None)), Word::show(&Percent(Some(7)))),
            ("no".into(), "7".into())
        );
    }

    #[test]
    fn hertz_is_clamped() {
        assert_eq!(Hertz::parse("0", (0, 1000)), Ok(Hertz(1)));
        assert_eq!(Hertz::parse("2147483647", (0, i64::MAX)), Ok(Hertz(500)));
    }

    #[test]
    fn a_secret_is_not_printed_by_debug() {
        assert!(!format!("{:?}", Secret("hunter2".into())).contains("hunter2"));
    }
}

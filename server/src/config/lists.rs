//! The settings that are lists: addresses, save points, output limits, event classes.
//!
//! Owns: their types.   Uses: kinds.   Never: which settings exist.

use super::kinds::{Range, Setting, Word};
use super::memory::{Memory, with_unit};

/// Cuts the one text that CONFIG SET gives at its spaces; words that came apart from a file stay so.
/// As in Redis, every single space is a border: two in a row enclose an empty word.
fn apart<'a>(words: &[&'a str]) -> Vec<&'a str> {
    match *words {
        [] | [""] => Vec::new(),
        [text] => text.split(' ').collect(),
        _ => words.to_vec(),
    }
}

/// A list as a line of a file has it: one without words needs quotes to be seen.
fn or_nothing(words: String) -> String {
    if words.is_empty() { "\"\"".into() } else { words }
}

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// A host name or an IP address; `*` is every IPv4 address, `::*` every IPv6 address.
    pub host: String,
    /// Written as a leading `-`: no error when the machine has no such address.
    pub optional: bool,
}

/// The addresses of `bind`; none means that TCP is not listened on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses(pub Vec<Address>);

impl Addresses {
    /// As many as a server can be told to listen on.
    pub const MOST: usize = 16;

    /// This machine only, by IPv4 and where it exists by IPv6.
    pub fn loopback() -> Addresses {
        Addresses(vec![
            Address { host: "127.0.0.1".into(), optional: false },
            Address { host: "::1".into(), optional: true },
        ])
    }
}

impl Setting for Addresses {
    const MANY: bool = true;

    fn set(&mut self, words: &[&str], _range: Range, _more: bool) -> Result<(), String> {
        let words = apart(words);
        if words.len() > Addresses::MOST {
            return Err("Too many bind addresses specified.".into());
        }
        let mut addresses = Vec::with_capacity(words.len());
        for word in words {
            let (host, optional) = match word.strip_prefix('-') {
                Some(host) => (host, true),
                None => (word, false),
            };
            let fits = |c: char| c.is_ascii_alphanumeric() || ".:-_*%".contains(c);
            if host.is_empty() || !host.chars().all(fits) {
                return Err(format!("'{word}' is not an address"));
            }
            addresses.push(Address { host: host.to_owned(), optional });
        }
        self.0 = addresses;
        Ok(())
    }

    fn show(&self) -> String {
        let word = |a: &Address| format!("{}{}", if a.optional { "-" } else { "" }, a.host);
        self.0.iter().map(word).collect::<Vec<_>>().join(" ")
    }

    fn lines(&self) -> Vec<String> {
        vec![or_nothing(self.show())]
    }
}

/// Save after this many seconds when at least this many keys have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavePoint {
    /// At least 1.
    pub seconds: u64,
    /// 0 saves whether or not anything changed.
    pub changes: u64,
}

/// When to save by itself; none means never.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavePoints(pub Vec<SavePoint>);

impl SavePoints {
    /// Hourly after one change, every five minutes after 100, every minute after 10000.
    pub fn usual() -> SavePoints {
        let point = |(seconds, changes)| SavePoint { seconds, changes };
        SavePoints([(3600, 1), (300, 100), (60, 10000)].map(point).to_vec())
    }
}

impl Setting for SavePoints {
    const MANY: bool = true;

    fn set(&mut self, words: &[&str], _range: Range, more: bool) -> Result<(), String> {
        let words = apart(words);
        let invalid = || "Invalid save parameters".to_owned();
        let number = |word: &str| word.parse::<i64>().ok().and_then(|n| u64::try_from(n).ok());
        let mut points = Vec::with_capacity(words.len() / 2);
        for pair in words.chunks(2) {
            let &[seconds, changes] = pair else { return Err(invalid()) };
            let seconds = number(seconds).filter(|&n| n >= 1).ok_or_else(invalid)?;
            points.push(SavePoint { seconds, changes: number(changes).ok_or_else(invalid)? });
        }
        if !more || points.is_empty() {
            self.0.clear();
        }
        self.0.extend(points);
        Ok(())
    }

    fn show(&self) -> String {
        let point = |p: &SavePoint| format!("{} {}", p.seconds, p.changes);
        self.0.iter().map(point).collect::<Vec<_>>().join(" ")
    }

    fn lines(&self) -> Vec<String> {
        if self.0.is_empty() {
            return vec![or_nothing(String::new())];
        }
        self.0.iter().map(|p| format!("{} {}", p.seconds, p.changes)).collect()
    }
}

/// How much output may wait for one client before it is disconnected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputLimit {
    /// Bytes; disconnected at once. 0: no limit.
    pub hard: u64,
    /// Bytes; disconnected when exceeded for `soft_seconds` on end. 0: no limit.
    pub soft: u64,
    /// Seconds.
    pub soft_seconds: u64,
}

/// The output limits of the three classes of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputLimits {
    /// Clients that send commands and read replies.
    pub normal: OutputLimit,
    /// Replicas.
    pub replica: OutputLimit,
    /// Clients with a subscription.
    pub pubsub: OutputLimit,
}

impl OutputLimits {
    /// Redis's limits for replicas and subscribers, and, other than there, one for normal clients.
    pub fn usual() -> OutputLimits {
        let limit = |hard: u64, soft: u64| OutputLimit {
            hard: hard << 20,
            soft: soft << 20,
            soft_seconds: 60,
        };
        OutputLimits { normal: limit(1024, 256), replica: limit(256, 64), pubsub: limit(32, 8) }
    }

    fn class(&mut self, name: &str) -> Option<&mut OutputLimit> {
        match name.to_ascii_lowercase().as_str() {
            "normal" => Some(&mut self.normal),
            "slave" | "replica" => Some(&mut self.replica),
            "pubsub" => Some(&mut self.pubsub),
            _ => None,
        }
    }
}

/// A class that is not named keeps its limit, in a file as in CONFIG SET.
impl Setting for OutputLimits {
    const MANY: bool = true;

    fn set(&mut self, words: &[&str], _range: Range, _more: bool) -> Result<(), String> {
        let mut next = *self;
        for group in apart(words).chunks(4) {
            let &[class, hard, soft, seconds] = group else {
                return Err("Wrong number of arguments in buffer limit configuration.".into());
            };
            let class = next
                .class(class)
                .ok_or("Invalid client class specified in buffer limit configuration.")?;
            let seconds = seconds.parse::<i64>().ok().and_then(|n| u64::try_from(n).ok());
            let (Some(Memory(hard)), Some(Memory(soft)), Some(soft_seconds)) =
                (Memory::read(hard), Memory::read(soft), seconds)
            else {
                return Err(
                    "Error in hard, soft or soft_seconds setting in buffer limit configuration."
                        .into(),
                );
            };
            *class = OutputLimit { hard, soft, soft_seconds };
        }
        *self = next;
        Ok(())
    }

    fn show(&self) -> String {
        [("normal", self.normal), ("slave", self.replica), ("pubsub", self.pubsub)]
            .map(|(name, l)| format!("{name} {} {} {}", l.hard, l.soft, l.soft_seconds))
            .join(" ")
    }

    fn lines(&self) -> Vec<String> {
        [("normal", self.normal), ("replica", self.replica), ("pubsub", self.pubsub)]
            .map(|(name, l)| {
                format!("{name} {} {} {}", with_unit(l.hard), with_unit(l.soft), l.soft_seconds)
            })
            .to_vec()
    }
}

/// How likely the kernel is to end a process when memory runs out: a master, a replica, a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OomValues(pub [i32; 3]);

impl Setting for OomValues {
    const MANY: bool = true;

    fn set(&mut self, words: &[&str], _range: Range, _more: bool) -> Result<(), String> {
        let words = apart(words);
        let &[master, replica, child] = words.as_slice() else {
            return Err("wrong number of arguments".into());
        };
        let value = |word: &str| word.parse::<i32>().ok().filter(|n| (-2000..=2000).contains(n));
        let wrong = "Invalid oom-score-adj-values, elements must be between -2000 and 2000.";
        let (Some(master), Some(replica), Some(child)) =
            (value(master), value(replica), value(child))
        else {
            return Err(wrong.into());
        };
        self.0 = [master, replica, child];
        Ok(())
    }

    fn show(&self) -> String {
        self.0.map(|value| value.to_string()).join(" ")
    }

    fn lines(&self) -> Vec<String> {
        vec![self.show()]
    }
}

/// A set of classes of keyspace events: what `notify-keyspace-events` publishes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventClasses(u16);

macro_rules! classes {
    ($($(#[$doc:meta])* $name:ident = $bit:literal;)*) => {
        impl EventClasses { $($(#[$doc])* pub const $name: EventClasses = EventClasses(1 << $bit);)* }
    };
}

classes! {
    /// `K`: publish to the channel of the key.
    KEYSPACE = 0;
    /// `E`: publish to the channel of the event.
    KEYEVENT = 1;
    /// `g`: what every type has, as DEL and EXPIRE.
    GENERIC = 2;
    /// `$`
    STRING = 3;
    /// `l`
    LIST = 4;
    /// `s`
    SET = 5;
    /// `h`
    HASH = 6;
    /// `z`
    SORTED_SET = 7;
    /// `x`: a key has expired.
    EXPIRED = 8;
    /// `e`: a key was evicted.
    EVICTED = 9;
    /// `t`
    STREAM = 10;
    /// `d`: what modules report.
    MODULE = 11;
    /// `n`: a key that did not exist was created.
    NEW = 12;
    /// `m`: a read missed.
    MISS = 13;
}

impl EventClasses {
    /// The classes that `A` stands for: all but new keys and misses.
    pub const ALL: EventClasses = EventClasses(0b1111_1111_1100);

    /// In the order in which Redis prints them.
    const LETTERS: [(char, EventClasses); 14] = [
        ('g', EventClasses::GENERIC),
        ('$', EventClasses::STRING),
        ('l', EventClasses::LIST),
        ('s', EventClasses::SET),
        ('h', EventClasses::HASH),
        ('z', EventClasses::SORTED_SET),
        ('x', EventClasses::EXPIRED),
        ('e', EventClasses::EVICTED),
        ('t', EventClasses::STREAM),
        ('d', EventClasses::MODULE),
        ('n', EventClasses::NEW),
        ('K', EventClasses::KEYSPACE),
        ('E', EventClasses::KEYEVENT),
        ('m', EventClasses::MISS),
    ];

    /// No class at all.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of `other` is in it.
    pub fn contains(self, other: EventClasses) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both together.
    #[must_use]
    pub fn with(self, other: EventClasses) -> EventClasses {
        EventClasses(self.0 | other.0)
    }
}

impl Word for EventClasses {
    fn parse(word: &str, _range: Range) -> Result<EventClasses, String> {
        let mut classes = EventClasses::default();
        for letter in word.chars() {
            let known = EventClasses::LETTERS.iter().find(|(l, _)| *l == letter);
            classes = match known {
                Some((_, class)) => classes.with(*class),
                None if letter == 'A' => classes.with(EventClasses::ALL),
                None => {
                    let words = "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.";
                    return Err(words.into());
                }
            };
        }
        Ok(classes)
    }

    /// As Redis prints it, but for `n`, which Redis leaves out beside `A`: there it would be lost when
    /// what is shown is read back.
    fn show(&self) -> String {
        let all = self.contains(EventClasses::ALL);
        let mut text = String::from(if all { "A" } else { "" });
        for (letter, class) in EventClasses::LETTERS {
            let covered = all && EventClasses::ALL.contains(class);
            if self.contains(class) && !covered {
                text.push(letter);
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: Range = (i64::MIN, i64::MAX);

    #[test]
    fn save_points_add_up_line_by_line_and_an_empty_one_clears() {
        let mut points = SavePoints::usual();
        assert_eq!(points.show(), "3600 1 300 100 60 10000");
        points.set(&["900", "1"], ANY, false).unwrap();
        points.set(&["60 5 30 7"], ANY, true).unwrap();
        assert_eq!(points.show(), "900 1 60 5 30 7");
        for wrong in ["foo", "900", "0 1", "900 -1", " 900 1", "900 1  300 1", "900 1 300"] {
            assert_eq!(points.set(&[wrong], ANY, true), Err("Invalid save parameters".into()));
        }
        assert_eq!(points.show(), "900 1 60 5 30 7");
        points.set(&[""], ANY, true).unwrap();
        assert_eq!(points.show(), "");
    }

    #[test]
    fn output_limits_keep_the_classes_that_are_not_named() {
        let mut limits = OutputLimits::usual();
        limits.set(&["replica 1mb 2 3 NORMAL 0 0 0"], ANY, false).unwrap();
        assert_eq!(limits.show(), "normal 0 0 0 slave 1048576 2 3 pubsub 33554432 8388608 60");
        let refused = |mut limits: OutputLimits, text: &str| limits.set(&[text], ANY, false);
        assert!(refused(limits, "normal 1 2").unwrap_err().starts_with("Wrong number"));
        assert!(refused(limits, "master 1 2 3").unwrap_err().starts_with("Invalid client class"));
        assert!(refused(limits, "normal 1 2 -3").unwrap_err().starts_with("Error in hard"));
        assert_eq!(refused(limits, ""), Ok(()));
    }

    #[test]
    fn event_classes_have_one_spelling() {
        let all = (i64::MIN, i64::MAX);
        for (asked, shown) in [
            ("KEA", "AKE"),
            ("zlghsKE", "glshzKE"),
            ("KEnmg$", "g$nKEm"),
            ("lmndtexzE", "lzxetdnEm"),
            ("g$lshzxetd", "A"),
            ("Anm", "Anm"),
            ("", ""),
        ] {
            assert_eq!(Word::show(&EventClasses::parse(asked, all).unwrap()), shown, "{asked}");
        }
        assert!(EventClasses::parse("Q", all).is_err());
    }

    #[test]
    fn addresses_are_bounded_and_have_no_holes() {
        let mut addresses = Addresses::loopback();
        assert_eq!(addresses.show(), "127.0.0.1 -::1");
        assert!(addresses.set(&["a  b"], ANY, false).is_err());
        assert!(addresses.set(&["x"; 17], ANY, false).is_err());
        addresses.set(&["*", "-::*"], ANY, false).unwrap();
        assert_eq!(addresses.show(), "* -::*");
    }
}

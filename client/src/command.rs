//! One command on its way out: its arguments, already encoded.
//!
//! Owns: the request format, what counts as an argument.   Uses: bytes.   Never: sockets, replies.
//!
//! Arguments are encoded as they are added, so a command is one growing buffer and not a list of small ones.
//! Only the head (`*3`) has to wait until the number of arguments is known.

use bytes::Bytes;

/// A command with its arguments. The [`cmd!`](crate::cmd) macro is a shorter way to write one.
///
/// ```
/// use lodestore::{Command, cmd};
///
/// assert_eq!(Command::new("SET").arg("key").arg(12), cmd!["SET", "key", 12]);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    count: usize,
    body: Vec<u8>,
    name: Name,
}

/// Writes a command: `cmd!["SET", key, value]`.
#[macro_export]
macro_rules! cmd {
    ($name:expr $(, $arg:expr)* $(,)?) => {
        $crate::Command::new($name)$(.arg($arg))*
    };
}

impl Command {
    /// A command without arguments yet. Two words such as `CONFIG GET` are a name and an argument.
    pub fn new(name: impl Argument) -> Command {
        let mut command = Command { count: 0, body: Vec::with_capacity(64), name: Name::Other };
        command.push(name);
        command.name = Name::of(command.argument(0).unwrap_or_default());
        command
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: impl Argument) -> Command {
        self.push(argument);
        self
    }

    /// Adds several arguments.
    pub fn args<I>(mut self, arguments: I) -> Command
    where
        I: IntoIterator,
        I::Item: Argument,
    {
        for argument in arguments {
            self.push(argument);
        }
        self
    }

    /// Adds an argument in place.
    pub fn push(&mut self, argument: impl Argument) {
        argument.with_bytes(&mut |bytes| push_bulk(&mut self.body, bytes));
        self.count += 1;
    }

    /// Appends the whole request. Linear in its length.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        push_head(out, b'*', self.count);
        out.extend_from_slice(&self.body);
    }

    /// How its replies come back, which is special for a few commands.
    pub(crate) fn kind(&self) -> Kind {
        let rest = self.count - 1;
        match self.name {
            Name::Other => Kind::Plain,
            Name::Subscribe(topic) => Kind::Subscribe { topic, channels: rest },
            Name::Unsubscribe(topic) => Kind::Unsubscribe { topic, channels: rest },
            Name::Hello => Kind::Hello { resp3: self.argument(1).map(|version| version == b"3") },
            Name::Reset => Kind::Reset,
            Name::Monitor => Kind::Monitor,
        }
    }

    /// The argument at a place, read back out of the encoded bytes. Linear in the place.
    fn argument(&self, place: usize) -> Option<&[u8]> {
        let mut rest = self.body.as_slice();
        for current in 0.. {
            let end = rest.iter().position(|byte| *byte == b'\r')?;
            let length: usize = std::str::from_utf8(&rest[1..end]).ok()?.parse().ok()?;
            let start = end + 2;
            if current == place {
                return rest.get(start..start + length);
            }
            rest = rest.get(start + length + 2..)?;
        }
        None
    }
}

/// Shows the name only: arguments may be passwords.
impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = String::from_utf8_lossy(self.argument(0).unwrap_or_default());
        write!(f, "Command({name:?} and {} arguments)", self.count - 1)
    }
}

/// How the replies of a command come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One reply.
    Plain,
    /// One confirmation for each channel.
    Subscribe { topic: Topic, channels: usize },
    /// One confirmation for each channel; for each subscription there is when no channel is named, but at least one.
    Unsubscribe { topic: Topic, channels: usize },
    /// One reply, which may change the protocol.
    Hello { resp3: Option<bool> },
    /// One reply, after which there are no subscriptions and the protocol is the old one.
    Reset,
    /// One reply, and then lines without an end.
    Monitor,
}

/// What can be subscribed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    Channel,
    Pattern,
    Shard,
}

impl Topic {
    /// All of them.
    pub(crate) const ALL: [Topic; 3] = [Topic::Channel, Topic::Pattern, Topic::Shard];

    /// The word that confirms a subscription; it is also the command's name.
    pub(crate) fn subscribe(self) -> &'static [u8] {
        match self {
            Topic::Channel => b"subscribe",
            Topic::Pattern => b"psubscribe",
            Topic::Shard => b"ssubscribe",
        }
    }

    /// The word that confirms its end; it is also the command's name.
    pub(crate) fn unsubscribe(self) -> &'static [u8] {
        match self {
            Topic::Channel => b"unsubscribe",
            Topic::Pattern => b"punsubscribe",
            Topic::Shard => b"sunsubscribe",
        }
    }
}

/// The few names that this library must know.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Name {
    Other,
    Subscribe(Topic),
    Unsubscribe(Topic),
    Hello,
    Reset,
    Monitor,
}

impl Name {
    fn of(name: &[u8]) -> Name {
        for topic in Topic::ALL {
            if name.eq_ignore_ascii_case(topic.subscribe()) {
                return Name::Subscribe(topic);
            }
            if name.eq_ignore_ascii_case(topic.unsubscribe()) {
                return Name::Unsubscribe(topic);
            }
        }
        for (word, known) in
            [("hello", Name::Hello), ("reset", Name::Reset), ("monitor", Name::Monitor)]
        {
            if name.eq_ignore_ascii_case(word.as_bytes()) {
                return known;
            }
        }
        Name::Other
    }
}

fn push_bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    out.reserve(bytes.len() + 24);
    push_head(out, b'$', bytes.len());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

fn push_head(out: &mut Vec<u8>, kind: u8, length: usize) {
    out.push(kind);
    out.extend_from_slice(length.to_string().as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// What can be an argument: text, bytes and numbers.
pub trait Argument {
    /// Calls `take` once with the argument's bytes.
    fn with_bytes(&self, take: &mut dyn FnMut(&[u8]));
}

impl<T: Argument + ?Sized> Argument for &T {
    fn with_bytes(&self, take: &mut dyn FnMut(&[u8])) {
        (**self).with_bytes(take);
    }
}

macro_rules! argument_as_bytes {
    ($($type:ty),*) => {$(
        impl Argument for $type {
            fn with_bytes(&self, take: &mut dyn FnMut(&[u8])) {
                take(self.as_ref());
            }
        }
    )*};
}

macro_rules! argument_as_text {
    ($($type:ty),*) => {$(
        impl Argument for $type {
            fn with_bytes(&self, take: &mut dyn FnMut(&[u8])) {
                take(self.to_string().as_bytes());
            }
        }
    )*};
}

argument_as_bytes!(str, String, [u8], Vec<u8>, Bytes);
argument_as_text!(i8, i16, i32, i64, isize, u8, u16, u32, u64, usize, f32, f64);

impl<const N: usize> Argument for [u8; N] {
    fn with_bytes(&self, take: &mut dyn FnMut(&[u8])) {
        take(self);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(command: &Command) -> Vec<u8> {
        let mut out = Vec::new();
        command.encode(&mut out);
        out
    }

    #[test]
    fn arguments_are_text_bytes_and_numbers() {
        let command = cmd!["SET", b"k\r\n", String::from("ü"), -5, 1.5, vec![0u8, 1], ""];
        let expected =
            b"*7\r\n$3\r\nSET\r\n$3\r\nk\r\n\r\n$2\r\n\xc3\xbc\r\n$2\r\n-5\r\n$3\r\n1.5\r\n$2\r\n\x00\x01\r\n$0\r\n\r\n";
        assert_eq!(encoded(&command), expected);
        assert_eq!(encoded(&Command::new("DEL").args(["a", "b"])), encoded(&cmd!["DEL", "a", "b"]));
    }

    #[test]
    fn arguments_are_read_back() {
        let command = cmd!["A", "b\r\n$1\r\nx\r\n", "", 7];
        assert_eq!(command.argument(0), Some(&b"A"[..]));
        assert_eq!(command.argument(1), Some(&b"b\r\n$1\r\nx\r\n"[..]));
        assert_eq!(command.argument(2), Some(&b""[..]));
        assert_eq!(command.argument(3), Some(&b"7"[..]));
        assert_eq!(command.argument(4), None);
    }

    #[test]
    fn the_special_commands_are_known_in_any_case() {
        assert_eq!(cmd!["get", "k"].kind(), Kind::Plain);
        let topic = Topic::Channel;
        assert_eq!(cmd!["SubScribe", "a", "b"].kind(), Kind::Subscribe { topic, channels: 2 });
        let topic = Topic::Pattern;
        assert_eq!(cmd!["PUNSUBSCRIBE"].kind(), Kind::Unsubscribe { topic, channels: 0 });
        assert_eq!(cmd!["hello", 3].kind(), Kind::Hello { resp3: Some(true) });
        assert_eq!(cmd!["hello"].kind(), Kind::Hello { resp3: None });
    }

    #[test]
    fn a_password_is_never_printed() {
        assert_eq!(format!("{:?}", cmd!["AUTH", "hunter2"]), "Command(\"AUTH\" and 1 arguments)");
    }
}

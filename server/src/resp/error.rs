//! Every error a client can see, with its exact words.
//!
//! Owns: the texts.   Uses: nothing.   Never: decides when an error applies.
//!
//! A text that echoes what a client sent is cut at 128 bytes and at a NUL, and CR and LF become spaces, so
//! that no input can break a reply in two.

use std::borrow::Cow;
use std::fmt;

/// What a command answers when it does not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// An option that the command does not know, or options that exclude each other.
    Syntax,
    /// A number was expected.
    NotInteger,
    /// A floating point number was expected.
    NotFloat,
    /// The sum does not fit 64 bits.
    Overflow,
    /// A decrement whose negation does not fit 64 bits.
    DecrementOverflow,
    /// The key holds another type.
    WrongType,
    /// A number outside of what the command takes.
    OutOfRange,
    /// A command that must name an existing key.
    NoSuchKey,
    /// `SELECT` of a number that is no database.
    DbIndex,
    /// A time to live that is not positive or does not fit: names the command.
    InvalidExpire(&'static str),
    /// A string longer than `proto-max-bulk-len`.
    TooLong,
    /// A cursor that is no number.
    InvalidCursor,
    /// The number of arguments is wrong: names the command.
    Arity(&'static str),
    /// No such command: the name and the beginning of the arguments.
    UnknownCommand(String, String),
    /// No such subcommand: the name and the container's name.
    UnknownSubcommand(String, &'static str),
    /// A subcommand with words that it does not take: as it was sent, and the container's name.
    SubcommandWords(String, &'static str),
    /// The connection has not authenticated.
    NoAuth,
    /// The data set is being loaded.
    Loading,
    /// The last snapshot failed and writes are stopped.
    MisConf,
    /// Memory is full and no key may go.
    OutOfMemory,
    /// EXEC of a transaction in which a command was refused.
    ExecAbort,
    /// MULTI inside MULTI.
    NestedMulti,
    /// EXEC without MULTI.
    ExecWithoutMulti,
    /// DISCARD without MULTI.
    DiscardWithoutMulti,
    /// WATCH inside MULTI.
    WatchInMulti,
    /// A command that may not stand in a transaction.
    NoMulti,
    /// A command that a RESP2 subscriber may not send.
    OnlyPubsub(&'static str),
    /// A monitor asks for data: in Redis it counts as a replica.
    MonitorTouchesData,
    /// CLIENT UNBLOCK with ERROR ended the wait.
    Unblocked,
    /// A wrong name or password.
    WrongPass,
    /// AUTH without a password set.
    AuthWithoutPassword,
    /// HELLO with another protocol version.
    NoProto,
    /// HELLO before authentication.
    HelloNoAuth,
    /// Any other text, its code included; the single door for texts that only one command uses.
    Text(Cow<'static, str>),
}

/// The result of anything a client asks for.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// What a subcommand answers to words that it does not take; `word` is the subcommand as it was sent.
    pub fn subcommand_words(word: &[u8], container: &'static str) -> Error {
        Error::SubcommandWords(echo(word), container)
    }

    /// An error whose text only one command uses. `text` includes the code, as in `ERR no such key`.
    pub fn text(text: impl Into<Cow<'static, str>>) -> Error {
        Error::Text(text.into())
    }

    /// The same for a constant.
    pub const fn text_const(text: &'static str) -> Error {
        Error::Text(Cow::Borrowed(text))
    }
}

/// Makes client input fit for an error text: at most 128 bytes, none from a NUL on (Redis's texts end there),
/// nothing that could end the line.
pub fn echo(input: &[u8]) -> String {
    let shown = input[..input.len().min(128)].iter().take_while(|&&b| b != 0);
    let clean: Vec<u8> =
        shown.map(|&b| if matches!(b, b'\r' | b'\n') { b' ' } else { b }).collect();
    String::from_utf8_lossy(&clean).into_owned()
}

impl Error {
    /// The texts that never vary; none for those that name something.
    fn fixed(&self) -> Option<&'static str> {
        Some(match self {
            Error::Syntax => "ERR syntax error",
            Error::NotInteger => "ERR value is not an integer or out of range",
            Error::NotFloat => "ERR value is not a valid float",
            Error::Overflow => "ERR increment or decrement would overflow",
            Error::DecrementOverflow => "ERR decrement would overflow",
            Error::WrongType => "WRONGTYPE Operation against a key holding the wrong kind of value",
            Error::OutOfRange => "ERR value is out of range",
            Error::NoSuchKey => "ERR no such key",
            Error::DbIndex => "ERR DB index is out of range",
            Error::TooLong => "ERR string exceeds maximum allowed size (proto-max-bulk-len)",
            Error::InvalidCursor => "ERR invalid cursor",
            Error::NoAuth => "NOAUTH Authentication required.",
            Error::Loading => "LOADING Redis is loading the dataset in memory",
            Error::MisConf => {
                "MISCONF Redis is configured to save RDB snapshots, but it's currently unable \
                 to persist to disk. Commands that may modify the data set are disabled, because \
                 this instance is configured to report errors during writes if RDB snapshotting \
                 fails (stop-writes-on-bgsave-error option). Please check the server logs for \
                 details about the RDB error."
            }
            Error::OutOfMemory => "OOM command not allowed when used memory > 'maxmemory'.",
            Error::ExecAbort => "EXECABORT Transaction discarded because of previous errors.",
            Error::NestedMulti => "ERR MULTI calls can not be nested",
            Error::ExecWithoutMulti => "ERR EXEC without MULTI",
            Error::DiscardWithoutMulti => "ERR DISCARD without MULTI",
            Error::WatchInMulti => "ERR WATCH inside MULTI is not allowed",
            Error::NoMulti => "ERR Command not allowed inside a transaction",
            Error::MonitorTouchesData => "ERR Replica can't interact with the keyspace",
            Error::Unblocked => "UNBLOCKED client unblocked via CLIENT UNBLOCK",
            Error::WrongPass => "WRONGPASS invalid username-password pair or user is disabled.",
            Error::AuthWithoutPassword => {
                "ERR AUTH <password> called without any password configured for the default user. \
                 Are you sure your configuration is correct?"
            }
            Error::NoProto => "NOPROTO unsupported protocol version",
            Error::HelloNoAuth => {
                "NOAUTH HELLO must be called with the client already authenticated, otherwise the \
                 HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client \
                 and select the RESP protocol version at the same time"
            }
            Error::InvalidExpire(_)
            | Error::Arity(_)
            | Error::UnknownCommand(..)
            | Error::UnknownSubcommand(..)
            | Error::SubcommandWords(..)
            | Error::OnlyPubsub(_)
            | Error::Text(_) => return None,
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::InvalidExpire(command) => {
                write!(f, "ERR invalid expire time in '{command}' command")
            }
            Error::Arity(command) => {
                write!(f, "ERR wrong number of arguments for '{command}' command")
            }
            Error::UnknownCommand(name, args) => {
                write!(f, "ERR unknown command '{name}', with args beginning with: {args}")
            }
            Error::SubcommandWords(name, container) => {
                let container = container.to_uppercase();
                write!(
                    f,
                    "ERR unknown subcommand or wrong number of arguments for '{name}'. Try {container} HELP."
                )
            }
            Error::UnknownSubcommand(name, container) => {
                let container = container.to_uppercase();
                write!(f, "ERR unknown subcommand '{name}'. Try {container} HELP.")
            }
            Error::OnlyPubsub(command) => write!(
                f,
                "ERR Can't execute '{command}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / \
                 QUIT / RESET are allowed in this context"
            ),
            Error::Text(text) => f.write_str(text),
            fixed => f.write_str(fixed.fixed().unwrap_or("ERR")),
        }
    }
}

impl std::error::Error for Error {}

//! The handle that callers hold, and how a connection begins.
//!
//! Owns: the opening (HELLO, AUTH, SELECT).   Uses: connection, pipeline, command, config.   Never: sockets after connecting.

use std::io;

use tokio::sync::{mpsc, oneshot, watch};

use crate::cmd;
use crate::command::Command;
use crate::config::{Config, Protocol};
use crate::connection::{Connection, Request};
use crate::convert::FromReply;
use crate::error::{Error, Result};
use crate::pipeline::{Pipeline, read_transaction};
use crate::pubsub::{PushStream, queue};
use crate::reply::Reply;
use crate::socket::Socket;

/// A handle to one connection. Clones share the connection: what they send concurrently is pipelined, and each gets its
/// own replies.
///
/// * A dropped future takes nothing back: the command may run, and its reply is thrown away.
/// * There is no time limit on replies; put `tokio::time::timeout` around a call where one is wanted.
/// * What changes the state of the connection changes it for all clones: `SELECT`, `WATCH`, `MULTI` sent by hand, blocking commands such
///   as `BLPOP`. Open a connection of its own for these. `CLIENT REPLY`, `SYNC` and `PSYNC` cannot be used.
/// * **There is no reconnecting.** Once the connection breaks every call returns an error; [`closed`](Client::closed) says when and why.
///   The connection ends by itself when the last clone is dropped and the replies it waited for are there.
#[derive(Debug, Clone)]
pub struct Client {
    requests: mpsc::Sender<Request>,
    ended: watch::Receiver<Option<Error>>,
    protocol: Protocol,
}

impl Client {
    /// Connects to an URL such as `redis://user:password@host:6379/0?protocol=3` or `unix:///path.sock?db=1`. Pushes are
    /// thrown away; [`open`](Client::open) gives them too.
    ///
    /// # Errors
    /// Everything that [`Error`] knows except `Conversion`.
    pub async fn connect(url: &str) -> Result<Client> {
        Ok(Client::open(&url.parse()?).await?.0)
    }

    /// Connects, logs in and selects the database. Must be called within a tokio runtime, on which a task is then left that drives
    /// the connection.
    ///
    /// # Errors
    /// `Io` with `TimedOut` when all this took longer than [`Config::connect_timeout`]; `Server` when the login, the database
    /// or a demanded protocol was refused.
    pub async fn open(config: &Config) -> Result<(Client, PushStream)> {
        let opening = async {
            let socket = Socket::connect(&config.address).await?;
            let (requests, inbox) = mpsc::channel(config.queue.max(1));
            let (ended_sender, ended) = watch::channel(None);
            let (push_sender, pushes) = queue(config.pushes);
            let connection = Connection::new(socket, inbox, push_sender, config.in_flight);
            tokio::spawn(connection.run(ended_sender));
            let mut client = Client { requests, ended, protocol: Protocol::Resp2 };
            client.protocol = client.greet(config).await?;
            Ok((client, pushes))
        };
        match tokio::time::timeout(config.connect_timeout, opening).await {
            Ok(outcome) => outcome,
            Err(_) => {
                Err(io::Error::new(io::ErrorKind::TimedOut, "connecting took too long").into())
            }
        }
    }

    /// Sends a command and waits for its reply. Commands that are called concurrently share a write.
    ///
    /// A subscription is answered when it is confirmed, with an array of one push for each channel.
    ///
    /// # Errors
    /// `Server` when the server refuses it; `Io`, `Protocol` or `Closed` when the connection ended.
    pub async fn call(&self, command: Command) -> Result<Reply> {
        let mut replies = self.exchange(Pipeline::new().add(command)).await?;
        replies.pop().unwrap_or(Reply::Null).checked()
    }

    /// Sends a command and converts its reply, as in `client.get::<Option<String>>(cmd!["GET", key])`.
    ///
    /// # Errors
    /// Those of [`call`](Client::call), and `Conversion`.
    pub async fn get<T: FromReply>(&self, command: Command) -> Result<T> {
        self.call(command).await?.to()
    }

    /// Sends several commands at once and waits for all their replies, in order. An error reply is a [`Reply::Error`] at its place,
    /// since the other commands have been carried out.
    ///
    /// # Errors
    /// `Io`, `Protocol` or `Closed` when the connection ended before the last reply.
    pub async fn run(&self, pipeline: Pipeline) -> Result<Vec<Reply>> {
        if pipeline.is_empty() { Ok(Vec::new()) } else { self.exchange(pipeline).await }
    }

    /// Runs commands as one transaction (MULTI, EXEC), sent at once. None when a watched key changed; an error reply while it runs is
    /// a [`Reply::Error`] at its place.
    ///
    /// # Errors
    /// `Server` with the first refusal when a command was refused while it was queued: then none has run.
    pub async fn transaction(&self, pipeline: Pipeline) -> Result<Option<Vec<Reply>>> {
        read_transaction(self.exchange(pipeline.in_transaction()).await?)
    }

    /// The protocol that was agreed on when the connection was opened.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Whether the connection has ended.
    pub fn is_closed(&self) -> bool {
        self.ended.borrow().is_some()
    }

    /// Waits until the connection has ended, and says why: `Closed` when the server hung up.
    pub async fn closed(&self) -> Error {
        let mut ended = self.ended.clone();
        // The error is that the task was killed with its runtime.
        let reason = ended.wait_for(Option::is_some).await;
        reason.map_or(Error::Closed, |reason| reason.clone().unwrap_or(Error::Closed))
    }

    async fn exchange(&self, commands: Pipeline) -> Result<Vec<Reply>> {
        let (answer, replies) = oneshot::channel();
        let request = Request { commands, answer };
        self.requests.send(request).await.map_err(|_| Error::Closed)?;
        replies.await.unwrap_or(Err(Error::Closed))
    }

    /// Agrees on a protocol, logs in, introduces itself and selects the database.
    async fn greet(&self, config: &Config) -> Result<Protocol> {
        let mut refusal = None;
        let protocol = match config.protocol {
            Some(Protocol::Resp2) => Protocol::Resp2,
            Some(Protocol::Resp3) => self.call(hello(config)).await.map(|_| Protocol::Resp3)?,
            None => match self.call(hello(config)).await {
                Ok(_) => Protocol::Resp3,
                Err(error) if is_unknown_hello(&error) => {
                    refusal = Some(error);
                    Protocol::Resp2
                }
                Err(error) => return Err(error),
            },
        };
        let mut rest = Pipeline::new();
        if protocol == Protocol::Resp2 {
            rest = log_in(rest, config);
        }
        if config.database != 0 {
            rest.push(&cmd!["SELECT", config.database]);
        }
        let required = rest.len();
        // Servers before 7.2 refuse these, which does no harm.
        rest.push(&cmd!["CLIENT", "SETINFO", "LIB-NAME", "lodestore"]);
        rest.push(&cmd!["CLIENT", "SETINFO", "LIB-VER", env!("CARGO_PKG_VERSION")]);
        // If the server hangs up now, it refused the connection and not HELLO, as with "max number of clients reached".
        let replies = self.exchange(rest).await.map_err(|error| refusal.unwrap_or(error))?;
        for reply in replies.into_iter().take(required) {
            reply.checked()?;
        }
        Ok(protocol)
    }
}

/// HELLO with the login and the name in it, so that the whole opening is one round trip more than nothing.
fn hello(config: &Config) -> Command {
    let mut hello = cmd!["HELLO", 3];
    if let Some(password) = &config.password {
        let user = config.user.as_deref().unwrap_or("default");
        hello = hello.arg("AUTH").arg(user).arg(password);
    }
    if let Some(name) = &config.name {
        hello = hello.arg("SETNAME").arg(name);
    }
    hello
}

fn log_in(mut opening: Pipeline, config: &Config) -> Pipeline {
    if let Some(password) = &config.password {
        opening.push(&match &config.user {
            Some(user) => cmd!["AUTH", user, password],
            // Servers before 6 know no users.
            None => cmd!["AUTH", password],
        });
    }
    if let Some(name) = &config.name {
        opening.push(&cmd!["CLIENT", "SETNAME", name]);
    }
    opening
}

/// Whether the server does not know HELLO or version 3. A refused login must not be tried a second time: it would count twice
/// against a lock-out.
fn is_unknown_hello(error: &Error) -> bool {
    match error {
        Error::Server { code, .. } => code == "ERR" || code == "NOPROTO" || code.is_empty(),
        Error::Io(_)
        | Error::Protocol(_)
        | Error::Url(_)
        | Error::Closed
        | Error::Conversion { .. } => false,
    }
}

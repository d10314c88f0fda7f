//! A blocking connection to a server.
//!
//! Owns: one socket and the bytes not yet read as replies.   Uses: reply.   Never: retries.

use crate::reply::Reply;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

/// How long a reply may take before a test fails.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The protocol version a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proto {
    /// What a connection speaks until it says otherwise.
    Resp2,
    /// After `HELLO 3`.
    Resp3,
}

/// One connection.
pub struct Client {
    stream: TcpStream,
    pending: Vec<u8>,
    /// Where the bytes not yet decoded begin: replies are cut off `pending` rarely, not one by one.
    at: usize,
}

/// What came instead of a reply.
#[derive(Debug, PartialEq, Eq)]
pub enum NoReply {
    /// The time was over.
    Silence,
    /// The server closed the connection.
    Closed,
    /// Bytes that are no reply.
    Malformed(String),
}

impl std::fmt::Display for NoReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NoReply::Silence => f.write_str("nothing"),
            NoReply::Closed => f.write_str("closed"),
            NoReply::Malformed(bytes) => write!(f, "bytes that are no reply: {bytes}"),
        }
    }
}

impl Client {
    /// Connects to `address`, as in `127.0.0.1:6379`.
    pub fn connect(address: &str) -> io::Result<Client> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Client { stream, pending: Vec::new(), at: 0 })
    }

    /// Connects and switches to `proto`; panics when the server refuses.
    pub fn speaking(address: &str, proto: Proto) -> io::Result<Client> {
        let mut client = Client::connect(address)?;
        if proto == Proto::Resp3 {
            let hello = client.call(&["HELLO", "3"]);
            assert!(matches!(hello, Reply::Map(_)), "HELLO 3 answers {}", hello.line());
        }
        Ok(client)
    }

    /// Sends a command and reads its reply; panics when there is none.
    pub fn call<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Reply {
        self.send(args);
        self.read()
    }

    /// Sends a command.
    pub fn send<A: AsRef<[u8]>>(&mut self, args: &[A]) {
        self.raw(&encode(args));
    }

    /// Sends bytes as they are. A connection that the server has closed swallows them: what the
    /// server said before is what the next read shows.
    pub fn raw(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Reads a reply; panics when there is none.
    pub fn read(&mut self) -> Reply {
        match self.read_within(PATIENCE) {
            Ok(reply) => reply,
            Err(why) => panic!("a reply was expected, and {why} came"),
        }
    }

    /// Reads a reply that comes within `patience`.
    pub fn read_within(&mut self, patience: Duration) -> Result<Reply, NoReply> {
        self.next_reply(patience).map(|(reply, _)| reply)
    }

    /// The same, with the bytes that the reply was.
    pub fn read_with_bytes(&mut self, patience: Duration) -> Result<(Reply, Vec<u8>), NoReply> {
        let (reply, length) = self.next_reply(patience)?;
        Ok((reply, self.pending[self.at - length..self.at].to_vec()))
    }

    /// The next reply and its length: its bytes end at `at`.
    fn next_reply(&mut self, patience: Duration) -> Result<(Reply, usize), NoReply> {
        let end = Instant::now() + patience;
        loop {
            match Reply::decode(&self.pending[self.at..]) {
                Ok(Some((reply, length))) => {
                    self.at += length;
                    return Ok((reply, length));
                }
                Ok(None) => self.fill(end)?,
                Err(bad) => return Err(NoReply::Malformed(bad.0)),
            }
        }
    }

    /// Reads everything until the server closes the connection.
    pub fn read_to_end(&mut self) -> Result<Vec<u8>, NoReply> {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.fill(end) {
                Ok(()) => {}
                Err(NoReply::Closed) => break,
                Err(why) => return Err(why),
            }
        }
        Ok(self.pending.split_off(self.at))
    }

    /// Says that nothing more will be sent; replies can still be read.
    pub fn finish(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// The socket, for tests that write and read at once.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    fn fill(&mut self, end: Instant) -> Result<(), NoReply> {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(NoReply::Silence);
        }
        self.pending.drain(..self.at);
        self.at = 0;
        self.stream.set_read_timeout(Some(left)).expect("a time above zero is a valid time-out");
        let mut chunk = [0; 64 * 1024];
        match self.stream.read(&mut chunk) {
            Ok(0) => Err(NoReply::Closed),
            Ok(count) => {
                self.pending.extend_from_slice(&chunk[..count]);
                Ok(())
            }
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut => Err(NoReply::Silence),
                ErrorKind::Interrupted => Ok(()),
                _ => Err(NoReply::Closed),
            },
        }
    }
}

/// A command as an array of bulk strings.
pub fn encode<A: AsRef<[u8]>>(args: &[A]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        let arg = arg.as_ref();
        out.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
    out
}

//! One blocking connection: for filling a server and for asking it questions.
//!
//! Owns: a socket.   Uses: nothing.   Never: measuring throughput (`load` does).

use crate::requests::Shape;
use crate::{Outcome, requests};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::time::Duration;

/// Longer than any answer takes, shorter than a person waits for a hung server.
const PATIENCE: Duration = Duration::from_secs(300);

/// How many requests are sent before the replies to those before are read.
const STEP: usize = 1000;
/// Requests of so many bytes are sent at once at most, so that a server's buffers stay as small as of an ordinary client.
const STEP_BYTES: usize = 64 << 10;

/// What keys are set to.
#[derive(Clone, Copy, Debug)]
pub enum Contents {
    /// Values of so many bytes.
    Bytes(usize),
    /// Values of so many bytes that expire in a day or a little later.
    Expiring(usize),
    /// The key's number and a million more.
    Integers,
}

impl Contents {
    fn push_set(&self, out: &mut Vec<u8>, number: u64) {
        let key = &requests::key(number)[..];
        match *self {
            Contents::Bytes(size) => {
                requests::push_command(out, [b"SET", key, &requests::value(size)]);
            }
            Contents::Expiring(size) => {
                let seconds = (86_400 + number % 86_400).to_string();
                let value = requests::value(size);
                requests::push_command(out, [b"SET", key, &value, b"EX", seconds.as_bytes()]);
            }
            Contents::Integers => {
                let value = (number + 1_000_000).to_string();
                requests::push_command(out, [b"SET", key, value.as_bytes()]);
            }
        }
    }
}

/// A connection that sends one command at a time.
#[derive(Debug)]
pub struct Client {
    reader: BufReader<TcpStream>,
    out: Vec<u8>,
}

impl Client {
    /// Connects.
    pub fn connect(address: SocketAddr) -> Outcome<Client> {
        let stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Client { reader: BufReader::new(stream), out: Vec::new() })
    }

    /// Sends one command and returns its reply: the text of a bulk string, otherwise the line with its type byte.
    pub fn ask(&mut self, words: &[&str]) -> Outcome<String> {
        self.out.clear();
        requests::push_command(&mut self.out, words.iter().map(|word| word.as_bytes()));
        self.reader.get_mut().write_all(&self.out)?;
        let mut line = String::new();
        if self.reader.read_line(&mut line)? == 0 {
            return Err("the server closed the connection".into());
        }
        let line = line.trim_end().to_owned();
        match line.strip_prefix('$').map(str::parse::<usize>) {
            Some(Ok(len)) => self.body(len),
            Some(Err(_)) | None => Ok(line),
        }
    }

    fn body(&mut self, len: usize) -> Outcome<String> {
        let mut body = Vec::new();
        self.reader.by_ref().take(len as u64 + 2).read_to_end(&mut body)?;
        body.truncate(len);
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// A number of INFO's section.
    pub fn figure(&mut self, section: &str, field: &str) -> Outcome<u64> {
        let text = self.ask(&["INFO", section])?;
        let found =
            text.lines().filter_map(|line| line.split_once(':')).find(|(name, _)| *name == field);
        let number = found.and_then(|(_, value)| value.trim().parse().ok());
        number.ok_or_else(|| format!("INFO {section} has no number {field}").into())
    }

    /// The fields of INFO.
    pub fn info(&mut self) -> Outcome<HashMap<String, String>> {
        let text = self.ask(&["INFO", "all"])?;
        let fields = text.lines().filter_map(|line| line.split_once(':'));
        Ok(fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// Sets keys to values of `size` bytes, the same for all.
    pub fn fill(&mut self, keys: Range<u64>, size: usize) -> Outcome<()> {
        self.set(keys, &Contents::Bytes(size))
    }

    /// Sets keys, each to what `value` puts into its buffer.
    pub fn fill_with(
        &mut self,
        keys: Range<u64>,
        mut value: impl FnMut(u64, &mut Vec<u8>),
    ) -> Outcome<()> {
        let mut bytes = Vec::new();
        self.pour(keys, b"+OK\r\n", |key, out| {
            value(key, &mut bytes);
            requests::push_command(out, [b"SET", &requests::key(key)[..], &bytes]);
        })
    }

    /// Sets keys, each to contents of that kind.
    pub fn set(&mut self, keys: Range<u64>, contents: &Contents) -> Outcome<()> {
        self.pour(keys, b"+OK\r\n", |key, out| contents.push_set(out, key))
    }

    /// Sends a request for each of `numbers`, all of which must get `reply`. The server is never idle: one step is
    /// under way while the replies of the last are read.
    pub fn pour(
        &mut self,
        numbers: impl IntoIterator<Item = u64>,
        reply: &[u8],
        mut request: impl FnMut(u64, &mut Vec<u8>),
    ) -> Outcome<()> {
        let mut got = vec![0; reply.len()];
        self.stream_out(numbers, &mut request, |client| {
            client.reader.read_exact(&mut got)?;
            if got == reply {
                return Ok(());
            }
            Err(format!("an unexpected reply: {:?}", String::from_utf8_lossy(&got)).into())
        })
    }

    /// Sends a request for each of `numbers`, none of which may fail; see [`Client::pour`].
    pub fn tell(
        &mut self,
        numbers: impl IntoIterator<Item = u64>,
        mut request: impl FnMut(u64, &mut Vec<u8>),
    ) -> Outcome<()> {
        self.stream_out(numbers, &mut request, |client| client.shape().map(drop))
    }

    /// Removes a key.
    pub fn clear(&mut self, key: &str) -> Outcome<()> {
        self.ask(&["UNLINK", key]).map(drop)
    }

    /// How the reply to a request looks.
    pub fn shape_of(&mut self, request: &[u8]) -> Outcome<Shape> {
        self.reader.get_mut().write_all(request)?;
        self.shape()
    }

    /// Reads a whole reply of RESP2, which may be no error.
    fn shape(&mut self) -> Outcome<Shape> {
        let mut line = Vec::new();
        self.reader.read_until(b'\n', &mut line)?;
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        let number = || text[1..].parse::<i64>().map_err(|_| format!("no RESP2: {text}"));
        let lines = match line.first() {
            Some(b'+' | b':') => 0,
            Some(b'$') => match usize::try_from(number()?) {
                Ok(len) => self.body(len).map(|_| 1)?,
                Err(_) => 0,
            },
            Some(b'*') => {
                let mut lines = 0;
                for _ in 0..number()? {
                    lines += self.shape()?.lines;
                }
                lines
            }
            Some(_) | None => return Err(format!("an unexpected reply: {text:?}").into()),
        };
        Ok(Shape { start: line[0], lines: lines + 1 })
    }

    fn stream_out(
        &mut self,
        numbers: impl IntoIterator<Item = u64>,
        request: &mut dyn FnMut(u64, &mut Vec<u8>),
        mut hear: impl FnMut(&mut Client) -> Outcome<()>,
    ) -> Outcome<()> {
        let mut numbers = numbers.into_iter().peekable();
        let mut unread = 0;
        while numbers.peek().is_some() {
            self.out.clear();
            let mut sent = 0;
            while sent < STEP && self.out.len() < STEP_BYTES {
                let Some(number) = numbers.next() else { break };
                request(number, &mut self.out);
                sent += 1;
            }
            self.reader.get_mut().write_all(&self.out)?;
            (0..unread).try_for_each(|_| hear(self))?;
            unread = sent;
        }
        (0..unread).try_for_each(|_| hear(self))
    }
}

//! One blocking connection: for filling a server and for asking it questions.
//!
//! Owns: a socket.   Uses: nothing.   Never: measuring throughput (`load` does).

use crate::{Outcome, requests};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::time::Duration;

/// Longer than any answer takes, shorter than a person waits for a hung server.
const PATIENCE: Duration = Duration::from_secs(300);

/// How many SETs are sent before their replies are read.
const FILL_STEP: u64 = 1000;

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

    /// The fields of INFO.
    pub fn info(&mut self) -> Outcome<HashMap<String, String>> {
        let text = self.ask(&["INFO", "all"])?;
        let fields = text.lines().filter_map(|line| line.split_once(':'));
        Ok(fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// Sets the keys `0..keys` to values of `size` bytes, the same for all.
    pub fn fill(&mut self, keys: u64, size: usize) -> Outcome<()> {
        self.set(0..keys, &Contents::Bytes(size))
    }

    /// Sets the keys `0..keys`, each to what `value` puts into its buffer.
    pub fn fill_with(
        &mut self,
        keys: u64,
        mut value: impl FnMut(u64, &mut Vec<u8>),
    ) -> Outcome<()> {
        let mut bytes = Vec::new();
        self.send_all(0..keys, |key, out| {
            value(key, &mut bytes);
            requests::push_command(out, [b"SET", &requests::key(key)[..], &bytes]);
        })
    }

    /// Sets keys.
    pub fn set(&mut self, keys: Range<u64>, contents: &Contents) -> Outcome<()> {
        self.send_all(keys, |key, out| contents.push_set(out, key))
    }

    /// Sends a request for each key and expects +OK. The server is never idle: one step is under way while the
    /// replies of the last are read.
    fn send_all(
        &mut self,
        keys: Range<u64>,
        mut push: impl FnMut(u64, &mut Vec<u8>),
    ) -> Outcome<()> {
        let mut unread = 0;
        for first in keys.clone().step_by(FILL_STEP as usize) {
            let end = keys.end.min(first + FILL_STEP);
            self.out.clear();
            for key in first..end {
                push(key, &mut self.out);
            }
            self.reader.get_mut().write_all(&self.out)?;
            self.expect_ok(unread)?;
            unread = end - first;
        }
        self.expect_ok(unread)
    }

    fn expect_ok(&mut self, replies: u64) -> Outcome<()> {
        let mut reply = [0; 5];
        for _ in 0..replies {
            self.reader.read_exact(&mut reply)?;
            if &reply != b"+OK\r\n" {
                return Err(format!("SET was refused: {}", String::from_utf8_lossy(&reply)).into());
            }
        }
        Ok(())
    }
}

//! What MULTI queues.
//!
//! Owns: the queued commands of one connection.   Uses: resp.   Never: runs them (the engine does).

use crate::resp::args::Args;
use crate::resp::request::Requests;

/// A transaction between MULTI and EXEC. All its requests share one buffer.
#[derive(Debug, Default)]
pub struct Transaction {
    rows: Vec<u16>,
    requests: Requests,
    bytes: u64,
    /// A command was refused while queueing: EXEC will answer EXECABORT.
    pub refused: bool,
}

impl Transaction {
    /// More bytes of arguments than this do not fit its buffer.
    pub const MOST_BYTES: u64 = 3 << 30;

    /// Queues a copy of a request; `row` is the number of its command. The bytes of all together must
    /// stay within [`Transaction::MOST_BYTES`].
    pub fn push(&mut self, row: u16, args: Args<'_>) {
        self.bytes += args.bytes_len() as u64;
        self.rows.push(row);
        self.requests.push(args);
    }

    /// How many commands are queued.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The bytes of all arguments together, big ones included.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The commands by the numbers of their rows, in order.
    pub fn rows(&self) -> &[u16] {
        &self.rows
    }

    /// The commands in order.
    pub fn commands(&self) -> impl Iterator<Item = (u16, Args<'_>)> {
        self.rows.iter().enumerate().map(|(at, &row)| (row, self.requests.args(at)))
    }

    /// Bytes of memory in use.
    pub fn footprint(&self) -> usize {
        size_of::<Self>() + self.requests.footprint() + self.rows.capacity() * size_of::<u16>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::args::OwnedRequest;

    #[test]
    fn commands_come_back_as_they_were() {
        let mut transaction = Transaction::default();
        assert!(transaction.is_empty());
        for i in 0..10_000_u16 {
            let text = i.to_string();
            let request = OwnedRequest::from_parts(&[b"SET", text.as_bytes(), b""]);
            transaction.push(i, request.args());
        }
        assert_eq!(transaction.len(), 10_000);
        for (row, args) in transaction.commands() {
            assert_eq!(args.get(1), row.to_string().as_bytes());
            assert_eq!(args.len(), 3);
        }
    }
}

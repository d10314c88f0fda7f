//! What the log and replicas are told of groups: what came of a command, not what it asked for.
//!
//! Owns: these requests.   Uses: WriteCx, `value::stream`.   Never: changes anything.

use crate::command::context::WriteCx;
use crate::value::stream::{Group, Id, IdText, Pending};

/// A change of a group, to be told when the stream is closed again.
#[derive(Debug, Default)]
pub struct Told {
    requests: Vec<Vec<Vec<u8>>>,
    keeps: bool,
}

fn number(number: impl ToString) -> Vec<u8> {
    number.to_string().into_bytes()
}

fn id_text(id: Id) -> Vec<u8> {
    IdText::default().write(id).to_vec()
}

impl Told {
    /// Nothing yet; and nothing ever, if nobody reads it.
    pub fn new(cx: &WriteCx<'_>) -> Told {
        Told { requests: Vec::new(), keeps: cx.changes.keeps_log() }
    }

    fn add<const N: usize>(&mut self, words: impl FnOnce() -> [Vec<u8>; N]) {
        if self.keeps {
            self.requests.push(words().into());
        }
    }

    /// An entry's delivery, as it is now; or that there is none any more.
    pub fn delivery(&mut self, key: &[u8], name: &[u8], group: &Group, id: Id) {
        if !self.keeps {
            return;
        }
        let Some(pending) = group.get(id) else {
            self.add(|| [b"XACK".to_vec(), key.to_vec(), name.to_vec(), id_text(id)]);
            return;
        };
        match pending.owner {
            Some(owner) => {
                let consumer = group.at(owner).name.to_vec();
                self.add(|| claim(key, name, consumer, id, pending, group.last));
            }
            None => self.add(|| release(key, name, id, pending)),
        }
    }

    /// How far a group is.
    pub fn progress(&mut self, key: &[u8], name: &[u8], group: &Group) {
        let read = group.read.map_or(b"-1".to_vec(), number);
        self.add(|| {
            let last = id_text(group.last);
            let words = [&b"XGROUP"[..], b"SETID", key, name, &last, b"ENTRIESREAD", &read];
            words.map(<[u8]>::to_vec)
        });
    }

    /// That a consumer is there.
    pub fn consumer(&mut self, key: &[u8], name: &[u8], consumer: &[u8]) {
        self.add(|| [b"XGROUP", &b"CREATECONSUMER"[..], key, name, consumer].map(<[u8]>::to_vec));
    }

    /// Tells it, in place of the command.
    pub fn tell(self, cx: &mut WriteCx<'_>) {
        for request in &self.requests {
            let words: Vec<&[u8]> = request.iter().map(|word| &word[..]).collect();
            cx.log_as(&words);
        }
    }
}

fn claim(
    key: &[u8],
    name: &[u8],
    consumer: Vec<u8>,
    id: Id,
    pending: Pending,
    last: Id,
) -> [Vec<u8>; 14] {
    [
        b"XCLAIM".to_vec(),
        key.to_vec(),
        name.to_vec(),
        consumer,
        b"0".to_vec(),
        id_text(id),
        b"TIME".to_vec(),
        number(pending.time()),
        b"RETRYCOUNT".to_vec(),
        number(pending.count),
        b"FORCE".to_vec(),
        b"JUSTID".to_vec(),
        b"LASTID".to_vec(),
        id_text(last),
    ]
}

fn release(key: &[u8], name: &[u8], id: Id, pending: Pending) -> [Vec<u8>; 10] {
    [
        b"XNACK".to_vec(),
        key.to_vec(),
        name.to_vec(),
        b"FAIL".to_vec(),
        b"IDS".to_vec(),
        b"1".to_vec(),
        id_text(id),
        b"RETRYCOUNT".to_vec(),
        number(pending.count),
        b"FORCE".to_vec(),
    ]
}

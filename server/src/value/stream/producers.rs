//! Who has sent which messages lately, so that one sent twice is added once.
//!
//! Owns: the messages' own IDs by producer, and for how long they are kept.   Uses: id.   Never: the entries, the time.
//!
//! A message is forgotten some seconds after its entry's time, and when its producer has sent too many others since.

use super::id::Id;
use std::collections::{BTreeMap, VecDeque};

/// What a message takes beside the two copies of its ID, and a producer beside its name.
const SHARE: usize = 128;

/// How messages are remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// For how many seconds; `idmp-duration`.
    pub seconds: u32,
    /// How many of one producer; `idmp-maxsize`.
    pub messages: u32,
}

impl Default for Memory {
    fn default() -> Memory {
        Memory { seconds: 100, messages: 100 }
    }
}

/// All producers of a stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Producers {
    memory: Memory,
    by_name: BTreeMap<Box<[u8]>, Producer>,
    tracked: usize,
    added: u64,
    duplicates: u64,
    heap: usize,
}

/// What one producer has sent lately.
#[derive(Clone, Debug, Default, PartialEq)]
struct Producer {
    entries: BTreeMap<Box<[u8]>, Id>,
    /// The same messages, the oldest first.
    order: VecDeque<Box<[u8]>>,
}

impl Producers {
    /// None yet.
    pub fn new(memory: Memory) -> Producers {
        Producers { memory, ..Producers::default() }
    }

    /// How messages are remembered.
    pub fn memory(&self) -> Memory {
        self.memory
    }

    /// Changes how messages are remembered; whatever was remembered is forgotten if that is something new.
    pub fn set_memory(&mut self, memory: Memory) {
        if self.memory != memory {
            let Producers { added, duplicates, .. } = *self;
            *self = Producers { memory, added, duplicates, ..Producers::default() };
        }
    }

    /// Producers with a message that is remembered.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Messages that are remembered.
    pub fn tracked(&self) -> usize {
        self.tracked
    }

    /// Messages that were ever added, and how many were not because they had been added before.
    pub fn counts(&self) -> (u64, u64) {
        (self.added, self.duplicates)
    }

    /// Sets what [`Producers::counts`] answers.
    pub fn set_counts(&mut self, added: u64, duplicates: u64) {
        (self.added, self.duplicates) = (added, duplicates);
    }

    /// Bytes that it holds, about. O(1).
    pub fn heap(&self) -> usize {
        self.heap
    }

    /// The entry of a producer's message, if it is remembered.
    pub fn find(&self, producer: &[u8], message: &[u8]) -> Option<Id> {
        self.by_name.get(producer)?.entries.get(message).copied()
    }

    /// Counts a message that was sent again.
    pub fn count_duplicate(&mut self) {
        self.duplicates += 1;
    }

    /// Remembers a message; the oldest ones give way.
    pub fn record(&mut self, producer: &[u8], message: &[u8], entry: Id) {
        if self.memory.messages == 0 {
            // No setting says so, but a snapshot can.
            self.added += 1;
            return;
        }
        if !self.by_name.contains_key(producer) {
            self.by_name.insert(producer.into(), Producer::default());
            self.heap += SHARE + producer.len();
        }
        let at = self.by_name.get_mut(producer).expect("it was put there");
        if at.entries.insert(message.into(), entry).is_none() {
            at.order.push_back(message.into());
            self.tracked += 1;
            self.heap += SHARE + 2 * message.len();
        }
        self.added += 1;
        while at.order.len() > self.memory.messages as usize {
            at.drop_oldest(&mut self.tracked, &mut self.heap);
        }
    }

    /// Forgets a producer's messages whose time is over, and the producer with the last of them.
    pub fn expire(&mut self, producer: &[u8], now_ms: u64) {
        let keep_ms = u64::from(self.memory.seconds) * 1000;
        let Some(at) = self.by_name.get_mut(producer) else { return };
        while let Some(oldest) = at.order.front() {
            if at.entries[oldest].ms.saturating_add(keep_ms) > now_ms {
                return;
            }
            at.drop_oldest(&mut self.tracked, &mut self.heap);
        }
        self.by_name.remove(producer);
        self.heap -= SHARE + producer.len();
    }

    /// All that is remembered: each producer and its messages with their entries, the oldest first.
    pub fn by_producer(
        &self,
    ) -> impl Iterator<Item = (&[u8], impl ExactSizeIterator<Item = (&[u8], Id)>)> {
        self.by_name.iter().map(|(name, at)| {
            (&name[..], at.order.iter().map(|message| (&message[..], at.entries[message])))
        })
    }
}

impl Producer {
    fn drop_oldest(&mut self, tracked: &mut usize, heap: &mut usize) {
        if let Some(message) = self.order.pop_front() {
            self.entries.remove(&message);
            *tracked -= 1;
            *heap -= SHARE + 2 * message.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_old_or_too_much_is_forgotten() {
        let mut all = Producers::new(Memory { seconds: 10, messages: 2 });
        for number in 1..=3 {
            all.record(b"p", &[number], Id::new(u64::from(number) * 1000, 0));
        }
        all.record(b"q", b"1", Id::new(1000, 1));
        assert_eq!((all.find(b"p", &[1]), all.find(b"q", b"1")), (None, Some(Id::new(1000, 1))));
        assert_eq!((all.len(), all.tracked(), all.counts()), (2, 3, (4, 0)));
        all.expire(b"p", 12_000);
        assert_eq!((all.find(b"p", &[2]), all.find(b"p", &[3])), (None, Some(Id::new(3000, 0))));
        all.expire(b"p", 13_000);
        assert_eq!((all.len(), all.tracked()), (1, 1));
        all.expire(b"q", 13_000);
        assert_eq!((all.heap(), all.is_empty()), (0, true));
    }

    #[test]
    fn where_nothing_is_kept_nobody_is() {
        let mut all = Producers::new(Memory { seconds: 10, messages: 0 });
        all.record(b"p", b"1", Id::new(1, 0));
        assert_eq!((all.is_empty(), all.heap(), all.counts()), (true, 0, (1, 0)));
    }

    #[test]
    fn another_memory_is_an_empty_one() {
        let mut all = Producers::new(Memory::default());
        all.record(b"p", b"1", Id::new(1, 0));
        all.set_memory(Memory::default());
        assert_eq!(all.by_producer().flat_map(|(_, messages)| messages).count(), 1);
        all.set_memory(Memory { seconds: 5, messages: 100 });
        assert_eq!(
            (all.by_producer().flat_map(|(_, messages)| messages).count(), all.counts()),
            (0, (1, 0))
        );
    }
}

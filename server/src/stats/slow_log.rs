//! Commands that stood out: slow ones, large requests, large replies.
//!
//! Owns: three lists, the newest entry first.   Uses: nothing.   Never: decides what stands out.
//!
//! An entry keeps the beginning of the request, so that it takes some 5 KiB at most; as many are kept as the
//! settings say.

use std::collections::VecDeque;

/// Words that an entry keeps; of more the last one says how many there were.
const MOST_WORDS: usize = 32;
/// Bytes of a word that an entry keeps.
const MOST_BYTES: usize = 128;

/// In which way a command stood out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It took long.
    Slow,
    /// Its request was large.
    LargeRequest,
    /// Its reply was.
    LargeReply,
}

impl Reason {
    /// All of them.
    pub const ALL: [Reason; 3] = [Reason::Slow, Reason::LargeRequest, Reason::LargeReply];
}

/// A command that stood out.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Counts up from 0 in each list, for as long as the server runs.
    pub id: u64,
    /// When it was over, in seconds since 1970.
    pub at: i64,
    /// By how much: microseconds, or bytes.
    pub value: u64,
    /// The request.
    pub words: Box<[Box<[u8]>]>,
    /// The client's address.
    pub peer: Box<str>,
    /// What the client calls itself.
    pub name: Box<[u8]>,
}

/// One list.
#[derive(Debug, Default)]
struct List {
    entries: VecDeque<Entry>,
    next_id: u64,
}

/// The three lists.
#[derive(Debug, Default)]
pub struct SlowLog {
    lists: [List; Reason::ALL.len()],
}

impl SlowLog {
    /// Adds an entry, whose number is given to it here, and forgets the oldest beyond `most`.
    pub fn add(&mut self, reason: Reason, entry: Entry, most: u64) {
        let list = &mut self.lists[reason as usize];
        list.entries.push_front(Entry { id: list.next_id, ..entry });
        list.next_id += 1;
        self.shorten(reason, most);
    }

    /// Forgets the oldest entries beyond `most`.
    pub fn shorten(&mut self, reason: Reason, most: u64) {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let entries = &mut self.lists[reason as usize].entries;
        if entries.len() > most {
            entries.truncate(most);
            entries.shrink_to(most);
        }
    }

    /// Forgets all entries of a list; its numbers go on.
    pub fn clear(&mut self, reason: Reason) {
        self.lists[reason as usize].entries = VecDeque::new();
    }

    /// How many entries there are.
    pub fn len(&self, reason: Reason) -> usize {
        self.lists[reason as usize].entries.len()
    }

    /// The entries, the newest first.
    pub fn entries(&self, reason: Reason) -> impl Iterator<Item = &Entry> {
        self.lists[reason as usize].entries.iter()
    }
}

/// The beginning of a request, as an entry keeps it.
pub fn beginning<'a>(words: impl ExactSizeIterator<Item = &'a [u8]>) -> Box<[Box<[u8]>]> {
    let count = words.len();
    let kept = if count > MOST_WORDS { MOST_WORDS - 1 } else { count };
    let more = (count > kept).then(|| format!("... ({} more arguments)", count - kept));
    words.take(kept).map(cut).chain(more.map(|text| text.into_bytes().into())).collect()
}

fn cut(word: &[u8]) -> Box<[u8]> {
    match word.get(..MOST_BYTES) {
        Some(start) if word.len() > MOST_BYTES => {
            let more = format!("... ({} more bytes)", word.len() - MOST_BYTES);
            [start, more.as_bytes()].concat().into()
        }
        _ => word.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(value: u64) -> Entry {
        let words = beginning([b"PING".as_slice()].into_iter());
        Entry { id: 0, at: 1, value, words, peer: "".into(), name: [].into() }
    }

    #[test]
    fn the_oldest_go_and_numbers_go_on() {
        let mut log = SlowLog::default();
        for value in 0..5 {
            log.add(Reason::Slow, entry(value), 3);
        }
        let seen: Vec<_> = log.entries(Reason::Slow).map(|entry| (entry.id, entry.value)).collect();
        assert_eq!(seen, [(4, 4), (3, 3), (2, 2)]);
        log.clear(Reason::Slow);
        log.add(Reason::Slow, entry(9), 3);
        assert_eq!(log.entries(Reason::Slow).next().map(|entry| entry.id), Some(5));
        log.add(Reason::LargeReply, entry(9), 0);
        assert_eq!([1, 0, 0], Reason::ALL.map(|reason| log.len(reason)));
    }

    #[test]
    fn long_requests_are_cut() {
        let shown = |words: &[&[u8]]| {
            let text = |word: &[u8]| String::from_utf8_lossy(word).into_owned();
            beginning(words.iter().copied()).iter().map(|word| text(word)).collect::<Vec<_>>()
        };
        assert_eq!(shown(&[b"k".as_slice(); 32]), ["k"; 32]);
        let cut = shown(&[b"k".as_slice(); 33]);
        assert_eq!((cut.len(), cut[31].as_str()), (32, "... (2 more arguments)"));
        assert_eq!(shown(&[&[b'x'; 128]]), ["x".repeat(128)]);
        assert_eq!(shown(&[&[b'x'; 300]]), ["x".repeat(128) + "... (172 more bytes)"]);
    }
}

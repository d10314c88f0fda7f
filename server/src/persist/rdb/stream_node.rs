//! A node of a stream: some entries in one listpack, as every version of the format has them.
//!
//! Owns: the order of the elements.   Uses: listpack, flaw.   Never: the rest of a stream, writes one.
//!
//! ```text
//!   the node's name: milliseconds (8)  sequence (8)        big-endian; entries count from it
//!   the listpack:
//!     live  deleted  n  name 1 ... name n  0                                          what entries share
//!     flags  +ms  +sequence  value 1 ... value n                  elements            an entry with these names
//!     flags  +ms  +sequence  n  name value ... name value         elements            an entry with others
//!
//!   flags: 1 deleted, 2 with the shared names;   elements: how many there were of this entry
//! ```

use super::flaw::Flaw;
use super::listpack::Listpack;
use crate::value::packed::Element;
use crate::value::stream::Id;

const DELETED: i64 = 1;
const SHARED_NAMES: i64 = 2;

/// The live entries of a node of unknown origin, in order. Gives the first flaw and then nothing.
#[derive(Clone, Debug)]
pub struct Node<'a> {
    base: Id,
    /// The shared names and all behind.
    names: Listpack<'a>,
    names_len: u64,
    entries: Listpack<'a>,
    before: Option<Id>,
    live: u64,
    deleted: u64,
    over: bool,
}

/// An entry that is not deleted.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// Its identity.
    pub id: Id,
    /// Names and values.
    pub fields: Fields<'a>,
}

/// The fields of an entry.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    /// The shared names, if it has these.
    names: Option<Listpack<'a>>,
    rest: Listpack<'a>,
    left: u64,
}

impl<'a> Node<'a> {
    /// The node of this name in `bytes`. O(shared names).
    ///
    /// # Errors
    /// What stands in front of the entries is flawed.
    pub fn open(name: &[u8], bytes: &'a [u8]) -> Result<Node<'a>, Flaw> {
        let base = id(name).ok_or(Flaw("a stream's node has a name of another length"))?;
        let mut head = Listpack::open(bytes)?;
        let (live, deleted) = (count(&mut head)?, count(&mut head)?);
        let names_len = count(&mut head)?;
        let names = head.clone();
        for _ in 0..names_len {
            head.demand()?;
        }
        if head.number()? != 0 {
            return Err(Flaw("a stream's node does not end its names"));
        }
        Ok(Node { base, names, names_len, entries: head, before: None, live, deleted, over: false })
    }

    /// The next entry that is not deleted.
    fn read(&mut self) -> Result<Option<Entry<'a>>, Flaw> {
        while let Some(flags) = self.entries.next() {
            let Element::Int(flags) = flags? else {
                return Err(Flaw("a stream's entry has text in the place of its flags"));
            };
            let is_deleted = flags & DELETED != 0;
            let left = if is_deleted { &mut self.deleted } else { &mut self.live };
            let wrong = Flaw("a stream's node has not as many entries as it states");
            *left = left.checked_sub(1).ok_or(wrong)?;
            let entry = self.entry(flags & SHARED_NAMES != 0)?;
            if !is_deleted {
                return Ok(Some(entry));
            }
        }
        if (self.live, self.deleted) != (0, 0) {
            return Err(Flaw("a stream's node has not as many entries as it states"));
        }
        Ok(None)
    }

    fn entry(&mut self, shared_names: bool) -> Result<Entry<'a>, Flaw> {
        let (ms, sequence) = (self.entries.number()?, self.entries.number()?);
        // The difference of two numbers of 64 bits, so it may have gone round.
        let Id { ms: base_ms, seq } = self.base;
        let id = Id::new(base_ms.wrapping_add_signed(ms), seq.wrapping_add_signed(sequence));
        if self.before.replace(id).is_some_and(|before| before >= id) {
            return Err(Flaw("a stream's entries are not in order"));
        }
        let (len, per_field, more) =
            if shared_names { (self.names_len, 1, 3) } else { (count(&mut self.entries)?, 2, 4) };
        let names = shared_names.then(|| self.names.clone());
        let fields = Fields { names, rest: self.entries.clone(), left: len };
        let elements = len.checked_mul(per_field).filter(|&elements| elements > 0);
        let elements = elements.ok_or(Flaw("a stream's entry has no fields"))?;
        for _ in 0..elements {
            self.entries.demand()?;
        }
        if count(&mut self.entries)? != elements + more {
            return Err(Flaw("a stream's entry has not as many elements as it states"));
        }
        Ok(Entry { id, fields })
    }
}

/// The identity that a name of 16 bytes says.
pub fn id(name: &[u8]) -> Option<Id> {
    let (ms, sequence) = name.split_first_chunk::<8>()?;
    Some(Id::new(u64::from_be_bytes(*ms), u64::from_be_bytes(sequence.try_into().ok()?)))
}

fn count(elements: &mut Listpack<'_>) -> Result<u64, Flaw> {
    let negative = Flaw("a stream's node has a negative count");
    u64::try_from(elements.number()?).map_err(|_| negative)
}

impl<'a> Iterator for Node<'a> {
    type Item = Result<Entry<'a>, Flaw>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let read = self.read();
        self.over = !matches!(read, Ok(Some(_)));
        read.transpose()
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (Element<'a>, Element<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        // The node has read past these elements already, so none is missing or flawed.
        let name = match &mut self.names {
            Some(names) => names.next()?,
            None => self.rest.next()?,
        };
        Some((name.ok()?, self.rest.next()?.ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::text::Scratch;
    use proptest::prelude::*;

    type Seen = (Id, Vec<(String, String)>);

    fn entries(name: &[u8], bytes: &[u8]) -> Result<Vec<Seen>, Flaw> {
        let text = |element: Element<'_>| {
            String::from_utf8_lossy(element.text(&mut Scratch::default())).into_owned()
        };
        let seen = |entry: Entry<'_>| {
            let fields: Vec<_> =
                entry.fields.map(|(name, value)| (text(name), text(value))).collect();
            (entry.id, fields)
        };
        Node::open(name, bytes)?.map(|entry| entry.map(seen)).collect()
    }

    const NAME: &[u8] = b"\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01";
    /// 1-1 {a: 1, b: 2}, 1-2 {a: 3, b: 4} deleted, 2-0 {c: 5}; of a real server.
    const NODE: &[u8] = b"\x3d\0\0\0\x19\0\x02\x01\x01\x01\x02\x01\x81a\x02\x81b\x02\0\x01\
        \x02\x01\0\x01\0\x01\x01\x01\x02\x01\x05\x01\x03\x01\0\x01\x01\x01\x03\x01\x04\x01\x05\x01\
        \0\x01\x01\x01\xdf\xff\x02\x01\x01\x81c\x02\x05\x01\x06\x01\xff";

    #[test]
    fn what_redis_wrote_is_read() {
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected = vec![
            (Id::new(1, 1), vec![field("a", "1"), field("b", "2")]),
            (Id::new(2, 0), vec![field("c", "5")]),
        ];
        assert_eq!(entries(NAME, NODE), Ok(expected));
        // The sequence of the second entry goes round.
        let last = [[0, 0, 0, 0, 0, 0, 0, 1], [255; 8]].concat();
        let found = entries(&last, NODE).map(|all| all.iter().map(|(id, _)| *id).collect());
        assert_eq!(found, Err::<Vec<Id>, _>(Flaw("a stream's entries are not in order")));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let flaw = |at: usize, byte: u8| {
            let mut bytes = NODE.to_vec();
            bytes[at] = byte;
            entries(NAME, &bytes).err().map(|flaw| flaw.0)
        };
        let counts = Some("a stream's node has not as many entries as it states");
        assert_eq!(flaw(6, 1), counts);
        assert_eq!(flaw(6, 3), counts);
        assert_eq!(flaw(8, 0), counts);
        assert_eq!(flaw(18, 1), Some("a stream's node does not end its names"));
        assert_eq!(flaw(22, 9), Some("a stream's entries are not in order"));
        assert_eq!(flaw(30, 4), Some("a stream's entry has not as many elements as it states"));
        assert_eq!(flaw(10, 0), Some("a listpack has text in the place of a number"));
        let short = entries(&NAME[1..], NODE).err();
        assert_eq!(short, Some(Flaw("a stream's node has a name of another length")));
    }

    proptest! {
        #[test]
        fn damage_is_refused_or_read(changes in proptest::collection::vec((0usize..61, any::<u8>()), 1..5)) {
            let mut bytes = NODE.to_vec();
            changes.iter().for_each(|&(at, byte)| bytes[at] = byte);
            if let Ok(entries) = entries(NAME, &bytes) {
                prop_assert!(entries.is_sorted_by(|(a, _), (b, _)| a < b));
            }
        }
    }
}

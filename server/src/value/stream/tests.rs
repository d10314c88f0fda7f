//! A stream must agree with a plain map.
//!
//! Owns: the model.   Uses: Stream.   Never: commands.

use super::*;
use crate::value::packed::Element;
use crate::value::text::Scratch;
use proptest::prelude::*;

type Words = Vec<Vec<u8>>;
type Model = BTreeMap<Id, Words>;

fn text(element: Element<'_>) -> Vec<u8> {
    element.text(&mut Scratch::default()).to_vec()
}

fn words_of(entry: Entry<'_>) -> Words {
    let words: Words = entry.pairs().flat_map(|(name, value)| [text(name), text(value)]).collect();
    assert_eq!(words.len(), 2 * entry.len());
    words
}

fn limits(entries: usize, bytes: usize) -> Limits {
    Limits { stream_node_entries: entries, stream_node_bytes: bytes, ..Limits::default() }
}

fn append(stream: &mut Stream, id: Id, words: &[Vec<u8>], limits: &Limits) {
    stream.append(id, words.iter().map(|word| &word[..]), limits).unwrap();
}

fn same(stream: &Stream, model: &Model, from: Id, to: Id) {
    let wanted = || model.iter().filter(|(id, _)| (from..=to).contains(id));
    let forward = stream.range(from, to).map(|entry| (entry.id, words_of(entry)));
    assert!(forward.eq(wanted().map(|(id, words)| (*id, words.clone()))));
    let back = stream.back(from, to).map(|entry| (entry.id, words_of(entry)));
    assert!(back.eq(wanted().rev().map(|(id, words)| (*id, words.clone()))));
}

fn check(stream: &Stream, model: &Model) {
    assert_eq!(stream.len(), model.len());
    assert_eq!(stream.first_id(), model.keys().next().copied().unwrap_or(Id::MIN));
    let last = model.keys().next_back().copied();
    assert_eq!(stream.last().map(|entry| entry.id), last);
    same(stream, model, Id::MIN, Id::MAX);
    let blocks = stream.log.all_blocks();
    let heap: usize = blocks.map(|block| block.heap()).sum();
    let shares = stream.log.blocks().saturating_sub(1)..=stream.log.blocks();
    assert!(shares.contains(&((stream.log.heap() - heap) / log::NODE_SHARE)));
    let group_heap = stream.groups().map(|(name, group)| group.heap() + group_share(name));
    assert_eq!(stream.group_heap, group_heap.sum::<usize>());
    stream.groups().for_each(|(_, group)| group.check());
}

#[derive(Clone, Debug)]
enum Step {
    Append(u8, u8, Words),
    Delete(u16),
    Cut(u64, Option<u64>, u8),
    CutBefore(u16, Option<u64>, u8),
    Range(u16, u16),
    Deliver(u8, u8),
    Acknowledge(u8, u16),
    Claim(u8, u8, u16),
    Release(u8, u16),
    Leave(u8, u8),
}

fn word() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        "(temp|unit|seq)".prop_map(String::into_bytes),
        any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        proptest::collection::vec(any::<u8>(), 0..40),
    ]
}

fn pairs() -> impl Strategy<Value = Words> {
    let usual = (any::<u16>(), any::<u8>()).prop_map(|(temp, unit)| {
        ["temp".into(), temp.to_string(), "unit".into(), unit.to_string()]
            .map(String::into_bytes)
            .to_vec()
    });
    let any = proptest::collection::vec((word(), word()), 1..4);
    let any = any.prop_map(|pairs| pairs.into_iter().flat_map(|(a, b)| [a, b]).collect());
    prop_oneof![3 => usual, 1 => any]
}

fn step() -> impl Strategy<Value = Step> {
    let limit = || proptest::option::of(0u64..30);
    prop_oneof![
        12 => (0u8..4, 0u8..4, pairs()).prop_map(|(ms, seq, words)| Step::Append(ms, seq, words)),
        3 => any::<u16>().prop_map(Step::Delete),
        1 => (0u64..60, limit(), 0u8..3).prop_map(|(len, limit, refs)| Step::Cut(len, limit, refs)),
        1 => (any::<u16>(), limit(), 0u8..3).prop_map(|(at, limit, refs)| Step::CutBefore(at, limit, refs)),
        2 => (any::<u16>(), any::<u16>()).prop_map(|(from, to)| Step::Range(from, to)),
        3 => (0u8..2, 0u8..3).prop_map(|(group, who)| Step::Deliver(group, who)),
        3 => (0u8..2, any::<u16>()).prop_map(|(group, at)| Step::Acknowledge(group, at)),
        2 => (0u8..2, 0u8..3, any::<u16>()).prop_map(|(group, who, at)| Step::Claim(group, who, at)),
        1 => (0u8..2, any::<u16>()).prop_map(|(group, at)| Step::Release(group, at)),
        1 => (0u8..2, 0u8..3).prop_map(|(group, who)| Step::Leave(group, who)),
    ]
}

/// A stream, a plain map of its entries, and for each group who has what.
struct Both {
    stream: Box<Stream>,
    model: Model,
    waiting: [BTreeMap<Id, Option<u8>>; 2],
    limits: Limits,
}

impl Both {
    fn new(limits: Limits) -> Both {
        let mut stream = Stream::new();
        stream.add_group(&[0], Group::new(Id::MIN, Some(0)));
        stream.add_group(&[1], Group::new(Id::MIN, None));
        Both { stream, model: Model::new(), waiting: Default::default(), limits }
    }

    fn pick(&self, at: u16) -> Id {
        let some = self.model.keys().nth(usize::from(at) % self.model.len().max(1));
        some.copied().unwrap_or(Id::new(3, 3))
    }

    fn play(&mut self, step: &Step) {
        match step {
            Step::Append(ms, seq, words) => self.append(*ms, *seq, words),
            Step::Delete(at) => {
                let id = self.pick(*at);
                assert_eq!(self.stream.has(id), self.model.contains_key(&id));
                assert_eq!(self.stream.delete(id), self.model.remove(&id).is_some());
            }
            Step::Cut(len, limit, refs) => self.trim(Until::Len(*len), *limit, *refs),
            Step::CutBefore(at, limit, refs) => {
                self.trim(Until::Id(self.pick(*at)), *limit, *refs);
            }
            Step::Range(from, to) => {
                same(&self.stream, &self.model, self.pick(*from), self.pick(*to))
            }
            Step::Deliver(group, who) => self.deliver(*group, *who),
            Step::Acknowledge(group, at) => {
                let id = self.pick(*at);
                let done = self.stream.edit_group(&[*group], |group, _| group.acknowledge(id));
                assert_eq!(done, Some(self.waiting[usize::from(*group)].remove(&id).is_some()));
            }
            Step::Claim(group, who, at) => {
                let id = self.pick(*at);
                let claim = |group: &mut Group, _: Position<'_>| {
                    let (owner, _) = group.make_consumer(&[*who], 1);
                    group.assign(id, owner, i64::from(*at), 2);
                };
                self.stream.edit_group(&[*group], claim);
                self.waiting[usize::from(*group)].insert(id, Some(*who));
            }
            Step::Release(group, at) => {
                let id = self.pick(*at);
                self.stream.edit_group(&[*group], |group, _| group.release(id, 0));
                self.waiting[usize::from(*group)].insert(id, None);
            }
            Step::Leave(group, who) => {
                self.stream.edit_group(&[*group], |group, _| group.remove_consumer(&[*who]));
                self.waiting[usize::from(*group)].retain(|_, owner| *owner != Some(*who));
            }
        }
    }

    fn append(&mut self, ms: u8, seq: u8, words: &Words) {
        let last = self.stream.last_id();
        let id = if ms == 0 {
            Id::new(last.ms, last.seq + 1 + u64::from(seq))
        } else {
            Id::new(last.ms + u64::from(ms) * 100, seq.into())
        };
        append(&mut self.stream, id, words, &self.limits);
        self.model.insert(id, words.clone());
    }

    fn trim(&mut self, until: Until, approximate: Option<u64>, refs: u8) {
        let refs = [Refs::Keep, Refs::Drop, Refs::Respect][usize::from(refs)];
        let is_done = |id: Id, both: &Both| {
            (0..2).all(|group| {
                let reached = both.stream.group(&[group]).unwrap().last >= id;
                reached && !both.waiting[usize::from(group)].contains_key(&id)
            })
        };
        let goes = |id: Id, left: usize| match until {
            Until::Len(len) => left as u64 > len,
            Until::Id(end) => id < end,
        };
        let mut left = self.model.len();
        let mut gone = Vec::new();
        for id in self.model.keys() {
            if goes(*id, left) && (refs != Refs::Respect || is_done(*id, self)) {
                gone.push(*id);
                left -= 1;
            }
        }
        let taken = self.stream.trim(Trim { until, approximate, refs });
        if approximate.is_none() {
            assert_eq!(taken, gone.len() as u64);
        } else {
            assert!(taken <= gone.len() as u64);
            gone.retain(|id| !self.stream.has(*id));
            assert_eq!(taken, gone.len() as u64);
        }
        for id in gone {
            self.model.remove(&id);
            if refs == Refs::Drop {
                self.waiting.iter_mut().for_each(|waiting| {
                    waiting.remove(&id);
                });
            }
        }
    }

    fn deliver(&mut self, group: u8, who: u8) {
        let next = |group: &mut Group, position: Position<'_>| {
            let after = group.last.next()?;
            let id = position.range(after, Id::MAX).next()?.id;
            position.advance(group, id);
            let (owner, _) = group.make_consumer(&[who], 1);
            group.assign(id, owner, 1, 1);
            Some(id)
        };
        let last = self.stream.group(&[group]).unwrap().last;
        let wanted = self.model.keys().find(|id| **id > last).copied();
        assert_eq!(self.stream.edit_group(&[group], next), Some(wanted));
        if let Some(id) = wanted {
            self.waiting[usize::from(group)].insert(id, Some(who));
        }
    }

    fn check(&self) {
        check(&self.stream, &self.model);
        for (number, waiting) in (0..).zip(&self.waiting) {
            let group = self.stream.group(&[number]).unwrap();
            let seen = group
                .range(Id::MIN, Id::MAX)
                .map(|(id, pending)| (id, pending.owner.map(|owner| group.at(owner).name[0])));
            assert!(seen.eq(waiting.iter().map(|(id, owner)| (*id, *owner))));
        }
    }
}

proptest! {
    #[test]
    fn agrees_with_a_plain_map(
        steps in proptest::collection::vec(step(), 0..300),
        entries in 0usize..12,
        bytes in prop_oneof![Just(0usize), 1usize..200],
    ) {
        let mut both = Both::new(limits(entries, bytes));
        for step in &steps {
            both.play(step);
        }
        both.check();
        while let Some((id, _)) = both.model.pop_first() {
            assert!(both.stream.delete(id));
        }
        both.check();
        assert_eq!(both.stream.log.heap(), 0);
    }
}

#[test]
fn a_usual_entry_takes_little() {
    let mut stream = Stream::new();
    for number in 0..100_000u64 {
        let text = format!(
            "sensor {} temp {} hum {} unit c seq {number}",
            number % 100,
            number % 40,
            number % 90
        );
        let words: Words = text.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        append(
            &mut stream,
            Id::new(1_700_000_000_000 + number / 50, number % 50),
            &words,
            &Limits::default(),
        );
    }
    let each = stream.heap() as f64 / 1e5;
    assert!(each < 20.0, "{each} bytes");
    assert_eq!(stream.blocks(), 1000);
}

#[test]
fn what_is_left_to_read() {
    let mut stream = Stream::new();
    let words = [b"a".to_vec(), b"b".to_vec()];
    for ms in 1..=5 {
        append(&mut stream, Id::new(ms, 0), &words, &Limits::default());
    }
    stream.add_group(b"g", Group::new(Id::MIN, Some(0)));
    let lag = |stream: &Stream| stream.lag(stream.group(b"g").unwrap());
    assert_eq!(lag(&stream), Some(5));
    stream.edit_group(b"g", |group, position| position.advance(group, Id::new(1, 0)));
    assert_eq!(lag(&stream), Some(4));
    stream.delete(Id::new(3, 0));
    assert_eq!(lag(&stream), None);
    stream.edit_group(b"g", |group, position| position.advance(group, Id::new(5, 0)));
    assert_eq!(lag(&stream), Some(0));
}

//! Target: any bytes are a program for a stream, whose entries must agree with a plain map and whose group with a plain
//! list of deliveries.
//!
//! Owns: the meaning of the bytes.   Uses: the stream.   Never: a keyspace, a server.

use super::program::Program;
use lodestore_server::value::limits::Limits;
use lodestore_server::value::packed::Element;
use lodestore_server::value::stream::{Entry, Group, Id, Refs, Stream, Trim, Until};
use lodestore_server::value::text::Scratch;
use std::collections::BTreeMap;

type Words = Vec<Vec<u8>>;
type Known = BTreeMap<Id, Words>;

/// Names and values: mostly the same names, numbers, texts, long ones.
fn words(program: &mut Program<'_>) -> Words {
    let pairs = usize::from(program.byte() % 4) + 1;
    let word = |program: &mut Program<'_>, name: bool| match program.byte() {
        0..120 if name => b"temp".to_vec(),
        0..120 => program.word().to_string().into_bytes(),
        120..240 => vec![program.byte(); usize::from(program.byte() % 90)],
        _ => vec![program.byte(); usize::from(program.word() % 5000)],
    };
    (0..2 * pairs).map(|at| word(program, at % 2 == 0)).collect()
}

fn owned(entry: Entry<'_>) -> (Id, Words) {
    let text = |element: Element<'_>| element.text(&mut Scratch::default()).to_vec();
    (entry.id, entry.pairs().flat_map(|(name, value)| [text(name), text(value)]).collect())
}

fn pick(known: &Known, at: u16) -> Id {
    let some = known.keys().nth(usize::from(at) % known.len().max(1));
    some.copied().unwrap_or(Id::new(1, 1))
}

fn step(
    stream: &mut Stream,
    known: &mut Known,
    waiting: &mut BTreeMap<Id, u8>,
    limits: &Limits,
    program: &mut Program<'_>,
) {
    match program.byte() % 16 {
        0..=7 => {
            let (last, jump) = (stream.last_id(), u64::from(program.word()));
            let id = if jump.is_multiple_of(3) {
                Id::new(last.ms + jump, jump % 5)
            } else {
                Id::new(last.ms, last.seq + jump)
            };
            let words = words(program);
            if id > last {
                let added = stream.append(id, words.iter().map(|word| &word[..]), limits);
                assert!(added.is_ok());
                known.insert(id, words);
            }
        }
        8 | 9 => {
            let id = pick(known, program.word());
            assert_eq!(stream.delete(id), known.remove(&id).is_some());
        }
        10 => {
            let len = u64::from(program.byte());
            stream.trim(Trim { until: Until::Len(len), approximate: None, refs: Refs::Keep });
            while known.len() as u64 > len {
                known.pop_first();
            }
        }
        11 => {
            let id = pick(known, program.word());
            let (until, approximate) = (Until::Id(id), Some(u64::from(program.byte())));
            stream.trim(Trim { until, approximate, refs: Refs::Keep });
            assert!(known.range(id..).all(|(id, _)| stream.has(*id)));
            known.retain(|id, _| stream.has(*id));
        }
        12 | 13 => {
            let (id, who) = (pick(known, program.word()), program.byte() % 4);
            stream.edit_group(b"g", |group, _| {
                let (owner, _) = group.make_consumer(&[who], 0);
                group.assign(id, owner, who.into(), 1);
            });
            waiting.insert(id, who);
        }
        14 => {
            let id = pick(known, program.word());
            let done = stream.edit_group(b"g", |group, _| group.acknowledge(id));
            assert_eq!(done, Some(waiting.remove(&id).is_some()));
        }
        _ => {
            let who = program.byte() % 4;
            stream.edit_group(b"g", |group, _| group.remove_consumer(&[who]));
            waiting.retain(|_, owner| *owner != who);
        }
    }
}

fn check(stream: &Stream, known: &Known, waiting: &BTreeMap<Id, u8>) {
    assert_eq!(stream.len(), known.len());
    assert!(stream.range(Id::MIN, Id::MAX).map(owned).eq(known.clone()));
    assert!(stream.back(Id::MIN, Id::MAX).map(owned).eq(known.clone().into_iter().rev()));
    let group = stream.group(b"g").expect("nobody removes it");
    let seen = group
        .range(Id::MIN, Id::MAX)
        .map(|(id, pending)| (id, pending.owner.map(|owner| group.at(owner).name[0])));
    assert!(seen.eq(waiting.iter().map(|(id, who)| (*id, Some(*who)))));
    assert_eq!(group.by_time().count(), waiting.len());
}

/// Runs a program.
pub fn run(data: &[u8]) {
    let mut program = Program::new(data);
    let entries = usize::from(program.byte() % 12);
    let bytes = usize::from(program.byte()) * 20;
    let limits =
        Limits { stream_node_entries: entries, stream_node_bytes: bytes, ..Limits::default() };
    let mut stream = Stream::new();
    stream.add_group(b"g", Group::new(Id::MIN, None));
    let (mut known, mut waiting) = (Known::new(), BTreeMap::new());
    let mut steps = 0;
    while !program.is_over() {
        step(&mut stream, &mut known, &mut waiting, &limits, &mut program);
        steps += 1;
        if steps % 256 == 0 {
            check(&stream, &known, &waiting);
        }
    }
    check(&stream, &known, &waiting);
}

/// Programs to begin with.
pub fn seeds() -> Vec<Vec<u8>> {
    let bytes = |factor: u32| (0..4_000u32).map(|n| (n.wrapping_mul(factor) >> 7) as u8).collect();
    vec![Vec::new(), bytes(2_654_435_761), bytes(40_503), bytes(97)]
}

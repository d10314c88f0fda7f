//! Target: any bytes are a program for a hash, which must agree with a plain map of values and times after each step.
//!
//! Owns: the meaning of the bytes.   Uses: the hash.   Never: a keyspace, a server.

use super::program::Program;
use lodestore_server::base::random::Rng;
use lodestore_server::value::hash::{Hash, Pair, Until};
use lodestore_server::value::limits::Limits;
use lodestore_server::value::text::Scratch;
use std::collections::BTreeMap;

type Known = BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>;

/// Names that are numbers, texts, and long.
fn name(program: &mut Program<'_>) -> Vec<u8> {
    let number = program.word() % 3000;
    match number % 7 {
        0..=2 => number.to_string().into_bytes(),
        3 | 4 => format!("field:{number}").into_bytes(),
        5 => vec![number as u8; usize::from(number % 90)],
        _ => (i64::from(number) * -5_000_000_000).to_string().into_bytes(),
    }
}

fn until(program: &mut Program<'_>) -> Until {
    match program.byte() {
        0..150 => Until::Ever,
        150..200 => Until::AsBefore,
        byte => Until::At(byte.into()),
    }
}

fn owned(pair: Pair<'_>) -> (Vec<u8>, (Vec<u8>, Option<i64>)) {
    let text = |element: lodestore_server::value::packed::Element<'_>| {
        element.text(&mut Scratch::default()).to_vec()
    };
    (text(pair.name), (text(pair.value), pair.deadline))
}

fn step(hash: &mut Hash, known: &mut Known, limits: &Limits, program: &mut Program<'_>) {
    match program.byte() % 16 {
        0..=7 => {
            let (name, value) = (name(program), name(program));
            let until = until(program);
            let is_new = hash.set(&name, &value, until, limits);
            let before = known.get(&name).and_then(|(_, deadline)| *deadline);
            let deadline = match until {
                Until::Ever => None,
                Until::AsBefore => before,
                Until::At(deadline) => Some(deadline),
            };
            assert_eq!(is_new, known.insert(name, (value, deadline)).is_none());
        }
        8..=11 => {
            let name = name(program);
            assert_eq!(hash.remove(&name), known.remove(&name).is_some());
        }
        12 => {
            let (name, byte) = (name(program), program.byte());
            let deadline = (byte >= 150).then_some(byte.into());
            hash.set_deadline(&name, deadline, limits);
            known.entry(name).and_modify(|(_, known)| *known = deadline);
        }
        13 => {
            let now_ms = program.byte().into();
            if let Some(name) = hash.pop_due(now_ms) {
                let gone = known.remove(&*name);
                assert!(
                    gone.is_some_and(|(_, deadline)| deadline < Some(now_ms) && deadline.is_some())
                );
            } else {
                let past =
                    |deadline: &Option<i64>| deadline.is_some_and(|deadline| deadline < now_ms);
                assert!(!known.values().any(|(_, deadline)| past(deadline)));
            }
        }
        14 => *hash = hash.as_ref().to_owned(),
        _ => {
            let name = name(program);
            let found = hash.as_ref().find(&name).map(|pair| owned(pair).1);
            assert_eq!(found.as_ref(), known.get(&name));
        }
    }
    assert_eq!(hash.as_ref().len(), known.len());
}

pub fn run(bytes: &[u8]) {
    let mut program = Program::new(bytes);
    let limits = Limits { hash_entries: program.byte().into(), ..Limits::default() };
    let (mut hash, mut known) = (Hash::new(), Known::new());
    while !program.is_over() {
        step(&mut hash, &mut known, &limits, &mut program);
    }
    assert_eq!(hash.as_ref().iter().map(owned).collect::<Known>(), known);
    let times = || known.values().filter_map(|(_, deadline)| *deadline);
    assert_eq!(hash.as_ref().timed(), times().count());
    assert_eq!(hash.as_ref().soonest_deadline(), times().min());
}

pub fn seeds() -> Vec<Vec<u8>> {
    let mut rng = Rng::new(2);
    (4..11).map(|power| (0..6 * (1 << power)).map(|_| rng.next_u64() as u8).collect()).collect()
}

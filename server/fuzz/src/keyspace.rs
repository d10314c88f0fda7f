//! Target: any bytes are a program for the keyspace, which must agree with a plain map after each step.
//!
//! Owns: the meaning of the bytes.   Uses: the keyspace.   Never: a server, a socket.

use super::program::Program;
use lodestore_server::base::blob::Blob;
use lodestore_server::base::random::{KeyHasher, Rng};
use lodestore_server::keyspace::{Db, EntryRef, Keyspace, Stretch};
use lodestore_server::value::text::Scratch;
use lodestore_server::value::{Put, PutText, ValueRef};
use std::collections::BTreeMap;

type Known = BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>;

fn text(entry: EntryRef<'_>) -> Vec<u8> {
    let ValueRef::Text(text) = entry.value() else { panic!("only strings are put") };
    text.bytes(&mut Scratch::default()).to_vec()
}

/// Keys of usual and unusual lengths.
fn key(number: u16) -> Vec<u8> {
    let mut key = format!("key:{number}").into_bytes();
    match number % 61 {
        0 => key.resize(4090 + usize::from(number % 11), b'k'),
        1 => key.resize(9000, b'k'),
        2 => key.truncate(usize::from(number % 3)),
        _ => {}
    }
    key
}

fn step(keyspace: &mut Keyspace, known: &mut Known, program: &mut Program<'_>) {
    let (what, number, fill) = (program.byte(), program.word(), program.byte());
    let bytes = key(number % 20_000);
    let copy = bytes.clone();
    let key = keyspace.key(&copy);
    if what % 16 == 14 {
        return keyspace.set_child_alive(fill.is_multiple_of(2));
    }
    let db = keyspace.db_mut(0);
    let longest = [20, 100, 1100, 9000][usize::from(fill % 4)];
    let value = vec![fill; usize::from(program.word()) % longest];
    let deadline = fill.is_multiple_of(3).then_some(i64::from(fill) * 10);
    match what % 16 {
        0..=4 => {
            db.slot(key).put_until(Put::Text(PutText::Bytes(&value)), deadline);
            known.insert(bytes, (value, deadline));
        }
        5 => {
            db.slot(key).put_until(Put::Text(PutText::Int(number.into())), deadline);
            known.insert(bytes, (number.to_string().into_bytes(), deadline));
        }
        6 => {
            db.slot(key).put(Put::Text(PutText::Blob(Blob::from(value.as_slice()))));
            known.entry(bytes).or_default().0 = value;
        }
        7 | 8 => {
            db.slot(key).set_deadline(deadline);
            known.entry(bytes).and_modify(|known| known.1 = deadline);
        }
        9..=12 => assert_eq!(db.slot(key).remove(), known.remove(&bytes).is_some()),
        13 => {
            for _ in 0..fill {
                db.compact();
            }
        }
        _ if fill == 7 => {
            drop(db.clear());
            known.clear();
        }
        _ => {
            let found = db.find(key).map(|entry| (text(entry), entry.deadline()));
            assert_eq!(found.as_ref(), known.get(&bytes));
        }
    }
}

fn compare(db: &Db, known: &Known) {
    let all: Known = db.entries().map(|e| (e.key().to_vec(), (text(e), e.deadline()))).collect();
    assert_eq!((db.len(), &all), (known.len(), known));
    assert_eq!(db.memory_order().flat_map(Stretch::entries).count(), known.len());
    let (mut met, mut cursor) = (0, 0);
    loop {
        cursor = db.scan(cursor, &mut |_| met += 1);
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(met, known.len());
}

pub fn run(bytes: &[u8]) {
    let mut keyspace = Keyspace::new(1, KeyHasher::new(bytes.len() as u64));
    let (mut known, mut program) = (Known::new(), Program::new(bytes));
    while !program.is_over() {
        step(&mut keyspace, &mut known, &mut program);
    }
    compare(keyspace.db(0), &known);
}

pub fn seeds() -> Vec<Vec<u8>> {
    let mut rng = Rng::new(1);
    (4..10).map(|power| (0..6 * (1 << power)).map(|_| rng.next_u64() as u8).collect()).collect()
}

//! Tests of the keyspace against plain models.
//!
//! Owns: the models.   Uses: proptest.   Never: built into the server.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use proptest::prelude::*;

use super::access::{Clock, Touch};
use super::*;
use crate::base::blob::Blob;
use crate::base::random::Rng;
use crate::value::text::Scratch;
use crate::value::{Put, PutText, Text, TextMut, TextRef, Value, ValueRef};

mod compact;
mod content;
mod expire;

/// A use at a tick of the access clock.
fn used_at(tick: u64) -> Touch {
    Touch::recency(Clock::new(tick * 10_000))
}

/// Bytes in blocks of entries, as the slab counts them.
fn held(db: &Db) -> usize {
    db.slab_bytes().0
}

fn keyspace() -> Keyspace {
    Keyspace::new(16, KeyHasher::new(7))
}

fn name(number: u64) -> Vec<u8> {
    format!("key:{number}").into_bytes()
}

fn set(db: &mut Db, hasher: &KeyHasher, key: &[u8], value: &[u8]) {
    db.slot(Key { bytes: key, hash: hasher.hash(key) }).put(Put::Text(PutText::Bytes(value)));
}

fn remove(db: &mut Db, hasher: &KeyHasher, key: &[u8]) -> bool {
    db.slot(Key { bytes: key, hash: hasher.hash(key) }).remove()
}

fn bytes(value: ValueRef<'_>) -> Vec<u8> {
    let ValueRef::Text(text) = value else { panic!("a string") };
    text.bytes(&mut Scratch::default()).to_vec()
}

/// What a model knows of a key.
#[derive(Clone, Debug, PartialEq)]
struct Known {
    text: Vec<u8>,
    deadline: Option<i64>,
    access: u32,
}

#[derive(Clone, Debug)]
enum Change {
    Int(i64),
    Bytes(usize, u8),
    Blob(usize, u8),
    Until(usize, u8, Option<i64>),
    Deadline(Option<i64>),
    Access(u32),
    Flip,
    Remove,
    Take,
    Child(bool),
    Compact(u8),
    Clear,
}

fn changes() -> impl Strategy<Value = Change> {
    let len = prop_oneof![6 => 0usize..40, 1 => 1000usize..1060, 1 => 0usize..5000];
    let deadline = prop_oneof![Just(None), (0i64..1000).prop_map(Some)];
    prop_oneof![
        3 => any::<i64>().prop_map(Change::Int),
        9 => (len.clone(), any::<u8>()).prop_map(|(len, fill)| Change::Bytes(len, fill)),
        3 => (len.clone(), any::<u8>()).prop_map(|(len, fill)| Change::Blob(len, fill)),
        4 => (len, any::<u8>(), deadline.clone()).prop_map(|(l, f, d)| Change::Until(l, f, d)),
        6 => deadline.prop_map(Change::Deadline),
        2 => any::<u32>().prop_map(Change::Access),
        3 => Just(Change::Flip),
        6 => Just(Change::Remove),
        2 => Just(Change::Take),
        1 => any::<bool>().prop_map(Change::Child),
        1 => any::<u8>().prop_map(Change::Compact),
        1 => Just(Change::Clear),
    ]
}

/// Changes a value where it stands, and the model's with it.
fn flip(text: TextMut<'_>, known: &mut Known) {
    match text {
        TextMut::Int(number) => {
            *number = !*number;
            known.text = number.to_string().into_bytes();
        }
        TextMut::Bytes(bytes) => {
            bytes.reverse();
            known.text.reverse();
        }
        TextMut::Blob(blob) => {
            known.text.push(1);
            *blob = Blob::from(&known.text[..]);
        }
    }
}

/// Applies a change to the slot and to the model, and compares what the slot says of itself.
fn apply(slot: &mut Slot<'_, '_>, model: &mut BTreeMap<Vec<u8>, Known>, change: &Change) {
    let key = slot.key().bytes.to_vec();
    assert_eq!(slot.exists(), model.contains_key(&key));
    let put = |model: &mut BTreeMap<Vec<u8>, Known>, text: Vec<u8>| {
        let known = model.entry(key.clone()).or_insert(Known {
            text: Vec::new(),
            deadline: None,
            access: 0,
        });
        known.text = text;
    };
    match *change {
        Change::Int(number) => {
            slot.put(Put::Text(PutText::Int(number)));
            put(model, number.to_string().into_bytes());
        }
        Change::Bytes(len, fill) => {
            slot.put(Put::Text(PutText::Bytes(&vec![fill; len])));
            put(model, vec![fill; len]);
        }
        Change::Blob(len, fill) => {
            slot.put(Put::Text(PutText::Blob(Blob::from(vec![fill; len]))));
            put(model, vec![fill; len]);
        }
        Change::Until(len, fill, deadline) => {
            slot.put_until(Put::Text(PutText::Bytes(&vec![fill; len])), deadline);
            put(model, vec![fill; len]);
            model.get_mut(&key).unwrap().deadline = deadline;
        }
        Change::Deadline(deadline) => {
            slot.set_deadline(deadline);
            model.entry(key.clone()).and_modify(|known| known.deadline = deadline);
        }
        Change::Access(access) => {
            slot.set_access(access);
            model.entry(key.clone()).and_modify(|known| known.access = access);
        }
        Change::Flip => {
            slot.edit(|value| flip(value, model.get_mut(&key).unwrap()));
        }
        Change::Remove => assert_eq!(slot.remove(), model.remove(&key).is_some()),
        Change::Take => {
            let taken = slot.take().map(|value| bytes(value.as_ref()));
            assert_eq!(taken, model.remove(&key).map(|known| known.text));
        }
        Change::Child(_) | Change::Compact(_) | Change::Clear => {
            unreachable!("not a change of one key")
        }
    }
    assert_eq!(slot.entry().map(known).as_ref(), model.get(&key));
    assert_eq!(slot.deadline(), model.get(&key).and_then(|known| known.deadline));
}

fn known(entry: EntryRef<'_>) -> Known {
    Known { text: bytes(entry.value()), deadline: entry.deadline(), access: entry.access() }
}

/// The sums as a walk over everything finds them.
fn recounted(db: &Db) -> Sums {
    let mut sums = Sums::default();
    db.entries().for_each(|entry| sums.add(Weight::of(entry)));
    sums
}

/// Every way of reading a database must agree with the model.
fn compare(db: &Db, hasher: &KeyHasher, model: &BTreeMap<Vec<u8>, Known>) {
    assert_eq!(db.len(), model.len());
    assert_eq!(db.volatile_len(), model.values().filter(|k| k.deadline.is_some()).count());
    assert_eq!(db.entry_bytes(), db.entries().map(EntryRef::size).sum::<usize>());
    let in_order: BTreeMap<_, _> = (db.memory_order().flat_map(Stretch::entries))
        .map(|entry| (entry.key().to_vec(), known(entry)))
        .collect();
    assert_eq!(&in_order, model);
    assert_eq!(db.memory_order().flat_map(Stretch::entries).count(), model.len());
    assert_eq!(*db.sums(), recounted(db));
    for (key, value) in model {
        let entry = db.find(Key { bytes: key, hash: hasher.hash(key) });
        assert_eq!(entry.map(known).as_ref(), Some(value));
    }
    let all: BTreeMap<_, _> = db.entries().map(|e| (e.key().to_vec(), known(e))).collect();
    assert_eq!(db.entries().count(), model.len());
    assert_eq!(&all, model);
    let mut scanned = Vec::new();
    let mut cursor = 0;
    loop {
        cursor = db.scan(cursor, &mut |entry| scanned.push(entry.key().to_vec()));
        assert!(cursor < 1 << 53);
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(scanned.len(), model.len(), "a scan of a table at rest repeats nothing");
    assert!(scanned.iter().all(|key| model.contains_key(key)));
}

/// Short, empty, long and very long keys.
fn key_of(number: u16) -> Vec<u8> {
    match number % 50 {
        0 => vec![number as u8; usize::from(number) % 300],
        1 => vec![number as u8; 4_094 + usize::from(number) % 4 * 1_000],
        _ => name(number.into()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn behaves_as_a_map(steps in prop::collection::vec((0u16..400, changes()), 0..1500)) {
        let hasher = KeyHasher::new(7);
        let mut model = BTreeMap::new();
        let mut db = Db::new(hasher.clone());
        for (number, change) in steps {
            let key = key_of(number);
            match change {
                Change::Child(alive) => db.set_child_alive(alive),
                Change::Compact(steps) => for _ in 0..steps {
                    db.compact();
                },
                Change::Clear if number % 16 == 0 => {
                    assert_eq!(db.clear().len(), model.len());
                    model.clear();
                }
                Change::Clear => compare(&db, &hasher, &model),
                change => {
                    let mut slot = db.slot(Key { bytes: &key, hash: hasher.hash(&key) });
                    apply(&mut slot, &mut model, &change);
                }
            }
            assert!((db.entry_bytes()..=db.entry_bytes() + 64 * 400).contains(&held(&db)));
            assert_eq!((db.sums().total().keys, *db.sums()), (model.len(), recounted(&db)));
        }
        compare(&db, &hasher, &model);
        let keys: Vec<_> = model.into_keys().collect();
        for key in keys {
            assert!(remove(&mut db, &hasher, &key));
        }
        assert_eq!(held(&db), 0, "every block is freed");
    }

    /// Keys that stay are met, although the table grows, splits, merges and shrinks between the calls.
    #[test]
    fn a_scan_meets_every_key_that_stays(
        start in 0u64..6000,
        grow in 0u64..400,
        shrink in 0u64..400,
        child in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let hasher = KeyHasher::new(seed);
        let mut db = Db::new(hasher.clone());
        let mut rng = Rng::new(seed);
        let stays: HashSet<Vec<u8>> = (0..start / 10).map(name).collect();
        for key in &stays {
            set(&mut db, &hasher, key, b"v");
        }
        let mut others: Vec<Vec<u8>> = (0..start).map(|n| name(1_000_000 + n)).collect();
        for key in &others {
            set(&mut db, &hasher, key, b"v");
        }
        let mut fresh = 2_000_000;
        let mut met = HashSet::new();
        let mut cursor = 0;
        let mut calls = 0;
        loop {
            cursor = db.scan(cursor, &mut |entry| { met.insert(entry.key().to_vec()); });
            calls += 1;
            prop_assert!(calls < 1_000_000);
            if cursor == 0 { break; }
            if child { db.set_child_alive(calls / 8 % 2 == 0); }
            for _ in 0..grow.min(40_000u64.saturating_sub(db.len() as u64)) {
                fresh += 1;
                set(&mut db, &hasher, &name(fresh), b"v");
                others.push(name(fresh));
            }
            for _ in 0..shrink.min(others.len() as u64) {
                let key = others.swap_remove(rng.below(others.len() as u64) as usize);
                prop_assert!(remove(&mut db, &hasher, &key));
            }
        }
        prop_assert!(stays.is_subset(&met));
    }
}

#[test]
fn grows_to_a_large_table_and_shrinks_to_nothing() {
    let hasher = KeyHasher::new(1);
    let mut db = Db::new(hasher.clone());
    let (mut least, mut most) = (f64::MAX, 0f64);
    for number in 0..60_000 {
        set(&mut db, &hasher, &name(number), b"value");
        if number > 10_000 {
            let share = db.table_bytes() as f64 / db.len() as f64;
            (least, most) = (least.min(share), most.max(share));
        }
    }
    assert!(most < 14.0, "table bytes per key: {least:.1} to {most:.1}");
    assert_eq!(db.entries().count(), 60_000);
    for number in 0..60_000 {
        assert!(remove(&mut db, &hasher, &name(number)));
    }
    assert_eq!((db.len(), db.entry_bytes(), held(&db)), (0, 0, 0));
    assert!(db.table_bytes() < 40_000, "{} bytes for nothing", db.table_bytes());
    assert!(db.random(&mut Rng::new(1)).is_none());
}

#[test]
fn reserve_makes_the_table_that_the_keys_need() {
    let hasher = KeyHasher::new(1);
    let mut db = Db::new(hasher.clone());
    db.reserve(50_000);
    let reserved = db.table_bytes();
    for number in 0..50_000 {
        set(&mut db, &hasher, &name(number), b"value");
    }
    assert_eq!(db.entries().count(), 50_000);
    assert!(db.table_bytes() < reserved * 5 / 4);
    assert!((10.0..16.0).contains(&(db.table_bytes() as f64 / 50_000.0)));
}

#[test]
fn equal_hashes_only_make_one_segment_longer() {
    let mut db = Db::new(KeyHasher::new(1));
    let hash = 0x8000_0000_0000_1234;
    let keys: Vec<_> = (0..5000).map(name).collect();
    for key in &keys {
        db.slot(Key { bytes: key, hash }).put(Put::Text(PutText::Bytes(b"x")));
    }
    assert_eq!(db.len(), 5000);
    assert!(db.table_bytes() < 5000 * 40, "{} bytes", db.table_bytes());
    assert!(keys.iter().all(|bytes| db.find(Key { bytes, hash }).is_some()));
    assert!(db.find(Key { bytes: b"other", hash }).is_none());
    let mut scanned = BTreeSet::new();
    let mut cursor = 0;
    loop {
        cursor = db.scan(cursor, &mut |entry| assert!(scanned.insert(entry.key().to_vec())));
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(scanned.len(), 5000);
    assert!(keys.iter().all(|bytes| db.slot(Key { bytes, hash }).remove()));
    assert_eq!((db.len(), held(&db)), (0, 0));
    assert!(db.table_bytes() < 5000);
}

#[test]
fn a_flood_beside_ordinary_keys_does_not_grow_the_directory() {
    let hasher = KeyHasher::new(1);
    let mut db = Db::new(hasher.clone());
    for number in 0..20_000 {
        set(&mut db, &hasher, &name(number), b"x");
    }
    let before = db.table_bytes();
    // Equal in the first 40 bits, so that a split would part them only after 40.
    for number in 0..2000u64 {
        let bytes = name(1_000_000 + number);
        let hash = 0xabcd_ef01_2300_0000 | (number * 7919) & 0xff_ffff;
        db.slot(Key { bytes: &bytes, hash }).put(Put::Text(PutText::Bytes(b"x")));
    }
    assert!(db.table_bytes() < before + 2000 * 64, "{} -> {}", before, db.table_bytes());
    let mut met = 0;
    let mut cursor = 0;
    loop {
        cursor = db.scan(cursor, &mut |_| met += 1);
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(met, 22_000);
}

#[test]
fn random_is_fair_within_a_factor_of_two() {
    let hasher = KeyHasher::new(5);
    // Sizes at different steps of the segments, and a sparse one.
    for keys in [2u64, 9, 300, 1000, 1800] {
        let mut db = Db::new(hasher.clone());
        for number in 0..keys {
            set(&mut db, &hasher, &name(number), b"x");
        }
        let mut rng = Rng::new(keys);
        let mut counts: HashMap<Vec<u8>, u32> = HashMap::new();
        const EACH: u32 = 400;
        for _ in 0..keys * u64::from(EACH) {
            let key = db.random(&mut rng).expect("it has keys").key().to_vec();
            *counts.entry(key).or_default() += 1;
        }
        assert_eq!(counts.len() as u64, keys);
        let (least, most) = (counts.values().min().unwrap(), counts.values().max().unwrap());
        assert!(*least > EACH / 2 && *most < EACH * 2, "{keys} keys: {least} to {most}");
    }
}

#[test]
fn random_finds_the_last_keys_of_a_table_that_may_not_shrink() {
    let hasher = KeyHasher::new(5);
    let mut db = Db::new(hasher.clone());
    for number in 0..20_000 {
        set(&mut db, &hasher, &name(number), b"x");
    }
    db.set_child_alive(true);
    for number in 1..20_000 {
        remove(&mut db, &hasher, &name(number));
    }
    assert_eq!(db.random(&mut Rng::new(1)).unwrap().key(), b"key:0");
}

#[test]
fn while_a_child_lives_nothing_splits_before_twice_its_size() {
    let hasher = KeyHasher::new(9);
    let mut db = Db::new(hasher.clone());
    for number in 0..20_000 {
        set(&mut db, &hasher, &name(number), b"x");
    }
    let places: Vec<_> = db.entries().map(|entry| entry.key().as_ptr() as usize).collect();
    let order: Vec<_> = db.entries().map(|entry| entry.key().to_vec()).collect();
    db.set_child_alive(true);
    for number in 20_000..28_000 {
        set(&mut db, &hasher, &name(number), b"x");
    }
    for key in &order {
        assert_eq!(
            db.touch(Key { bytes: key, hash: hasher.hash(key) }, used_at(77)).unwrap().access(),
            0,
            "reading writes nothing"
        );
    }
    let kept: HashSet<_> = order.iter().collect();
    let now: Vec<_> = db.entries().filter(|entry| kept.contains(&entry.key().to_vec())).collect();
    assert!(now.iter().map(|e| e.key().as_ptr() as usize).eq(places), "no entry moved");
    assert_eq!(db.entries().count(), 28_000);
    for number in 28_000..80_000 {
        set(&mut db, &hasher, &name(number), b"x");
    }
    assert_eq!(db.entries().count(), 80_000);
    db.set_child_alive(false);
    for number in 80_000..90_000 {
        set(&mut db, &hasher, &name(number), b"x");
    }
    for number in 0..90_000 {
        let key = name(number);
        assert!(db.find(Key { bytes: &key, hash: hasher.hash(&key) }).is_some());
    }
    let key = &order[0];
    db.touch(Key { bytes: key, hash: hasher.hash(key) }, used_at(77));
    assert_eq!(db.find(Key { bytes: key, hash: hasher.hash(key) }).unwrap().access(), 77);
}

#[test]
fn what_was_cleared_is_freed_where_it_is_dropped() {
    let hasher = KeyHasher::new(9);
    let mut db = Db::new(hasher.clone());
    for number in 0..5000 {
        set(&mut db, &hasher, &name(number), &vec![0; (number % 2000) as usize]);
    }
    let long = bytes::Bytes::from(vec![7; 70_000]);
    let blob = Blob::from(bytes::BytesMut::from(&long[..]));
    let kept = blob.clone().into_bytes();
    let key = Key { bytes: b"long", hash: hasher.hash(b"long") };
    db.slot(key).put(Put::Text(PutText::Blob(blob)));
    let dropped = db.clear();
    assert_eq!((db.len(), db.table_bytes(), db.entry_bytes(), dropped.len()), (0, 0, 0, 5001));
    assert!(!kept.is_unique());
    std::thread::spawn(move || drop(dropped)).join().unwrap();
    assert!(kept.is_unique(), "what stands outside the slab is dropped, too");
    set(&mut db, &hasher, b"again", b"1");
    assert_eq!(db.len(), 1);
}

#[test]
fn databases_are_made_when_written_and_can_be_swapped() {
    let mut keyspace = Keyspace::new(1 << 20, KeyHasher::new(2));
    assert_eq!((keyspace.databases(), keyspace.keys(), keyspace.db(77).len()), (1 << 20, 0, 0));
    let hasher = keyspace.hasher().clone();
    set(keyspace.db_mut(3), &hasher, b"a", b"1");
    keyspace.swap(3, 900);
    assert_eq!((keyspace.db(3).len(), keyspace.db(900).len(), keyspace.keys()), (0, 1, 1));
    let key = keyspace.key(b"a");
    assert!(keyspace.db(900).find(key).is_some() && keyspace.db(3).find(key).is_none());
    keyspace.set_child_alive(true);
    set(keyspace.db_mut(5), &hasher, b"b", b"1");
    assert_eq!(
        keyspace.db_mut(5).touch(keyspace_key(&hasher, b"b"), used_at(5)).unwrap().access(),
        0
    );
}

fn keyspace_key<'k>(hasher: &KeyHasher, bytes: &'k [u8]) -> Key<'k> {
    Key { bytes, hash: hasher.hash(bytes) }
}

#[test]
#[should_panic(expected = "database 16 of 16")]
fn there_is_no_database_beyond_the_last() {
    keyspace().db(16);
}

#[test]
fn values_stand_as_their_size_asks() {
    let mut keyspace = keyspace();
    let key = keyspace.key(b"k");
    let mut slot = keyspace.db_mut(0).slot(key);
    slot.put(Put::Text(PutText::Bytes(&[1; INLINE_MAX])));
    assert!(matches!(slot.entry().unwrap().value(), ValueRef::Text(TextRef::Bytes(_))));
    slot.put(Put::Text(PutText::Blob(Blob::from(&[1; 9][..]))));
    assert!(matches!(slot.entry().unwrap().value(), ValueRef::Text(TextRef::Bytes(_))));
    slot.put(Put::Text(PutText::Bytes(&[1; INLINE_MAX + 1])));
    assert!(matches!(slot.entry().unwrap().value(), ValueRef::Text(TextRef::Blob(_))));
    slot.put(Put::Text(PutText::Int(5)));
    assert!(matches!(slot.take(), Some(Value::Text(Text::Int(5)))));
    assert!(!slot.exists() && slot.edit(|_| ()).is_none() && slot.deadline().is_none());
    slot.set_deadline(Some(5));
    slot.put(Put::Text(PutText::Int(6)));
    assert_eq!(slot.deadline(), None, "a deadline needs a key");
}

#[test]
fn overwriting_by_a_like_value_moves_nothing() {
    let mut keyspace = keyspace();
    let key = keyspace.key(b"key:000000000001");
    let mut slot = keyspace.db_mut(0).slot(key);
    slot.put(Put::Text(PutText::Bytes(&[1; 64])));
    let at = slot.entry().unwrap().key().as_ptr();
    slot.put(Put::Text(PutText::Bytes(&[2; 61])));
    slot.put_until(Put::Text(PutText::Bytes(&[3; 64])), None);
    assert_eq!(slot.entry().unwrap().key().as_ptr(), at);
    assert_eq!(slot.entry().unwrap().size(), 88);
    slot.set_deadline(Some(i64::MIN));
    let at = slot.entry().unwrap().key().as_ptr();
    slot.set_deadline(Some(i64::MAX));
    assert_eq!(slot.entry().unwrap().key().as_ptr(), at);
    assert_eq!(slot.entry().unwrap().size(), 96);
}

#[test]
fn prefetching_is_harmless_anywhere() {
    let mut keyspace = keyspace();
    let key = keyspace.key(b"k");
    keyspace.db(0).prefetch_bucket(key.hash);
    keyspace.db(0).prefetch_entry(key.hash);
    keyspace.db_mut(0).slot(key).put(Put::Text(PutText::Int(1)));
    keyspace.db(0).prefetch_bucket(key.hash);
    keyspace.db(0).prefetch_entry(key.hash);
}

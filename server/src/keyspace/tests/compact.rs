//! Tests of giving memory back.
//!
//! Owns: nothing.   Uses: the tests' helpers.   Never: built into the server.

use super::*;
use crate::base::slab::CHUNK;

/// Keys with values of 8 to 1000 bytes, of which every fifth stays. Gives what stays.
fn sparse(db: &mut Db, hasher: &KeyHasher, keys: u64) -> BTreeMap<Vec<u8>, usize> {
    let mut rng = Rng::new(keys);
    let mut model = BTreeMap::new();
    for number in 0..keys {
        let len = 8 + rng.below(993) as usize;
        set(db, hasher, &name(number), &vec![number as u8; len]);
        if number % 5 == 0 {
            model.insert(name(number), len);
        }
    }
    for number in (0..keys).filter(|number| number % 5 != 0) {
        remove(db, hasher, &name(number));
    }
    model
}

fn compact(db: &mut Db) -> usize {
    let mut moved = 0;
    loop {
        let progress = db.compact();
        assert!(progress.moved <= 16 && progress.looked <= 64, "a step is small: {progress:?}");
        moved += progress.moved;
        if progress.done {
            return moved;
        }
    }
}

#[test]
fn most_memory_of_deleted_keys_comes_back() {
    let hasher = KeyHasher::new(3);
    let mut db = Db::new(hasher.clone());
    let model = sparse(&mut db, &hasher, 100_000);
    let (held, used) = db.spread();
    assert!(held > used * 3, "{held} held for {used}");
    let moved = compact(&mut db);
    assert!(moved < 40_000, "{moved} moves of 20,000 entries");
    let (held, used) = db.spread();
    assert!(held <= used * 5 / 4 + 3 * CHUNK, "{held} held for {used}");
    for (key, &len) in &model {
        let entry = db.find(Key { bytes: key, hash: hasher.hash(key) }).unwrap();
        assert_eq!(bytes(entry.value()).len(), len);
    }
    assert_eq!(db.entries().count(), model.len());
}

#[test]
fn nothing_moves_while_a_child_lives() {
    let hasher = KeyHasher::new(3);
    let mut db = Db::new(hasher.clone());
    let model = sparse(&mut db, &hasher, 20_000);
    // In the midst of emptying a chunk, too.
    for _ in 0..200 {
        db.compact();
    }
    db.set_child_alive(true);
    let places: Vec<_> = db.entries().map(|entry| entry.key().as_ptr()).collect();
    assert_eq!(compact(&mut db), 0);
    assert!(db.entries().map(|entry| entry.key().as_ptr()).eq(places));
    db.set_child_alive(false);
    compact(&mut db);
    assert_eq!(db.len(), model.len());
}

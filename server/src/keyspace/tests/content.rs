//! Tests of moving and copying all that stands behind a key.
//!
//! Owns: nothing.   Uses: the tests' helpers.   Never: built into the server.

use super::*;

fn key(bytes: &[u8]) -> Key<'_> {
    Key { bytes, hash: KeyHasher::new(7).hash(bytes) }
}

/// Where a long string's bytes are.
fn place(db: &Db, name: &[u8]) -> *const u8 {
    match db.find(key(name)).map(EntryRef::value) {
        Some(ValueRef::Text(TextRef::Blob(blob))) => blob.as_ptr(),
        other => panic!("no long string: {other:?}"),
    }
}

fn append(db: &mut Db, name: &[u8], tail: &[u8]) {
    db.slot(key(name)).edit(|text| {
        let TextMut::Blob(blob) = text else { panic!("no long string") };
        let mut bytes = blob.clone().into_mut();
        bytes.extend_from_slice(tail);
        *blob = bytes.into();
    });
}

/// The sums are what a walk over all entries adds up.
fn sums_hold(db: &Db) {
    let walked: usize = db.entries().map(|entry| Weight::of(entry).heap).sum();
    assert_eq!(db.sums().total().heap, walked);
    assert_eq!(db.sums().total().keys, db.entries().count());
}

#[test]
fn a_long_value_moves_by_its_handle_to_another_database() {
    let mut keyspace = keyspace();
    let value = vec![b'x'; 1 << 20];
    let mut slot = keyspace.db_mut(0).slot(key(b"a"));
    slot.put_until(Put::Text(PutText::Blob(Blob::from(value))), Some(77));
    slot.set_access(99);
    let before = place(keyspace.db(0), b"a");
    let content = keyspace.db_mut(0).slot(key(b"a")).take_content().expect("it is there");
    assert!(keyspace.db(0).find(key(b"a")).is_none());
    assert!(keyspace.db_mut(0).slot(key(b"a")).take_content().is_none());
    keyspace.db_mut(5).slot(key(b"b")).put_content(content);
    let entry = keyspace.db(5).find(key(b"b")).expect("it is there");
    assert_eq!((entry.deadline(), entry.access()), (Some(77), 99));
    assert_eq!(place(keyspace.db(5), b"b"), before);
    sums_hold(keyspace.db(0));
    sums_hold(keyspace.db(5));
}

#[test]
fn a_copy_of_a_long_value_shares_it_until_one_changes() {
    let mut keyspace = keyspace();
    let db = keyspace.db_mut(0);
    db.slot(key(b"a")).put(Put::Text(PutText::Bytes(&[b'x'; 5000])));
    let copy = Content::copy_of(db.find(key(b"a")).expect("it is there"));
    db.slot(key(b"b")).put_content(copy);
    assert_eq!(place(db, b"a"), place(db, b"b"));
    append(db, b"a", b"!");
    assert_ne!(place(db, b"a"), place(db, b"b"));
    assert_eq!(bytes(db.find(key(b"b")).expect("it is there").value()), [b'x'; 5000]);
    assert_eq!(bytes(db.find(key(b"a")).expect("it is there").value()).len(), 5001);
    sums_hold(db);
    assert!(remove(db, &KeyHasher::new(7), b"a"));
    assert_eq!(bytes(db.find(key(b"b")).expect("it is there").value()), [b'x'; 5000]);
    sums_hold(db);
}

#[test]
fn the_mark_of_a_changed_value_stays_until_another_is_put() {
    let mut keyspace = keyspace();
    let db = keyspace.db_mut(0);
    let shown = |db: &Db| db.find(key(b"k")).expect("it is there").encoding();
    let edit = |db: &mut Db| {
        db.slot(key(b"k")).put(Put::Text(PutText::Bytes(b"abc")));
        assert_eq!(shown(db), "embstr");
        db.slot(key(b"k")).set_edited();
        assert_eq!(shown(db), "raw");
    };
    edit(db);
    for deadline in [Some(5), Some(6), None] {
        db.slot(key(b"k")).set_deadline(deadline);
        assert_eq!(shown(db), "raw");
    }
    let content = Content::copy_of(db.find(key(b"k")).expect("it is there"));
    assert!(content.edited);
    db.slot(key(b"other")).put_content(content);
    assert_eq!(db.find(key(b"other")).expect("it is there").encoding(), "raw");
    // Of the same length, of another one in the same block, and in another block.
    for text in [b"xyz".as_slice(), b"xy", &[b'x'; 44]] {
        edit(db);
        db.slot(key(b"k")).put(Put::Text(PutText::Bytes(text)));
        assert_eq!(shown(db), "embstr");
        assert_eq!(bytes(db.find(key(b"k")).expect("it is there").value()), text);
    }
    db.slot(key(b"k")).put(Put::Text(PutText::Int(5)));
    db.slot(key(b"k")).set_edited();
    assert_eq!(shown(db), "int", "a number is no string that could be changed in part");
}

#[test]
fn tables_that_keep_their_size_note_uses() {
    let mut keyspace = keyspace();
    keyspace.set_keeps_size(true);
    let hasher = KeyHasher::new(7);
    let db = keyspace.db_mut(0);
    for number in 0..20_000 {
        set(db, &hasher, &name(number), b"x");
    }
    let touched = db.touch(key(b"key:7"), used_at(77)).expect("it is there");
    assert_eq!(touched.access(), 77);
    let before = db.table_bytes();
    for number in 1..20_000 {
        assert!(remove(db, &hasher, &name(number)));
    }
    assert_eq!(db.table_bytes(), before, "nothing shrinks");
    keyspace.set_keeps_size(false);
    let db = keyspace.db_mut(0);
    for number in 0..1000 {
        set(db, &hasher, &name(number), b"x");
        remove(db, &hasher, &name(number));
    }
    assert!(db.table_bytes() < before);
}

//! Data sets, and whether two of them are equal.
//!
//! Owns: the comparison.   Uses: the keyspace, to read it out.   Never: changes anything.

use lodestore_server::keyspace::{EntryRef, Keyspace};
use lodestore_server::value::{TextRef, ValueRef};
use std::collections::BTreeMap;

/// A key's value and its deadline in milliseconds since 1970.
pub type Held = (Vec<u8>, Option<i64>);
/// What a data set holds: a map for each database.
pub type Contents = Vec<BTreeMap<Vec<u8>, Held>>;

/// Everything in a keyspace, keys past their time included.
pub fn contents(keyspace: &Keyspace) -> Contents {
    (0..keyspace.databases()).map(|number| database(keyspace, number)).collect()
}

fn database(keyspace: &Keyspace, number: usize) -> BTreeMap<Vec<u8>, Held> {
    let db = keyspace.db(number);
    let mut found = BTreeMap::new();
    let mut volatile = 0;
    for entry in db.entries() {
        volatile += usize::from(entry.deadline().is_some());
        let before = found.insert(entry.key().to_vec(), (text(entry), entry.deadline()));
        assert!(before.is_none(), "a key is there twice: {:?}", entry.key());
        let hashed = db.find(keyspace.key(entry.key()));
        assert!(hashed.is_some(), "a key is there and cannot be found: {:?}", entry.key());
    }
    assert_eq!(db.len(), found.len(), "keys counted and keys met");
    assert_eq!(db.volatile_len(), volatile, "keys with a deadline counted and met");
    found
}

fn text(entry: EntryRef<'_>) -> Vec<u8> {
    match entry.value() {
        ValueRef::Text(TextRef::Int(number)) => number.to_string().into_bytes(),
        ValueRef::Text(TextRef::Bytes(bytes)) => bytes.to_vec(),
        ValueRef::Text(TextRef::Blob(blob)) => blob.to_vec(),
        other => panic!("the programs make strings only: {other:?}"),
    }
}

/// Without what is past its time at `now_ms`.
pub fn living(contents: &Contents, now_ms: i64) -> Contents {
    let lives = |held: &Held| held.1.is_none_or(|deadline| deadline >= now_ms);
    let keep = |db: &BTreeMap<Vec<u8>, Held>| {
        db.iter().filter(|(_, held)| lives(held)).map(|(k, v)| (k.clone(), v.clone())).collect()
    };
    contents.iter().map(keep).collect()
}

/// The first difference between two data sets, in words.
///
/// # Errors
/// There is one.
pub fn equal(what: &str, left: &Contents, right: &Contents) -> Result<(), String> {
    for (number, (a, b)) in left.iter().zip(right).enumerate() {
        for key in a.keys().chain(b.keys()) {
            let (x, y) = (a.get(key), b.get(key));
            if x != y {
                let key = String::from_utf8_lossy(key);
                return Err(format!("{what}: db {number} key {key:?}: {} / {}", show(x), show(y)));
            }
        }
    }
    Ok(())
}

fn show(held: Option<&Held>) -> String {
    let Some((value, deadline)) = held else { return "missing".into() };
    let start = String::from_utf8_lossy(&value[..value.len().min(40)]);
    format!("{start:?} ({} bytes) until {deadline:?}", value.len())
}

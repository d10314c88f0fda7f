//! Lifetimes, against a model and by the work they cost.
//!
//! Owns: nothing.   Uses: proptest.   Never: built into the server.

use std::collections::HashMap;

use proptest::prelude::*;

use super::{name, remove};
use crate::base::random::KeyHasher;
use crate::keyspace::{Db, Key, Sweep};
use crate::value::{Put, PutText};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// `expire_due` in slices removes exactly what a model says, whatever changes in between, and then has
    /// nothing more to do.
    #[test]
    fn exactly_the_due_keys_expire(
        deadlines in prop::collection::vec(prop::option::of(0i64..1000), 0..4000),
        later in prop::collection::vec((0usize..4000, prop::option::of(0i64..1000)), 0..500),
        budget in 1usize..200,
        times in prop::collection::btree_set(0i64..1100, 1..5),
        child in any::<bool>(),
    ) {
        let hasher = KeyHasher::new(3);
        let mut db = Db::new(hasher.clone());
        let mut model = HashMap::new();
        let give = |db: &mut Db, model: &mut HashMap<_, _>, number: usize, deadline| {
            let key = name(number as u64);
            db.slot(Key { bytes: &key, hash: hasher.hash(&key) })
                .put_until(Put::Text(PutText::Int(1)), deadline);
            model.insert(key, deadline);
        };
        for (number, &deadline) in deadlines.iter().enumerate() {
            give(&mut db, &mut model, number, deadline);
        }
        for now in times {
            let mut changes = later.iter();
            let mut calls = 0;
            loop {
                let mut found = Vec::new();
                let sweep = db.expire_due(now, budget, &mut |gone| found.push(gone.entry().key().to_vec()));
                prop_assert!(sweep.work <= budget + 1);
                prop_assert_eq!(sweep.removed, found.len());
                for key in found {
                    let deadline = model.remove(&key).flatten().expect("a due key has a deadline");
                    prop_assert!(deadline < now);
                }
                // Deadlines that change in the midst of a lap are seen as well, and so are entries that move.
                if let Some(&(number, deadline)) = changes.next() {
                    give(&mut db, &mut model, number, deadline);
                    let gone = name((number / 2) as u64);
                    prop_assert_eq!(remove(&mut db, &hasher, &gone), model.remove(&gone).is_some());
                } else if sweep.work == 0 {
                    prop_assert!(!db.may_be_due(now));
                    break;
                }
                if child { db.set_child_alive(calls / 8 % 2 == 0); }
                calls += 1;
                prop_assert!(calls < 10_000);
            }
            let left = model.values().flatten().filter(|&&deadline| deadline < now).count();
            prop_assert_eq!(left, 0);
            prop_assert_eq!(db.volatile_len(), model.values().flatten().count());
            prop_assert_eq!(db.len(), model.len());
        }
    }
}

/// A database with a million keys, the last of which has another deadline.
fn million(hasher: &KeyHasher, deadline: i64, last: i64) -> Db {
    let mut db = Db::new(hasher.clone());
    for number in 0..1_000_000 {
        let until = if number == 999_999 { last } else { deadline };
        let key = name(number);
        db.slot(Key { bytes: &key, hash: hasher.hash(&key) })
            .put_until(Put::Text(PutText::Int(1)), Some(until));
    }
    db
}

#[test]
fn keys_that_cannot_be_due_cost_nothing() {
    let hasher = KeyHasher::new(1);
    let mut db = million(&hasher, 1_000_000, 500);
    let sweep = db.expire_due(500, usize::MAX, &mut |_| panic!("nothing is due yet"));
    assert_eq!(sweep, Sweep::default());
    // One key is due: one segment is opened, and the tallies of the others are passed over.
    let sweep = db.expire_due(501, usize::MAX, &mut |_| {});
    assert_eq!((sweep.removed, sweep.passed), (1, 1_000_000));
    assert!(sweep.work < 64 + 1_000_000 / 150 / 16, "{} buckets", sweep.work);
    // From then on it is known again that nothing is.
    let sweep = db.expire_due(1_000_000, usize::MAX, &mut |_| panic!("nothing is due yet"));
    assert_eq!(sweep, Sweep::default());
}

#[test]
fn a_million_keys_expire_in_small_steps() {
    let hasher = KeyHasher::new(1);
    let mut db = million(&hasher, 500, 1_000);
    let (mut whole, mut calls) = (Sweep::default(), 0);
    while db.may_be_due(501) {
        let sweep = db.expire_due(501, 8, &mut |_| {});
        assert!(sweep.work <= 9 && sweep.removed <= 8 * 7, "{sweep:?}");
        whole = whole.and(sweep);
        calls += 1;
    }
    assert_eq!((whole.removed, db.len()), (999_999, 1));
    assert!(calls < 40_000, "{calls} calls");
    // What stays are the lists of segments and tallies, 52 bytes for each place of 4096 or 8192.
    assert!(db.table_bytes() < 500_000, "{} bytes for one key", db.table_bytes());
}

//! Single cases, and a model: a plain list of who waits for what, in the order in which they came.

use super::*;
use proptest::prelude::*;

const LIST: Option<Type> = Some(Type::List);

fn wanted() -> Wanted {
    Wanted::new(KeyHasher::new(1))
}

fn add(wanted: &mut Wanted, id: u64, awaited: Awaited, keys: &[&str]) {
    wanted.add(ClientId(id), 0, awaited, keys.iter().map(|key| key.as_bytes()));
}

/// Serves everybody who is to be served, each of whom leaves.
fn serve(wanted: &mut Wanted, there: Option<Type>) -> Vec<u64> {
    let mut served = Vec::new();
    while wanted.has_ready() {
        let Some(id) = wanted.next_client(there) else { continue };
        served.push(id.0);
        wanted.forget(id);
    }
    served
}

#[test]
fn who_waits_longer_is_served_first_key_by_key_as_they_became_ready() {
    let mut wanted = wanted();
    add(&mut wanted, 9, Awaited::List, &["a", "b"]);
    add(&mut wanted, 3, Awaited::List, &["b"]);
    add(&mut wanted, 5, Awaited::List, &["a"]);
    wanted.mark(0, b"b", LIST);
    wanted.mark(0, b"a", LIST);
    wanted.mark(0, b"b", LIST);
    assert_eq!(serve(&mut wanted, LIST), [9, 3, 5]);
    assert!(wanted.is_empty() && wanted.keys() == 0);
}

#[test]
fn what_serves_nobody_makes_no_key_ready() {
    let mut wanted = wanted();
    add(&mut wanted, 1, Awaited::List, &["k"]);
    wanted.mark(0, b"k", Some(Type::Set));
    wanted.mark(0, b"k", None);
    wanted.mark(0, b"other", LIST);
    wanted.mark(3, b"k", LIST);
    assert!(!wanted.has_ready());
    add(&mut wanted, 2, Awaited::Group, &["k"]);
    assert_eq!(wanted.keys_that_may_go(), 1);
    wanted.mark(0, b"k", None);
    assert_eq!(serve(&mut wanted, None), [2]);
    assert_eq!(wanted.keys_that_may_go(), 0);
    assert!(wanted.has(ClientId(1)));
}

#[test]
fn who_is_served_in_vain_keeps_its_place_and_has_its_turn_once() {
    let mut wanted = wanted();
    add(&mut wanted, 1, Awaited::List, &["k"]);
    add(&mut wanted, 2, Awaited::List, &["k", "k"]);
    for _ in 0..2 {
        wanted.mark(0, b"k", LIST);
        assert_eq!(wanted.next_client(LIST), Some(ClientId(1)));
        add(&mut wanted, 1, Awaited::List, &["k"]);
        // While its clients are served it becomes ready once more: for those who are there then.
        wanted.mark(0, b"k", LIST);
        assert_eq!(wanted.next_client(LIST), Some(ClientId(2)));
        assert_eq!(wanted.next_client(LIST), None);
        assert_eq!(wanted.next_client(LIST), Some(ClientId(1)));
        assert_eq!(wanted.next_client(LIST), Some(ClientId(2)));
        assert_eq!(wanted.next_client(LIST), None);
        assert!(!wanted.has_ready());
    }
}

#[test]
fn a_client_with_many_keys_leaves_in_slices() {
    let mut wanted = wanted();
    let keys: Vec<String> = (0..100).map(|n| format!("key:{n}")).collect();
    wanted.add(ClientId(1), 2, Awaited::Group, keys.iter().map(|key| key.as_bytes()));
    assert_eq!((wanted.keys(), wanted.keys_that_may_go()), (100, 100));
    assert!(wanted.bytes_of(ClientId(1)) > 100 * 10);
    assert_eq!(wanted.keys_of(2).len(), 100);
    assert!(!wanted.forget_some(ClientId(1), 60));
    assert_eq!(wanted.keys(), 40);
    assert!(wanted.forget_some(ClientId(1), 40));
    assert!(wanted.is_empty() && wanted.keys() == 0 && wanted.keys_that_may_go() == 0);
}

#[test]
fn the_keys_of_a_database_come_by_the_longest_wait() {
    let mut wanted = wanted();
    for (id, key) in [(1, "c"), (2, "a"), (3, "b"), (4, "a")] {
        add(&mut wanted, id, Awaited::List, &[key]);
    }
    assert_eq!(wanted.keys_of(0), [b"c", b"a", b"b"].map(|key| Box::from(key.as_slice())));
    assert!(wanted.keys_of(7).is_empty());
}

#[derive(Clone, Debug)]
enum Step {
    Add(u64, usize, Awaited, Vec<u8>),
    Forget(u64),
    Mark(usize, u8, Option<Type>),
    Serve(Option<Type>),
}

fn step() -> impl Strategy<Value = Step> {
    let kind = || prop::sample::select(vec![Awaited::List, Awaited::Stream, Awaited::Group]);
    let there = || prop::sample::select(vec![None, LIST, Some(Type::Set)]);
    prop_oneof![
        4 => (0u64..8, 0usize..2, kind(), prop::collection::vec(0u8..4, 1..4))
            .prop_map(|(id, db, kind, keys)| Step::Add(id, db, kind, keys)),
        1 => (0u64..8).prop_map(Step::Forget),
        3 => (0usize..2, 0u8..4, there()).prop_map(|(db, key, there)| Step::Mark(db, key, there)),
        3 => there().prop_map(Step::Serve),
    ]
}

/// Who waits for what, in the order in which they came; and the ready keys.
#[derive(Default)]
struct Model {
    waiting: Vec<(u64, usize, Awaited, Vec<u8>)>,
    ready: Vec<(usize, u8)>,
}

impl Model {
    /// Who is to be served at a key: those who are served by its loss come behind the others.
    fn line(&self, db: usize, key: u8, there: Option<Type>) -> Vec<u64> {
        let at = |kind: Awaited| {
            let here = self.waiting.iter().filter(move |w| w.1 == db && w.2 == kind);
            here.filter(move |w| w.3.contains(&key)).map(|w| w.0)
        };
        let lists = at(Awaited::List).filter(|_| there == LIST);
        lists.chain(at(Awaited::Group)).collect()
    }

    fn mark(&mut self, db: usize, key: u8, there: Option<Type>) {
        if !self.ready.contains(&(db, key)) && !self.line(db, key, there).is_empty() {
            self.ready.push((db, key));
        }
    }

    fn keys(&self, kind: Option<Awaited>) -> usize {
        let of_kind = self.waiting.iter().filter(|w| kind.is_none_or(|kind| kind == w.2));
        let keys: BTreeSet<_> = of_kind.flat_map(|w| w.3.iter().map(|key| (w.1, *key))).collect();
        keys.len()
    }
}

proptest! {
    #[test]
    fn it_is_as_its_model(steps in prop::collection::vec(step(), 0..60)) {
        let mut wanted = wanted();
        let mut model = Model::default();
        for step in steps {
            match step {
                Step::Add(id, db, kind, keys) => {
                    wanted.add(ClientId(id), db, kind, keys.chunks(1));
                    if model.waiting.iter().all(|w| w.0 != id) {
                        model.waiting.push((id, db, kind, keys));
                    }
                }
                Step::Forget(id) => {
                    wanted.forget(ClientId(id));
                    model.waiting.retain(|w| w.0 != id);
                }
                Step::Mark(db, key, there) => {
                    // A key that becomes ready without anybody in its line is no ready key, whatever was before.
                    if wanted.wants(db, &[key]) {
                        model.mark(db, key, there);
                    }
                    wanted.mark(db, &[key], there);
                }
                Step::Serve(there) => {
                    // All of one key: those who came, each once, and they stay.
                    if let Some((db, key)) = wanted.first_ready() {
                        let key = key[0];
                        let mut served = Vec::new();
                        while let Some(id) = wanted.next_client(there) {
                            served.push(id.0);
                        }
                        prop_assert_eq!(served, model.line(db, key, there));
                        // None: all left while it was ready, and others came; it may stand there twice then.
                        if let Some(at) = model.ready.iter().position(|r| (r.0, r.1) == (db, key)) {
                            model.ready.remove(at);
                        }
                    }
                }
            }
            prop_assert_eq!(wanted.keys(), model.keys(None));
            prop_assert_eq!(wanted.keys_that_may_go(), model.keys(Some(Awaited::Group)));
            prop_assert_eq!(wanted.is_empty(), model.waiting.is_empty());
        }
    }
}

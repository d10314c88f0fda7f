//! Hashes against an ordinary map with times.

use super::*;
use crate::base::random::Rng;
use proptest::prelude::*;
use std::collections::BTreeMap;

type Model = BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>;

fn text(element: Element<'_>) -> Vec<u8> {
    element.text(&mut Scratch::default()).to_vec()
}

fn owned(pair: Pair<'_>) -> (Vec<u8>, (Vec<u8>, Option<i64>)) {
    (text(pair.name), (text(pair.value), pair.deadline))
}

fn set(hash: &mut Hash, name: &str, value: &str, limits: &Limits) -> bool {
    hash.set(name.as_bytes(), value.as_bytes(), Until::Ever, limits)
}

#[test]
fn it_is_shown_as_in_redis() {
    let limits = Limits::default();
    let mut hash = Hash::new();
    for number in 0..512 {
        assert!(set(&mut hash, &number.to_string(), "v", &limits));
        assert_eq!(hash.as_ref().encoding(), "listpack");
    }
    set(&mut hash, "512", "v", &limits);
    hash.remove(b"512");
    assert_eq!(hash.as_ref().encoding(), "hashtable");
    let mut hash = Hash::new();
    set(&mut hash, "a", &"x".repeat(64), &limits);
    assert_eq!(hash.as_ref().encoding(), "listpack");
    hash.expect_deadlines(&limits);
    assert_eq!((hash.as_ref().encoding(), hash.as_ref().timed()), ("listpackex", 0));
    set(&mut hash, "a", &"x".repeat(65), &limits);
    assert_eq!(hash.as_ref().encoding(), "hashtable");
}

#[test]
fn forms_and_names_are_two_things() {
    let limits = Limits { hash_entries: 100_000, ..Limits::default() };
    let mut hash = Hash::new();
    for number in 0..1000 {
        assert!(set(&mut hash, &format!("f{number}"), "v", &limits));
    }
    assert!(matches!(hash, Hash::Large(_)));
    assert_eq!(hash.as_ref().encoding(), "listpack");
    hash.expect_more(100_001, &limits);
    assert_eq!(hash.as_ref().encoding(), "hashtable");
}

#[test]
fn many_fields_take_little() {
    let (limits, mut hash) = (Limits::default(), Hash::new());
    for number in 0..100_000 {
        set(&mut hash, &format!("field:{number:08}"), &format!("value:{number:010}"), &limits);
    }
    let each = hash.as_ref().heap() as f64 / 1e5;
    assert!((32.0..46.0).contains(&each), "{each} bytes");
    let mut small = Hash::new();
    for number in 0..10 {
        set(&mut small, &format!("f{number}"), "v000123", &limits);
    }
    let HashRef::Small(bytes) = small.as_ref() else { panic!("ten fields are few") };
    assert_eq!((bytes.bytes().len(), small.as_ref().heap()), (112, 0));
}

#[test]
fn due_fields_are_taken_out_and_no_others() {
    let (limits, mut hash) = (Limits::default(), Hash::new());
    for number in 0..1000i64 {
        let name = number.to_string();
        hash.set(name.as_bytes(), b"v", Until::At(number), &limits);
    }
    set(&mut hash, "0", "stays", &limits);
    assert_eq!((hash.as_ref().timed(), hash.as_ref().soonest_deadline()), (999, Some(1)));
    assert!(hash.as_ref().get(b"99", 100).is_none() && hash.as_ref().get(b"100", 100).is_some());
    assert_eq!(hash.as_ref().live(500).count(), 501);
    let taken: Vec<_> = std::iter::from_fn(|| hash.pop_due(100)).collect();
    assert_eq!((taken.len(), &*taken[0], &*taken[98]), (99, &b"1"[..], &b"99"[..]));
    assert_eq!((hash.as_ref().len(), hash.as_ref().soonest_deadline()), (901, Some(100)));
    hash.set_deadline(b"nobody", Some(5), &limits);
    assert_eq!(hash.as_ref().soonest_deadline(), Some(100));
}

#[test]
fn chance_meets_every_live_field_and_no_other() {
    let (limits, mut rng) = (Limits::default(), Rng::new(1));
    let mut hash = Hash::new();
    for number in 0..40u8 {
        set(&mut hash, &number.to_string(), "v", &limits);
    }
    for _ in 0..2 {
        let met: std::collections::BTreeSet<_> = (0..2000)
            .map(|_| text(hash.as_ref().random(&mut rng, 50).expect("there are live fields").name))
            .collect();
        assert_eq!(met.len(), hash.as_ref().live(50).count());
        for number in 0..39u8 {
            hash.set_deadline(number.to_string().as_bytes(), Some(10), &limits);
        }
    }
    hash.set_deadline(b"39", Some(49), &limits);
    assert_eq!(hash.as_ref().random(&mut rng, 50), None);
}

#[derive(Clone, Debug)]
enum Step {
    Set(Vec<u8>, Vec<u8>, Until),
    Remove(Vec<u8>),
    SetDeadline(Vec<u8>, Option<i64>),
    PopDue(i64),
    Copy,
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (-20i64..20).prop_map(|number| number.to_string().into_bytes()),
        "[a-d]{0,2}".prop_map(String::into_bytes),
        proptest::collection::vec(any::<u8>(), 60..70),
    ]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        name(),
        Just(vec![b'v'; 300]),
        any::<i64>().prop_map(|n| n.to_string().into_bytes())
    ]
}

/// `timed`: with times; without, a hash may stay small.
fn step(timed: bool) -> impl Strategy<Value = Step> {
    let until = prop_oneof![
        2 => Just(Until::Ever),
        1 => Just(Until::AsBefore),
        u32::from(timed) => (0i64..50).prop_map(Until::At),
    ];
    prop_oneof![
        6 => (name(), value(), until).prop_map(|(name, value, until)| Step::Set(name, value, until)),
        3 => name().prop_map(Step::Remove),
        2 * u32::from(timed) => (name(), proptest::option::of(0i64..50))
            .prop_map(|(name, deadline)| Step::SetDeadline(name, deadline)),
        1 => (0i64..50).prop_map(Step::PopDue),
        1 => Just(Step::Copy),
    ]
}

fn pop(hash: &mut Hash, model: &mut Model, now_ms: i64) {
    let soonest = model.iter().filter_map(|(name, (_, deadline))| Some(((*deadline)?, name))).min();
    let due = soonest.filter(|(deadline, _)| *deadline < now_ms).map(|(_, name)| name.clone());
    assert_eq!(hash.pop_due(now_ms).map(Vec::from), due);
    due.map(|name| model.remove(&name));
}

fn play(hash: &mut Hash, model: &mut Model, step: Step, limits: &Limits) {
    match step {
        Step::Set(name, value, until) => {
            let is_new = hash.set(&name, &value, until, limits);
            let before = model.get(&name).and_then(|(_, deadline)| *deadline);
            let deadline = match until {
                Until::Ever => None,
                Until::AsBefore => before,
                Until::At(deadline) => Some(deadline),
            };
            assert_eq!(is_new, model.insert(name.clone(), (value, deadline)).is_none());
            let found = hash.as_ref().find(&name).map(owned);
            assert_eq!(found.map(|(_, rest)| rest).as_ref(), model.get(&name));
        }
        Step::Remove(name) => assert_eq!(hash.remove(&name), model.remove(&name).is_some()),
        Step::SetDeadline(name, deadline) => {
            hash.set_deadline(&name, deadline, limits);
            model.entry(name).and_modify(|(_, known)| *known = deadline);
        }
        Step::PopDue(now_ms) => pop(hash, model, now_ms),
        Step::Copy => *hash = hash.as_ref().to_owned(),
    }
}

fn scanned(hash: HashRef<'_>) -> Model {
    let (mut all, mut cursor) = (Model::new(), 0);
    loop {
        cursor = hash.scan(cursor, &mut |pair| all.extend([owned(pair)]));
        if cursor == 0 {
            return all;
        }
    }
}

fn agrees(steps: Vec<Step>, entries: usize) {
    let limits = Limits { hash_entries: entries, ..Limits::default() };
    let (mut hash, mut model) = (Hash::new(), Model::new());
    for step in steps {
        let shown = hash.as_ref().shown();
        play(&mut hash, &mut model, step, &limits);
        let view = hash.as_ref();
        let times = || model.values().filter_map(|(_, deadline)| *deadline);
        assert_eq!((view.len(), view.timed()), (model.len(), times().count()));
        assert_eq!(view.soonest_deadline(), times().min());
        assert!(view.shown() >= shown, "what is shown only grows");
    }
    assert_eq!(hash.as_ref().iter().map(owned).collect::<Model>(), model);
    assert_eq!(scanned(hash.as_ref()), model);
    model.retain(|_, (_, deadline)| deadline.is_none_or(|deadline| deadline >= 25));
    assert_eq!(hash.as_ref().live(25).map(owned).collect::<Model>(), model);
}

proptest! {
    #[test]
    fn agrees_with_an_ordinary_map(
        timed in proptest::collection::vec(step(true), 0..200),
        untimed in proptest::collection::vec(step(false), 0..200),
        entries in 0usize..40,
    ) {
        agrees(timed, entries);
        agrees(untimed, entries);
    }
}

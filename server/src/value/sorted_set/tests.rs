//! Sorted sets against an ordinary map, in both forms.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

type Model = BTreeMap<Vec<u8>, f64>;
type List = Vec<(Vec<u8>, f64)>;

fn owned((member, score): Scored<'_>) -> (Vec<u8>, f64) {
    (member.text(&mut Scratch::default()).to_vec(), score)
}

fn sorted(model: &Model) -> List {
    let mut list: List = model.iter().map(|(member, score)| (member.clone(), *score)).collect();
    list.sort_by(|one, other| {
        let by_score = one.1.partial_cmp(&other.1).expect("scores are numbers");
        by_score.then_with(|| one.0.cmp(&other.0))
    });
    list
}

fn set_of(model: &Model, limits: &Limits) -> SortedSet {
    let mut set = SortedSet::default();
    for (member, score) in model {
        set.set(member, *score, limits);
    }
    set
}

/// Ranges that begin and end anywhere, the walks in both directions, ranks and counts.
fn agrees(set: SortedSetRef<'_>, model: &Model) {
    let list = sorted(model);
    assert_eq!(set.len(), list.len());
    assert_eq!(set.iter().map(owned).collect::<List>(), list);
    for (rank, (member, score)) in list.iter().enumerate() {
        assert_eq!(set.rank(member), Some((rank, *score)));
    }
    let middle = list.len() / 3..list.len() - list.len() / 4;
    assert_eq!(set.range(middle.clone()).map(owned).collect::<List>(), &list[middle.clone()]);
    let mut back: List = set.range_back(middle.clone()).map(owned).collect();
    back.reverse();
    assert_eq!(back, &list[middle]);
    for score in [f64::NEG_INFINITY, -2.0, -0.0, 1.0, 1.25, f64::INFINITY] {
        let ranks = set.between(Place::BeforeScore(score), Place::BehindScore(score));
        let expected = list.iter().filter(|(_, other)| *other == score).count();
        assert_eq!(ranks.len(), expected, "{score}");
        assert_eq!(ranks.start, list.partition_point(|(_, other)| *other < score));
        let back = set.between_back(Place::BeforeScore(score), Place::BehindScore(score));
        assert_eq!(back, ranks, "{score}");
    }
    let (mut met, mut cursor) = (Model::new(), 0);
    loop {
        cursor = set.scan(cursor, &mut |scored| {
            let (member, score) = owned(scored);
            met.insert(member, score);
        });
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(&met, model);
}

fn member() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (-30i64..300).prop_map(|number| number.to_string().into_bytes()),
        "[a-d]{0,3}".prop_map(String::into_bytes),
        (0u8..20).prop_map(|fill| vec![fill; 70]),
    ]
}

fn score() -> impl Strategy<Value = f64> {
    prop_oneof![
        (-5i8..5).prop_map(f64::from),
        (-20i8..20).prop_map(|quarters| f64::from(quarters) / 4.0),
        Just(-0.0),
        Just(f64::INFINITY),
        Just(f64::NEG_INFINITY),
        any::<f64>().prop_filter("a score is a number", |score| !score.is_nan()),
    ]
}

#[derive(Clone, Debug)]
enum Step {
    Add(Vec<u8>, f64, u8),
    Remove(Vec<u8>),
    Pop(bool, usize),
    RemoveRange(usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (member(), score(), any::<u8>()).prop_map(|(m, s, wish)| Step::Add(m, s, wish)),
        2 => member().prop_map(Step::Remove),
        1 => (any::<bool>(), 0usize..4).prop_map(|(min, count)| Step::Pop(min, count)),
        1 => (any::<usize>(), 0usize..6).prop_map(|(start, len)| Step::RemoveRange(start, len)),
    ]
}

fn wish(bits: u8) -> Wish {
    Wish {
        only_new: bits % 16 == 1,
        only_known: bits % 16 == 2,
        only_greater: bits % 16 == 3,
        only_less: bits % 16 == 4,
        add: bits >= 200,
    }
}

/// What Redis documents of ZADD's options, in other words.
fn add_to_model(model: &mut Model, member: &[u8], score: f64, wish: Wish) -> Wished {
    match model.get(member).copied() {
        None if wish.only_known => Wished::Refused,
        None => {
            model.insert(member.to_vec(), score);
            Wished::Added(score)
        }
        Some(_) if wish.only_new => Wished::Refused,
        Some(old) => {
            let new = if wish.add { old + score } else { score };
            if new.is_nan() {
                return Wished::NotANumber;
            }
            if (wish.only_greater && new <= old) || (wish.only_less && new >= old) {
                return Wished::Refused;
            }
            if new == old {
                return Wished::Same(old);
            }
            model.insert(member.to_vec(), new);
            Wished::Moved(new)
        }
    }
}

fn play(set: &mut SortedSet, model: &mut Model, step: Step, limits: &Limits) {
    match step {
        Step::Add(member, score, bits) => {
            let wished = set.add(&member, score, wish(bits), limits);
            assert_eq!(wished, add_to_model(model, &member, score, wish(bits)));
            assert_eq!(set.as_ref().score(&member), model.get(&member).copied());
        }
        Step::Remove(member) => assert_eq!(set.remove(&member), model.remove(&member)),
        Step::Pop(min, count) => {
            let mut list = sorted(model);
            if !min {
                list.reverse();
            }
            list.truncate(count);
            let mut popped = List::new();
            let side = if min { Side::Min } else { Side::Max };
            set.pop(side, count, &mut |scored| popped.push(owned(scored)));
            assert_eq!(popped, list);
            model.retain(|member, _| popped.iter().all(|(gone, _)| gone != member));
        }
        Step::RemoveRange(start, len) => {
            let start = start % (model.len() + 1);
            let ranks = start..(start + len).min(model.len());
            set.remove_range(ranks.clone());
            let list = sorted(model);
            model.retain(|member, _| list[ranks.clone()].iter().all(|(gone, _)| gone != member));
        }
    }
}

#[test]
fn it_is_shown_as_in_redis() {
    let limits = Limits::default();
    let mut set = SortedSet::default();
    for number in 0..128 {
        set.set(format!("m{number}").as_bytes(), 1.0, &limits);
        assert_eq!(set.as_ref().encoding(), "listpack");
    }
    set.set(b"m128", 1.0, &limits);
    assert_eq!(set.as_ref().encoding(), "skiplist");
    assert!(set.as_ref().heap() == 0, "it is small all the same");
    set.remove_range(1..129);
    assert_eq!((set.as_ref().encoding(), set.as_ref().len()), ("skiplist", 1));
    let mut set = SortedSet::default();
    set.set(&[b'x'; 64], 1.0, &limits);
    assert_eq!(set.as_ref().encoding(), "listpack");
    set.set(&[b'x'; 65], 1.0, &limits);
    assert_eq!(set.as_ref().encoding(), "skiplist");
    assert_eq!(SortedSet::new(129, 1, &limits).as_ref().encoding(), "skiplist");
}

#[test]
fn ranges_of_members_of_different_scores_are_those_of_real_servers() {
    let (limits, mut set) = (Limits::default(), SortedSet::default());
    for (member, score) in [("a", -2.0), ("1", 1.0), ("k", 1.0), ("b", 3.0)] {
        set.set(member.as_bytes(), score, &limits);
    }
    let set = set.as_ref();
    let both = |from, to| (set.between(from, to), set.between_back(from, to));
    // From the first that is not before "b" to the last that is not behind "k", "1" or not.
    let (from, to) = (Place::BeforeMember(b"a"), Place::BehindMember(b"k"));
    assert_eq!(both(from, to), (0..4, 2..4));
    // The last is before the range; the first is behind it.
    let (from, to) = (Place::BeforeMember(b"c"), Place::BehindMember(b"z"));
    assert_eq!(both(from, to), (2..2, 2..2));
    let (from, to) = (Place::BeforeMember(b"1"), Place::BehindMember(b"9"));
    assert_eq!(both(from, to), (0..0, 0..0));
}

#[test]
fn members_of_one_score_are_found_by_their_bytes() {
    for count in [20, 2000] {
        let limits = Limits::default();
        let mut set = SortedSet::default();
        for number in 0..count {
            set.set(format!("{number:05}").as_bytes(), 7.0, &limits);
        }
        let set = set.as_ref();
        assert_eq!(set.between(Place::BeforeMember(b"00003"), Place::End).start, 3);
        assert_eq!(set.between(Place::BehindMember(b"00003"), Place::End).start, 4);
        assert_eq!(
            set.between(Place::BehindMember(b"00009"), Place::BehindMember(b"00012")),
            10..13
        );
        assert_eq!(set.between(Place::End, Place::Start).len(), 0);
    }
}

#[test]
fn a_hundred_short_members_take_few_bytes() {
    let limits = Limits::default();
    let mut set = SortedSet::default();
    for number in 0..100 {
        let score = f64::from(number * 3 + 9999);
        set.set(format!("m{number:06}").as_bytes(), score, &limits);
    }
    let SortedSetRef::Small(small) = set.as_ref() else { unreachable!("it is small") };
    assert!(small.bytes().len() < 1130, "{} bytes", small.bytes().len());
}

proptest! {
    #[test]
    fn agrees_with_an_ordinary_map(
        steps in proptest::collection::vec(step(), 0..600), entries in 0usize..40
    ) {
        let limits = Limits { zset_entries: entries, ..Limits::default() };
        let (mut set, mut model) = (SortedSet::default(), Model::new());
        let mut shown = set.as_ref().encoding();
        for step in steps {
            let is_clearing = matches!(step, Step::RemoveRange(..));
            play(&mut set, &mut model, step, &limits);
            let now = set.as_ref().encoding();
            prop_assert!(shown <= now || is_clearing && model.is_empty());
            shown = now;
        }
        agrees(set.as_ref(), &model);
        agrees(set.as_ref().to_owned().as_ref(), &model);
    }

    #[test]
    fn gathering_gives_the_same_set(
        parts in proptest::collection::vec((member(), score()), 0..400), entries in 0usize..200
    ) {
        let limits = Limits { zset_entries: entries, ..Limits::default() };
        let (mut gather, mut model) = (Gather::new(&limits), Model::new());
        for (member, score) in parts {
            gather.merge(&member, score, f64::max);
            let best = model.get(&member).map_or(score, |old| score.max(*old));
            model.insert(member, best);
        }
        prop_assert_eq!(gather.len(), model.len());
        let Some(set) = gather.finish(&limits) else {
            prop_assert!(model.is_empty());
            return Ok(());
        };
        agrees(set.as_ref(), &model);
        let encoding = set_of(&model, &limits).as_ref().encoding();
        prop_assert_eq!(set.as_ref().encoding(), encoding);
    }
}

//! Lists against `VecDeque<Vec<u8>>`, their memory, and their names.
//!
//! Owns: the model.   Uses: list.   Never: a server.

use super::block::{ALONE, BLOCK};
use super::chapter::CHAPTER;
use super::*;
use crate::base::alloc;
use crate::value::text::Scratch;
use proptest::prelude::*;
use std::collections::VecDeque;

type Model = VecDeque<Vec<u8>>;

fn text(element: Element<'_>) -> Vec<u8> {
    element.text(&mut Scratch::default()).to_vec()
}

/// What must hold after each change, and what is cheap enough to look at.
fn check(list: &List, model: &Model) {
    let list = list.as_ref();
    assert_eq!(list.len(), model.len());
    assert_eq!(list.end(Side::Left).map(text).as_ref(), model.front());
    assert_eq!(list.end(Side::Right).map(text).as_ref(), model.back());
    let ListRef::Large(chain) = list else { return };
    let chapters = chain.chapters().iter();
    let blocks = || chapters.clone().flat_map(|chapter| chapter.blocks());
    assert!(chapters.clone().all(|chapter| (1..=CHAPTER).contains(&chapter.blocks().len())));
    assert!(
        blocks().all(|block| block.len() > 0 && (block.len() == 1 || block.capacity() <= BLOCK))
    );
    assert_eq!(blocks().map(|block| block.sums().len).sum::<usize>(), chain.sums().len);
    assert_eq!(blocks().map(|block| block.sums().bytes).sum::<usize>(), chain.sums().bytes);
    let rows =
        chapters.clone().map(|chapter| chapter.blocks().capacity() * size_of::<block::Block>());
    let room = blocks().map(|block| block.sums().room).sum::<usize>();
    assert_eq!(rows.map(alloc::given).sum::<usize>() + room, chain.sums().room);
}

fn check_all(list: &List, model: &Model) {
    check(list, model);
    let list = list.as_ref();
    assert!(list.iter().map(text).eq(model.iter().cloned()));
    assert!(list.from_end(Side::Right).map(text).eq(model.iter().rev().cloned()));
    for index in [0, 1, model.len() / 3, model.len() / 2, model.len().saturating_sub(1)] {
        assert_eq!(list.get(index).map(text).as_ref(), model.get(index));
        assert!(list.rightwards(index).map(text).eq(model.iter().skip(index).cloned()));
        let before = model.iter().take(index + 1).rev().cloned();
        if index < model.len() {
            assert!(list.leftwards(index).map(text).eq(before));
        }
    }
    assert_eq!(list.get(model.len()), None);
}

fn remove_from(model: &mut Model, element: &[u8], most: usize, side: Side) -> usize {
    let places = model.iter().enumerate().filter(|(_, other)| *other == element);
    let mut places: Vec<_> = places.map(|(place, _)| place).collect();
    match side {
        Side::Left => places.truncate(most),
        Side::Right => drop(places.drain(..places.len() - most.min(places.len()))),
    }
    for place in places.iter().rev() {
        model.remove(*place);
    }
    places.len()
}

#[derive(Clone, Debug)]
enum Step {
    Push(Side, Vec<u8>, usize),
    Cut(Side, usize),
    Insert(usize, Vec<u8>),
    Set(usize, Vec<u8>),
    Remove(Vec<u8>, usize, Side),
    Copy,
}

fn apply(list: &mut List, model: &mut Model, step: Step) {
    let len = model.len();
    match step {
        Step::Push(side, element, times) => {
            for _ in 0..times {
                list.push(side, &element);
                match side {
                    Side::Left => model.push_front(element.clone()),
                    Side::Right => model.push_back(element.clone()),
                }
            }
        }
        Step::Cut(side, count) => {
            let count = count.min(len);
            let _ = list.cut(side, count);
            match side {
                Side::Left => drop(model.drain(..count)),
                Side::Right => model.truncate(len - count),
            }
        }
        Step::Insert(at, element) => {
            let at = at % (len + 1);
            list.insert(at, &element);
            model.insert(at, element);
        }
        Step::Set(at, element) if len > 0 => {
            list.set(at % len, &element);
            model[at % len] = element;
        }
        Step::Remove(element, most, side) => {
            let removed = list.remove_equal(&element, most, side);
            assert_eq!(removed, remove_from(model, &element, most, side));
        }
        Step::Copy => *list = list.as_ref().to_owned(),
        Step::Set(..) => {}
    }
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Left), Just(Side::Right)]
}

fn element() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (0i64..6).prop_map(|number| number.to_string().into_bytes()),
        4 => "[a-c]{0,2}".prop_map(String::into_bytes),
        2 => any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        4 => proptest::collection::vec(any::<u8>(), 10..90),
        2 => (100usize..1000).prop_map(|len| vec![b'm'; len]),
        1 => (ALONE - 20..ALONE + 20).prop_map(|len| vec![b'l'; len]),
        1 => (BLOCK - 20..3 * BLOCK).prop_map(|len| vec![b'x'; len]),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (side(), element(), 1usize..40).prop_map(|(side, e, n)| Step::Push(side, e, n)),
        2 => (side(), 0usize..60).prop_map(|(side, count)| Step::Cut(side, count)),
        1 => (side(), 0usize..2000).prop_map(|(side, count)| Step::Cut(side, count)),
        4 => (any::<usize>(), element()).prop_map(|(at, e)| Step::Insert(at, e)),
        4 => (any::<usize>(), element()).prop_map(|(at, e)| Step::Set(at, e)),
        2 => (element(), 0usize..20, side()).prop_map(|(e, n, side)| Step::Remove(e, n, side)),
        1 => (element(), side()).prop_map(|(e, side)| Step::Remove(e, usize::MAX, side)),
        1 => Just(Step::Copy),
    ]
}

proptest! {
    #[test]
    fn agrees_with_an_ordinary_deque(steps in proptest::collection::vec(step(), 0..250)) {
        let (mut list, mut model) = (List::new(), Model::new());
        for (number, step) in steps.into_iter().enumerate() {
            apply(&mut list, &mut model, step);
            check(&list, &model);
            if number % 16 == 0 {
                check_all(&list, &model);
            }
        }
        check_all(&list, &model);
        while !model.is_empty() {
            apply(&mut list, &mut model, Step::Cut(Side::Left, 50));
            check(&list, &model);
        }
        prop_assert!(matches!(list, List::Small(_)));
    }
}

fn numbered(count: usize, side: Side) -> (List, Model) {
    let (mut list, mut model) = (List::new(), Model::new());
    for number in 0..count {
        let element = format!("item:{number:010}").into_bytes();
        apply(&mut list, &mut model, Step::Push(side, element, 1));
    }
    (list, model)
}

#[test]
fn many_chapters_agree_too() {
    for side in [Side::Left, Side::Right] {
        let (mut list, mut model) = numbered(200_000, side);
        check_all(&list, &model);
        for number in 0..2_000usize {
            let at = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            apply(&mut list, &mut model, Step::Insert(at, vec![b'i'; number % 40]));
            apply(&mut list, &mut model, Step::Set(at / 3, vec![b's'; number % 30]));
        }
        check_all(&list, &model);
        apply(&mut list, &mut model, Step::Remove(b"iii".to_vec(), 20, Side::Right));
        apply(&mut list, &mut model, Step::Remove(b"ss".to_vec(), usize::MAX, Side::Left));
        check_all(&list, &model);
        assert!(list.cut(Side::Left, 100_000).is_some(), "whole chapters are handed back");
        model.drain(..100_000);
        apply(&mut list, &mut model, Step::Cut(Side::Right, 70_000));
        check_all(&list, &model);
    }
}

#[test]
fn chapters_split_where_much_is_inserted() {
    let (mut list, mut model) = numbered(1_000, Side::Right);
    for number in 0..1_500 {
        apply(&mut list, &mut model, Step::Insert(500, vec![b'b'; ALONE - 2 - number % 9]));
    }
    check_all(&list, &model);
    let List::Large(chain) = &list else { panic!("a large list") };
    assert!(chain.chapters().len() > 2, "{} chapters", chain.chapters().len());
    apply(&mut list, &mut model, Step::Cut(Side::Right, 2_480));
    check_all(&list, &model);
}

#[test]
fn memory_is_little_more_than_the_elements_and_is_counted_exactly() {
    for side in [Side::Left, Side::Right] {
        let before = alloc::used();
        let mut list = List::new();
        for number in 0..1_000_000 {
            list.push(side, format!("item:{number:010}").as_bytes());
        }
        let heap = list.as_ref().heap();
        assert_eq!(alloc::used() - before, heap as u64);
        let each = heap as f64 / 1e6;
        assert!(each < 17.12, "{each} bytes");
    }
    for (len, most) in
        [(300, 1.1), (700, 1.1), (1000, 1.1), (1500, 1.12), (3000, 1.05), (10_000, 1.05)]
    {
        let mut list = List::new();
        (0..10_000).for_each(|_| list.push(Side::Right, &vec![b'x'; len]));
        let ratio = list.as_ref().heap() as f64 / (len * 10_000) as f64;
        assert!(ratio < most, "{ratio} for {len}");
    }
}

#[test]
fn a_list_that_has_just_become_large_stays_small() {
    let (list, _) = numbered(100, Side::Right);
    assert!(matches!(list, List::Large(_)));
    assert!(list.as_ref().heap() < 2_300, "{}", list.as_ref().heap());
}

#[test]
fn a_queue_keeps_its_size() {
    let (mut list, mut model) = numbered(90, Side::Left);
    let mut most = 0;
    for number in 0..10_000 {
        apply(&mut list, &mut model, Step::Push(Side::Left, format!("job:{number:011}").into(), 1));
        apply(&mut list, &mut model, Step::Cut(Side::Right, 1));
        check(&list, &model);
        most = most.max(list.as_ref().heap());
    }
    assert!(most < 8_000, "{most}");
}

#[test]
fn it_is_shown_as_in_redis() {
    let shown = |list: &List| list.as_ref().encoding();
    let push = |list: &mut List, element: &[u8], limits: &Limits| {
        list.expect_more(1, element.len(), limits);
        list.push(Side::Right, element);
    };
    let limits = Limits::default();
    let mut list = List::new();
    // The bytes of what is to come count without what a listpack has beside them.
    (0..13).for_each(|_| push(&mut list, &[b'x'; 600], &limits));
    assert_eq!((shown(&list), list.as_ref().listpack()), ("listpack", 7859));
    push(&mut list, &[b'x'; 333], &limits);
    assert_eq!((shown(&list), list.as_ref().listpack()), ("listpack", 8196));
    push(&mut list, b"", &limits);
    assert_eq!(shown(&list), "quicklist");
    let _ = list.cut(Side::Left, 6);
    list.expect_less(&limits);
    assert_eq!((shown(&list), list.as_ref().listpack()), ("quicklist", 4574));
    let _ = list.cut(Side::Left, 1);
    list.expect_less(&limits);
    assert_eq!((shown(&list), list.as_ref().listpack()), ("listpack", 3970));
}

#[test]
fn a_limit_may_be_a_number_of_elements() {
    assert!(!exceeds(3, 100, 3) && exceeds(3, 100, 4) && exceeds(3, 8193, 1));
    assert!(!exceeds(0, 100, 1) && exceeds(0, 100, 2));
    assert!(is_half(4, 100, 2) && !is_half(4, 100, 3) && !is_half(0, 20, 1));
    assert!(!exceeds(-5, 65_536, 70_000) && exceeds(-1000, 65_537, 1) && exceeds(-1, 4097, 1));
    assert!(is_half(-2, 4096, 500) && !is_half(-2, 4097, 1));
}

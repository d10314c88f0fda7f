//! Target: any bytes are a program for a sorted set, which must agree with a plain map.
//!
//! Owns: the meaning of the bytes.   Uses: the sorted set.   Never: a server, a key.

use super::program::Program;
use lodestore_server::base::random::Rng;
use lodestore_server::value::limits::Limits;
use lodestore_server::value::sorted_set::{Gather, Place, Scored, Side, SortedSet, Wish, Wished};
use lodestore_server::value::text::Scratch;
use std::collections::BTreeMap;

type Model = BTreeMap<Vec<u8>, f64>;
type List = Vec<(Vec<u8>, f64)>;

/// Numbers, short texts of which many are equal, long texts.
fn member(program: &mut Program<'_>) -> Vec<u8> {
    let (kind, fill) = (program.byte(), program.byte());
    match kind % 8 {
        0 | 1 => fill.to_string().into_bytes(),
        2..=4 => format!("{:04}", program.word()).into_bytes(),
        5 => vec![fill % 4; usize::from(kind / 8 % 3)],
        6 => vec![fill; usize::from(fill)],
        _ => vec![fill % 8; 1000 + usize::from(program.word() % 3000)],
    }
}

fn score(program: &mut Program<'_>) -> f64 {
    let (kind, number) = (program.byte(), program.byte());
    match kind % 8 {
        0..=3 => f64::from(number % 8),
        4 => f64::from(number) / 4.0 - 20.0,
        5 => [f64::INFINITY, f64::NEG_INFINITY, -0.0, f64::MAX][usize::from(number % 4)],
        _ => {
            let bits = (0..8).fold(0, |bits, _| bits << 8 | u64::from(program.byte()));
            Some(f64::from_bits(bits)).filter(|score| !score.is_nan()).unwrap_or(0.5)
        }
    }
}

fn owned((member, score): Scored<'_>) -> (Vec<u8>, f64) {
    (member.text(&mut Scratch::default()).to_vec(), score)
}

fn sorted(model: &Model) -> List {
    let mut list: List = model.iter().map(|(member, score)| (member.clone(), *score)).collect();
    list.sort_by(|one, other| {
        let by_score = one.1.partial_cmp(&other.1).expect("no score is NaN");
        by_score.then_with(|| one.0.cmp(&other.0))
    });
    list
}

fn step(set: &mut SortedSet, model: &mut Model, limits: &Limits, program: &mut Program<'_>) {
    match program.byte() % 16 {
        0..=8 => {
            let (member, score, bits) = (member(program), score(program), program.byte());
            let wish = Wish { add: bits % 4 == 0, only_greater: bits % 5 == 0, ..Wish::default() };
            let old = model.get(&member).copied();
            let new = old.map_or(score, |old| if wish.add { old + score } else { score });
            let keeps = new.is_nan() || wish.only_greater && old.is_some_and(|old| new <= old);
            let wished = set.add(&member, score, wish, limits);
            assert_eq!(matches!(wished, Wished::Refused | Wished::NotANumber), keeps);
            if !keeps && old != Some(new) {
                model.insert(member, new);
            }
        }
        9 | 10 => {
            let member = member(program);
            assert_eq!(set.remove(&member), model.remove(&member));
        }
        11 => {
            let (count, is_min) =
                (usize::from(program.byte() % 8), program.byte().is_multiple_of(2));
            let mut list = sorted(model);
            if !is_min {
                list.reverse();
            }
            list.truncate(count);
            let mut popped = List::new();
            let side = if is_min { Side::Min } else { Side::Max };
            set.pop(side, count, &mut |scored| popped.push(owned(scored)));
            assert_eq!(popped, list);
            popped.iter().for_each(|(member, _)| _ = model.remove(member));
        }
        12 => {
            let start = usize::from(program.word()) % (model.len() + 1);
            let ranks = start..(start + usize::from(program.byte() % 40)).min(model.len());
            set.remove_range(ranks.clone());
            sorted(model)[ranks].iter().for_each(|(member, _)| _ = model.remove(member));
        }
        13 => *set = set.as_ref().to_owned(),
        14 => {
            let mut gather = Gather::new(limits);
            set.as_ref().iter().for_each(|scored| {
                let (member, score) = owned(scored);
                gather.merge(&member, score, |_, new| new);
            });
            *set = gather.finish(limits).unwrap_or_default();
        }
        _ => {
            let (score, member) = (score(program), member(program));
            let list = sorted(model);
            let before = list.partition_point(|(_, other)| *other < score);
            let behind = list.partition_point(|(_, other)| *other <= score);
            let ranks = set.as_ref().between(Place::BeforeScore(score), Place::BehindScore(score));
            assert_eq!(ranks, before..behind);
            assert!(set.as_ref().range(ranks.clone()).map(owned).eq(list[ranks].iter().cloned()));
            let rank = list.iter().position(|(other, _)| *other == member);
            assert_eq!(set.as_ref().rank(&member).map(|(rank, _)| rank), rank);
        }
    }
}

pub fn run(bytes: &[u8]) {
    let limits = Limits::default();
    let (mut set, mut model) = (SortedSet::default(), Model::new());
    let mut program = Program::new(bytes);
    while !program.is_over() {
        step(&mut set, &mut model, &limits, &mut program);
        assert_eq!(set.as_ref().len(), model.len());
    }
    let list = sorted(&model);
    assert!(set.as_ref().iter().map(owned).eq(list.iter().cloned()));
    let back = set.as_ref().range_back(0..list.len()).map(owned);
    assert!(back.eq(list.into_iter().rev()));
}

pub fn seeds() -> Vec<Vec<u8>> {
    let mut rng = Rng::new(3);
    (4..12).map(|power| (0..6 * (1 << power)).map(|_| rng.next_u64() as u8).collect()).collect()
}

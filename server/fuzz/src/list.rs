//! Target: any bytes are a program for a list, which must agree with a plain deque after each step.
//!
//! Owns: the meaning of the bytes.   Uses: the list.   Never: a server, a key.

use lodestore_server::base::random::Rng;
use lodestore_server::value::list::{List, Side};
use lodestore_server::value::packed::Element;
use lodestore_server::value::text::Scratch;
use std::collections::VecDeque;

type Model = VecDeque<Vec<u8>>;

/// The model is O(n) in most of what it does.
const MOST: usize = 20_000;

/// Reads a program byte by byte; zeros follow its end.
struct Program<'a>(&'a [u8]);

impl Program<'_> {
    fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    fn word(&mut self) -> usize {
        u16::from_le_bytes([self.byte(), self.byte()]).into()
    }

    fn side(&mut self) -> Side {
        if self.byte().is_multiple_of(2) { Side::Left } else { Side::Right }
    }

    /// Numbers, short texts of which many are equal, long texts.
    fn element(&mut self) -> Vec<u8> {
        let (kind, fill) = (self.byte(), self.byte());
        match kind % 8 {
            0 | 1 => fill.to_string().into_bytes(),
            2 => (fill as i8 as i64).wrapping_mul(1 << (fill % 63)).to_string().into_bytes(),
            3 | 4 => vec![fill % 4; usize::from(kind / 8 % 3)],
            5 => vec![fill; usize::from(fill)],
            6 => vec![fill; self.word() % 2000],
            _ => vec![fill; 100 + self.word() % 9000],
        }
    }
}

fn text(element: Element<'_>) -> Vec<u8> {
    element.text(&mut Scratch::default()).to_vec()
}

fn push(list: &mut List, model: &mut Model, side: Side, element: Vec<u8>) {
    list.push(side, &element);
    match side {
        Side::Left => model.push_front(element),
        Side::Right => model.push_back(element),
    }
}

fn remove(model: &mut Model, element: &[u8], most: usize, side: Side) -> usize {
    let mut left = most;
    let mut keep = |other: &Vec<u8>| {
        let goes = left > 0 && other == element;
        left -= usize::from(goes);
        !goes
    };
    match side {
        Side::Left => model.retain(&mut keep),
        Side::Right => {
            model.make_contiguous().reverse();
            model.retain(&mut keep);
            model.make_contiguous().reverse();
        }
    }
    most - left
}

fn step(list: &mut List, model: &mut Model, program: &mut Program<'_>) {
    let what = program.byte() % 16;
    let room = MOST.saturating_sub(model.len());
    match what {
        0..=4 => {
            let (side, times, element) = (program.side(), program.byte(), program.element());
            for _ in 0..room.min(times.into()) {
                push(list, model, side, element.clone());
            }
        }
        5..=7 => {
            let (side, count) = (program.side(), program.word() % (1 << (what * 2)));
            let count = count.min(model.len());
            let _ = list.cut(side, count);
            match side {
                Side::Left => drop(model.drain(..count)),
                Side::Right => model.truncate(model.len() - count),
            }
        }
        8..=10 if room > 0 => {
            let (at, element) = (program.word() % (model.len() + 1), program.element());
            list.insert(at, &element);
            model.insert(at, element);
        }
        11 | 12 if !model.is_empty() => {
            let (at, element) = (program.word() % model.len(), program.element());
            list.set(at, &element);
            model[at] = element;
        }
        13 => {
            let (side, most, element) = (program.side(), program.word(), program.element());
            let removed = list.remove_equal(&element, most, side);
            assert_eq!(removed, remove(model, &element, most, side));
        }
        14 => *list = list.as_ref().to_owned(),
        _ => {
            let at = program.word() % (model.len() + 1);
            let list = list.as_ref();
            assert_eq!(list.get(at).map(text).as_ref(), model.get(at));
            assert!(list.rightwards(at).map(text).eq(model.range(at..).cloned()));
            let before = model.range(..(at + 1).min(model.len())).rev().cloned();
            assert!(at == model.len() || list.leftwards(at).map(text).eq(before));
        }
    }
}

pub fn run(bytes: &[u8]) {
    let (mut list, mut model) = (List::new(), Model::new());
    let mut program = Program(bytes);
    while !program.0.is_empty() {
        step(&mut list, &mut model, &mut program);
        assert_eq!(list.as_ref().len(), model.len());
        assert_eq!(list.as_ref().end(Side::Left).map(text).as_ref(), model.front());
        assert_eq!(list.as_ref().end(Side::Right).map(text).as_ref(), model.back());
    }
    assert!(list.as_ref().iter().map(text).eq(model));
}

pub fn seeds() -> Vec<Vec<u8>> {
    let mut rng = Rng::new(2);
    (4..10).map(|power| (0..6 * (1 << power)).map(|_| rng.next_u64() as u8).collect()).collect()
}

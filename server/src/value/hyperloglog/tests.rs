//! HyperLogLogs beside plain registers, and beside strings that a real server made.

use super::*;
use proptest::prelude::*;

const MOST: usize = 3000;

fn of(elements: impl IntoIterator<Item = String>, most: usize) -> HyperLogLog {
    let mut log = HyperLogLog::default();
    for element in elements {
        log.add(element.as_bytes(), most).expect("it was empty");
    }
    log
}

fn registers(log: HyperLogLogRef<'_>) -> Registers {
    let mut registers = Registers::default();
    log.raise_into(&mut registers).expect("its runs are right");
    registers
}

/// A sparse one whose runs are these bytes.
fn with_runs(runs: &[u8]) -> HyperLogLog {
    let mut bytes = HyperLogLog::default().into_bytes();
    bytes.truncate(HEADER);
    bytes.extend_from_slice(runs);
    HyperLogLog::of(bytes).expect("its header is right")
}

#[test]
fn the_string_is_that_of_a_real_server() {
    let mut log = of(["a", "b", "c"].map(String::from), MOST);
    let expected = b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80\x60\xf3\x80\x50\xb1\x84\x4b\xfb\x80\x42\x5a";
    assert_eq!(log.as_ref().bytes, expected);
    assert_eq!(
        log.as_ref().runs().as_deref(),
        Some("Z:8436 v:1,1 Z:4274 v:2,1 Z:3068 v:1,1 Z:603")
    );
    assert_eq!(log.as_ref().count_of_before(), None);
    assert_eq!(log.as_ref().count(), Ok(3));
    assert_eq!(log.add(b"a", MOST), Ok(false));
    assert_eq!(log.make_dense(), Ok(true));
    assert_eq!(log.make_dense(), Ok(false));
    assert_eq!((log.as_ref().bytes.len(), log.as_ref().count()), (12304, Ok(3)));
    assert!(log.as_ref().is_past(b"a") && !log.as_ref().is_past(b"d"));
}

#[test]
fn a_count_is_kept_until_an_element_comes() {
    let mut bytes = of(["a".into()], MOST).into_bytes();
    note_count(&mut bytes, 1);
    let mut log = HyperLogLog::of(bytes).expect("it was one");
    assert_eq!(log.as_ref().count_of_before(), Some(1));
    assert_eq!(log.add(b"a", MOST), Ok(false));
    assert_eq!(log.as_ref().count_of_before(), Some(1));
    assert_eq!(log.make_dense(), Ok(true));
    assert_eq!(log.as_ref().count_of_before(), Some(1));
    assert_eq!(log.add(b"b", MOST), Ok(true));
    assert_eq!(log.as_ref().count_of_before(), None);
}

#[test]
fn estimates_are_near() {
    let mut log = HyperLogLog::default();
    for n in 0..200_000u32 {
        log.add(&n.to_le_bytes(), MOST).expect("it was empty");
        if (n + 1).is_power_of_two() || n % 10_000 == 0 {
            let (seen, said) = (f64::from(n + 1), log.as_ref().count().unwrap_or(-1) as f64);
            // Four times the standard error, and one element.
            assert!((said - seen).abs() <= seen * 0.0325 + 1.0, "{said} of {seen}");
        }
    }
}

#[test]
fn a_long_string_becomes_dense() {
    for most in [0, 18, 24, 100, 3000, 20_000] {
        let mut log = HyperLogLog::default();
        let mut longest = 0;
        for n in 0..5000 {
            log.add(format!("{n}").as_bytes(), most).expect("it was empty");
            if log.as_ref().form() == Form::Sparse {
                longest = log.as_ref().bytes.len();
            }
        }
        assert!(longest <= most, "{longest} bytes of {most}");
        assert_eq!(log.as_ref().form() == Form::Dense, most < 10_000, "{most}");
    }
}

#[test]
fn what_is_no_hyperloglog_is_none() {
    let good = HyperLogLog::default().into_bytes();
    assert!(HyperLogLogRef::of(&good).is_some());
    for (at, byte) in [(0, b'h'), (3, 0), (FORM, 0), (FORM, 2), (FORM, 0xff)] {
        let mut bad = good.clone();
        bad[at] = byte;
        assert!(HyperLogLogRef::of(&bad).is_none(), "{byte} at {at}");
        assert!(HyperLogLog::of(bad).is_err());
    }
    for len in 0..HEADER {
        assert!(HyperLogLogRef::of(&good[..len]).is_none());
    }
}

#[test]
fn runs_that_are_wrong_are_corrupt() {
    let element = |log: &mut HyperLogLog| log.add(b"a", MOST);
    // Nothing, too few, too many, one that is cut off.
    for runs in [&b""[..], b"\x00", b"\x7f\xfe", b"\x7f\xff\x80", b"\x7f\xff\x7f\xff", b"\x7f"] {
        let mut log = with_runs(runs);
        assert_eq!(log.as_ref().count(), Err(Corrupt), "{runs:?}");
        assert_eq!(log.as_ref().raise_into(&mut Registers::default()), Err(Corrupt));
        assert_eq!(log.make_dense(), Err(Corrupt));
        // As in Redis: as far as it can be read, it can be changed.
        let covered = runs.len() > 1;
        assert_eq!(element(&mut log), if covered { Ok(true) } else { Err(Corrupt) }, "{runs:?}");
    }
    assert_eq!(with_runs(b"\x7f").as_ref().runs().as_deref(), Some("Z:16129"));
}

#[derive(Clone, Debug)]
enum Step {
    Add(u16),
    Raise(usize, u8),
    Merge(Vec<u16>),
    Dense,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => any::<u16>().prop_map(Step::Add),
        // Near each other, so that runs are cut and joined.
        20 => (0..40usize, 1..4u8).prop_map(|(at, value)| Step::Raise(at, value)),
        4 => (0..REGISTERS, 1..52u8).prop_map(|(at, value)| Step::Raise(at, value)),
        2 => prop::collection::vec(0..2000u16, 0..80).prop_map(Step::Merge),
        1 => Just(Step::Dense),
    ];
    prop::collection::vec(step, 0..150)
}

proptest! {
    #[test]
    fn registers_are_those_of_a_plain_model(
        steps in steps(),
        most in prop_oneof![Just(3000usize), 16..200usize],
    ) {
        let mut log = HyperLogLog::default();
        let mut model = Registers::default();
        for step in steps {
            match step {
                Step::Add(n) => {
                    let (at, value) = place(&n.to_le_bytes());
                    let higher = model.0[at] < value;
                    model.0[at] = model.0[at].max(value);
                    prop_assert_eq!(log.add(&n.to_le_bytes(), most), Ok(higher));
                }
                Step::Raise(at, value) => {
                    let higher = model.0[at] < value;
                    model.0[at] = model.0[at].max(value);
                    let mut cursor = Cursor::START;
                    prop_assert_eq!(log.raise(&mut cursor, at, value, most), Ok(higher));
                }
                Step::Merge(elements) => {
                    let other = of(elements.iter().map(u16::to_string), 3000);
                    other.as_ref().raise_into(&mut model).expect("its runs are right");
                    prop_assert_eq!(log.raise_all(&model, most), Ok(()));
                }
                Step::Dense => drop(log.make_dense()),
            }
            prop_assert_eq!(&registers(log.as_ref()), &model);
            prop_assert_eq!(log.as_ref().count(), Ok(model.count()));
        }
    }

    /// A cursor that goes on leads to the same string as searches from the start.
    #[test]
    fn merging_makes_the_string_that_single_changes_make(
        start in prop::collection::vec((0..60usize, 1..4u8), 0..60),
        more in prop::collection::vec((0..60usize, 1..5u8), 0..60),
        most in prop_oneof![Just(3000usize), 16..80usize],
    ) {
        let mut log = HyperLogLog::default();
        for (at, value) in start {
            log.raise(&mut Cursor::START.clone(), at, value, most).expect("its runs are right");
        }
        let mut target = registers(log.as_ref());
        for (at, value) in more {
            target.0[at] = target.0[at].max(value);
        }
        let mut single = HyperLogLog::of(log.as_ref().bytes.into()).expect("it was one");
        for (at, &value) in target.0.iter().enumerate().filter(|&(_, &value)| value > 0) {
            single.raise(&mut Cursor::START.clone(), at, value, most).expect("its runs are right");
        }
        prop_assert_eq!(log.raise_all(&target, most), Ok(()));
        prop_assert_eq!(log.as_ref().bytes, single.as_ref().bytes);
    }
}

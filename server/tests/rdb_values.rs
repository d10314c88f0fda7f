//! Every form of every type: what real servers wrote is read, what is written is read back, what is damaged is refused.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod values;

use lodestore_server::base::crc::crc64;
use lodestore_server::persist::rdb::format::{Access, Family, Version};
use lodestore_server::persist::rdb::load::{Insert, Loader, Options, Record, Target};
use lodestore_server::persist::rdb::payload::{self, Held, PayloadFault, Terms};
use lodestore_server::persist::rdb::save::{self, Scratch, Writer};
use lodestore_server::value::limits::Limits;
use lodestore_server::value::text::Text;
use lodestore_server::value::{PutText, Value};
use proptest::prelude::*;
use std::collections::BTreeMap;
use values::samples::{self, bytes};
use values::{Shown, any_value, shown};

const REDIS_12: Version = Version { family: Family::Redis, number: 12 };
const VALKEY_80: Version = Version { family: Family::Valkey, number: 80 };

fn framed(body: &[u8], version: u16) -> Vec<u8> {
    let mut out = [body, &version.to_le_bytes()].concat();
    let checksum = crc64(0, &out);
    out.extend_from_slice(&checksum.to_le_bytes());
    out
}

fn read(payload: &[u8]) -> Result<Shown, PayloadFault> {
    let limits = Limits::default();
    let terms = Terms { checked: true, longest: 512 << 20, limits: &limits };
    Ok(match payload::read(payload, terms)? {
        Held::Text(PutText::Int(number)) => shown(Value::Text(Text::Int(number)).as_ref()),
        Held::Text(PutText::Bytes(bytes)) => Shown::Text(bytes.to_vec()),
        Held::Text(PutText::Blob(blob)) => Shown::Text(blob.to_vec()),
        Held::Value(value) => shown(value.as_ref()),
    })
}

fn list(texts: &[&str]) -> Shown {
    Shown::List(texts.iter().map(|text| text.as_bytes().to_vec()).collect())
}

fn set(texts: &[&str]) -> Shown {
    Shown::Set(texts.iter().map(|text| text.as_bytes().to_vec()).collect())
}

fn hash(fields: &[(&str, &str, Option<i64>)]) -> Shown {
    let own = |text: &str| text.as_bytes().to_vec();
    Shown::Hash(fields.iter().map(|(name, value, time)| (own(name), (own(value), *time))).collect())
}

fn sorted_set(members: &[(&str, f64)]) -> Shown {
    let own = |(member, score): &(&str, f64)| (member.as_bytes().to_vec(), score.to_bits());
    Shown::SortedSet(members.iter().map(own).collect())
}

/// What is in the samples.
fn known() -> Vec<(samples::Sample, Shown)> {
    let (x, y) = ("x".repeat(300), "y".repeat(65));
    let (b, c) = (Some(2_000_000_000_123), Some(2_000_000_000_000));
    let timed = hash(&[("a", "1", None), ("b", "2", b), ("c", "3", c)]);
    vec![
        (samples::LIST_PLAIN, list(&["a", "5", "a"])),
        (samples::LIST_ZIPLIST, list(&["a", "5", &x, "-70000", "7000000000", ""])),
        (samples::QUICKLIST, list(&["a", "1", "200", "b"])),
        (samples::QUICKLIST_2, list(&["a", "b", "c", "d", "e"])),
        (samples::QUICKLIST_2_PLAIN, list(&["plain", "a", "b", "c"])),
        (samples::SET_PLAIN, set(&["a", "b", "1"])),
        (samples::INTSET_2, set(&["-3", "1", "2"])),
        (samples::INTSET_4, set(&["1", "70000"])),
        (samples::INTSET_8, set(&["1", "7000000000"])),
        (samples::SET_LISTPACK, set(&["a", "b", "1"])),
        (samples::HASH_PLAIN, hash(&[("a", "1", None), ("b", "2", None), ("c", "xx", None)])),
        (samples::HASH_ZIPMAP, hash(&[("foo", "bar", None), ("hello", "world", None)])),
        (samples::HASH_ZIPLIST, hash(&[("f", "v", None), ("5", "x", None)])),
        (samples::HASH_LISTPACK, hash(&[("f", "v", None), ("n", "12", None), ("e", "", None)])),
        (samples::HASH_TIMED, timed.clone()),
        (samples::HASH_LISTPACK_TIMED, timed.clone()),
        (samples::HASH_EXPIRY, timed),
        (
            samples::ZSET_TEXT,
            sorted_set(&[
                ("c", f64::NEG_INFINITY),
                ("d", -1.1e-20),
                ("a", 1.5),
                ("b", f64::INFINITY),
            ]),
        ),
        (samples::ZSET_BINARY, sorted_set(&[("z", -0.0), (&y, 1.5)])),
        (samples::ZSET_ZIPLIST, sorted_set(&[("c", -3.0), ("a", 1.5), ("b", 2.0)])),
        (
            samples::ZSET_LISTPACK,
            sorted_set(&[("c", f64::NEG_INFINITY), ("a", 1.5), ("b", 2.0), ("7", f64::INFINITY)]),
        ),
        (samples::STREAM_1, stream("0-0", 2, Some(1), [ME_1, ""])),
        (samples::STREAM_2, stream("1-2", 3, None, [ME_1, IDLE_1])),
        (samples::STREAM_3, stream("1-2", 3, None, [ME_3, IDLE_3])),
        (samples::STREAM_EMPTY, Shown::Stream("last 5-5 deleted 5-5 added 1\n".into())),
    ]
}

const ME_1: &str = "  me seen 1795266953914 active 1795266953914\n";
const IDLE_1: &str = "  idle seen 1795266953914 active 1795266953914\n";
const ME_3: &str = "  me seen 1795266953920 active 1795266953920\n";
const IDLE_3: &str = "  idle seen 1795266953920 active -1\n";

/// The stream of the samples: two entries and one deleted, a group with one of two consumers waiting for the first.
fn stream(deleted: &str, added: u64, read: Option<u64>, [me, idle]: [&str; 2]) -> Shown {
    let since = me.rsplit(' ').next().unwrap().trim();
    Shown::Stream(format!(
        "1-1: a=1 b=2\n2-0: c=5\nlast 2-0 deleted {deleted} added {added}\ngroup g at 1-1 read {read:?}\n  \
         1-1 with Some(\"me\") since {since}, 1x\n{idle}{me}"
    ))
}

#[test]
fn what_real_servers_wrote_is_read() {
    assert_eq!(known().len(), samples::ALL.len());
    for ((version, body), expected) in known() {
        let read = read(&framed(&bytes(body), version));
        assert_eq!(read, Ok(expected), "{body}");
    }
}

#[test]
fn what_is_cut_off_is_refused() {
    for &(version, body) in samples::ALL {
        let body = bytes(body);
        for len in 0..body.len() {
            let read = read(&framed(&body[..len], version));
            assert!(matches!(read, Err(PayloadFault::Content(_))), "{body:?} to {len}: {read:?}");
        }
    }
}

#[test]
fn what_is_damaged_is_refused_or_a_value() {
    for &(version, body) in samples::ALL {
        let body = bytes(body);
        for at in 0..body.len() {
            for change in 1..=255 {
                let mut damaged = body.clone();
                damaged[at] ^= change;
                let Ok(value) = read(&framed(&damaged, version)) else { continue };
                let is_empty = match &value {
                    Shown::List(list) => list.is_empty(),
                    Shown::Set(set) => set.is_empty(),
                    Shown::Hash(hash) => hash.is_empty(),
                    Shown::SortedSet(set) => set.is_empty(),
                    Shown::Text(_) | Shown::Stream(_) => false,
                };
                assert!(!is_empty, "{damaged:?}");
            }
        }
    }
}

#[test]
fn what_no_collection_may_hold_is_refused() {
    let bodies = [
        ("0100", 6, "it has no elements"),
        ("0200", 6, "it has no elements"),
        ("0400", 6, "it has no elements"),
        ("0500", 8, "it has no elements"),
        ("1200", 10, "it has no elements"),
        ("0b080200000000000000", 10, "it has no elements"),
        ("1407070000000000ff", 11, "it has no elements"),
        ("02020161016101", 6, "a member stands there twice"),
        ("0202c0010131", 6, "a member stands there twice"),
        ("0402016101310161c002", 6, "a field stands there twice"),
        ("05020161000000000000f03f0161000000000000f03f", 8, "a member stands there twice"),
        ("05010161000000000000f87f", 8, "a score is not a number"),
        ("03010161fd", 6, "a score is not a number"),
        ("0301016103312e78", 6, "a score is not a number"),
        ("0b0a020000000100000002000100", 10, "an intset"),
        ("0b0c02000000020000000200 0100", 10, "an intset is not in order"),
        ("111111000000040081610202018162020101ff", 10, "order"),
        ("100a0a0000000100816102ff", 10, "its last element stands alone"),
        ("18ffffffffffffff7f01 020161c001", 12, "the time of a field is beyond all times"),
    ];
    for (body, version, why) in bodies {
        let fault = match read(&framed(&bytes(&body.replace(' ', "")), version)) {
            Err(PayloadFault::Content(error)) => error.to_string(),
            other => panic!("{body}: {other:?}"),
        };
        assert!(fault.contains(why), "{body}: {fault}");
    }
}

#[test]
fn release_candidates_and_modules_are_named() {
    let foreign = |body: &[u8], version| match read(&framed(body, version)) {
        Err(PayloadFault::Foreign(name)) => name,
        other => panic!("{body:?}: {other:?}"),
    };
    let candidate = "a hash with field expiry of a release candidate";
    assert_eq!([22, 23].map(|kind| foreign(&[kind, 1], 12)), [candidate; 2]);
    assert_eq!(foreign(&[7, 1], 10), "a module value");
    assert_eq!(foreign(&[28, 1], 14), "an array");
}

/// Remembers what it is given.
#[derive(Default)]
struct Keys(BTreeMap<Vec<u8>, Shown>);

impl Target for Keys {
    fn select_db(&mut self, _: u64) -> Result<(), String> {
        Ok(())
    }

    fn entry(&mut self, record: Record<'_>) -> Result<Insert, String> {
        let value = record.value.as_ref();
        self.0.insert(record.key.to_vec(), shown(value));
        Ok(Insert::Kept)
    }
}

fn file_of(values: &[Value], version: Version, compress: bool) -> Vec<u8> {
    let (mut out, mut scratch) = (Vec::new(), Scratch::with_sizes(4096, 1 << 16));
    let options = save::Options { version, compress, ..save::Options::default() };
    let mut writer = Writer::new(&mut out, &mut scratch, options);
    writer.header().unwrap();
    writer.select_db(0, values.len() as u64, 0).unwrap();
    for (number, value) in values.iter().enumerate() {
        writer.entry(&number.to_be_bytes(), value.as_ref(), None, Access::Unknown).unwrap();
    }
    writer.finish().unwrap();
    out
}

fn load(file: &[u8], slice: usize) -> Vec<Shown> {
    let mut keys = Keys::default();
    let mut loader = Loader::new(Options::file(file.len() as u64));
    for slice in file.chunks(slice) {
        loader.feed(slice, &mut keys).unwrap();
    }
    loader.end().unwrap();
    keys.0.into_values().collect()
}

/// What a stream of this version does not say: when a consumer was active, what it had before.
fn without_news(shown: Shown, version: u16) -> Shown {
    let Shown::Stream(text) = shown else { return shown };
    let words = |line: &str| match line.split_once(" active ") {
        Some((rest, _)) if version < 11 => rest.to_owned(),
        _ => match line.split_once(" deleted ") {
            Some((rest, _)) if version < 10 => rest.to_owned(),
            _ => match line.split_once(" read ") {
                Some((rest, _)) if version < 10 => rest.to_owned(),
                _ => line.to_owned(),
            },
        },
    };
    Shown::Stream(text.lines().map(words).collect::<Vec<_>>().join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn a_dumped_value_is_restored(value in any_value(true), valkey: bool, compress: bool) {
        let version = if valkey { VALKEY_80 } else { REDIS_12 };
        let payload = payload::write(value.as_ref(), version, compress);
        prop_assert_eq!(read(&payload), Ok(shown(value.as_ref())));
        let length = payload::value_length(value.as_ref(), version, compress);
        prop_assert_eq!(length, payload.len() - 11);
    }

    #[test]
    fn a_saved_value_is_loaded(
        all in prop::collection::vec(any_value(true), 1..5),
        compress: bool,
        slice in prop::sample::select(vec![1, 7, 100, 5000, usize::MAX]),
    ) {
        for version in [REDIS_12, VALKEY_80] {
            let loaded = load(&file_of(&all, version, compress), slice);
            let expected: Vec<Shown> = all.iter().map(|value| shown(value.as_ref())).collect();
            prop_assert_eq!(loaded, expected);
        }
    }

    #[test]
    fn older_versions_hold_what_they_know(value in any_value(false), number in 9_u16..12) {
        let version = Version { family: Family::Redis, number };
        let loaded = load(&file_of(std::slice::from_ref(&value), version, true), 1000);
        let known = |shown| without_news(shown, number);
        let expected = known(shown(value.as_ref()));
        prop_assert_eq!(loaded.into_iter().map(known).collect::<Vec<_>>(), vec![expected]);
    }

    #[test]
    fn damage_is_refused_or_a_value(
        value in any_value(true),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let payload = payload::write(value.as_ref(), REDIS_12, false);
        let mut body = payload[..payload.len() - 10].to_vec();
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        let _ = read(&framed(&body, 12));
        let _ = read(&framed(&body, 80));
    }
}

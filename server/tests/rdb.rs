//! Snapshots written and read back: any content, any slicing, any damage.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::collections::BTreeMap;
use std::io::Read;

use lodestore_server::base::crc::crc64;
use lodestore_server::base::random::KeyHasher;
use lodestore_server::keyspace::Keyspace;
use lodestore_server::keyspace::access::{Clock, Touch};
use lodestore_server::persist::rdb::check::{check, salvage};
use lodestore_server::persist::rdb::decode::{Decoder, Purpose};
use lodestore_server::persist::rdb::fault::{LoadError, LoadFault};
use lodestore_server::persist::rdb::format::{Access, Version};
use lodestore_server::persist::rdb::load::{
    self, Checksum, Insert, Loader, Progress, Record, Target,
};
use lodestore_server::persist::rdb::records::Records;
use lodestore_server::persist::rdb::save::{self, Scratch, Writer};
use lodestore_server::persist::restore::Restore;
use lodestore_server::value::{Put, PutText, Text, Value};
use proptest::prelude::*;

#[derive(Clone, Debug, PartialEq)]
struct Held {
    value: Value,
    deadline: Option<i64>,
    access: Access,
}

/// A target that remembers everything.
#[derive(Debug, Default, PartialEq)]
struct Model {
    keys: BTreeMap<(u64, Vec<u8>), Held>,
}

impl Target for Model {
    fn select_db(&mut self, number: u64) -> Result<(), String> {
        if number < 16 {
            Ok(())
        } else {
            Err(format!("database {number} is beyond the 16 there are"))
        }
    }

    fn entry(&mut self, record: Record<'_>) -> Result<Insert, String> {
        let text = match record.value {
            Put::Text(PutText::Int(number)) => Text::Int(number),
            Put::Text(PutText::Bytes(bytes)) => Text::Bytes(bytes.into()),
            Put::Text(PutText::Blob(blob)) => Text::Bytes(blob),
            Put::Packed(..) | Put::Large(_) => return Err("no string".into()),
        };
        let held =
            Held { value: Value::Text(text), deadline: record.deadline, access: record.access };
        let old = self.keys.insert((record.db, record.key.to_vec()), held);
        Ok(if old.is_some() { Insert::Duplicate } else { Insert::Kept })
    }
}

fn write(keys: &BTreeMap<(u64, Vec<u8>), Held>, options: save::Options) -> Vec<u8> {
    let mut out = Vec::new();
    let mut scratch = Scratch::with_sizes(4096, 1 << 16);
    let mut writer = Writer::new(&mut out, &mut scratch, options);
    writer.header().unwrap();
    let mut db = None;
    for ((number, key), held) in keys {
        if db.replace(number) != Some(number) {
            writer.select_db(*number, keys.len() as u64, 0).unwrap();
        }
        writer.entry(key, held.value.as_ref(), held.deadline, held.access).unwrap();
    }
    writer.finish().unwrap();
    out
}

fn read(file: &[u8], slice: usize) -> Result<Model, LoadError> {
    let mut model = Model::default();
    let mut loader = Loader::new(load::Options::file(file.len() as u64));
    for slice in file.chunks(slice) {
        loader.feed(slice, &mut model)?;
    }
    loader.end()?;
    Ok(model)
}

/// A file that gives so many bytes at a time.
struct Trickle<'a>(&'a [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = buffer.len().min(self.1);
        self.0.read(&mut buffer[..most])
    }
}

/// Decodes a file and puts it into a keyspace of 16 databases, as a start does at the beginning of time.
fn restore(file: &[u8], slice: usize) -> (Keyspace, Result<Restore, LoadError>) {
    let mut keyspace = Keyspace::new(16, KeyHasher::new(5));
    let purpose = Purpose {
        hasher: keyspace.hasher().clone(),
        databases: 16,
        checked: true,
        limits: keyspace.limits.clone(),
    };
    let mut decoder = Decoder::new(Trickle(file, slice), file.len() as u64, purpose);
    let touch = Touch::recency(Clock::default());
    let (mut restore, mut records) = (Restore::default(), Records::default());
    let ended = loop {
        match decoder.fill(&mut records) {
            Ok(false) => break Ok(restore),
            Err(error) => break Err(error),
            Ok(true) => {}
        }
        let taken = std::iter::from_fn(|| {
            (!records.is_empty()).then(|| restore.take(&mut keyspace, &mut records, 0, touch))
        })
        .collect::<Result<Vec<()>, LoadError>>();
        if let Err(error) = taken {
            break Err(error);
        }
    };
    (keyspace, ended)
}

fn text(bytes: &[u8]) -> Held {
    Held { value: Value::Text(Text::Bytes(bytes.into())), deadline: None, access: Access::Unknown }
}

fn small() -> BTreeMap<(u64, Vec<u8>), Held> {
    let int = Held {
        value: Value::Text(Text::Int(70_000)),
        deadline: Some(1_234),
        access: Access::Idle(99),
    };
    BTreeMap::from([
        ((0, b"plain".to_vec()), text(b"some text")),
        ((0, b"packed".to_vec()), text(&[b'x'; 300])),
        ((3, b"12".to_vec()), int),
        ((3, b"often".to_vec()), Held { access: Access::Frequency(7), ..text(b"") }),
    ])
}

/// A file of one given body, with a right checksum.
fn file_of(magic: &[u8], body: &[u8]) -> Vec<u8> {
    let mut file = [magic, body].concat();
    let crc = crc64(0, &file);
    file.extend(crc.to_le_bytes());
    file
}

fn fault_of(body: &[u8]) -> String {
    read(&file_of(b"REDIS0011", body), usize::MAX).unwrap_err().to_string()
}

#[test]
fn a_file_cut_at_any_byte_is_refused() {
    let file = write(&small(), save::Options::default());
    assert!(read(&file, file.len()).is_ok());
    for end in 0..file.len() {
        for slice in [1, file.len()] {
            let error = read(&file[..end], slice).expect_err("a cut file");
            assert!(error.offset <= end as u64, "{error}");
            assert!(
                matches!(error.fault, LoadFault::Truncated { .. } | LoadFault::Empty),
                "{error}"
            );
        }
        // The length as the directory still states it, the bytes gone.
        let mut loader = Loader::new(load::Options::file(file.len() as u64));
        let fed = loader.feed(&file[..end], &mut Model::default());
        assert_eq!(fed, Ok(Progress::More));
        loader.end().expect_err("a cut file");
    }
}

#[test]
fn a_file_with_any_byte_changed_is_refused() {
    let file = write(&small(), save::Options::default());
    for at in 0..file.len() {
        for change in [1, 2, 4, 8, 16, 32, 64, 128, 255] {
            let mut damaged = file.clone();
            damaged[at] ^= change;
            read(&damaged, damaged.len()).expect_err("a changed file");
        }
    }
}

#[test]
fn faults_are_named_with_their_place() {
    let cases: &[(&[u8], &str)] = &[
        (
            b"\x00\x03key\x32abc",
            "at offset 15: the file ends inside a string (needs 39 more bytes)",
        ),
        (
            b"\x07\x03mod\x01",
            "at offset 9: the key \"mod\" holds a module value (type 7), which this server cannot keep",
        ),
        (
            b"\x02\x01s\x02\x01a\x01a",
            "at offset 15: the value of the key \"s\" is malformed: a member stands there twice",
        ),
        (b"\x02\x01s\x02\x01a\x32b", "at offset 16: the file ends inside a string (needs"),
        (
            b"\xf5\x03abc\xff",
            "at offset 9: the file holds a library of functions (FUNCTION2), which this server cannot keep",
        ),
        (b"\x63", "at offset 9: the byte 99 is neither a type nor a mark"),
        (b"\x00\xc5\xff", "at offset 10: the byte 0xc5 begins no length"),
        (b"\xfe\x10\xff", "at offset 9: database 16 is beyond the 16 there are"),
        (
            b"\x00\x01a\x01b\x00\x01a\x01c\xff",
            "at offset 14: the key \"a\" appears for the second time",
        ),
        (b"\xf8\x01\xff", "at offset 11: a deadline or a record of use is not followed by a key"),
        (b"\xf8\x01\xf9\x01\xff", "at offset 11: a key has two records of its use"),
        (
            b"\x00\x01a\xc3\x04\x40\xff\x00\x61\x00\x61\xff",
            "at offset 12: a compressed string cannot be unpacked: it does not have the announced length",
        ),
        (b"\xff\x00", "at offset 10: the checksum is"),
    ];
    for (body, words) in cases {
        let said = fault_of(body);
        assert!(said.starts_with(words), "{said}\n{words}");
    }
    assert_eq!(read(b"", 1).unwrap_err().to_string(), "at offset 0: the file is empty");
    assert_eq!(
        read(b"REDIS9999\xff", 99).unwrap_err().to_string(),
        "at offset 0: Redis version 9999 of the format cannot be read"
    );
    assert!(read(b"#!/bin/sh\n", 99).unwrap_err().to_string().contains("not a snapshot"));
    let mut longer = file_of(b"REDIS0011", b"\xff");
    longer.push(0);
    assert_eq!(
        read(&longer, 99).unwrap_err().to_string(),
        "at offset 18: bytes follow the end of the snapshot"
    );
}

#[test]
fn what_is_before_a_fault_is_taken_in_and_the_first_fault_is_told() {
    let file = write(&small(), save::Options::default());
    for end in 0..file.len() {
        let expected = read(&file[..end], file.len()).expect_err("a cut file");
        let (_, ended) = restore(&file[..end], 7);
        assert_eq!(ended.expect_err("a cut file"), expected);
    }
    let twice = b"\0\x01a\x01b\0\x01c\x01d\0\x01a\x01b\0\x01e\xc3\x01\x05\0";
    let (keyspace, ended) = restore(&file_of(b"REDIS0011", twice), 1 << 20);
    let told = ended.expect_err("a key that is there twice").to_string();
    assert_eq!(told, "at offset 19: the key \"a\" appears for the second time");
    assert_eq!(keyspace.keys(), 2, "the damaged key behind it came too late");
    let (_, ended) = restore(&file_of(b"REDIS0011", b"\xfe\x10\xff"), 1 << 20);
    let told = ended.expect_err("a database that is not there").to_string();
    assert!(told.starts_with("at offset 9: database 16 does not exist here"), "{told}");
}

#[test]
fn every_known_magic_is_read() {
    for magic in ["REDIS0001", "REDIS0005", "REDIS0015", "VALKEY011", "VALKEY080"] {
        let mut file = file_of(magic.as_bytes(), b"\x00\x01k\x01v\xff");
        if magic == "REDIS0001" {
            file.truncate(file.len() - 8);
        }
        assert_eq!(read(&file, 3).unwrap().keys.len(), 1, "{magic}");
    }
    let mut disabled = file_of(b"REDIS0011", b"\xff");
    let end = disabled.len() - 8;
    disabled[end..].fill(0);
    let report = check(&mut &disabled[..], disabled.len() as u64, 0);
    assert_eq!(report.verdict, Ok(Checksum::Disabled));
}

#[test]
fn claims_cost_nothing() {
    let claim = [0x81, 0x0f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    for before in [
        &b"\x00"[..],
        b"\x00\x01k",
        b"\xfa",
        b"\x00\x01k\xc3",
        b"\x00\x01k\xc3\x01",
        b"\xfb\x81\xff\xff\xff\xff\xff\xff\xff\xff",
    ] {
        let body = [before, &claim].concat();
        let file = [b"REDIS0011", &body[..]].concat();
        read(&file, 1).expect_err("a claim");
        // Where the length is not known nothing can be refused, and nothing may be reserved.
        let mut stream =
            Loader::new(load::Options { longest_text: u64::MAX, ..load::Options::stream() });
        let _ = stream.feed(&file, &mut Model::default());
        let _ = stream.feed(&[0; 1000], &mut Model::default());
        stream.end().expect_err("a claim");
    }
}

#[test]
fn hints_are_bounded_by_the_file() {
    struct Hint(u64, u64);
    impl Target for Hint {
        fn select_db(&mut self, _: u64) -> Result<(), String> {
            Ok(())
        }
        fn resize(&mut self, keys: u64, volatile: u64) {
            (self.0, self.1) = (keys, volatile);
        }
        fn entry(&mut self, _: Record<'_>) -> Result<Insert, String> {
            Ok(Insert::Expired)
        }
    }
    let file =
        file_of(b"REDIS0011", b"\xfb\x80\xff\xff\xff\xff\x80\xff\xff\xff\xff\x00\x01k\x01v\xff");
    let mut hint = Hint(0, 0);
    let mut loader = Loader::new(load::Options::file(file.len() as u64));
    assert_eq!(loader.feed(&file, &mut hint), Ok(Progress::Done));
    assert!(hint.0 < 12 && hint.1 < 12);
    assert_eq!(loader.keys(), (0, 1));
}

#[test]
fn a_long_value_keeps_the_buffer_it_came_in() {
    let long: Vec<u8> =
        (0..3_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let keys = BTreeMap::from([
        ((0, b"long".to_vec()), text(&long)),
        ((0, b"short".to_vec()), text(b"s")),
    ]);
    let file = write(&keys, save::Options::default());
    for slice in [1000, 65_537, 1 << 20, file.len()] {
        assert_eq!(read(&file, slice).unwrap().keys, keys);
    }
}

#[test]
fn a_report_says_what_is_there_and_what_is_not() {
    let file = write(&small(), save::Options::default());
    let report = check(&mut &file[..], file.len() as u64, 2_000);
    assert!(report.is_sound());
    let text = report.to_string();
    for line in [
        "format    Redis version 11",
        "redis-ver = 7.2.4",
        "db 0      2 keys, 0 with",
        "db 3      2 keys, 1 with a time to live, 1 of them expired",
        "string: 4",
        "sound ",
    ] {
        assert!(text.contains(line), "{text}");
    }
    let cut = check(&mut &file[..file.len() - 12], file.len() as u64 - 12, 0);
    assert_eq!(cut.keys(), 3);
    assert!(
        cut.to_string().contains("FAULT     at offset")
            && cut.to_string().contains("3 keys before it"),
        "{cut}"
    );
}

#[test]
fn salvage_writes_the_sound_part_as_a_whole_file() {
    let keys = small();
    let file = write(&keys, save::Options::default());
    for end in 0..file.len() {
        let mut saved = Vec::new();
        let done = salvage(&mut &file[..end], end as u64, 0, &mut saved).unwrap();
        assert!(!done.report.is_sound());
        let found = read(&saved, 100).unwrap().keys;
        assert_eq!(found.len() as u64, done.written.keys);
        assert!(found.iter().all(|(key, held)| keys.get(key) == Some(held)));
    }
    let mut whole = Vec::new();
    salvage(&mut &file[..], file.len() as u64, 0, &mut whole).unwrap();
    assert_eq!(read(&whole, 100).unwrap().keys, keys);
}

fn any_value() -> impl Strategy<Value = Value> {
    let bytes = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..60),
        prop::collection::vec(0_u8..3, 0..3000),
        any::<i32>().prop_map(|n| format!("0{n}").into_bytes()),
    ];
    prop_oneof![
        any::<i64>().prop_map(|n| Value::Text(Text::Int(n))),
        (-70_000_i64..70_000).prop_map(|n| Value::Text(Text::Int(n))),
        // Text that is a canonical integer comes back as one: not a text here.
        bytes
            .prop_filter("an integer", |bytes| std::str::from_utf8(bytes)
                .map_or(true, |text| text.parse::<i64>().map_or(true, |n| n.to_string() != text)))
            .prop_map(|bytes| Value::Text(Text::Bytes(bytes.into()))),
    ]
}

fn any_held() -> impl Strategy<Value = Held> {
    let access = prop_oneof![
        Just(Access::Unknown),
        any::<u32>().prop_map(|seconds| Access::Idle(seconds.into())),
        any::<u8>().prop_map(Access::Frequency),
    ];
    (any_value(), any::<Option<i64>>(), access).prop_map(|(value, deadline, access)| Held {
        value,
        deadline,
        access,
    })
}

fn any_key() -> impl Strategy<Value = (u64, Vec<u8>)> {
    let key = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..20),
        any::<i32>().prop_map(|n| n.to_string().into_bytes()),
        prop::collection::vec(Just(b'k'), 0..100),
    ];
    (0_u64..16, key)
}

proptest! {
    #[test]
    fn what_was_saved_is_loaded(
        keys in prop::collection::btree_map(any_key(), any_held(), 0..80),
        version in prop::sample::select(vec![9_u16, 10, 11, 12, 80]),
        compress: bool,
        checksum: bool,
        slice in 1_usize..5000,
    ) {
        let version = Version::for_saving(version).unwrap();
        let file = write(&keys, save::Options { version, compress, checksum, ..save::Options::default() });
        prop_assert_eq!(&read(&file, slice).unwrap().keys, &keys);
        prop_assert_eq!(&read(&file, usize::MAX).unwrap().keys, &keys);
    }

    #[test]
    fn what_was_saved_is_restored(
        keys in prop::collection::btree_map(any_key(), any_held(), 0..200),
        slice in 1_usize..5000,
    ) {
        let file = write(&keys, save::Options::default());
        let (keyspace, ended) = restore(&file, slice);
        let restored = ended.unwrap();
        let over = |held: &Held| held.deadline.is_some_and(|deadline| deadline < 0);
        let kept: Vec<_> = keys.iter().filter(|(_, held)| !over(held)).collect();
        prop_assert_eq!(restored.kept, kept.len() as u64);
        prop_assert_eq!(restored.expired, (keys.len() - kept.len()) as u64);
        prop_assert_eq!(keyspace.keys(), kept.len());
        for ((db, key), held) in kept {
            let entry = keyspace.db(*db as usize).find(keyspace.key(key)).unwrap();
            prop_assert_eq!(entry.value().to_owned(), held.value.clone());
            prop_assert_eq!(entry.deadline(), held.deadline);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(magic: bool, bytes: Vec<u8>, slice in 1_usize..50) {
        let file = if magic { [b"REDIS0011", &bytes[..]].concat() } else { bytes };
        let whole = read(&file, usize::MAX);
        let sliced = read(&file, slice);
        prop_assert_eq!(whole.map(|model| model.keys).map_err(|error| error.fault), sliced.map(|model| model.keys).map_err(|error| error.fault));
    }

    #[test]
    fn slicing_does_not_change_the_fault_of_a_damaged_file(
        keys in prop::collection::btree_map(any_key(), any_held(), 0..20),
        at: prop::sample::Index,
        change in 1_u8..=255,
        slice in 1_usize..400,
    ) {
        let mut file = write(&keys, save::Options::default());
        let at = at.index(file.len());
        file[at] ^= change;
        let whole = read(&file, usize::MAX).expect_err("a damaged file");
        let sliced = read(&file, slice).expect_err("a damaged file");
        prop_assert_eq!(whole, sliced);
        let mut saved = Vec::new();
        salvage(&mut &file[..], file.len() as u64, 0, &mut saved).unwrap();
        // The damage may be in the number of a database, which only the reader can know to be too large.
        if let Err(error) = read(&saved, slice) {
            assert!(matches!(error.fault, LoadFault::Refused(_)), "{error}");
        }
    }
}

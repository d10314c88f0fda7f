//! What snapshots cost in memory: writing nothing at all, reading no more than what came.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod values;

use lodestore_server::base::crc;
use lodestore_server::persist::rdb::format::{Access, Version};
use lodestore_server::persist::rdb::load::{Insert, Loader, Options, Record, Target};
use lodestore_server::persist::rdb::save::{self, Scratch, Sink, SinkError, Writer};
use lodestore_server::value::{TextRef, Value, ValueRef};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use std::collections::BTreeSet;
use values::any_value;

/// Bytes that this thread has ever allocated, or freed.
fn allocated() -> u64 {
    let allocated = tikv_jemalloc_ctl::thread::allocatedp::read().unwrap().get();
    allocated + tikv_jemalloc_ctl::thread::deallocatedp::read().unwrap().get()
}

struct Discard(u64);

impl Sink for Discard {
    fn write(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        self.0 += bytes.len() as u64;
        if self.0 > 40 << 20 { Err(SinkError { errno: 28 }) } else { Ok(()) }
    }
}

#[test]
fn writing_allocates_nothing() {
    let long: Vec<u8> =
        (0..12_u32 << 20).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let words = b"words that repeat, words that repeat ".repeat(1000);
    let mut scratch = Scratch::new();
    crc::warm();
    let probe = allocated();
    drop(std::hint::black_box(vec![1_u8; 100]));
    assert_ne!(allocated(), probe, "the counter must count");
    let before = allocated();
    let mut writer = Writer::new(Discard(0), &mut scratch, save::Options::default());
    writer.header().unwrap();
    writer.select_db(0, 1000, 0).unwrap();
    for n in 0..1000_usize {
        let key = &long[n..n + 16];
        let texts = [
            TextRef::Int(i64::MIN),
            TextRef::Int(n as i64),
            TextRef::Bytes(&words[..n * 37]),
            TextRef::Bytes(&long[..64]),
            TextRef::Bytes(b"-1234567"),
        ];
        for text in texts {
            writer.entry(key, ValueRef::Text(text), Some(1), Access::Idle(300)).unwrap();
        }
    }
    // Twice, so that the sink is full in the middle of the second: that way must be quiet too.
    writer
        .entry(b"long", ValueRef::Text(TextRef::Bytes(&long)), None, Access::Frequency(1))
        .unwrap();
    let mut last = Ok(());
    while last.is_ok() {
        last = writer.entry(b"long", ValueRef::Text(TextRef::Bytes(&long)), None, Access::Unknown);
    }
    let after = allocated();
    assert_eq!(last, Err(SinkError { errno: 28 }));
    assert_eq!(after, before);
}

#[test]
fn writing_collections_allocates_nothing() {
    let mut runner = TestRunner::deterministic();
    let values: Vec<Value> =
        (0..60).map(|_| any_value(true).new_tree(&mut runner).unwrap().current()).collect();
    let kinds: BTreeSet<&str> = values.iter().map(|value| value.as_ref().kind().name()).collect();
    assert_eq!(kinds.len(), 6, "{kinds:?}");
    let mut scratch = Scratch::new();
    crc::warm();
    for number in [9, 10, 11, 12, 80] {
        let version = Version::for_saving(number).unwrap();
        let options = save::Options { version, ..save::Options::default() };
        let before = allocated();
        let mut writer = Writer::new(Discard(0), &mut scratch, options);
        for value in &values {
            writer.entry(b"key", value.as_ref(), None, Access::Unknown).unwrap();
        }
        writer.finish().unwrap();
        assert_eq!(allocated(), before, "{version}");
    }
}

struct Nothing;

impl Target for Nothing {
    fn select_db(&mut self, _: u64) -> Result<(), String> {
        Ok(())
    }
    fn entry(&mut self, _: Record<'_>) -> Result<Insert, String> {
        Ok(Insert::Kept)
    }
}

#[test]
fn a_claimed_length_allocates_nothing() {
    const GIB: [u8; 5] = [0x80, 0x40, 0, 0, 0];
    let texts: [&[u8]; 4] = [b"\x00", b"\x00\x01k", b"\xfa", b"\x00\x01k\xc3\x10"];
    // The type of a value, up to a count or the length of what is packed.
    let collections =
        (1..=27_u8).filter(|kind| !(6..=8).contains(kind)).map(|kind| vec![kind, 1, b'k']);
    for head in texts.iter().map(|head| head.to_vec()).chain(collections) {
        let file = [b"REDIS0011", &head[..], &GIB, &[0; 100]].concat();
        for total in [Some(file.len() as u64), Some(8 << 30), None] {
            let before = allocated();
            let mut loader =
                Loader::new(Options { total, longest_text: u64::MAX, ..Options::stream() });
            for byte in file.chunks(1) {
                let _ = loader.feed(byte, &mut Nothing);
            }
            assert!(loader.end().is_err());
            drop(loader);
            // A value that long begins with a buffer of 256 KiB, allocated and freed; the rest is small.
            assert!(
                allocated() - before < 600 << 10,
                "{head:?} {total:?}: {}",
                allocated() - before
            );
        }
    }
}

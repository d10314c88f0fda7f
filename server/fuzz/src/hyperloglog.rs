//! Target: any string is refused as a HyperLogLog, or is corrupt, or agrees with plain registers in all that is done.
//!
//! Owns: what is done.   Uses: the HyperLogLog.   Never: a server.
//!
//! The first byte says how long a sparse one may become. The rest is the string, and also the body of a sparse one and
//! of a dense one, or hardly anything but the header would be tested.

use lodestore_server::value::hyperloglog::{
    Corrupt, Form, HyperLogLog, HyperLogLogRef, REGISTERS, Registers, note_count,
};

const HEADER: &[u8; 16] = b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80";
const DENSE: usize = 12304;

pub fn run(data: &[u8]) {
    let (most, body) = data.split_first().map_or((0, data), |(first, rest)| (*first, rest));
    let most = [18, 60, 3000, 20_000][usize::from(most % 4)];
    let mut dense = [HEADER, body].concat();
    dense.resize(DENSE, 0);
    dense[4] = 0;
    for text in [body.to_vec(), [HEADER, body].concat(), dense] {
        try_all(&text, most);
    }
}

fn registers(log: HyperLogLogRef<'_>) -> Result<Registers, Corrupt> {
    let mut registers = Registers::default();
    log.raise_into(&mut registers).map(|()| registers)
}

fn try_all(text: &[u8], most: usize) {
    let Some(log) = HyperLogLogRef::of(text) else {
        return assert!(HyperLogLog::of(text.into()).is_err(), "one says yes and one says no");
    };
    let (count, before) = (log.count(), registers(log));
    assert_eq!(count.is_ok(), before.is_ok(), "corrupt is corrupt for everybody");
    if let (Ok(count), Ok(before)) = (count, &before) {
        assert_eq!(count, before.count());
    }
    assert_eq!(log.runs().is_some(), log.form() == Form::Sparse);
    let mut noted = text.to_vec();
    note_count(&mut noted, 7);
    assert_eq!(HyperLogLogRef::of(&noted).and_then(HyperLogLogRef::count_of_before), Some(7));
    add(text, most, before.as_ref().ok());
    merge(text, most, before.as_ref().ok());
}

fn owned(text: &[u8]) -> HyperLogLog {
    HyperLogLog::of(text.into()).expect("it was one for reading")
}

/// Adds elements one by one: each changes one register, or none, and never to a lower value.
fn add(text: &[u8], most: usize, before: Option<&Registers>) {
    let mut log = owned(text);
    let mut model = before.cloned();
    for n in 0..8u32 {
        let added = log.add(&n.to_le_bytes(), most);
        let Some(before) = model else { continue };
        let after = registers(log.as_ref()).expect("what was whole stays whole");
        let pairs = || before.values().iter().zip(after.values());
        assert!(pairs().all(|(before, after)| before <= after));
        let changed = pairs().filter(|(before, after)| before != after).count();
        assert_eq!(added, Ok(changed == 1));
        assert!(changed <= 1);
        assert_eq!(log.add(&n.to_le_bytes(), most), Ok(false));
        model = Some(after);
    }
}

/// Merges with another one, and makes it dense.
fn merge(text: &[u8], most: usize, before: Option<&Registers>) {
    let mut other = HyperLogLog::default();
    for n in 0..40u64 {
        other.add(&n.to_le_bytes(), 3000).expect("it was empty");
    }
    let mut target = before.cloned().unwrap_or_default();
    other.as_ref().raise_into(&mut target).expect("its runs are right");
    let mut log = owned(text);
    let merged = log.raise_all(&target, most);
    if before.is_some() {
        assert_eq!(merged, Ok(()));
        assert_eq!(registers(log.as_ref()).as_ref(), Ok(&target));
        let was_sparse = log.as_ref().form() == Form::Sparse;
        assert_eq!(log.make_dense(), Ok(was_sparse));
        assert_eq!(registers(log.as_ref()).as_ref(), Ok(&target));
        assert_eq!(target.values().len(), REGISTERS);
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let runs: [&[u8]; 9] = [
        b"\x7f\xff",
        b"\x60\xf3\x80\x50\xb1\x84\x4b\xfb\x80\x42\x5a",
        b"\xfa78\x80\xcf@\xfd\x8cG",
        b"\x83\x83\x87\x80\x87\x3f\x7f\xb0",
        b"\x7f\xfe",
        b"\x7f\xff\x80",
        b"\x7f",
        b"",
        b"\xff\xff\xff\xff\x3f",
    ];
    let mut seeds: Vec<Vec<u8>> = runs.iter().map(|runs| [b"\x02", *runs].concat()).collect();
    seeds.push([b"\x01", &HEADER[..], b"\x7f\xff"].concat());
    seeds.push([&b"\0HYLL\0"[..], &[0x41; DENSE - 5]].concat());
    seeds
}

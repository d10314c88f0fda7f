//! Target: any bytes are a snapshot or are refused, the same in whatever pieces they come.

use lodestore_server::base::crc::crc64;
use lodestore_server::persist::rdb::fault::LoadError;
use lodestore_server::persist::rdb::load::{Insert, Loader, Options, Record, Target, Totals};
use lodestore_server::value::{Put, PutText};
use std::collections::BTreeMap;

/// A value and its deadline.
type Held = (Vec<u8>, Option<i64>);

/// Remembers what it is given: by database and key.
#[derive(Debug, Default, PartialEq)]
struct Model(BTreeMap<(u64, Vec<u8>), Held>);

impl Target for Model {
    fn select_db(&mut self, number: u64) -> Result<(), String> {
        if number < 16 { Ok(()) } else { Err(format!("there is no database {number}")) }
    }

    fn entry(&mut self, record: Record<'_>) -> Result<Insert, String> {
        let text = match record.value {
            Put::Text(PutText::Int(number)) => number.to_string().into_bytes(),
            Put::Text(PutText::Bytes(bytes)) => bytes.to_vec(),
            Put::Text(PutText::Blob(blob)) => blob.to_vec(),
            Put::Packed(..) | Put::Large(_) => return Err("no string".into()),
        };
        let old = self.0.insert((record.db, record.key.to_vec()), (text, record.deadline));
        Ok(if old.is_some() { Insert::Duplicate } else { Insert::Kept })
    }
}

pub fn run(data: &[u8]) {
    is_the_same_in_pieces(data);
    // Nothing behind the checksum's gate would be reached by chance: the same bytes with the sum they need.
    if data.len() > 9 {
        let mut whole = data[..data.len() - 8].to_vec();
        let sum = crc64(0, &whole);
        whole.extend(sum.to_le_bytes());
        is_the_same_in_pieces(&whole);
    }
}

fn is_the_same_in_pieces(data: &[u8]) {
    let whole = load(data, data.len().max(1));
    for len in [1, 3, 64] {
        let pieces = load(data, len);
        assert_eq!(told(&pieces), told(&whole), "in pieces of {len}");
    }
    if let Ok((totals, model)) = whole {
        assert_eq!(totals.bytes, data.len() as u64);
        assert!(model.0.len() as u64 >= totals.kept);
    }
}

/// What loading told, but for how much is missing at the end: that depends on how far a value was read.
fn told(result: &Result<(Totals, Model), LoadError>) -> String {
    let text = format!("{result:?}");
    text.split_once("missing:").map_or(text.clone(), |(before, _)| before.into())
}

fn load(data: &[u8], piece: usize) -> Result<(Totals, Model), LoadError> {
    let mut loader =
        Loader::new(Options { longest_text: 1 << 20, ..Options::file(data.len() as u64) });
    let mut model = Model::default();
    for piece in data.chunks(piece) {
        loader.feed(piece, &mut model)?;
    }
    Ok((loader.end()?, model))
}

pub fn seeds() -> Vec<Vec<u8>> {
    let mut file = b"REDIS0011\xfa\x09redis-ver\x057.2.4\xfa\x05ctime\xc2\x00\x00\x00\x65".to_vec();
    file.extend(b"\xfe\x00\xfb\x04\x01\x00\x01k\x05value\x00\x01n\xc1\x39\x30");
    file.extend(b"\xfc\x00\x10\xa5\xd4\xe8\x00\x00\x00\x00\x01t\x02to");
    // Packed: a reference back over what stands there.
    file.extend(b"\xf8\x05\x00\x01z\xc3\x05\x14\x00a\xe0\x0a\x00");
    file.extend(b"\xfe\x01\xfb\x01\x00\xf9\x07\x00\x03big\x40\x64");
    file.extend([b'x'; 100]);
    file.push(0xff);
    let sum = crc64(0, &file);
    file.extend(sum.to_le_bytes());
    let mut other = b"VALKEY080\xfe\x00\x00\x01k\x80\x00\x00\x00\x02ab\xff".to_vec();
    other.extend([0; 8]);
    vec![file, other, b"REDIS0009\xff\0\0\0\0\0\0\0\0".to_vec()]
}

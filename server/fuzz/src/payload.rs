//! Target: any bytes in a sound frame are refused, or are a value that is written as one which is read as the same.
//!
//! Like `restore`, without a server around it: a million inputs in a minute.

use super::samples;
use lodestore_server::base::crc::crc64;
use lodestore_server::persist::rdb::format::{Family, Version};
use lodestore_server::persist::rdb::payload::{self, Held, PayloadFault, Terms};
use lodestore_server::value::limits::Limits;
use lodestore_server::value::{Put, ValueRef};

/// The newest versions of both families: what they know the older ones know as well, or it has another number.
const VERSIONS: [Version; 2] =
    [Version { family: Family::Redis, number: 14 }, Version { family: Family::Valkey, number: 80 }];

pub fn run(data: &[u8]) {
    for version in VERSIONS {
        let payload = framed(data, version.number);
        if let Ok(written) = with_value(&payload, |value| payload::write(value, version, false)) {
            let again = with_value(&written, |value| payload::write(value, version, false));
            assert_eq!(again, Ok(written), "what was written is read as something else");
        }
    }
}

fn framed(body: &[u8], version: u16) -> Vec<u8> {
    let mut payload = body.to_vec();
    payload.extend(version.to_le_bytes());
    let sum = crc64(0, &payload);
    payload.extend(sum.to_le_bytes());
    payload
}

fn with_value<R>(payload: &[u8], then: impl FnOnce(ValueRef<'_>) -> R) -> Result<R, PayloadFault> {
    let limits = Limits::default();
    let terms = Terms { checked: true, longest: 1 << 20, limits: &limits };
    Ok(match payload::read(payload, terms)? {
        Held::Text(text) => then(Put::Text(text).as_ref()),
        Held::Value(value) => then(value.as_ref()),
    })
}

/// What was once read and written as something else: a stream whose producers may have no message remembered.
const FORGETFUL: &[u8] =
    b"\x1a\x00\x00\x00\x06\x00\x00\x01\x81a\x02\x81b\x02\x00\x01\x06\x01\x00\x01\x00\x01\x01\x01\x01\x00\x06\x01\x03";

pub fn seeds() -> Vec<Vec<u8>> {
    let samples = samples::ALL.iter().map(|(_, body)| samples::bytes(body));
    samples.chain([FORGETFUL.to_vec()]).collect()
}

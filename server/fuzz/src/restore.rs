//! Target: any payload is refused by RESTORE or becomes a value, through a whole engine.
//!
//! The version and the checksum at a payload's end are made right, or nothing but them would be tested.

use super::harness::Server;
use super::samples;
use super::wire::encode;
use lodestore_server::base::crc::crc64;
use lodestore_server::engine::port::Outbound;

/// The version of the format that every server since Redis 7.0 writes or reads.
const VERSION: u16 = 10;

pub fn run(data: &[u8]) {
    // The harness takes requests that lie in one buffer.
    let data = &data[..data.len().min(20_000)];
    let mut server = Server::new(data.len() as u64);
    let mut payload = data.to_vec();
    payload.extend(VERSION.to_le_bytes());
    let sum = crc64(0, &payload);
    payload.extend(sum.to_le_bytes());
    for payload in [payload, data.to_vec()] {
        if call(&mut server, &[b"RESTORE", b"k", b"0", &payload]) == b"+OK\r\n" {
            comes_back(&mut server);
        }
    }
    assert_eq!(call(&mut server, &[b"PING"]), b"+PONG\r\n");
}

/// What was restored can be read, dumped and restored again, to the same.
fn comes_back(server: &mut Server) {
    let dumped = bulk(&call(server, &[b"DUMP", b"k"]));
    assert_eq!(call(server, &[b"RESTORE", b"again", b"0", &dumped, b"REPLACE"]), b"+OK\r\n");
    let digests = call(server, &[b"DEBUG", b"DIGEST-VALUE", b"k", b"again"]);
    let digests = String::from_utf8_lossy(&digests).into_owned();
    let lines: Vec<&str> = digests.split("\r\n").collect();
    assert_eq!(lines.get(1), lines.get(2), "{digests}");
    assert_eq!(call(server, &[b"DEL", b"k", b"again"]), b":2\r\n");
}

fn call(server: &mut Server, words: &[&[u8]]) -> Vec<u8> {
    let words = words.iter().map(|word| word.to_vec()).collect();
    let batch = server.batch(1, &encode(&[words]));
    let mut replies = Vec::new();
    let mut sent = server.one_turn(vec![batch]);
    loop {
        for message in sent {
            if let Outbound::Answer(batch) = message {
                batch.reply.pieces().for_each(|piece| replies.extend_from_slice(piece));
            }
        }
        if !server.engine.busy() {
            return replies;
        }
        sent = server.one_turn(Vec::new());
    }
}

/// The text of a bulk string.
fn bulk(reply: &[u8]) -> Vec<u8> {
    let start = reply.iter().position(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    reply[start..reply.len().saturating_sub(2)].to_vec()
}

pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![
        b"\x00\x05value".to_vec(),
        b"\x00\xc0\x7f".to_vec(),
        b"\x00\xc1\x39\x30".to_vec(),
        b"\x00\xc2\x00\x00\x00\x80".to_vec(),
        b"\x00\xc3\x05\x14\x00a\xe0\x0a\x00".to_vec(),
        b"\x00\x80\x00\x00\x00\x02ab".to_vec(),
        b"\x00\x00".to_vec(),
    ];
    seeds.extend(samples::ALL.iter().map(|(_, body)| samples::bytes(body)));
    seeds
}

//! Target: any bytes on the socket mean the same however they are cut, and what redis-protocol reads in them.

use super::wire::{CLOSED, Connection, OPEN, oracle, parse_at_once, parse_bytewise};
use lodestore_server::resp::Limits;

/// Longer streams are cut at a few places only.
const CUT_EVERYWHERE: usize = 400;

pub fn run(data: &[u8]) {
    for limits in [OPEN, CLOSED] {
        is_the_same_however_cut(data, limits);
    }
    let (requests, _) = oracle(data);
    let (seen, halt) = parse_at_once(data, OPEN);
    assert!(seen.starts_with(&requests), "{seen:?} ({halt:?}) and not {requests:?}");
}

fn is_the_same_however_cut(data: &[u8], limits: Limits) {
    let whole = parse_at_once(data, limits);
    assert_eq!(parse_bytewise(data, limits, true), whole, "byte by byte");
    let step = (data.len() / CUT_EVERYWHERE).max(1);
    for at in (0..=data.len()).step_by(step) {
        for hand_over in [false, true] {
            let mut connection = Connection::new(limits);
            connection.read(&data[..at], hand_over);
            connection.read(&data[at..], hand_over);
            assert_eq!(connection.end(), whole, "cut at {at}");
        }
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let long = b"$20000\r\n".iter().copied().chain(std::iter::repeat_n(b'v', 20_000));
    [
        &b"*1\r\n$4\r\nPING\r\n"[..],
        b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nvalue\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n",
        b"*2\r\n$4\r\nECHO\r\n$0\r\n\r\n*0\r\n*-1\r\n\r\nPING\r\n",
        b"*2\r\n$4\r\nECHO\r\n$8\r\n*1\r\n$1\r\n\r\n",
        b"*11\r\n$1\r\na\r\n",
        b"*2\r\n$4\r\nAUTH\r\n$16385\r\n",
        b"*2147483647\r\n$536870912\r\n",
        b"*1\r\n$-1\r\n",
        b"*01\r\n",
        b"SET k \"a b\"\r\nPOST / HTTP/1.1\r\nHost: x\r\n",
        b"+OK\r\n:1\r\n%1\r\n",
    ]
    .into_iter()
    .map(<[u8]>::to_vec)
    .chain([b"*2\r\n$4\r\nECHO\r\n".iter().copied().chain(long).chain(*b"\r\n").collect()])
    .collect()
}

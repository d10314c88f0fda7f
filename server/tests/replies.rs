//! Replies in both protocols, their blobs and their roll-back.
//!
//! Owns: nothing.   Uses: redis-protocol as the oracle.   Never: sockets.

#![allow(clippy::unwrap_used)]

use std::io::IoSlice;

use lodestore_server::base::blob::Blob;
use lodestore_server::resp::reply::BY_REFERENCE;
use lodestore_server::resp::{Error, Proto, Reply};
use proptest::prelude::*;

fn written(reply: &Reply) -> Vec<u8> {
    let bytes = reply.pieces().collect::<Vec<_>>().concat();
    assert_eq!(bytes.len(), reply.len());
    bytes
}

fn shown(proto: Proto, write: impl FnOnce(&mut Reply)) -> String {
    let mut reply = Reply::new(proto);
    write(&mut reply);
    String::from_utf8(written(&reply)).unwrap()
}

type Case = (fn(&mut Reply), &'static str, &'static str);

#[test]
fn each_kind_in_both_protocols() {
    let cases: [Case; 24] = [
        (|r| r.ok(), "+OK\r\n", "+OK\r\n"),
        (|r| r.simple("a\r\nb"), "+a  b\r\n", "+a  b\r\n"),
        (|r| r.error(&Error::text("ERR a\nb")), "-ERR a b\r\n", "-ERR a b\r\n"),
        (|r| r.int(-1), ":-1\r\n", ":-1\r\n"),
        (|r| r.int(i64::MIN), ":-9223372036854775808\r\n", ":-9223372036854775808\r\n"),
        (|r| r.int(12345), ":12345\r\n", ":12345\r\n"),
        (|r| r.bulk(b""), "$0\r\n\r\n", "$0\r\n\r\n"),
        (|r| r.bulk(b"hello, world"), "$12\r\nhello, world\r\n", "$12\r\nhello, world\r\n"),
        (|r| r.bulk_int(-42), "$3\r\n-42\r\n", "$3\r\n-42\r\n"),
        (|r| r.bulk_int(7), "$1\r\n7\r\n", "$1\r\n7\r\n"),
        (|r| r.bulk_fmt(format_args!("{}-{}", 1, "x")), "$3\r\n1-x\r\n", "$3\r\n1-x\r\n"),
        (|r| r.null(), "$-1\r\n", "_\r\n"),
        (|r| r.null_array(), "*-1\r\n", "_\r\n"),
        (|r| r.array(3), "*3\r\n", "*3\r\n"),
        (|r| r.map(3), "*6\r\n", "%3\r\n"),
        (|r| r.set(100), "*100\r\n", "~100\r\n"),
        (|r| r.push(3), "*3\r\n", ">3\r\n"),
        (|r| r.double(3.1), "$3\r\n3.1\r\n", ",3.1\r\n"),
        (|r| r.double(f64::NEG_INFINITY), "$4\r\n-inf\r\n", ",-inf\r\n"),
        (|r| r.double(1e6), "$7\r\n1000000\r\n", ",1000000\r\n"),
        (|r| r.bool(true), ":1\r\n", "#t\r\n"),
        (|r| r.bool(false), ":0\r\n", "#f\r\n"),
        (|r| r.verbatim("txt", b"a\nb"), "$3\r\na\nb\r\n", "=7\r\ntxt:a\nb\r\n"),
        (|r| r.big_number("12345678901234567890123"), BIG2, BIG3),
    ];
    for (write, resp2, resp3) in cases {
        assert_eq!(shown(Proto::Resp2, write), resp2);
        assert_eq!(shown(Proto::Resp3, write), resp3);
    }
}

const BIG2: &str = "$23\r\n12345678901234567890123\r\n";
const BIG3: &str = "(12345678901234567890123\r\n";

#[test]
fn headers_can_come_last() {
    let late = |proto| {
        shown(proto, |r| {
            r.int(1);
            let outer = r.mark();
            r.bulk(b"a");
            let inner = r.mark();
            (0..12).for_each(|n| r.int(n % 10));
            r.set_from(inner, 12);
            r.map_from(outer, 1);
            r.ok();
            r.array_from(r.mark(), 0);
        })
    };
    let twelve: String = (0..12).map(|n| format!(":{}\r\n", n % 10)).collect();
    let expected = format!(":1\r\n*2\r\n$1\r\na\r\n*12\r\n{twelve}+OK\r\n*0\r\n");
    assert_eq!(late(Proto::Resp2), expected);
    let expected = format!(":1\r\n%1\r\n$1\r\na\r\n~12\r\n{twelve}+OK\r\n*0\r\n");
    assert_eq!(late(Proto::Resp3), expected);
}

#[test]
fn pushes_follow_a_reply() {
    let blob = Blob::from(vec![b'b'; BY_REFERENCE]);
    let (mut reply, mut pushes) = (Reply::new(Proto::Resp3), Reply::new(Proto::Resp3));
    reply.blob(blob.clone());
    pushes.push(1);
    pushes.blob(blob);
    let expected = [written(&reply), written(&pushes)].concat();
    reply.append(&mut pushes);
    assert_eq!(written(&reply), expected);
    assert!(pushes.is_empty());
}

#[test]
fn a_blob_is_not_copied() {
    let blob = Blob::from(vec![b'b'; BY_REFERENCE]);
    let mut reply = Reply::default();
    reply.blob(blob.clone());
    assert!(reply.pieces().any(|piece| piece.as_ptr() == blob.as_ptr()));
    let (buf, blobs) = reply.take_buf();
    assert_eq!(buf, b"$16384\r\n\r\n");
    assert_eq!(blobs, [(8, blob)]);
    assert_eq!((reply.len(), reply.footprint()), (0, 0));
}

#[derive(Clone, Debug)]
enum Step {
    Int(i64),
    Bulk(Vec<u8>),
    Blob(usize),
    Mark,
    RollBack,
    ArrayFrom(usize),
    Double(f64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        any::<i64>().prop_map(Step::Int),
        proptest::collection::vec(any::<u8>(), 0..150).prop_map(Step::Bulk),
        prop_oneof![Just(BY_REFERENCE), Just(BY_REFERENCE - 1), Just(BY_REFERENCE + 9)]
            .prop_map(Step::Blob),
        Just(Step::Mark),
        Just(Step::RollBack),
        (0usize..2000).prop_map(Step::ArrayFrom),
        any::<i32>().prop_map(|n| Step::Double(f64::from(n) / 8.0)),
    ]
}

proptest! {
    /// Against a plain byte buffer that is spliced.
    #[test]
    fn blobs_and_marks_mean_what_copies_would(
        steps in proptest::collection::vec(step(), 0..40), skip: prop::sample::Index
    ) {
        let mut reply = Reply::new(Proto::Resp3);
        let mut model: Vec<u8> = Vec::new();
        let mut marks = Vec::new();
        for step in steps {
            match step {
                Step::Int(n) => {
                    reply.int(n);
                    model.extend(format!(":{n}\r\n").bytes());
                }
                Step::Bulk(text) => {
                    reply.bulk(&text);
                    model.extend(format!("${}\r\n", text.len()).bytes());
                    model.extend(text);
                    model.extend(b"\r\n");
                }
                Step::Blob(len) => {
                    reply.blob(Blob::from(vec![b'x'; len]));
                    model.extend(format!("${len}\r\n{}\r\n", "x".repeat(len)).bytes());
                }
                Step::Double(n) => {
                    reply.double(n);
                    model.extend(format!(",{n}\r\n").bytes());
                }
                Step::Mark => marks.push((reply.mark(), model.len())),
                Step::RollBack => if let Some((mark, len)) = marks.pop() {
                    reply.roll_back(mark);
                    model.truncate(len);
                },
                Step::ArrayFrom(n) => if let Some((mark, len)) = marks.pop() {
                    reply.array_from(mark, n);
                    model.splice(len..len, format!("*{n}\r\n").bytes());
                },
            }
            prop_assert_eq!(reply.len(), model.len());
        }
        prop_assert_eq!(&written(&reply), &model);
        let skip = skip.index(model.len() + 1);
        let mut slices = [IoSlice::new(&[]); 200];
        let used = reply.slices(skip, usize::MAX, &mut slices);
        let rest: Vec<u8> = slices[..used].iter().flat_map(|slice| slice.to_vec()).collect();
        prop_assert_eq!(rest, &model[skip..]);
    }
}

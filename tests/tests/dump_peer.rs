//! DUMP here and RESTORE in a real redis-server, and the other way round; the fingerprints of both.
//!
//! `REDIS_SERVER=path` names another binary than the one in `PATH`.

use lodestore_tests::client::Client;
use lodestore_tests::reply::Reply;
use lodestore_tests::server::{Server, skip};

const DEBUG: &[(&str, &str)] = &[("enable-debug-command", "yes")];

/// The two servers, or nothing where no redis-server is installed.
fn both(test: &str) -> Option<(Server, Server)> {
    let Some(peer) = Server::peer(DEBUG) else {
        skip(test, "no redis-server is installed");
        return None;
    };
    Some((Server::start(DEBUG), peer))
}

/// Strings in every form that a payload knows, and at the borders between them.
fn values() -> Vec<Vec<u8>> {
    let mut values: Vec<Vec<u8>> =
        ["", "a", "007", "-0", "+1", "1.5", "9223372036854775808"].map(|text| text.into()).into();
    for number in [0, 1, -1, i64::MAX, i64::MIN] {
        values.push(number.to_string().into());
    }
    for bits in [7, 15, 31, 62] {
        for number in [(1i64 << bits) - 1, 1 << bits, -(1 << bits), -(1 << bits) - 1] {
            values.push(number.to_string().into());
        }
    }
    let lengths = [4, 11, 20, 21, 44, 45, 63, 64, 300, 1024, 1025, 16_383, 16_384, 70_000];
    for length in lengths.into_iter().chain([262_144, 262_145, 3_000_000]) {
        values.push(vec![b'x'; length]);
        values.push((0..length).map(|at| (at * at * 31 / 7 + at / 251) as u8).collect());
        values.push((0..length).map(|at| b"abcdefgh"[at * 7 % 8 * (at / 1000 % 3) % 8]).collect());
    }
    values
}

/// Dumps each value in one server and restores it in the other.
fn carry(from: &mut Client, to: &mut Client) {
    for (number, value) in values().into_iter().enumerate() {
        let key = format!("k{number}");
        from.call(&[b"SET".as_slice(), key.as_bytes(), &value]);
        let Reply::Bulk(payload) = from.call(&["DUMP", &key]) else { panic!("DUMP of {key}") };
        let restored = to.call(&[b"RESTORE".as_slice(), key.as_bytes(), b"0", &payload]);
        let about = format!("{} bytes: {:?}...", value.len(), &value[..value.len().min(20)]);
        assert_eq!(restored.line(), "+OK", "{about}");
        assert_eq!(to.call(&["GET", &key]), Reply::Bulk(value), "{about}");
        // Of the other two each version draws the border elsewhere.
        let number =
            |client: &mut Client| client.call(&["OBJECT", "ENCODING", &key]).text() == "int";
        assert_eq!(number(from), number(to), "{about}");
    }
    assert_eq!(digests(from), digests(to));
}

/// The fingerprint of everything, and those of the values.
fn digests(client: &mut Client) -> Vec<String> {
    let keys: Vec<String> = (0..values().len()).map(|number| format!("k{number}")).collect();
    let mut words = vec!["DEBUG", "DIGEST-VALUE"];
    words.extend(keys.iter().map(String::as_str));
    let values = client.call(&words);
    let all = client.call(&["DEBUG", "DIGEST"]).text();
    values.items().iter().map(Reply::text).chain([all]).collect()
}

#[test]
fn what_we_dump_a_real_server_restores() {
    let Some((ours, theirs)) = both("what_we_dump_a_real_server_restores") else { return };
    carry(&mut ours.client(), &mut theirs.client());
}

#[test]
fn what_a_real_server_dumps_we_restore() {
    let Some((ours, theirs)) = both("what_a_real_server_dumps_we_restore") else { return };
    carry(&mut theirs.client(), &mut ours.client());
}

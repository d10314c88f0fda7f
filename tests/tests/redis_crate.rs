//! The `redis` crate against Lodestore: blocking and async, RESP2 and RESP3.
//!
//! `PEER_BINARY=path` runs the suite against a real server.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use lodestore_tests::server::Server;
use redis::aio::MultiplexedConnection;
use redis::caching::CacheConfig;
use redis::{
    AsyncCommands, AsyncConnectionConfig, Client, Commands, Connection, ExistenceCheck, Expiry,
    ProtocolVersion, PushInfo, PushKind, RedisResult, ScanOptions, ServerErrorKind, SetExpiry,
    SetOptions, Value, cmd, pipe,
};
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

const PROTOCOLS: [ProtocolVersion; 2] = [ProtocolVersion::RESP2, ProtocolVersion::RESP3];

fn server() -> Server {
    match std::env::var("PEER_BINARY") {
        Ok(path) => Server::of(path.as_ref(), &[]),
        Err(_) => Server::start(&[]),
    }
}

fn client(server: &Server, protocol: ProtocolVersion) -> Client {
    let number = if protocol == ProtocolVersion::RESP3 { 3 } else { 2 };
    Client::open(format!("redis://{}/?protocol={number}", server.address())).unwrap()
}

/// Runs `test` with a connection of each protocol, on an empty server.
fn blocking(test: impl Fn(&Client, Connection)) {
    let server = server();
    for protocol in PROTOCOLS {
        let client = client(&server, protocol);
        let mut connection = client.get_connection().unwrap();
        connection.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        cmd("FLUSHALL").exec(&mut connection).unwrap();
        test(&client, connection);
    }
}

/// The same for futures.
fn with_tokio<F: Future<Output = RedisResult<()>>>(
    test: impl Fn(Client, MultiplexedConnection) -> F,
) {
    let server = server();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for protocol in PROTOCOLS {
        runtime.block_on(async {
            let client = client(&server, protocol);
            let mut connection = client.get_multiplexed_async_connection().await.unwrap();
            cmd("FLUSHALL").exec_async(&mut connection).await.unwrap();
            let limit = Duration::from_secs(20);
            tokio::time::timeout(limit, test(client, connection)).await.unwrap().unwrap();
        });
    }
}

/// Waits until `condition` holds.
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(5);
    while !condition() {
        assert!(Instant::now() < end, "does not happen: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn strings() {
    blocking(|_, mut r| {
        let () = r.set("k", "v").unwrap();
        assert_eq!(r.get::<_, String>("k").unwrap(), "v");
        assert_eq!(r.get::<_, Option<String>>("missing").unwrap(), None);
        let only_new = SetOptions::default().conditional_set(ExistenceCheck::NX);
        assert_eq!(r.set_options::<_, _, Option<String>>("k", "w", only_new).unwrap(), None);
        let soon = SetOptions::default().get(true).with_expiration(SetExpiry::EX(100));
        assert_eq!(r.set_options::<_, _, String>("k", "w", soon).unwrap(), "v");
        assert_eq!(r.ttl::<_, i64>("k").unwrap(), 100);
        assert_eq!(r.incr::<_, _, i64>("n", 41).unwrap(), 41);
        assert_eq!(r.incr::<_, _, f64>("n", 0.5).unwrap(), 41.5);
        assert_eq!(r.append::<_, _, usize>("k", "!").unwrap(), 2);
        assert_eq!(r.getrange::<_, String>("k", 0, -2).unwrap(), "w");
        assert_eq!(r.setrange::<_, _, usize>("k", 1, "?").unwrap(), 2);
        assert_eq!(r.strlen::<_, usize>("k").unwrap(), 2);
        let () = r.mset(&[("a", 1), ("b", 2)]).unwrap();
        let all: Vec<Option<i64>> = r.mget(&["a", "missing", "b"]).unwrap();
        assert_eq!(all, [Some(1), None, Some(2)]);
        assert!(!r.mset_nx::<_, _, bool>(&[("a", 3), ("c", 3)]).unwrap());
        assert_eq!(r.get_del::<_, i64>("a").unwrap(), 1);
        assert_eq!(r.get_ex::<_, i64>("b", Expiry::EX(10)).unwrap(), 2);
        assert_eq!(r.getset::<_, _, i64>("b", 3).unwrap(), 2);
    });
}

#[test]
fn bytes_and_sizes() {
    blocking(|_, mut r| {
        let key = [0_u8, 255, 13, 10];
        for size in [0, 1, 44, 45, 16_384, 65_536, 4 << 20] {
            let value: Vec<u8> = (0..size).map(|i| (i % 251) as u8).collect();
            let () = r.set(&key, &value[..]).unwrap();
            assert_eq!(r.strlen::<_, usize>(&key).unwrap(), size);
            assert!(r.get::<_, Vec<u8>>(&key).unwrap() == value, "{size} bytes");
        }
    });
}

#[test]
fn keys_and_their_times_to_live() {
    blocking(|_, mut r| {
        let () = r.mset(&[("a", "1"), ("b", "2")]).unwrap();
        assert_eq!(r.exists::<_, usize>(&["a", "b", "missing"]).unwrap(), 2);
        assert_eq!(r.key_type::<_, String>("a").unwrap(), "string");
        let () = r.rename("a", "c").unwrap();
        assert!(r.copy::<_, _, &str, bool>("c", "d", redis::CopyOptions::default()).unwrap());
        assert!(!r.rename_nx::<_, _, bool>("c", "d").unwrap());
        assert!(r.expire::<_, bool>("c", 100).unwrap());
        assert!(r.pttl::<_, i64>("c").unwrap() > 99_000);
        assert!(r.expire_time::<_, i64>("c").unwrap() > 1_700_000_000);
        assert!(r.persist::<_, bool>("c").unwrap());
        assert_eq!(r.ttl::<_, i64>("c").unwrap(), -1);
        assert!(r.pexpire::<_, bool>("c", 20).unwrap());
        until("the key's end", || !r.exists::<_, bool>("c").unwrap());
        assert_eq!(r.object_encoding::<_, String>("b").unwrap(), "int");
        assert_eq!(r.unlink::<_, usize>(&["b", "d"]).unwrap(), 2);
    });
}

#[test]
fn a_scan_meets_every_key() {
    blocking(|_, mut r| {
        let names: HashSet<String> = (0..2000).map(|i| format!("key:{i}")).collect();
        let pairs: Vec<(&String, i32)> = names.iter().map(|name| (name, 1)).collect();
        let () = r.mset(&pairs).unwrap();
        let () = r.set("other", 1).unwrap();
        let options = ScanOptions::default().with_pattern("key:*").with_count(50);
        let met: HashSet<String> =
            r.scan_options(options).unwrap().map(|key| key.unwrap()).collect();
        assert_eq!(met, names);
        assert_eq!(r.keys::<_, Vec<String>>("key:*").unwrap().len(), 2000);
    });
}

#[test]
fn a_pipeline() {
    blocking(|_, mut r| {
        let mut pipeline = pipe();
        for i in 0..10_000 {
            pipeline.set(format!("k{i}"), i).ignore();
        }
        let last: (i64, usize) = pipeline.get("k9999").cmd("DBSIZE").query(&mut r).unwrap();
        assert_eq!(last, (9999, 10_000));
    });
}

#[test]
fn a_transaction() {
    blocking(|client, mut r| {
        let mut unit = pipe();
        unit.atomic().set("n", 1).ignore().incr("n", 41).get("n");
        assert_eq!(unit.query::<(i64, String)>(&mut r).unwrap(), (42, "42".to_owned()));
        // Another client is quicker once, so the transaction runs twice.
        let mut other = client.get_connection().unwrap();
        let mut tries = 0;
        let (sum,): (i64,) = redis::transaction(&mut r, &["n"], |r, unit| {
            tries += 1;
            let old: i64 = r.get("n")?;
            if tries == 1 {
                let () = other.set("n", 100)?;
            }
            unit.set("n", old + 1).ignore().get("n").query(r)
        })
        .unwrap();
        assert_eq!((sum, tries), (101, 2));
    });
}

#[test]
fn errors() {
    blocking(|_, mut r| {
        let () = r.set("k", "text").unwrap();
        let why = r.incr::<_, _, i64>("k", 1).unwrap_err();
        assert_eq!(why.kind(), ServerErrorKind::ResponseError.into());
        assert_eq!(why.detail(), Some("value is not an integer or out of range"));
        let why = cmd("NOSUCH").exec(&mut r).unwrap_err();
        assert!(why.detail().unwrap().starts_with("unknown command 'NOSUCH'"), "{why}");
        let why = cmd("SELECT").arg(16).exec(&mut r).unwrap_err();
        assert_eq!(why.detail(), Some("DB index is out of range"));
        let refused = pipe().atomic().cmd("GET").get("k").exec(&mut r).unwrap_err();
        assert_eq!(refused.code(), Some("EXECABORT"), "{refused}");
        assert_eq!(r.get::<_, String>("k").unwrap(), "text");
    });
}

#[test]
fn channels_and_patterns() {
    blocking(|client, mut r| {
        let mut listening = client.get_connection().unwrap();
        listening.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut channels = listening.as_pubsub();
        channels.subscribe("one").unwrap();
        channels.psubscribe("t*").unwrap();
        assert_eq!(r.publish::<_, _, usize>("one", "hello").unwrap(), 1);
        assert_eq!(r.publish::<_, _, usize>("two", "there").unwrap(), 1);
        let first = channels.get_message().unwrap();
        let text: String = first.get_payload().unwrap();
        assert_eq!((first.get_channel_name(), text.as_str()), ("one", "hello"));
        let second = channels.get_message().unwrap();
        assert_eq!(second.get_pattern::<String>().unwrap(), "t*");
        assert_eq!(second.get_payload::<String>().unwrap(), "there");
        channels.unsubscribe("one").unwrap();
        channels.punsubscribe("t*").unwrap();
        drop(channels);
        assert_eq!(cmd("PING").query::<String>(&mut listening).unwrap(), "PONG");
    });
}

#[test]
fn pushes_have_a_road_of_their_own() {
    let server = server();
    let mut listening = client(&server, ProtocolVersion::RESP3).get_connection().unwrap();
    let (sender, pushes) = std::sync::mpsc::channel();
    listening.set_push_sender(sender);
    listening.subscribe_resp3("one").unwrap();
    let mut other = client(&server, ProtocolVersion::RESP3).get_connection().unwrap();
    assert_eq!(other.publish::<_, _, usize>("one", "hello").unwrap(), 1);
    // A push may arrive before, after and between replies.
    assert_eq!(cmd("PING").query::<String>(&mut listening).unwrap(), "PONG");
    let kinds: Vec<PushKind> = pushes.try_iter().map(|push: PushInfo| push.kind).collect();
    assert_eq!(kinds, [PushKind::Subscribe, PushKind::Message]);
}

#[test]
fn who_is_connected() {
    blocking(|client, mut r| {
        let () = r.client_setname("by-hand").unwrap();
        assert_eq!(r.client_getname::<String>().unwrap(), "by-hand");
        let id: i64 = r.client_id().unwrap();
        let line: String = cmd("CLIENT").arg("INFO").query(&mut r).unwrap();
        assert!(line.starts_with(&format!("id={id} ")), "{line}");
        assert!(line.contains(" name=by-hand "), "{line}");
        assert!(line.contains(" lib-name=redis-rs "), "{line}");
        let mut other = client.get_connection().unwrap();
        let killed: i64 = cmd("CLIENT").arg("KILL").arg("ID").arg(id).query(&mut other).unwrap();
        assert_eq!(killed, 1);
        assert!(cmd("PING").exec(&mut r).unwrap_err().is_connection_dropped());
    });
}

#[test]
fn what_the_server_says_of_itself() {
    blocking(|_, mut r| {
        let info: redis::InfoDict = cmd("INFO").query(&mut r).unwrap();
        assert!(info.get::<String>("redis_version").unwrap().starts_with(char::is_numeric));
        assert_eq!(info.get::<String>("role").unwrap(), "master");
        let set = cmd("CONFIG").arg("SET").arg("slowlog-max-len").arg(7).exec(&mut r);
        assert!(set.is_ok());
        let got: HashMap<String, i64> =
            cmd("CONFIG").arg("GET").arg("slowlog-max-len").query(&mut r).unwrap();
        assert_eq!(got, HashMap::from([("slowlog-max-len".to_owned(), 7)]));
        let time: (u64, u64) = cmd("TIME").query(&mut r).unwrap();
        assert!(time.0 > 1_700_000_000 && time.1 < 1_000_000);
        let rows: Vec<Value> = cmd("COMMAND").arg("INFO").arg("get").query(&mut r).unwrap();
        assert_eq!(rows.len(), 1);
    });
}

#[test]
fn databases_and_a_password() {
    let server = server();
    for protocol in PROTOCOLS {
        let mut r = client(&server, protocol).get_connection().unwrap();
        let third = format!("redis://{}/3", server.address());
        let mut third = Client::open(third).unwrap().get_connection().unwrap();
        let () = third.set("k", "three").unwrap();
        assert_eq!(r.get::<_, Option<String>>("k").unwrap(), None);
        let () = cmd("CONFIG").arg("SET").arg("requirepass").arg("secret").query(&mut r).unwrap();
        let refused = client(&server, protocol).get_connection();
        let refused = refused.and_then(|mut r| r.get::<_, Option<String>>("k"));
        assert!(refused.is_err());
        let known = format!("redis://:secret@{}/3", server.address());
        let mut known = Client::open(known).unwrap().get_connection().unwrap();
        assert_eq!(known.get::<_, String>("k").unwrap(), "three");
        let () = cmd("CONFIG").arg("SET").arg("requirepass").arg("").query(&mut known).unwrap();
    }
}

#[test]
fn many_futures_on_one_connection() {
    with_tokio(|_, r| async move {
        let mut set = tokio::task::JoinSet::new();
        for i in 0..200 {
            let mut r = r.clone();
            set.spawn(async move {
                let () = r.set(format!("k{i}"), i).await?;
                r.get::<_, i32>(format!("k{i}")).await
            });
        }
        let mut values: Vec<i32> = set.join_all().await.into_iter().collect::<RedisResult<_>>()?;
        values.sort_unstable();
        assert_eq!(values, (0..200).collect::<Vec<_>>());
        Ok(())
    });
}

#[test]
fn futures_of_pipelines_and_transactions() {
    with_tokio(|_, mut r| async move {
        let mut unit = pipe();
        unit.atomic().set("n", 1).ignore().incr("n", 41);
        assert_eq!(unit.query_async::<(i64,)>(&mut r).await?, (42,));
        let mut pipeline = pipe();
        for i in 0..1000 {
            pipeline.incr("n", i);
        }
        let sums: Vec<i64> = pipeline.query_async(&mut r).await?;
        assert_eq!(sums.last(), Some(&(42 + 499_500)));
        let error = pipe().atomic().set("k", "text").incr("k", 1).exec_async(&mut r).await;
        assert!(error.is_err());
        assert_eq!(r.get::<_, String>("k").await?, "text");
        Ok(())
    });
}

#[test]
fn a_scan_of_futures() {
    with_tokio(|_, mut r| async move {
        let pairs: Vec<(String, i32)> = (0..500).map(|i| (format!("key:{i}"), i)).collect();
        let () = r.mset(&pairs).await?;
        let mut met = HashSet::new();
        let mut keys = r.scan_match::<_, String>("key:*").await?;
        while let Some(key) = keys.next_item().await {
            met.insert(key?);
        }
        assert_eq!(met.len(), 500);
        Ok(())
    });
}

#[test]
fn pushes_to_a_future() {
    let server = server();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (sender, mut pushes) = tokio::sync::mpsc::unbounded_channel();
        let config = AsyncConnectionConfig::new().set_push_sender(sender);
        let client = client(&server, ProtocolVersion::RESP3);
        let mut r = client.get_multiplexed_async_connection_with_config(&config).await.unwrap();
        r.subscribe("one").await.unwrap();
        assert_eq!(r.publish::<_, _, usize>("one", "hello").await.unwrap(), 1);
        assert_eq!(pushes.recv().await.unwrap().kind, PushKind::Subscribe);
        let message = pushes.recv().await.unwrap();
        assert_eq!(message.kind, PushKind::Message);
        assert_eq!(message.data[1], Value::BulkString(b"hello".to_vec()));
    });
}

#[test]
fn cached_on_the_client_s_side() {
    let server = server();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = client(&server, ProtocolVersion::RESP3);
        let config = AsyncConnectionConfig::new().set_cache_config(CacheConfig::new());
        let mut r = client.get_multiplexed_async_connection_with_config(&config).await.unwrap();
        let mut other = client.get_multiplexed_async_connection().await.unwrap();
        let () = other.set("k", "first").await.unwrap();
        for _ in 0..10 {
            assert_eq!(r.get::<_, String>("k").await.unwrap(), "first");
        }
        let statistics = r.get_cache_statistics().unwrap();
        assert_eq!((statistics.hit, statistics.miss), (9, 1));
        let () = other.set("k", "second").await.unwrap();
        let end = Instant::now() + Duration::from_secs(5);
        while r.get::<_, String>("k").await.unwrap() != "second" {
            assert!(Instant::now() < end, "the client is not told of the change");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(r.get_cache_statistics().unwrap().invalidate, 1);
    });
}

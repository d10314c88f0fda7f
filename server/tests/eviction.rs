//! The bound on memory: what goes, what the log is told, and what is refused.
//!
//! A suite of its own, and one test at a time: what is compared with the limit is the whole process's memory.

mod harness;

use harness::Server;
use lodestore_server::config::{MemoryLimit, MemoryPolicy};
use std::io::{Read, Seek, Write};
use std::sync::Mutex;

static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn evicted_keys_are_deleted_in_the_log_and_memory_keeps_its_limit() {
    let _alone = ALONE.lock();
    for policy in [
        MemoryPolicy::AllkeysLru,
        MemoryPolicy::AllkeysLfu,
        MemoryPolicy::AllkeysRandom,
        MemoryPolicy::VolatileTtl,
    ] {
        let mut server = Server::new(1);
        let mut feed = tempfile::tempfile().unwrap();
        let mut lengths = Vec::with_capacity(20_000);
        let limit = server.engine.parts().used_memory() + (1 << 20);
        let config = &mut server.engine.parts().config;
        (config.max_memory, config.memory_policy) = (MemoryLimit::Bytes(limit), policy);
        for number in 0..20_000 {
            server.now_ms += 1;
            server.call(&format!("SET key:{number} {number:0100} PX {}", 100_000 + number % 1000));
            // What was told must not count as the server's memory.
            let told = server.engine.take_feed();
            feed.write_all(&told).unwrap();
            lengths.push(told.len());
            assert!(server.engine.parts().used_memory() < limit + (64 << 10), "{number}");
        }
        let evicted = server.engine.parts().stats.evicted;
        let left = server.data();
        assert!((10_000..20_000).contains(&evicted), "{policy:?}: {evicted}");
        assert_eq!(left.len() as u64 + evicted, 20_000);
        feed.rewind().unwrap();
        let mut second = Server::new(2);
        second.now_ms = server.now_ms;
        for length in lengths {
            let mut told = vec![0; length];
            feed.read_exact(&mut told).unwrap();
            second.send(&told);
        }
        assert_eq!(second.data(), left, "{policy:?}");
    }
}

#[test]
fn a_huge_value_is_refused_or_makes_room_and_never_ends_the_server() {
    let _alone = ALONE.lock();
    let mut server = Server::new(1);
    server.call(&format!("SET huge {}", "x".repeat(900_000)));
    let limit = server.engine.parts().used_memory() - (256 << 10);
    server.engine.parts().config.max_memory = MemoryLimit::Bytes(limit);
    server.call("SET small 1");
    assert_eq!(server.engine.parts().keyspace.keys(), 1, "what came after the huge one is refused");
    server.engine.parts().config.memory_policy = MemoryPolicy::AllkeysLru;
    server.call("SET small 1");
    let keyspace = &server.engine.parts().keyspace;
    assert!(keyspace.db(0).find(keyspace.key(b"small")).is_some());
    assert_eq!((keyspace.keys(), server.host.discarded), (1, 1), "it is freed elsewhere");
}

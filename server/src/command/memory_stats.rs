//! The reply of MEMORY STATS.
//!
//! Owns: its fields and their order.   Uses: footprint.   Never: measures anything.
//!
//! The first fields have the names and the meaning of a real server's, so that tools read them; what it counts of
//! things that do not exist here (the log's buffers, scripts, replicas, the links of a cluster) is left out, or 0 where
//! tools rely on it. Fields of our own come last, and begin with `bytes.`.

use super::footprint::{Footprint, databases, percent, ratio};
use crate::keyspace::{Db, Keyspace, Sum};
use crate::resp::reply::Reply;
use crate::value::Type;

/// A field's value.
enum Figure {
    Whole(u64),
    Signed(i64),
    Part(f64),
}

use Figure::{Part, Signed, Whole};

type Field = (&'static str, fn(&Footprint) -> Figure);

/// In front of the databases.
static HEAD: &[Field] = &[
    ("peak.allocated", |of| Whole(of.peak)),
    ("total.allocated", |of| Whole(of.used)),
    ("startup.allocated", |of| Whole(of.startup)),
    ("replication.backlog", |_| Whole(0)),
    ("clients.slaves", |_| Whole(0)),
    ("clients.normal", |of| Whole(of.clients())),
    ("cluster.links", |_| Whole(0)),
    ("aof.buffer", |_| Whole(0)),
    ("lua.caches", |_| Whole(0)),
    ("functions.caches", |_| Whole(0)),
    ("script.VMs", |_| Whole(0)),
];

/// Behind the databases.
static TAIL: &[Field] = &[
    ("overhead.db.hashtable.lut", |of| Whole(of.tables)),
    ("overhead.db.hashtable.rehashing", |_| Whole(0)),
    ("overhead.total", |of| Whole(of.overhead())),
    ("db.dict.rehashing.count", |_| Whole(0)),
    ("keys.count", |of| Whole(of.data.keys as u64)),
    ("keys.bytes-per-key", |of| {
        let held = of.used.saturating_sub(of.startup);
        Whole(held.checked_div(of.data.keys as u64).unwrap_or(0))
    }),
    ("dataset.bytes", |of| Whole(of.dataset())),
    ("dataset.percentage", |of| {
        Part(percent(of.dataset(), of.used.saturating_sub(of.startup)).min(100.0))
    }),
    ("peak.percentage", |of| Part(percent(of.used, of.peak))),
    ("allocator.allocated", |of| Whole(of.allocator.allocated)),
    ("allocator.active", |of| Whole(of.allocator.active)),
    ("allocator.resident", |of| Whole(of.allocator.resident)),
    ("allocator.muzzy", |of| Whole(of.allocator.muzzy)),
    ("allocator-fragmentation.ratio", |of| {
        Part(ratio(of.allocator.active, of.allocator.allocated))
    }),
    ("allocator-fragmentation.bytes", |of| difference(of.allocator.active, of.allocator.allocated)),
    ("allocator-rss.ratio", |of| Part(ratio(of.allocator.resident, of.allocator.active))),
    ("allocator-rss.bytes", |of| difference(of.allocator.resident, of.allocator.active)),
    ("rss-overhead.ratio", |of| Part(ratio(of.resident, of.allocator.resident))),
    ("rss-overhead.bytes", |of| difference(of.resident, of.allocator.resident)),
    ("fragmentation", |of| Part(ratio(of.resident, of.used))),
    ("fragmentation.bytes", |of| difference(of.resident, of.used)),
    ("bytes.keys", |of| Whole(of.keys())),
    ("bytes.values", |of| Whole(of.values())),
    ("bytes.tables", |of| Whole(of.tables)),
    ("bytes.clients.normal", |of| Whole(of.normal_clients)),
    ("bytes.clients.pubsub", |of| Whole(of.pubsub_clients)),
    ("bytes.replication", |_| Whole(0)),
    ("bytes.scripts", |_| Whole(0)),
    ("bytes.other", |of| Whole(of.other())),
];

fn difference(a: u64, b: u64) -> Figure {
    Signed(a.wrapping_sub(b).cast_signed())
}

/// Writes the whole reply: a map.
pub fn write_stats(reply: &mut Reply, of: &Footprint, keyspace: &Keyspace) {
    let databases: Vec<_> = databases(keyspace).collect();
    let types = Type::ALL.map(|kind| (kind, sum_of(&databases, kind)));
    reply.map(HEAD.len() + databases.len() + TAIL.len() + types.len());
    write_fields(reply, HEAD, of);
    for (number, db) in databases {
        reply.bulk_fmt(format_args!("db.{number}"));
        write_database(reply, db);
    }
    write_fields(reply, TAIL, of);
    for (kind, sum) in types {
        reply.bulk_fmt(format_args!("bytes.type.{}", kind.name()));
        reply.map(3);
        write_sum(reply, sum);
    }
}

fn write_fields(reply: &mut Reply, fields: &[Field], of: &Footprint) {
    for (name, figure) in fields {
        reply.bulk(name.as_bytes());
        match figure(of) {
            Whole(number) => write_whole(reply, number),
            Signed(number) => reply.int(number),
            Part(number) => reply.double(number),
        }
    }
}

fn write_database(reply: &mut Reply, db: &Db) {
    reply.map(5);
    reply.bulk(b"overhead.hashtable.main");
    write_whole(reply, db.table_bytes() as u64);
    // Deadlines stand in the entries.
    reply.bulk(b"overhead.hashtable.expires");
    reply.int(0);
    write_sum(reply, db.sums().total());
}

/// Writes three pairs.
fn write_sum(reply: &mut Reply, Sum { keys, entries, heap }: Sum) {
    for (name, figure) in [("keys.count", keys), ("keys.bytes", entries), ("values.bytes", heap)] {
        reply.bulk(name.as_bytes());
        write_whole(reply, figure as u64);
    }
}

fn write_whole(reply: &mut Reply, number: u64) {
    reply.int(i64::try_from(number).unwrap_or(i64::MAX));
}

fn sum_of(databases: &[(usize, &Db)], kind: Type) -> Sum {
    databases.iter().fold(Sum::default(), |sum, (_, db)| sum.with(db.sums().of(kind)))
}

//! What each command does, and its row: one file for each family.
//!
//! Owns: the commands.   Uses: its context (keyspace, parts, resp).   Never: the engine, io, the time.
//!
//! To add a command: its function and its row in the family's file, one word in that file's TABLE, and
//! one transcript.

pub mod context;
pub mod deliver;
pub mod index;
pub mod next;
pub mod reads;
pub mod row;
pub mod shown;
pub mod text;
pub mod waiting;
pub mod window;

mod acl;
mod bitfield;
mod bitmap;
mod bitop;
mod bounded;
mod categories;
mod client;
mod client_filter;
pub mod client_line;
mod client_list;
mod compare;
mod condition;
mod config;
mod connection;
mod copy;
mod counter;
mod debug;
mod debug_data;
mod docs;
pub mod draw;
mod dump;
mod edit;
mod expiry;
mod float;
mod flush;
mod footprint;
mod generic;
mod geo;
mod hashes;
mod help;
mod hyperloglog;
mod hyperloglog_debug;
mod info;
mod info_data;
mod info_engine;
mod info_memory;
mod info_process;
mod info_stats;
mod introspect;
mod io_counters;
pub mod key_spec;
pub mod keys;
mod latency;
mod latency_doctor;
mod latency_graph;
mod latency_histogram;
mod lcs;
mod lists;
mod lolwut;
mod memory;
mod memory_doctor;
mod memory_stats;
mod module;
mod monitor;
mod number;
mod object;
mod pairs;
mod persist;
mod pubsub;
mod range;
mod rename;
mod role;
mod scan;
pub mod scan_page;
mod server;
mod set;
mod set_many;
mod set_options;
mod sets;
mod slow_log;
mod sort;
mod sorted_set;
mod stream;
mod string;
mod swap;
mod tracking;
mod transaction;
mod wait;

/// The tables of all families.
static FAMILIES: &[&[&row::Command]] = &[
    acl::TABLE,
    bitfield::TABLE,
    bitmap::TABLE,
    bitop::TABLE,
    bounded::TABLE,
    client::TABLE,
    compare::TABLE,
    config::TABLE,
    connection::TABLE,
    copy::TABLE,
    counter::TABLE,
    debug::TABLE,
    dump::TABLE,
    expiry::TABLE,
    float::TABLE,
    flush::TABLE,
    generic::TABLE,
    geo::add::TABLE,
    geo::place::TABLE,
    geo::search::TABLE,
    hashes::counter::TABLE,
    hashes::expiry::TABLE,
    hashes::fields::TABLE,
    hashes::import::TABLE,
    hashes::random::TABLE,
    hashes::scan::TABLE,
    hashes::together::TABLE,
    hashes::ttl::TABLE,
    hashes::whole::TABLE,
    hyperloglog::TABLE,
    hyperloglog_debug::TABLE,
    info::TABLE,
    introspect::TABLE,
    latency::TABLE,
    lcs::TABLE,
    lists::blocking::TABLE,
    lists::elements::TABLE,
    lists::ends::TABLE,
    lists::many::TABLE,
    lists::moves::TABLE,
    lists::position::TABLE,
    lolwut::TABLE,
    memory::TABLE,
    module::TABLE,
    monitor::TABLE,
    object::TABLE,
    persist::TABLE,
    pubsub::TABLE,
    range::TABLE,
    rename::TABLE,
    role::TABLE,
    scan::TABLE,
    server::TABLE,
    set::TABLE,
    set_many::TABLE,
    sets::algebra::TABLE,
    sets::members::TABLE,
    sets::random::TABLE,
    sets::scan::TABLE,
    slow_log::TABLE,
    sort::TABLE,
    sorted_set::add::TABLE,
    sorted_set::blocking::TABLE,
    sorted_set::algebra::TABLE,
    sorted_set::members::TABLE,
    sorted_set::pop::TABLE,
    sorted_set::random::TABLE,
    sorted_set::range::TABLE,
    sorted_set::remove_range::TABLE,
    sorted_set::scan::TABLE,
    stream::add::TABLE,
    stream::claim::TABLE,
    stream::group::TABLE,
    stream::idempotence::TABLE,
    stream::info::TABLE,
    stream::pending::TABLE,
    stream::range::TABLE,
    stream::read::TABLE,
    stream::remove::TABLE,
    string::TABLE,
    swap::TABLE,
    transaction::TABLE,
    wait::TABLE,
];

//! What a collection needs to know when it grows: the thresholds by which OBJECT ENCODING names it, and the hasher of its
//! elements.
//!
//! Owns: the numbers, with Redis's defaults.   Uses: random.   Never: decides how a collection is kept.

use crate::base::random::KeyHasher;

/// The settings of the same names, and the server's hasher.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Hashes the elements of large collections.
    pub hasher: KeyHasher,
    /// `hash-max-listpack-entries`: fields.
    pub hash_entries: usize,
    /// `hash-max-listpack-value`: bytes of a field's name or value.
    pub hash_value: usize,
    /// `set-max-intset-entries`: members, if all are numbers.
    pub set_ints: usize,
    /// `set-max-listpack-entries`: members.
    pub set_entries: usize,
    /// `set-max-listpack-value`: bytes of a member.
    pub set_value: usize,
    /// `zset-max-listpack-entries`: members.
    pub zset_entries: usize,
    /// `zset-max-listpack-value`: bytes of a member.
    pub zset_value: usize,
    /// `list-max-listpack-size`: elements if positive; -1 to -5: 4 to 64 KiB.
    pub list_size: i64,
    /// `stream-node-max-bytes`; 0: any number.
    pub stream_node_bytes: usize,
    /// `stream-node-max-entries`; 0: any number.
    pub stream_node_entries: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            hasher: KeyHasher::new(0),
            hash_entries: 512,
            hash_value: 64,
            set_ints: 512,
            set_entries: 128,
            set_value: 64,
            zset_entries: 128,
            zset_value: 64,
            list_size: -2,
            stream_node_bytes: 4096,
            stream_node_entries: 100,
        }
    }
}

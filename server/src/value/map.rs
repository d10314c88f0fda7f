//! Elements found by their keys: what a large hash or set is, and one half of a large sorted set.
//!
//! Owns: the elements.   Uses: field, `base::index`.   Never: what they mean, their order, what time it is.

use super::field::{Beside, Field, FieldRef};
use crate::base::index::{HeapThenRuns, Index, NoNotes};
use crate::base::random::{KeyHasher, Rng};
use std::fmt;

/// Elements by key.
pub struct Map {
    index: Index<Field, NoNotes, HeapThenRuns>,
    /// Bytes of the elements' blocks.
    blocks: usize,
}

impl Map {
    /// An empty map, which has allocated nothing.
    pub fn new(hasher: KeyHasher) -> Map {
        Map { index: Index::new(hasher, NoNotes, HeapThenRuns::new()), blocks: 0 }
    }

    /// An empty map with the same hasher.
    pub fn fresh(&self) -> Map {
        Map::new(self.index.hasher().clone())
    }

    /// What hashes its keys.
    pub fn hasher(&self) -> &KeyHasher {
        self.index.hasher()
    }

    /// Elements in it.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The element of a key. O(1).
    #[inline]
    pub fn get(&self, key: &[u8]) -> Option<FieldRef<'_>> {
        let (_, field) = self.index.find(self.index.hasher().hash(key), key)?;
        Some(field.get())
    }

    /// The hash of a key, for the methods that take it.
    #[inline]
    pub fn hash(&self, key: &[u8]) -> u64 {
        self.index.hasher().hash(key)
    }

    /// Like [`Map::get`], of a key whose hash is known.
    #[inline]
    pub fn get_hashed(&self, hash: u64, key: &[u8]) -> Option<FieldRef<'_>> {
        let (_, field) = self.index.find(hash, key)?;
        Some(field.get())
    }

    /// Asks the processor for the bucket that a look-up will read.
    #[inline]
    pub fn prefetch_bucket(&self, hash: u64) {
        if let Some(row) = self.index.row(hash) {
            row.prefetch_bucket(hash);
        }
    }

    /// Makes room for so many elements, if there are none yet.
    pub fn reserve(&mut self, elements: usize) {
        self.index.reserve(elements);
    }

    /// Adds an element, or replaces what stands beside its key. Tells whether it is new. O(1), now and then the growth of
    /// one segment.
    pub fn set(&mut self, key: &[u8], beside: Beside<'_>) -> bool {
        let hash = self.index.hasher().hash(key);
        let found = self.index.find(hash, key).map(|(place, _)| place);
        let Some(place) = found else {
            let field = Field::new(key, beside);
            self.blocks += field.get().size();
            self.index.insert(hash, field);
            return true;
        };
        let field = self.index.item_mut(place);
        let before = field.get().size();
        field.set(beside);
        self.blocks = self.blocks - before + field.get().size();
        false
    }

    /// Adds an element whose key the map does not have. O(1), now and then the growth of one segment.
    pub fn add(&mut self, key: &[u8], beside: Beside<'_>) -> FieldRef<'_> {
        let field = Field::new(key, beside);
        self.blocks += field.get().size();
        let place = self.index.insert(self.index.hasher().hash(key), field);
        self.index.item(place).get()
    }

    /// Takes an element out. O(1), now and then the shrinking of one segment.
    pub fn remove(&mut self, key: &[u8]) -> Option<Field> {
        let hash = self.index.hasher().hash(key);
        let (place, field) = self.index.find(hash, key)?;
        self.blocks -= field.get().size();
        Some(self.index.remove(place))
    }

    /// One step of a scan; see [`Index::scan`].
    pub fn scan(&self, cursor: u64, each: &mut dyn FnMut(FieldRef<'_>)) -> u64 {
        self.index.scan(cursor, &mut |field| each(field.get()))
    }

    /// An element by chance; see [`Index::random`].
    pub fn random(&self, rng: &mut Rng) -> Option<FieldRef<'_>> {
        self.index.random(rng).map(Field::get)
    }

    /// All elements, in no order that means anything, but always the same as long as nothing changes.
    pub fn iter(&self) -> impl Iterator<Item = FieldRef<'_>> {
        self.index.items().map(Field::get)
    }

    /// Asks the processor for what [`Map::get`] will read.
    pub fn prefetch(&self, key: &[u8]) {
        let hash = self.index.hasher().hash(key);
        if let Some(row) = self.index.row(hash) {
            row.prefetch_entry(hash);
        }
    }

    /// Bytes that it holds, as the allocator gives them. O(1).
    pub fn memory(&self) -> usize {
        self.blocks + self.index.ground.bytes() + self.index.memory()
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        self.index.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    type Model = BTreeMap<Vec<u8>, Vec<u8>>;

    /// Bytes of all buckets, counted by going through them. They fill what the ground has given them.
    fn buckets(map: &Map) -> usize {
        map.index.segments().map(|segment| segment.buckets() * 64).sum()
    }

    fn contents(map: &Map) -> Model {
        map.iter().map(|field| (field.key().to_vec(), field.value().to_vec())).collect()
    }

    #[test]
    fn many_elements_take_little_beside_their_blocks() {
        let mut map = Map::new(KeyHasher::new(1));
        for number in 0..100_000 {
            assert!(map.set(format!("member:{number:08}").as_bytes(), Beside::Nothing));
        }
        assert_eq!((map.len(), map.blocks), (100_000, 1_600_000));
        assert_eq!(map.index.ground.bytes(), buckets(&map));
        let each = map.memory() as f64 / 1e5;
        assert!(each < 29.0, "{each} bytes");
        let mut met = 0;
        let mut cursor = 0;
        loop {
            cursor = map.scan(cursor, &mut |_| met += 1);
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(met, 100_000);
        for number in 0..100_000 {
            assert!(map.remove(format!("member:{number:08}").as_bytes()).is_some());
        }
        assert_eq!((map.len(), map.blocks), (0, 0));
        assert_eq!(map.index.ground.bytes(), buckets(&map));
        assert!(map.memory() < 32_000, "{} bytes", map.memory());
    }

    proptest! {
        #[test]
        fn agrees_with_an_ordinary_map(
            steps in proptest::collection::vec((0u8..4, 0u16..400, 0usize..40), 0..2_000)
        ) {
            let (mut map, mut model) = (Map::new(KeyHasher::new(7)), Model::new());
            for (what, key, len) in steps {
                let (key, value) = (key.to_string().into_bytes(), vec![b'v'; len]);
                if what == 0 {
                    let gone = map.remove(&key).map(|field| field.get().value().to_vec());
                    prop_assert_eq!(gone, model.remove(&key));
                } else {
                    let new = map.set(&key, Beside::Value(&value));
                    prop_assert_eq!(new, model.insert(key.clone(), value).is_none());
                }
                let found = map.get(&key).map(|field| field.value().to_vec());
                prop_assert_eq!(found.as_ref(), model.get(&key));
            }
            prop_assert_eq!(contents(&map), model);
        }
    }
}

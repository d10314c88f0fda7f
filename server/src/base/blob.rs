//! A large byte string that can be in two places at once: in an entry and in a reply in flight.
//!
//! Owns: nothing but the handle.   Uses: `bytes::Bytes`, alloc.   Never: keys, replies.
//!
//! The one type below `io` that is shared between threads. It is immutable while shared; whoever
//! wants to change it takes it back with [`Blob::into_mut`], which copies only if somebody else
//! still holds it.

use super::alloc;
use bytes::{Bytes, BytesMut};

/// An immutable, cheaply cloned byte string.
#[derive(Clone, Debug)]
pub struct Blob {
    bytes: Bytes,
    /// Bytes of the buffer, the unused ones at its end included.
    capacity: usize,
}

/// What the handles of one buffer share: where it is, how large it is, how many they are.
const SHARED: usize = alloc::given(3 * size_of::<usize>());

impl Blob {
    /// Takes the bytes back for changing. O(1) if this is the only handle, else a copy.
    pub fn into_mut(self) -> BytesMut {
        self.bytes.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]))
    }

    /// The underlying reference-counted buffer.
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// A handle of a part of the same buffer, all of which it keeps. O(1).
    pub fn slice(&self, range: std::ops::Range<usize>) -> Blob {
        Blob { bytes: self.bytes.slice(range), capacity: self.capacity }
    }

    /// Bytes of memory behind the handle, as the allocator gives them; handles of the same buffer all tell the
    /// same. What they share is counted always, though it is only made with the second of them. O(1).
    #[inline]
    pub fn footprint(&self) -> usize {
        alloc::given(self.capacity) + SHARED
    }
}

impl PartialEq for Blob {
    fn eq(&self, other: &Blob) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Blob {}

impl std::ops::Deref for Blob {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl From<BytesMut> for Blob {
    fn from(bytes: BytesMut) -> Self {
        let capacity = bytes.capacity();
        Blob { bytes: bytes.freeze(), capacity }
    }
}

impl From<Vec<u8>> for Blob {
    fn from(bytes: Vec<u8>) -> Self {
        let capacity = bytes.capacity();
        Blob { bytes: bytes.into(), capacity }
    }
}

impl From<&[u8]> for Blob {
    fn from(bytes: &[u8]) -> Self {
        Blob { bytes: Bytes::copy_from_slice(bytes), capacity: bytes.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A blob made on this thread takes what it says, with a second handle exactly.
    fn weigh(make: impl FnOnce() -> Blob) {
        let before = alloc::used();
        let blob = make();
        let alone = (alloc::used() - before) as usize;
        let said = blob.footprint();
        assert!(alone == said || alone + SHARED == said, "{alone} taken, {said} said");
        let other = blob.clone();
        assert_eq!((alloc::used() - before) as usize, said);
        drop((blob, other));
        assert_eq!(alloc::used(), before);
    }

    #[test]
    fn a_blob_weighs_what_the_allocator_gave() {
        for len in [1, 1025, 4096, 5000, 100_000, 3_000_001] {
            weigh(|| Blob::from(vec![1; len]));
            weigh(|| Blob::from(vec![1; len].as_slice()));
            weigh(|| Blob::from(BytesMut::from(vec![1; len].as_slice())));
            weigh(|| {
                let mut grown = Blob::from(vec![1; len]).into_mut();
                grown.extend_from_slice(b"more");
                Blob::from(grown)
            });
        }
    }
}

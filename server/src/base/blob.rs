//! A large byte string that can be in two places at once: in an entry and in a reply in flight.
//!
//! Owns: nothing but the handle.   Uses: `bytes::Bytes`.   Never: keys, replies.
//!
//! The one type below `io` that is shared between threads. It is immutable while shared; whoever
//! wants to change it takes it back with [`Blob::into_mut`], which copies only if somebody else
//! still holds it.

use bytes::{Bytes, BytesMut};

/// An immutable, cheaply cloned byte string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob(Bytes);

impl Blob {
    /// Takes the bytes back for changing. O(1) if this is the only handle, else a copy.
    pub fn into_mut(self) -> BytesMut {
        self.0.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]))
    }

    /// The underlying reference-counted buffer.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl std::ops::Deref for Blob {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<BytesMut> for Blob {
    fn from(bytes: BytesMut) -> Self {
        Blob(bytes.freeze())
    }
}

impl From<Vec<u8>> for Blob {
    fn from(bytes: Vec<u8>) -> Self {
        Blob(bytes.into())
    }
}

impl From<&[u8]> for Blob {
    fn from(bytes: &[u8]) -> Self {
        Blob(Bytes::copy_from_slice(bytes))
    }
}

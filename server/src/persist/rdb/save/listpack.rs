//! Writes listpacks without a buffer: measures them first.
//!
//! Owns: the frame of a listpack.   Uses: value::packed.   Never: allocates, see [`super`].

use super::super::listpack::{END, HEAD, UNCOUNTED};
use super::{Sink, SinkError, Writer};
use crate::value::packed::{self, Element, append};

/// Takes elements, to measure or to write them.
pub(super) type Each<'e> = dyn FnMut(Element<'_>) + 'e;
/// Takes pieces of a string.
type Put<'p> = dyn FnMut(&[u8]) -> Result<(), SinkError> + 'p;

/// What stands in front of so many bytes of elements, and behind them.
pub(super) fn frame(bytes: usize, count: usize) -> ([u8; HEAD], [u8; 1]) {
    let mut head = [0; HEAD];
    // Blocks of lists and streams, and their longest elements, are shorter than 4 GiB.
    let total = u32::try_from(HEAD + bytes + 1).expect("a listpack is shorter than 4 GiB");
    head[..4].copy_from_slice(&total.to_le_bytes());
    head[4..].copy_from_slice(&u16::try_from(count).unwrap_or(UNCOUNTED).to_le_bytes());
    (head, [END])
}

impl<S: Sink> Writer<'_, S> {
    /// Writes a listpack, as a string, of the elements that `walk` hands out, twice the same.
    pub(super) fn listpack(&mut self, walk: impl Fn(&mut Each<'_>)) -> Result<(), SinkError> {
        let (mut bytes, mut count) = (0, 0);
        walk(&mut |element| {
            bytes += element.span();
            count += 1;
        });
        let (head, end) = frame(bytes, count);
        self.pieces(head.len() + bytes + end.len(), |put| {
            put(&head)?;
            let mut pieces = Pieces { put, written: Ok(()) };
            walk(&mut |element| append::<true>(element, &mut pieces));
            pieces.written?;
            (pieces.put)(&end)
        })
    }

    /// Writes a string of `total` bytes that comes in pieces: compressed, if it fits into the room for that.
    pub(super) fn pieces(
        &mut self,
        total: usize,
        write: impl FnOnce(&mut Put<'_>) -> Result<(), SinkError>,
    ) -> Result<(), SinkError> {
        if total > self.gathered.len() {
            self.len(total as u64)?;
            return write(&mut |piece| self.out.put(piece));
        }
        let gathered = std::mem::take(&mut self.gathered);
        let mut at = 0;
        let filled = write(&mut |piece| {
            gathered[at..at + piece.len()].copy_from_slice(piece);
            at += piece.len();
            Ok(())
        });
        let written = filled.and_then(|()| self.string(&gathered[..at]));
        self.gathered = gathered;
        written
    }
}

/// Elements on their way to what takes pieces.
struct Pieces<'p, 'f> {
    put: &'p mut Put<'f>,
    written: Result<(), SinkError>,
}

impl packed::Sink for Pieces<'_, '_> {
    fn put(&mut self, bytes: &[u8]) {
        if self.written.is_ok() {
            self.written = (self.put)(bytes);
        }
    }
}

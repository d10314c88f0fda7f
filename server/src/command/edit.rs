//! The bytes of a string in a slot, to be changed where they stand.
//!
//! Owns: how a string is lent and taken out for changes.   Uses: slots, value.   Never: copies a long string, unless a
//! reply in flight shares it.

use super::range::overwrite;
use super::text::{put_raw, text_of};
use crate::base::blob::Blob;
use crate::keyspace::Slot;
use crate::resp::Result;
use crate::value::{Put, PutText, TextMut, TextRef};
use bytes::BytesMut;

/// Lends the bytes of a string, which the slot holds or which is made, with zero bytes behind it up to `least` of them.
/// O(1), or O(length) where the string must grow or be copied. It is text from now on, be it that of a number.
pub fn edit<R>(
    slot: &mut Slot<'_, '_>,
    least: usize,
    change: impl FnOnce(&mut [u8]) -> R,
) -> Result<R> {
    let kept = match text_of(slot.entry())? {
        Some(TextRef::Int(_)) | None => false,
        Some(text @ (TextRef::Bytes(_) | TextRef::Blob(_))) => text.len() >= least,
    };
    if !kept {
        let len = text_of(slot.entry())?.map_or(0, TextRef::len);
        match least.checked_sub(1).filter(|_| least > len) {
            Some(last) => overwrite(slot, last, &[0]),
            None => overwrite(slot, len, &[]),
        }
    }
    let result = slot.edit(|text| match text {
        TextMut::Bytes(bytes) => change(bytes),
        TextMut::Blob(blob) => {
            let mut bytes = take(blob);
            let result = change(&mut bytes);
            *blob = bytes.into();
            result
        }
        TextMut::Int(_) => unreachable!("what was overwritten is text"),
    });
    slot.set_edited();
    Ok(result.expect("the key was found or made above"))
}

/// Takes the bytes of a string out of its slot; [`put_bytes`] must put others there. None if there is no string, or a
/// number. O(1) for a long string.
pub fn take_bytes(slot: &mut Slot<'_, '_>) -> Option<BytesMut> {
    slot.edit(|text| match text {
        TextMut::Int(_) => None,
        TextMut::Bytes(bytes) => Some(BytesMut::from(&*bytes)),
        TextMut::Blob(blob) => Some(take(blob)),
    })?
}

/// Makes the slot hold bytes that a command made or changed, and keeps the deadline.
pub fn put_bytes(slot: &mut Slot<'_, '_>, bytes: BytesMut) {
    if bytes.len() <= crate::keyspace::INLINE_MAX {
        slot.put(put_raw(&bytes));
    } else {
        slot.put(Put::Text(PutText::Blob(bytes.into())));
    }
    slot.set_edited();
}

/// Takes the bytes of a blob, and leaves an empty one.
fn take(blob: &mut Blob) -> BytesMut {
    std::mem::replace(blob, Blob::from(BytesMut::new())).into_mut()
}

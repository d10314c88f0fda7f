//! A bucket: seven items in one cache line.
//!
//! Owns: up to seven items and their tags.   Uses: nothing.   Never: knows which bucket it is.
//!
//! ```text
//!  byte 0      1   2   3   4   5   6   7          8 .. 63
//!  | tag 0 | tag 1 | ...     | tag 6 | passed |   slot 0 | slot 1 | ... | slot 6 |
//!  tag: 8 bits of the hash that choose no bucket, never 0; 0 is a free slot
//!  passed: entries that would have stood here but went on to a later bucket; 255 has lost count
//! ```
//!
//! All tags are compared at once: by SSE2 where there is such a thing, by ordinary arithmetic on one word elsewhere.
//!
//! Invariant: a tag is 0 exactly when its slot is empty.
#![allow(unsafe_code)]

/// Entries per bucket.
pub const SLOTS: usize = 7;

#[cfg(not(target_arch = "x86_64"))]
const LOW: u64 = 0x0101_0101_0101_0101;
#[cfg(not(target_arch = "x86_64"))]
const HIGH: u64 = LOW << 7;
/// The highest bit of each tag's byte.
#[cfg(not(target_arch = "x86_64"))]
const TAGS: u64 = HIGH >> 8;
const PASSED_SHIFT: u32 = 56;
const PASSED_ONE: u64 = 1 << PASSED_SHIFT;
const PASSED_LOST: u8 = u8::MAX;

/// Seven slots, their tags, and whether a search must go on.
#[repr(align(64))]
pub struct Bucket<E> {
    tags: u64,
    slots: [Option<E>; SLOTS],
}

impl<E> Default for Bucket<E> {
    fn default() -> Bucket<E> {
        const {
            assert!(
                size_of::<Bucket<E>>() == 64,
                "an item takes eight bytes, and none takes no more"
            )
        };
        Bucket { tags: 0, slots: [const { None }; SLOTS] }
    }
}

/// The tag of a hash: its lowest byte, which chooses neither segment nor bucket.
#[inline]
pub fn tag_of(hash: u64) -> u8 {
    (hash as u8).max(1)
}

/// Numbers of slots, lowest first: a bit each, at these distances.
#[derive(Clone, Copy)]
pub struct Matches(u64);

/// Bits between two slots in [`Matches`].
const STEP: u32 = if cfg!(target_arch = "x86_64") { 1 } else { 8 };

impl Iterator for Matches {
    type Item = usize;
    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let slot = self.0.trailing_zeros() / STEP;
        // Clears the lowest bit; there is one.
        self.0 &= self.0.wrapping_sub(1);
        Some(slot as usize)
    }
}

impl<E> Bucket<E> {
    /// The slots with this tag; the free ones for tag 0.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    pub fn matches(&self, tag: u8) -> Matches {
        use std::arch::x86_64::{
            _mm_cmpeq_epi8, _mm_cvtsi64_si128, _mm_movemask_epi8, _mm_set1_epi8,
        };
        // SAFETY: every x86-64 processor has SSE2.
        let equal = unsafe {
            let tags = _mm_cvtsi64_si128(self.tags.cast_signed());
            _mm_movemask_epi8(_mm_cmpeq_epi8(tags, _mm_set1_epi8(tag.cast_signed())))
        };
        Matches(u64::from(equal.cast_unsigned()) & ((1 << SLOTS) - 1))
    }

    /// The slots with this tag; the free ones for tag 0.
    #[cfg(not(target_arch = "x86_64"))]
    #[inline]
    pub fn matches(&self, tag: u8) -> Matches {
        let differs = self.tags ^ LOW.wrapping_mul(u64::from(tag));
        // The high bit of each byte says whether any bit of it is set; no carry leaves a byte.
        let some = (differs & !HIGH).wrapping_add(!HIGH) | differs;
        Matches(!some & TAGS)
    }

    /// The entry in a slot.
    #[inline]
    pub fn entry(&self, slot: usize) -> Option<&E> {
        self.slots[slot].as_ref()
    }

    /// The entry in a slot, for changes.
    #[inline]
    pub fn entry_mut(&mut self, slot: usize) -> Option<&mut E> {
        self.slots[slot].as_mut()
    }

    /// All entries, in slot order.
    pub fn entries(&self) -> impl Iterator<Item = &E> {
        self.slots.iter().flatten()
    }

    /// All entries with their tags, taken out.
    pub fn into_entries(self) -> impl Iterator<Item = (u8, E)> {
        let tags = self.tags.to_le_bytes();
        self.slots.into_iter().zip(tags).filter_map(|(entry, tag)| Some((tag, entry?)))
    }

    /// Fills a free slot.
    pub fn fill(&mut self, slot: usize, tag: u8, entry: E) {
        assert!(tag != 0 && self.slots[slot].is_none(), "a used slot cannot be filled");
        self.tags |= u64::from(tag) << (8 * slot);
        self.slots[slot] = Some(entry);
    }

    /// Empties a slot.
    pub fn take(&mut self, slot: usize) -> Option<E> {
        self.tags &= !(0xff << (8 * slot));
        self.slots[slot].take()
    }

    /// Whether an entry that belongs here, or before, stands in a later bucket.
    #[inline]
    pub fn was_passed(&self) -> bool {
        self.tags >> PASSED_SHIFT != 0
    }

    /// Counts an entry that goes on to a later bucket.
    pub fn pass(&mut self) {
        if self.passed() != PASSED_LOST {
            self.tags += PASSED_ONE;
        }
    }

    /// Forgets an entry that had gone on. A count that was lost stays lost until the segment is rebuilt.
    pub fn unpass(&mut self) {
        assert!(self.passed() != 0, "an entry went on without being counted");
        if self.passed() != PASSED_LOST {
            self.tags -= PASSED_ONE;
        }
    }

    fn passed(&self) -> u8 {
        (self.tags >> PASSED_SHIFT) as u8
    }
}

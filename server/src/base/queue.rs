//! A bounded queue from one thread to one other.
//!
//! Owns: the slots and whatever is in them.   Uses: nothing.   Never: blocks, allocates after creation.
//!
//! ```text
//!   slots   [ . . a b c d . . ]        head: the next to pop, written by the consumer
//!                 ^head    ^tail       tail: the next to fill, written by the producer
//! ```
//!
//! Both counters run on without wrapping at the capacity, so `tail - head` is the length. Each side keeps
//! a copy of the other's counter and reads the shared one only when the copy says "full" or "empty":
//! most pushes and pops touch no cache line that the other side writes.
//!
//! Invariants
//!  1. `head <= tail <= head + capacity` (as wrapping distances).
//!  2. Exactly the slots from head to tail hold a value.
//!  3. Only the producer writes `tail` and empty slots; only the consumer writes `head` and reads full ones.

#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A counter in cache lines of its own (two, because CPUs fetch lines in pairs).
#[repr(align(128))]
struct Counter(AtomicUsize);

struct Ring<T> {
    head: Counter,
    tail: Counter,
    slots: Box<[UnsafeCell<MaybeUninit<T>>]>,
}

// SAFETY: a value moves from the producer's thread to the consumer's, which `T: Send` permits. No two
// threads use the same slot at once: invariant 3, ordered by release and acquire of the counters.
unsafe impl<T: Send> Sync for Ring<T> {}

impl<T> Ring<T> {
    /// The slot of a counter's value.
    fn slot(&self, count: usize) -> *mut MaybeUninit<T> {
        self.slots[count & (self.slots.len() - 1)].get()
    }
}

impl<T> Drop for Ring<T> {
    fn drop(&mut self) {
        let tail = *self.tail.0.get_mut();
        let mut head = *self.head.0.get_mut();
        while head != tail {
            // SAFETY: nobody else has the ring any more, and this slot is full (invariant 2).
            unsafe { (*self.slot(head)).assume_init_drop() };
            head = head.wrapping_add(1);
        }
    }
}

/// The end that fills the queue.
pub struct Producer<T> {
    ring: Arc<Ring<T>>,
    tail: usize,
    head_seen: usize,
}

/// The end that empties the queue.
pub struct Consumer<T> {
    ring: Arc<Ring<T>>,
    head: usize,
    tail_seen: usize,
}

/// A queue of `capacity` items, rounded up to a power of two. All its memory is allocated here.
///
/// What is left in the queue when both ends are gone is dropped by the last one.
pub fn ring<T>(capacity: usize) -> (Producer<T>, Consumer<T>) {
    let capacity = capacity.max(1).next_power_of_two();
    let ring = Arc::new(Ring {
        head: Counter(AtomicUsize::new(0)),
        tail: Counter(AtomicUsize::new(0)),
        slots: (0..capacity).map(|_| UnsafeCell::new(MaybeUninit::uninit())).collect(),
    });
    let producer = Producer { ring: Arc::clone(&ring), tail: 0, head_seen: 0 };
    (producer, Consumer { ring, head: 0, tail_seen: 0 })
}

impl<T> Producer<T> {
    /// Appends an item, or gives it back if the queue is full. O(1), never waits.
    #[inline]
    pub fn push(&mut self, item: T) -> Result<(), T> {
        if self.tail.wrapping_sub(self.head_seen) == self.capacity() && self.free() == 0 {
            return Err(item);
        }
        // SAFETY: the slot at `tail` is empty because fewer than `capacity` are full, and only this
        // producer fills slots (invariants 1 to 3).
        unsafe { (*self.ring.slot(self.tail)).write(item) };
        self.tail = self.tail.wrapping_add(1);
        self.ring.tail.0.store(self.tail, Ordering::Release);
        Ok(())
    }

    /// How many items can be pushed for certain; the consumer may make it more at any time.
    pub fn free(&mut self) -> usize {
        self.head_seen = self.ring.head.0.load(Ordering::Acquire);
        self.capacity() - self.tail.wrapping_sub(self.head_seen)
    }

    /// How many items fit.
    pub fn capacity(&self) -> usize {
        self.ring.slots.len()
    }
}

impl<T> Consumer<T> {
    /// Takes the oldest item. O(1), never waits.
    #[inline]
    pub fn pop(&mut self) -> Option<T> {
        if self.head == self.tail_seen && self.is_empty() {
            return None;
        }
        // SAFETY: the slot at `head` is full because head != tail, and only this consumer empties
        // slots. After the store below it counts as empty, so the value is read exactly once.
        let item = unsafe { (*self.ring.slot(self.head)).assume_init_read() };
        self.head = self.head.wrapping_add(1);
        self.ring.head.0.store(self.head, Ordering::Release);
        Some(item)
    }

    /// Whether there is nothing to pop now; the producer may change that at any time.
    ///
    /// A thread that wants to park on it must announce that first and put a `SeqCst` fence between the
    /// announcement and this question, as the producer must between its push and looking who is parked.
    #[inline]
    pub fn is_empty(&mut self) -> bool {
        self.tail_seen = self.ring.tail.0.load(Ordering::Acquire);
        self.head == self.tail_seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    #[test]
    fn two_threads_keep_every_item_and_the_order() {
        const ITEMS: u64 = 1_000_000;
        let (mut producer, mut consumer) = ring::<Box<u64>>(256);
        let filler = std::thread::spawn(move || {
            for n in 0..ITEMS {
                let mut item = Box::new(n);
                while let Err(back) = producer.push(item) {
                    item = back;
                    std::thread::yield_now();
                }
            }
        });
        for n in 0..ITEMS {
            let item = loop {
                match consumer.pop() {
                    Some(item) => break item,
                    None => std::thread::yield_now(),
                }
            };
            assert_eq!(*item, n);
        }
        filler.join().unwrap();
        assert!(consumer.pop().is_none());
    }

    #[test]
    fn what_is_left_is_dropped_once() {
        let witness = Arc::new(());
        let (mut producer, mut consumer) = ring(4);
        for _ in 0..4 {
            producer.push(Arc::clone(&witness)).unwrap();
        }
        assert!(producer.push(Arc::clone(&witness)).is_err());
        drop(consumer.pop());
        drop(producer);
        assert_eq!(Arc::strong_count(&witness), 4);
        drop(consumer);
        assert_eq!(Arc::strong_count(&witness), 1);
    }

    proptest! {
        #[test]
        fn behaves_as_a_bounded_deque(
            capacity in 1usize..20, steps in proptest::collection::vec(any::<Option<u8>>(), 0..200)
        ) {
            let (mut producer, mut consumer) = ring(capacity);
            let capacity = producer.capacity();
            let mut model = VecDeque::new();
            for step in steps {
                match step {
                    Some(n) if model.len() < capacity => {
                        prop_assert_eq!(producer.push(Box::new(n)), Ok(()));
                        model.push_back(Box::new(n));
                    }
                    Some(n) => prop_assert_eq!(producer.push(Box::new(n)), Err(Box::new(n))),
                    None => prop_assert_eq!(consumer.pop(), model.pop_front()),
                }
                prop_assert_eq!(producer.free(), capacity - model.len());
                prop_assert_eq!(consumer.is_empty(), model.is_empty());
            }
        }
    }
}

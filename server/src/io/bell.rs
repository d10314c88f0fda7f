//! How one thread wakes another, only if it sleeps.
//!
//! Owns: the flag "I am about to sleep" and the waking.   Uses: tokio's Notify.   Never: carries data.
//!
//! A sleeper raises the flag, then looks at its rings once more; a caller fills a ring, then looks at
//! the flag. With full fences on both sides one of the two always sees the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use tokio::sync::Notify;

/// A thread's bell.
#[derive(Clone, Default)]
pub struct Bell(Arc<Inner>);

#[derive(Default)]
struct Inner {
    asleep: AtomicBool,
    notify: Notify,
}

impl Bell {
    /// Wakes the thread if it sleeps or is about to.
    #[inline]
    pub fn ring(&self) {
        fence(Ordering::SeqCst);
        if self.0.asleep.load(Ordering::Relaxed) && self.0.asleep.swap(false, Ordering::SeqCst) {
            self.0.notify.notify_one();
        }
    }

    /// Keeps the own thread from sleeping this time.
    pub fn stay_awake(&self) {
        self.0.asleep.store(false, Ordering::SeqCst);
        self.0.notify.notify_one();
    }

    /// Says that the own thread is about to sleep; it must look at its rings once more after this.
    #[inline]
    pub fn falling_asleep(&self) {
        self.0.asleep.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    /// Says that the own thread is awake.
    #[inline]
    pub fn awake(&self) {
        self.0.asleep.store(false, Ordering::Relaxed);
    }

    /// Waits to be rung: the thread's runtime runs this as a task of its own. The yield makes the runtime look
    /// at the sockets, which it does not while it is kept from sleeping.
    pub async fn listen(self) {
        loop {
            self.0.notify.notified().await;
            tokio::task::yield_now().await;
        }
    }
}

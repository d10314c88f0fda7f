//! The two clocks.
//!
//! Owns: the start of the monotonic clock.   Uses: std.   Never: read more than once a turn, except
//! around slow commands.

use crate::base::time::Now;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Tells the time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock whose monotonic side begins now.
    pub fn start() -> Clock {
        Clock { start: Instant::now() }
    }

    /// Both clocks.
    pub fn now(&self) -> Now {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now {
            unix_us: i64::try_from(unix.as_micros()).unwrap_or(i64::MAX),
            mono_us: self.ticks() / 1000,
        }
    }

    /// Nanoseconds since the start.
    #[inline]
    pub fn ticks(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    /// The instant of a monotonic time in microseconds.
    pub fn instant(&self, mono_us: u64) -> Instant {
        self.start + std::time::Duration::from_micros(mono_us.min(u64::MAX / 1_000_000))
    }
}

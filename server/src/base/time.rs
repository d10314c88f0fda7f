//! What "now" is. Everything below `io` is told the time and never asks for it.
//!
//! Owns: the type.   Uses: nothing.   Never: asks the system (only `io` and `boot` do).

/// One reading of both clocks, taken once a turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Microseconds since 1970-01-01 by the wall clock: expiry and TIME follow it.
    pub unix_us: i64,
    /// Microseconds since the server started, by a clock that never jumps: time-outs and idle times.
    pub mono_us: u64,
}

impl Now {
    /// Milliseconds since 1970-01-01.
    pub fn unix_ms(self) -> i64 {
        self.unix_us.div_euclid(1000)
    }

    /// Seconds since 1970-01-01.
    pub fn unix_s(self) -> i64 {
        self.unix_us.div_euclid(1_000_000)
    }

    /// Milliseconds since the server started.
    pub fn mono_ms(self) -> u64 {
        self.mono_us / 1000
    }
}

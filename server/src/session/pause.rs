//! Whether clients are paused, and which of their commands.
//!
//! Owns: CLIENT PAUSE's state.   Uses: base.   Never: parks anybody (the engine does).

use crate::base::time::Now;

/// What CLIENT PAUSE stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pausing {
    /// Commands that write.
    Writes,
    /// All commands.
    All,
}

/// The pause that is in force, if any.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pause {
    current: Option<(Pausing, u64)>,
}

impl Pause {
    /// Pauses for `ms` milliseconds from now. A longer pause that is in force stays, and the
    /// stricter kind wins, as a real server does it.
    pub fn begin(&mut self, what: Pausing, ms: u64, now: Now) {
        let until = now.mono_us.saturating_add(ms.saturating_mul(1000));
        self.current = Some(match self.current(now) {
            None => (what, until),
            Some(before) => {
                let until = until.max(self.until().unwrap_or(0));
                (if before == Pausing::All { before } else { what }, until)
            }
        });
    }

    /// Ends the pause.
    pub fn end(&mut self) {
        self.current = None;
    }

    /// What is paused now.
    pub fn current(&self, now: Now) -> Option<Pausing> {
        self.current.filter(|(_, until)| *until > now.mono_us).map(|(what, _)| what)
    }

    /// When the pause ends, in microseconds of the monotonic clock.
    pub fn until(&self) -> Option<u64> {
        self.current.map(|(_, until)| until)
    }
}

//! Whether a signal has asked the server to end, and which.
//!
//! Owns: the mark between the signals' thread and the core.   Uses: nothing.   Never: ends anything.

use std::sync::atomic::{AtomicU8, Ordering};

/// The signals that ask politely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// SIGTERM.
    Terminate,
    /// SIGINT.
    Interrupt,
}

/// The mark.
#[derive(Debug, Default)]
pub struct Ending(AtomicU8);

const NOBODY: u8 = 0;
const TERMINATE: u8 = 1;
const INTERRUPT: u8 = 2;

impl Ending {
    /// Asks. Says whether somebody had asked before and was not answered yet.
    pub fn ask(&self, how: Asked) -> bool {
        let mark = match how {
            Asked::Terminate => TERMINATE,
            Asked::Interrupt => INTERRUPT,
        };
        self.0.swap(mark, Ordering::SeqCst) != NOBODY
    }

    /// Who asks.
    #[inline]
    pub fn asked(&self) -> Option<Asked> {
        match self.0.load(Ordering::Relaxed) {
            TERMINATE => Some(Asked::Terminate),
            INTERRUPT => Some(Asked::Interrupt),
            _ => None,
        }
    }

    /// The server stays: the next signal asks anew.
    pub fn answered(&self) {
        self.0.store(NOBODY, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_remembered_until_it_is_answered() {
        let ending = Ending::default();
        assert_eq!(ending.asked(), None);
        assert!(!ending.ask(Asked::Terminate));
        assert!(ending.ask(Asked::Interrupt));
        assert_eq!(ending.asked(), Some(Asked::Interrupt));
        ending.answered();
        assert!(!ending.ask(Asked::Interrupt));
    }
}

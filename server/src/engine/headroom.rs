//! Whether there is memory for a snapshot: before its child is forked, and while it lives.
//!
//! Owns: the decision and its words.   Uses: persist's headroom, the host.   Never: forks.
//!
//! A server whose pages are copied beyond what the machine has is killed by the kernel, data and all. So a
//! snapshot that cannot fit does not begin, and one that turns out not to fit ends: the last good file stays.

use super::Engine;
use super::port::{Host, HostError, Room};

/// While a child lives so large a part of all memory must stay available...
const FLOOR_SHARE: u64 = 50;
/// ...but not more than this, in bytes.
const FLOOR_MAX: u64 = 64 << 20;

impl Engine {
    /// Refuses a snapshot that could need more memory than there is.
    ///
    /// # Errors
    /// The figures, and what to set.
    pub(super) fn check_headroom(&mut self, host: &mut dyn Host) -> Result<(), HostError> {
        let Some(percent) = self.parts.config.snapshot_headroom.0 else { return Ok(()) };
        let Some(Room { available, .. }) = host.memory() else { return Ok(()) };
        let data = self.parts.used_memory();
        let persist = &mut self.parts.persist;
        let headroom = &mut persist.headroom;

        let needed = headroom.estimate(data, persist.last_us);
        let needed =
            u64::try_from(u128::from(needed) * u128::from(percent) / 100).unwrap_or(u64::MAX);
        (headroom.needed, headroom.available) = (needed, available);
        if needed <= available {
            return Ok(());
        }
        headroom.refused += 1;
        persist.delays = persist.delays.saturating_add(1);
        Err(HostError(format!(
            "not enough memory for a snapshot: at {} changes per second beside {} MB of data it needs {} MB \
             for copies of pages, and {} MB are available. Free memory, or write less meanwhile, or lower \
             the setting snapshot-headroom (it is {percent}; `no` never refuses)",
            headroom.rate(),
            megabytes(data),
            megabytes(needed),
            megabytes(available),
        )))
    }

    /// Why the living child, for which `copied` bytes have been copied, must end before the kernel ends the
    /// server; none: it may live.
    pub(super) fn memory_runs_out(&mut self, host: &mut dyn Host, copied: u64) -> Option<String> {
        self.parts.config.snapshot_headroom.0?;
        if !self.parts.persist.headroom.look_is_due(self.now.mono_us) {
            return None;
        }
        let Room { total, available } = host.memory()?;
        let floor = (total / FLOOR_SHARE).min(FLOOR_MAX);
        // A child for which little was copied is not what takes the memory: its end would give nothing back.
        if available >= floor || copied <= available {
            return None;
        }
        Some(format!(
            "the child was ended before memory ran out: {} MB were copied for it, and {} MB of {} MB were \
             available. Free memory, or write less meanwhile, or set snapshot-headroom to no",
            megabytes(copied),
            megabytes(available),
            megabytes(total),
        ))
    }
}

fn megabytes(bytes: u64) -> u64 {
    bytes.div_ceil(1_000_000)
}

//! The allocator, and what it has given out.
//!
//! Owns: the global allocator.   Uses: jemalloc.   Never: limits anybody.

use tikv_jemalloc_ctl::{epoch, stats};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// What the allocator says of itself, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// Given out.
    pub allocated: u64,
    /// In pages that hold anything given out.
    pub active: u64,
    /// Resident, the allocator's own data included.
    pub resident: u64,
    /// Mapped.
    pub mapped: u64,
}

/// The allocator's figures now. Costs microseconds: for INFO, not for every command.
pub fn figures() -> Figures {
    // Without a new epoch the figures are those of the last one: stale, not wrong.
    let _ = epoch::advance();
    let figure =
        |read: Result<usize, tikv_jemalloc_ctl::Error>| read.map_or(0, |bytes: usize| bytes as u64);
    Figures {
        allocated: figure(stats::allocated::read()),
        active: figure(stats::active::read()),
        resident: figure(stats::resident::read()),
        mapped: figure(stats::mapped::read()),
    }
}

/// Bytes given out now.
pub fn used() -> u64 {
    figures().allocated
}

/// Resident bytes of this process, as the kernel counts them.
pub fn resident() -> u64 {
    status_kib("VmRSS:").saturating_mul(1024)
}

/// A figure of /proc/self/status, in KiB; 0 where there is none.
fn status_kib(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

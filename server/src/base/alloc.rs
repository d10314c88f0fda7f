//! The allocator, and what it has given out.
//!
//! Owns: the global allocator, the gauge of memory in use.   Uses: jemalloc.   Never: limits anybody.
//!
//! The gauge
//! ```text
//!   used = what all threads had at the last refresh + what this thread took since - what it gave back since
//! ```
//! The first part costs microseconds, for the allocator must add up its arenas; the rest is two loads from
//! counters that it keeps for each thread. So the gauge is exact about what its own thread does, and hears of
//! the others' doing (large things freed on the disk thread, buffers of I/O threads) at the next refresh.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::ffi::c_char;
use std::ptr;
use tikv_jemalloc_ctl::stats_print::{self, stats_print};
use tikv_jemalloc_ctl::thread::{ThreadLocal, allocatedp, deallocatedp};
use tikv_jemalloc_ctl::{Error, epoch, raw, stats};
use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// jemalloc, built with sizes that are multiples of 8 (`.cargo/config.toml`): its usual 16 give a block of 24 bytes, a
/// member of a sorted set, 32.
///
/// So a piece is aligned to 16 only if its size is a multiple of it. Whoever asks for that alignment gets such a
/// size.
struct Allocator;

/// The alignment that jemalloc is believed to give to everything that is not smaller.
const WIDE: usize = 16;

fn padded(layout: Layout) -> Layout {
    if layout.align() == WIDE { layout.pad_to_align() } else { layout }
}

// SAFETY: jemalloc keeps the contract for padded layouts: sizes that are multiples of 16 have classes that are, and its
// pieces of a class stand side by side from the beginning of a page on. The same request is always padded alike.
unsafe impl GlobalAlloc for Allocator {
    /// # Safety
    /// As [`GlobalAlloc`] says.
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises; padding makes no size 0.
        unsafe { Jemalloc.alloc(padded(layout)) }
    }

    /// # Safety
    /// As [`GlobalAlloc`] says.
    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises; padding makes no size 0.
        unsafe { Jemalloc.alloc_zeroed(padded(layout)) }
    }

    /// # Safety
    /// As [`GlobalAlloc`] says.
    #[inline]
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: it was allocated with this layout, padded.
        unsafe { Jemalloc.dealloc(at, padded(layout)) }
    }

    /// # Safety
    /// As [`GlobalAlloc`] says.
    #[inline]
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let size = if layout.align() == WIDE { size.next_multiple_of(WIDE) } else { size };
        // SAFETY: as the caller promises, who may not ask for what overflows when it is rounded up.
        unsafe { Jemalloc.realloc(at, padded(layout), size) }
    }
}

/// What the allocator says of itself, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// Given out.
    pub allocated: u64,
    /// Free, but kept at hand by the threads.
    pub cached: u64,
    /// In pages that hold anything given out.
    pub active: u64,
    /// Resident, the allocator's own data included.
    pub resident: u64,
    /// Mapped.
    pub mapped: u64,
    /// Mapped once and kept for the next time, without memory behind it.
    pub retained: u64,
    /// Free pages that the kernel may take back when it needs them.
    pub muzzy: u64,
    /// The allocator's own data.
    pub metadata: u64,
}

/// Bytes of the allocator's pages.
const PAGE: u64 = 4096;

/// The allocator's figures now. Costs microseconds: for INFO, not for every command.
pub fn figures() -> Figures {
    // Without a new epoch the figures are those of the last one: stale, not wrong.
    let _ = epoch::advance();
    let figure = |read: Result<usize, Error>| read.map_or(0, |bytes: usize| bytes as u64);
    // SAFETY: 4096 names all arenas together, and the figure is a size_t.
    let of_all = |name: &[u8]| figure(unsafe { raw::read(name) });
    let cached = of_all(b"stats.arenas.4096.tcache_bytes\0");
    Figures {
        // The arenas count what lies in the threads' caches as given out; the threads' own counters do not.
        allocated: figure(stats::allocated::read()).saturating_sub(cached),
        cached,
        active: figure(stats::active::read()),
        resident: figure(stats::resident::read()),
        mapped: figure(stats::mapped::read()),
        retained: figure(stats::retained::read()),
        muzzy: of_all(b"stats.arenas.4096.pmuzzy\0") * PAGE,
        metadata: figure(stats::metadata::read()),
    }
}

/// One thread's view of the memory in use.
struct Gauge {
    /// What all threads had at the last refresh.
    all: Cell<u64>,
    /// What this thread had taken more than given back by then; wraps.
    own: Cell<u64>,
    taken: ThreadLocal<u64>,
    given_back: ThreadLocal<u64>,
}

impl Gauge {
    fn new() -> Gauge {
        let refusal = "jemalloc is built with its statistics";
        let taken = allocatedp::read().expect(refusal);
        let given_back = deallocatedp::read().expect(refusal);
        let gauge = Gauge { all: Cell::new(0), own: Cell::new(0), taken, given_back };
        gauge.refresh();
        gauge
    }

    #[inline]
    fn balance(&self) -> u64 {
        self.taken.get().wrapping_sub(self.given_back.get())
    }

    fn refresh(&self) {
        self.all.set(figures().allocated);
        self.own.set(self.balance());
    }

    #[inline]
    fn used(&self) -> u64 {
        let since = self.balance().wrapping_sub(self.own.get()).cast_signed();
        self.all.get().saturating_add_signed(since)
    }
}

thread_local! {
    static GAUGE: Gauge = Gauge::new();
}

/// Bytes given out: exact in what this thread did, as of the last [`refresh`] in what the others did. O(1),
/// some nanoseconds.
#[inline]
pub fn used() -> u64 {
    GAUGE.with(Gauge::used)
}

/// Has [`used`] on this thread know what all threads did until now. Costs microseconds.
pub fn refresh() {
    GAUGE.with(Gauge::refresh);
}

/// What the allocator really takes for a request of so many bytes. O(1).
///
/// Sizes come in classes: multiples of 8 up to 64, then four to each doubling.
#[inline]
pub const fn given(bytes: usize) -> usize {
    if bytes <= 8 {
        return if bytes == 0 { 0 } else { 8 };
    }
    let doubling = 1_usize << (bytes - 1).ilog2();
    let step = if doubling / 4 < QUANTUM { QUANTUM } else { doubling / 4 };
    bytes.next_multiple_of(step)
}

/// The least distance of two sizes, as jemalloc was built.
const QUANTUM: usize = if option_env!("JEMALLOC_SYS_WITH_LG_QUANTUM").is_some() { 8 } else { 16 };

/// Gives memory that is free back to the kernel: this thread's cache, then the free pages of all arenas. The
/// kernel may take milliseconds for a gigabyte.
pub fn purge() {
    command(b"thread.tcache.flush\0");
    command(b"arena.4096.purge\0");
}

/// Tells the allocator to do something that neither takes nor gives a value.
fn command(name: &'static [u8]) {
    assert!(name.ends_with(b"\0"), "names end as C wants it");
    // SAFETY: the name ends with a zero and lives for ever; without buffers nothing is read or written.
    let refused = unsafe {
        tikv_jemalloc_sys::mallctl(
            name.as_ptr().cast::<c_char>(),
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            0,
        )
    };
    debug_assert_eq!(refused, 0, "the allocator knows {}", name.escape_ascii());
}

/// The allocator's own report, for those who know it.
pub fn report() -> String {
    let mut text = Vec::new();
    // Writing to memory cannot fail.
    let _ = stats_print(&mut text, stats_print::Options::default());
    String::from_utf8_lossy(&text).into_owned()
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Other tests of this process allocate at the same time, but nothing of this size.
    const LARGE: usize = 256 << 20;
    const NOISE: u64 = 64 << 20;

    #[test]
    fn the_gauge_sees_its_own_thread_at_once() {
        refresh();
        let before = used();
        let large = vec![0_u8; LARGE];
        assert_eq!(used() - before, given(LARGE) as u64);
        drop(large);
        assert_eq!(used(), before);
    }

    #[test]
    fn the_gauge_hears_of_other_threads_when_it_is_refreshed() {
        refresh();
        let before = used();
        let large = vec![0_u8; LARGE];
        std::thread::spawn(move || drop(large)).join().expect("dropping does not panic");
        assert!(used() >= before + LARGE as u64, "freed elsewhere, and not yet known");
        refresh();
        assert!(used().abs_diff(before) < NOISE, "{} -> {}", before, used());
    }

    #[test]
    fn classes_are_the_allocators() {
        let sizes = (1..5000).chain([8192, 14_336, 14_337, 16_384, 20_000, 40_961, 1 << 20]);
        for size in sizes.chain([(1 << 20) + 1, 100_000_000]) {
            // SAFETY: any size but 0 may be asked for, and nothing is allocated.
            assert_eq!(given(size), unsafe { tikv_jemalloc_sys::nallocx(size, 0) }, "{size}");
        }
        assert_eq!(given(0), 0);
    }

    #[test]
    fn wide_pieces_are_aligned_whatever_their_size() {
        let layout = |size| Layout::from_size_align(size, WIDE).expect("small");
        for size in 1..200 {
            let all: Vec<*mut u8> = (0..9)
                .map(|_| {
                    // SAFETY: the size is not 0.
                    let at = unsafe { ALLOCATOR.alloc(layout(size)) };
                    // SAFETY: it was allocated with this layout.
                    unsafe { ALLOCATOR.realloc(at, layout(size), size + 9) }
                })
                .collect();
            for at in all {
                assert_eq!(at.addr() % WIDE, 0, "{size}");
                // SAFETY: `realloc` has given it this size.
                unsafe { ALLOCATOR.dealloc(at, layout(size + 9)) };
            }
        }
    }

    #[test]
    fn the_allocator_reports_and_purges() {
        purge();
        assert!(report().contains("jemalloc statistics"));
    }
}

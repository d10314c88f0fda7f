//! The land that slabs stand on: chunks of 2 MiB, handed out by number.
//!
//! Owns: one reservation of addresses for the whole process, and which chunks of it are in use.   Uses: libc.
//! Never: what stands in a chunk.
//!
//! ```text
//!  addresses   | chunk 0 | chunk 1 | chunk 2 | chunk 3 | ...          reserved once, 2 MiB each
//!                 taken     ready     dirty     free      fresh
//!  taken   some slab's
//!  ready   populated ahead: the next to be taken costs its taker no page fault
//!  dirty   returned, its memory not yet given back to the system
//!  free    returned and given back            fresh   never used
//! ```
//!
//! One range of addresses makes everything about a block arithmetic: its chunk, its span, and where what is known
//! of the span stands. Only addresses are reserved; memory comes when a chunk is used.
//!
//! A *keeper*, a thread that runs [`Land::keep`], populates chunks ahead, gives memory back, and makes huge
//! pages whole again that copies after a fork have split. Without a keeper (tests) returned memory is given back at
//! once and nothing else happens. Slabs come here once for 2 MiB, so a lock does no harm.
#![allow(unsafe_code)]

use std::alloc::{Layout, handle_alloc_error};
use std::collections::{BTreeMap, BTreeSet};
use std::ptr::NonNull;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// Bytes of a chunk: one huge page.
pub const CHUNK: usize = 2 << 20;
/// Bytes kept beside the chunks for what is known of each. Not inside them: the first lines of all chunks would share
/// one set of the processor's cache, and writing there would copy a page after each fork.
pub const NOTES: usize = 1024;
/// Chunks that the keeper has ready at most. A chunk is filled in 20 ms at a million new keys a second.
const AHEAD: usize = 2;
/// One is ready for so many that are in use: what is ready is resident, and an eighth of the memory of a small data set
/// is more than the wait of 0.2 ms for a page that it saves.
const TAKEN_PER_READY: usize = 16;
/// A slab with fewer chunks has few.
const FEW: usize = 8;
/// Chunks given back are kept for the next taker up to this number.
const SPARE: usize = 2;
/// The keeper pauses between two huge pages it makes whole: whoever uses one meanwhile waits.
const MEND_PAUSE: Duration = Duration::from_millis(4);

/// Whether data stands on huge pages (`huge-pages`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HugePages {
    /// All but the newest chunk of a slab that has few: half of one would be a good part of a small database.
    #[default]
    Auto,
    /// Always.
    Yes,
    /// Never.
    No,
}

impl HugePages {
    fn wanted(self, few: bool) -> bool {
        match self {
            HugePages::Auto => !few,
            HugePages::Yes => true,
            HugePages::No => false,
        }
    }
}

/// The reservation.
pub struct Land {
    base: NonNull<u8>,
    notes: NonNull<u8>,
    chunks: u32,
    state: Mutex<State>,
    work: Condvar,
}

// SAFETY: `base` is only an address; who may use which chunk is decided under the lock.
unsafe impl Send for Land {}
// SAFETY: as for Send.
unsafe impl Sync for Land {}

#[derive(Default)]
struct State {
    mode: HugePages,
    kept: bool,
    fresh: u32,
    taken: BTreeSet<u32>,
    ready: Vec<u32>,
    dirty: Vec<u32>,
    free: BTreeSet<u32>,
    /// Chunks that ask for huge pages, by number.
    huge: Vec<bool>,
    /// Chunks whose huge page may be in pieces, last first.
    broken: Vec<u32>,
}

/// What the keeper does next.
enum Job {
    Populate(u32),
    Purge(u32),
    Mend(u32),
}

static LAND: OnceLock<Land> = OnceLock::new();

/// The land of this process. Reserves it on the first call.
///
/// # Panics
/// Not even one gigabyte of addresses can be reserved.
pub fn land() -> &'static Land {
    LAND.get_or_init(Land::reserve)
}

impl Land {
    /// Twice the machine's memory, or what can be had.
    fn reserve() -> Land {
        // SAFETY: plain questions about numbers.
        let (pages, page) =
            unsafe { (libc::sysconf(libc::_SC_PHYS_PAGES), libc::sysconf(libc::_SC_PAGESIZE)) };
        let memory = (pages.max(0) as usize).saturating_mul(page.max(0) as usize);
        let mut size = memory.saturating_mul(2).max(8 << 30).next_multiple_of(CHUNK);
        loop {
            let chunks = size / CHUNK;
            if let Some(base) = map(size + CHUNK, libc::PROT_NONE)
                && let Some(notes) = map(chunks * NOTES, libc::PROT_READ | libc::PROT_WRITE)
            {
                let to_edge = base.addr().get().next_multiple_of(CHUNK) - base.addr().get();
                // SAFETY: the mapping has a chunk more than `size`, so its first edge and `size` bytes are inside.
                let base = unsafe { base.add(to_edge) };
                let chunks = u32::try_from(chunks).expect("2^32 chunks are more than addresses");
                return Land { base, notes, chunks, state: Mutex::default(), work: Condvar::new() };
            }
            assert!(size > 1 << 30, "no addresses for data: is `ulimit -v` set too low?");
            size = (size / 2).next_multiple_of(CHUNK);
        }
    }

    /// Where the first chunk begins.
    pub fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// Where the notes of the first chunk begin: [`NOTES`] bytes for each chunk, at first all 0. They are of whoever has
    /// the chunk.
    pub fn notes(&self) -> NonNull<u8> {
        self.notes
    }

    /// Where a chunk begins.
    pub fn at(&self, chunk: u32) -> NonNull<u8> {
        debug_assert!(chunk < self.chunks);
        // SAFETY: chunk numbers come from this land and are below `chunks`, all of which are reserved.
        unsafe { self.base.add(chunk as usize * CHUNK) }
    }

    /// A chunk of memory with any content; `few`: its taker has few others. `None`: no memory is left.
    fn take(&self, few: bool) -> Option<u32> {
        let mut state = self.lock();
        let huge = state.mode.wanted(few);
        let chunk = state.prepared(huge).or_else(|| self.prepare(&mut state, huge))?;
        state.taken.insert(chunk);
        if state.kept && state.lacks_ready() {
            self.work.notify_one();
        }
        Some(chunk)
    }

    /// The next chunk of one who has these; those before it get huge pages now if they are few. Aborts when there is no
    /// memory.
    pub fn next<T>(&self, held: &BTreeMap<u32, T>) -> u32 {
        let Some(chunk) = self.take(held.len() < FEW) else {
            handle_alloc_error(Layout::new::<[u8; CHUNK]>())
        };
        if held.len() <= FEW {
            held.keys().for_each(|&before| self.promote(before));
        }
        chunk
    }

    /// Takes chunks back.
    pub fn give(&self, chunks: impl IntoIterator<Item = u32>) {
        let mut state = self.lock();
        for chunk in chunks {
            let known = state.taken.remove(&chunk);
            assert!(known, "chunk {chunk} was given back twice");
            if state.kept {
                state.dirty.push(chunk);
            } else {
                advise(self.at(chunk), libc::MADV_DONTNEED);
                state.free.insert(chunk);
            }
        }
        if state.dirty.len() > SPARE {
            self.work.notify_one();
        }
    }

    /// A slab's chunk gets a huge page after all, for it is not the newest any more.
    fn promote(&self, chunk: u32) {
        let mut state = self.lock();
        if state.mode == HugePages::Auto && !state.huge[chunk as usize] {
            self.ask_for_huge(&mut state, chunk, true);
            if state.kept {
                state.broken.push(chunk);
                self.work.notify_one();
            }
        }
    }

    /// Has the keeper make all huge pages whole again: after a child that shared them is gone.
    pub fn mend(&self) {
        let mut state = self.lock();
        if state.kept {
            let State { taken, huge, broken, .. } = &mut *state;
            broken.clear();
            broken.extend(taken.iter().rev().filter(|&&chunk| huge[chunk as usize]));
            self.work.notify_one();
        }
    }

    /// Forgets what `mend` asked for: a new child is about to share the pages.
    pub fn rest(&self) {
        self.lock().broken.clear();
    }

    /// Chooses the pages of chunks that are taken from now on.
    pub fn set_huge_pages(&self, mode: HugePages) {
        self.lock().mode = mode;
    }

    /// Gives the memory of all chunks that nobody uses back to the system: MEMORY PURGE.
    pub fn purge(&self) {
        let mut state = self.lock();
        let idle: Vec<u32> = state.dirty.drain(..).collect();
        let ready: Vec<u32> = state.ready.drain(..).collect();
        for chunk in idle.into_iter().chain(ready) {
            advise(self.at(chunk), libc::MADV_DONTNEED);
            state.free.insert(chunk);
        }
    }

    /// Works for slabs for ever: the body of the keeper's thread.
    pub fn keep(&self) -> ! {
        self.lock().kept = true;
        loop {
            let job = {
                let mut state = self.lock();
                loop {
                    if let Some(job) = self.next_job(&mut state) {
                        break job;
                    }
                    state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
            };
            self.work_at(job);
        }
    }

    fn work_at(&self, job: Job) {
        match job {
            Job::Populate(chunk) => {
                advise(self.at(chunk), libc::MADV_POPULATE_WRITE);
                self.lock().ready.push(chunk);
            }
            Job::Purge(chunk) => {
                advise(self.at(chunk), libc::MADV_DONTNEED);
                self.lock().free.insert(chunk);
            }
            Job::Mend(chunk) => {
                advise(self.at(chunk), libc::MADV_COLLAPSE);
                std::thread::sleep(MEND_PAUSE);
            }
        }
    }

    /// Takes the next job out of the state, so that nobody else touches its chunk meanwhile; a chunk that is mended
    /// stays in use.
    fn next_job(&self, state: &mut State) -> Option<Job> {
        if state.lacks_ready() {
            let huge = state.mode.wanted(false);
            return self.prepare(state, huge).map(Job::Populate);
        }
        if state.dirty.len() > SPARE {
            return Some(Job::Purge(state.dirty.remove(0)));
        }
        while let Some(chunk) = state.broken.pop() {
            if state.taken.contains(&chunk) {
                return Some(Job::Mend(chunk));
            }
        }
        None
    }

    /// A chunk without memory, with its pages chosen.
    fn prepare(&self, state: &mut State, huge: bool) -> Option<u32> {
        let chunk = match state.free.pop_first() {
            Some(chunk) => chunk,
            None => self.break_ground(state)?,
        };
        if state.huge[chunk as usize] != huge {
            self.ask_for_huge(state, chunk, huge);
        }
        Some(chunk)
    }

    fn break_ground(&self, state: &mut State) -> Option<u32> {
        let chunk = state.fresh;
        if chunk == self.chunks {
            return None;
        }
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: the chunk is inside the reservation and nobody uses it yet.
        if unsafe { libc::mprotect(self.at(chunk).as_ptr().cast(), CHUNK, access) } != 0 {
            return None;
        }
        state.fresh += 1;
        state.huge.push(false);
        // A system may give huge pages without being asked.
        advise(self.at(chunk), libc::MADV_NOHUGEPAGE);
        Some(chunk)
    }

    fn ask_for_huge(&self, state: &mut State, chunk: u32, huge: bool) {
        let advice = if huge { libc::MADV_HUGEPAGE } else { libc::MADV_NOHUGEPAGE };
        // A kernel without huge pages refuses, and nothing is lost.
        advise(self.at(chunk), advice);
        state.huge[chunk as usize] = huge;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A chunk that has its memory already.
    fn prepared(&mut self, huge: bool) -> Option<u32> {
        let State { dirty, ready, huge: is_huge, .. } = self;
        [dirty, ready].into_iter().find_map(|chunks| {
            let at = chunks.iter().rposition(|&chunk| is_huge[chunk as usize] == huge)?;
            Some(chunks.swap_remove(at))
        })
    }

    /// A small server has nothing ready: it would be more than it uses.
    fn lacks_ready(&self) -> bool {
        let ahead = (self.taken.len() / TAKEN_PER_READY).min(AHEAD);
        self.ready.len() + self.dirty.len() < ahead
    }
}

fn map(size: usize, access: i32) -> Option<NonNull<u8>> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new mapping at an address of the kernel's choice disturbs nobody.
    let at = unsafe { libc::mmap(std::ptr::null_mut(), size, access, flags, -1, 0) };
    if at == libc::MAP_FAILED { None } else { NonNull::new(at.cast()) }
}

fn advise(at: NonNull<u8>, advice: i32) {
    // SAFETY: callers name a whole chunk of the reservation. Of the advices only DONTNEED loses content, and it
    // is given for chunks that nobody uses.
    unsafe { libc::madvise(at.as_ptr().cast(), CHUNK, advice) };
}

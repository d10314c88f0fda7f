//! The few system calls that the standard library does not offer.
//!
//! Owns: thin safe wrappers.   Uses: libc, fork.   Never: policy; callers decide what a failure means.
//!
//! Everything that the snapshot child calls (the functions of [`child`]) is async-signal-safe: plain
//! system calls, no allocation, no lock.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

/// What `fork` gives.
pub enum Fork {
    /// This process goes on; the child's number.
    Parent(i32),
    /// This is the child: only what [`child`] offers may be called.
    Child,
}

/// Forks this process.
///
/// # Errors
/// The kernel's: no memory, or too many processes.
pub fn fork() -> io::Result<Fork> {
    match fork::fork() {
        Ok(fork::Fork::Parent(pid)) => Ok(Fork::Parent(pid)),
        Ok(fork::Fork::Child) => Ok(Fork::Child),
        Err(_) => Err(io::Error::last_os_error()),
    }
}

/// Fills `out` with bytes that nobody can guess.
///
/// # Errors
/// The kernel's; it has none for a short `out` on a machine that has finished starting.
pub fn entropy(out: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    while let Some(rest) = out.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        // SAFETY: `rest` is a valid place to write to, as long as it is said to be.
        let got = unsafe { libc::getrandom(rest.as_mut_ptr().cast(), rest.len(), 0) };
        filled += usize::try_from(got).map_err(|_| io::Error::last_os_error())?;
    }
    Ok(())
}

/// Whether a child may ask for less of the processor and of the disk.
static MAY_STEP_BACK: AtomicBool = AtomicBool::new(true);

/// Finds out what a child may do. Where system calls are filtered, as by the systemd unit of Debian's redis-server, the
/// mere wish for another priority can end a process; so a child that does nothing else tries it. To be called once,
/// before there are threads.
///
/// # Errors
/// No child can be forked: then none will ask.
pub fn try_out_filter() -> io::Result<()> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let is_filtered =
        status.lines().any(|line| line.starts_with("Seccomp:") && line.ends_with('2'));
    if !is_filtered {
        return Ok(());
    }
    MAY_STEP_BACK.store(false, Ordering::Relaxed);
    match fork()? {
        Fork::Child => {
            child::step_back();
            child::exit(0)
        }
        Fork::Parent(pid) => {
            let mut status = 0;
            // SAFETY: `status` is a valid place to write to for the whole call.
            let reaped = unsafe { libc::waitpid(pid, &raw mut status, 0) };
            let lives = reaped == pid && libc::WIFEXITED(status);
            MAY_STEP_BACK.store(lives, Ordering::Relaxed);
            Ok(())
        }
    }
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// Asks without waiting whether a child has ended; none: it lives.
pub fn reap(pid: i32) -> Option<Exit> {
    let mut status = 0;
    // SAFETY: `status` is a valid place to write to for the whole call.
    let reaped = unsafe { libc::waitpid(pid, &raw mut status, libc::WNOHANG) };
    if reaped == 0 {
        return None;
    }
    if reaped == pid && libc::WIFSIGNALED(status) {
        return Some(Exit::Signal(libc::WTERMSIG(status)));
    }
    Some(Exit::Code(if reaped == pid { libc::WEXITSTATUS(status) } else { -1 }))
}

/// Kills a child. It dies at once, unless it waits for a disk; it still has to be reaped.
pub fn kill(pid: i32) {
    // SAFETY: a plain system call on numbers. A child that was not reaped keeps its number.
    unsafe { libc::kill(pid, libc::SIGKILL) };
}

/// What came of an attempt to lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locked {
    /// This process holds the lock.
    Mine,
    /// Another one does.
    ByAnother,
    /// The file system has no locks, or none on directories (NFS).
    Unsupported,
}

/// Tries to lock an open file or directory for this process, without waiting.
///
/// # Errors
/// The kernel's.
pub fn try_lock(file: &File) -> io::Result<Locked> {
    // SAFETY: the descriptor is open as long as `file` is borrowed.
    if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } == 0 {
        return Ok(Locked::Mine);
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::EWOULDBLOCK) => Ok(Locked::ByAnother),
        Some(libc::EBADF | libc::ENOLCK | libc::EOPNOTSUPP | libc::ENOSYS) => {
            Ok(Locked::Unsupported)
        }
        _ => Err(error),
    }
}

/// The number of the error "out of memory".
pub const NO_MEMORY: i32 = libc::ENOMEM;

/// Sets what must not depend on who started this process: a file at its limit of size and a pipe
/// without reader are errors, not deaths; and a child that ends is kept until it is reaped, even if the
/// parent of this process ignores its own children.
pub fn settle_signals() {
    // SAFETY: plain system calls on numbers; no handler is installed.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
        libc::signal(libc::SIGPIPE, libc::SIG_IGN);
        libc::signal(libc::SIGCHLD, libc::SIG_DFL);
    }
}

/// The limit on open descriptors of this process: what it has, and what it may ask for.
pub fn descriptor_limit() -> (u64, u64) {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid place to write to.
    unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    (limit.rlim_cur, limit.rlim_max)
}

/// Raises the limit on open descriptors.
///
/// # Errors
/// More than the process may ask for.
pub fn set_descriptor_limit(wanted: u64, hard: u64) -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: wanted, rlim_max: hard.max(wanted) };
    // SAFETY: `limit` is valid for reading.
    if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Raises the limit on open descriptors to `wanted`, or as far as it goes, and gives what it is then.
pub fn raise_descriptor_limit(wanted: u64) -> u64 {
    let (soft, hard) = descriptor_limit();
    if soft >= wanted {
        return soft;
    }
    if set_descriptor_limit(wanted, hard).is_err() {
        // What the process may ask for without more rights; if even that fails, nothing changes.
        let _ = set_descriptor_limit(wanted.min(hard), hard);
    }
    descriptor_limit().0
}

/// Whose processor time is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// This process, all threads.
    Process,
    /// Children that have ended.
    Children,
    /// The calling thread.
    Thread,
}

/// Processor time used so far, in microseconds: in the program, and in the kernel for it.
pub fn cpu_time(whose: Whose) -> (u64, u64) {
    let who = match whose {
        Whose::Process => libc::RUSAGE_SELF,
        Whose::Children => libc::RUSAGE_CHILDREN,
        Whose::Thread => libc::RUSAGE_THREAD,
    };
    // SAFETY: an all-zero `rusage` is a valid value of the plain C struct.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: `usage` is a valid place to write to.
    unsafe { libc::getrusage(who, &raw mut usage) };
    let micros = |time: libc::timeval| {
        let micros = i128::from(time.tv_sec) * 1_000_000 + i128::from(time.tv_usec);
        u64::try_from(micros).unwrap_or(0)
    };
    (micros(usage.ru_utime), micros(usage.ru_stime))
}

/// Nanoseconds of processor time that the calling thread has used. A system call, about 0.15 us.
pub fn thread_cpu_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place to write to.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    u64::try_from(i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)).unwrap_or(0)
}

/// Bytes of memory that the machine has; 0 if the kernel does not say.
pub fn total_memory() -> u64 {
    // SAFETY: plain system calls on numbers.
    let (pages, size) =
        unsafe { (libc::sysconf(libc::_SC_PHYS_PAGES), libc::sysconf(libc::_SC_PAGESIZE)) };
    u64::try_from(pages).unwrap_or(0).saturating_mul(u64::try_from(size).unwrap_or(0))
}

/// Sends this process a segmentation fault, to see what comes of it.
pub fn segfault() {
    // SAFETY: plain system calls on numbers. The standard library's own handler would only see that no
    // memory was touched and go on; the default one ends the process.
    unsafe {
        libc::signal(libc::SIGSEGV, libc::SIG_DFL);
        libc::raise(libc::SIGSEGV);
    }
}

/// The local time's distance from UTC in seconds, for log lines.
pub fn utc_offset(unix_s: i64) -> i64 {
    // SAFETY: an all-zero `tm` is a valid value of the plain C struct.
    let mut parts: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are valid for the call, which keeps neither.
    unsafe { libc::localtime_r(&raw const unix_s, &raw mut parts) };
    parts.tm_gmtoff
}

/// Sets the mode bits of new files for this process and returns the old ones.
pub fn umask(mode: u32) -> u32 {
    // SAFETY: always succeeds and touches no memory.
    unsafe { libc::umask(mode) }
}

/// The kernel's name, version and machine, as INFO shows them.
pub fn os_name() -> String {
    // SAFETY: an all-zero `utsname` is a valid value of the plain C struct.
    let mut name: libc::utsname = unsafe { std::mem::zeroed() };
    // SAFETY: `name` is a valid place to write to.
    unsafe { libc::uname(&raw mut name) };
    let text = |field: &[libc::c_char]| {
        let bytes = field.iter().take_while(|&&c| c != 0).map(|&c| c as u8).collect::<Vec<_>>();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    format!("{} {} {}", text(&name.sysname), text(&name.release), text(&name.machine))
}

/// A pipe whose reading end never blocks.
///
/// # Errors
/// Out of descriptors.
pub fn pipe() -> io::Result<(io::PipeReader, io::PipeWriter)> {
    let (reader, writer) = io::pipe()?;
    // SAFETY: the descriptor is open; the call touches no memory.
    let result = unsafe { libc::fcntl(reader.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok((reader, writer)) }
}

/// Memory that a child, which ends with `_exit`, will neither read nor write again: [`child::forget`] may take it
/// away from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pages {
    at: usize,
    len: usize,
}

impl Pages {
    /// The whole pages within `len` bytes at `at`.
    ///
    /// # Safety
    /// Who makes them promises that a child which is handed them reads and writes none of those bytes any more, and
    /// hands them out only where that is so.
    pub unsafe fn new(at: *const u8, len: usize) -> Pages {
        let page = page_size();
        let start = at.expose_provenance();
        let (from, to) = (start.next_multiple_of(page), (start + len) / page * page);
        Pages { at: from, len: to.saturating_sub(from) }
    }

    /// Bytes in them.
    pub fn bytes(self) -> usize {
        self.len
    }
}

/// Bytes of a page of memory.
fn page_size() -> usize {
    // SAFETY: a plain system call on a number.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096).max(1)
}

/// Receiving and sending on a socket that never waits.
///
/// Not by the library's `recv` and `send`: in a process with threads each of them pays two atomic operations
/// so that a thread could be cancelled while it waits, which nobody does here.
pub mod socket {
    use std::io;
    use std::os::fd::{AsRawFd, BorrowedFd};

    /// Receives at most `most` bytes behind what `into` holds, within the room it has. 0: the peer sends no more.
    ///
    /// # Errors
    /// `WouldBlock` if nothing is there; the kernel's.
    #[inline]
    pub fn receive(fd: BorrowedFd<'_>, into: &mut Vec<u8>, most: usize) -> io::Result<usize> {
        let room = into.spare_capacity_mut();
        let most = most.min(room.len());
        let (flags, nobody) = (libc::MSG_DONTWAIT, 0usize);
        // SAFETY: the kernel writes at most `most` bytes, which is not beyond the room.
        let received = unsafe {
            libc::syscall(
                libc::SYS_recvfrom,
                fd.as_raw_fd(),
                room.as_mut_ptr(),
                most,
                flags,
                nobody,
                nobody,
            )
        };
        let count = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
        // SAFETY: the kernel has written `count` bytes behind the old end.
        unsafe { into.set_len(into.len() + count) };
        Ok(count)
    }

    /// Sends as many bytes as the socket takes.
    ///
    /// # Errors
    /// `WouldBlock` if it takes none; the kernel's.
    #[inline]
    pub fn send(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
        let (flags, nobody) = (libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL, 0usize);
        // SAFETY: the kernel reads bytes that are there.
        let sent = unsafe {
            libc::syscall(
                libc::SYS_sendto,
                fd.as_raw_fd(),
                bytes.as_ptr(),
                bytes.len(),
                flags,
                nobody,
                nobody,
            )
        };
        usize::try_from(sent).map_err(|_| io::Error::last_os_error())
    }
}

/// What a forked child may call.
pub mod child {
    use super::{MAY_STEP_BACK, Ordering, Pages, RawFd, io};

    /// `ioprio_set` of one process...
    const IOPRIO_PROCESS: i32 = 1;
    /// ...to the last level of the usual class.
    const IOPRIO_LAST: i32 = (2 << 13) | 7;

    /// Makes the child die with its parent and closes every descriptor but the kept ones: an orphan
    /// would hold the port and the directory's lock. Says false if the parent is already gone.
    pub fn settle(parent: u32, keep: [RawFd; 2]) -> bool {
        // SAFETY: plain system calls on numbers; the descriptors that are closed are not used again
        // by the child, which never returns to the code that owns them.
        unsafe {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            if libc::getppid() as u32 != parent {
                return false;
            }
            let (low, high) = (keep[0].min(keep[1]), keep[0].max(keep[1]));
            // Standard input, output and error stay: a crash report goes there.
            close_all(3, low - 1);
            close_all(low + 1, high - 1);
            close_all(high + 1, RawFd::MAX);
            for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGUSR1] {
                libc::signal(signal, libc::SIG_IGN);
            }
        }
        if MAY_STEP_BACK.load(Ordering::Relaxed) {
            step_back();
        }
        true
    }

    /// Steps back behind the server for the processor, which costs a save under load nothing that can be measured and
    /// halves the longest waits of clients; and behind everybody for the disk.
    pub(super) fn step_back() {
        // SAFETY: plain system calls on numbers.
        unsafe {
            libc::setpriority(libc::PRIO_PROCESS, 0, 5);
            libc::syscall(libc::SYS_ioprio_set, IOPRIO_PROCESS, 0, IOPRIO_LAST);
        }
    }

    /// Closes the descriptors from `first` to `last`.
    fn close_all(first: RawFd, last: RawFd) {
        if first > last {
            return;
        }
        // SAFETY: plain system calls on numbers; see `settle` for who may not use them afterwards.
        unsafe {
            if libc::syscall(libc::SYS_close_range, first as u32, last as u32, 0u32) == 0 {
                return;
            }
            // A kernel before 5.9, or a container that forbids what it does not know.
            let most = RawFd::try_from(super::descriptor_limit().0).unwrap_or(RawFd::MAX);
            for fd in first..=last.min(most) {
                libc::close(fd);
            }
        }
    }

    /// Writes all bytes.
    ///
    /// # Errors
    /// The kernel's number of the error.
    pub fn write_all(fd: RawFd, mut bytes: &[u8]) -> Result<(), i32> {
        while !bytes.is_empty() {
            // SAFETY: the slice is valid for reading over its whole length.
            let written = unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) };
            if written < 0 {
                let error = io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO);
                if error != libc::EINTR {
                    return Err(error);
                }
                continue;
            }
            if written == 0 {
                return Err(libc::EIO);
            }
            bytes = &bytes[written as usize..];
        }
        Ok(())
    }

    /// Forces a file to the disk.
    ///
    /// # Errors
    /// The kernel's number of the error.
    pub fn sync(fd: RawFd) -> Result<(), i32> {
        // SAFETY: a plain system call on a number.
        if unsafe { libc::fsync(fd) } == 0 {
            return Ok(());
        }
        Err(io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO))
    }

    /// Asks the disk to begin with a part of a file, and does not wait for it. Only a hint.
    pub fn begin_sync(fd: RawFd, from: u64, len: u64) {
        let (Ok(from), Ok(len)) = (i64::try_from(from), i64::try_from(len)) else { return };
        // SAFETY: a plain system call on numbers.
        unsafe { libc::sync_file_range(fd, from, len, libc::SYNC_FILE_RANGE_WRITE) };
    }

    /// Gives memory back that the child does not need any more: what the parent writes there afterwards is
    /// copied for nobody. Only a hint.
    pub fn forget(pages: Pages) {
        if pages.len == 0 {
            return;
        }
        // SAFETY: who made the pages has promised that this process, which is a child, reads and writes
        // nothing there any more.
        unsafe {
            let at = std::ptr::with_exposed_provenance_mut(pages.at);
            libc::madvise(at, pages.len, libc::MADV_DONTNEED);
        }
    }

    /// Ends the child without running anybody's clean-up.
    pub fn exit(code: i32) -> ! {
        // SAFETY: never returns; runs no handlers.
        unsafe { libc::_exit(code) }
    }

    /// Writes a line to standard error and aborts.
    pub fn say_and_abort(line: &[u8]) -> ! {
        // Nothing can be done about a line that cannot be written.
        let _ = write_all(libc::STDERR_FILENO, line);
        // SAFETY: never returns; the default action is set, so that no handler of the parent's runs.
        unsafe {
            libc::signal(libc::SIGABRT, libc::SIG_DFL);
            libc::abort()
        }
    }

    /// Bytes of this process's memory that were copied since the fork, from /proc/self/smaps_rollup.
    /// `buffer` must be a page or more. The
    /// kernel walks all pages for it: some 10 ms for a gigabyte.
    pub fn private_dirty(buffer: &mut [u8]) -> u64 {
        const PATH: &[u8] = b"/proc/self/smaps_rollup\0";
        // SAFETY: the path ends with NUL; the buffer is valid for writing over its whole length.
        let read = unsafe {
            let fd = libc::open(PATH.as_ptr().cast(), libc::O_RDONLY);
            if fd < 0 {
                return 0;
            }
            let read = libc::read(fd, buffer.as_mut_ptr().cast(), buffer.len());
            libc::close(fd);
            read
        };
        private_dirty_of(&buffer[..usize::try_from(read).unwrap_or(0)])
    }

    /// The figure in the text of /proc/PID/smaps_rollup, in bytes; 0 where it has none.
    pub(super) fn private_dirty_of(text: &[u8]) -> u64 {
        const WORD: &[u8] = b"Private_Dirty:";
        let Some(at) = text.windows(WORD.len()).position(|window| window == WORD) else { return 0 };
        let digits = text[at + WORD.len()..].iter().skip_while(|byte| **byte == b' ');
        let kib = digits
            .take_while(|byte| byte.is_ascii_digit())
            .fold(0u64, |sum, byte| sum * 10 + u64::from(byte - b'0'));
        kib * 1024
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_pages_are_forgotten() {
        let page = page_size();
        let memory = vec![7u8; 4 * page];
        let first = memory.as_ptr().addr().next_multiple_of(page) - memory.as_ptr().addr();
        // SAFETY: the vector is read below, where it tells what is left of it: bytes of any value are sound.
        let pages = unsafe { Pages::new(memory.as_ptr().wrapping_add(first + 1), 3 * page - 2) };
        assert_eq!(pages.bytes(), page);
        child::forget(pages);
        let left = |from: usize| std::hint::black_box(&memory)[first + from];
        assert_eq!((left(page - 1), left(page), left(2 * page - 1), left(2 * page)), (7, 0, 0, 7));
        // SAFETY: as above; they hold no whole page.
        let none = unsafe { Pages::new(memory.as_ptr().wrapping_add(first + 1), page) };
        assert_eq!(none.bytes(), 0);
    }

    /// That a child reads its own file is seen from outside: `rdb_last_cow_size`. Here, other tests' threads give memory
    /// back at any time.
    #[test]
    fn what_is_a_process_s_own_is_read_from_the_kernel_s_table() {
        let text = b"00400000-7ffe [rollup]\nRss:   5 kB\nPrivate_Clean:  3 kB\nPrivate_Dirty:      1200 kB\n";
        assert_eq!(child::private_dirty_of(text), 1200 << 10);
        assert_eq!(child::private_dirty_of(b"Rss: 5 kB\n"), 0);
        assert!(child::private_dirty(&mut [0; 4096]) > 0);
    }
}

//! What this process is to the system: its session, its streams, its title.
//!
//! Owns: thin safe wrappers.   Uses: libc.   Never: policy; callers decide what a failure means.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// Begins a session of its own, which no terminal can end.
///
/// # Errors
/// The process leads a group already.
pub fn begin_session() -> io::Result<()> {
    // SAFETY: a plain system call.
    if unsafe { libc::setsid() } < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Lets the three standard streams lead nowhere, so that nobody waits for their end and nothing written to them
/// lands in a file that was opened later.
///
/// # Errors
/// /dev/null cannot be opened.
pub fn close_streams() -> io::Result<()> {
    let null = File::options().read(true).write(true).open("/dev/null")?;
    for stream in [libc::STDIN_FILENO, libc::STDOUT_FILENO, libc::STDERR_FILENO] {
        // SAFETY: both descriptors are open; `dup2` replaces one by the other in one step.
        if unsafe { libc::dup2(null.as_raw_fd(), stream) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Stops this process until somebody lets it go on (SIGCONT).
pub fn stop() {
    // SAFETY: a plain system call on a number.
    unsafe { libc::raise(libc::SIGSTOP) };
}

/// The number of the user this process runs as.
pub fn user() -> u32 {
    // SAFETY: a plain system call.
    unsafe { libc::geteuid() }
}

/// Whether this process may do everything.
pub fn is_root() -> bool {
    user() == 0
}

/// The group of that name or number.
///
/// # Errors
/// There is none.
pub fn group(name: &str) -> io::Result<u32> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let absent = || io::Error::new(io::ErrorKind::NotFound, format!("there is no group '{name}'"));
    let name = CString::new(name).map_err(|_| absent())?;
    // SAFETY: the name ends with NUL. The answer is a place of the library's own, which the next call on any thread may
    // write over: it is read at once, and this is called before there are threads.
    let found = unsafe { libc::getgrnam(name.as_ptr()).as_ref().map(|group| group.gr_gid) };
    found.ok_or_else(absent)
}

/// Shows `title` in place of the command line in lists of processes, cut to the room that the command line has.
/// Only while there is one thread: from then on the arguments of this process are gone.
///
/// # Errors
/// The kernel does not say where the command line is.
pub fn set_title(title: &str) -> io::Result<()> {
    let (start, end) = command_line()?;
    // The last byte stays zero, or the kernel would show what stands behind it as well.
    let room = end.saturating_sub(start).saturating_sub(1);
    let shown = title.len().min(room);
    // SAFETY: the kernel has put the arguments of this process there, for it to use as it likes; nobody else is looking
    // now, since there is one thread, and whoever looks later finds texts that end with zero.
    unsafe {
        let at = std::ptr::with_exposed_provenance_mut::<u8>(start);
        std::ptr::write_bytes(at, 0, room + 1);
        std::ptr::copy_nonoverlapping(title.as_ptr(), at, shown);
    }
    let brief: Vec<u8> = title.bytes().take_while(|&byte| byte != b' ' && byte != 0).collect();
    if let Ok(name) = CString::new(brief) {
        // SAFETY: the name ends with NUL; the kernel copies its first 15 bytes.
        unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
    }
    Ok(())
}

/// Where the command line of this process stands in its memory: its first byte, and the one behind its last.
fn command_line() -> io::Result<(usize, usize)> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let unknown = || io::Error::from(io::ErrorKind::InvalidData);
    // The second field is the program's name in brackets, and may hold anything. `arg_start` is the 48th.
    let fields = stat.rsplit_once(')').ok_or_else(unknown)?.1;
    let mut fields = fields.split_whitespace().skip(48 - 3).map(str::parse::<usize>);
    let mut next = || fields.next().and_then(Result::ok).filter(|&at| at != 0).ok_or_else(unknown);
    let bounds = (next()?, next()?);
    if bounds.0 < bounds.1 { Ok(bounds) } else { Err(unknown()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_found() {
        let (start, end) = command_line().unwrap();
        let written = std::fs::read("/proc/self/cmdline").unwrap();
        assert_eq!(end - start, written.len());
    }

    #[test]
    fn groups_have_names_and_numbers() {
        assert_eq!((group("root").unwrap(), group("77").unwrap()), (0, 77));
        assert!(group("no such group").is_err());
    }
}

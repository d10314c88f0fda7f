//! The directory that this server works in, and no other.
//!
//! Owns: the lock on it, and the names of temporary files.   Uses: base::sys.   Never: opens a snapshot.
//!
//! Two servers in one directory would replace each other's snapshots. The lock is the kernel's
//! (`flock` on the directory itself): it leaves no file behind and ends with its holder, however that
//! ends.

use crate::base::process;
use crate::base::sys::{self, Locked};
use crate::engine::port::HostError;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A claim on a directory; the last clone that is dropped gives it up.
#[derive(Clone, Debug)]
pub struct Directory {
    /// The open directory, with the lock.
    handle: Arc<File>,
    identity: Identity,
}

/// The device and the number: one directory may have several paths.
type Identity = (u64, u64);

/// How often a lock that is taken is tried again, and the time between.
///
/// A server that was killed while it forked leaves a child that holds the lock until it notices: that
/// may take some milliseconds, and must not keep the next server from starting.
const TRIES: u32 = 40;
const PAUSE: Duration = Duration::from_millis(25);

impl Directory {
    /// Locks a directory, sees that files can be made in it, and clears it of what dead processes left.
    /// `patient`: waits up to a second for the lock.
    ///
    /// # Errors
    /// It is not there, another server works in it, or it cannot be written to.
    pub fn claim(dir: &Path, patient: bool) -> Result<Directory, HostError> {
        let handle = File::open(dir).map_err(|e| words("cannot open the directory", dir, &e))?;
        let identity = identity(&handle, dir)?;
        let locked = lock(&handle, if patient { TRIES } else { 1 })
            .map_err(|e| words("cannot lock the directory", dir, &e))?;
        if locked == Locked::ByAnother {
            return Err(HostError(format!(
                "another server works in the directory {}. Give this one a directory of its own (--dir)",
                dir.display()
            )));
        }
        probe(dir)?;
        match locked {
            Locked::Mine => remove_leftovers(dir),
            // Then a temporary file may be that of a server that lives.
            Locked::Unsupported | Locked::ByAnother => tracing::warn!(
                "The file system of {} has no locks: see to it that no other server works there",
                dir.display()
            ),
        }
        Ok(Directory { handle: Arc::new(handle), identity })
    }

    /// Whether this is the directory at a path.
    pub fn is_at(&self, dir: &Path) -> bool {
        fs::metadata(dir).is_ok_and(|found| (found.dev(), found.ino()) == self.identity)
    }

    /// Forces names that were given or taken in the directory to the disk.
    ///
    /// # Errors
    /// The disk's.
    pub fn sync(&self) -> io::Result<()> {
        self.handle.sync_all()
    }
}

fn identity(handle: &File, dir: &Path) -> Result<Identity, HostError> {
    let found = handle.metadata().map_err(|e| words("cannot look at", dir, &e))?;
    if !found.is_dir() {
        return Err(HostError(format!("{} is not a directory", dir.display())));
    }
    Ok((found.dev(), found.ino()))
}

fn lock(handle: &File, tries: u32) -> io::Result<Locked> {
    for _ in 1..tries {
        match sys::try_lock(handle)? {
            Locked::ByAnother => std::thread::sleep(PAUSE),
            locked => return Ok(locked),
        }
    }
    sys::try_lock(handle)
}

/// Makes a file and removes it. Permissions alone do not tell: a file system can be mounted read-only.
fn probe(dir: &Path) -> Result<(), HostError> {
    let path = temporary(dir, 0);
    // One of an earlier process with this number; the lock says that it is dead.
    let _ = fs::remove_file(&path);
    create(&path).map_err(|e| unwritable(dir, &e))?;
    // If it stays, the next start removes it.
    let _ = fs::remove_file(&path);
    Ok(())
}

/// Why files cannot be made in the directory, and what mends it.
fn unwritable(dir: &Path, error: &io::Error) -> HostError {
    let HostError(why) = words("cannot write to the directory", dir, error);
    let mend = match error.kind() {
        io::ErrorKind::PermissionDenied => {
            format!(". Mend it with 'chown {} {}'", process::user(), dir.display())
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            format!(". Mend it with 'mount -o remount,rw {}'", dir.display())
        }
        io::ErrorKind::StorageFull => ". Make room there".into(),
        _ => String::new(),
    };
    HostError(format!("{why}{mend}, or name another one with --dir"))
}

/// The name under which this process writes its snapshot of that number.
pub fn temporary(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("temp-{}-{number}.rdb", std::process::id()))
}

/// Creates a temporary file. It must not be there: in a directory that everybody may write to it could
/// be somebody's link to another place.
///
/// # Errors
/// The disk's.
pub fn create(path: &Path) -> io::Result<File> {
    File::options().write(true).create_new(true).open(path)
}

/// Removes the temporary files of servers before this one. Whoever holds the lock knows them dead.
fn remove_leftovers(dir: &Path) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_str().is_some_and(is_temporary) {
            tracing::info!("Removing {}, left by a server that is gone", entry.path().display());
            // If it stays, it only takes room.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Whether a file's name is one of [`temporary`]. Redis' own (`temp-PID.rdb`) is not.
fn is_temporary(name: &str) -> bool {
    let Some(middle) = name.strip_prefix("temp-").and_then(|rest| rest.strip_suffix(".rdb")) else {
        return false;
    };
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    middle.split_once('-').is_some_and(|(pid, count)| number(pid) && number(count))
}

/// What was done to which path, and the system's reason.
pub fn words(doing: &str, path: &Path, error: &io::Error) -> HostError {
    HostError(format!("{doing} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_temporary_files_are_known() {
        for ours in ["temp-1-0.rdb", "temp-4194304-18446744073709551615.rdb"] {
            assert!(is_temporary(ours), "{ours}");
        }
        for other in
            ["temp-1.rdb", "temp--1.rdb", "temp-1-.rdb", "temp-1-2.aof", "temp-a-1.rdb", "dump.rdb"]
        {
            assert!(!is_temporary(other), "{other}");
        }
    }

    #[test]
    fn a_directory_is_claimed_once_and_cleared() {
        let dir = tempfile::tempdir().unwrap();
        let left = dir.path().join("temp-1-7.rdb");
        let foreign = dir.path().join("temp-1.rdb");
        for path in [&left, &foreign] {
            fs::write(path, "x").unwrap();
        }
        let claim = Directory::claim(dir.path(), false).unwrap();
        assert!(!left.exists() && foreign.exists());
        assert!(claim.is_at(&dir.path().join(".")));
        let HostError(why) = Directory::claim(dir.path(), false).unwrap_err();
        assert!(why.starts_with("another server works in the directory"), "{why}");
        let clone = claim.clone();
        drop(claim);
        assert!(Directory::claim(dir.path(), false).is_err(), "a clone holds it too");
        drop(clone);
        assert!(Directory::claim(dir.path(), false).is_ok());
    }

    #[test]
    fn a_directory_that_cannot_be_written_to_is_told_with_what_mends_it() {
        let why = |kind: io::ErrorKind| unwritable(Path::new("/data"), &kind.into()).0;
        let mend = format!("'chown {} /data'", process::user());
        assert!(why(io::ErrorKind::PermissionDenied).contains(&mend));
        assert!(why(io::ErrorKind::ReadOnlyFilesystem).contains("'mount -o remount,rw /data'"));
        assert!(why(io::ErrorKind::Other).ends_with("name another one with --dir"));
    }

    #[test]
    fn what_is_no_directory_of_ours_is_named() {
        let why = |path: &str| Directory::claim(Path::new(path), false).unwrap_err().0;
        assert!(why("/nonexistent").starts_with("cannot open the directory /nonexistent: "));
        assert_eq!(why("/dev/null"), "/dev/null is not a directory");
        assert!(why("/proc").contains("/proc"));
    }
}

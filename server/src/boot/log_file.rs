//! The file of the log, which others may move away or remove at any time.
//!
//! Owns: the open file.   Uses: std.   Never: fails; a line that a full disk does not take is lost.
//!
//! Redis opens its file for every line, so that logrotate needs to tell it nothing. This one looks before every line
//! whether the name still leads to the open file, and opens it anew only if not: one system call instead of three.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A file that every line is appended to.
pub struct LogFile {
    path: PathBuf,
    file: File,
    /// Its device and number.
    identity: (u64, u64),
}

impl LogFile {
    /// Opens or creates the file.
    ///
    /// # Errors
    /// The disk's.
    pub fn open(path: &Path) -> io::Result<LogFile> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let found = file.metadata()?;
        Ok(LogFile { path: path.to_owned(), file, identity: (found.dev(), found.ino()) })
    }

    /// Sees that the name leads to the open file. Where it cannot be opened, the old one goes on.
    fn follow(&mut self) {
        let there = std::fs::metadata(&self.path).map(|found| (found.dev(), found.ino()));
        if there.is_ok_and(|identity| identity == self.identity) {
            return;
        }
        if let Ok(new) = LogFile::open(&self.path) {
            *self = new;
        }
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.follow();
        let _ = self.file.write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The standard output, in the same spirit: `tracing` would tell of a failure on standard error, and panic where that
/// is the same full disk.
pub struct Lenient<W>(pub W);

impl<W: Write> Write for Lenient<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = self.0.flush();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_file_that_was_moved_is_begun_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let old = dir.path().join("log.1");
        let mut log = LogFile::open(&path).unwrap();
        log.write_all(b"one\n").unwrap();
        fs::rename(&path, &old).unwrap();
        log.write_all(b"two\n").unwrap();
        assert_eq!(fs::read_to_string(&old).unwrap(), "one\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "two\n");
        fs::remove_file(&path).unwrap();
        log.write_all(b"three\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "three\n");
        // As logrotate's copytruncate does.
        File::create(&path).unwrap();
        log.write_all(b"four\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "four\n");
        fs::remove_dir_all(dir.path()).unwrap();
        log.write_all(b"nowhere\n").unwrap();
    }
}

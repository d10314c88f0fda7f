//! Going to the background, and the file that holds the number of the process.
//!
//! Owns: the process that was started, until the server stands.   Uses: `base::process`.
//! Never: a thread; a process with threads cannot fork.
//!
//! The process that was started does not end before the server has its directory and its sockets, so that a
//! script sees by the exit code whether it has them, and a person sees on the terminal why not.

use crate::base::{process, sys};
use std::fs;
use std::io::{PipeWriter, Read, Write};
use std::path::{Path, PathBuf};

/// Where Redis has its file when nothing is said.
const DEFAULT_PID_FILE: &str = "/var/run/redis.pid";

/// The process that waits for word from this one, in the background.
pub struct Starter(PipeWriter);

impl Starter {
    /// Goes to the background. This returns in the new process; the one that was started ends with it or, well,
    /// when [`Starter::release`] is called.
    ///
    /// # Errors
    /// No process or no descriptor left.
    pub fn leave() -> Result<Starter, String> {
        let failed = |error: std::io::Error| format!("Can't go to the background: {error}");
        let (mut reader, writer) = std::io::pipe().map_err(failed)?;
        match sys::fork().map_err(failed)? {
            sys::Fork::Parent(_) => {
                drop(writer);
                let well = reader.read_exact(&mut [0]).is_ok();
                std::process::exit(i32::from(!well));
            }
            sys::Fork::Child => {
                drop(reader);
                process::begin_session().map_err(failed)?;
                Ok(Starter(writer))
            }
        }
    }

    /// Lets the process that was started end, and its terminal go.
    pub fn release(mut self) {
        if let Err(error) = process::close_streams() {
            tracing::warn!("Can't let go of the terminal: {error}");
        }
        // Whoever waited may have been killed: then nobody is told.
        let _ = self.0.write_all(b"+");
    }
}

/// A file with the number of this process.
#[derive(Clone, Debug)]
pub struct PidFile(PathBuf);

impl PidFile {
    /// Writes the file that the settings name; a daemon has one in any case. A file that cannot be written is no
    /// reason not to serve.
    pub fn write(named: Option<&Path>, daemon: bool) -> Option<PidFile> {
        let default = daemon.then_some(Path::new(DEFAULT_PID_FILE));
        let path = named.or(default)?;
        if let Err(error) = fs::write(path, format!("{}\n", std::process::id())) {
            tracing::warn!("Failed to write PID file {}: {error}", path.display());
            return None;
        }
        Some(PidFile(path.to_owned()))
    }

    /// Removes the file.
    pub fn remove(&self) {
        // Whoever has removed it did what was to be done.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_file_holds_the_number_and_goes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pid");
        assert!(PidFile::write(None, false).is_none());
        assert!(PidFile::write(Some(Path::new("/nonexistent/pid")), true).is_none());
        let file = PidFile::write(Some(&path), false).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
        file.remove();
        assert!(!path.exists());
    }
}

//! Settings files on the disk: read with what they include, and replaced in one step.
//!
//! Owns: opening and replacing them.   Uses: config's grammar and rewriting.   Never: what a line means.

use super::directory::words;
use crate::base::bytes::glob;
use crate::base::process;
use crate::config::parse::Source;
use crate::config::rewrite::rewrite;
use crate::engine::port::{HostError, Rewrite};
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

/// A text of settings. What is not UTF-8 becomes U+FFFD, which the parser lets pass in comments only.
pub fn source(name: &str, bytes: &[u8]) -> Source {
    Source { name: name.to_owned(), text: String::from_utf8_lossy(bytes).into_owned() }
}

/// Reads a settings file.
///
/// # Errors
/// It cannot be read: which, and why.
pub fn open(path: &Path) -> Result<Source, String> {
    let bytes = fs::read(path).map_err(|e| format!("can't open {}: {e}", path.display()))?;
    Ok(source(&path.display().to_string(), &bytes))
}

/// The files that an `include` line names. As in Redis, a relative path begins at the working directory,
/// and a pattern that matches nothing includes nothing.
///
/// # Errors
/// A file cannot be read.
pub fn included(pattern: &str) -> Result<Vec<Source>, String> {
    if !pattern.contains(['*', '?', '[']) {
        return open(Path::new(pattern)).map(|file| vec![file]);
    }
    let mut found = vec![PathBuf::new()];
    for part in Path::new(pattern).components() {
        let part = part.as_os_str();
        let is_pattern = part.as_encoded_bytes().iter().any(|byte| b"*?[".contains(byte));
        found = match is_pattern {
            true => found.iter().flat_map(|parent| matching(parent, part)).collect(),
            false => found.iter().map(|parent| parent.join(part)).collect(),
        };
        // Behind a pattern, not every directory has what follows.
        found.retain(|path| path.symlink_metadata().is_ok());
    }
    found.sort();
    found.iter().map(|path| open(path)).collect()
}

/// What a directory has under names that match; names that begin with a dot only where the pattern does.
fn matching(parent: &Path, pattern: &OsStr) -> Vec<PathBuf> {
    let place = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let pattern = pattern.as_encoded_bytes();
    let Ok(entries) = fs::read_dir(place) else { return Vec::new() };
    let names = entries.flatten().map(|entry| entry.file_name());
    let fits = |name: &[u8]| {
        let hidden = name.starts_with(b".") && !pattern.starts_with(b".");
        !hidden && glob(pattern, name, false)
    };
    names.filter(|name| fits(name.as_encoded_bytes())).map(|name| parent.join(name)).collect()
}

/// Makes a settings file say what the settings are. A file that is gone is begun anew; one that says it already
/// is not touched.
///
/// # Errors
/// The disk's; the file may not be written to; or it is not right, and then what it says is left alone.
pub fn replace(job: &Rewrite) -> Result<(), HostError> {
    let path = Path::new(&job.path);
    let old = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(words("cannot read", path, &error)),
    };
    let new = rewrite(&job.path, &old, &job.wanted, &mut included).map_err(HostError)?;
    if new == old {
        return Ok(());
    }
    let temporary = temporary(path);
    let written = write(path, &temporary, &new).and_then(|()| {
        fs::rename(&temporary, path).map_err(|e| words("cannot rename to", path, &e))
    });
    if written.is_err() {
        // What is half written helps nobody.
        let _ = fs::remove_file(&temporary);
        return written;
    }
    let parent = path.parent().unwrap_or(Path::new("/"));
    let synced = File::open(parent).and_then(|directory| directory.sync_all());
    synced.map_err(|e| words("cannot sync the directory of", path, &e))
}

/// A name beside the file, so that it can be renamed to it.
fn temporary(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".tmp-{}", std::process::id()));
    path.with_file_name(name)
}

/// Writes what is to replace the file, with its permissions, and forces it to the disk.
fn write(path: &Path, temporary: &Path, bytes: &[u8]) -> Result<(), HostError> {
    let found = match OpenOptions::new().write(true).open(path) {
        Ok(file) => Some(file.metadata().map_err(|e| words("cannot look at", path, &e))?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        // A rename would get past the protection that somebody gave it.
        Err(error) => return Err(words("cannot write to", path, &error)),
    };
    // One of an earlier process with this number.
    let _ = fs::remove_file(temporary);
    let failed = |error: &io::Error| words("cannot write", temporary, error);
    // It may hold a password, so nobody else reads it before it has the old file's permissions.
    let mode = if found.is_some() { 0o600 } else { 0o644 };
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(temporary)
        .map_err(|e| failed(&e))?;
    if let Some(found) = found {
        // Only root can give files away; others keep what they write, and the permissions still hold. They must not even
        // try: where system calls are filtered, as by the systemd unit of Debian's redis-server, that would end them.
        if process::is_root() {
            let _ = fchown(&file, Some(found.uid()), Some(found.gid()));
        }
        let mode = fs::Permissions::from_mode(found.permissions().mode() & 0o7777);
        file.set_permissions(mode).map_err(|e| failed(&e))?;
    }
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|e| failed(&e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, row};

    fn job(path: &Path, hz: &str) -> Rewrite {
        let mut wanted = Config::default();
        (row(b"hz").unwrap().set)(&mut wanted, &[hz], false).unwrap();
        Rewrite { path: path.display().to_string(), wanted }
    }

    #[test]
    fn a_file_keeps_its_permissions_and_nothing_is_left_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("redis.conf");
        fs::write(&path, "# mine\nhz 10\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        replace(&job(&path, "20")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "# mine\nhz 20\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o640);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        let before = fs::metadata(&path).unwrap().ino();
        replace(&job(&path, "20")).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().ino(), before, "it says it already");
        fs::remove_file(&path).unwrap();
        replace(&job(&path, "30")).unwrap();
        assert!(fs::read_to_string(&path).unwrap().ends_with("hz 30\n"));
    }

    #[test]
    fn a_pattern_may_stand_in_any_part_of_a_path() {
        let dir = tempfile::tempdir().unwrap();
        for (folder, file) in [("b", "x.conf"), ("a", "x.conf"), ("a", ".x.conf"), ("c", "y.conf")]
        {
            fs::create_dir_all(dir.path().join(folder)).unwrap();
            fs::write(dir.path().join(folder).join(file), folder).unwrap();
        }
        let found = |pattern: &str| {
            let files = included(&format!("{}/{pattern}", dir.path().display())).unwrap();
            files.into_iter().map(|file| file.text).collect::<String>()
        };
        assert_eq!(found("*/x.conf"), "ab");
        assert_eq!(found("[ac]/*.conf"), "ac");
        assert_eq!(found("a/.*.conf"), "a");
        assert_eq!(found("?/z*"), "");
        assert_eq!(found("none*/x.conf"), "");
    }

    #[test]
    fn what_cannot_be_replaced_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("redis.conf");
        fs::write(&path, "prot 1\n").unwrap();
        let why = replace(&job(&path, "20")).unwrap_err().0;
        assert!(why.contains("did you mean 'port'?"), "{why}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "prot 1\n");
        let why = replace(&job(&dir.path().join("none/redis.conf"), "20")).unwrap_err().0;
        assert!(why.starts_with("cannot write"), "{why}");
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(replace(&job(&path, "20")).is_err());
    }
}

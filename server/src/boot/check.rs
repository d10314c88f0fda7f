//! `--check FILE`: judges a snapshot without serving it.
//!
//! Owns: the exit code.   Uses: persist.   Never: changes the file.

use crate::persist::rdb::check::check as judge;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Prints the report: 0 if the file is sound, 1 if it is not.
pub fn check(path: &Path) -> i32 {
    let opened = File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
    let (size, file) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            eprintln!("{}: {error}", path.display());
            return 1;
        }
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_ms = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
    let report = judge(&mut BufReader::new(file), size, now_ms);
    println!("{}\n{report}", path.display());
    i32::from(!report.is_sound())
}

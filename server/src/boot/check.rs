//! `--check FILE` judges a snapshot without serving it; `--salvage FILE COPY` copies what is sound of it.
//!
//! Owns: the exit code.   Uses: persist.   Never: changes the file, or writes over another.

use crate::persist::rdb::check::{check as judge, salvage as copy_sound};
use crate::persist::rdb::save::WriterSink;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Prints the report: 0 if the file is sound, 1 if it is not.
pub fn check(path: &Path) -> i32 {
    let (mut file, size) = match open(path) {
        Ok(opened) => opened,
        Err(error) => return complain(path, &error),
    };
    let report = judge(&mut file, size, now_ms());
    println!("{}\n{report}", path.display());
    i32::from(!report.is_sound())
}

/// Copies every key before the first fault into a new file and prints the report: 0 if the copy was
/// written, 1 if not.
pub fn salvage(path: &Path, copy: &Path) -> i32 {
    let (mut file, size) = match open(path) {
        Ok(opened) => opened,
        Err(error) => return complain(path, &error),
    };
    // A file that is there could be the only good one.
    let target = match File::create_new(copy) {
        Ok(target) => target,
        Err(error) => return complain(copy, &error),
    };
    let copied = copy_sound(&mut file, size, now_ms(), &mut WriterSink(&target))
        .map_err(|error| io::Error::from_raw_os_error(error.errno))
        .and_then(|salvage| target.sync_all().map(|()| salvage));
    match copied {
        Ok(salvage) => {
            println!("{}\n{}", path.display(), salvage.report);
            println!("{}\ncopied    {} keys", copy.display(), salvage.written.keys);
            0
        }
        Err(error) => {
            // Half a copy helps nobody, and what removes it now could not say more than the error does.
            let _ = std::fs::remove_file(copy);
            complain(copy, &error)
        }
    }
}

fn open(path: &Path) -> io::Result<(BufReader<File>, u64)> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    Ok((BufReader::new(file), size))
}

fn complain(path: &Path, error: &io::Error) -> i32 {
    eprintln!("{}: {error}", path.display());
    1
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

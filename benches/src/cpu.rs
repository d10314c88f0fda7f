//! What a process and each of its threads has cost so far.
//!
//! Owns: nothing.   Uses: /proc.   Never: the clock.
//!
//! Linux counts these in hundredths of a second whatever its own tick is, so an interval of two seconds
//! is good to 0.5 %.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

const TICKS_PER_SECOND: f64 = 100.0;

/// Processor time since a process started, user and system together, in seconds.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    total: f64,
    threads: BTreeMap<u32, (String, f64)>,
}

/// Processor time of an interval, in seconds.
#[derive(Clone, Debug, Default)]
pub struct Spent {
    /// The whole process, with threads that ended meanwhile.
    pub total: f64,
    /// The main thread: in our server and in Redis the thread that executes commands.
    pub core: f64,
    /// The other threads, summed by name; only those that cost anything.
    pub others: BTreeMap<String, f64>,
}

impl Usage {
    /// Reads the counters of a process. O(threads).
    pub fn of(pid: u32) -> io::Result<Usage> {
        let folder = format!("/proc/{pid}");
        let total = read_stat(&Path::new(&folder).join("stat"))?.1;
        let mut threads = BTreeMap::new();
        for entry in std::fs::read_dir(Path::new(&folder).join("task"))? {
            let entry = entry?;
            // A thread may end between the listing and the reading.
            let (Some(id), Ok(stat)) = (
                entry.file_name().to_str().and_then(|name| name.parse().ok()),
                read_stat(&entry.path().join("stat")),
            ) else {
                continue;
            };
            threads.insert(id, stat);
        }
        Ok(Usage { total, threads })
    }

    /// Reads the counters of this process.
    pub fn own() -> io::Result<Usage> {
        Usage::of(std::process::id())
    }

    /// What process `pid` has spent since `before`.
    pub fn since(&self, before: &Usage, pid: u32) -> Spent {
        let mut spent = Spent { total: self.total - before.total, ..Spent::default() };
        for (id, (name, now)) in &self.threads {
            let cost = now - before.threads.get(id).map_or(0.0, |(_, then)| *then);
            if *id == pid {
                spent.core = cost;
            } else if cost > 0.0 {
                *spent.others.entry(name.clone()).or_default() += cost;
            }
        }
        spent
    }
}

/// The name and the seconds in a `stat` file.
fn read_stat(path: &Path) -> io::Result<(String, f64)> {
    let text = std::fs::read_to_string(path)?;
    parse_stat(&text)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a stat file of a new form"))
}

fn parse_stat(text: &str) -> Option<(String, f64)> {
    // The name stands in parentheses and may hold spaces and parentheses itself.
    let (head, tail) = text.rsplit_once(')')?;
    let name = head.split_once('(')?.1;
    let mut fields = tail.split_whitespace().skip(11).map(str::parse::<f64>);
    let ticks = fields.next()?.ok()? + fields.next()?.ok()?;
    Some((name.to_owned(), ticks / TICKS_PER_SECOND))
}

/// The resident memory of a process in bytes.
pub fn resident(pid: u32) -> io::Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kib = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = kib.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.map(|kib| kib * 1024).ok_or_else(|| io::Error::other("the process has no memory"))
}

/// Processes that a process has started and not yet reaped. O(processes of the machine).
pub fn children(pid: u32) -> io::Result<Vec<u32>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(id) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
        // A process may end between the listing and the reading.
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        if parent_of(&stat) == Some(pid) {
            found.push(id);
        }
    }
    Ok(found)
}

fn parent_of(stat: &str) -> Option<u32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// Bytes of a process's memory that it shares with nobody and that no file holds: after a fork, what was copied
/// for the child. None: it has ended.
pub fn private_dirty(pid: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Private_Dirty:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stat_line_of_a_thread_with_an_odd_name() {
        let text = "77 (io (1) x) S 1 1 1 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 4 0 100 1 2";
        assert_eq!(parse_stat(text), Some(("io (1) x".to_owned(), 2.0)));
        assert_eq!(parse_stat("nonsense"), None);
        assert_eq!(parent_of(text), Some(1));
    }
}

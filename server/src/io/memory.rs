//! How much memory this process could still take.
//!
//! Owns: where the kernel tells it.   Uses: the files of /proc and of control groups, versions 1 and 2.
//! Never: decides what is too little.
//!
//! The tightest of the machine and of every group around this process counts. The cache of files is free
//! memory: the kernel gives it up when it is needed.

use crate::engine::port::Room;
use std::fs;
use std::path::{Path, PathBuf};

/// Asks the kernel.
#[derive(Debug)]
pub struct Meter {
    machine: PathBuf,
    groups: Vec<Group>,
}

/// A control group, by its files.
#[derive(Debug)]
struct Group {
    limit: PathBuf,
    usage: PathBuf,
    stat: PathBuf,
    /// The line of `stat` with the cache that can be given up.
    cache: &'static str,
}

impl Meter {
    /// Finds the groups around this process.
    pub fn new() -> Meter {
        Meter::under(Path::new("/"))
    }

    fn under(root: &Path) -> Meter {
        let lines = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
        let groups = lines.lines().flat_map(|line| groups_of(root, line)).collect();
        Meter { machine: root.join("proc/meminfo"), groups }
    }

    /// What is there, and what of it is available, in bytes; none: the kernel does not say. Some 50 us.
    pub fn read(&self) -> Option<Room> {
        let machine = fs::read_to_string(&self.machine).ok()?;
        let of = |name| Some(line_number(&machine, name)?.saturating_mul(1024));
        let room = Room { total: of("MemTotal:")?, available: of("MemAvailable:")? };
        Some(self.groups.iter().filter_map(Group::read).fold(room, |room, group| Room {
            total: room.total.min(group.total),
            available: room.available.min(group.available),
        }))
    }
}

impl Default for Meter {
    fn default() -> Self {
        Meter::new()
    }
}

impl Group {
    /// None: it has no limit.
    fn read(&self) -> Option<Room> {
        let total = file_number(&self.limit)?;
        let stat = fs::read_to_string(&self.stat).unwrap_or_default();
        let cache = line_number(&stat, self.cache).unwrap_or(0);
        let used = file_number(&self.usage)?.saturating_sub(cache);
        Some(Room { total, available: total.saturating_sub(used) })
    }
}

/// The groups that a line `number:controllers:path` of /proc/self/cgroup names, from the innermost outwards.
/// In a container the path may be one of the host's: what cannot be seen is left out.
fn groups_of(root: &Path, line: &str) -> Vec<Group> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { return Vec::new() };
    let (mount, files, cache) = if controllers.is_empty() {
        ("sys/fs/cgroup", ["memory.max", "memory.current"], "inactive_file")
    } else if controllers.split(',').any(|name| name == "memory") {
        let files = ["memory.limit_in_bytes", "memory.usage_in_bytes"];
        ("sys/fs/cgroup/memory", files, "total_inactive_file")
    } else {
        return Vec::new();
    };
    let mount = root.join(mount);
    let folders = Path::new(path.trim_start_matches('/')).ancestors().map(|part| mount.join(part));
    let groups = folders.map(|folder| Group {
        limit: folder.join(files[0]),
        usage: folder.join(files[1]),
        stat: folder.join("memory.stat"),
        cache,
    });
    groups.filter(|group| group.limit.exists()).collect()
}

fn file_number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// The number behind a line's first word.
fn line_number(text: &str, name: &str) -> Option<u64> {
    let mut words = text
        .lines()
        .map(str::split_whitespace)
        .find_map(|mut words| (words.next() == Some(name)).then_some(words))?;
    words.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world(files: &[(&str, &str)]) -> (tempfile::TempDir, Meter) {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let meter = Meter::under(folder.path());
        (folder, meter)
    }

    const MACHINE: (&str, &str) =
        ("proc/meminfo", "MemTotal:  8000 kB\nMemFree:  10 kB\nMemAvailable:   5000 kB\n");

    #[test]
    fn without_groups_the_machine_counts() {
        let (_folder, meter) = world(&[MACHINE]);
        assert_eq!(meter.read(), Some(Room { total: 8_192_000, available: 5_120_000 }));
        let (_folder, meter) = world(&[]);
        assert_eq!(meter.read(), None);
    }

    #[test]
    fn the_tightest_group_around_counts_without_its_cache() {
        let (_folder, meter) = world(&[
            MACHINE,
            ("proc/self/cgroup", "0::/pod/box\n"),
            ("sys/fs/cgroup/pod/memory.max", "3000000\n"),
            ("sys/fs/cgroup/pod/memory.current", "2900000\n"),
            ("sys/fs/cgroup/pod/memory.stat", "anon 5\nfile 9\ninactive_file 400000\n"),
            ("sys/fs/cgroup/pod/box/memory.max", "max\n"),
            ("sys/fs/cgroup/pod/box/memory.current", "2900000\n"),
        ]);
        assert_eq!(meter.read(), Some(Room { total: 3_000_000, available: 500_000 }));
    }

    #[test]
    fn the_first_version_of_groups_and_a_path_that_cannot_be_seen() {
        let (_folder, meter) = world(&[
            MACHINE,
            ("proc/self/cgroup", "3:cpu,cpuacct:/a\n2:hugetlb,memory:/docker/77\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "2000000\n"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "2100000\n"),
        ]);
        assert_eq!(meter.read(), Some(Room { total: 2_000_000, available: 0 }));
    }

    #[test]
    fn this_machine_says_something() {
        let room = Meter::new().read().unwrap();
        assert!(room.total > 1 << 20 && room.available <= room.total, "{room:?}");
    }
}

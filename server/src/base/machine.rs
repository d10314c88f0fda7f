//! How much memory there is for this process.
//!
//! Owns: where the kernel says so.   Uses: sys.   Never: what follows from it; callers decide.
//!
//! A container's limit is one of its control group, or of one further up: the lowest counts. Groups
//! of version 2 say it in `memory.max`, those of version 1 in `memory.limit_in_bytes`.

use super::sys;
use std::fs;
use std::path::Path;

/// Where control groups are found.
const GROUPS: &str = "/sys/fs/cgroup";

/// Bytes that this process may use: the container's limit, or else all of the machine's memory. 0 if the kernel does
/// not say. Reads a few small files.
pub fn memory() -> u64 {
    container_limit().unwrap_or_else(sys::total_memory)
}

/// The limit of the container in bytes, if it is below what the machine has.
pub fn container_limit() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    limit_of(&groups, Path::new(GROUPS)).filter(|&limit| limit < sys::total_memory())
}

/// The lowest limit of the groups that the lines of /proc/self/cgroup name: `0::/a/b` by version 2,
/// `4:memory:/a/b` by version 1. Inside a container the path may be one of the host that is not
/// seen here; then its end at the root is all there is, and right.
fn limit_of(groups: &str, root: &Path) -> Option<u64> {
    let limits = groups.lines().filter_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        if controllers.is_empty() {
            lowest(root, path, "memory.max")
        } else if controllers.split(',').any(|name| name == "memory") {
            lowest(&root.join("memory"), path, "memory.limit_in_bytes")
        } else {
            None
        }
    });
    limits.min()
}

/// The lowest number in files of that name on the way from `root` to the group.
fn lowest(root: &Path, group: &str, file: &str) -> Option<u64> {
    let group = Path::new(group.trim_start_matches('/'));
    group
        .ancestors()
        .filter_map(|group| fs::read_to_string(root.join(group).join(file)).ok())
        // `max` is no number and no limit.
        .filter_map(|text| text.trim().parse().ok())
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn the_lowest_limit_on_the_way_up_counts() {
        let root = files(&[
            ("a/b/c/memory.max", "max\n"),
            ("a/b/memory.max", "3000\n"),
            ("a/memory.max", "2000\n"),
            ("memory.max", "max\n"),
            ("memory/d/memory.limit_in_bytes", "1500\n"),
            ("memory/memory.limit_in_bytes", "9223372036854771712\n"),
        ]);
        let limit = |groups| limit_of(groups, root.path());
        assert_eq!(limit("0::/a/b/c\n"), Some(2000));
        assert_eq!(limit("0::/x/y\n"), None);
        assert_eq!(limit("2:cpu,memory:/d\n0::/\n"), Some(1500));
        assert_eq!(limit("2:memory:/docker/0123\n"), Some(9_223_372_036_854_771_712));
        assert_eq!(limit("2:memory:/d\n0::/a/b\n"), Some(1500));
        assert_eq!(limit("nonsense\n::\n"), None);
    }

    #[test]
    fn a_container_outside_of_its_own_view_ends_at_the_root() {
        let root = files(&[("memory.max", "5000\n")]);
        assert_eq!(limit_of("0::/../../system/x\n", root.path()), Some(5000));
    }

    #[test]
    fn there_is_memory() {
        assert!(memory() > 0 && memory() <= sys::total_memory());
    }
}

//! CONFIG SET, after its values were found right: what must follow, then the new settings.
//!
//! Owns: the list of setters.   Uses: config, host.   Never: parses a value.
//!
//! All or nothing: if a setter fails, those before it are undone and every setting stays as it was.

use super::Engine;
use super::port::{Host, HostError};
use crate::base::crash;
use crate::base::slab::{self, land};
use crate::command::context::Parts;
use crate::config::kinds::HugePages;
use crate::config::{ChangeError, Config, Fault, ROWS, Row};
use crate::resp::args::Args;
use crate::resp::error::{Error, echo};
use std::path::{Path, PathBuf};

/// Makes the world follow a change from the first settings to the second.
type Setter = fn(&mut dyn Host, &Config, &mut Config) -> Result<(), HostError>;

/// The settings that need more than a new value, and what they need. All others are read where they are used.
const SETTERS: &[(&str, Setter)] = &[
    // The limit on open files must allow as many.
    ("maxclients", |host, _, new| host.hold_clients(new.max_clients)),
    // The log belongs to the host.
    ("loglevel", |host, _, new| {
        host.log_at(new.log_level);
        Ok(())
    }),
    // The kernel is told, and may refuse.
    ("oom-score-adj", score_oom),
    ("oom-score-adj-values", score_oom),
    // The report is written by whoever dies.
    ("crash-log-enabled", |_, _, new| {
        crash::set_detailed(new.crash_log);
        Ok(())
    }),
    // A share is one of the machine, which the host knows.
    ("maxmemory", |host, _, new| {
        let machine = host.memory().map(|room| room.total);
        let unknown = || HostError("the machine does not say how much memory it has".into());
        new.max_memory = new.max_memory.on_machine(machine).ok_or_else(unknown)?;
        Ok(())
    }),
    // Memory for data is prepared ahead.
    ("huge-pages", |_, _, new| {
        stand_on(new.huge_pages);
        Ok(())
    }),
    // The directory must exist, and be ours alone.
    ("dir", move_to),
];

fn score_oom(host: &mut dyn Host, _old: &Config, new: &mut Config) -> Result<(), HostError> {
    host.score_oom(new)
}

/// Chooses the pages that data takes from now on.
pub fn stand_on(choice: HugePages) {
    land().set_huge_pages(match choice {
        HugePages::Auto => slab::HugePages::Auto,
        HugePages::Yes => slab::HugePages::Yes,
        HugePages::No => slab::HugePages::No,
    });
}

fn move_to(host: &mut dyn Host, old: &Config, new: &mut Config) -> Result<(), HostError> {
    new.dir = beside(&old.dir, &new.dir);
    if new.dir == old.dir { Ok(()) } else { host.use_directory(&new.dir) }
}

/// A directory as a full path: one that is relative begins at the old one.
fn beside(old: &str, new: &str) -> String {
    // Collecting the parts drops `.` and doubled slashes, so that the same directory reads the same.
    let path: PathBuf = Path::new(old).join(new).components().collect();
    path.display().to_string()
}

impl Engine {
    /// Takes new settings over, and tells everybody who keeps a copy. `args` is the request, for the
    /// name in an error.
    ///
    /// # Errors
    /// Something cannot follow: nothing has changed.
    pub(super) fn configure(
        &mut self,
        host: &mut dyn Host,
        mut new: Config,
        args: Args<'_>,
    ) -> Result<(), Error> {
        let old = &self.parts.config;
        let changed = |row: &Row, new: &Config| (row.get)(old) != (row.get)(new);
        for (at, (name, setter)) in SETTERS.iter().enumerate() {
            let row = ROWS.iter().find(|row| row.name == *name && changed(row, &new));
            let Some(row) = row else { continue };
            if let Err(why) = setter(host, old, &mut new) {
                for (_, setter) in &SETTERS[..at] {
                    // What worked a moment ago works again; if not, there is nothing better to go back to.
                    let _ = setter(host, &new, &mut old.clone());
                }
                return Err(refusal(row, args, why));
            }
        }
        let limit_changed = new.max_memory != self.parts.config.max_memory;
        self.parts.config = new;
        self.settings_version += 1;
        if limit_changed {
            self.limit_changed();
        }
        self.follow_watch_settings();
        self.follow_encodings();
        self.listen();
        Ok(())
    }
}

impl Engine {
    /// Tells the keyspace the thresholds by which collections are shown.
    pub(super) fn follow_encodings(&mut self) {
        let Parts { keyspace, config, .. } = &mut self.parts;
        let limits = &mut keyspace.limits;
        limits.hash_entries = config.hash_entries;
        limits.hash_value = config.hash_value;
        limits.set_ints = config.set_ints;
        limits.set_entries = config.set_entries;
        limits.set_value = config.set_value;
        limits.zset_entries = config.zset_entries;
        limits.zset_value = config.zset_value;
        limits.list_size = config.list_size;
        limits.stream_node_bytes =
            usize::try_from(config.stream_node_bytes.0).unwrap_or(usize::MAX);
        limits.stream_node_entries =
            usize::try_from(config.stream_node_entries).unwrap_or(usize::MAX);
    }
}

fn refusal(row: &Row, args: Args<'_>, why: HostError) -> Error {
    let name = args.iter().skip(2).step_by(2).find(|name| row.is_named(name));
    let error = ChangeError { index: 0, fault: Fault::Refused(why.0) };
    Error::text(error.text(&echo(name.unwrap_or(row.name.as_bytes()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_directory_begins_at_the_old_one() {
        assert_eq!(beside("/data", "x/./y"), "/data/x/y");
        assert_eq!(beside("/data", "/other//z/"), "/other/z");
        assert_eq!(beside("/data", "."), "/data");
    }
}

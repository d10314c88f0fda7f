//! What about this machine or these settings will hurt one day, and the command that mends it.
//!
//! Owns: the list of checks.   Uses: config, base.   Never: changes anything, or keeps a server from starting.
//!
//! A check is a function of facts that somebody else has gathered, so each can be tried with facts of any
//! machine. It answers one message for the log; `--check-system` prints them all.

use crate::base::{process, sys};
use crate::config::kinds::HugePages;
use crate::config::{Config, MemoryPolicy};
use std::fs;
use std::str::FromStr;

/// What the checks look at. What the system does not tell is none.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// /proc/sys/vm/overcommit_memory.
    pub overcommit: Option<u32>,
    /// The mode of transparent huge pages: always, madvise or never.
    pub huge_pages: Option<String>,
    /// /proc/sys/net/core/somaxconn.
    pub most_backlog: Option<u32>,
    /// Bytes of the machine, or of the container.
    pub memory: Option<u64>,
    /// Bytes of the machine.
    pub machine: u64,
    /// The limit on open files, when it is too low for maxclients.
    pub too_few_files: Option<TooFewFiles>,
    /// Whether this process may do everything.
    pub is_root: bool,
    /// The settings, as they are now.
    pub config: Config,
}

/// How far the limit on open files falls short.
#[derive(Clone, Copy, Debug)]
pub struct TooFewFiles {
    /// Clients that were asked for.
    pub clients: u32,
    /// Open files that would be needed.
    pub wanted: u64,
    /// The limit there is.
    pub limit: u64,
}

impl Facts {
    /// The facts of this machine.
    pub fn of(config: &Config, memory: Option<u64>, too_few_files: Option<TooFewFiles>) -> Facts {
        let pages = fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled");
        Facts {
            overcommit: number("/proc/sys/vm/overcommit_memory"),
            huge_pages: pages.ok().and_then(|text| chosen(&text)),
            most_backlog: number("/proc/sys/net/core/somaxconn"),
            memory,
            machine: sys::total_memory(),
            too_few_files,
            is_root: process::is_root(),
            config: config.clone(),
        }
    }
}

fn number<N: FromStr>(path: &str) -> Option<N> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// The word in brackets.
fn chosen(text: &str) -> Option<String> {
    let (_, behind) = text.split_once('[')?;
    Some(behind.split_once(']')?.0.to_owned())
}

/// Looks at the facts; the answer is what hurts and what mends it.
type Check = fn(&Facts) -> Option<String>;

/// All checks, by the names that `--check-system` prints.
pub const CHECKS: &[(&str, Check)] = &[
    ("overcommit", overcommit),
    ("huge-pages", huge_pages),
    ("open-files", open_files),
    ("backlog", backlog),
    ("memory", memory),
    ("exposure", exposure),
];

/// The advice of all checks.
pub fn advice(facts: &Facts) -> Vec<String> {
    CHECKS.iter().filter_map(|(_, check)| check(facts)).collect()
}

fn overcommit(facts: &Facts) -> Option<String> {
    let why = match facts.overcommit? {
        0 => "a snapshot may fail to begin when memory is short, although it would hardly need any",
        2 => {
            "a snapshot needs as much free memory as the data takes, although it would hardly use any"
        }
        _ => return None,
    };
    Some(format!(
        "WARNING Memory overcommit must be enabled! Without it {why}. Mend it with \
         'sysctl vm.overcommit_memory=1', and for the next boot add 'vm.overcommit_memory = 1' to \
         /etc/sysctl.conf."
    ))
}

fn huge_pages(facts: &Facts) -> Option<String> {
    const FILE: &str = "/sys/kernel/mm/transparent_hugepage/enabled";
    let mode = facts.huge_pages.as_deref()?;
    let why = match (mode, facts.config.huge_pages) {
        ("always", _) => {
            "every program's memory is on huge pages, and a snapshot copies 2 MiB where it could copy 4 KiB"
        }
        ("never", HugePages::Auto | HugePages::Yes) => {
            "data cannot be on huge pages, which makes look-ups and snapshots slower"
        }
        (_, HugePages::Auto | HugePages::Yes | HugePages::No) => return None,
    };
    Some(format!(
        "WARNING Transparent huge pages are set to '{mode}': {why}. Mend it with 'echo madvise > {FILE}', and \
         put that into /etc/rc.local for the next boot."
    ))
}

fn open_files(facts: &Facts) -> Option<String> {
    let TooFewFiles { clients, wanted, limit } = facts.too_few_files?;
    let now = facts.config.max_clients;
    Some(format!(
        "maxclients lowered from {clients} to {now}: the limit on open files is {limit}. Raise it with \
         'ulimit -n {wanted}', or in a systemd unit with 'LimitNOFILE={wanted}'."
    ))
}

fn backlog(facts: &Facts) -> Option<String> {
    let (most, wanted) = (facts.most_backlog?, facts.config.tcp_backlog);
    (most < wanted && facts.config.port != 0).then(|| {
        format!(
            "WARNING: The TCP backlog setting of {wanted} cannot be enforced because \
             /proc/sys/net/core/somaxconn is set to the lower value of {most}. Mend it with \
             'sysctl net.core.somaxconn={wanted}'."
        )
    })
}

fn memory(facts: &Facts) -> Option<String> {
    let there = facts.memory?;
    let limit = facts.config.max_memory.bytes();
    if limit > there {
        return Some(format!(
            "WARNING maxmemory is {limit} bytes and this machine has {there}: when they are used up, the kernel \
             will end the server. Mend it with 'CONFIG SET maxmemory 80%'."
        ));
    }
    if limit == 0 && there < facts.machine {
        return Some(format!(
            "This container may use {there} bytes of memory, and maxmemory is not set: when they are used up, \
             the kernel will end the server. Mend it with 'CONFIG SET maxmemory 80%'."
        ));
    }
    // Redis warns of this one too: it fills up and evicts nothing.
    let tiny = limit > 0 && limit < 1 << 20;
    (tiny && facts.config.memory_policy == MemoryPolicy::Noeviction).then(|| {
        format!(
            "WARNING: You specified a maxmemory value that is less than 1MB (current value is {limit} bytes). \
             Are you sure this is what you really want?"
        )
    })
}

fn exposure(facts: &Facts) -> Option<String> {
    let config = &facts.config;
    let here = |host: &str| host == "localhost" || host.starts_with("127.") || host == "::1";
    let listens = config.port != 0 && config.bind.0.iter().any(|address| !here(&address.host));
    if !listens || !config.password.is_empty() || (config.protected_mode && !facts.is_root) {
        return None;
    }
    let who = if facts.is_root { "runs as root, " } else { "" };
    let who = format!("WARNING This server {who}listens to other machines and has no password");
    if config.protected_mode {
        return Some(format!(
            "{who}: only protected-mode keeps them out. Set one with 'CONFIG SET requirepass ...', and run it as \
             a user of its own."
        ));
    }
    Some(format!(
        "{who}: whoever reaches it owns its data, and with some skill the machine. Set one with \
         'CONFIG SET requirepass ...', or let only this machine in with 'CONFIG SET protected-mode yes'."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::row;

    fn facts(settings: &[(&str, &str)]) -> Facts {
        let mut config = Config::default();
        for (name, value) in settings {
            (row(name.as_bytes()).unwrap().set)(&mut config, &[value], false).unwrap();
        }
        Facts { config, machine: 16 << 30, memory: Some(16 << 30), ..Facts::default() }
    }

    fn says(check: Check, facts: &Facts, words: &str) {
        let said = check(facts).unwrap_or_default();
        assert!(said.contains(words), "{said:?} does not say {words:?}");
    }

    #[test]
    fn a_sound_machine_gets_no_advice() {
        let sound = Facts {
            overcommit: Some(1),
            huge_pages: Some("madvise".into()),
            most_backlog: Some(4096),
            ..facts(&[])
        };
        assert_eq!(advice(&sound), [""; 0]);
        assert_eq!(advice(&facts(&[])), [""; 0], "nor one that tells nothing");
    }

    #[test]
    fn each_check_names_the_command_that_mends_it() {
        let zero = Facts { overcommit: Some(0), ..facts(&[]) };
        says(overcommit, &zero, "'sysctl vm.overcommit_memory=1'");
        says(overcommit, &Facts { overcommit: Some(2), ..facts(&[]) }, "as much free memory");
        let always = Facts { huge_pages: Some("always".into()), ..facts(&[]) };
        says(huge_pages, &always, "'echo madvise > /sys/kernel/mm/transparent_hugepage/enabled'");
        let never =
            |wish| Facts { huge_pages: Some("never".into()), ..facts(&[("huge-pages", wish)]) };
        says(huge_pages, &never("auto"), "slower");
        assert_eq!(huge_pages(&never("no")), None);
        let low = Facts { most_backlog: Some(128), ..facts(&[]) };
        says(backlog, &low, "cannot be enforced because /proc/sys/net/core/somaxconn is set");
        says(backlog, &low, "'sysctl net.core.somaxconn=511'");
        assert_eq!(backlog(&Facts { most_backlog: Some(128), ..facts(&[("port", "0")]) }), None);
        let few = TooFewFiles { clients: 10_000, wanted: 10_064, limit: 1024 };
        let few = Facts { too_few_files: Some(few), ..facts(&[("maxclients", "960")]) };
        says(open_files, &few, "maxclients lowered from 10000 to 960");
        says(open_files, &few, "'ulimit -n 10064'");
    }

    #[test]
    fn memory_that_is_not_there_is_warned_of() {
        says(memory, &facts(&[("maxmemory", "32gb")]), "this machine has 17179869184");
        says(memory, &facts(&[("maxmemory", "1000")]), "less than 1MB");
        let container = |limit| Facts { memory: Some(1 << 30), ..facts(&[("maxmemory", limit)]) };
        says(memory, &container("0"), "This container may use 1073741824 bytes");
        assert_eq!(memory(&container("500mb")), None);
    }

    #[test]
    fn an_open_door_is_warned_of() {
        let open = [("bind", "* -::*"), ("protected-mode", "no")];
        says(exposure, &facts(&open), "owns its data");
        let root = Facts { is_root: true, ..facts(&[("bind", "127.0.0.1 10.0.0.5")]) };
        says(exposure, &root, "runs as root");
        says(exposure, &root, "only protected-mode");
        assert_eq!(exposure(&facts(&[("bind", "*")])), None, "protected-mode keeps strangers out");
        let locked = [open[0], open[1], ("requirepass", "x")];
        assert_eq!(exposure(&Facts { is_root: true, ..facts(&locked) }), None);
        assert_eq!(exposure(&Facts { is_root: true, ..facts(&[]) }), None, "this machine only");
    }

    #[test]
    fn the_chosen_mode_is_the_one_in_brackets() {
        assert_eq!(chosen("always [madvise] never\n").as_deref(), Some("madvise"));
        assert_eq!(chosen("nothing"), None);
    }
}

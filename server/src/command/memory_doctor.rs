//! What is wrong with memory, and what helps.
//!
//! Owns: the list of checks.   Uses: footprint.   Never: changes anything, measures anything.
//!
//! A check is a function that says nothing, or what it sees and what helps, in whole sentences. Each has a size
//! below which it is silent, because ratios of little say nothing.

use super::context::Parts;
use super::footprint::{Footprint, databases, percent, ratio};
use super::info::human;
use crate::config::MemoryPolicy;

/// Below so many bytes in use nothing can be said.
const LITTLE: u64 = 5 << 20;
/// What is lost must be so many bytes to be worth a word.
const WORTH: u64 = 10 << 20;

/// What the checks look at.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Where the bytes are.
    pub of: Footprint,
    /// How many clients are connected.
    pub clients: usize,
    /// Bytes that were copied for the child that saves, or for the last one.
    pub copied: u64,
    /// The limit on memory; 0: none.
    pub limit: u64,
    /// What happens at the limit.
    pub policy: MemoryPolicy,
    /// Keys with a time to live.
    pub volatile: usize,
}

impl Case {
    /// The server as it is.
    pub fn of(of: Footprint, parts: &Parts) -> Case {
        let persist = &parts.persist;
        Case {
            of,
            clients: parts.sessions.len(),
            copied: persist.child.map_or(persist.last_cow, |child| child.cow),
            limit: parts.config.max_memory.bytes(),
            policy: parts.config.memory_policy,
            volatile: databases(&parts.keyspace).map(|(_, db)| db.volatile_len()).sum(),
        }
    }
}

type Check = fn(&Case) -> Option<String>;

/// In the order in which they are told.
static CHECKS: &[Check] = &[
    past_peak,
    lost_to_fragments,
    kept_by_allocator,
    outside_allocator,
    swapped_out,
    heavy_clients,
    heavy_each_client,
    copied_on_write,
    nearly_full,
    nothing_to_evict,
];

/// The report.
pub fn diagnose(case: &Case) -> String {
    let of = &case.of;
    if of.used.saturating_sub(of.startup) < LITTLE {
        return "There is too little data to judge: less than 5 MiB were added since the start. Ask \
                again when there is more.\n"
            .into();
    }
    let found: Vec<String> = CHECKS.iter().filter_map(|check| check(case)).collect();
    if found.is_empty() {
        return format!(
            "Nothing is wrong. {} are in use: {} for keys, {} for values, {} for tables, {} for \
             clients, {} for everything else.\n",
            human(of.used),
            human(of.keys()),
            human(of.values()),
            human(of.tables),
            human(of.clients()),
            human(of.other())
        );
    }
    found.iter().map(|text| format!("* {text}\n")).collect()
}

fn past_peak(Case { of, .. }: &Case) -> Option<String> {
    (ratio(of.peak, of.used) > 1.5).then(|| {
        format!(
            "Peak: once {} were in use, now {}. The operating system may still count pages of then. \
             MEMORY PURGE gives them back; if that happens often, find out what fills the server for \
             a while.",
            human(of.peak),
            human(of.used)
        )
    })
}

fn lost_to_fragments(Case { of, .. }: &Case) -> Option<String> {
    let lost = of.allocator.active.saturating_sub(of.allocator.allocated);
    let share = ratio(of.allocator.active, of.allocator.allocated);
    (share > 1.2 && lost > WORTH).then(|| {
        format!(
            "Fragments: {} lie free in pages that hold something else as well (ratio {share:.2}). That \
             follows from deleting much at random; new data will fill it.",
            human(lost)
        )
    })
}

fn kept_by_allocator(Case { of, .. }: &Case) -> Option<String> {
    let kept = of.allocator.resident.saturating_sub(of.allocator.active);
    let share = ratio(of.allocator.resident, of.allocator.active);
    (share > 1.2 && kept > WORTH).then(|| {
        format!(
            "Free pages: the allocator keeps {} for later (ratio {share:.2}). It gives them back by \
             itself within seconds of work; MEMORY PURGE does it at once.",
            human(kept)
        )
    })
}

fn outside_allocator(Case { of, .. }: &Case) -> Option<String> {
    let known = of.allocator.resident + of.used.saturating_sub(of.allocator.allocated);
    let outside = of.resident.saturating_sub(known);
    let share = ratio(of.resident, known);
    (share > 1.2 && outside > 2 * WORTH).then(|| {
        format!(
            "Outside: {} of the process are not the allocator's (ratio {share:.2}): code, stacks, what \
             snapshots need.",
            human(outside)
        )
    })
}

fn swapped_out(Case { of, .. }: &Case) -> Option<String> {
    let missing = of.used.saturating_sub(of.resident);
    (ratio(of.resident, of.used) < 0.9 && missing > WORTH).then(|| {
        format!(
            "Swap: {} are in use and only {} are in memory; the rest is swapped out, or was never \
             touched. Reading it stops everybody for milliseconds. Give the machine more memory, or set \
             maxmemory.",
            human(of.used),
            human(of.resident)
        )
    })
}

fn heavy_clients(Case { of, clients, .. }: &Case) -> Option<String> {
    let share = percent(of.clients(), of.used);
    (share > 20.0 && of.clients() > WORTH).then(|| {
        format!(
            "Clients: {clients} of them take {} ({share:.0} % of all). CLIENT LIST shows who \
             (tot-mem); maxmemory-clients and client-output-buffer-limit bound them.",
            human(of.clients())
        )
    })
}

fn heavy_each_client(Case { of, clients, .. }: &Case) -> Option<String> {
    let each = of.clients() / (*clients as u64).max(1);
    (each > 200 << 10 && of.clients() > WORTH).then(|| {
        format!(
            "Big buffers: a client takes {} on average. Some send or receive very large values, or do \
             not read what they asked for.",
            human(each)
        )
    })
}

fn copied_on_write(&Case { of, copied, .. }: &Case) -> Option<String> {
    let share = percent(copied, of.used);
    (share > 30.0 && copied > WORTH).then(|| {
        format!(
            "Snapshots: {} were copied while the last one was written ({share:.0} % of all), because so \
             much was changed meanwhile. The machine needs that much room beside the data; save at \
             quieter times, or less often.",
            human(copied)
        )
    })
}

fn nearly_full(&Case { of, limit, policy, .. }: &Case) -> Option<String> {
    let refuses = policy == MemoryPolicy::Noeviction;
    (limit > 0 && refuses && percent(of.used, limit) > 90.0).then(|| {
        format!(
            "Limit: {} of maxmemory's {} are in use, and the policy is noeviction: soon commands that \
             need memory will be refused. Raise maxmemory or choose another maxmemory-policy.",
            human(of.used),
            human(limit)
        )
    })
}

fn nothing_to_evict(&Case { of, limit, policy, volatile, .. }: &Case) -> Option<String> {
    let only_volatile = policy.word().starts_with("volatile-");
    let full = limit > 0 && percent(of.used, limit) > 80.0;
    (only_volatile && full && volatile < of.data.keys / 20).then(|| {
        format!(
            "Eviction: the policy is {}, and only {volatile} of {} keys have a time to live. When they \
             are gone, commands that need memory will be refused. Give more keys a time to live, or \
             choose an allkeys policy.",
            policy.word(),
            of.data.keys
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::alloc::Figures;
    use crate::keyspace::Sum;

    const MIB: u64 = 1 << 20;

    /// A server with 100 MiB in use and nothing wrong.
    fn healthy() -> Case {
        let allocator = Figures {
            allocated: 100 * MIB,
            active: 105 * MIB,
            resident: 110 * MIB,
            ..Figures::default()
        };
        let of = Footprint {
            used: 100 * MIB,
            peak: 101 * MIB,
            startup: MIB,
            data: Sum { keys: 1000, entries: 60 << 20, heap: 20 << 20 },
            resident: 112 * MIB,
            allocator,
            ..Footprint::default()
        };
        let policy = MemoryPolicy::Noeviction;
        Case { of, clients: 10, copied: 0, limit: 0, policy, volatile: 0 }
    }

    /// What the report begins with after this was done to a healthy server.
    fn after(harm: impl FnOnce(&mut Case)) -> String {
        let mut case = healthy();
        harm(&mut case);
        let text = diagnose(&case);
        assert_eq!(text.matches("* ").count(), 1, "one fault, one remark: {text}");
        text.trim_start_matches("* ").split(':').next().unwrap_or_default().to_string()
    }

    #[test]
    fn the_healthy_are_left_alone() {
        assert!(diagnose(&healthy()).starts_with("Nothing is wrong. 100.00M"));
        let mut young = healthy();
        young.of.startup = young.of.used - MIB;
        assert!(diagnose(&young).starts_with("There is too little data"));
    }

    #[test]
    fn each_fault_is_found() {
        assert_eq!(after(|case| case.of.peak = 200 * MIB), "Peak");
        assert_eq!(
            after(|case| {
                case.of.allocator.active = 150 * MIB;
                case.of.allocator.resident = 151 * MIB;
                case.of.resident = 152 * MIB;
            }),
            "Fragments"
        );
        assert_eq!(
            after(|case| {
                case.of.allocator.resident = 150 * MIB;
                case.of.resident = 152 * MIB;
            }),
            "Free pages"
        );
        assert_eq!(after(|case| case.of.resident = 180 * MIB), "Outside");
        assert_eq!(after(|case| case.of.resident = 70 * MIB), "Swap");
        assert_eq!(
            after(|case| {
                case.of.normal_clients = 30 * MIB;
                case.clients = 1000;
            }),
            "Clients"
        );
        assert_eq!(after(|case| case.of.pubsub_clients = 11 * MIB), "Big buffers");
        assert_eq!(after(|case| case.copied = 60 * MIB), "Snapshots");
        assert_eq!(after(|case| case.limit = 105 * MIB), "Limit");
        assert_eq!(
            after(|case| {
                case.limit = 110 * MIB;
                case.policy = MemoryPolicy::VolatileTtl;
                case.volatile = 10;
            }),
            "Eviction"
        );
    }
}

//! LATENCY DOCTOR: what held the server up, and what helps.
//!
//! Owns: the sentences.   Uses: stats' spikes, settings.   Never: changes anything, measures anything.
//!
//! For each event the report says in one line how often and how long; below it stands each piece of advice that
//! any event asks for, once.

use crate::base::time::Now;
use crate::config::Config;
use crate::stats::spikes::{Event, Spikes};
use std::fmt::Write;

/// What an event is about, and what helps.
struct Advice {
    /// The event that asks for it.
    event: &'static str,
    /// Whether it applies.
    applies: fn(&Config) -> bool,
    /// The sentence.
    text: &'static str,
}

const fn advice(event: &'static str, text: &'static str) -> Advice {
    Advice { event, applies: |_| true, text }
}

static ADVICE: &[Advice] = &[
    Advice {
        event: "command",
        applies: slow_log_misses_some,
        text: "The slow log does not hold all of these commands: CONFIG SET slowlog-log-slower-than to the \
               threshold, in microseconds.",
    },
    advice(
        "command",
        "SLOWLOG GET shows which commands were slow. Use SCAN in place of KEYS, and \
                       take large values in pieces.",
    ),
    advice(
        "fast-command",
        "Short commands were held up: the processor was taken away, or memory was \
                            swapped out. Give the server a processor of its own, and enough memory.",
    ),
    advice(
        "fork",
        "A fork copies the tables of the server's pages. Huge pages make them 500 times \
                    smaller: see the setting huge-pages. Virtual machines fork more slowly than real ones.",
    ),
    advice(
        "expire-cycle",
        "Many keys expired at once. Spread their times to live, or lower \
                            active-expire-effort.",
    ),
    advice(
        "eviction-cycle",
        "Keys were evicted while commands waited: raise maxmemory, or lower \
                              maxmemory-eviction-tenacity.",
    ),
    advice("active-defrag-cycle", "Defragmentation took long: lower active-defrag-cycle-max."),
];

fn slow_log_misses_some(config: &Config) -> bool {
    let threshold_us = config.latency_threshold.saturating_mul(1000);
    config.slow_log_len == 0 || u64::try_from(config.slow_from).map_or(true, |us| us > threshold_us)
}

/// The report.
pub fn report(config: &Config, spikes: &Spikes, now: Now) -> String {
    if spikes.iter().len() == 0 {
        return if config.latency_threshold == 0 {
            "Nothing is observed: latency monitoring is disabled. CONFIG SET latency-monitor-threshold \
             <milliseconds> enables it.\n"
                .into()
        } else {
            format!(
                "Nothing took {} milliseconds or longer: no latency spike was observed.\n",
                config.latency_threshold
            )
        };
    }
    let mut text = String::from("These latency spikes were observed:\n\n");
    for (number, (name, event)) in spikes.iter().enumerate() {
        tell(&mut text, number + 1, name, event, now);
    }
    text.push_str("\nWhat may help:\n\n");
    for advice in ADVICE {
        if spikes.get(advice.event.as_bytes()).is_some() && (advice.applies)(config) {
            text.push_str("- ");
            text.push_str(advice.text);
            text.push('\n');
        }
    }
    text
}

/// One line about an event, in the words that programs look for.
fn tell(text: &mut String, number: usize, name: &str, event: &Event, now: Now) {
    let count = event.samples().len();
    let (mean, deviation) = event.mean();
    let since = event.samples().next().map_or(0, |first| now.unix_s() - first.at);
    // Writing into a String cannot fail.
    let _ = writeln!(
        text,
        "{number}. {name}: {count} latency spikes (average {mean}ms, mean deviation {deviation}ms, period \
         {:.2} sec). Worst all time event {}ms.",
        since as f64 / count.max(1) as f64,
        event.worst
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_is_given_where_it_applies() {
        let mut config = Config { latency_threshold: 100, ..Config::default() };
        let mut spikes = Spikes::default();
        let now = Now { unix_us: 1_000 * 1_000_000, mono_us: 0 };
        assert!(report(&config, &spikes, now).contains("no latency spike"));
        spikes.note("command", 990, 100);
        spikes.note("command", 995, 300);
        let line = "1. command: 2 latency spikes (average 200ms, mean deviation 100ms, period 5.00 sec). \
                    Worst all time event 300ms.\n";
        let text = report(&config, &spikes, now);
        assert!(text.contains(line) && text.contains("SLOWLOG GET"), "{text}");
        assert!(!text.contains("CONFIG SET slowlog-log-slower-than") && !text.contains("fork"));
        config.slow_from = 1_000_000;
        spikes.note("fork", 995, 300);
        let text = report(&config, &spikes, now);
        assert!(text.contains("CONFIG SET slowlog-log-slower-than") && text.contains("huge-pages"));
    }
}

//! evict: how often a full cache has what is asked for, beside caches that evict in the exact order.
//!
//! Owns: the traces and the exact caches.   Uses: lodestore_server::keyspace.   Never: a socket, the real time.
//!
//! A trace is a list of keys by Zipf's law. Each is looked up and, where it is missing, stored (cache-aside).
//! A part of the keys fits. The clock is virtual, so that a run says the same on every machine.

use lodestore_benches::flags::Flags;
use lodestore_benches::json::Json;
use lodestore_benches::{requests, run};
use lodestore_server::base::random::{KeyHasher, Rng};
use lodestore_server::config::{MemoryPolicy, Order};
use lodestore_server::keyspace::Keyspace;
use lodestore_server::keyspace::access::{Clock, Counting, Touch};
use lodestore_server::keyspace::evict::{Choice, Evictor};
use lodestore_server::value::{Put, PutText};
use std::collections::BTreeSet;
use std::process::ExitCode;

const USAGE: &str = "\
usage: evict [options]
  --keys N              different keys (1000000)
  --share N             percent of them that fit (10)
  --accesses N          accesses; the first fifth is not counted (10000000)
  --alphas LIST         exponents of Zipf's law (0.7,0.99,1.2)
  --rate N              accesses per second of the virtual clock (100000)
  --samples N           maxmemory-samples (5)
  --json FILE           write the numbers";

/// What is measured of one trace.
struct Plan {
    keys: usize,
    capacity: usize,
    samples: usize,
    /// Microseconds between two accesses.
    step_us: u64,
}

/// A cache of keys that are numbers.
trait Cache {
    /// Looks a key up and stores it if it is missing; whether it was there.
    fn access(&mut self, key: u32) -> bool;
}

fn main() -> ExitCode {
    run(|| {
        let flags = Flags::from_process(USAGE)?;
        let keys: usize = flags.number("--keys", 1_000_000)?;
        let share: usize = flags.number("--share", 10)?;
        let plan = Plan {
            keys,
            capacity: (keys * share / 100).max(1),
            samples: flags.number("--samples", 5)?,
            step_us: 1_000_000 / flags.number::<u64>("--rate", 100_000)?.clamp(1, 1_000_000),
        };
        let accesses = flags.number("--accesses", 10_000_000)?;
        println!(
            "{keys} keys, {} fit, {accesses} accesses, {} samples",
            plan.capacity, plan.samples
        );
        println!("hit ratio in percent; the difference to the exact order in percentage points\n");
        println!(
            "{:>6} {:>10} {:>8} {:>7} {:>10} {:>8} {:>7} {:>8}",
            "alpha", "exact LRU", "LRU", "", "exact LFU", "LFU", "", "random"
        );
        let mut lines = Vec::new();
        for alpha in flags.text("--alphas").unwrap_or("0.7,0.99,1.2").split(',') {
            let trace = zipf(keys, alpha.parse()?, accesses);
            lines.push(measure(alpha, &plan, &trace));
        }
        Json::keep(&flags, || Json::List(lines))
    })
}

/// Plays a trace to every cache and prints a line.
fn measure(alpha: &str, plan: &Plan, trace: &[u32]) -> Json {
    let ours = |policy| hit_ratio(&mut Ours::new(plan, policy), trace);
    let exact_lru = hit_ratio(&mut ExactLru::new(plan), trace);
    let lru = ours(MemoryPolicy::AllkeysLru);
    let exact_lfu = hit_ratio(&mut ExactLfu::new(plan), trace);
    let lfu = ours(MemoryPolicy::AllkeysLfu);
    let random = ours(MemoryPolicy::AllkeysRandom);
    println!(
        "{alpha:>6} {exact_lru:>10.2} {lru:>8.2} {:>+7.2} {exact_lfu:>10.2} {lfu:>8.2} {:>+7.2} {random:>8.2}",
        lru - exact_lru,
        lfu - exact_lfu
    );
    Json::map([
        ("alpha", Json::text(alpha)),
        ("exact_lru", exact_lru.into()),
        ("lru", lru.into()),
        ("exact_lfu", exact_lfu.into()),
        ("lfu", lfu.into()),
        ("random", random.into()),
    ])
}

/// The percentage of hits after the first fifth of the trace.
fn hit_ratio(cache: &mut dyn Cache, trace: &[u32]) -> f64 {
    let (warm, counted) = trace.split_at(trace.len() / 5);
    warm.iter().for_each(|&key| {
        cache.access(key);
    });
    let hits = counted.iter().filter(|&&key| cache.access(key)).count();
    100.0 * hits as f64 / counted.len().max(1) as f64
}

/// Key number n comes with a probability in proportion to 1 / (n + 1)^alpha.
fn zipf(keys: usize, alpha: f64, accesses: usize) -> Vec<u32> {
    let mut sum = 0.0;
    let sums: Vec<f64> = (1..=keys)
        .map(|rank| {
            sum += (rank as f64).powf(-alpha);
            sum
        })
        .collect();
    let mut rng = Rng::new(1);
    let draw = |_| {
        let point = (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64 * sum;
        sums.partition_point(|&end| end <= point).min(keys - 1) as u32
    };
    (0..accesses).map(draw).collect()
}

/// The server's keyspace and evictor.
struct Ours {
    keyspace: Keyspace,
    evictor: Evictor,
    policy: MemoryPolicy,
    capacity: usize,
    samples: usize,
    step_us: u64,
    now_us: u64,
    rng: Rng,
}

const COUNTING: Counting = Counting { log_factor: 10, decay_minutes: 1 };

impl Ours {
    fn new(plan: &Plan, policy: MemoryPolicy) -> Ours {
        Ours {
            keyspace: Keyspace::new(1, KeyHasher::new(1)),
            evictor: Evictor::default(),
            policy,
            capacity: plan.capacity,
            samples: plan.samples,
            step_us: plan.step_us,
            now_us: 0,
            rng: Rng::new(2),
        }
    }

    fn touch(&mut self, clock: Clock) -> Touch {
        if self.policy.order() == Order::Frequency {
            Touch::frequency(clock, COUNTING, self.rng.next_u64())
        } else {
            Touch::recency(clock)
        }
    }

    fn evict(&mut self, clock: Clock) {
        let choice =
            Choice { policy: self.policy, samples: self.samples, clock, counting: COUNTING };
        if let Some((db, key)) = self.evictor.choose(&self.keyspace, &choice, &mut self.rng) {
            let key = self.keyspace.key(key);
            self.keyspace.db_mut(db).slot(key).remove();
        }
    }
}

impl Cache for Ours {
    fn access(&mut self, key: u32) -> bool {
        self.now_us += self.step_us;
        let clock = Clock::new(self.now_us);
        let name = requests::key(key.into());
        let touch = self.touch(clock);
        let key = self.keyspace.key(&name);
        if self.keyspace.db_mut(0).touch(key, touch).is_some() {
            return true;
        }
        while self.keyspace.keys() >= self.capacity {
            self.evict(clock);
        }
        let mut slot = self.keyspace.db_mut(0).slot(key);
        slot.put(Put::Text(PutText::Int(1)));
        slot.touch(touch);
        false
    }
}

/// Evicts what was used longest ago: a list in the order of use.
struct ExactLru {
    /// Before and behind each key; the last place is the list's head. A key that is not in the cache is its own
    /// neighbour.
    links: Vec<(u32, u32)>,
    len: usize,
    capacity: usize,
}

impl ExactLru {
    fn new(plan: &Plan) -> ExactLru {
        let links = (0..=plan.keys as u32).map(|at| (at, at)).collect();
        ExactLru { links, len: 0, capacity: plan.capacity }
    }

    fn unlink(&mut self, key: u32) {
        let (before, behind) = self.links[key as usize];
        self.links[before as usize].1 = behind;
        self.links[behind as usize].0 = before;
        self.links[key as usize] = (key, key);
    }

    fn push(&mut self, key: u32) {
        let head = self.links.len() - 1;
        let last = self.links[head].0;
        self.links[key as usize] = (last, head as u32);
        self.links[last as usize].1 = key;
        self.links[head].0 = key;
    }
}

impl Cache for ExactLru {
    fn access(&mut self, key: u32) -> bool {
        let hit = self.links[key as usize].0 != key;
        if hit {
            self.unlink(key);
        } else if self.len == self.capacity {
            let head = self.links.len() - 1;
            self.unlink(self.links[head].1);
        } else {
            self.len += 1;
        }
        self.push(key);
        hit
    }
}

/// Evicts what was used least often since it was stored, and of equals what was used longest ago.
struct ExactLfu {
    /// Of each key: uses, and when it was last used; no uses: it is not in the cache.
    uses: Vec<(u64, u64)>,
    order: BTreeSet<(u64, u64, u32)>,
    now: u64,
    capacity: usize,
}

impl ExactLfu {
    fn new(plan: &Plan) -> ExactLfu {
        let uses = vec![(0, 0); plan.keys];
        ExactLfu { uses, order: BTreeSet::new(), now: 0, capacity: plan.capacity }
    }
}

impl Cache for ExactLfu {
    fn access(&mut self, key: u32) -> bool {
        self.now += 1;
        let (count, last) = self.uses[key as usize];
        if count > 0 {
            self.order.remove(&(count, last, key));
        } else if self.order.len() == self.capacity
            && let Some((_, _, victim)) = self.order.pop_first()
        {
            self.uses[victim as usize] = (0, 0);
        }
        self.uses[key as usize] = (count + 1, self.now);
        self.order.insert((count + 1, self.now, key));
        count > 0
    }
}

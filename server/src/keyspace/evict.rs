//! Which key is the least loss when memory is full.
//!
//! Owns: the choice, and a pool of good candidates.   Uses: samples, access.
//! Never: removes a key, knows how much memory is used.
//!
//! ```text
//!  each choice:  a few random entries of every database --> pool of 16, worst out --> the best, looked at again
//! ```
//!
//! No list of all keys is kept in the order of their use: it would cost each key 16 bytes and each read several
//! cache misses. Of a sample the best of 5 is poor, but the pool remembers the best of the last samples, so
//! the choice comes close to the exact order (`benches`, program `evict`, measures how close).
//!
//! Ranks do not age: a key's last use is a point in time and not a distance from now, so that candidates of
//! different times compare. A candidate that was used meanwhile has sunk when it is looked at again.

use super::access::{Clock, Counting, frequency, idle_ticks};
use super::entry::EntryRef;
use super::{Db, Keyspace};
use crate::base::random::Rng;
use crate::config::{MemoryPolicy, Order};

/// Candidates that are remembered.
const POOL: usize = 16;
/// Databases that one round looks at; the next round goes on behind them.
const DATABASES: usize = 16;
/// Rounds without any candidate until a choice is given up: only with hundreds of databases, or where keys with a
/// deadline are one in a million, does it take more than one.
const ROUNDS: usize = 64;
/// A pool's buffer that held a longer key is freed.
const KEY_KEPT: usize = 4096;

/// How to choose.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// Among which keys, and in which order.
    pub policy: MemoryPolicy,
    /// Entries that are looked at for each choice, in each database.
    pub samples: usize,
    /// Now.
    pub clock: Clock,
    /// How counters decay.
    pub counting: Counting,
}

/// Chooses victims. Allocates nothing once its buffers have the size of the keys.
#[derive(Debug, Default)]
pub struct Evictor {
    pool: [Candidate; POOL],
    filled: usize,
    /// The policy by which the pool is ranked.
    policy: Option<MemoryPolicy>,
    /// The database where the next round begins.
    next_db: usize,
}

#[derive(Debug, Default)]
struct Candidate {
    db: usize,
    key: Vec<u8>,
    rank: i64,
}

impl Evictor {
    /// The number of the database and the key of the entry that is the least loss; none where the policy leaves nothing
    /// to choose from, or only so little that it was not met. O(samples), whatever the number of keys.
    pub fn choose(
        &mut self,
        keyspace: &Keyspace,
        choice: &Choice,
        rng: &mut Rng,
    ) -> Option<(usize, &[u8])> {
        if self.policy.replace(choice.policy) != Some(choice.policy) {
            self.filled = 0;
        }
        for _ in 0..ROUNDS.min(keyspace.written().div_ceil(DATABASES) * 4) {
            self.look_around(keyspace, choice, rng);
            if self.take_best(keyspace, choice) {
                let best = &self.pool[self.filled];
                return Some((best.db, &best.key));
            }
        }
        None
    }

    /// One round: fills the pool with what it meets.
    fn look_around(&mut self, keyspace: &Keyspace, choice: &Choice, rng: &mut Rng) {
        let written = keyspace.written();
        let start = self.next_db;
        let round = (start..start + written.min(DATABASES)).map(|number| number % written);
        self.next_db = if written > DATABASES { (start + DATABASES) % written } else { 0 };
        if choice.policy.order() == Order::Random {
            return self.draw(keyspace, round, choice.policy, rng);
        }
        for number in round {
            let db = keyspace.db(number);
            let mut each = |entry: EntryRef<'_>| {
                if let Some(rank) = rank(entry, choice) {
                    self.consider(number, entry.key(), rank);
                }
            };
            if choice.policy.only_volatile() {
                db.sample_volatile(rng, choice.samples, &mut each);
            } else {
                db.sample(rng, choice.samples, &mut each);
            }
        }
    }

    /// One key by chance, each database by its size.
    fn draw(
        &mut self,
        keyspace: &Keyspace,
        round: impl Iterator<Item = usize> + Clone,
        policy: MemoryPolicy,
        rng: &mut Rng,
    ) {
        let sizes = round.map(|number| (number, eligible(keyspace.db(number), policy) as u64));
        let sum = sizes.clone().map(|(_, size)| size).sum();
        if sum == 0 {
            return;
        }
        let mut pick = rng.below(sum);
        for (number, size) in sizes {
            if pick < size {
                let db = keyspace.db(number);
                if policy.only_volatile() {
                    db.sample_volatile(rng, 1, &mut |entry| self.consider(number, entry.key(), 0));
                } else if let Some(entry) = db.random(rng) {
                    self.consider(number, entry.key(), 0);
                }
                return;
            }
            pick -= size;
        }
    }

    /// Takes a key into the pool, if it is better than the worst one there.
    fn consider(&mut self, db: usize, key: &[u8], rank: i64) {
        let at = if self.filled < POOL {
            self.filled += 1;
            self.filled - 1
        } else {
            let ranks = self.pool.iter().map(|candidate| candidate.rank).enumerate();
            match ranks.min_by_key(|&(_, rank)| rank) {
                Some((at, worst)) if worst < rank => at,
                Some(_) | None => return,
            }
        };
        let candidate = &mut self.pool[at];
        if candidate.key.capacity() > KEY_KEPT {
            candidate.key = Vec::new();
        }
        candidate.key.clear();
        candidate.key.extend_from_slice(key);
        (candidate.db, candidate.rank) = (db, rank);
    }

    /// Takes the best candidate that still deserves it out of the pool; it stands behind the others then.
    fn take_best(&mut self, keyspace: &Keyspace, choice: &Choice) -> bool {
        loop {
            let ranks = self.pool[..self.filled].iter().map(|candidate| candidate.rank).enumerate();
            let Some((at, _)) = ranks.max_by_key(|&(_, rank)| rank) else { return false };
            let candidate = &mut self.pool[at];
            match rank_now(keyspace, choice, candidate) {
                // It sinks once at most, since no time passes here.
                Some(rank) if rank < candidate.rank => candidate.rank = rank,
                found => {
                    self.filled -= 1;
                    self.pool.swap(at, self.filled);
                    if found.is_some() {
                        return true;
                    }
                }
            }
        }
    }
}

/// Whether the policy leaves anything to choose from. O(databases that were written to).
pub fn any_eligible(keyspace: &Keyspace, policy: MemoryPolicy) -> bool {
    (0..keyspace.written()).any(|number| eligible(keyspace.db(number), policy) > 0)
}

fn eligible(db: &Db, policy: MemoryPolicy) -> usize {
    if policy == MemoryPolicy::Noeviction {
        0
    } else if policy.only_volatile() {
        db.volatile_len()
    } else {
        db.len()
    }
}

/// A candidate's rank as it is now; none if it is gone, or no longer eligible.
fn rank_now(keyspace: &Keyspace, choice: &Choice, candidate: &Candidate) -> Option<i64> {
    let number = Some(candidate.db).filter(|&number| number < keyspace.written())?;
    let entry = keyspace.db(number).find(keyspace.key(&candidate.key))?;
    if choice.policy.only_volatile() && entry.deadline().is_none() {
        return None;
    }
    rank(entry, choice)
}

/// The greater, the less is lost with the entry.
fn rank(entry: EntryRef<'_>, choice: &Choice) -> Option<i64> {
    let idle = || idle_ticks(entry.access(), choice.clock) as i64;
    match choice.policy.order() {
        Order::Never => None,
        Order::Random => Some(0),
        Order::Recency | Order::Change => Some(idle() - choice.clock.ticks()),
        // Of equal counters the one that was used longer ago goes first.
        Order::Frequency => {
            let counter = frequency(entry.access(), choice.clock, choice.counting);
            Some((i64::from(u16::MAX - counter) << 32) + idle())
        }
        // `!` turns the order round without the overflow that `-` has.
        Order::Deadline => entry.deadline().map(|deadline| !deadline),
    }
}

#[cfg(test)]
mod tests {
    use super::super::access::{Known, Touch};
    use super::*;
    use crate::base::random::KeyHasher;
    use crate::value::{Put, PutText};

    const COUNTING: Counting = Counting { log_factor: 10, decay_minutes: 1 };

    fn choice(policy: MemoryPolicy) -> Choice {
        let clock = Clock::new(3_600_000_000);
        Choice { policy, samples: 5, clock, counting: COUNTING }
    }

    /// Key number n was idle for n seconds, and expires in n seconds if it has `ttl`.
    fn put(keyspace: &mut Keyspace, db: usize, number: u64, ttl: bool) {
        let name = number.to_string();
        let key = keyspace.key(name.as_bytes());
        let mut slot = keyspace.db_mut(db).slot(key);
        slot.put_until(Put::Text(PutText::Int(1)), ttl.then_some(number as i64 * 1000));
        let touch = Touch::recency(choice(MemoryPolicy::AllkeysLru).clock);
        slot.set_access(touch.restored(Known::Idle(number)));
    }

    fn number(key: &[u8]) -> u64 {
        std::str::from_utf8(key).unwrap().parse().unwrap()
    }

    fn evict(
        evictor: &mut Evictor,
        keyspace: &mut Keyspace,
        choice: &Choice,
        rng: &mut Rng,
    ) -> Option<(usize, u64)> {
        let (db, key) = evictor.choose(keyspace, choice, rng)?;
        let hashed = keyspace.key(key);
        assert!(keyspace.db_mut(db).slot(hashed).remove(), "a victim is there");
        Some((db, number(key)))
    }

    fn keyspace() -> Keyspace {
        Keyspace::new(64, KeyHasher::new(5))
    }

    #[test]
    fn the_first_half_to_go_is_mostly_the_older_half() {
        let mut keyspace = keyspace();
        (1..=20_000).for_each(|number| put(&mut keyspace, (number % 3) as usize, number, false));
        let (mut evictor, mut rng) = (Evictor::default(), Rng::new(1));
        let choice = choice(MemoryPolicy::AllkeysLru);
        let mut young = 0;
        for _ in 0..10_000 {
            let (_, gone) = evict(&mut evictor, &mut keyspace, &choice, &mut rng).unwrap();
            young += u64::from(gone <= 10_000);
        }
        // A blind choice would take 5000 of them.
        assert!(young < 500, "{young}");
    }

    #[test]
    fn what_expires_first_goes_first_and_the_rest_stays() {
        let mut keyspace = keyspace();
        (1..=1000).for_each(|number| put(&mut keyspace, 40, number, number <= 10));
        let (mut evictor, mut rng) = (Evictor::default(), Rng::new(2));
        let choice = choice(MemoryPolicy::VolatileTtl);
        let gone: Vec<_> =
            std::iter::from_fn(|| evict(&mut evictor, &mut keyspace, &choice, &mut rng)).collect();
        assert_eq!(gone.len(), 10);
        assert_eq!(gone[9], (40, 10), "the last one is the last to expire");
        assert_eq!(keyspace.keys(), 990);
        assert!(!any_eligible(&keyspace, choice.policy));
        assert!(any_eligible(&keyspace, MemoryPolicy::AllkeysLfu));
        assert!(!any_eligible(&keyspace, MemoryPolicy::Noeviction));
    }

    #[test]
    fn one_volatile_key_among_many_is_found() {
        for policy in [MemoryPolicy::VolatileLru, MemoryPolicy::VolatileRandom] {
            let mut keyspace = keyspace();
            (1..=100_000).for_each(|number| put(&mut keyspace, 0, number, number == 777));
            let (mut evictor, mut rng) = (Evictor::default(), Rng::new(3));
            let found = evictor.choose(&keyspace, &choice(policy), &mut rng);
            assert_eq!(found.map(|(_, key)| number(key)), Some(777), "{policy:?}");
        }
    }

    #[test]
    fn a_candidate_that_was_used_or_removed_meanwhile_is_spared() {
        let mut keyspace = keyspace();
        (1..=16).for_each(|number| put(&mut keyspace, 0, number, false));
        let (mut evictor, mut rng) = (Evictor::default(), Rng::new(4));
        let choice = Choice { samples: 64, ..choice(MemoryPolicy::AllkeysLru) };
        evictor.look_around(&keyspace, &choice, &mut rng);
        let used = keyspace.key(b"16");
        keyspace.db_mut(0).touch(used, Touch::recency(choice.clock)).unwrap();
        let gone = keyspace.key(b"15");
        assert!(keyspace.db_mut(0).slot(gone).remove());
        let first = evict(&mut evictor, &mut keyspace, &choice, &mut rng);
        assert_eq!(first, Some((0, 14)));
        assert_eq!(evict(&mut evictor, &mut keyspace, &choice, &mut rng), Some((0, 13)));
    }

    #[test]
    fn every_policy_empties_what_it_may_and_nothing_else() {
        for policy in [
            MemoryPolicy::AllkeysLru,
            MemoryPolicy::AllkeysLfu,
            MemoryPolicy::AllkeysLrm,
            MemoryPolicy::AllkeysRandom,
            MemoryPolicy::VolatileLru,
            MemoryPolicy::VolatileLfu,
            MemoryPolicy::VolatileLrm,
            MemoryPolicy::VolatileRandom,
            MemoryPolicy::VolatileTtl,
            MemoryPolicy::Noeviction,
        ] {
            let mut keyspace = keyspace();
            for number in 1..=3000 {
                put(&mut keyspace, (number % 60) as usize, number, number % 2 == 0);
            }
            let (mut evictor, mut rng) = (Evictor::default(), Rng::new(6));
            while let Some((_, gone)) =
                evict(&mut evictor, &mut keyspace, &choice(policy), &mut rng)
            {
                assert!(!policy.only_volatile() || gone % 2 == 0, "{policy:?} took {gone}");
            }
            let left = match (policy, policy.only_volatile()) {
                (MemoryPolicy::Noeviction, _) => 3000,
                (_, volatile) => {
                    if volatile {
                        1500
                    } else {
                        0
                    }
                }
            };
            assert_eq!(keyspace.keys(), left, "{policy:?}");
        }
    }

    #[test]
    fn random_means_every_key_alike() {
        let mut keyspace = keyspace();
        (1..=900).for_each(|number| put(&mut keyspace, 0, number, true));
        (901..=1000).for_each(|number| put(&mut keyspace, 1, number, true));
        for policy in [MemoryPolicy::AllkeysRandom, MemoryPolicy::VolatileRandom] {
            let (mut evictor, mut rng) = (Evictor::default(), Rng::new(7));
            let of_one = (0..10_000).filter(|_| {
                evictor.choose(&keyspace, &choice(policy), &mut rng).is_some_and(|(db, _)| db == 1)
            });
            let share = of_one.count();
            assert!((800..1200).contains(&share), "{policy:?}: {share} of 10,000, not 1000");
        }
    }
}

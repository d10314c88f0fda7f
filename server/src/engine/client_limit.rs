//! `maxmemory-clients`: closes the heaviest connections when all of them together hold too much.
//!
//! Owns: when, and whom.   Uses: session's ledger, host.   Never: measures (sessions and `io` do).

use super::Engine;
use super::cron::Again;
use super::port::{Host, Outbound};
use crate::command::client_line;
use crate::config::ClientMemory;

/// No lower limit is taken at its word: a server that closes everybody could not even be told another one.
const LEAST: u64 = 128 << 10;

/// Connections that one slice closes: some 3 us each. More than a few are only closed after a limit was lowered.
const MOST: usize = 100;

impl Engine {
    /// Bytes that all connections together may hold; none: as many as they like.
    pub(super) fn client_limit(&self) -> Option<u64> {
        let config = &self.parts.config;
        let limit = match config.max_client_memory {
            ClientMemory::Bytes(bytes) => bytes,
            ClientMemory::Percent(percent) => {
                let part = u128::from(config.max_memory.bytes()) * u128::from(percent) / 100;
                u64::try_from(part).unwrap_or(u64::MAX)
            }
        };
        (limit > 0).then_some(limit.max(LEAST))
    }

    /// Whether all connections together hold more than they may. O(1).
    pub(super) fn clients_hold_too_much(&self) -> bool {
        self.client_limit().is_some_and(|limit| self.parts.sessions.ledger().total() > limit)
    }

    /// Closes the heaviest connections until the others are within the limit. O(seats), microseconds for thousands.
    pub(super) fn evict_clients(&mut self, host: &mut dyn Host) -> Again {
        let Some(limit) = self.client_limit() else { return Again::AtRate };
        let held = self.parts.sessions.ledger().total();
        let excess = held.saturating_sub(limit);
        let heaviest = self.parts.sessions.ledger().heaviest(excess, MOST);
        if !heaviest.is_empty() {
            self.client_alarm = false;
        } else if !std::mem::replace(&mut self.client_alarm, true) {
            tracing::warn!(
                "Clients hold {held} bytes, more than maxmemory-clients allows ({limit}), and all that \
                 may be evicted are"
            );
        }
        for seat in heaviest {
            self.evict_client(host, seat);
        }
        Again::AtRate
    }

    fn evict_client(&mut self, host: &dyn Host, seat: u32) {
        let Some(session) = self.parts.sessions.at(seat) else { return };
        let (id, route) = (session.id(), session.route());
        let line = client_line::line(session, host, self.now);
        tracing::info!("Evicting client: {line}");
        self.parts.stats.evicted_clients += 1;
        self.drop_client(id);
        self.outbox.push(Outbound::Cut(route));
    }
}

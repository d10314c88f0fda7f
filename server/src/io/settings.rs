//! The settings that I/O needs: a snapshot, replaced as a whole when they change.
//!
//! Owns: the copy.   Uses: config.   Never: reads a file.

use crate::config::Config;
use crate::config::lists::{OutputLimit, OutputLimits};
use crate::session::Class;

/// What the threads that serve sockets need to know.
#[derive(Clone, Debug)]
pub struct IoSettings {
    /// The longest bulk string.
    pub max_bulk: usize,
    /// The most bytes of one unfinished request.
    pub query_limit: usize,
    /// A password is needed.
    pub password: bool,
    /// Connections from elsewhere are refused while there is no password.
    pub protected: bool,
    /// The most connections.
    pub max_clients: usize,
    /// Seconds of silence before the kernel probes a peer; 0: never.
    pub keepalive: u32,
    /// Output limits by class.
    pub limits: OutputLimits,
}

/// What may wait for a client that has not authenticated.
const STRANGER: OutputLimit = OutputLimit { hard: 64 * 1024, soft: 0, soft_seconds: 0 };

impl IoSettings {
    /// The snapshot of the settings.
    pub fn of(config: &Config) -> IoSettings {
        let bytes = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        IoSettings {
            max_bulk: bytes(config.max_bulk.0),
            query_limit: bytes(config.query_buffer_limit.0),
            password: !config.password.is_empty(),
            protected: config.protected_mode && config.password.is_empty(),
            max_clients: config.max_clients as usize,
            keepalive: config.tcp_keepalive,
            limits: config.output_limits,
        }
    }

    /// The output limit of a connection.
    pub fn limit(&self, class: Class, authenticated: bool) -> OutputLimit {
        if !authenticated {
            return STRANGER;
        }
        match class {
            Class::Normal => self.limits.normal,
            Class::Pubsub => self.limits.pubsub,
        }
    }
}

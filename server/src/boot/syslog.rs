//! The syslog of this machine: messages to a local socket.
//!
//! Owns: the socket, and the form of a message there.   Uses: std.   Never: waits for it.

use crate::config::SyslogFacility;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::Mutex;
use tracing::Level;

/// Where the system listens.
pub const DEVICE: &str = "/dev/log";

/// The way to the syslog.
pub struct Syslog {
    device: PathBuf,
    ident: String,
    facility: u8,
    socket: Mutex<Option<UnixDatagram>>,
}

impl Syslog {
    /// A way to whoever listens at `device`, now or later.
    pub fn new(device: impl Into<PathBuf>, ident: &str, facility: SyslogFacility) -> Syslog {
        Syslog {
            device: device.into(),
            ident: ident.to_owned(),
            facility: number(facility),
            socket: Mutex::new(None),
        }
    }

    /// Sends a message; `time` as in `Nov  1 09:45:50`. One that nobody takes is lost.
    pub fn send(&self, level: Level, time: &str, text: &str) {
        let priority = self.facility * 8 + severity(level);
        let (ident, pid) = (&self.ident, std::process::id());
        let message = format!("<{priority}>{time} {ident}[{pid}]: {text}");
        // A thread that has died while it sent has left a socket, which is all that is needed.
        let mut socket = self.socket.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let sent = socket.as_ref().is_some_and(|to| to.send(message.as_bytes()).is_ok());
        if !sent {
            // It was not there yet, or was started anew.
            *socket = self.connect();
            if let Some(to) = socket.as_ref() {
                let _ = to.send(message.as_bytes());
            }
        }
    }

    fn connect(&self) -> Option<UnixDatagram> {
        let socket = UnixDatagram::unbound().ok()?;
        socket.connect(&self.device).ok()?;
        socket.set_nonblocking(true).ok()?;
        Some(socket)
    }
}

fn severity(level: Level) -> u8 {
    match level {
        Level::ERROR | Level::WARN => 4,
        Level::INFO => 5,
        Level::DEBUG => 6,
        Level::TRACE => 7,
    }
}

fn number(facility: SyslogFacility) -> u8 {
    match facility {
        SyslogFacility::User => 1,
        SyslogFacility::Local0 => 16,
        SyslogFacility::Local1 => 17,
        SyslogFacility::Local2 => 18,
        SyslogFacility::Local3 => 19,
        SyslogFacility::Local4 => 20,
        SyslogFacility::Local5 => 21,
        SyslogFacility::Local6 => 22,
        SyslogFacility::Local7 => 23,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_arrive_also_after_the_listener_was_started_anew() {
        let dir = tempfile::tempdir().unwrap();
        let device = dir.path().join("log");
        let syslog = Syslog::new(&device, "redis", SyslogFacility::Local3);
        syslog.send(Level::INFO, "Nov  1 09:45:50", "nobody hears this");
        for _ in 0..2 {
            let listener = UnixDatagram::bind(&device).unwrap();
            syslog.send(Level::WARN, "Nov  1 09:45:50", "low on memory");
            let mut buffer = [0; 100];
            let length = listener.recv(&mut buffer).unwrap();
            let pid = std::process::id();
            let expected = format!("<156>Nov  1 09:45:50 redis[{pid}]: low on memory");
            assert_eq!(std::str::from_utf8(&buffer[..length]), Ok(expected.as_str()));
            std::fs::remove_file(&device).unwrap();
        }
    }
}

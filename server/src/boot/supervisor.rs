//! Whoever looks after this process and wants to be told how it gets on: systemd, upstart or nobody.
//!
//! Owns: the socket to it.   Uses: config.   Never: decides what is worth telling.

use crate::base::process;
use crate::config::Supervised;
use std::ffi::OsString;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Who looks after this process.
#[derive(Debug)]
pub enum Supervisor {
    /// Nobody, or somebody who does not ask.
    Nobody,
    /// upstart, which counts the server as started when it has stopped itself once.
    Upstart,
    /// systemd; the socket leads to it.
    Systemd(UnixDatagram),
}

impl Supervisor {
    /// Finds whom the setting names by what the environment says. The words are a warning: somebody is named and not
    /// there.
    pub fn find(
        wanted: Supervised,
        environment: &dyn Fn(&str) -> Option<OsString>,
    ) -> (Supervisor, Option<String>) {
        let upstart = environment("UPSTART_JOB").is_some();
        let systemd = environment("NOTIFY_SOCKET");
        match (wanted, upstart, systemd) {
            (Supervised::No, ..) | (Supervised::Auto, false, None) => (Supervisor::Nobody, None),
            (Supervised::Upstart | Supervised::Auto, true, _) => (Supervisor::Upstart, None),
            (Supervised::Systemd | Supervised::Auto, _, Some(path)) => match connect(&path) {
                Ok(socket) => (Supervisor::Systemd(socket), None),
                Err(error) => {
                    let path = path.display();
                    let words = format!("systemd cannot be told: its socket {path}: {error}");
                    (Supervisor::Nobody, Some(words))
                }
            },
            (Supervised::Upstart, false, _) => {
                let words = "upstart supervision requested, but UPSTART_JOB not found!";
                (Supervisor::Nobody, Some(words.into()))
            }
            (Supervised::Systemd, _, None) => {
                let words = "systemd supervision requested, but NOTIFY_SOCKET not found!";
                (Supervisor::Nobody, Some(words.into()))
            }
        }
    }

    /// Whether anybody is there.
    pub fn is_there(&self) -> bool {
        match self {
            Supervisor::Nobody => false,
            Supervisor::Upstart | Supervisor::Systemd(_) => true,
        }
    }

    /// Says that the process has begun; upstart wants to see it stop.
    pub fn began(&self) {
        match self {
            Supervisor::Nobody => {}
            Supervisor::Upstart => process::stop(),
            Supervisor::Systemd(_) => self.tell("STATUS=Lodestore is starting...\n"),
        }
    }

    /// Says that the server still loads its data, so that nobody loses patience in the next half minute.
    pub fn loading(&self) {
        self.tell("STATUS=Loading the data set...\nEXTEND_TIMEOUT_USEC=30000000\n");
    }

    /// Says that clients are served.
    pub fn ready(&self) {
        let pid = std::process::id();
        self.tell(&format!("READY=1\nMAINPID={pid}\nSTATUS=Ready to accept connections\n"));
    }

    /// Says that the server ends.
    pub fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=Shutting down...\n");
    }

    fn tell(&self, words: &str) {
        if let Supervisor::Systemd(socket) = self {
            // One that has gone cannot be told, and what is missing then is a line of a status.
            let _ = socket.send(words.as_bytes());
        }
    }
}

/// Connects to the socket of that name; one that begins with @ is in no directory.
fn connect(path: &OsString) -> std::io::Result<UnixDatagram> {
    let address = match path.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(path)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    // The core never waits for anybody.
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(wanted: Supervised, variables: &[(&str, &str)]) -> (Supervisor, Option<String>) {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        Supervisor::find(wanted, &variable)
    }

    #[test]
    fn systemd_is_told_through_its_socket() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let heard = UnixDatagram::bind(&path).unwrap();
        let path = path.display().to_string();
        let (supervisor, warning) = find(Supervised::Auto, &[("NOTIFY_SOCKET", &path)]);
        assert!(supervisor.is_there() && warning.is_none());
        supervisor.began();
        supervisor.ready();
        supervisor.stopping();
        let mut buffer = [0; 200];
        let mut next = || {
            let length = heard.recv(&mut buffer).unwrap();
            String::from_utf8(buffer[..length].to_vec()).unwrap()
        };
        assert_eq!(next(), "STATUS=Lodestore is starting...\n");
        assert!(next().starts_with(&format!("READY=1\nMAINPID={}\n", std::process::id())));
        assert!(next().starts_with("STOPPING=1\n"));
    }

    #[test]
    fn an_abstract_socket_is_found() {
        let name = format!("lodestore-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let _heard = UnixDatagram::bind_addr(&address).unwrap();
        let (supervisor, _) = find(Supervised::Systemd, &[("NOTIFY_SOCKET", &format!("@{name}"))]);
        assert!(matches!(supervisor, Supervisor::Systemd(_)));
    }

    #[test]
    fn who_is_named_and_not_there_is_warned_of() {
        assert!(matches!(find(Supervised::Auto, &[]), (Supervisor::Nobody, None)));
        assert!(matches!(
            find(Supervised::No, &[("UPSTART_JOB", "x")]),
            (Supervisor::Nobody, None)
        ));
        assert!(matches!(find(Supervised::Systemd, &[]), (Supervisor::Nobody, Some(_))));
        assert!(matches!(find(Supervised::Upstart, &[]), (Supervisor::Nobody, Some(_))));
        let gone = find(Supervised::Systemd, &[("NOTIFY_SOCKET", "/nonexistent/x")]);
        assert!(matches!(gone, (Supervisor::Nobody, Some(_))));
        let job = find(Supervised::Auto, &[("UPSTART_JOB", "redis")]);
        assert!(matches!(job, (Supervisor::Upstart, None)));
    }
}

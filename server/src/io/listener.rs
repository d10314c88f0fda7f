//! Accepts connections and gives each to a thread.
//!
//! Owns: the listening sockets.   Uses: tokio, socket2, reactor.   Never: reads a request.

use super::core::Core;
use super::reactor::with;
use super::registry::Registry;
use super::settings::IoSettings;
use super::stream::Socket;
use super::threads::ToWorker;
use crate::base::process;
use crate::config::Config;
use crate::session::Arrival;
use socket2::{Domain, Protocol, SockRef, Socket as RawSocket, TcpKeepalive, Type};
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, UnixListener};

const TOO_MANY: &[u8] = b"-ERR max number of clients reached\r\n";
const PROTECTED: &[u8] = b"-DENIED Redis is running in protected mode because protected mode is \
enabled and no password is set for the default user. In this mode connections are only accepted \
from the loopback interface. If you want to connect from external computers to Redis you may adopt \
one of the following solutions: 1) Just disable protected mode sending the command 'CONFIG SET \
protected-mode no' from the loopback interface by connecting to Redis from the same host the server \
is running, however MAKE SURE Redis is not publicly accessible from internet if you do so. Use \
CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable the protected \
mode by editing the Redis configuration file, and setting the protected mode option to 'no', and \
then restarting the server. 3) If you started the server manually just for testing, restart it with \
the '--protected-mode no' option. 4) Set up an authentication password for the default user. NOTE: \
You only need to do one of the above things in order for the server to start accepting connections \
from the outside.\r\n";

/// The sockets that are listened on.
#[derive(Default)]
pub struct Listeners {
    tcp: Vec<std::net::TcpListener>,
    unix: Option<std::os::unix::net::UnixListener>,
}

impl Listeners {
    /// Binds every address of the settings.
    ///
    /// # Errors
    /// An address that is not optional cannot be bound: which, and why.
    pub fn bind(config: &Config) -> Result<Listeners, String> {
        let mut listeners = Listeners::default();
        if config.port != 0 {
            for address in &config.bind.0 {
                match bind_tcp(&address.host, config.port, config.tcp_backlog) {
                    Ok(listener) => listeners.tcp.push(listener),
                    Err(error) if address.optional && is_absent(&error) => {}
                    Err(error) => {
                        let (host, port) = (&address.host, config.port);
                        return Err(format!(
                            "Warning: Could not create server TCP listening socket {host}:{port}: {error}\n\
                             Failed listening on port {port} (tcp), aborting."
                        ));
                    }
                }
            }
        }
        if let Some(path) = &config.unix_socket {
            // As the other paths of files, it begins at the directory of the data.
            let path = Path::new(&config.dir).join(path);
            let bound = bind_unix(&path, config);
            listeners.unix = Some(bound.map_err(|error| {
                format!("Failed opening Unix socket: bind: {}: {error}", path.display())
            })?);
        }
        if listeners.tcp.is_empty() && listeners.unix.is_none() {
            return Err("Configured to not listen anywhere, exiting.".into());
        }
        Ok(listeners)
    }

    /// Whether it listens on TCP, and on a unix socket.
    pub fn kinds(&self) -> (bool, bool) {
        (!self.tcp.is_empty(), self.unix.is_some())
    }

    /// Starts a task for each socket on the current thread's runtime.
    ///
    /// # Errors
    /// The kernel's.
    pub fn serve(
        self,
        registry: &Arc<Registry>,
        settings: fn() -> Arc<IoSettings>,
    ) -> io::Result<()> {
        for listener in self.tcp {
            let listener = TcpListener::from_std(listener)?;
            tokio::spawn(accept_tcp(listener, Arc::clone(registry), settings));
        }
        if let Some(listener) = self.unix {
            let listener = UnixListener::from_std(listener)?;
            tokio::spawn(accept_unix(listener, Arc::clone(registry), settings));
        }
        Ok(())
    }
}

/// Whether an error means that the machine has no such address.
fn is_absent(error: &io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(error.kind(), ErrorKind::AddrNotAvailable | ErrorKind::Unsupported)
        || error.raw_os_error() == Some(libc::EAFNOSUPPORT)
}

fn bind_tcp(host: &str, port: u16, backlog: u32) -> io::Result<std::net::TcpListener> {
    let ip = match host {
        "*" => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        "::*" => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        other => match other.parse() {
            Ok(ip) => ip,
            Err(_) => std::net::ToSocketAddrs::to_socket_addrs(&(other, port))?
                .next()
                .ok_or(io::ErrorKind::AddrNotAvailable)?
                .ip(),
        },
    };
    let address = SocketAddr::new(ip, port);
    let socket = RawSocket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if ip.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

fn bind_unix(path: &Path, config: &Config) -> io::Result<std::os::unix::net::UnixListener> {
    // A socket that nobody listens on any more would be in the way; any other file is not ours to remove.
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    if is_socket && std::os::unix::net::UnixStream::connect(path).is_err() {
        let _ = std::fs::remove_file(path);
    }
    let listener = std::os::unix::net::UnixListener::bind(path)?;
    if let Some(name) = &config.unix_socket_group {
        std::os::unix::fs::chown(path, None, Some(process::group(name)?))?;
    }
    let mode = config.unix_socket_mode.0;
    if mode != 0 {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    }
    listener.set_nonblocking(true)?;
    Ok(listener)
}

async fn accept_tcp(
    listener: TcpListener,
    registry: Arc<Registry>,
    settings: fn() -> Arc<IoSettings>,
) {
    let mut troubles = Troubles::default();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let local = stream.local_addr().map_or_else(|_| String::new(), |a| a.to_string());
                let arrival = Arrival {
                    peer: peer.to_string().into(),
                    local: local.into(),
                    fd: stream.as_raw_fd(),
                    loopback: peer.ip().to_canonical().is_loopback(),
                    ..Arrival::default()
                };
                if let Ok(stream) = stream.into_std() {
                    welcome(Socket::Tcp(stream), arrival, &registry, &settings());
                }
            }
            Err(error) => troubles.pause_after(&error).await,
        }
    }
}

async fn accept_unix(
    listener: UnixListener,
    registry: Arc<Registry>,
    settings: fn() -> Arc<IoSettings>,
) {
    let path = listener
        .local_addr()
        .ok()
        .and_then(|address| address.as_pathname().map(|path| path.display().to_string()))
        .unwrap_or_default();
    let mut troubles = Troubles::default();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let arrival = Arrival {
                    peer: format!("{path}:0").into(),
                    local: format!("{path}:0").into(),
                    fd: stream.as_raw_fd(),
                    unix: true,
                    loopback: true,
                    ..Arrival::default()
                };
                if let Ok(stream) = stream.into_std() {
                    welcome(Socket::Unix(stream), arrival, &registry, &settings());
                }
            }
            Err(error) => troubles.pause_after(&error).await,
        }
    }
}

/// How long nothing is accepted after an error: out of descriptors, trying at once again would only spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long the same trouble is not logged again.
const LOG_PAUSE: Duration = Duration::from_secs(60);

/// What goes wrong with accepting on one socket.
#[derive(Default)]
struct Troubles {
    logged: Option<Instant>,
}

impl Troubles {
    async fn pause_after(&mut self, error: &io::Error) {
        // That peer gave up while it waited: the next one may be there already.
        if error.kind() == io::ErrorKind::ConnectionAborted {
            return;
        }
        if self.logged.is_none_or(|at| at.elapsed() > LOG_PAUSE) {
            self.logged = Some(Instant::now());
            tracing::warn!("Accepting a client connection: {error}");
        }
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}

/// Refuses a connection, or gives it to a thread.
fn welcome(socket: Socket, arrival: Arrival, registry: &Arc<Registry>, settings: &IoSettings) {
    if registry.len() >= settings.max_clients {
        refuse(socket, TOO_MANY);
        return;
    }
    if settings.protected && !arrival.loopback {
        refuse(socket, PROTECTED);
        return;
    }
    if let Socket::Tcp(stream) = &socket {
        tune(stream, settings.keepalive);
    }
    let (id, counters) = registry.enter();
    with(|reactor| match reactor.core().and_then(Core::next_worker) {
        None => reactor.adopt(id, counters, socket, arrival),
        Some(thread) => {
            if let Some(core) = reactor.core() {
                let link = &mut core.links()[thread];
                link.connections += 1;
                link.tell(ToWorker::Adopt(id, counters, socket, Box::new(arrival)));
                link.finish_turn();
            }
        }
    });
}

/// Small replies go out at once; a peer that vanished is noticed. A socket that cannot be tuned still
/// serves.
fn tune(stream: &std::net::TcpStream, keepalive: u32) {
    let _ = stream.set_nodelay(true);
    if keepalive > 0 {
        let probe = TcpKeepalive::new()
            .with_time(Duration::from_secs(u64::from(keepalive)))
            .with_interval(Duration::from_secs(u64::from((keepalive / 3).max(1))))
            .with_retries(3);
        let _ = SockRef::from(stream).set_tcp_keepalive(&probe);
    }
}

/// Says why and closes. The socket's buffer is empty, so this does not wait.
fn refuse(socket: Socket, why: &[u8]) {
    let _ = match socket {
        Socket::Tcp(mut stream) => stream.write(why),
        Socket::Unix(mut stream) => stream.write(why),
    };
    with(|reactor| {
        if let Some(core) = reactor.core() {
            core.engine().refused();
        }
    });
}

//! A server process of a test's own.
//!
//! Owns: the process, its folder and its port.   Uses: client.   Never: a port that is taken, or a
//! process that it did not start.

use crate::client::{Client, Proto};
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a server may take to start or to stop.
const START: Duration = Duration::from_secs(20);

/// A running server; it dies with this value.
pub struct Server {
    binary: PathBuf,
    settings: Vec<(String, String)>,
    child: Child,
    port: u16,
    dir: TempDir,
}

impl Server {
    /// Starts Lodestore with `settings`, as in `[("io-threads", "2")]`.
    pub fn start(settings: &[(&str, &str)]) -> Server {
        Server::of(&lodestore(), settings)
    }

    /// Starts a real redis-server; `None` when none is installed.
    pub fn peer(settings: &[(&str, &str)]) -> Option<Server> {
        peer_binary().map(|binary| Server::of(&binary, settings))
    }

    /// Starts `binary`, which takes the arguments of redis-server.
    pub fn of(binary: &Path, settings: &[(&str, &str)]) -> Server {
        let settings: Vec<(String, String)> =
            settings.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let dir = TempDir::with_prefix("lodestore-").expect("a temporary folder can be made");
        // Another test may take the free port before the server binds it, so try again.
        for _ in 0..5 {
            let port = free_port();
            let mut child = spawn(binary, &settings, dir.path(), port);
            match await_ready(&mut child, dir.path(), port) {
                Ok(()) => return Server { binary: binary.into(), settings, child, port, dir },
                Err(why) if why.contains("Failed listening") => {}
                Err(why) => {
                    let _ = child.kill();
                    panic!("{} does not start: {why}", binary.display());
                }
            }
        }
        panic!("no free port was found");
    }

    /// `127.0.0.1:port`
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its working folder.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Everything it has logged since its (re)start.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join(LOG)).unwrap_or_default()
    }

    /// A new connection that speaks RESP2.
    pub fn client(&self) -> Client {
        self.speaking(Proto::Resp2)
    }

    /// A new connection that speaks `proto`.
    pub fn speaking(&self, proto: Proto) -> Client {
        Client::speaking(&self.address(), proto).expect("a running server accepts connections")
    }

    /// Whether the process lives.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Ends the process as a power cut would (SIGKILL), and waits for its end.
    pub fn kill9(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks the process to end (SIGTERM), and waits for its end.
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait_exit(START).expect("a server ends after SIGTERM")
    }

    /// Sends a signal, as in `TERM`.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let done = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(done.is_ok_and(|status| status.success()), "kill -s {name} {pid} fails");
    }

    /// Waits for the process to end by itself.
    pub fn wait_exit(&mut self, patience: Duration) -> Option<ExitStatus> {
        let end = Instant::now() + patience;
        while Instant::now() < end {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        None
    }

    /// Starts the process again on the same port and folder, ending it first if it lives.
    pub fn restart(&mut self) {
        if let Err(why) = self.try_restart() {
            panic!("{} does not start again: {why}", self.binary.display());
        }
    }

    /// The same, or why it does not start: how it ended and what it logged.
    pub fn try_restart(&mut self) -> Result<(), String> {
        self.begin_restart();
        await_ready(&mut self.child, self.dir.path(), self.port)
    }

    /// The same, without waiting until it is ready.
    pub fn begin_restart(&mut self) {
        self.kill9();
        self.child = spawn(&self.binary, &self.settings, self.dir.path(), self.port);
    }

    /// Gives it another setting from the next start on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.push((name.into(), value.into()));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill9();
    }
}

const LOG: &str = "stdout.log";

fn spawn(binary: &Path, settings: &[(String, String)], dir: &Path, port: u16) -> Child {
    let log = fs::File::create(dir.join(LOG)).expect("the server's folder is writable");
    let errors = log.try_clone().expect("an open file can be cloned");
    let mut command = Command::new(binary);
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
    command.arg("--dir").arg(dir);
    for (name, value) in settings {
        command.arg(format!("--{name}")).arg(value);
    }
    command.current_dir(dir).stdin(Stdio::null()).stdout(log).stderr(errors);
    command.spawn().unwrap_or_else(|why| panic!("{} cannot be run: {why}", binary.display()))
}

/// Waits until this process, and no other one that may hold the port, answers.
fn await_ready(child: &mut Child, dir: &Path, port: u16) -> Result<(), String> {
    let end = Instant::now() + START;
    let log = || fs::read_to_string(dir.join(LOG)).unwrap_or_default();
    while Instant::now() < end {
        if let Ok(Some(status)) = child.try_wait() {
            return Err(format!("{status}\n{}", log()));
        }
        if log().contains("Ready to accept connections") && answers(port) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Err(format!("no answer within {START:?}\n{}", log()))
}

/// Whether PING is answered; a server that wants a password is ready too.
fn answers(port: u16) -> bool {
    let Ok(mut client) = Client::connect(&format!("127.0.0.1:{port}")) else { return false };
    client.send(&["PING"]);
    let line = client.read_within(Duration::from_secs(1)).map(|reply| reply.line());
    line.is_ok_and(|line| line == "+PONG" || line.starts_with("-NOAUTH"))
}

/// A port that is free now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port exists");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// Lodestore's server: `LODESTORE_SERVER`, or the one that belongs to this test's own build, which
/// is brought up to date first.
pub fn lodestore() -> PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY
        .get_or_init(|| binary("LODESTORE_SERVER", "lodestore-server", "lodestore-server"))
        .clone()
}

/// A binary of the workspace: what the variable names, or `name` built from `package`.
pub fn binary(variable: &str, package: &str, name: &str) -> PathBuf {
    if let Some(path) = std::env::var_os(variable) {
        return path.into();
    }
    let test = std::env::current_exe().expect("a test knows its own path");
    let folder = test.ancestors().nth(2).expect("a test lies in target/PROFILE/deps");
    let target = folder.parent().expect("a profile's folder lies in the target folder");
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--package", package, "--bin", name, "--profile", profile])
        .arg("--target-dir")
        .arg(target)
        .current_dir(crate::source::root())
        .status();
    assert!(built.is_ok_and(|status| status.success()), "{name} does not build");
    folder.join(name)
}

/// A real redis-server: `REDIS_SERVER`, or the one in `PATH`.
pub fn peer_binary() -> Option<PathBuf> {
    match std::env::var_os("REDIS_SERVER") {
        Some(path) => Some(path.into()),
        None => installed("redis-server"),
    }
}

/// Where a program lies, when it is installed.
pub fn installed(program: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH")?;
    std::env::split_paths(&paths).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// Says that a test does not run for want of a program. With `CI=true` nothing may be skipped.
/// `tests/run` counts these lines.
pub fn skip(test: &str, why: &str) {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{test} must not be skipped: {why}");
    // Not `eprintln!`: cargo would hide it, as it hides the output of every test that passes.
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {why}");
}

//! Servers: how they are named, started and asked whether they are ready.
//!
//! Owns: a started server.   Uses: guard, client, flags.   Never: what is measured.

use crate::client::Client;
use crate::flags::Flags;
use crate::{Outcome, guard};
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// What every benchmark's usage text says about servers.
pub const USAGE: &str = "\
  --peer NAME=COMMAND   a server to measure, any number; {port} and {dir} are replaced in the command
  --peers               lodestore-server beside this program, then redis-8.2 and valkey-9.1 from the
                        folder lodestore-peers/bin in ${XDG_CACHE_HOME:-$HOME/.cache}";

/// The servers `--peers` adds: the name and the file.
const DEFAULT_PEERS: [(&str, &str); 2] =
    [("redis-8.2", "redis-server-8.2"), ("valkey-9.1", "valkey-server-9.1")];
/// Loading a large snapshot is part of starting.
const START_LIMIT: Duration = Duration::from_secs(600);
const START_POLL: Duration = Duration::from_millis(5);

/// A server that can be started.
#[derive(Clone, Debug)]
pub struct Spec {
    /// What its lines are called.
    pub name: String,
    command: Vec<String>,
}

impl Spec {
    /// Reads `NAME=COMMAND`. The command is split at spaces outside of quotes; no shell is involved.
    pub fn parse(text: &str) -> Outcome<Spec> {
        let (name, command) =
            text.split_once('=').ok_or_else(|| format!("{text}: not NAME=COMMAND"))?;
        let command = split_words(command)?;
        if name.is_empty() || command.is_empty() {
            return Err(format!("{text}: not NAME=COMMAND").into());
        }
        Ok(Spec { name: name.to_owned(), command })
    }

    fn of_file(name: &str, file: &Path) -> Spec {
        let options = "--port {port} --dir {dir} --save '' --appendonly no --bind 127.0.0.1";
        let mut command = vec![file.display().to_string()];
        command.extend(split_words(options).expect("the quotes are closed"));
        Spec { name: name.to_owned(), command }
    }

    /// The servers that the options name, in the order in which they are compared.
    pub fn from_flags(flags: &Flags) -> Outcome<Vec<Spec>> {
        let mut specs = flags.all("--peer").map(Spec::parse).collect::<Outcome<Vec<Spec>>>()?;
        if flags.has("--peers") {
            specs.extend(found_beside_and_in_cache()?);
        }
        if specs.is_empty() {
            return Err("no server to measure: give --peers or --peer NAME=COMMAND".into());
        }
        Ok(specs)
    }

    /// Starts the server in `folder` and waits until it answers PING.
    pub fn start(&self, folder: &Path) -> Outcome<Server> {
        let port = free_port()?;
        let fill_in = |word: &String| {
            word.replace("{port}", &port.to_string())
                .replace("{dir}", &folder.display().to_string())
        };
        let log = folder.join("bench.log");
        let out = File::options().create(true).append(true).open(&log)?;
        let mut command = Command::new(fill_in(&self.command[0]));
        command.args(self.command[1..].iter().map(fill_in)).current_dir(folder);
        command.stderr(out.try_clone()?).stdout(out);
        let begun = Instant::now();
        let pid =
            guard::spawn(&mut command).map_err(|error| format!("{}: {error}", self.command[0]))?;
        let mut server = Server {
            name: self.name.clone(),
            address: local(port),
            pid,
            ready_after: Duration::ZERO,
        };
        server.wait_until_ready(begun, &log)?;
        Ok(server)
    }

    /// Starts the server in a folder of its own, for `measure`, and ends it; of a failure the guard cleans up.
    pub fn alone<T>(&self, measure: impl FnOnce(&Server) -> Outcome<T>) -> Outcome<T> {
        let folder = guard::folder()?;
        let server = self.start(&folder)?;
        let measured = measure(&server)?;
        drop(server);
        guard::remove_folder(&folder);
        Ok(measured)
    }
}

/// The server beside this program, if it has been built, and the peers in the cache folder.
fn found_beside_and_in_cache() -> Outcome<Vec<Spec>> {
    let mut specs = Vec::new();
    let ours = std::env::current_exe()?.with_file_name("lodestore-server");
    if ours.exists() {
        specs.push(Spec::of_file("lodestore", &ours));
    } else {
        eprintln!(
            "lodestore-server is not beside this program (build it with --release): peers only"
        );
    }
    let cache = match (std::env::var_os("XDG_CACHE_HOME"), std::env::var_os("HOME")) {
        (Some(cache), _) => PathBuf::from(cache),
        (None, Some(home)) => PathBuf::from(home).join(".cache"),
        (None, None) => return Err("--peers: neither XDG_CACHE_HOME nor HOME is set".into()),
    };
    for (name, file) in DEFAULT_PEERS {
        let path = cache.join("lodestore-peers/bin").join(file);
        if path.exists() {
            specs.push(Spec::of_file(name, &path));
        } else {
            eprintln!("{name} is not installed in the cache folder: left out");
        }
    }
    Ok(specs)
}

/// A running server. It ends when it is dropped.
#[derive(Debug)]
pub struct Server {
    /// What its lines are called.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// Its process.
    pub pid: u32,
    /// How long it took from the start to the first +PONG.
    pub ready_after: Duration,
}

impl Server {
    fn wait_until_ready(&mut self, begun: Instant, log: &Path) -> Outcome<()> {
        while begun.elapsed() < START_LIMIT {
            // While it loads, a server refuses connections or answers -LOADING.
            let pong = Client::connect(self.address).and_then(|mut client| client.ask(&["PING"]));
            if pong.is_ok_and(|reply| reply == "+PONG") {
                self.ready_after = begun.elapsed();
                return Ok(());
            }
            if !guard::runs(self.pid) {
                break;
            }
            std::thread::sleep(START_POLL);
        }
        let log = std::fs::read_to_string(log).unwrap_or_default();
        let tail: Vec<&str> = log.lines().rev().take(5).collect();
        Err(format!(
            "{} does not start; the end of its output, last line first:\n{}",
            self.name,
            tail.join("\n")
        )
        .into())
    }

    /// A new connection for questions.
    pub fn client(&self) -> Outcome<Client> {
        Client::connect(self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        guard::end(self.pid);
    }
}

/// Starts every server in a folder of its own.
pub fn start_all(specs: &[Spec]) -> Outcome<Vec<Server>> {
    specs.iter().map(|spec| spec.start(&guard::folder()?)).collect()
}

/// Starts every server and fills it with the keys `0..keys`.
pub fn start_filled(specs: &[Spec], keys: u64, size: usize) -> Outcome<Vec<Server>> {
    let servers = start_all(specs)?;
    for server in &servers {
        server.client()?.fill(0..keys, size)?;
    }
    Ok(servers)
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// A port that was free a moment ago.
fn free_port() -> Outcome<u16> {
    Ok(TcpListener::bind(local(0))?.local_addr()?.port())
}

/// Splits at spaces; quotes of either kind keep spaces and may hold nothing at all.
fn split_words(text: &str) -> Outcome<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    for c in text.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => word.get_or_insert_default().push(c),
            None if c == '"' || c == '\'' => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            None if c.is_whitespace() => words.extend(word.take()),
            None => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err(format!("{text}: a quote is not closed").into());
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_with_quotes() {
        let spec = Spec::parse("r=redis --save \"\"  --x 'a b'=c --port {port}").unwrap();
        assert_eq!(spec.command, ["redis", "--save", "", "--x", "a b=c", "--port", "{port}"]);
        assert!(
            Spec::parse("r='open").is_err()
                && Spec::parse("=x").is_err()
                && Spec::parse("x").is_err()
        );
    }
}

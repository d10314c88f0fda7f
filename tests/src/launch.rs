//! Servers that are started as a person or an init system starts them: with a settings file, by another name, in the
//! background.
//!
//! Owns: the folder, the settings file, and the process.   Uses: client, server, fault.   Never: a process that it did
//! not start.

use crate::client::Client;
use crate::fault::{await_true, is_running, send_signal};
use crate::server::{free_port, lodestore};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A folder with a settings file, and a server that was started with it.
pub struct Launch {
    dir: TempDir,
    port: u16,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    child: Option<Child>,
}

impl Launch {
    /// A folder whose `redis.conf` holds `settings`. Nothing runs yet.
    pub fn prepare(settings: &str) -> Launch {
        let dir = TempDir::with_prefix("lodestore-").expect("a temporary folder can be made");
        fs::write(dir.path().join("redis.conf"), settings).expect("its folder is writable");
        let (arguments, variables) = (Vec::new(), Vec::new());
        Launch { dir, port: free_port(), arguments, variables, child: None }
    }

    /// The same with more arguments for the server.
    pub fn with(mut self, arguments: &[&str]) -> Launch {
        self.arguments.extend(arguments.iter().map(ToString::to_string));
        self
    }

    /// The same with a variable of the environment.
    pub fn variable(mut self, name: &str, value: &str) -> Launch {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The command that starts `binary` with the settings file, a port and a folder for its data.
    pub fn command(&self, binary: &Path) -> Command {
        let mut command = Command::new(binary);
        command.arg(self.path("redis.conf")).args(["--port", &self.port.to_string()]);
        command.args(["--bind", "127.0.0.1", "--dir"]).arg(self.dir.path()).args(&self.arguments);
        command.envs(self.variables.clone()).current_dir(self.dir.path()).stdin(Stdio::null());
        command
    }

    /// Starts the server and waits until it answers. What it says goes to the file `output`.
    pub fn start(mut self) -> Launch {
        self.start_again();
        self
    }

    /// The same once more, in the same folder.
    pub fn start_again(&mut self) {
        self.stop();
        let output = fs::File::create(self.path("output")).expect("its folder is writable");
        let errors = output.try_clone().expect("an open file can be cloned");
        let mut command = self.command(&lodestore());
        let child = command.stdout(output).stderr(errors).spawn().expect("the server can be run");
        self.child = Some(child);
        await_true("the server answers", || Client::connect(&self.address()).is_ok());
    }

    /// Ends the server politely.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            send_signal(child.id(), "TERM");
            await_true("the server ends", || !matches!(child.try_wait(), Ok(None)));
        }
    }

    /// `127.0.0.1:port`
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A new connection.
    pub fn client(&self) -> Client {
        Client::connect(&self.address()).expect("a running server accepts connections")
    }

    /// A file of the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// What a file of the folder holds; nothing if it is not there.
    pub fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// The process of the server that was started last.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }
}

impl Drop for Launch {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
        // One that went to the background has left its number.
        if let Ok(pid) = self.text("pid").trim().parse()
            && is_running(pid)
        {
            send_signal(pid, "KILL");
        }
    }
}

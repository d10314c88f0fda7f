//! redis-cli, as a person or a script runs it.
//!
//! Owns: what it is given and what it prints.   Uses: server.   Never: what its output means.

use crate::server::{Server, installed, skip};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// redis-cli, told where a server listens.
pub struct Cli {
    program: PathBuf,
    port: String,
}

impl Cli {
    /// redis-cli for `server`; says that `test` is skipped when there is none.
    pub fn of(test: &str, server: &Server) -> Option<Cli> {
        let program = installed("redis-cli");
        if program.is_none() {
            skip(test, "no redis-cli is installed");
        }
        Some(Cli { program: program?, port: server.port().to_string() })
    }

    /// What it prints for `args`.
    pub fn run(&self, args: &[&str]) -> String {
        self.piped(args, b"")
    }

    /// What it prints for `args` with `input` on its standard input: its output, then its errors.
    pub fn piped(&self, args: &[&str], input: &[u8]) -> String {
        self.status(args, input).0
    }

    /// The same, and whether it ends well.
    pub fn status(&self, args: &[&str], input: &[u8]) -> (String, bool) {
        let mut child = self.start(args);
        let mut pipe = child.stdin.take().expect("its standard input is a pipe");
        let input = input.to_vec();
        // From a thread of its own: both pipes may be full at once.
        let writer = std::thread::spawn(move || pipe.write_all(&input));
        let output = child.wait_with_output().expect("redis-cli ends");
        // A program that does not read its input closes it.
        let _ = writer.join().expect("the writer does not panic");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        (printed, output.status.success())
    }

    /// Starts it with pipes for its input, output and errors. Who calls it ends it.
    pub fn start(&self, args: &[&str]) -> Child {
        Command::new(&self.program)
            .args(["-p", &self.port])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("redis-cli runs")
    }
}

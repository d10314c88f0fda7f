//! lodestore-cli: commands from the shell, from standard input or typed at a prompt.
//!
//! Owns: the process: arguments in, exit code out.   Uses: cli, the library.   Never: the wire.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
